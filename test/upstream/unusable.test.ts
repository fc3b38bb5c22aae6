import { pino } from 'pino'
import { describe, expect, test, vi } from 'vitest'
import { SetClock } from './support.ts'
import { LSPS1_INFO, settings } from '../quotes/support.ts'
import { channelRequest } from '../support/adapter-call.ts'
import { fixture } from '../support/fixtures.ts'
import { json, QueueServer, type Handler } from '../support/queue-server.ts'
import { openGateway } from '../../src/gateway.ts'
import { openStore } from '../../src/store/store.ts'
import type { Lsp } from '../../src/upstream/lsp.ts'

// LSPs that answer, and cannot be used nevertheless: the operator sees why, and the log has one line for each turn.

async function stage(handler: Handler) {
  const clock = new SetClock()
  const logged: { level: number; msg: string; reason?: string }[] = []
  const server = await QueueServer.start()
  server.always(handler)
  const store = await openStore(':memory:', clock)
  const gateway = await openGateway({
    lsps: [settings('lsp', server.url)],
    pace: { activeMs: 25, idleMs: 1_000 },
    store,
    clock,
    logger: pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
  })
  const lsp = gateway.lsps.get('lsp') as Lsp
  return {
    clock,
    server,
    logged,
    lsp,
    ask: () =>
      gateway.quoting.ask(lsp, { clientId: 'ann', request: channelRequest(), firm: 'WHEN_NEEDED', deadlineMs: 2_000 }),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await store.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

const CASES: [what: string, status: number, body: object, reason: RegExp][] = [
  [
    'a wrong URL',
    404,
    { detail: 'Not Found' },
    /nothing answers at this path \(HTTP 404\): check url and protocol of lsp/,
  ],
  ['a missing credential', 401, { message: 'unauthorized' }, /refuses the credentials \(HTTP 401\): check auth of lsp/],
  ['an expired credential', 403, { message: 'forbidden' }, /refuses the credentials \(HTTP 403\): check auth of lsp/],
]

describe.each(CASES)('an LSP with %s', (_what, status, body, reason) => {
  test('is DOWN with a reason, is logged once, and its recovery is noticed without a question', async () => {
    await using there = await stage(json(status, body))
    const { clock, server, logged, lsp, ask } = there
    for (let time = 0; time < 3; time++) expect(await ask()).toMatchObject({ kind: 'failure' })
    expect(lsp.status).toMatchObject({ state: 'DOWN', lastError: expect.stringMatching(reason) as string })
    expect(logged).toMatchObject([
      { level: 40, msg: 'an LSP cannot be used', reason: expect.stringMatching(reason) as string },
    ])

    server.always(json(200, LSPS1_INFO))
    clock.pass(20_000)
    await vi.waitFor(() => expect(lsp.status).toMatchObject({ state: expect.not.stringMatching('DOWN') as string }), {
      timeout: 10_000,
    })
    expect(logged).toMatchObject([{ level: 40 }, { level: 30, msg: 'an LSP can be used again' }])
  })
})

test('an LSP that is rate limited is DEGRADED until then, and is logged once', async () => {
  await using there = await stage((request, response) =>
    json(429, { message: 'slow down' }, { 'retry-after': '30' })(request, response),
  )
  const { clock, server, logged, lsp, ask } = there
  for (let time = 0; time < 3; time++) await ask()
  expect(lsp.status).toMatchObject({
    state: 'DEGRADED',
    lastError: expect.stringMatching(/rate limited: no request before/) as string,
    retryAt: clock.at + 30_000,
  })
  expect(logged).toMatchObject([{ level: 40, reason: 'the LSP is rate limited' }])
  server.always(json(200, LSPS1_INFO))
  clock.pass(30_000)
  await ask()
  expect(logged).toMatchObject([{ level: 40 }, { level: 30, msg: 'an LSP can be used again' }])
})

test('an LSP without an optional document is UP', async () => {
  const clock = new SetClock()
  const server = await QueueServer.start()
  server.always((request, response) =>
    request.path === '/get_info'
      ? json(200, fixture('kaleidoswap-0.2.0/get_info.response.json'))(request, response)
      : json(404, { detail: 'Not Found' })(request, response),
  )
  const store = await openStore(':memory:', clock)
  const gateway = await openGateway({
    lsps: [settings('lsp', server.url, { protocol: 'KALEIDOSWAP' })],
    pace: { activeMs: 25, idleMs: 1_000 },
    store,
    clock,
    logger: pino({ level: 'silent' }),
  })
  const lsp = gateway.lsps.get('lsp') as Lsp
  await vi.waitFor(() => expect(lsp.info).not.toBeNull(), { timeout: 10_000 })
  expect(lsp.status).toMatchObject({ state: 'UP', lastError: null })
  await gateway[Symbol.asyncDispose]()
  await store.close()
  await server[Symbol.asyncDispose]()
})

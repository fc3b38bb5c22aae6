import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SetClock } from './support.ts'
import { LSPS1_INFO, lsps1Order, settings } from '../quotes/support.ts'
import { channelRequest } from '../support/adapter-call.ts'
import { json, QueueServer, text } from '../support/queue-server.ts'
import { sat } from '../../src/domain/money.ts'
import type { FirmPolicy } from '../../src/domain/quote.ts'
import { HOUR_MS } from '../../src/domain/time.ts'
import { openGateway, type Gateway } from '../../src/gateway.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import type { Lsp } from '../../src/upstream/lsp.ts'

// What clients and the tracker notice of an LSP that is left alone: the whole gateway, real HTTP, a clock that is set.

let clock: SetClock
let server: QueueServer
let store: Store
let gateway: Gateway
let logged: string[]

beforeEach(async () => {
  logged = []
  clock = new SetClock()
  server = await QueueServer.start()
  heal()
  store = await openStore(':memory:', clock)
  gateway = await openGateway({
    lsps: [settings('lsp', server.url)],
    pace: { activeMs: 25, idleMs: 1_000 },
    store,
    clock,
    logger: pino({ level: 'info' }, { write: (line: string) => void logged.push(line) }),
  })
})
afterEach(async () => {
  await gateway[Symbol.asyncDispose]()
  await store.close()
  await server[Symbol.asyncDispose]()
})

function heal(): void {
  server.always((request, response) =>
    json(200, request.path === '/get_info' ? LSPS1_INFO : lsps1Order(clock.at))(request, response),
  )
}

const lsp = () => gateway.lsps.get('lsp') as Lsp
const quote = (lspBalanceSat: number, firm: FirmPolicy = 'WHEN_NEEDED') =>
  gateway.quoting.ask(lsp(), {
    clientId: 'ann',
    request: channelRequest({ lspBalanceSat: sat(lspBalanceSat) }),
    firm,
    deadlineMs: 2_000,
  })

async function quoteId(lspBalanceSat: number, firm?: FirmPolicy): Promise<string> {
  const outcome = await quote(lspBalanceSat, firm)
  if (outcome.kind !== 'quote') throw new Error(`no quote: ${outcome.failure.message}`)
  return outcome.quote.id
}

const order = (id: string) =>
  gateway.ordering.createOrder('ann', {
    quoteId: id,
    idempotencyKey: id,
    maxOrderTotalSat: null,
    paymentMethods: null,
    reference: null,
    email: null,
  })

/** Different questions a second apart, until the LSP is left alone. */
async function breakIt(): Promise<void> {
  server.always(text(503, 'down'))
  for (let time = 0; time < 12 && lsp().circuitOpenUntil === null; time++) {
    clock.pass(1_000)
    await quote(2_000_000 + time)
  }
  expect(lsp().circuitOpenUntil).toBe(clock.at + 10_000)
}

test('its status says that it is down, why, and until when', async () => {
  await breakIt()
  const retryAt = clock.at + 10_000
  const until = new Date(retryAt).toISOString()
  expect(lsp().status).toMatchObject({
    state: 'DOWN',
    retryAt,
    lastError: `it fails too often; the gateway retries it after ${until}; last error: HTTP status 503`,
  })
  clock.pass(10_000)
  // Not yet asked again, and so not known to be back.
  expect(lsp().status).toMatchObject({ state: 'DOWN', retryAt: null })
})

test('quotes fail at once with the time to come back, an order too, and nothing is sent', async () => {
  await quoteId(1_000_000)
  clock.pass(HOUR_MS)
  // What it asked for an hour ago: to order at that price, an order has to be sent.
  const unbound = await quoteId(1_000_000, 'NEVER')
  await breakIt()
  const { length } = server.requests
  const failure = {
    code: 'UNAVAILABLE',
    retryAt: clock.at + 10_000,
    message: 'the LSP has stopped answering; the gateway retries it after retryAt',
  }
  for (const firm of ['WHEN_NEEDED', 'ALWAYS', 'NEVER'] as const)
    expect(await quote(3_000_000, firm)).toMatchObject({ kind: 'failure', failure })
  expect(await order(unbound)).toMatchObject({ kind: 'lsp', lspId: 'lsp', failure })
  expect(server.requests).toHaveLength(length)
  // The refusal left nothing behind: under the same key it can be ordered once the LSP is back.
  heal()
  clock.pass(10_000)
  expect(await order(unbound)).toMatchObject({ kind: 'order', order: { state: 'AWAITING_PAYMENT' } })
})

test('its orders are not read, and are once it may be asked again; the first answer ends the pause', async () => {
  await order(await quoteId(1_000_000))
  const reads = () => server.requests.filter(({ path }) => path === '/get_order').length
  clock.pass(1_000)
  await vi.waitFor(() => expect(reads()).toBeGreaterThan(0), { timeout: 10_000 })
  await breakIt()
  // What was under way when it began may still arrive.
  await sleep(50)
  const before = reads()
  clock.pass(9_000)
  await sleep(150)
  expect(reads()).toBe(before)
  heal()
  clock.pass(1_000)
  await vi.waitFor(() => expect(lsp().status).toMatchObject({ state: 'DEGRADED', retryAt: null }), { timeout: 10_000 })
  expect(reads()).toBeGreaterThan(before)
  expect(await quote(1_000_000)).toMatchObject({ kind: 'quote' })
})

test('four failing calls do not yet make an LSP be left alone', async () => {
  server.always(text(503, 'down'))
  for (let time = 0; time < 4; time++) {
    clock.pass(1_000)
    await quote(2_000_000 + time)
  }
  heal()
  expect(await quote(1_000_000)).toMatchObject({ kind: 'quote' })
})

test('an LSP that does not answer is logged once, and once when it answers again', async () => {
  await lsp().refreshInfo()
  server.always(text(503, 'down'))
  for (let tries = 0; tries < 4; tries += 1)
    await lsp()
      .refreshInfo()
      .catch(() => {})
  heal()
  clock.at += HOUR_MS
  await lsp().refreshInfo()
  expect(
    logged.map((line) => JSON.parse(line) as { level: number; lsp: string; reason?: string; msg: string }),
  ).toMatchObject([
    { level: 40, lsp: 'lsp', reason: 'HTTP status 503', msg: 'an LSP cannot be used' },
    { level: 30, lsp: 'lsp', msg: 'an LSP can be used again' },
  ])
})

test('what is broken off as the gateway ends is not logged as if the LSP did not answer', async () => {
  server.always(() => {})
  const asking = lsp().refreshInfo()
  await vi.waitFor(() => expect(server.requests.length).toBeGreaterThan(0))
  await gateway[Symbol.asyncDispose]()
  await expect(asking).rejects.toThrow('the connection broke')
  expect(logged).toEqual([])
})

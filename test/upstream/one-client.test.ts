import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { SetClock } from './support.ts'
import { LSPS1_INFO, lsps1Order, settings } from '../quotes/support.ts'
import { channelRequest } from '../support/adapter-call.ts'
import { json, QueueServer, text, type Handler } from '../support/queue-server.ts'
import { sat } from '../../src/domain/money.ts'
import { openGateway, type Gateway } from '../../src/gateway.ts'
import { openStore, type Store } from '../../src/store/store.ts'

// The requests of one client fail at an LSP that serves the others.

let clock: SetClock
let server: QueueServer
let store: Store
let gateway: Gateway
let answerToPost: (amount: number) => Handler

beforeEach(async () => {
  clock = new SetClock()
  server = await QueueServer.start()
  answerToPost = () => json(200, lsps1Order(clock.at))
  server.always((request, response) => {
    const amount = Number((request.body as { lsp_balance_sat?: string } | undefined)?.lsp_balance_sat ?? 0)
    const answer =
      request.path === '/get_info'
        ? json(200, LSPS1_INFO)
        : request.method === 'POST'
          ? answerToPost(amount)
          : json(200, lsps1Order(clock.at))
    return answer(request, response)
  })
  store = await openStore(':memory:', clock)
  const logger = pino({ level: 'silent' })
  const pace = { activeMs: 3_600_000, idleMs: 3_600_000 }
  gateway = await openGateway({ lsps: [settings('lsp', server.url)], pace, store, clock, logger })
})
afterEach(async () => {
  await gateway[Symbol.asyncDispose]()
  await store.close()
  await server[Symbol.asyncDispose]()
})

async function lsp() {
  return gateway.lsps.find('lsp')
}

async function quote(clientId: string, lspBalanceSat: number) {
  const request = channelRequest({ lspBalanceSat: sat(lspBalanceSat) })
  return gateway.quoting.ask(await lsp(), { clientId, request, firm: 'WHEN_NEEDED', deadlineMs: 4_000 })
}

async function failFourteenTimes(clientId: string): Promise<void> {
  for (let number = 0; number < 14; number += 1) {
    clock.pass(1_000)
    await quote(clientId, 2_000_000 + number)
  }
}

test.each<[string, Handler]>([
  ['status 500', json(500, { error: 'internal' })],
  ['status 503', text(503, 'down')],
  ['an answer that is no JSON', text(200, 'oops')],
])('fourteen orders of one client that end in %s pause that client only', async (_name, failure) => {
  answerToPost = (amount) => (amount >= 2_000_000 ? failure : json(200, lsps1Order(clock.at)))
  await failFourteenTimes('ann')
  expect((await lsp()).circuitOpenUntil).toBeNull()
  const { length } = server.requests
  expect(await quote('ann', 1_000_000)).toMatchObject({
    kind: 'failure',
    failure: { code: 'UNAVAILABLE', retryAt: expect.any(Number) as number },
  })
  expect(server.requests).toHaveLength(length)
  expect(await quote('bob', 1_000_000)).toMatchObject({ kind: 'quote' })
  clock.pass(20_000)
  expect(await quote('ann', 1_000_000)).toMatchObject({ kind: 'quote' })
})

test('failures of one client pause the LSP for all when its limits cannot be read either', async () => {
  server.always(text(503, 'down'))
  await failFourteenTimes('ann')
  expect((await lsp()).circuitOpenUntil).not.toBeNull()
})

test('polls of an order pass while a trial request is in progress, other requests do not', async () => {
  const answered = await quote('ann', 1_000_000)
  expect(answered).toMatchObject({ kind: 'quote' })
  server.always(text(503, 'down'))
  await failFourteenTimes('ann')
  const one = await lsp()
  const answer = z.unknown()
  clock.pass(20_000)
  // The trial gets no answer.
  server.always(() => {})
  void one.refreshInfo().catch(() => {})
  expect(one.isOnTrial).toBe(true)
  await expect(
    one.call({ secrets: [], client: 'bob' }).http.exchange({ method: 'GET', path: '/get_order', answer }),
  ).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  server.always(json(200, {}))
  await one
    .call({ secrets: [], client: 'bob', isPoll: true })
    .http.exchange({ method: 'GET', path: '/get_order', answer })
  expect(one.circuitOpenUntil).toBeNull()
})

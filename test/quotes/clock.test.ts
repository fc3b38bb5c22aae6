import { afterEach, beforeEach, expect, test } from 'vitest'
import { LSPS1_INFO, lsps1Order, NODE, settings } from './support.ts'
import { channelRequest } from '../support/adapter-call.ts'
import { json, QueueServer, text } from '../support/queue-server.ts'
import { sat } from '../../src/domain/money.ts'
import type { FirmPolicy } from '../../src/domain/quote.ts'
import type { ChannelRequest } from '../../src/domain/request.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/domain/time.ts'
import { Placing } from '../../src/orders/placing.ts'
import { adapterOf } from '../../src/protocols/index.ts'
import { Quoting, type QuoteOutcome } from '../../src/quotes/quoting.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { Lsp, type LspSettings } from '../../src/upstream/lsp.ts'

// What the passing of hours does to prices: the clock is set, the HTTP and the database are real.

const START = Date.parse('2026-11-21T12:00:00Z')
let now: number
const clock = { now: () => now }
let store: Store
let server: QueueServer
let quoting: Quoting
let placing: Placing
let lsps: Lsp[]

beforeEach(async () => {
  now = START
  lsps = []
  store = await openStore(':memory:', clock)
  placing = new Placing(store, clock)
  quoting = new Quoting(store, placing, clock)
  server = await QueueServer.start()
  server.always((request, response) =>
    json(200, request.path === '/get_info' ? LSPS1_INFO : lsps1Order(now))(request, response),
  )
})
afterEach(async () => {
  await placing.drain(1_000)
  for (const lsp of lsps) await lsp.close()
  await server[Symbol.asyncDispose]()
  await store.close()
})

function open(changes: Partial<LspSettings> = {}): Lsp {
  const lsp = new Lsp(settings('lsp', server.url, changes), adapterOf('LSPS1'), clock, null, {
    onInfo: () => Promise.resolve(),
    onExchange: () => {},
  })
  lsps.push(lsp)
  return lsp
}

async function ask(
  lsp: Lsp,
  changes: Partial<ChannelRequest> = {},
  { clientId = 'ann', firm = 'WHEN_NEEDED' }: { clientId?: string; firm?: FirmPolicy } = {},
) {
  return flat(await quoting.ask(lsp, { clientId, request: channelRequest(changes), firm, deadlineMs: 2_000 }))
}

const flat = (outcome: QuoteOutcome) => (outcome.kind === 'quote' ? outcome.quote : outcome.failure)
const posts = () => server.requests.filter(({ path }) => path === '/create_order').length
const size = (index: number) => ({ lspBalanceSat: sat(1_000_000 + index) })

test('limits older than an hour that could not be learnt anew are marked on every quote', async () => {
  const lsp = open()
  await ask(lsp)
  server.always((request, response) =>
    (request.path === '/get_info' ? text(503, 'down') : json(200, lsps1Order(now)))(request, response),
  )
  now = START + HOUR_MS
  expect(await ask(lsp, size(1))).toMatchObject({
    basis: 'FIRM',
    notes: [{ code: 'PEER_CONNECTION_REQUIRED' }, { code: 'NO_ONCHAIN_REFUND_ADDRESS' }],
  })
  now = START + HOUR_MS + 1
  expect(await ask(lsp, size(2))).toMatchObject({
    basis: 'FIRM',
    notes: [
      { code: 'PEER_CONNECTION_REQUIRED' },
      { code: 'NO_ONCHAIN_REFUND_ADDRESS' },
      { code: 'STALE_LIMITS', message: 'The LSP last told its limits at 2026-11-21T12:00:00.000Z.' },
    ],
  })
  // They still bind: this LSP takes no client balance.
  expect(await ask(lsp, { clientBalanceSat: sat(1) })).toMatchObject({
    code: 'OPTION_MISMATCH',
    field: 'clientBalanceSat',
  })
})

test('an order answers the same question until ten seconds before its end, and then a new one does', async () => {
  const lsp = open()
  const first = await ask(lsp)
  expect(first).toMatchObject({ basis: 'FIRM', expiresAt: START + HOUR_MS })
  now = START + HOUR_MS - 10 * SECOND_MS - 1
  expect(await ask(lsp)).toEqual(first)
  expect(posts()).toBe(1)
  now += 1
  const second = await ask(lsp)
  expect(second).toMatchObject({ basis: 'FIRM', createdAt: now })
  expect(second).not.toEqual(first)
  expect(posts()).toBe(2)
})

test('the sooner end of the invoice and of the payment option is the end of the quote', async () => {
  const order = lsps1Order(now, { validMs: 30 * MINUTE_MS })
  server.next(json(200, LSPS1_INFO), '/get_info').next(
    json(200, {
      ...order,
      payment: { bolt11: { ...order.payment.bolt11, expires_at: new Date(now + 20 * MINUTE_MS).toISOString() } },
    }),
    '/create_order',
  )
  expect(await ask(open())).toMatchObject({ expiresAt: START + 20 * MINUTE_MS })
})

test('an order that lapsed makes room in the budget of unpaid ones', async () => {
  const lsp = open({ courtesy: { maxUnpaidOrders: 2, firmQuotesPerHour: 100, maxStandingOrders: 1_000 } })
  await ask(lsp, size(1))
  now += 20 * MINUTE_MS
  await ask(lsp, size(2))
  expect(await ask(lsp, size(3))).toMatchObject({ code: 'PRICE_UNKNOWN', retryAt: START + HOUR_MS })
  now = START + HOUR_MS
  expect(await ask(lsp, size(3))).toMatchObject({ basis: 'FIRM' })
  expect(await ask(lsp, size(4))).toMatchObject({ code: 'PRICE_UNKNOWN', retryAt: START + 80 * MINUTE_MS })
})

test('the firm quotes of an hour are of the last sixty minutes, whoever asked', async () => {
  const lsp = open({ courtesy: { maxUnpaidOrders: 100, firmQuotesPerHour: 2, maxStandingOrders: 1_000 } })
  await ask(lsp, size(1))
  now += 45 * MINUTE_MS
  await ask(lsp, size(2), { clientId: 'bob' })
  expect(await ask(lsp, size(3), { clientId: 'cyd' })).toMatchObject({
    code: 'PRICE_UNKNOWN',
    retryAt: START + HOUR_MS,
  })
  now = START + HOUR_MS
  expect(await ask(lsp, size(3), { clientId: 'cyd' })).toMatchObject({ basis: 'FIRM' })
  expect(await ask(lsp, size(4))).toMatchObject({ code: 'PRICE_UNKNOWN', retryAt: START + 105 * MINUTE_MS })
  expect(posts()).toBe(3)
})

test('an observed price keeps its age, and gets no younger by being told', async () => {
  const lsp = open({ courtesy: { maxUnpaidOrders: 1, firmQuotesPerHour: 1, maxStandingOrders: 1_000 } })
  await ask(lsp)
  for (const hours of [1, 5, 24]) {
    now = START + hours * HOUR_MS
    expect(await ask(lsp, {}, { firm: 'NEVER' })).toMatchObject({
      basis: 'OBSERVED',
      feeTotalSat: 1_000,
      observedAt: START,
      createdAt: now,
      expiresAt: null,
    })
  }
})

test('what an LSP asked last is what is observed', async () => {
  const lsp = open()
  await ask(lsp)
  now += 2 * HOUR_MS
  server.next(json(200, LSPS1_INFO), '/get_info').next(json(200, lsps1Order(now, { feeSat: 1_700 })), '/create_order')
  expect(await ask(lsp)).toMatchObject({ basis: 'FIRM', feeTotalSat: 1_700 })
  expect(await ask(lsp, { clientAddress: '203.0.113.5:9735' }, { firm: 'NEVER' })).toMatchObject({
    basis: 'OBSERVED',
    feeTotalSat: 1_700,
    observedAt: START + 2 * HOUR_MS,
  })
})

test('after the moment that it named, an LSP that limited requests is asked again', async () => {
  const lsp = open()
  server.next(json(429, {}, { 'retry-after': '90' }), '/create_order')
  expect(await ask(lsp)).toMatchObject({ code: 'RATE_LIMITED', retryAt: START + 90 * SECOND_MS })
  now = START + 90 * SECOND_MS - 1
  expect(await ask(lsp)).toMatchObject({ code: 'RATE_LIMITED', retryAt: START + 90 * SECOND_MS })
  expect(posts()).toBe(1)
  now += 1
  expect(await ask(lsp)).toMatchObject({ basis: 'FIRM' })
  expect(posts()).toBe(2)
})

test('an order whose answer never came counts as one that stands, for an hour', async () => {
  const lsp = open({ courtesy: { maxUnpaidOrders: 1, firmQuotesPerHour: 100, maxStandingOrders: 1_000 } })
  server.next((_request, response) => void response.destroy(), '/create_order')
  expect(await ask(lsp)).toMatchObject({ code: 'UNAVAILABLE' })
  expect(await ask(lsp)).toMatchObject({ code: 'PRICE_UNKNOWN', retryAt: START + HOUR_MS })
  now = START + HOUR_MS
  expect(await ask(lsp)).toMatchObject({ basis: 'FIRM' })
})

test('an invoice of a node that the operator names for the LSP is the LSP’s own', async () => {
  server.always((request, response) =>
    json(200, request.path === '/get_info' ? { ...LSPS1_INFO, uris: [] } : lsps1Order(now))(request, response),
  )
  expect(await ask(open({ nodeUris: [NODE.uri] }))).toMatchObject({
    checks: expect.arrayContaining([expect.objectContaining({ code: 'INVOICE_PAYEE', verdict: 'PASSED' })]),
  })
})

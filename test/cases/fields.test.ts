import { afterEach, describe, expect, test, vi } from 'vitest'
import { LSPS1_INFO, lsps1Order, settings } from '../quotes/support.ts'
import { fixture } from '../support/fixtures.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { follow, readOrder } from '../support/operations.ts'
import { json, QueueServer, text, type RecordedRequest } from '../support/queue-server.ts'
import type { LspConfig } from '../../src/config.ts'

// What LSPs really send: each case is an answer of a real server, or of its kind.

type Json = Record<string, unknown>
type Order = Json & { payment: { bolt11: Json } }
const caseOf = (name: string) => fixture(`cases/${name}.json`)

/** Ten seconds after the orders of the cases were made. */
const CASE_TIME = Date.parse('2026-11-30T00:53:30Z')
const systemNow = Date.now
const startedAt = systemNow()

/** The gateway's clock goes on from the time of the cases. */
function setClock(): void {
  vi.spyOn(Date, 'now').mockImplementation(() => CASE_TIME + (systemNow() - startedAt))
}
afterEach(() => void vi.restoreAllMocks())

type Answer = (request: RecordedRequest) => unknown

/** A gateway with one LSP. An answer that is undefined is a 404. */
async function gatewayWith(answer: Answer, changes: Partial<LspConfig> = {}) {
  setClock()
  const server = await QueueServer.start()
  server.always((request, response) => {
    const body = answer(request)
    if (body === undefined) json(404, { detail: 'Not Found' })(request, response)
    else if (typeof body === 'string') text(200, body)(request, response)
    else json(200, body)(request, response)
  })
  const gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('lsp', server.url, changes)] },
  })
  return {
    gateway,
    server,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const QUOTES = `query ($request: ChannelRequestInput!, $firm: FirmPolicy!) { quotes(request: $request, firm: $firm) {
  quotes { id basis feeTotalSat orderTotalSat prices { method feeTotalSat } } failures { code message } } }`
const ORDER = `mutation ($id: ID!, $max: Sat) { createOrder(input: {quoteId: $id, idempotencyKey: "k", maxOrderTotalSat: $max}) {
  __typename ... on Order { id state } ... on LspError { code message } } }`

async function quotesOf(gateway: TestGateway, changes: Json = {}, firm = 'WHEN_NEEDED') {
  const request = { clientPubkey: gateway.sandbox.wallet.pubkey, lspBalanceSat: 1_000_000, ...changes }
  return (await gateway.ask(QUOTES, { request, firm })).quotes as {
    quotes: { id: string; basis: string; feeTotalSat: number; orderTotalSat: number }[]
    failures: { code: string; message: string }[]
  }
}

/** Orders the one quote, and returns the order as a client reads it. */
async function orderOf(gateway: TestGateway) {
  const { quotes, failures } = await quotesOf(gateway)
  expect(failures).toEqual([])
  const { createOrder } = await gateway.ask(ORDER, { id: quotes[0]?.id })
  expect(createOrder).toMatchObject({ __typename: 'Order' })
  return readOrder(gateway, createOrder.id)
}

const lsps1 =
  (order: unknown, info: unknown = LSPS1_INFO): Answer =>
  ({ path }) =>
    path === '/get_info' ? info : order

describe('C08: a flat payment object of 2024 at Kaleidoswap', () => {
  const { create_order: order, estimate_fees: estimate } = caseOf('C08') as { create_order: Json; estimate_fees: Json }
  const payment = order.payment as Json
  const kaleidoswap =
    (changed: unknown, fees: Json = estimate): Answer =>
    ({ path }) =>
      ({
        '/get_info': { options: { max_initial_lsp_balance_sat: 16_777_215 }, assets: [] },
        '/network_info': { network: 'Regtest' },
        '/estimate_fees': fees,
        '/create_order': { ...order, payment: changed },
        '/get_order': { ...order, payment: changed },
      })[path]
  const at = (changed: unknown, fees?: Json) => gatewayWith(kaleidoswap(changed, fees), { protocol: 'KALEIDOSWAP' })
  const firm = async (changed: unknown, fees?: Json) => {
    await using lsp = await at(changed, fees)
    // 0.2.0 OrderResponse: the LSP repeats the client's key, and another key is refused.
    return await quotesOf(lsp.gateway, { clientPubkey: order.client_pubkey }, 'ALWAYS')
  }

  test('is read as 2000 sat by Lightning', async () => {
    const { onchain_address: _, ...lightning } = payment
    expect(await firm(lightning)).toMatchObject({
      quotes: [
        { basis: 'FIRM', feeTotalSat: 2_000, orderTotalSat: 2_000, prices: [{ method: 'BOLT11', feeTotalSat: 2_000 }] },
      ],
    })
  })

  test('costs 2000 sat when its on-chain address is malformed, which costs only the on-chain option', async () => {
    expect(await firm(payment)).toMatchObject({
      quotes: [
        { basis: 'FIRM', feeTotalSat: 2_000, orderTotalSat: 2_000, prices: [{ method: 'BOLT11', feeTotalSat: 2_000 }] },
      ],
    })
  })

  test.each([
    ['an option that nobody knows', { lightning: { order_total_sat: 2_000 } }, 'UNSUPPORTED', /lightning/],
    [
      'totals alone',
      { fee_total_sat: 2_000, order_total_sat: 2_000, state: 'EXPECT_PAYMENT' },
      'BAD_RESPONSE',
      /order_total_sat/,
    ],
    ['options that are null', { bolt11: null, onchain: null }, 'BAD_RESPONSE', /bolt11, onchain/],
    ['a state alone', { state: 'EXPECT_PAYMENT' }, 'BAD_RESPONSE', /found state/],
    ['a list', [], 'BAD_RESPONSE', /payment/],
    [
      'totals of 0 beside an option that nobody knows',
      { fee_total_sat: 0, order_total_sat: 0, lightning: { order_total_sat: 2_000 } },
      'BAD_RESPONSE',
      /lightning/,
    ],
    [
      'totals of 0 and an invoice for 2000 sat',
      { state: 'EXPECT_PAYMENT', fee_total_sat: 0, order_total_sat: 0, bolt11_invoice: payment.bolt11_invoice },
      'UNTRUSTWORTHY',
      /FEE_ADDS_UP/,
    ],
  ])('is never free with %s, and the failure says what was found', async (_what, changed, code, message) => {
    expect(await firm(changed, { total_fee: 0 })).toMatchObject({
      quotes: [],
      failures: [{ code, message: expect.stringMatching(message) }],
    })
  })

  test.each([
    ['an empty payment object', {}],
    ['flat totals of 0', { fee_total_sat: 0, order_total_sat: 0 }],
  ])('%s is free if the estimate is 0, and not believed if it is above', async (_what, free) => {
    expect(await firm(free, { total_fee: 0 })).toMatchObject({ quotes: [{ basis: 'FIRM', orderTotalSat: 0 }] })
    expect(await firm(free)).toMatchObject({
      quotes: [],
      failures: [{ code: 'UNTRUSTWORTHY', message: expect.stringContaining('2000 sat') }],
    })
  })

  test('an order of an estimate of 2000 sat that turns out free is refused', async () => {
    await using lsp = await at({})
    const { quotes } = await quotesOf(lsp.gateway)
    expect(quotes).toMatchObject([{ basis: 'ESTIMATED', feeTotalSat: 2_000 }])
    expect((await lsp.gateway.ask(ORDER, { id: quotes[0]?.id })).createOrder).toMatchObject({
      __typename: 'LspError',
      code: 'UNTRUSTWORTHY',
    })
  })

  test('totals beside the nested form lose neither, and must agree', async () => {
    const { bolt11_invoice: invoice, onchain_address: _, ...totals } = payment
    const bolt11 = {
      state: 'EXPECT_PAYMENT',
      expires_at: order.expires_at,
      fee_total_sat: 2_000,
      order_total_sat: 2_000,
      invoice,
    }
    expect(await firm({ ...totals, bolt11 })).toMatchObject({
      quotes: [{ orderTotalSat: 2_000, prices: [{ method: 'BOLT11', feeTotalSat: 2_000 }] }],
    })
    expect(await firm({ ...totals, bolt11_invoice: invoice, bolt11 })).toMatchObject({
      quotes: [{ orderTotalSat: 2_000 }],
    })
    for (const contradiction of [
      { ...totals, order_total_sat: 3_000, bolt11 },
      { ...totals, fee_total_sat: 0, order_total_sat: 0, bolt11 },
      { ...totals, bolt11_invoice: 'lnbcrt20u1another', bolt11 },
    ])
      expect(await firm(contradiction)).toMatchObject({ quotes: [], failures: [{ code: 'BAD_RESPONSE' }] })
  })
})

describe('C10: the enumerations of LDK', () => {
  const { create_order: created, also_met: alsoMet } = caseOf('C10') as { create_order: Order; also_met: string[] }
  const withState = (state: string) => ({
    ...created,
    payment: { bolt11: { ...created.payment.bolt11, state } },
  })

  test.each(['ExpectPayment', ...alsoMet, 'Expect Payment', 'expect_payment'])('%s is payable', async (word) => {
    await using lsp = await gatewayWith(lsps1(withState(word)))
    expect(await orderOf(lsp.gateway)).toMatchObject({
      state: 'AWAITING_PAYMENT',
      payment: { bolt11: { state: 'EXPECT_PAYMENT', invoice: created.payment.bolt11.invoice } },
      nextStep: { action: 'PAY' },
    })
  })

  test('Hold is a payment that is held', async () => {
    const state = { word: 'ExpectPayment' }
    await using lsp = await gatewayWith(({ path }) => (path === '/get_info' ? LSPS1_INFO : withState(state.word)))
    const { id } = await orderOf(lsp.gateway)
    const follower = follow(lsp.gateway, id)
    state.word = 'Hold'
    await follower.untilState('PAYMENT_HELD')
    await follower.stop()
  })

  test('an unknown word withholds the payment', async () => {
    await using lsp = await gatewayWith(lsps1(withState('Pondering')))
    const { quotes } = await quotesOf(lsp.gateway)
    const { createOrder } = await lsp.gateway.ask(ORDER, { id: quotes[0]?.id })
    if (createOrder.__typename === 'Order')
      expect(await readOrder(lsp.gateway, createOrder.id)).toMatchObject({ payment: { bolt11: null, bip21: null } })
  })
})

describe('C12: a detail that no money depends on', () => {
  const input = caseOf('C12') as { create_order: Order; other_spellings: unknown[] }
  const created = input.create_order

  test.each([created.created_at, ...input.other_spellings, 'yesterday', {}, [], true, -1, null])(
    'created_at %j does not cost the order',
    async (created_at) => {
      await using lsp = await gatewayWith(lsps1({ ...created, created_at }))
      expect(await orderOf(lsp.gateway)).toMatchObject({
        state: 'AWAITING_PAYMENT',
        orderTotalSat: 2_000,
        payment: { bolt11: { invoice: created.payment.bolt11.invoice } },
      })
    },
  )

  test.each([
    ['announce_channel', { announce_channel: 'false' }],
    ['announce_channel', { announce_channel: 'perhaps' }],
    ['lsp_balance_sat', { lsp_balance_sat: 'one million' }],
    ['channel_expiry_blocks', { channel_expiry_blocks: 12_960.5 }],
    ['channel', { channel: 'none yet' }],
    ['expires_at', { expires_at: 'in an hour' }],
    ['payment.bolt11.expires_at', { payment: { bolt11: { ...created.payment.bolt11, expires_at: 'in an hour' } } }],
    [
      'payment.onchain.min_fee_for_0conf',
      {
        payment: {
          bolt11: created.payment.bolt11,
          onchain: {
            ...created.payment.bolt11,
            invoice: undefined,
            address: 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88',
            min_onchain_payment_confirmations: 1,
            min_fee_for_0conf: 253.25,
          },
        },
      },
    ],
  ])('its kin %s neither', async (_field, changes) => {
    await using lsp = await gatewayWith(lsps1({ ...created, ...changes }))
    expect(await orderOf(lsp.gateway)).toMatchObject({
      state: 'AWAITING_PAYMENT',
      payment: { bolt11: { invoice: created.payment.bolt11.invoice } },
    })
  })

  test('is logged once per LSP and field, without the value', async () => {
    await using lsp = await gatewayWith(lsps1({ ...created, created_at: 'a value of the LSP' }))
    const { id } = await orderOf(lsp.gateway)
    await vi.waitFor(() =>
      expect(lsp.server.requests.filter(({ path }) => path === '/get_order').length).toBeGreaterThan(2),
    )
    expect(await readOrder(lsp.gateway, id)).toMatchObject({ state: 'AWAITING_PAYMENT' })
    const lines = lsp.gateway.logged.filter((line) => line.includes('cannot be read'))
    expect(lines.map((line) => JSON.parse(line) as Json)).toMatchObject([{ lsp: 'lsp', field: 'created_at' }])
    expect(lines.join()).not.toContain('a value of the LSP')
  })

  test('a required field rejects the answer', async () => {
    const bolt11 = { ...created.payment.bolt11, order_total_sat: '2000.0' }
    await using lsp = await gatewayWith(lsps1({ ...created, payment: { bolt11 } }))
    const { quotes, failures } = await quotesOf(lsp.gateway)
    expect(quotes).toEqual([])
    expect(failures).toMatchObject([
      { code: 'BAD_RESPONSE', message: expect.stringContaining('payment.bolt11.order_total_sat') },
    ])
  })

  test('an order whose answer cannot be used names its id at the LSP', async () => {
    const order = { isOdd: false }
    await using lsp = await gatewayWith(({ path }) => {
      if (path === '/get_info') return LSPS1_INFO
      return order.isOdd
        ? { ...lsps1Order(Date.now()), order_id: 'kept', payment: { bolt11: 'odd' } }
        : lsps1Order(Date.now(), { validMs: 60_000 })
    })
    // A price that was seen for another node.
    await quotesOf(lsp.gateway, {}, 'ALWAYS')
    const another = { clientPubkey: '02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8' }
    const { quotes } = await quotesOf(lsp.gateway, another, 'NEVER')
    expect(quotes).toMatchObject([{ basis: 'OBSERVED' }])
    order.isOdd = true
    const { createOrder } = await lsp.gateway.ask(ORDER, { id: quotes[0]?.id })
    expect(await readOrder(lsp.gateway, createOrder.id)).toMatchObject({
      state: 'OUTCOME_UNKNOWN',
      lspOrderId: 'kept',
      payment: { bolt11: null },
    })
  })
})

describe('C13: a time that was never set', () => {
  const completed = (caseOf('C13') as { get_order: Order & { channel: Json } }).get_order
  const created = { ...completed, order_state: 'CREATED', channel: null } as Order

  test.each([
    '0001-01-01T00:00:00Z',
    '0001-01-01 00:00:00 +0000 UTC',
    '1970-01-01T00:00:00',
    0,
    '0',
    '',
    '1969-12-31T23:59:59Z',
  ])('%j is neither the funding nor the end of a lease', async (time) => {
    const state = { isCompleted: false }
    await using lsp = await gatewayWith(({ path }) => {
      if (path === '/get_info') return LSPS1_INFO
      const channel = { ...completed.channel, funded_at: time, expires_at: time }
      if (state.isCompleted) return { ...completed, channel }
      return { ...created, payment: { bolt11: { ...created.payment.bolt11, state: 'EXPECT_PAYMENT' } } }
    })
    const { id } = await orderOf(lsp.gateway)
    const follower = follow(lsp.gateway, id)
    state.isCompleted = true
    const event = await follower.untilState('COMPLETED')
    await follower.stop()
    const order = await readOrder(lsp.gateway, id)
    expect(order.channel).toMatchObject({ fundedAt: null, expiresAt: null })
    expect(JSON.stringify([event.message, order.nextStep])).not.toMatch(/lease|0001|1970/)
  })
})

describe('C20: an odd limit', () => {
  const input = caseOf('C20') as Record<'no_limit' | 'one_address' | 'flag', Json>
  const LSP =
    '{ lsp(id: "lsp") { features nodeUris limits { minLspBalanceSat maxLspBalanceSat maxChannelBalanceSat maxChannelExpiryBlocks } } }'

  async function lspWith(info: unknown) {
    await using lsp = await gatewayWith(lsps1(lsps1Order(CASE_TIME), info))
    const { quotes, failures } = await quotesOf(lsp.gateway)
    return { quotes, failures, lsp: (await lsp.gateway.ask(LSP)).lsp as Json }
  }

  test('above 21 million bitcoin limits nobody', async () => {
    for (const most of ['18446744073709551615', '2100000000000001', 4_294_967_295_000_000]) {
      const { quotes, lsp } = await lspWith({
        ...input.no_limit,
        max_initial_lsp_balance_sat: most,
        max_channel_balance_sat: most,
      })
      expect(quotes).toMatchObject([{ basis: 'FIRM' }])
      expect(lsp.limits).toEqual({
        minLspBalanceSat: 10_000,
        maxLspBalanceSat: null,
        maxChannelBalanceSat: null,
        maxChannelExpiryBlocks: 52_560,
      })
    }
  })

  test('written as a JSON integer of 64 bits likewise', async () => {
    const written = JSON.stringify(input.no_limit).replaceAll('"18446744073709551615"', '18446744073709551615')
    expect(await lspWith(written)).toMatchObject({
      quotes: [{ basis: 'FIRM' }],
      lsp: { limits: { minLspBalanceSat: 10_000, maxLspBalanceSat: null } },
    })
  })

  test.each([-1, 'lots', {}, 0.5, true, null])('that is %j is none, and the others stay', async (odd) => {
    expect(await lspWith({ ...input.one_address, max_initial_lsp_balance_sat: odd })).toMatchObject({
      quotes: [{ basis: 'FIRM' }],
      lsp: { limits: { minLspBalanceSat: 10_000, maxLspBalanceSat: null, maxChannelExpiryBlocks: 52_560 } },
    })
  })

  test('one address as a text is a list of one', async () => {
    expect((await lspWith(input.one_address)).lsp.nodeUris).toEqual([input.one_address.uris])
  })

  test('a flag is read from text', async () => {
    expect((await lspWith(input.flag)).lsp.features).not.toContain('ZERO_RESERVE')
    expect((await lspWith({ ...input.flag, supports_zero_channel_reserve: 'true' })).lsp.features).toContain(
      'ZERO_RESERVE',
    )
  })

  test('is a BAD_RESPONSE if no limit at all can be read', async () => {
    const odd = Object.fromEntries(Object.keys(input.flag).map((name) => [name, 'odd']))
    expect(await lspWith(odd)).toMatchObject({
      quotes: [],
      failures: [{ code: 'BAD_RESPONSE' }],
      lsp: { limits: null },
    })
  })
})

import { randomUUID } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { exported, importInto, rewritten } from '../portable/support.ts'
import { lsps1Order, NODE, settings, startScriptedLsp } from '../quotes/support.ts'
import { offerOf } from '../support/bolt12.ts'
import { ENGINES, freshDatabase } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { follow, orderAt, pay, readOrder } from '../support/operations.ts'

const COMPARE = 'query ($request: ChannelRequestInput!) { quotes(request: $request) { quotes { id } } }'
const ORDER =
  'mutation ($id: ID!) { createOrder(input: {quoteId: $id, idempotencyKey: "k"}) { ... on Order { id payment { bolt11 { invoice } } } } }'

/** An order at an LSP that answers the order as `created`, and every later reading as `later` makes of it. */
async function orderedAt(later: (created: ReturnType<typeof lsps1Order>) => unknown) {
  const created = lsps1Order(Date.now())
  const lsp = await startScriptedLsp((request) => (request.path === '/create_order' ? created : later(created)))
  const gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('liar', lsp.url)] } })
  const { quotes } = await gateway.ask(COMPARE, {
    request: { clientPubkey: gateway.sandbox.wallet.pubkey, lspBalanceSat: 1_000_000 },
  })
  const { createOrder } = await gateway.ask(ORDER, { id: quotes.quotes[0].id })
  const readings = () => lsp.requests.filter(({ path }) => path === '/get_order').length
  return {
    id: createOrder.id as string,
    gateway,
    readings,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await lsp[Symbol.asyncDispose]()
    },
  }
}

test('an answer about another order moves nothing', async () => {
  await using order = await orderedAt((created) => ({
    ...created,
    order_id: 'somebody-elses',
    order_state: 'COMPLETED',
    channel: { funded_at: created.created_at, funding_outpoint: 'aa:0', expires_at: created.created_at },
  }))
  await vi.waitFor(() => expect(order.readings()).toBeGreaterThan(2), { timeout: 10_000 })
  expect(await readOrder(order.gateway, order.id)).toMatchObject({
    state: 'AWAITING_PAYMENT',
    sequence: 1,
    channel: null,
    lspOrderId: expect.stringMatching(/^order-/),
  })
})

test('an invoice that is swapped after the order was made is not handed out, and the client is told not to pay', async () => {
  const dearer = lsps1Order(Date.now(), { feeSat: 500_000 })
  await using order = await orderedAt((created) => ({ ...created, payment: dearer.payment }))
  const follower = follow(order.gateway, order.id)
  const swapped = await follower.until(({ message }) => message.includes('the LSP replaced what is to be paid'))
  expect(swapped.snapshot).toMatchObject({
    orderTotalSat: 1_000,
    payment: { bolt11: null, bip21: null },
    nextStep: { actor: 'NOBODY', action: 'DO_NOT_PAY', message: expect.stringMatching(/^Do not pay/) },
  })
  expect(JSON.stringify(await readOrder(order.gateway, order.id))).not.toContain(dearer.payment.bolt11.invoice)
  await follower.stop()
})

test('orders are followed on when the clock is set back by an hour', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
  const { id } = await orderAt(gateway, 'olive')
  const follower = follow(gateway, id)
  await follower.until(() => true)
  const systemNow = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => systemNow() - 3_600_000)
  try {
    await pay(gateway, id)
    await follower.untilState('COMPLETED')
  } finally {
    vi.restoreAllMocks()
  }
  await follower.stop()
})

describe('an LSP that asks twice to be paid by the same invoice', () => {
  const CHECKED = `mutation ($id: ID!, $key: String!) { createOrder(input: {quoteId: $id, idempotencyKey: $key}) { __typename ... on Order { id checks { code verdict message } payment { bolt11 { invoice } } } ... on LspError { code message } } }`

  /** Two channels of different sizes, asked for one after the other. */
  async function twoQuotes(orderIds: readonly [string, string]) {
    const offered = lsps1Order(Date.now())
    const ids = [...orderIds]
    const lsp = await startScriptedLsp(({ path }) => ({
      ...offered,
      order_id: path === '/create_order' ? ids.shift() : orderIds[0],
    }))
    const gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('liar', lsp.url)] } })
    const quote = async (lspBalanceSat: number) =>
      (await gateway.ask(ANY, { request: { clientPubkey: gateway.sandbox.wallet.pubkey, lspBalanceSat } })).quotes
    return {
      gateway,
      first: await quote(1_000_000),
      second: await quote(2_000_000),
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]()
        await lsp[Symbol.asyncDispose]()
      },
    }
  }
  const ANY =
    'query ($request: ChannelRequestInput!) { quotes(request: $request) { quotes { id checks { code verdict message } } failures { code message } } }'
  const hashCheck = ({ checks }: { checks: { code: string }[] }) =>
    checks.find(({ code }) => code === 'PAYMENT_HASH_IS_NEW')

  test('for two orders is believed for the first of them alone', async () => {
    await using asked = await twoQuotes(['order-1', 'order-2'])
    expect(hashCheck(asked.first.quotes[0])).toMatchObject({
      verdict: 'PASSED',
      message: expect.stringMatching(/^no other order is to be paid to the payment hash [0-9a-f]{64}$/),
    })
    expect(asked.second).toEqual({
      quotes: [],
      failures: [
        {
          code: 'UNTRUSTWORTHY',
          message: expect.stringMatching(
            /^PAYMENT_HASH_IS_NEW: another order is to be paid to the payment hash [0-9a-f]{64}$/,
          ),
        },
      ],
    })
    const { createOrder } = await asked.gateway.ask(CHECKED, { id: asked.first.quotes[0].id, key: 'k' })
    expect(createOrder.payment.bolt11.invoice).toMatch(/^lnbcrt/)
    expect(hashCheck(createOrder)).toEqual(hashCheck(asked.first.quotes[0]))
  })

  test('for one order that it gives twice is believed, with a warning', async () => {
    await using asked = await twoQuotes(['order-1', 'order-1'])
    expect(hashCheck(asked.second.quotes[0])).toMatchObject({
      verdict: 'WARNING',
      message: expect.stringContaining('the LSP answered with the order that it gave before'),
    })
  })

  test('for one order that it gives twice has one order of the two: paid twice, it would be delivered once', async () => {
    await using asked = await twoQuotes(['order-1', 'order-1'])
    const first = (await asked.gateway.ask(CHECKED, { id: asked.first.quotes[0].id, key: 'k1' })).createOrder
    const second = (await asked.gateway.ask(CHECKED, { id: asked.second.quotes[0].id, key: 'k2' })).createOrder
    expect(first).toMatchObject({ __typename: 'Order' })
    expect(second).toEqual({
      __typename: 'LspError',
      code: 'UNTRUSTWORTHY',
      message: 'the LSP answered with the order order-1, which is another order already',
    })
    // Under the same key, the same answer.
    expect((await asked.gateway.ask(CHECKED, { id: asked.second.quotes[0].id, key: 'k2' })).createOrder).toEqual(second)
  })
})

describe('an LSP that calls all its orders alike', () => {
  test('is believed about the first of them alone', async () => {
    await using lsp = await startScriptedLsp(() => lsps1Order(Date.now(), { order_id: 'the-order' }))
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('liar', lsp.url)] },
    })
    const ask = (lspBalanceSat: number) =>
      gateway.ask(
        'query ($request: ChannelRequestInput!) { quotes(request: $request) { quotes { basis } failures { code message } } }',
        { request: { clientPubkey: gateway.sandbox.wallet.pubkey, lspBalanceSat } },
      )
    expect((await ask(1_000_000)).quotes).toMatchObject({ quotes: [{ basis: 'FIRM' }], failures: [] })
    expect((await ask(2_000_000)).quotes).toEqual({
      quotes: [],
      failures: [{ code: 'UNTRUSTWORTHY', message: 'ORDER_ID_IS_NEW: the LSP calls another order the-order, too' }],
    })
  })
})

test.each(ENGINES)(
  'an offer of BOLT 12 that is longer than an index takes is one of the payment options (%s)',
  async (engine) => {
    await using database = await freshDatabase(engine)
    const offer = offerOf({ amount: 1_000_000n, description: 'a channel, and much about it. '.repeat(60) })
    expect(offer.length).toBeGreaterThan(2_704)
    const way = {
      state: 'EXPECT_PAYMENT',
      expires_at: new Date(Date.now() + 3_600_000).toISOString(),
      fee_total_sat: '1000',
      order_total_sat: '1000',
      offer,
    }
    await using lsp = await startScriptedLsp(() => lsps1Order(Date.now(), { payment: { bolt12: way } }))
    await using gateway = await startTestGateway({
      databaseUrl: database.url,
      sandbox: { only: [] },
      config: { lsps: [settings('lsp', lsp.url)] },
    })
    const { id } = await orderAt(gateway, 'lsp')
    expect(await readOrder(gateway, id)).toMatchObject({
      state: 'AWAITING_PAYMENT',
      payment: { bolt11: null, bip21: `bitcoin:?lno=${offer}` },
    })
  },
)

describe('an LSP that gives an address twice', () => {
  test('in upper case, too, has it handed out once', async () => {
    const address = NODE.newAddress()
    const onchain = {
      state: 'EXPECT_PAYMENT',
      expires_at: new Date(Date.now() + 3_600_000).toISOString(),
      fee_total_sat: '1000',
      order_total_sat: '1000',
      min_onchain_payment_confirmations: 1,
      min_fee_for_0conf: 253,
    }
    let orders = 0
    await using lsp = await startScriptedLsp(() => {
      orders += 1
      const order = lsps1Order(Date.now())
      return {
        ...order,
        order_id: `order-${orders}`,
        payment: { ...order.payment, onchain: { ...onchain, address: orders === 1 ? address : address.toUpperCase() } },
      }
    })
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('liar', lsp.url)] },
    })
    const ask = async (lspBalanceSat: number) => {
      const request = {
        clientPubkey: gateway.sandbox.wallet.pubkey,
        lspBalanceSat,
        refundOnchainAddress: gateway.sandbox.wallet.newAddress(),
      }
      return (
        await gateway.ask(
          'query ($request: ChannelRequestInput!) { quotes(request: $request) { quotes { prices { method feeTotalSat } checks { code verdict } } } }',
          { request },
        )
      ).quotes.quotes[0]
    }
    expect(await ask(1_000_000)).toMatchObject({
      prices: [
        { method: 'BOLT11', feeTotalSat: 1_000 },
        { method: 'ONCHAIN', feeTotalSat: 1_000 },
      ],
      checks: expect.arrayContaining([{ code: 'ONCHAIN_ADDRESS_IS_NEW', verdict: 'PASSED' }]),
    })
    expect(await ask(2_000_000)).toMatchObject({
      prices: [{ method: 'BOLT11', feeTotalSat: 1_000 }],
      checks: expect.arrayContaining([{ code: 'ONCHAIN_ADDRESS_IS_NEW', verdict: 'WARNING' }]),
    })
  })
})

test('an order that was imported is not paid by the invoice of another', async () => {
  const offered = lsps1Order(Date.now())
  await using lsp = await startScriptedLsp(({ path, query }) => ({
    ...offered,
    order_id: path === '/create_order' ? 'order-1' : query['order_id'],
  }))
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('liar', lsp.url)] } })
  const { quotes } = await gateway.ask(COMPARE, {
    request: { clientPubkey: gateway.sandbox.wallet.pubkey, lspBalanceSat: 1_000_000 },
  })
  const { createOrder } = await gateway.ask(ORDER, { id: quotes.quotes[0].id })
  const another = rewritten(await exported(gateway, createOrder.id), { id: randomUUID(), lspOrderId: 'order-2' })
  const imported = await importInto(gateway, another)
  expect(imported).toMatchObject({
    lspOrderId: 'order-2',
    payment: { bolt11: null, bip21: null },
    nextStep: { action: 'DO_NOT_PAY', message: expect.stringMatching(/^Do not pay: .*another order is to be paid to/) },
  })
  expect(await readOrder(gateway, createOrder.id)).toMatchObject({
    payment: { bolt11: { invoice: offered.payment.bolt11.invoice } },
  })
})

describe('an LSP that says only later what is to be paid', () => {
  const draft = (url: string) => settings('draft', url, { protocol: 'CHANNEL_REQUEST_V0_0_1' })
  const created = {
    order_id: 'late-1',
    fee_total: 1_000,
    order_total: 1_000,
    order_expiry_ts: Math.floor(Date.now() / 1000) + 3_600,
    ln_invoice: '',
    btc_address: '',
  }
  const invoice = lsps1Order(Date.now()).payment.bolt11.invoice

  test('is asked until it does, and gets one order', async () => {
    let looks = 0
    await using lsp = await startScriptedLsp(({ method }) =>
      method === 'POST' ? created : { ...created, state: 'CREATED', ...(++looks > 1 ? { ln_invoice: invoice } : {}) },
    )
    await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [draft(lsp.url)] } })
    const { quotes } = await gateway.ask(COMPARE, {
      request: {
        clientPubkey: gateway.sandbox.wallet.pubkey,
        clientAddress: '127.0.0.1:9735',
        lspBalanceSat: 1_000_000,
      },
    })
    const { createOrder } = await gateway.ask(ORDER, { id: quotes.quotes[0].id })
    expect(createOrder.payment.bolt11.invoice).toBe(invoice)
    expect(lsp.requests.filter(({ method }) => method === 'POST')).toHaveLength(1)
  })

  const unpriced = async (orderTotal: number) => {
    const state = { isPriced: false }
    const { bolt11 } = NODE.issueInvoice({
      amountSat: orderTotal,
      description: 'a channel',
      createdAt: Date.now(),
      expiresAt: Date.now() + 3_600_000,
    })
    const priced = { fee_total: orderTotal, order_total: orderTotal }
    const lsp = await startScriptedLsp(({ method, path }) => {
      if (path !== '/lsp/channel') return {}
      const is = { ...created, ...priced }
      return method === 'POST' ? is : { ...is, state: 'CREATED', ...(state.isPriced ? { ln_invoice: bolt11 } : {}) }
    })
    const gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [draft(lsp.url)] } })
    return {
      state,
      gateway,
      lsp,
      bolt11,
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]()
        await lsp[Symbol.asyncDispose]()
      },
    }
  }

  /** An order at the price that somebody was told for another node. */
  async function orderedUnpriced(at: Awaited<ReturnType<typeof unpriced>>) {
    at.state.isPriced = true
    const ask = (clientPubkey: string, firm: string) =>
      at.gateway.ask(
        'query ($request: ChannelRequestInput!, $firm: FirmPolicy!) { quotes(request: $request, firm: $firm) { quotes { id basis } failures { message } } }',
        { request: { clientPubkey, clientAddress: '127.0.0.1:9735', lspBalanceSat: 1_000_000 }, firm },
      )
    await ask(at.gateway.sandbox.wallet.pubkey, 'ALWAYS')
    at.state.isPriced = false
    const observed = await ask(NODE.pubkey, 'NEVER')
    expect(observed.quotes.quotes).toMatchObject([{ basis: 'OBSERVED' }])
    return (await at.gateway.ask(ORDER, { id: observed.quotes.quotes[0].id })).createOrder.id as string
  }

  test('and prices a question late is not asked to take another order for it', async () => {
    await using at = await unpriced(1_000)
    const ask = () =>
      at.gateway.ask(
        'query ($request: ChannelRequestInput!) { quotes(request: $request) { quotes { basis orderTotalSat } failures { code message } } }',
        {
          request: {
            clientPubkey: at.gateway.sandbox.wallet.pubkey,
            clientAddress: '127.0.0.1:9735',
            lspBalanceSat: 1_000_000,
          },
        },
      )
    expect((await ask()).quotes).toMatchObject({
      quotes: [],
      failures: [{ code: expect.stringMatching(/^(TIMEOUT|BAD_RESPONSE)$/) }],
    })
    at.state.isPriced = true
    await vi.waitFor(
      async () => expect((await ask()).quotes.quotes).toEqual([{ basis: 'FIRM', orderTotalSat: 1_000 }]),
      { timeout: 10_000, interval: 200 },
    )
    expect(at.lsp.requests.filter(({ method }) => method === 'POST')).toHaveLength(1)
  })

  test('and takes its time has its order followed, with nothing to pay until then', async () => {
    await using at = await unpriced(1_000)
    const id = await orderedUnpriced(at)
    const follower = follow(at.gateway, id)
    const late = await follower.untilState('AWAITING_PAYMENT')
    expect(late.snapshot).toMatchObject({
      lspOrderId: 'late-1',
      orderTotalSat: 1_000,
      payment: { bolt11: null },
      nextStep: { action: 'DO_NOT_PAY', message: expect.stringContaining('has not said yet what is to be paid') },
    })
    at.state.isPriced = true
    const confirmed = await follower.until(({ message }) => message.includes('the LSP confirmed what is to be paid'))
    expect(confirmed.snapshot.nextStep).toMatchObject({ action: 'PAY' })
    await follower.stop()
    expect(at.lsp.requests.filter(({ method }) => method === 'POST')).toHaveLength(2)
  })
})

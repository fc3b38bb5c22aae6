import { describe, expect, test, vi } from 'vitest'
import { startTestGateway } from '../support/gateway.ts'
import { createOrder, quoteAt, readOrder } from '../support/operations.ts'
import { lsps1Order, NODE, settings, startScriptedLsp } from '../quotes/support.ts'
import { signedInvoice } from '../support/signed-invoice.ts'

const ADDRESS = 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88'
const UNKNOWN_ID = '01900000-0000-7000-8000-000000000000'

describe.concurrent('the price guard', () => {
  for (const [lspId, estimated, dearer] of [
    ['kestrel', 4_107, 6_160],
    ['thunder', 2_515, 3_772],
  ] as const) {
    test(`agrees to nothing when ${lspId} asks for more at order time, and hands out the new price`, async () => {
      await using gateway = await startTestGateway({ sandbox: { only: [lspId] } })
      const lsp = gateway.sandbox.lsp(lspId)
      const quote = await quoteAt(gateway, lspId)
      expect(quote.orderTotalSat).toBe(estimated)
      lsp.setFaults(['DEARER_AT_ORDER'])
      const input = { quoteId: quote.id, idempotencyKey: 'guarded' }
      const changed = await createOrder(gateway, input)
      expect(changed).toMatchObject({
        __typename: 'PriceChangedError',
        message: `the channel costs ${dearer} sat, more than the maximum of ${estimated} sat. Nothing was ordered`,
        freshQuote: {
          basis: 'FIRM',
          lsp: { id: lspId },
          feeTotalSat: dearer,
          orderTotalSat: dearer,
          expiresAt: expect.stringMatching(/Z$/),
        },
      })
      expect(changed.freshQuote.id).not.toBe(quote.id)
      expect(await gateway.ask('query { orders { nodes { id } } }')).toEqual({ orders: { nodes: [] } })
      // The same key says so again; it does not order.
      expect(await createOrder(gateway, input)).toEqual(changed)
      expect(lsp.orderCount).toBe(1)

      const order = await createOrder(gateway, { quoteId: changed.freshQuote.id })
      expect(order).toMatchObject({
        __typename: 'Order',
        state: 'AWAITING_PAYMENT',
        orderTotalSat: dearer,
        quote: { id: changed.freshQuote.id },
      })
      expect(lsp.orderCount).toBe(1)
    })
  }

  test('lets pass what stays within maxOrderTotalSat', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    gateway.sandbox.lsp('kestrel').setFaults(['DEARER_AT_ORDER'])
    expect(await createOrder(gateway, { quoteId, maxOrderTotalSat: 6_160 })).toMatchObject({
      __typename: 'Order',
      orderTotalSat: 6_160,
      quote: { id: quoteId },
    })
    expect(await createOrder(gateway, { quoteId, maxOrderTotalSat: 6_159 })).toMatchObject({
      __typename: 'PriceChangedError',
    })
  })

  test('counts the client balance in, which leaves the wallet too', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const quote = await quoteAt(gateway, 'kestrel', { clientBalanceSat: 100_000 })
    expect(quote).toMatchObject({ feeTotalSat: 4_107, orderTotalSat: 104_107 })
    expect(await createOrder(gateway, { quoteId: quote.id, maxOrderTotalSat: 100_000 })).toMatchObject({
      __typename: 'PriceChangedError',
      freshQuote: { orderTotalSat: 104_107 },
    })
    expect(await createOrder(gateway, { quoteId: quote.id })).toMatchObject({
      __typename: 'Order',
      orderTotalSat: 104_107,
    })
  })

  test('keeps a firm quote that costs more than maxOrderTotalSat from being agreed to', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const quote = await quoteAt(gateway, 'olive')
    expect(await createOrder(gateway, { quoteId: quote.id, maxOrderTotalSat: 5_199 })).toMatchObject({
      __typename: 'PriceChangedError',
      freshQuote: { id: quote.id, orderTotalSat: 5_200 },
    })
    expect(await gateway.ask('query { orders { nodes { id } } }')).toEqual({ orders: { nodes: [] } })
    expect(await createOrder(gateway, { quoteId: quote.id, maxOrderTotalSat: 5_200 })).toMatchObject({
      __typename: 'Order',
      orderTotalSat: 5_200,
    })
    expect(gateway.sandbox.lsp('olive').orderCount).toBe(1)
  })
})

describe.concurrent('a quote', () => {
  test('that has expired cannot be ordered, and says since when; it stays readable', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'], invoiceExpiryMs: 1_500 } })
    const quote = await quoteAt(gateway, 'olive')
    const expiresAt = quote.expiresAt ?? ''
    await vi.waitUntil(() => Date.now() > Date.parse(expiresAt), { timeout: 5_000, interval: 20 })
    expect(await createOrder(gateway, { quoteId: quote.id })).toMatchObject({
      __typename: 'QuoteExpiredError',
      expiredAt: expiresAt,
      message: 'the quote has expired. Request a new quote',
    })
    expect(await gateway.ask('query ($id: ID!) { quote(id: $id) { id orderTotalSat } }', { id: quote.id })).toEqual({
      quote: { id: quote.id, orderTotalSat: 5_200 },
    })
    expect(gateway.sandbox.lsp('olive').orderCount).toBe(1)
  })

  test('that was ordered in time stays ordered after it has expired', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'], invoiceExpiryMs: 1_500 } })
    const quote = await quoteAt(gateway, 'olive')
    const order = await createOrder(gateway, { quoteId: quote.id })
    await vi.waitUntil(() => Date.now() > Date.parse(quote.expiresAt ?? ''), { timeout: 5_000, interval: 20 })
    expect(await createOrder(gateway, { quoteId: quote.id })).toMatchObject({ __typename: 'Order', id: order.id })
    expect(await readOrder(gateway, order.id)).toMatchObject({ quote: { id: quote.id } })
  })

  test('that is nobody’s is not found', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    expect(await createOrder(gateway, { quoteId: UNKNOWN_ID })).toEqual({
      __typename: 'QuoteNotFoundError',
      message: 'there is no quote with this id. Request a new quote',
    })
    expect(await gateway.ask('query ($id: ID!) { quote(id: $id) { id } }', { id: UNKNOWN_ID })).toEqual({ quote: null })
  })
})

test('a payment option that costs more than maxOrderTotalSat is not handed out, also where it is not the cheapest that does', async () => {
  await using lsp = await startScriptedLsp(() => {
    const order = lsps1Order(Date.now(), { feeSat: 1_000 })
    const { expires_at } = order.payment.bolt11
    return {
      ...order,
      payment: {
        ...order.payment,
        onchain: {
          state: 'EXPECT_PAYMENT',
          expires_at,
          fee_total_sat: '6000',
          order_total_sat: '6000',
          address: NODE.newAddress(),
          min_onchain_payment_confirmations: 1,
        },
      },
    }
  })
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('two-ways', lsp.url)] },
  })
  const order = async (maxOrderTotalSat: number) => {
    const request = {
      clientPubkey: gateway.sandbox.wallet.pubkey,
      lspBalanceSat: 1_000_000 + maxOrderTotalSat,
      refundOnchainAddress: ADDRESS,
    }
    const { quotes } = await gateway.ask(
      'query ($request: ChannelRequestInput!) { quotes(request: $request) { quotes { id feeTotalSat prices { method orderTotalSat } } } }',
      { request },
    )
    expect(quotes.quotes).toMatchObject([
      {
        feeTotalSat: 1_000,
        prices: [
          { method: 'BOLT11', orderTotalSat: 1_000 },
          { method: 'ONCHAIN', orderTotalSat: 6_000 },
        ],
      },
    ])
    const input = { quoteId: quotes.quotes[0].id, idempotencyKey: `max ${maxOrderTotalSat}`, maxOrderTotalSat }
    return (
      await gateway.ask(
        'mutation ($input: CreateOrderInput!) { createOrder(input: $input) { ... on Order { payment { bolt11 { orderTotalSat } onchain { orderTotalSat } bip21 } } } }',
        { input },
      )
    ).createOrder.payment
  }
  const guarded = await order(5_999)
  expect(guarded).toMatchObject({ bolt11: { orderTotalSat: 1_000 }, onchain: null })
  expect(guarded.bip21).toMatch(/^bitcoin:\?lightning=/)
  expect(await order(6_000)).toMatchObject({ bolt11: { orderTotalSat: 1_000 }, onchain: { orderTotalSat: 6_000 } })
})

describe('a price that nobody took', () => {
  const COMPARE =
    'query ($request: ChannelRequestInput!, $firm: FirmPolicy! = WHEN_NEEDED) { quotes(request: $request, firm: $firm) { quotes { id basis orderTotalSat } failures { code } } }'

  /** A quote of what the LSP asked of another node, once its budget is spent. */
  async function observed() {
    const state = { feeSat: 1_000 }
    const lsp = await startScriptedLsp(() =>
      lsps1Order(Date.now(), { feeSat: state.feeSat, order_id: `order-${state.feeSat}-${Math.random()}` }),
    )
    const gateway = await startTestGateway({
      sandbox: { only: [] },
      config: {
        lsps: [
          settings('dear', lsp.url, {
            courtesy: { maxUnpaidOrders: 1, firmQuotesPerHour: 1, maxStandingOrders: 1_000 },
          }),
        ],
      },
    })
    const quote = async (clientPubkey: string) =>
      (await gateway.ask(COMPARE, { request: { clientPubkey, lspBalanceSat: 1_000_000 } })).quotes.quotes[0] as {
        id: string
        basis: string
      }
    await quote(gateway.sandbox.wallet.pubkey)
    const { id, basis } = await quote(NODE.pubkey)
    expect(basis).toBe('OBSERVED')
    const posts = () => lsp.requests.filter(({ path }) => path === '/create_order').length
    expect(posts()).toBe(1)
    return {
      state,
      gateway,
      id,
      posts,
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]()
        await lsp[Symbol.asyncDispose]()
      },
    }
  }

  test('costs the LSP no order, as long as the guard is below what is known', async () => {
    await using at = await observed()
    for (let index = 0; index < 5; index++)
      expect(await createOrder(at.gateway, { quoteId: at.id, maxOrderTotalSat: 1 })).toMatchObject({
        __typename: 'PriceChangedError',
      })
    expect(at.posts()).toBe(1)
  })

  test('costs the LSP one order, however often it is asked for again, and whoever agrees to it gets that order', async () => {
    await using at = await observed()
    at.state.feeSat = 2_000
    for (let index = 0; index < 5; index++)
      expect(await createOrder(at.gateway, { quoteId: at.id })).toMatchObject({
        __typename: 'PriceChangedError',
        freshQuote: { orderTotalSat: 2_000 },
      })
    expect(at.posts()).toBe(2)
    expect(await createOrder(at.gateway, { quoteId: at.id, maxOrderTotalSat: 2_000 })).toMatchObject({
      __typename: 'Order',
      orderTotalSat: 2_000,
    })
    expect(at.posts()).toBe(2)
    // What was ordered is ordered: another channel of the same kind is another order.
    expect(await createOrder(at.gateway, { quoteId: at.id, maxOrderTotalSat: 2_000 })).toMatchObject({
      __typename: 'Order',
      orderTotalSat: 2_000,
    })
    expect(at.posts()).toBe(3)
  })
})

describe('each payment option may cost what the quote said for it', () => {
  const CHECKED = `mutation ($input: CreateOrderInput!) { createOrder(input: $input) {
    __typename ... on UserError { message } ... on PriceChangedError { quote { id orderTotalSat } }
    ... on Order { orderTotalSat checks { code verdict message } payment { bolt11 { orderTotalSat } onchain { orderTotalSat } bip21 } }
  } }`
  const withinMaximum = ({ checks }: { checks: { code: string }[] }) =>
    checks.filter(({ code }) => code === 'WITHIN_MAXIMUM')

  /** An LSP that asks 6148 sat by Lightning and 5534 sat on chain, or as `prices` says later. */
  async function twoPrices() {
    const prices = { bolt11: 6_148, onchain: 5_534 }
    const lsp = await startScriptedLsp(() => {
      const order = lsps1Order(Date.now(), { feeSat: prices.bolt11, order_id: `order-${Math.random()}` })
      const { invoice: _, ...option } = order.payment.bolt11
      const onchain = {
        ...option,
        fee_total_sat: String(prices.onchain),
        order_total_sat: String(prices.onchain),
        address: NODE.newAddress(),
        min_onchain_payment_confirmations: 1,
      }
      return { ...order, payment: { ...order.payment, onchain } }
    })
    const gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('lsp', lsp.url)] } })
    return {
      prices,
      gateway,
      quote: (more: Record<string, unknown> = {}, firm?: string) =>
        quoteAt(gateway, 'lsp', { refundOnchainAddress: ADDRESS, ...more }, firm),
      order: async (input: Record<string, unknown>) =>
        (await gateway.ask(CHECKED, { input: { idempotencyKey: JSON.stringify(input), ...input } })).createOrder,
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]()
        await lsp[Symbol.asyncDispose]()
      },
    }
  }

  test('so that both options of a FIRM quote are handed out, each with a check', async () => {
    await using at = await twoPrices()
    const { id: quoteId, orderTotalSat } = await at.quote()
    expect(orderTotalSat).toBe(5_534)
    const order = await at.order({ quoteId })
    expect(order.payment).toMatchObject({ bolt11: { orderTotalSat: 6_148 }, onchain: { orderTotalSat: 5_534 } })
    expect(withinMaximum(order)).toEqual([
      {
        code: 'WITHIN_MAXIMUM',
        verdict: 'PASSED',
        message: 'Lightning costs 6148 sat, within the agreed maximum of 6148 sat',
      },
      {
        code: 'WITHIN_MAXIMUM',
        verdict: 'PASSED',
        message: 'on-chain costs 5534 sat, within the agreed maximum of 5534 sat',
      },
    ])
    // Ordered again, it is the same order.
    expect(await at.order({ quoteId, idempotencyKey: 'again' })).toMatchObject({ payment: order.payment })
    expect(await at.order({ quoteId, idempotencyKey: 'less', maxOrderTotalSat: 6_147 })).toMatchObject({
      __typename: 'PriceChangedError',
    })
  })

  test('so that both options of an OBSERVED price are handed out, and one that got dearer is withheld with a check', async () => {
    await using at = await twoPrices()
    await at.quote()
    const same = await at.quote({ clientPubkey: NODE.pubkey }, 'NEVER')
    expect(same).toMatchObject({ basis: 'OBSERVED', orderTotalSat: 5_534 })
    expect((await at.order({ quoteId: same.id })).payment).toMatchObject({
      bolt11: { orderTotalSat: 6_148 },
      onchain: { orderTotalSat: 5_534 },
    })
    at.prices.onchain = 6_148
    const dearer = await at.order({ quoteId: same.id, idempotencyKey: 'dearer' })
    expect(dearer.payment).toMatchObject({
      bolt11: { orderTotalSat: 6_148 },
      onchain: null,
      bip21: expect.stringMatching(/^bitcoin:\?lightning=/),
    })
    expect(withinMaximum(dearer)).toContainEqual({
      code: 'WITHIN_MAXIMUM',
      verdict: 'WARNING',
      message: 'on-chain costs 6148 sat, above the agreed maximum of 5534 sat; this option is withheld',
    })
    at.prices.bolt11 = 6_149
    expect(await at.order({ quoteId: same.id, idempotencyKey: 'both dearer' })).toMatchObject({
      __typename: 'PriceChangedError',
      quote: { orderTotalSat: 6_148 },
    })
  })

  test('and an explicit maximum applies to each option', async () => {
    await using at = await twoPrices()
    const { id: quoteId } = await at.quote()
    const order = await at.order({ quoteId, maxOrderTotalSat: 6_000 })
    expect(order.payment).toMatchObject({ bolt11: null, onchain: { orderTotalSat: 5_534 } })
    expect(withinMaximum(order)).toContainEqual({
      code: 'WITHIN_MAXIMUM',
      verdict: 'WARNING',
      message: 'Lightning costs 6148 sat, above the agreed maximum of 6000 sat; this option is withheld',
    })
  })
})

test('the fees of an invoice’s route hints are part of the price, of the quote and of the maximum', async () => {
  let feeBaseMsat = 0
  await using lsp = await startScriptedLsp(() => {
    const order = lsps1Order(Date.now(), { order_id: `order-${Math.random()}` })
    const invoice = signedInvoice({
      amountSat: 1_000,
      createdAt: Date.now(),
      routeHints: feeBaseMsat === 0 ? [] : [[{ feeBaseMsat }]],
    })
    return { ...order, payment: { bolt11: { ...order.payment.bolt11, invoice } } }
  })
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('lsp', lsp.url)] } })
  await quoteAt(gateway, 'lsp')
  const observed = await quoteAt(gateway, 'lsp', { clientPubkey: NODE.pubkey }, 'NEVER')
  expect(observed.orderTotalSat).toBe(1_000)
  feeBaseMsat = 49_999_001
  const changed = await createOrder(gateway, { quoteId: observed.id })
  expect(changed).toMatchObject({
    __typename: 'PriceChangedError',
    freshQuote: { feeTotalSat: 51_000, orderTotalSat: 51_000 },
  })
  expect(await createOrder(gateway, { quoteId: changed.freshQuote.id, maxOrderTotalSat: 50_999 })).toMatchObject({
    __typename: 'PriceChangedError',
  })
  expect(await createOrder(gateway, { quoteId: changed.freshQuote.id })).toMatchObject({
    __typename: 'Order',
    payment: { bolt11: { orderTotalSat: 1_000 } },
  })
})

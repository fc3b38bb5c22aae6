import { describe, expect, it } from 'vitest'
import { sat } from '../../src/domain/money.ts'
import type { OrderReading } from '../../src/domain/reading.ts'
import type { LspCall } from '../../src/protocols/adapter.ts'
import { kaleidoswap } from '../../src/protocols/kaleidoswap.ts'
import { adapterCall, channelRequest, failureOf, NOW, orderRef, talk } from '../support/adapter-call.ts'
import { readAnswer } from '../../src/upstream/answer.ts'
import { fixture, testEveryFixture } from '../support/fixtures.ts'
import { json, QueueServer, text, type Handler } from '../support/queue-server.ts'

const v1 = (name: string) => fixture(`kaleidoswap-0.1.0/${name}`)
const v2 = (name: string) => fixture(`kaleidoswap-0.2.0/${name}`)

const ASSET_ID = 'rgb:2NZGjyz-pJePUgegh-RLHbpx1Hy-iZMagWiZZ-qY4AxGymW-yCEYwwB'
const NODE_URI = '03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad@127.0.0.1:9735'

const REQUEST_V2 = channelRequest({
  clientPubkey: '03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad',
  lspBalanceSat: sat(150_000),
  clientBalanceSat: sat(50_000),
  requiredChannelConfirmations: 3,
  fundingConfirmsWithinBlocks: 144,
  channelExpiryBlocks: 4_032,
  announceChannel: true,
  refundOnchainAddress: 'tb1qexampleaddress0000000000000000000000000',
  asset: { assetId: ASSET_ID, lspAmount: '0', clientAmount: '2500', rfqId: '8e6635fb-ab37-4aed-89f4-bc9c98fb8b49' },
})
const ORDER_V2 = orderRef({ lspOrderId: '550e8400-e29b-41d4-a716-446655440000', accessToken: 'ord_live_3rCkP9dG7mN4' })
const ORDER_V1 = orderRef({ lspOrderId: '<string>' })

const ANSWER_V2 = { status: 200, headers: {}, text: JSON.stringify(v2('create_order.response.json')) }

const createV2 = (answer: Handler) =>
  talk(kaleidoswap, [answer], (call) => kaleidoswap.createOrder(call, REQUEST_V2, 'ops@kaleidoswap.com'))
const readV2 = (answer: Handler) => talk(kaleidoswap, [answer], (call) => kaleidoswap.readOrder(call, ORDER_V2))
const decide = (answer: Handler, order = ORDER_V2, accept = true) =>
  talk(kaleidoswap, [answer], (call) => kaleidoswap.decideRate!(call, order, accept))
const estimate = (answer: Handler) => talk(kaleidoswap, [answer], (call) => kaleidoswap.estimate!(call, REQUEST_V2))
const retry = (answer: Handler) => talk(kaleidoswap, [answer], (call) => kaleidoswap.retryDelivery!(call, ORDER_V1))

async function infoOf(getInfo: Handler, networkInfo: Handler, network: LspCall['network'] = 'SIGNET') {
  await using server = await QueueServer.start()
  await using call = adapterCall(kaleidoswap, server.url, { network })
  server.next(getInfo, '/get_info').next(networkInfo, '/network_info')
  return await kaleidoswap.info(call)
}

async function read(changes: Record<string, unknown>): Promise<OrderReading> {
  return (await readV2(json(200, { ...v2('create_order.response.json'), ...changes }))).result
}

/** The order with these changes of its on-chain payment, of which 50 500 sat are asked. */
function readOnchain(changes: Record<string, unknown>): Promise<OrderReading> {
  const payment = v2('create_order.response.json').payment as Record<string, Record<string, unknown>>
  return read({ payment: { ...payment, onchain: { ...payment.onchain, ...changes } } })
}

/** KaleidoErrorResponse: each message carries `request_id`, for support. */
const REQUEST_ID = ' (request id req_01HV8Q9X7G0Q7Y3Z)'

function refusalTest(
  name: string,
  status: number,
  expected: Record<string, unknown>,
  ask: (answer: Handler) => Promise<unknown> = createV2,
) {
  return async () => {
    expect(await failureOf(ask(json(status, v2(name))))).toMatchObject({
      field: null,
      retryAt: null,
      effect: 'none',
      ...expected,
    })
  }
}

const FIXTURES: Readonly<Record<string, () => Promise<void>>> = {
  'kaleidoswap-0.1.0/create_order.request.json': () => sendsRequestV1('kaleidoswap-0.1.0/create_order.request.json'),
  'kaleidoswap-0.1.0/create_order.response.json': () => readsResponseV1('kaleidoswap-0.1.0/create_order.response.json'),
  'seeds/kaleidoswap/create_order.request.json': () => sendsRequestV1('seeds/kaleidoswap/create_order.request.json'),
  'seeds/kaleidoswap/create_order.response.json': () => readsResponseV1('seeds/kaleidoswap/create_order.response.json'),
  'kaleidoswap-0.1.0/rate_decision.request.json': async () => {
    const { requests } = await decide(json(200, v1('rate_decision.response.json')), ORDER_V1)
    expect(requests).toMatchObject([{ method: 'POST', path: '/rate_decision' }])
    expect(requests[0]?.body).toEqual(v1('rate_decision.request.json'))
  },
  'kaleidoswap-0.1.0/rate_decision.response.json': async () => {
    expect((await decide(json(200, v1('rate_decision.response.json')))).result).toEqual({
      message: 'string>',
      txid: '<string>',
    })
  },
  'kaleidoswap-0.1.0/retry_delivery.request.json': async () => {
    const { requests } = await retry(json(200, v1('retry_delivery.response.json')))
    expect(requests).toMatchObject([{ method: 'POST', path: '/retry_delivery' }])
    expect(requests[0]?.body).toEqual(v1('retry_delivery.request.json'))
  },
  'kaleidoswap-0.1.0/retry_delivery.response.json': async () => {
    expect((await retry(json(200, v1('retry_delivery.response.json')))).result).toEqual({
      message: 'string>',
      txid: null,
    })
  },
  'kaleidoswap-0.2.0/create_order.request.json': async () => {
    const { requests } = await createV2(json(200, v2('create_order.response.json')))
    expect(requests).toMatchObject([{ method: 'POST', path: '/create_order' }])
    expect(requests[0]?.body).toEqual(v2('create_order.request.json'))
  },
  'kaleidoswap-0.2.0/create_order.response.json': async () => {
    expect((await createV2(json(200, v2('create_order.response.json')))).result).toMatchObject({
      lspOrderId: '550e8400-e29b-41d4-a716-446655440000',
      state: 'AWAITING_PAYMENT',
      terms: {
        lspBalanceSat: 150_000,
        clientBalanceSat: 50_000,
        requiredChannelConfirmations: 3,
        fundingConfirmsWithinBlocks: 144,
        channelExpiryBlocks: 4_032,
        announceChannel: true,
      },
      payment: {
        bolt11: {
          state: 'EXPECT_PAYMENT',
          feeTotalSat: 500,
          orderTotalSat: 50_500,
          invoice: 'lnbc1example',
          expiresAt: Date.parse('2026-03-11T12:15:00Z'),
        },
        bolt12: null,
        onchain: {
          state: 'EXPECT_PAYMENT',
          orderTotalSat: 50_500,
          address: 'tb1qmakerdeposit0000000000000000000000000',
          minConfirmations: 0,
          minFeeFor0Conf: 253,
          paidSat: null,
        },
      },
      channel: null,
      asset: {
        assetId: ASSET_ID,
        lspAmount: null,
        clientAmount: '2500',
        rfqId: '8e6635fb-ab37-4aed-89f4-bc9c98fb8b49',
        priceSat: null,
        deliveryStatus: null,
      },
      accessToken: 'ord_live_3rCkP9dG7mN4',
      createdAt: Date.parse('2026-03-11T12:00:00Z'),
    })
  },
  'kaleidoswap-0.2.0/get_order.request.json': async () => {
    const { requests } = await readV2(json(200, v2('get_order.response.json')))
    expect(requests).toMatchObject([{ method: 'POST', path: '/get_order' }])
    expect(requests[0]?.body).toEqual(v2('get_order.request.json'))
  },
  'kaleidoswap-0.2.0/get_order.response.json': async () => {
    expect((await readV2(json(200, v2('get_order.response.json')))).result).toMatchObject({
      state: 'AWAITING_PAYMENT',
      payment: { bolt11: { orderTotalSat: 0 }, onchain: { state: 'EXPECT_PAYMENT', paidSat: null } },
      channel: { state: 'OPENING', channelId: 'string', fundingOutpoint: 'string' },
      asset: { assetId: 'string', lspAmount: '0', clientAmount: '0', rfqId: 'string', priceSat: 0 },
      failureReason: 'string',
    })
  },
  'kaleidoswap-0.2.0/get_info.response.json': async () => {
    expect(await infoOf(json(200, v2('get_info.response.json')), text(404, 'no such page'))).toEqual({
      limits: {
        minLspBalanceSat: 0,
        maxLspBalanceSat: 16_777_215,
        minClientBalanceSat: 0,
        maxClientBalanceSat: 1_000_000,
        minChannelBalanceSat: 50_000,
        maxChannelBalanceSat: 16_777_215,
        maxChannelExpiryBlocks: 20_160,
        minRequiredChannelConfirmations: 0,
        minFundingConfirmsWithinBlocks: 0,
        minOnchainPaymentSat: 0,
        minOnchainPaymentConfirmations: 0,
      },
      // The address is a placeholder in this payload.
      nodeUris: [],
      features: ['FEE_ESTIMATE', 'RATE_DECISION', 'RGB_ASSETS', 'ONCHAIN_PAYMENT', 'CLIENT_BALANCE', 'ZERO_RESERVE'],
      assets: [
        {
          assetId: 'string',
          schema: null,
          name: 'US Dollar Notes',
          ticker: 'USDT',
          precision: 6,
          minLspAmount: '0',
          maxLspAmount: '10000',
          minClientAmount: '0',
          maxClientAmount: '0',
          minChannelAmount: '0',
          maxChannelAmount: '10000',
          issuedSupply: '0',
        },
      ],
      website: null,
    })
  },
  'kaleidoswap-0.2.0/network_info.response.json': async () => {
    const networkInfo = json(200, v2('network_info.response.json'))
    expect(await infoOf(json(200, v2('get_info.response.json')), networkInfo, 'MAINNET')).toMatchObject({
      website: null,
    })
    expect(await failureOf(infoOf(json(200, v2('get_info.response.json')), networkInfo, 'SIGNET'))).toMatchObject({
      code: 'UNTRUSTWORTHY',
      field: 'network',
    })
  },
  'kaleidoswap-0.2.0/estimate_fees.request.json': async () => {
    const { requests } = await estimate(json(200, v2('estimate_fees.response.json')))
    expect(requests).toMatchObject([{ method: 'POST', path: '/estimate_fees' }])
    expect(requests[0]?.body).toEqual(v2('estimate_fees.request.json'))
  },
  'kaleidoswap-0.2.0/estimate_fees.response.json': async () => {
    const answer = json(200, v2('estimate_fees.response.json'))
    const plain = { ...REQUEST_V2, asset: null }
    expect((await talk(kaleidoswap, [answer], (call) => kaleidoswap.estimate!(call, plain))).result).toEqual({
      feeTotalSat: 0,
      expiresAt: null,
      breakdown: { setupFeeSat: 0, capacityFeeSat: 0, durationFeeSat: 0 },
      discount: { fraction: 0, code: 'string' },
    })
    // Of the client's own quote the gateway does not know the price, and this total does not contain it.
    expect((await estimate(answer)).result).toBeNull()
  },
  'kaleidoswap-0.2.0/rate_decision.request.json': async () => {
    const { requests } = await decide(json(200, v2('rate_decision.response.json')))
    expect(requests[0]?.body).toEqual(v2('rate_decision.request.json'))
  },
  'kaleidoswap-0.2.0/rate_decision.response.json': async () => {
    expect((await decide(json(200, v2('rate_decision.response.json')))).result).toEqual({
      message: 'Rate accepted. Order will proceed with current market rate.',
      txid: null,
    })
  },
  'kaleidoswap-0.2.0/error.400.create_order.json': refusalTest('error.400.create_order.json', 400, {
    code: 'INVALID_REQUEST',
    field: 'asset.rfqs',
    message: `RFQ ID is required when purchasing assets (client_asset_amount > 0). Please request a quote first.${REQUEST_ID}`,
  }),
  'kaleidoswap-0.2.0/error.400.get_order_access_token.json': refusalTest(
    'error.400.get_order_access_token.json',
    400,
    { code: 'INVALID_REQUEST', field: 'access_token' },
    readV2,
  ),
  'kaleidoswap-0.2.0/error.400.rate_decision.json': refusalTest(
    'error.400.rate_decision.json',
    400,
    { code: 'WRONG_STATE', message: `Order is not pending rate decision. Current state: COMPLETED${REQUEST_ID}` },
    decide,
  ),
  'kaleidoswap-0.2.0/error.400.market_quote.json': refusalTest('error.400.market_quote.json', 400, {
    code: 'INVALID_REQUEST',
    message: 'Route not supported for this pair. From: BTC_LN, To: RGB_LN',
  }),
  'kaleidoswap-0.2.0/error.404.get_order.json': refusalTest(
    'error.404.get_order.json',
    404,
    { code: 'NOT_FOUND', message: `Order Not found${REQUEST_ID}` },
    readV2,
  ),
  'kaleidoswap-0.2.0/error.404.asset_not_found.json': refusalTest(
    'error.404.asset_not_found.json',
    404,
    { code: 'OPTION_MISMATCH', field: 'asset.assetId' },
    estimate,
  ),
  'kaleidoswap-0.2.0/error.404.market_quote.json': refusalTest('error.404.market_quote.json', 404, {
    code: 'OPTION_MISMATCH',
    field: 'asset.assetId',
  }),
  'kaleidoswap-0.2.0/error.422.validation.json': refusalTest('error.422.validation.json', 422, {
    code: 'INVALID_REQUEST',
    field: 'asset.rfqs',
    message: 'Field required',
  }),
  'kaleidoswap-0.2.0/error.429.rate_limit.json': refusalTest('error.429.rate_limit.json', 429, {
    code: 'RATE_LIMITED',
    message: `Too many requests${REQUEST_ID}`,
    retryAt: NOW + 60_000,
  }),
  'kaleidoswap-0.2.0/error.500.internal.json': refusalTest('error.500.internal.json', 500, {
    code: 'UNAVAILABLE',
    effect: 'unknown',
    message: `Internal Server Error${REQUEST_ID}`,
  }),
  // 102 is an invalid token in bLIP-51.
  'kaleidoswap-0.2.0/error.503.node_unreachable.json': refusalTest('error.503.node_unreachable.json', 503, {
    code: 'UNAVAILABLE',
    effect: 'unknown',
    message: `LSP node unreachable${REQUEST_ID}`,
  }),
  'kaleidoswap-0.2.0/error.503.rate_decision.json': refusalTest(
    'error.503.rate_decision.json',
    503,
    { code: 'UNAVAILABLE', effect: 'unknown' },
    decide,
  ),
}

const NOT_SPOKEN: Readonly<Record<string, string>> = {
  'kaleidoswap-0.2.0/market_quote.request.json':
    'it asks what an amount of bitcoin buys; the gateway asks what an amount of the asset costs',
  'kaleidoswap-0.2.0/market_quote.response.json': 'test/protocols/kaleidoswap-price.test.ts reads it',
}

async function sendsRequestV1(path: string): Promise<void> {
  const request = channelRequest({
    clientPubkey: '<string>',
    lspBalanceSat: sat(1),
    clientBalanceSat: sat(1),
    requiredChannelConfirmations: 1,
    fundingConfirmsWithinBlocks: 2,
    channelExpiryBlocks: 2,
    announceChannel: true,
    token: '<string>',
    refundOnchainAddress: '<string>',
    asset: { assetId: '<string>', lspAmount: '123', clientAmount: '123', rfqId: '<string>' },
  })
  const { requests } = await talk(kaleidoswap, [json(200, v1('create_order.response.json'))], (call) =>
    kaleidoswap.createOrder(call, request, '<string>'),
  )
  expect(requests[0]?.body).toEqual(fixture(path))
}

async function readsResponseV1(path: string): Promise<void> {
  const time = Date.parse('2023-11-07T05:31:56Z')
  expect((await createV2(json(200, fixture(path)))).result).toMatchObject({
    lspOrderId: '<string>',
    state: 'AWAITING_PAYMENT',
    payment: {
      bolt11: { orderTotalSat: 123, invoice: '<string>' },
      onchain: { state: 'EXPECT_PAYMENT', address: '<string>', paidSat: null },
    },
    channel: { state: 'OPENING', channelId: '<string>', fundedAt: time, expiresAt: time },
    asset: {
      assetId: '<string>',
      lspAmount: '123',
      clientAmount: '123',
      rfqId: '<string>',
      priceSat: 123,
      deliveryStatus: 'NOT_REQUIRED',
      deliveryPaymentHash: '<string>',
      deliveredAt: time,
      deliveryError: 'string>',
    },
    failureReason: null,
    accessToken: null,
  })
}

describe('Kaleidoswap speaks 0.1.0 and 0.2.0', () => {
  testEveryFixture(['kaleidoswap-0.1.0', 'kaleidoswap-0.2.0', 'seeds/kaleidoswap'], FIXTURES, NOT_SPOKEN)

  it('says that a channel is not announced, since left out it would be', async () => {
    const { requests } = await talk(kaleidoswap, [json(200, v2('create_order.response.json'))], (call) =>
      kaleidoswap.createOrder(call, channelRequest(), null),
    )
    expect(requests[0]?.body).toEqual({
      client_pubkey: channelRequest().clientPubkey,
      lsp_balance_sat: 1_000_000,
      client_balance_sat: 0,
      channel_expiry_blocks: 12_960,
      required_channel_confirmations: 1,
      funding_confirms_within_blocks: 6,
      announce_channel: false,
    })
  })

  it.each(['9007199254740991', '9007199254740993', '18446744073709551615'])(
    'an asset amount of %s is sent as exactly that integer',
    async (lspAmount) => {
      const request = channelRequest({ asset: { assetId: ASSET_ID, lspAmount, clientAmount: '0', rfqId: null } })
      expect(kaleidoswap.unsupportedParameter(request)).toBeNull()
      const sent: unknown[] = []
      const http: LspCall['http'] = {
        async exchange(exchange) {
          sent.push(exchange.body)
          return readAnswer(exchange, ANSWER_V2, () => null, NOW, [])
        },
      }
      await talk(kaleidoswap, [], (call) => kaleidoswap.createOrder({ ...call, http }, request, null))
      const [body] = sent as Record<string, unknown>[]
      expect(String(body?.lsp_asset_amount)).toBe(lspAmount)
      expect(body).not.toHaveProperty('client_asset_amount')
    },
  )

  it.each([
    ['a page of a proxy', text(404, '<html>')],
    ["FastAPI's 404", json(404, { detail: 'Not Found' })],
    ["FastAPI's 405", json(405, { detail: 'Method Not Allowed' })],
  ])('has no estimate where there is no endpoint for it: %s', async (_what, answer) => {
    expect((await estimate(answer)).result).toBeNull()
  })

  it('fails an estimate that the LSP refuses with its own 404', async () => {
    expect(await failureOf(estimate(json(404, { detail: 'Asset not found: rgb:x' })))).toMatchObject({
      code: 'NOT_FOUND',
    })
  })
})

describe('Kaleidoswap tells which network it is on', () => {
  it.each([
    ['SignetCustom', 'SIGNET'],
    ['Signet', 'SIGNET'],
    ['Testnet4', 'TESTNET4'],
    ['regtest', 'REGTEST'],
  ] as const)('%s is %s', async (word, network) => {
    const info = await infoOf(
      json(200, { ...v2('get_info.response.json'), lsp_connection_url: NODE_URI }),
      json(200, { network: word, height: 1 }),
      network,
    )
    expect(info.nodeUris).toEqual([NODE_URI])
  })

  it.each(['Mainnet', 'Liquid'])('an LSP on %s is not believed where signet is configured', async (word) => {
    const failure = await failureOf(
      infoOf(json(200, v2('get_info.response.json')), json(200, { network: word, height: 1 })),
    )
    expect(failure).toMatchObject({
      code: 'UNTRUSTWORTHY',
      field: 'network',
      message: `the LSP is on ${word}, not on SIGNET`,
    })
  })

  it('where it cannot tell just now, its info has to wait', async () => {
    expect(await failureOf(infoOf(json(200, v2('get_info.response.json')), text(503, '')))).toMatchObject({
      code: 'UNAVAILABLE',
    })
  })
})

describe('Kaleidoswap tells how an order stands', () => {
  it.each([
    ['CREATED', 'AWAITING_PAYMENT'],
    ['channel_opening', 'CHANNEL_OPENING'],
    ['COMPLETED', 'COMPLETED'],
    ['Failed', 'FAILED_OR_LAPSED'],
    ['PENDING_RATE_DECISION', 'RATE_DECISION_REQUIRED'],
    ['PONDERING', 'UNKNOWN'],
  ])('%s is %s', async (word, state) => {
    expect(await read({ order_state: word })).toMatchObject({ state, lspState: word })
  })

  it.each([
    ['nothing has arrived', { payment_status: 'NOT_PAID', payment_difference: -50_500 }, 'EXPECT_PAYMENT', 0, null],
    ['less than the total', { payment_status: 'UNDERPAID', payment_difference: -500 }, 'UNDERPAID', 50_000, 50_000],
    ['the total', { payment_status: 'paid', payment_difference: 0 }, 'PAID', 50_500, 50_500],
    [
      'the total, the difference not told',
      { payment_status: 'PAID', payment_difference: null },
      'PAID',
      50_500,
      50_500,
    ],
    ['less, the difference not told', { payment_status: 'UNDERPAID' }, 'UNDERPAID', null, null],
    ['more than the total', { payment_status: 'OVERPAID', payment_difference: 7 }, 'PAID', 50_507, 50_507],
    ['less than nothing', { payment_status: 'UNDERPAID', payment_difference: -60_000 }, 'UNDERPAID', null, null],
    [
      'a status that nobody knows',
      { payment_status: 'PONDERING', payment_difference: 5 },
      'EXPECT_PAYMENT',
      null,
      null,
    ],
    [
      'money on its way back',
      { state: 'TO_REFUND', payment_status: 'PAID', payment_difference: 0 },
      'TO_REFUND',
      50_500,
      50_500,
    ],
    ['money returned, or nothing ever paid', { state: 'REFUNDED' }, 'REFUNDED_OR_LAPSED', null, null],
  ])('on chain, %s', async (_what, changes, state, onchainSat, anyWaySat) => {
    const reading = await readOnchain(changes)
    expect(reading.payment?.onchain).toMatchObject({ state, paidSat: onchainSat })
    expect(reading.paidSat).toBe(anyWaySat)
  })

  it.each([[undefined], [null]])(
    'an LSP without on-chain payment (%s) is only paid over Lightning',
    async (onchain) => {
      const { bolt11 } = v2('create_order.response.json').payment as Record<string, unknown>
      expect((await read({ payment: { bolt11, onchain } })).payment).toMatchObject({
        bolt11: { orderTotalSat: 50_500 },
        onchain: null,
      })
    },
  )

  it('an order without a payment object is malformed, an empty one is free', async () => {
    expect(await failureOf(read({ payment: undefined }))).toMatchObject({ code: 'BAD_RESPONSE', effect: 'unknown' })
    expect((await read({ payment: {} })).payment).toEqual({ bolt11: null, bolt12: null, onchain: null })
  })

  it.each([
    ['nothing to tell yet', {}, null],
    [
      'a temporary id alone',
      { temporary_channel_id: 'aa' },
      { state: 'PENDING', channelId: null, fundingOutpoint: null },
    ],
    [
      'a funding transaction',
      { temporary_channel_id: 'aa', channel_id: 'bb', funding_outpoint: 'cc:0' },
      { state: 'OPENING', channelId: 'bb', fundingOutpoint: 'cc:0' },
    ],
  ])('of a channel: %s', async (_what, channel, expected) => {
    const nulls = {
      channel_id: null,
      temporary_channel_id: null,
      funded_at: null,
      funding_outpoint: null,
      expires_at: null,
    }
    const reading = await read({ channel: { ...nulls, ...channel } })
    if (expected === null) expect(reading.channel).toBeNull()
    else expect(reading.channel).toMatchObject(expected)
  })

  it('an asset delivery that nobody knows is not told', async () => {
    expect((await read({ asset_delivery_status: 'in_progress' })).asset).toMatchObject({
      deliveryStatus: 'IN_PROGRESS',
    })
    expect((await read({ asset_delivery_status: 'PONDERING' })).asset).toMatchObject({ deliveryStatus: null })
    expect((await read({ asset_id: null })).asset).toBeNull()
  })

  it('what an LSP without a secret or a reason sends in their place is none', async () => {
    expect(await read({ access_token: '', failure_reason: '' })).toMatchObject({
      accessToken: null,
      failureReason: null,
    })
  })
})

describe('Kaleidoswap is told and asked to act', () => {
  it('a refused rate is refunded in a transaction', async () => {
    const { result, requests } = await decide(
      json(200, { order_id: 'a', decision_accepted: true, message: 'Refund sent', refund_txid: 'aabb' }),
      ORDER_V2,
      false,
    )
    expect(requests[0]?.body).toMatchObject({ accept_new_rate: false })
    expect(result).toEqual({ message: 'Refund sent', txid: 'aabb' })
  })

  it('an acceptance that the LSP does not take has failed', async () => {
    expect(await failureOf(decide(json(200, { decision_accepted: false, message: 'too late' })))).toMatchObject({
      code: 'WRONG_STATE',
      message: 'too late',
    })
  })

  it.each([
    ['not_found', 'NOT_FOUND', 'none'],
    ['no_pending_delivery', 'WRONG_STATE', 'none'],
    ['error', 'UNAVAILABLE', 'unknown'],
  ])('a delivery that is not tried again (%s) has failed', async (status, code, effect) => {
    expect(await failureOf(retry(json(200, { status, message: 'no' })))).toMatchObject({ code, effect, message: 'no' })
  })

  it('0.2.0 tries no delivery again', async () => {
    expect(await failureOf(retry(json(404, { detail: 'Not Found' })))).toMatchObject({ code: 'UNSUPPORTED' })
  })
})

describe('Kaleidoswap refuses', () => {
  const params = (property: unknown, message: string) => ({
    error_code: 'LSPS1_INVALID_PARAMS',
    message,
    details: { code: -32602, property },
  })

  it.each([
    [
      'a limit of get_info',
      400,
      params('options.max_initial_lsp_balance_sat', 'no'),
      { code: 'OPTION_MISMATCH', field: 'lspBalanceSat' },
    ],
    [
      'an amount out of range',
      400,
      params('lsp_balance_sat', 'lsp_balance_sat exceeds the LSP limit'),
      { code: 'OPTION_MISMATCH', field: 'lspBalanceSat' },
    ],
    [
      'a field for another reason',
      400,
      params('client_pubkey', 'not a key'),
      { code: 'INVALID_REQUEST', field: 'clientPubkey' },
    ],
    ['a field that is no word', 400, params({ a: 1 }, 'no'), { code: 'INVALID_REQUEST', field: null }],
    [
      'what nobody knows under 4xx, by its text',
      409,
      { error_code: 'NEW', message: 'peer is not connected' },
      { code: 'PEER_NOT_CONNECTED' },
    ],
    [
      'because it is not there, which says nothing of how far it had come',
      400,
      { error_code: 'SERVICE_UNAVAILABLE', message: 'timed out while storing the order' },
      { code: 'UNAVAILABLE', effect: 'unknown' },
    ],
    [
      'what nobody knows under 5xx',
      500,
      { error_code: 'NEW', message: 'x' },
      { code: 'UNAVAILABLE', effect: 'unknown' },
    ],
    [
      'a name that every JavaScript object knows',
      400,
      { error_code: 'constructor', details: { message: 'x' } },
      { code: 'INVALID_REQUEST', message: 'x' },
    ],
    [
      'a list without an entry',
      422,
      { detail: [] },
      { code: 'INVALID_REQUEST', message: 'the LSP refused', field: null },
    ],
    [
      'a place inside a field',
      422,
      { detail: [{ loc: ['body', 'token', 0], msg: 'too odd' }] },
      { code: 'INVALID_REQUEST', field: 'tokens' },
    ],
    [
      'a limit for no more than a day',
      429,
      { error_code: 'RATE_LIMIT_EXCEEDED', message: 'x', details: { retry_after: 1e300 } },
      { code: 'RATE_LIMITED', retryAt: NOW + 86_400_000 },
    ],
  ])('%s', async (_what, status, body, expected) => {
    expect(await failureOf(createV2(json(status, body)))).toMatchObject(expected)
  })
})

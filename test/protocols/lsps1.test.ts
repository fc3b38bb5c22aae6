import { describe, expect, it } from 'vitest'
import { sat } from '../../src/domain/money.ts'
import type { OrderReading } from '../../src/domain/reading.ts'
import { lsps1 } from '../../src/protocols/lsps1.ts'
import { channelRequest, failureOf, orderRef, talk } from '../support/adapter-call.ts'
import { fixture, testEveryFixture } from '../support/fixtures.ts'
import { json } from '../support/queue-server.ts'

const blip51 = (name: string) => fixture(`lsps1-blip51/${name}`)

/** An order as short as an LSP may send it. */
const BARE_ORDER = { order_id: 'a1', order_state: 'CREATED', payment: {} }
const FLAT_PAYMENT = { state: 'EXPECT_PAYMENT', fee_total_sat: '8888', order_total_sat: '2008888' }

async function read(order: unknown): Promise<OrderReading> {
  return (await talk(lsps1, [json(200, order)], (call) => lsps1.readOrder(call, orderRef()))).result
}

async function infoOf(document: unknown) {
  return (await talk(lsps1, [json(200, document)], (call) => lsps1.info(call))).result
}

function refused(status: number, body: unknown) {
  return failureOf(talk(lsps1, [json(status, body)], (call) => lsps1.createOrder(call, channelRequest(), null)))
}

/** What becomes of every payload of bLIP-50 and bLIP-51. */
const FIXTURES: Readonly<Record<string, () => Promise<void>>> = {
  'lsps1-blip51/get_info.response.json': async () => {
    expect(await infoOf(blip51('get_info.response.json'))).toEqual({
      limits: {
        minLspBalanceSat: 0,
        maxLspBalanceSat: 100_000_000,
        minClientBalanceSat: 20_000,
        maxClientBalanceSat: 100_000_000,
        minChannelBalanceSat: 50_000,
        maxChannelBalanceSat: 100_000_000,
        maxChannelExpiryBlocks: 20_160,
        minRequiredChannelConfirmations: 0,
        minFundingConfirmsWithinBlocks: 6,
        minOnchainPaymentSat: null,
        minOnchainPaymentConfirmations: null,
      },
      nodeUris: [],
      features: ['CLIENT_BALANCE', 'ZERO_RESERVE'],
      assets: [],
      website: null,
    })
  },
  'lsps1-blip51/create_order.request.json': async () => {
    // The public key is the one field that HTTP needs and the Lightning transport does not.
    const expected = { ...blip51('create_order.request.json'), public_key: channelRequest().clientPubkey }
    const { requests } = await orderAsInBlip51()
    expect(requests[0]?.body).toEqual(expected)
  },
  'lsps1-blip51/create_order.response.json': async () => {
    expect((await orderAsInBlip51()).result).toMatchObject({
      lspOrderId: 'bb4b5d0a-8334-49d8-9463-90a6d413af7c',
      lspState: 'CREATED',
      state: 'AWAITING_PAYMENT',
      terms: {
        lspBalanceSat: 5_000_000,
        clientBalanceSat: 2_000_000,
        requiredChannelConfirmations: 0,
        fundingConfirmsWithinBlocks: 1,
        channelExpiryBlocks: 12,
        announceChannel: true,
      },
      payment: {
        bolt11: {
          state: 'EXPECT_PAYMENT',
          feeTotalSat: 8_888,
          orderTotalSat: 2_008_888,
          expiresAt: Date.parse('2015-01-25T19:29:44.612Z'),
        },
        // It does not add up, and is handed on so that the check sees it.
        bolt12: { state: 'EXPECT_PAYMENT', feeTotalSat: 8_888, orderTotalSat: 200_888 },
        onchain: {
          address: 'bc1p5uvtaxzkjwvey2tfy49k5vtqfpjmrgm09cvs88ezyy8h2zv7jhas9tu4yr',
          minConfirmations: 0,
          minFeeFor0Conf: 253,
          feeTotalSat: 9_999,
        },
      },
      channel: null,
      createdAt: Date.parse('2012-04-23T18:25:43.511Z'),
    })
  },
  'lsps1-blip51/get_order.request.json': async () => {
    const { order_id: lspOrderId } = blip51('get_order.request.json') as { order_id: string }
    const { requests } = await talk(lsps1, [json(200, BARE_ORDER)], (call) =>
      lsps1.readOrder(call, orderRef({ lspOrderId })),
    )
    expect(requests).toMatchObject([{ method: 'GET', path: '/get_order', query: blip51('get_order.request.json') }])
  },
  'lsps1-blip51/payment.all.response.json': async () => {
    const { payment } = await read({ ...BARE_ORDER, payment: blip51('payment.all.response.json') })
    expect(payment).toMatchObject({
      bolt11: { feeTotalSat: 8_888 },
      bolt12: { feeTotalSat: 8_888 },
      onchain: { feeTotalSat: 9_999 },
    })
  },
  'lsps1-blip51/payment.bolt11.json': async () => {
    const { payment } = await read({ ...BARE_ORDER, payment: { bolt11: blip51('payment.bolt11.json') } })
    expect(payment).toMatchObject({
      bolt11: { orderTotalSat: 200_888, invoice: expect.stringMatching(/^lnbc252u/) },
      bolt12: null,
      onchain: null,
    })
  },
  'lsps1-blip51/payment.bolt12.json': async () => {
    const { payment } = await read({ ...BARE_ORDER, payment: { bolt12: blip51('payment.bolt12.json') } })
    expect(payment).toMatchObject({
      bolt11: null,
      bolt12: { orderTotalSat: 200_888, offer: expect.stringMatching(/^lno1/) },
      onchain: null,
    })
  },
  'lsps1-blip51/payment.onchain.json': async () => {
    const { payment } = await read({ ...BARE_ORDER, payment: { onchain: blip51('payment.onchain.json') } })
    expect(payment).toMatchObject({
      bolt11: null,
      bolt12: null,
      onchain: { orderTotalSat: 200_999, minConfirmations: 1, paidSat: null },
    })
  },
  'lsps1-blip51/channel.object.json': async () => {
    const { state, channel } = await read({
      ...BARE_ORDER,
      order_state: 'COMPLETED',
      channel: blip51('channel.object.json'),
    })
    expect(state).toBe('COMPLETED')
    expect(channel).toEqual({
      state: 'OPENING',
      channelId: null,
      shortChannelId: null,
      fundingOutpoint: '0301e0480b374b32851a9462db29dc19fe830a7f7d7a88b81612b9d42099c0ae:0',
      fundedAt: Date.parse('2012-04-23T18:25:43.511Z'),
      expiresAt: Date.parse('2012-04-23T18:25:43.511Z'),
      closingTxid: null,
    })
  },
  'lsps1-blip51/error.option_mismatch.data.json': async () => {
    const failure = await refused(400, {
      error: { code: 100, message: 'Option mismatch', data: blip51('error.option_mismatch.data.json') },
    })
    expect(failure).toMatchObject({
      code: 'OPTION_MISMATCH',
      message: 'Option mismatch',
      field: 'clientBalanceSat',
    })
  },
  'lsps1-blip51/error.option_mismatch.response.json': async () => {
    const failure = await refused(200, blip51('error.option_mismatch.response.json'))
    expect(failure).toMatchObject({
      code: 'OPTION_MISMATCH',
      message: 'Option mismatch: %human_message%',
      field: 'clientBalanceSat',
      effect: 'none',
    })
  },
  'lsps1-blip51/error.invalid_params.data.json': async () => {
    const failure = await refused(400, {
      error: { code: -32602, message: 'Invalid params', data: blip51('error.invalid_params.data.json') },
    })
    expect(failure).toMatchObject({
      code: 'INVALID_REQUEST',
      message: 'Invalid params: Not a boolean',
      field: 'announceChannel',
    })
  },
  'lsps1-blip51/error.invalid_params.response.json': async () => {
    expect(await refused(400, blip51('error.invalid_params.response.json'))).toMatchObject({
      code: 'INVALID_REQUEST',
      field: 'announceChannel',
    })
  },
  'lsps1-blip51/error.client_rejected.response.json': async () => {
    expect(await refused(403, blip51('error.client_rejected.response.json'))).toMatchObject({
      code: 'CLIENT_REJECTED',
      message: 'Client rejected: %human_message%',
    })
  },
  'lsps1-blip51/error.not_found.response.json': async () => {
    expect(await refused(404, blip51('error.not_found.response.json'))).toMatchObject({
      code: 'NOT_FOUND',
      message: 'Not found',
    })
  },
  'lsps1-blip51/error.token.response.json': async () => {
    expect(await refused(400, blip51('error.token.response.json'))).toMatchObject({
      code: 'INVALID_TOKEN',
      message: 'Unrecognized or stale token',
    })
  },
  'lsps1-blip51/free_order.payment_empty.response.json': async () => {
    const { payment, state } = await read(blip51('free_order.payment_empty.response.json'))
    expect(payment).toEqual({ bolt11: null, bolt12: null, onchain: null })
    expect(state).toBe('AWAITING_PAYMENT')
  },
  'lsps0/error.unrecognized_params.response.json': async () => {
    const failure = await refused(400, fixture('lsps0/error.unrecognized_params.response.json'))
    expect(failure).toMatchObject({
      code: 'INVALID_REQUEST',
      message: 'Invalid params: unrecognized parameters: future_feature1_param',
      field: 'future_feature1_param',
      effect: 'none',
    })
  },
  // Read by mistake, it is no order and no info.
  'lsps0/list_protocols.response.json': async () => {
    const failure = await failureOf(infoOf(fixture('lsps0/list_protocols.response.json')))
    expect(failure).toMatchObject({
      code: 'BAD_RESPONSE',
      message: expect.stringContaining('none of the options of get_info'),
    })
  },
}

/** Requests that the adapter has no reason to send. */
const NOT_SPOKEN: Readonly<Record<string, string>> = {
  'lsps0/error.unrecognized_params.request.json': 'its method is only an example of the transport',
  'lsps0/list_protocols.request.json': 'an LSP spoken to over HTTP is asked for nothing but LSPS1',
}

function orderAsInBlip51() {
  const request = channelRequest({
    lspBalanceSat: sat(5_000_000),
    clientBalanceSat: sat(2_000_000),
    requiredChannelConfirmations: 0,
    fundingConfirmsWithinBlocks: 6,
    channelExpiryBlocks: 144,
    token: '',
    refundOnchainAddress: 'bc1qvmsy0f3yyes6z9jvddk8xqwznndmdwapvrc0xrmhd3vqj5rhdrrq6hz49h',
    announceChannel: true,
  })
  return talk(lsps1, [json(200, blip51('create_order.response.json'))], (call) =>
    lsps1.createOrder(call, request, null),
  )
}

describe('LSPS1 speaks bLIP-51', () => {
  testEveryFixture(['lsps0', 'lsps1-blip51'], FIXTURES, NOT_SPOKEN)

  it('sends defaults for the confirmations that nobody names (bLIP-51 §2)', async () => {
    const { requests } = await talk(lsps1, [json(200, BARE_ORDER)], (call) =>
      lsps1.createOrder(call, channelRequest(), null),
    )
    expect(requests).toMatchObject([
      {
        method: 'POST',
        path: '/create_order',
        body: { required_channel_confirmations: 1, funding_confirms_within_blocks: 6 },
      },
    ])
    expect(requests[0]?.body).not.toHaveProperty('token')
    expect(requests[0]?.body).not.toHaveProperty('refund_onchain_address')
  })

  it('cannot express an asset', () => {
    expect(
      lsps1.unsupportedParameter(
        channelRequest({ asset: { assetId: 'rgb:a', lspAmount: '1', clientAmount: null, rfqId: null } }),
      ),
    ).toMatchObject({ field: 'asset' })
    expect(lsps1.unsupportedParameter(channelRequest())).toBeNull()
  })
})

describe('LSPS1 reads what older and looser LSPs answer', () => {
  it.each([
    ['in a wrapper of that name', { website: 'https://lsp.example', options: { max_initial_lsp_balance_sat: '7' } }],
    ['in the result of JSON-RPC', { jsonrpc: '2.0', result: { max_initial_lsp_balance_sat: '7' } }],
    ['in both', { result: { options: { max_initial_lsp_balance_sat: 7 } } }],
  ])('the options %s', async (_where, document) => {
    expect((await infoOf(document)).limits).toMatchObject({ maxLspBalanceSat: 7, minLspBalanceSat: null })
  })

  it('the on-chain options of 2024', async () => {
    expect(
      await infoOf({ options: { min_onchain_payment_confirmations: 1, min_onchain_payment_size_sat: null } }),
    ).toMatchObject({
      features: ['ONCHAIN_PAYMENT'],
      limits: { minOnchainPaymentConfirmations: 1, minOnchainPaymentSat: null },
    })
  })

  it('the addresses of its nodes, and drops what is none', async () => {
    const uri = `${channelRequest().clientPubkey}@127.0.0.1:9735`
    expect((await infoOf({ max_channel_expiry_blocks: 1, uris: [uri, 'http://lsp.example', 7] })).nodeUris).toEqual([
      uri,
    ])
  })

  it.each(['bolt11_invoice', 'lightning_invoice'])(
    'a flat payment object with %s, one state for every payment option',
    async (name) => {
      const { payment } = await read({
        ...BARE_ORDER,
        payment: {
          ...FLAT_PAYMENT,
          state: 'HOLD',
          [name]: 'lnbc1x',
          onchain_address: 'bc1qx',
          min_onchain_payment_confirmations: 2,
          onchain_payment: { outpoint: 'a:0', sat: '5', confirmed: false },
        },
        expires_at: '2024-05-30T00:00:00',
      })
      expect(payment).toMatchObject({
        bolt11: { state: 'HOLD', invoice: 'lnbc1x', orderTotalSat: 2_008_888, expiresAt: null },
        onchain: { state: 'HOLD', address: 'bc1qx', minConfirmations: 2, paidSat: 5 },
      })
    },
  )

  it('the on-chain confirmations of 2023', async () => {
    const { payment } = await read({
      ...BARE_ORDER,
      payment: { ...FLAT_PAYMENT, onchain_address: 'bc1qx', onchain_block_confirmations_required: 3 },
    })
    expect(payment).toMatchObject({ bolt11: null, onchain: { minConfirmations: 3 } })
  })

  it('an order that expires as a whole, its time without a zone', async () => {
    expect((await read({ ...BARE_ORDER, expires_at: '2024-05-30T00:00:00' })).expiresAt).toBe(
      Date.parse('2024-05-30T00:00:00Z'),
    )
  })

  it('null for absent', async () => {
    const { bolt11 } = blip51('payment.all.response.json')
    const reading = await read({
      ...BARE_ORDER,
      token: null,
      channel: null,
      created_at: null,
      payment: { bolt11, bolt12: null, onchain: null },
    })
    expect(reading).toMatchObject({
      createdAt: null,
      channel: null,
      payment: { bolt11: { feeTotalSat: 8_888 }, bolt12: null, onchain: null },
    })
  })

  it('an order without the mirrored terms, which then say nothing', async () => {
    expect((await read(BARE_ORDER)).terms).toEqual({})
    expect((await read({ ...BARE_ORDER, lsp_balance_sat: 5 })).terms).toEqual({ lspBalanceSat: 5 })
  })

  it('states in lower case, and CANCELLED', async () => {
    const bolt11 = { ...blip51('payment.bolt11.json'), state: 'cancelled' }
    expect(await read({ ...BARE_ORDER, order_state: 'failed', payment: { bolt11 } })).toMatchObject({
      state: 'FAILED_OR_LAPSED',
      payment: { bolt11: { state: 'REFUNDED_OR_LAPSED' } },
    })
  })

  it('an unknown word as UNKNOWN, and keeps the word', async () => {
    const bolt11 = { ...blip51('payment.bolt11.json'), state: 'PONDERING' }
    expect(await read({ ...BARE_ORDER, order_state: 'constructor', payment: { bolt11 } })).toMatchObject({
      state: 'UNKNOWN',
      lspState: 'constructor',
      payment: { bolt11: { state: 'UNKNOWN' } },
    })
  })

  it('an order without a payment object as malformed, not as free', async () => {
    const failure = await failureOf(read({ order_id: 'a1', order_state: 'CREATED' }))
    expect(failure).toMatchObject({
      code: 'BAD_RESPONSE',
      effect: 'unknown',
      message: expect.stringContaining('payment'),
    })
  })

  it('a payment option without an amount as malformed', async () => {
    const failure = await failureOf(read({ ...BARE_ORDER, payment: { bolt11: { state: 'HOLD', invoice: 'lnbc1x' } } }))
    expect(failure).toMatchObject({
      code: 'BAD_RESPONSE',
      message: expect.stringContaining('payment.bolt11.fee_total_sat'),
    })
  })

  it('an outpoint that cannot be shown as none', async () => {
    expect((await read({ ...BARE_ORDER, channel: { funding_outpoint: 'a\u0007:0' } })).channel).toMatchObject({
      state: 'PENDING',
      fundingOutpoint: null,
    })
  })
})

describe('LSPS1 reads every shape of a refusal', () => {
  it.each<[shape: string, status: number, body: unknown, expected: object]>([
    [
      'data as a text, as LDK has it',
      400,
      { error: { code: 100, message: 'Option mismatch', data: 'OptionMismatch { … }' } },
      { code: 'OPTION_MISMATCH', message: 'Option mismatch: OptionMismatch { … }' },
    ],
    [
      'too many pending under the code of a rejection',
      400,
      { error: { code: 1, message: 'Reached maximum number of pending requests. Please try again later.' } },
      { code: 'RATE_LIMITED' },
    ],
    ['the codes of before July 2024', 400, { error: { code: 1000, message: 'x' } }, { code: 'OPTION_MISMATCH' }],
    [
      'a text alone under 200',
      200,
      { error: true, message: 'You must be connected to the LSP as a peer' },
      { code: 'PEER_NOT_CONNECTED' },
    ],
    [
      'a breakdown told as a text alone under 200: it may have been done',
      200,
      { error: true, message: 'connection to database lost' },
      { code: 'INVALID_REQUEST', effect: 'unknown' },
    ],
    [
      'a breakdown in the words of a refusal likewise',
      200,
      { error: true, message: 'deadline exceeded' },
      { effect: 'unknown' },
    ],
    [
      'an unknown code under 200 with a text that tells nothing likewise',
      200,
      { error: { code: 7, message: 'oops' } },
      { code: 'INVALID_REQUEST', effect: 'unknown' },
    ],
    [
      'a breakdown under an unknown code and 5xx',
      500,
      { error: { code: 7, message: 'database connection lost after commit' } },
      { code: 'UNAVAILABLE', effect: 'unknown' },
    ],
    [
      'an LSP that could not connect to the node',
      400,
      { error: true, message: 'Failed to connect to node' },
      { code: 'PEER_NOT_CONNECTED' },
    ],
    [
      'an LSP whose own connections are broken',
      400,
      { message: 'no connection to the database' },
      { code: 'INVALID_REQUEST' },
    ],
    ['a text in error', 400, { error: 'amount too small' }, { code: 'OPTION_MISMATCH', message: 'amount too small' }],
    ['a text alone under 4xx', 400, { message: 'unavailable in your country' }, { code: 'CLIENT_REJECTED' }],
    ['an unknown code, by its text', 400, { error: { code: 7, message: 'invalid token' } }, { code: 'INVALID_TOKEN' }],
    [
      'an unknown code without a text',
      400,
      { error: { code: 7 } },
      { code: 'INVALID_REQUEST', message: 'the LSP refused' },
    ],
    [
      'a text that says nothing, by its status',
      401,
      { message: 'Unauthorized' },
      { code: 'CLIENT_REJECTED', message: 'Unauthorized' },
    ],
    [
      'a text under 5xx: it may have been done',
      500,
      { message: 'database is locked' },
      { code: 'UNAVAILABLE', effect: 'unknown' },
    ],
    [
      'an internal error: it may have been done',
      200,
      { error: { code: -32603, message: 'Internal error' } },
      { code: 'UNAVAILABLE', effect: 'unknown' },
    ],
    [
      'a reserved code likewise',
      200,
      { error: { code: -32050, message: 'busy' } },
      { code: 'UNAVAILABLE', effect: 'unknown' },
    ],
    ...[-32_600, -32_601, -32_602, -32_606, -32_699, -32_700, '-32606'].map(
      (code): [string, number, unknown, object] => [
        `a request that its JSON-RPC rejects with ${code}`,
        200,
        { error: { code, message: 'Invalid' } },
        { code: code === -32_601 ? 'UNSUPPORTED' : 'INVALID_REQUEST', message: 'Invalid', effect: 'none' },
      ],
    ),
    ...[-32_603, -32_000, -32_099, -32_500, -32_300, 32_602, 7].map((code): [string, number, unknown, object] => [
      `a code that proves nothing, ${code}`,
      200,
      { error: { code, message: 'Sorry' } },
      { message: 'Sorry', effect: 'unknown' },
    ]),
    [
      'a request that is rejected under 500: it may have been done',
      500,
      { error: { code: -32_602, message: 'Invalid params' } },
      { effect: 'unknown' },
    ],
    [
      'unknown parameters by their names',
      400,
      {
        error: { code: -32_602, message: 'Invalid params', data: { unrecognized: ['channel_expiry', 7, 'a<b\n', ''] } },
      },
      {
        code: 'INVALID_REQUEST',
        message: 'Invalid params: unrecognized parameters: channel_expiry, ab',
        field: 'channelExpiryBlocks',
      },
    ],
    ['a client, by the old code', 400, { error: { code: 1001, message: 'no' } }, { code: 'CLIENT_REJECTED' }],
    [
      'words that every JavaScript object knows',
      400,
      { error: { code: 'constructor', message: 'x', data: { property: 'toString' } } },
      { code: 'INVALID_REQUEST' },
    ],
    [
      'a property that every JavaScript object knows',
      400,
      { error: { code: 100, message: 'x', data: { property: 'constructor' } } },
      { field: 'constructor' },
    ],
    [
      'a property that nobody knows',
      400,
      { error: { code: 100, message: 'x', data: { property: 'options.moon_phase' } } },
      { field: 'options.moon_phase' },
    ],
  ])('%s', async (_shape, status, body, expected) => {
    expect(await refused(status, body)).toMatchObject({ effect: 'none', ...expected })
  })

  it('429 as a limit whatever its text, with the time to come back', async () => {
    const answer = json(429, { message: 'slow down' }, { 'retry-after': '30' })
    const failure = await failureOf(talk(lsps1, [answer], (call) => lsps1.createOrder(call, channelRequest(), null)))
    expect(failure).toMatchObject({
      code: 'RATE_LIMITED',
      message: 'slow down',
      retryAt: Date.parse('2026-11-21T12:00:30Z'),
    })
  })
})

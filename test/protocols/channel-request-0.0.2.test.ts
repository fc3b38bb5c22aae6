import { describe, expect, test } from 'vitest'
import type { LspCall, OrderRef } from '../../src/protocols/adapter.ts'
import { channelRequest002 as adapter } from '../../src/protocols/channel-request-0.0.2.ts'
import { sat } from '../../src/domain/money.ts'
import { EMPTY_READING } from '../../src/domain/reading.ts'
import { adapterOf } from '../../src/protocols/index.ts'
import { orderRef, talk } from '../support/adapter-call.ts'
import { LSP_PUBKEY, NODE_URI, draftRequest } from '../support/drafts.ts'
import { fixture, testEveryFixture } from '../support/fixtures.ts'
import { json, type Handler } from '../support/queue-server.ts'

const FOLDER = 'lsps1-draft-0.0.2'
const speak = <Result>(answers: readonly Handler[], act: (call: LspCall) => Promise<Result>) =>
  talk(adapter, answers, act)
const TXID = '0301e0480b374b32851a9462db29dc19fe830a7f7d7a88b81612b9d42099c0ae'

const PAYMENT = {
  state: 'CREATED',
  order_expiry_ts: 1_672_661_897,
  fee_total: 8_888,
  order_total: 2_008_888,
  amount_paid: 1_200,
  ln_invoice: 'lnbc1invoice',
  btc_address: 'bc1qaddress',
  onchain_payments: [{ transaction_id: TXID, out_point: 0, amount: 1_200, zero_conf: false }],
}
const CHANNEL = {
  state: 'OPENED',
  opened_ts: 1_672_661_900,
  open_transaction: `${TXID}:1`,
  scid: '643904x1419x1',
  expiry_ts: 1_680_000_000,
  closing_transaction: null,
  closed_ts: null,
  node_id: NODE_URI,
  lsp_node_id: `${LSP_PUBKEY}@lsp.example:9735`,
}
const ORDER = {
  id: 'order-1',
  created_at: 1_675_340_297,
  state: 'AWAITING_PAYMENT',
  request: {
    remote_balance: 5_000_000,
    local_balance: 2_000_000,
    onchain_fee_rate: 1,
    channel_expiry: 12,
    coupon_code: '',
  },
  payment: PAYMENT,
  channel: null,
}
const PAID_ORDER = {
  ...ORDER,
  state: 'PENDING_CHANNEL_OPEN',
  payment: { ...PAYMENT, state: 'PAID', amount_paid: 2_008_888 },
}
const REFUND = {
  refund_state: 'AVAILABLE',
  amounts: { lightning: 2_008_888, onchain: 2_005_000 },
  paid_to: null,
  paid_ts: null,
}
const JIT = {
  fee_per_payment: 50,
  route_hint: { scid: '733904x1451x0', node_id: LSP_PUBKEY },
  registerd_node_connection_string: NODE_URI,
}
const READ_JIT = { shortChannelId: '733904x1451x0', nodeId: LSP_PUBKEY, feePerPaymentSat: sat(50) }

const orderOf = (changes: Partial<OrderRef> = {}) => orderRef({ clientNodeUri: NODE_URI, features: [], ...changes })
const info = async (body: unknown) => (await speak([json(200, body)], (call) => adapter.info(call))).result
const create = async (body: unknown) =>
  (await speak([json(201, body)], (call) => adapter.createOrder(call, draftRequest(), null))).result
const readVia = (answers: readonly Handler[], order: Partial<OrderRef> = {}) =>
  speak(answers, (call) => adapter.readOrder(call, orderOf(order)))
const read = async (body: unknown) => (await readVia([json(200, body)])).result
const openVia = (answers: readonly Handler[]) =>
  speak(answers, (call) => adapter.openChannel!(call, orderOf({ announceChannel: true }), NODE_URI))
const refundVia = (
  answers: readonly Handler[],
  target = { bolt11Invoice: 'lnbc1refund' as string | null, onchainAddress: null as string | null },
) => speak(answers, (call) => adapter.requestRefund!(call, orderOf(), target))

describe('what the LSP can do', () => {
  const features = [
    'lnurl_lud2',
    { name: 'local_balance' },
    'refunds',
    'jit_channels',
    { name: 'onchain_payments', min_satoshi: '50000' },
    'teleport',
    7,
  ]

  test('is read from the object of the text’s schema', async () => {
    expect(await info({ version: '0.0.2', features, website: 'https://lsp.example' })).toMatchObject({
      features: ['LNURL_CHANNEL', 'CLIENT_BALANCE', 'REFUND', 'JIT_CHANNEL', 'ONCHAIN_PAYMENT', 'OPEN_ON_REQUEST'],
      limits: { minOnchainPaymentSat: 50_000, maxClientBalanceSat: null },
      website: 'https://lsp.example',
      nodeUris: [],
    })
  })

  test('is read from the bare list of the text’s example', async () => {
    expect(await info(features)).toMatchObject({
      features: expect.arrayContaining(['REFUND', 'OPEN_ON_REQUEST']),
      website: null,
    })
  })

  test('is no client balance unless it says so', async () => {
    expect(await info([])).toMatchObject({
      features: ['OPEN_ON_REQUEST'],
      limits: { maxClientBalanceSat: 0, minOnchainPaymentSat: null },
    })
  })

  test('cannot be read from a document without a list of features', async () => {
    await expect(info({ status: 'ok' })).rejects.toMatchObject({ code: 'BAD_RESPONSE' })
  })
})

describe('an order that is placed', () => {
  test('is sent in whole weeks, with the coupon and without the node', async () => {
    const request = draftRequest({ channelExpiryBlocks: 1, token: 'HALFPRICE' })
    const { requests } = await speak([json(201, { ...ORDER, ...PAYMENT })], (call) =>
      adapter.createOrder(call, request, null),
    )
    expect(requests).toMatchObject([{ method: 'POST', path: '/lsp/channels' }])
    expect(requests[0]?.body).toEqual({
      remote_balance: 5_000_000,
      local_balance: 2_000_000,
      channel_expiry: 1,
      coupon_code: 'HALFPRICE',
    })
    expect(adapter.roundedTerms(request).channelExpiryBlocks).toBe(1008)
  })

  test('has no coupon_code where there is no coupon', async () => {
    const { requests } = await speak([json(200, { ...ORDER, ...PAYMENT })], (call) =>
      adapter.createOrder(call, draftRequest(), null),
    )
    expect(requests[0]?.body).not.toHaveProperty('coupon_code')
  })

  test.each([
    ['asset', { asset: { assetId: 'rgb:1', lspAmount: '1', clientAmount: null, rfqId: null } }],
    ['requiredChannelConfirmations', { requiredChannelConfirmations: 1 }],
    ['fundingConfirmsWithinBlocks', { fundingConfirmsWithinBlocks: 6 }],
  ])('is refused here when it has %s, for which the text has no field', (property, change) => {
    expect(adapter.unsupportedParameter(draftRequest(change))).toMatchObject({ field: property })
  })

  test('may be announced and have a coupon', () => {
    expect(adapter.unsupportedParameter(draftRequest({ announceChannel: true, token: 'HALFPRICE' }))).toBeNull()
  })

  test('is refused with the LSP’s text', async () => {
    const refused = (body: unknown) =>
      speak([json(400, body)], (call) => adapter.createOrder(call, draftRequest(), null))
    await expect(refused({ message: 'remote_balance is too large' })).rejects.toMatchObject({
      code: 'OPTION_MISMATCH',
      effect: 'none',
    })
    await expect(refused({ message: 'unknown coupon' })).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
    await expect(refused({ error: 'nonsense' })).rejects.toMatchObject({ code: 'INVALID_REQUEST', message: 'nonsense' })
  })
})

describe('an order that is read', () => {
  test('is read field by field', async () => {
    const way = { state: 'PAID', feeTotalSat: 8_888, orderTotalSat: 2_008_888, expiresAt: 1_672_661_897_000 }
    expect(
      await read({
        ...PAID_ORDER,
        state: 'COMPLETED',
        channel: { ...CHANNEL, state: 'CLOSED', closing_transaction: `${TXID}:0`, closed_ts: 1_680_000_001 },
      }),
    ).toEqual({
      ...EMPTY_READING,
      lspOrderId: 'order-1',
      lspState: 'COMPLETED',
      state: 'COMPLETED',
      terms: { lspBalanceSat: 5_000_000, clientBalanceSat: 2_000_000, channelExpiryBlocks: 12 * 1008 },
      payment: {
        bolt11: { ...way, invoice: 'lnbc1invoice' },
        bolt12: null,
        onchain: {
          ...way,
          address: 'bc1qaddress',
          minConfirmations: null,
          minFeeFor0Conf: null,
          refundOnchainAddress: null,
          paidSat: 1_200,
          deposits: [{ txid: TXID, outputIndex: 0, amountSat: 1_200, confirmations: null, isZeroConf: false }],
        },
      },
      paidSat: 2_008_888,
      channel: {
        state: 'CLOSED',
        channelId: null,
        shortChannelId: '643904x1419x1',
        fundingOutpoint: `${TXID}:1`,
        fundedAt: 1_672_661_900_000,
        expiresAt: 1_680_000_000_000,
        closingTxid: TXID,
        closedAt: 1_680_000_001_000,
      },
      clientNode: { uri: NODE_URI },
      lspNodeUris: [`${LSP_PUBKEY}@lsp.example:9735`],
      createdAt: 1_675_340_297_000,
      expiresAt: 1_672_661_897_000,
    })
  })

  test.each([
    ['AWAITING_PAYMENT', 'CREATED', 'AWAITING_PAYMENT', 'EXPECT_PAYMENT'],
    ['AWAITING_PAYMENT', 'UNDER_FUNDED', 'UNDERPAID', 'UNDERPAID'],
    ['OFFER_EXPIRED', 'CREATED', 'EXPIRED', 'EXPIRED'],
    ['OFFER_EXPIRED', 'UNDER_FUNDED', 'EXPIRED', 'UNDERPAID'],
    ['OFFER_EXPIRED', 'REFUNDED', 'REFUNDED', 'REFUNDED'],
    ['PENDING_CHANNEL_OPEN', 'PAID', 'PAID', 'PAID'],
    ['PENDING_CHANNEL_OPEN', 'REFUNDED', 'REFUNDED', 'REFUNDED'],
    ['COMPLETED', 'PAID', 'COMPLETED', 'PAID'],
    ['COMPLETED', 'REFUNDED', 'COMPLETED', 'REFUNDED'],
    ['completed', 'paid', 'COMPLETED', 'PAID'],
    ['ON_HOLIDAY', 'ABSENT', 'UNKNOWN', 'UNKNOWN'],
  ])('%s with its payment %s is %s with its payment %s', async (orderWord, paymentWord, order, payment) => {
    const reading = await read({ ...ORDER, state: orderWord, payment: { ...PAYMENT, state: paymentWord } })
    expect(reading).toMatchObject({ lspState: orderWord, state: order })
    expect(reading.payment).toMatchObject({ bolt11: { state: payment }, onchain: { state: payment } })
  })

  test.each([
    ['OPENING', 'OPENING'],
    ['OPENED', 'OPEN'],
    ['CLOSING', 'CLOSING'],
    ['CLOSED', 'CLOSED'],
    ['ON_HOLIDAY', 'UNKNOWN'],
  ])('has a channel that is %s as %s', async (word, state) => {
    expect(
      (await read({ ...PAID_ORDER, state: 'COMPLETED', channel: { ...CHANNEL, state: word } })).channel?.state,
    ).toBe(state)
  })

  test('offers no on-chain payment where everything about that is null', async () => {
    const reading = await read({ ...ORDER, payment: { ...PAYMENT, btc_address: null, onchain_payments: null } })
    expect(reading.payment?.onchain).toBeNull()
  })

  test('is found by an id that would not survive in a path', async () => {
    const { requests } = await readVia([json(200, { ...ORDER, id: 'a/b?c' })], { lspOrderId: 'a/b?c' })
    expect(requests).toMatchObject([{ method: 'GET', path: '/lsp/channels/a%2Fb%3Fc' }])
  })

  test('asks at once for all that is told beside it', async () => {
    const beside: Handler = (request, response) =>
      json(200, request.path.endsWith('/lnurl') ? { lnurl_channel: 'lnurl1channel' } : REFUND)(request, response)
    const { result } = await readVia([json(200, PAID_ORDER), beside, beside], {
      features: ['REFUND', 'LNURL_CHANNEL', 'JIT_CHANNEL'],
    })
    expect(result).toMatchObject({
      state: 'PAID',
      refund: { state: 'AVAILABLE' },
      lnurlChannel: 'lnurl1channel',
      jit: null,
    })
  })

  test.each([
    ['another id of the same order', 42, '042'],
    ['its channel', 42, '643904x1419x1'],
    ['nothing like it', 'order-2', 'order-1'],
  ])(
    'that is answered for another, by %s, is not read, and nothing is asked or registered for it',
    async (_how, id, lspOrderId) => {
      for (const order of [ORDER, PAID_ORDER]) {
        const requests: string[] = []
        const note =
          (answer: Handler): Handler =>
          (request, response) => {
            requests.push(`${request.method} ${request.path}`)
            answer(request, response)
          }
        const answers = [note(json(200, { ...order, id })), ...[1, 2, 3].map(() => note(json(200, {})))]
        await expect(
          readVia(answers, { lspOrderId, features: ['REFUND', 'LNURL_CHANNEL', 'JIT_CHANNEL'] }),
        ).rejects.toMatchObject({ code: 'BAD_RESPONSE', message: 'the LSP answered about another order' })
        expect(requests).toEqual([`GET /lsp/channels/${lspOrderId}`])
      }
    },
  )

  test('is its own where the LSP counts its orders in numbers', async () => {
    const { result } = await readVia([json(200, { ...ORDER, id: 42 })], { lspOrderId: '42' })
    expect(result.lspOrderId).toBe('42')
  })

  test('asks for nothing beside it at an LSP without features', async () => {
    expect((await readVia([json(200, PAID_ORDER)])).requests).toHaveLength(1)
  })
})

describe('the refund of an order', () => {
  test.each([
    ['AVAILABLE', 'AVAILABLE', 'PAID', 'PAID'],
    ['UNSUPPORTED', 'UNSUPPORTED', 'PAID', 'PAID'],
    ['UNAVAILABLE', 'UNSUPPORTED', 'PAID', 'PAID'],
    ['IN_FLIGHT', 'IN_FLIGHT', 'REFUND_PENDING', 'TO_REFUND'],
    ['PAID_OUT', 'PAID_OUT', 'REFUNDED', 'REFUNDED'],
  ])(
    '%s is read beside a paid order as %s, which is then %s with its payment %s',
    async (word, refund, order, payment) => {
      const { result, requests } = await readVia(
        [
          json(200, PAID_ORDER),
          json(200, { ...REFUND, refund_state: word, paid_to: 'lnbc1refund', paid_ts: 1_680_000_000 }),
        ],
        { features: ['REFUND'] },
      )
      expect(requests[1]).toMatchObject({ method: 'GET', path: '/lsp/channels/order-1/refund' })
      expect(result.refund).toEqual({
        state: refund,
        lightningSat: 2_008_888,
        onchainSat: 2_005_000,
        paidTo: 'lnbc1refund',
        paidAt: 1_680_000_000_000,
      })
      expect(result).toMatchObject({ state: order, payment: { bolt11: { state: payment } } })
    },
  )

  test('in a word that nobody knows tells nothing', async () => {
    const { result } = await readVia([json(200, PAID_ORDER), json(200, { refund_state: 'ON_HOLIDAY' })], {
      features: ['REFUND'],
    })
    expect(result).toMatchObject({ state: 'PAID', refund: null })
  })

  test('is asked about when an earlier answer showed the payment', async () => {
    const { requests } = await readVia([json(200, { ...ORDER, state: 'OFFER_EXPIRED' }), json(200, REFUND)], {
      features: ['REFUND'],
      paid: true,
    })
    expect(requests).toHaveLength(2)
  })

  test('is not asked about before anything is paid, nor once there is a channel', async () => {
    expect((await readVia([json(200, ORDER)], { features: ['REFUND'] })).requests).toHaveLength(1)
    expect(
      (await readVia([json(200, { ...PAID_ORDER, channel: CHANNEL })], { features: ['REFUND'], paid: true })).requests,
    ).toHaveLength(1)
  })

  test('that cannot be read does not cost the reading of the order', async () => {
    const { result } = await readVia([json(200, PAID_ORDER), json(500, {})], { features: ['REFUND'] })
    expect(result).toMatchObject({ state: 'PAID', refund: null })
  })

  test('is asked for to an invoice or to an address', async () => {
    const invoice = await refundVia([json(200, { success: true, message: 'on its way', fail_reason: null })])
    expect(invoice.requests).toMatchObject([{ method: 'POST', path: '/lsp/channels/order-1/refund' }])
    expect(invoice.requests[0]?.body).toEqual({ lightning_invoice: 'lnbc1refund', onchain_address: null })
    expect(invoice.result).toEqual({ message: 'on its way', txid: null })

    const address = await refundVia([json(200, { success: true })], {
      bolt11Invoice: null,
      onchainAddress: 'bc1qrefund',
    })
    expect(address.requests[0]?.body).toEqual({ lightning_invoice: null, onchain_address: 'bc1qrefund' })
  })

  test.each([
    ['PAYMENT_FAILED', 'UNAVAILABLE'],
    ['REJECTED_BY_LSP', 'CLIENT_REJECTED'],
    ['UNSUPPORTED', 'UNSUPPORTED'],
    ['ON_HOLIDAY', 'WRONG_STATE'],
    [null, 'WRONG_STATE'],
  ])('may be refused because of %s, under a status of success too', async (fail_reason, code) => {
    const body = { success: false, message: 'no', fail_reason }
    await expect(refundVia([json(200, body)])).rejects.toMatchObject({ code, effect: 'none' })
    await expect(refundVia([json(412, body)])).rejects.toMatchObject({ code, effect: 'none' })
  })
})

describe('the opening of a paid order', () => {
  test('names the node, and whether to announce the channel', async () => {
    const { result, requests } = await openVia([json(201, { success: true, message: 'opening', fail_reason: null })])
    expect(requests).toMatchObject([{ method: 'POST', path: '/lsp/channels/order-1/open' }])
    expect(requests[0]?.body).toEqual({ announce_channel: true, node_connection_string: NODE_URI })
    expect(result).toEqual({ message: 'opening', txid: null })
  })

  test.each([
    ['CHANNEL_REJECTED_BY_DESTINATION', 'CLIENT_REJECTED'],
    ['PEERING_FAILED', 'PEER_NOT_CONNECTED'],
    ['REJECTED_BY_LSP', 'CLIENT_REJECTED'],
    ['PAYMENT_REQUIRED', 'WRONG_STATE'],
    ['ON_HOLIDAY', 'WRONG_STATE'],
  ])('fails with 412 because of %s, whatever `success` says', async (fail_reason, code) => {
    for (const success of [true, false]) {
      await expect(openVia([json(412, { success, message: 'ok', fail_reason })])).rejects.toMatchObject({
        code,
        effect: 'none',
      })
    }
  })

  test('keeps the reason’s word, and the LSP’s message if it says more than ok', async () => {
    await expect(openVia([json(412, { fail_reason: 'ON_HOLIDAY', message: 'ok' })])).rejects.toThrow(
      /^the LSP could not: ON_HOLIDAY$/,
    )
    await expect(openVia([json(412, { fail_reason: 'PEERING_FAILED', message: 'no route to host' })])).rejects.toThrow(
      'the LSP could not connect to the node: no route to host',
    )
  })

  test('can be tried again after a 412', async () => {
    const failed = json(412, { success: false, fail_reason: 'PEERING_FAILED' })
    const { result } = await speak([failed, json(201, { success: true })], async (call) => {
      const open = () => adapter.openChannel!(call, orderOf(), NODE_URI)
      await expect(open()).rejects.toMatchObject({ code: 'PEER_NOT_CONNECTED' })
      return open()
    })
    expect(result.txid).toBeNull()
  })

  test.each([[412], [201]])('has succeeded when the channel is open already, under status %i', async (status) => {
    const { result } = await openVia([json(status, { success: false, message: 'no', fail_reason: 'ALREADY_OPEN' })])
    expect(result).toEqual({ message: 'the channel is open already', txid: null })
  })

  test('fails by the status alone where there is no reason', async () => {
    await expect(openVia([json(412, { message: 'not now' })])).rejects.toMatchObject({
      code: 'WRONG_STATE',
      message: 'not now',
    })
    await expect(openVia([json(404, { message: 'no such order' })])).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('an LNURL that opens the channel', () => {
  const features = ['LNURL_CHANNEL'] as const
  const lnurl = { lnurl_channel: 'lnurl1channel' }

  test('is fetched once the order is paid', async () => {
    const { result, requests } = await readVia([json(200, PAID_ORDER), json(200, lnurl)], { features })
    expect(requests[1]).toMatchObject({ method: 'GET', path: '/lsp/channels/order-1/lnurl' })
    expect(result.lnurlChannel).toBe('lnurl1channel')
  })

  test('is not fetched while unpaid, when known, when refunded or when there is a channel', async () => {
    const asked = async (body: unknown, order: Partial<OrderRef> = {}) =>
      (await readVia([json(200, body)], { features, ...order })).requests.length
    expect(await asked(ORDER)).toBe(1)
    expect(await asked(PAID_ORDER, { lnurlChannel: 'lnurl1channel' })).toBe(1)
    expect(await asked({ ...PAID_ORDER, payment: { ...PAYMENT, state: 'REFUNDED' } })).toBe(1)
    expect(await asked({ ...PAID_ORDER, channel: CHANNEL })).toBe(1)
  })
})

describe('a just-in-time channel', () => {
  const features = ['JIT_CHANNEL'] as const

  test('is registered for the client’s node where none is', async () => {
    const { result, requests } = await readVia([json(200, ORDER), json(404, {}), json(200, JIT)], { features })
    expect(requests.slice(1)).toMatchObject([
      { method: 'GET', path: '/lsp/channels/order-1/jit' },
      { method: 'POST', path: '/lsp/channels/order-1/jit', body: { node_connection_string: NODE_URI } },
    ])
    expect(result.jit).toEqual(READ_JIT)
  })

  test('is not registered again where the node is', async () => {
    const { result, requests } = await readVia([json(200, ORDER), json(200, JIT)], { features })
    expect(result.clientNode).toEqual({ uri: NODE_URI })
    expect(requests).toHaveLength(2)
    expect(result.jit).toEqual(READ_JIT)
  })

  test.each([
    ['nobody', { ...JIT, route_hint: null, registerd_node_connection_string: null }],
    ['another node', { ...JIT, registerd_node_connection_string: LSP_PUBKEY }],
    ['our node without a hint', { ...JIT, route_hint: null }],
  ])('is registered anew where the registration is of %s', async (_whom, registration) => {
    const { requests } = await readVia([json(200, ORDER), json(200, registration), json(200, JIT)], { features })
    expect(requests.map(({ method }) => method)).toEqual(['GET', 'GET', 'POST'])
  })

  test('that names another node after it was asked for ours is compared (0.0.2 registerd_node_connection_string)', async () => {
    const other = { ...JIT, registerd_node_connection_string: LSP_PUBKEY }
    const { result } = await readVia([json(200, ORDER), json(404, {}), json(200, other)], { features })
    expect(result.clientNode).toEqual({ uri: LSP_PUBKEY })
  })

  test('is not registered while it is not known whether it is', async () => {
    const { result, requests } = await readVia([json(200, ORDER), json(503, {})], { features })
    expect(requests).toHaveLength(2)
    expect(result).toMatchObject({ state: 'AWAITING_PAYMENT', jit: null })
  })

  test('is of no use for an order that is paid, over, or has one', async () => {
    const asked = async (body: unknown, order: Partial<OrderRef> = {}) =>
      (await readVia([json(200, body)], { features, ...order })).requests.length
    expect(await asked(PAID_ORDER)).toBe(1)
    expect(await asked(ORDER, { paid: true })).toBe(1)
    expect(await asked({ ...ORDER, state: 'OFFER_EXPIRED' })).toBe(1)
    expect(await asked(ORDER, { jit: READ_JIT })).toBe(1)
  })
})

describe('the documents of the text itself', () => {
  const document = (name: string) => fixture(`${FOLDER}/${name}`)
  testEveryFixture([FOLDER], {
    [`${FOLDER}/info.response.json`]: async () => {
      expect(await info(document('info.response.json'))).toMatchObject({
        features: ['LNURL_CHANNEL', 'JIT_CHANNEL', 'CLIENT_BALANCE', 'ONCHAIN_PAYMENT', 'REFUND', 'OPEN_ON_REQUEST'],
        limits: { minOnchainPaymentSat: 50_000 },
      })
    },
    [`${FOLDER}/create.response.json`]: async () => {
      expect(await create(document('create.response.json'))).toMatchObject({
        lspOrderId: 'bb4b5d0a-8334-49d8-9463-90a6d413af7c',
        state: 'AWAITING_PAYMENT',
        payment: { bolt11: { state: 'EXPECT_PAYMENT', orderTotalSat: 2_008_888 }, onchain: { feeTotalSat: 8_888 } },
        terms: { channelExpiryBlocks: 12 * 1008 },
        expiresAt: 1_672_661_897_000,
      })
    },
    // Every word is the first of its list, so an unpaid order has a channel.
    [`${FOLDER}/get.response.json`]: async () => {
      const answer = document('get.response.json')
      const { result } = await readVia([json(200, answer)], { lspOrderId: String(answer['id']) })
      expect(result).toMatchObject({
        state: 'AWAITING_PAYMENT',
        paidSat: 1_200,
        channel: { state: 'OPENING', closingTxid: TXID },
      })
    },
    [`${FOLDER}/open.response.json`]: async () => {
      expect((await openVia([json(201, document('open.response.json'))])).result.message).toBe('ok')
    },
    [`${FOLDER}/error.412.open.json`]: async () => {
      await expect(openVia([json(412, document('error.412.open.json'))])).rejects.toMatchObject({
        code: 'CLIENT_REJECTED',
        message: 'your node refused the channel',
      })
    },
    [`${FOLDER}/refund_get.response.json`]: async () => {
      const { result } = await readVia([json(200, PAID_ORDER), json(200, document('refund_get.response.json'))], {
        features: ['REFUND'],
      })
      expect(result.refund).toEqual({
        state: 'AVAILABLE',
        lightningSat: 2_008_888,
        onchainSat: 2_005_000,
        paidTo: null,
        paidAt: null,
      })
    },
    [`${FOLDER}/refund_post.response.json`]: async () => {
      expect((await refundVia([json(200, document('refund_post.response.json'))])).result.message).toBe('ok')
    },
    [`${FOLDER}/jit_post.response.json`]: async () => {
      const { result } = await readVia(
        [json(200, ORDER), json(404, {}), json(200, document('jit_post.response.json'))],
        { features: ['JIT_CHANNEL'] },
      )
      expect(result.jit).toMatchObject({ shortChannelId: '733904x1451x0', feePerPaymentSat: 50 })
    },
    [`${FOLDER}/lnurl_get.response.json`]: async () => {
      const { result } = await readVia([json(200, PAID_ORDER), json(200, document('lnurl_get.response.json'))], {
        features: ['LNURL_CHANNEL'],
      })
      expect(result.lnurlChannel).toMatch(/^lnurl1dp68/)
    },
  })
})

test('the configuration’s name finds this adapter', () => {
  expect(adapterOf('CHANNEL_REQUEST_V0_0_2')).toBe(adapter)
  expect(adapter.configName).toBe('channel-request-0.0.2')
})

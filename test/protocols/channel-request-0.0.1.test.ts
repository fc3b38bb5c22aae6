import { describe, expect, test } from 'vitest'
import type { LspCall } from '../../src/protocols/adapter.ts'
import { channelRequest001 as adapter } from '../../src/protocols/channel-request-0.0.1.ts'
import { EMPTY_READING } from '../../src/domain/reading.ts'
import { adapterOf } from '../../src/protocols/index.ts'
import { failureOf, orderRef, talk } from '../support/adapter-call.ts'
import { LSP_PUBKEY, NODE_URI, draftRequest } from '../support/drafts.ts'
import { fixture, testEveryFixture } from '../support/fixtures.ts'
import { json, text, type Handler } from '../support/queue-server.ts'

const FOLDER = 'lsps1-draft-0.0.1'
const speak = <Result>(answers: readonly Handler[], act: (call: LspCall) => Promise<Result>) =>
  talk(adapter, answers, act)

/** Every field that the tables of the texts name for the answer to POST /lsp/channel. */
const CREATED = {
  order_id: 'order-1',
  order_total: 2_008_888,
  fee_total: 8_888,
  fee_per_payment: 50,
  scid: '733904x1451x0',
  lsp_connection_info: `${LSP_PUBKEY}@lsp.example:9735`,
  ln_invoice: 'lnbc1invoice',
  btc_address: 'bc1qaddress',
  lnurl_channel: 'lnurl1channel',
}

/** The same for GET /lsp/channel by the first text, which has both names for the id and one for both scids. */
const ORDER = {
  ...CREATED,
  id: 'order-1',
  created_at: 1_672_600_000,
  local_balance: 2_000_000,
  remote_balance: 5_000_000,
  channel_expiry: 12,
  channel_expiry_ts: 1_680_000_000,
  order_expiry_ts: 1_672_661_897,
  amount_paid: 2_008_888,
  node_connection_info: NODE_URI,
  channel_open_tx: '0301e0480b374b32851a9462db29dc19fe830a7f7d7a88b81612b9d42099c0ae',
  state: 'OPENED',
  onchain_payments: [
    { height: 770_000, hash: 'aa'.repeat(32), amount: 1_200, zero_conf: false },
    { height: 0, hash: 'bb'.repeat(32), amount: 300, zero_conf: true },
  ],
}

const RENEWAL = {
  id: 'renewal-1',
  channel_open_tx: ORDER.channel_open_tx,
  channel_open_tx_outnum: '1',
  scid: '643904x1419x1',
  channel_expiry_ts: 1_680_000_000,
  channel_renewed_expiry: 26,
  channel_renewed_expiry_ts: 1_690_000_000,
  fee_total: 4_000,
  fee_per_payment: 50,
  ln_invoice: 'lnbc1renewal',
  btc_address: 'bc1qrenewal',
  amount_paid: 0,
  state: 'CREATED',
  onchain_payments: [],
}

const read = async (body: unknown) =>
  (await speak([json(200, body)], (call) => adapter.readOrder(call, orderRef()))).result
const create = async (body: unknown) =>
  (await speak([json(200, body)], (call) => adapter.createOrder(call, draftRequest(), null))).result

describe('what it is asked', () => {
  test('is sent in weeks, rounded up so that nobody gets a shorter lease', async () => {
    const request = draftRequest({ channelExpiryBlocks: 12_960 })
    const { requests } = await speak([json(200, CREATED)], (call) => adapter.createOrder(call, request, null))

    expect(requests).toMatchObject([
      {
        method: 'POST',
        path: '/lsp/channel',
        body: {
          node_connection_info: NODE_URI,
          remote_balance: 5_000_000,
          local_balance: 2_000_000,
          channel_expiry: 13,
        },
      },
    ])
    expect(adapter.roundedTerms({ ...request, channelExpiryBlocks: 12_960 }).channelExpiryBlocks).toBe(13 * 1008)
  })

  test('needs the address of the node: seed 002 POST has pubkey@host:port', () => {
    expect(adapter.unsupportedParameter(draftRequest({ clientAddress: null }))).toMatchObject({
      field: 'clientAddress',
    })
  })

  // seed 002 GET has order_id; seed 004 GET has id, and temporary_scid in the answers.
  test.each([
    ['order_id', 'an answer of seed 002', { ...CREATED, temporary_scid: undefined }],
    ['id', 'an answer of seed 004', { ...CREATED, scid: undefined, temporary_scid: '1x2x3' }],
  ])('is found again by %s alone after %s', async (name, _, created) => {
    const id = created.order_id
    const { requests } = await speak([json(200, created), json(200, { ...ORDER, order_id: id })], async (call) => {
      await adapter.createOrder(call, draftRequest(), null)
      return adapter.readOrder(call, orderRef({ lspOrderId: id }))
    })
    expect(requests[1]).toMatchObject({ method: 'GET', path: '/lsp/channel', query: { [name]: id } })
    expect(Object.keys(requests[1]?.query ?? {})).toEqual([name])
  })

  test.each([400, 404])(
    'is asked for by the other name once where the LSP refuses the first with %i',
    async (status) => {
      const order = json(200, { ...ORDER, order_id: 'order/1', id: 'order/1' })
      const refusal = json(status, { message: 'order_id is required' })
      const { result, requests } = await speak([refusal, order, order], async (call) => {
        const ref = orderRef({ lspOrderId: 'order/1' })
        await adapter.readOrder(call, ref)
        return adapter.readOrder(call, ref)
      })
      expect(result.lspOrderId).toBe('order/1')
      expect(requests.map(({ query }) => query)).toEqual([
        { id: 'order/1' },
        { order_id: 'order/1' },
        { order_id: 'order/1' },
      ])
    },
  )

  test.each([
    ['NOT_FOUND, whichever name the LSP knows', 404, 400, 'NOT_FOUND'],
    ['NOT_FOUND, whichever name the LSP knows', 400, 404, 'NOT_FOUND'],
    ['the failure of the LSP, if the other name was only unknown', 404, 503, 'UNAVAILABLE'],
    ['the failure of the LSP, before the other name is tried', 503, 404, 'UNAVAILABLE'],
  ])('that cannot be read fails with %s (%i, %i)', async (_, first, second, code) => {
    const failure = await failureOf(
      speak([json(first, { message: 'a refusal' }), json(second, { message: 'a refusal' })], (call) =>
        adapter.readOrder(call, orderRef()),
      ),
    )
    expect(failure.code).toBe(code)
  })

  test.each([
    ['tokens', { token: 'coupon' }],
    ['announceChannel', { announceChannel: true }],
    ['asset', { asset: { assetId: 'rgb:1', lspAmount: '1', clientAmount: null, rfqId: null } }],
    ['requiredChannelConfirmations', { requiredChannelConfirmations: 0 }],
    ['fundingConfirmsWithinBlocks', { fundingConfirmsWithinBlocks: 6 }],
  ])('is refused here when it has %s, for which the text has no field', (property, change) => {
    expect(adapter.unsupportedParameter(draftRequest(change))).toMatchObject({ field: property })
  })

  test('is expressible when it leaves those open', () => {
    expect(adapter.unsupportedParameter(draftRequest())).toBeNull()
  })

  test('about itself is answered without a request, since there is no endpoint for it', async () => {
    const { result, requests } = await speak([], (call) => adapter.info(call))
    expect(requests).toEqual([])
    expect(result.features).toEqual(['CLIENT_BALANCE', 'ONCHAIN_PAYMENT', 'LNURL_CHANNEL', 'JIT_CHANNEL', 'RENEWAL'])
    expect(result.limits).toBeNull()
  })
})

describe('a created order', () => {
  test('is read field by field, and is CREATED though the answer has no state', async () => {
    const way = { state: 'EXPECT_PAYMENT', feeTotalSat: 8_888, orderTotalSat: 2_008_888, expiresAt: null }
    expect(await create(CREATED)).toEqual({
      ...EMPTY_READING,
      lspOrderId: 'order-1',
      lspState: 'CREATED',
      state: 'AWAITING_PAYMENT',
      payment: {
        bolt11: { ...way, invoice: 'lnbc1invoice' },
        bolt12: null,
        onchain: {
          ...way,
          address: 'bc1qaddress',
          minConfirmations: null,
          minFeeFor0Conf: null,
          refundOnchainAddress: null,
          paidSat: null,
        },
      },
      jit: { shortChannelId: '733904x1451x0', nodeId: LSP_PUBKEY, feePerPaymentSat: 50 },
      lnurlChannel: 'lnurl1channel',
      lspNodeUris: [CREATED.lsp_connection_info],
    })
  })

  test.each([[''], [null], [undefined]])('takes %j for a thing that the LSP does not offer', async (nothing) => {
    const reading = await create({
      ...CREATED,
      btc_address: nothing,
      lnurl_channel: nothing,
      scid: nothing,
      lsp_connection_info: nothing,
    })
    expect(reading.payment?.onchain).toBeNull()
    expect(reading).toMatchObject({ lnurlChannel: null, jit: null })
  })

  test('prefers the later name of the route hint', async () => {
    const reading = await create({ ...CREATED, scid: '', temporary_scid: '1x2x3' })
    expect(reading.jit?.shortChannelId).toBe('1x2x3')
  })

  test('is not free because it tells no payment option', async () => {
    expect((await create({ ...CREATED, ln_invoice: '', btc_address: '' })).payment).toBeNull()
    expect((await create({ ...CREATED, ln_invoice: '', btc_address: '', order_total: 0 })).payment).toEqual({
      bolt11: null,
      bolt12: null,
      onchain: null,
    })
  })

  test('may have its amounts as 12.0, never as a fraction', async () => {
    const written = (fee: string) =>
      speak([text(200, JSON.stringify(CREATED).replace('8888,"fee_per', `${fee},"fee_per`))], (call) =>
        adapter.createOrder(call, draftRequest(), null),
      )
    expect((await written('12.0')).result.payment?.bolt11?.feeTotalSat).toBe(12)
    await expect(written('12.5')).rejects.toMatchObject({ code: 'BAD_RESPONSE', effect: 'unknown' })
  })

  test('without any id cannot be read', async () => {
    await expect(create({ ...CREATED, order_id: '' })).rejects.toMatchObject({
      code: 'BAD_RESPONSE',
      message: expect.stringContaining('neither order_id nor id'),
    })
    expect((await create({ ...CREATED, order_id: '', id: 'order-2' })).lspOrderId).toBe('order-2')
  })
})

describe('an order that is read', () => {
  test('is read field by field', async () => {
    const way = { state: 'PAID', feeTotalSat: 8_888, orderTotalSat: 2_008_888, expiresAt: 1_672_661_897_000 }
    expect(await read(ORDER)).toEqual({
      ...EMPTY_READING,
      lspOrderId: 'order-1',
      lspState: 'OPENED',
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
          paidSat: 1_500,
          // Seed 002, onchain_payments: the draft reports a height, and no height of the chain to count from.
          deposits: [
            {
              txid: 'aa'.repeat(32),
              outputIndex: null,
              amountSat: 1_200,
              confirmations: null,
              isZeroConf: false,
            },
            { txid: 'bb'.repeat(32), outputIndex: null, amountSat: 300, confirmations: 0, isZeroConf: true },
          ],
        },
      },
      paidSat: 2_008_888,
      channel: {
        state: 'OPEN',
        channelId: null,
        shortChannelId: null,
        fundingOutpoint: ORDER.channel_open_tx,
        fundedAt: null,
        expiresAt: 1_680_000_000_000,
        closingTxid: null,
      },
      jit: { shortChannelId: '733904x1451x0', nodeId: LSP_PUBKEY, feePerPaymentSat: 50 },
      lnurlChannel: 'lnurl1channel',
      clientNode: { uri: NODE_URI },
      lspNodeUris: [CREATED.lsp_connection_info],
      createdAt: 1_672_600_000_000,
      expiresAt: 1_672_661_897_000,
    })
  })

  test.each([
    ['CREATED', 0, 'AWAITING_PAYMENT', 'EXPECT_PAYMENT', null],
    ['UNDER_FUNDED', 1_200, 'UNDERPAID', 'UNDERPAID', null],
    ['PENDING', 2_008_888, 'PAID', 'PAID', null],
    ['OPENING', 2_008_888, 'COMPLETED', 'PAID', 'OPENING'],
    ['OPENED', 2_008_888, 'COMPLETED', 'PAID', 'OPEN'],
    ['CLOSING', 2_008_888, 'COMPLETED', 'PAID', 'CLOSING'],
    ['CLOSED', 2_008_888, 'COMPLETED', 'PAID', 'CLOSED'],
    ['FAILED', 2_008_888, 'FAILED', 'PAID', 'FAILED'],
    ['FAILED', 0, 'FAILED', 'FAILED', 'FAILED'],
    ['REFUNDED', 2_008_888, 'REFUNDED', 'REFUNDED', null],
    ['REFUNDED', 0, 'FAILED_OR_LAPSED', 'REFUNDED_OR_LAPSED', null],
    ['OFFER_EXPIRED', 0, 'EXPIRED', 'EXPIRED', null],
    ['opened', 2_008_888, 'COMPLETED', 'PAID', 'OPEN'],
    ['ON_HOLIDAY', 0, 'UNKNOWN', 'UNKNOWN', null],
  ])(
    'in state %s with %i sat paid tells of the order %s, its payment %s and its channel %s',
    async (state, amount_paid, order, payment, channel) => {
      const reading = await read({ ...ORDER, channel_open_tx: '', state, amount_paid })
      expect(reading).toMatchObject({ lspState: state, state: order, paidSat: amount_paid })
      expect(reading.payment?.bolt11?.state).toBe(payment)
      expect(reading.payment?.onchain?.state).toBe(payment)
      expect(reading.channel?.state ?? null).toBe(channel)
    },
  )

  test('has its one scid as route hint, also once the channel is funded (seed 002: "the scid user puts in the route hint")', async () => {
    const before = await read({ ...ORDER, state: 'PENDING', channel_open_tx: '' })
    expect(before).toMatchObject({ channel: null, jit: { shortChannelId: ORDER.scid } })
    expect(await read(ORDER)).toMatchObject({ channel: { shortChannelId: null }, jit: { shortChannelId: ORDER.scid } })
  })

  test('keeps hint and channel apart where the text has a name for each', async () => {
    const reading = await read({ ...ORDER, temporary_scid: '1x2x3', scid: '643904x1419x1' })
    expect(reading).toMatchObject({ channel: { shortChannelId: '643904x1419x1' }, jit: { shortChannelId: '1x2x3' } })
  })

  test('takes a time of 0 for one that is not known yet', async () => {
    expect(await read({ ...ORDER, created_at: 0, order_expiry_ts: 0, channel_expiry_ts: 0 })).toMatchObject({
      createdAt: null,
      expiresAt: null,
      channel: { expiresAt: null },
    })
  })

  test('is refused with the LSP’s text, or its status where there is none', async () => {
    // The LSP is asked by both names.
    const refused = (status: number, body: unknown) =>
      speak([json(status, body), json(status, body)], (call) => adapter.readOrder(call, orderRef()))
    await expect(refused(404, { message: 'no such order' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'no such order',
      effect: 'none',
    })
    await expect(refused(400, { error: 'remote_balance too small' })).rejects.toMatchObject({ code: 'OPTION_MISMATCH' })
    await expect(refused(400, { detail: 'what?' })).rejects.toMatchObject({ code: 'INVALID_REQUEST', message: 'what?' })
    await expect(refused(403, { detail: 'not you' })).rejects.toMatchObject({ code: 'CLIENT_REJECTED' })
    await expect(refused(404, [])).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(refused(500, { message: 'boom' })).rejects.toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' })
  })
})

describe('a renewal', () => {
  const validTo = 1_700_000_123_999
  const renewal = { shortChannelId: '643904x1419x1', validTo, signedMessage: 'rnsignature+/=' }

  test('is signed for in exactly the words of the text', () => {
    expect(adapter.renewalMessage?.('https://lsp.example/base', '643904x1419x1', validTo)).toBe(
      'https://lsp.example/base/lsp/channel/renew/?scid=643904x1419x1&valid_to=1700000123',
    )
  })

  test('is asked for with the very seconds that were signed, and read field by field', async () => {
    const { result, requests } = await speak([json(200, RENEWAL)], (call) => adapter.renew!(call, renewal))
    expect(requests).toMatchObject([
      {
        method: 'GET',
        path: '/lsp/channel/renew',
        query: { scid: '643904x1419x1', valid_to: '1700000123', signedmessage: 'rnsignature+/=' },
      },
    ])
    const way = { state: 'EXPECT_PAYMENT', feeTotalSat: 4_000, orderTotalSat: 4_000, expiresAt: null }
    expect(result).toEqual({
      ...EMPTY_READING,
      lspOrderId: 'renewal-1',
      lspState: 'CREATED',
      state: 'AWAITING_PAYMENT',
      terms: { channelExpiryBlocks: 26 * 1008 },
      payment: {
        bolt11: { ...way, invoice: 'lnbc1renewal' },
        bolt12: null,
        onchain: {
          ...way,
          address: 'bc1qrenewal',
          minConfirmations: null,
          minFeeFor0Conf: null,
          refundOnchainAddress: null,
          paidSat: 0,
          deposits: [],
        },
      },
      paidSat: 0,
      channel: {
        state: 'OPEN',
        channelId: null,
        shortChannelId: '643904x1419x1',
        fundingOutpoint: `${ORDER.channel_open_tx}:1`,
        fundedAt: null,
        expiresAt: 1_680_000_000_000,
        closingTxid: null,
      },
      shortChannelId: '643904x1419x1',
      renewedUntil: 1_690_000_000_000,
    })
  })

  test('is read again as the order that it is, for asking once more would order once more', async () => {
    const { result, requests } = await speak(
      [json(200, { ...RENEWAL, state: 'PENDING', amount_paid: 4_000 })],
      (call) => adapter.readRenewal!(call, 'renewal-1'),
    )
    expect(requests).toMatchObject([{ method: 'GET', path: '/lsp/channel', query: { id: 'renewal-1' } }])
    expect(result).toMatchObject({ state: 'PAID', paidSat: 4_000, channel: { state: 'OPEN' } })
  })

  test('shows what was paid on-chain (seed 002 renew: btc_address, amount_paid, onchain_payments)', async () => {
    const { result } = await speak(
      [
        json(200, {
          ...RENEWAL,
          state: 'UNDER_FUNDED',
          btc_address: 'bcrt1q6zfdk8n3gy0wvl7jsurtqyamgqfeyt5cguydev',
          amount_paid: 1_500,
          onchain_payments: [{ height: 0, hash: 'ab'.repeat(32), amount: 1_500, zero_conf: true }],
        }),
      ],
      (call) => adapter.readRenewal!(call, 'renewal-1'),
    )
    expect(result).toMatchObject({
      paidSat: 1_500,
      payment: {
        onchain: {
          state: 'UNDERPAID',
          address: 'bcrt1q6zfdk8n3gy0wvl7jsurtqyamgqfeyt5cguydev',
          paidSat: 1_500,
          deposits: [{ txid: 'ab'.repeat(32), amountSat: 1_500 }],
        },
      },
    })
  })

  test('may be answered with the fields of an order', async () => {
    const { result } = await speak([json(200, { ...ORDER, order_id: 'renewal-1', id: '' })], (call) =>
      adapter.readRenewal!(call, 'renewal-1'),
    )
    expect(result).toMatchObject({
      lspOrderId: 'renewal-1',
      state: 'COMPLETED',
      renewedUntil: null,
      channel: { fundingOutpoint: ORDER.channel_open_tx },
    })
  })

  test.each([
    ['FAILED', 'OPEN'],
    ['OFFER_EXPIRED', 'OPEN'],
    ['CLOSING', 'CLOSING'],
    ['OPENED', 'OPEN'],
  ])('in state %s leaves its channel %s', async (state, channel) => {
    const { result } = await speak([json(200, { ...RENEWAL, state })], (call) =>
      adapter.readRenewal!(call, 'renewal-1'),
    )
    expect(result.channel?.state).toBe(channel)
  })
})

describe('the documents of the text itself', () => {
  testEveryFixture([FOLDER], {
    [`${FOLDER}/create.response.json`]: async () => {
      expect(await create(fixture(`${FOLDER}/create.response.json`))).toMatchObject({
        lspOrderId: 'string',
        state: 'AWAITING_PAYMENT',
        payment: { bolt11: { invoice: 'string', orderTotalSat: 0 } },
      })
    },
    // Made from the types alone: its state is the word "string".
    [`${FOLDER}/get.response.json`]: async () => {
      expect(await read(fixture(`${FOLDER}/get.response.json`))).toMatchObject({
        state: 'UNKNOWN',
        lspState: 'string',
        channel: { state: 'UNKNOWN', fundingOutpoint: 'string' },
      })
    },
  })
})

test('the configuration’s name finds this adapter', () => {
  expect(adapterOf('CHANNEL_REQUEST_V0_0_1')).toBe(adapter)
  expect(adapter.configName).toBe('channel-request-0.0.1')
})

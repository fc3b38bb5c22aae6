import { describe, expect, it } from 'vitest'
import { sat } from '../../src/domain/money.ts'
import { EMPTY_READING, type OrderReading } from '../../src/domain/reading.ts'
import { thunderstack } from '../../src/protocols/thunderstack.ts'
import { channelRequest, failureOf, orderRef, talk } from '../support/adapter-call.ts'
import { fixture, testEveryFixture } from '../support/fixtures.ts'
import { json } from '../support/queue-server.ts'

type Payment = Record<'ln' | 'btc_onchain', Record<string, unknown>>

const ORDER = fixture('thunderstack/create_order.response.json')
const PAYMENT = ORDER.payment as Payment
const ORDER_2024 = fixture('thunderstack/create_order.response.2024-10.json')

const REQUEST = channelRequest({ lspBalanceSat: sat(100_000), channelExpiryBlocks: 12_960 })
const ASSET = { assetId: 'rgb:25w4w77', lspAmount: '50000', clientAmount: null, rfqId: null }

const create = (answer: unknown, request = REQUEST) =>
  talk(thunderstack, [json(200, answer)], (call) => thunderstack.createOrder(call, request, 'somebody@example.com'))
const refused = (status: number, body: unknown) =>
  failureOf(talk(thunderstack, [json(status, body)], (call) => thunderstack.createOrder(call, REQUEST, null)))

async function read(order: unknown): Promise<OrderReading> {
  return (
    await talk(thunderstack, [json(200, order)], (call) =>
      thunderstack.readOrder(call, orderRef({ lspOrderId: '66e42dba6afb292692ade4e7' })),
    )
  ).result
}

/** The order with these words for the states of the Lightning payment, the on-chain payment and the channel. */
function readStates(status: string, ln: string, onchain: string, channel: string | null): Promise<OrderReading> {
  return read({
    ...ORDER,
    status,
    payment: { ln: { ...PAYMENT.ln, status: ln }, btc_onchain: { ...PAYMENT.btc_onchain, status: onchain } },
    channel: channel === null ? null : { channel_id: 'aa', temporary_channel_id: 'bb', status: channel },
  })
}

const readBip21 = (invoice: string, changes = {}) =>
  read({ ...ORDER, payment: { btc_onchain: { ...PAYMENT.btc_onchain, invoice, ...changes } } })

async function readsInfo(path: string): Promise<void> {
  const { result, requests } = await talk(thunderstack, [json(200, fixture(path))], (call) => thunderstack.info(call))
  expect(requests).toMatchObject([{ method: 'GET', path: '/get_info' }])
  expect(result).toMatchObject({
    limits: {
      minLspBalanceSat: 100_000,
      maxLspBalanceSat: 100_000_000,
      minChannelBalanceSat: 100_000,
      maxChannelBalanceSat: 100_000,
      maxChannelExpiryBlocks: 12_960,
      minRequiredChannelConfirmations: null,
      maxClientBalanceSat: null,
    },
    nodeUris: [expect.stringMatching(/^030e5245c3.*:12198$/)],
    features: ['ONCHAIN_PAYMENT', 'RGB_ASSETS'],
    assets: [],
  })
}

async function readsNewOrder(path: string): Promise<void> {
  const { result } = await create(fixture(path))
  expect(result).toEqual({
    ...EMPTY_READING,
    lspOrderId: '66e42dba6afb292692ade4e7',
    lspState: 'Pending',
    state: 'AWAITING_PAYMENT',
    terms: { lspBalanceSat: 100_000, channelExpiryBlocks: 12_960 },
    payment: {
      bolt11: {
        state: 'EXPECT_PAYMENT',
        feeTotalSat: 251_515,
        orderTotalSat: 251_515,
        invoice: PAYMENT.ln.invoice,
        expiresAt: Date.parse('2025-02-11T11:08:22.138Z'),
      },
      bolt12: null,
      onchain: {
        state: 'EXPECT_PAYMENT',
        feeTotalSat: 251_515,
        orderTotalSat: 251_515,
        address: 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88',
        expiresAt: Date.parse('2025-02-11T11:38:22.390Z'),
        minConfirmations: null,
        minFeeFor0Conf: null,
        // The payload has a public key in its place.
        refundOnchainAddress: null,
        paidSat: null,
        uri: PAYMENT.btc_onchain.invoice,
      },
    },
    clientNode: { uri: fixture(path).public_key },
    createdAt: Date.parse('2024-09-13T12:19:06.991Z'),
  })
}

async function readsOpenedOrder(path: string): Promise<void> {
  expect(await read(fixture(path))).toMatchObject({
    lspOrderId: '66e42dba6afb292692ade4e7',
    state: 'COMPLETED',
    // Its payload says Succeeded of the order and Pending of both payments; neither word is bent.
    payment: { bolt11: { state: 'EXPECT_PAYMENT' }, onchain: { state: 'EXPECT_PAYMENT' } },
    channel: {
      state: 'OPEN',
      channelId: '9e4a1140dd3a810e2807bb847f7a25219a2ce889892e59c27e7f8c928478980e',
      fundingOutpoint: null,
      // Seed 003 §3 states the channel's creation, and no end of its lease: 12960 blocks at 10 minutes.
      fundedAt: Date.parse('2024-08-29T14:25:38.828Z'),
      expiresAt: Date.parse('2024-08-29T14:25:38.828Z') + 12_960 * 600_000,
    },
  })
}

describe('ThunderStack speaks its documents', () => {
  testEveryFixture(['thunderstack', 'seeds/thunderstack'], {
    'thunderstack/get_info.response.json': () => readsInfo('thunderstack/get_info.response.json'),
    'seeds/thunderstack/get_info.response.json': () => readsInfo('seeds/thunderstack/get_info.response.json'),
    'thunderstack/create_order.request.json': async () => {
      const { requests } = await create(ORDER)
      expect(requests).toMatchObject([{ method: 'POST', path: '/create_order' }])
      expect(requests[0]?.body).toEqual(fixture('thunderstack/create_order.request.json'))
    },
    'thunderstack/create_order.response.json': () => readsNewOrder('thunderstack/create_order.response.json'),
    'seeds/thunderstack/create_order.response.json': () =>
      readsNewOrder('seeds/thunderstack/create_order.response.json'),
    'thunderstack/get_order.response.json': () => readsOpenedOrder('thunderstack/get_order.response.json'),
    'seeds/thunderstack/get_order.response.json': () => readsOpenedOrder('seeds/thunderstack/get_order.response.json'),
    'thunderstack/create_order.response.2024-10.json': async () => {
      // Its amount stands in the invoice alone, and its second invoice is to be paid in an asset.
      expect((await create(ORDER_2024)).result.payment).toMatchObject({
        bolt11: {
          feeTotalSat: 3_000,
          orderTotalSat: 3_000,
          expiresAt: null,
          invoice: expect.stringMatching(/^lnbcrt30u/),
        },
        onchain: null,
      })
    },
  })

  it('sends the address of the node where it is known, an asset, and the refund address in its own spelling', async () => {
    const { requests } = await create(ORDER, {
      ...REQUEST,
      clientAddress: '127.0.0.1:9735',
      refundOnchainAddress: 'bcrt1qx',
      asset: ASSET,
    })
    expect(requests[0]?.body).toEqual({
      lsp_balance_sat: 100_000,
      public_key: `${REQUEST.clientPubkey}@127.0.0.1:9735`,
      channel_expiry_blocks: 12_960,
      asset_id: 'rgb:25w4w77',
      asset_amount: 50_000,
      refund_on_chain_address: 'bcrt1qx',
    })
  })

  it('asks for an order by its id', async () => {
    const { requests } = await talk(thunderstack, [json(200, ORDER)], (call) =>
      thunderstack.readOrder(call, orderRef({ lspOrderId: 'a b&c' })),
    )
    expect(requests).toMatchObject([{ method: 'GET', path: '/get_order', query: { order_id: 'a b&c' } }])
  })

  it('lists the assets of every kind', async () => {
    const info = {
      ...fixture('thunderstack/get_info.response.json'),
      lsp_assets: {
        nia: [{ asset_id: 'rgb:a', ticker: 'A', precision: 2 }],
        uda: [{ name: 'without an id' }],
        cfa: [{ asset_id: 'rgb:b', name: 'B' }],
      },
    }
    const { result } = await talk(thunderstack, [json(200, info)], (call) => thunderstack.info(call))
    expect(result.assets).toMatchObject([
      { assetId: 'rgb:a', ticker: 'A', precision: 2 },
      { assetId: 'rgb:b', name: 'B', minLspAmount: null },
    ])
  })

  it.each([
    [{ clientBalanceSat: sat(1) }, 'clientBalanceSat'],
    [{ announceChannel: true }, 'announceChannel'],
    [{ requiredChannelConfirmations: 0 }, 'requiredChannelConfirmations'],
    [{ fundingConfirmsWithinBlocks: 6 }, 'fundingConfirmsWithinBlocks'],
    [{ token: 'FREE' }, 'tokens'],
    [{ asset: { ...ASSET, clientAmount: '1' } }, 'asset.clientAmount'],
    [{ asset: { ...ASSET, rfqId: 'a' } }, 'asset.rfqId'],
    [{ asset: { ...ASSET, lspAmount: '18446744073709551615' } }, null],
    [{ asset: ASSET, refundOnchainAddress: 'bcrt1qx', clientAddress: '127.0.0.1:9735' }, null],
    [{ asset: { ...ASSET, clientAmount: '0' } }, null],
  ])('a request with %j is beyond its form: %s', (changes, property) => {
    expect(thunderstack.unsupportedParameter(channelRequest(changes))?.field ?? null).toBe(property)
  })
})

describe('ThunderStack tells how an order stands', () => {
  it.each([
    ['Pending', 'Pending', 'Pending', null, 'AWAITING_PAYMENT'],
    ['Pending', 'Succeeded', 'Pending', null, 'PAID'],
    ['Pending', 'Expired', 'Success', null, 'PAID'],
    ['Pending', 'Succeeded', 'Expired', 'PendingOpen', 'CHANNEL_OPENING'],
    ['pending', 'Succeeded', 'Expired', 'Open', 'COMPLETED'],
    // The channel could not be opened, and the order has not been told yet.
    ['Pending', 'Succeeded', 'Expired', 'FailedOpen', 'PAID'],
    ['Succeeded', 'Pending', 'Pending', 'Open', 'COMPLETED'],
    ['Success', 'Succeeded', 'Expired', 'Success', 'COMPLETED'],
    ['Failed', 'Succeeded', 'Expired', 'FailedOpen', 'FAILED'],
    ['Expired', 'Expired', 'Expired', null, 'EXPIRED'],
    ['Pondering', 'Pending', 'Pending', null, 'UNKNOWN'],
  ])('%s, payments %s and %s, channel %s: %s', async (status, ln, onchain, channel, state) => {
    expect(await readStates(status, ln, onchain, channel)).toMatchObject({ state, lspState: status })
  })

  it('the way that was not taken expires when the other is paid', async () => {
    expect((await readStates('Pending', 'Succeeded', 'Expired', null)).payment).toMatchObject({
      bolt11: { state: 'PAID' },
      onchain: { state: 'EXPIRED' },
    })
    expect((await readStates('Failed', 'Failed', 'Pondering', null)).payment).toMatchObject({
      bolt11: { state: 'FAILED' },
      onchain: { state: 'UNKNOWN' },
    })
  })

  it.each([
    ['PendingOpen', 'PENDING'],
    ['Open', 'OPEN'],
    ['Success', 'OPEN'],
    ['FailedOpen', 'FAILED'],
    ['Failed', 'FAILED'],
    ['Pondering', 'UNKNOWN'],
  ])('a channel that is %s is %s', async (word, state) => {
    expect((await readStates('Pending', 'Pending', 'Pending', word)).channel).toMatchObject({ state, channelId: 'aa' })
  })

  it('an order is known by order_id or by _id, and by nothing else', async () => {
    const { order_id: id, ...rest } = ORDER
    expect((await read({ ...rest, _id: id })).lspOrderId).toBe(id)
    expect(await failureOf(read(rest))).toMatchObject({
      code: 'BAD_RESPONSE',
      effect: 'unknown',
      message: expect.stringContaining('neither order_id nor _id'),
    })
  })

  it('a refund address is mirrored where it is one', async () => {
    expect((await read({ ...ORDER, refund_on_chain_address: 'bcrt1qx' })).payment?.onchain?.refundOnchainAddress).toBe(
      'bcrt1qx',
    )
    expect(
      (await read({ ...ORDER, refund_on_chain_address: undefined })).payment?.onchain?.refundOnchainAddress,
    ).toBeNull()
    expect((await read({ ...ORDER, refund_on_chain_address: '' })).payment?.onchain?.refundOnchainAddress).toBeNull()
  })

  it.each([
    ['no payment object', undefined],
    ['no payment option', {}],
    ['an asset as the only payment option', { ln_asset: PAYMENT.ln }],
  ])('an order with %s is malformed', async (_what, payment) => {
    expect(await failureOf(read({ ...ORDER, payment }))).toMatchObject({
      code: 'BAD_RESPONSE',
      effect: 'unknown',
      message: expect.stringContaining('payment'),
    })
  })
})

describe('ThunderStack asks for bitcoin by BIP 21', () => {
  it.each([
    ['bitcoin:bcrt1qx?amount=0.00251515', 251_515],
    ['BITCOIN:bcrt1qx?label=a&amount=1', 100_000_000],
    // As a float it would be 28999999.999999996 sat.
    ['bitcoin:bcrt1qx?amount=0.29', 29_000_000],
  ])('%s is %i sat', async (uri, amount) => {
    expect((await readBip21(uri, { fee: null })).payment?.onchain).toMatchObject({
      address: 'bcrt1qx',
      orderTotalSat: amount,
      feeTotalSat: amount,
    })
  })

  it('the fee is what is to be paid, and the URI is kept, so that its amount can be compared', async () => {
    expect((await readBip21('bitcoin:bcrt1qx?amount=0.5')).payment?.onchain).toMatchObject({
      feeTotalSat: 251_515,
      orderTotalSat: 251_515,
      uri: 'bitcoin:bcrt1qx?amount=0.5',
    })
    expect((await readBip21('bitcoin:bcrt1qx')).payment?.onchain).toMatchObject({ orderTotalSat: 251_515 })
  })

  it.each([
    'bcrt1qx',
    'http://bcrt1qx?amount=1',
    'bitcoin:bcrt1qx?amount=0.000000001',
    'bitcoin:bcrt1qx?amount=1e3',
    'bitcoin:bcrt1qx?amount=-1',
  ])('%s is malformed', async (uri) => {
    expect(await failureOf(readBip21(uri))).toMatchObject({
      code: 'BAD_RESPONSE',
      effect: 'unknown',
      message: expect.stringContaining('not a BIP 21 URI'),
    })
  })

  it('an amount has to be told somewhere', async () => {
    expect(await failureOf(readBip21('bitcoin:bcrt1qx', { fee: null }))).toMatchObject({
      code: 'BAD_RESPONSE',
      message: expect.stringContaining('names no amount'),
    })
  })

  it.each([
    ['does not decode', 'lnbcrt1x'],
    // An example of BOLT 11: "please consider supporting this project".
    [
      'lets the payer choose',
      'lnbc1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq8rkx3yf5tcsyz3d73gafnh3cax9rn449d9p5uxz9ezhhypd0elx87sjle52x86fux2ypatgddc6k63n7erqz25le42c4u4ecky03ylcqca784w',
    ],
  ])('an invoice that %s tells no amount', async (_what, invoice) => {
    const order = { ...ORDER, payment: { ln: { ...PAYMENT.ln, fee: null, invoice } } }
    expect(await failureOf(read(order))).toMatchObject({
      code: 'BAD_RESPONSE',
      effect: 'unknown',
      message: expect.stringContaining('payment.ln.invoice: names no amount'),
    })
  })
})

describe('ThunderStack has a published tariff', () => {
  const priceAt = async (tariffFeeRateSatPerVbyte: number | null, request = REQUEST) =>
    (await talk(thunderstack, [], async (call) => thunderstack.tariff!(call, request), { tariffFeeRateSatPerVbyte }))
      .result

  it.each([
    // What its documentation's own example comes to.
    [500, 251_515],
    [1, 2_015],
    [1.1, 2_065],
    [1.0004, 2_016],
    [0.001, 1_516],
    [2.3, 2_665],
    [0, 1_515],
  ])('at %d sat/vB a channel costs %i sat', async (rate, fee) => {
    expect(await priceAt(rate)).toEqual({ feeTotalSat: fee, expiresAt: null })
  })

  it('computes nothing without a fee rate, nor for an asset, whose value nobody here knows', async () => {
    expect(await priceAt(null)).toBeNull()
    expect(await priceAt(500, channelRequest({ asset: ASSET }))).toBeNull()
  })
})

describe('ThunderStack refuses', () => {
  it.each([
    ['in error', 400, { error: 'amount too small' }, { code: 'OPTION_MISMATCH', message: 'amount too small' }],
    [
      'in message, where error is only the name of the status',
      400,
      { statusCode: 400, error: 'Bad Request', message: 'client is not connected' },
      { code: 'PEER_NOT_CONNECTED', message: 'client is not connected' },
    ],
    ['in detail', 404, { detail: 'Order not found' }, { code: 'NOT_FOUND' }],
    ['in a nested message', 400, { error: { message: 'no' } }, { code: 'INVALID_REQUEST', message: 'no' }],
    [
      'under 200, which proves nothing at an LSP that documents no errors',
      200,
      { error: 'too many requests' },
      { code: 'RATE_LIMITED', effect: 'unknown' },
    ],
    ['for want of authorisation', 401, { message: 'Unauthorized' }, { code: 'CLIENT_REJECTED' }],
    ['and may have done it', 500, { message: 'oops' }, { code: 'UNAVAILABLE', effect: 'unknown' }],
    ['without a word', 400, { code: 7 }, { code: 'INVALID_REQUEST', message: 'HTTP status 400' }],
  ])('%s', async (_where, status, body, expected) => {
    expect(await refused(status, body)).toMatchObject({ effect: 'none', ...expected })
  })
})

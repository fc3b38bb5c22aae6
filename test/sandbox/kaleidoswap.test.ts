import { afterEach, beforeEach, expect, test } from 'vitest'
import { SANDBOX_ASSET } from '../../src/sandbox/asset.ts'
import { startSandbox, type Sandbox, type SandboxLsp } from '../../src/sandbox/index.ts'
import { BLOCKS, get, place, post, SetClock, STEP_MS, until } from './support.ts'

let clock: SetClock
let sandbox: Sandbox
let kestrel: SandboxLsp

beforeEach(async () => {
  clock = new SetClock()
  sandbox = await startSandbox({ only: ['kestrel'], stepMs: STEP_MS, clock })
  kestrel = sandbox.lsp('kestrel')
})
afterEach(() => sandbox.close())

const priced = { lsp_balance_sat: 1_000_000, client_balance_sat: 0, channel_expiry_blocks: BLOCKS }
const create = (more: Record<string, unknown> = {}) =>
  post(kestrel, '/create_order', {
    client_pubkey: sandbox.wallet.pubkey,
    required_channel_confirmations: 0,
    funding_confirms_within_blocks: 1,
    ...priced,
    ...more,
  })
const marketUrl = () => `${new URL(kestrel.url).origin}/api/v1/market/quote`
const quoteFor = (amount: number) =>
  post(kestrel, marketUrl(), {
    from_asset: { asset_id: 'BTC', layer: 'BTC_LN' },
    to_asset: { asset_id: SANDBOX_ASSET.asset_id, layer: 'RGB_LN', amount },
  })

test('its options are integers under `options`, its network is regtest, and it deals in an asset', async () => {
  const info = await get(kestrel, '/get_info')
  expect(info.body).toMatchObject({
    lsp_connection_url: kestrel.nodeUris[0],
    options: { max_initial_lsp_balance_sat: 16_777_215 },
    assets: [{ asset_id: SANDBOX_ASSET.asset_id, precision: 6 }],
  })
  expect((await get(kestrel, '/network_info')).body).toEqual({ network: 'Regtest', height: expect.any(Number) })
})

test('an order costs what the estimate said', async () => {
  const estimate = await post(kestrel, '/estimate_fees', priced)
  expect(estimate.body).toEqual({
    setup_fee: 1_000,
    capacity_fee: 1_500,
    duration_fee: 1_607,
    total_fee: 4_107,
    applied_discount: null,
    discount_code: null,
  })
  expect((await create()).at('payment.bolt11')).toMatchObject({ fee_total_sat: 4_107, order_total_sat: 4_107 })
})

test('SLUICE10 is told as a discount, and taken off the order as off the estimate', async () => {
  const estimate = await post(kestrel, '/estimate_fees', { ...priced, token: 'SLUICE10' })
  expect(estimate.body).toMatchObject({ total_fee: 3_697, applied_discount: 0.1, discount_code: 'SLUICE10' })
  expect((await create({ token: 'SLUICE10' })).at('payment.bolt11.fee_total_sat')).toBe(3_697)
})

test('a paid order is opened and completed, and announced unless it was told otherwise', async () => {
  const order = await place(sandbox, 'kestrel')
  expect(order.answer.body).toMatchObject({ order_state: 'CREATED', announce_channel: true, token: '', channel: null })
  await sandbox.wallet.payInvoice(order.invoice)
  expect((await order.read()).body).toMatchObject({ order_state: 'CREATED', payment: { bolt11: { state: 'PAID' } } })
  const opening = await until(order.read, 'order_state', 'CHANNEL_OPENING', clock.halfStep)
  expect(opening.at('channel')).toMatchObject({
    channel_id: null,
    temporary_channel_id: expect.stringMatching(/^[0-9a-f]{64}$/),
    funding_outpoint: null,
  })
  const done = await until(order.read, 'order_state', 'COMPLETED', clock.halfStep)
  expect(done.at('channel')).toMatchObject({
    temporary_channel_id: opening.at('channel.temporary_channel_id'),
    funding_outpoint: expect.stringMatching(/:\d$/),
  })
})

test('only the answer to create_order holds the access token, and no order is read without it', async () => {
  const order = await create()
  const orderId = order.text('order_id')
  const read = await post(kestrel, '/get_order', { order_id: orderId, access_token: order.text('access_token') })
  expect(read.status).toBe(200)
  expect(read.body).not.toHaveProperty('access_token')
  for (const body of [{ order_id: orderId }, { order_id: orderId, access_token: 'ord_guess' }]) {
    expect(await post(kestrel, '/get_order', body)).toMatchObject({
      status: 400,
      body: { error_code: 'LSPS1_INVALID_PARAMS', details: { code: -32_602, property: 'access_token' } },
    })
  }
})

test('coins that are too few are told as a difference; the rest of them completes the order', async () => {
  const order = await place(sandbox, 'kestrel')
  const address = order.answer.text('payment.onchain.address')
  await sandbox.wallet.payOnchain(address, 4_000)
  expect((await order.read()).body).toMatchObject({
    order_state: 'CREATED',
    payment: { onchain: { state: 'EXPECT_PAYMENT', payment_status: 'UNDERPAID', payment_difference: -107 } },
  })
  await sandbox.wallet.payOnchain(address, 200)
  expect((await order.read()).at('payment.onchain')).toMatchObject({
    state: 'PAID',
    payment_status: 'OVERPAID',
    payment_difference: 93,
  })
  await until(order.read, 'order_state', 'COMPLETED', clock.halfStep)
})

test('an open that fails is to be refunded, then refunded, to the address where there is one', async () => {
  kestrel.setFaults(['REFUND'])
  const refundAddress = sandbox.wallet.newAddress()
  const order = await create({ refund_onchain_address: refundAddress })
  const read = () =>
    post(kestrel, '/get_order', { order_id: order.text('order_id'), access_token: order.text('access_token') })
  await sandbox.wallet.payInvoice(order.text('payment.bolt11.invoice'))
  const failed = await until(read, 'order_state', 'FAILED', clock.halfStep)
  expect(failed.body).toMatchObject({
    failure_reason: expect.stringContaining('open failed'),
    payment: { bolt11: { state: 'TO_REFUND' } },
  })
  await until(read, 'payment.bolt11.state', 'REFUNDED', clock.halfStep)
  expect(sandbox.wallet.receivedAt(refundAddress)).toBe(4_107)
})

test('a rate that changes stops a paid order until its new rate is accepted', async () => {
  kestrel.setFaults(['RATE_CHANGES'])
  const order = await place(sandbox, 'kestrel')
  await sandbox.wallet.payInvoice(order.invoice)
  expect((await order.read()).at('order_state')).toBe('PENDING_RATE_DECISION')
  const decision = {
    order_id: order.answer.at('order_id'),
    access_token: order.answer.at('access_token'),
    accept_new_rate: true,
  }
  expect((await post(kestrel, '/rate_decision', decision)).body).toMatchObject({
    decision_accepted: true,
    refund_txid: null,
  })
  await until(order.read, 'order_state', 'COMPLETED', clock.halfStep)
  expect(await post(kestrel, '/rate_decision', decision)).toMatchObject({
    status: 400,
    body: { error_code: 'VALIDATION_ERROR', message: 'Order is not pending rate decision. Current state: COMPLETED' },
  })
})

test('a rate that is refused is refunded by a transaction that the answer names', async () => {
  kestrel.setFaults(['RATE_CHANGES'])
  const refundAddress = sandbox.wallet.newAddress()
  const order = await create({ refund_onchain_address: refundAddress })
  const access = { order_id: order.text('order_id'), access_token: order.text('access_token') }
  await sandbox.wallet.payInvoice(order.text('payment.bolt11.invoice'))
  const refused = await post(kestrel, '/rate_decision', { ...access, accept_new_rate: false })
  expect(refused.body).toMatchObject({ decision_accepted: false, refund_txid: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect((await post(kestrel, '/get_order', access)).body).toMatchObject({
    order_state: 'FAILED',
    payment: { bolt11: { state: 'REFUNDED' } },
  })
  expect(sandbox.wallet.receivedAt(refundAddress)).toBe(4_107)
  expect(sandbox.wallet.spentSat()).toBe(0)
})

test('a bought asset needs a quote, is paid with the channel, and follows it', async () => {
  const quote = await quoteFor(2_500_000)
  expect(quote.body).toMatchObject({ to_asset: { amount: 2_500_000 }, from_asset: { amount: 2_500_000 } })
  const bought = { asset_id: SANDBOX_ASSET.asset_id, client_asset_amount: 2_500_000, rfq_id: quote.text('rfq_id') }
  expect((await post(kestrel, '/estimate_fees', { ...priced, ...bought })).at('total_fee')).toBe(4_107 + 2_500)
  const order = await create(bought)
  expect(order.body).toMatchObject({
    ...bought,
    asset_price_sat: 2_500,
    asset_delivery_status: 'PENDING',
    payment: { bolt11: { order_total_sat: 6_607 } },
  })
  const read = () =>
    post(kestrel, '/get_order', { order_id: order.text('order_id'), access_token: order.text('access_token') })
  await sandbox.wallet.payInvoice(order.text('payment.bolt11.invoice'))
  await until(read, 'order_state', 'COMPLETED', clock.halfStep)
  const delivered = await until(read, 'asset_delivery_status', 'COMPLETED', clock.halfStep)
  expect(delivered.body).toMatchObject({
    asset_delivery_payment_hash: expect.any(String),
    asset_delivery_completed_at: expect.any(String),
    asset_delivery_error: null,
  })
})

test('an asset order is refused without a quote, with one that lapsed, or for an asset that is not known', async () => {
  const bought = { asset_id: SANDBOX_ASSET.asset_id, client_asset_amount: 1_000 }
  expect(await create(bought)).toMatchObject({
    status: 400,
    body: { details: { property: 'rfq_id', message: expect.stringContaining('RFQ ID is required') } },
  })
  expect(await create({ ...bought, rfq_id: 'made-up' })).toMatchObject({
    status: 400,
    body: { message: 'RFQ not found' },
  })
  expect(await create({ asset_id: 'rgb:unknown', lsp_asset_amount: 1 })).toMatchObject({
    status: 404,
    body: { error_code: 'ASSET_NOT_FOUND', message: 'Asset not found: rgb:unknown' },
  })
  expect(await create({ lsp_asset_amount: 1 })).toMatchObject({
    status: 400,
    body: { details: { property: 'asset_id' } },
  })

  const quote = await quoteFor(1_000)
  clock.pass(60_000)
  expect(await create({ ...bought, rfq_id: quote.text('rfq_id') })).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining('expired') },
  })
  expect(
    await post(kestrel, marketUrl(), {
      from_asset: { asset_id: 'BTC', layer: 'BTC_L1' },
      to_asset: { asset_id: 'x', layer: 'RGB_LN' },
    }),
  ).toMatchObject({
    status: 400,
    body: { detail: 'Route not supported for this pair. From: BTC_L1, To: RGB_LN' },
  })
})

test('a field that is missing or wrong is refused as its framework refuses it, a limit as the protocol does', async () => {
  expect(await create({ client_pubkey: undefined })).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ['body', 'client_pubkey'], msg: 'Field required', type: 'missing' }] },
  })
  expect(await create({ lsp_balance_sat: '1000000' })).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ['body', 'lsp_balance_sat'] }] },
  })
  expect(await create({ lsp_balance_sat: 16_777_216 })).toMatchObject({
    status: 400,
    body: { error_code: 'LSPS1_INVALID_PARAMS', details: { property: 'lsp_balance_sat' } },
  })
  expect(await create({ lsp_balance_sat: 49_999 })).toMatchObject({
    status: 400,
    body: { message: 'min_channel_balance_sat is 50000' },
  })
  expect(await post(kestrel, '/create_order', '{')).toMatchObject({
    status: 422,
    body: { detail: [{ type: 'json_invalid' }] },
  })
  expect(await get(kestrel, '/get_order')).toMatchObject({ status: 404, body: { detail: 'Not Found' } })
})

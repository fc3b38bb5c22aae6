import { afterEach, beforeEach, expect, test } from 'vitest'
import { SANDBOX_ASSET } from '../../src/sandbox/asset.ts'
import { startSandbox, type Sandbox, type SandboxLsp } from '../../src/sandbox/index.ts'
import { MINUTE_MS } from '../../src/domain/time.ts'
import { amountOf, BLOCKS, get, place, post, SetClock, STEP_MS, until, type Answered } from './support.ts'

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

const readOf = (order: Answered) => () =>
  post(kestrel, '/get_order', { order_id: order.text('order_id'), access_token: order.text('access_token') })

/** An order that buys so much of the asset. */
async function buy(units: number, more: Record<string, unknown> = {}) {
  const rfq_id = (await quoteFor(units)).text('rfq_id')
  const order = await create({ asset_id: SANDBOX_ASSET.asset_id, client_asset_amount: units, rfq_id, ...more })
  const access = { order_id: order.text('order_id'), access_token: order.text('access_token') }
  return { order, access, read: readOf(order) }
}

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

test('a price that changes stops a paid order with a bought asset until the client accepts the new price', async () => {
  kestrel.setFaults(['RATE_CHANGES'])
  const { order, read, access } = await buy(2_500_000)
  await sandbox.wallet.payInvoice(order.text('payment.bolt11.invoice'))
  expect((await read()).body).toMatchObject({
    order_state: 'PENDING_RATE_DECISION',
    asset_delivery_status: 'RATE_CHANGED',
    asset_price_sat: 2_625,
  })
  const decision = { ...access, accept_new_rate: true }
  expect((await post(kestrel, '/rate_decision', decision)).body).toMatchObject({
    decision_accepted: true,
    refund_txid: null,
  })
  await until(read, 'order_state', 'COMPLETED', clock.halfStep)
  expect(await post(kestrel, '/rate_decision', decision)).toMatchObject({
    status: 400,
    body: { error_code: 'VALIDATION_ERROR', message: 'Order is not pending rate decision. Current state: COMPLETED' },
  })
})

test('a plain channel has no rate that could change', async () => {
  kestrel.setFaults(['RATE_CHANGES', 'RATE_CHANGES_AT_DELIVERY', 'DELIVERY_FAILS'])
  const order = await place(sandbox, 'kestrel')
  await sandbox.wallet.payInvoice(order.invoice)
  const done = await until(order.read, 'order_state', 'COMPLETED', clock.halfStep)
  expect(done.body).toMatchObject({ asset_price_sat: null, asset_delivery_status: 'NOT_REQUIRED' })
})

test('a price that the client declines is refunded by a transaction that the answer names', async () => {
  kestrel.setFaults(['RATE_CHANGES'])
  const refundAddress = sandbox.wallet.newAddress()
  const { order, access } = await buy(2_500_000, { refund_onchain_address: refundAddress })
  await sandbox.wallet.payInvoice(order.text('payment.bolt11.invoice'))
  const refused = await post(kestrel, '/rate_decision', { ...access, accept_new_rate: false })
  expect(refused.body).toMatchObject({ decision_accepted: false, refund_txid: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect((await post(kestrel, '/get_order', access)).body).toMatchObject({
    order_state: 'FAILED',
    payment: { bolt11: { state: 'REFUNDED' } },
  })
  expect(sandbox.wallet.receivedAt(refundAddress)).toBe(6_607)
  expect(sandbox.wallet.spentSat()).toBe(0)
})

test('a price that changes at the delivery waits for a decision, with the channel open', async () => {
  kestrel.setFaults(['RATE_CHANGES_AT_DELIVERY'])
  const refundAddress = sandbox.wallet.newAddress()
  for (const accept of [true, false]) {
    const { order, read, access } = await buy(2_500_000, { refund_onchain_address: refundAddress })
    await sandbox.wallet.payInvoice(order.text('payment.bolt11.invoice'))
    const asked = await until(read, 'order_state', 'PENDING_RATE_DECISION', clock.halfStep)
    expect(asked.body).toMatchObject({
      asset_delivery_status: 'RATE_CHANGED',
      asset_price_sat: 2_625,
      channel: { funding_outpoint: expect.any(String) },
    })
    const decided = await post(kestrel, '/rate_decision', { ...access, accept_new_rate: accept })
    expect(decided.at('refund_txid')).toEqual(accept ? null : expect.stringMatching(/^[0-9a-f]{64}$/))
    const end = await until(read, 'asset_delivery_status', accept ? 'COMPLETED' : 'FAILED', clock.halfStep)
    expect(end.body).toMatchObject({ order_state: 'COMPLETED', payment: { bolt11: { state: 'PAID' } } })
  }
  // The channel stays, so only the price of the asset is returned.
  expect(sandbox.wallet.receivedAt(refundAddress)).toBe(2_500)
})

test('a delivery that failed can be retried, in an open channel', async () => {
  kestrel.setFaults(['DELIVERY_FAILS'])
  const { order, read } = await buy(2_500_000)
  const retry = () => post(kestrel, '/retry_delivery', { order_id: order.text('order_id') })
  expect((await retry()).at('status')).toBe('no_pending_delivery')
  await sandbox.wallet.payInvoice(order.text('payment.bolt11.invoice'))
  const failed = await until(read, 'asset_delivery_status', 'FAILED', clock.halfStep)
  expect(failed.body).toMatchObject({
    order_state: 'COMPLETED',
    asset_delivery_error: expect.stringContaining('Keysend failed'),
    failure_reason: null,
  })
  expect((await retry()).at('status')).toBe('processing')
  await until(read, 'asset_delivery_status', 'FAILED', clock.halfStep)
  kestrel.setFaults([])
  await retry()
  expect((await read()).at('asset_delivery_status')).toBe('IN_PROGRESS')
  await until(read, 'asset_delivery_status', 'COMPLETED', clock.halfStep)
  expect((await retry()).at('status')).toBe('no_pending_delivery')
  expect((await post(kestrel, '/retry_delivery', { order_id: 'unknown' })).at('status')).toBe('not_found')
})

test('a part payment is refunded at the order’s end to the address, and waits for one where there is none', async () => {
  const refundAddress = sandbox.wallet.newAddress()
  const [refundable, stuck] = [await create({ refund_onchain_address: refundAddress }), await create()]
  for (const order of [refundable, stuck]) await sandbox.wallet.payOnchain(order.text('payment.onchain.address'), 4_000)
  clock.pass(15 * MINUTE_MS)
  expect((await readOf(refundable)()).body).toMatchObject({
    order_state: 'FAILED',
    failure_reason: 'Payment not received before the order expired',
    payment: { onchain: { state: 'TO_REFUND', payment_status: 'UNDERPAID' }, bolt11: { state: 'EXPECT_PAYMENT' } },
  })
  clock.pass(STEP_MS)
  expect((await readOf(refundable)()).at('payment.onchain.state')).toBe('REFUNDED')
  expect((await readOf(stuck)()).at('payment.onchain.state')).toBe('TO_REFUND')
  expect(sandbox.wallet.receivedAt(refundAddress)).toBe(4_000)
  await expect(sandbox.wallet.payInvoice(refundable.text('payment.bolt11.invoice'))).rejects.toThrow(/cancelled/)
})

test('HOLDS_PAYMENTS holds the payment until the channel is funded', async () => {
  kestrel.setFaults(['HOLDS_PAYMENTS'])
  const order = await place(sandbox, 'kestrel')
  expect(await sandbox.wallet.payInvoice(order.invoice)).toMatchObject({ state: 'PENDING' })
  expect((await order.read()).at('payment.bolt11.state')).toBe('HOLD')
  const done = await until(order.read, 'order_state', 'COMPLETED', clock.halfStep)
  expect(done.at('payment.bolt11.state')).toBe('PAID')
})

test('ASSET_PRICE_IN_FEE reports the asset’s price inside the fee, of the estimate as of the order', async () => {
  kestrel.setFaults(['ASSET_PRICE_IN_FEE'])
  const { order } = await buy(2_500_000, { client_balance_sat: 1_000 })
  expect(order.body).toMatchObject({
    asset_price_sat: 2_500,
    payment: { bolt11: { fee_total_sat: 4_107 + 2_500, order_total_sat: 4_107 + 2_500 + 1_000 } },
  })
  expect(amountOf(order.text('payment.bolt11.invoice'))).toBe(7_607)
  const rfq_id = (await quoteFor(2_500_000)).text('rfq_id')
  const bought = { asset_id: SANDBOX_ASSET.asset_id, client_asset_amount: 2_500_000, rfq_id }
  expect((await post(kestrel, '/estimate_fees', { ...priced, ...bought })).at('total_fee')).toBe(4_107 + 2_500)
})

test('the options have 0.2.0’s default of 0 for the funding blocks, which an order may not ask for', async () => {
  expect((await get(kestrel, '/get_info')).at('options.min_funding_confirms_within_blocks')).toBe(0)
  expect(await create({ funding_confirms_within_blocks: 0 })).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ['body', 'funding_confirms_within_blocks'] }] },
  })
})

test('a token and an asset amount that it does not accept are refused with their names', async () => {
  expect(await create({ token: 'STALE' })).toMatchObject({
    status: 400,
    body: { error_code: 'LSPS1_INVALID_PARAMS', details: { property: 'token' } },
  })
  const asset = { asset_id: SANDBOX_ASSET.asset_id }
  expect(await create({ ...asset, lsp_asset_amount: 10_000_000_001 })).toMatchObject({
    status: 400,
    body: { details: { property: 'lsp_asset_amount', message: 'Asset amount above maximum 10000000000' } },
  })
  const { rfq_id } = (await quoteFor(1)).body as { rfq_id: string }
  const tooMuch = { ...asset, lsp_asset_amount: 10_000_000_000, client_asset_amount: 1, rfq_id }
  expect(await create(tooMuch)).toMatchObject({ status: 400, body: { details: { property: 'lsp_asset_amount' } } })
})

test('a pair that it does not trade, and one without an amount, get no quote', async () => {
  const pair = (to: Record<string, unknown>) =>
    post(kestrel, marketUrl(), {
      from_asset: { asset_id: 'BTC', layer: 'BTC_LN' },
      to_asset: { layer: 'RGB_LN', ...to },
    })
  expect(await pair({ asset_id: 'rgb:unknown', amount: 1 })).toMatchObject({
    status: 404,
    body: { error_code: 'PAIR_NOT_FOUND' },
  })
  expect(await pair({ asset_id: SANDBOX_ASSET.asset_id })).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining('amount') },
  })
  expect(await pair({ asset_id: SANDBOX_ASSET.asset_id, layer: 'RGB', amount: 1 })).toMatchObject({ status: 422 })
})

test('a bought asset needs a quote, is paid with the channel, and follows it', async () => {
  const quote = await quoteFor(2_500_000)
  expect(quote.body).toMatchObject({ to_asset: { amount: 2_500_000 }, from_asset: { amount: 2_500_000 } })
  const bought = { asset_id: SANDBOX_ASSET.asset_id, client_asset_amount: 2_500_000, rfq_id: quote.text('rfq_id') }
  expect((await post(kestrel, '/estimate_fees', { ...priced, ...bought })).at('total_fee')).toBe(4_107)
  const order = await create(bought)
  expect(order.body).toMatchObject({
    ...bought,
    asset_price_sat: 2_500,
    asset_delivery_status: 'PENDING',
    payment: { bolt11: { fee_total_sat: 4_107, order_total_sat: 6_607 } },
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

import { afterEach, beforeEach, expect, test } from 'vitest'
import { decodeOffer } from '../../src/domain/bolt12.ts'
import { startSandbox, type Sandbox, type SandboxLsp } from '../../src/sandbox/index.ts'
import { BLOCKS, get, place, post, SetClock, STEP_MS, until } from './support.ts'
import { HOUR_MS } from '../../src/domain/time.ts'

let clock: SetClock
let sandbox: Sandbox
let olive: SandboxLsp

beforeEach(async () => {
  clock = new SetClock()
  sandbox = await startSandbox({ only: ['olive'], stepMs: STEP_MS, clock })
  olive = sandbox.lsp('olive')
})
afterEach(() => sandbox.close())

const request = (more: Record<string, unknown> = {}) => ({
  public_key: sandbox.wallet.pubkey,
  lsp_balance_sat: '1000000',
  client_balance_sat: '0',
  required_channel_confirmations: 0,
  funding_confirms_within_blocks: 6,
  channel_expiry_blocks: BLOCKS,
  announce_channel: false,
  ...more,
})
const create = (more?: Record<string, unknown>) => post(olive, '/create_order', request(more))
const read = (orderId: string) => get(olive, `/get_order?order_id=${orderId}`)

test('get_info states the options flat, amounts as strings, and where the node is', async () => {
  const { status, body } = await get(olive, '/get_info')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    min_initial_lsp_balance_sat: '100000',
    max_channel_expiry_blocks: 20_160,
    uris: olive.nodeUris,
  })
  expect(body).not.toHaveProperty('options')
})

test('the hold invoice is settled when the channel is funded', async () => {
  const order = await create({ client_balance_sat: '50000' })
  expect(order.status).toBe(200)
  expect(order.body).toMatchObject({ order_state: 'CREATED', lsp_balance_sat: '1000000', token: '', channel: null })
  expect(order.at('payment')).toEqual({
    bolt11: expect.objectContaining({ state: 'EXPECT_PAYMENT', fee_total_sat: '5200', order_total_sat: '55200' }),
  })

  const payment = await sandbox.wallet.payInvoice(order.text('payment.bolt11.invoice'))
  expect(payment).toMatchObject({ state: 'PENDING', preimage: null })
  const held = await read(order.text('order_id'))
  expect(held.body).toMatchObject({ order_state: 'CREATED', payment: { bolt11: { state: 'HOLD' } }, channel: null })

  const done = await until(() => read(order.text('order_id')), 'order_state', 'COMPLETED', clock.halfStep)
  expect(done.at('payment.bolt11.state')).toBe('PAID')
  expect(done.at('channel.funding_outpoint')).toMatch(/^[0-9a-f]{64}:\d$/)
  expect(Date.parse(done.text('channel.expires_at')) - Date.parse(done.text('channel.funded_at'))).toBe(
    BLOCKS * 600_000,
  )
  expect(sandbox.wallet.payment(payment.paymentHash)).toMatchObject({ state: 'SUCCEEDED', amountSat: 55_200 })
})

test('payment on-chain is offered only with an address to pay back to, and counts once it is confirmed', async () => {
  const refundAddress = sandbox.wallet.newAddress()
  const order = await create({ refund_onchain_address: refundAddress })
  expect(order.at('payment.onchain')).toMatchObject({
    state: 'EXPECT_PAYMENT',
    min_onchain_payment_confirmations: 1,
    min_fee_for_0conf: null,
    refund_onchain_address: refundAddress,
  })
  await sandbox.wallet.payOnchain(order.text('payment.onchain.address'), 5_200)
  expect((await read(order.text('order_id'))).at('payment.onchain.state')).toBe('EXPECT_PAYMENT')
  await until(() => read(order.text('order_id')), 'payment.onchain.state', 'PAID', clock.halfStep)
  const done = await until(() => read(order.text('order_id')), 'order_state', 'COMPLETED', clock.halfStep)
  expect(done.at('payment')).toMatchObject({ onchain: { state: 'PAID' }, bolt11: { state: 'EXPECT_PAYMENT' } })
})

test('an order that nobody pays fails when it lapses, with every payment option REFUNDED', async () => {
  const order = await place(sandbox, 'olive')
  clock.pass(HOUR_MS)
  expect((await order.read()).body).toMatchObject({
    order_state: 'FAILED',
    payment: { bolt11: { state: 'REFUNDED' } },
    channel: null,
  })
  await expect(sandbox.wallet.payInvoice(order.invoice)).rejects.toMatchObject({ code: 'EXPIRED' })
})

test('an open that fails lets go of the held payment', async () => {
  const order = await create()
  const { paymentHash } = await sandbox.wallet.payInvoice(order.text('payment.bolt11.invoice'))
  olive.setFaults(['REFUND'])
  const failed = await until(() => read(order.text('order_id')), 'order_state', 'FAILED', clock.halfStep)
  expect(failed.body).toMatchObject({ payment: { bolt11: { state: 'REFUNDED' } }, channel: null })
  expect(sandbox.wallet.payment(paymentHash)).toMatchObject({ state: 'RETURNED' })
  expect(sandbox.wallet.spentSat()).toBe(0)
})

test('coins that were sent in time are waited for, and the invoice beside them can be paid no more', async () => {
  const order = await create({ refund_onchain_address: sandbox.wallet.newAddress() })
  clock.pass(HOUR_MS - 1)
  await sandbox.wallet.payOnchain(order.text('payment.onchain.address'), 5_200)
  clock.pass(1)
  expect((await read(order.text('order_id'))).at('order_state')).toBe('CREATED')
  await until(() => read(order.text('order_id')), 'payment.onchain.state', 'PAID', clock.halfStep)
  await expect(sandbox.wallet.payInvoice(order.text('payment.bolt11.invoice'))).rejects.toMatchObject({
    code: 'CANCELLED',
  })
  await until(() => read(order.text('order_id')), 'order_state', 'COMPLETED', clock.halfStep)
})

test('coins that arrive after the order has lapsed are sent back', async () => {
  const refundAddress = sandbox.wallet.newAddress()
  const order = await create({ refund_onchain_address: refundAddress })
  clock.pass(HOUR_MS)
  await sandbox.wallet.payOnchain(order.text('payment.onchain.address'), 5_200)
  clock.pass(3 * STEP_MS)
  expect(sandbox.wallet.receivedAt(refundAddress)).toBe(5_200)
  const late = await read(order.text('order_id'))
  expect(late.body).toMatchObject({ order_state: 'FAILED', payment: { onchain: { state: 'REFUNDED' } } })
})

test('a part payment that was not completed in time is sent back, and so is a deposit after that', async () => {
  const refundAddress = sandbox.wallet.newAddress()
  const order = await create({ refund_onchain_address: refundAddress })
  await sandbox.wallet.payOnchain(order.text('payment.onchain.address'), 1_000)
  clock.pass(HOUR_MS + STEP_MS)
  expect((await read(order.text('order_id'))).body).toMatchObject({
    order_state: 'FAILED',
    payment: { onchain: { state: 'REFUNDED' }, bolt11: { state: 'REFUNDED' } },
  })
  expect(sandbox.wallet.receivedAt(refundAddress)).toBe(1_000)
  await sandbox.wallet.payOnchain(order.text('payment.onchain.address'), 700)
  clock.pass(STEP_MS)
  expect(sandbox.wallet.receivedAt(refundAddress)).toBe(1_700)
  expect(sandbox.wallet.spentSat()).toBe(0)
})

test('an overpaid order is opened, and its answer has no field for the excess', async () => {
  const order = await create({ refund_onchain_address: sandbox.wallet.newAddress() })
  await sandbox.wallet.payOnchain(order.text('payment.onchain.address'), 6_000)
  const done = await until(() => read(order.text('order_id')), 'order_state', 'COMPLETED', clock.halfStep)
  expect(done.at('payment.onchain')).toMatchObject({ state: 'PAID', order_total_sat: '5200' })
})

test('OFFERS_BOLT12 adds an offer for the total, which can be paid instead of the invoice', async () => {
  olive.setFaults(['OFFERS_BOLT12'])
  const order = await create({ client_balance_sat: '50000' })
  const offer = order.text('payment.bolt12.offer')
  expect(order.at('payment.bolt12')).toMatchObject({ state: 'EXPECT_PAYMENT', order_total_sat: '55200' })
  expect(decodeOffer(offer)).toMatchObject({
    amount: 55_200_000n,
    currency: null,
    networks: ['REGTEST'],
    expiresAt: clock.now() + HOUR_MS,
  })
  const payment = await sandbox.wallet.payOffer(offer)
  expect(payment).toMatchObject({ state: 'PENDING', amountSat: 55_200 })
  expect((await read(order.text('order_id'))).at('payment')).toMatchObject({
    bolt12: { state: 'HOLD' },
    bolt11: { state: 'EXPECT_PAYMENT' },
  })
  await expect(sandbox.wallet.payInvoice(order.text('payment.bolt11.invoice'))).rejects.toThrow(/cancelled/)
  const done = await until(() => read(order.text('order_id')), 'order_state', 'COMPLETED', clock.halfStep)
  expect(done.at('payment.bolt12.state')).toBe('PAID')
  expect(sandbox.wallet.payment(payment.paymentHash)).toMatchObject({ state: 'SUCCEEDED' })
})

test('a payment of the offer returns when the open fails', async () => {
  olive.setFaults(['OFFERS_BOLT12', 'REFUND'])
  const order = await create()
  const { paymentHash } = await sandbox.wallet.payOffer(order.text('payment.bolt12.offer'))
  await until(() => read(order.text('order_id')), 'payment.bolt12.state', 'REFUNDED', clock.halfStep)
  expect(sandbox.wallet.payment(paymentHash)).toMatchObject({ state: 'RETURNED' })
})

test('OUTPOINT_REPLACED shows another funding transaction of a completed order, once', async () => {
  const order = await place(sandbox, 'olive')
  await sandbox.wallet.payInvoice(order.invoice)
  const first = (await until(order.read, 'order_state', 'COMPLETED', clock.halfStep)).text('channel.funding_outpoint')
  clock.pass(2 * STEP_MS)
  olive.setFaults(['OUTPOINT_REPLACED'])
  const second = (await order.read()).text('channel.funding_outpoint')
  expect(second).toMatch(/^[0-9a-f]{64}:\d$/)
  expect(second).not.toBe(first)
  expect((await order.read()).at('channel.funding_outpoint')).toBe(second)
})

test('SHORT_LEASE shows the end of half of the lease', async () => {
  olive.setFaults(['SHORT_LEASE'])
  const order = await place(sandbox, 'olive')
  await sandbox.wallet.payInvoice(order.invoice)
  const done = await until(order.read, 'order_state', 'COMPLETED', clock.halfStep)
  expect(Date.parse(done.text('channel.expires_at')) - Date.parse(done.text('channel.funded_at'))).toBe(
    (BLOCKS / 2) * 600_000,
  )
})

test('SLUICE10 takes a tenth off; a token that it does not know is error 102', async () => {
  expect((await create({ token: 'SLUICE10' })).at('payment.bolt11.fee_total_sat')).toBe('4680')
  const refused = await create({ token: 'SLUICE11' })
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 102, data: {} } } })
  expect(olive.orderCount).toBe(1)
})

test.each([
  ['min_initial_lsp_balance_sat', { lsp_balance_sat: '99999' }],
  ['max_initial_lsp_balance_sat', { lsp_balance_sat: '50000001' }],
  ['max_initial_client_balance_sat', { client_balance_sat: '5000001' }],
  ['max_channel_balance_sat', { lsp_balance_sat: '50000000', client_balance_sat: '1' }],
  ['max_channel_expiry_blocks', { channel_expiry_blocks: 20_161 }],
  ['min_funding_confirms_within_blocks', { funding_confirms_within_blocks: 5 }],
])('what breaks %s is an option mismatch that names it', async (property, more) => {
  expect(await create(more)).toMatchObject({
    status: 400,
    body: { error: { code: 100, message: 'Option mismatch', data: { property } } },
  })
})

test.each([
  ['lsp_balance_sat', { lsp_balance_sat: 1_000_000 }],
  ['announce_channel', { announce_channel: undefined }],
  ['public_key', { public_key: 'a node' }],
  ['channel_expiry_blocks', { channel_expiry_blocks: 1.5 }],
  ['lsp_balance_sat', { lsp_balance_sat: '0' }],
  ['lsp_balance_sat', { lsp_balance_sat: '9999999999999999' }],
  // bLIP-50 allows only SegWit addresses.
  ['refund_onchain_address', { refund_onchain_address: 'mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn' }],
  ['refund_onchain_address', { refund_onchain_address: 'bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh' }],
])('a wrong %s is refused as invalid params', async (property, more) => {
  expect(await create(more)).toMatchObject({ status: 400, body: { error: { code: -32_602, data: { property } } } })
})

test('a parameter that the protocol does not have is named in the refusal', async () => {
  expect(await create({ lease_weeks: 4 })).toMatchObject({
    body: { error: { code: -32_602, data: { unrecognized: ['lease_weeks'] } } },
  })
})

test('an order, a path or a body that it cannot make out is refused in the words of JSON-RPC', async () => {
  expect(await read('0'.repeat(32))).toMatchObject({
    status: 404,
    body: { error: { code: 101, message: 'Not found', data: {} } },
  })
  expect(await get(olive, '/get_orders')).toMatchObject({ status: 404, body: { error: { code: -32_601 } } })
  expect(await post(olive, '/create_order', '{"lsp')).toMatchObject({ status: 400, body: { error: { code: -32_700 } } })
})

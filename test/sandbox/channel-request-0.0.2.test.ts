import { bech32 } from '@scure/base'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startSandbox, type Sandbox, type SandboxLsp } from '../../src/sandbox/index.ts'
import { HOUR_MS } from '../../src/domain/time.ts'
import { get, place, post, pubkeyOf, SetClock, STEP_MS, type PlacedOrder } from './support.ts'

const TOTAL_SAT = 7_208

let clock: SetClock
let sandbox: Sandbox
let beacon: SandboxLsp

beforeEach(async () => {
  clock = new SetClock()
  sandbox = await startSandbox({ only: ['beacon'], stepMs: STEP_MS, clock })
  beacon = sandbox.lsp('beacon')
})
afterEach(() => sandbox.close())

const pathOf = (order: PlacedOrder, action: string) => `/lsp/channels/${order.answer.text('id')}/${action}`
const open = (order: PlacedOrder, more: Record<string, unknown> = {}) =>
  post(beacon, pathOf(order, 'open'), { announce_channel: false, node_connection_string: sandbox.wallet.uri, ...more })

async function paidOrder(): Promise<PlacedOrder> {
  const order = await place(sandbox, 'beacon')
  await sandbox.wallet.payInvoice(order.invoice)
  return order
}

test('it lists what it can beyond the base', async () => {
  const { body } = await get(beacon, '/lsp/channels')
  expect(body).toMatchObject({
    version: '0.0.2',
    features: [
      'lnurl_lud2',
      'jit_channels',
      { name: 'local_balance' },
      { name: 'onchain_payments', min_satoshi: '5000' },
      'refunds',
    ],
  })
})

test('less than 26 weeks are answered, and charged, as 26', async () => {
  const order = await place(sandbox, 'beacon')
  expect(order.answer.status).toBe(201)
  expect(order.answer.body).toMatchObject({
    fee_total: TOTAL_SAT,
    order_total: TOTAL_SAT,
    request: { remote_balance: 1_000_000, channel_expiry: 26 },
  })
  const longer = await post(beacon, '/lsp/channels', { remote_balance: 1_000_000, channel_expiry: 52 })
  expect(longer.body).toMatchObject({ fee_total: 13_916, request: { channel_expiry: 52 } })
})

test('a paid channel waits to be asked for, is opened there and then, and only once', async () => {
  const order = await paidOrder()
  clock.pass(HOUR_MS)
  expect((await order.read()).body).toMatchObject({
    state: 'PENDING_CHANNEL_OPEN',
    payment: { state: 'PAID', amount_paid: TOTAL_SAT },
    channel: null,
  })
  expect(await open(order)).toMatchObject({
    status: 201,
    body: { success: true, fail_reason: null, lsp_node_connection_string: beacon.nodeUris[0] },
  })
  const opening = await order.read()
  expect(opening.body).toMatchObject({
    state: 'COMPLETED',
    channel: { state: 'OPENING', scid: null, expiry_ts: null, node_id: sandbox.wallet.uri },
  })
  clock.pass(STEP_MS)
  const opened = await order.read()
  expect(opened.at('channel')).toMatchObject({
    state: 'OPENED',
    scid: expect.stringMatching(/^\d+x\d+x\d+$/),
    open_transaction: opening.at('channel.open_transaction'),
  })
  expect((await get(beacon, `/lsp/channels/${opened.text('channel.scid')}`)).body).toEqual(opened.body)
  expect(await open(order)).toMatchObject({ status: 412, body: { success: false, fail_reason: 'ALREADY_OPEN' } })
})

test('CHANNEL_CLOSES closes an open channel before its lease ends', async () => {
  const order = await paidOrder()
  await open(order)
  clock.pass(STEP_MS)
  beacon.setFaults(['CHANNEL_CLOSES'])
  const closing = await order.read()
  expect(closing.at('channel')).toMatchObject({
    state: 'CLOSING',
    closing_transaction: expect.stringMatching(/^[0-9a-f]{64}$/),
    closed_ts: null,
  })
  clock.pass(STEP_MS)
  const closed = await order.read()
  expect(closed.at('channel')).toMatchObject({ state: 'CLOSED', closed_ts: expect.any(Number) })
  expect(Number(closed.at('channel.closed_ts'))).toBeLessThan(Number(closed.at('channel.expiry_ts')))
})

test('PEER_NOT_CONNECTED cannot open the channel until it is switched off', async () => {
  beacon.setFaults(['PEER_NOT_CONNECTED'])
  const order = await paidOrder()
  for (let attempt = 0; attempt < 2; attempt += 1) {
    expect(await open(order)).toMatchObject({
      status: 412,
      body: { fail_reason: 'PEERING_FAILED', lsp_node_connection_string: beacon.nodeUris[0] },
    })
  }
  beacon.setFaults([])
  expect(await open(order)).toMatchObject({ status: 201 })
})

test('a first payment opens the channel for the registered node, also of an order that is paid', async () => {
  for (const isPaid of [false, true]) {
    const order = isPaid ? await paidOrder() : await place(sandbox, 'beacon')
    const registered = await post(beacon, pathOf(order, 'jit'), { node_connection_string: sandbox.wallet.uri })
    const { feeSat } = sandbox.wallet.receiveThroughHint(registered.text('route_hint.scid'), 50_000)
    expect(feeSat).toBe(isPaid ? 0 : 361)
    expect((await order.read()).body).toMatchObject({
      state: 'COMPLETED',
      payment: isPaid ? { state: 'PAID' } : { state: 'UNDER_FUNDED', amount_paid: 361 },
      channel: { state: 'OPENING', node_id: sandbox.wallet.uri },
    })
  }
})

test('SHORT_LEASE and WRONG_NODE show half of the lease and another node', async () => {
  const order = await paidOrder()
  await open(order)
  clock.pass(STEP_MS)
  const before = await order.read()
  beacon.setFaults(['SHORT_LEASE', 'WRONG_NODE'])
  const after = await order.read()
  expect(Number(before.at('channel.expiry_ts')) - Number(after.at('channel.expiry_ts'))).toBe(13 * 7 * 86_400)
  expect(after.at('channel.node_id')).not.toBe(sandbox.wallet.uri)
})

test('an unpaid channel is not opened', async () => {
  expect(await open(await place(sandbox, 'beacon'))).toMatchObject({
    status: 412,
    body: { success: false, fail_reason: 'PAYMENT_REQUIRED' },
  })
})

test('OPEN_FAILS_ONCE does not reach the node the first time, and the order stays to be opened', async () => {
  beacon.setFaults(['OPEN_FAILS_ONCE'])
  const order = await paidOrder()
  expect(await open(order)).toMatchObject({ status: 412, body: { fail_reason: 'PEERING_FAILED' } })
  expect((await order.read()).at('state')).toBe('PENDING_CHANNEL_OPEN')
  expect(await open(order)).toMatchObject({ status: 201 })
})

test('the payment of a channel that was refused is claimed back by an invoice, once', async () => {
  beacon.setFaults(['REFUND'])
  const order = await paidOrder()
  expect(await open(order)).toMatchObject({ status: 412, body: { fail_reason: 'CHANNEL_REJECTED_BY_DESTINATION' } })
  expect((await get(beacon, pathOf(order, 'refund'))).body).toEqual({
    refund_state: 'AVAILABLE',
    amounts: { lightning: TOTAL_SAT, onchain: TOTAL_SAT - 500 },
    paid_to: null,
    paid_ts: null,
  })

  const invoice = sandbox.wallet.createInvoice(TOTAL_SAT)
  expect(await post(beacon, pathOf(order, 'refund'), { lightning_invoice: invoice })).toMatchObject({
    status: 200,
    body: { success: true, fail_reason: null },
  })
  expect(sandbox.wallet.isPaid(invoice)).toBe(true)
  expect((await get(beacon, pathOf(order, 'refund'))).body).toMatchObject({
    refund_state: 'IN_FLIGHT',
    paid_to: invoice,
  })
  clock.pass(STEP_MS)
  expect((await get(beacon, pathOf(order, 'refund'))).body).toMatchObject({
    refund_state: 'PAID_OUT',
    paid_to: invoice,
    paid_ts: expect.any(Number),
  })
  expect((await order.read()).at('payment.state')).toBe('REFUNDED')

  expect(
    await post(beacon, pathOf(order, 'refund'), { lightning_invoice: sandbox.wallet.createInvoice(TOTAL_SAT) }),
  ).toMatchObject({ status: 412, body: { fail_reason: 'REJECTED_BY_LSP' } })
  expect(await open(order)).toMatchObject({ status: 412, body: { fail_reason: 'REJECTED_BY_LSP' } })
  expect(sandbox.wallet.spentSat()).toBe(0)
})

test('a refund to an address costs its transaction', async () => {
  const order = await paidOrder()
  const address = sandbox.wallet.newAddress()
  expect(await post(beacon, pathOf(order, 'refund'), { onchain_address: address })).toMatchObject({ status: 200 })
  expect(sandbox.wallet.receivedAt(address)).toBe(TOTAL_SAT - 500)
})

test('a refund is refused for another amount, for an invoice that cannot be paid, for both ways, and when nothing was paid', async () => {
  const order = await paidOrder()
  const claim = (body: Record<string, unknown>) => post(beacon, pathOf(order, 'refund'), body)
  expect(await claim({ lightning_invoice: sandbox.wallet.createInvoice(TOTAL_SAT + 1) })).toMatchObject({ status: 400 })
  expect(await claim({ lightning_invoice: 'lnbcrt1' })).toMatchObject({ status: 400 })
  expect(await claim({})).toMatchObject({
    status: 400,
    body: { message: 'either lightning_invoice or onchain_address' },
  })
  const paid = sandbox.wallet.createInvoice(TOTAL_SAT)
  await sandbox.wallet.payInvoice(paid)
  expect(await claim({ lightning_invoice: paid })).toMatchObject({
    status: 412,
    body: { fail_reason: 'PAYMENT_FAILED' },
  })

  const unpaid = await place(sandbox, 'beacon')
  expect((await get(beacon, pathOf(unpaid, 'refund'))).body).toMatchObject({
    refund_state: 'UNSUPPORTED',
    amounts: null,
  })
  expect(await post(beacon, pathOf(unpaid, 'refund'), { onchain_address: sandbox.wallet.newAddress() })).toMatchObject({
    status: 412,
    body: { fail_reason: 'UNSUPPORTED' },
  })
})

test('what was paid for an offer that expired can be claimed back', async () => {
  const order = await place(sandbox, 'beacon')
  await sandbox.wallet.payOnchain(order.answer.text('btc_address'), 5_000)
  expect((await order.read()).at('payment.state')).toBe('UNDER_FUNDED')
  clock.pass(HOUR_MS)
  expect((await order.read()).at('state')).toBe('OFFER_EXPIRED')
  expect(
    await post(beacon, pathOf(order, 'refund'), { lightning_invoice: sandbox.wallet.createInvoice(5_000) }),
  ).toMatchObject({ status: 200 })
  expect(sandbox.wallet.spentSat()).toBe(0)
})

test('an address is given only for amounts that are worth a transaction', async () => {
  expect((await place(sandbox, 'beacon')).answer.at('btc_address')).toMatch(/^bcrt1/)
  expect((await post(beacon, '/lsp/channels', { remote_balance: 200_000 })).body).toMatchObject({
    fee_total: 1_841,
    btc_address: null,
  })
})

test('a node that registers for a channel just in time gets a route hint, and keeps it', async () => {
  const order = await paidOrder()
  expect((await get(beacon, pathOf(order, 'jit'))).body).toEqual({
    fee_per_payment: 361,
    route_hint: null,
    registerd_node_connection_string: null,
  })
  const registered = await post(beacon, pathOf(order, 'jit'), { node_connection_string: sandbox.wallet.uri })
  expect(registered.body).toEqual({
    fee_per_payment: 361,
    route_hint: { scid: expect.any(String), node_id: pubkeyOf(beacon) },
    registerd_node_connection_string: sandbox.wallet.uri,
  })
  expect((await get(beacon, pathOf(order, 'jit'))).body).toEqual(registered.body)
})

test('its LNURL opens a paid channel to the node that follows it', async () => {
  const order = await paidOrder()
  const lnurl = (await get(beacon, pathOf(order, 'lnurl'))).text('lnurl_channel') as `${string}1${string}`
  const offer = await get(beacon, new TextDecoder().decode(bech32.fromWords(bech32.decode(lnurl, false).words)))
  expect(
    (await get(beacon, `${offer.text('callback')}?k1=${offer.text('k1')}&remoteid=${sandbox.wallet.pubkey}&private=1`))
      .body,
  ).toEqual({ status: 'OK' })
  expect((await order.read()).body).toMatchObject({ state: 'COMPLETED', channel: { node_id: sandbox.wallet.pubkey } })
})

test('SLUICE10 takes a tenth off, and another coupon is refused', async () => {
  expect(
    (await post(beacon, '/lsp/channels', { remote_balance: 1_000_000, coupon_code: 'SLUICE10' })).at('fee_total'),
  ).toBe(6_488)
  expect(await post(beacon, '/lsp/channels', { remote_balance: 1_000_000, coupon_code: 'x' })).toMatchObject({
    status: 400,
    body: { message: 'coupon_code: Unknown coupon' },
  })
})

test.each([
  [{}, /remote_balance/],
  [{ remote_balance: 99_999 }, /remote_balance/],
  [{ remote_balance: 1_000_000, local_balance: 2_000_001 }, /local_balance/],
  [{ remote_balance: 1_000_000, channel_expiry: 105 }, /channel_expiry/],
  [{ remote_balance: 1_000_000, node_connection_info: 'x' }, /unknown field: node_connection_info/],
])('%j is refused with a 400 that says why', async (body, message) => {
  expect(await post(beacon, '/lsp/channels', body)).toMatchObject({
    status: 400,
    body: { message: expect.stringMatching(message) },
  })
})

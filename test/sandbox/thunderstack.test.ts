import { afterEach, beforeEach, expect, test } from 'vitest'
import { SANDBOX_ASSET } from '../../src/sandbox/asset.ts'
import { startSandbox, type Sandbox, type SandboxLsp } from '../../src/sandbox/index.ts'
import { MINUTE_MS } from '../../src/domain/time.ts'
import { get, place, post, SetClock, STEP_MS } from './support.ts'

let clock: SetClock
let sandbox: Sandbox
let thunder: SandboxLsp

beforeEach(async () => {
  clock = new SetClock()
  sandbox = await startSandbox({ only: ['thunder'], stepMs: STEP_MS, clock })
  thunder = sandbox.lsp('thunder')
})
afterEach(() => sandbox.close())

const create = (more: Record<string, unknown> = {}) =>
  post(thunder, '/create_order', {
    lsp_balance_sat: 100_000,
    public_key: sandbox.wallet.pubkey,
    channel_expiry_blocks: 12_960,
    ...more,
  })

test('get_info has no client balance, and lists the assets by their kind', async () => {
  const { body } = await get(thunder, '/get_info')
  expect(body).toMatchObject({
    max_channel_expiry_blocks: 12_960,
    min_initial_lsp_balance_sat: 100_000,
    lsp_assets: { nia: [{}], uda: [], cfa: [] },
    uris: thunder.nodeUris,
  })
})

test('its fee is the published tariff for its fee rate, whatever the size', async () => {
  const tariff = 1_500 + 15 + 500 * (thunder.tariffFeeRateSatPerVbyte ?? 0)
  expect((await create()).at('payment.ln.fee')).toBe(tariff)
  expect((await create({ lsp_balance_sat: 50_000_000 })).at('payment.ln.fee')).toBe(tariff)
  expect((await create({ asset_id: SANDBOX_ASSET.asset_id, asset_amount: 4_000_000 })).at('payment.ln.fee')).toBe(
    tariff + 2,
  )
})

test('an order is `order_id` when it is placed and `_id` when it is read, and its payments call it something else', async () => {
  const order = await place(sandbox, 'thunder')
  const read = await order.read()
  expect(order.answer.text('order_id')).toMatch(/^[0-9a-f]{24}$/)
  expect(read.at('_id')).toBe(order.answer.at('order_id'))
  expect(read.body).not.toHaveProperty('order_id')
  expect(read.at('payment.ln.order_id')).not.toBe(read.at('_id'))
})

test('the address stands in a BIP 21 link with the fee in bitcoin', async () => {
  const order = await place(sandbox, 'thunder')
  const link = new URL(order.answer.text('payment.btc_onchain.invoice'))
  expect(link.protocol).toBe('bitcoin:')
  expect(link.searchParams.get('amount')).toBe('0.00002515')
  await sandbox.wallet.payOnchain(link.pathname, 2_515)
  expect((await order.read()).at('payment')).toMatchObject({
    ln: { status: 'Expired' },
    btc_onchain: { status: 'Succeeded' },
  })
})

test('a paid order goes on only when it is read', async () => {
  const order = await place(sandbox, 'thunder')
  await sandbox.wallet.payInvoice(order.invoice)
  clock.pass(60 * MINUTE_MS)
  const first = await order.read()
  expect(first.body).toMatchObject({
    status: 'Pending',
    channel: { status: 'PendingOpen', channel_id: null },
    payment: { ln: { status: 'Succeeded' }, btc_onchain: { status: 'Expired' } },
  })
  expect((await order.read()).at('channel.status')).toBe('PendingOpen')
  clock.pass(STEP_MS)
  const second = await order.read()
  expect(second.body).toMatchObject({
    status: 'Succeeded',
    channel: { status: 'Open', channel_id: expect.stringMatching(/^[0-9a-f]{64}$/) },
  })
  expect(second.at('channel.created_at')).toMatch(/\+00:00$/)
})

test('EARLY_READ_FAILS shows a failure that a later read takes back', async () => {
  thunder.setFaults(['EARLY_READ_FAILS'])
  const order = await place(sandbox, 'thunder')
  await sandbox.wallet.payInvoice(order.invoice)
  expect((await order.read()).at('channel.status')).toBe('PendingOpen')
  expect((await order.read()).body).toMatchObject({ status: 'Failed', channel: { status: 'FailedOpen' } })
  clock.pass(STEP_MS)
  expect((await order.read()).body).toMatchObject({ status: 'Succeeded', channel: { status: 'Open' } })
})

test('an open that fails is FailedOpen, and the payment goes back to the address', async () => {
  thunder.setFaults(['REFUND'])
  const refundAddress = sandbox.wallet.newAddress()
  const order = await create({ refund_on_chain_address: refundAddress })
  await sandbox.wallet.payInvoice(order.text('payment.ln.invoice'))
  const read = () => get(thunder, `/get_order?order_id=${order.text('order_id')}`)
  expect((await read()).body).toMatchObject({
    status: 'Failed',
    channel: { status: 'FailedOpen' },
    payment: { ln: { status: 'Succeeded' } },
  })
  clock.pass(STEP_MS)
  expect((await read()).at('payment.ln.status')).toBe('Failed')
  expect(sandbox.wallet.receivedAt(refundAddress)).toBe(2_515)
})

test('a part payment is sent back to the address when the order expires', async () => {
  const refundAddress = sandbox.wallet.newAddress()
  const order = await create({ refund_on_chain_address: refundAddress })
  const read = () => get(thunder, `/get_order?order_id=${order.text('order_id')}`)
  await sandbox.wallet.payOnchain(new URL(order.text('payment.btc_onchain.invoice')).pathname, 1_000)
  clock.pass(60 * MINUTE_MS + STEP_MS)
  expect((await read()).body).toMatchObject({
    status: 'Expired',
    payment: { ln: { status: 'Expired' }, btc_onchain: { status: 'Expired' } },
    channel: null,
  })
  expect(sandbox.wallet.receivedAt(refundAddress)).toBe(1_000)
})

test('WRONG_NODE shows another public key', async () => {
  thunder.setFaults(['WRONG_NODE'])
  const order = await create()
  expect(order.text('public_key')).toMatch(/^0[23][0-9a-f]{64}$/)
  expect(order.at('public_key')).not.toBe(sandbox.wallet.pubkey)
})

test('the invoice lapses after half an hour, the address and the order after an hour', async () => {
  const order = await place(sandbox, 'thunder')
  clock.pass(30 * MINUTE_MS)
  expect((await order.read()).body).toMatchObject({
    status: 'Pending',
    payment: { ln: { status: 'Expired' }, btc_onchain: { status: 'Pending' } },
  })
  clock.pass(30 * MINUTE_MS)
  expect((await order.read()).at('status')).toBe('Expired')
})

test.each([
  [{ lsp_balance_sat: 99_999 }, /lsp_balance_sat/],
  [{ channel_expiry_blocks: 12_961 }, /channel_expiry_blocks/],
  [{ lsp_balance_sat: '100000' }, /lsp_balance_sat/],
  [{ public_key: 'nobody' }, /public_key/],
  [{ client_balance_sat: 1 }, /unknown field: client_balance_sat/],
  [{ asset_amount: 1 }, /go together/],
  [{ asset_id: 'rgb:unknown', asset_amount: 1 }, /unknown asset/],
])('%j is refused with a 400 that says why', async (more, message) => {
  expect(await create(more)).toMatchObject({ status: 400, body: { message: expect.stringMatching(message) } })
})

test('nothing happens to an order while nobody reads it', async () => {
  const order = await place(sandbox, 'thunder')
  await sandbox.wallet.payInvoice(order.invoice)
  clock.pass(10 * STEP_MS)
  // Looking at the wallet makes every LSP do what is due.
  sandbox.wallet.spentSat()
  clock.pass(10 * STEP_MS)
  expect((await order.read()).at('channel.status')).toBe('PendingOpen')
})

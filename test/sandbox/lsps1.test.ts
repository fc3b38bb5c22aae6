import { afterEach, beforeEach, expect, test } from 'vitest'
import { startSandbox, type Sandbox, type SandboxLsp } from '../../src/sandbox/index.ts'
import { decodeInvoice } from '../../src/sandbox/bolt11.ts'
import { get, post, STEP_MS, until } from './support.ts'

let sandbox: Sandbox
let olive: SandboxLsp

beforeEach(async () => {
  sandbox = await startSandbox({ only: ['olive'], stepMs: STEP_MS })
  olive = sandbox.lsp('olive')
})
afterEach(() => sandbox.close())

const request = (more: Record<string, unknown> = {}) => ({
  public_key: sandbox.wallet.pubkey,
  lsp_balance_sat: '1000000',
  client_balance_sat: '0',
  required_channel_confirmations: 0,
  funding_confirms_within_blocks: 6,
  channel_expiry_blocks: 12_960,
  announce_channel: false,
  ...more,
})
const create = (more?: Record<string, unknown>) => post(olive, '/create_order', request(more))
const read = (orderId: string) => get(olive, `/get_order?order_id=${orderId}`)

test('an order is paid by a hold invoice that is settled when the channel is funded', async () => {
  const order = await create({ client_balance_sat: '50000' })
  expect(order.status).toBe(200)
  expect(order.body).toMatchObject({ order_state: 'CREATED', lsp_balance_sat: '1000000', token: '', channel: null })
  expect(order.at('payment')).toEqual({ bolt11: expect.objectContaining({ state: 'EXPECT_PAYMENT', fee_total_sat: '5200', order_total_sat: '55200' }) })

  const invoice = order.text('payment.bolt11.invoice')
  expect(decodeInvoice(invoice)).toMatchObject({ network: 'regtest', mtokens: '55200000', destination: olive.nodeUris[0]?.split('@')[0] })

  const payment = await sandbox.wallet.payInvoice(invoice)
  expect(payment).toMatchObject({ state: 'PENDING', preimage: null })
  const held = await read(order.text('order_id'))
  expect(held.body).toMatchObject({ order_state: 'CREATED', payment: { bolt11: { state: 'HOLD' } }, channel: null })

  const done = await until(() => read(order.text('order_id')), 'order_state', 'COMPLETED')
  expect(done.at('payment.bolt11.state')).toBe('PAID')
  expect(done.at('channel.funding_outpoint')).toMatch(/^[0-9a-f]{64}:\d$/)
  expect(Date.parse(done.text('channel.expires_at')) - Date.parse(done.text('channel.funded_at'))).toBe(12_960 * 600_000)
  expect(sandbox.wallet.payment(payment.paymentHash)).toMatchObject({ state: 'SUCCEEDED', amountSat: 55_200 })
})

import { bech32 } from '@scure/base'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LightningNode } from '../../src/sandbox/node.ts'
import { startSandbox, type Sandbox, type SandboxLsp } from '../../src/sandbox/index.ts'
import { DAY_MS, HOUR_MS } from '../../src/domain/time.ts'
import { get, place, post, SetClock, STEP_MS, WEEKS, type PlacedOrder } from './support.ts'

const LEASE_S = (WEEKS * 7 * DAY_MS) / 1_000

let clock: SetClock
let sandbox: Sandbox
let anchor: SandboxLsp

beforeEach(async () => {
  clock = new SetClock()
  sandbox = await startSandbox({ only: ['anchor'], stepMs: STEP_MS, clock })
  anchor = sandbox.lsp('anchor')
})
afterEach(() => sandbox.close())

const seconds = () => Math.floor(clock.now() / 1_000)

async function openedOrder(): Promise<PlacedOrder> {
  const order = await place(sandbox, 'anchor')
  await sandbox.wallet.payInvoice(order.invoice)
  clock.pass(3 * STEP_MS)
  return order
}

function renewalQuery(
  scid: string,
  validTo: number,
  signer: (text: string) => string = (text) => sandbox.wallet.signMessage(text),
): string {
  const signature = signer(`${anchor.url}/lsp/channel/renew/?scid=${scid}&valid_to=${validTo}`)
  return `/lsp/channel/renew?scid=${scid}&valid_to=${validTo}&signedmessage=${signature}`
}

test('one word tells an order’s whole life, from created to opened', async () => {
  const order = await place(sandbox, 'anchor')
  expect(order.answer.body).toMatchObject({
    fee_total: 5_890,
    order_total: 5_890,
    fee_per_payment: 295,
    lsp_connection_info: anchor.nodeUris[0],
  })
  expect((await order.read()).body).toMatchObject({
    state: 'CREATED',
    channel_expiry: WEEKS,
    amount_paid: 0,
    temporary_scid: order.answer.at('scid'),
    node_connection_info: sandbox.wallet.uri,
  })
  // Strings by the document, so null is none: left out until the channel has them.
  expect((await order.read()).body).not.toHaveProperty('scid')
  expect((await order.read()).body).not.toHaveProperty('channel_open_tx')
  await sandbox.wallet.payInvoice(order.invoice)
  const states: unknown[] = []
  for (let step = 0; step < 4; step += 1, clock.pass(STEP_MS)) states.push((await order.read()).at('state'))
  expect(states).toEqual(['PENDING', 'PENDING', 'OPENING', 'OPENED'])
  const opened = await order.read()
  expect(opened.text('scid')).not.toBe(opened.at('temporary_scid'))
  expect(opened.body).toMatchObject({
    amount_paid: 5_890,
    channel_open_tx: expect.stringMatching(/^[0-9a-f]{64}$/),
    channel_expiry_ts: expect.any(Number),
  })
})

test('an order is found by order_id, by id, and by the id of its channel', async () => {
  const order = await openedOrder()
  const { body } = await order.read()
  expect((await get(anchor, `/lsp/channel?id=${order.answer.text('order_id')}`)).body).toEqual(body)
  expect((await get(anchor, `/lsp/channel?id=${(await order.read()).text('scid')}`)).body).toEqual(body)
  const id = order.answer.text('order_id')
  expect(await get(anchor, `/lsp/channel?order_id=${id}&id=${id}`)).toMatchObject({ status: 400 })
})

test('only the node is required, and every other field has a default', async () => {
  const order = await post(anchor, '/lsp/channel', { node_connection_info: sandbox.wallet.uri })
  expect((await get(anchor, `/lsp/channel?order_id=${order.text('order_id')}`)).body).toMatchObject({
    channel_expiry: 4,
    local_balance: 0,
    remote_balance: 20_000,
  })
})

test('a public key alone is refused: seed 002 POST has pubkey@host:port', async () => {
  const create = (node_connection_info: string) => post(anchor, '/lsp/channel', { node_connection_info })
  expect(await create(sandbox.wallet.pubkey)).toMatchObject({
    status: 400,
    body: { message: 'node_connection_info: Not pubkey@host:port' },
  })
  expect(await create(sandbox.wallet.uri)).toMatchObject({ status: 200 })
})

test('a first payment with the route hint opens the channel, and the fee is taken from payments', async () => {
  const order = await place(sandbox, 'anchor')
  const hint = order.answer.text('temporary_scid')
  expect(sandbox.wallet.receiveThroughHint(hint, 10_000)).toEqual({ receivedSat: 9_705, feeSat: 295 })
  expect((await order.read()).body).toMatchObject({
    state: 'OPENING',
    amount_paid: 295,
    channel_open_tx: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  await expect(sandbox.wallet.payInvoice(order.invoice)).rejects.toMatchObject({ code: 'CANCELLED' })
  for (let paid = 295; paid < 5_890; paid += 295) sandbox.wallet.receiveThroughHint(hint, 10_000)
  expect(sandbox.wallet.receiveThroughHint(hint, 10_000).feeSat).toBe(0)
  expect((await order.read()).at('amount_paid')).toBe(5_890)
  expect(sandbox.wallet.spentSat()).toBe(5_890 - 21 * 10_000)
})

test('no payment is forwarded for an unknown hint, an order with a client balance, or less than the fee', async () => {
  const order = await place(sandbox, 'anchor')
  const receive = (scid: string, amountSat: number) => () => sandbox.wallet.receiveThroughHint(scid, amountSat)
  expect(receive('1x2x3', 10_000)).toThrow(/no LSP forwards/)
  expect(receive(order.answer.text('temporary_scid'), 295)).toThrow(/fee for this payment is 295 sat/)
  const withBalance = await post(anchor, '/lsp/channel', {
    node_connection_info: sandbox.wallet.uri,
    local_balance: 1_000,
  })
  expect(receive(withBalance.text('temporary_scid'), 10_000)).toThrow(/does not forward/)
  expect((await order.read()).at('state')).toBe('CREATED')
})

test('CHANNEL_CLOSES closes an open channel, which cannot be renewed any more', async () => {
  const order = await openedOrder()
  const scid = (await order.read()).text('scid')
  anchor.setFaults(['CHANNEL_CLOSES'])
  expect((await order.read()).at('state')).toBe('CLOSING')
  clock.pass(STEP_MS)
  expect((await order.read()).at('state')).toBe('CLOSED')
  expect(await get(anchor, renewalQuery(scid, seconds() + 600))).toMatchObject({
    status: 400,
    body: { message: 'The channel is closed' },
  })
})

test('SHORT_LEASE and WRONG_NODE show half of the lease and another node', async () => {
  const order = await openedOrder()
  const leaseEnd = Number((await order.read()).at('channel_expiry_ts'))
  anchor.setFaults(['SHORT_LEASE', 'WRONG_NODE'])
  const shown = await order.read()
  expect(shown.at('channel_expiry_ts')).toBe(leaseEnd - LEASE_S / 2)
  expect(shown.text('node_connection_info')).toMatch(/^0[23][0-9a-f]{64}@/)
  expect(shown.at('node_connection_info')).not.toBe(sandbox.wallet.uri)
})

test('coins that are too few make an order UNDER_FUNDED, and are listed', async () => {
  const order = await place(sandbox, 'anchor')
  const { txid } = await sandbox.wallet.payOnchain(order.answer.text('btc_address'), 5_000)
  expect((await order.read()).body).toMatchObject({
    state: 'UNDER_FUNDED',
    amount_paid: 5_000,
    onchain_payments: [{ height: 0, hash: txid, amount: 5_000, zero_conf: true }],
  })
  await sandbox.wallet.payOnchain(order.answer.text('btc_address'), 890)
  expect((await order.read()).at('state')).toBe('PENDING')
})

test('an unpaid offer expires, and a payment that comes late still counts', async () => {
  const order = await place(sandbox, 'anchor')
  clock.pass(HOUR_MS)
  expect((await order.read()).at('state')).toBe('OFFER_EXPIRED')
  await sandbox.wallet.payOnchain(order.answer.text('btc_address'), 5_890)
  expect((await order.read()).at('state')).toBe('PENDING')
})

test('an open that fails is FAILED until the payment is back, and REFUNDED then', async () => {
  anchor.setFaults(['REFUND'])
  const order = await place(sandbox, 'anchor')
  await sandbox.wallet.payInvoice(order.invoice)
  clock.pass(STEP_MS)
  expect((await order.read()).at('state')).toBe('FAILED')
  clock.pass(STEP_MS)
  expect((await order.read()).at('state')).toBe('REFUNDED')
  expect(sandbox.wallet.spentSat()).toBe(0)
})

test('a paid renewal on the node’s signature gives the channel a longer life', async () => {
  const order = await openedOrder()
  const before = await order.read()
  const leaseEnd = Number(before.at('channel_expiry_ts'))
  const renewal = await get(anchor, renewalQuery(before.text('scid'), seconds() + 600))
  expect(renewal.body).toMatchObject({
    state: 'CREATED',
    scid: before.at('scid'),
    channel_open_tx: before.at('channel_open_tx'),
    channel_open_tx_outnum: expect.stringMatching(/^\d$/),
    fee_total: 5_590,
    channel_renewed_expiry: WEEKS,
    channel_expiry_ts: leaseEnd,
    channel_renewed_expiry_ts: leaseEnd + LEASE_S,
  })
  const readRenewal = () => get(anchor, `/lsp/channel?order_id=${renewal.text('id')}`)
  await sandbox.wallet.payInvoice(renewal.text('ln_invoice'))
  expect((await readRenewal()).at('state')).toBe('PENDING')
  expect((await order.read()).at('channel_expiry_ts')).toBe(leaseEnd)
  clock.pass(2 * STEP_MS)
  expect((await readRenewal()).body).toMatchObject({
    state: 'OPENED',
    channel_expiry_ts: leaseEnd + LEASE_S,
    amount_paid: 5_590,
  })
  expect((await order.read()).at('channel_expiry_ts')).toBe(leaseEnd + LEASE_S)
})

test('a renewal is refused to anybody else, for another text, after valid_to, and for no channel', async () => {
  const scid = (await (await openedOrder()).read()).text('scid')
  const soon = seconds() + 600
  const stranger = new LightningNode('a stranger', 'x:1')
  const refused = { status: 400, body: { message: 'signedmessage is not by the node of this channel' } }
  expect(
    await get(
      anchor,
      renewalQuery(scid, soon, (text) => stranger.signMessage(text)),
    ),
  ).toMatchObject(refused)
  expect(
    await get(
      anchor,
      renewalQuery(scid, soon, () => 'yyyy'),
    ),
  ).toMatchObject(refused)
  expect(await get(anchor, renewalQuery(scid, soon).replace(`valid_to=${soon}`, `valid_to=${soon + 1}`))).toMatchObject(
    refused,
  )
  expect(await get(anchor, renewalQuery(scid, seconds()))).toMatchObject({
    status: 400,
    body: { message: 'valid_to has passed' },
  })
  expect(await get(anchor, renewalQuery('1x2x3', soon))).toMatchObject({
    status: 404,
    body: { message: 'Channel not found' },
  })
  expect(await get(anchor, `/lsp/channel/renew?scid=${scid}`)).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining('valid_to') },
  })
  expect(anchor.orderCount).toBe(1)
})

test('its LNURL leads a wallet to the LSP’s node', async () => {
  const order = await place(sandbox, 'anchor')
  const link = new TextDecoder().decode(
    bech32.fromWords(bech32.decode(order.answer.text('lnurl_channel') as `${string}1${string}`, false).words),
  )
  const offer = await get(anchor, link)
  expect(offer.body).toMatchObject({ tag: 'channelRequest', uri: anchor.nodeUris[0] })
  const claim = `${offer.text('callback')}?k1=${offer.text('k1')}&remoteid=${sandbox.wallet.pubkey}&private=1`
  expect((await get(anchor, claim)).body).toMatchObject({ status: 'ERROR', reason: 'the order is not paid' })
  await sandbox.wallet.payInvoice(order.invoice)
  expect((await get(anchor, claim)).body).toEqual({ status: 'OK' })
})

test.each([
  [{ node_connection_info: undefined }, /node_connection_info/],
  [{ node_connection_info: 'nobody@host:1' }, /node_connection_info/],
  [{ remote_balance: '1000000' }, /remote_balance/],
  [{ remote_balance: 19_999 }, /remote_balance/],
  [{ channel_expiry: 53 }, /channel_expiry/],
  [{ channel_expiry_blocks: 12_960 }, /unknown field: channel_expiry_blocks/],
])('%j is refused with a 400 that says why', async (more, message) => {
  const refused = await post(anchor, '/lsp/channel', {
    node_connection_info: sandbox.wallet.uri,
    remote_balance: 1_000_000,
    ...more,
  })
  expect(refused).toMatchObject({ status: 400, body: { message: expect.stringMatching(message) } })
})

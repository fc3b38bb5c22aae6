import { messagesOf } from '../support/messages.ts'
import { describe, expect, test } from 'vitest'
import { verifyClientNode } from '../../src/domain/client-node.ts'
import { orderedLeaseEnd } from '../../src/domain/lease-kept.ts'
import { sat } from '../../src/domain/money.ts'
import { lspNodesOf } from '../../src/domain/next-step-problems.ts'
import { nextStepOf } from '../../src/domain/next-step.ts'
import type { Order } from '../../src/domain/order-record.ts'
import type { Channel, ChannelState, OnchainOption } from '../../src/domain/order.ts'
import { overpaidSat } from '../../src/domain/overpayment.ts'
import {
  NO_PAYMENT,
  shownOf,
  type Payment,
  type VerifiedBolt11,
  type VerifiedOnchain,
} from '../../src/domain/payment.ts'
import { advance } from '../../src/domain/progress.ts'
import {
  EMPTY_READING,
  type OrderReading,
  type ReadOrderState,
  type ReadPaymentState,
} from '../../src/domain/reading.ts'
import { BLOCK_MS, DAY_MS, HOUR_MS } from '../../src/domain/time.ts'
import { NOW, orderRecord, REQUEST } from '../store/records.ts'

// What an LSP reports of an order after it was placed: whose channel it is, how long it lasts, what was paid too much,
// and what was refunded.

const FACTS = { network: 'REGTEST', addressKinds: 'ANY', lspPubkeys: [] } as const
const LSP = { name: 'Olive', features: [] }
const COST = { feeTotalSat: sat(5_000), orderTotalSat: sat(5_000) }
const END = NOW + HOUR_MS
const OTHER = `03${'cd'.repeat(32)}`
const REFUND_TO = 'bcrt1qrefund'

const bolt11 = (changes: Partial<VerifiedBolt11> = {}): VerifiedBolt11 => ({
  ...COST,
  state: 'EXPECT_PAYMENT',
  invoice: 'lnbcrt1',
  expiresAt: END,
  paymentHash: 'aa',
  payeePubkey: 'bb',
  ...changes,
})
const onchain = (changes: Partial<VerifiedOnchain> = {}): VerifiedOnchain => ({
  ...COST,
  state: 'EXPECT_PAYMENT',
  address: 'bcrt1qaddress',
  expiresAt: END,
  minConfirmations: null,
  minFeeFor0Conf: null,
  refundOnchainAddress: REFUND_TO,
  paidSat: null,
  ...changes,
})

const orderWith = (payment: Payment, changes: Partial<Order> = {}) =>
  orderRecord({ ...COST, payment, expiresAt: END, ...changes })
const byInvoice = (changes: Partial<Order> = {}) => orderWith({ ...NO_PAYMENT, bolt11: bolt11() }, changes)
const byBoth = (changes: Partial<Order> = {}) =>
  orderWith({ ...NO_PAYMENT, bolt11: bolt11(), onchain: onchain() }, changes)

interface Report extends Partial<Omit<OrderReading, 'payment'>> {
  bolt11?: ReadPaymentState
  onchain?: ReadPaymentState
  onchainDetails?: Partial<OnchainOption<ReadPaymentState>>
}

function reportOf(state: ReadOrderState, { bolt11: ln, onchain: chain, onchainDetails, ...rest }: Report = {}) {
  const options = {
    bolt11: ln === undefined ? null : { ...COST, state: ln, invoice: 'lnbcrt1', expiresAt: END },
    bolt12: null,
    onchain: chain === undefined ? null : { ...onchain(), state: chain, ...onchainDetails },
  }
  return { ...EMPTY_READING, lspOrderId: 'lsp-1', lspState: 'X', state, payment: options, ...rest }
}

const after = (order: Order, report: OrderReading, now = NOW + 1) => advance(order, report, FACTS, now)
const checkOf = (order: Order, code: string) => order.checks.find((check) => check.code === code)

function channelWith(state: ChannelState, changes: Partial<Channel> = {}): Channel {
  return {
    state,
    channelId: null,
    shortChannelId: null,
    fundingOutpoint: `${'ab'.repeat(32)}:0`,
    fundedAt: NOW,
    expiresAt: null,
    closingTxid: null,
    ...changes,
  }
}

describe('the node that the channel is for (0.2.0 and seed 000 client_pubkey, seed 003 public_key, seed 002 node_connection_info, 0.0.2 node_id)', () => {
  const KEY = REQUEST.clientPubkey

  test.each([
    ['the same key', KEY, 'PASSED'],
    ['the same key in upper case', KEY.toUpperCase(), 'PASSED'],
    ['the same key with an address', `${KEY}@203.0.113.5:9735`, 'PASSED'],
    ['another key', OTHER, 'FAILED'],
    ['another key with an address', `${OTHER}@203.0.113.5:9735`, 'FAILED'],
    ['the other key of the same x coordinate', `03${KEY.slice(2)}`, 'FAILED'],
    ['no readable key, where the document requires one', null, 'WARNING'],
  ])('repeated as %s is %s', (_, uri, verdict) => {
    expect(verifyClientNode({ request: REQUEST }, { uri })).toMatchObject({ code: 'CLIENT_ECHOED', verdict })
  })

  test('is not reported where the protocol does not repeat it', () => {
    expect(verifyClientNode({ request: REQUEST }, null)).toBeNull()
  })

  test('at another address is a warning, whatever the case of the host', () => {
    const request = { ...REQUEST, clientAddress: 'Node.example:9735' }
    expect(verifyClientNode({ request }, { uri: `${KEY}@node.example:9735` })?.verdict).toBe('PASSED')
    expect(verifyClientNode({ request }, { uri: `${KEY}@other.example:9735` })?.verdict).toBe('WARNING')
  })

  test('may be the one that the client named in openChannel', () => {
    const asked = { request: REQUEST, openNodeUri: `${OTHER}@203.0.113.9:9735` }
    expect(verifyClientNode(asked, { uri: OTHER })?.verdict).toBe('PASSED')
    expect(verifyClientNode(asked, { uri: `03${'ee'.repeat(32)}` })?.verdict).toBe('FAILED')
  })

  test('is another one before the payment: nothing is payable any more', () => {
    const { order, changes } = after(
      byInvoice(),
      reportOf('AWAITING_PAYMENT', { bolt11: 'EXPECT_PAYMENT', clientNode: { uri: OTHER } }),
    )
    expect(order.paymentWarning).toContain(`the LSP names ${OTHER}`)
    expect(checkOf(order, 'CLIENT_ECHOED')).toMatchObject({ verdict: 'FAILED' })
    expect(shownOf(order, NOW + 1)).toEqual(NO_PAYMENT)
    expect(nextStepOf(order, LSP, NOW + 1)).toMatchObject({ action: 'DO_NOT_PAY' })
    expect(changes.filter(({ message }) => message.includes(OTHER))).toHaveLength(1)
  })

  test('is another one after the payment: an event says so, and the client has to contact the LSP', () => {
    const paid = after(byInvoice(), reportOf('PAID', { bolt11: 'PAID' })).order
    const channel = channelWith('OPENING')
    const report = reportOf('COMPLETED', { bolt11: 'PAID', channel, clientNode: { uri: OTHER } })
    const { order, changes } = after(paid, report)
    expect(messagesOf(changes).join()).toContain(`the LSP names ${OTHER}`)
    expect(nextStepOf(order, LSP, NOW + 2)).toMatchObject({
      actor: 'CLIENT',
      action: 'CONTACT_LSP',
      message: expect.stringContaining('You paid 5000 sat, but the LSP reports the channel for another node'),
    })
  })
})

describe('the lease (bLIP-51 §4: channel.expires_at MUST respect channel_expiry_blocks)', () => {
  const BLOCKS = 12_960
  const LEASE_MS = BLOCKS * BLOCK_MS
  const leased = () => byInvoice({ terms: { ...byInvoice().terms, channelExpiryBlocks: BLOCKS } })
  const completed = (channel: Channel, order = leased(), now = NOW + 1) =>
    after(order, reportOf('COMPLETED', { bolt11: 'PAID', channel }), now)

  test.each([
    ['as long as ordered', LEASE_MS, 'PASSED'],
    ['longer than ordered', LEASE_MS * 2, 'PASSED'],
    ['shorter by a twentieth', LEASE_MS * 0.95, 'PASSED'],
    ['shorter by more than a twentieth', LEASE_MS * 0.95 - 1, 'WARNING'],
    ['of one day instead of ninety', DAY_MS, 'WARNING'],
    ['over before it began', -DAY_MS, 'WARNING'],
  ])('that is %s', (_, lengthMs, verdict) => {
    const { order, changes } = completed(channelWith('OPENING', { expiresAt: NOW + lengthMs }))
    expect(checkOf(order, 'LEASE_KEPT')).toMatchObject({ verdict })
    expect(orderedLeaseEnd(order)).toBe(NOW + LEASE_MS)
    expect(changes.some(({ message }) => message.includes('the lease as ordered ends on'))).toBe(verdict === 'WARNING')
    expect(nextStepOf(order, LSP, NOW + 2).action).toBe(verdict === 'WARNING' ? 'CONTACT_LSP' : 'NOTHING')
  })

  test('is not shortened by a funding time before the order', () => {
    const { order } = completed(channelWith('OPENING', { fundedAt: NOW - 89 * DAY_MS, expiresAt: NOW + DAY_MS }))
    expect(checkOf(order, 'LEASE_KEPT')).toMatchObject({ verdict: 'WARNING' })
  })

  test('is compared with the terms as ordered, also after the LSP has mirrored shorter ones', () => {
    const channel = channelWith('OPENING', { expiresAt: NOW + LEASE_MS / 2 })
    const report = reportOf('COMPLETED', { bolt11: 'PAID', channel, terms: { channelExpiryBlocks: BLOCKS / 2 } })
    const once = after(after(leased(), reportOf('PAID', { bolt11: 'PAID' })).order, report).order
    expect(checkOf(once, 'LEASE_KEPT')).toMatchObject({ verdict: 'WARNING' })
    expect(checkOf(after(once, report).order, 'LEASE_KEPT')).toMatchObject({ verdict: 'WARNING' })
  })

  test.each([
    ['CLOSING', null],
    ['CLOSED', null],
    ['CLOSED', NOW + 10 * DAY_MS],
  ] as const)('that ends by a channel that is %s early: the warning stays after the end', (state, closedAt) => {
    const at = NOW + 10 * DAY_MS
    const channel = channelWith(state, { expiresAt: NOW + LEASE_MS, closedAt })
    const { order, changes } = completed(channel, leased(), at)
    expect(checkOf(order, 'LEASE_KEPT')).toMatchObject({ verdict: 'WARNING' })
    expect(messagesOf(changes).join()).toContain('the channel was closed on')
    expect(nextStepOf(order, LSP, at)).toMatchObject({
      action: 'CONTACT_LSP',
      message: expect.stringContaining('If your node did not close it, contact the LSP'),
    })
    const later = completed(channel, order, NOW + LEASE_MS + DAY_MS).order
    expect(checkOf(later, 'LEASE_KEPT')).toMatchObject({ verdict: 'WARNING' })
  })

  test('that ended before the channel was closed was kept', () => {
    const channel = channelWith('CLOSED', { expiresAt: NOW + LEASE_MS })
    const { order } = completed(channel, leased(), NOW + LEASE_MS + 1)
    expect(checkOf(order, 'LEASE_KEPT')).toMatchObject({ verdict: 'PASSED' })
    expect(nextStepOf(order, LSP, NOW + LEASE_MS + 1)).toMatchObject({
      action: 'NOTHING',
      message: 'The channel was closed.',
    })
  })
})

describe('a channel beside an earlier state of the order (bLIP-51 §4: channel is null until it is published)', () => {
  test.each(['HOLD', 'PAID', 'EXPECT_PAYMENT'] as const)('with the payment %s is being opened', (payment) => {
    const report = reportOf('AWAITING_PAYMENT', { bolt11: payment, channel: channelWith('OPENING') })
    const { order } = after(byInvoice(), report)
    expect(order).toMatchObject({ state: 'CHANNEL_OPENING', channel: { state: 'OPENING' } })
    // Also after the end of the offer.
    expect(after(byInvoice(), report, END + 1).order.state).toBe('CHANNEL_OPENING')
  })

  test('that the LSP reports as open keeps a paid order of draft 0.0.2 from being opened again', () => {
    const report = reportOf('PAID', { bolt11: 'PAID', channel: channelWith('OPEN') })
    expect(after(byInvoice(), report).order.state).toBe('CHANNEL_OPENING')
  })
})

describe('a refund', () => {
  const paidBy = (report: Report, order = byBoth()) => after(order, reportOf('PAID', report)).order

  test('of a held payment is lightning’s (bLIP-51 §3.1)', () => {
    const held = orderWith({ ...NO_PAYMENT, bolt11: bolt11({ isHold: true }) })
    const order = after(held, reportOf('AWAITING_PAYMENT', { bolt11: 'HOLD' })).order
    const due = after(order, reportOf('FAILED_OR_LAPSED', { bolt11: 'HOLD' })).order
    expect(due).toMatchObject({ state: 'REFUND_PENDING', refund: { state: 'IN_FLIGHT', lightningSat: 5_000 } })
    const done = after(due, reportOf('FAILED_OR_LAPSED', { bolt11: 'REFUNDED_OR_LAPSED' })).order
    expect(done).toMatchObject({
      state: 'REFUNDED',
      refund: { state: 'PAID_OUT', lightningSat: 5_000, onchainSat: null, paidTo: null },
    })
  })

  test('of an on-chain payment goes to the refund address (0.2.0 TO_REFUND, REFUNDED)', () => {
    const details = { onchainDetails: { paidSat: sat(5_000) } }
    const paid = paidBy({ bolt11: 'EXPECT_PAYMENT', onchain: 'PAID', ...details })
    const due = after(paid, reportOf('FAILED_OR_LAPSED', { onchain: 'TO_REFUND', ...details })).order
    expect(due.refund).toMatchObject({ state: 'IN_FLIGHT', onchainSat: 5_000, lightningSat: null, paidTo: REFUND_TO })
    expect(nextStepOf(due, LSP, NOW + 2).message).toBe(`The LSP has to refund 5000 sat to ${REFUND_TO}.`)
    const done = after(due, reportOf('FAILED_OR_LAPSED', { onchain: 'REFUNDED_OR_LAPSED' })).order
    expect(done.refund).toMatchObject({ state: 'PAID_OUT', onchainSat: 5_000, paidTo: REFUND_TO })
  })

  test('keeps the transaction that an answer to decideRate named (0.2.0 RateDecisionResponse refund_txid)', () => {
    const txid = 'ab'.repeat(32)
    const paid = paidBy({ bolt11: 'PAID', onchain: 'EXPECT_PAYMENT' })
    const refund = {
      state: 'IN_FLIGHT',
      lightningSat: null,
      onchainSat: null,
      paidTo: null,
      paidAt: null,
      txid,
    } as const
    const report = reportOf('FAILED_OR_LAPSED', { bolt11: 'REFUNDED_OR_LAPSED' })
    const { order } = after({ ...paid, refund }, report)
    expect(order.refund).toMatchObject({ state: 'PAID_OUT', txid, onchainSat: 5_000 })
    expect(nextStepOf(order, LSP, NOW + 2).message).toBe(`The payment was refunded in the transaction ${txid}.`)
  })

  test('of a failed order is owed to its refund address (seed 003 refund_on_chain_address)', () => {
    const paid = paidBy({ bolt11: 'PAID', onchain: 'EXPIRED' })
    const { order } = after(paid, reportOf('FAILED', { bolt11: 'PAID', onchain: 'EXPIRED' }))
    expect(order).toMatchObject({
      state: 'FAILED',
      refund: { state: 'IN_FLIGHT', onchainSat: 5_000, paidTo: REFUND_TO },
    })
    expect(nextStepOf(order, LSP, NOW + 2)).toMatchObject({
      actor: 'LSP',
      action: 'WAIT',
      message: expect.stringContaining(`The LSP has to refund 5000 sat to ${REFUND_TO}. If the refund does not arrive`),
    })
  })

  test('without a payment is no refund: LSPs of the LSPS1 family call a lapsed offer refunded', () => {
    const report = reportOf('FAILED_OR_LAPSED', { bolt11: 'REFUNDED_OR_LAPSED' })
    expect(after(byInvoice(), report).order).toMatchObject({ state: 'EXPIRED', refund: null })
  })
})

describe('a payment of more than the total (0.2.0 payment_difference, 0.0.2 amount_paid)', () => {
  test('is named in an event, a check and the next step', () => {
    const paid = reportOf('PAID', { onchain: 'PAID', onchainDetails: { paidSat: sat(9_107) } })
    const { order, changes } = after(byBoth(), paid)
    expect(overpaidSat(order)).toBe(4_107)
    const words = '9107 sat have arrived, 4107 sat more than the total of 5000 sat'
    expect(messagesOf(changes)).toContain(words)
    expect(checkOf(order, 'AMOUNT_PAID')).toMatchObject({ code: 'AMOUNT_PAID', verdict: 'WARNING', message: words })
    expect(nextStepOf(order, LSP, NOW + 2)).toMatchObject({
      actor: 'LSP',
      action: 'WAIT',
      message: expect.stringContaining('You paid 4107 sat too much. Only the LSP can return them: contact the LSP'),
    })
    const done = after(order, { ...paid, state: 'COMPLETED', channel: channelWith('OPENING') }).order
    expect(nextStepOf(done, LSP, NOW + 2)).toMatchObject({
      actor: 'CLIENT',
      action: 'CONTACT_LSP',
      message: expect.stringContaining('You paid 4107 sat too much.'),
    })
  })

  test('is not reported for the exact total, or where the LSP reports no amount', () => {
    for (const paidSat of [sat(5_000), null]) {
      const report = reportOf('PAID', { onchain: 'PAID', onchainDetails: { paidSat } })
      const { order } = after(byBoth(), report)
      expect(overpaidSat(order)).toBe(0)
      expect(checkOf(order, 'AMOUNT_PAID')).toBeUndefined()
    }
  })
})

describe('details of a payment', () => {
  const deposit = { txid: 'ab'.repeat(32), outputIndex: 0, amountSat: sat(1_200), confirmations: 0, isZeroConf: true }

  test('single deposits and the time of the last check are kept when a report leaves them out', () => {
    const known = { deposits: [deposit], lastCheckedAt: NOW, paidSat: sat(1_200) }
    const report = reportOf('UNDERPAID', { onchain: 'UNDERPAID', onchainDetails: known })
    const once = after(byBoth(), report).order
    expect(once.payment.onchain).toMatchObject(known)
    const again = after(once, reportOf('UNDERPAID', { onchain: 'UNDERPAID' })).order
    expect(again.payment.onchain).toMatchObject(known)
  })

  test('a hold invoice is named before it is paid, and one that is held is one', () => {
    const hold = orderWith({ ...NO_PAYMENT, bolt11: bolt11({ isHold: true }) })
    expect(nextStepOf(hold, LSP, NOW)).toMatchObject({
      action: 'PAY',
      message: expect.stringContaining('stays pending until the channel opens'),
    })
    expect(nextStepOf(byInvoice(), LSP, NOW).message).not.toContain('pending')
    const held = after(byInvoice(), reportOf('AWAITING_PAYMENT', { bolt11: 'HOLD' })).order
    expect(held.payment.bolt11?.isHold).toBe(true)
  })
})

test('the nodes that an LSP names for an order come first, each with its address', () => {
  const [listed, named] = [`${OTHER}@198.51.100.1:9735`, `${OTHER}@203.0.113.7:9735`]
  const order = after(byInvoice(), reportOf('PAID', { bolt11: 'PAID', lspNodeUris: [OTHER] })).order
  expect(lspNodesOf(order, { nodeUris: [listed] })).toEqual([listed])
  const later = after(order, reportOf('PAID', { bolt11: 'PAID', lspNodeUris: [named] })).order
  expect(later.lspNodeUris).toEqual([named])
  expect(lspNodesOf(later, { nodeUris: [listed] })).toEqual([named, listed])
  const refused = { ...later, openRequest: { failure: { message: 'not reachable', isPeerMissing: true } } }
  expect(nextStepOf(refused, { ...LSP, features: ['OPEN_ON_REQUEST'], nodeUris: [listed] }, NOW)).toMatchObject({
    action: 'CONNECT_PEER',
    nodeUri: named,
    message: expect.stringContaining(`Connect your node to the LSP's node ${named}.`),
  })
})

import { expect, test } from 'vitest'
import { sat } from '../../src/domain/money.ts'
import { due, handedOut, NO_PAYMENT, payableUntil, type Payment } from '../../src/domain/offer.ts'
import type { Order } from '../../src/domain/order-record.ts'
import type { PaymentState } from '../../src/domain/order.ts'
import { advance } from '../../src/domain/progress.ts'
import { EMPTY_READING, type OrderReading, type ReadPaymentState } from '../../src/domain/reading.ts'
import { orderRecord } from '../store/records.ts'

const NOW = 1_800_000_000_000
const LATER = NOW + 3_600_000
const COST = { feeTotalSat: sat(5_000), orderTotalSat: sat(5_000) }

function paymentOf(bolt11: PaymentState, onchain: PaymentState | null = null): Payment {
  return {
    ...NO_PAYMENT,
    bolt11: { ...COST, state: bolt11, invoice: 'lnbcrt-agreed', expiresAt: LATER, paymentHash: 'aa', payeePubkey: 'bb' },
    onchain: onchain && { ...COST, state: onchain, address: 'bcrt1-agreed', expiresAt: LATER, minConfirmations: null, minFeeFor0Conf: null, refundOnchainAddress: null, paidSat: null },
  }
}

function orderWith(changes: Partial<Order> = {}): Order {
  return orderRecord({ state: 'AWAITING_PAYMENT', ...COST, payment: paymentOf('EXPECT_PAYMENT'), lspOrderId: 'x', createdAt: NOW, updatedAt: NOW, expiresAt: LATER, paymentSeenAt: null, ...changes })
}

function readingWith(state: ReadPaymentState, changes: Partial<OrderReading> = {}, invoice = 'lnbcrt-agreed'): OrderReading {
  return { ...EMPTY_READING, lspOrderId: 'x', lspState: 'CREATED', state: 'AWAITING_PAYMENT', payment: { bolt11: { ...COST, state, invoice, expiresAt: LATER }, bolt12: null, onchain: null }, ...changes }
}

test('an invoice that is swapped before it was paid is not handed out, whatever it asks for, and the event says so', () => {
  const { order, changes } = advance(orderWith(), readingWith('EXPECT_PAYMENT', {}, 'lnbcrt-another'), 'REGTEST', NOW + 1)
  expect(order).toMatchObject({ orderTotalSat: 5_000, paymentWarning: 'the LSP replaced what is to be paid by something else', payment: { bolt11: { invoice: 'lnbcrt-agreed', state: 'FAILED' } } })
  expect(changes.join()).toContain('the LSP replaced what is to be paid')
  expect(handedOut(order.payment, payableUntil(order), NOW + 1)).toEqual(NO_PAYMENT)
  // Put back, it is not trusted again.
  const back = advance(order, readingWith('EXPECT_PAYMENT'), 'REGTEST', NOW + 2)
  expect(handedOut(back.order.payment, payableUntil(back.order), NOW + 2)).toEqual(NO_PAYMENT)
})

test('an order of LSPS1 that fails unpaid has expired; one that fails after a payment is refunded, or to be', () => {
  const failed = (order: Order, state: ReadPaymentState) => advance(order, readingWith(state, { state: 'FAILED_OR_LAPSED', lspState: 'FAILED' }), 'REGTEST', NOW + 1).order
  expect(failed(orderWith(), 'REFUNDED_OR_LAPSED')).toMatchObject({ state: 'EXPIRED', payment: { bolt11: { state: 'EXPIRED' } } })
  expect(failed(orderWith({ paymentSeenAt: NOW }), 'REFUNDED_OR_LAPSED')).toMatchObject({ state: 'REFUNDED', payment: { bolt11: { state: 'REFUNDED' } } })
  expect(failed(orderWith({ paymentSeenAt: NOW }), 'HOLD')).toMatchObject({ state: 'REFUND_PENDING' })
})

test('a free channel that fails has failed: there was nothing to pay in time', () => {
  const free = orderWith({ feeTotalSat: sat(0), orderTotalSat: sat(0), payment: NO_PAYMENT, state: 'PAID' })
  const reading: OrderReading = { ...EMPTY_READING, lspOrderId: 'x', lspState: 'FAILED', state: 'FAILED_OR_LAPSED', payment: { bolt11: null, bolt12: null, onchain: null } }
  expect(advance(free, reading, 'REGTEST', NOW + 1).order.state).toBe('FAILED')
})

test('what an answer leaves out of the channel still holds', () => {
  const known = { state: 'OPENING' as const, channelId: null, shortChannelId: null, fundingOutpoint: 'tx:1', fundedAt: NOW, expiresAt: LATER, closingTxid: null }
  const told = { ...known, state: 'OPEN' as const, shortChannelId: '1x2x3', fundingOutpoint: null, fundedAt: null, expiresAt: null }
  const { order } = advance(orderWith({ channel: known, state: 'COMPLETED' }), readingWith('PAID', { state: 'COMPLETED', channel: told }), 'REGTEST', NOW + 1)
  expect(order.channel).toEqual({ ...known, state: 'OPEN', shortChannelId: '1x2x3' })
})

test('a refund that could be had is none once the channel stands; one that was paid out stays', () => {
  const refund = (state: 'AVAILABLE' | 'PAID_OUT') => ({ state, lightningSat: null, onchainSat: null, paidTo: null, paidAt: null })
  const completed = (order: Order) => advance(order, readingWith('PAID', { state: 'COMPLETED' }), 'REGTEST', NOW + 1).order.refund
  expect(completed(orderWith({ refund: refund('AVAILABLE') }))).toBeNull()
  expect(completed(orderWith({ refund: refund('PAID_OUT') }))).toMatchObject({ state: 'PAID_OUT' })
})

test('once one way was paid, none is due: nobody is to pay twice', () => {
  expect(due(paymentOf('HOLD', 'EXPECT_PAYMENT'))).toEqual(NO_PAYMENT)
  expect(due(paymentOf('EXPECT_PAYMENT', 'EXPECT_PAYMENT'))).toMatchObject({ bolt11: { state: 'EXPECT_PAYMENT' }, onchain: { state: 'EXPECT_PAYMENT' } })
})

test('the rest of what is underpaid is due where the first part went, not by an invoice for all of it', () => {
  expect(due(paymentOf('EXPECT_PAYMENT', 'UNDERPAID'))).toMatchObject({ bolt11: null, onchain: { state: 'UNDERPAID' } })
})

test('a way that has lapsed is not handed out, though the time for it is not over', () => {
  expect(handedOut(paymentOf('EXPIRED'), LATER, NOW)).toEqual(NO_PAYMENT)
})

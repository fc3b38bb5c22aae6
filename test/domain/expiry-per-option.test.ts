import { messagesOf } from '../support/messages.ts'
import { expect, test } from 'vitest'
import { nextStepOf } from '../../src/domain/next-step.ts'
import { sat } from '../../src/domain/money.ts'
import type { Order } from '../../src/domain/order-record.ts'
import { due, NO_PAYMENT, payableUntil, type Payment } from '../../src/domain/payment.ts'
import { paymentUriOf } from '../../src/domain/payment-uri.ts'
import { advance, unanswered } from '../../src/domain/progress.ts'
import { EMPTY_READING, type ReadPaymentState } from '../../src/domain/reading.ts'
import { nextReadDelayMs } from '../../src/domain/schedule.ts'
import { MINUTE_MS, SECOND_MS } from '../../src/domain/time.ts'
import { NOW, orderRecord } from '../store/records.ts'

// bLIP-51 §3: `expires_at` belongs to a payment option. Seed 003: an invoice expires after 30 minutes, an on-chain
// payment after 60.

const COST = { feeTotalSat: sat(1_000), orderTotalSat: sat(1_000) }
const INVOICE_END = NOW + 30 * MINUTE_MS
const ONCHAIN_END = NOW + 60 * MINUTE_MS
const MARGIN_MS = 30 * SECOND_MS
const LSP = { name: 'Olive', features: [] }
const FACTS = { network: 'REGTEST', addressKinds: 'ANY', lspPubkeys: [] } as const

const PAYMENT: Payment = {
  bolt11: {
    ...COST,
    state: 'EXPECT_PAYMENT',
    invoice: 'lnbcrt1',
    expiresAt: INVOICE_END,
    paymentHash: 'aa',
    payeePubkey: 'bb',
  },
  bolt12: null,
  onchain: {
    ...COST,
    state: 'EXPECT_PAYMENT',
    address: 'bcrt1qaddress',
    expiresAt: ONCHAIN_END,
    minConfirmations: null,
    minFeeFor0Conf: null,
    refundOnchainAddress: 'bcrt1qrefund',
    paidSat: null,
  },
}

const orderWith = (changes: Partial<Order> = {}) =>
  orderRecord({ ...COST, payment: PAYMENT, expiresAt: ONCHAIN_END, ...changes })

const reportOf = (bolt11: ReadPaymentState, onchain: ReadPaymentState) => ({
  ...EMPTY_READING,
  lspOrderId: 'lsp-1',
  lspState: 'CREATED',
  state: 'AWAITING_PAYMENT' as const,
  payment: {
    bolt11: { ...COST, state: bolt11, invoice: 'lnbcrt1', expiresAt: INVOICE_END },
    bolt12: null,
    onchain: {
      ...COST,
      state: onchain,
      address: 'bcrt1qaddress',
      expiresAt: ONCHAIN_END,
      minConfirmations: null,
      minFeeFor0Conf: null,
      refundOnchainAddress: 'bcrt1qrefund',
      paidSat: null,
    },
  },
})

const shownAt = (order: Order, now: number) => {
  const options = due(order, now)
  return { bolt11: options.bolt11 !== null, onchain: options.onchain !== null, uri: paymentUriOf(options) }
}

test('each payment option is payable until its own end, and the order until the last of them', () => {
  const order = orderWith()
  expect(nextStepOf(order, LSP, NOW).message).toContain(
    `Pay the invoice before ${new Date(INVOICE_END - MARGIN_MS).toISOString()}.`,
  )
  expect(shownAt(order, INVOICE_END - MARGIN_MS)).toMatchObject({ bolt11: true, onchain: true })
  const later = shownAt(order, INVOICE_END)
  expect(later).toMatchObject({ bolt11: false, onchain: true })
  expect(later.uri).toBe('bitcoin:bcrt1qaddress?amount=0.00001')
  expect(payableUntil(order)).toBe(ONCHAIN_END - MARGIN_MS)
  expect(nextStepOf(order, LSP, INVOICE_END)).toMatchObject({
    action: 'PAY',
    deadline: ONCHAIN_END - MARGIN_MS,
    message: expect.stringContaining('1000 sat on-chain'),
  })
})

test('after the last end nothing is payable, and the next step says so before the LSP reports anything', () => {
  const order = orderWith()
  expect(due(order, ONCHAIN_END)).toEqual(NO_PAYMENT)
  expect(nextStepOf(order, LSP, ONCHAIN_END)).toMatchObject({
    actor: 'NOBODY',
    action: 'DO_NOT_PAY',
    message: 'Do not pay: the time to pay has passed. Request a new quote.',
  })
})

test('an end of the whole order ends every payment option', () => {
  const order = orderWith({ expiresAt: NOW + 10 * MINUTE_MS })
  expect(payableUntil(order)).toBe(NOW + 10 * MINUTE_MS - MARGIN_MS)
  expect(due(order, NOW + 10 * MINUTE_MS)).toEqual(NO_PAYMENT)
})

test.each([
  ['still expects both payments', 'EXPECT_PAYMENT', 'EXPECT_PAYMENT'],
  ['calls the invoice lapsed', 'REFUNDED_OR_LAPSED', 'EXPECT_PAYMENT'],
] as const)('an LSP that %s after the end of the invoice keeps the order open on-chain', (_, bolt11, onchain) => {
  const { order } = advance(orderWith(), reportOf(bolt11, onchain), FACTS, INVOICE_END + 1)
  expect(order).toMatchObject({
    state: 'AWAITING_PAYMENT',
    payment: { bolt11: { state: 'EXPIRED' }, onchain: { state: 'EXPECT_PAYMENT' } },
  })
  expect(shownAt(order, INVOICE_END + 1)).toMatchObject({ bolt11: false, onchain: true })
})

test('the order expires with its last payment option, whatever the LSP reports or if it is silent', () => {
  const reported = advance(orderWith(), reportOf('EXPECT_PAYMENT', 'EXPECT_PAYMENT'), FACTS, ONCHAIN_END)
  expect(reported.order.state).toBe('EXPIRED')
  expect(messagesOf(reported.changes)).toContain('awaiting payment → expired')
  expect(unanswered(orderWith(), 'it does not answer', ONCHAIN_END).order.state).toBe('EXPIRED')
  // The LSP's word counts for a payment that arrived late.
  const late = advance(reported.order, reportOf('EXPECT_PAYMENT', 'PAID'), FACTS, ONCHAIN_END + MINUTE_MS)
  expect(late.order.state).toBe('PAID')
})

test('the next poll of an unpaid order is at its end, however seldom it is polled', () => {
  const pace = { activeMs: 5 * SECOND_MS, idleMs: 60 * MINUTE_MS }
  const delayOf = (now: number) =>
    nextReadDelayMs(orderWith({ updatedAt: NOW - 48 * 60 * MINUTE_MS }), pace, 0, now, () => 0.5)
  expect(delayOf(NOW)).toBe(60 * MINUTE_MS)
  expect(delayOf(ONCHAIN_END - MINUTE_MS)).toBe(MINUTE_MS)
})

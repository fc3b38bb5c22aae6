import { expect, test } from 'vitest'
import { sat } from '../../src/domain/money.ts'
import type { Refund } from '../../src/domain/order.ts'
import { NO_PAYMENT, type Payment } from '../../src/domain/payment.ts'
import { refundOf } from '../../src/domain/refunds.ts'
import { NOW } from '../store/records.ts'

const paid: Payment = {
  ...NO_PAYMENT,
  bolt11: {
    state: 'PAID',
    feeTotalSat: sat(5_000),
    orderTotalSat: sat(5_000),
    invoice: 'lnbcrt1',
    expiresAt: NOW,
    paymentHash: 'aa',
    payeePubkey: 'bb',
  },
}

test('a refund that only a failure implied ends when the LSP reports the order as going on', () => {
  const pending = refundOf({ state: 'REFUND_PENDING', payment: paid }, null, null)
  expect(pending).toMatchObject({ state: 'IN_FLIGHT', isOwed: true })
  expect(refundOf({ state: 'PAID', payment: paid }, null, pending)).toBeNull()
  expect(refundOf({ state: 'COMPLETED', payment: paid }, null, pending)).toBeNull()
})

test('a refund that the LSP reported, or whose transaction it named, stays', () => {
  const reported: Refund = {
    state: 'AVAILABLE',
    lightningSat: sat(5_000),
    onchainSat: null,
    paidTo: null,
    paidAt: null,
  }
  expect(refundOf({ state: 'PAID', payment: paid }, null, reported)).toEqual(reported)
  const named: Refund = { ...reported, state: 'IN_FLIGHT', txid: 'ab'.repeat(32) }
  expect(refundOf({ state: 'PAID', payment: paid }, null, named)).toEqual(named)
})

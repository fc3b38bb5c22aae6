import { isSameAddress } from './address.ts'
import type { Sat } from './money.ts'
import type { Bolt12Option, OnchainOption, PaymentState, PaymentOptions } from './order.ts'
import {
  isSettled,
  mapOptions,
  sameDestinations,
  wasUsed,
  optionsOf,
  type Payment,
  type VerifiedBolt11,
  type VerifiedOnchain,
} from './payment.ts'
import type { OrderReading, ReadPaymentState } from './reading.ts'
import type { EpochMs } from './time.ts'

// How the payment options move when the LSP is read. Pure.

const PAYMENT_SIGNS: ReadonlySet<PaymentState | ReadPaymentState> = new Set(['UNDERPAID', 'HOLD', 'PAID', 'TO_REFUND'])
const PAID_STATES: ReadonlySet<string> = new Set([
  'UNDERPAID',
  'PAYMENT_HELD',
  'PAID',
  'RATE_DECISION_REQUIRED',
  'CHANNEL_OPENING',
  'REFUND_PENDING',
])

/** Whether this reading shows that something was paid, now or earlier. */
export function showsPayment(reading: OrderReading): boolean {
  const options = reading.payment ? [reading.payment.bolt11, reading.payment.bolt12, reading.payment.onchain] : []
  return (
    PAID_STATES.has(reading.state) ||
    options.some((option) => option !== null && PAYMENT_SIGNS.has(option.state)) ||
    (reading.paidSat ?? 0) > 0 ||
    (reading.payment?.onchain?.paidSat ?? 0) > 0 ||
    reading.refund?.state === 'IN_FLIGHT' ||
    reading.refund?.state === 'PAID_OUT'
  )
}

export function paymentStates(payment: Payment): PaymentState[] {
  return optionsOf(payment).map(({ state }) => state)
}

/** Whether something was paid by this option, now or earlier. */
function wasPaidBy(
  option: { state: PaymentState; paidSat?: Sat | null } | null,
  told: ReadPaymentState | undefined,
): boolean {
  return option !== null && (wasUsed(option) || (told !== undefined && PAYMENT_SIGNS.has(told)))
}

/** Moves the states of the payment options, and nothing else of them. */
export function moveOptions(
  payment: Payment,
  read: PaymentOptions<ReadPaymentState> | null,
  paid: boolean,
  now: EpochMs,
): Payment {
  const onchain = payment.onchain && {
    ...payment.onchain,
    paidSat: mostOf(payment.onchain.paidSat, read?.onchain?.paidSat ?? null),
    ...reportedDetails(payment.onchain, read?.onchain ?? null),
  }
  const isKnownBy =
    wasPaidBy(payment.bolt11, read?.bolt11?.state) ||
    wasPaidBy(payment.bolt12, read?.bolt12?.state) ||
    wasPaidBy(onchain, read?.onchain?.state)
  const move = <Option extends { state: PaymentState; expiresAt: EpochMs }>(
    option: Option | null,
    told: ReadPaymentState | undefined,
  ): Option | null =>
    // Where nobody saw by which option it was paid, it may be any.
    option && { ...option, state: nextOptionState(option, told, wasPaidBy(option, told) || (paid && !isKnownBy), now) }
  return {
    bolt11: withHold(move(payment.bolt11, read?.bolt11?.state)),
    bolt12: move(payment.bolt12, read?.bolt12?.state),
    onchain: move(onchain, read?.onchain?.state),
  }
}

/** A payment that the LSP holds was made by a hold invoice. */
function withHold(option: VerifiedBolt11 | null): VerifiedBolt11 | null {
  return option?.state === 'HOLD' ? { ...option, isHold: true } : option
}

/** What a report leaves out still holds. */
function reportedDetails(known: VerifiedOnchain, read: OnchainOption<ReadPaymentState> | null) {
  const deposits = read?.deposits?.length ? read.deposits : known.deposits
  const lastCheckedAt = read?.lastCheckedAt ?? known.lastCheckedAt
  return { ...(deposits ? { deposits } : {}), ...(lastCheckedAt ? { lastCheckedAt } : {}) }
}

/**
 * LSPs of the LSPS1 family call every unpaid offer that lapses refunded: only what was paid can be. What was paid is
 * never due again, whatever the LSP says later, and a option that has failed its checks stays failed until it was paid.
 */
function nextOptionState(
  option: { state: PaymentState; expiresAt: EpochMs },
  told: ReadPaymentState | undefined,
  paid: boolean,
  now: EpochMs,
): PaymentState {
  const was = option.state
  const state = told === 'REFUNDED_OR_LAPSED' ? (paid ? 'REFUNDED' : 'EXPIRED') : (told ?? was)
  if (isSettled({ state })) return state
  if (isSettled(option)) return state === 'FAILED' ? state : was
  if (was === 'FAILED' || (was === 'UNDERPAID' && state === 'EXPECT_PAYMENT')) return was
  return state === 'EXPECT_PAYMENT' && option.expiresAt <= now ? 'EXPIRED' : state
}

export function mostOf(a: Sat | null, b: Sat | null): Sat | null {
  return a === null || (b !== null && b > a) ? b : a
}

/** Whether it was paid before this answer, which says that it was not. */
export function takesBack(known: Payment, read: PaymentOptions<ReadPaymentState> | null): boolean {
  const isTakenBack = (option: { state: PaymentState } | null, told: ReadPaymentState | undefined) =>
    isSettled(option) && (told === 'EXPECT_PAYMENT' || told === 'UNDERPAID')
  return (
    isTakenBack(known.bolt11, read?.bolt11?.state) ||
    isTakenBack(known.bolt12, read?.bolt12?.state) ||
    isTakenBack(known.onchain, read?.onchain?.state)
  )
}

/** Whether an answer has options in common with what is known, and nobody who pays by one of them pays what is known. */
export function isOfAnother(known: Payment, read: PaymentOptions<ReadPaymentState>): boolean {
  const same = Object.values(sameDestinations(known, read)).filter((one) => one !== null)
  return same.length > 0 && !same.includes(true)
}

/** A option that this answer leaves out is not replaced, and neither is one that was withheld from the start. */
export function replacesOffer(known: Payment, read: PaymentOptions<ReadPaymentState>): boolean {
  const costsOtherwise = (was: Price | null, is: Price | null) =>
    was !== null && is !== null && (was.orderTotalSat !== is.orderTotalSat || was.feeTotalSat !== is.feeTotalSat)
  const refundTo = read.onchain?.refundOnchainAddress ?? null
  return (
    costsOtherwise(known.bolt11, read.bolt11) ||
    costsOtherwise(known.bolt12, read.bolt12) ||
    costsOtherwise(known.onchain, read.onchain) ||
    Object.values(sameDestinations(known, read)).includes(false) ||
    (refundTo !== null && known.onchain !== null && !isSameAddress(refundTo, known.onchain.refundOnchainAddress))
  )
}

type Price = Pick<Bolt12Option, 'feeTotalSat' | 'orderTotalSat'>

/** Nothing of it is to be paid any more; what has arrived has arrived, and `paymentWarning` keeps the rest back. */
export function withoutOffer(payment: Payment): Payment {
  return mapOptions(payment, (option) =>
    isSettled(option) || option.state === 'UNDERPAID' ? option : { ...option, state: 'FAILED' },
  )
}

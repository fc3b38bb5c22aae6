import { isSameAddress } from './address.ts'
import { MAX_SAT, sat, ZERO_SAT, type Sat } from './money.ts'
import { affordable, cheapestOf, isSettled, lapsesAt, NO_PAYMENT, vetOffer, vetTerms, waysOf, type Payment } from './offer.ts'
import type { Order } from './order-record.ts'
import type { Network } from './lsp.ts'
import type { Bolt12Way, Channel, OrderState, PaymentState, PaymentWays, Refund } from './order.ts'
import type { OrderReading, ReadPaymentState } from './reading.ts'
import { termDifferences, termsOf, type ChannelTerms } from './request.ts'
import { SECOND_MS, type EpochMs } from './time.ts'

// How an order moves when its LSP is read: the one place where an answer becomes history. Pure.

export interface Progress {
  order: Order
  /** What changed, for people; empty when nothing did. */
  changes: readonly string[]
}

const PAYMENT_SIGNS: ReadonlySet<PaymentState | ReadPaymentState> = new Set(['UNDERPAID', 'HOLD', 'PAID', 'TO_REFUND'])
const PAID_STATES: ReadonlySet<string> = new Set(['UNDERPAID', 'PAYMENT_HELD', 'PAID', 'RATE_DECISION_REQUIRED', 'CHANNEL_OPENING', 'REFUND_PENDING'])

const MAX_TOTAL_SAT = sat(MAX_SAT)

/** Whether this reading shows that something was paid, now or earlier. */
export function showsPayment(reading: OrderReading): boolean {
  const ways = reading.payment ? [reading.payment.bolt11, reading.payment.bolt12, reading.payment.onchain] : []
  return (
    PAID_STATES.has(reading.state) ||
    ways.some((way) => way !== null && PAYMENT_SIGNS.has(way.state)) ||
    (reading.paidSat ?? 0) > 0 ||
    (reading.payment?.onchain?.paidSat ?? 0) > 0 ||
    reading.refund?.state === 'IN_FLIGHT' ||
    reading.refund?.state === 'PAID_OUT'
  )
}

/** Reads the state of the order from the LSP's word for it and from what is known of its payment. */
export function orderStateOf(state: OrderReading['state'], payment: { states: readonly PaymentState[]; free: boolean; paid: boolean; lapsed?: boolean }): OrderState {
  const { states, free, paid, lapsed = false } = payment
  const has = (...wanted: PaymentState[]) => wanted.some((one) => states.includes(one))
  switch (state) {
    case 'AWAITING_PAYMENT':
      if (free || has('PAID')) return 'PAID'
      if (has('HOLD')) return 'PAYMENT_HELD'
      if (has('TO_REFUND')) return 'REFUND_PENDING'
      if (has('UNDERPAID')) return 'UNDERPAID'
      if (has('REFUNDED')) return 'REFUNDED'
      return isOver(states, lapsed, paid) ? 'EXPIRED' : 'AWAITING_PAYMENT'
    case 'FAILED_OR_LAPSED':
      if (!paid) return free ? 'FAILED' : 'EXPIRED'
      if (has('HOLD', 'PAID', 'TO_REFUND', 'UNDERPAID')) return 'REFUND_PENDING'
      return has('REFUNDED') ? 'REFUNDED' : 'FAILED'
    case 'FAILED':
      if (has('TO_REFUND')) return 'REFUND_PENDING'
      return has('REFUNDED') && !has('HOLD', 'PAID', 'UNDERPAID') ? 'REFUNDED' : 'FAILED'
    default:
      return state
  }
}

/** Whether there is nothing left to wait for. */
function isOver(states: readonly PaymentState[], lapsed: boolean, paid: boolean): boolean {
  if (lapsed && (!paid || states.every((state) => state === 'EXPIRED' || state === 'FAILED'))) return true
  return states.length > 0 && states.every((state) => state === 'EXPIRED')
}

export function paymentStates(payment: Payment): PaymentState[] {
  return waysOf(payment).map(({ state }) => state)
}

/** What an answer of the LSP makes of the order. `lspPubkeys`: the LSP's nodes, as far as they are known. */
export function advance(order: Order, reading: OrderReading, network: Network, now: EpochMs, lspPubkeys: readonly string[] = []): Progress {
  const paid = order.paymentSeenAt !== null || showsPayment(reading)
  const terms = { ...order.terms, ...reading.terms }
  const offered = order.paymentUnconfirmed && reading.payment !== null ? confirmedPayment(order, reading, reading.payment, terms, paid, { network, lspPubkeys }, now) : nextPayment(order, reading.payment, terms, paid, now)
  const { payment } = offered
  const expiresAt = reading.expiresAt ?? lapsesAt(payment) ?? order.expiresAt
  const lapsed = expiresAt !== null && expiresAt <= now
  const state = orderStateOf(reading.state, { states: paymentStates(payment), free: isFree(order), paid, lapsed })
  const channel = reading.channel && order.channel ? withKnown(order.channel, reading.channel) : (reading.channel ?? order.channel)
  const funded = state === 'COMPLETED' || (channel?.fundingOutpoint ?? null) !== null
  const cheapest = cheapestOf(payment)

  const next: Order = {
    ...order,
    state,
    terms,
    feeTotalSat: cheapest?.feeTotalSat ?? order.feeTotalSat,
    orderTotalSat: cheapest?.orderTotalSat ?? order.orderTotalSat,
    ...offered,
    channel,
    asset: reading.asset ?? order.asset,
    refund: state === 'COMPLETED' ? withoutOfferOfRefund(reading.refund ?? order.refund) : (reading.refund ?? order.refund),
    lnurlChannel: reading.lnurlChannel ?? order.lnurlChannel,
    jit: reading.jit ?? order.jit,
    failureReason: reading.failureReason ?? order.failureReason,
    openRequest: state === 'PAID' ? order.openRequest : null,
    lspState: reading.lspState,
    expiresAt,
    checkedAt: now,
    paymentSeenAt: order.paymentSeenAt ?? (paid ? now : null),
    fundedAt: order.fundedAt ?? (funded ? now : null),
  }
  const changes = describeChanges(order, next)
  return { order: changes.length === 0 ? next : { ...next, updatedAt: now }, changes }
}

/** What was paid for the channel that stands is not to be had back. */
function withoutOfferOfRefund(refund: Refund | null): Refund | null {
  return refund?.state === 'AVAILABLE' ? null : refund
}

/** What an answer leaves out still holds. */
function withKnown(known: Channel, told: Channel): Channel {
  return {
    state: told.state,
    channelId: told.channelId ?? known.channelId,
    shortChannelId: told.shortChannelId ?? known.shortChannelId,
    fundingOutpoint: told.fundingOutpoint ?? known.fundingOutpoint,
    fundedAt: told.fundedAt ?? known.fundedAt,
    expiresAt: told.expiresAt ?? known.expiresAt,
    closingTxid: told.closingTxid ?? known.closingTxid,
  }
}

/** Nothing was asked for it when it was ordered. */
function isFree(order: Order): boolean {
  return order.orderTotalSat === 0 && waysOf(order.payment).length === 0 && !order.paymentUnconfirmed
}

type NextPayment = Pick<Order, 'payment' | 'paymentWarning'> & Partial<Pick<Order, 'checks' | 'paymentUnconfirmed' | 'feeTotalSat' | 'orderTotalSat'>>

/**
 * The ways to pay move their states. What is to be paid, and for what, must not change under a wallet's hands: once it
 * is not what was checked and agreed to, nothing of the order is payable any more.
 */
function nextPayment(order: Order, read: PaymentWays<ReadPaymentState> | null, terms: ChannelTerms, paid: boolean, now: EpochMs): NextPayment {
  const ways = waysOf(order.payment)
  const problem = ways.some(isSettled) ? null : offerProblem(order, read, terms)
  const payment = moveWays(problem === null ? order.payment : withoutOffer(order.payment), read, paid, now)
  return { payment, paymentWarning: problem ?? (takesBack(order.payment, read) ? 'the LSP takes back that it was paid' : order.paymentWarning) }
}

function offerProblem(order: Order, read: PaymentWays<ReadPaymentState> | null, terms: ChannelTerms): string | null {
  if (read !== null && replacesOffer(order.payment, read)) return 'the LSP replaced what is to be paid by something else'
  if (read !== null && isFree(order) && (cheapestOf(read)?.orderTotalSat ?? 0) > 0) return 'the LSP asks to be paid for what was free'
  return vetTerms(termsOf(order.request), terms).verdict === 'FAILED' ? 'the LSP made another channel of it than was asked for' : null
}

/**
 * The first time that an LSP says what is to be paid: for an order which began elsewhere, or whose first answer did
 * not say.
 */
function confirmedPayment(order: Order, reading: OrderReading, read: PaymentWays<ReadPaymentState>, terms: ChannelTerms, paid: boolean, lsp: { network: Network; lspPubkeys: readonly string[] }, now: EpochMs): NextPayment {
  const { payment, checks, free } = vetOffer(read, {
    ...lsp,
    clientBalanceSat: terms.clientBalanceSat,
    orderExpiresAt: reading.expiresAt ?? order.expiresAt,
    refundOnchainAddress: order.request.refundOnchainAddress,
    // An invoice that was paid long ago has expired since; one that was not is found expired below.
    now: Math.min(order.createdAt, now),
  })
  const echoed = vetTerms(termsOf(order.request), terms)
  const failed = [...checks, echoed].find((check) => check.verdict === 'FAILED')
  const agreed = failed || payment === null ? NO_PAYMENT : affordable(payment, order.maxOrderTotalSat ?? MAX_TOTAL_SAT)
  const cheapest = cheapestOf(read)
  const isDearer = !failed && cheapest !== null && waysOf(agreed).length === 0
  return {
    payment: moveWays(agreed, read, paid, now),
    paymentWarning: failed ? `what the LSP asks for fails a check: ${failed.message}` : isDearer ? `the LSP asks for ${cheapest.orderTotalSat} sat in a way that was not agreed to` : null,
    checks: [...checks, echoed],
    paymentUnconfirmed: false,
    ...(free && !failed ? { feeTotalSat: ZERO_SAT, orderTotalSat: ZERO_SAT } : {}),
  }
}

/** Whether something was paid by this way, now or earlier. */
function wasPaidBy(way: { state: PaymentState; paidSat?: Sat | null } | null, told: ReadPaymentState | undefined): boolean {
  return way !== null && (isSettled(way) || way.state === 'UNDERPAID' || (way.paidSat ?? 0) > 0 || (told !== undefined && PAYMENT_SIGNS.has(told)))
}

/** Moves the states of the ways to pay, and nothing else of them. */
export function moveWays(payment: Payment, read: PaymentWays<ReadPaymentState> | null, paid: boolean, now: EpochMs): Payment {
  const onchain = payment.onchain && { ...payment.onchain, paidSat: mostOf(payment.onchain.paidSat, read?.onchain?.paidSat ?? null) }
  const isKnownBy = wasPaidBy(payment.bolt11, read?.bolt11?.state) || wasPaidBy(payment.bolt12, read?.bolt12?.state) || wasPaidBy(onchain, read?.onchain?.state)
  const move = <Way extends { state: PaymentState; expiresAt: EpochMs }>(way: Way | null, told: ReadPaymentState | undefined): Way | null =>
    // Where nobody saw by which way it was paid, it may be any.
    way && { ...way, state: nextWayState(way, told, wasPaidBy(way, told) || (paid && !isKnownBy), now) }
  return { bolt11: move(payment.bolt11, read?.bolt11?.state), bolt12: move(payment.bolt12, read?.bolt12?.state), onchain: move(onchain, read?.onchain?.state) }
}

/**
 * LSPs of the LSPS1 family call every unpaid offer that lapses refunded: only what was paid can be. What was paid is
 * never due again, whatever the LSP says later, and a way that has failed its checks stays failed until it was paid.
 */
function nextWayState(way: { state: PaymentState; expiresAt: EpochMs }, told: ReadPaymentState | undefined, paid: boolean, now: EpochMs): PaymentState {
  const was = way.state
  const state = told === 'REFUNDED_OR_LAPSED' ? (paid ? 'REFUNDED' : 'EXPIRED') : (told ?? was)
  if (isSettled({ state })) return state
  if (isSettled(way)) return state === 'FAILED' ? state : was
  if (was === 'FAILED' || (was === 'UNDERPAID' && state === 'EXPECT_PAYMENT')) return was
  return state === 'EXPECT_PAYMENT' && way.expiresAt <= now ? 'EXPIRED' : state
}

function mostOf(a: Sat | null, b: Sat | null): Sat | null {
  return a === null || (b !== null && b > a) ? b : a
}

function takesBack(known: Payment, read: PaymentWays<ReadPaymentState> | null): boolean {
  const isTakenBack = (way: { state: PaymentState } | null, told: ReadPaymentState | undefined) => isSettled(way) && (told === 'EXPECT_PAYMENT' || told === 'UNDERPAID')
  return isTakenBack(known.bolt11, read?.bolt11?.state) || isTakenBack(known.bolt12, read?.bolt12?.state) || isTakenBack(known.onchain, read?.onchain?.state)
}

/** A way that this answer leaves out is not replaced, and neither is one that was withheld from the start. */
export function replacesOffer(known: Payment, read: PaymentWays<ReadPaymentState>): boolean {
  const costsOtherwise = (was: Price | null, is: Price | null) => was !== null && is !== null && (was.orderTotalSat !== is.orderTotalSat || was.feeTotalSat !== is.feeTotalSat)
  const refundTo = read.onchain?.refundOnchainAddress ?? null
  return (
    costsOtherwise(known.bolt11, read.bolt11) ||
    costsOtherwise(known.bolt12, read.bolt12) ||
    costsOtherwise(known.onchain, read.onchain) ||
    (read.bolt11 !== null && known.bolt11 !== null && read.bolt11.invoice !== known.bolt11.invoice) ||
    (read.bolt12 !== null && known.bolt12 !== null && read.bolt12.offer !== known.bolt12.offer) ||
    (read.onchain !== null && known.onchain !== null && read.onchain.address !== known.onchain.address) ||
    (refundTo !== null && known.onchain !== null && !isSameAddress(refundTo, known.onchain.refundOnchainAddress))
  )
}

type Price = Pick<Bolt12Way, 'feeTotalSat' | 'orderTotalSat'>

/** Nothing of it is to be paid any more; what has arrived has arrived, and `paymentWarning` keeps the rest back. */
export function withoutOffer(payment: Payment): Payment {
  const fail = <Way extends { state: PaymentState }>(way: Way | null): Way | null => (way === null || isSettled(way) || way.state === 'UNDERPAID' ? way : { ...way, state: 'FAILED' })
  return { bolt11: fail(payment.bolt11), bolt12: fail(payment.bolt12), onchain: fail(payment.onchain) }
}

/** One phrase for each thing that a wallet would want to be told. */
function describeChanges(before: Order, after: Order): string[] {
  const changes: string[] = []
  const note = (changed: boolean, text: string) => {
    if (changed) changes.push(text)
  }
  note(before.state !== after.state, `${words(before.state)} → ${words(after.state)}`)
  for (const way of ['bolt11', 'bolt12', 'onchain'] as const) {
    const [was, is] = [before.payment[way]?.state, after.payment[way]?.state]
    note(is !== undefined && was !== is, `${way} payment: ${words(is ?? '')}`)
  }
  note((after.payment.onchain?.paidSat ?? 0) > (before.payment.onchain?.paidSat ?? 0), `${after.payment.onchain?.paidSat} sat have arrived on chain`)
  note(after.channel !== null && before.channel?.state !== after.channel.state, `channel: ${words(after.channel?.state ?? '')}`)
  note(fact(before.channel?.fundingOutpoint, after.channel?.fundingOutpoint), `funding outpoint ${after.channel?.fundingOutpoint}`)
  note(fact(before.channel?.shortChannelId, after.channel?.shortChannelId), `short channel id ${after.channel?.shortChannelId}`)
  note(fact(before.channel?.closingTxid, after.channel?.closingTxid), `closing transaction ${after.channel?.closingTxid}`)
  note(fact(before.channel?.expiresAt, after.channel?.expiresAt), 'the end of the lease is known')
  note(after.refund !== null && before.refund?.state !== after.refund.state, `refund: ${words(after.refund?.state ?? '')}`)
  note(before.asset?.deliveryStatus !== after.asset?.deliveryStatus && after.asset?.deliveryStatus != null, `asset delivery: ${words(after.asset?.deliveryStatus ?? '')}`)
  note(before.asset?.priceSat !== after.asset?.priceSat && after.asset?.priceSat != null, `asset price ${after.asset?.priceSat} sat`)
  note(fact(before.lnurlChannel, after.lnurlChannel), 'an LNURL opens the channel')
  note(fact(before.jit?.shortChannelId, after.jit?.shortChannelId), 'a first payment can open the channel')
  note(fact(before.failureReason, after.failureReason), `the LSP says: ${after.failureReason}`)
  for (const difference of termDifferences(before.terms, after.terms)) note(true, `the LSP changed ${difference.name}: ${difference.from} → ${difference.to}`)
  note(before.orderTotalSat !== after.orderTotalSat, `order total ${before.orderTotalSat} → ${after.orderTotalSat} sat`)
  note(isUnpaid(before) && isUnpaid(after) && isMoved(before.expiresAt, after.expiresAt), `to be paid by ${new Date(after.expiresAt ?? 0).toISOString()}`)
  note(before.paymentUnconfirmed === true && !after.paymentUnconfirmed && after.paymentWarning === null, 'the LSP confirmed what is to be paid')
  note(fact(before.paymentWarning, after.paymentWarning), after.paymentWarning ?? '')
  note(after.state === 'UNKNOWN' && before.lspState !== after.lspState, `the LSP's word is ${after.lspState}`)
  return changes
}

const isUnpaid = ({ state }: Order) => state === 'AWAITING_PAYMENT' || state === 'UNDERPAID'

/** Some answers have whole seconds, and some have more. */
const isMoved = (before: EpochMs | null, after: EpochMs | null) => before !== null && after !== null && Math.abs(after - before) > SECOND_MS

const fact = (before: unknown, after: unknown) => after !== null && after !== undefined && before !== after

const words = (name: string) => name.toLowerCase().replaceAll('_', ' ')

import { cheapestOf, NO_PAYMENT, lapsesAt, vetOffer, type Payment } from './offer.ts'
import type { Order } from './order-record.ts'
import type { Network } from './lsp.ts'
import type { Channel, OrderState, PaymentState, PaymentWays, Refund } from './order.ts'
import type { OrderReading, ReadPaymentState } from './reading.ts'
import { termDifferences } from './request.ts'
import type { EpochMs } from './time.ts'

// How an order moves when its LSP is read: the one place where an answer becomes history. Pure.

export interface Progress {
  order: Order
  /** What changed, for people; empty when nothing did. */
  changes: readonly string[]
}

const PAYMENT_SIGNS: ReadonlySet<PaymentState | ReadPaymentState> = new Set(['UNDERPAID', 'HOLD', 'PAID', 'TO_REFUND'])
const PAID_STATES: ReadonlySet<string> = new Set(['UNDERPAID', 'PAYMENT_HELD', 'PAID', 'RATE_DECISION_REQUIRED', 'CHANNEL_OPENING', 'REFUND_PENDING'])

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

/** LSPs of the LSPS1 family call every unpaid offer that lapses refunded: only a payment that was seen can be. */
function paymentStateOf(state: ReadPaymentState, paid: boolean, expiresAt: EpochMs, now: EpochMs): PaymentState {
  if (state === 'REFUNDED_OR_LAPSED') return paid ? 'REFUNDED' : 'EXPIRED'
  if (state === 'EXPECT_PAYMENT' && expiresAt <= now) return 'EXPIRED'
  return state
}

/** Reads the state of the order from the LSP's word for it and from what is known of its payment. */
export function orderStateOf(state: OrderReading['state'], payment: { states: readonly PaymentState[]; free: boolean; paid: boolean }): OrderState {
  const { states, free, paid } = payment
  const has = (wanted: PaymentState) => states.includes(wanted)
  switch (state) {
    case 'AWAITING_PAYMENT':
      if (free || has('PAID')) return 'PAID'
      if (has('HOLD')) return 'PAYMENT_HELD'
      if (has('TO_REFUND')) return 'REFUND_PENDING'
      if (has('REFUNDED')) return 'REFUNDED'
      if (has('UNDERPAID')) return 'UNDERPAID'
      return states.length > 0 && states.every((one) => one === 'EXPIRED') ? 'EXPIRED' : 'AWAITING_PAYMENT'
    case 'FAILED_OR_LAPSED':
      if (!paid) return free ? 'FAILED' : 'EXPIRED'
      if (has('REFUNDED')) return 'REFUNDED'
      return has('HOLD') || has('PAID') || has('TO_REFUND') ? 'REFUND_PENDING' : 'FAILED'
    case 'FAILED':
      if (has('REFUNDED')) return 'REFUNDED'
      return has('TO_REFUND') ? 'REFUND_PENDING' : 'FAILED'
    default:
      return state
  }
}

export function paymentStates(payment: Payment): PaymentState[] {
  return [payment.bolt11, payment.bolt12, payment.onchain].flatMap((way) => (way ? [way.state] : []))
}

/** What an answer of the LSP makes of the order. */
export function advance(order: Order, reading: OrderReading, network: Network, now: EpochMs): Progress {
  const paid = order.paymentSeenAt !== null || showsPayment(reading)
  const offered = nextPayment(order, reading, paid, network, now)
  const { payment } = offered
  const state = orderStateOf(reading.state, { states: paymentStates(payment), free: isFree(order, reading), paid })
  const channel = reading.channel && order.channel ? withKnown(order.channel, reading.channel) : (reading.channel ?? order.channel)
  const funded = state === 'COMPLETED' || (channel?.fundingOutpoint ?? null) !== null
  const cheapest = cheapestOf(payment)

  const next: Order = {
    ...order,
    state,
    terms: { ...order.terms, ...reading.terms },
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
    expiresAt: reading.expiresAt ?? lapsesAt(payment) ?? order.expiresAt,
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

/** An answer that offers no way to pay at all, where none was offered before: there is nothing to pay. */
function isFree(order: Order, reading: OrderReading): boolean {
  const read = reading.payment
  return order.orderTotalSat === 0 && (read === null || (read.bolt11 ?? read.bolt12 ?? read.onchain) === null)
}

/**
 * The ways to pay move their states. What is to be paid must not change under a wallet's hands: once an invoice or
 * an address is not the one that was checked and agreed to, nothing of the order is payable any more.
 */
function nextPayment(order: Order, reading: OrderReading, paid: boolean, network: Network, now: EpochMs): Pick<Order, 'payment' | 'paymentWarning'> {
  const read = reading.payment
  if (read !== null && order.paymentUnconfirmed) return confirmedPayment(order, reading, read, paid, network, now)
  const isSwapped = read !== null && !paid && isReplaced(order.payment, read)
  return {
    payment: moveWays(isSwapped ? withoutOffer(order.payment) : order.payment, read, paid, now),
    paymentWarning: isSwapped ? 'the LSP replaced what is to be paid by something else' : order.paymentWarning,
  }
}

/** The first time that an LSP says what is to be paid for an order which began elsewhere. */
function confirmedPayment(order: Order, reading: OrderReading, read: PaymentWays<ReadPaymentState>, paid: boolean, network: Network, now: EpochMs) {
  const { payment, checks } = vetOffer(read, {
    network,
    clientBalanceSat: reading.terms.clientBalanceSat ?? order.terms.clientBalanceSat,
    lspPubkeys: [],
    orderExpiresAt: reading.expiresAt ?? order.expiresAt,
    refundOnchainAddress: order.request.refundOnchainAddress,
    // An invoice that was paid long ago has expired since; one that was not is found expired below.
    now: Math.min(order.createdAt, now),
  })
  const failed = checks.find((check) => check.verdict === 'FAILED')
  return {
    payment: moveWays(payment ?? NO_PAYMENT, read, paid, now),
    paymentWarning: failed ? `what the LSP asks for fails a check: ${failed.message}` : null,
    checks,
    paymentUnconfirmed: false,
  }
}

/** Moves the states of the ways to pay, and nothing else of them. */
export function moveWays(payment: Payment, read: PaymentWays<ReadPaymentState> | null, paid: boolean, now: EpochMs): Payment {
  // A way that failed its checks stays failed whatever the LSP calls it, until a payment is seen.
  const move = <Way extends { state: PaymentState; expiresAt: EpochMs }>(way: Way | null, state: ReadPaymentState | undefined): Way | null =>
    way && { ...way, state: paymentStateOf(way.state === 'FAILED' && !paid ? 'FAILED' : (state ?? way.state), paid, way.expiresAt, now) }
  return {
    bolt11: move(payment.bolt11, read?.bolt11?.state),
    bolt12: move(payment.bolt12, read?.bolt12?.state),
    onchain: move(payment.onchain && { ...payment.onchain, paidSat: read?.onchain?.paidSat ?? payment.onchain.paidSat }, read?.onchain?.state),
  }
}

/** A way that this answer leaves out is not replaced, and neither is one that was withheld from the start. */
function isReplaced(known: Payment, read: PaymentWays<ReadPaymentState>): boolean {
  return (
    (read.bolt11 !== null && known.bolt11 !== null && read.bolt11.invoice !== known.bolt11.invoice) ||
    (read.bolt12 !== null && known.bolt12 !== null && read.bolt12.offer !== known.bolt12.offer) ||
    (read.onchain !== null && known.onchain !== null && read.onchain.address !== known.onchain.address)
  )
}

function withoutOffer(payment: Payment): Payment {
  const fail = <Way extends { state: PaymentState }>(way: Way | null): Way | null => way && { ...way, state: 'FAILED' }
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
  note(before.paymentUnconfirmed === true && !after.paymentUnconfirmed && after.paymentWarning === null, 'the LSP confirmed what is to be paid')
  note(fact(before.paymentWarning, after.paymentWarning), after.paymentWarning ?? '')
  note(after.state === 'UNKNOWN' && before.lspState !== after.lspState, `the LSP's word is ${after.lspState}`)
  return changes
}

const fact = (before: unknown, after: unknown) => after !== null && after !== undefined && before !== after

const words = (name: string) => name.toLowerCase().replaceAll('_', ' ')

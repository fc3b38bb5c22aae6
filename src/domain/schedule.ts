import { isDelivering, isDeliveryStopped } from './order-asset.ts'
import type { Order } from './order-record.ts'
import { paymentStates } from './payment-progress.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, type EpochMs } from './time.ts'

/** How often orders are read. */
export interface Pace {
  /** While something is expected soon. */
  activeMs: number
  /** At the seldomest. */
  idleMs: number
}

/** What of a protocol decides how long an order is worth reading. */
export interface LifeTraits {
  tellsChannelLife: boolean
}

/** An order counts as followed for this long after a client asked for it. A subscription asks at least every ten seconds. */
export const FOLLOWED_MS = 30 * SECOND_MS
/** While a client follows an unpaid order, it is polled this many times as often. */
const FOLLOWED_FACTOR = 2

/** A late payment is looked for this long after an order expired that none was seen of. */
export const LATE_PAYMENT_WATCH_MS = 7 * DAY_MS
/**
 * A refund, a delivery or a reason is looked for this long after an order failed, after it expired although a payment was
 * seen, and after the delivery of its asset stopped.
 */
export const FAILED_WATCH_MS = 30 * DAY_MS
/** A funding transaction may be replaced: a complete order is polled this long after its last event. */
const FUNDING_WATCH_MS = DAY_MS
/** At most; see `Pace.idleMs`. */
const FUNDING_WATCH_EVERY_MS = 30 * MINUTE_MS
/** Some LSPs take the held payment only after they call the order complete. */
const SETTLING_MS = HOUR_MS
const BACKOFF_MAX_MS = 5 * MINUTE_MS
/** An order that has as many events is no ordinary one. */
const MANY_EVENTS = 100

/** Whether the gateway expects nothing more: followers' streams end. See also `fundingWatchDelayMs`. */
export function isFinal(order: Order, traits: LifeTraits, now: EpochMs): boolean {
  // The LSP never gave it a name to ask by.
  if (order.lspOrderId === null && order.state !== 'OUTCOME_UNKNOWN') return true
  const age = now - order.updatedAt
  switch (order.state) {
    case 'REFUNDED':
      return true
    case 'EXPIRED':
      return age > (order.paymentSeenAt === null ? LATE_PAYMENT_WATCH_MS : FAILED_WATCH_MS) && !isToBeRefunded(order)
    case 'FAILED':
      return age > FAILED_WATCH_MS && !isToBeRefunded(order)
    case 'COMPLETED':
      if (isDelivering(order)) return false
      // The client may have it delivered again, and some LSPs try again by themselves.
      if (isDeliveryStopped(order)) return age > FAILED_WATCH_MS
      // Some LSPs name the channel a moment after they call the order complete.
      if (order.channel === null && age <= SETTLING_MS / 6) return false
      if (traits.tellsChannelLife) return order.channel?.state === 'CLOSED'
      return order.channel?.state !== 'PENDING' && (order.payment.bolt11?.state !== 'HOLD' || age > SETTLING_MS)
    default:
      return false
  }
}

/**
 * How long to wait before the next poll of an order that is final, only because its funding transaction may be replaced
 * by a higher fee or a reorganisation. null: it is not polled any more, or its LSP never names a funding transaction.
 */
export function fundingWatchDelayMs(order: Order, traits: LifeTraits, pace: Pace, now: EpochMs): number | null {
  const isWatched =
    order.state === 'COMPLETED' && !traits.tellsChannelLife && (order.channel?.fundingOutpoint ?? null) !== null
  // The LSP's own time of the funding may lie in the future: it extends the watch by a day at most.
  const fundedAt = Math.min(order.channel?.fundedAt ?? 0, order.updatedAt + FUNDING_WATCH_MS)
  const age = now - Math.max(order.updatedAt, fundedAt)
  return isWatched && order.lspOrderId !== null && age <= FUNDING_WATCH_MS
    ? Math.min(pace.idleMs, FUNDING_WATCH_EVERY_MS)
    : null
}

/** Money is still on its way back, or waits to be asked for. */
function isToBeRefunded({ paymentSeenAt, payment, refund }: Order): boolean {
  return (
    paymentSeenAt !== null &&
    (refund?.state === 'AVAILABLE' ||
      // Nothing would report the end of a refund that follows from the order's failure alone.
      (refund?.state === 'IN_FLIGHT' && refund.isOwed !== true) ||
      paymentStates(payment).includes('TO_REFUND'))
  )
}

/**
 * How long to wait before the next poll. `failures`: how often in a row the LSP did not answer. `isFollowed`: a client
 * follows the order or has just queried it.
 */
export function nextReadDelayMs(
  order: Order,
  pace: Pace,
  failures: number,
  now: EpochMs,
  random: () => number,
  isFollowed = false,
): number {
  // An LSP that says something else at every reading is heard ever more seldom: its words are kept, and disks are finite.
  const wavering = pace.activeMs * 12 * Math.floor(order.sequence / MANY_EVENTS)
  const isAwaited = isFollowed && order.paymentSeenAt === null && order.state === 'AWAITING_PAYMENT'
  const usual = isAwaited ? pace.activeMs / FOLLOWED_FACTOR : calmDelayMs(order, pace, now)
  const calm = Math.max(Math.min(usual, pace.idleMs), wavering)
  const backedOff =
    failures === 0 ? calm : Math.max(calm, Math.min(pace.activeMs * 2 ** Math.min(failures, 16), BACKOFF_MAX_MS))
  // A tenth of jitter, so that orders made together do not go on being read together.
  const delayMs = Math.max(1, Math.round(backedOff * (0.9 + 0.2 * random())))
  return Math.min(delayMs, Math.max(untilLapseMs(order, now), pace.activeMs, wavering))
}

/** The time until an unpaid order expires. A poll right after that moves it to EXPIRED, also when the LSP is silent. */
function untilLapseMs({ state, expiresAt }: Order, now: EpochMs): number {
  const isPending = state === 'AWAITING_PAYMENT' && expiresAt !== null && expiresAt > now
  return isPending ? expiresAt - now : Number.POSITIVE_INFINITY
}

function calmDelayMs(order: Order, pace: Pace, now: EpochMs): number {
  const age = now - order.updatedAt
  const slowing = age < HOUR_MS ? pace.activeMs : age < DAY_MS ? pace.activeMs * 12 : pace.idleMs
  switch (order.state) {
    case 'EXPIRED':
    case 'FAILED':
      return age < HOUR_MS ? pace.activeMs * 12 : pace.idleMs
    case 'COMPLETED':
      if (isDeliveryStopped(order)) return age < HOUR_MS ? pace.activeMs * 12 : pace.idleMs
      return order.channel?.state === 'OPEN' && !isDelivering(order) ? pace.idleMs : slowing
    default:
      return slowing
  }
}

/** After the n-th failed attempt to have a paid channel opened. */
export function nextOpenDelayMs(attempts: number, pace: Pace): number {
  return Math.min(pace.activeMs * 2 ** Math.min(attempts - 1, 16), 10 * MINUTE_MS, Math.max(pace.idleMs, SECOND_MS))
}

/** How long an LSP that said it opens the channel is given to do so, before it is asked for the n + 1st time. */
export function openPatienceMs(attempts: number, pace: Pace): number {
  return Math.min(pace.activeMs * 120, 10 * MINUTE_MS) * Math.max(attempts, 1)
}

import { isSameAddress } from './address.ts'
import { canonicalOffer } from './bolt12.ts'
import { maxSat, minSat, ZERO_SAT, type Sat } from './money.ts'
import type { Bolt11Way, Bolt12Way, OnchainWay, OrderState, PaymentState, PaymentWays } from './order.ts'
import { SECOND_MS, type EpochMs } from './time.ts'

// What is owed for an order or a renewal, and what of it a wallet is shown.

export interface VettedBolt11 extends Bolt11Way {
  expiresAt: EpochMs
  paymentHash: string
  payeePubkey: string
}
export interface VettedBolt12 extends Bolt12Way {
  expiresAt: EpochMs
}
export interface VettedOnchain extends OnchainWay {
  expiresAt: EpochMs
}

/** Ways to pay that passed every check that blocks. All null: there is nothing to pay. */
export interface Payment {
  bolt11: VettedBolt11 | null
  bolt12: VettedBolt12 | null
  onchain: VettedOnchain | null
}

export const NO_PAYMENT: Payment = { bolt11: null, bolt12: null, onchain: null }

export const waysOf = (payment: Payment) =>
  [payment.bolt11, payment.bolt12, payment.onchain].filter((way) => way !== null)

type AnyWay = VettedBolt11 | VettedBolt12 | VettedOnchain

/** Each way as `map` makes it; null: without it. */
export function mapWays(payment: Payment, map: <Way extends AnyWay>(way: Way) => Way | null): Payment {
  const { bolt11, bolt12, onchain } = payment
  return { bolt11: bolt11 && map(bolt11), bolt12: bolt12 && map(bolt12), onchain: onchain && map(onchain) }
}

/** Without the ways that cost more than was agreed to: by no way may more leave the wallet. What was paid has left it. */
export function affordable(payment: Payment, maxTotalSat: Sat): Payment {
  return mapWays(payment, (way) => (way.orderTotalSat <= maxTotalSat || wasUsed(way) ? way : null))
}

/** Whether something was paid by this way, as far as the way itself says. */
export function wasUsed(way: { state: PaymentState; paidSat?: Sat | null }): boolean {
  return isSettled(way) || way.state === 'UNDERPAID' || (way.paidSat ?? 0) > 0
}

/** What the cheapest way to pay costs; null for a free channel. `ways` may be unvetted. */
export function cheapestOf(ways: PaymentWays<unknown>): { feeTotalSat: Sat; orderTotalSat: Sat } | null {
  const offered = [ways.bolt11, ways.bolt12, ways.onchain].filter((way) => way !== null)
  const orderTotalSat = minSat(offered.map((way) => way.orderTotalSat))
  const cheapest = offered.find((way) => way.orderTotalSat === orderTotalSat)
  return cheapest ? { feeTotalSat: cheapest.feeTotalSat, orderTotalSat: cheapest.orderTotalSat } : null
}

/** When the first and the last of it lapse; null when there is nothing to pay. */
export function endsOf(payment: Payment): { first: EpochMs; last: EpochMs } | null {
  const ends = waysOf(payment).map(({ expiresAt }) => expiresAt)
  return ends.length === 0 ? null : { first: Math.min(...ends), last: Math.max(...ends) }
}

/** A payment needs time to arrive: nothing is handed out in the last moments of an offer. Of a short one, a twentieth. */
const MARGIN_MS = 30 * SECOND_MS

/** What ends at `end` is left alone from then on. */
export function orderableUntil(createdAt: EpochMs, end: EpochMs): EpochMs {
  return Math.floor(end - Math.min(MARGIN_MS, Math.max(0, end - createdAt) / 20))
}

/** What is owed for an order, or for a renewal. */
export interface Owed {
  state: OrderState
  payment: Payment
  createdAt: EpochMs
  expiresAt: EpochMs | null
  paymentSeenAt: EpochMs | null
  /** The most that the LSP said has arrived, by whatever way; absent: nothing. */
  paidSat?: Sat
  /** Why none of it is to be paid any more. */
  paymentWarning?: string | null
}

const PAYABLE_STATES: ReadonlySet<OrderState> = new Set(['AWAITING_PAYMENT', 'UNDERPAID'])

/** The last moment at which a payment may be sent: the earliest end of the order, its ways and its invoice, less a margin. */
export function payableUntil({ state, payment, createdAt, expiresAt, paymentWarning = null }: Owed): EpochMs | null {
  const ends = endsOf(payment)
  if (ends === null || paymentWarning !== null || !PAYABLE_STATES.has(state)) return null
  return orderableUntil(createdAt, Math.min(ends.first, expiresAt ?? Number.POSITIVE_INFINITY))
}

const SEEN: ReadonlySet<PaymentState> = new Set(['HOLD', 'PAID', 'TO_REFUND', 'REFUNDED'])
const DUE: ReadonlySet<PaymentState> = new Set(['EXPECT_PAYMENT', 'UNDERPAID'])

/** Whether all of it was paid by this way, whatever became of that. */
export function isSettled(way: { state: PaymentState } | null): boolean {
  return way !== null && SEEN.has(way.state)
}

/** Whether none of it is to be paid, and nothing that a payment would bring is to be handed out. */
export function isWithheld({ payment, paymentWarning = null }: Pick<Owed, 'payment' | 'paymentWarning'>): boolean {
  return paymentWarning !== null && !waysOf(payment).some(isSettled)
}

/**
 * The ways by which something is still to be paid; none once one of them was used, or anything else showed that it was
 * paid. `now`: not what it is too late for.
 */
export function due(owed: Owed, now: EpochMs): Payment {
  const { payment, paymentSeenAt } = owed
  const until = payableUntil(owed)
  const ways = waysOf(payment)
  if (until === null || now > until || ways.some(isSettled)) return NO_PAYMENT
  const open = mapWays(payment, (way) => (DUE.has(way.state) ? way : null))
  const paidSat = arrivedSat(owed)
  if (paidSat > 0 || ways.some(({ state }) => state === 'UNDERPAID'))
    return { ...NO_PAYMENT, onchain: restOf(open.onchain, paidSat) }
  return paymentSeenAt === null ? open : NO_PAYMENT
}

/** What has arrived so far, as far as the LSP said. */
export function arrivedSat({ payment, paidSat = ZERO_SAT }: Pick<Owed, 'payment' | 'paidSat'>): Sat {
  return maxSat([paidSat, payment.onchain?.paidSat ?? ZERO_SAT])
}

/** The rest is paid where the first part went, or could have gone: an invoice is for all of it. */
function restOf(onchain: VettedOnchain | null, paidSat: Sat): VettedOnchain | null {
  return onchain && paidSat < onchain.orderTotalSat ? { ...onchain, paidSat: paidSat > 0 ? paidSat : null } : null
}

/**
 * What a wallet may be shown of it: by which way it was paid, and before that what is to be paid. Nobody is shown a
 * second way to pay what was paid.
 */
export function shownOf(owed: Owed, now: EpochMs): Payment {
  const settled = mapWays(owed.payment, (way) => (isSettled(way) ? way : null))
  return waysOf(settled).length === 0 ? due(owed, now) : settled
}

/** Which of the ways that both have lead to the same place; null for one that either lacks. Bech32 is the same in upper case. */
export function sameDestinations(
  a: PaymentWays<unknown>,
  b: PaymentWays<unknown>,
): { bolt11: boolean | null; bolt12: boolean | null; onchain: boolean | null } {
  return {
    bolt11: a.bolt11 && b.bolt11 && a.bolt11.invoice.toLowerCase() === b.bolt11.invoice.toLowerCase(),
    bolt12: a.bolt12 && b.bolt12 && canonicalOffer(a.bolt12.offer) === canonicalOffer(b.bolt12.offer),
    onchain: a.onchain && b.onchain && isSameAddress(a.onchain.address, b.onchain.address),
  }
}

/** What is shown of it, as far as that is to be paid by the other, too, by the same invoice, offer or address; and as the other has it. */
export function commonDue(payment: Payment, other: Payment): Payment {
  const isSame = sameDestinations(payment, other)
  const keep = <Way extends AnyWay>(way: Way | null, now: Way | null, same: boolean): Way | null =>
    isSettled(way) ? way : same && !isSettled(now) ? now : null
  return {
    bolt11: keep(payment.bolt11, other.bolt11, isSame.bolt11 ?? false),
    bolt12: keep(payment.bolt12, other.bolt12, isSame.bolt12 ?? false),
    onchain: keep(payment.onchain, other.onchain, isSame.onchain ?? false),
  }
}

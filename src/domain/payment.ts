import { isSameAddress } from './address.ts'
import { canonicalOffer } from './bolt12.ts'
import { hasEnded, isUnknownToLsp, type Ending } from './ending.ts'
import { maxSat, minSat, ZERO_SAT, type Sat } from './money.ts'
import type { Bolt11Option, Bolt12Option, OnchainOption, OrderState, PaymentState, PaymentOptions } from './order.ts'
import { SECOND_MS, type EpochMs } from './time.ts'

// What is owed for an order or a renewal, and what of it a wallet is shown.

export interface VerifiedBolt11 extends Bolt11Option {
  expiresAt: EpochMs
  paymentHash: string
  payeePubkey: string
  /** What the invoice's route hints may cost beside the invoice; absent: nothing. */
  routeHintFeeSat?: Sat
}
export interface VerifiedBolt12 extends Bolt12Option {
  expiresAt: EpochMs
}
export interface VerifiedOnchain extends OnchainOption {
  expiresAt: EpochMs
}

/** Ways to pay that passed every check that blocks. All null: there is nothing to pay. */
export interface Payment {
  bolt11: VerifiedBolt11 | null
  bolt12: VerifiedBolt12 | null
  onchain: VerifiedOnchain | null
}

export type PaymentMethod = 'BOLT11' | 'BOLT12' | 'ONCHAIN'
export const METHODS: Readonly<Record<keyof Payment, PaymentMethod>> = {
  bolt11: 'BOLT11',
  bolt12: 'BOLT12',
  onchain: 'ONCHAIN',
}

export const NO_PAYMENT: Payment = { bolt11: null, bolt12: null, onchain: null }

export const optionsOf = (payment: Payment) =>
  [payment.bolt11, payment.bolt12, payment.onchain].filter((option) => option !== null)

type AnyOption = VerifiedBolt11 | VerifiedBolt12 | VerifiedOnchain

/** Each option as `map` makes it; null: without it. */
export function mapOptions(
  payment: Payment,
  map: <Option extends AnyOption>(option: Option, method: keyof Payment) => Option | null,
): Payment {
  const { bolt11, bolt12, onchain } = payment
  return {
    bolt11: bolt11 && map(bolt11, 'bolt11'),
    bolt12: bolt12 && map(bolt12, 'bolt12'),
    onchain: onchain && map(onchain, 'onchain'),
  }
}

/** The most that may leave the wallet by each payment option; null: nothing may be paid by it. */
export type PaymentMaximums = Readonly<Record<keyof Payment, Sat | null>>

export function sameMaximum(totalSat: Sat): PaymentMaximums {
  return { bolt11: totalSat, bolt12: totalSat, onchain: totalSat }
}

/** What leaves the wallet: the order total, and what the invoice's route hints add to it. A plain number. */
export function costSat({ orderTotalSat, routeHintFeeSat = ZERO_SAT }: PricedOption): number {
  return orderTotalSat + routeHintFeeSat
}

type PricedOption = Pick<AnyOption, 'orderTotalSat'> & { routeHintFeeSat?: Sat }

/** Without the options that cost more than the client agreed to. Whether the LSP calls one paid makes no difference. */
export function withinMaximums(payment: Payment, maximums: PaymentMaximums): Payment {
  return mapOptions(payment, (option, method) => (costSat(option) <= (maximums[method] ?? -1) ? option : null))
}

/** Whether something was paid by this option, as far as the option itself says. */
export function wasUsed(option: { state: PaymentState; paidSat?: Sat | null }): boolean {
  return isSettled(option) || option.state === 'UNDERPAID' || (option.paidSat ?? 0) > 0
}

/** What the cheapest payment option costs by the LSP's word; null for a free channel. `options` may be unverified. */
export function cheapestOf(options: PaymentOptions<unknown>): { feeTotalSat: Sat; orderTotalSat: Sat } | null {
  const offered = [options.bolt11, options.bolt12, options.onchain].filter((option) => option !== null)
  const orderTotalSat = minSat(offered.map((option) => option.orderTotalSat))
  const cheapest = offered.find((option) => option.orderTotalSat === orderTotalSat)
  return cheapest ? { feeTotalSat: cheapest.feeTotalSat, orderTotalSat: cheapest.orderTotalSat } : null
}

/** When the first and the last of it lapse; null when there is nothing to pay. */
export function endsOf(payment: Payment): { first: EpochMs; last: EpochMs } | null {
  const ends = optionsOf(payment).map(({ expiresAt }) => expiresAt)
  return ends.length === 0 ? null : { first: Math.min(...ends), last: Math.max(...ends) }
}

/** A payment needs time to arrive: nothing is handed out in the last moments of an offer. Of a short one, a twentieth. */
const MARGIN_MS = 30 * SECOND_MS

/** What ends at `end` is left alone from then on. */
export function orderableUntil(createdAt: EpochMs, end: EpochMs): EpochMs {
  return Math.floor(end - Math.min(MARGIN_MS, Math.max(0, end - createdAt) / 20))
}

/** What is owed for an order, or for a renewal. */
export interface Owed extends Ending {
  payment: Payment
  createdAt: EpochMs
  expiresAt: EpochMs | null
  paymentSeenAt: EpochMs | null
  /** The most that the LSP said has arrived, by whatever option; absent: nothing. */
  paidSat?: Sat
  /** Why none of it is to be paid any more. */
  paymentWarning?: string | null
  /** Absent: it was ordered before they were kept, see `maximumsOf`. */
  maximums?: PaymentMaximums
  /** In records of earlier versions. */
  maxOrderTotalSat?: Sat
  feeTotalSat: Sat
  orderTotalSat?: Sat
}

/** The most that the client agreed to pay by each option. Earlier versions kept one amount, or what the order cost. */
export function maximumsOf(
  owed: Pick<Owed, 'maximums' | 'maxOrderTotalSat' | 'orderTotalSat' | 'feeTotalSat'>,
): PaymentMaximums {
  return owed.maximums ?? sameMaximum(owed.maxOrderTotalSat ?? owed.orderTotalSat ?? owed.feeTotalSat)
}

const PAYABLE_STATES: ReadonlySet<OrderState> = new Set(['AWAITING_PAYMENT', 'UNDERPAID'])

/** The last moment to send a payment, by the payment option that ends last; null: no option may be paid at any time. */
export function payableUntil(owed: Owed): EpochMs | null {
  const ends = optionsOf(openOptions(owed)).map((option) => optionPayableUntil(owed, option))
  return ends.length === 0 ? null : Math.max(...ends)
}

/** bLIP-51 §3: each payment option has its own end. An end of the whole order ends every option; each less a margin. */
export function optionPayableUntil({ createdAt, expiresAt }: Owed, option: AnyOption): EpochMs {
  return orderableUntil(createdAt, Math.min(option.expiresAt, expiresAt ?? Number.POSITIVE_INFINITY))
}

const SEEN: ReadonlySet<PaymentState> = new Set(['HOLD', 'PAID', 'TO_REFUND', 'REFUNDED'])
const DUE: ReadonlySet<PaymentState> = new Set(['EXPECT_PAYMENT', 'UNDERPAID'])

/** Whether all of it was paid by this option, whatever became of that. */
export function isSettled(option: { state: PaymentState } | null): boolean {
  return option !== null && SEEN.has(option.state)
}

/** Whether none of it is to be paid, and nothing that a payment would bring is to be handed out. */
export function isWithheld(owed: Owed): boolean {
  const { state, payment, paymentSeenAt, paymentWarning = null } = owed
  const isClosed = isUnknownToLsp(owed) || (hasEnded(owed) && state !== 'COMPLETED' && paymentSeenAt === null)
  return (paymentWarning !== null || isClosed) && !optionsOf(payment).some(isSettled)
}

/**
 * The options that a wallet may pay now, and the only source of them: none after the first sign of a payment except for
 * the rest of an underpaid order, none after its own end, and none that costs more than the client agreed to, whatever
 * the LSP says that was paid.
 */
export function due(owed: Owed, now: EpochMs): Payment {
  return mapOptions(openOptions(owed), (option) => (now > optionPayableUntil(owed, option) ? null : option))
}

/** The options that may be paid, until their ends. */
function openOptions(owed: Owed): Payment {
  const { payment, paymentSeenAt, paymentWarning = null } = owed
  const options = optionsOf(payment)
  if (paymentWarning !== null || !PAYABLE_STATES.has(owed.state) || options.some(isSettled)) return NO_PAYMENT
  if (isUnknownToLsp(owed) || hasEnded(owed)) return NO_PAYMENT
  const open = withinMaximums(
    mapOptions(payment, (option) => (DUE.has(option.state) ? option : null)),
    maximumsOf(owed),
  )
  const paidSat = arrivedSat(owed)
  if (paidSat > 0 || options.some(({ state }) => state === 'UNDERPAID'))
    return { ...NO_PAYMENT, onchain: restOf(open.onchain, paidSat) }
  return paymentSeenAt === null ? open : NO_PAYMENT
}

/** What has arrived so far, as far as the LSP said. */
export function arrivedSat({ payment, paidSat = ZERO_SAT }: Pick<Owed, 'payment' | 'paidSat'>): Sat {
  return maxSat([paidSat, payment.onchain?.paidSat ?? ZERO_SAT])
}

/** The rest is paid where the first part went, or could have gone: an invoice is for all of it. */
function restOf(onchain: VerifiedOnchain | null, paidSat: Sat): VerifiedOnchain | null {
  return onchain && paidSat < onchain.orderTotalSat ? { ...onchain, paidSat: paidSat > 0 ? paidSat : null } : null
}

/**
 * What a wallet may be shown of it: by which option it was paid, and before that what is to be paid. A paid order
 * shows no other payment option.
 */
export function shownOf(owed: Owed, now: EpochMs): Payment {
  const settled = mapOptions(owed.payment, (option) => (isSettled(option) ? option : null))
  return optionsOf(settled).length === 0 ? due(owed, now) : settled
}

/** Which of the options that both have lead to the same place; null for one that either lacks. Bech32 is the same in upper case. */
export function sameDestinations(
  a: PaymentOptions<unknown>,
  b: PaymentOptions<unknown>,
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
  const keep = <Option extends AnyOption>(option: Option | null, now: Option | null, same: boolean): Option | null =>
    isSettled(option) ? option : same && !isSettled(now) ? now : null
  return {
    bolt11: keep(payment.bolt11, other.bolt11, isSame.bolt11 ?? false),
    bolt12: keep(payment.bolt12, other.bolt12, isSame.bolt12 ?? false),
    onchain: keep(payment.onchain, other.onchain, isSame.onchain ?? false),
  }
}

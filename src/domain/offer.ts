import { addressProblem, isSameAddress } from './address.ts'
import { readPaymentUri, writePaymentUri } from './bip21.ts'
import { minSat, msatOf, type Sat } from './money.ts'
import { decodeInvoice, InvoiceError, type DecodedInvoice } from './invoice.ts'
import type { Network } from './lsp.ts'
import type { Bolt11Way, Bolt12Way, OnchainWay, PaymentState, PaymentWays } from './order.ts'
import type { ReadPaymentState } from './reading.ts'
import { termDifferences, type ChannelTerms } from './request.ts'
import { SECOND_MS, type EpochMs } from './time.ts'

// No LSP is believed without a check: only `vetOffer` makes ways to pay of what an LSP says, and of an offer whose
// figures do not add up it makes none.

export const CHECK_NAMES = [
  'FEE_ADDS_UP',
  'INVOICE_DECODES',
  'INVOICE_AMOUNT',
  'INVOICE_NETWORK',
  'INVOICE_NOT_EXPIRED',
  'INVOICE_ENDS_WITH_ORDER',
  'INVOICE_PAYEE',
  'PAYMENT_HASH_IS_NEW',
  'ONCHAIN_ADDRESS',
  'ONCHAIN_ADDRESS_IS_NEW',
  'BIP21_AMOUNT',
  'REFUND_ADDRESS',
  'TERMS_ECHOED',
] as const
export type CheckName = (typeof CHECK_NAMES)[number]

export const CHECK_VERDICTS = ['PASSED', 'WARNING', 'FAILED'] as const
export type CheckVerdict = (typeof CHECK_VERDICTS)[number]

/** One row of the report: what was compared, so that a wallet can compare it again. */
export interface Check {
  name: CheckName
  verdict: CheckVerdict
  message: string
}

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

export interface OfferContext {
  network: Network
  clientBalanceSat: Sat
  /** The LSP's nodes, as far as they are known. */
  lspPubkeys: readonly string[]
  /** When the order lapses by the LSP's word; null when only the ways to pay say. */
  orderExpiresAt: EpochMs | null
  /** An on-chain way is offered only where a refund could be sent back. */
  refundOnchainAddress: string | null
  now: EpochMs
}

export interface VettedOffer {
  /** null when a check that blocks has failed. A way may be withheld for want of a refund address or an end. */
  payment: Payment | null
  /** The LSP asks for nothing. */
  free: boolean
  checks: readonly Check[]
}

/**
 * Checks every way to pay that an LSP offers. Sums, amounts, networks and addresses block; who signed the
 * invoice is only worth a warning, since some LSPs are paid through another node.
 */
export function vetOffer(ways: PaymentWays<ReadPaymentState>, context: OfferContext): VettedOffer {
  const checks: Check[] = []
  const report = (name: CheckName, verdict: CheckVerdict, message: string) => checks.push({ name, verdict, message })

  for (const [kind, way] of Object.entries(ways) as [string, PaymentWays<ReadPaymentState>['bolt12']][]) {
    if (way === null) continue
    // A plain number: a fee that is too much for any sum is a failed check, not an error.
    const sum = way.feeTotalSat + context.clientBalanceSat
    // A channel that costs nothing has no way to pay.
    const isSum = sum === way.orderTotalSat && sum > 0
    report('FEE_ADDS_UP', isSum ? 'PASSED' : 'FAILED', `${kind}: fee ${way.feeTotalSat} + client balance ${context.clientBalanceSat} = ${sum}, order total ${way.orderTotalSat}`)
  }

  const bolt11 = ways.bolt11 && vetBolt11(ways.bolt11, context, report)
  const bolt12 = ways.bolt12 && vetBolt12(ways.bolt12, context)
  const onchain = ways.onchain && vetOnchain(ways.onchain, context, bolt11?.expiresAt ?? null, report)

  const blocked = checks.some((check) => check.verdict === 'FAILED')
  const free = (ways.bolt11 ?? ways.bolt12 ?? ways.onchain) === null
  return { payment: blocked ? null : { bolt11, bolt12, onchain }, free, checks }
}

/** Who else was asked to pay to the same hash or address. */
export type OtherPayer = 'NOBODY' | 'SAME_ORDER' | 'ANOTHER_ORDER'

/**
 * The offer without what another order is to be paid by as well: of two that are paid alike, an LSP delivers one at
 * most. An invoice that is another's discredits all of it.
 */
export function withoutShared(offer: VettedOffer, others: { hash: OtherPayer; address: OtherPayer }): VettedOffer {
  if (offer.payment === null) return offer
  const { bolt11, onchain } = offer.payment
  const checks: Check[] = []
  if (bolt11 !== null) {
    const verdict = { NOBODY: 'PASSED', SAME_ORDER: 'WARNING', ANOTHER_ORDER: 'FAILED' } as const
    checks.push({ name: 'PAYMENT_HASH_IS_NEW', verdict: verdict[others.hash], message: `${SHARED[others.hash]} to the payment hash ${bolt11.paymentHash}` })
  }
  if (onchain !== null) checks.push({ name: 'ONCHAIN_ADDRESS_IS_NEW', verdict: others.address === 'NOBODY' ? 'PASSED' : 'WARNING', message: `${SHARED[others.address]} to the address` })
  const isDiscredited = bolt11 !== null && others.hash === 'ANOTHER_ORDER'
  return {
    ...offer,
    payment: isDiscredited ? null : { ...offer.payment, onchain: others.address === 'ANOTHER_ORDER' ? null : onchain },
    checks: [...offer.checks, ...checks],
  }
}

const SHARED: Readonly<Record<OtherPayer, string>> = {
  NOBODY: 'no other order is to be paid',
  SAME_ORDER: 'the LSP answered with the order that it gave before, which is to be paid',
  ANOTHER_ORDER: 'another order is to be paid',
}

/** The most that a request can ask for: a GraphQL Int. */
const MAX_BLOCKS = 0x7fff_ffff

/**
 * Terms that are a little better or worse than the ones asked for are a warning. Less than half of the channel or of
 * its lease, or less of the client's own money in it, is not what anybody asked the price of.
 */
export function vetTerms(asked: ChannelTerms, delivered: ChannelTerms): Check {
  const differences = termDifferences(asked, delivered).map(({ name, from, to }) => `${name}: asked for ${from}, answered ${to}`)
  const isAnother =
    delivered.lspBalanceSat < Math.max(1, asked.lspBalanceSat / 2) ||
    delivered.channelExpiryBlocks < Math.max(1, asked.channelExpiryBlocks / 2) ||
    delivered.channelExpiryBlocks > MAX_BLOCKS ||
    delivered.clientBalanceSat < asked.clientBalanceSat
  return {
    name: 'TERMS_ECHOED',
    verdict: isAnother ? 'FAILED' : differences.length === 0 ? 'PASSED' : 'WARNING',
    message: differences.join('; ') || 'the terms that the LSP repeats are the ones asked for',
  }
}

const iso = (time: EpochMs) => new Date(time).toISOString()

type Report = (name: CheckName, verdict: CheckVerdict, message: string) => void

function vetBolt11(way: Bolt11Way<ReadPaymentState>, context: OfferContext, report: Report): VettedBolt11 | null {
  let invoice: DecodedInvoice
  try {
    invoice = decodeInvoice(way.invoice)
  } catch (error) {
    report('INVOICE_DECODES', 'FAILED', error instanceof InvoiceError ? error.message : 'the invoice does not decode')
    return null
  }
  report('INVOICE_DECODES', 'PASSED', `signed by ${invoice.payeePubkey}`)

  const wantedMsat = msatOf(way.orderTotalSat)
  report('INVOICE_AMOUNT', invoice.amountMsat === wantedMsat ? 'PASSED' : 'FAILED', `invoice ${invoice.amountMsat ?? 'without amount'} msat, order total ${wantedMsat} msat`)
  report('INVOICE_NETWORK', invoice.networks.includes(context.network) ? 'PASSED' : 'FAILED', `invoice ${invoice.networks.join(' or ') || 'of an unknown network'}, LSP ${context.network}`)
  report('INVOICE_NOT_EXPIRED', invoice.expiresAt > context.now ? 'PASSED' : 'FAILED', `invoice expires ${iso(invoice.expiresAt)}`)
  const orderEndsAt = context.orderExpiresAt ?? way.expiresAt
  if (orderEndsAt !== null) {
    // An invoice counts its life in whole seconds.
    const isLater = invoice.expiresAt >= orderEndsAt + SECOND_MS
    report('INVOICE_ENDS_WITH_ORDER', isLater ? 'WARNING' : 'PASSED', `invoice expires ${iso(invoice.expiresAt)}, order ${iso(orderEndsAt)}`)
  }
  if (context.lspPubkeys.length > 0) {
    report('INVOICE_PAYEE', context.lspPubkeys.includes(invoice.payeePubkey) ? 'PASSED' : 'WARNING', `invoice signed by ${invoice.payeePubkey}, LSP's nodes ${context.lspPubkeys.join(', ')}`)
  }
  return {
    ...way,
    state: offeredState(way.state),
    expiresAt: Math.min(invoice.expiresAt, way.expiresAt ?? invoice.expiresAt),
    paymentHash: invoice.paymentHash,
    payeePubkey: invoice.payeePubkey,
  }
}

/** An offer whose end nobody tells is not handed out: a wallet could not know when to stop paying it. */
function vetBolt12(way: Bolt12Way<ReadPaymentState>, context: OfferContext): VettedBolt12 | null {
  const expiresAt = way.expiresAt ?? context.orderExpiresAt
  return expiresAt === null ? null : { ...way, state: offeredState(way.state), expiresAt }
}

function vetOnchain({ uri, ...way }: OnchainWay<ReadPaymentState>, context: OfferContext, invoiceExpiresAt: EpochMs | null, report: Report): VettedOnchain | null {
  const problem = addressProblem(way.address, context.network)
  report('ONCHAIN_ADDRESS', problem === null ? 'PASSED' : 'FAILED', problem === null ? `an address of ${context.network}` : `${problem}, LSP ${context.network}`)
  vetUri(uri ?? writePaymentUri({ address: way.address, amountSat: way.orderTotalSat, invoice: null, offer: null }), way, report)
  const expiresAt = way.expiresAt ?? context.orderExpiresAt ?? invoiceExpiresAt
  const { refundOnchainAddress } = context
  if (expiresAt === null || refundOnchainAddress === null || !refundsTo(refundOnchainAddress, way, context, report)) return null
  return { ...way, state: offeredState(way.state), expiresAt, refundOnchainAddress }
}

function vetUri(uri: string, { address, orderTotalSat }: OnchainWay<ReadPaymentState>, report: Report): void {
  const told = readPaymentUri(uri)
  const isSame = told?.address === address && (told.amountSat ?? orderTotalSat) === orderTotalSat
  report('BIP21_AMOUNT', isSame ? 'PASSED' : 'FAILED', `the URI asks for ${told?.amountSat ?? 'no amount of'} sat, order total ${orderTotalSat} sat`)
}

/** Where an LSP would send a refund elsewhere, nothing is to be paid that only a refund brings back. */
function refundsTo(given: string, { refundOnchainAddress: told }: OnchainWay<ReadPaymentState>, { network }: OfferContext, report: Report): boolean {
  const isSame = told === null || isSameAddress(told, given)
  const problem = addressProblem(given, network)
  report(
    'REFUND_ADDRESS',
    isSame && problem === null ? 'PASSED' : 'WARNING',
    isSame ? `given ${given}, ${problem ?? `an address of ${network}`}` : `given ${given}, the LSP repeats ${told}: on-chain payment is withheld`,
  )
  return isSame && problem === null
}

/** In an offer nothing was paid yet, so a way that reads as refunded has only lapsed. */
function offeredState(state: ReadPaymentState): PaymentState {
  return state === 'REFUNDED_OR_LAPSED' ? 'EXPIRED' : state
}

/** Without the ways that cost more than was agreed to: by no way may more leave the wallet. */
export function affordable(payment: Payment, maxTotalSat: Sat): Payment {
  const keep = <Way extends { orderTotalSat: Sat }>(way: Way | null): Way | null => (way !== null && way.orderTotalSat <= maxTotalSat ? way : null)
  return { bolt11: keep(payment.bolt11), bolt12: keep(payment.bolt12), onchain: keep(payment.onchain) }
}

/** What the cheapest way to pay costs; zero for a free channel. `ways` may be unvetted. */
export function cheapestOf(ways: PaymentWays<unknown>): { feeTotalSat: Sat; orderTotalSat: Sat } | null {
  const offered = [ways.bolt11, ways.bolt12, ways.onchain].filter((way) => way !== null)
  const orderTotalSat = minSat(offered.map((way) => way.orderTotalSat))
  const cheapest = offered.find((way) => way.orderTotalSat === orderTotalSat)
  return cheapest ? { feeTotalSat: cheapest.feeTotalSat, orderTotalSat: cheapest.orderTotalSat } : null
}

function endsOf(payment: Payment): EpochMs[] {
  return waysOf(payment).map(({ expiresAt }) => expiresAt)
}

/** When the last of it lapses; null when there is nothing to pay. */
export function lapsesAt(payment: Payment): EpochMs | null {
  const ends = endsOf(payment)
  return ends.length === 0 ? null : Math.max(...ends)
}

/** A payment needs time to arrive: nothing is handed out in the last moments of an offer. Of a short one, a twentieth. */
const MARGIN_MS = 30 * SECOND_MS

/** What ends at `end` is left alone from then on. */
export function orderableUntil(createdAt: EpochMs, end: EpochMs): EpochMs {
  return Math.floor(end - Math.min(MARGIN_MS, Math.max(0, end - createdAt) / 20))
}

/** What is owed for an order, or for a renewal. */
export interface Owed {
  payment: Payment
  createdAt: EpochMs
  expiresAt: EpochMs | null
  /** Why none of it is to be paid any more. */
  paymentWarning?: string | null
}

/** The last moment at which a payment may be sent: the earliest end of the order, its ways and its invoice, less a margin. */
export function payableUntil({ payment, createdAt, expiresAt, paymentWarning = null }: Owed): EpochMs | null {
  const ends = endsOf(payment)
  if (ends.length === 0 || paymentWarning !== null) return null
  const end = Math.min(...ends, expiresAt ?? Number.POSITIVE_INFINITY)
  return orderableUntil(createdAt, end)
}

const SEEN: ReadonlySet<PaymentState> = new Set(['HOLD', 'PAID', 'TO_REFUND', 'REFUNDED'])
const DUE: ReadonlySet<PaymentState> = new Set(['EXPECT_PAYMENT', 'UNDERPAID'])

/** Whether all of it was paid by this way, whatever became of that. */
export function isSettled(way: { state: PaymentState } | null): boolean {
  return way !== null && SEEN.has(way.state)
}

export const waysOf = (payment: Payment) => [payment.bolt11, payment.bolt12, payment.onchain].filter((way) => way !== null)

/**
 * What a wallet may be shown of it: by which way it was paid, and before that what is to be paid, as long as it is not
 * too late. Nobody is shown a second way to pay what was paid.
 */
export function handedOut(payment: Payment, until: EpochMs | null, now: EpochMs): Payment {
  const open = until !== null && now <= until ? due(payment) : NO_PAYMENT
  const show = <Way extends { state: PaymentState }>(way: Way | null, openWay: Way | null): Way | null => (isSettled(way) ? way : openWay)
  return { bolt11: show(payment.bolt11, open.bolt11), bolt12: show(payment.bolt12, open.bolt12), onchain: show(payment.onchain, open.onchain) }
}

/** The same of what is owed, at the moment. */
export function shownOf(owed: Owed, now: EpochMs): Payment {
  return handedOut(owed.payment, payableUntil(owed), now)
}

/** The ways by which something is still to be paid; none once one of them was used. */
export function due(payment: Payment): Payment {
  const ways = waysOf(payment)
  if (ways.some(isSettled)) return NO_PAYMENT
  const isUnderpaid = ways.some(({ state }) => state === 'UNDERPAID') || (payment.onchain?.paidSat ?? 0) > 0
  const keep = <Way extends { state: PaymentState }>(way: Way | null): Way | null => (way !== null && DUE.has(way.state) ? way : null)
  // The rest is paid where the first part went: an invoice is for all of it.
  return { bolt11: isUnderpaid ? null : keep(payment.bolt11), bolt12: isUnderpaid ? null : keep(payment.bolt12), onchain: keep(payment.onchain) }
}

/** What of it is to be paid by the other, too, and by the same invoice, offer or address. */
export function commonDue(payment: Payment, other: Payment): Payment {
  const { bolt11, bolt12, onchain } = payment
  const keep = <Way extends { state: PaymentState }>(way: Way | null, isSame: boolean): Way | null => (isSettled(way) || isSame ? way : null)
  return {
    bolt11: keep(bolt11, bolt11?.invoice === other.bolt11?.invoice && !isSettled(other.bolt11)),
    bolt12: keep(bolt12, bolt12?.offer === other.bolt12?.offer && !isSettled(other.bolt12)),
    onchain: keep(onchain, onchain?.address === other.onchain?.address && !isSettled(other.onchain)),
  }
}

/** Until when all of the offer stands; null when there is nothing to pay, or nothing of it is believed. */
export function offerEndsAt({ payment }: VettedOffer): EpochMs | null {
  const ends = payment === null ? [] : endsOf(payment)
  return ends.length === 0 ? null : Math.min(...ends)
}

import { buysAsset, withLiquidityFees } from './asset-price.ts'
import { knownNodes, orderedBlocksOf, withChannel, withKnown } from './channel-progress.ts'
import { describeChanges } from './changes.ts'
import { changeOf, type OrderChange } from './messages/order-changes.ts'
import { verifyClientNode } from './client-node.ts'
import { isEnded, stateAfterEnd } from './ending.ts'
import { pubkeyOfUri } from './lsp.ts'
import { ZERO_SAT } from './money.ts'
import { distrustOf, verifyAsset, verifyOffer, verifyTerms } from './offer.ts'
import type { OnchainContext } from './onchain-offer.ts'
import { worseTerms } from './terms.ts'
import { assetAfter } from './order-asset.ts'
import { isUnverifiedImport, type Order } from './order-record.ts'
import type { JitChannel, OrderAsset, OrderState, PaymentState, PaymentOptions, Refund } from './order.ts'
import { withLaterChecks, type Check } from './checks.ts'
import { closedAtOf, verifyLease } from './lease-kept.ts'
import { largestMaximum, maximumChecks } from './maximum.ts'
import { verifyOpenables } from './openable.ts'
import { verifyAmountPaid } from './overpayment.ts'
import { refundOf } from './refunds.ts'
import {
  cheapestOf,
  endsOf,
  isSettled,
  mapOptions,
  maximumsOf,
  NO_PAYMENT,
  optionsOf,
  withinMaximums,
} from './payment.ts'
import {
  isOfAnother,
  mostOf,
  moveOptions,
  paymentStates,
  replacesOffer,
  showsPayment,
  takesBack,
  withoutOffer,
} from './payment-progress.ts'
import { unopened, withStateWords } from './reported-options.ts'
import type { OrderReading, ReadPaymentState } from './reading.ts'
import { termsOf, type ChannelTerms } from './request.ts'
import type { EpochMs } from './time.ts'

// How an order moves when its LSP is read: the one place where an answer becomes history. Pure.

export interface Progress {
  order: Order
  /** What changed, for people; empty when nothing did. */
  changes: readonly OrderChange[]
}

/** Reads the state of the order from the LSP's word for it and from what is known of its payment. */
export function orderStateOf(
  state: OrderReading['state'],
  payment: { states: readonly PaymentState[]; free: boolean; paid: boolean; lapsed?: boolean },
): OrderState {
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

/** What is known of an LSP beside what it answers. */
export interface LspFacts extends Omit<OnchainContext, 'refundOnchainAddress'> {
  /** Its nodes, as far as they are known. */
  lspPubkeys: readonly string[]
}

/** What an answer of the LSP makes of the order. */
export function advance(order: Order, reading: OrderReading, lsp: LspFacts, now: EpochMs): Progress {
  if (
    !order.paymentUnconfirmed &&
    order.paymentSeenAt === null &&
    reading.payment !== null &&
    isOfAnother(order.payment, reading.payment)
  )
    return withheld(order, reading, now)
  const paid = order.paymentSeenAt !== null || showsPayment(reading) || impliesPayment(order, reading)
  const terms = { ...order.terms, ...reading.terms }
  const offered =
    order.paymentUnconfirmed && reading.payment !== null
      ? confirmedPayment(order, reading, reading.payment, terms, paid, lsp, now)
      : nextPayment(order, reading, terms, paid, now)
  // What an answer leaves out still holds, unless it was never the LSP that said it.
  const expiresAt =
    reading.expiresAt ??
    (order.paymentUnconfirmed ? null : order.expiresAt) ??
    endsOf(offered.payment)?.last ??
    order.expiresAt
  const lapsed = expiresAt !== null && expiresAt <= now
  const states = paymentStates(offered.payment)
  const reported = withChannel(orderStateOf(reading.state, { states, free: isFree(order), paid, lapsed }), reading)
  const state = paid || isClaimOfImport(order) ? reported : stateAfterEnd(order.state, reported)
  const isHeld = state !== reported
  const payment = withStateWords(isHeld ? unopened(order.payment, offered.payment) : offered.payment, reading.payment)
  const opened = verifyOpenables(
    // Of the route hint the first word counts, see below.
    { ...reading, jit: order.jit === null ? reading.jit : null },
    { network: lsp.network, maximumSat: largestMaximum(maximumsOf(order)) },
  )
  const channel =
    opened.channel && order.channel ? withKnown(order.channel, opened.channel) : (opened.channel ?? order.channel)
  const channelClosedAt = closedAtOf(order.channelClosedAt, channel, now)
  const funded = state === 'COMPLETED' || (channel?.fundingOutpoint ?? null) !== null
  const cheapest = cheapestOf(payment)
  const asset = assetAfter(order.asset, reading.asset)
  const paidSat = mostOf(
    mostOf(order.paidSat ?? null, reading.paidSat),
    payment.onchain === null ? (reading.payment?.onchain?.paidSat ?? null) : null,
  )

  const advanced: Order = {
    ...order,
    state,
    terms,
    ...orderedBlocksOf(order, terms),
    feeTotalSat: cheapest?.feeTotalSat ?? order.feeTotalSat,
    orderTotalSat: cheapest?.orderTotalSat ?? order.orderTotalSat,
    ...offered,
    payment,
    checks: withLaterChecks(offered.checks ?? order.checks, [...opened.checks, ...worseAsset(order, reading, asset)]),
    channel,
    ...(channelClosedAt === undefined ? {} : { channelClosedAt }),
    lspNodeUris: knownNodes(order.lspNodeUris ?? [], reading.lspNodeUris),
    asset,
    lnurlChannel: opened.lnurlChannel ?? order.lnurlChannel,
    // By the first word: what a first payment is charged was seen with what was agreed to.
    jit: order.jit ?? opened.jit,
    failureReason: reading.failureReason ?? order.failureReason,
    openRequest: state === 'PAID' ? order.openRequest : null,
    lspState: reading.lspState,
    expiresAt,
    checkedAt: now,
    paymentSeenAt: order.paymentSeenAt ?? (paid ? now : null),
    ...(paidSat === null ? {} : { paidSat }),
    fundedAt: order.fundedAt ?? (funded ? now : null),
    notFoundAt: null,
    isReportedOpen: isHeld && reported === 'AWAITING_PAYMENT',
  }
  const isClientKnown = advanced.checks.some(({ code }) => code === 'CLIENT_ECHOED')
  const refund = refundOf(advanced, reading.refund, order.refund)
  const later = [
    // A key that a later answer leaves out was verified before.
    isClientKnown && reading.clientNode?.uri === null ? null : verifyClientNode(order, reading.clientNode),
    verifyLease(advanced),
    verifyAmountPaid(advanced),
  ].filter((check) => check !== null)
  const next: Order = {
    ...advanced,
    refund: state === 'COMPLETED' ? withoutOfferOfRefund(refund) : refund,
    checks: withLaterChecks(advanced.checks, later),
  }
  return progress(order, next, now)
}

/** The LSP answered that it does not know the order. Its payment is withheld until a report of the order. */
export function notFound(order: Order, now: EpochMs): Progress {
  return progress(
    order,
    {
      ...order,
      state: lapsedState(order, now),
      lspState: NOT_FOUND,
      notFoundAt: order.notFoundAt ?? now,
      checkedAt: now,
    },
    now,
  )
}

/** The LSP gave no usable answer: only the time moves the order. `problem`: in the event. */
export function unanswered(order: Order, problem: string, now: EpochMs): Progress {
  const state = lapsedState(order, now)
  if (state === order.state) return { order, changes: [] }
  const { order: next } = progress(order, { ...order, state }, now)
  return {
    order: next,
    changes: [changeOf('EXPIRED_UNREPORTED', `not paid in time, and the LSP gave no report: ${problem}`, problem)],
  }
}

/** `lspState` of an order that its LSP does not know. */
const NOT_FOUND = 'NOT_FOUND'

function lapsedState({ state, expiresAt, paymentSeenAt }: Order, now: EpochMs): OrderState {
  const isLapsed = expiresAt !== null && expiresAt <= now
  return state === 'AWAITING_PAYMENT' && isLapsed && paymentSeenAt === null ? 'EXPIRED' : state
}

function progress(before: Order, after: Order, now: EpochMs): Progress {
  const wasEnded = isEnded(before.state) && !isClaimOfImport(before)
  const ended = after.endedAt === undefined && (wasEnded || isEnded(after.state)) ? { endedAt: now } : {}
  const changes = describeChanges(before, after)
  return { order: { ...after, ...ended, ...(changes.length === 0 ? {} : { updatedAt: now }) }, changes }
}

/** The state is only what an imported document says, which may be forged. A gateway that ended the order exports `endedAt`. */
function isClaimOfImport(order: Order): boolean {
  return isUnverifiedImport(order) && order.endedAt === undefined
}

/** What was paid for the channel that stands is not to be had back. */
function withoutOfferOfRefund(refund: Refund | null): Refund | null {
  return refund?.state === 'AVAILABLE' ? null : refund
}

/**
 * No LSP begins a channel before it has the payment. ThunderStack calls a payment Failed once its channel has failed, so
 * that a slow poll sees no other sign.
 */
function impliesPayment(order: Order, { channel }: OrderReading): boolean {
  return channel !== null && !isFree(order)
}

/** Nothing was asked for it when it was ordered. */
function isFree(order: Order): boolean {
  return order.orderTotalSat === 0 && optionsOf(order.payment).length === 0 && !order.paymentUnconfirmed
}

type NextPayment = Pick<Order, 'payment' | 'paymentWarning'> &
  Partial<Pick<Order, 'checks' | 'paymentUnconfirmed' | 'feeTotalSat' | 'orderTotalSat'>>

/**
 * The payment options move their states. What is to be paid, and for what, must not change under a wallet's hands: once it
 * is not what was checked and agreed to, nothing of the order is payable any more.
 */
function nextPayment(
  order: Order,
  reading: OrderReading,
  terms: ChannelTerms,
  paid: boolean,
  now: EpochMs,
): NextPayment {
  const { payment: read } = reading
  const problem = optionsOf(order.payment).some(isSettled) ? null : offerProblem(order, reading, terms)
  const payment = moveOptions(problem === null ? order.payment : withoutOffer(order.payment), read, paid, now)
  return {
    payment,
    paymentWarning:
      problem ?? (takesBack(order.payment, read) ? 'the LSP takes back that it was paid' : order.paymentWarning),
  }
}

const REPLACED = 'the LSP replaced what is to be paid by something else'

/**
 * The answer is about something else that is to be paid, which may be another's order under the same id: nothing else
 * that it says is believed of this one.
 */
function withheld(order: Order, { lspState }: OrderReading, now: EpochMs): Progress {
  const next: Order = {
    ...order,
    state: lapsedState(order, now),
    payment: withoutOffer(order.payment),
    paymentWarning: REPLACED,
    lspState,
    checkedAt: now,
    notFoundAt: null,
  }
  return progress(order, next, now)
}

function offerProblem(order: Order, reading: OrderReading, terms: ChannelTerms): string | null {
  const { payment: read, jit } = reading
  if (read !== null && replacesBoth(order, read, terms)) return REPLACED
  if (order.jit !== null && jit !== null && isWorse(order.jit, jit))
    return 'the LSP changed what a first payment is charged for the channel, or which node it goes to'
  const client = verifyClientNode(order, reading.clientNode)
  if (client?.verdict === 'FAILED') return `the LSP reports the channel for another node: ${client.message}`
  const verified = verifyAsset(order.request.asset, reading.asset && assetAfter(order.asset, reading.asset))
  if (reading.asset !== null && verified?.verdict === 'FAILED') return 'the LSP changed the asset of the channel'
  const [agreedSat, priceSat] = [order.asset?.priceSat ?? null, reading.asset?.priceSat ?? null]
  if (agreedSat !== null && priceSat !== null && agreedSat !== priceSat)
    return `the LSP changed the price of the asset from ${agreedSat} sat to ${priceSat} sat`
  if (read !== null && isFree(order) && (cheapestOf(read)?.orderTotalSat ?? 0) > 0)
    return 'the LSP asks to be paid for what was free'
  if (verifyTerms(termsOf(order.request), terms).verdict === 'FAILED') return "the LSP changed the channel's terms"
  return worseTerms(order.terms, terms)
}

/** The failed check of an asset that is less than requested by this report; also after the payment. */
function worseAsset(order: Order, reading: OrderReading, asset: OrderAsset | null): Check[] {
  const check = reading.asset === null ? null : verifyAsset(order.request.asset, asset)
  return check?.verdict === 'FAILED' ? [check] : []
}

/** Whether the options differ from the known ones, both as the LSP reports them and without the price of the asset. */
function replacesBoth(order: Order, read: PaymentOptions<ReadPaymentState>, terms: ChannelTerms): boolean {
  const parts = { clientBalanceSat: terms.clientBalanceSat, assetPriceSat: order.asset?.priceSat ?? null }
  return replacesOffer(order.payment, read) && replacesOffer(order.payment, withLiquidityFees(read, parts))
}

/**
 * The first time that an LSP says what is to be paid: for an order which began elsewhere, or whose first answer did
 * not say.
 */
function confirmedPayment(
  order: Order,
  reading: OrderReading,
  read: PaymentOptions<ReadPaymentState>,
  terms: ChannelTerms,
  paid: boolean,
  lsp: LspFacts,
  now: EpochMs,
): NextPayment {
  const { payment, checks, free } = verifyOffer(read, {
    ...lsp,
    lspPubkeys: [...lsp.lspPubkeys, ...reading.lspNodeUris.flatMap((uri) => pubkeyOfUri(uri) ?? [])],
    clientBalanceSat: terms.clientBalanceSat,
    ...(buysAsset(order.request.asset) ? { boughtAsset: { priceSat: reading.asset?.priceSat ?? null } } : {}),
    free: reading.free,
    orderExpiresAt: reading.expiresAt ?? order.expiresAt,
    refundOnchainAddress: order.request.refundOnchainAddress,
    // An invoice that was paid long ago has expired since; one that was not is found expired below.
    now: Math.min(order.createdAt, now),
  })
  const asset = verifyAsset(order.request.asset, reading.asset)
  const client = verifyClientNode(order, reading.clientNode)
  const all = [
    ...checks,
    verifyTerms(termsOf(order.request), terms),
    ...[client, asset].filter((check) => check !== null),
  ]
  const distrust = distrustOf(all) ?? worseTerms(order.terms, terms)
  const offered = distrust !== null || payment === null ? NO_PAYMENT : payment
  const maximums = maximumsOf(order)
  const within = withinMaximums(offered, maximums)
  // An option that was paid is history, at whatever price.
  const agreed = mapOptions(moveOptions(offered, read, paid, now), (option, method) =>
    isSettled(option) || within[method] !== null ? option : null,
  )
  const cheapest = cheapestOf(read)
  // A channel with an agreed price is not free.
  const isStillFree = free && order.orderTotalSat === 0
  const isTooDear = distrust === null && cheapest !== null && optionsOf(agreed).length === 0
  return {
    payment: agreed,
    paymentWarning: isTooDear
      ? `the LSP now asks ${cheapest.orderTotalSat} sat, more than you agreed to`
      : free && !isStillFree && !paid
        ? `the LSP states that nothing is to be paid, but the price was ${order.orderTotalSat} sat`
        : distrust,
    checks: [...all, ...maximumChecks(offered, maximums)],
    paymentUnconfirmed: false,
    ...(isStillFree && distrust === null ? { feeTotalSat: ZERO_SAT, orderTotalSat: ZERO_SAT } : {}),
  }
}

function isWorse(known: JitChannel, told: JitChannel): boolean {
  return (
    (told.feePerPaymentSat ?? 0) > (known.feePerPaymentSat ?? 0) ||
    (known.nodeId !== null && told.nodeId !== null && told.nodeId !== known.nodeId)
  )
}

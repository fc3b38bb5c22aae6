import { expectedSum, liquidityFeeSat, sumText, withLiquidityFees } from './asset-price.ts'
import { decodeOffer, OfferError, type DecodedOffer } from './bolt12.ts'
import { failedChecks, reportTo, type Check, type Report } from './checks.ts'
import { decodeInvoice, InvoiceError, type DecodedInvoice } from './invoice.ts'
import { routeHintFeeSat, verifyFallbacks, verifyFinalCltv } from './invoice-checks.ts'
import { msatOf, type Sat } from './money.ts'
import { verifyOnchainOption, type OnchainContext } from './onchain-offer.ts'
import type { Bolt11Option, Bolt12Option, OnchainOption, PaymentState, PaymentOptions } from './order.ts'
import {
  endsOf,
  METHODS,
  type Payment,
  type VerifiedBolt11,
  type VerifiedBolt12,
  type VerifiedOnchain,
} from './payment.ts'
import type { ReadPaymentState } from './reading.ts'
import { SECOND_MS, type EpochMs } from './time.ts'

export { CHECK_VERDICTS, distrustOf, failedChecks, type Check, type CheckCode, type CheckVerdict } from './checks.ts'
export { verifyAsset, verifyTerms } from './terms.ts'

// No LSP is believed without a check: only `verifyOffer` makes payment options of what an LSP says, and of an offer whose
// figures do not add up it makes none.

export interface OfferContext extends OnchainContext {
  clientBalanceSat: Sat
  /** Absent: the client buys no asset. `priceSat`: what the LSP reports that it costs; null: it reports nothing. */
  boughtAsset?: { priceSat: Sat | null }
  /** The LSP states that there is nothing to pay. */
  free: boolean
  /** The LSP's nodes, as far as they are known. */
  lspPubkeys: readonly string[]
  /** When the order lapses by the LSP's word; null when only the payment options say. */
  orderExpiresAt: EpochMs | null
  now: EpochMs
}

export interface VerifiedOffer {
  /** null when a check that blocks has failed. A option may be withheld for want of a refund address or an end. */
  payment: Payment | null
  /** The LSP asks for nothing. */
  free: boolean
  checks: readonly Check[]
}

/**
 * Checks every payment option that an LSP offers. Sums, amounts, networks and addresses block; who signed the
 * invoice is only worth a warning, since some LSPs are paid through another node.
 */
export function verifyOffer(reported: PaymentOptions<ReadPaymentState>, context: OfferContext): VerifiedOffer {
  const checks: Check[] = []
  if (context.free) return freeOffer(context)
  const parts = { clientBalanceSat: context.clientBalanceSat, assetPriceSat: context.boughtAsset?.priceSat ?? null }
  if ((reported.bolt11 ?? reported.bolt12 ?? reported.onchain) === null)
    reportTo(checks)(
      'FEE_ADDS_UP',
      'FAILED',
      'the LSP offers no payment option, and does not state that the channel is free',
    )

  for (const [kind, option] of Object.entries(reported) as [
    keyof Payment,
    PaymentOptions<ReadPaymentState>['bolt12'],
  ][]) {
    if (option === null) continue
    // A channel that costs nothing has no payment option.
    const isSum = liquidityFeeSat(option, parts) !== null && option.orderTotalSat > 0
    reportTo(checks, METHODS[kind])('FEE_ADDS_UP', isSum ? 'PASSED' : 'FAILED', `${kind}: ${sumText(option, parts)}`, {
      expected: expectedSum(option, parts),
      actual: `${option.orderTotalSat} sat`,
    })
  }
  if (context.boughtAsset?.priceSat === null)
    reportTo(checks)('FEE_ADDS_UP', 'WARNING', 'the LSP does not report the price of the asset; the fee may contain it')

  const options = withLiquidityFees(reported, parts)
  const onInvoice = reportTo(checks, 'BOLT11')
  const invoice = options.bolt11 && decodedInvoice(options.bolt11.invoice, onInvoice)
  const bolt11 = options.bolt11 && invoice && verifyBolt11(options.bolt11, invoice, context, onInvoice)
  const bolt12 = options.bolt12 && verifyBolt12(options.bolt12, context, reportTo(checks, 'BOLT12'))
  const onchain =
    options.onchain && verifyOnchain(options.onchain, context, bolt11?.expiresAt ?? null, reportTo(checks, 'ONCHAIN'))
  if (invoice) verifyFallbacks(invoice, onchain?.address ?? null, onInvoice)

  return { payment: failedChecks(checks) === null ? { bolt11, bolt12, onchain } : null, free: false, checks }
}

/** Of a free channel nothing is payable. The client always pays for its own balance, and for assets that it buys. */
function freeOffer({ clientBalanceSat, boughtAsset }: OfferContext): VerifiedOffer {
  const isAssetFree = boughtAsset === undefined || boughtAsset.priceSat === 0
  if (clientBalanceSat === 0 && isAssetFree)
    return { payment: { bolt11: null, bolt12: null, onchain: null }, free: true, checks: [] }
  const asset = isAssetFree
    ? ''
    : ` and the client buys an asset for ${boughtAsset.priceSat ?? 'an unknown price in'} sat`
  const message = `the LSP asks for nothing, although the client balance is ${clientBalanceSat}${asset}`
  const expected = `at least client balance ${clientBalanceSat} + asset price ${boughtAsset?.priceSat ?? 0} sat`
  return {
    payment: null,
    free: false,
    checks: [{ code: 'FEE_ADDS_UP', verdict: 'FAILED', message, expected, actual: '0 sat' }],
  }
}

const iso = (time: EpochMs) => new Date(time).toISOString()

function decodedInvoice(text: string, report: Report): DecodedInvoice | null {
  try {
    const invoice = decodeInvoice(text)
    report('INVOICE_DECODES', 'PASSED', `signed by ${invoice.payeePubkey}`, { actual: invoice.payeePubkey })
    return invoice
  } catch (error) {
    const problem = error instanceof InvoiceError ? error.message : 'the invoice does not decode'
    report('INVOICE_DECODES', 'FAILED', problem, { expected: 'a valid invoice', actual: problem })
    return null
  }
}

function verifyBolt11(
  option: Bolt11Option<ReadPaymentState>,
  invoice: DecodedInvoice,
  context: OfferContext,
  report: Report,
): VerifiedBolt11 {
  const wantedMsat = msatOf(option.orderTotalSat)
  report(
    'INVOICE_AMOUNT',
    invoice.amountMsat === wantedMsat ? 'PASSED' : 'FAILED',
    `invoice ${invoice.amountMsat ?? 'without amount'} msat, order total ${wantedMsat} msat`,
    {
      expected: `${wantedMsat} msat`,
      actual: invoice.amountMsat === null ? 'no amount' : `${invoice.amountMsat} msat`,
    },
  )
  report(
    'INVOICE_NETWORK',
    invoice.networks.includes(context.network) ? 'PASSED' : 'FAILED',
    `invoice ${invoice.networks.join(' or ') || 'of an unknown network'}, LSP ${context.network}`,
    { expected: context.network, actual: invoice.networks.join(' or ') || 'unknown' },
  )
  report(
    'INVOICE_NOT_EXPIRED',
    invoice.expiresAt > context.now ? 'PASSED' : 'FAILED',
    `invoice expires ${iso(invoice.expiresAt)}`,
    { expected: `later than ${iso(context.now)}`, actual: iso(invoice.expiresAt) },
  )
  const orderEndsAt = context.orderExpiresAt ?? option.expiresAt
  if (orderEndsAt !== null) {
    // An invoice counts its life in whole seconds.
    const isLater = invoice.expiresAt >= orderEndsAt + SECOND_MS
    report(
      'INVOICE_ENDS_WITH_ORDER',
      isLater ? 'WARNING' : 'PASSED',
      `invoice expires ${iso(invoice.expiresAt)}, order ${iso(orderEndsAt)}`,
      { expected: iso(orderEndsAt), actual: iso(invoice.expiresAt) },
    )
  }
  if (context.lspPubkeys.length > 0) {
    const nodes = [...new Set(context.lspPubkeys)].join(', ')
    report(
      'INVOICE_PAYEE',
      context.lspPubkeys.includes(invoice.payeePubkey) ? 'PASSED' : 'WARNING',
      `invoice signed by ${invoice.payeePubkey}, LSP's nodes ${nodes}`,
      { expected: nodes, actual: invoice.payeePubkey },
    )
  }
  verifyFinalCltv(invoice, report)
  const hintFeeSat = routeHintFeeSat(invoice, wantedMsat, report)
  return {
    ...option,
    state: offeredState(option.state),
    ...(hintFeeSat > 0 ? { routeHintFeeSat: hintFeeSat } : {}),
    expiresAt: earliest(invoice.expiresAt, option.expiresAt, context.orderExpiresAt) ?? invoice.expiresAt,
    paymentHash: invoice.paymentHash,
    payeePubkey: invoice.payeePubkey,
  }
}

/** An offer whose end nobody tells is not handed out: a wallet could not know when to stop paying it. */
function verifyBolt12(
  option: Bolt12Option<ReadPaymentState>,
  context: OfferContext,
  report: Report,
): VerifiedBolt12 | null {
  let offer: DecodedOffer
  try {
    offer = decodeOffer(option.offer)
  } catch (error) {
    const problem = error instanceof OfferError ? error.message : 'the offer does not decode'
    report('OFFER_DECODES', 'FAILED', problem, { expected: 'a valid offer', actual: problem })
    return null
  }
  report('OFFER_DECODES', 'PASSED', 'an offer of BOLT 12')
  const wantedMsat = msatOf(option.orderTotalSat)
  // Without an amount, it is the wallet that says how much: the total that it is shown.
  const isAmount = offer.currency === null && offer.amount === wantedMsat
  report(
    'OFFER_AMOUNT',
    isAmount ? 'PASSED' : offer.amount === null ? 'WARNING' : 'FAILED',
    `offer ${offer.amount ?? 'without amount'} ${offer.currency ?? 'msat'}, order total ${wantedMsat} msat`,
    {
      expected: `${wantedMsat} msat`,
      actual: offer.amount === null ? 'no amount' : `${offer.amount} ${offer.currency ?? 'msat'}`,
    },
  )
  report(
    'OFFER_NETWORK',
    offer.networks.includes(context.network) ? 'PASSED' : 'FAILED',
    `offer ${offer.networks.join(' or ') || 'of an unknown network'}, LSP ${context.network}`,
    { expected: context.network, actual: offer.networks.join(' or ') || 'unknown' },
  )
  const isOver = offer.expiresAt !== null && offer.expiresAt <= context.now
  report(
    'OFFER_NOT_EXPIRED',
    isOver ? 'FAILED' : 'PASSED',
    offer.expiresAt === null ? 'the offer names no end' : `offer expires ${iso(offer.expiresAt)}`,
    {
      expected: `later than ${iso(context.now)}`,
      actual: offer.expiresAt === null ? 'no end' : iso(offer.expiresAt),
    },
  )
  const expiresAt = earliest(option.expiresAt, context.orderExpiresAt, offer.expiresAt)
  return expiresAt === null ? null : { ...option, state: offeredState(option.state), expiresAt }
}

function earliest(...times: readonly (EpochMs | null)[]): EpochMs | null {
  const told = times.filter((time) => time !== null)
  return told.length === 0 ? null : Math.min(...told)
}

function verifyOnchain(
  option: OnchainOption<ReadPaymentState>,
  context: OfferContext,
  invoiceExpiresAt: EpochMs | null,
  report: Report,
): VerifiedOnchain | null {
  const refund = verifyOnchainOption(option, context, report)
  const expiresAt = earliest(option.expiresAt, context.orderExpiresAt) ?? invoiceExpiresAt
  if (refund === null || expiresAt === null) return null
  const { uri: _, ...offered } = option
  return { ...offered, ...refund, state: offeredState(option.state), expiresAt }
}

/** In an offer nothing was paid yet, so a option that reads as refunded has only lapsed. */
function offeredState(state: ReadPaymentState): PaymentState {
  return state === 'REFUNDED_OR_LAPSED' ? 'EXPIRED' : state
}

/** Until when all of the offer stands; null when there is nothing to pay, or nothing of it is believed. */
export function offerEndsAt({ payment }: VerifiedOffer): EpochMs | null {
  return (payment && endsOf(payment)?.first) ?? null
}

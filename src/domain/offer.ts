import { addressProblem, isSameAddress, type AddressKinds } from './address.ts'
import { readPaymentUri, writePaymentUri } from './bip21.ts'
import { decodeOffer, OfferError, type DecodedOffer } from './bolt12.ts'
import { decodeInvoice, InvoiceError, type DecodedInvoice } from './invoice.ts'
import type { Network } from './lsp.ts'
import { msatOf, type Sat } from './money.ts'
import type { Bolt11Option, Bolt12Option, OnchainOption, OrderAsset, PaymentState, PaymentOptions } from './order.ts'
import { endsOf, type Payment, type VerifiedBolt11, type VerifiedBolt12, type VerifiedOnchain } from './payment.ts'
import type { ReadPaymentState } from './reading.ts'
import { termDifferences, type AssetRequest, type ChannelTerms } from './request.ts'
import { SECOND_MS, type EpochMs } from './time.ts'

// No LSP is believed without a check: only `verifyOffer` makes payment options of what an LSP says, and of an offer whose
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
  'OFFER_DECODES',
  'OFFER_AMOUNT',
  'OFFER_NETWORK',
  'OFFER_NOT_EXPIRED',
  'OFFER_IS_NEW',
  'ONCHAIN_ADDRESS',
  'ONCHAIN_ADDRESS_IS_NEW',
  'BIP21_AMOUNT',
  'REFUND_ADDRESS',
  'TERMS_ECHOED',
  'ASSET_ECHOED',
  'ORDER_ID_IS_NEW',
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

export interface OfferContext {
  network: Network
  /** Of the LSP's address and of the refund address. */
  addressKinds: AddressKinds
  clientBalanceSat: Sat
  /** The LSP's nodes, as far as they are known. */
  lspPubkeys: readonly string[]
  /** When the order lapses by the LSP's word; null when only the payment options say. */
  orderExpiresAt: EpochMs | null
  /** An on-chain option is offered only where a refund could be sent back. */
  refundOnchainAddress: string | null
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
export function verifyOffer(options: PaymentOptions<ReadPaymentState>, context: OfferContext): VerifiedOffer {
  const checks: Check[] = []
  const report = (name: CheckName, verdict: CheckVerdict, message: string) => checks.push({ name, verdict, message })

  for (const [kind, option] of Object.entries(options) as [string, PaymentOptions<ReadPaymentState>['bolt12']][]) {
    if (option === null) continue
    // A plain number: a fee that is too much for any sum is a failed check, not an error.
    const sum = option.feeTotalSat + context.clientBalanceSat
    // A channel that costs nothing has no payment option.
    const isSum = sum === option.orderTotalSat && sum > 0
    report(
      'FEE_ADDS_UP',
      isSum ? 'PASSED' : 'FAILED',
      `${kind}: fee ${option.feeTotalSat} + client balance ${context.clientBalanceSat} = ${sum}, order total ${option.orderTotalSat}`,
    )
  }

  const bolt11 = options.bolt11 && verifyBolt11(options.bolt11, context, report)
  const bolt12 = options.bolt12 && verifyBolt12(options.bolt12, context, report)
  const onchain = options.onchain && verifyOnchain(options.onchain, context, bolt11?.expiresAt ?? null, report)

  const free = (options.bolt11 ?? options.bolt12 ?? options.onchain) === null
  return { payment: failedChecks(checks) === null ? { bolt11, bolt12, onchain } : null, free, checks }
}

/** Who else was asked to pay to the same hash or address. */
export type OtherPayer = 'NOBODY' | 'SAME_ORDER' | 'ANOTHER_ORDER'

/**
 * The offer without what another order is to be paid by as well: of two that are paid alike, an LSP delivers one at
 * most. An invoice that is another's discredits all of it.
 */
export function withoutShared(
  offer: VerifiedOffer,
  others: { hash: OtherPayer; offer: OtherPayer; address: OtherPayer },
): VerifiedOffer {
  if (offer.payment === null) return offer
  const { bolt11, bolt12, onchain } = offer.payment
  const checks: Check[] = []
  if (bolt11 !== null) {
    const verdict = { NOBODY: 'PASSED', SAME_ORDER: 'WARNING', ANOTHER_ORDER: 'FAILED' } as const
    checks.push({
      name: 'PAYMENT_HASH_IS_NEW',
      verdict: verdict[others.hash],
      message: `${SHARED[others.hash]} to the payment hash ${bolt11.paymentHash}`,
    })
  }
  if (bolt12 !== null)
    checks.push({
      name: 'OFFER_IS_NEW',
      verdict: others.offer === 'NOBODY' ? 'PASSED' : 'WARNING',
      message: `${SHARED[others.offer]} by the offer`,
    })
  if (onchain !== null)
    checks.push({
      name: 'ONCHAIN_ADDRESS_IS_NEW',
      verdict: others.address === 'NOBODY' ? 'PASSED' : 'WARNING',
      message: `${SHARED[others.address]} to the address`,
    })
  const isDiscredited = bolt11 !== null && others.hash === 'ANOTHER_ORDER'
  return {
    ...offer,
    payment: isDiscredited
      ? null
      : {
          bolt11,
          bolt12: others.offer === 'ANOTHER_ORDER' ? null : bolt12,
          onchain: others.address === 'ANOTHER_ORDER' ? null : onchain,
        },
    checks: [...offer.checks, ...checks],
  }
}

/** The offer where the LSP has given its id to another order too: of the two, nobody can tell which one was paid. */
export function withoutName(offer: VerifiedOffer, lspOrderId: string): VerifiedOffer {
  return {
    ...offer,
    payment: null,
    checks: [
      ...offer.checks,
      { name: 'ORDER_ID_IS_NEW', verdict: 'FAILED', message: `the LSP calls another order ${lspOrderId}, too` },
    ],
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
export function verifyTerms(asked: ChannelTerms, delivered: ChannelTerms): Check {
  const differences = termDifferences(asked, delivered).map(
    ({ name, from, to }) => `${name}: asked for ${from}, answered ${to}`,
  )
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

/**
 * An RGB channel is bought for its asset: another one, less of it, or more of the client's own, is not what was asked
 * for. null where no asset is. Some protocols do not repeat it.
 */
export function verifyAsset(asked: AssetRequest | null, told: OrderAsset | null): Check | null {
  if (told === null)
    return asked
      ? {
          name: 'ASSET_ECHOED',
          verdict: 'WARNING',
          message: `asked for ${asked.assetId}; the LSP does not repeat the asset`,
        }
      : null
  const isLess = asked !== null && told.lspAmount !== null && BigInt(told.lspAmount) < BigInt(asked.lspAmount)
  const isMore =
    asked !== null && told.clientAmount !== null && BigInt(told.clientAmount) > BigInt(asked.clientAmount ?? 0)
  const isSame = asked?.assetId === told.assetId && !isLess && !isMore
  const words = (asset: AssetRequest | OrderAsset | null) =>
    asset === null
      ? 'no asset'
      : `${asset.lspAmount ?? 'an amount'} of ${asset.assetId}, ${asset.clientAmount ?? 'none'} of them the client's`
  return {
    name: 'ASSET_ECHOED',
    verdict: isSame ? 'PASSED' : 'FAILED',
    message: `asked for ${words(asked)}; answered ${words(told)}`,
  }
}

const iso = (time: EpochMs) => new Date(time).toISOString()

type Report = (name: CheckName, verdict: CheckVerdict, message: string) => void

function verifyBolt11(
  option: Bolt11Option<ReadPaymentState>,
  context: OfferContext,
  report: Report,
): VerifiedBolt11 | null {
  let invoice: DecodedInvoice
  try {
    invoice = decodeInvoice(option.invoice)
  } catch (error) {
    report('INVOICE_DECODES', 'FAILED', error instanceof InvoiceError ? error.message : 'the invoice does not decode')
    return null
  }
  report('INVOICE_DECODES', 'PASSED', `signed by ${invoice.payeePubkey}`)

  const wantedMsat = msatOf(option.orderTotalSat)
  report(
    'INVOICE_AMOUNT',
    invoice.amountMsat === wantedMsat ? 'PASSED' : 'FAILED',
    `invoice ${invoice.amountMsat ?? 'without amount'} msat, order total ${wantedMsat} msat`,
  )
  report(
    'INVOICE_NETWORK',
    invoice.networks.includes(context.network) ? 'PASSED' : 'FAILED',
    `invoice ${invoice.networks.join(' or ') || 'of an unknown network'}, LSP ${context.network}`,
  )
  report(
    'INVOICE_NOT_EXPIRED',
    invoice.expiresAt > context.now ? 'PASSED' : 'FAILED',
    `invoice expires ${iso(invoice.expiresAt)}`,
  )
  const orderEndsAt = context.orderExpiresAt ?? option.expiresAt
  if (orderEndsAt !== null) {
    // An invoice counts its life in whole seconds.
    const isLater = invoice.expiresAt >= orderEndsAt + SECOND_MS
    report(
      'INVOICE_ENDS_WITH_ORDER',
      isLater ? 'WARNING' : 'PASSED',
      `invoice expires ${iso(invoice.expiresAt)}, order ${iso(orderEndsAt)}`,
    )
  }
  if (context.lspPubkeys.length > 0) {
    report(
      'INVOICE_PAYEE',
      context.lspPubkeys.includes(invoice.payeePubkey) ? 'PASSED' : 'WARNING',
      `invoice signed by ${invoice.payeePubkey}, LSP's nodes ${context.lspPubkeys.join(', ')}`,
    )
  }
  return {
    ...option,
    state: offeredState(option.state),
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
    report('OFFER_DECODES', 'FAILED', error instanceof OfferError ? error.message : 'the offer does not decode')
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
  )
  report(
    'OFFER_NETWORK',
    offer.networks.includes(context.network) ? 'PASSED' : 'FAILED',
    `offer ${offer.networks.join(' or ') || 'of an unknown network'}, LSP ${context.network}`,
  )
  const isOver = offer.expiresAt !== null && offer.expiresAt <= context.now
  report(
    'OFFER_NOT_EXPIRED',
    isOver ? 'FAILED' : 'PASSED',
    offer.expiresAt === null ? 'the offer names no end' : `offer expires ${iso(offer.expiresAt)}`,
  )
  const expiresAt = earliest(option.expiresAt, context.orderExpiresAt, offer.expiresAt)
  return expiresAt === null ? null : { ...option, state: offeredState(option.state), expiresAt }
}

function earliest(...times: readonly (EpochMs | null)[]): EpochMs | null {
  const told = times.filter((time) => time !== null)
  return told.length === 0 ? null : Math.min(...told)
}

function verifyOnchain(
  { uri, ...option }: OnchainOption<ReadPaymentState>,
  context: OfferContext,
  invoiceExpiresAt: EpochMs | null,
  report: Report,
): VerifiedOnchain | null {
  const problem = addressProblem(option.address, context.network, context.addressKinds)
  report(
    'ONCHAIN_ADDRESS',
    problem === null ? 'PASSED' : 'FAILED',
    problem === null ? `an address of ${context.network}` : `${problem}, LSP ${context.network}`,
  )
  verifyUri(
    uri ?? writePaymentUri({ address: option.address, amountSat: option.orderTotalSat, invoice: null, offer: null }),
    option,
    report,
  )
  const expiresAt = earliest(option.expiresAt, context.orderExpiresAt) ?? invoiceExpiresAt
  const { refundOnchainAddress } = context
  if (expiresAt === null || refundOnchainAddress === null || !refundsTo(refundOnchainAddress, option, context, report))
    return null
  return { ...option, state: offeredState(option.state), expiresAt, refundOnchainAddress }
}

function verifyUri(uri: string, { address, orderTotalSat }: OnchainOption<ReadPaymentState>, report: Report): void {
  const told = readPaymentUri(uri)
  const isSame = told?.address === address && (told.amountSat ?? orderTotalSat) === orderTotalSat
  report(
    'BIP21_AMOUNT',
    isSame ? 'PASSED' : 'FAILED',
    `the URI asks for ${told?.amountSat ?? 'no amount of'} sat, order total ${orderTotalSat} sat`,
  )
}

/** Where an LSP would send a refund elsewhere, nothing is to be paid that only a refund brings back. */
function refundsTo(
  given: string,
  { refundOnchainAddress: told }: OnchainOption<ReadPaymentState>,
  { network, addressKinds }: OfferContext,
  report: Report,
): boolean {
  const isSame = told === null || isSameAddress(told, given)
  const problem = addressProblem(given, network, addressKinds)
  report(
    'REFUND_ADDRESS',
    isSame && problem === null ? 'PASSED' : 'WARNING',
    isSame
      ? `given ${given}, ${problem ?? `an address of ${network}`}`
      : `given ${given}, the LSP repeats ${told}: on-chain payment is withheld`,
  )
  return isSame && problem === null
}

/** In an offer nothing was paid yet, so a option that reads as refunded has only lapsed. */
function offeredState(state: ReadPaymentState): PaymentState {
  return state === 'REFUNDED_OR_LAPSED' ? 'EXPIRED' : state
}

/** Until when all of the offer stands; null when there is nothing to pay, or nothing of it is believed. */
export function offerEndsAt({ payment }: VerifiedOffer): EpochMs | null {
  return (payment && endsOf(payment)?.first) ?? null
}

/** Why nothing of an offer is handed out; null where every check that blocks was passed. */
export function failedChecks(checks: readonly Check[]): string | null {
  return (
    checks.flatMap(({ name, verdict, message }) => (verdict === 'FAILED' ? [`${name}: ${message}`] : [])).join('; ') ||
    null
  )
}

/** The same, as a warning on an order. */
export function distrustOf(checks: readonly Check[]): string | null {
  const failed = failedChecks(checks)
  return failed && `what the LSP asks for fails a check: ${failed}`
}

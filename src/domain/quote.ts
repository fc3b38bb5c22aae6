import type { Check } from './offer.ts'
import type { QuoteNoteCode } from './messages/note-codes.ts'
import { addSat, msatOf, sat, type Sat } from './money.ts'
import type { PaymentMethod } from './payment.ts'
import type { ChannelRequest, ChannelTerms } from './request.ts'
import type { PriceFit } from './tariff-fit.ts'
import { BLOCKS_PER_YEAR, type EpochMs } from './time.ts'

export const PRICE_BASES = ['FIRM', 'ESTIMATED', 'COMPUTED', 'OBSERVED'] as const
export type PriceBasis = (typeof PRICE_BASES)[number]

export const FIRM_POLICIES = ['NEVER', 'WHEN_NEEDED', 'ALWAYS'] as const
export type FirmPolicy = (typeof FIRM_POLICIES)[number]

export const QUOTE_RANKINGS = ['TOTAL_FEE', 'ANNUAL_RATE', 'SPEED', 'RELIABILITY'] as const
export type QuoteRanking = (typeof QUOTE_RANKINGS)[number]

export type { QuoteNoteCode } from './messages/note-codes.ts'

export interface QuoteNote {
  code: QuoteNoteCode
  message: string
}

/** The asset side of the channel. Amounts are decimal strings of the asset's smallest unit. */
export interface QuoteAsset {
  assetId: string
  lspAmount: string
  clientAmount: string | null
  /** What the assets that the client buys cost. null: it buys none, or the LSP does not report the price. */
  priceSat: Sat | null
  /** The id of the LSP's quote for that price. */
  rfqId: string | null
}

/** The parts of the fee before a discount; null where the LSP reports none. */
export interface FeeBreakdown {
  setupFeeSat: Sat | null
  capacityFeeSat: Sat | null
  durationFeeSat: Sat | null
}

export interface FeeDiscount {
  /** Of the fee, from 0 to 1; null: the LSP names only a code. */
  fraction: number | null
  code: string | null
}

export interface Quote {
  id: string
  clientId: string
  lspId: string
  basis: PriceBasis
  /** The price of liquidity, without the price of a bought asset. */
  feeTotalSat: Sat
  /** What leaves the wallet: fee, client balance and the price of a bought asset. */
  orderTotalSat: Sat
  bolt11FeeTotalSat: Sat | null
  onchainFeeTotalSat: Sat | null
  /** Absent: the price by BOLT 12 is not known. */
  bolt12FeeTotalSat?: Sat | null
  /** The channel as the LSP would deliver it. */
  terms: ChannelTerms
  /** Absent in quotes of earlier versions, see `quoteAssetOf`. */
  asset?: QuoteAsset | null
  breakdown?: FeeBreakdown
  discount?: FeeDiscount
  /** How an ESTIMATED price was derived from other prices. Absent: it is the LSP's own. */
  fit?: PriceFit
  notes: readonly QuoteNote[]
  /** Of the offer behind a FIRM quote; empty otherwise, since there is nothing to check yet. */
  checks: readonly Check[]
  /** What was asked for, and would be ordered. */
  request: ChannelRequest
  /** The unpaid order at the LSP that stands behind a FIRM quote. */
  placementId: string | null
  createdAt: EpochMs
  observedAt: EpochMs | null
  expiresAt: EpochMs | null
}

/** The requested asset, with what is known of its price. */
export function quoteAssetOf({ asset, request }: Pick<Quote, 'asset' | 'request'>): QuoteAsset | null {
  return asset ?? (request.asset && { ...request.asset, priceSat: null })
}

export interface OptionPrice {
  method: PaymentMethod
  feeTotalSat: Sat
  orderTotalSat: Sat
}

/** The price of each payment option, cheapest first; empty: it is not known by option. */
export function optionPricesOf(quote: Quote): OptionPrice[] {
  const { bolt11FeeTotalSat, bolt12FeeTotalSat = null, onchainFeeTotalSat } = quote
  const besideSat = sat(quote.orderTotalSat - quote.feeTotalSat)
  const price = (method: PaymentMethod, feeTotalSat: Sat | null): OptionPrice[] =>
    feeTotalSat === null ? [] : [{ method, feeTotalSat, orderTotalSat: addSat(feeTotalSat, besideSat) }]
  return [
    ...price('BOLT11', bolt11FeeTotalSat),
    ...price('BOLT12', bolt12FeeTotalSat),
    ...price('ONCHAIN', onchainFeeTotalSat),
  ].toSorted((a, b) => a.feeTotalSat - b.feeTotalSat)
}

/** What was measured about an LSP; null where nothing was. */
export interface LspRecord {
  /** From payment to funding transaction: the median. */
  medianOpenMs: number | null
  /** Paid orders that ended with a channel, of all paid orders that ended. */
  succeeded: number
  ended: number
}

export const NO_RECORD: LspRecord = { medianOpenMs: null, succeeded: 0, ended: 0 }

type Priced = Pick<Quote, 'feeTotalSat' | 'terms'>

/** A channel without a balance of the LSP counts as 1 sat, so that its rates are numbers and rank last. */
const rateBaseSat = ({ terms }: Priced) => Math.max(1, terms.lspBalanceSat)

/** The fee as a percentage of the LSP's balance, for one year of 52 560 blocks. For people: never computed with. */
export function annualRatePercent(price: Priced): number {
  return (price.feeTotalSat / rateBaseSat(price)) * (BLOCKS_PER_YEAR / price.terms.channelExpiryBlocks) * 100
}

/** The fee per million satoshis of the LSP's balance. For people. */
export function feePpm(price: Priced): number {
  return (price.feeTotalSat / rateBaseSat(price)) * 1_000_000
}

/** Exact: compares fee / (balance × blocks) as cross products. */
function compareAnnualRates(a: Priced, b: Priced): number {
  const left = msatOf(a.feeTotalSat) * BigInt(rateBaseSat(b)) * BigInt(b.terms.channelExpiryBlocks)
  const right = msatOf(b.feeTotalSat) * BigInt(rateBaseSat(a)) * BigInt(a.terms.channelExpiryBlocks)
  return left < right ? -1 : left > right ? 1 : 0
}

function compareSpeed(a: LspRecord, b: LspRecord): number {
  if (a.medianOpenMs === null || b.medianOpenMs === null)
    return Number(a.medianOpenMs === null) - Number(b.medianOpenMs === null)
  return a.medianOpenMs - b.medianOpenMs
}

/** The share of orders that ended well; among equal shares the longer record is worth more. */
function compareReliability(a: LspRecord, b: LspRecord): number {
  if (a.ended === 0 || b.ended === 0) return Number(a.ended === 0) - Number(b.ended === 0)
  return b.succeeded * a.ended - a.succeeded * b.ended || b.ended - a.ended
}

/** Best first. Ties go by the fee, then by the LSP's id, so that the order is stable. */
export function rankQuotes(
  quotes: readonly Quote[],
  by: QuoteRanking,
  recordOf: (lspId: string) => LspRecord,
): Quote[] {
  const compare: Record<QuoteRanking, (a: Quote, b: Quote) => number> = {
    TOTAL_FEE: (a, b) => a.feeTotalSat - b.feeTotalSat,
    ANNUAL_RATE: compareAnnualRates,
    SPEED: (a, b) => compareSpeed(recordOf(a.lspId), recordOf(b.lspId)),
    RELIABILITY: (a, b) => compareReliability(recordOf(a.lspId), recordOf(b.lspId)),
  }
  return quotes.toSorted((a, b) => compare[by](a, b) || a.feeTotalSat - b.feeTotalSat || (a.lspId < b.lspId ? -1 : 1))
}

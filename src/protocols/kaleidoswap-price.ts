import { z } from 'zod'
import type { LspCall, Price } from './adapter.ts'
import { documentOf, ignored, optional, required } from './document.ts'
import { assetAmountField, jsonInteger, satField, shownIdField } from './fields.ts'
import { timeField } from './time-field.ts'
import { buysAsset } from '../domain/asset-price.ts'
import { LspFailure } from '../domain/failure.ts'
import { sat, type Sat } from '../domain/money.ts'
import type { AssetRequest, ChannelRequest } from '../domain/request.ts'
import type { EpochMs } from '../domain/time.ts'

// What a channel and a bought asset cost at Kaleidoswap: the fee estimate, and the market's quote of the asset (RFQ).

const SAT_PER_BITCOIN = 100_000_000n

// -- the market ------------------------------------------------------------------------------------------

const legDocument = documentOf({
  asset_id: required(shownIdField),
  amount: required(assetAmountField),
  layer: ignored,
  name: ignored,
  ticker: ignored,
  precision: ignored,
})

const marketQuoteDocument = documentOf({
  rfq_id: required(shownIdField),
  from_asset: required(legDocument),
  to_asset: required(legDocument),
  /** Smallest units of the asset for one bitcoin. */
  price: optional(assetAmountField),
  timestamp: optional(timeField),
  expires_at: optional(timeField),
  fee: ignored,
})
type MarketQuote = z.output<typeof marketQuoteDocument>

/** The LSP's quote for the assets that a client buys. */
export interface AssetQuote {
  rfqId: string
  /** null: the answer does not show whether its bitcoin amount is in satoshis or millisatoshis. */
  priceSat: Sat | null
  /** null: the LSP does not say. */
  expiresAt: EpochMs | null
}

/**
 * Requests a quote for the bought assets. It reserves nothing and may be repeated. null: the LSP has no market (0.1.0),
 * and decides whether it takes the order without a quote.
 * @throws LspFailure with the effect `none`: after it nothing is ordered
 */
export async function requestAssetQuote(call: LspCall, asset: AssetRequest): Promise<AssetQuote | null> {
  const quote = await marketQuote(call, asset).catch((error: unknown) => {
    if (!(error instanceof LspFailure)) throw error
    const { code, message, field, limit, retryAt, cause } = error
    if (code === 'UNSUPPORTED') return null
    throw new LspFailure(code, `the quote for the asset failed: ${message}`, { field, limit, retryAt, cause })
  })
  if (quote === null) return null
  const { from_asset: from, to_asset: to } = quote
  if (to.asset_id !== asset.assetId || BigInt(to.amount) < BigInt(asset.clientAmount ?? 0))
    throw new LspFailure(
      'UNTRUSTWORTHY',
      `requested a quote for ${asset.clientAmount} of ${asset.assetId}; the LSP answered with ${to.amount} of ${to.asset_id}`,
      { field: 'asset.clientAmount' },
    )
  return { rfqId: quote.rfq_id, priceSat: priceSatOf(from, to, quote.price), expiresAt: endOf(quote, call.now()) }
}

/** The LSP's clock may be off: a quote is not valid for longer than the LSP says from now on, and not over at once. */
function endOf({ timestamp, expires_at: end }: MarketQuote, now: EpochMs): EpochMs | null {
  if (end === null || timestamp === null || end <= timestamp) return end
  const ownEnd = now + (end - timestamp)
  return end <= now ? ownEnd : Math.min(end, ownEnd)
}

function marketQuote(call: LspCall, asset: AssetRequest): Promise<MarketQuote> {
  return call.http.exchange({
    method: 'POST',
    path: marketPath(call.url),
    isFromRoot: true,
    body: {
      from_asset: { asset_id: 'BTC', layer: 'BTC_LN' },
      to_asset: { asset_id: asset.assetId, layer: 'RGB_LN', amount: jsonInteger(asset.clientAmount ?? '0') },
    },
    isRepeatable: true,
    answer: marketQuoteDocument,
  })
}

/** The market is beside lsps1 in the documented path; a gateway in front may have another prefix. */
function marketPath(url: string): string {
  const { pathname } = new URL(url)
  return `${/^(.*)\/lsps1$/.exec(pathname)?.[1] ?? '/api/v1'}/market/quote`
}

/**
 * 0.2.0 says "smallest unit", and its example counts millisatoshis. The price shows which of the two an answer means:
 * the amount has to be between half and twice what the price makes of it, with one satoshi for rounding.
 */
function priceSatOf(from: MarketQuote['from_asset'], to: MarketQuote['to_asset'], price: string | null): Sat | null {
  if (price === null || BigInt(price) === 0n) return null
  const [amount, unitsPerBitcoin] = [BigInt(from.amount), BigInt(price)]
  /** Satoshis × unitsPerBitcoin. */
  const worth = BigInt(to.amount) * SAT_PER_BITCOIN
  const isCountedIn = (perSat: bigint) =>
    2n * amount * unitsPerBitcoin >= perSat * worth &&
    amount * unitsPerBitcoin <= perSat * (2n * worth + unitsPerBitcoin)
  const perSat = [1_000n, 1n].find(isCountedIn)
  // Rounded up: the wallet pays whole satoshis.
  return perSat === undefined ? null : satOrNull((amount + perSat - 1n) / perSat)
}

function satOrNull(value: bigint): Sat | null {
  try {
    return sat(Number(value))
  } catch {
    return null
  }
}

// -- the estimate ----------------------------------------------------------------------------------------

const fractionField = z.number().min(0).max(1)

export const estimateDocument = documentOf({
  total_fee: required(satField),
  setup_fee: optional(satField),
  capacity_fee: optional(satField),
  duration_fee: optional(satField),
  /** From 0 to 1. */
  applied_discount: optional(fractionField),
  discount_code: optional(shownIdField),
})
type Estimate = z.output<typeof estimateDocument>

/** null: the estimate does not show what the channel and the asset cost. `quote`: absent if the client has its own. */
export function priceOf(estimate: Estimate, request: ChannelRequest, quote: AssetQuote | null): Price | null {
  const details = { ...breakdownOf(estimate), ...discountOf(estimate), expiresAt: quote?.expiresAt ?? null }
  if (!buysAsset(request.asset)) return { ...details, feeTotalSat: estimate.total_fee }
  const rfqId = quote?.rfqId ?? request.asset?.rfqId ?? null
  const parts = totalParts(estimate, quote?.priceSat ?? null)
  return parts && { ...details, feeTotalSat: parts.feeSat, boughtAsset: { priceSat: parts.priceSat, rfqId } }
}

/** 0.2.0 folds the asset's price into `total_fee`, and the vendor's client has it beside: the three fees show which. */
function totalParts(estimate: Estimate, priceSat: Sat | null): { feeSat: Sat; priceSat: Sat } | null {
  const { total_fee: totalSat, setup_fee: setup, capacity_fee: capacity, duration_fee: duration } = estimate
  if (setup === null || capacity === null || duration === null) return null
  const listSat = setup + capacity + duration
  const isFee = (amount: number) => amount === listSat || isDiscounted(amount, listSat, estimate.applied_discount)
  if (priceSat !== null) {
    if (isFee(totalSat)) return { feeSat: totalSat, priceSat }
    return totalSat >= priceSat && isFee(totalSat - priceSat) ? { feeSat: sat(totalSat - priceSat), priceSat } : null
  }
  // With a discount, the rest of the total could be rounding.
  return totalSat > listSat && !estimate.applied_discount
    ? { feeSat: sat(listSat), priceSat: sat(totalSat - listSat) }
    : null
}

/** Whether this is the list price less the discount, rounded in whatever way. */
function isDiscounted(amount: number, listSat: number, discount: number | null): boolean {
  if (discount === null) return false
  const keptPpm = BigInt(1_000_000 - Math.round(discount * 1_000_000))
  const difference = BigInt(amount) * 1_000_000n - BigInt(listSat) * keptPpm
  return difference > -1_000_000n && difference < 1_000_000n
}

function breakdownOf(estimate: Estimate): Pick<Price, 'breakdown'> {
  const { setup_fee: setupFeeSat, capacity_fee: capacityFeeSat, duration_fee: durationFeeSat } = estimate
  return setupFeeSat === null && capacityFeeSat === null && durationFeeSat === null
    ? {}
    : { breakdown: { setupFeeSat, capacityFeeSat, durationFeeSat } }
}

function discountOf({ applied_discount: fraction, discount_code: code }: Estimate): Pick<Price, 'discount'> {
  return fraction === null && code === null ? {} : { discount: { fraction, code } }
}

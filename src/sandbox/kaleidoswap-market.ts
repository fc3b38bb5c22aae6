import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { SANDBOX_ASSET, UNITS_PER_BITCOIN, worthOf } from './asset.ts'
import { epochSeconds } from './documents.ts'
import { MINUTE_MS, type Clock, type EpochMs } from '../domain/time.ts'

const QUOTE_VALID_MS = MINUTE_MS
const MAX_QUOTES = 1_000

const LAYERS = [
  'BTC_L1',
  'BTC_LN',
  'BTC_SPARK',
  'BTC_ARKADE',
  'BTC_LIQUID',
  'BTC_CASHU',
  'RGB_L1',
  'RGB_LN',
  'TAPASS_L1',
  'TAPASS_LN',
  'LIQUID_LIQUID',
  'ARKADE_ARKADE',
  'SPARK_SPARK',
] as const

const leg = z.object({
  asset_id: z.string(),
  layer: z.enum(LAYERS),
  amount: z.number().int().positive().max(Number.MAX_SAFE_INTEGER).nullish(),
})
export const quoteRequest = z.object({ from_asset: leg, to_asset: leg })

/** The price of an asset, valid for a minute. */
interface AssetQuote {
  units: number
  expiresAt: EpochMs
}

/** Quotes the asset. An order that buys it needs the id of a quote. */
export class AssetMarket {
  readonly #clock: Pick<Clock, 'now'>
  readonly #quotes = new Map<string, AssetQuote>()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** Quotes the pair, or says why it cannot. Bitcoin amounts are millisatoshis here, as at the vendor. */
  quote({ from_asset, to_asset }: z.output<typeof quoteRequest>) {
    if (from_asset.layer !== 'BTC_LN' || to_asset.layer !== 'RGB_LN') return 'NO_ROUTE'
    if (from_asset.asset_id !== 'BTC' || to_asset.asset_id !== SANDBOX_ASSET.asset_id) return 'NO_PAIR'
    // A unit is worth a millisatoshi.
    const units = to_asset.amount ?? from_asset.amount
    if (!units) return 'NO_AMOUNT'
    const now = this.#clock.now()
    const rfqId = randomUUID()
    this.#quotes.set(rfqId, { units, expiresAt: now + QUOTE_VALID_MS })
    for (const oldest of this.#quotes.keys()) {
      if (this.#quotes.size <= MAX_QUOTES) break
      this.#quotes.delete(oldest)
    }
    const bitcoin = { asset_id: 'BTC', name: 'Bitcoin', ticker: 'BTC', precision: 8 }
    return {
      rfq_id: rfqId,
      from_asset: { ...bitcoin, layer: 'BTC_LN', amount: worthOf(units) * 1_000 },
      to_asset: {
        asset_id: SANDBOX_ASSET.asset_id,
        name: SANDBOX_ASSET.name,
        ticker: SANDBOX_ASSET.ticker,
        layer: 'RGB_LN',
        amount: units,
        precision: 6,
      },
      price: UNITS_PER_BITCOIN,
      fee: { base_fee: 0, variable_fee: 0, fee_rate: 0, final_fee: 0, fee_asset: 'BTC', fee_asset_precision: 8 },
      timestamp: epochSeconds(now),
      expires_at: epochSeconds(now + QUOTE_VALID_MS),
    }
  }

  /** The reason why this quote cannot be used for this amount of the asset; null when it can. */
  objectionTo(rfqId: string, units: number): string | null {
    const quote = this.#quotes.get(rfqId)
    if (!quote) return 'RFQ not found'
    if (this.#clock.now() >= quote.expiresAt) return 'RFQ has expired. Please request a new quote.'
    return quote.units === units ? null : `RFQ is for ${quote.units} units`
  }
}

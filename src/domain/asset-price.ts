import { sat, type Sat } from './money.ts'
import type { PaymentOptions } from './order.ts'
import type { AssetRequest } from './request.ts'

// The price of the asset that a client buys with its channel. Some LSPs report it inside the fee, and some beside it.
// The gateway reports it beside the fee: `feeTotalSat` is the price of liquidity, `orderTotalSat` leaves the wallet.

/** Whether the request buys assets. The LSP's own assets in the channel are not bought. */
export function buysAsset(asset: AssetRequest | null): boolean {
  return asset !== null && asset.clientAmount !== null && BigInt(asset.clientAmount) > 0n
}

interface Total {
  feeTotalSat: Sat
  orderTotalSat: Sat
}

interface TotalParts {
  clientBalanceSat: Sat
  /** null: the LSP does not report it. */
  assetPriceSat: Sat | null
}

/**
 * The price of liquidity in an LSP's total; null if the total is neither fee + client balance + asset price, nor
 * fee + client balance with the asset price inside the fee. Without a reported asset price it is the fee.
 */
export function liquidityFeeSat({ feeTotalSat, orderTotalSat }: Total, parts: TotalParts): Sat | null {
  const { clientBalanceSat, assetPriceSat } = parts
  const assetSat = assetPriceSat ?? 0
  if (feeTotalSat + clientBalanceSat + assetSat === orderTotalSat) return feeTotalSat
  const isInside = feeTotalSat + clientBalanceSat === orderTotalSat && feeTotalSat >= assetSat
  return isInside ? sat(feeTotalSat - assetSat) : null
}

/** The options with the asset price taken out of their fees. An option whose total does not add up stays as it is. */
export function withLiquidityFees<State>(options: PaymentOptions<State>, parts: TotalParts): PaymentOptions<State> {
  const apart = <Option extends Total>(option: Option | null): Option | null =>
    option && { ...option, feeTotalSat: liquidityFeeSat(option, parts) ?? option.feeTotalSat }
  return { bolt11: apart(options.bolt11), bolt12: apart(options.bolt12), onchain: apart(options.onchain) }
}

/** The expected total as text, with its parts. */
export function expectedSum({ feeTotalSat }: Total, { clientBalanceSat, assetPriceSat }: TotalParts): string {
  const sum = feeTotalSat + clientBalanceSat
  const parts = `fee ${feeTotalSat} + client balance ${clientBalanceSat}`
  return assetPriceSat === null || assetPriceSat === 0
    ? `${parts} = ${sum} sat`
    : `${parts} + asset price ${assetPriceSat} = ${sum + assetPriceSat} sat, or ${sum} sat if the fee contains the asset price`
}

/** The sum as it was checked, for people. */
export function sumText(
  { feeTotalSat, orderTotalSat }: Total,
  { clientBalanceSat, assetPriceSat }: TotalParts,
): string {
  const base = `fee ${feeTotalSat} + client balance ${clientBalanceSat}`
  const total = `order total ${orderTotalSat}`
  const sum = feeTotalSat + clientBalanceSat
  if (assetPriceSat === null || assetPriceSat === 0) return `${base} = ${sum}, ${total}`
  if (sum === orderTotalSat)
    return feeTotalSat >= assetPriceSat
      ? `${base} = ${sum}, ${total}; the fee contains the asset price ${assetPriceSat}`
      : `${base} = ${sum}, ${total}; the fee is less than the asset price ${assetPriceSat}`
  return `${base} + asset price ${assetPriceSat} = ${sum + assetPriceSat}, ${total}`
}

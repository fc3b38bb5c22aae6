import { z } from 'zod'
import { SANDBOX_ASSET as ASSET, worthOf } from './asset.ts'
import { brokenOption, pubkeyField, satInteger, wholeNumber } from './documents.ts'
import { invalidParams, refusal } from './kaleidoswap-errors.ts'
import type { AssetMarket } from './kaleidoswap-market.ts'
import { DISCOUNT_CODE, lessTenPercent, ppmOf, weeklyPpmOf } from './prices.ts'
import { sat } from '../domain/money.ts'

// The requests of Kaleidoswap, their limits and their prices.

export const OPTIONS = {
  min_required_channel_confirmations: 0,
  // The default of OrderOptions. An order asks for at least 1.
  min_funding_confirms_within_blocks: 0,
  min_onchain_payment_confirmations: 0,
  supports_zero_channel_reserve: true,
  min_onchain_payment_size_sat: 1_000,
  max_channel_expiry_blocks: 20_160,
  min_initial_client_balance_sat: 0,
  max_initial_client_balance_sat: 1_000_000,
  min_initial_lsp_balance_sat: 0,
  max_initial_lsp_balance_sat: 16_777_215,
  min_channel_balance_sat: 50_000,
  max_channel_balance_sat: 16_777_215,
}

const assetAmount = wholeNumber(0, Number.MAX_SAFE_INTEGER).nullish()
const priced = {
  lsp_balance_sat: satInteger(),
  client_balance_sat: satInteger(),
  channel_expiry_blocks: wholeNumber(1, 0xffff_ffff),
  token: z.string().nullish(),
  asset_id: z.string().nullish(),
  lsp_asset_amount: assetAmount,
  client_asset_amount: assetAmount,
  rfq_id: z.string().nullish(),
}
export const estimateFees = z.object(priced)
export const createOrder = z.object({
  ...priced,
  client_pubkey: pubkeyField,
  required_channel_confirmations: wholeNumber(0, 0xffff_ffff),
  funding_confirms_within_blocks: wholeNumber(1, 0xffff_ffff),
  announce_channel: z.boolean().default(true),
  refund_onchain_address: z.string().nullish(),
  email: z.string().nullish(),
})
export const orderRequest = z.object({ order_id: z.string(), access_token: z.string().default('') })
export const rateDecision = orderRequest.extend({ accept_new_rate: z.boolean() })
export const retryRequest = z.object({ order_id: z.string() })
export type Priced = z.output<typeof estimateFees>

/** A set-up fee, a share of the size, and a share for each week. The asset that the client buys has a price beside it. */
export function priceOf(request: Priced) {
  const fees = {
    setup_fee: sat(1_000),
    capacity_fee: ppmOf(request.lsp_balance_sat, 1_500),
    duration_fee: weeklyPpmOf(request.lsp_balance_sat, 125, request.channel_expiry_blocks),
  }
  const channelFee = sat(fees.setup_fee + fees.capacity_fee + fees.duration_fee)
  const isDiscounted = request.token === DISCOUNT_CODE
  const assetPriceSat = worthOf(request.client_asset_amount ?? 0)
  return {
    fees,
    isDiscounted,
    assetPriceSat,
    channelFeeSat: isDiscounted ? lessTenPercent(channelFee) : channelFee,
  }
}

export function checkAsset(request: Priced, market: AssetMarket): void {
  const lspAmount = request.lsp_asset_amount ?? 0
  const clientAmount = request.client_asset_amount ?? 0
  if (!request.asset_id) {
    if (lspAmount + clientAmount > 0) throw invalidParams('asset_id', 'asset_id is required with an asset amount')
    return
  }
  if (request.asset_id !== ASSET.asset_id) throw refusal(404, 'ASSET_NOT_FOUND', `Asset not found: ${request.asset_id}`)
  checkRange('lsp_asset_amount', lspAmount, ASSET.min_initial_lsp_amount, ASSET.max_initial_lsp_amount)
  checkRange('client_asset_amount', clientAmount, ASSET.min_initial_client_amount, ASSET.max_initial_client_amount)
  checkRange('lsp_asset_amount', lspAmount + clientAmount, ASSET.min_channel_amount, ASSET.max_channel_amount)
  if (clientAmount === 0) return
  if (!request.rfq_id) {
    throw invalidParams(
      'rfq_id',
      'RFQ ID is required when purchasing assets (client_asset_amount > 0). Please request a quote first.',
    )
  }
  const objection = market.objectionTo(request.rfq_id, clientAmount)
  if (objection !== null) throw invalidParams('rfq_id', objection)
}

function checkRange(property: string, amount: number, min: number, max: number): void {
  if (amount < min) throw invalidParams(property, `Asset amount below minimum ${min}`)
  if (amount > max) throw invalidParams(property, `Asset amount above maximum ${max}`)
}

/** The document has no error for a token; an invalid parameter names its field. */
export function checkToken({ token }: Priced): void {
  if (token && token !== DISCOUNT_CODE) throw invalidParams('token', 'Invalid token')
}

export function checkOptions(
  request: Priced,
  rest: { required_channel_confirmations: number; funding_confirms_within_blocks: number },
): void {
  const broken = brokenOption(OPTIONS, { ...request, ...rest })
  if (broken) throw invalidParams(broken.field, `${broken.option} is ${broken.limit}`)
}

import { MOST_ASSETS, type LspAsset } from './lsp.ts'
import type { AssetRequest } from './request.ts'

/** What an asset request violates; `property` is the request's field in the public schema's name. */
export interface BrokenAssetLimit {
  property: 'asset.assetId' | 'asset.lspAmount' | 'asset.clientAmount'
  message: string
}

/**
 * The first violation, or null. An LSP that lists no asset, or more than the gateway keeps, is not known to lack one.
 * A limit that the LSP does not state is not checked, and neither is a minimum for an amount of 0.
 */
export function brokenAssetLimit(request: AssetRequest, assets: readonly LspAsset[]): BrokenAssetLimit | null {
  if (assets.length === 0) return null
  const asset = assets.find(({ assetId }) => assetId === request.assetId)
  if (asset === undefined)
    return assets.length >= MOST_ASSETS
      ? null
      : { property: 'asset.assetId', message: `the LSP does not list the asset ${request.assetId}` }
  const lspAmount = BigInt(request.lspAmount)
  const clientAmount = BigInt(request.clientAmount ?? 0)
  const rows = [
    ['asset.lspAmount', "the amount on the LSP's side", lspAmount, asset.minLspAmount, asset.maxLspAmount],
    ['asset.clientAmount', 'the amount for the client', clientAmount, asset.minClientAmount, asset.maxClientAmount],
    [
      'asset.lspAmount',
      'the amount of both sides',
      lspAmount + clientAmount,
      asset.minChannelAmount,
      asset.maxChannelAmount,
    ],
  ] as const
  // Info that an earlier version stored has no channel limits.
  for (const [property, name, amount, least, most] of rows) {
    if (least != null && amount > 0n && amount < BigInt(least))
      return { property, message: `${name}, ${amount}, is below the LSP's limit of ${least}` }
    if (most != null && amount > BigInt(most))
      return { property, message: `${name}, ${amount}, is above the LSP's limit of ${most}` }
  }
  return null
}

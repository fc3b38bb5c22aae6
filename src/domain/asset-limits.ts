import { violationOf, type LimitViolation } from './limits.ts'
import { MOST_ASSETS, type LspAsset } from './lsp.ts'
import type { AssetRequest } from './request.ts'

/** What an asset request violates. `limit` is null if the LSP does not have the asset. */
export interface BrokenAssetLimit {
  field: string
  limit: LimitViolation | null
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
      : { field: 'asset.assetId', limit: null, message: `the LSP does not list the asset ${request.assetId}` }
  const lspAmount = BigInt(request.lspAmount)
  const clientAmount = BigInt(request.clientAmount ?? 0)
  const rows = [
    {
      limit: 'LSP_ASSET_AMOUNT',
      field: 'asset.lspAmount',
      name: "the amount on the LSP's side",
      requested: lspAmount,
      minimum: asset.minLspAmount,
      maximum: asset.maxLspAmount,
    },
    {
      limit: 'CLIENT_ASSET_AMOUNT',
      field: 'asset.clientAmount',
      name: 'the amount for the client',
      requested: clientAmount,
      minimum: asset.minClientAmount,
      maximum: asset.maxClientAmount,
    },
    {
      limit: 'CHANNEL_ASSET_AMOUNT',
      field: 'asset.lspAmount',
      name: 'the amount of both sides',
      requested: lspAmount + clientAmount,
      // Info that an earlier version stored has no channel limits.
      minimum: asset.minChannelAmount ?? null,
      maximum: asset.maxChannelAmount ?? null,
    },
  ] as const
  return (
    rows
      .map(({ minimum, ...row }) =>
        violationOf({ ...row, unit: 'ASSET_UNITS', minimum: row.requested > 0n ? minimum : null }),
      )
      .find((violation) => violation !== null) ?? null
  )
}

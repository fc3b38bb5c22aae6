import { SANDBOX_ASSET } from '../../src/sandbox/asset.ts'
import type { Sandbox } from '../../src/sandbox/index.ts'

/** The `asset` of a channel request that buys `units` at Kestrel, with a quote from its market (RFQ). */
export async function assetPurchase(sandbox: Sandbox, units = 2_500_000) {
  const response = await fetch(new URL('/api/v1/market/quote', sandbox.lsp('kestrel').url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      from_asset: { asset_id: 'BTC', layer: 'BTC_LN' },
      to_asset: { asset_id: SANDBOX_ASSET.asset_id, layer: 'RGB_LN', amount: units },
    }),
  })
  const { rfq_id: rfqId } = (await response.json()) as { rfq_id: string }
  return { assetId: SANDBOX_ASSET.asset_id, lspAmount: '0', clientAmount: String(units), rfqId }
}

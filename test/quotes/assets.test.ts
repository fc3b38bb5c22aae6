import { describe, expect, test, vi } from 'vitest'
import { failureOf, orderPosts, requestOf, requestsTo, settingsOf } from './support.ts'
import { SANDBOX_ASSET } from '../../src/sandbox/asset.ts'
import { startSandbox } from '../../src/sandbox/index.ts'
import { assetPurchase } from '../support/assets.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createOrder } from '../support/operations.ts'

// Prices of channels with a bought asset. Kestrel asks 4 107 sat for the channel and 2 500 sat for 2 500 000 units.

const QUOTES = `query ($request: ChannelRequestInput!, $lspIds: [ID!], $firm: FirmPolicy! = WHEN_NEEDED) {
  quotes(request: $request, lspIds: $lspIds, firm: $firm) {
    quotes {
      id lsp { id } basis feeTotalSat orderTotalSat feePpm annualRatePercent expiresAt createdAt
      asset { assetId lspAmount clientAmount priceSat rfqId }
      breakdown { setupFeeSat capacityFeeSat durationFeeSat } discount { fraction code }
      checks { code verdict message }
    }
    failures { lsp { id } code message field }
  }
}`
const PURCHASE = { assetId: SANDBOX_ASSET.asset_id, lspAmount: '0', clientAmount: '2500000' }

async function quotesOf(gateway: TestGateway, request: Record<string, unknown>, more: Record<string, unknown> = {}) {
  const variables = { request: requestOf(gateway.sandbox, request), ...more }
  return (await gateway.ask(QUOTES, variables)).quotes
}
const quoteAt = async (gateway: TestGateway, request: Record<string, unknown>, firm = 'WHEN_NEEDED') =>
  (await quotesOf(gateway, request, { lspIds: ['kestrel'], firm })).quotes[0]
const kestrelGateway = () => startTestGateway({ sandbox: { only: ['kestrel'] } })

describe.concurrent('a quote for a channel with a bought asset', () => {
  for (const fault of [null, 'ASSET_PRICE_IN_FEE'] as const)
    test(`has the price of the asset apart, by estimate and by order, ${fault ?? 'as the vendor’s client reads it'}`, async () => {
      await using gateway = await kestrelGateway()
      gateway.sandbox.lsp('kestrel').setFaults(fault === null ? [] : [fault])
      const plain = await quoteAt(gateway, {})
      expect(plain.asset).toBeNull()
      const { feePpm, annualRatePercent } = plain
      for (const [firm, basis] of [
        ['WHEN_NEEDED', 'ESTIMATED'],
        ['ALWAYS', 'FIRM'],
      ] as const) {
        expect(await quoteAt(gateway, { asset: PURCHASE }, firm)).toMatchObject({
          basis,
          feeTotalSat: 4_107,
          orderTotalSat: 6_607,
          feePpm,
          annualRatePercent,
          asset: { ...PURCHASE, priceSat: 2_500, rfqId: expect.stringMatching(/./) },
        })
      }
    })

  test('uses a market quote, which limits its validity and goes into its order (0.2.0 PairQuoteResponse)', async () => {
    await using gateway = await kestrelGateway()
    const lsp = gateway.sandbox.lsp('kestrel')
    const quote = await quoteAt(gateway, { asset: PURCHASE })
    expect(Date.parse(quote.expiresAt) - Date.parse(quote.createdAt)).toBeLessThanOrEqual(60_000)
    expect(requestsTo(lsp, '/api/v1/market/quote').map(({ body }) => body)).toEqual([
      {
        from_asset: { asset_id: 'BTC', layer: 'BTC_LN' },
        to_asset: { asset_id: SANDBOX_ASSET.asset_id, layer: 'RGB_LN', amount: 2_500_000 },
      },
    ])
    const order = await createOrder(gateway, { quoteId: quote.id })
    expect(order).toMatchObject({
      state: 'AWAITING_PAYMENT',
      feeTotalSat: 4_107,
      orderTotalSat: 6_607,
      payment: { bolt11: { feeTotalSat: 4_107, orderTotalSat: 6_607 } },
      asset: { clientAmount: '2500000', priceSat: 2_500, rfqId: quote.asset.rfqId },
    })
    expect(orderPosts(lsp)[0]?.body).toMatchObject({ rfq_id: quote.asset.rfqId })
    expect(requestsTo(lsp, '/api/v1/market/quote')).toHaveLength(1)
  })

  test('names the parts of the fee and the discount of a coupon (0.2.0 EstimateFeesResponse)', async () => {
    await using gateway = await kestrelGateway()
    const tokens = [{ lspId: 'kestrel', token: 'SLUICE10' }]
    expect(await quoteAt(gateway, { tokens })).toMatchObject({
      feeTotalSat: 3_697,
      breakdown: { setupFeeSat: 1_000, capacityFeeSat: 1_500, durationFeeSat: 1_607 },
      discount: { fraction: 0.1, code: 'SLUICE10' },
    })
    expect(await quoteAt(gateway, {})).toMatchObject({ discount: null })
  })

  test('has the price of the client’s own quote only from an order', async () => {
    await using gateway = await kestrelGateway()
    const { rfqId, ...asset } = await assetPurchase(gateway.sandbox)
    const request = { asset: { ...asset, rfqs: [{ lspId: 'kestrel', rfqId }] } }
    expect(await failureOf(gateway, 'kestrel', { request, firm: 'NEVER' })).toMatchObject({ code: 'PRICE_UNKNOWN' })
    expect(await quoteAt(gateway, request)).toMatchObject({
      basis: 'FIRM',
      orderTotalSat: 6_607,
      asset: { priceSat: 2_500, rfqId },
    })
  })
})

test.concurrent('an RFQ reaches only the LSP that gave it', async () => {
  // Two LSPs of one protocol: a second sandbox has the second Kestrel.
  const other = await startSandbox({ only: ['kestrel'] })
  await using gateway = await kestrelGateway()
  await using both = await startTestGateway({
    beside: gateway,
    config: { lsps: [settingsOf(gateway.sandbox.lsp('kestrel')), settingsOf(other.lsp('kestrel'), { id: 'other' })] },
  })
  const { rfqId, ...asset } = await assetPurchase(gateway.sandbox)
  const { quotes, failures } = await quotesOf(both, { asset: { ...asset, rfqs: [{ lspId: 'kestrel', rfqId }] } })
  expect(failures).toEqual([])
  const rfqIds = Object.fromEntries(
    quotes.map((quote: { lsp: { id: string }; asset: object }) => [quote.lsp.id, quote.asset]),
  )
  expect(rfqIds).toMatchObject({ kestrel: { rfqId }, other: { priceSat: 2_500 } })
  expect(JSON.stringify(other.lsp('kestrel').requests)).not.toContain(rfqId)

  // The deprecated field names no LSP.
  const ambiguous = await both.send(QUOTES, { request: requestOf(both.sandbox, { asset: { ...asset, rfqId } }) })
  expect(ambiguous.errors?.[0]?.message).toMatch(/kestrel, other give quotes .* Use rfqs/)
  const named = await quotesOf(both, { asset: { ...asset, rfqId } }, { lspIds: ['kestrel'] })
  expect(named.quotes[0].asset.rfqId).toBe(rfqId)
  await other.close()
})

// 0.2.0 AssetsOptions, seed 003 §1.
test.concurrent('assets have supply, limits and schema, and a request beyond them is refused before the LSP is asked', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['kestrel', 'thunder'] } })
  const LISTED = '{ lsps { id assets { schema issuedSupply minChannelAmount maxChannelAmount maxLspAmount } } }'
  // The gateway asks for them when it starts.
  const { lsps } = await vi.waitFor(
    async () => {
      const read = await gateway.ask(LISTED)
      expect(read.lsps.every(({ assets }: { assets: unknown[] }) => assets.length > 0)).toBe(true)
      return read
    },
    { timeout: 10_000 },
  )
  expect(lsps).toEqual([
    {
      id: 'kestrel',
      assets: [
        {
          schema: null,
          issuedSupply: '1000000000000',
          minChannelAmount: '0',
          maxChannelAmount: '10000000000',
          maxLspAmount: '10000000000',
        },
      ],
    },
    { id: 'thunder', assets: [expect.objectContaining({ schema: 'NIA' })] },
  ])
  const assetId = SANDBOX_ASSET.asset_id
  for (const [lspId, asset, field] of [
    ['kestrel', { assetId: 'rgb:unknown', lspAmount: '1' }, 'asset.assetId'],
    ['thunder', { assetId: 'rgb:unknown', lspAmount: '1' }, 'asset.assetId'],
    ['kestrel', { assetId, lspAmount: '10000000001' }, 'asset.lspAmount'],
    ['kestrel', { assetId, lspAmount: '0', clientAmount: '1000000001' }, 'asset.clientAmount'],
    ['kestrel', { assetId, lspAmount: '9999999999', clientAmount: '2' }, 'asset.lspAmount'],
  ] as const) {
    const before = gateway.sandbox.lsp(lspId).requests.filter(({ method }) => method === 'POST').length
    expect(await failureOf(gateway, lspId, { request: { asset } })).toMatchObject({ code: 'OPTION_MISMATCH', field })
    expect(gateway.sandbox.lsp(lspId).requests.filter(({ method }) => method === 'POST')).toHaveLength(before)
  }
})

import { describe, expect, test } from 'vitest'
import { sat } from '../../src/domain/money.ts'
import type { ChannelRequest } from '../../src/domain/request.ts'
import { kaleidoswap } from '../../src/protocols/kaleidoswap.ts'
import { adapterCall, channelRequest, failureOf, NOW, talk } from '../support/adapter-call.ts'
import { fixture } from '../support/fixtures.ts'
import { json, QueueServer, text, type Handler } from '../support/queue-server.ts'

// Kaleidoswap 0.2.0: market/quote (PairQuoteRequest, PairQuoteResponse) and estimate_fees (EstimateFeesResponse).

const ASSET_ID = 'rgb:2NZGjyz-pJePUgegh-RLHbpx1Hy-iZMagWiZZ-qY4AxGymW-yCEYwwB'
/** 875 000 units for 1 500 000 millisatoshis, for 60 seconds of a day in 2024. */
const QUOTE = fixture('kaleidoswap-0.2.0/market_quote.response.json')
const ORDER = fixture('kaleidoswap-0.2.0/create_order.response.json')
/** The fees of an estimate, 4 107 sat together. */
const FEES = { setup_fee: 1_000, capacity_fee: 1_500, duration_fee: 1_607 }

const buying = (more: Partial<NonNullable<ChannelRequest['asset']>> = {}) =>
  channelRequest({ asset: { assetId: ASSET_ID, lspAmount: '0', clientAmount: '875000', rfqId: null, ...more } })

const leg = (name: 'from_asset' | 'to_asset', changes: Record<string, unknown>) => ({
  ...QUOTE,
  [name]: { ...(QUOTE[name] as object), ...changes },
})

/** What the adapter makes of the estimate, after this answer of the market. */
const estimate = (fees: Record<string, unknown>, market: Handler = json(200, QUOTE), request = buying()) =>
  talk(kaleidoswap, [...(request.asset?.rfqId === null ? [market] : []), json(200, fees)], (call) =>
    kaleidoswap.estimate!(call, request),
  )
const create = (market: Handler, order: Handler, request = buying()) =>
  talk(kaleidoswap, [market, order], (call) => kaleidoswap.createOrder(call, request, null))

describe('the market’s quote for a bought asset (0.2.0 PairQuoteRequest)', () => {
  test('is requested for the amount that the client buys, and its id goes into the estimate', async () => {
    const { result, requests } = await estimate({ ...FEES, total_fee: 4_107 })
    expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /api/v1/market/quote',
      'POST /estimate_fees',
    ])
    expect(requests[0]?.body).toEqual({
      from_asset: { asset_id: 'BTC', layer: 'BTC_LN' },
      to_asset: { asset_id: ASSET_ID, layer: 'RGB_LN', amount: 875_000 },
    })
    expect(requests[1]?.body).toMatchObject({ client_asset_amount: 875_000, rfq_id: QUOTE['rfq_id'] })
    expect(result).toEqual({
      feeTotalSat: 4_107,
      boughtAsset: { priceSat: 1_500, rfqId: QUOTE['rfq_id'] },
      expiresAt: NOW + 60_000,
      breakdown: { setupFeeSat: 1_000, capacityFeeSat: 1_500, durationFeeSat: 1_607 },
    })
  })

  test.each([
    ['at the time that it names', 0, 60, 60],
    ['after its own validity, if the LSP’s clock is slow', -3_600, -3_540, 60],
    ['after its own validity, if the LSP’s clock is fast', 3_600, 3_660, 60],
    ['at the time that it names, if it has no beginning', null, 45, 45],
  ])('ends %s', async (_when, from, to, seconds) => {
    const second = (after: number) => NOW / 1_000 + after
    const market = { ...QUOTE, timestamp: from === null ? null : second(from), expires_at: second(to) }
    const { result } = await estimate({ ...FEES, total_fee: 4_107 }, json(200, market))
    expect(result?.expiresAt).toBe(NOW + seconds * 1_000)
  })

  test('is requested beside lsps1, also under another prefix', async () => {
    await using server = await QueueServer.start()
    await using call = adapterCall(kaleidoswap, `${server.url}/proxy/v1/lsps1`)
    server.next(json(200, QUOTE)).next(json(200, { ...FEES, total_fee: 4_107 }))
    await kaleidoswap.estimate!(call, buying())
    expect(server.requests.map(({ path }) => path)).toEqual(['/proxy/v1/market/quote', '/proxy/v1/lsps1/estimate_fees'])
  })

  test('goes into the order, which shows its id even if the LSP does not repeat it', async () => {
    const { result, requests } = await create(json(200, QUOTE), json(200, { ...ORDER, rfq_id: null }))
    expect(requests[1]?.body).toMatchObject({ rfq_id: QUOTE['rfq_id'] })
    expect(result.asset?.rfqId).toBe(QUOTE['rfq_id'])
  })

  test('is left out if the LSP has no market (0.1.0)', async () => {
    const { requests } = await create(json(404, { detail: 'Not Found' }), json(200, ORDER))
    expect(requests[1]?.body).not.toHaveProperty('rfq_id')
    expect(requests[1]?.body).toMatchObject({ client_asset_amount: 875_000 })
  })

  test.each([
    ['the client has its own', buying({ rfqId: 'its-own' })],
    ['the client buys none', buying({ clientAmount: '0', lspAmount: '5' })],
    ['there is no asset', channelRequest()],
  ])('is not requested where %s', async (_why, request) => {
    const { requests } = await talk(kaleidoswap, [json(200, ORDER)], (call) =>
      kaleidoswap.createOrder(call, request, null),
    )
    expect(requests.map(({ path }) => path)).toEqual(['/create_order'])
  })

  test.each([
    [
      'a refusal',
      json(404, fixture('kaleidoswap-0.2.0/error.404.market_quote.json')),
      'OPTION_MISMATCH',
      'asset.assetId',
    ],
    ['a breakdown', text(503, 'down'), 'UNAVAILABLE', null],
    ['a document without an id', json(200, { ...QUOTE, rfq_id: '' }), 'BAD_RESPONSE', null],
    ['less than was asked for', json(200, leg('to_asset', { amount: 874_999 })), 'UNTRUSTWORTHY', 'asset.clientAmount'],
    ['another asset', json(200, leg('to_asset', { asset_id: 'rgb:other' })), 'UNTRUSTWORTHY', 'asset.clientAmount'],
  ] as const)('after %s nothing is ordered', async (_what, market, code, property) => {
    await using server = await QueueServer.start()
    await using call = adapterCall(kaleidoswap, server.url)
    server.always(market)
    expect(await failureOf(kaleidoswap.createOrder(call, buying(), null))).toMatchObject({
      code,
      field: property,
      effect: 'none',
    })
    expect(server.requests.every(({ path }) => path === '/api/v1/market/quote')).toBe(true)
  })

  test.each([
    ['millisatoshis', { amount: 1_500_000 }, 875_000, 1_500],
    ['millisatoshis, rounded up', { amount: 1_500_001 }, 875_000, 1_501],
    ['satoshis', { amount: 1_500 }, 875_000, 1_500],
    ['a fraction of a satoshi', { amount: 1 }, 1, 1],
  ])('has a price in %s, as its exchange rate shows', async (_unit, from, units, priceSat) => {
    const market = json(200, {
      ...leg('from_asset', from),
      to_asset: { ...(QUOTE['to_asset'] as object), amount: units },
    })
    const request = buying({ clientAmount: String(units) })
    expect((await estimate({ ...FEES, total_fee: 4_107 }, market, request)).result?.boughtAsset?.priceSat).toBe(
      priceSat,
    )
  })
})

describe('the estimate of a channel with a bought asset (0.2.0 EstimateFeesResponse)', () => {
  const discount = { applied_discount: 0.1, discount_code: 'TEN' }
  test.each([
    ['beside the price of the asset', { ...FEES, total_fee: 4_107 }, 4_107],
    ['with the price of the asset folded in', { ...FEES, total_fee: 5_607 }, 4_107],
    ['beside it, less a discount', { ...FEES, ...discount, total_fee: 3_697 }, 3_697],
    ['with it folded in, less a discount', { ...FEES, ...discount, total_fee: 5_196 }, 3_696],
  ])('is a fee %s', async (_what, fees, feeTotalSat) => {
    expect((await estimate(fees)).result).toMatchObject({ feeTotalSat, boughtAsset: { priceSat: 1_500 } })
  })

  test.each([
    ['is neither of the two sums', { ...FEES, total_fee: 5_000 }, json(200, QUOTE)],
    ['does not say what it consists of', { total_fee: 4_107 }, json(200, QUOTE)],
    [
      'leaves out the asset, whose price is not known',
      { ...FEES, total_fee: 4_107 },
      json(200, { ...QUOTE, price: 1 }),
    ],
  ])('shows no price if it %s', async (_what, fees, market) => {
    expect((await estimate(fees, market)).result).toBeNull()
  })

  test('shows the price of the asset of the client’s own quote if it is folded in', async () => {
    const { result } = await estimate({ ...FEES, total_fee: 5_607 }, json(500, {}), buying({ rfqId: 'its-own' }))
    expect(result).toMatchObject({ feeTotalSat: 4_107, boughtAsset: { priceSat: 1_500, rfqId: 'its-own' } })
  })

  test('names the discount of a plain channel, and the fees before it', async () => {
    const { result } = await estimate({ ...FEES, ...discount, total_fee: 3_697 }, json(500, {}), channelRequest())
    expect(result).toEqual({
      feeTotalSat: sat(3_697),
      expiresAt: null,
      breakdown: { setupFeeSat: 1_000, capacityFeeSat: 1_500, durationFeeSat: 1_607 },
      discount: { fraction: 0.1, code: 'TEN' },
    })
  })
})

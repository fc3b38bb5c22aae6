import { describe, expect, test } from 'vitest'
import { assetAfter, shownAsset } from '../../src/domain/order-asset.ts'
import { brokenAssetLimit } from '../../src/domain/asset-limits.ts'
import { MOST_ASSETS, type LspAsset } from '../../src/domain/lsp.ts'
import { sat } from '../../src/domain/money.ts'
import { nextStepOf } from '../../src/domain/next-step.ts'
import type { Order } from '../../src/domain/order-record.ts'
import { ASSET_DELIVERY_STATUSES, type OrderAsset } from '../../src/domain/order.ts'
import { isFinal } from '../../src/domain/schedule.ts'
import { DAY_MS, HOUR_MS } from '../../src/domain/time.ts'
import { NOW, orderRecord } from '../store/records.ts'

const ASSET: OrderAsset = {
  assetId: 'rgb:usdt',
  lspAmount: '0',
  clientAmount: '2500',
  rfqId: 'rfq-1',
  priceSat: sat(1_000),
  deliveryStatus: 'PENDING',
  deliveryPaymentHash: null,
  deliveredAt: null,
  deliveryError: null,
}
const SILENT: OrderAsset = { ...ASSET, lspAmount: null, clientAmount: null, rfqId: null, priceSat: null }

const completed = (asset: Partial<OrderAsset>, more: Partial<Order> = {}) =>
  orderRecord({
    state: 'COMPLETED',
    lspOrderId: 'lsp-7',
    orderTotalSat: sat(4_000),
    paymentSeenAt: NOW,
    channel: {
      state: 'OPENING',
      channelId: null,
      shortChannelId: null,
      fundingOutpoint: `${'01'.repeat(32)}:0`,
      fundedAt: NOW,
      expiresAt: null,
      closingTxid: null,
    },
    asset: { ...ASSET, ...asset },
    ...more,
  })
const stepOf = (order: Order) => nextStepOf(order, { name: 'Kestrel', features: [] }, NOW + HOUR_MS)

// Seed 000 AssetDeliveryStatus.
describe('a completed order', () => {
  test.each(ASSET_DELIVERY_STATUSES)('whose delivery is %s is final only if nothing is left to deliver', (status) => {
    const order = completed({ deliveryStatus: status })
    const isOver = status === 'COMPLETED' || status === 'NOT_REQUIRED'
    const traits = { tellsChannelLife: false }
    expect(isFinal(order, traits, NOW + HOUR_MS)).toBe(isOver)
    // A delivery that has stopped is polled for 30 days.
    const isStopped = status === 'FAILED' || status === 'RATE_CHANGED'
    expect(isFinal(order, traits, NOW + 29 * DAY_MS)).toBe(isOver)
    expect(isFinal(order, traits, NOW + 31 * DAY_MS)).toBe(isOver || isStopped)
  })

  test.each<[string, Partial<OrderAsset>, Partial<Order>, string, string]>([
    [
      'failed',
      { deliveryError: 'no route.' },
      {},
      'CLIENT RETRY_ASSET_DELIVERY',
      'could not deliver the asset: no route.',
    ],
    ['failed without a reason', {}, {}, 'CLIENT RETRY_ASSET_DELIVERY', 'could not deliver the asset. Keep'],
    [
      'failed, and is not retried',
      { deliveryError: 'no route' },
      { isRetryRefused: true },
      'CLIENT CONTACT_LSP',
      'lsp-7',
    ],
    ['failed, as the client declined', { agreedPriceSat: sat(900) }, { isRateDeclined: true }, 'LSP WAIT', '900 sat'],
    [
      'waits for no decision',
      { deliveryStatus: 'RATE_CHANGED', agreedPriceSat: sat(900) },
      {},
      'LSP WAIT',
      'from 900 sat to 1000 sat, and the order total from 4000 sat to 4100 sat',
    ],
  ])('whose delivery %s says what to do', (_what, asset, more, expected, text) => {
    const { actor, action, message, deadline } = stepOf(completed({ deliveryStatus: 'FAILED', ...asset }, more))
    expect(`${actor} ${action}`).toBe(expected)
    expect(message).toContain(text)
    expect(deadline).toBeNull()
  })
})

test.each<[string, Partial<OrderAsset>, string]>([
  ['both prices', { agreedPriceSat: sat(900) }, 'from 900 sat to 1000 sat'],
  ['the new price alone', {}, 'It is 1000 sat now'],
  ['the former price alone', { agreedPriceSat: sat(1_000) }, 'does not report the new price'],
  ['no price', { priceSat: null }, 'does not report the new price'],
])('a rate decision has no deadline, and its text has %s', (_what, asset, text) => {
  const order = completed(asset, { state: 'RATE_DECISION_REQUIRED', expiresAt: NOW + HOUR_MS })
  expect(stepOf(order)).toMatchObject({ actor: 'CLIENT', action: 'DECIDE_RATE', deadline: null })
  expect(stepOf(order).message).toContain(text)
})

test('a report may leave out what an earlier one said, and a new delivery has no old error', () => {
  const known = { ...ASSET, deliveryStatus: 'FAILED' as const, deliveryError: 'no route' }
  expect(assetAfter(known, { ...SILENT, deliveryStatus: null })).toEqual({ ...known, agreedPriceSat: 1_000 })
  expect(assetAfter(known, { ...SILENT, deliveryStatus: 'IN_PROGRESS' })).toEqual({
    ...ASSET,
    deliveryStatus: 'IN_PROGRESS',
    agreedPriceSat: 1_000,
  })
  const dearer = assetAfter(known, { ...ASSET, priceSat: sat(1_100) })
  expect(assetAfter(dearer, { ...ASSET, priceSat: sat(1_200) })).toMatchObject({
    priceSat: 1_200,
    agreedPriceSat: 1_000,
  })
})

test('the asset of the request is shown as not confirmed until the LSP repeats it', () => {
  const asset = { assetId: 'rgb:usdt', lspAmount: '5', clientAmount: null, rfqId: null }
  const order = orderRecord()
  expect(shownAsset(order)).toBeNull()
  const asked = { ...order, request: { ...order.request, asset } }
  expect(shownAsset(asked)).toMatchObject({ ...asset, isConfirmed: false, priceSat: null })
  expect(shownAsset({ ...asked, asset: ASSET })).toMatchObject({ ...ASSET, isConfirmed: true, newOrderTotalSat: null })
})

describe('the limits of an asset', () => {
  const LISTED: LspAsset = {
    assetId: 'rgb:usdt',
    schema: null,
    name: null,
    ticker: null,
    precision: null,
    minLspAmount: '10',
    maxLspAmount: '100',
    minClientAmount: '5',
    maxClientAmount: '50',
    minChannelAmount: '12',
    maxChannelAmount: '120',
    issuedSupply: null,
  }
  test.each<[string, string, string | null, string | null]>([
    ['rgb:usdt', '10', '5', null],
    ['rgb:usdt', '0', '12', null],
    ['rgb:usdt', '100', null, null],
    ['rgb:usdt', '9', '5', 'asset.lspAmount'],
    ['rgb:usdt', '101', null, 'asset.lspAmount'],
    ['rgb:usdt', '10', '4', 'asset.clientAmount'],
    ['rgb:usdt', '10', '51', 'asset.clientAmount'],
    ['rgb:usdt', '10', '0', 'asset.lspAmount'],
    ['rgb:usdt', '100', '21', 'asset.lspAmount'],
    ['rgb:usdt', '18446744073709551615', '18446744073709551615', 'asset.lspAmount'],
    ['rgb:other', '10', '5', 'asset.assetId'],
  ])('%s with %s and %s breaks %s', (assetId, lspAmount, clientAmount, property) => {
    const broken = brokenAssetLimit({ assetId, lspAmount, clientAmount, rfqId: null }, [LISTED])
    expect(broken?.field ?? null).toBe(property)
  })

  test('are not known of an LSP that lists no asset, or more than the gateway keeps', () => {
    const request = { assetId: 'rgb:other', lspAmount: '1', clientAmount: null, rfqId: null }
    expect(brokenAssetLimit(request, [])).toBeNull()
    expect(
      brokenAssetLimit(
        request,
        Array.from({ length: MOST_ASSETS }, () => LISTED),
      ),
    ).toBeNull()
  })
})

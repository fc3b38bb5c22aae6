import { sat, type Sat } from './money.ts'
import type { Order } from './order-record.ts'
import type { AssetDeliveryStatus, OrderAsset } from './order.ts'
import { isSettled, optionsOf } from './payment.ts'

// The asset of an order: what is known of it after each report, and what a wallet is shown.

/** The order's asset after a report. The LSP may leave out what it reported before. */
export function assetAfter(known: OrderAsset | null, reported: OrderAsset | null): OrderAsset | null {
  if (known === null || reported === null || known.assetId !== reported.assetId) return reported ?? known
  const agreedPriceSat = known.agreedPriceSat ?? known.priceSat
  return {
    // A report of the delivery replaces the former one: the error of an earlier attempt is over.
    ...(reported.deliveryStatus === null ? known : reported),
    lspAmount: reported.lspAmount ?? known.lspAmount,
    clientAmount: reported.clientAmount ?? known.clientAmount,
    rfqId: reported.rfqId ?? known.rfqId,
    priceSat: reported.priceSat ?? known.priceSat,
    ...(agreedPriceSat === null ? {} : { agreedPriceSat }),
  }
}

export interface ShownAsset extends OrderAsset {
  /** False: it is the asset of the request, and the LSP has not repeated it. */
  isConfirmed: boolean
  /** The order's total at the present price of the asset; null: the price is the agreed one, or is not known. */
  newOrderTotalSat: Sat | null
}

/** null: the channel has no asset. */
export function shownAsset(order: Order): ShownAsset | null {
  const { asset, request } = order
  if (asset !== null)
    return { ...asset, rfqId: asset.rfqId ?? request.asset?.rfqId ?? null, isConfirmed: true, ...newTotal(order) }
  return (
    request.asset && {
      ...request.asset,
      priceSat: null,
      deliveryStatus: null,
      deliveryPaymentHash: null,
      deliveredAt: null,
      deliveryError: null,
      isConfirmed: false,
      newOrderTotalSat: null,
    }
  )
}

function newTotal(order: Order): Pick<ShownAsset, 'newOrderTotalSat'> {
  return { newOrderTotalSat: priceChange(order)?.newOrderTotalSat ?? null }
}

interface PriceChange {
  agreedPriceSat: Sat
  priceSat: Sat
  orderTotalSat: Sat
  newOrderTotalSat: Sat
}

/** null: the price has not changed since the order was placed, or one of the two is not known. */
function priceChange({ asset, payment, orderTotalSat: cheapestSat }: Order): PriceChange | null {
  const { agreedPriceSat, priceSat = null } = asset ?? {}
  if (agreedPriceSat === undefined || priceSat === null || agreedPriceSat === priceSat) return null
  const orderTotalSat = optionsOf(payment).find(isSettled)?.orderTotalSat ?? cheapestSat
  const total = orderTotalSat - agreedPriceSat + priceSat
  return total < 0 ? null : { agreedPriceSat, priceSat, orderTotalSat, newOrderTotalSat: sat(total) }
}

/** What changed, as a sentence. */
export function priceChangeText(order: Order): string {
  const change = priceChange(order)
  if (change !== null)
    return `The price of the asset has changed from ${change.agreedPriceSat} sat to ${change.priceSat} sat, and the order total from ${change.orderTotalSat} sat to ${change.newOrderTotalSat} sat.`
  const priceSat = order.asset?.priceSat ?? null
  return priceSat !== null && order.asset?.agreedPriceSat === undefined
    ? `The price of the asset has changed since the order was placed. It is ${priceSat} sat now.`
    : 'The price of the asset has changed since the order was placed. The LSP does not report the new price.'
}

const STOPPED: ReadonlySet<AssetDeliveryStatus> = new Set(['FAILED', 'RATE_CHANGED'])

/** Whether the LSP still delivers the asset. */
export function isDelivering({ asset }: Order): boolean {
  return asset?.deliveryStatus === 'PENDING' || asset?.deliveryStatus === 'IN_PROGRESS'
}

/** Whether the delivery has stopped before the client has its asset. */
export function isDeliveryStopped({ asset }: Order): boolean {
  return asset?.deliveryStatus != null && STOPPED.has(asset.deliveryStatus)
}

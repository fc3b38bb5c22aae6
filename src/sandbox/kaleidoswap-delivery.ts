import type { LspDesk } from './desk.ts'
import type { FaultSwitches } from './faults.ts'
import type { StoredOrder } from './order-book.ts'
import type { OrderView } from './order-view.ts'
import { fivePercentMore } from './prices.ts'
import type { Sat } from '../domain/money.ts'
import type { EpochMs } from '../domain/time.ts'

// The asset that a client buys: its price, which can change after the payment, and its delivery into the open channel.

type Decision = 'PENDING' | 'ACCEPTED' | 'REFUSED'

export interface KaleidoswapOrder {
  readonly request: {
    client_pubkey: string
    lsp_balance_sat: Sat
    client_balance_sat: Sat
    required_channel_confirmations: number
    funding_confirms_within_blocks: number
    channel_expiry_blocks: number
    announce_channel: boolean
    token?: string | null | undefined
    asset_id?: string | null | undefined
    lsp_asset_amount?: number | null | undefined
    client_asset_amount?: number | null | undefined
    rfq_id?: string | null | undefined
  }
  readonly accessToken: string
  /** The present price of the bought asset; null where none is bought. */
  assetPriceSat: Sat | null
  /** The price before it changed; null while it has not. */
  oldPriceSat: Sat | null
  /** The decision on a price that changed before the channel was opened; null: it did not change. */
  rate: Decision | null
  decidedAt: EpochMs | null
  /** The decision on a price that changed when the channel was open; null: it did not change. */
  deliveryRate: Decision | null
  /** When the present attempt to deliver began; null: when the channel was funded. */
  deliveryFrom: EpochMs | null
  delivered: { status: 'COMPLETED' | 'FAILED'; at: EpochMs; error: string | null } | null
}

/** The fields of an order's delivery at first. */
export const NEW_DELIVERY = {
  oldPriceSat: null,
  rate: null,
  decidedAt: null,
  deliveryRate: null,
  deliveryFrom: null,
  delivered: null,
}

type Order = StoredOrder<KaleidoswapOrder>
type View = OrderView<KaleidoswapOrder>

export interface Delivery {
  readonly status: 'NOT_REQUIRED' | 'PENDING' | 'IN_PROGRESS' | 'COMPLETED' | 'FAILED' | 'RATE_CHANGED'
  readonly completedAt: EpochMs | null
  readonly error: string | null
}

/** When the channel may be opened: RATE_CHANGES makes an order with a bought asset wait for a decision. */
export function mayOpenFrom({ details }: Order, paidAt: EpochMs, faults: FaultSwitches): EpochMs | null {
  if (details.rate === null && details.assetPriceSat !== null && faults.has('RATE_CHANGES')) {
    details.rate = 'PENDING'
    raisePrice(details)
  }
  if (details.rate === null) return paidAt
  return details.rate === 'ACCEPTED' ? details.decidedAt : null
}

/** The delivery as of now, after all work that is due for it. */
export function deliveryOf(view: View, desk: LspDesk<KaleidoswapOrder>): Delivery {
  const { order, stage, fundedAt } = view
  const { details } = order
  const status = (value: Delivery['status'], error: string | null = null): Delivery => ({
    status: value,
    completedAt: null,
    error,
  })
  if (details.assetPriceSat === null) return status('NOT_REQUIRED')
  if (stage === 'REFUNDING' || stage === 'REFUNDED') return status('FAILED', 'No channel to deliver in')
  if (details.rate === 'PENDING') return status('RATE_CHANGED')
  if (fundedAt === null) return status('PENDING')
  deliver(view, desk)
  if (details.deliveryRate === 'PENDING') return status('RATE_CHANGED')
  if (!details.delivered) return status('IN_PROGRESS')
  const { at, error } = details.delivered
  return { status: details.delivered.status, completedAt: details.delivered.status === 'COMPLETED' ? at : null, error }
}

/** Ends the present attempt, a step after it began. */
function deliver({ now, order, openAt }: View, desk: LspDesk<KaleidoswapOrder>): void {
  const { details } = order
  const at = details.deliveryFrom == null ? openAt : details.deliveryFrom + desk.stepMs
  if (details.delivered || details.deliveryRate === 'PENDING' || at === null || now < at) return
  if (details.deliveryRate == null && desk.faults.has('RATE_CHANGES_AT_DELIVERY')) {
    details.deliveryRate = 'PENDING'
    raisePrice(details)
  } else if (desk.faults.has('DELIVERY_FAILS')) {
    details.delivered = { status: 'FAILED', at, error: 'Keysend failed: no route to the client' }
  } else {
    details.delivered = { status: 'COMPLETED', at, error: null }
  }
}

function raisePrice(details: KaleidoswapOrder): void {
  if (details.assetPriceSat === null) return
  details.oldPriceSat = details.assetPriceSat
  details.assetPriceSat = fivePercentMore(details.assetPriceSat)
}

/** The order proceeds at the new price. The document does not say who pays the difference; here the LSP does. */
export function acceptRate({ details }: Order, now: EpochMs): null {
  if (details.rate === 'PENDING') {
    details.rate = 'ACCEPTED'
    details.decidedAt = now
  } else {
    details.deliveryRate = 'ACCEPTED'
    details.deliveryFrom = now
  }
  return null
}

/**
 * Refunds the order; where the channel is open, only the price of the asset. Returns the transaction; null: refunded by
 * Lightning, or there is no address for a refund on-chain.
 */
export function refuseRate({ order }: View, desk: LspDesk<KaleidoswapOrder>): string | null {
  const { details, refundAddress } = order
  if (details.rate === 'PENDING') {
    details.rate = 'REFUSED'
    details.decidedAt = desk.now()
    order.failedAt = desk.now()
    desk.payments.refund(order, refundAddress)
    return order.refundTxid
  }
  details.deliveryRate = 'REFUSED'
  details.delivered = { status: 'FAILED', at: desk.now(), error: 'Client declined the new rate' }
  if (refundAddress === null || details.oldPriceSat === null) return null
  order.refundTxid = desk.payments.sendBack(refundAddress, details.oldPriceSat)
  return order.refundTxid
}

export function retryDelivery({ details }: Order, now: EpochMs): void {
  details.delivered = null
  details.deliveryFrom = now
}

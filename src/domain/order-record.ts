import type { OrderChange } from './messages/order-changes.ts'
import type { Check } from './offer.ts'
import type { Payment, PaymentMaximums } from './payment.ts'
import type { Channel, JitChannel, OrderAsset, OrderState, Refund } from './order.ts'
import type { ChannelRequest, ChannelTerms } from './request.ts'
import type { Ending } from './ending.ts'
import type { EpochMs } from './time.ts'
import type { Sat } from './money.ts'

/** An order as it stands: what is stored with it and with each of its events. */
export interface Order extends Ending {
  id: string
  clientId: string
  lspId: string
  quoteId: string
  /** The one POST that made it, or may have made it. */
  placementId: string
  /** The client's own; absent: it gave none. */
  reference?: string
  state: OrderState
  /** Of its latest event. */
  sequence: number
  request: ChannelRequest
  /** What the LSP mirrors of the request, and the request's own where it mirrors nothing. */
  terms: ChannelTerms
  feeTotalSat: Sat
  orderTotalSat: Sat
  payment: Payment
  checks: readonly Check[]
  /** Set when the LSP changed what is to be paid after it was checked. */
  paymentWarning: string | null
  channel: Channel | null
  asset: OrderAsset | null
  refund: Refund | null
  lnurlChannel: string | null
  jit: JitChannel | null
  failureReason: string | null
  /** What came of asking the LSP to open the channel, where it waits to be asked; null: it was not asked yet. */
  openRequest: { failure: { message: string; isPeerMissing: boolean } | null } | null
  /** The client asked for its money back, and has not asked for the channel since; absent: it did not. */
  isRefundRequested?: boolean
  /** The client declined the new price of the asset; absent: it did not. */
  isRateDeclined?: boolean
  /** The LSP refused to deliver the asset again, or cannot; absent: it was not asked, or agreed. */
  isRetryRefused?: boolean
  /** When the LSP first reported a failure that a later poll must confirm; absent: it did not. */
  failureSuspectedAt?: EpochMs
  /** Another node, or another address, that the client named in openChannel; absent: none. */
  openNodeUri?: string
  /** Nodes of the LSP that its answers about this order named; absent: none. */
  lspNodeUris?: readonly string[]
  /** The length of the lease as it was ordered, in blocks; absent: `terms.channelExpiryBlocks`. */
  orderedBlocks?: number
  /** When the channel was closed, or was first reported as closing; absent: it was not. */
  channelClosedAt?: EpochMs
  lspOrderId: string | null
  lspState: string | null
  createdAt: EpochMs
  updatedAt: EpochMs
  expiresAt: EpochMs | null
  checkedAt: EpochMs | null
  /** The first sign of a payment; null: none was ever seen, so nothing can have been refunded. */
  paymentSeenAt: EpochMs | null
  /** The most that the LSP said has arrived, by whatever way; absent: nothing. */
  paidSat?: Sat
  /** When the funding transaction was first seen here, or the LSP was first heard to call the order complete. */
  fundedAt: EpochMs | null
  /** The end of the channel's lease that the client was reminded of; absent: never. */
  leaseRemindedFor?: EpochMs
  /** When it came from another gateway; absent: it was ordered here. */
  importedAt?: EpochMs
  /** For an imported order: its client has called an action here; absent: it has not. */
  hasClientActed?: boolean
  /** What is to be paid is not known here, and not shown, until the LSP has said it. */
  paymentUnconfirmed?: boolean
  /** The most that may leave the wallet by each payment option; absent: as `maximumsOf` says. */
  maximums?: PaymentMaximums
  /** The order has ended without a payment, and the LSP now reports it as open. Nothing of it is payable. */
  isReportedOpen?: boolean
  /** In records of earlier versions: the same for all options; absent: `orderTotalSat`. */
  maxOrderTotalSat?: Sat
}

/**
 * Whether all that is known of it is what an imported document says, which anybody can write. Until its LSP has
 * answered about it here, nothing is done with it there.
 */
export function isUnverifiedImport(order: Order): boolean {
  return order.importedAt !== undefined && order.paymentUnconfirmed === true
}

/**
 * Whether the gateway may ask the LSP to do something for the order by itself. A document decides what an imported order
 * says, so the client has to call an action first. Polls are always allowed.
 */
export function isAutomatic(order: Pick<Order, 'importedAt' | 'hasClientActed'>): boolean {
  return order.importedAt === undefined || order.hasClientActed === true
}

export interface OrderEvent {
  orderId: string
  clientId: string
  /** 1, 2, 3 … within one order. */
  sequence: number
  at: EpochMs
  previousState: OrderState | null
  state: OrderState
  message: string
  /** Absent: written by an earlier release, or imported. */
  changes?: readonly OrderChange[]
  order: Order
}

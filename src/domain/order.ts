import type { EpochMs } from './time.ts'
import type { Sat } from './money.ts'

export const ORDER_STATES = [
  'OUTCOME_UNKNOWN',
  'AWAITING_PAYMENT',
  'UNDERPAID',
  'PAYMENT_HELD',
  'PAID',
  'RATE_DECISION_REQUIRED',
  'CHANNEL_OPENING',
  'COMPLETED',
  'EXPIRED',
  'FAILED',
  'REFUND_PENDING',
  'REFUNDED',
  'UNKNOWN',
] as const
export type OrderState = (typeof ORDER_STATES)[number]

export const PAYMENT_STATES = [
  'EXPECT_PAYMENT',
  'UNDERPAID',
  'HOLD',
  'PAID',
  'TO_REFUND',
  'REFUNDED',
  'EXPIRED',
  'FAILED',
  'UNKNOWN',
] as const
export type PaymentState = (typeof PAYMENT_STATES)[number]

export const CHANNEL_STATES = ['PENDING', 'OPENING', 'OPEN', 'CLOSING', 'CLOSED', 'FAILED', 'UNKNOWN'] as const
export type ChannelState = (typeof CHANNEL_STATES)[number]

export const REFUND_STATES = ['UNSUPPORTED', 'AVAILABLE', 'IN_FLIGHT', 'PAID_OUT'] as const
export type RefundState = (typeof REFUND_STATES)[number]

export const ASSET_DELIVERY_STATUSES = [
  'NOT_REQUIRED',
  'PENDING',
  'IN_PROGRESS',
  'COMPLETED',
  'FAILED',
  'RATE_CHANGED',
] as const
export type AssetDeliveryStatus = (typeof ASSET_DELIVERY_STATUSES)[number]

interface PaymentOption<State> {
  state: State
  /** The LSP's own word for an UNKNOWN state; absent for the others, and where the adapter does not give it. */
  stateWord?: string
  /** The price of liquidity. As an LSP reports it, it may contain the price of a bought asset. */
  feeTotalSat: Sat
  /** What has to be paid: fee, client balance and the price of a bought asset. */
  orderTotalSat: Sat
}

export interface Bolt11Option<State = PaymentState> extends PaymentOption<State> {
  invoice: string
  /** null where the LSP leaves it to the invoice. */
  expiresAt: EpochMs | null
  /** true: the payment stays pending until the channel opens. null or absent: the protocol does not say. */
  isHold?: boolean | null
}

export interface Bolt12Option<State = PaymentState> extends PaymentOption<State> {
  offer: string
  expiresAt: EpochMs | null
}

/** One payment to the on-chain address of an order. Each value is null where the LSP does not report it. */
export interface Deposit {
  txid: string | null
  outputIndex: number | null
  amountSat: Sat
  confirmations: number | null
  /** The LSP accepted the payment before its first confirmation. */
  isZeroConf: boolean | null
}

/** At most so many deposits are kept and shown: the most recently reported ones. */
export const MOST_DEPOSITS = 20

export interface OnchainOption<State = PaymentState> extends PaymentOption<State> {
  address: string
  expiresAt: EpochMs | null
  minConfirmations: number | null
  /** Satoshis per 1000 weight units, as bLIP-51 has it. */
  minFeeFor0Conf: number | null
  refundOnchainAddress: string | null
  paidSat: Sat | null
  /** The payments that the LSP reports one by one; absent: it reports none. */
  deposits?: readonly Deposit[]
  /** When the LSP last looked for a payment; null or absent: it does not say. */
  lastCheckedAt?: EpochMs | null
  /** The LSP's own BIP 21 URI, where it gives one; absent where its protocol has none. */
  uri?: string
}

/** The payment options; a way that the LSP does not offer is null. All null: there is nothing to pay. */
export interface PaymentOptions<State = PaymentState> {
  bolt11: Bolt11Option<State> | null
  bolt12: Bolt12Option<State> | null
  onchain: OnchainOption<State> | null
}

export interface Channel {
  state: ChannelState
  channelId: string | null
  /** The id by which an RGB node lists a channel that is not funded yet; absent: the LSP reports none. */
  temporaryChannelId?: string
  shortChannelId: string | null
  /** txid:index, or the bare txid where the LSP tells no index. */
  fundingOutpoint: string | null
  fundedAt: EpochMs | null
  /** The LSP may close it after this. */
  expiresAt: EpochMs | null
  closingTxid: string | null
  /** null or absent: the LSP does not say. */
  closedAt?: EpochMs | null
}

export interface Refund {
  state: RefundState
  lightningSat: Sat | null
  onchainSat: Sat | null
  paidTo: string | null
  paidAt: EpochMs | null
  /** The transaction of an on-chain refund; null or absent: the LSP does not name it. */
  txid?: string | null
  /** The LSP owes the refund, and its protocol reports no progress of it. */
  isOwed?: boolean
}

export interface JitChannel {
  shortChannelId: string
  nodeId: string | null
  feePerPaymentSat: Sat | null
}

/** Amounts are decimal strings of the asset's smallest unit. */
export interface OrderAsset {
  assetId: string
  lspAmount: string | null
  clientAmount: string | null
  rfqId: string | null
  /** What the assets that the client buys cost, by the latest report. */
  priceSat: Sat | null
  /** The same when the order was placed; absent: the LSP has reported at most one price. */
  agreedPriceSat?: Sat
  deliveryStatus: AssetDeliveryStatus | null
  deliveryPaymentHash: string | null
  deliveredAt: EpochMs | null
  deliveryError: string | null
}

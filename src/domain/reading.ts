import type { ChannelTerms } from './request.ts'
import type { Channel, JitChannel, OrderAsset, OrderState, PaymentState, PaymentOptions, Refund } from './order.ts'
import type { EpochMs } from './time.ts'
import type { Sat } from './money.ts'

/**
 * What one answer of an LSP says of the order's state. FAILED_OR_LAPSED is for LSPs that use one word for
 * "it failed after you paid" and "you never paid" (the LSPS1 family): only what was seen before can tell which.
 */
export type ReadOrderState = OrderState | 'FAILED_OR_LAPSED'

/** REFUNDED_OR_LAPSED: LSPs of the LSPS1 family also report every unpaid offer that lapses as refunded. */
export type ReadPaymentState = PaymentState | 'REFUNDED_OR_LAPSED'

/**
 * One answer of an LSP about one order, in our words. Null means "this answer does not say"; what an earlier
 * answer said then still holds.
 */
export interface OrderReading {
  lspOrderId: string
  /** The LSP's own word for the state. */
  lspState: string
  state: ReadOrderState
  /** The terms that this answer mirrors. */
  terms: Partial<ChannelTerms>
  /** The payment options; null when this answer says nothing about payment at all. */
  payment: PaymentOptions<ReadPaymentState> | null
  /** The LSP states that there is nothing to pay. Never true only because no payment option was understood. */
  free: boolean
  /** What has arrived so far, by any way. */
  paidSat: Sat | null
  channel: Channel | null
  asset: OrderAsset | null
  refund: Refund | null
  lnurlChannel: string | null
  jit: JitChannel | null
  failureReason: string | null
  /** The client's node as this answer repeats it; null: the protocol does not repeat it here. */
  clientNode: ClientNode | null
  /** Nodes of the LSP that this answer names: pubkey@host:port, or a bare pubkey. */
  lspNodeUris: readonly string[]
  createdAt: EpochMs | null
  /** Not payable after this; null where only the payment options say. */
  expiresAt: EpochMs | null
  /** A secret that later calls about this order need. Never shown, never logged. */
  accessToken: string | null
}

/** `uri`: pubkey@host:port, or a bare pubkey; null: the protocol requires it, and the answer has none that is readable. */
export interface ClientNode {
  uri: string | null
}

export const EMPTY_READING: Omit<OrderReading, 'lspOrderId' | 'lspState' | 'state'> = {
  terms: {},
  payment: null,
  free: false,
  paidSat: null,
  channel: null,
  asset: null,
  refund: null,
  lnurlChannel: null,
  jit: null,
  failureReason: null,
  clientNode: null,
  lspNodeUris: [],
  createdAt: null,
  expiresAt: null,
  accessToken: null,
}

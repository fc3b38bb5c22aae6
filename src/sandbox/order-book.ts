import { ZERO_SAT, type Sat } from '../domain/money.ts'
import type { EpochMs } from '../domain/time.ts'

/** The channel of an order, with all of its ids. Each protocol reports some of them. */
export interface OpenedChannel {
  readonly fundingTxid: string
  readonly outputIndex: number
  readonly shortChannelId: string
  /** Its id before the funding transaction exists. */
  readonly temporaryId: string
  readonly channelId: string
}

/**
 * An order as the LSP stores it: plain data. The network knows what was paid; the desk computes the rest from the
 * clock at each look.
 */
export interface StoredOrder<Details> {
  readonly id: string
  readonly createdAt: EpochMs
  /** The end of the payment option that lasts longest. */
  readonly expiresAt: EpochMs
  readonly invoiceExpiresAt: EpochMs
  readonly feeSat: Sat
  readonly clientBalanceSat: Sat
  readonly totalSat: Sat
  readonly invoice: string
  readonly paymentHash: string
  /** A BOLT 12 offer beside the invoice, and the hash of its payment; null where the LSP makes none. */
  readonly offer: string | null
  readonly offerPaymentHash: string | null
  /** null where this order cannot be paid on-chain. */
  readonly address: string | null
  readonly refundAddress: string | null
  /** When the LSP began to open the channel. */
  openingAt: EpochMs | null
  /** Set together with `openingAt`. */
  channel: OpenedChannel | null
  failedAt: EpochMs | null
  refundedAt: EpochMs | null
  refundTxid: string | null
  /** How many of the deposits were sent back. */
  refundedDeposits: number
  /** Fees that the LSP took from payments that it forwarded to the client (JIT). */
  forwardingFeesSat: Sat
  /** When the LSP published the closing transaction; `closingTxid` is set together with it. */
  closingAt: EpochMs | null
  closingTxid: string | null
  /** OUTPOINT_REPLACED has replaced the funding transaction. */
  isOutpointReplaced: boolean
  /** The fields of this protocol alone. */
  details: Details
}

/** The fields that orders of an older state file lack. */
export const LATER_FIELDS = {
  offer: null,
  offerPaymentHash: null,
  refundedDeposits: 0,
  forwardingFeesSat: ZERO_SAT,
  closingAt: null,
  closingTxid: null,
  isOutpointReplaced: false,
}

export class OrderBook<Details> {
  readonly #orders = new Map<string, StoredOrder<Details>>()

  add(order: StoredOrder<Details>): void {
    this.#orders.set(order.id, order)
  }

  get(id: string): StoredOrder<Details> | null {
    return this.#orders.get(id) ?? null
  }

  all(): readonly StoredOrder<Details>[] {
    return [...this.#orders.values()]
  }

  get size(): number {
    return this.#orders.size
  }
}

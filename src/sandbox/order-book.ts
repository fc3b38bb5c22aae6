import type { Sat } from '../domain/money.ts'
import type { EpochMs } from '../domain/time.ts'

/** The channel that is opened for an order, and what it will be known by; told as far as the protocol tells it. */
export interface OpenedChannel {
  readonly fundingTxid: string
  readonly outputIndex: number
  readonly shortChannelId: string
  /** What identified it before its funding transaction did. */
  readonly temporaryId: string
  readonly channelId: string
}

/**
 * An order as the LSP writes it down: plain data. What was paid is the network's to tell; what time alone makes of
 * the order is computed when somebody looks.
 */
export interface StoredOrder<Details> {
  readonly id: string
  readonly createdAt: EpochMs
  /** Not payable after this, by whichever way lasts longest. */
  readonly expiresAt: EpochMs
  readonly invoiceExpiresAt: EpochMs
  readonly feeSat: Sat
  readonly clientBalanceSat: Sat
  readonly totalSat: Sat
  readonly invoice: string
  readonly paymentHash: string
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
  /** What only this protocol knows. */
  details: Details
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

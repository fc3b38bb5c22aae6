import type { StoredOrder } from './order-book.ts'
import type { ReceivedPayments } from './payments.ts'
import type { EpochMs } from '../domain/time.ts'

/**
 * The stage of an order, which each protocol translates into its own words. OPENING: the LSP negotiates with the
 * client's node; FUNDED: the funding transaction is published; OPEN: it is confirmed. CLOSING and CLOSED: the closing
 * transaction is published, or confirmed. LAPSED: not paid in time. REFUNDING: the order failed, and its payment is not
 * returned yet.
 */
export type Stage =
  | 'AWAITING_PAYMENT'
  | 'UNDERPAID'
  | 'LAPSED'
  | 'PAID'
  | 'OPENING'
  | 'FUNDED'
  | 'OPEN'
  | 'CLOSING'
  | 'CLOSED'
  | 'REFUNDING'
  | 'REFUNDED'

export interface OrderView<Details> {
  /** The time of the view. */
  readonly now: EpochMs
  readonly order: StoredOrder<Details>
  readonly stage: Stage
  readonly received: ReceivedPayments
  /** When the funding transaction was published; null before. */
  readonly fundedAt: EpochMs | null
  /** When it was confirmed; null before. */
  readonly openAt: EpochMs | null
  /** When the closing transaction was confirmed; null before. */
  readonly closedAt: EpochMs | null
}

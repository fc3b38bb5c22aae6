import type { OrderState } from './order.ts'
import type { EpochMs } from './time.ts'

// Why nothing of an order may be paid, whatever its payment options say. Pure.

/** The part of an order that decides whether its LSP still accepts a payment. */
export interface Ending {
  state: OrderState
  /** When the LSP first answered that it does not know the order; null or absent: the LSP knows it. */
  notFoundAt?: EpochMs | null
  /** When the order first ended; absent: it never did. Kept when a payment moves the order on. */
  endedAt?: EpochMs
}

const ENDED: ReadonlySet<OrderState> = new Set(['COMPLETED', 'EXPIRED', 'FAILED', 'REFUNDED'])

export const isEnded = (state: OrderState) => ENDED.has(state)

export function isUnknownToLsp({ notFoundAt = null }: Pick<Ending, 'notFoundAt'>): boolean {
  return notFoundAt !== null
}

/** Whether the order has ended once. Nothing of it is payable from then on, whatever the LSP or the clock says later. */
export function hasEnded({ state, endedAt }: Pick<Ending, 'state' | 'endedAt'>): boolean {
  return endedAt !== undefined || ENDED.has(state)
}

/**
 * The state after a report that shows no payment. Clients were told that an unpaid order had ended: only a payment, or
 * an effect that no LSP gives without one, moves it.
 */
export function stateAfterEnd(before: OrderState, reported: OrderState): OrderState {
  switch (before) {
    case 'EXPIRED':
    case 'FAILED':
      return reported === 'COMPLETED' || reported === 'REFUNDED' ? reported : before
    case 'COMPLETED':
    case 'REFUNDED':
      return reported === 'AWAITING_PAYMENT' ? before : reported
    default:
      return reported
  }
}

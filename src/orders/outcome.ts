import type { FailureDetails } from '../domain/failure.ts'
import type { Sat } from '../domain/money.ts'
import type { PaymentMethod } from '../domain/payment.ts'
import type { Order } from '../domain/order-record.ts'
import type { Quote } from '../domain/quote.ts'
import type { EpochMs } from '../domain/time.ts'

// What a client asks for when it orders, and what it is answered.

export interface OrderInput {
  quoteId: string
  idempotencyKey: string
  /** The most that may leave the wallet by any payment option; null: for each option, what the quote said. */
  maxOrderTotalSat: Sat | null
  /** The client pays by one of these only; null: by any. */
  paymentMethods: readonly PaymentMethod[] | null
  reference: string | null
  email: string | null
}

export type OrderOutcome =
  | { kind: 'order'; order: Order }
  /** `reason`: what is worse than agreed; absent: the price. */
  | { kind: 'price-changed'; previousQuote: Quote; quote: Quote; reason?: string }
  | { kind: 'quote-expired'; expiredAt: EpochMs }
  | { kind: 'quote-not-found' }
  | { kind: 'conflict'; order: Order | null }
  | { kind: 'lsp'; lspId: string; failure: FailureDetails }

/** What is kept under an idempotency key: the outcome, with the id of the order that it is about. */
export type KeptAnswer =
  | { kind: 'order'; orderId: string }
  | { kind: 'price-changed'; previousQuote: Quote; quote: Quote; reason?: string }
  | { kind: 'quote-expired'; expiredAt: EpochMs }
  | { kind: 'quote-not-found' }
  | { kind: 'lsp'; lspId: string; failure: FailureDetails }

export function keptAnswer(outcome: OrderOutcome): KeptAnswer {
  if (outcome.kind === 'order') return { kind: 'order', orderId: outcome.order.id }
  if (outcome.kind === 'conflict') throw new Error('a conflict is answered by the key that was there before')
  return outcome
}

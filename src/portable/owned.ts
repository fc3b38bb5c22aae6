import type { PortableContents, PortableLsp, PortableOrder } from './document.ts'
import { minSat, type Sat } from '../domain/money.ts'
import type { Order } from '../domain/order-record.ts'
import type { OrderState } from '../domain/order.ts'
import { NO_PAYMENT, sameMaximum, type PaymentMaximums } from '../domain/payment.ts'
import type { Quote } from '../domain/quote.ts'

// What a document says becomes an order and a quote of this gateway.

/** Whose an import becomes here. */
export interface Owner {
  clientId: string
  lspId: string
  placementId: string
  quoteId: string
}

/** Documents of earlier versions have one maximum, or none; it limits every option. */
export function importedMaximums({ maximums, maxOrderTotalSat, orderTotalSat }: PortableOrder): PaymentMaximums {
  const mostSat = maxOrderTotalSat ?? orderTotalSat
  const limited = (maximum: Sat | null) => maximum && minSat([maximum, mostSat])
  return maximums
    ? { bolt11: limited(maximums.bolt11), bolt12: limited(maximums.bolt12), onchain: limited(maximums.onchain) }
    : sameMaximum(mostSat)
}

/** Without what can be paid or opened: that is what the LSP says, not what a document says. */
export function ownedOrder(order: PortableOrder, owner: Owner, { lspOrderId }: PortableLsp): Order {
  return {
    ...order,
    ...owner,
    lspOrderId,
    payment: NO_PAYMENT,
    checks: [],
    paymentWarning: 'it was ordered at another gateway, and its LSP has not said here what is to be paid',
    paymentUnconfirmed: true,
    lnurlChannel: null,
    jit: null,
  }
}

/**
 * OUTCOME_UNKNOWN waits for the answer to a POST, which nobody here has sent. What the LSP has named stands there, as
 * far as is known: it is asked what is to be paid. What it has not is over.
 */
export function importedState({ state }: PortableOrder, { lspOrderId }: PortableLsp): OrderState {
  return state === 'OUTCOME_UNKNOWN' && lspOrderId !== null ? 'AWAITING_PAYMENT' : state
}

/** It leads to the order that it became, and to no other. */
export function ownedQuote(
  quote: NonNullable<PortableContents['quote']>,
  { clientId, lspId, placementId, quoteId }: Owner,
  orderedAt: number,
): Quote {
  return { ...quote, id: quoteId, clientId, lspId, placementId, checks: [], expiresAt: quote.expiresAt ?? orderedAt }
}

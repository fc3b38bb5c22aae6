import type { Agreed } from './new-order.ts'
import { LspFailure } from '../domain/failure.ts'
import { isAboveMaximums } from '../domain/maximum.ts'
import type { Order } from '../domain/order-record.ts'
import { isSettled, mapOptions, optionsOf, withinMaximums, type PaymentMaximums } from '../domain/payment.ts'
import type { Placement } from '../store/placements.ts'

// What a client agreed to, compared with what an LSP asks.

/** The answer to an order by payment methods of which the LSP offers none. */
export const METHOD_NOT_OFFERED = new LspFailure(
  'UNSUPPORTED',
  'this LSP offers none of the requested payment methods for this channel. Use other paymentMethods, or another LSP',
  { field: 'paymentMethods' },
)

/**
 * Why the client may pay by no option of the LSP's offer: each costs more than agreed, or is by a method that it excluded.
 * null: it may pay, or there is no offer.
 */
export function priceRefusal(
  placement: Pick<Placement, 'offer'> | null,
  maximums: PaymentMaximums,
): 'price' | 'method' | null {
  const payment = placement?.offer?.payment ?? null
  if (payment === null || !isAboveMaximums(payment, maximums)) return null
  const allowed = mapOptions(payment, (option, method) => (maximums[method] === null ? null : option))
  return optionsOf(allowed).length === 0 ? 'method' : 'price'
}

/** Whether an option of the order may still be paid that costs more than this. */
export function asksMoreThan({ payment }: Order, maximums: PaymentMaximums): boolean {
  const unsettled = mapOptions(payment, (option) => (isSettled(option) ? null : option))
  return optionsOf(withinMaximums(unsettled, maximums)).length < optionsOf(unsettled).length
}

/** Only what a client ordered is placed for a client; an order for its price alone is agreed to when it is adopted. */
export function agreedOf({ id, agreed }: Placement): Agreed {
  if (!agreed) throw new Error(`nobody agreed to placement ${id}`)
  return agreed
}

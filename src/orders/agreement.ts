import type { Agreed } from './new-order.ts'
import { isAboveMaximums } from '../domain/maximum.ts'
import type { Order } from '../domain/order-record.ts'
import { isSettled, mapOptions, optionsOf, withinMaximums, type PaymentMaximums } from '../domain/payment.ts'
import type { Placement } from '../store/placements.ts'

// What a client agreed to, compared with what an LSP asks.

/** Whether the LSP answered with an offer of which each option costs more than agreed. */
export function isTooDear(placement: Pick<Placement, 'offer'> | null, maximums: PaymentMaximums): boolean {
  const payment = placement?.offer?.payment ?? null
  return payment !== null && isAboveMaximums(payment, maximums)
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

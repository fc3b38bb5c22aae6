import { hasEnded, isUnknownToLsp } from './ending.ts'
import type { OrderState } from './order.ts'
import { due, isSettled, optionsOf, payableUntil, type Owed } from './payment.ts'
import type { EpochMs } from './time.ts'

/** Whether a wallet may pay, in one word. */
export const PAYABILITIES = ['PAYABLE', 'PAID', 'NOTHING_DUE', 'WITHHELD', 'EXPIRED'] as const
export type Payability = (typeof PAYABILITIES)[number]

const NEEDS_NO_PAYMENT: ReadonlySet<OrderState> = new Set(['PAID', 'CHANNEL_OPENING', 'COMPLETED'])

/** PAYABLE exactly if `due` has a payment option. In doubt it is WITHHELD. */
export function payabilityOf(owed: Owed, now: EpochMs): Payability {
  if (optionsOf(due(owed, now)).length > 0) return 'PAYABLE'
  const options = optionsOf(owed.payment)
  if (owed.paymentSeenAt !== null || options.some(isSettled)) return 'PAID'
  if ((owed.paymentWarning ?? null) !== null || isUnknownToLsp(owed)) return 'WITHHELD'
  if (options.length === 0 && NEEDS_NO_PAYMENT.has(owed.state)) return 'NOTHING_DUE'
  const until = payableUntil(owed)
  const isLate = until !== null && now > until
  return isLate || owed.state === 'EXPIRED' || (hasEnded(owed) && owed.state === 'AWAITING_PAYMENT')
    ? 'EXPIRED'
    : 'WITHHELD'
}

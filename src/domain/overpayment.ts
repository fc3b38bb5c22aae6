import type { Check } from './checks.ts'
import { sat, ZERO_SAT, type Sat } from './money.ts'
import { arrivedSat, isSettled, optionsOf, type Owed } from './payment.ts'

// More than the total was paid. Pure.

type Paid = Pick<Owed, 'payment' | 'paidSat'> & { orderTotalSat: Sat }

/** What has arrived beyond the total; 0 where the LSP reports no amounts. */
export function overpaidSat(order: Paid): Sat {
  const arrived = arrivedSat(order)
  const totalSat = totalOf(order)
  return arrived > totalSat ? sat(arrived - totalSat) : ZERO_SAT
}

/** The total of the option that was paid. */
function totalOf({ payment, orderTotalSat }: Paid): Sat {
  const { onchain } = payment
  if (onchain !== null && (onchain.paidSat ?? 0) > 0) return onchain.orderTotalSat
  return optionsOf(payment).find(isSettled)?.orderTotalSat ?? onchain?.orderTotalSat ?? orderTotalSat
}

/** null: not more than the total has arrived, as far as the LSP reports. */
export function verifyAmountPaid(order: Paid): Check | null {
  const excessSat = overpaidSat(order)
  if (excessSat === 0) return null
  return {
    code: 'AMOUNT_PAID',
    verdict: 'WARNING',
    message: `${arrivedSat(order)} sat have arrived, ${excessSat} sat more than the total of ${totalOf(order)} sat`,
    expected: `${totalOf(order)} sat`,
    actual: `${arrivedSat(order)} sat`,
  }
}

import { writePaymentUri } from './bip21.ts'
import { sat } from './money.ts'
import { isSettled, optionsOf, type Payment } from './payment.ts'

/** One BIP 21 URI for all options of `payment`, which are those that may be paid now; null if there is nothing to pay. */
export function paymentUriOf(payment: Payment): string | null {
  const { bolt11, bolt12, onchain } = payment
  const options = optionsOf(payment)
  if (options.length === 0 || options.some(isSettled)) return null
  // A wallet would send all of it again, or any amount.
  if (onchain?.state === 'UNDERPAID' && onchain.paidSat === null) return null
  return writePaymentUri({
    address: onchain?.address ?? '',
    amountSat: onchain && sat(onchain.orderTotalSat - (onchain.paidSat ?? 0)),
    invoice: bolt11?.invoice ?? null,
    offer: bolt12?.offer ?? null,
  })
}

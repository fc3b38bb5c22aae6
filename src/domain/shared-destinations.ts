import type { Check } from './checks.ts'
import type { VerifiedOffer } from './offer.ts'

// Invoices, offers, addresses and order ids that an LSP gave to more than one order.

/** Who else was asked to pay to the same hash or address. */
export type OtherPayer = 'NOBODY' | 'SAME_ORDER' | 'ANOTHER_ORDER'

/**
 * The offer without what another order is to be paid by as well: of two that are paid alike, an LSP delivers one at
 * most. An invoice that is another's discredits all of it.
 */
export function withoutShared(
  offer: VerifiedOffer,
  others: { hash: OtherPayer; offer: OtherPayer; address: OtherPayer },
): VerifiedOffer {
  if (offer.payment === null) return offer
  const { bolt11, bolt12, onchain } = offer.payment
  const checks: Check[] = []
  if (bolt11 !== null) {
    const verdict = { NOBODY: 'PASSED', SAME_ORDER: 'WARNING', ANOTHER_ORDER: 'FAILED' } as const
    checks.push({
      code: 'PAYMENT_HASH_IS_NEW',
      verdict: verdict[others.hash],
      message: `${SHARED[others.hash]} to the payment hash ${bolt11.paymentHash}`,
      method: 'BOLT11',
      actual: bolt11.paymentHash,
    })
  }
  if (bolt12 !== null)
    checks.push({
      code: 'OFFER_IS_NEW',
      verdict: others.offer === 'NOBODY' ? 'PASSED' : 'WARNING',
      message: `${SHARED[others.offer]} by the offer`,
      method: 'BOLT12',
    })
  if (onchain !== null)
    checks.push({
      code: 'ONCHAIN_ADDRESS_IS_NEW',
      verdict: others.address === 'NOBODY' ? 'PASSED' : 'WARNING',
      message: `${SHARED[others.address]} to the address`,
      method: 'ONCHAIN',
    })
  const isDiscredited = bolt11 !== null && others.hash === 'ANOTHER_ORDER'
  return {
    ...offer,
    payment: isDiscredited
      ? null
      : {
          bolt11,
          bolt12: others.offer === 'ANOTHER_ORDER' ? null : bolt12,
          onchain: others.address === 'ANOTHER_ORDER' ? null : onchain,
        },
    checks: [...offer.checks, ...checks],
  }
}

/** The offer where the LSP has given its id to another order too: of the two, nobody can tell which one was paid. */
export function withoutName(offer: VerifiedOffer, lspOrderId: string): VerifiedOffer {
  return {
    ...offer,
    payment: null,
    checks: [
      ...offer.checks,
      {
        code: 'ORDER_ID_IS_NEW',
        verdict: 'FAILED',
        message: `the LSP calls another order ${lspOrderId}, too`,
        actual: lspOrderId,
      },
    ],
  }
}

const SHARED: Readonly<Record<OtherPayer, string>> = {
  NOBODY: 'no other order is to be paid',
  SAME_ORDER: 'the LSP answered with the order that it gave before, which is to be paid',
  ANOTHER_ORDER: 'another order is to be paid',
}

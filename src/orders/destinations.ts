import { createHash } from 'node:crypto'
import { canonicalAddress } from '../domain/address.ts'
import { canonicalOffer } from '../domain/bolt12.ts'
import { NO_PAYMENT, type Payment } from '../domain/payment.ts'
import type { VerifiedOffer } from '../domain/offer.ts'
import { withoutName, withoutShared, type OtherPayer } from '../domain/shared-destinations.ts'
import type { EpochMs } from '../domain/time.ts'
import type { Placement } from '../store/placements.ts'
import type { Stores } from '../store/store.ts'

type Placed = Pick<Placement, 'id' | 'clientId' | 'lspId' | 'lspOrderId'>

/** One text for each payment option, as the store compares them; null: the LSP does not offer the option. */
export function destinationsOf({ bolt11, bolt12, onchain }: Payment) {
  return {
    hash: bolt11 && bolt11.paymentHash,
    // An offer may be longer than an index takes.
    offer: bolt12 && createHash('sha256').update(canonicalOffer(bolt12.offer)).digest('hex'),
    address: onchain && canonicalAddress(onchain.address),
  }
}

interface Claimed {
  offer: VerifiedOffer
  /** Whether another order has the same payment destination. */
  isShared: boolean
}

/**
 * Records the payment destinations of an offer, and returns the offer without the destinations that another order has
 * recorded. If nobody has ordered that other one yet, it may be the same order at the LSP, reported twice.
 */
export async function claimDestinations(
  stores: Pick<Stores, 'destinations' | 'placements'>,
  placement: Placed,
  offer: VerifiedOffer,
  now: EpochMs,
): Promise<Claimed> {
  const whose = async (destination: string | null): Promise<OtherPayer> => {
    const holder = destination === null ? placement.id : await stores.destinations.claim(destination, placement.id)
    if (holder === placement.id) return 'NOBODY'
    const other = await stores.placements.get(holder)
    const isSameOrder =
      other?.clientId === placement.clientId &&
      other.lspId === placement.lspId &&
      other.lspOrderId === placement.lspOrderId &&
      other.orderId === null
    return isSameOrder ? 'SAME_ORDER' : 'ANOTHER_ORDER'
  }
  const destinations = destinationsOf(offer.payment ?? NO_PAYMENT)
  const others = {
    hash: await whose(destinations.hash),
    offer: await whose(destinations.offer),
    address: await whose(destinations.address),
  }
  const found = Object.values(others)
  const isShared = found.includes('ANOTHER_ORDER')
  // Where the LSP gave one order twice, the id is the same by right.
  const hasNamesake =
    !isShared &&
    !found.includes('SAME_ORDER') &&
    placement.lspOrderId !== null &&
    (await stores.placements.namesakes(placement, now)).length > 0
  const unshared = withoutShared(offer, others)
  return { offer: hasNamesake ? withoutName(unshared, placement.lspOrderId ?? '') : unshared, isShared }
}

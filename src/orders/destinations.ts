import { withoutShared, type OtherPayer, type VettedOffer } from '../domain/offer.ts'
import type { Placement } from '../store/placements.ts'
import type { Stores } from '../store/store.ts'

/** What is asked to be paid, without what another order is to be paid by as well; the rest is this order's from now on. */
export async function withOwnDestinations(stores: Pick<Stores, 'destinations' | 'placements'>, placement: Pick<Placement, 'id' | 'clientId' | 'lspId' | 'lspOrderId'>, offer: VettedOffer): Promise<VettedOffer> {
  const whose = async (destination: string | undefined): Promise<OtherPayer> => {
    const holder = destination === undefined ? placement.id : await stores.destinations.claim(destination, placement.id)
    if (holder === placement.id) return 'NOBODY'
    const other = await stores.placements.get(holder)
    const isSameOrder = other?.clientId === placement.clientId && other.lspId === placement.lspId && other.lspOrderId === placement.lspOrderId
    return isSameOrder ? 'SAME_ORDER' : 'ANOTHER_ORDER'
  }
  const hash = await whose(offer.payment?.bolt11?.paymentHash)
  const address = await whose(offer.payment?.onchain?.address)
  return withoutShared(offer, { hash, address })
}

import { withoutShared, type OtherPayer, type VettedOffer } from '../domain/offer.ts'
import type { Placement } from '../store/placements.ts'
import type { Stores } from '../store/store.ts'

/**
 * Takes down where it is to be paid to, and gives what is asked without what another order is to be paid by as well.
 * Where that one is nobody's order yet, it may be the same order at the LSP, which gave it twice.
 */
export async function claimDestinations(stores: Pick<Stores, 'destinations' | 'placements'>, placement: Pick<Placement, 'id' | 'clientId' | 'lspId' | 'lspOrderId'>, offer: VettedOffer): Promise<{ offer: VettedOffer; isShared: boolean }> {
  const whose = async (destination: string | undefined): Promise<OtherPayer> => {
    const holder = destination === undefined ? placement.id : await stores.destinations.claim(destination, placement.id)
    if (holder === placement.id) return 'NOBODY'
    const other = await stores.placements.get(holder)
    const isSameOrder = other?.clientId === placement.clientId && other.lspId === placement.lspId && other.lspOrderId === placement.lspOrderId && other.orderId === null
    return isSameOrder ? 'SAME_ORDER' : 'ANOTHER_ORDER'
  }
  const hash = await whose(offer.payment?.bolt11?.paymentHash)
  const address = await whose(offer.payment?.onchain?.address)
  return { offer: withoutShared(offer, { hash, address }), isShared: hash === 'ANOTHER_ORDER' || address === 'ANOTHER_ORDER' }
}

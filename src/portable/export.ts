import { createRequire } from 'node:module'
import { DOCUMENT_FORMAT, DOCUMENT_VERSION } from './document.ts'
import { seal } from './seal.ts'
import { maxSat, ZERO_SAT, type Sat } from '../domain/money.ts'
import { commonDue, shownOf, waysOf } from '../domain/payment.ts'
import type { Order, OrderEvent } from '../domain/order-record.ts'
import type { OrderReading } from '../domain/reading.ts'
import type { Clock } from '../domain/time.ts'
import type { Placement } from '../store/placements.ts'
import type { Store } from '../store/store.ts'
import type { LspRegistry } from '../upstream/registry.ts'
import { redactTexts } from '../upstream/secrets.ts'

const BATCH = 500

export interface ExportContext {
  store: Store
  lsps: LspRegistry
  clock: Clock
}

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

/**
 * An order as one JSON document. What is to be paid is in it as far as a wallet may be shown it now, and what the LSP
 * wants to hear from whoever asks about the order only under `sealKey`. null when the client has no such order.
 */
export async function exportOrder({ store, lsps, clock }: ExportContext, clientId: string, id: string, sealKey: string | null): Promise<string | null> {
  const tracked = await store.orders.get(id)
  if (tracked?.order.clientId !== clientId) return null
  const shown = shownOf(tracked.order, clock.now())
  const { clientId: _, lspId, ...order } = { ...withoutToken(tracked.order), payment: shown }
  const [quote] = await store.quotes.byIds(clientId, [order.quoteId])
  const placement = await store.placements.get(order.placementId)
  const { settings } = lsps.require(lspId)
  const { protocol, url, network } = settings
  const { lspOrderId } = order
  // One that the LSP never named cannot be asked about, with whatever token.
  const token = lspOrderId !== null && placement?.accessToken ? { protocol, url, network, lspOrderId, accessToken: placement.accessToken } : null
  const events = (await allEvents(store, id, tracked.order.sequence)).map((event) => ({ ...event, order: { ...event.order, payment: commonDue(event.order.payment, shown) } }))
  const document = {
    format: DOCUMENT_FORMAT,
    version: DOCUMENT_VERSION,
    gateway: `sluice ${version}`,
    exportedAt: new Date(clock.now()).toISOString(),
    lsp: {
      id: lspId,
      name: settings.name,
      protocol,
      url,
      network,
      lspOrderId,
      needsAccessToken: token !== null,
      sealedAccessToken: token && sealKey !== null ? await seal(token, sealKey) : null,
    },
    quote: quote ? withoutToken(quote) : null,
    order: { ...order, maxOrderTotalSat: mostAgreedTo(tracked.order, placement) },
    /** What the LSP answered when it was ordered. */
    answer: placement?.reading ? withoutPayment(placement.reading) : null,
    events: events.map((event, index) => portableEvent(event, events[index - 1]?.order ?? null)),
  }
  // The LSP may have repeated them in any text, its own token in the very answer that brought it.
  return JSON.stringify(redactTexts(document, [placement?.accessToken ?? null, settings.auth, tracked.order.request.token]))
}

/** As far as the order goes that they come with: what happens meanwhile is not in it. */
async function allEvents(store: Store, id: string, lastSequence: number): Promise<OrderEvent[]> {
  const events: OrderEvent[] = []
  while ((events.at(-1)?.sequence ?? 0) < lastSequence) {
    const batch = await store.orders.events(id, events.length, BATCH)
    if (batch.length === 0) throw new Error(`the log of the order ${id} ends before its last event`)
    events.push(...batch)
  }
  return events.slice(0, lastSequence)
}

/** Only what is otherwise than before: most of an order stays as it is. */
function portableEvent({ sequence, at, previousState, state, message, order }: OrderEvent, before: Order | null) {
  const { clientId: _, lspId: __, ...snapshot } = withoutToken(order)
  const known: Record<string, unknown> = before === null ? {} : { ...withoutToken(before) }
  const changed = Object.entries(snapshot).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(known[key]))
  return { sequence, at, previousState, state, message, order: Object.fromEntries(changed) }
}

/** No way to pay that costs more was ever handed out: elsewhere, none is either. */
function mostAgreedTo({ maxOrderTotalSat, orderTotalSat, payment }: Order, placement: Placement | null): Sat {
  return maxOrderTotalSat ?? maxSat([orderTotalSat, placement?.agreed?.maxTotalSat ?? ZERO_SAT, ...waysOf(payment).map((way) => way.orderTotalSat)])
}

function withoutPayment({ payment: _, ...reading }: OrderReading) {
  return reading
}

/** The coupon of an LSP was of use once, when the channel was asked for. */
function withoutToken<Holder extends Pick<Order, 'request'>>(holder: Holder): Holder {
  return { ...holder, request: { ...holder.request, token: null } }
}

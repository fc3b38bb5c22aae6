import { createRequire } from 'node:module'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { DOCUMENT_FORMAT, DOCUMENT_VERSION, MAX_DOCUMENT_CHARACTERS, MAX_EVENTS } from './document.ts'
import { seal } from './seal.ts'
import { largestMaximum } from '../domain/maximum.ts'
import { commonDue, maximumsOf, shownOf, type Payment } from '../domain/payment.ts'
import type { Order } from '../domain/order-record.ts'
import type { OrderReading } from '../domain/reading.ts'
import type { Clock } from '../domain/time.ts'
import type { Store } from '../store/store.ts'
import type { LspRegistry } from '../upstream/registry.ts'
import { redactTexts } from '../upstream/secrets.ts'

/** Read and compared at once; in between, others are answered. */
const BATCH = 50

/** No gateway would take the document in; the message is for whoever asked for it. */
export class TooLargeToMove extends Error {
  override name = 'TooLargeToMove'
}

export interface ExportContext {
  store: Store
  lsps: LspRegistry
  clock: Clock
}

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

/**
 * An order as one JSON document. What is to be paid is in it as far as a wallet may be shown it now, and what the LSP
 * wants to hear from whoever asks about the order only under `sealKey`. null when the client has no such order.
 * @throws TooLargeToMove
 */
export async function exportOrder(
  { store, lsps, clock }: ExportContext,
  clientId: string,
  id: string,
  sealKey: string | null,
): Promise<string | null> {
  const tracked = await store.orders.get(id)
  if (tracked?.order.clientId !== clientId) return null
  if (tracked.order.sequence > MAX_EVENTS)
    throw new TooLargeToMove(
      `this order has ${tracked.order.sequence} events, and importOrder takes in no more than ${MAX_EVENTS}`,
    )
  const shown = shownOf(tracked.order, clock.now())
  const { clientId: _, lspId, ...order } = { ...withoutToken(tracked.order), payment: shown }
  const [quote] = await store.quotes.byIds(clientId, [order.quoteId])
  const placement = await store.placements.get(order.placementId)
  const { settings } = await lsps.find(lspId)
  const { protocol, url, network } = settings
  const { lspOrderId } = order
  // One that the LSP never named cannot be asked about, with whatever token.
  const token =
    lspOrderId !== null && placement?.accessToken
      ? { protocol, url, network, lspOrderId, accessToken: placement.accessToken }
      : null
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
    order: {
      ...order,
      maximums: maximumsOf(order),
      // Gateways of earlier versions know one maximum for all options.
      maxOrderTotalSat: largestMaximum(maximumsOf(order)),
    },
    /** What the LSP answered when it was ordered. */
    answer: placement?.reading ? withoutPayment(placement.reading) : null,
    events: await portableEvents(store, tracked.order, shown),
  }
  // The LSP may have repeated them in any text, its own token in the very answer that brought it.
  const text = JSON.stringify(
    redactTexts(document, [placement?.accessToken ?? null, settings.auth, tracked.order.request.token]),
  )
  // As long as it is in the request that brings it.
  if (Buffer.byteLength(JSON.stringify(text)) > MAX_DOCUMENT_CHARACTERS)
    throw new TooLargeToMove(
      `this order's document would be longer than the ${MAX_DOCUMENT_CHARACTERS} characters that importOrder takes in`,
    )
  return text
}

/**
 * Of each event only what is otherwise than before: most of an order stays as it is. As far as the order goes that they
 * come with: what happens meanwhile is not in it.
 */
async function portableEvents(store: Store, { id, sequence: last }: Order, shown: Payment) {
  const events = []
  let known: ReadonlyMap<string, string> = new Map()
  while (events.length < last) {
    await othersTurn()
    const batch = await store.orders.events(id, events.length, Math.min(BATCH, last - events.length))
    if (batch.length === 0) throw new Error(`the log of the order ${id} ends before its last event`)
    for (const { sequence, at, previousState, state, message, order } of batch) {
      const {
        clientId: _,
        lspId: __,
        ...snapshot
      } = { ...withoutToken(order), payment: commonDue(order.payment, shown) }
      const texts = new Map(Object.entries(snapshot).map(([key, value]) => [key, JSON.stringify(value)]))
      const changed = Object.entries(snapshot).filter(([key]) => texts.get(key) !== known.get(key))
      events.push({ sequence, at, previousState, state, message, order: Object.fromEntries(changed) })
      known = texts
    }
  }
  return events
}

function withoutPayment({ payment: _, ...reading }: OrderReading) {
  return reading
}

/** The coupon of an LSP was of use once, when the channel was asked for. */
function withoutToken<Holder extends Pick<Order, 'request'>>(holder: Holder): Holder {
  return { ...holder, request: { ...holder.request, token: null } }
}

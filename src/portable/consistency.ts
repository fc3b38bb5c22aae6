import { isDeepStrictEqual } from 'node:util'
import type { PortableContents, PortableLsp, PortableOrder } from './document.ts'
import { ImportRefusal } from './refusal.ts'
import { termDifferences, type ChannelRequest } from '../domain/request.ts'
import { HOUR_MS } from '../domain/time.ts'

// A document says many things twice: the node, the channel and the LSP's order id stand in the quote, in the order and
// in each event. A forged document often has one of them changed, and a wallet may show another one than the gateway
// uses. Such a document is refused. Messages name fields, and never values: a value may be secret.

type Event = PortableContents['events'][number]

/** Two gateways wrote the times of a document; their clocks may differ. */
const CLOCK_TOLERANCE_MS = 24 * HOUR_MS

/** What the client left open in the request of a quote becomes the LSP's minimum when the client orders. */
const FILLED_IN = ['requiredChannelConfirmations', 'fundingConfirmsWithinBlocks'] as const

/** Compares everything but the snapshots of the events. @throws ImportRefusal */
export function assertConsistent(
  { quote, order, answer, events }: PortableContents,
  { lspOrderId }: PortableLsp,
): void {
  if (quote !== null) {
    const request = { ...quote.request }
    for (const name of FILLED_IN) if (request[name] === null) request[name] = order.request[name]
    assertSameRequest('quote.request', request, order.request)
    if (order.quoteId !== undefined) assertSame('quote.id', quote.id, 'order.quoteId', order.quoteId)
  }
  if (order.lspOrderId !== undefined) assertSame('order.lspOrderId', order.lspOrderId, 'lsp.lspOrderId', lspOrderId)
  if (typeof answer?.lspOrderId === 'string')
    assertSame('answer.lspOrderId', answer.lspOrderId, 'lsp.lspOrderId', lspOrderId)
  for (const [index, event] of events.entries()) assertFollows(index, event, events[index - 1])
}

function assertFollows(index: number, { previousState, at }: Event, before: Event | undefined): void {
  const path = `events[${index}]`
  const isSettledByImport = before?.state === 'OUTCOME_UNKNOWN' && previousState === 'AWAITING_PAYMENT'
  if (!isSettledByImport)
    assertSame(`${path}.previousState`, previousState, 'the state of the event before', before?.state ?? null)
  if (before !== undefined && at < before.at - CLOCK_TOLERANCE_MS)
    contradict(`${path}.at is before the time of the event before`)
}

/**
 * Compares an event with the order as it was after this event, and with the order of the document. `snapshot`: with what
 * the event leaves out. @throws ImportRefusal
 */
export function assertSnapshotFits(
  event: Event,
  snapshot: PortableOrder,
  { order, events }: PortableContents,
  { lspOrderId }: PortableLsp,
): void {
  const path = `events[${event.sequence - 1}]`
  const same = (name: string, value: unknown, otherName: string, other: unknown) =>
    assertSame(`${path}.order.${name}`, value, otherName, other)
  same('id', snapshot.id, 'order.id', order.id)
  same('sequence', snapshot.sequence, `${path}.sequence`, event.sequence)
  same('state', snapshot.state, `${path}.state`, event.state)
  assertSameRequest(`${path}.order.request`, snapshot.request, order.request)
  if (snapshot.lspOrderId != null) same('lspOrderId', snapshot.lspOrderId, 'lsp.lspOrderId', lspOrderId)
  if (snapshot.quoteId !== undefined && order.quoteId !== undefined)
    same('quoteId', snapshot.quoteId, 'order.quoteId', order.quoteId)
  if (snapshot.maximums !== undefined && order.maximums !== undefined)
    same('maximums', snapshot.maximums, 'order.maximums', order.maximums)
  if (event.sequence < events.length) return
  same('state', snapshot.state, 'order.state', order.state)
  for (const { name } of termDifferences(snapshot.terms, order.terms))
    contradict(`${path}.order.terms.${name} differs from order.terms.${name}`)
  same('orderTotalSat', snapshot.orderTotalSat, 'order.orderTotalSat', order.orderTotalSat)
}

function assertSameRequest(path: string, request: ChannelRequest, ofOrder: ChannelRequest): void {
  for (const name of Object.keys(ofOrder) as (keyof ChannelRequest)[])
    assertSame(`${path}.${name}`, request[name], `order.request.${name}`, ofOrder[name])
}

function assertSame(name: string, value: unknown, otherName: string, other: unknown): void {
  if (!isDeepStrictEqual(value, other)) contradict(`${name} differs from ${otherName}`)
}

function contradict(what: string): never {
  throw new ImportRefusal(
    'CONTRADICTORY',
    `the document contradicts itself: ${what}. Import the document exactly as orderExport returned it`,
  )
}

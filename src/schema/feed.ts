import { z } from 'zod'
import { badInput, unknownCursor } from './bad-input.ts'
import { builder, type Context } from './builder.ts'
import { OrderChangeCodeEnum, OrderStateEnum, RenewalStateEnum } from './enums.ts'
import { orderIdOf } from './newest.ts'
import { currentOrders, OrderSnapshotType, OrderType } from './order.ts'
import type { OrderChange } from '../domain/messages/order-changes.ts'
import type { Order } from '../domain/order-record.ts'
import type { RenewalEvent } from '../domain/renewal-record.ts'
import { previousRenewalState, renewalStateOf } from '../domain/renewal-step.ts'
import type { LogEntry, Logged, LoggedEvent } from '../store/orders.ts'
import { RenewalType } from './renewal.ts'
import { cursorAt, positionOf } from '../store/cursors.ts'

type FeedEntry = Logged<LogEntry>

const pageSize = z.number().min(1, 'at least 1').max(1_000, 'at most 1000')

export const FeedEventType = builder.interfaceRef<FeedEntry>('FeedEvent').implement({
  description:
    'Something that happened. More types will implement this: a client that meets an unknown one keeps `cursor` and goes on.',
  fields: (t) => ({
    id: t.id({
      description: '<id of the order or renewal>.<sequence>. Webhooks send the same as `webhook-id`.',
      resolve: (event) => `${'renewalId' in event ? event.renewalId : event.orderId}.${event.sequence}`,
    }),
    cursor: t.string({
      description: "Opaque position among all the caller's events, for `events(after:)`.",
      resolve: ({ position }, _, { gateway }) => cursorAt(gateway.store.historyId, position),
    }),
    createdAt: t.field({ type: 'DateTime', description: 'When it happened.', resolve: ({ at }) => at }),
    message: t.exposeString('message', { description: 'What happened, for people.' }),
  }),
  resolveType: (event) => ('renewalId' in event ? 'RenewalEvent' : 'OrderEvent'),
})

const OrderChangeType = builder.objectRef<OrderChange>('OrderChange').implement({
  description: 'One thing that an event changed.',
  fields: (t) => ({
    code: t.expose('code', { type: OrderChangeCodeEnum, description: 'What changed.' }),
    oldValue: t.exposeString('oldValue', {
      nullable: true,
      description:
        "The value before, as text: an enum value, satoshis, a time, an id or the LSP's words, depending on the code. null: there was none.",
    }),
    newValue: t.exposeString('newValue', {
      nullable: true,
      description: 'The value after, as text. null: there is none.',
    }),
    message: t.exposeString('message', { description: 'What changed, for people.' }),
  }),
})

export const OrderEventType = builder.objectRef<LoggedEvent>('OrderEvent').implement({
  description: 'A change of one order.',
  interfaces: [FeedEventType],
  fields: (t) => ({
    orderId: t.exposeID('orderId', { description: 'Id of the order.' }),
    sequence: t.exposeInt('sequence', { description: '1, 2, 3, … within one order.' }),
    previousState: t.expose('previousState', {
      type: OrderStateEnum,
      nullable: true,
      description: 'State before the event. null: this is the first event.',
    }),
    state: t.expose('state', { type: OrderStateEnum, description: 'State after the event.' }),
    changes: t.field({
      type: [OrderChangeType],
      description: 'What changed, for programs. Empty for events that were imported.',
      resolve: ({ changes }) => changes ?? [],
    }),
    snapshot: t.field({
      type: OrderSnapshotType,
      description: 'The order right after the event.',
      resolve: ({ order, at }) => ({ ...order, snapshotAt: at }),
    }),
    order: t.field({
      type: OrderType,
      nullable: true,
      description: 'The order as it is now. null, with an error, if it cannot be read at this moment.',
      resolve: ({ orderId }, _, context) => currentOrders(context).load(orderId),
    }),
  }),
})

interface EventPage<Event extends FeedEntry = LoggedEvent> {
  events: readonly Event[]
  hasNextPage: boolean
  hasPreviousPage: boolean
}

/** One event more than `first` shows whether there is a next page. */
function pageOf<Event extends FeedEntry>(
  events: readonly Event[],
  first: number,
  hasPreviousPage: boolean,
): EventPage<Event> {
  return { events: events.slice(0, first), hasNextPage: events.length > first, hasPreviousPage }
}

function pageInfoOf({ events, hasNextPage, hasPreviousPage }: EventPage<FeedEntry>, { gateway }: Context) {
  const cursor = (event: FeedEntry | undefined) => event && cursorAt(gateway.store.historyId, event.position)
  return { hasNextPage, hasPreviousPage, startCursor: cursor(events[0]), endCursor: cursor(events.at(-1)) }
}

const OrderEventEdgeType = builder.objectRef<LoggedEvent>('OrderEventEdge').implement({
  description: 'An event of one order, and its cursor.',
  fields: (t) => ({
    cursor: t.string({
      description: 'Cursor of the event.',
      resolve: ({ position }, _, { gateway }) => cursorAt(gateway.store.historyId, position),
    }),
    node: t.field({ type: OrderEventType, description: 'The event.', resolve: (event) => event }),
  }),
})

const OrderEventConnectionType = builder.objectRef<EventPage>('OrderEventConnection').implement({
  description: 'A page of events of one order, oldest first.',
  fields: (t) => ({
    edges: t.field({
      type: [OrderEventEdgeType],
      description: 'The events with their cursors.',
      resolve: ({ events }) => events,
    }),
    nodes: t.field({ type: [OrderEventType], description: 'The events.', resolve: ({ events }) => events }),
    pageInfo: t.field({
      type: builder.pageInfoRef(),
      description: 'Whether there are more. For the next page, pass the last `sequence` as `afterSequence`.',
      resolve: (page, _, context) => pageInfoOf(page, context),
    }),
  }),
})

export const RenewalEventType = builder.objectRef<Logged<RenewalEvent>>('RenewalEvent').implement({
  description: 'A change of one renewal.',
  interfaces: [FeedEventType],
  fields: (t) => ({
    renewalId: t.exposeID('renewalId', { description: 'Id of the renewal.' }),
    sequence: t.exposeInt('sequence', { description: '1, 2, 3, … within one renewal.' }),
    previousState: t.field({
      type: RenewalStateEnum,
      nullable: true,
      description: 'State before the event. null: this is the first event.',
      resolve: previousRenewalState,
    }),
    state: t.field({ type: RenewalStateEnum, description: 'State after the event.', resolve: renewalStateOf }),
    renewal: t.field({
      type: RenewalType,
      nullable: true,
      description: 'The renewal as it is now. null, with an error, if it cannot be read at this moment.',
      resolve: ({ renewalId, clientId }, _, { gateway }) => gateway.store.renewals.get(clientId, renewalId),
    }),
  }),
})

const FeedEventEdgeType = builder.objectRef<FeedEntry>('FeedEventEdge').implement({
  description: "One of the caller's events, and its cursor.",
  fields: (t) => ({
    cursor: t.string({
      description: 'Cursor of the event.',
      resolve: ({ position }, _, { gateway }) => cursorAt(gateway.store.historyId, position),
    }),
    node: t.field({ type: FeedEventType, description: 'The event.', resolve: (event) => event }),
  }),
})

const FeedEventConnectionType = builder.objectRef<EventPage<FeedEntry>>('FeedEventConnection').implement({
  description: "A page of the caller's events, oldest first.",
  fields: (t) => ({
    edges: t.field({
      type: [FeedEventEdgeType],
      description: 'The events with their cursors.',
      resolve: ({ events }) => events,
    }),
    nodes: t.field({ type: [FeedEventType], description: 'The events.', resolve: ({ events }) => events }),
    pageInfo: t.field({
      type: builder.pageInfoRef(),
      description: 'Whether there are more. For the next page, pass `endCursor` as `after`.',
      resolve: (page, _, context) => pageInfoOf(page, context),
    }),
  }),
})

builder.objectField(OrderType, 'events', (t) =>
  t.field({
    type: OrderEventConnectionType,
    description: 'Events after `afterSequence`, oldest first, at most `first`, which is at most 1000.',
    args: {
      afterSequence: t.arg.int({
        required: true,
        defaultValue: 0,
        description: 'Sequence number of the last event that the client has; 0: none.',
        validate: z.number().min(0, 'at least 0'),
      }),
      first: t.arg.int({
        required: true,
        defaultValue: 100,
        description: 'Number of events, 1 to 1000.',
        validate: pageSize,
      }),
    },
    resolve: async ({ id }, { afterSequence, first }, { gateway }) =>
      pageOf(await gateway.store.orders.events(id, afterSequence, first + 1), first, afterSequence > 0),
  }),
)

/** @throws GraphQLError for a cursor of another database, or of a part of the log that a restore has removed. */
async function positionAfter({ gateway }: Context, after: string): Promise<number> {
  const position = positionOf(after)
  if (position === null) throw badInput('after: not a cursor. Use FeedEvent.cursor or Query.latestEventCursor')
  const isKnown =
    position.historyId === gateway.store.historyId && position.at <= (await gateway.store.orders.lastPosition())
  if (!isKnown) throw unknownCursor()
  return position.at
}

const AFTER = 'Cursor of the last event that the client has.'

builder.queryFields((t) => ({
  events: t.field({
    type: FeedEventConnectionType,
    description: `Everything that happened for the caller, oldest first, after the cursor \`after\`; without \`after\`, from the beginning.
A cursor of another gateway's database, or from before a restore, is an error with the code UNKNOWN_CURSOR.`,
    args: {
      after: t.arg.string({ description: AFTER }),
      first: t.arg.int({
        required: true,
        defaultValue: 100,
        description: 'Number of events, 1 to 1000.',
        validate: pageSize,
      }),
    },
    async resolve(_, { after, first }, context) {
      const { gateway, clientId } = context
      const position = after == null ? 0 : Math.max(0, await positionAfter(context, after))
      return pageOf(await gateway.store.orders.clientEvents(clientId, position, first + 1), first, position > 0)
    },
  }),
  latestEventCursor: t.string({
    description: "Cursor of the caller's latest event. It is valid before the first event as well.",
    resolve: async (_, __, { gateway, clientId }) =>
      cursorAt(gateway.store.historyId, await gateway.store.orders.lastPositionOf(clientId)),
  }),
}))

/** After a restore, the log may end before the event that a wallet read last. @throws GraphQLError */
function assertReached({ sequence }: Order, afterSequence: number): void {
  if (afterSequence <= sequence) return
  const count = sequence === 1 ? '1 event' : `${sequence} events`
  throw badInput(
    `afterSequence: the order has ${count}; event ${afterSequence} does not exist. Read the order and its events again, then subscribe after its latest sequence, ${sequence}`,
  )
}

/** The event, whose cursor goes along with server-sent events. */
function sending<Event extends FeedEntry>(event: Event, _: unknown, { gateway, eventStream }: Context): Event {
  eventStream?.sending(cursorAt(gateway.store.historyId, event.position))
  return event
}

builder.subscriptionFields((t) => ({
  orderUpdated: t.field({
    type: OrderEventType,
    description: `Events of one order after \`afterSequence\`, without gaps or repeats; without it, from the order's latest event.
Completes when Order.isFinal becomes true; a restart of the gateway only closes the connection. An unknown id, or an
\`afterSequence\` beyond the order's latest event, is an error.`,
    args: {
      id: t.arg.id({ required: true, description: 'Id of the order.' }),
      afterSequence: t.arg.int({
        description: 'Sequence number of the last event that the client has; 0: from the first event.',
        validate: z.number().min(0, 'at least 0').nullish(),
      }),
    },
    async subscribe(_, { id: given, afterSequence }, context) {
      const { gateway, clientId, eventStream } = context
      const id = await orderIdOf(given, context)
      const [order] = await gateway.store.orders.byIds(clientId, [id])
      if (!order) throw badInput('id: there is no such order')
      const lastEventId = eventStream?.lastEventId ?? null
      if (lastEventId === null) {
        assertReached(order, afterSequence ?? 0)
        return gateway.feed.followOrder(id, afterSequence ?? null)
      }
      // A browser connects again to the same address, whose arguments are older than its last event.
      const after = await gateway.store.orders.sequenceAt(id, await positionAfter(context, lastEventId))
      if (await gateway.store.orders.isOverAfter(id, after)) eventStream?.end()
      return gateway.feed.followOrder(id, after)
    },
    resolve: sending,
  }),
  events: t.field({
    type: FeedEventType,
    description: `Everything that happens for the caller after the cursor \`after\`, without gaps or repeats. Without \`after\`: from now
on. Never completes.`,
    args: { after: t.arg.string({ description: AFTER }) },
    async subscribe(_, args, context) {
      const after = context.eventStream?.lastEventId ?? args.after ?? null
      const position = after === null ? null : Math.max(0, await positionAfter(context, after))
      return context.gateway.feed.followClient(context.clientId, position)
    },
    resolve: sending,
  }),
}))

import { sql, type RawBuilder } from 'kysely'
import type { Db } from './database.ts'
import type { OrderRow } from './schema.ts'
import { orderedLeaseEnd } from '../domain/lease-kept.ts'
import { unremindedLeaseEnd } from '../domain/lease.ts'
import { isUnverifiedImport, type Order, type OrderEvent } from '../domain/order-record.ts'
import type { RenewalEvent } from '../domain/renewal-record.ts'
import type { OrderState } from '../domain/order.ts'
import type { EpochMs } from '../domain/time.ts'

/** What the tracker keeps beside an order. */
export interface Tracking {
  nextReadAt: EpochMs | null
  /** The next poll of a final order, after all others: see `fundingWatchDelayMs`. null or absent: none. */
  watchAt?: EpochMs | null
  /** Readings in a row that the LSP did not answer. */
  failures: number
  /** Attempts to have the channel opened. */
  openAttempts: number
  final: boolean
  /** A client follows the order, or has queried it, until then. `OrderStore.follow` writes it. */
  followedUntil?: EpochMs | undefined
  /** The instance that took it to read it: should it have lost its lease, what it read is not written. */
  leasedBy?: string | undefined
}

export interface TrackedOrder {
  order: Order
  tracking: Tracking
}

/** An event, and its position in the whole log; negative: it came with an imported order. */
export type Logged<Event> = Event & { position: number }
export type LoggedEvent = Logged<OrderEvent>
/** Whatever the log has. */
export type LogEntry = OrderEvent | RenewalEvent

const loggedOf = <Event extends LogEntry>(row: { position: number; body: string }): Logged<Event> => ({
  ...(JSON.parse(row.body) as Event),
  position: row.position,
})

/** Cursors are order ids. `inverted`: from the oldest, as Relay's `last` wants it. */
export interface OrderPage {
  after: string | null
  before: string | null
  inverted: boolean
  states: readonly OrderState[] | null
  lspIds: readonly string[] | null
  clientPubkey: string | null
  reference: string | null
  createdAfter: EpochMs | null
  createdBefore: EpochMs | null
  /** The channel is open, and its lease ends before this time. */
  leaseEndsBefore: EpochMs | null
}

const orderOf = (row: Pick<OrderRow, 'body'>) => JSON.parse(row.body) as Order

export function trackedOf(row: OrderRow): TrackedOrder {
  return {
    order: orderOf(row),
    tracking: {
      nextReadAt: row.next_read_at,
      ...(row.watch_at === null ? {} : { watchAt: row.watch_at }),
      ...(row.followed_until === null ? {} : { followedUntil: row.followed_until }),
      failures: row.failures,
      openAttempts: row.open_attempts,
      final: row.final === 1,
    },
  }
}

/** When the LSP may close the channel; null: no channel is open. */
function channelEnd(order: Order): EpochMs | null {
  const { state } = order.channel ?? {}
  if (state === undefined || state === 'CLOSED' || state === 'FAILED') return null
  return order.channel?.expiresAt ?? orderedLeaseEnd(order)
}

function columnsOf(order: Order, tracking: Tracking) {
  return {
    state: order.state,
    sequence: order.sequence,
    next_read_at: tracking.final ? null : tracking.nextReadAt,
    watch_at: tracking.final ? (tracking.watchAt ?? null) : null,
    failures: tracking.failures,
    open_attempts: tracking.openAttempts,
    final: tracking.final ? 1 : 0,
    ...(tracking.final ? { followed_until: null } : {}),
    paid: order.paymentSeenAt !== null && !isUnverifiedImport(order) ? 1 : 0,
    // What another gateway saw is not what was measured here.
    payment_seen_at: order.importedAt === undefined ? order.paymentSeenAt : null,
    funded_at: order.fundedAt,
    client_pubkey: order.request.clientPubkey,
    reference: order.reference ?? null,
    channel_ends_at: channelEnd(order),
    lease_ends_at: unremindedLeaseEnd(order),
    hearsay: isUnverifiedImport(order) ? 1 : 0,
    unverified_since: isUnverifiedImport(order) ? (order.importedAt ?? null) : null,
    body: JSON.stringify(order),
  }
}

export class OrderStore {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  async insert(order: Order, tracking: Tracking): Promise<void> {
    await this.#db
      .insertInto('orders')
      .values({
        id: order.id,
        client_id: order.clientId,
        lsp_id: order.lspId,
        placement_id: order.placementId,
        created_at: order.createdAt,
        lease_owner: null,
        lease_until: 0,
        followed_until: null,
        ...columnsOf(order, tracking),
      })
      .execute()
  }

  /**
   * Writes the order as it stands now and gives up the lease of it, unless it has moved since it was read: its
   * sequence must still be `expectedSequence`, and a lease that `tracking` names still there. False: somebody else was faster, and nothing was written.
   */
  async update(order: Order, tracking: Tracking, expectedSequence: number): Promise<boolean> {
    let query = this.#db
      .updateTable('orders')
      .set({ ...columnsOf(order, tracking), lease_owner: null, lease_until: 0 })
      .where('id', '=', order.id)
      .where('sequence', '=', expectedSequence)
    if (tracking.leasedBy !== undefined) query = query.where('lease_owner', '=', tracking.leasedBy)
    const result = await query.executeTakeFirst()
    return result.numUpdatedRows > 0n
  }

  /** Writes an event. Its position is taken from a counter that only one transaction at a time can raise. */
  async append(event: LogEntry): Promise<void> {
    const { value: position } = await this.#db
      .updateTable('counters')
      .set({ value: sql<number>`value + 1` })
      .where('name', '=', 'events')
      .returning('value')
      .executeTakeFirstOrThrow()
    await this.#db
      .insertInto('events')
      .values({
        position,
        order_id: 'renewalId' in event ? event.renewalId : event.orderId,
        sequence: event.sequence,
        client_id: event.clientId,
        at: event.at,
        body: JSON.stringify(event),
      })
      .execute()
  }

  async get(id: string): Promise<TrackedOrder | null> {
    const row = await this.#db.selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirst()
    return row ? trackedOf(row) : null
  }

  async byIds(clientId: string, ids: readonly string[]): Promise<(Order | null)[]> {
    if (ids.length === 0) return []
    const rows = await this.#db
      .selectFrom('orders')
      .select(['id', 'body'])
      .where('client_id', '=', clientId)
      .where('id', 'in', [...new Set(ids)])
      .execute()
    const found = new Map(rows.map((row) => [row.id, orderOf(row)]))
    return ids.map((id) => found.get(id) ?? null)
  }

  /** Whether the tracker is done with each order. */
  async areFinal(ids: readonly string[]): Promise<boolean[]> {
    const rows = await this.#db
      .selectFrom('orders')
      .select('id')
      .where('id', 'in', [...new Set(ids)])
      .where('final', '=', 1)
      .execute()
    const final = new Set(rows.map(({ id }) => id))
    return ids.map((id) => final.has(id))
  }

  async byPlacement(placementId: string): Promise<TrackedOrder | null> {
    const row = await this.#db
      .selectFrom('orders')
      .selectAll()
      .where('placement_id', '=', placementId)
      .executeTakeFirst()
    return row ? trackedOf(row) : null
  }

  /** Newest first, unless inverted. Ids sort by time. */
  async page(clientId: string, page: OrderPage, limit: number): Promise<Order[]> {
    const { after, before, states, lspIds } = page
    if (states?.length === 0 || lspIds?.length === 0) return []
    const sorted = sql`order by id ${sql.raw(page.inverted ? 'asc' : 'desc')} limit ${limit}`
    const conditions = [
      sql`client_id = ${clientId}`,
      ...(after === null ? [] : [sql`id < ${after}`]),
      ...(before === null ? [] : [sql`id > ${before}`]),
      ...(lspIds === null ? [] : [sql`lsp_id in (${sql.join([...new Set(lspIds)])})`]),
      ...(page.clientPubkey === null ? [] : [sql`client_pubkey = ${page.clientPubkey}`]),
      ...(page.reference === null ? [] : [sql`reference = ${page.reference}`]),
      ...(page.createdAfter === null ? [] : [sql`created_at > ${page.createdAfter}`]),
      ...(page.createdBefore === null ? [] : [sql`created_at < ${page.createdBefore}`]),
      ...(page.leaseEndsBefore === null ? [] : [sql`channel_ends_at < ${page.leaseEndsBefore}`]),
    ]
    const where = (more: RawBuilder<unknown>[]) => sql.join([...conditions, ...more], sql` and `)
    // Each state by its own part of the index: however many orders are in other states, they are not read.
    const parts = (states === null ? [[]] : [...new Set(states)].map((state) => [sql`state = ${state}`])).map(
      (more, part) =>
        sql`select * from (select id, body from orders where ${where(more)} ${sorted}) as ${sql.ref(`part_${part}`)}`,
    )
    const { rows } = await sql<Pick<OrderRow, 'body'>>`${sql.join(parts, sql` union all `)} ${sorted}`.execute(this.#db)
    return rows.map(orderOf)
  }

  /** Id of the client's newest order; null: it has none. */
  async newestId(clientId: string): Promise<string | null> {
    const row = await this.#db
      .selectFrom('orders')
      .select('id')
      .where('client_id', '=', clientId)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row?.id ?? null
  }

  async events(orderId: string, afterSequence: number, limit: number): Promise<LoggedEvent[]> {
    const rows = await this.#db
      .selectFrom('events')
      .select(['position', 'body'])
      .where('order_id', '=', orderId)
      .where('sequence', '>', afterSequence)
      .orderBy('sequence')
      .limit(limit)
      .execute()
    return rows.map((row) => loggedOf<OrderEvent>(row))
  }

  /** One event of an order or a renewal; null: it is gone. */
  async entry(id: string, sequence: number): Promise<Logged<LogEntry> | null> {
    const row = await this.#db
      .selectFrom('events')
      .select(['position', 'body'])
      .where('order_id', '=', id)
      .where('sequence', '=', sequence)
      .executeTakeFirst()
    return row ? loggedOf<LogEntry>(row) : null
  }

  /** Sequence number of the order's last event up to that position of the whole log; 0: it had none yet. */
  async sequenceAt(orderId: string, position: number): Promise<number> {
    const row = await this.#db
      .selectFrom('events')
      .select((e) => e.fn.max('sequence').as('sequence'))
      .where('order_id', '=', orderId)
      .where('position', '<=', position)
      .executeTakeFirst()
    return row?.sequence ?? 0
  }

  /** Whether nothing follows the order's event `sequence`, now or later. */
  async isOverAfter(orderId: string, sequence: number): Promise<boolean> {
    const row = await this.#db
      .selectFrom('orders')
      .select(['sequence', 'final'])
      .where('id', '=', orderId)
      .executeTakeFirst()
    return row?.final === 1 && row.sequence <= sequence
  }

  /** Events of the client's orders and renewals, by their position in the whole log. */
  async clientEvents(clientId: string, afterPosition: number, limit: number): Promise<Logged<LogEntry>[]> {
    const rows = await this.#db
      .selectFrom('events')
      .select(['position', 'body'])
      .where('client_id', '=', clientId)
      .where('position', '>', afterPosition)
      .orderBy('position')
      .limit(limit)
      .execute()
    return rows.map((row) => loggedOf<LogEntry>(row))
  }

  /** Of the latest event of any of the client's orders; 0 before the first. */
  async lastPositionOf(clientId: string): Promise<number> {
    const row = await this.#db
      .selectFrom('events')
      .select((e) => e.fn.max('position').as('position'))
      .where('client_id', '=', clientId)
      .executeTakeFirst()
    return row?.position ?? 0
  }

  /** How many orders, unpaid orders behind quotes, and renewals an LSP may still be asked about. */
  async openCount(lspId: string, now: EpochMs): Promise<number> {
    const orders = await this.#db
      .selectFrom('orders')
      .select((e) => e.fn.countAll().as('count'))
      .where('lsp_id', '=', lspId)
      .where((e) => e.or([e('final', '=', 0), e('watch_at', 'is not', null)]))
      .executeTakeFirstOrThrow()
    const placements = await this.#db
      .selectFrom('placements')
      .select((e) => e.fn.countAll().as('count'))
      .where('lsp_id', '=', lspId)
      .where('order_id', 'is', null)
      .where('unpaid', '=', 1)
      .where('status', 'in', ['INTENDED', 'SENT', 'STANDING'])
      .where('stands_until', '>', now)
      .executeTakeFirstOrThrow()
    const renewals = await this.#db
      .selectFrom('renewals')
      .select((e) => e.fn.countAll().as('count'))
      .where('lsp_id', '=', lspId)
      .where('final', '=', 0)
      .executeTakeFirstOrThrow()
    return Number(orders.count) + Number(placements.count) + Number(renewals.count)
  }

  async lastPosition(): Promise<number> {
    const row = await this.#db
      .selectFrom('counters')
      .select('value')
      .where('name', '=', 'events')
      .executeTakeFirstOrThrow()
    return row.value
  }

  /** Orders whose channel's lease ends before `before`, and of whom nobody was reminded of that; the soonest first. */
  async leasesEnding(before: EpochMs, limit: number): Promise<TrackedOrder[]> {
    const rows = await this.#db
      .selectFrom('orders')
      .selectAll()
      .where('lease_ends_at', '<=', before)
      .orderBy('lease_ends_at')
      .limit(limit)
      .execute()
    return rows.map(trackedOf)
  }

  /** When the next order will be due; null: none will. */
  async nextDueAt(): Promise<EpochMs | null> {
    const row = await this.#db
      .selectFrom('orders')
      .select((e) => e.fn.min('next_read_at').as('at'))
      .executeTakeFirst()
    return row?.at ?? null
  }

  /** Has every open order read, whoever was about to: for when `now` is earlier than it was. */
  async makeAllDue(now: EpochMs): Promise<void> {
    await this.#db
      .updateTable('orders')
      .set({ next_read_at: now, lease_until: 0 })
      .where('next_read_at', '>', now)
      .execute()
    await this.#db.updateTable('orders').set({ watch_at: now, lease_until: 0 }).where('watch_at', '>', now).execute()
  }

  /**
   * Records that a client follows the order, or has queried it. Unless it was followed already, it is due at once; an
   * order whose LSP did not answer the last poll keeps its delay. Does nothing while it is followed until `refreshBefore`.
   * @returns whether it became due.
   */
  async follow(id: string, now: EpochMs, until: EpochMs, refreshBefore: EpochMs): Promise<boolean> {
    const open = this.#db.updateTable('orders').where('id', '=', id).where('next_read_at', 'is not', null)
    const first = await open
      .set({ followed_until: until, next_read_at: now })
      .where((e) => e.or([e('followed_until', 'is', null), e('followed_until', '<=', now)]))
      .where('failures', '=', 0)
      .where('next_read_at', '>', now)
      .executeTakeFirst()
    if (first.numUpdatedRows > 0n) return true
    await open
      .set({ followed_until: until })
      .where((e) => e.or([e('followed_until', 'is', null), e('followed_until', '<', refreshBefore)]))
      .execute()
    return false
  }

  /** Has it read as soon as somebody gets to it. */
  async makeDue(id: string, now: EpochMs): Promise<void> {
    await this.#db
      .updateTable('orders')
      .set({ next_read_at: now })
      .where('id', '=', id)
      .where('final', '=', 0)
      .execute()
  }
}

import { sql, type ExpressionBuilder } from 'kysely'
import type { Db } from './database.ts'
import type { Tables, WebhookDeliveryRow } from './schema.ts'
import { DAY_MS, type EpochMs } from '../domain/time.ts'

/** Gateways with different configurations may share the database, and one may be down for days. */
const BEGINS_ANEW_AFTER_MS = 7 * DAY_MS
const FORGOTTEN_AFTER_MS = 30 * DAY_MS

export const DELIVERY_STATES = ['PENDING', 'GIVEN_UP'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

/** An event on its way to a webhook, or one that never got there. What a webhook has taken is not kept. */
export interface Delivery {
  clientId: string
  orderId: string
  sequence: number
  state: DeliveryState
  attempts: number
  /** Since then it is tried. */
  queuedAt: EpochMs
  nextAttemptAt: EpochMs
  lastError: string | null
}

/** How a client's webhook does. */
export interface WebhookRecord {
  pending: number
  oldestPendingAt: EpochMs | null
  givenUp: number
  lastSuccessAt: EpochMs | null
  lastFailureAt: EpochMs | null
  lastError: string | null
  disabledAt: EpochMs | null
}

/** Events of a client's orders that are no deliveries yet, and the cursor that they come after. */
export interface UnqueuedEvents {
  isDisabled: boolean
  after: number
  events: { orderId: string; sequence: number; position: number }[]
}

/** Which delivery, and who posts it. */
type Claim = Pick<Delivery, 'orderId' | 'sequence'> & { owner: string }

const deliveryOf = (row: WebhookDeliveryRow): Delivery => ({
  clientId: row.client_id,
  orderId: row.order_id,
  sequence: row.sequence,
  state: row.state as DeliveryState,
  attempts: row.attempts,
  queuedAt: row.queued_at,
  nextAttemptAt: row.next_attempt_at,
  lastError: row.last_error,
})

/** What clients' webhooks have yet to be told. */
export class WebhookStore {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /**
   * Begins with what comes after `position`, unless a gateway has had the webhook of late: then it goes on where it
   * was. For a transaction. @returns when a gateway was last known to have it
   */
  async open(clientId: string, position: number, now: EpochMs): Promise<EpochMs> {
    const anew = {
      position,
      disabled_at: null,
      last_success_at: null,
      last_failure_at: null,
      last_error: null,
      seen_at: now,
    }
    await this.#db
      .insertInto('webhooks')
      .values({ client_id: clientId, ...anew })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    const begun = await this.#db
      .updateTable('webhooks')
      .set(anew)
      .where('client_id', '=', clientId)
      .where('seen_at', '<', now - BEGINS_ANEW_AFTER_MS)
      .executeTakeFirst()
    if (begun.numUpdatedRows > 0n)
      await this.#db.deleteFrom('webhook_deliveries').where('client_id', '=', clientId).execute()
    const { seen_at: seenAt } = await this.#db
      .selectFrom('webhooks')
      .select('seen_at')
      .where('client_id', '=', clientId)
      .executeTakeFirstOrThrow()
    await this.#db
      .updateTable('webhooks')
      .set({ disabled_at: null, seen_at: now })
      .where('client_id', '=', clientId)
      .execute()
    return seenAt ?? now
  }

  /** A gateway has it in its configuration. */
  async seen(clientId: string, now: EpochMs): Promise<void> {
    await this.#db.updateTable('webhooks').set({ seen_at: now }).where('client_id', '=', clientId).execute()
  }

  /** Forgets those that no gateway has had for long; for a transaction. */
  async forgetUnseen(now: EpochMs): Promise<void> {
    const forgotten = await this.#db
      .deleteFrom('webhooks')
      .where('seen_at', '<', now - FORGOTTEN_AFTER_MS)
      .returning('client_id')
      .execute()
    if (forgotten.length === 0) return
    const clientIds = forgotten.map((row) => row.client_id)
    await this.#db.deleteFrom('webhook_deliveries').where('client_id', 'in', clientIds).execute()
  }

  async unqueued(clientId: string, limit: number): Promise<UnqueuedEvents> {
    const { position, disabled_at: disabledAt } = await this.#db
      .selectFrom('webhooks')
      .select(['position', 'disabled_at'])
      .where('client_id', '=', clientId)
      .executeTakeFirstOrThrow()
    const events = await this.#db
      .selectFrom('events')
      .select(['order_id as orderId', 'sequence', 'position'])
      .where('client_id', '=', clientId)
      .where('position', '>', position)
      .orderBy('position')
      .limit(limit)
      .execute()
    return { isDisabled: disabledAt !== null, after: position, events }
  }

  /** Makes deliveries of them and moves the cursor; for a transaction. Nothing, when another instance was faster. */
  async queue(
    clientId: string,
    { after, events }: Pick<UnqueuedEvents, 'after' | 'events'>,
    now: EpochMs,
  ): Promise<void> {
    const last = events.at(-1)
    if (!last) return
    const moved = await this.#db
      .updateTable('webhooks')
      .set({ position: last.position })
      .where('client_id', '=', clientId)
      .where('position', '=', after)
      .executeTakeFirst()
    if (moved.numUpdatedRows === 0n) return
    await this.#db
      .insertInto('webhook_deliveries')
      .values(
        events.map((event) => ({
          order_id: event.orderId,
          sequence: event.sequence,
          client_id: clientId,
          position: event.position,
          state: 'PENDING',
          attempts: 0,
          queued_at: now,
          next_attempt_at: now,
          lease_owner: null,
          lease_until: 0,
          last_error: null,
        })),
      )
      .execute()
  }

  /**
   * Takes deliveries that are due under a lease: of each order the first that is pending and no other, so that an
   * order's events arrive in their order.
   */
  async takeDue(
    clientId: string,
    owner: string,
    now: EpochMs,
    leaseUntil: EpochMs,
    limit: number,
  ): Promise<Delivery[]> {
    // Said of the row itself too: whoever waited for it to be unlocked sees that it was taken meanwhile.
    const isFree = (e: ExpressionBuilder<Tables, 'webhook_deliveries'>) =>
      e.and([
        e('webhook_deliveries.state', '=', 'PENDING'),
        e('webhook_deliveries.next_attempt_at', '<=', now),
        e('webhook_deliveries.lease_until', '<=', now),
      ])
    const due = this.#db
      .selectFrom('webhook_deliveries')
      .select('position')
      .where('client_id', '=', clientId)
      .where(isFree)
      .where((e) =>
        e.not(
          e.exists(
            e
              .selectFrom('webhook_deliveries as earlier')
              .select('earlier.position')
              .whereRef('earlier.order_id', '=', 'webhook_deliveries.order_id')
              .where('earlier.state', '=', 'PENDING')
              .whereRef('earlier.sequence', '<', 'webhook_deliveries.sequence'),
          ),
        ),
      )
      .orderBy('position')
      .limit(limit)
    const rows = await this.#db
      .updateTable('webhook_deliveries')
      .set({ lease_owner: owner, lease_until: leaseUntil })
      .where('client_id', '=', clientId)
      .where('position', 'in', due)
      .where(isFree)
      .returningAll()
      .execute()
    return rows.toSorted((a, b) => a.position - b.position).map(deliveryOf)
  }

  /**
   * What waits for a time beyond `now` is due at once, and tried for as long as a new one; no lease goes on beyond
   * `leaseUntil`. For a transaction.
   */
  async makeAllDue(clientId: string, now: EpochMs, leaseUntil: EpochMs): Promise<void> {
    const pending = this.#db
      .updateTable('webhook_deliveries')
      .where('client_id', '=', clientId)
      .where('state', '=', 'PENDING')
    await pending.set({ queued_at: now, next_attempt_at: now }).where('next_attempt_at', '>', now).execute()
    await pending.set({ lease_until: leaseUntil }).where('lease_until', '>', leaseUntil).execute()
  }

  /** When something will be due that is not yet; null: nothing will. */
  async nextDueAt(clientId: string, now: EpochMs): Promise<EpochMs | null> {
    const row = await this.#db
      .selectFrom('webhook_deliveries')
      .select((e) => e.fn.min('next_attempt_at').as('at'))
      .where('client_id', '=', clientId)
      .where('state', '=', 'PENDING')
      .where('next_attempt_at', '>', now)
      .executeTakeFirst()
    return row?.at ?? null
  }

  async succeeded(clientId: string, { orderId, sequence, owner }: Claim, now: EpochMs): Promise<void> {
    await this.#db
      .deleteFrom('webhook_deliveries')
      .where('order_id', '=', orderId)
      .where('sequence', '=', sequence)
      .where('lease_owner', '=', owner)
      .execute()
    await this.#db.updateTable('webhooks').set({ last_success_at: now }).where('client_id', '=', clientId).execute()
  }

  /** `nextAttemptAt` null: it is given up. */
  async failed(
    clientId: string,
    { orderId, sequence, owner }: Claim,
    failure: { error: string; nextAttemptAt: EpochMs | null },
    now: EpochMs,
  ): Promise<void> {
    await this.#db
      .updateTable('webhook_deliveries')
      .set({
        attempts: sql<number>`attempts + 1`,
        last_error: failure.error,
        lease_owner: null,
        lease_until: 0,
        ...(failure.nextAttemptAt === null ? { state: 'GIVEN_UP' } : { next_attempt_at: failure.nextAttemptAt }),
      })
      .where('order_id', '=', orderId)
      .where('sequence', '=', sequence)
      .where('lease_owner', '=', owner)
      .execute()
    await this.#db
      .updateTable('webhooks')
      .set({ last_failure_at: now, last_error: failure.error })
      .where('client_id', '=', clientId)
      .execute()
  }

  /** It was broken off, and counts for nothing. */
  async release({ orderId, sequence, owner }: Claim): Promise<void> {
    await this.#db
      .updateTable('webhook_deliveries')
      .set({ lease_owner: null, lease_until: 0 })
      .where('order_id', '=', orderId)
      .where('sequence', '=', sequence)
      .where('lease_owner', '=', owner)
      .execute()
  }

  async disable(clientId: string, now: EpochMs): Promise<void> {
    await this.#db.updateTable('webhooks').set({ disabled_at: now }).where('client_id', '=', clientId).execute()
  }

  /** Has it tried at once, and for as long as a new one. null: there is none such. */
  async retry(clientId: string, orderId: string, sequence: number, now: EpochMs): Promise<Delivery | null> {
    const row = await this.#db
      .updateTable('webhook_deliveries')
      .set({ state: 'PENDING', queued_at: now, next_attempt_at: now })
      .where('client_id', '=', clientId)
      .where('order_id', '=', orderId)
      .where('sequence', '=', sequence)
      .returningAll()
      .executeTakeFirst()
    return row ? deliveryOf(row) : null
  }

  async list(clientId: string, state: DeliveryState, limit: number): Promise<Delivery[]> {
    const rows = await this.#db
      .selectFrom('webhook_deliveries')
      .selectAll()
      .where('client_id', '=', clientId)
      .where('state', '=', state)
      .orderBy('position')
      .limit(limit)
      .execute()
    return rows.map(deliveryOf)
  }

  async record(clientId: string): Promise<WebhookRecord | null> {
    const webhook = await this.#db
      .selectFrom('webhooks')
      .selectAll()
      .where('client_id', '=', clientId)
      .executeTakeFirst()
    if (!webhook) return null
    const counts = await this.#db
      .selectFrom('webhook_deliveries')
      .select((e) => ['state', e.fn.countAll().as('count'), e.fn.min('queued_at').as('oldest')])
      .where('client_id', '=', clientId)
      .groupBy('state')
      .execute()
    const of = (state: DeliveryState) => counts.find((row) => row.state === state)
    return {
      pending: Number(of('PENDING')?.count ?? 0),
      oldestPendingAt: of('PENDING')?.oldest ?? null,
      givenUp: Number(of('GIVEN_UP')?.count ?? 0),
      lastSuccessAt: webhook.last_success_at,
      lastFailureAt: webhook.last_failure_at,
      lastError: webhook.last_error,
      disabledAt: webhook.disabled_at,
    }
  }
}

import { sql } from 'kysely'
import type { Db, Engine } from './engine.ts'
import { IMPORTED } from './imports.ts'
import { isGone } from './instances.ts'
import type { PlacementRow } from './schema.ts'
import type { FailureDetails } from '../domain/failure.ts'
import type { VerifiedOffer } from '../domain/offer.ts'
import { sameMaximum, type PaymentMaximums } from '../domain/payment.ts'
import type { OrderReading } from '../domain/reading.ts'
import type { ChannelRequest } from '../domain/request.ts'
import type { Sat } from '../domain/money.ts'
import type { EpochMs } from '../domain/time.ts'

export type PlacementPurpose = 'QUOTE' | 'ORDER'

/**
 * INTENDED: written down, not sent. SENT: the LSP may have it. STANDING: the LSP answered with an order.
 * REFUSED: the LSP did nothing. LOST: whether it stands is not known, and will not be.
 */
export type PlacementStatus = 'INTENDED' | 'SENT' | 'STANDING' | 'REFUSED' | 'LOST'

/** One POST of an order to an LSP: made once, never repeated, and written down before it is sent. */
export interface Placement {
  id: string
  clientId: string
  lspId: string
  question: string
  purpose: PlacementPurpose
  status: PlacementStatus
  intendedAt: EpochMs
  standsUntil: EpochMs
  orderId: string | null
  lspOrderId: string | null
  /** A secret. */
  accessToken: string | null
  request: ChannelRequest
  email: string | null
  /** What the client agreed to when it ordered; null while nobody has. */
  agreed: {
    quoteId: string
    feeTotalSat: Sat
    orderTotalSat: Sat
    maximums: PaymentMaximums
    /** The client's own; absent: it gave none. */
    reference?: string
  } | null
  /** The LSP's answer, without the secret. */
  reading: OrderReading | null
  /** What it asks to be paid, checked when it came. */
  offer: VerifiedOffer | null
  failure: FailureDetails | null
}

type Body = Pick<Placement, 'request' | 'email' | 'agreed' | 'reading' | 'offer' | 'failure'>

function placementOf(row: PlacementRow): Placement {
  return {
    id: row.id,
    clientId: row.client_id,
    lspId: row.lsp_id,
    question: row.question,
    purpose: row.purpose as PlacementPurpose,
    status: row.status as PlacementStatus,
    intendedAt: row.intended_at,
    standsUntil: row.stands_until,
    orderId: row.order_id,
    lspOrderId: row.lsp_order_id,
    accessToken: row.access_token,
    ...bodyOf(row.body),
  }
}

/** Earlier versions kept one maximum for all payment options. */
function bodyOf(text: string): Body {
  const body = JSON.parse(text) as Body & { agreed: { maxTotalSat?: Sat } | null }
  const maxTotalSat = body.agreed?.maxTotalSat
  if (body.agreed === null || maxTotalSat === undefined) return body
  return { ...body, agreed: { ...body.agreed, maximums: sameMaximum(maxTotalSat) } }
}

export class PlacementStore {
  readonly #db: Db
  readonly #engine: Engine
  readonly #self: string

  constructor(db: Db, engine: Engine, self: string) {
    this.#db = db
    this.#engine = engine
    this.#self = self
  }

  /**
   * Until the transaction ends, nobody else gets past this for the same LSP: what is counted after it is not
   * counted by two at once.
   */
  async lockLsp(lspId: string): Promise<void> {
    await this.#engine.lock(this.#db, `sluice lsp ${lspId}`)
  }

  /** The same for one placement. */
  async lock(id: string): Promise<void> {
    await this.#engine.locking(this.#db.selectFrom('placements').select('id').where('id', '=', id)).execute()
  }

  async intend(
    placement: Omit<Placement, 'status' | 'orderId' | 'lspOrderId' | 'accessToken' | 'reading' | 'offer' | 'failure'>,
  ): Promise<void> {
    const body: Body = {
      request: placement.request,
      email: placement.email,
      agreed: placement.agreed,
      reading: null,
      offer: null,
      failure: null,
    }
    await this.#db
      .insertInto('placements')
      .values({
        id: placement.id,
        client_id: placement.clientId,
        lsp_id: placement.lspId,
        client_pubkey: placement.request.clientPubkey,
        question: placement.question,
        purpose: placement.purpose,
        status: 'INTENDED',
        unpaid: 1,
        intended_at: placement.intendedAt,
        stands_until: placement.standsUntil,
        order_id: null,
        lsp_order_id: null,
        access_token: null,
        body: JSON.stringify(body),
        owner: this.#self,
      })
      .execute()
  }

  /** False: it is not this instance's to send any more. */
  async markSent(id: string): Promise<boolean> {
    const result = await this.#db
      .updateTable('placements')
      .set({ status: 'SENT' })
      .where('id', '=', id)
      .where('status', '=', 'INTENDED')
      .where('owner', '=', this.#self)
      .executeTakeFirst()
    return result.numUpdatedRows > 0n
  }

  /**
   * Writes down how it ended. A refusal left nothing at the LSP, so it counts against no budget. With `from`, only
   * while it is still that; false: it is not.
   */
  async settle(placement: Placement, from?: PlacementStatus): Promise<boolean> {
    const { request, email, agreed, reading, offer, failure } = placement
    let query = this.#db
      .updateTable('placements')
      .set({
        status: placement.status,
        stands_until: placement.standsUntil,
        lsp_order_id: placement.lspOrderId,
        access_token: placement.accessToken,
        ...(placement.status === 'REFUSED' ? { unpaid: 0 } : {}),
        body: JSON.stringify({ request, email, agreed, reading, offer, failure } satisfies Body),
      })
      .where('id', '=', placement.id)
    if (from !== undefined) query = query.where('status', '=', from)
    const result = await query.executeTakeFirst()
    return result.numUpdatedRows > 0n
  }

  async get(id: string): Promise<Placement | null> {
    const row = await this.#db.selectFrom('placements').selectAll().where('id', '=', id).executeTakeFirst()
    return row ? placementOf(row) : null
  }

  /**
   * What was begun and not finished: its fate is not written down, or what it means for an order is not. What
   * instances that are gone (silent for `silentMs`) left behind becomes this one's first; each is one instance's.
   */
  async takeUnfinished(silentMs: number): Promise<Placement[]> {
    await this.#db
      .updateTable('placements')
      .set({ owner: this.#self })
      .where('id', 'in', this.#unfinishedIds())
      .where((e) => isGone(e, this.#engine, this.#self, silentMs))
      .execute()
    const rows = await this.#db
      .selectFrom('placements')
      .selectAll()
      .where('id', 'in', this.#unfinishedIds())
      .where('owner', '=', this.#self)
      .orderBy('id')
      .execute()
    return rows.map(placementOf)
  }

  /** Each part by an index of its own. */
  #unfinishedIds() {
    return (
      this.#db
        .selectFrom('placements as unsettled')
        .select('unsettled.id')
        .where('unsettled.status', 'in', ['INTENDED', 'SENT'])
        .union(
          this.#db
            .selectFrom('idempotency')
            .select('placement_id as id')
            .where('answer', 'is', null)
            .where('placement_id', 'is not', null)
            .$castTo<{ id: string }>(),
        )
        .union(
          this.#db
            .selectFrom('orders')
            .select('placement_id as id')
            .where('state', '=', sql.lit('OUTCOME_UNKNOWN'))
            .where('final', '=', sql.lit(0)),
        )
        // Given up, and answered after all.
        .union(
          this.#db
            .selectFrom('placements as answered')
            .select('answered.id')
            .where('answered.id', 'in', (e) =>
              e
                .selectFrom('orders')
                .select('orders.placement_id')
                .where('orders.state', '=', sql.lit('OUTCOME_UNKNOWN')),
            )
            // An expression, so that no engine begins with the index on the status, which has all that were ever placed.
            .where(sql<string>`coalesce(answered.status, '')`, 'in', ['STANDING', 'REFUSED']),
        )
    )
  }

  /** An order for this very question's price that is on its way to the LSP. */
  async beingAsked(question: string): Promise<Placement | null> {
    const row = await this.#db
      .selectFrom('placements')
      .selectAll()
      .where('question', '=', question)
      .where('purpose', '=', 'QUOTE')
      .where('status', 'in', ['INTENDED', 'SENT'])
      .orderBy('intended_at', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row ? placementOf(row) : null
  }

  /** The order that stands unpaid at the LSP for this very question, if one does at `at`; where `isUnordered`, one that is nobody's order yet. */
  async standing(question: string, at: EpochMs, { isUnordered = false } = {}): Promise<Placement | null> {
    const row = await this.#db
      .selectFrom('placements')
      .selectAll()
      // Whoever placed it may be about to make it an order.
      .$if(isUnordered, (query) =>
        query
          // An expression, so that SQLite begins with the question and not with everything that nobody ordered.
          .where(sql<boolean>`coalesce(order_id, '') = ''`)
          .where((e) =>
            e.not(
              e.exists(
                e
                  .selectFrom('idempotency')
                  .select('idempotency.key')
                  .whereRef('idempotency.placement_id', '=', 'placements.id')
                  .where('idempotency.answer', 'is', null),
              ),
            ),
          ),
      )
      .where('question', '=', question)
      .where('status', '=', 'STANDING')
      .where('unpaid', '=', 1)
      .where('stands_until', '>', at)
      .orderBy('intended_at', 'desc')
      .executeTakeFirst()
    return row ? placementOf(row) : null
  }

  /**
   * What else stands at the LSP under the very id that it gave to this one, and may still be paid or followed. Imports
   * are left out: what is said there of an id proves nothing.
   */
  async namesakes(
    { id, lspId, lspOrderId }: Pick<Placement, 'id' | 'lspId' | 'lspOrderId'>,
    now: EpochMs,
  ): Promise<{ clientId: string; question: string; orderId: string | null }[]> {
    if (lspOrderId === null) return []
    return this.#db
      .selectFrom('placements')
      .leftJoin('orders', 'orders.id', 'placements.order_id')
      .select(['placements.client_id as clientId', 'placements.question', 'placements.order_id as orderId'])
      .where('placements.lsp_id', '=', lspId)
      .where('placements.lsp_order_id', '=', lspOrderId)
      .where('placements.id', '!=', id)
      .where('placements.question', 'not like', `${IMPORTED}%`)
      .where((e) =>
        e.or([
          e('orders.final', '=', 0),
          e.and([
            e('placements.order_id', 'is', null),
            e('placements.status', '=', 'STANDING'),
            e('placements.stands_until', '>', now),
          ]),
        ]),
      )
      .orderBy('placements.id')
      .execute()
  }

  /** Makes it the order's; false when it is already another's. */
  async adopt(id: string, orderId: string): Promise<boolean> {
    const result = await this.#db
      .updateTable('placements')
      .set({ order_id: orderId })
      .where('id', '=', id)
      .where('order_id', 'is', null)
      .executeTakeFirst()
    return result.numUpdatedRows > 0n
  }

  /** It no longer stands unpaid: it was paid, or it lapsed. */
  async markOver(id: string): Promise<void> {
    await this.#db.updateTable('placements').set({ unpaid: 0 }).where('id', '=', id).where('unpaid', '=', 1).execute()
  }

  /** When each of the client's orders that stand unpaid at the LSP will have lapsed, soonest first. */
  async unpaidUntil(lspId: string, clientId: string, now: EpochMs): Promise<EpochMs[]> {
    const rows = await this.#db
      .selectFrom('placements')
      .select('stands_until')
      .where('lsp_id', '=', lspId)
      .where('client_id', '=', clientId)
      // As the index has it, which a parameter would not match.
      .where('unpaid', '=', sql.lit(1))
      .where('stands_until', '>', now)
      .orderBy('stands_until')
      .execute()
    return rows.map((row) => row.stands_until)
  }

  /** When each unpaid order for that node at the LSP expires, soonest first, over all clients. */
  async unpaidOfNodeUntil(lspId: string, clientPubkey: string, now: EpochMs): Promise<EpochMs[]> {
    const rows = await this.#db
      .selectFrom('placements')
      .select('stands_until')
      .where('lsp_id', '=', lspId)
      .where('client_pubkey', '=', clientPubkey)
      .where('unpaid', '=', sql.lit(1))
      .where('stands_until', '>', now)
      .orderBy('stands_until')
      .execute()
    return rows.map((row) => row.stands_until)
  }

  /** The orders that were placed with the LSP for their price alone, since `since`, oldest first. */
  async quotesSince(lspId: string, since: EpochMs): Promise<{ at: EpochMs; clientId: string }[]> {
    const rows = await this.#db
      .selectFrom('placements')
      .select(['intended_at', 'client_id'])
      .where('lsp_id', '=', lspId)
      .where('purpose', '=', 'QUOTE')
      .where('status', '!=', 'REFUSED')
      .where('intended_at', '>', since)
      .orderBy('intended_at')
      .execute()
    return rows.map((row) => ({ at: row.intended_at, clientId: row.client_id }))
  }
  /**
   * Deletes placements from before `before` that were made for a price, that nobody ordered and that no quote names any
   * more, `limit` at most. One that may still be paid, also by the database's clock, or that an idempotency key waits
   * for, stays. @returns how many.
   */
  async forgetUnordered(before: EpochMs, limit: number): Promise<number> {
    const old = this.#db
      .selectFrom('placements as old')
      .select('old.id')
      // As the partial index has it.
      .where(sql<boolean>`coalesce(old.order_id, '') = ''`)
      .where('old.purpose', '=', sql.lit('QUOTE'))
      .where('old.intended_at', '<', before)
      .where(sql<boolean>`(coalesce(old.status, '') = 'REFUSED'
        or coalesce(old.status, '') in ('STANDING', 'LOST') and old.stands_until < ${before} and old.stands_until < ${this.#engine.now})`)
      .where((e) =>
        e.not(e.exists(e.selectFrom('quotes').select('quotes.id').whereRef('quotes.placement_id', '=', 'old.id'))),
      )
      .where((e) =>
        e.not(
          e.exists(
            e
              .selectFrom('idempotency')
              .select('idempotency.key')
              .whereRef('idempotency.placement_id', '=', 'old.id')
              .where('idempotency.answer', 'is', null),
          ),
        ),
      )
      .orderBy('old.intended_at')
      .limit(limit)
    const result = await this.#db
      .deleteFrom('placements')
      .where('id', 'in', old)
      // It may have been ordered between the two.
      .where(sql<boolean>`coalesce(order_id, '') = ''`)
      .executeTakeFirst()
    return Number(result.numDeletedRows)
  }
}

import type { Db } from './database.ts'
import type { PlacementRow } from './schema.ts'
import type { FailureDetails } from '../domain/failure.ts'
import type { VettedOffer } from '../domain/offer.ts'
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
  agreed: { quoteId: string; maxTotalSat: Sat } | null
  /** The LSP's answer, without the secret. */
  reading: OrderReading | null
  /** What it asks to be paid, checked when it came. */
  offer: VettedOffer | null
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
    ...(JSON.parse(row.body) as Body),
  }
}

export class PlacementStore {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  async intend(placement: Omit<Placement, 'status' | 'orderId' | 'lspOrderId' | 'accessToken' | 'reading' | 'offer' | 'failure'>): Promise<void> {
    const body: Body = { request: placement.request, email: placement.email, agreed: placement.agreed, reading: null, offer: null, failure: null }
    await this.#db
      .insertInto('placements')
      .values({
        id: placement.id,
        client_id: placement.clientId,
        lsp_id: placement.lspId,
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
      })
      .execute()
  }

  async markSent(id: string): Promise<void> {
    await this.#db.updateTable('placements').set({ status: 'SENT' }).where('id', '=', id).execute()
  }

  /** Writes down how it ended. A refusal left nothing at the LSP, so it counts against no budget. */
  async settle(placement: Placement): Promise<void> {
    const { request, email, agreed, reading, offer, failure } = placement
    await this.#db
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
      .execute()
  }

  async get(id: string): Promise<Placement | null> {
    const row = await this.#db.selectFrom('placements').selectAll().where('id', '=', id).executeTakeFirst()
    return row ? placementOf(row) : null
  }

  /** What was begun and not finished: its fate is not written down, or what it means for an order is not. */
  async unfinished(): Promise<Placement[]> {
    const rows = await this.#db
      .selectFrom('placements')
      .selectAll()
      .where((e) =>
        e.or([
          e('status', 'in', ['INTENDED', 'SENT']),
          e('id', 'in', e.selectFrom('idempotency').select('placement_id').where('answer', 'is', null).where('placement_id', 'is not', null).$castTo<{ placement_id: string }>()),
          e('order_id', 'in', e.selectFrom('orders').select('id').where('state', '=', 'OUTCOME_UNKNOWN').where('final', '=', 0)),
        ]),
      )
      .execute()
    return rows.map(placementOf)
  }

  /** The order that stands unpaid at the LSP for this very question, if one does at `at`. */
  async standing(question: string, at: EpochMs): Promise<Placement | null> {
    const row = await this.#db
      .selectFrom('placements')
      .selectAll()
      .where('question', '=', question)
      .where('status', '=', 'STANDING')
      .where('unpaid', '=', 1)
      .where('stands_until', '>', at)
      .orderBy('intended_at', 'desc')
      .executeTakeFirst()
    return row ? placementOf(row) : null
  }

  /** Makes it the order's; false when it is already another's. */
  async adopt(id: string, orderId: string): Promise<boolean> {
    const result = await this.#db.updateTable('placements').set({ order_id: orderId }).where('id', '=', id).where('order_id', 'is', null).executeTakeFirst()
    return result.numUpdatedRows > 0n
  }

  /** It no longer stands unpaid: it was paid, or it lapsed. */
  async markPaid(id: string): Promise<void> {
    await this.#db.updateTable('placements').set({ unpaid: 0 }).where('id', '=', id).where('unpaid', '=', 1).execute()
  }

  /** When each of the client's orders that stand unpaid at the LSP will have lapsed, soonest first. */
  async unpaidUntil(lspId: string, clientId: string, now: EpochMs): Promise<EpochMs[]> {
    const rows = await this.#db
      .selectFrom('placements')
      .select('stands_until')
      .where('lsp_id', '=', lspId)
      .where('client_id', '=', clientId)
      .where('unpaid', '=', 1)
      .where('stands_until', '>', now)
      .orderBy('stands_until')
      .execute()
    return rows.map((row) => row.stands_until)
  }

  /** When orders were placed with the LSP for their price alone, since `since`, oldest first. */
  async quotesSince(lspId: string, since: EpochMs): Promise<EpochMs[]> {
    const rows = await this.#db
      .selectFrom('placements')
      .select('intended_at')
      .where('lsp_id', '=', lspId)
      .where('purpose', '=', 'QUOTE')
      .where('intended_at', '>', since)
      .orderBy('intended_at')
      .execute()
    return rows.map((row) => row.intended_at)
  }
}

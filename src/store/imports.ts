import { sql } from 'kysely'
import type { Db } from './database.ts'
import type { OrderEvent } from '../domain/order-record.ts'
import type { EpochMs } from '../domain/time.ts'

/** What the question of a placement begins with that was not placed here. */
export const IMPORTED = 'imported:'

/** What an imported order needs of the database beyond what other orders need. */
export class ImportStore {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /**
   * Whom what was placed at any of these LSPs under the LSP's own id belongs to here: an order, or a placement that
   * is nobody's order yet (null). Empty: it is not known here.
   */
  async holders(
    lspIds: readonly string[],
    lspOrderId: string,
  ): Promise<{ clientId: string; orderId: string | null }[]> {
    return this.#db
      .selectFrom('placements')
      .select(['client_id as clientId', 'order_id as orderId'])
      .where('lsp_id', 'in', lspIds)
      .where('lsp_order_id', '=', lspOrderId)
      .execute()
  }

  /**
   * What others imported under an LSP's id before the LSP gave that id to what is placed here is no longer asked for
   * there: whoever imported it had guessed the id, or the LSP gives ids twice. An LSP that answers a client with the
   * order that it has already ends no import of that client's own.
   */
  async disown({
    id,
    clientId,
    lspId,
    lspOrderId,
  }: {
    id: string
    clientId: string
    lspId: string
    lspOrderId: string
  }): Promise<void> {
    const sameUrl = this.#db.selectFrom('lsps').select('url').where('id', '=', lspId)
    await this.#db
      .updateTable('placements')
      .set({ lsp_order_id: null, access_token: null })
      .where('lsp_id', 'in', this.#db.selectFrom('lsps').select('id').where('url', 'in', sameUrl))
      .where('lsp_order_id', '=', lspOrderId)
      .where('question', 'like', `${IMPORTED}%`)
      .where('id', '!=', id)
      .where('client_id', '!=', clientId)
      .execute()
  }

  /** How many of a client's orders are known from documents alone: in all, and waiting for this LSP's first word about them. */
  async hearsay(clientId: string, lspId: string): Promise<{ inAll: number; waiting: number }> {
    const counts = await this.#db
      .selectFrom('orders')
      .select((e) => [
        e.fn.countAll().as('inAll'),
        e.fn.countAll().filterWhere('lsp_id', '=', lspId).filterWhere('final', '=', 0).as('waiting'),
      ])
      .where('client_id', '=', clientId)
      .where('hearsay', '=', sql.lit(1))
      .executeTakeFirstOrThrow()
    return { inAll: Number(counts.inAll), waiting: Number(counts.waiting) }
  }

  /**
   * Deletes orders that were imported before `before` and that their LSP has not reported, with their events and
   * placements; at most `limit`. @returns how many.
   */
  async forgetUnverified(before: EpochMs, limit: number): Promise<number> {
    const rows = await this.#db
      .selectFrom('orders')
      .select(['id', 'placement_id'])
      .where('unverified_since', '<', before)
      .orderBy('unverified_since')
      .limit(limit)
      .execute()
    const ids = rows.map(({ id }) => id)
    if (ids.length === 0) return 0
    // The LSP may have reported one of them meanwhile.
    const { numDeletedRows } = await this.#db
      .deleteFrom('orders')
      .where('id', 'in', ids)
      .where('unverified_since', '<', before)
      .executeTakeFirst()
    if (Number(numDeletedRows) < ids.length) throw new Error('an imported order was reported while it was deleted')
    await this.#db.deleteFrom('events').where('order_id', 'in', ids).execute()
    await this.#db
      .deleteFrom('placements')
      .where(
        'id',
        'in',
        rows.map((row) => row.placement_id),
      )
      .execute()
    return ids.length
  }

  async isQuote(id: string): Promise<boolean> {
    return (await this.#db.selectFrom('quotes').select('id').where('id', '=', id).executeTakeFirst()) !== undefined
  }

  /**
   * Writes events that happened elsewhere. They are in their order's log, and nobody's news: their positions count
   * down from zero, where whoever follows a client's events never looks.
   */
  async appendHistory(events: readonly OrderEvent[]): Promise<void> {
    const { value: last } = await this.#db
      .updateTable('counters')
      .set({ value: sql<number>`value - ${events.length}` })
      .where('name', '=', 'imported')
      .returning('value')
      .executeTakeFirstOrThrow()
    const rows = events.map((event, index) => ({
      position: last + index,
      order_id: event.orderId,
      sequence: event.sequence,
      client_id: event.clientId,
      at: event.at,
      body: JSON.stringify(event),
    }))
    for (let from = 0; from < rows.length; from += ROWS_AT_ONCE)
      await this.#db
        .insertInto('events')
        .values(rows.slice(from, from + ROWS_AT_ONCE))
        .execute()
  }
}

/** No engine takes any number of parameters in one statement. */
const ROWS_AT_ONCE = 100

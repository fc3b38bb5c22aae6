import { sql } from 'kysely'
import type { Db } from './database.ts'
import type { Quote } from '../domain/quote.ts'
import type { Sat } from '../domain/money.ts'
import type { ChannelTerms } from '../domain/request.ts'
import type { PricePoint } from '../domain/tariff-fit.ts'
import type { EpochMs } from '../domain/time.ts'

/** What an LSP asked for a channel. */
export interface ObservedPrice {
  feeTotalSat: Sat
  bolt11FeeTotalSat: Sat | null
  onchainFeeTotalSat: Sat | null
  /** Of a bought asset. null, or absent in prices of earlier versions: it is inside the fee, or nothing is bought. */
  assetPriceSat?: Sat | null
  /** Anybody would have been asked for it: no token, no asset, no fee rate of the client's. Absent: not known. */
  isTariff?: boolean
  terms: ChannelTerms
}

export class QuoteStore {
  readonly #db: Db
  readonly #restoredAt: () => EpochMs | null

  /** `restoredAt`: quotes from before a restore of the database end at it. */
  constructor(db: Db, restoredAt: () => EpochMs | null = () => null) {
    this.#db = db
    this.#restoredAt = restoredAt
  }

  #quoteOf(body: string): Quote {
    const quote = JSON.parse(body) as Quote
    const restoredAt = this.#restoredAt()
    if (restoredAt === null || quote.createdAt >= restoredAt) return quote
    return { ...quote, expiresAt: Math.min(quote.expiresAt ?? restoredAt, restoredAt) }
  }

  /** They are forgotten some day, unless somebody has them kept. */
  async save(quotes: readonly Quote[]): Promise<void> {
    if (quotes.length === 0) return
    await this.#db
      .insertInto('quotes')
      .values(
        quotes.map((quote) => ({
          id: quote.id,
          client_id: quote.clientId,
          lsp_id: quote.lspId,
          placement_id: quote.placementId,
          created_at: quote.createdAt,
          body: JSON.stringify(quote),
          kept: 0,
        })),
      )
      .execute()
  }

  /** It is never forgotten from now on. False: it is not there. */
  async keep(id: string): Promise<boolean> {
    const result = await this.#db.updateTable('quotes').set({ kept: 1 }).where('id', '=', id).executeTakeFirst()
    return result.numUpdatedRows > 0n
  }

  /** Forgets quotes from before `before` that nobody has kept, `limit` of them at most. @returns how many. */
  async forget(before: EpochMs, limit: number): Promise<number> {
    const old = this.#db
      .selectFrom('quotes as old')
      .select('old.id')
      .where('old.kept', '=', sql.lit(0))
      .where('old.created_at', '<', before)
      .orderBy('old.created_at')
      .limit(limit)
    // Whether it is kept is asked again of each row: it may become so between the two.
    const result = await this.#db
      .deleteFrom('quotes')
      .where('id', 'in', old)
      .where('kept', '=', sql.lit(0))
      .executeTakeFirst()
    return Number(result.numDeletedRows)
  }

  /** The next client, by id, with quotes that nobody has kept and nothing stands behind at an LSP; null: there is no other. */
  async nextWithUnbound(after: string): Promise<string | null> {
    const row = await this.#unbound()
      .select('client_id')
      .where('client_id', '>', after)
      .orderBy('client_id')
      .limit(1)
      .executeTakeFirst()
    return row?.client_id ?? null
  }

  /** When the newest was made of those such quotes of a client that it has more than `most`; null: it has no more. */
  async surplusUntil(clientId: string, most: number): Promise<EpochMs | null> {
    const row = await this.#unbound()
      .select('created_at')
      .where('client_id', '=', clientId)
      .orderBy('created_at', 'desc')
      .limit(1)
      .offset(most)
      .executeTakeFirst()
    return row?.created_at ?? null
  }

  /** Forgets such quotes of a client that were made until `until`, `limit` of them at most. @returns how many. */
  async forgetUnbound(clientId: string, until: EpochMs, limit: number): Promise<number> {
    const old = this.#unbound()
      .select('id')
      .where('client_id', '=', clientId)
      .where('created_at', '<=', until)
      .orderBy('created_at')
      .limit(limit)
    const result = await this.#db
      .deleteFrom('quotes')
      .where('id', 'in', old)
      .where('kept', '=', sql.lit(0))
      .executeTakeFirst()
    return Number(result.numDeletedRows)
  }

  /** By an index of their own: a bare `placement_id is null` is looked for in that of the placements. */
  #unbound() {
    return this.#db
      .selectFrom('quotes')
      .where('kept', '=', sql.lit(0))
      .where(sql<boolean>`coalesce(placement_id, '') = ''`)
  }

  /** In the order of the ids; null for one that is not there, or is another client's. */
  async byIds(clientId: string, ids: readonly string[]): Promise<(Quote | null)[]> {
    if (ids.length === 0) return []
    const rows = await this.#db
      .selectFrom('quotes')
      .select(['id', 'body'])
      .where('client_id', '=', clientId)
      .where('id', 'in', [...new Set(ids)])
      .execute()
    const found = new Map(rows.map((row) => [row.id, this.#quoteOf(row.body)]))
    return ids.map((id) => found.get(id) ?? null)
  }

  async byPlacement(placementId: string): Promise<Quote | null> {
    const row = await this.#db
      .selectFrom('quotes')
      .select('body')
      .where('placement_id', '=', placementId)
      .orderBy('id')
      .executeTakeFirst()
    return row ? this.#quoteOf(row.body) : null
  }

  async savePrice(lspId: string, channelKey: string, price: ObservedPrice, observedAt: EpochMs): Promise<void> {
    const body = JSON.stringify(price)
    await this.#db
      .insertInto('prices')
      .values({ lsp_id: lspId, channel_key: channelKey, observed_at: observedAt, body })
      .onConflict((conflict) =>
        conflict.columns(['lsp_id', 'channel_key']).doUpdateSet({ observed_at: observedAt, body }),
      )
      .execute()
  }

  async price(lspId: string, channelKey: string): Promise<(ObservedPrice & { observedAt: EpochMs }) | null> {
    const row = await this.#db
      .selectFrom('prices')
      .select(['observed_at', 'body'])
      .where('lsp_id', '=', lspId)
      .where('channel_key', '=', channelKey)
      .executeTakeFirst()
    return row ? { ...(JSON.parse(row.body) as ObservedPrice), observedAt: row.observed_at } : null
  }

  /** The newest `limit` prices that the LSP asked since `since` by its tariff, over all clients. */
  async tariffPoints(lspId: string, since: EpochMs, limit: number): Promise<PricePoint[]> {
    const rows = await this.#db
      .selectFrom('prices')
      .select(['observed_at', 'body'])
      .where('lsp_id', '=', lspId)
      .where('observed_at', '>', since)
      .orderBy('observed_at', 'desc')
      .limit(limit)
      .execute()
    return rows
      .map((row) => ({ ...(JSON.parse(row.body) as ObservedPrice), observedAt: row.observed_at }))
      .filter(({ isTariff }) => isTariff === true)
  }

  /** Forgets prices that were last seen before `before`, `limit` of them at most. @returns how many. */
  async forgetPrices(before: EpochMs, limit: number): Promise<number> {
    const old = this.#db
      .selectFrom('prices as old')
      .select(['old.lsp_id', 'old.channel_key'])
      .where('old.observed_at', '<', before)
      .orderBy('old.observed_at')
      .limit(limit)
    const result = await this.#db
      .deleteFrom('prices')
      .where((e) => e(e.refTuple('lsp_id', 'channel_key'), 'in', old.$asTuple('lsp_id', 'channel_key')))
      // It may have been seen again between the two.
      .where('observed_at', '<', before)
      .executeTakeFirst()
    return Number(result.numDeletedRows)
  }
}

import type { Db } from './database.ts'
import type { Quote } from '../domain/quote.ts'
import type { Sat } from '../domain/money.ts'
import type { ChannelTerms } from '../domain/request.ts'
import type { EpochMs } from '../domain/time.ts'

/** What an LSP asked for a channel. */
export interface ObservedPrice {
  feeTotalSat: Sat
  bolt11FeeTotalSat: Sat | null
  onchainFeeTotalSat: Sat | null
  terms: ChannelTerms
}

export class QuoteStore {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  async save(quotes: readonly Quote[]): Promise<void> {
    if (quotes.length === 0) return
    await this.#db
      .insertInto('quotes')
      .values(quotes.map((quote) => ({ id: quote.id, client_id: quote.clientId, lsp_id: quote.lspId, placement_id: quote.placementId, created_at: quote.createdAt, body: JSON.stringify(quote) })))
      .execute()
  }

  /** In the order of the ids; null for one that is not there, or is another client's. */
  async byIds(clientId: string, ids: readonly string[]): Promise<(Quote | null)[]> {
    if (ids.length === 0) return []
    const rows = await this.#db.selectFrom('quotes').select(['id', 'body']).where('client_id', '=', clientId).where('id', 'in', ids).execute()
    const found = new Map(rows.map((row) => [row.id, JSON.parse(row.body) as Quote]))
    return ids.map((id) => found.get(id) ?? null)
  }

  async byPlacement(placementId: string): Promise<Quote | null> {
    const row = await this.#db.selectFrom('quotes').select('body').where('placement_id', '=', placementId).orderBy('id').executeTakeFirst()
    return row ? (JSON.parse(row.body) as Quote) : null
  }

  async savePrice(lspId: string, channelKey: string, price: ObservedPrice, observedAt: EpochMs): Promise<void> {
    const body = JSON.stringify(price)
    await this.#db
      .insertInto('prices')
      .values({ lsp_id: lspId, channel_key: channelKey, observed_at: observedAt, body })
      .onConflict((conflict) => conflict.columns(['lsp_id', 'channel_key']).doUpdateSet({ observed_at: observedAt, body }))
      .execute()
  }

  async price(lspId: string, channelKey: string): Promise<(ObservedPrice & { observedAt: EpochMs }) | null> {
    const row = await this.#db.selectFrom('prices').select(['observed_at', 'body']).where('lsp_id', '=', lspId).where('channel_key', '=', channelKey).executeTakeFirst()
    return row ? { ...(JSON.parse(row.body) as ObservedPrice), observedAt: row.observed_at } : null
  }
}

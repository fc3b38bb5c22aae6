import type { Db } from './database.ts'
import type { LspRow } from './schema.ts'
import type { DatedLspInfo, LspProtocol, Network } from '../domain/lsp.ts'
import { NO_RECORD, type LspRecord } from '../domain/quote.ts'

/** An LSP as it is kept: it may leave the configuration, but never the orders that were placed with it. */
export interface KnownLsp {
  id: string
  name: string
  protocol: LspProtocol
  network: Network
  url: string
  website: string | null
  info: DatedLspInfo | null
  /** How it is reached, as SecretBox seals it; null: stored by an earlier release. */
  settings: string | null
}

/** Enough recent orders to tell how an LSP does today. */
const RECORD_SIZE = 100

function knownLsp(row: LspRow): KnownLsp {
  return {
    ...row,
    protocol: row.protocol as LspProtocol,
    network: row.network as Network,
    info: row.info === null ? null : (JSON.parse(row.info) as DatedLspInfo),
  }
}

export class LspStore {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  async all(): Promise<KnownLsp[]> {
    const rows = await this.#db.selectFrom('lsps').selectAll().execute()
    return rows.map(knownLsp)
  }

  async byId(id: string): Promise<KnownLsp | null> {
    const row = await this.#db.selectFrom('lsps').selectAll().where('id', '=', id).executeTakeFirst()
    return row ? knownLsp(row) : null
  }

  /** What the configuration says of it now; what it said of itself stays. */
  async save({ info: _, ...lsp }: KnownLsp): Promise<void> {
    await this.#db
      .insertInto('lsps')
      .values({ ...lsp, info: null })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(lsp))
      .execute()
  }

  async saveInfo(id: string, info: DatedLspInfo): Promise<void> {
    await this.#db
      .updateTable('lsps')
      .set({ info: JSON.stringify(info) })
      .where('id', '=', id)
      .execute()
  }

  /** What was measured about it: only orders for which a payment was seen count. */
  async record(id: string): Promise<LspRecord> {
    const rows = await this.#db
      .selectFrom('orders')
      .select(['state', 'payment_seen_at', 'funded_at'])
      .where('lsp_id', '=', id)
      .where('payment_seen_at', 'is not', null)
      .where((e) => e.or([e('funded_at', 'is not', null), e('state', 'in', ['FAILED', 'REFUNDED', 'REFUND_PENDING'])]))
      .orderBy('payment_seen_at', 'desc')
      .limit(RECORD_SIZE)
      .execute()
    const openMs = rows
      .flatMap((row) => (row.funded_at === null ? [] : [Math.max(0, row.funded_at - (row.payment_seen_at ?? 0))]))
      .toSorted((a, b) => a - b)
    if (rows.length === 0) return NO_RECORD
    return {
      medianOpenMs: openMs[Math.floor((openMs.length - 1) / 2)] ?? null,
      succeeded: openMs.length,
      ended: rows.length,
    }
  }
}

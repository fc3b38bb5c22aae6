import type { Db } from './database.ts'
import type { Renewal } from '../domain/renewal-record.ts'
import type { EpochMs } from '../domain/time.ts'

/** A renewal that is being read, as it was when it was taken for that. */
export interface TrackedRenewal {
  renewal: Renewal
  version: number
  /** The instance that took it. */
  leasedBy: string
}

export class RenewalStore {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** `question`: no other renewal may have the same. */
  async insert(renewal: Renewal, question: string, nextReadAt: EpochMs | null): Promise<void> {
    await this.#db
      .insertInto('renewals')
      .values({
        id: renewal.id,
        client_id: renewal.clientId,
        lsp_id: renewal.lspId,
        final: 0,
        next_read_at: nextReadAt,
        body: JSON.stringify(renewal),
        question,
      })
      .execute()
  }

  /**
   * Writes what it became since it was taken, and gives up the lease of it. False: the lease was lost, or it was written
   * meanwhile, and nothing is.
   */
  async update(
    renewal: Renewal,
    nextReadAt: EpochMs | null,
    { version, leasedBy }: Omit<TrackedRenewal, 'renewal'>,
  ): Promise<boolean> {
    const result = await this.#db
      .updateTable('renewals')
      .set({
        body: JSON.stringify(renewal),
        next_read_at: nextReadAt,
        final: nextReadAt === null ? 1 : 0,
        version: version + 1,
        lease_owner: null,
        lease_until: 0,
      })
      .where('id', '=', renewal.id)
      .where('version', '=', version)
      .where('lease_owner', '=', leasedBy)
      .executeTakeFirst()
    return result.numUpdatedRows > 0n
  }

  /** Writes the outcome of the request that `insert` recorded as an intent. */
  async settle(renewal: Renewal, nextReadAt: EpochMs | null): Promise<void> {
    await this.#db
      .updateTable('renewals')
      .set({ body: JSON.stringify(renewal), next_read_at: nextReadAt, final: nextReadAt === null ? 1 : 0 })
      .where('id', '=', renewal.id)
      .execute()
  }

  /** Deletes an intent after a refusal without effect. The client may send the same input again. */
  async drop(id: string): Promise<void> {
    await this.#db.deleteFrom('renewals').where('id', '=', id).execute()
  }

  async byQuestion(question: string): Promise<Renewal | null> {
    const row = await this.#db.selectFrom('renewals').select('body').where('question', '=', question).executeTakeFirst()
    return row ? (JSON.parse(row.body) as Renewal) : null
  }

  async get(clientId: string, id: string): Promise<Renewal | null> {
    const row = await this.#db
      .selectFrom('renewals')
      .select('body')
      .where('client_id', '=', clientId)
      .where('id', '=', id)
      .executeTakeFirst()
    return row ? (JSON.parse(row.body) as Renewal) : null
  }
}

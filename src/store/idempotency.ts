import { sql, type ExpressionBuilder } from 'kysely'
import type { Db, Engine } from './engine.ts'
import { isGone } from './instances.ts'
import type { Tables } from './schema.ts'
import type { EpochMs } from '../domain/time.ts'

export interface IdempotencyRecord {
  inputHash: string
  /** JSON; null while the answer is on its way. */
  answer: string | null
  placementId: string | null
}

/** An idempotency key of which nobody knows the answer yet, as whoever looks for the answer knows it. */
export interface OpenKey {
  clientId: string
  key: string
  /** What was sent under it. null: nothing yet, and it is this instance's that claimed it. */
  placementId: string | null
}

/** The database was away for so long that others took this instance for gone. */
export class KeyLost extends Error {
  override name = 'KeyLost'

  constructor() {
    super('another instance has taken this idempotency key over')
  }
}

export class IdempotencyStore {
  readonly #db: Db
  readonly #engine: Engine
  readonly #self: string

  constructor(db: Db, engine: Engine, self: string) {
    this.#db = db
    this.#engine = engine
    this.#self = self
  }

  /** Claims the key. null: it is the caller's now; else what it was claimed for before. */
  async claim(clientId: string, key: string, inputHash: string, now: EpochMs): Promise<IdempotencyRecord | null> {
    for (;;) {
      const claimed = await this.#db
        .insertInto('idempotency')
        .values({
          client_id: clientId,
          key,
          input_hash: inputHash,
          created_at: now,
          answer: null,
          placement_id: null,
          owner: this.#self,
        })
        .onConflict((conflict) => conflict.columns(['client_id', 'key']).doNothing())
        .executeTakeFirst()
      if ((claimed.numInsertedOrUpdatedRows ?? 0n) > 0n) return null
      const before = await this.get(clientId, key)
      // Given back between the two: nobody's, so it may be claimed after all.
      if (before) return before
    }
  }

  async get(clientId: string, key: string): Promise<IdempotencyRecord | null> {
    const row = await this.#db
      .selectFrom('idempotency')
      .selectAll()
      .where('client_id', '=', clientId)
      .where('key', '=', key)
      .executeTakeFirst()
    return row ? { inputHash: row.input_hash, answer: row.answer, placementId: row.placement_id } : null
  }

  /**
   * Ties the key to the order that is about to be sent: after a crash, its fate is the key's answer.
   * @throws KeyLost
   */
  async bind(clientId: string, key: string, placementId: string): Promise<void> {
    const bound = await this.#db
      .updateTable('idempotency')
      .set({ placement_id: placementId })
      .where(this.#isOpen({ clientId, key, placementId: null }))
      .executeTakeFirst()
    if (bound.numUpdatedRows === 0n) throw new KeyLost()
  }

  /** The first answer stays. @throws KeyLost when there is one, or the key is no longer what `key` says. */
  async answer(key: OpenKey, answer: string): Promise<void> {
    const answered = await this.#db
      .updateTable('idempotency')
      .set({ answer })
      .where(this.#isOpen(key))
      .executeTakeFirst()
    if (answered.numUpdatedRows === 0n) throw new KeyLost()
  }

  /** The key that a placement was sent under, if a client ordered it by key. */
  async byPlacement(placementId: string): Promise<(OpenKey & { answer: string | null }) | null> {
    const row = await this.#db
      .selectFrom('idempotency')
      .select(['client_id', 'key', 'answer'])
      .where('placement_id', '=', placementId)
      .executeTakeFirst()
    return row ? { clientId: row.client_id, key: row.key, placementId, answer: row.answer } : null
  }

  /** Gives this instance's key back if nothing was sent for it: whatever was to be done never began. */
  async releaseUnbound(clientId: string, key: string): Promise<void> {
    await this.#db
      .deleteFrom('idempotency')
      .where(this.#isOpen({ clientId, key, placementId: null }))
      .execute()
  }

  /** The same for every key whose instance is gone, and for those of this one that are older than `ownBefore`. */
  async releaseAbandoned(silentMs: number, ownBefore: EpochMs): Promise<void> {
    await this.#db
      .deleteFrom('idempotency')
      .where('answer', 'is', null)
      .where('placement_id', 'is', null)
      .where((e) =>
        e.or([
          isGone(e, this.#engine, this.#self, silentMs),
          e.and([e('owner', '=', this.#self), e('created_at', '<', ownBefore)]),
        ]),
      )
      .execute()
  }

  /** Gives the key back: what was tried for it had no effect, and may be tried again. @throws KeyLost as `answer` does. */
  async release(key: OpenKey): Promise<void> {
    const released = await this.#db.deleteFrom('idempotency').where(this.#isOpen(key)).executeTakeFirst()
    if (released.numDeletedRows === 0n) throw new KeyLost()
  }

  /**
   * Forgets keys from before `before` that were answered with no order, `limit` of them at most: those for which nothing
   * was sent, or all. @returns how many.
   */
  async forget(before: EpochMs, which: 'unsent' | 'all', limit: number): Promise<number> {
    const old = this.#db
      .selectFrom('idempotency')
      .select(['client_id', 'key'])
      .where(sql<boolean>`substr(answer, 1, 15) <> '{"kind":"order"'`)
      .where('created_at', '<', before)
      .$if(which === 'unsent', (query) => query.where('placement_id', 'is', null))
      .orderBy('created_at')
      .limit(limit)
    const result = await this.#db
      .deleteFrom('idempotency')
      .where((e) => e(e.refTuple('client_id', 'key'), 'in', old.$asTuple('client_id', 'key')))
      .executeTakeFirst()
    return Number(result.numDeletedRows)
  }

  /** An instance that was taken for gone may come back, and find its key claimed, and more, by another. */
  #isOpen({ clientId, key, placementId }: OpenKey) {
    return (e: ExpressionBuilder<Tables, 'idempotency'>) =>
      e.and([
        e('client_id', '=', clientId),
        e('key', '=', key),
        e('answer', 'is', null),
        ...(placementId === null
          ? [e('placement_id', 'is', null), e('owner', '=', this.#self)]
          : [e('placement_id', '=', placementId)]),
      ])
  }
}

import type { Db, Engine } from './engine.ts'
import { isGone } from './instances.ts'
import type { EpochMs } from '../domain/time.ts'

export interface IdempotencyRecord {
  inputHash: string
  /** JSON; null while the answer is on its way. */
  answer: string | null
  placementId: string | null
}

/** The database was away for so long that others took this instance for gone. */
export class KeyLost extends Error {
  override name = 'KeyLost'
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
        .values({ client_id: clientId, key, input_hash: inputHash, created_at: now, answer: null, placement_id: null, owner: this.#self })
        .onConflict((conflict) => conflict.columns(['client_id', 'key']).doNothing())
        .executeTakeFirst()
      if ((claimed.numInsertedOrUpdatedRows ?? 0n) > 0n) return null
      const before = await this.get(clientId, key)
      // Given back between the two: nobody's, so it may be claimed after all.
      if (before) return before
    }
  }

  async get(clientId: string, key: string): Promise<IdempotencyRecord | null> {
    const row = await this.#db.selectFrom('idempotency').selectAll().where('client_id', '=', clientId).where('key', '=', key).executeTakeFirst()
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
      .where('client_id', '=', clientId)
      .where('key', '=', key)
      .where('owner', '=', this.#self)
      .where('placement_id', 'is', null)
      .where('answer', 'is', null)
      .executeTakeFirst()
    if (bound.numUpdatedRows === 0n) throw new KeyLost('another instance has taken this idempotency key over')
  }

  async answer(clientId: string, key: string, answer: string): Promise<void> {
    await this.#db.updateTable('idempotency').set({ answer }).where('client_id', '=', clientId).where('key', '=', key).execute()
  }

  /** The key's owner and name for a placement, if a client ordered it by key. */
  async byPlacement(placementId: string): Promise<{ clientId: string; key: string; answer: string | null } | null> {
    const row = await this.#db.selectFrom('idempotency').select(['client_id', 'key', 'answer']).where('placement_id', '=', placementId).executeTakeFirst()
    return row ? { clientId: row.client_id, key: row.key, answer: row.answer } : null
  }

  /** Gives the key back if nothing was sent for it: whatever was to be done never began. */
  async releaseUnbound(clientId: string, key: string): Promise<void> {
    await this.#db.deleteFrom('idempotency').where('client_id', '=', clientId).where('key', '=', key).where('answer', 'is', null).where('placement_id', 'is', null).execute()
  }

  /** The same for every key whose instance is gone, and for those of this one that are older than `ownBefore`. */
  async releaseAbandoned(silentMs: number, ownBefore: EpochMs): Promise<void> {
    await this.#db
      .deleteFrom('idempotency')
      .where('answer', 'is', null)
      .where('placement_id', 'is', null)
      .where((e) => e.or([isGone(e, this.#engine, this.#self, silentMs), e.and([e('owner', '=', this.#self), e('created_at', '<', ownBefore)])]))
      .execute()
  }

  /** Gives the key back: what was tried for it had no effect, and may be tried again. */
  async release(clientId: string, key: string): Promise<void> {
    await this.#db.deleteFrom('idempotency').where('client_id', '=', clientId).where('key', '=', key).execute()
  }
}

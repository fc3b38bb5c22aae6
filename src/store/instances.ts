import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import type { Db, Engine } from './engine.ts'
import type { Tables } from './schema.ts'
import type { EpochMs } from '../domain/time.ts'

/** Long after an instance is gone, its row tells nobody anything. */
const FORGET_MS = 24 * 60 * 60_000

/** The gateways that share the database: each says now and then that it lives. Times are the database's own. */
export class InstanceStore {
  readonly #db: Db
  readonly #engine: Engine
  readonly #self: string

  constructor(db: Db, engine: Engine, self: string) {
    this.#db = db
    this.#engine = engine
    this.#self = self
  }

  /** Records that this gateway lives. @returns the database's time */
  async beat(): Promise<EpochMs> {
    const { now } = this.#engine
    const { seen_at: seenAt } = await this.#db
      .insertInto('instances')
      .values({ id: this.#self, seen_at: now })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at: now }))
      .returning('seen_at')
      .executeTakeFirstOrThrow()
    return seenAt
  }

  /** This one ends: what it leaves may be taken up at once. */
  async leave(): Promise<void> {
    await this.#db
      .deleteFrom('instances')
      .where((e) => e.or([e('id', '=', this.#self), e('seen_at', '<', e(this.#engine.now, '-', FORGET_MS))]))
      .execute()
  }
}

/**
 * Whether the instance that `owner` names is gone: silent for `silentMs`. Where no other process can be at work,
 * every other instance is.
 */
export function isGone<Table extends 'placements' | 'idempotency'>(
  e: ExpressionBuilder<Tables, Table>,
  engine: Engine,
  self: string,
  silentMs: number,
): Expression<SqlBool> {
  const any = e as unknown as ExpressionBuilder<Tables, 'placements' | 'idempotency'>
  const isAnother = any.or([any('owner', 'is', null), any('owner', '!=', self)])
  if (!engine.isShared) return isAnother
  const isAlive = any.exists(
    any
      .selectFrom('instances')
      .select('instances.id')
      .whereRef('instances.id', '=', 'owner')
      .where('instances.seen_at', '>', any(engine.now, '-', silentMs)),
  )
  return any.and([isAnother, any.not(isAlive)])
}

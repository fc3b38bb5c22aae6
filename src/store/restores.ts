import { randomBytes } from 'node:crypto'
import type { Kysely, RawBuilder } from 'kysely'
import type { Tables } from './schema.ts'
import type { EpochMs } from '../domain/time.ts'

/** The database was restored from a backup at `restoredAt`. Nothing between `dataUntil` and then is in it. */
export interface Restore {
  restoredAt: EpochMs
  /** When the last row of the backup was written. */
  dataUntil: EpochMs
}

const HISTORY = 'history'
const newHistory = () => Number.parseInt(randomBytes(6).toString('hex'), 16)

/** 16 hexadecimal digits that identify the history of this database. A restore changes them. */
export async function historyIdOf(db: Kysely<Tables>): Promise<string> {
  await db
    .insertInto('counters')
    .values({ name: HISTORY, value: newHistory() })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  const { value } = await db
    .selectFrom('counters')
    .select('value')
    .where('name', '=', HISTORY)
    .executeTakeFirstOrThrow()
  return value.toString(16).padStart(16, '0')
}

/** The last restore that was recorded; null: none. */
export async function lastRestore(db: Kysely<Tables>): Promise<Restore | null> {
  const row = await db.selectFrom('restores').selectAll().orderBy('restored_at', 'desc').limit(1).executeTakeFirst()
  return row ? { restoredAt: row.restored_at, dataUntil: row.data_until } : null
}

/**
 * Records a restore: at `statedAt`, or now by the database's clock (null). Call it in a transaction, while no gateway runs
 * on the database.
 *
 * Orders that were about to be sent when the backup was made count as sent. Unpaid orders at LSPs that nobody had ordered
 * are not used again: a wallet may have ordered and paid them after the backup.
 */
export async function recordRestore(
  db: Kysely<Tables>,
  now: RawBuilder<number>,
  statedAt: EpochMs | null,
): Promise<Restore> {
  const most = statedAt ?? Number.MAX_SAFE_INTEGER
  const newest = await db
    .selectNoFrom((e) => [
      now.as('now'),
      e.selectFrom('events').select('at').where('at', '<', most).orderBy('position', 'desc').limit(1).as('event'),
      e
        .selectFrom('placements')
        .select('intended_at')
        .where('intended_at', '<', most)
        .orderBy('intended_at', 'desc')
        .limit(1)
        .as('placement'),
      e
        .selectFrom('quotes')
        .select('created_at')
        .where('created_at', '<', most)
        .orderBy('created_at', 'desc')
        .limit(1)
        .as('quote'),
    ])
    .executeTakeFirstOrThrow()
  const dataUntil = Math.max(newest.event ?? 0, newest.placement ?? 0, newest.quote ?? 0)
  // All of the backup is older, whichever clock it was written by.
  const restoredAt = statedAt ?? Math.max(newest.now, dataUntil + 1)
  await db
    .updateTable('placements')
    .set({ status: 'SENT' })
    .where('status', '=', 'INTENDED')
    .where('intended_at', '<', restoredAt)
    .execute()
  await db
    .updateTable('placements')
    .set({ stands_until: restoredAt })
    .where('status', '=', 'STANDING')
    .where('order_id', 'is', null)
    .where('intended_at', '<', restoredAt)
    .where('stands_until', '>', restoredAt)
    .execute()
  const recorded = await db
    .insertInto('restores')
    .values({ restored_at: restoredAt, data_until: dataUntil })
    .onConflict((conflict) => conflict.column('restored_at').doNothing())
    .executeTakeFirst()
  // The configuration may state the same restore at each start.
  if ((recorded.numInsertedOrUpdatedRows ?? 0n) > 0n)
    await db.updateTable('counters').set({ value: newHistory() }).where('name', '=', HISTORY).execute()
  return { restoredAt, dataUntil }
}

import { sql } from 'kysely'
import { DatabaseError, type Engine } from './engine.ts'
import { MIGRATIONS } from './migrations.ts'
import type { EpochMs } from '../domain/time.ts'

/**
 * Brings the schema up to date, all of it or nothing, while no other process does the same.
 * @throws DatabaseError when the database is of a newer version.
 */
export async function migrate(engine: Engine, now: () => EpochMs): Promise<void> {
  await engine.migration(async (trx) => {
    await sql`create table if not exists migrations (version integer primary key, applied_at bigint not null)`.execute(
      trx,
    )
    const applied = await trx
      .selectFrom('migrations')
      .select((e) => e.fn.max('version').as('version'))
      .executeTakeFirst()
    const version = applied?.version ?? 0
    if (version > MIGRATIONS.length) {
      throw new DatabaseError(
        `the database is of version ${version}, and this program knows ${MIGRATIONS.length}: it was used by a newer Sluice`,
      )
    }
    for (const [index, statements] of MIGRATIONS.entries()) {
      if (index < version) continue
      for (const statement of statements) await sql.raw(statement).execute(trx)
      await trx
        .insertInto('migrations')
        .values({ version: index + 1, applied_at: now() })
        .execute()
    }
  })
}

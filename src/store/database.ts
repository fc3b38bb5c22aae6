import { openPostgres } from './engine-postgres.ts'
import { openSqlite } from './engine-sqlite.ts'
import { DatabaseError, type Engine } from './engine.ts'
import { migrate } from './migrate.ts'
import type { EpochMs } from '../domain/time.ts'

export { DatabaseError, type Db } from './engine.ts'
export { DatabaseUnavailable, UNAVAILABLE_REASONS } from './unavailable.ts'

/** Whether it names a database that several gateways may share. */
export function isPostgresUrl(databaseUrl: string): boolean {
  return /^postgres(ql)?:\/\//i.test(databaseUrl)
}

/**
 * Opens the database that `databaseUrl` names, a file or a PostgreSQL server, and brings its schema up to date.
 * @throws DatabaseError when it cannot be opened, or is of a newer version.
 */
export async function openDatabase(databaseUrl: string, now: () => EpochMs): Promise<Engine> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(databaseUrl)?.[1]
  if (scheme !== undefined && !isPostgresUrl(databaseUrl))
    throw new DatabaseError(`DATABASE_URL: give the path of a file, or postgres://…, not ${scheme}://…`, {
      isConfiguration: true,
    })
  const engine = isPostgresUrl(databaseUrl) ? await openPostgres(databaseUrl) : openSqlite(databaseUrl)
  try {
    await migrate(engine, now)
  } catch (error) {
    await engine.close()
    throw error
  }
  return engine
}

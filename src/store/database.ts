import { setTimeout as delay } from 'node:timers/promises'
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

/** How a database is opened. */
export interface OpenOptions {
  /** PostgreSQL past the pooler that DATABASE_URL leads to, for LISTEN. */
  directUrl?: string | null
  /** How long to wait for a database that is not there yet; 0, the default: not at all. */
  waitMs?: number
  /** Learns once that it waits, and why. */
  onWaiting?: (why: string) => void
  /** Ends the waiting: then the start fails with an AbortError. */
  signal?: AbortSignal | undefined
}

const TRY_EVERY_MS = 500

/**
 * Opens the database that `databaseUrl` names, a file or a PostgreSQL server, and brings its schema up to date.
 * @throws DatabaseError when it cannot be opened, or is of a newer version.
 */
export async function openDatabase(
  databaseUrl: string,
  now: () => EpochMs,
  { directUrl = null, waitMs = 0, onWaiting, signal }: OpenOptions = {},
): Promise<Engine> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(databaseUrl)?.[1]
  if (scheme !== undefined && !isPostgresUrl(databaseUrl))
    throw new DatabaseError(`DATABASE_URL: give the path of a file, or postgres://…, not ${scheme}://…`, {
      isConfiguration: true,
    })
  const giveUpAt = performance.now() + waitMs
  for (let tries = 1; ; tries += 1) {
    try {
      return await openOnce(databaseUrl, now, directUrl)
    } catch (error) {
      if (!(error instanceof DatabaseError && error.isTransient) || waitMs === 0) throw error
      if (performance.now() >= giveUpAt) {
        throw new DatabaseError(
          `${error.message}. It was tried for ${waitMs / 1000} s (startup.waitSeconds): start the database, or correct DATABASE_URL`,
        )
      }
      if (tries === 1) onWaiting?.(error.message)
      await delay(TRY_EVERY_MS, undefined, { signal })
    }
  }
}

async function openOnce(databaseUrl: string, now: () => EpochMs, directUrl: string | null): Promise<Engine> {
  const engine = isPostgresUrl(databaseUrl) ? await openPostgres(databaseUrl, directUrl) : openSqlite(databaseUrl)
  try {
    await migrate(engine, now)
  } catch (error) {
    await engine.close()
    throw error
  }
  return engine
}

import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'libsql'
import { BackupError, EXIT_USAGE, sync, type Terminal } from './backup.ts'
import { readEnvironment } from '../config.ts'
import { ConfigError } from '../config/problem.ts'
import type { Clock } from '../domain/time.ts'
import { DatabaseError, isPostgresUrl } from '../store/database.ts'
import { lockDatabase } from '../store/instance-lock.ts'
import type { Restore } from '../store/restores.ts'
import { openStore } from '../store/store.ts'

/** What SQLite and the gateway keep beside the database. */
const SUFFIXES = ['', '-wal', '-shm', '.position'] as const

/**
 * Puts a backup in the place of the embedded database and records that it was restored. The restore is recorded in a copy
 * before the copy takes its place: whatever interrupts this, no gateway finds the backup without the record. The database
 * that is there is kept under another name.
 * @returns the restore, and the new name of the database that was there; null: there was none.
 * @throws BackupError, DatabaseError; then the database that was there is still in its place.
 */
async function restoreFile(databasePath: string, backupPath: string, clock: Clock) {
  assertIntact(backupPath)
  mkdirSync(dirname(databasePath), { recursive: true, mode: 0o700 })
  const release = existsSync(databasePath) ? lockDatabase(databasePath) : () => {}
  const copy = `${databasePath}.restoring`
  const kept = existsSync(databasePath)
    ? `${databasePath}.before-${new Date(clock.now()).toISOString().replaceAll(/[:.]/g, '-')}`
    : null
  const moved: [from: string, to: string][] = []
  const move = (from: string, to: string) => {
    if (!existsSync(from)) return
    renameSync(from, to)
    moved.push([from, to])
  }
  try {
    removeFiles(copy)
    copyFileSync(backupPath, copy)
    chmodSync(copy, 0o600)
    const restore = await recordIn(copy, clock)
    sync(copy)
    for (const suffix of SUFFIXES) if (kept !== null) move(databasePath + suffix, kept + suffix)
    for (const suffix of SUFFIXES) move(copy + suffix, databasePath + suffix)
    sync(dirname(databasePath))
    return { restore, kept }
  } catch (error) {
    for (const [from, to] of moved.toReversed()) renameSync(to, from)
    removeFiles(copy)
    throw error
  } finally {
    release()
  }
}

function removeFiles(path: string): void {
  for (const suffix of SUFFIXES) rmSync(path + suffix, { force: true })
}

/** @throws DatabaseError */
async function recordIn(databaseUrl: string, clock: Clock): Promise<Restore> {
  const store = await openStore(databaseUrl, clock)
  try {
    return await store.recordRestore(null)
  } finally {
    await store.close()
  }
}

/** @throws BackupError */
function assertIntact(path: string): void {
  if (!existsSync(path)) throw new BackupError(`there is no file ${path}`)
  let problems: string
  try {
    const copy = new Database(path, { readonly: true })
    try {
      const rows = copy.prepare('pragma integrity_check').all() as { integrity_check: string }[]
      problems = rows.map((row) => row.integrity_check).join('; ')
      copy.prepare('select count(*) from placements').get()
    } finally {
      copy.close()
    }
  } catch (error) {
    throw new BackupError(`${path} is not a backup of a gateway: ${(error as Error).message}`, { cause: error })
  }
  if (problems !== 'ok') throw new BackupError(`${path} is damaged: ${problems}`)
}

/** `npm run restore -- FILE`; with PostgreSQL, without a file, after pg_restore. @returns the exit status. */
export async function runRestore(
  argv: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  { out, err }: Terminal,
): Promise<number> {
  try {
    const { databaseUrl } = readEnvironment([], variables)
    const isPostgres = isPostgresUrl(databaseUrl)
    const [path, ...rest] = argv
    if (rest.length > 0 || isPostgres !== (path === undefined) || path?.startsWith('-')) {
      err(
        isPostgres
          ? 'DATABASE_URL names a PostgreSQL database: stop all gateways, restore it with pg_restore, then run "npm run restore" without a file'
          : 'usage: npm run restore -- FILE',
      )
      return EXIT_USAGE
    }
    const { restore, kept } =
      path === undefined
        ? { restore: await recordIn(databaseUrl, clock), kept: null }
        : await restoreFile(databaseUrl, path, clock)
    if (kept !== null) out(`The database that was there is now ${kept}.`)
    out(`Restored. The last change in the backup is of ${new Date(restore.dataUntil).toISOString()}.`)
    out('Orders that were placed later are not in the database. Their LSPs have them: see docs/operating.md.')
    return 0
  } catch (error) {
    if (!(error instanceof BackupError || error instanceof ConfigError || error instanceof DatabaseError)) throw error
    err(error.message)
    return EXIT_USAGE
  }
}

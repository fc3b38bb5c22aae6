import { existsSync, realpathSync, statSync } from 'node:fs'
import Database from 'libsql'
import { createDatabaseFile } from './database-file.ts'
import { DatabaseError } from './engine.ts'
import { codeOf } from './retry.ts'

/** How long a start waits for another gateway that is about to end. */
const PATIENCE_MS = 2_000

/**
 * Keeps other gateways off an embedded database for as long as this process lives, whatever name of the file they use:
 * two gateways would each take the other's orders for abandoned, and SQLite loses writes of two processes that know the
 * file by different names. The operating system releases the lock when the process ends.
 *
 * - The lock file is beside the file itself: symbolic links and bind mounts of a folder lead to the same lock.
 * - A file with hard links is refused: SQLite keeps the last changes (`-wal`) beside the name that was opened.
 * - A bind mount of the file alone has a folder of its own. Its `-shm` is elsewhere, but SQLite's lock is on the file.
 *
 * Call it before the database is opened.
 * @returns a function that releases the lock.
 * @throws DatabaseError when another gateway has the file, or the file cannot be created.
 */
export function lockDatabase(path: string): () => void {
  const real = createDatabaseFile(path)
  const names = statSync(real).nlink
  if (names > 1) {
    throw new DatabaseError(
      `the database ${path} has ${names} names (hard links), and SQLite would lose changes that were made under another name: stop all gateways on it, keep the name that they used last, and remove the others`,
      { isConfiguration: true },
    )
  }
  const lock = new Database(`${real}.lock`)
  try {
    lock.pragma(`busy_timeout = ${PATIENCE_MS}`)
    lock.exec('begin exclusive')
    assertNoOtherName(path, real)
  } catch (error) {
    if (lock.inTransaction) lock.exec('rollback')
    lock.close()
    throw error instanceof DatabaseError ? error : inUse(path, error)
  }
  return () => {
    lock.exec('rollback')
    lock.close()
  }
}

/** A process that uses this very name, such as a backup, has `-shm` open beside it; one with another name has not. */
function assertNoOtherName(path: string, real: string): void {
  if (existsSync(`${real}-shm`)) return
  const probe = new Database(real)
  try {
    // By `exec`: a prepared statement would keep the lock until it is collected. In this mode SQLite locks the file
    // itself before it reads; otherwise it only locks `-shm`.
    probe.exec(
      `pragma busy_timeout = ${PATIENCE_MS}; pragma locking_mode = EXCLUSIVE; select count(*) from sqlite_master`,
    )
  } catch (error) {
    // Another problem shows again, and is explained, when the database is opened.
    if (/^SQLITE_(BUSY|LOCKED)/.test(codeOf(error)) && !existsSync(`${real}-shm`)) throw inUse(path, error)
  } finally {
    probe.close()
  }
}

function inUse(path: string, cause: unknown): DatabaseError {
  const real = realpathSync(path)
  const also = real.endsWith(path.replace(/^\.\//, '')) ? '' : ` (the file ${real})`
  return new DatabaseError(
    `the database ${path} is in use by another gateway${also}: set DATABASE_URL to another file, or to postgres://… for several gateways`,
    { cause, isConfiguration: true },
  )
}

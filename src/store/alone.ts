import Database from 'libsql'
import { DatabaseError } from './engine.ts'

/** For one that is about to end. */
const PATIENCE_MS = 2_000

/**
 * Keeps other gateways off an embedded database, which is open, for as long as this process lives: each would take what the other is
 * sending for abandoned. The system gives the lock up when the process ends, however it ends.
 * @returns what gives it up before that.
 * @throws DatabaseError
 */
export function holdAlone(path: string): () => void {
  const lock = new Database(`${path}.lock`)
  try {
    lock.pragma(`busy_timeout = ${PATIENCE_MS}`)
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    throw new DatabaseError(
      `the database ${path} is in use by another gateway: set DATABASE_URL to another file, or to postgres://… for several gateways`,
      { cause: error, isConfiguration: true },
    )
  }
  return () => {
    lock.exec('rollback')
    lock.close()
  }
}

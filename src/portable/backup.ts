import { closeSync, existsSync, fsyncSync, openSync, rmSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import Database from 'libsql'
import { readEnvironment } from '../config.ts'
import { ConfigError } from '../config/problem.ts'
import { isPostgresUrl } from '../store/database.ts'

/** What the operator has to mend. */
export const EXIT_USAGE = 2

/** The copy cannot be made; the message is for the operator. */
export class BackupError extends Error {
  override name = 'BackupError'
}

export interface Backup {
  path: string
  bytes: number
}

/**
 * Copies the embedded database while gateways write to it: the copy is of one moment. It is on the disk, and was
 * read through, when this returns.
 * @throws BackupError; then there is no copy.
 */
export function backUp(databasePath: string, copyPath: string): Backup {
  if (!existsSync(databasePath)) throw new BackupError(`there is no database at ${databasePath}; DATABASE_URL names it`)
  const path = resolve(copyPath)
  claim(path)
  try {
    writeCopy(databasePath, path)
    for (const synced of [path, dirname(path)]) sync(synced)
    const problems = integrityOf(path)
    if (problems !== 'ok') throw new BackupError(`the copy is damaged, and so may be the database: ${problems}`)
    return { path, bytes: statSync(path).size }
  } catch (error) {
    rmSync(path, { force: true })
    throw error instanceof BackupError
      ? error
      : new BackupError(`no copy was made: ${(error as Error).message}`, { cause: error })
  }
}

/** Takes the name with an empty file that only its owner may read: a copy holds what the database holds. */
function claim(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new BackupError(
      code === 'EEXIST' ? `${path} is there already, and is not overwritten` : `${path} cannot be written: ${message}`,
      { cause: error },
    )
  }
}

function writeCopy(databasePath: string, path: string): void {
  const database = new Database(databasePath, { readonly: true })
  try {
    // It reads as of one moment, and holds up nobody who writes.
    database.prepare('vacuum into ?').run(path)
  } finally {
    database.close()
  }
}

export function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function integrityOf(path: string): string {
  const copy = new Database(path, { readonly: true })
  try {
    const rows = copy.prepare('pragma integrity_check').all() as { integrity_check: string }[]
    return rows.map((row) => row.integrity_check).join('; ')
  } finally {
    copy.close()
  }
}

export interface Terminal {
  out: (line: string) => void
  err: (line: string) => void
}

/** `npm run backup -- FILE`. @returns the exit status. */
export function runBackup(
  argv: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
  { out, err }: Terminal,
): number {
  const [path, ...rest] = argv
  if (path === undefined || rest.length > 0 || path.startsWith('-')) {
    err('npm run backup -- FILE: the name of the copy is wanted, and nothing else')
    return EXIT_USAGE
  }
  try {
    const { databaseUrl } = readEnvironment([], variables)
    if (isPostgresUrl(databaseUrl)) {
      err('DATABASE_URL names a PostgreSQL database: copy it with pg_dump "$DATABASE_URL" --format=custom --file=FILE')
      return EXIT_USAGE
    }
    const backup = backUp(databaseUrl, path)
    out(`${backup.path}: ${backup.bytes} bytes, integrity_check: ok`)
    out('It holds what orders need at their LSPs: keep it as you keep a password.')
    return 0
  } catch (error) {
    if (!(error instanceof BackupError || error instanceof ConfigError)) throw error
    err(error.message)
    return EXIT_USAGE
  }
}

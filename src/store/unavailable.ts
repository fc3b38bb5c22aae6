import { codeOf } from './retry.ts'

/** Why the database cannot be used now, in words that anybody may read. */
export const UNAVAILABLE_REASONS = {
  BUSY: 'another process holds the database',
  DAMAGED: 'the database is damaged',
  DISK_ERROR: 'the disk of the database fails',
  DISK_FULL: 'the disk of the database is full',
  FILE_REPLACED: 'the database file was deleted or replaced',
  OVERLOADED: 'the database is out of connections or memory',
  READ_ONLY: 'the database is read-only',
  REFUSED: 'the database refuses this gateway',
  SCHEMA_MISMATCH: 'the schema of the database is not the one of this gateway',
  TIMEOUT: 'the database does not answer in time',
  UNREACHABLE: 'the database cannot be reached',
} as const

export type UnavailableReason = keyof typeof UNAVAILABLE_REASONS

/**
 * The database cannot be used now; it may be later. `message` is for the operator and has no secret; clients read the
 * sentence in UNAVAILABLE_REASONS.
 */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable'
  readonly reason: UnavailableReason
  /** The database's own code, if it gave one. */
  readonly code: string

  constructor(reason: UnavailableReason, message: string, code = '') {
    super(message)
    this.reason = reason
    this.code = code
  }
}

const SQLITE_CODES: readonly [RegExp, UnavailableReason][] = [
  [/^SQLITE_FULL/, 'DISK_FULL'],
  [/^SQLITE_READONLY/, 'READ_ONLY'],
  [/^SQLITE_(BUSY|LOCKED)/, 'BUSY'],
  [/^SQLITE_(IOERR|NOLFS)/, 'DISK_ERROR'],
  [/^SQLITE_(CORRUPT|NOTADB|FORMAT)/, 'DAMAGED'],
  [/^SQLITE_(CANTOPEN|PROTOCOL)/, 'UNREACHABLE'],
  [/^SQLITE_(PERM|AUTH)/, 'REFUSED'],
  [/^SQLITE_NOMEM/, 'OVERLOADED'],
  [/^SQLITE_SCHEMA/, 'SCHEMA_MISMATCH'],
]

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const POSTGRES_CODES: readonly [RegExp, UnavailableReason][] = [
  [/^25006$/, 'READ_ONLY'],
  [/^53100$/, 'DISK_FULL'],
  [/^53/, 'OVERLOADED'],
  [/^57014$/, 'TIMEOUT'],
  [/^(57P|08)/, 'UNREACHABLE'],
  [/^58/, 'DISK_ERROR'],
  [/^XX00[12]$/, 'DAMAGED'],
  [/^(42P01|42703|42704|42883|3F000)$/, 'SCHEMA_MISMATCH'],
  [/^(28|3D|42501)/, 'REFUSED'],
  [/^(40001|40P01|55P03)$/, 'BUSY'],
]

const reasonIn = (codes: readonly [RegExp, UnavailableReason][], code: string) =>
  codes.find(([pattern]) => pattern.test(code))?.[1] ?? null

/** An error of libsql; what is wrong with the statement or its values stays as it is. */
export function fromSqlite(error: unknown): unknown {
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  const isSchema = code === 'SQLITE_ERROR' && /no such (table|column)|has no column named/.test(message)
  const reason = isSchema ? 'SCHEMA_MISMATCH' : reasonIn(SQLITE_CODES, code)
  return reason === null ? error : new DatabaseUnavailable(reason, message, code)
}

/** What the PostgreSQL server says; what is wrong with the statement or its values stays as it is. */
export function fromPostgresServer(error: Error & { code?: string | undefined }): Error {
  const reason = reasonIn(POSTGRES_CODES, error.code ?? '')
  return reason === null ? error : new DatabaseUnavailable(reason, error.message, error.code)
}

/** A connection to PostgreSQL that failed. `message` has no secret. */
export function fromConnection(message: string, code: string): DatabaseUnavailable {
  return new DatabaseUnavailable(/time(d)? ?out/i.test(message) ? 'TIMEOUT' : 'UNREACHABLE', message, code)
}

const TRANSIENT: ReadonlySet<UnavailableReason> = new Set(['BUSY', 'OVERLOADED', 'READ_ONLY', 'TIMEOUT', 'UNREACHABLE'])

/** Whether a PostgreSQL server that answers so at the start may serve in a moment: 3D000 is a database that is not created yet. */
export function mayServeSoon(error: unknown): boolean {
  if (!(error instanceof DatabaseUnavailable) || error.code === '08P01') return false
  return TRANSIENT.has(error.reason) || error.code === '3D000'
}

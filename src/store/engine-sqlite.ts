import { setTimeout as delay } from 'node:timers/promises'
import Database from 'libsql'
import {
  DeleteQueryNode,
  InsertQueryNode,
  Kysely,
  SqliteDialect,
  SqliteDriver,
  sql,
  UpdateQueryNode,
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
} from 'kysely'
import { createDatabaseFile, FileWatch } from './database-file.ts'
import { DatabaseError, NO_BUS, type Engine } from './engine.ts'
import { codeOf, retrying } from './retry.ts'
import { schemaOf, SQLITE_COLUMNS, SQLITE_INDEXES, type ActualColumn, type ActualIndex } from './schema-check.ts'
import type { Tables } from './schema.ts'
import { fromSqlite } from './unavailable.ts'

const IN_MEMORY = ':memory:'
/** Another process that holds the file, to copy or to look at it, is waited for this long. */
const PATIENCE_MS = 5_000
const FIRST_WAIT_MS = 1
const LONGEST_WAIT_MS = 20

/**
 * Opens the embedded database at `path` (created with its folder when it is not there). WAL with
 * synchronous=FULL: what a client or an LSP was told survives a crash.
 * @throws DatabaseError
 */
export function openSqlite(path: string): Engine {
  let database: Database.Database
  let files: FileWatch | null = null
  try {
    if (path !== IN_MEMORY) files = new FileWatch(createDatabaseFile(path))
    database = new Database(path)
    // Waiting is done below, between turns of the event loop: SQLite's own waiting would stop the whole process.
    database.pragma('busy_timeout = 0')
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
  } catch (error) {
    if (error instanceof DatabaseError) throw error
    throw new DatabaseError(`the database ${path} cannot be opened: ${(error as Error).message}`, {
      cause: error,
      isConfiguration: /^SQLITE_(NOTADB|CANTOPEN|PERM|AUTH)/.test(codeOf(error)),
    })
  }
  const db = new Kysely<Tables>({ dialect: new PatientDialect(database, () => files?.assertSame()) })
  const transaction: Engine['transaction'] = (work) => retrying(isBusy, () => db.transaction().execute(work))
  return {
    name: path,
    db,
    isShared: false,
    bus: NO_BUS,
    now: sql<number>`cast((julianday('now') - 2440587.5) * 86400000 as integer)`,
    // A transaction has the whole file to itself from its first statement on.
    transaction,
    migration: transaction,
    claiming: (query) => query,
    locking: (query) => query,
    lock: () => Promise.resolve(),
    async schema(on) {
      const columns = await sql.raw<ActualColumn>(SQLITE_COLUMNS).execute(on)
      const indexes = await sql.raw<ActualIndex>(SQLITE_INDEXES).execute(on)
      return schemaOf(columns.rows, indexes.rows)
    },
    refusal: (what, error) =>
      error instanceof DatabaseError
        ? error
        : new DatabaseError(`the database ${path} ${what}: ${(error as Error).message}`, {
            cause: error,
            isTransient: isBusy(error),
          }),
    async close() {
      // All of it is in the one file then, should somebody copy that alone. Who else looks at it right now keeps it as it is.
      attempt(() => database.pragma('wal_checkpoint(TRUNCATE)'))
      await db.destroy()
    },
  }
}

function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error))
}

/** Throws when what is about to be written would be lost. */
type Guard = () => void

class PatientDialect extends SqliteDialect {
  readonly #database: Database.Database
  readonly #guard: Guard

  constructor(database: Database.Database, guard: Guard) {
    super({ database })
    this.#database = database
    this.#guard = guard
  }

  override createDriver(): Driver {
    return new PatientDriver(this.#database, this.#guard)
  }
}

/** kysely's own driver lets one at a time use the connection; this one says how it is used. */
class PatientDriver extends SqliteDriver {
  readonly #database: Database.Database
  readonly #guard: Guard

  constructor(database: Database.Database, guard: Guard) {
    super({ database })
    this.#database = database
    this.#guard = guard
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    await super.acquireConnection()
    return new PatientConnection(this.#database, this.#guard)
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as PatientConnection).begin()
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    ;(connection as PatientConnection).end('commit')
    return Promise.resolve()
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    ;(connection as PatientConnection).end('rollback')
    return Promise.resolve()
  }
}

/**
 * Waits while another process holds the file. A statement that libsql 0.5 finds it held for stays in progress until
 * it is run again or collected, and meanwhile nothing on the connection commits (tursodatabase/libsql-client-ts#352).
 * So only BEGIN IMMEDIATE ever meets a held file, by `exec`, which leaves nothing behind; and a reader, which may
 * in rare moments, is run again until it is through.
 */
class PatientConnection implements DatabaseConnection {
  readonly #database: Database.Database
  readonly #guard: Guard
  #isInTransaction = false

  constructor(database: Database.Database, guard: Guard) {
    this.#database = database
    this.#guard = guard
  }

  async begin(): Promise<void> {
    this.#guard()
    await patiently(() => this.#database.exec('begin immediate')).catch(fail)
    this.#isInTransaction = true
  }

  end(how: 'commit' | 'rollback'): void {
    try {
      this.#database.exec(how)
    } catch (error) {
      fail(error)
    }
    this.#isInTransaction = false
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const isWriting =
      InsertQueryNode.is(query.query) || UpdateQueryNode.is(query.query) || DeleteQueryNode.is(query.query)
    if (this.#isInTransaction || !isWriting) return this.#run(query)
    await this.begin()
    try {
      const result = await this.#run<Row>(query)
      this.end('commit')
      return result
    } catch (error) {
      if (this.#database.inTransaction) this.end('rollback')
      this.#isInTransaction = false
      throw error
    }
  }

  async #run<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    return this.#execute<Row>(query).catch(fail)
  }

  async #execute<Row>({ sql: text, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const statement = this.#database.prepare(text)
    if (!statement.reader) {
      const { changes } = statement.run(parameters)
      return { numAffectedRows: BigInt(changes), rows: [] }
    }
    try {
      return { rows: await patiently(() => statement.all(parameters) as Row[]) }
    } catch (error) {
      // The one call that leaves the statement at rest, whether it fails or not.
      if (isBusy(error)) void attempt(() => statement.get(parameters))
      throw error
    }
  }

  // oxlint-disable-next-line require-yield -- nothing here reads more than it can hold
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    await Promise.reject(new Error('not supported'))
  }
}

function fail(error: unknown): never {
  throw fromSqlite(error)
}

/** Does it again while another process holds the file, between turns of the event loop. */
async function patiently<T>(work: () => T): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw error
      await delay(waitMs * (0.5 + Math.random()))
    }
  }
}

function attempt(work: () => unknown): unknown {
  try {
    return work()
  } catch {
    return null
  }
}

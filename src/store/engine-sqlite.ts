import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import Database from 'libsql'
import { CompiledQuery, Kysely, SqliteDialect, SqliteDriver, sql, type DatabaseConnection, type Driver, type QueryResult, type SqliteDialectConfig } from 'kysely'
import { DatabaseError, NO_BUS, type Engine } from './engine.ts'
import { codeOf, retrying } from './retry.ts'
import type { Tables } from './schema.ts'

const IN_MEMORY = ':memory:'
/** Another process that holds the file, to copy or to look at it, is waited for this long. */
const PATIENCE_MS = 5_000
const LOOK_AGAIN_MS = 20

/**
 * Opens the embedded database at `path` (created with its folder when it is not there). WAL with
 * synchronous=FULL: what a client or an LSP was told survives a crash.
 * @throws DatabaseError
 */
export function openSqlite(path: string): Engine {
  let database: Database.Database
  try {
    if (path !== IN_MEMORY) mkdirSync(dirname(path), { recursive: true })
    database = new Database(path)
    // Waiting is done below, between turns of the event loop: SQLite's own waiting would stop the whole process.
    database.pragma(`busy_timeout = ${LOOK_AGAIN_MS}`)
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
  } catch (error) {
    throw new DatabaseError(`the database ${path} cannot be opened: ${(error as Error).message}`, { cause: error })
  }
  const db = new Kysely<Tables>({ dialect: new PatientDialect({ database }) })
  const transaction: Engine['transaction'] = (work) => retrying(isBusy, () => db.transaction().execute(work))
  return {
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
    isReachable: () =>
      db
        .selectFrom('counters')
        .select('value')
        .limit(1)
        .execute()
        .then(
          () => true,
          () => false,
        ),
    close: () => db.destroy(),
  }
}

function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error))
}

class PatientDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig

  constructor(config: SqliteDialectConfig) {
    super(config)
    this.#config = config
  }

  override createDriver(): Driver {
    return new PatientDriver(this.#config)
  }
}

class PatientDriver extends SqliteDriver {
  override async acquireConnection(): Promise<DatabaseConnection> {
    return new PatientConnection(await super.acquireConnection())
  }

  /** A transaction that starts as a reader may find that it cannot write any more; one that starts as a writer may not. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }
}

/** A statement that met a locked file had no effect: it is tried again. */
class PatientConnection implements DatabaseConnection {
  readonly #connection: DatabaseConnection

  constructor(connection: DatabaseConnection) {
    this.#connection = connection
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const giveUpAt = performance.now() + PATIENCE_MS
    for (;;) {
      try {
        return await this.#connection.executeQuery<Row>(query)
      } catch (error) {
        if (!isBusy(error) || performance.now() > giveUpAt) throw error
        await delay(LOOK_AGAIN_MS * (0.5 + Math.random()))
      }
    }
  }

  streamQuery<Row>(query: CompiledQuery, chunkSize: number) {
    return this.#connection.streamQuery<Row>(query, chunkSize)
  }
}

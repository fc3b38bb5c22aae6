import type { PostgresPool, PostgresPoolClient } from 'kysely'
import { DatabaseError as ServerError, Pool, types, type PoolClient, type PoolConfig, type QueryConfig } from 'pg'
import { codeOf } from './retry.ts'
import { fromConnection, fromPostgresServer } from './unavailable.ts'

/** Connections of one gateway: what it does at the same time is short, and a database has to serve many gateways. */
const POOL_SIZE = 10
const CONNECT_MS = 5_000
/** No statement of ours takes nearly as long. */
const STATEMENT_MS = 10_000
/** Longer than the database's own limit: whoever is silent past this has gone, and its connection with it. */
const SILENCE_MS = 15_000
/** A gateway that vanished inside a transaction may hold a row that all others need. */
const IDLE_IN_TRANSACTION_MS = 10_000

/** pg knows the limit of a single query; its types do not. */
export interface TimedQuery extends QueryConfig {
  query_timeout: number
}

/** For a connection to `url`; what the URL itself says goes first. @throws what is wrong with the URL */
export function connectionOptions(url: string): PoolConfig {
  return {
    connectionString: url,
    application_name: 'sluice',
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    // Times and positions are whole numbers that a double holds exactly. The package's own parsers stay as they are.
    types: {
      getTypeParser: (oid, format) =>
        oid === types.builtins.INT8 && format !== 'binary' ? Number : types.getTypeParser(oid, format),
    },
  }
}

/** The database as it may be shown: neither user nor password. */
export function nameOf(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url)
    return `${protocol}//${host}${pathname}`
  } catch {
    return 'postgres://…'
  }
}

/** An error that may be shown: without the connection that pg ties to it, and without the password. */
export function tidied(error: unknown, url: string): Error {
  const { message } = error instanceof AggregateError ? (error.errors[0] as Error) : (error as Error)
  const secrets: string[] = []
  try {
    const { password } = new URL(url)
    secrets.push(password, decodeURIComponent(password))
  } catch {
    secrets.push(url)
  }
  return new Error(
    secrets.filter((secret) => secret !== '').reduce((text, secret) => text.replaceAll(secret, '***'), message),
  )
}

/**
 * pg's pool, for a database that may go away and come back: a connection that failed is never used again, one
 * that is silent is given up, and none of them ends the process.
 */
export class PatientPool implements PostgresPool {
  readonly #pool: Pool
  /** Whose password no message may have. */
  readonly #url: string
  #patienceMs = SILENCE_MS

  constructor(options: PoolConfig, url: string) {
    this.#url = url
    this.#pool = new Pool(options)
    // An idle connection that breaks is replaced by the pool. In use, it fails its statement, which says so.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (client) => client.on('error', () => {}))
  }

  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw this.failure(error)
    })
    return new PatientClient(client, this)
  }

  /** The error as others see it: a DatabaseUnavailable, unless the statement or its values are wrong. */
  failure(error: unknown): Error {
    if (error instanceof ServerError) return fromPostgresServer(error)
    if (error instanceof TypeError) return error
    return fromConnection(tidied(error, this.#url).message, codeOf(error))
  }

  /** How long a statement may go unanswered. */
  get patienceMs(): number {
    return this.#patienceMs
  }

  /** Waits longer for every statement while `work` runs. */
  async patiently<T>(ms: number, work: () => Promise<T>): Promise<T> {
    this.#patienceMs = ms
    try {
      return await work()
    } finally {
      this.#patienceMs = SILENCE_MS
    }
  }

  async end(): Promise<void> {
    await this.#pool.end()
  }
}

class PatientClient {
  readonly #client: PoolClient
  readonly #pool: PatientPool
  #broken = false

  constructor(client: PoolClient, pool: PatientPool) {
    this.#client = client
    this.#pool = pool
  }

  // kysely's type has two forms of `query`; the one with a cursor is never called, since none is configured.
  query: PostgresPoolClient['query'] = (async (text: string, values: readonly unknown[]) => {
    try {
      const query: TimedQuery = { text, values: [...values], query_timeout: this.#pool.patienceMs }
      return await this.#client.query(query)
    } catch (error) {
      // What the server says of a statement leaves the connection whole. Anything else does not.
      if (!(error instanceof ServerError) || error.severity === 'FATAL') this.#broken = true
      throw this.#pool.failure(error)
    }
  }) as never

  release(): void {
    this.#client.release(this.#broken)
  }
}

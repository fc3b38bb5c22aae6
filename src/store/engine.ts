import type { Kysely, RawBuilder, SelectQueryBuilder, Transaction } from 'kysely'
import type { ActualSchema } from './schema-check.ts'
import type { Tables } from './schema.ts'

/** The database, or a transaction on it. */
export type Db = Kysely<Tables> | Transaction<Tables>

/** The database cannot be used; the message is for the operator. */
export class DatabaseError extends Error {
  override name = 'DatabaseError'
  /** Whether another setting helps: then the start ends with the exit status of a configuration mistake. */
  readonly isConfiguration: boolean
  /** Whether it may be there in a moment: a server that starts, or fails over. */
  readonly isTransient: boolean

  constructor(
    message: string,
    { isConfiguration = false, isTransient = false, ...options }: ErrorOptions & Partial<DatabaseErrorKind> = {},
  ) {
    super(message, options)
    this.isConfiguration = isConfiguration
    this.isTransient = isTransient
  }
}

type DatabaseErrorKind = Pick<DatabaseError, 'isConfiguration' | 'isTransient'>

/** Carries hints between the processes that share a database. What it loses costs a moment. */
export interface HintBus {
  /** Tells the other processes. Never fails, and never waits. */
  notify(topics: readonly string[]): void
  /** Learns what the other processes tell. @returns what ends it. */
  listen(onTopic: (topic: string) => void): () => void
}

/** All in which one database differs from another. */
export interface Engine {
  /** The file's path, or the server and database without user and password. */
  readonly name: string
  readonly db: Kysely<Tables>
  /** Whether several processes work on it at the same time. */
  readonly isShared: boolean
  readonly bus: HintBus
  /** The time by the database's own clock, which all who share it share. */
  readonly now: RawBuilder<number>
  /**
   * Runs `work` in one transaction, and again when the database asks for that: `work` may have no effect but on
   * the database.
   */
  transaction<T>(work: (trx: Transaction<Tables>) => Promise<T>): Promise<T>
  /** Locks the rows of a query until the transaction ends, and passes over those that somebody else holds. */
  claiming<Table extends keyof Tables, Row>(
    query: SelectQueryBuilder<Tables, Table, Row>,
  ): SelectQueryBuilder<Tables, Table, Row>
  /** Locks the rows of a query until the transaction ends, and waits for whoever holds them. */
  locking<Table extends keyof Tables, Row>(
    query: SelectQueryBuilder<Tables, Table, Row>,
  ): SelectQueryBuilder<Tables, Table, Row>
  /** Until the transaction ends, nobody else gets past the same call with the same name. */
  lock(trx: Db, name: string): Promise<void>
  /** A transaction that may take long, and that only one process at a time is in. */
  migration(work: (trx: Transaction<Tables>) => Promise<void>): Promise<void>
  /** The tables, columns and indexes that are there. */
  schema(db: Db): Promise<ActualSchema>
  /** An error of this database for the operator: what the database does, and why. A DatabaseError stays as it is. */
  refusal(what: string, error: unknown): DatabaseError
  close(): Promise<void>
}

/** A database in one process: whoever is to be told is told already. */
export const NO_BUS: HintBus = { notify() {}, listen: () => () => {} }

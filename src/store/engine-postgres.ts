import { Kysely, PostgresDialect, sql } from 'kysely'
import { Client } from 'pg'
import { DatabaseError, type Db, type Engine } from './engine.ts'
import { PostgresBus } from './postgres-bus.ts'
import { assertNotified } from './postgres-notified.ts'
import { connectionOptions, nameOf, PatientPool, tidied } from './postgres-pool.ts'
import { codeOf, retrying } from './retry.ts'
import { schemaOf, type ActualColumn, type ActualIndex } from './schema-check.ts'
import type { Tables } from './schema.ts'
import { mayServeSoon } from './unavailable.ts'

/** Serialization failure, deadlock, a lock that did not come in time. */
const COLLISIONS: ReadonlySet<string> = new Set(['40001', '40P01', '55P03'])
const MIGRATION_MS = 10 * 60_000

const COLUMNS = sql<ActualColumn>`
  select c.relname as "table", a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
    a.attnotnull as "isRequired", a.atthasdef or a.attidentity <> '' as "hasDefault"
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relkind in ('r', 'p') and pg_table_is_visible(c.oid) and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)`
const INDEXES = sql<ActualIndex>`
  select t.relname as "table", case when k.oid is null then c.relname end as name, i.indisunique as "isUnique",
    (select string_agg(coalesce(a.attname, '(expression)'), ',' order by p.place)
      from unnest(i.indkey::int2[]) with ordinality as p (attnum, place)
      left join pg_attribute a on a.attrelid = t.oid and a.attnum = p.attnum and p.attnum > 0) as columns
  from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
    left join pg_constraint k on k.conindid = i.indexrelid and k.contype in ('p', 'u')
  where i.indisvalid and pg_table_is_visible(t.oid) and t.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)`

/**
 * Opens a PostgreSQL database, which several gateways may share. `directUrl`: where `url` leads to a pooler, the same
 * database past it, for the one connection that listens.
 * @throws DatabaseError; its message never has a password.
 */
export async function openPostgres(url: string, directUrl: string | null = null): Promise<Engine> {
  let pool: PatientPool
  try {
    const options = connectionOptions(url)
    // Reads the URL, and connects to nothing.
    void new Client(options)
    pool = new PatientPool(options, url)
  } catch {
    // The error itself may have the URL in it, and that the password.
    throw new DatabaseError(
      'DATABASE_URL: not an address of a PostgreSQL database; it looks like postgres://user:password@host:5432/name',
      { isConfiguration: true },
    )
  }
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  const listening = connectionOptions(directUrl ?? url)
  const send = async (payload: string, channel: string) => {
    await sql`select pg_notify(${channel}, ${payload})`.execute(db)
  }
  try {
    await sql`select 1`.execute(db)
    await assertNotified(listening, directUrl ?? url, directUrl !== null, send)
  } catch (error) {
    await db.destroy()
    if (error instanceof DatabaseError) throw error
    const { message } = tidied(error, url)
    const isPooler = message.includes('unsupported startup parameter')
    throw new DatabaseError(
      `the database ${nameOf(url)} cannot be used: ${message}${isPooler ? '; add statement_timeout, idle_in_transaction_session_timeout and options to ignore_startup_parameters of PgBouncer' : ''}`,
      { isTransient: mayServeSoon(error), isConfiguration: isPooler },
    )
  }
  const bus = new PostgresBus(listening, send)
  const transaction: Engine['transaction'] = (work) => retrying(isCollision, () => db.transaction().execute(work))
  return {
    name: nameOf(url),
    db,
    isShared: true,
    bus,
    now: sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
    transaction,
    migration: (work) =>
      pool.patiently(MIGRATION_MS, () =>
        transaction(async (trx) => {
          await sql.raw(`set local statement_timeout = ${MIGRATION_MS}`).execute(trx)
          await lock(trx, 'sluice migrations')
          await work(trx)
        }),
      ),
    claiming: (query) => query.forUpdate().skipLocked(),
    locking: (query) => query.forUpdate(),
    lock,
    async schema(on) {
      const columns = await COLUMNS.execute(on)
      const indexes = await INDEXES.execute(on)
      return schemaOf(columns.rows, indexes.rows)
    },
    refusal: (what, error) =>
      error instanceof DatabaseError
        ? error
        : new DatabaseError(`the database ${nameOf(url)} ${what}: ${tidied(error, url).message}`, {
            isTransient: mayServeSoon(error),
          }),
    async close() {
      await bus.close()
      await db.destroy()
    },
  }
}

async function lock(trx: Db, name: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(trx)
}

function isCollision(error: unknown): boolean {
  return COLLISIONS.has(codeOf(error))
}

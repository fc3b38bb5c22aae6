import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'libsql'
import { Kysely, SqliteDialect, sql, type Transaction } from 'kysely'
import { MIGRATIONS } from './migrations.ts'
import type { Tables } from './schema.ts'
import type { EpochMs } from '../domain/time.ts'

/** The database, or a transaction on it. */
export type Db = Kysely<Tables> | Transaction<Tables>

/** The database cannot be used; the message is for the operator. */
export class DatabaseError extends Error {
  override name = 'DatabaseError'
}

const IN_MEMORY = ':memory:'

/**
 * Opens the embedded database at `path` (created with its folder when it is not there) and brings its schema
 * up to date. WAL with synchronous=FULL: what a client or an LSP was told survives a crash.
 * @throws DatabaseError when the file is of a newer version, or cannot be opened.
 */
export async function openDatabase(path: string, now: () => EpochMs): Promise<Kysely<Tables>> {
  if (/^[a-z]+:\/\//i.test(path)) throw new DatabaseError(`DATABASE_URL: this version keeps its data in a file; give a path, not ${path.split(':', 1)[0]}://…`)
  let database: Database.Database
  try {
    if (path !== IN_MEMORY) mkdirSync(dirname(path), { recursive: true })
    database = new Database(path)
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    database.pragma('busy_timeout = 5000')
  } catch (error) {
    throw new DatabaseError(`the database ${path} cannot be opened: ${(error as Error).message}`, { cause: error })
  }
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: database as never }) })
  try {
    await migrate(db, now)
  } catch (error) {
    await db.destroy()
    throw error
  }
  return db
}

async function migrate(db: Kysely<Tables>, now: () => EpochMs): Promise<void> {
  await sql`create table if not exists migrations (version integer primary key, applied_at bigint not null)`.execute(db)
  await db.transaction().execute(async (trx) => {
    const applied = await trx.selectFrom('migrations').select((e) => e.fn.max('version').as('version')).executeTakeFirst()
    const version = Number(applied?.version ?? 0)
    if (version > MIGRATIONS.length) {
      throw new DatabaseError(`the database is of version ${version}, and this program knows ${MIGRATIONS.length}: it was used by a newer Sluice`)
    }
    for (const [index, statements] of MIGRATIONS.entries()) {
      if (index < version) continue
      for (const statement of statements) await sql.raw(statement).execute(trx)
      await trx.insertInto('migrations').values({ version: index + 1, applied_at: now() }).execute()
    }
  })
}

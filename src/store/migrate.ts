import { sql } from 'kysely'
import { DatabaseError, type Db, type Engine } from './engine.ts'
import { checksumOf, type Migration } from './migration.ts'
import { MIGRATIONS } from './migrations.ts'
import { assertSchema, assertWritable, schemaAfter } from './schema-check.ts'
import type { EpochMs } from '../domain/time.ts'

/** Releases before numbered files counted their migrations in the table `migrations`, and knew these. */
const COUNTED = 5
/** Tables that only this file writes. */
const LEDGERS = ['migrations', 'applied_migrations'] as const

/**
 * Brings the schema up to date, all of it or nothing, while no other process does the same, and checks that the
 * database has it.
 * @throws DatabaseError when the database was made by another program: a newer one whose migrations this one cannot
 * work with, one whose migrations differ, or by hand.
 */
export async function migrate(
  engine: Engine,
  now: () => EpochMs,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  const expected = schemaAfter(migrations)
  try {
    await engine.migration(async (trx) => {
      const applied = await appliedIn(trx, engine, migrations, now)
      for (const migration of migrations.slice(applied)) {
        for (const statement of migration.statements) await sql.raw(statement).execute(trx)
        await record(trx, migration, now())
      }
      await assertSchema(engine, trx, expected)
    })
  } catch (error) {
    throw engine.refusal('cannot be brought to the schema of this program', error)
  }
  await assertWritable(engine, expected, LEDGERS)
}

/** How many of the migrations the database has. */
async function appliedIn(
  trx: Db,
  engine: Engine,
  migrations: readonly Migration[],
  now: () => EpochMs,
): Promise<number> {
  const tables = new Set((await engine.schema(trx)).columns.map(({ table }) => table))
  const counted = tables.has('migrations') ? await countedIn(trx) : 0
  if (counted > COUNTED)
    throw new DatabaseError(
      `the database ${engine.name} is of version ${counted}, and this program knows ${migrations.length}: a newer Sluice used it. Start that release again, or restore a backup from before its first start`,
      { isConfiguration: true },
    )
  if (!tables.has('applied_migrations')) {
    await createLedgers(trx, counted, now())
    const before = migrations.slice(0, counted)
    await assertSchema(engine, trx, schemaAfter(before))
    for (const migration of before) await record(trx, migration, now())
  }
  return Math.min(await assertKnown(trx, engine, migrations), migrations.length)
}

/** @returns how many migrations the database has. @throws DatabaseError when this program cannot work with one of them. */
async function assertKnown(trx: Db, engine: Engine, migrations: readonly Migration[]): Promise<number> {
  const rows = await trx.selectFrom('applied_migrations').selectAll().orderBy('number').execute()
  for (const [index, row] of rows.entries()) {
    const known = migrations[index]
    if (row.number !== index + 1)
      throw new DatabaseError(
        `the database ${engine.name} has migration ${row.number} without migration ${index + 1}: restore a backup, or set DATABASE_URL to an empty database`,
      )
    if (known && row.checksum !== checksumOf(known))
      throw new DatabaseError(
        `the database ${engine.name} was made with another migration ${row.number} ("${row.name}", here "${known.name}"): start the release that made it, restore a backup, or set DATABASE_URL to an empty database`,
      )
    if (!known && row.breaks !== null)
      throw new DatabaseError(
        `the database ${engine.name} is of version ${rows.length}, and this program knows ${migrations.length}: ${row.breaks}`,
        { isConfiguration: true },
      )
  }
  return rows.length
}

/** @throws DatabaseError when the database no longer has this program's migrations, or has one that it cannot work with. */
export async function assertMigrated(
  db: Db,
  engine: Engine,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  if ((await assertKnown(db, engine, migrations)) < migrations.length)
    throw new DatabaseError(`the database ${engine.name} has lost migrations: stop the gateway, and restore a backup`)
}

async function countedIn(trx: Db): Promise<number> {
  const row = await trx
    .selectFrom('migrations')
    .select((e) => e.fn.max('version').as('version'))
    .executeTakeFirst()
  return row?.version ?? 0
}

/** The release before numbered files reads `migrations`: with these rows it starts on the database, too. */
async function createLedgers(trx: Db, counted: number, at: EpochMs): Promise<void> {
  await sql`create table if not exists migrations (version integer primary key, applied_at bigint not null)`.execute(
    trx,
  )
  await sql`create table applied_migrations (
    number integer primary key, name text not null, checksum text not null, breaks text, applied_at bigint not null)`.execute(
    trx,
  )
  for (let version = counted + 1; version <= COUNTED; version += 1)
    await trx.insertInto('migrations').values({ version, applied_at: at }).execute()
}

async function record(trx: Db, migration: Migration, at: EpochMs): Promise<void> {
  const { number, name, breaks } = migration
  await trx
    .insertInto('applied_migrations')
    .values({ number, name, breaks, checksum: checksumOf(migration), applied_at: at })
    .execute()
}

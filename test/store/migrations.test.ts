import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { insertOrder, saveLsp } from './records.ts'
import { executeIn } from './stage.ts'
import { systemClock } from '../../src/domain/time.ts'
import { DatabaseError } from '../../src/store/database.ts'
import { openPostgres } from '../../src/store/engine-postgres.ts'
import { openSqlite } from '../../src/store/engine-sqlite.ts'
import { migrate } from '../../src/store/migrate.ts'
import { checksumOf, type Migration } from '../../src/store/migration.ts'
import { MIGRATIONS } from '../../src/store/migrations.ts'
import { openStore } from '../../src/store/store.ts'
import { ENGINES, freshDatabase, type EngineName, type TestDatabase } from '../support/database.ts'

/** Of each released migration: a released file is never edited, so no line here ever changes. */
const RELEASED = [
  '0a1a22c3a55cd860e64fd1e49c771a67bcfaa527b4554ebdbcaf63291683d735',
  'cf607970d5375b23810a20d38352c32e23723b5c0b954244a3e318c4b14a1780',
  '2b80dac1c0444164524c28a6e8637398170b4bae41e8a0ac7eb1afa3be507092',
  'a8f814c139cccb6700eb78a00266dda861220aa3f2d419403b098a87c05b313b',
  '869169cc742cd09a397b5a09a8cbc05b706fda75fe99b54873f19d0c7945194d',
  '593011e778098e351883c18adb70ab3711244526c1612c769ee0b616d3189dcf',
  '82c3828836ba4207457a43d9d5bfb691d08ec5f0cdce7499194f2859243bc43c',
  'a6fdaad53462b7b9502893f1038c2afa7e59ba565b9b30ea37e6219a40b7690f',
  '5a934540caef1ae8bb2ddaf2062e900f0a3d88bac3e5c36795b8573e70b134b3',
  'f22eedb5b2ab7ebea38bb06612b290e95e3986eca5c01eaebdaa70d69ecfab24',
  'e05222a79342eccbdabe224c079b8994272ed418c675a45c142216e9c5c60f86',
  'a91f97be56a17c67c9a16f4c190b03600d0f074959483b471372066fdaf55c09',
  '8daec09ddd3fbe4d28dca0f4edd6b6137ff06ab154ddcfa8adbed97bec98fe18',
]

const numberOf = (file: string) => Number(file.slice(0, 4))

test('the files of migrations are numbered, and none that was released was edited', async () => {
  const files = await readdir(new URL('../../src/store/migrations', import.meta.url))
  expect(files.map(numberOf).toSorted((a, b) => a - b)).toEqual(MIGRATIONS.map((_, index) => index + 1))
  expect(MIGRATIONS.map(({ number, name }) => `${String(number).padStart(4, '0')}-${name}.ts`)).toEqual(
    files.toSorted(),
  )
  expect(MIGRATIONS.map(checksumOf)).toEqual(RELEASED)
})

test('the checksum is of the statements alone', () => {
  expect(checksumOf({ statements: ['a', 'b'] })).toBe(createHash('sha256').update('["a","b"]').digest('hex'))
})

/** Opens the database as a release that knows `migrations`. */
async function startRelease(
  engine: EngineName,
  { url }: TestDatabase,
  migrations: readonly Migration[],
): Promise<void> {
  const opened = engine === 'SQLite' ? openSqlite(url) : await openPostgres(url)
  try {
    await migrate(opened, () => 0, migrations)
  } finally {
    await opened.close()
  }
}

/** A database as releases before numbered files left it, of this version. */
async function countedDatabase(engine: EngineName, database: TestDatabase, version: number): Promise<void> {
  const statements = [
    'create table migrations (version integer primary key, applied_at bigint not null)',
    ...MIGRATIONS.slice(0, version).flatMap((migration, index) => [
      ...migration.statements,
      `insert into migrations (version, applied_at) values (${index + 1}, 0)`,
    ]),
  ]
  for (const statement of statements) await executeIn(engine, database.url, statement)
}

const refusalOf = (url: string) =>
  openStore(url, systemClock).then(
    (store) => store.close().then(() => 'it was opened'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(DatabaseError)
      return (error as Error).message
    },
  )

const next = (breaks: string | null, statement: string): Migration => ({
  number: MIGRATIONS.length + 1,
  name: 'of-the-next-release',
  breaks,
  statements: [statement],
})

describe.each(ENGINES)('migrations in %s', (engine) => {
  test.each([1, 2, 3, 4, 5])(
    'a database of version %i of the releases before numbered files is migrated',
    async (version) => {
      await using database = await freshDatabase(engine)
      await countedDatabase(engine, database, version)
      await using store = await openStore(database.url, systemClock)
      await saveLsp(store)
      const order = await insertOrder(store, { id: 'o1' })
      expect((await store.orders.get('o1'))?.order).toEqual(order)
    },
  )

  test('the release before numbered files finds its own version in a new database', async () => {
    await using database = await freshDatabase(engine)
    await (await openStore(database.url, systemClock)).close()
    // As that release reads it: each version once, and none above its own.
    await expect(
      executeIn(engine, database.url, 'insert into migrations (version, applied_at) values (5, 0)'),
    ).rejects.toThrow(/unique/i)
    await executeIn(engine, database.url, 'insert into migrations (version, applied_at) values (6, 0)')
  })

  test('a version is not believed where the tables are of an older commit', async () => {
    await using database = await freshDatabase(engine)
    await countedDatabase(engine, database, 5)
    await executeIn(engine, database.url, 'drop index orders_by_turn')
    await executeIn(engine, database.url, 'alter table orders drop column paid')
    expect(await refusalOf(database.url)).toMatch(
      /does not have the schema of this program: the column orders\.paid is missing, the index orders_by_turn is missing\..* restore a backup, or set DATABASE_URL/,
    )
  })

  test.each([
    ['drop table destinations', 'the table destinations is missing'],
    ['alter table placements drop column body', 'the column placements.body is missing'],
    ['alter table quotes rename column body to contents', 'the column quotes.body is missing'],
    ['drop index renewals_by_question', 'the index renewals_by_question is missing'],
    ['alter table orders add column note text not null default 1', null],
    ['create table notes (id text primary key)', null],
    ['create index of_the_operator on orders (state)', null],
  ])('after "%s" the start is refused where something is missing', async (statement, problem) => {
    await using database = await freshDatabase(engine)
    await (await openStore(database.url, systemClock)).close()
    await executeIn(engine, database.url, statement)
    const refusal = await refusalOf(database.url)
    if (problem === null) expect(refusal).toBe('it was opened')
    else expect(refusal).toContain(`does not have the schema of this program: ${problem}`)
  })

  test('an index of the same name on another column is refused', async () => {
    await using database = await freshDatabase(engine)
    await (await openStore(database.url, systemClock)).close()
    await executeIn(engine, database.url, 'drop index renewals_by_question')
    await executeIn(engine, database.url, 'create index renewals_by_question on renewals (question)')
    expect(await refusalOf(database.url)).toContain('the index renewals_by_question is not the one of this program')
  })

  test('a migration that was another one is refused, by its number', async () => {
    await using database = await freshDatabase(engine)
    await (await openStore(database.url, systemClock)).close()
    await executeIn(engine, database.url, "update applied_migrations set checksum = 'other' where number = 3")
    expect(await refusalOf(database.url)).toMatch(
      /was made with another migration 3 \("several-gateways".*start the release/,
    )
  })

  test('the previous release starts on a database that the next one migrated, if the migration is additive', async () => {
    await using database = await freshDatabase(engine)
    const additive = next(null, 'alter table orders add column colour text')
    await startRelease(engine, database, [...MIGRATIONS, additive])
    await using store = await openStore(database.url, systemClock)
    await insertOrder(store, { id: 'o1' })
    expect(await store.orders.get('o1')).not.toBeNull()
    await startRelease(engine, database, [...MIGRATIONS, additive])
  })

  test('the previous release refuses with the sentence of a migration that is not additive', async () => {
    await using database = await freshDatabase(engine)
    const breaking = next(
      'the sums of orders moved; start release 9 or later',
      'alter table orders drop column failures',
    )
    await startRelease(engine, database, [...MIGRATIONS, breaking])
    expect(await refusalOf(database.url)).toMatch(
      new RegExp(
        `is of version ${breaking.number}, and this program knows ${MIGRATIONS.length}: the sums of orders moved; start release 9 or later$`,
      ),
    )
  })

  test('a failed migration leaves the database as it was', async () => {
    await using database = await freshDatabase(engine)
    await startRelease(engine, database, MIGRATIONS)
    await executeIn(engine, database.url, 'create table taken (id text)')
    const failing = {
      ...next(null, ''),
      statements: ['create table half (id text)', 'create table taken (id text)'],
    }
    await expect(startRelease(engine, database, [...MIGRATIONS, failing])).rejects.toThrow(
      /cannot be brought to the schema of this program: .*taken.* already exists/,
    )
    await executeIn(engine, database.url, 'create table half (id text)')
    expect(await refusalOf(database.url)).toBe('it was opened')
  })
})

test('a trigger that refuses an order is found at the start (SQLite)', async () => {
  await using database = await freshDatabase('SQLite')
  await (await openStore(database.url, systemClock)).close()
  await executeIn(
    'SQLite',
    database.url,
    "create trigger no_orders before update on orders begin select raise(abort, 'not today'); end",
  )
  expect(await refusalOf(database.url)).toMatch(/does not let this program write to the table orders: .*not today/)
})

test('a check that refuses an order is found at the start (PostgreSQL)', async () => {
  await using database = await freshDatabase('PostgreSQL')
  await (await openStore(database.url, systemClock)).close()
  await executeIn('PostgreSQL', database.url, 'alter table orders add constraint short check (length(body) < 10)')
  expect(await refusalOf(database.url)).toMatch(/does not let this program write to the table orders: .*"short"/)
})

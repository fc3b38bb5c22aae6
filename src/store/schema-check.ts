import { randomUUID } from 'node:crypto'
import Database from 'libsql'
import { sql } from 'kysely'
import { DatabaseError, type Db, type Engine } from './engine.ts'
import type { Migration } from './migration.ts'

/** What a database has, as far as this program needs it. */
export interface ActualSchema {
  columns: readonly ActualColumn[]
  indexes: readonly ActualIndex[]
}

/** SQLite gives numbers; `schemaOf` makes booleans of them. */
type Flag = boolean | 0 | 1

export interface ActualColumn {
  table: string
  name: string
  /** As the migrations write it: text, integer, bigint. */
  type: string
  isRequired: Flag
  hasDefault: Flag
}

export interface ActualIndex {
  table: string
  /** null: the index of a primary key or of a unique constraint, which each engine names as it likes. */
  name: string | null
  isUnique: Flag
  /** Separated by commas; an expression is `(expression)`. */
  columns: string
}

const SHOWN_DIFFERENCES = 5

/** The same query for SQLite's own catalogue, through kysely or through a connection. */
export const SQLITE_COLUMNS = `
  select tables.name as "table", columns.name as name, lower(columns.type) as type,
    columns."notnull" = 1 or columns.pk > 0 as "isRequired", columns.dflt_value is not null as "hasDefault"
  from sqlite_master as tables join pragma_table_info(tables.name) as columns where tables.type = 'table'`
export const SQLITE_INDEXES = `
  select tables.name as "table", case when indexes.origin = 'c' then indexes.name end as name, indexes."unique" as "isUnique",
    (select group_concat(coalesce(parts.name, '(expression)')) from pragma_index_info(indexes.name) as parts) as columns
  from sqlite_master as tables join pragma_index_list(tables.name) as indexes where tables.type = 'table'`

export function schemaOf(columns: readonly ActualColumn[], indexes: readonly ActualIndex[]): ActualSchema {
  return {
    columns: columns.map((column) => ({
      ...column,
      isRequired: Boolean(column.isRequired),
      hasDefault: Boolean(column.hasDefault),
    })),
    indexes: indexes.map((index) => ({ ...index, isUnique: Boolean(index.isUnique) })),
  }
}

/** The schema that these migrations make, read from an empty database in memory. */
export function schemaAfter(migrations: readonly Migration[]): ActualSchema {
  const database = new Database(':memory:')
  try {
    for (const { statements } of migrations) for (const statement of statements) database.exec(statement)
    return schemaOf(
      database.prepare(SQLITE_COLUMNS).all() as ActualColumn[],
      database.prepare(SQLITE_INDEXES).all() as ActualIndex[],
    )
  } finally {
    database.close()
  }
}

const keyOf = (index: ActualIndex) => index.name ?? `${index.table}(${index.columns})`

/** What of `expected` is missing or different in `actual`, a phrase each. Additions that change nothing are ignored. */
export function differences(expected: ActualSchema, actual: ActualSchema): string[] {
  const found: string[] = []
  const tables = new Set(actual.columns.map(({ table }) => table))
  const columns = new Map(actual.columns.map((column) => [`${column.table}.${column.name}`, column]))
  const expectedTables = new Set(expected.columns.map(({ table }) => table))
  for (const table of expectedTables) if (!tables.has(table)) found.push(`the table ${table} is missing`)
  for (const column of expected.columns.filter(({ table }) => tables.has(table))) {
    const name = `${column.table}.${column.name}`
    const there = columns.get(name)
    columns.delete(name)
    if (!there) found.push(`the column ${name} is missing`)
    else if (there.type !== column.type) found.push(`the column ${name} is ${there.type} instead of ${column.type}`)
    else if (there.isRequired !== column.isRequired)
      found.push(`the column ${name} ${there.isRequired ? 'refuses' : 'allows'} null`)
    else if (column.hasDefault && !there.hasDefault) found.push(`the column ${name} lacks its default`)
  }
  for (const [name, column] of columns)
    if (expectedTables.has(column.table) && column.isRequired && !column.hasDefault)
      found.push(`the unknown column ${name} requires a value`)
  const indexes = new Map(actual.indexes.map((index) => [keyOf(index), index]))
  for (const index of expected.indexes.filter(({ table }) => tables.has(table))) {
    const there = indexes.get(keyOf(index))
    const title = index.name === null ? `the unique key ${keyOf(index)}` : `the index ${index.name}`
    if (!there) found.push(`${title} is missing`)
    else if (there.table !== index.table || there.isUnique !== index.isUnique || there.columns !== index.columns)
      found.push(`${title} is not the one of this program`)
  }
  return found
}

/** @throws DatabaseError when the database lacks something of `expected`. */
export async function assertSchema(engine: Engine, db: Db, expected: ActualSchema): Promise<void> {
  const found = differences(expected, await engine.schema(db))
  if (found.length === 0) return
  const shown = found.slice(0, SHOWN_DIFFERENCES).join(', ')
  const rest = found.length > SHOWN_DIFFERENCES ? `, and ${found.length - SHOWN_DIFFERENCES} more` : ''
  throw new DatabaseError(
    `the database ${engine.name} does not have the schema of this program: ${shown}${rest}. ` +
      'Another version of Sluice made it, or somebody changed it. ' +
      'Undo the change, restore a backup, or set DATABASE_URL to an empty database',
  )
}

class RolledBack extends Error {}

/**
 * Inserts, changes and deletes a row in each table that is written, and rolls all of it back: a trigger, a constraint or
 * a missing privilege shows at the start, not after an LSP has taken an order.
 * @throws DatabaseError
 */
export async function assertWritable(
  engine: Engine,
  { columns }: ActualSchema,
  unwritten: readonly string[],
): Promise<void> {
  const mark = `schema check ${randomUUID()}`
  const tables = [...new Set(columns.map(({ table }) => table))].filter((table) => !unwritten.includes(table))
  let current = ''
  try {
    await engine.transaction(async (trx) => {
      for (const table of tables) {
        current = table
        await writeOnce(
          trx,
          table,
          columns.filter((column) => column.table === table),
          mark,
        )
      }
      throw new RolledBack()
    })
  } catch (error) {
    if (error instanceof RolledBack) return
    throw engine.refusal(`does not let this program write to the table ${current}`, error)
  }
}

async function writeOnce(trx: Db, table: string, columns: readonly ActualColumn[], mark: string): Promise<void> {
  const names = columns.map(({ name }) => name)
  // Far below every position and time.
  const number = -(Number.parseInt(mark.slice(-12), 16) + 2 ** 40)
  const valueOf = ({ type }: ActualColumn) => (type === 'text' ? mark : type === 'bigint' ? number : 1)
  const first = columns.find(({ type, isRequired }) => isRequired && type !== 'integer')
  if (!first) throw new Error(`the table ${table} has no column to find a row by`)
  const row = sql`${sql.ref(first.name)} = ${valueOf(first)}`
  await sql`insert into ${sql.table(table)} (${sql.join(names.map((name) => sql.ref(name)))}) values (${sql.join(columns.map(valueOf))})`.execute(
    trx,
  )
  await sql`update ${sql.table(table)} set ${sql.join(columns.map((column) => sql`${sql.ref(column.name)} = ${valueOf(column)}`))} where ${row}`.execute(
    trx,
  )
  await sql`delete from ${sql.table(table)} where ${row}`.execute(trx)
}

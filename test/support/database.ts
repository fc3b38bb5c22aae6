import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { inject } from 'vitest'

/** An empty database of a test's own. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string
}

export type EngineName = 'SQLite' | 'PostgreSQL'
export const ENGINES: readonly EngineName[] = ['SQLite', 'PostgreSQL']

export function freshDatabase(engine: EngineName): Promise<TestDatabase> {
  return engine === 'SQLite' ? freshSqlite() : freshPostgres()
}

async function freshSqlite(): Promise<TestDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-store-'))
  return {
    url: join(directory, 'sluice.db'),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}

/** A schema of its own in the PostgreSQL that all tests share. */
export async function freshPostgres(): Promise<TestDatabase> {
  const postgres = inject('postgres')
  if ('problem' in postgres) throw new Error(postgres.problem)
  const schema = `sluice_test_${randomBytes(6).toString('hex')}`
  await execute(postgres.url, `create schema ${schema}`)
  const url = new URL(postgres.url)
  url.searchParams.set('options', `-c search_path=${schema}`)
  return {
    url: url.href.replace('+', '%20'),
    [Symbol.asyncDispose]: () => execute(postgres.url, `drop schema ${schema} cascade`),
  }
}

/** One statement, past the store. */
export async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

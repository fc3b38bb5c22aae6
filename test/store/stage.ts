import Database from 'libsql'
import { systemClock, type Clock } from '../../src/domain/time.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { execute, freshDatabase, type EngineName } from '../support/database.ts'

/** An empty database, with as many stores on it as a test wants: each is another gateway's. */
export interface Stage extends AsyncDisposable {
  readonly url: string
  readonly store: Store
  another(): Promise<Store>
  /** Runs a statement past the stores. */
  execute(statement: string): Promise<void>
}

export async function openStage(engine: EngineName, clock: Clock = systemClock): Promise<Stage> {
  const database = await freshDatabase(engine)
  const stores: Store[] = []
  const another = async () => {
    const store = await openStore(database.url, clock)
    stores.push(store)
    return store
  }
  return {
    url: database.url,
    store: await another(),
    another,
    execute: (statement) => executeIn(engine, database.url, statement),
    async [Symbol.asyncDispose]() {
      for (const store of stores) await store.close()
      await database[Symbol.asyncDispose]()
    },
  }
}

export async function executeIn(engine: EngineName, url: string, statement: string): Promise<void> {
  if (engine === 'PostgreSQL') return execute(url, statement)
  const database = new Database(url)
  database.exec(statement)
  database.close()
}

/** The whole numbers from 1 to `count`. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

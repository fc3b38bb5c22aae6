import type { Kysely } from 'kysely'
import { openDatabase, type Db } from './database.ts'
import { IdempotencyStore } from './idempotency.ts'
import { LspStore } from './lsps.ts'
import { OrderStore } from './orders.ts'
import { PlacementStore } from './placements.ts'
import { QuoteStore } from './quotes.ts'
import { RenewalStore } from './renewals.ts'
import type { Tables } from './schema.ts'
import type { Clock } from '../domain/time.ts'

/** Everything that is kept, by what it is about. */
export interface Stores {
  lsps: LspStore
  quotes: QuoteStore
  placements: PlacementStore
  orders: OrderStore
  renewals: RenewalStore
  idempotency: IdempotencyStore
}

function storesOn(db: Db): Stores {
  return {
    lsps: new LspStore(db),
    quotes: new QuoteStore(db),
    placements: new PlacementStore(db),
    orders: new OrderStore(db),
    renewals: new RenewalStore(db),
    idempotency: new IdempotencyStore(db),
  }
}

export interface Store extends Stores, AsyncDisposable {
  /** Runs `work` in one transaction: all of it is kept, or nothing. */
  transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T>
  /** Whether the database answers. */
  isReachable(): Promise<boolean>
  close(): Promise<void>
}

/** @throws DatabaseError */
export async function openStore(path: string, clock: Clock): Promise<Store> {
  const db: Kysely<Tables> = await openDatabase(path, () => clock.now())
  const close = () => db.destroy()
  return {
    ...storesOn(db),
    transaction: (work) => db.transaction().execute((trx) => work(storesOn(trx))),
    async isReachable() {
      try {
        await db.selectFrom('counters').select('value').limit(1).execute()
        return true
      } catch {
        return false
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

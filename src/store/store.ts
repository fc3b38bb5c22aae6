import { randomUUID } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { isPostgresUrl, openDatabase, type OpenOptions } from './database.ts'
import { BudgetStore } from './budgets.ts'
import type { Db, Engine, HintBus } from './engine.ts'
import { DestinationStore } from './destinations.ts'
import { Health } from './health.ts'
import { IdempotencyStore } from './idempotency.ts'
import { InstanceStore } from './instances.ts'
import { ImportStore } from './imports.ts'
import { LspStore } from './lsps.ts'
import { MIGRATIONS } from './migrations.ts'
import { OrderStore } from './orders.ts'
import { PlacementStore } from './placements.ts'
import { PositionFile } from './position-file.ts'
import { QuoteStore } from './quotes.ts'
import { ReadingStore } from './readings.ts'
import { RenewalStore } from './renewals.ts'
import { historyIdOf, lastRestore, recordRestore, type Restore } from './restores.ts'
import { schemaAfter } from './schema-check.ts'
import type { DatabaseUnavailable } from './unavailable.ts'
import { WebhookStore } from './webhooks.ts'
import type { Clock, EpochMs } from '../domain/time.ts'

/** Everything that is kept, by what it is about. */
export interface Stores {
  lsps: LspStore
  quotes: QuoteStore
  placements: PlacementStore
  destinations: DestinationStore
  orders: OrderStore
  renewals: RenewalStore
  readings: ReadingStore
  budgets: BudgetStore
  idempotency: IdempotencyStore
  instances: InstanceStore
  webhooks: WebhookStore
  imports: ImportStore
}

function storesOn(db: Db, engine: Engine, self: string, restoredAt: () => EpochMs | null): Stores {
  return {
    lsps: new LspStore(db),
    quotes: new QuoteStore(db, restoredAt),
    placements: new PlacementStore(db, engine, self),
    destinations: new DestinationStore(db),
    orders: new OrderStore(db),
    renewals: new RenewalStore(db),
    readings: new ReadingStore(db, engine),
    budgets: new BudgetStore(db, engine),
    idempotency: new IdempotencyStore(db, engine, self),
    instances: new InstanceStore(db, engine, self),
    webhooks: new WebhookStore(db),
    imports: new ImportStore(db),
  }
}

export interface Store extends Stores, AsyncDisposable {
  /** This gateway's own name among those that share the database; another one at each start. */
  readonly instanceId: string
  /** Whether several gateways may work on it at the same time. */
  readonly isShared: boolean
  /** How the gateways that share it tell each other that there is something new. */
  readonly bus: HintBus
  /** The last time that the database was restored from a backup; null: never. */
  readonly restore: Restore | null
  /** True if this start found an older copy of the database in the place of the one before. */
  readonly foundOlderCopy: boolean
  /** Identifies the history of the database: a restore begins another one. */
  readonly historyId: string
  /** Records that the database was restored: then, or now by its own clock (null). Call it before orders are placed. */
  recordRestore(restoredAt: EpochMs | null): Promise<Restore>
  /**
   * Runs `work` in one transaction: all of it is kept, or nothing. It may run more than once, so it must do
   * nothing but read and write here.
   */
  transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T>
  /**
   * Ends the claims of the previous process at once. Only where no other process can have the database: an embedded one
   * that is locked.
   */
  endClaims(): Promise<void>
  /** Why no order could be written now; null: one could. Answers within a second, and never rejects. */
  problem(): Promise<DatabaseUnavailable | null>
  /** An operation failed with a DatabaseUnavailable: `problem` looks more closely until all is well. */
  suspect(): void
  close(): Promise<void>
}

async function endClaims(db: Db): Promise<void> {
  for (const table of ['orders', 'renewals', 'webhook_deliveries'] as const)
    await db
      .updateTable(table)
      .set({ lease_owner: null, lease_until: 0 })
      .where('lease_owner', 'is not', null)
      .execute()
}

/**
 * Opens what is kept: in a file, or in PostgreSQL where `databaseUrl` says `postgres://…`.
 * @throws DatabaseError
 */
export async function openStore(databaseUrl: string, clock: Clock, options: OpenOptions = {}): Promise<Store> {
  const engine = await openDatabase(databaseUrl, () => clock.now(), options)
  const instanceId = randomUUID()
  const health = new Health(engine, schemaAfter(MIGRATIONS), instanceId)
  let restore = await lastRestore(engine.db)
  let historyId = await historyIdOf(engine.db)
  const stores = (db: Db) => storesOn(db, engine, instanceId, () => restore?.restoredAt ?? null)
  const record = async (restoredAt: EpochMs | null) => {
    restore = await engine.transaction((trx) => recordRestore(trx, engine.now, restoredAt))
    historyId = await historyIdOf(engine.db)
    return restore
  }
  const { foundOlderCopy, stop } = isPostgresUrl(databaseUrl)
    ? NO_POSITION_FILE
    : await watchPosition(databaseUrl, stores(engine.db).orders, () => record(null))
  const close = async () => {
    await stop()
    await health.close().catch(() => {})
    await engine.close()
  }
  return {
    ...stores(engine.db),
    instanceId,
    isShared: engine.isShared,
    bus: engine.bus,
    get restore() {
      return restore
    },
    get historyId() {
      return historyId
    },
    foundOlderCopy,
    recordRestore: record,
    transaction: (work) => engine.transaction((trx) => work(stores(trx))),
    endClaims: () => engine.transaction((trx) => endClaims(trx)),
    problem: () => health.problem(),
    suspect: () => health.suspect(),
    close,
    [Symbol.asyncDispose]: close,
  }
}

const NO_POSITION_FILE = { foundOlderCopy: false, stop: async () => {} }
/** A crash loses at most this much of the position; an older copy is older by more. */
const WRITE_POSITION_MS = 1_000

/** Keeps the position file of an embedded database, and records a restore if the database is behind it. */
async function watchPosition(path: string, orders: OrderStore, onOlderCopy: () => Promise<unknown>) {
  if (path === ':memory:') return NO_POSITION_FILE
  const file = new PositionFile(realpathSync(path))
  const foundOlderCopy = (await orders.lastPosition()) < file.read()
  if (foundOlderCopy) await onOlderCopy()
  const write = async () => file.write(await orders.lastPosition())
  await write()
  const timer = setInterval(() => void write().catch(() => {}), WRITE_POSITION_MS).unref()
  return {
    foundOlderCopy,
    async stop() {
      clearInterval(timer)
      await write().catch(() => {})
    },
  }
}

import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { BudgetStore } from './budgets.ts'
import type { Db, Engine } from './engine.ts'
import { trackedOf, type TrackedOrder } from './orders.ts'
import type { TrackedRenewal } from './renewals.ts'
import type { Renewal } from '../domain/renewal-record.ts'
import type { EpochMs } from '../domain/time.ts'

/** What the owner of a lease is called that is no instance. */
const ACTION = 'action '

/** What an instance wants to read at one LSP. */
export interface ReadingClaim {
  lspId: string
  owner: string
  now: EpochMs
  /** Nobody else reads what is taken before this, unless the lease is given up. */
  leaseUntil: EpochMs
  limit: number
  /** How often the LSP may be read, by all instances together. */
  requestsPerMinute: number
}

export interface ClaimedReadings {
  orders: TrackedOrder[]
  renewals: TrackedRenewal[]
  /** The LSP may not be read before this; null: there was room for more. */
  nextAt: EpochMs | null
}

/** Who reads what next, so that of all instances exactly one does, and no LSP is read more often than it may be. */
export class ReadingStore {
  readonly #db: Db
  readonly #engine: Engine
  readonly #budgets: BudgetStore

  constructor(db: Db, engine: Engine) {
    this.#db = db
    this.#engine = engine
    this.#budgets = new BudgetStore(db, engine)
  }

  /** LSPs at which something is due. */
  async dueLsps(now: EpochMs): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('lsps')
      .select('lsps.id')
      .where((e) =>
        e.or([
          e.exists(e.selectFrom('orders').select(sql.lit(1).as('one')).whereRef('orders.lsp_id', '=', 'lsps.id').where('orders.next_read_at', '<=', now).where('orders.lease_until', '<=', now)),
          e.exists(e.selectFrom('renewals').select(sql.lit(1).as('one')).whereRef('renewals.lsp_id', '=', 'lsps.id').where('renewals.next_read_at', '<=', now).where('renewals.lease_until', '<=', now)),
        ]),
      )
      .execute()
    return rows.map((row) => row.id)
  }

  /** Takes what is due at one LSP, as much of it as its budget allows now. Within a transaction only. */
  async take(claim: ReadingClaim): Promise<ClaimedReadings> {
    const budget = await this.#budgets.ofReadings(claim.lspId, claim.requestsPerMinute, claim.now)
    const limit = Math.min(claim.limit, budget.room)
    const renewals = limit > 0 ? await this.#takeRenewals(claim, limit) : []
    const orders = limit > renewals.length ? await this.#takeOrders(claim, limit - renewals.length) : []
    const taken = renewals.length + orders.length
    const nextAt = await budget.spend(taken)
    return { orders, renewals, nextAt: taken < budget.room ? null : nextAt }
  }

  async #takeOrders({ lspId, owner, now, leaseUntil }: ReadingClaim, limit: number): Promise<TrackedOrder[]> {
    const due = this.#db.selectFrom('orders').select('id').where('lsp_id', '=', lspId).where('next_read_at', '<=', now).where('lease_until', '<=', now).orderBy('next_read_at').limit(limit)
    // The rows are chosen once, before any is changed: PostgreSQL may run a subquery more than once.
    const rows = await this.#db
      .with('due', () => this.#engine.claiming(due))
      .updateTable('orders')
      .set({ lease_owner: owner, lease_until: leaseUntil })
      .where('id', 'in', (e) => e.selectFrom('due').select('due.id'))
      .returningAll()
      .execute()
    return rows.map((row) => {
      const { order, tracking } = trackedOf(row)
      return { order, tracking: { ...tracking, leasedBy: owner } }
    })
  }

  async #takeRenewals({ lspId, owner, now, leaseUntil }: ReadingClaim, limit: number): Promise<TrackedRenewal[]> {
    const due = this.#db.selectFrom('renewals').select('id').where('lsp_id', '=', lspId).where('next_read_at', '<=', now).where('lease_until', '<=', now).orderBy('next_read_at').limit(limit)
    const rows = await this.#db
      .with('due', () => this.#engine.claiming(due))
      .updateTable('renewals')
      .set({ lease_owner: owner, lease_until: leaseUntil })
      .where('id', 'in', (e) => e.selectFrom('due').select('due.id'))
      .returning(['body', 'version'])
      .execute()
    return rows.map(({ body, version }) => ({ renewal: JSON.parse(body) as Renewal, version, leasedBy: owner }))
  }

  /** Keeps the leases of orders and renewals that are still being read. One that was lost meanwhile stays lost. */
  async renew(owner: string, ids: readonly string[], leaseUntil: EpochMs): Promise<void> {
    await this.#lease(owner, ids, { lease_until: leaseUntil })
  }

  /**
   * Has an order left alone for an action on it. A reading that is under way is not waited for: what it finds is out of
   * date once the action is done, and is not written.
   * @returns by what the lease is given up; null: another action has it.
   */
  async leaseForAction(orderId: string, now: EpochMs, leaseUntil: EpochMs): Promise<string | null> {
    const owner = `${ACTION}${randomUUID()}`
    const result = await this.#db
      .updateTable('orders')
      .set({ lease_owner: owner, lease_until: leaseUntil })
      .where('id', '=', orderId)
      .where((e) => e.or([e('lease_until', '<=', now), e('lease_owner', 'not like', `${ACTION}%`)]))
      .executeTakeFirst()
    return result.numUpdatedRows > 0n ? owner : null
  }

  /** Leaves orders and renewals to whoever comes first. */
  async release(owner: string, ids: readonly string[]): Promise<void> {
    await this.#lease(owner, ids, { lease_owner: null, lease_until: 0 })
  }

  async #lease(owner: string, ids: readonly string[], lease: { lease_owner?: null; lease_until: EpochMs }): Promise<void> {
    if (ids.length === 0) return
    for (const table of ['orders', 'renewals'] as const) await this.#db.updateTable(table).set(lease).where('id', 'in', ids).where('lease_owner', '=', owner).execute()
  }
}

import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { BudgetStore, isSmall, type Budget } from './budgets.ts'
import { DueWork, type Due, type Table } from './due.ts'
import type { Db, Engine } from './engine.ts'
import { trackedOf, type TrackedOrder } from './orders.ts'
import type { TrackedRenewal } from './renewals.ts'
import type { Renewal } from '../domain/renewal-record.ts'
import { SECOND_MS, type EpochMs } from '../domain/time.ts'

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
  /** Takes at most one order, which was paid or is followed, or one renewal. */
  isUrgentOnly?: boolean
}

export interface ClaimedReadings {
  orders: TrackedOrder[]
  renewals: TrackedRenewal[]
  /** The LSP may not be read before this; null: there was room for more. */
  nextAt: EpochMs | null
}

/** How often the gateway looks for urgent polls while an LSP's budget is used up. */
const URGENT_LOOK_MS = SECOND_MS

/** How late the polls of one LSP are. */
export interface Lateness {
  lspId: string
  /** Orders and renewals that are due and that no instance polls now. */
  due: number
  /** For how long the one that waits longest has been due. */
  overdueMs: number
}

const idsIn = (table: Table, chosen: readonly Due[]) => chosen.flatMap(({ kind, id }) => (kind === table ? [id] : []))

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
          e.exists(
            e
              .selectFrom('orders')
              .select(sql.lit(1).as('one'))
              .whereRef('orders.lsp_id', '=', 'lsps.id')
              // As the index of what is open has it.
              .where('orders.next_read_at', 'is not', null)
              .where('orders.next_read_at', '<=', now)
              .where('orders.lease_until', '<=', now),
          ),
          e.exists(
            e
              .selectFrom('orders')
              .select(sql.lit(1).as('one'))
              .whereRef('orders.lsp_id', '=', 'lsps.id')
              .where('orders.watch_at', '<=', now)
              .where('orders.lease_until', '<=', now),
          ),
          e.exists(
            e
              .selectFrom('renewals')
              .select(sql.lit(1).as('one'))
              .whereRef('renewals.lsp_id', '=', 'lsps.id')
              // As the index of what is open has it.
              .where('renewals.next_read_at', 'is not', null)
              .where('renewals.next_read_at', '<=', now)
              .where('renewals.lease_until', '<=', now),
          ),
        ]),
      )
      .execute()
    return rows.map((row) => row.id)
  }

  /** Takes what is due at one LSP, as much of it as its budget allows now. Within a transaction only. */
  async take(claim: ReadingClaim): Promise<ClaimedReadings> {
    const budget = await this.#budgets.ofReadings(claim.lspId, claim.requestsPerMinute, claim.now)
    const work = new DueWork(this.#db)
    if (budget.room < 1 || claim.isUrgentOnly === true) return this.#takeUrgent(claim, work, budget)
    const limit = Math.min(claim.limit, budget.room)
    const chosen = limit > 0 ? await work.choose(claim, limit) : []
    const watched = limit > chosen.length ? await this.#watched(claim, limit - chosen.length) : []
    const orders = await this.#takeOrders(claim, [...idsIn('orders', chosen), ...watched])
    const renewals = await this.#takeRenewals(claim, idsIn('renewals', chosen))
    const taken = renewals.length + orders.length
    const nextAt = await budget.spend(taken)
    return { orders, renewals, nextAt: taken < budget.room ? null : nextAt }
  }

  /**
   * One order that was paid or is followed. Where clients' requests have used the budget up, it comes from the part reserved
   * for those.
   */
  async #takeUrgent(claim: ReadingClaim, work: DueWork, budget: Budget): Promise<ClaimedReadings> {
    const reserved = await this.#budgets.ofUrgentReadings(claim.lspId, claim.requestsPerMinute, claim.now)
    const isWithinBudget = budget.room > 0
    const isAllowed = isWithinBudget || (reserved.room > 0 && !isSmall(claim.requestsPerMinute))
    const chosen = claim.limit > 0 && isAllowed ? await work.chooseUrgent(claim, 1) : []
    const orders = await this.#takeOrders(claim, idsIn('orders', chosen))
    const renewals = await this.#takeRenewals(claim, idsIn('renewals', chosen))
    const taken = renewals.length + orders.length
    const urgentAt = Math.max(await reserved.spend(isWithinBudget ? 0 : taken), claim.now + URGENT_LOOK_MS)
    return { orders, renewals, nextAt: Math.min(await budget.spend(taken), urgentAt) }
  }

  /** Final orders whose funding transaction is looked at, with what the others leave of the budget. */
  async #watched({ lspId, now }: ReadingClaim, limit: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('orders')
      .select('id')
      .where('lsp_id', '=', lspId)
      .where('watch_at', '<=', now)
      .where('lease_until', '<=', now)
      .orderBy('watch_at')
      .limit(limit)
      .execute()
    return rows.map(({ id }) => id)
  }

  /** When the next order or renewal of the LSP becomes due after `now`; null: none does. */
  async nextDueAt(lspId: string, now: EpochMs): Promise<EpochMs | null> {
    const next = (table: Table, column: 'next_read_at' | 'watch_at') =>
      sql`select min(${sql.ref(column)}) as at from ${sql.table(table)} where lsp_id = ${lspId} and ${sql.ref(column)} > ${now}`
    const { rows } = await sql<{ at: number | null }>`
      select min(at) as at from (${next('orders', 'next_read_at')} union all ${next('orders', 'watch_at')} union all ${next('renewals', 'next_read_at')}) as next`.execute(
      this.#db,
    )
    return rows[0]?.at ?? null
  }

  /** For each LSP with due orders or renewals, how many there are and how late they are. */
  async lateness(now: EpochMs): Promise<Lateness[]> {
    const due = (table: Table) =>
      sql`select lsp_id, next_read_at from ${sql.table(table)} where next_read_at <= ${now} and lease_until <= ${now}`
    const { rows } = await sql<{ lsp_id: string; due: number; since: number }>`
      select lsp_id, count(*) as due, min(next_read_at) as since from (${due('orders')} union all ${due('renewals')}) as due group by lsp_id`.execute(
      this.#db,
    )
    return rows.map((row) => ({ lspId: row.lsp_id, due: row.due, overdueMs: now - row.since }))
  }

  async #takeOrders({ owner, now, leaseUntil }: ReadingClaim, ids: readonly string[]): Promise<TrackedOrder[]> {
    if (ids.length === 0) return []
    const due = this.#db
      .selectFrom('orders')
      .select('id')
      .where('id', 'in', ids)
      .where((e) => e.or([e('next_read_at', '<=', now), e('watch_at', '<=', now)]))
      .where('lease_until', '<=', now)
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

  async #takeRenewals({ owner, now, leaseUntil }: ReadingClaim, ids: readonly string[]): Promise<TrackedRenewal[]> {
    if (ids.length === 0) return []
    const due = this.#db
      .selectFrom('renewals')
      .select('id')
      .where('id', 'in', ids)
      .where('next_read_at', '<=', now)
      .where('lease_until', '<=', now)
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

  async #lease(
    owner: string,
    ids: readonly string[],
    lease: { lease_owner?: null; lease_until: EpochMs },
  ): Promise<void> {
    if (ids.length === 0) return
    for (const table of ['orders', 'renewals'] as const)
      await this.#db.updateTable(table).set(lease).where('id', 'in', ids).where('lease_owner', '=', owner).execute()
  }
}

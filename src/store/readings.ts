import { randomUUID } from 'node:crypto'
import { sql, type RawBuilder } from 'kysely'
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

type Table = 'orders' | 'renewals'

/** Something that is to be read. */
interface Chosen {
  kind: Table
  id: string
}

interface Queue {
  name: string
  table: Table
  where: RawBuilder<unknown>
}

/** Each client has a place in each: none of the three waits for more than its share of the others. */
const QUEUES: readonly Queue[] = [
  { name: 'paid', table: 'orders', where: sql`paid = 1` },
  { name: 'renewal', table: 'renewals', where: sql`1 = 1` },
  { name: 'unpaid', table: 'orders', where: sql`paid = 0` },
]

interface Place {
  queue: Queue
  client: string
}

const nameOf = ({ queue, client }: Place) => `${queue.name} ${client}`

/** So many clients are looked at for one take: most of them may have nothing due. */
const WALK = 200

const dueIn = (table: Table, { lspId, now }: ReadingClaim) =>
  sql`${sql.table(table)} where lsp_id = ${lspId} and next_read_at <= ${now} and lease_until <= ${now}`
const idsIn = (table: Table, chosen: readonly Chosen[]) =>
  chosen.flatMap(({ kind, id }) => (kind === table ? [id] : []))

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
    const limit = Math.min(claim.limit, budget.room)
    const chosen = limit > 0 ? await this.#choose(claim, limit) : []
    const watched = limit > chosen.length ? await this.#watched(claim, limit - chosen.length) : []
    const orders = await this.#takeOrders(claim, [...idsIn('orders', chosen), ...watched])
    const renewals = await this.#takeRenewals(claim, idsIn('renewals', chosen))
    const taken = renewals.length + orders.length
    const nextAt = await budget.spend(taken)
    return { orders, renewals, nextAt: taken < budget.room ? null : nextAt }
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

  /** All that is due, where there is room for it; else what is due of those whose turn it is. */
  async #choose(claim: ReadingClaim, limit: number): Promise<readonly Chosen[]> {
    const due = (table: Table) =>
      sql`select * from (select ${sql.lit(table)} as kind, id from ${dueIn(table, claim)} order by next_read_at limit ${limit + 1}) as ${sql.ref(`due_${table}`)}`
    const { rows } = await sql<Chosen>`${due('orders')} union all ${due('renewals')}`.execute(this.#db)
    return rows.length > limit ? this.#chooseInTurn(claim, limit, rows.slice(0, limit)) : rows
  }

  /**
   * Goes on in the circle of all places where it stopped the last time, each place having one reading in each round:
   * whoever has much to be read does not keep others waiting, and one that has little waits for one round. `oldest`
   * fills what is left where those who were looked at have less due than that.
   */
  async #chooseInTurn(claim: ReadingClaim, limit: number, oldest: readonly Chosen[]): Promise<readonly Chosen[]> {
    const { places, stoppedAt } = await this.#places(claim, limit)
    const chosen = places.length === 0 ? [] : await this.#roundsOf(places, claim, limit)
    const last = chosen.at(-1)
    const turn = stoppedAt ?? (last && nameOf(last))
    if (turn !== undefined)
      await this.#db.updateTable('read_budgets').set({ turn }).where('lsp_id', '=', claim.lspId).execute()
    const ids = new Set(chosen.map(({ id }) => id))
    return [
      ...chosen.map(({ queue, id }) => ({ kind: queue.table, id })),
      ...oldest.filter(({ id }) => !ids.has(id)),
    ].slice(0, limit)
  }

  async #roundsOf(places: readonly Place[], claim: ReadingClaim, limit: number): Promise<(Place & { id: string })[]> {
    // What one place can get at most, since every other one gets something.
    const most = limit - places.length + 1
    const due = places.map(
      ({ queue, client }, place) =>
        sql`select * from (select ${sql.lit(place)} as place, id, next_read_at from ${dueIn(queue.table, claim)} and ${queue.where} and client_id = ${client} order by next_read_at limit ${most}) as ${sql.ref(`due_${place}`)}`,
    )
    const { rows } = await sql<{ place: number; id: string }>`
      select place, id from (
        select place, id, row_number() over (partition by place order by next_read_at) as round from (${sql.join(due, sql` union all `)}) as due
      ) as rounds order by round, place limit ${limit}`.execute(this.#db)
    return rows.flatMap(({ place, id }) => (places[place] ? [{ ...places[place], id }] : []))
  }

  /** The next places in the circle at which something is due, once around it at most; `stoppedAt` where it is too large to be walked at once. */
  async #places(claim: ReadingClaim, limit: number): Promise<{ places: Place[]; stoppedAt?: string }> {
    const { turn } = await this.#db
      .selectFrom('read_budgets')
      .select('turn')
      .where('lsp_id', '=', claim.lspId)
      .executeTakeFirstOrThrow()
    const [name = '', lastClient = ''] = turn?.split(/ (.*)/s) ?? []
    const first = Math.max(
      0,
      QUEUES.findIndex((queue) => queue.name === name),
    )
    const places = new Map<string, Place>()
    for (let step = 0; step <= QUEUES.length && places.size < limit; step += 1) {
      const queue = QUEUES[(first + step) % QUEUES.length]
      if (!queue) break
      const walked = await this.#walk(queue, claim, step === 0 ? lastClient : '')
      for (const { client_id: client } of walked.filter(({ due }) => due).slice(0, limit - places.size))
        places.set(nameOf({ queue, client }), { queue, client })
      const end = walked.at(-1)
      if (places.size < limit && walked.length === WALK && end)
        return { places: [...places.values()], stoppedAt: nameOf({ queue, client: end.client_id }) }
    }
    return { places: [...places.values()] }
  }

  /** Clients with something to be read some day, in an order of their own. However much one has, the index leads past it. */
  async #walk(
    { table, where }: Queue,
    claim: ReadingClaim,
    after: string,
  ): Promise<{ client_id: string; due: unknown }[]> {
    const next = (client: RawBuilder<unknown>) =>
      sql`select min(client_id) from ${sql.table(table)} where lsp_id = ${claim.lspId} and ${where} and next_read_at is not null and client_id > ${client}`
    const { rows } = await sql<{ client_id: string; due: unknown }>`
      with recursive waiting (client_id, step) as (
        select (${next(sql`${after}`)}), 1 union all select (${next(sql`waiting.client_id`)}), step + 1 from waiting where waiting.client_id is not null and step < ${WALK}
      )
      select client_id, exists (select 1 from ${dueIn(table, claim)} and ${where} and client_id = waiting.client_id) as due
      from waiting where client_id is not null order by step`.execute(this.#db)
    return rows
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

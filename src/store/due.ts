import { sql, type RawBuilder } from 'kysely'
import type { Db } from './engine.ts'
import type { EpochMs } from '../domain/time.ts'

// Which of the due orders and renewals of an LSP are polled next, when the budget does not allow all of them.

export type Table = 'orders' | 'renewals'

/** An order or a renewal that is due. */
export interface Due {
  kind: Table
  id: string
}

export interface DueAt {
  lspId: string
  now: EpochMs
}

/**
 * `followed`: unpaid orders that a client follows or has just queried. `paid`: orders that wait for their channel, and
 * renewals. `unpaid`: the other unpaid orders.
 */
type Tier = 'followed' | 'paid' | 'unpaid'

/** From the most urgent to the least. */
const TIERS: readonly Tier[] = ['followed', 'paid', 'unpaid']
/**
 * Which tier each successive poll serves first. A poll that its own tier does not need serves the most urgent tier that
 * needs it. So each tier has a part of the budget that the other tiers cannot use up.
 */
const SLOTS: readonly Tier[] = ['followed', 'paid', 'followed', 'unpaid']

interface Queue {
  name: string
  table: Table
  where: RawBuilder<unknown>
  /** Due work that another tier serves. */
  except?: (now: EpochMs) => RawBuilder<unknown>
}

/** Clients take turns in each queue. */
const QUEUES: Readonly<Record<'paid' | 'unpaid', readonly Queue[]>> = {
  paid: [
    { name: 'paid', table: 'orders', where: sql`paid = 1` },
    { name: 'renewal', table: 'renewals', where: sql`1 = 1` },
  ],
  unpaid: [
    {
      name: 'unpaid',
      table: 'orders',
      where: sql`paid = 0`,
      except: (now) => sql`followed_until > ${now}`,
    },
  ],
}

/** The due work of one client in one queue. */
interface Place {
  queue: Queue
  client: string
}

interface Candidate extends Due {
  /** The cursor of its tier after it was polled. */
  cursor: string
}

interface Candidates {
  next: Candidate[]
  /** Where the search for clients with due work ended before it had seen all of them. */
  stoppedAt: string | null
}

const NONE: Candidates = { next: [], stoppedAt: null }

/** Stored as JSON in `read_budgets.turn`. */
interface Turns extends Partial<Record<Tier, string>> {
  slot: number
}

/** Clients examined in one search: most of them may have nothing due. */
const MOST_CLIENTS = 200

const nameOf = ({ queue, client }: Place) => `${queue.name} ${client}`

const dueIn = (table: Table, { lspId, now }: DueAt) =>
  sql`${sql.table(table)} where lsp_id = ${lspId} and next_read_at <= ${now} and lease_until <= ${now}`

/** The due work of a queue; each column is the table's. */
const dueOf = ({ table, where, except }: Queue, at: DueAt) =>
  sql`${dueIn(table, at)} and ${where} and (${except?.(at.now) ?? sql`1 = 0`}) is not true`

export class DueWork {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /** All that is due, if `limit` allows; otherwise the most urgent. Within a transaction only. */
  async choose(at: DueAt, limit: number): Promise<readonly Due[]> {
    const due = (table: Table) =>
      sql`select * from (select ${sql.lit(table)} as kind, id from ${dueIn(table, at)} order by next_read_at limit ${limit + 1}) as ${sql.ref(`due_${table}`)}`
    const { rows } = await sql<Due>`${due('orders')} union all ${due('renewals')}`.execute(this.#db)
    return rows.length > limit ? this.#chooseByTier(at, limit, rows.slice(0, limit)) : rows
  }

  /** The most urgent of the orders that clients follow or have paid, and of the renewals. Within a transaction only. */
  chooseUrgent(at: DueAt, limit: number): Promise<readonly Due[]> {
    return this.#chooseByTier(at, limit, [], NONE)
  }

  /** `oldest` fills what remains when the clients that were examined have too little due. */
  async #chooseByTier(
    at: DueAt,
    limit: number,
    oldest: readonly Due[],
    notUrgent?: Candidates,
  ): Promise<readonly Due[]> {
    const turns = await this.#turns(at.lspId)
    const candidates: Record<Tier, Candidates> = {
      followed: await this.#followed(at, limit, turns.followed ?? ''),
      paid: await this.#inTurn(QUEUES.paid, at, limit, turns.paid ?? ''),
      unpaid: notUrgent ?? (await this.#inTurn(QUEUES.unpaid, at, limit, turns.unpaid ?? '')),
    }
    const chosen = new Map<string, Due>()
    const after: Turns = { ...turns }
    while (chosen.size < limit) {
      const first = SLOTS[after.slot % SLOTS.length] ?? 'followed'
      const tier = [first, ...TIERS].find((one) => nextOf(candidates[one], chosen))
      const next = tier && candidates[tier].next.shift()
      if (!tier || !next) break
      chosen.set(next.id, { kind: next.kind, id: next.id })
      after[tier] = next.cursor
      after.slot = (after.slot + 1) % SLOTS.length
    }
    for (const tier of TIERS) {
      const { next, stoppedAt } = candidates[tier]
      if (next.length === 0 && stoppedAt !== null) after[tier] = stoppedAt
    }
    if (chosen.size === 0 && oldest.length === 0) return []
    await this.#db
      .updateTable('read_budgets')
      .set({ turn: JSON.stringify(after) })
      .where('lsp_id', '=', at.lspId)
      .execute()
    return [...chosen.values(), ...oldest.filter(({ id }) => !chosen.has(id))].slice(0, limit)
  }

  async #turns(lspId: string): Promise<Turns> {
    const { turn } = await this.#db
      .selectFrom('read_budgets')
      .select('turn')
      .where('lsp_id', '=', lspId)
      .executeTakeFirstOrThrow()
    // An earlier release wrote the name of a place instead.
    return turn?.startsWith('{') === true ? (JSON.parse(turn) as Turns) : { slot: 0 }
  }

  /** Each client's oldest first, beginning with the client after `lastClient`. Few orders are followed at a time. */
  async #followed({ lspId, now }: DueAt, limit: number, lastClient: string): Promise<Candidates> {
    const { rows } = await sql<{ id: string; client_id: string }>`
      select id, client_id from (
        select id, client_id, row_number() over (partition by client_id order by next_read_at) as round
        from orders where lsp_id = ${lspId} and followed_until > ${now} and paid = 0 and next_read_at <= ${now} and lease_until <= ${now}
      ) as followed order by round, case when client_id > ${lastClient} then 0 else 1 end, client_id limit ${limit}`.execute(
      this.#db,
    )
    return {
      next: rows.map(({ id, client_id: cursor }) => ({ kind: 'orders', id, cursor })),
      stoppedAt: null,
    }
  }

  /** Continues after the place `turn`. Each place with due work has one poll in each round. */
  async #inTurn(queues: readonly Queue[], at: DueAt, limit: number, turn: string): Promise<Candidates> {
    const { places, stoppedAt } = await this.#places(queues, at, limit, turn)
    const polls = places.length === 0 ? [] : await this.#roundsOf(places, at, limit)
    return {
      next: polls.map(({ id, ...place }) => ({ kind: place.queue.table, id, cursor: nameOf(place) })),
      stoppedAt,
    }
  }

  async #roundsOf(places: readonly Place[], at: DueAt, limit: number): Promise<(Place & { id: string })[]> {
    // Each of the other places has at least one.
    const most = limit - places.length + 1
    const due = places.map(
      ({ queue, client }, place) =>
        sql`select * from (select ${sql.lit(place)} as place, id, next_read_at from ${dueOf(queue, at)} and client_id = ${client} order by next_read_at limit ${most}) as ${sql.ref(`due_${place}`)}`,
    )
    const { rows } = await sql<{ place: number; id: string }>`
      select place, id from (
        select place, id, row_number() over (partition by place order by next_read_at) as round from (${sql.join(due, sql` union all `)}) as due
      ) as rounds order by round, place limit ${limit}`.execute(this.#db)
    return rows.flatMap(({ place, id }) => (places[place] ? [{ ...places[place], id }] : []))
  }

  /** The next places with due work, each at most once. */
  async #places(
    queues: readonly Queue[],
    at: DueAt,
    limit: number,
    turn: string,
  ): Promise<{ places: Place[]; stoppedAt: string | null }> {
    const [name = '', lastClient = ''] = turn.split(/ (.*)/s)
    const first = Math.max(
      0,
      queues.findIndex((queue) => queue.name === name),
    )
    const places = new Map<string, Place>()
    for (let step = 0; step <= queues.length && places.size < limit; step += 1) {
      const queue = queues[(first + step) % queues.length]
      if (!queue) break
      const clients = await this.#clients(queue, at, step === 0 ? lastClient : '')
      for (const { client_id: client } of clients.filter(({ due }) => due).slice(0, limit - places.size))
        places.set(nameOf({ queue, client }), { queue, client })
      const end = clients.at(-1)
      if (places.size < limit && clients.length === MOST_CLIENTS && end)
        return { places: [...places.values()], stoppedAt: nameOf({ queue, client: end.client_id }) }
    }
    return { places: [...places.values()], stoppedAt: null }
  }

  /** Clients with work in the queue that is due now or later, sorted. The index skips the rest of each client's work. */
  async #clients(queue: Queue, at: DueAt, after: string): Promise<{ client_id: string; due: unknown }[]> {
    const { table, where } = queue
    const next = (client: RawBuilder<unknown>) =>
      sql`select min(client_id) from ${sql.table(table)} where lsp_id = ${at.lspId} and ${where} and next_read_at is not null and client_id > ${client}`
    const { rows } = await sql<{ client_id: string; due: unknown }>`
      with recursive waiting (client_id, step) as (
        select (${next(sql`${after}`)}), 1 union all select (${next(sql`waiting.client_id`)}), step + 1 from waiting where waiting.client_id is not null and step < ${MOST_CLIENTS}
      )
      select client_id, exists (select 1 from ${dueOf(queue, at)} and client_id = waiting.client_id) as due
      from waiting where client_id is not null order by step`.execute(this.#db)
    return rows
  }
}

/** Drops the candidates that another tier has chosen. @returns whether one is left. */
function nextOf(candidates: Candidates, chosen: ReadonlyMap<string, Due>): boolean {
  while (candidates.next[0] && chosen.has(candidates.next[0].id)) candidates.next.shift()
  return candidates.next.length > 0
}

import Database from 'libsql'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openStage, type Stage } from './stage.ts'
import { ALL_ORDERS, intentRecord, LSP, NOW, quoteRecord } from './records.ts'
import { DAY_MS } from '../../src/domain/time.ts'
import { ENGINES, type EngineName } from '../support/database.ts'

// What a gateway does all the time, on a database that is years old: no statement may read all that was ever written.

const CLIENT = 'busy'
const ROWS = 6_000
const BODY = `{"text": "${'x'.repeat(500)}"}`

/** Tables that grow for as long as a gateway is used. */
const GROWING = ['orders', 'events', 'placements', 'quotes', 'prices', 'idempotency', 'destinations', 'renewals']
/** Indexes that have only what is open: they may be read as a whole. */
const OPEN = [
  'orders_watched',
  'placements_unordered',
  'orders_unknown',
  'orders_lost',
  'orders_claimed',
  'renewals_claimed',
  'idempotency_open',
]

const numbers = (engine: EngineName) =>
  engine === 'SQLite'
    ? `(with recursive n (i) as (select 1 union all select i + 1 from n where i < ${ROWS}) select i from n)`
    : `(select i from generate_series(1, ${ROWS}) as i)`

/** Finished orders of one client, and firm quotes that it never ordered. */
function filling(engine: EngineName): string[] {
  const from = `from ${numbers(engine)} as numbers`
  return [
    `insert into placements (id, client_id, lsp_id, question, purpose, status, unpaid, intended_at, stands_until, order_id, lsp_order_id, body)
      select 'p' || i, '${CLIENT}', '${LSP}', 'q' || i, 'ORDER', 'STANDING', 0, i, i, 'o' || i, 'l' || i, '${BODY}' ${from}`,
    `insert into placements (id, client_id, lsp_id, question, purpose, status, unpaid, intended_at, stands_until, lsp_order_id, body)
      select 'u' || i, '${CLIENT}', '${LSP}', 'u' || i, 'QUOTE', 'STANDING', 1, ${NOW} + i, ${NOW} + i, 'm' || i, '${BODY}' ${from}`,
    `insert into orders (id, client_id, lsp_id, placement_id, state, sequence, created_at, failures, open_attempts, lease_until, final, payment_seen_at, funded_at, body, paid, hearsay)
      select 'o' || i, '${CLIENT}', '${LSP}', 'p' || i, 'COMPLETED', 1, i, 0, 0, 0, 1, i, i, '${BODY}', 1, 0 ${from}`,
    `insert into events (position, order_id, sequence, client_id, at, body) select i, 'o' || i, 1, '${CLIENT}', i, '${BODY}' ${from}`,
    `insert into quotes (id, client_id, lsp_id, placement_id, created_at, body, kept) select 'k' || i, '${CLIENT}', '${LSP}', 'p' || i, i, '${BODY}', 1 ${from}`,
    `insert into quotes (id, client_id, lsp_id, placement_id, created_at, body, kept) select 'f' || i, '${CLIENT}', '${LSP}', 'u' || i, ${NOW} + i, '${BODY}', 0 ${from}`,
    `insert into idempotency (client_id, key, input_hash, created_at, answer, placement_id) select '${CLIENT}', 'k' || i, 'h', i, '{"kind":"order","orderId":"o"}', 'p' || i ${from}`,
    `insert into prices (lsp_id, channel_key, observed_at, body) select '${LSP}', 'c' || i, ${NOW} + i, '${BODY}' ${from}`,
    `insert into destinations (destination, holder) select 'd' || i, 'p' || i ${from}`,
    `insert into renewals (id, client_id, lsp_id, final, body, question) select 'r' || i, '${CLIENT}', '${LSP}', 1, '${BODY}', 'rq' || i ${from}`,
  ]
}

/** What the stores do often, or while others wait. */
async function work({ store }: Stage): Promise<void> {
  const intent = intentRecord({ id: 'new', clientId: CLIENT, question: 'q-new', intendedAt: NOW })
  await store.transaction(async (stores) => {
    await stores.quotes.save([quoteRecord({ id: 'quote-new', clientId: CLIENT })])
    await stores.placements.unpaidUntil(LSP, CLIENT, NOW)
    await stores.placements.unpaidOfNodeUntil(LSP, '02'.padEnd(66, 'a'), NOW)
    await stores.quotes.tariffPoints(LSP, NOW, 10)
    await stores.placements.quotesSince(LSP, NOW + ROWS)
    await stores.placements.intend(intent)
    await stores.imports.disown({ id: 'new', clientId: CLIENT, lspId: LSP, lspOrderId: 'x' })
    await stores.destinations.claim('d-new', 'new')
  })
  await store.placements.markSent('new')
  await store.placements.get('new')
  await store.placements.takeUnfinished(10_000)
  await store.placements.beingAsked('q1')
  await store.placements.standing('q1', NOW)
  await store.placements.standing('q1', NOW, { isUnordered: true })
  await store.placements.namesakes({ id: 'p1', lspId: LSP, lspOrderId: 'l1' }, NOW)
  await store.imports.holders([LSP], 'l1')
  await store.imports.hearsay(CLIENT, LSP)
  await store.idempotency.claim(CLIENT, 'key-new', 'hash', NOW)
  await store.idempotency.byPlacement('p1')
  await store.idempotency.releaseAbandoned(10_000, NOW)
  const page = ALL_ORDERS
  await store.orders.page(CLIENT, { ...page, clientPubkey: 'aa' }, 20)
  await store.orders.page(CLIENT, { ...page, reference: 'r' }, 20)
  await store.orders.page(CLIENT, { ...page, leaseEndsBefore: NOW }, 20)
  await store.orders.areFinal(['o1', 'o2'])
  await store.orders.page(CLIENT, page, 20)
  await store.orders.page(CLIENT, { ...page, states: ['FAILED'] }, 20)
  await store.orders.page(CLIENT, { ...page, states: ['FAILED', 'OUTCOME_UNKNOWN'], after: 'o9', inverted: true }, 20)
  await store.orders.events('o1', 0, 16)
  await store.orders.clientEvents(CLIENT, ROWS, 16)
  await store.orders.lastPositionOf(CLIENT)
  await store.orders.byPlacement('p1')
  await store.orders.leasesEnding(NOW, 10)
  await store.orders.nextDueAt()
  await store.orders.makeAllDue(NOW)
  await store.readings.dueLsps(NOW)
  await store.lsps.record(LSP)
  await store.quotes.byPlacement('p1')
  await store.quotes.price(LSP, 'c1')
  await store.quotes.nextWithUnbound('')
  await store.transaction(async (stores) => {
    await stores.quotes.forget(NOW - 30 * DAY_MS, 10)
    await stores.quotes.forgetPrices(NOW - 90 * DAY_MS, 10)
    await stores.placements.forgetUnordered(NOW - 30 * DAY_MS, 10)
    await stores.idempotency.forget(NOW - 30 * DAY_MS, 'all', 10)
  })
  await store.endClaims()
}

interface Statement {
  text: string
  values: unknown[]
}

/** The statements that `act` runs, by the driver's own doors. */
async function statementsOf(engine: EngineName, act: () => Promise<void>): Promise<Statement[]> {
  const seen = new Map<string, Statement>()
  const spy =
    engine === 'SQLite'
      ? vi.spyOn(Database.prototype, 'prepare')
      : vi.spyOn(Client.prototype as unknown as { query: (...all: unknown[]) => unknown }, 'query')
  try {
    await act()
    for (const [first] of spy.mock.calls as [string | Statement | undefined][]) {
      const statement = typeof first === 'string' ? { text: first, values: [] } : first
      if (statement && /^\s*(select|with|update|delete)/i.test(statement.text)) seen.set(statement.text, statement)
    }
  } finally {
    spy.mockRestore()
  }
  return [...seen.values()]
}

/** Steps of the plan that read all of a growing table, or of an index of it. */
function sqliteScans(database: Database.Database, statement: string): string[] {
  const steps = database.prepare(`explain query plan ${statement}`).all() as { detail: string }[]
  return steps
    .map(({ detail }) => detail)
    .filter((detail) => {
      const index = /INDEX (\w+)/.exec(detail)?.[1] ?? ''
      const table = /^SCAN (\w+)/.exec(detail)?.[1]
      if (table !== undefined) return !OPEN.includes(index) && isGrowing(statement, table)
      // Both find all that was ever placed, unless it is about what is not settled.
      return (
        (index === 'placements_by_status' && !detail.startsWith('SEARCH unsettled')) ||
        /sqlite_autoindex_placements_2 \(order_id=\?\)/.test(detail)
      )
    })
}

function isGrowing(statement: string, alias: string): boolean {
  return GROWING.some((table) => alias === table || new RegExp(`"?${table}"? as "?${alias}"?\\b`).test(statement))
}

interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Index Cond'?: string
  Plans?: PlanNode[]
}

function postgresScans(node: PlanNode): string[] {
  const inner = (node.Plans ?? []).flatMap(postgresScans)
  const isSequential = node['Node Type'] === 'Seq Scan' && GROWING.includes(node['Relation Name'] ?? '')
  return isSequential ? [`Seq Scan on ${node['Relation Name']}`, ...inner] : inner
}

describe.each(ENGINES)('on a database that is full (%s)', (engine) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openStage(engine)
    for (const statement of filling(engine)) await stage.execute(statement)
    if (engine === 'PostgreSQL') await stage.execute('analyze')
  })
  afterAll(() => stage[Symbol.asyncDispose]())

  test('no statement reads all of a table that grows', async () => {
    const statements = await statementsOf(engine, () => work(stage))
    expect(statements.length).toBeGreaterThan(30)
    const scans: Record<string, string[]> = {}
    if (engine === 'SQLite') {
      const database = new Database(stage.url)
      for (const { text } of statements) scans[text] = sqliteScans(database, text)
      database.close()
    } else {
      const client = new Client({ connectionString: stage.url })
      await client.connect()
      for (const { text, values } of statements) {
        const { rows } = await client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
          `explain (format json) ${text}`,
          values,
        )
        const plan = rows[0]?.['QUERY PLAN'][0]?.Plan
        scans[text] = plan ? postgresScans(plan) : ['no plan']
      }
      await client.end()
    }
    expect(Object.fromEntries(Object.entries(scans).filter(([, found]) => found.length > 0))).toEqual({})
  })
})

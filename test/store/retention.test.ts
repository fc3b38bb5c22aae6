import { changeOf } from '../../src/domain/messages/order-changes.ts'
import { pino } from 'pino'
import { describe, expect, test, vi } from 'vitest'
import { intentRecord, LSP, NOW, orderRecord, quoteRecord, REQUEST, standing, TRACKING } from './records.ts'
import { openStage, upTo } from './stage.ts'
import { LspFailure } from '../../src/domain/failure.ts'
import { sat } from '../../src/domain/money.ts'
import { termsOf } from '../../src/domain/request.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, systemClock, type EpochMs } from '../../src/domain/time.ts'
import { Hints } from '../../src/orders/hints.ts'
import { OrderLog } from '../../src/orders/log.ts'
import { IMPORTED_BYTES_PER_DAY } from '../../src/store/budgets.ts'
import { Retention } from '../../src/quotes/retention.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { ENGINES, freshDatabase } from '../support/database.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createOrder, eventsOf, orderAt, quoteAt, readOrder } from '../support/operations.ts'
import { exported, importInto } from '../portable/support.ts'

const QUOTE = 'query ($id: ID!) { quote(id: $id) { id orderTotalSat } }'
const SOON_MS = 29 * DAY_MS
const LATER_MS = 31 * DAY_MS

/** Forgets whatever is to be forgotten at that time. @returns what it logged. */
async function forgetAt(store: Store, at: EpochMs): Promise<string[]> {
  const logged: string[] = []
  await new Retention({
    store,
    clock: { now: () => at },
    logger: pino({}, { write: (line: string) => void logged.push(line) }),
  }).forget()
  return logged
}

/** The same as another instance on the gateway's database does it, whose clock is so far ahead. */
async function forgetAfter(ms: number, { databaseUrl }: TestGateway): Promise<void> {
  await using store = await openStore(databaseUrl, systemClock)
  expect(await forgetAt(store, Date.now() + ms)).toEqual([])
}

const quoteOf = async (gateway: TestGateway, id: string) => (await gateway.ask(QUOTE, { id })).quote
const placedAt = ({ sandbox }: TestGateway, lspId: string) =>
  sandbox.lsp(lspId).requests.filter(({ path }) => path.endsWith('/create_order')).length

describe.each(ENGINES)('with %s', (engine) => {
  test('a quote that nobody ordered is forgotten after thirty days, one that was ordered never', async () => {
    await using database = await freshDatabase(engine)
    await using gateway = await startTestGateway({ sandbox: { only: ['olive', 'kestrel'] }, databaseUrl: database.url })
    const unordered = [
      await quoteAt(gateway, 'olive', { lspBalanceSat: 900_000 }),
      await quoteAt(gateway, 'kestrel', { lspBalanceSat: 900_000 }),
    ]
    const ordered = [await quoteAt(gateway, 'olive'), await quoteAt(gateway, 'kestrel')]
    expect(ordered.map(({ basis }) => basis)).toEqual(['FIRM', 'ESTIMATED'])
    const orders = []
    for (const { id: quoteId } of ordered) orders.push(await createOrder(gateway, { quoteId }))
    await forgetAfter(SOON_MS, gateway)
    for (const { id } of [...unordered, ...ordered]) expect(await quoteOf(gateway, id)).toMatchObject({ id })
    await forgetAfter(LATER_MS, gateway)
    for (const { id } of unordered) {
      expect(await quoteOf(gateway, id)).toBeNull()
      expect(await createOrder(gateway, { quoteId: id })).toMatchObject({ __typename: 'QuoteNotFoundError' })
    }
    for (const [index, { id }] of ordered.entries()) {
      expect(await quoteOf(gateway, id)).toMatchObject({ id })
      expect((await readOrder(gateway, orders[index]?.id ?? '')).quote).toEqual({ id })
    }
  })

  test('an imported order that its LSP has not reported is deleted after a day, with its events', async () => {
    await using database = await freshDatabase(engine)
    await using from = await startTestGateway({ sandbox: { only: ['olive', 'beacon'] } })
    await using to = await startTestGateway({ beside: from, databaseUrl: database.url })
    const [reported, unreported] = [await orderAt(from, 'olive'), await orderAt(from, 'beacon')]
    const documents = [await exported(from, reported.id), await exported(from, unreported.id)]
    from.sandbox.lsp('beacon').setFaults(['SERVER_ERROR'])
    for (const document of documents) expect(await importInto(to, document)).toMatchObject({ __typename: 'Order' })
    await forgetAfter(DAY_MS - HOUR_MS, to)
    expect(await readOrder(to, unreported.id)).toMatchObject({ id: unreported.id })
    await forgetAfter(DAY_MS + HOUR_MS, to)
    expect((await to.ask('query ($id: ID!) { order(id: $id) { id } }', { id: unreported.id })).order).toBeNull()
    expect(await readOrder(to, reported.id)).toMatchObject({ id: reported.id })
    expect((await eventsOf(to, reported.id)).length).toBeGreaterThan(0)
    from.sandbox.lsp('beacon').setFaults([])
    expect(await importInto(to, documents[1] ?? '')).toMatchObject({ __typename: 'Order', id: unreported.id })
  })

  test('an idempotency key is kept for a day where nothing was sent for it, for thirty days where no order came of it, and with its order for good', async () => {
    await using database = await freshDatabase(engine)
    await using gateway = await startTestGateway({ sandbox: { only: ['olive', 'kestrel'] }, databaseUrl: database.url })
    const unknown = { quoteId: '01900000-0000-7000-8000-000000000000', idempotencyKey: 'unknown' }
    const tooDear = { quoteId: (await quoteAt(gateway, 'olive')).id, idempotencyKey: 'too dear', maxOrderTotalSat: 1 }
    const dearer = { quoteId: (await quoteAt(gateway, 'kestrel')).id, idempotencyKey: 'dearer' }
    const ordered = {
      quoteId: (await quoteAt(gateway, 'olive', { lspBalanceSat: 2_000_000 })).id,
      idempotencyKey: 'ordered',
    }
    gateway.sandbox.lsp('kestrel').setFaults(['DEARER_AT_ORDER'])
    const answersTo = async (inputs: Parameters<typeof createOrder>[1][]) => {
      const answers = []
      for (const input of inputs) answers.push(await createOrder(gateway, input))
      return answers
    }
    const inputs = [unknown, tooDear, dearer, ordered]
    const answers = await answersTo(inputs)
    expect(answers.map(({ __typename }) => __typename)).toEqual([
      'QuoteNotFoundError',
      'PriceChangedError',
      'PriceChangedError',
      'Order',
    ])
    /** Another input under a key that is kept is refused. */
    const isKept = async ({ idempotencyKey }: { idempotencyKey: string }) =>
      (await createOrder(gateway, { quoteId: unknown.quoteId, idempotencyKey, maxOrderTotalSat: 7 })).__typename ===
      'IdempotencyConflictError'

    await forgetAfter(DAY_MS - HOUR_MS, gateway)
    expect(await answersTo(inputs.slice(0, 3))).toEqual(answers.slice(0, 3))
    await forgetAfter(DAY_MS + HOUR_MS, gateway)
    expect([await isKept(unknown), await isKept(tooDear), await isKept(dearer), await isKept(ordered)]).toEqual([
      false,
      false,
      true,
      true,
    ])
    await forgetAfter(SOON_MS, gateway)
    expect(await answersTo([dearer])).toEqual([answers[2]])
    await forgetAfter(LATER_MS, gateway)
    expect([await isKept(dearer), await isKept(ordered)]).toEqual([false, true])
    expect((await createOrder(gateway, ordered)).id).toBe(answers[3]?.id)
  })

  test('of more than a hundred thousand quotes without an order at their LSP a client has the newest, and those of the last ten minutes', async () => {
    await using stage = await openStage(engine)
    const { quotes } = stage.store
    const madeAt = (name: string, count: number, clientId: string, placementId = 'null', kept = 0) =>
      stage.execute(`insert into quotes (id, client_id, lsp_id, placement_id, created_at, body, kept)
        with recursive made (number) as (select 1 union all select number + 1 from made where number < ${count})
        select '${name} ' || number, '${clientId}', 'olive', ${placementId}, ${NOW} + number, '"${name} ' || number || '"', ${kept} from made`)
    await madeAt('busy', 100_003, 'busy')
    await madeAt('firm', 1, 'busy', "'p1'")
    await madeAt('ordered', 1, 'busy', 'null', 1)
    await madeAt('idle', 3, 'idle')
    const kept = async (clientId: string, ids: string[]) =>
      (await quotes.byIds(clientId, ids)).filter((quote) => quote !== null)
    const all = ['busy 1', 'busy 2', 'busy 3', 'busy 4', 'busy 100003', 'firm 1', 'ordered 1']
    // The second is ten minutes old, to the millisecond.
    await forgetAt(stage.store, NOW + 10 * MINUTE_MS + 2)
    expect(await kept('busy', all)).toEqual(all.slice(2))
    await forgetAt(stage.store, NOW + HOUR_MS)
    expect(await kept('busy', all)).toEqual(all.slice(3))
    expect(await kept('idle', ['idle 1', 'idle 2', 'idle 3'])).toHaveLength(3)
  })

  test('the quote of an order that is on its way to its LSP is not forgotten', async () => {
    await using database = await freshDatabase(engine)
    await using gateway = await startTestGateway({
      sandbox: { only: ['kestrel'], slowMs: 1_000 },
      databaseUrl: database.url,
    })
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    gateway.sandbox.lsp('kestrel').setFaults(['SLOW'])
    const ordering = createOrder(gateway, { quoteId })
    await vi.waitFor(() => expect(placedAt(gateway, 'kestrel')).toBe(1), { timeout: 10_000 })
    await forgetAfter(LATER_MS, gateway)
    expect(await ordering).toMatchObject({ __typename: 'Order', quote: { id: quoteId } })
  })

  test('an order that stands at its LSP for its price goes on standing, and answers the same question', async () => {
    await using database = await freshDatabase(engine)
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] }, databaseUrl: database.url })
    const { orderTotalSat } = await quoteAt(gateway, 'olive')
    await forgetAfter(LATER_MS, gateway)
    const again = await quoteAt(gateway, 'olive')
    expect(again).toMatchObject({ basis: 'FIRM', orderTotalSat })
    expect(placedAt(gateway, 'olive')).toBe(1)
    expect(await createOrder(gateway, { quoteId: again.id })).toMatchObject({
      state: 'AWAITING_PAYMENT',
      quote: { id: again.id },
    })
    expect(placedAt(gateway, 'olive')).toBe(1)
  })

  test('the quote of an order that came from another gateway is never forgotten', async () => {
    await using stage = await openStage(engine)
    const { store } = stage
    const log = new OrderLog(store, new Hints(store.bus), systemClock)
    const quote = quoteRecord()
    await log.receive(
      orderRecord({ quoteId: quote.id }),
      TRACKING,
      changeOf('ORDER_IMPORTED', 'imported'),
      ({ quotes }) => quotes.save([quote]),
    )
    // One whose quote it did not bring.
    await log.receive(orderRecord(), TRACKING, changeOf('ORDER_IMPORTED', 'imported'), async () => {})
    expect(await forgetAt(store, NOW + LATER_MS)).toEqual([])
    expect(await store.quotes.byIds(quote.clientId, [quote.id])).toEqual([quote])
  })

  test('what counts against the budget of an LSP is never forgotten; what an LSP refused to quote is', async () => {
    await using stage = await openStage(engine)
    const { placements } = stage.store
    const refusal = {
      status: 'REFUSED' as const,
      lspOrderId: null,
      failure: new LspFailure('OPTION_MISMATCH', 'no').details(),
    }
    const place = async (question: string, purpose: 'QUOTE' | 'ORDER', changes: Parameters<typeof standing>[1]) => {
      const intent = intentRecord({ question, purpose, standsUntil: NOW + 2 * LATER_MS })
      await placements.intend(intent)
      await placements.settle(standing(intent, changes))
      return intent.id
    }
    const refused = await place('refused', 'QUOTE', refusal)
    const kept = [
      await place('standing', 'QUOTE', {}),
      await place('lost', 'QUOTE', { status: 'LOST' }),
      await place('refused order', 'ORDER', refusal),
    ]
    await forgetAt(stage.store, NOW + SOON_MS)
    expect(await placements.get(refused)).not.toBeNull()
    await forgetAt(stage.store, NOW + LATER_MS)
    expect(await placements.get(refused)).toBeNull()
    for (const id of kept) expect(await placements.get(id)).toMatchObject({ id })
    expect(await placements.standing('standing', NOW + LATER_MS)).toMatchObject({ id: kept[0] })
    expect(await placements.quotesSince(LSP, NOW - HOUR_MS)).toHaveLength(2)
    expect(await placements.unpaidUntil(LSP, intentRecord().clientId, NOW)).toHaveLength(2)
  })

  test('a firm quote that nobody ordered is deleted with its placement, and nothing else is', async () => {
    await using stage = await openStage(engine)
    const { placements, quotes, idempotency } = stage.store
    const madeAt = Date.now() - 40 * DAY_MS
    const place = async (standsUntil: EpochMs) => {
      const intent = intentRecord({ intendedAt: madeAt, standsUntil })
      await placements.intend(intent)
      await placements.settle(standing(intent))
      const quote = quoteRecord({ basis: 'FIRM', placementId: intent.id, createdAt: madeAt })
      await quotes.save([quote])
      return { id: intent.id, quote: quote.id }
    }
    const over = madeAt + HOUR_MS
    const unordered = await place(over)
    const ordered = await place(over)
    await placements.adopt(ordered.id, 'o1')
    const named = await place(over)
    await quotes.keep(named.quote)
    const payable = await place(Date.now() + DAY_MS)
    const waiting = await place(over)
    await idempotency.claim('anyone', 'k', 'hash', madeAt)
    await idempotency.bind('anyone', 'k', waiting.id)
    expect(await forgetAt(stage.store, Date.now())).toEqual([])
    expect(await placements.get(unordered.id)).toBeNull()
    expect(await quotes.byPlacement(unordered.id)).toBeNull()
    for (const { id } of [ordered, named, payable, waiting]) expect(await placements.get(id)).toMatchObject({ id })
  })

  test('what an LSP once asked for a channel is told for ninety days', async () => {
    await using stage = await openStage(engine)
    const { quotes } = stage.store
    const price = { feeTotalSat: sat(7), bolt11FeeTotalSat: sat(7), onchainFeeTotalSat: null, terms: termsOf(REQUEST) }
    for (const channel of ['seen once', 'seen again']) await quotes.savePrice(LSP, channel, price, NOW)
    await quotes.savePrice(LSP, 'seen again', price, NOW + 2 * DAY_MS)
    await forgetAt(stage.store, NOW + 89 * DAY_MS)
    expect(await quotes.price(LSP, 'seen once')).toMatchObject(price)
    await forgetAt(stage.store, NOW + 91 * DAY_MS)
    expect(await quotes.price(LSP, 'seen once')).toBeNull()
    expect(await quotes.price(LSP, 'seen again')).toMatchObject(price)
  })

  test('thousands of quotes are forgotten at once, by several instances at the same time', async () => {
    await using stage = await openStage(engine)
    const stores = [stage.store, await stage.another(), await stage.another()]
    const old = upTo(2_500).map(() => quoteRecord())
    const young = upTo(100).map(() => quoteRecord({ createdAt: NOW + 2 * DAY_MS }))
    for (let from = 0; from < old.length; from += 100) await stage.store.quotes.save(old.slice(from, from + 100))
    await stage.store.quotes.save(young)
    const logged = await Promise.all(stores.map((store) => forgetAt(store, NOW + LATER_MS)))
    expect(logged.flat()).toEqual([])
    const idsOf = (quotes: { id: string }[]) => quotes.map(({ id }) => id)
    expect(
      (await stage.store.quotes.byIds(young[0]?.clientId ?? '', idsOf([...old, ...young]))).filter(
        (quote) => quote !== null,
      ),
    ).toEqual(young)
  })

  test('a database that is away is no end: it is said, and tried again', async () => {
    await using stage = await openStage(engine)
    const gone = await stage.another()
    await gone.close()
    expect(await forgetAt(gone, NOW)).toEqual([expect.stringContaining('it is tried again')])
  })
})

describe.each(ENGINES)('with %s, the bytes of imported orders', (engine) => {
  test('are bounded for one client and for all clients within a day', async () => {
    await using stage = await openStage(engine)
    const { client, all } = IMPORTED_BYTES_PER_DAY
    const take = (clientId: string, bytes: number, at = NOW) =>
      stage.store.transaction(({ budgets }) => budgets.takeImportedBytes(clientId, bytes, at))
    expect(await take('a', client - 1_000_000)).toBeNull()
    const retryAt = await take('a', 2_000_000)
    expect(retryAt).toBeGreaterThan(NOW)
    expect(await take('a', 2_000_000, (retryAt ?? 0) + 1_000)).toBeNull()
    for (const index of upTo(Math.floor(all / client) - 2)) expect(await take(`client ${index}`, client)).toBeNull()
    expect(await take('b', client)).toBeGreaterThan(NOW)
    expect(await take('b', client, NOW + DAY_MS)).toBeNull()
  })
})

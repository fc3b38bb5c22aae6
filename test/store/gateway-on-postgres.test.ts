import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { follow, FOLLOW, order, ORDER, PAY, placed, quote, QUOTES, readingsWithin, startFleet } from './fleet.ts'
import { upTo } from './stage.ts'
import { freshPostgres } from '../support/database.ts'
import { startTestGateway, takeUntil, type TestGateway } from '../support/gateway.ts'
import { proxyTo } from '../support/proxy.ts'

describe('a gateway on PostgreSQL', () => {
  test.each(['olive', 'kestrel', 'thunder', 'anchor', 'beacon'])(
    'places, pays and follows an order at %s',
    async (lspId) => {
      await using fleet = await startFleet(1, { lspId })
      const [gateway] = fleet.gateways
      const { id, state } = await order(gateway, 'k')
      expect(state).toBe('AWAITING_PAYMENT')
      const stream = gateway.subscribe(FOLLOW, { id, after: 0 })
      await gateway.ask(PAY, { id })
      const events = await follow(stream, 'COMPLETED')
      expect(events.map(({ sequence }) => sequence)).toEqual(upTo(events.length))
    },
  )

  test('goes on with its orders after it was stopped and started again', async () => {
    await using fleet = await startFleet(1)
    const [gateway] = fleet.gateways
    const { id } = await order(gateway, 'k')
    await gateway.restart()
    expect(await order(gateway, 'k')).toMatchObject({ id })
    await gateway.ask(PAY, { id })
    const events = await follow(gateway.subscribe(FOLLOW, { id, after: 0 }), 'COMPLETED')
    expect(events.map(({ sequence }) => sequence)).toEqual(upTo(events.length))
  })

  test('makes an order of its own for each key, however many are sent at once for the same quote', async () => {
    await using fleet = await startFleet(1, { lspId: 'kestrel' })
    const [gateway] = fleet.gateways
    const { id: quoteId } = await quote(gateway)
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        gateway.send(ORDER, { input: { quoteId, idempotencyKey: `key ${index}` } }),
      ),
    )
    expect(new Set(answers.map(({ data }) => (data['createOrder'] as { id: string }).id)).size).toBe(40)
    expect(placed(gateway, 'kestrel')).toBe(40)
  })

  test('finishes an order that its LSP answers while the database is away', async () => {
    await using database = await freshPostgres()
    await using proxy = await proxyTo(database.url)
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] }, databaseUrl: proxy.url })
    const { id: quoteId } = await quote(gateway)
    gateway.sandbox.lsp('kestrel').setFaults(['SLOW'])
    const asked = gateway.send(ORDER, { input: { quoteId, idempotencyKey: 'k' } })
    await vi.waitFor(() => expect(placed(gateway, 'kestrel')).toBe(1), { timeout: 10_000 })
    await proxy.cut()
    expect((await fetch(`${gateway.origin}/ready`)).status).toBe(503)
    await delay(2_500)
    gateway.sandbox.lsp('kestrel').setFaults([])
    await proxy.restore()
    // The client may have got an error; the key tells what became of it.
    await asked
    const { data } = await gateway.send(ORDER, { input: { quoteId, idempotencyKey: 'k' } })
    expect(data).toMatchObject({ createOrder: { __typename: 'Order', state: 'AWAITING_PAYMENT' } })
    expect(placed(gateway, 'kestrel')).toBe(1)
  })
})

describe.each([2, 4])('%i gateways on one PostgreSQL', (count) => {
  test('tell the subscribers of each what any of them writes, in well under a second', async () => {
    await using fleet = await startFleet(count)
    const { id } = await order(fleet.gateways[0], 'k')
    const following = fleet.gateways.map((gateway) => follow(gateway.subscribe(FOLLOW, { id, after: 0 }), 'COMPLETED'))
    await delay(200)
    await fleet.gateways[1]?.ask(PAY, { id })
    const seen = await Promise.all(following)
    const last = seen[0]?.at(-1)?.sequence ?? 0
    for (const events of seen) expect(events.map(({ sequence }) => sequence)).toEqual(upTo(last))
    // What was there when they began is read at their own time; the rest as it happens.
    for (const sequence of upTo(last).slice(1)) {
      const times = seen.map((events) => events[sequence - 1]?.at ?? Number.NaN)
      expect(Math.max(...times) - Math.min(...times)).toBeLessThan(500)
    }
  })

  test('read an order no more often than one does', async () => {
    await using fleet = await startFleet(count, { config: { pace: { activeMs: 100, idleMs: 1_000 } } })
    await order(fleet.gateways[0], 'k')
    // One reads every 100 ms, a tenth sooner or later, and looks every 20.
    expect(await readingsWithin(fleet.gateways[0], 2_000)).toBeLessThanOrEqual(22)
    expect(await readingsWithin(fleet.gateways[0], 2_000)).toBeGreaterThan(5)
  })

  test('read an LSP no more often than it may be read', async () => {
    await using fleet = await startFleet(count, { lsp: () => ({ requestsPerMinute: 600 }) })
    for (const number of upTo(12))
      await order(fleet.gateways[number % count] ?? fleet.gateways[0], `k${number}`, 1_000_000 + number)
    // Twelve orders, each to be read every 25 ms: what is read is what may be, ten in a second, and a second's worth at once.
    const read = await readingsWithin(fleet.gateways[0], 3_000)
    expect(read).toBeLessThanOrEqual(40)
    expect(read).toBeGreaterThan(20)
  })

  test('make one order of one key that all of them are given at once', async () => {
    await using fleet = await startFleet(count, { lspId: 'kestrel' })
    const { id: quoteId } = await quote(fleet.gateways[0])
    const answers = await Promise.all(
      fleet.gateways.flatMap((gateway) =>
        upTo(3).map(() => gateway.ask(ORDER, { input: { quoteId, idempotencyKey: 'k' } })),
      ),
    )
    expect(new Set(answers.map(({ createOrder }) => createOrder.id)).size).toBe(1)
    expect(answers[0].createOrder).toMatchObject({ __typename: 'Order' })
    expect(placed(fleet.gateways[0], 'kestrel')).toBe(1)
  })

  test('make one order of one firm quote that is ordered at each under another key', async () => {
    await using fleet = await startFleet(count)
    const { id: quoteId } = await quote(fleet.gateways[0], 1_000_000, 'ALWAYS')
    const answers = await Promise.all(
      fleet.gateways.map((gateway, index) => gateway.ask(ORDER, { input: { quoteId, idempotencyKey: `k${index}` } })),
    )
    expect(new Set(answers.map(({ createOrder }) => createOrder.id)).size).toBe(1)
    expect(placed(fleet.gateways[0])).toBe(1)
  })

  test('ask an LSP once for what all of them are asked at once', async () => {
    await using fleet = await startFleet(count, { sandbox: { only: ['olive'], slowMs: 200 } })
    fleet.gateways[0].sandbox.lsp('olive').setFaults(['SLOW'])
    const quotes = await Promise.all(fleet.gateways.map((gateway) => quote(gateway, 1_000_000, 'ALWAYS')))
    expect(new Set(quotes.map(({ id }) => id)).size).toBe(1)
    expect(placed(fleet.gateways[0])).toBe(1)
  })

  test('place no more unpaid orders for their prices than one may', async () => {
    await using fleet = await startFleet(count, {
      lsp: () => ({ courtesy: { maxUnpaidOrders: 3, firmQuotesPerHour: 100, maxStandingOrders: 1_000 } }),
    })
    const { wallet } = fleet.gateways[0].sandbox
    const ask = (gateway: TestGateway, lspBalanceSat: number) =>
      gateway.ask(QUOTES, {
        request: { clientPubkey: wallet.pubkey, clientAddress: wallet.address, lspBalanceSat },
        firm: 'ALWAYS',
      })
    await Promise.all(
      upTo(4).flatMap((number) =>
        fleet.gateways.map((gateway, index) => ask(gateway, 1_000_000 + 10 * number + index)),
      ),
    )
    expect(placed(fleet.gateways[0])).toBe(3)
  })

  test('place no more of a client’s orders than may stand unpaid', async () => {
    await using fleet = await startFleet(count, {
      lspId: 'kestrel',
      lsp: () => ({ courtesy: { maxUnpaidOrders: 3, firmQuotesPerHour: 100, maxStandingOrders: 5 } }),
    })
    const { id: quoteId } = await quote(fleet.gateways[0])
    const answers = await Promise.all(
      fleet.gateways.flatMap((gateway, index) =>
        upTo(5).map((number) =>
          gateway.ask(ORDER, { input: { quoteId, idempotencyKey: `key ${number} at ${index}` } }),
        ),
      ),
    )
    expect(answers.filter(({ createOrder }) => createOrder.__typename === 'Order')).toHaveLength(5)
    expect(placed(fleet.gateways[0], 'kestrel')).toBe(5)
  })
})

describe('two gateways on one PostgreSQL', () => {
  test('a client that was away while its order moved resumes at the other, and gets exactly what it missed', async () => {
    await using fleet = await startFleet(2, { lspId: 'beacon' })
    const [here, there] = [fleet.gateways[0], fleet.gateways[1] ?? fleet.gateways[0]]
    const { id } = await order(here, 'k')
    const before = await follow(here.subscribe(FOLLOW, { id, after: 0 }), 'AWAITING_PAYMENT')
    expect(before.map(({ sequence }) => sequence)).toEqual([1])
    await here.ask(PAY, { id })
    await vi.waitFor(
      async () =>
        expect(
          (await here.ask('query ($id: ID!) { order(id: $id) { sequence } }', { id })).order.sequence,
        ).toBeGreaterThanOrEqual(4),
      { timeout: 5_000 },
    )
    const missed: unknown[] = []
    await takeUntil(
      there.subscribe(FOLLOW, { id, after: 1 }),
      ({ orderUpdated }) => missed.push(orderUpdated.sequence) === 3,
    )
    expect(missed).toEqual([2, 3, 4])
  })
})

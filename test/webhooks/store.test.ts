import { describe, expect, test } from 'vitest'
import type { OrderEvent } from '../../src/domain/order-record.ts'
import { DAY_MS, HOUR_MS, systemClock } from '../../src/domain/time.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { ENGINES, freshDatabase } from '../support/database.ts'

const CLIENT = 'key:wallet'
const keys = (deliveries: readonly { orderId: string; sequence: number }[]) =>
  deliveries.map(({ orderId, sequence }) => `${orderId}.${sequence}`)

/** As a gateway does that has it in its configuration. */
const opened = (store: Store, now: number, clientId = CLIENT) =>
  store.transaction(async ({ webhooks, orders }) => webhooks.open(clientId, await orders.lastPosition(), now))

/** The log gets these events, written as `order.sequence`; a webhook that began before them is to be told. */
async function queued(store: Store, events: readonly string[], now = 1_000): Promise<void> {
  await opened(store, now)
  for (const event of events) {
    const [orderId = '', sequence] = event.split('.')
    await store.transaction((stores) =>
      stores.orders.append({ orderId, clientId: CLIENT, sequence: Number(sequence), at: now } as OrderEvent),
    )
  }
  const unqueued = await store.webhooks.unqueued(CLIENT, 100)
  await store.transaction((stores) => stores.webhooks.queue(CLIENT, unqueued, now))
}

describe.each(ENGINES)('deliveries on %s', (engine) => {
  test('are taken one of each order at a time, the first that is pending', async () => {
    await using database = await freshDatabase(engine)
    await using store = await openStore(database.url, systemClock)
    await queued(store, ['a.1', 'a.2', 'b.1', 'a.3', 'b.2'])
    expect(keys(await store.webhooks.takeDue(CLIENT, 'one', 1_000, 2_000, 10))).toEqual(['a.1', 'b.1'])
    expect(keys(await store.webhooks.takeDue(CLIENT, 'one', 1_000, 2_000, 10))).toEqual([])
    await store.webhooks.succeeded(CLIENT, { orderId: 'a', sequence: 1, owner: 'one' }, 1_100)
    await store.webhooks.failed(
      CLIENT,
      { orderId: 'b', sequence: 1, owner: 'one' },
      { error: 'no', nextAttemptAt: 5_000 },
      1_100,
    )
    expect(keys(await store.webhooks.takeDue(CLIENT, 'one', 1_200, 2_000, 10))).toEqual(['a.2'])
    expect(await store.webhooks.nextDueAt(CLIENT, 1_200)).toBe(5_000)
    await store.webhooks.failed(
      CLIENT,
      { orderId: 'a', sequence: 2, owner: 'one' },
      { error: 'no', nextAttemptAt: null },
      1_300,
    )
    expect(keys(await store.webhooks.takeDue(CLIENT, 'one', 5_000, 9_000, 10))).toEqual(['b.1', 'a.3'])
  })

  test('are each taken by one of many instances that ask at the same time', async () => {
    await using database = await freshDatabase(engine)
    await using store = await openStore(database.url, systemClock)
    await using other = engine === 'PostgreSQL' ? await openStore(database.url, systemClock) : store
    await queued(
      store,
      Array.from({ length: 40 }, (_, index) => `o${index}.1`),
    )
    const takers = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? store : other).webhooks.takeDue(CLIENT, `i${index}`, 1_000, 2_000, 4),
    )
    const taken = keys((await Promise.all(takers)).flat())
    expect(new Set(taken).size).toBe(taken.length)
    expect(taken.length).toBeGreaterThan(0)
  })

  test('of an instance that is gone are taken over when its lease is over, and what it writes then counts no more', async () => {
    await using database = await freshDatabase(engine)
    await using store = await openStore(database.url, systemClock)
    await queued(store, ['a.1', 'a.2'])
    await store.webhooks.takeDue(CLIENT, 'gone', 1_000, 2_000, 10)
    expect(keys(await store.webhooks.takeDue(CLIENT, 'next', 1_999, 3_000, 10))).toEqual([])
    expect(keys(await store.webhooks.takeDue(CLIENT, 'next', 2_000, 3_000, 10))).toEqual(['a.1'])
    await store.webhooks.succeeded(CLIENT, { orderId: 'a', sequence: 1, owner: 'gone' }, 2_100)
    expect(keys(await store.webhooks.list(CLIENT, 'PENDING', 10))).toEqual(['a.1', 'a.2'])
  })

  test('are made of each event once, however many instances read the log', async () => {
    await using database = await freshDatabase(engine)
    await using store = await openStore(database.url, systemClock)
    await queued(store, ['a.1'])
    await store.transaction((stores) =>
      stores.orders.append({ orderId: 'a', clientId: CLIENT, sequence: 2, at: 1 } as OrderEvent),
    )
    const seen = await store.webhooks.unqueued(CLIENT, 100)
    expect(seen.events.map(({ sequence }) => sequence)).toEqual([2])
    await Promise.all([1, 2, 3].map(() => store.transaction((stores) => stores.webhooks.queue(CLIENT, seen, 1_000))))
    expect(keys(await store.webhooks.list(CLIENT, 'PENDING', 10))).toEqual(['a.1', 'a.2'])
    expect((await store.webhooks.record(CLIENT))?.pending).toBe(2)
  })
})

describe.each(ENGINES)('a webhook on %s', (engine) => {
  const pending = async (store: Store) => keys(await store.webhooks.list(CLIENT, 'PENDING', 10))

  test('goes on where it was when a gateway had it within a week, and begins anew when none had', async () => {
    await using database = await freshDatabase(engine)
    await using store = await openStore(database.url, systemClock)
    await queued(store, ['a.1', 'a.2'])
    expect(await opened(store, 1_000 + 7 * DAY_MS)).toBe(1_000)
    expect(await pending(store)).toEqual(['a.1', 'a.2'])
    await store.webhooks.seen(CLIENT, 1_000 + 9 * DAY_MS)
    await opened(store, 1_000 + 16 * DAY_MS)
    expect(await pending(store)).toEqual(['a.1', 'a.2'])
    await store.transaction((stores) =>
      stores.orders.append({ orderId: 'b', clientId: CLIENT, sequence: 1, at: 1 } as OrderEvent),
    )
    await opened(store, 1_001 + 23 * DAY_MS)
    expect(await pending(store)).toEqual([])
    expect((await store.webhooks.unqueued(CLIENT, 10)).events).toEqual([])
  })

  test('begins anew once, however many gateways take it up at the same time', async () => {
    await using database = await freshDatabase(engine)
    await using store = await openStore(database.url, systemClock)
    await queued(store, ['a.1'])
    const later = 1_000 + 8 * DAY_MS
    await Promise.all([1, 2, 3, 4].map(() => opened(store, later)))
    await queued(store, ['b.1'], later)
    await opened(store, later)
    expect(await pending(store)).toEqual(['b.1'])
  })

  test('that no gateway had for a month is forgotten, and no other', async () => {
    await using database = await freshDatabase(engine)
    await using store = await openStore(database.url, systemClock)
    await queued(store, ['a.1'])
    await opened(store, 1_000 + DAY_MS, 'key:another')
    const forget = (now: number) => store.transaction(({ webhooks }) => webhooks.forgetUnseen(now))
    await forget(1_000 + 30 * DAY_MS)
    expect(await pending(store)).toEqual(['a.1'])
    await forget(1_001 + 30 * DAY_MS)
    expect(await pending(store)).toEqual([])
    expect(await store.webhooks.record(CLIENT)).toBeNull()
    expect(await store.webhooks.record('key:another')).not.toBeNull()
  })

  test('waits for nothing that a clock which was set back since has put off, neither tries nor leases', async () => {
    await using database = await freshDatabase(engine)
    await using store = await openStore(database.url, systemClock)
    const ahead = 5 * HOUR_MS
    await queued(store, ['a.1', 'b.1', 'c.1'], ahead)
    await store.webhooks.takeDue(CLIENT, 'one', ahead, ahead + 30, 2)
    await store.webhooks.failed(
      CLIENT,
      { orderId: 'a', sequence: 1, owner: 'one' },
      { error: 'no', nextAttemptAt: ahead + HOUR_MS },
      ahead,
    )
    await store.transaction(({ webhooks }) => webhooks.makeAllDue(CLIENT, 1_000, 1_030))
    // What may be under way is not taken away from whoever posts it.
    expect(keys(await store.webhooks.takeDue(CLIENT, 'two', 1_029, 1_500, 10))).toEqual(['a.1', 'c.1'])
    expect(keys(await store.webhooks.takeDue(CLIENT, 'two', 1_030, 1_500, 10))).toEqual(['b.1'])
  })
})

import { describe, expect, test } from 'vitest'
import type { OrderEvent } from '../../src/domain/order-record.ts'
import { systemClock } from '../../src/domain/time.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { ENGINES, freshDatabase } from '../support/database.ts'

const CLIENT = 'key:wallet'
const keys = (deliveries: readonly { orderId: string; sequence: number }[]) => deliveries.map(({ orderId, sequence }) => `${orderId}.${sequence}`)

/** The log gets these events, written as `order.sequence`; a webhook that began before them is to be told. */
async function queued(store: Store, events: readonly string[], now = 1_000): Promise<void> {
  await store.webhooks.open(CLIENT, await store.orders.lastPosition())
  for (const event of events) {
    const [orderId = '', sequence] = event.split('.')
    await store.transaction((stores) => stores.orders.append({ orderId, clientId: CLIENT, sequence: Number(sequence), at: now } as OrderEvent))
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
    await store.webhooks.failed(CLIENT, { orderId: 'b', sequence: 1, owner: 'one' }, { error: 'no', nextAttemptAt: 5_000 }, 1_100)
    expect(keys(await store.webhooks.takeDue(CLIENT, 'one', 1_200, 2_000, 10))).toEqual(['a.2'])
    expect(await store.webhooks.nextDueAt(CLIENT, 1_200)).toBe(5_000)
    await store.webhooks.failed(CLIENT, { orderId: 'a', sequence: 2, owner: 'one' }, { error: 'no', nextAttemptAt: null }, 1_300)
    expect(keys(await store.webhooks.takeDue(CLIENT, 'one', 5_000, 9_000, 10))).toEqual(['b.1', 'a.3'])
  })

  test('are each taken by one of many instances that ask at the same time', async () => {
    await using database = await freshDatabase(engine)
    await using store = await openStore(database.url, systemClock)
    await using other = engine === 'PostgreSQL' ? await openStore(database.url, systemClock) : store
    await queued(store, Array.from({ length: 40 }, (_, index) => `o${index}.1`))
    const takers = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? store : other).webhooks.takeDue(CLIENT, `i${index}`, 1_000, 2_000, 4))
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
    await store.transaction((stores) => stores.orders.append({ orderId: 'a', clientId: CLIENT, sequence: 2, at: 1 } as OrderEvent))
    const seen = await store.webhooks.unqueued(CLIENT, 100)
    expect(seen.events.map(({ sequence }) => sequence)).toEqual([2])
    await Promise.all([1, 2, 3].map(() => store.transaction((stores) => stores.webhooks.queue(CLIENT, seen, 1_000))))
    expect(keys(await store.webhooks.list(CLIENT, 'PENDING', 10))).toEqual(['a.1', 'a.2'])
    expect((await store.webhooks.record(CLIENT))?.pending).toBe(2)
  })
})

import { describe, expect, test } from 'vitest'
import { CLIENT, eventOf, insertOrder, NOW, orderRecord, TRACKING } from './records.ts'
import { openStage, upTo } from './stage.ts'
import { ENGINES } from '../support/database.ts'

describe.each(ENGINES)('the log in %s', (engine) => {
  test('moves an order from the sequence that was read, and from no other', async () => {
    await using stage = await openStage(engine)
    const { orders } = stage.store
    const order = await insertOrder(stage.store)
    expect(await orders.update({ ...order, sequence: 2, state: 'PAID' }, { ...TRACKING, failures: 3 }, 1)).toBe(true)
    expect(await orders.update({ ...order, sequence: 2, state: 'EXPIRED' }, TRACKING, 1)).toBe(false)
    expect(await orders.get(order.id)).toMatchObject({
      order: { state: 'PAID', sequence: 2 },
      tracking: { failures: 3, nextReadAt: NOW, final: false },
    })
    expect(await orders.byPlacement(order.placementId)).toMatchObject({ order: { id: order.id } })
    expect(await orders.byIds(CLIENT, ['none', order.id])).toMatchObject([null, { id: order.id }])
    expect(await orders.byIds('somebody else', [order.id])).toEqual([null])
  })

  test('lets one of many writers at once move an order', async () => {
    await using stage = await openStage(engine)
    const stores = [stage.store, await stage.another()]
    const order = await insertOrder(stage.store)
    const moved = await Promise.all(
      upTo(5).flatMap((number) =>
        stores.map((store) =>
          store.transaction(async ({ orders }) => {
            const next = { ...order, sequence: 2, failureReason: String(number) }
            if (!(await orders.update(next, TRACKING, 1))) return false
            await orders.append(eventOf(next))
            return true
          }),
        ),
      ),
    )
    expect(moved.filter(Boolean)).toHaveLength(1)
    expect((await stage.store.orders.events(order.id, 0, 10)).map((event) => event.sequence)).toEqual([2])
  })

  test('never has a second event of the same sequence', async () => {
    await using stage = await openStage(engine)
    const order = await insertOrder(stage.store)
    await stage.store.transaction(({ orders }) => orders.append(eventOf(order)))
    await expect(stage.store.transaction(({ orders }) => orders.append(eventOf(order)))).rejects.toThrow(/unique/i)
    expect(await stage.store.orders.lastPosition()).toBe(1)
  })

  test('gives events of twenty transactions at once positions without a gap, and those that fail none', async () => {
    await using stage = await openStage(engine)
    const stores = [stage.store, await stage.another()]
    await Promise.all(
      upTo(20).map(async (number) => {
        const order = orderRecord()
        const written = stores[number % 2]?.transaction(async ({ orders }) => {
          await orders.insert(order, TRACKING)
          await orders.append(eventOf(order))
          if (number % 5 === 0) throw new Error('on purpose')
        })
        await written?.catch(() => {})
      }),
    )
    const events = await stage.store.orders.clientEvents(CLIENT, 0, 100)
    expect(events.map((event) => event.position)).toEqual(upTo(16))
    expect(await stage.store.orders.lastPosition()).toBe(16)
  })

  test('shows positions in their order: who follows them while twenty write misses none', async () => {
    await using stage = await openStage(engine)
    const writers = [stage.store, await stage.another()]
    const reader = await stage.another()
    let isWriting = true
    const seen: number[] = []
    const follow = async () => {
      for (let position = 0, last = false; !last;) {
        last = !isWriting
        const found = await reader.orders.clientEvents(CLIENT, position, 7)
        seen.push(...found.map((event) => event.position))
        if (found.length > 0) last = false
        position = found.at(-1)?.position ?? position
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    const write = async (number: number) => {
      for (let round = 0; round < 5; round++) {
        const order = orderRecord()
        await writers[number % 2]?.transaction(async ({ orders }) => {
          await orders.append(eventOf(order))
          // The longer it takes to commit, the more there is to be overtaken.
          await new Promise((resolve) => setTimeout(resolve, (number + round) % 4))
          await orders.insert(order, TRACKING)
        })
      }
    }
    const following = follow()
    await Promise.all(upTo(20).map(write))
    isWriting = false
    await following
    expect(seen).toEqual(upTo(100))
  })

  test('reads an order’s events after a sequence, and a client’s after a position', async () => {
    await using stage = await openStage(engine)
    const order = await insertOrder(stage.store)
    for (const sequence of [1, 2, 3])
      await stage.store.transaction(({ orders }) => orders.append(eventOf({ ...order, sequence }, `m${sequence}`)))
    const { orders } = stage.store
    expect((await orders.events(order.id, 1, 10)).map((event) => event.message)).toEqual(['m2', 'm3'])
    expect((await orders.events(order.id, 0, 1)).map((event) => event.message)).toEqual(['m1'])
    expect((await orders.clientEvents(CLIENT, 2, 10)).map(({ position, message }) => [position, message])).toEqual([
      [3, 'm3'],
    ])
    expect(await orders.clientEvents('somebody else', 0, 10)).toEqual([])
    expect(await orders.lastPosition()).toBe(3)
  })

  test('knows when the next order is due', async () => {
    await using stage = await openStage(engine)
    expect(await stage.store.orders.nextDueAt()).toBeNull()
    const order = await insertOrder(stage.store, {}, { nextReadAt: NOW + 5 })
    expect(await stage.store.orders.nextDueAt()).toBe(NOW + 5)
    await stage.store.orders.makeDue(order.id, NOW)
    expect(await stage.store.orders.nextDueAt()).toBe(NOW)
  })
})

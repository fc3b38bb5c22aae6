import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { CLIENT, eventOf, insertOrder, intentRecord, NOW, orderRecord, standing, TRACKING } from './records.ts'
import { openStage, upTo } from './stage.ts'
import { systemClock } from '../../src/domain/time.ts'
import { Hints } from '../../src/orders/hints.ts'
import { openStore } from '../../src/store/store.ts'
import { execute, freshPostgres } from '../support/database.ts'
import { proxyTo } from '../support/proxy.ts'

/** Gives a hint until it is heard: from then on the other one listens. */
async function untilHeard(here: Hints, there: Hints): Promise<void> {
  const heard = vi.fn<() => void>()
  const stop = there.on('order:first', heard)
  await vi.waitFor(
    () => {
      here.give('order:first')
      expect(heard).toHaveBeenCalled()
    },
    { timeout: 5_000 },
  )
  stop()
}

describe('hints between gateways on one PostgreSQL', () => {
  test('arrive in well under a second, and at their topic only', async () => {
    await using stage = await openStage('PostgreSQL')
    const [here, there] = [new Hints(stage.store.bus), new Hints((await stage.another()).bus)]
    const [mine, other] = [vi.fn<() => void>(), vi.fn<() => void>()]
    there.on('order:1', mine)
    there.on('order:2', other)
    await untilHeard(here, there)
    const startedAt = performance.now()
    here.give('order:1', `client:${CLIENT}`)
    await vi.waitFor(() => expect(mine).toHaveBeenCalled(), { timeout: 10_000, interval: 2 })
    expect(performance.now() - startedAt).toBeLessThan(500)
    expect(other).not.toHaveBeenCalled()
  })

  test('are given to oneself once, and not again by way of the database', async () => {
    await using stage = await openStage('PostgreSQL')
    const [hints, others] = [new Hints(stage.store.bus), new Hints((await stage.another()).bus)]
    await untilHeard(others, hints)
    await untilHeard(hints, others)
    const [heard, heardThere] = [vi.fn<() => void>(), vi.fn<() => void>()]
    hints.on('order:1', heard)
    others.on('order:1', heardThere)
    hints.give('order:1')
    await vi.waitFor(() => expect(heardThere).toHaveBeenCalled(), { timeout: 10_000 })
    await delay(100)
    expect(heard).toHaveBeenCalledTimes(1)
  })

  test('arrive however many there are at once, and one that is too long harms no other', async () => {
    await using stage = await openStage('PostgreSQL')
    const [here, there] = [new Hints(stage.store.bus), new Hints((await stage.another()).bus)]
    const heard = new Set<number>()
    for (const number of upTo(2_000)) there.on(`order:${number}`, () => heard.add(number))
    await untilHeard(here, there)
    here.give(`client:${'x'.repeat(9_000)}`)
    for (const number of upTo(2_000)) here.give(`order:${number}`)
    await vi.waitFor(() => expect(heard.size).toBe(2_000), { timeout: 5_000 })
  })

  test('arrive again after the connection was lost', async () => {
    await using database = await freshPostgres()
    await using proxy = await proxyTo(database.url)
    await using near = await openStore(proxy.url, systemClock)
    await using far = await openStore(database.url, systemClock)
    const [listening, giving] = [new Hints(near.bus), new Hints(far.bus)]
    await untilHeard(giving, listening)
    await proxy.cut()
    await delay(300)
    await proxy.restore()
    await expect(untilHeard(giving, listening)).resolves.toBeUndefined()
  })
})

describe('a PostgreSQL that goes away and comes back', () => {
  test('fails what is asked of it meanwhile, is not reachable meanwhile, and serves afterwards', async () => {
    await using database = await freshPostgres()
    await using proxy = await proxyTo(database.url)
    await using store = await openStore(proxy.url, systemClock)
    await insertOrder(store, { id: 'before' })
    const halfway = store.transaction(async ({ orders }) => {
      await orders.insert(orderRecord({ id: 'halfway' }), TRACKING)
      await proxy.cut()
      await orders.append(eventOf(orderRecord({ id: 'halfway' })))
    })
    await expect(halfway).rejects.toThrow(/./)
    expect(await store.problem()).toMatchObject({ reason: 'UNREACHABLE' })
    await expect(store.orders.get('before')).rejects.toThrow(/./)
    await proxy.restore()
    await vi.waitFor(async () => expect(await store.problem()).toBeNull(), { timeout: 5_000 })
    expect(await store.orders.get('before')).not.toBeNull()
    expect(await store.orders.get('halfway')).toBeNull()
  })

  test('has its connections replaced when it ends them itself', async () => {
    await using database = await freshPostgres()
    // Under a name of its own, since other tests have their connections to the same server.
    await using store = await openStore(`${database.url}&application_name=mortal`, systemClock)
    await Promise.all(upTo(10).map(() => store.orders.lastPosition()))
    await execute(
      database.url,
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'mortal'",
    )
    await delay(100)
    expect(await store.problem()).toBeNull()
  })

  test('undoes what collided and does it again', async () => {
    await using stage = await openStage('PostgreSQL')
    const [a, b] = [await insertOrder(stage.store, { id: 'a' }), await insertOrder(stage.store, { id: 'b' })]
    let tries = 0
    let allLocked = () => {}
    const locked = new Promise<void>((resolve) => (allLocked = resolve))
    // Each locks what the other needs next: one of them is a deadlock's victim, and tries again.
    const both = (first: typeof a, second: typeof a) =>
      stage.store.transaction(async ({ orders }) => {
        await orders.makeDue(first.id, NOW)
        tries++
        if (tries === 2) allLocked()
        await locked
        await orders.makeDue(second.id, NOW)
      })
    await Promise.all([both(a, b), both(b, a)])
    expect(tries).toBeGreaterThan(2)
  })

  test('settles an order that was answered while it was away', async () => {
    await using database = await freshPostgres()
    await using proxy = await proxyTo(database.url)
    await using store = await openStore(proxy.url, systemClock)
    const intent = intentRecord()
    await store.placements.intend(intent)
    await proxy.cut()
    await expect(store.placements.settle(standing(intent))).rejects.toThrow(/./)
    await proxy.restore()
    await vi.waitFor(() => store.placements.settle(standing(intent)), { timeout: 10_000 })
    expect(await store.placements.get(intent.id)).toMatchObject({ status: 'STANDING' })
  })
})

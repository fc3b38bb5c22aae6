import { describe, expect, test } from 'vitest'
import { insertOrder, LSP, NOW, orderRecord, renewalRecord, saveLsp, TRACKING } from './records.ts'
import { openStage, upTo } from './stage.ts'
import type { Order } from '../../src/domain/order-record.ts'
import type { Tracking } from '../../src/store/orders.ts'
import type { ReadingClaim } from '../../src/store/readings.ts'
import type { Store } from '../../src/store/store.ts'
import { systemClock } from '../../src/domain/time.ts'
import { openStore } from '../../src/store/store.ts'
import { ENGINES, freshDatabase } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'

const LEASE_MS = 10_000

function take(store: Store, changes: Partial<ReadingClaim> = {}) {
  const now = changes.now ?? NOW
  const claim = {
    lspId: LSP,
    owner: store.instanceId,
    now,
    leaseUntil: now + LEASE_MS,
    limit: 64,
    requestsPerMinute: 60_000,
    ...changes,
  }
  return store.transaction(({ readings }) => readings.take(claim))
}

const byText = (a = '', b = '') => (a < b ? -1 : 1)
const idsOf = ({ orders }: Awaited<ReturnType<typeof take>>) => orders.map(({ order }) => order.id)

describe.each(ENGINES)('readings in %s', (engine) => {
  test('say at which LSPs something is due', async () => {
    await using stage = await openStage(engine)
    const { store } = stage
    for (const id of [LSP, 'renewing', 'later', 'idle', 'leased']) await saveLsp(store, id)
    await insertOrder(store)
    await store.renewals.insert(renewalRecord({ lspId: 'renewing' }), 'question', NOW)
    await insertOrder(store, { lspId: 'later' }, { nextReadAt: NOW + 1 })
    await insertOrder(store, { lspId: 'idle' }, { final: true })
    await insertOrder(store, { lspId: 'leased' })
    await take(store, { lspId: 'leased' })
    expect((await store.readings.dueLsps(NOW)).toSorted()).toEqual([LSP, 'renewing'])
    expect((await store.readings.dueLsps(NOW + LEASE_MS)).toSorted()).toEqual(['later', 'leased', LSP, 'renewing'])
  })

  test('take the orders that are due first, as many as are wanted', async () => {
    await using stage = await openStage(engine)
    const orders = []
    for (const late of [3, 1, 2]) orders.push(await insertOrder(stage.store, {}, { nextReadAt: NOW - late }))
    expect(idsOf(await take(stage.store, { limit: 2 })).toSorted(byText)).toEqual(
      [orders[0]?.id, orders[2]?.id].toSorted(byText),
    )
    expect(idsOf(await take(stage.store))).toEqual([orders[1]?.id])
    expect(idsOf(await take(stage.store))).toEqual([])
  })

  test('take final orders that are watched with what the others leave of the budget, also when the clock is set back', async () => {
    await using stage = await openStage(engine)
    const { store } = stage
    const watched = await insertOrder(store, {}, { final: true, nextReadAt: null, watchAt: NOW - 9 })
    const due = await insertOrder(store, {}, { nextReadAt: NOW })
    await insertOrder(store, {}, { final: true, nextReadAt: null, watchAt: NOW + 1 })
    await saveLsp(store)
    expect(await store.readings.dueLsps(NOW)).toEqual([LSP])
    expect(idsOf(await take(store, { limit: 1 }))).toEqual([due.id])
    expect(idsOf(await take(store))).toEqual([watched.id])
    expect(idsOf(await take(store))).toEqual([])
    await store.orders.makeAllDue(NOW - 1)
    expect(idsOf(await take(store, { now: NOW - 1 }))).toHaveLength(2)
  })

  test('take each order exactly once, whoever takes at the same time', async () => {
    await using stage = await openStage(engine)
    const stores = [stage.store, await stage.another(), await stage.another()]
    for (const _ of upTo(60)) await insertOrder(stage.store)
    const taken = await Promise.all(upTo(24).map((number) => take(stores[number % 3] ?? stage.store, { limit: 5 })))
    const ids = taken.flatMap(idsOf)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toHaveLength(60)
  })

  test('take a dead instance’s orders over once its lease has ended, and write nothing of it after that', async () => {
    await using stage = await openStage(engine)
    const [dead, living] = [stage.store, await stage.another()]
    const order = await insertOrder(dead)
    const [held] = (await take(dead)).orders
    expect(idsOf(await take(living, { now: NOW + LEASE_MS - 1 }))).toEqual([])
    const [taken] = (await take(living, { now: NOW + LEASE_MS })).orders
    expect(taken?.order.id).toBe(order.id)
    // It was not dead after all, only slow. The order has not moved, but its lease has.
    expect(await dead.orders.update({ ...order, failureReason: 'old' }, held?.tracking ?? TRACKING, 1)).toBe(false)
    expect(await living.orders.update({ ...order, failureReason: 'new' }, taken?.tracking ?? TRACKING, 1)).toBe(true)
    // A lease is given up with what is written.
    expect(await living.orders.update({ ...order, failureReason: 'newer' }, taken?.tracking ?? TRACKING, 1)).toBe(false)
    expect((await living.orders.get(order.id))?.order.failureReason).toBe('new')
  })

  test('renew the leases of what takes long, and only their own', async () => {
    await using stage = await openStage(engine)
    const [slow, other] = [stage.store, await stage.another()]
    const order = await insertOrder(slow)
    await take(slow)
    await slow.readings.renew(slow.instanceId, [order.id], NOW + 2 * LEASE_MS)
    expect(idsOf(await take(other, { now: NOW + LEASE_MS }))).toEqual([])
    expect(idsOf(await take(other, { now: NOW + 2 * LEASE_MS }))).toEqual([order.id])
    await slow.readings.renew(slow.instanceId, [order.id], NOW + 9 * LEASE_MS)
    expect(idsOf(await take(slow, { now: NOW + 3 * LEASE_MS }))).toEqual([order.id])
  })

  test('leave to others what is given up', async () => {
    await using stage = await openStage(engine)
    const [a, b] = [stage.store, await stage.another()]
    const order = await insertOrder(a)
    await take(a)
    await b.readings.release(b.instanceId, [order.id])
    expect(idsOf(await take(b))).toEqual([])
    await a.readings.release(a.instanceId, [order.id])
    expect(idsOf(await take(b))).toEqual([order.id])
  })

  test('of a renewal are one instance’s at a time, for as long as it renews its lease', async () => {
    await using stage = await openStage(engine)
    const [a, b] = [stage.store, await stage.another()]
    const renewal = renewalRecord()
    await a.renewals.insert(renewal, 'question', NOW)
    expect((await take(a)).renewals).toMatchObject([{ renewal }])
    expect((await take(b)).renewals).toEqual([])
    await a.readings.renew(a.instanceId, [renewal.id], NOW + 2 * LEASE_MS)
    expect((await take(b, { now: NOW + LEASE_MS })).renewals).toEqual([])
    await b.readings.release(b.instanceId, [renewal.id])
    expect((await take(b, { now: NOW + LEASE_MS })).renewals).toEqual([])
    await a.readings.release(a.instanceId, [renewal.id])
    expect((await take(b)).renewals).toMatchObject([{ renewal }])
  })

  test.each(['another instance', 'the same instance'])(
    'of a renewal that began before %s wrote what it found are not written',
    async (who) => {
      await using stage = await openStage(engine)
      const slow = stage.store
      const fast = who === 'another instance' ? await stage.another() : slow
      const renewal = renewalRecord()
      await slow.renewals.insert(renewal, 'question', NOW)
      const [before] = (await take(slow)).renewals
      const [after] = (await take(fast, { now: NOW + LEASE_MS })).renewals
      if (!before || !after) throw new Error('it was not taken')
      expect(await fast.renewals.update({ ...renewal, state: 'PAID', paymentSeenAt: NOW }, NOW + LEASE_MS, after)).toBe(
        true,
      )
      expect(await slow.renewals.update(renewal, NOW, before)).toBe(false)
      // Nor while the next one is under way.
      await take(fast, { now: NOW + LEASE_MS })
      expect(await slow.renewals.update(renewal, NOW, before)).toBe(false)
      expect(await slow.renewals.get(renewal.clientId, renewal.id)).toMatchObject({ state: 'PAID' })
    },
  )

  describe('where more is due than an LSP may be read', () => {
    const clientsOf = ({ orders, renewals }: Awaited<ReturnType<typeof take>>) =>
      [...orders.map(({ order }) => order), ...renewals.map(({ renewal }) => renewal)].map(({ clientId }) => clientId)

    async function insertMany(
      store: Store,
      count: number,
      changes: Partial<Order>,
      tracking: Partial<Tracking> = {},
    ): Promise<void> {
      await store.transaction(async ({ orders }) => {
        for (const number of upTo(count))
          await orders.insert(orderRecord(changes), { ...TRACKING, nextReadAt: NOW - 1_000 + number, ...tracking })
      })
    }

    test('leave the one order of a client its pace, however many unpaid ones another one has', async () => {
      await using stage = await openStage(engine)
      const { store } = stage
      await insertMany(store, 300, { clientId: 'alice' })
      const bob = await insertOrder(store, { clientId: 'bob' })
      const readAt = [NOW]
      // As many as kaleidoswap allows, looked for every second, each order to be read again after five.
      for (let now = NOW; now < NOW + 60_000; now += 1_000) {
        for (const { order, tracking } of (await take(store, { now, requestsPerMinute: 45 })).orders) {
          if (order.id === bob.id) readAt.push(now)
          await store.orders.update(order, { ...tracking, nextReadAt: now + 5_000 }, order.sequence)
        }
      }
      const gaps = readAt.slice(1).map((at, index) => at - (readAt[index] ?? 0))
      expect(Math.max(...gaps)).toBeLessThanOrEqual(9_000)
      expect(gaps.length).toBeGreaterThanOrEqual(7)
    })

    test('are shared among the clients in turn, whichever instance takes them, and no room is left empty', async () => {
      await using stage = await openStage(engine)
      const stores = [stage.store, await stage.another()]
      const clients = upTo(12).map((number) => `client ${number}`)
      for (const clientId of clients) await insertMany(stage.store, 4, { clientId })
      await insertMany(stage.store, 100, { clientId: 'alice' }, { nextReadAt: NOW - 1_000_000 })
      const taken: string[] = []
      for (const number of upTo(13))
        taken.push(...clientsOf(await take(stores[number % 2] ?? stage.store, { limit: 3 })))
      const countOf = (client: string, among: readonly string[]) => among.filter((one) => one === client).length
      expect([...clients, 'alice'].map((client) => countOf(client, taken))).toEqual(upTo(13).map(() => 3))
      // What the others leave is the one's that has more.
      const rest = clientsOf(await take(stage.store, { limit: 40 }))
      expect([...clients, 'alice'].map((client) => countOf(client, rest))).toEqual([...upTo(12).map(() => 1), 28])
      expect(countOf('alice', clientsOf(await take(stage.store, { limit: 20 })))).toBe(20)
    })

    test('leave an order that was paid its turn before many of the same client’s that were not', async () => {
      await using stage = await openStage(engine)
      await insertMany(stage.store, 100, { clientId: 'alice' })
      const paid = await insertOrder(stage.store, { clientId: 'alice', state: 'PAID', paymentSeenAt: NOW })
      expect([
        ...idsOf(await take(stage.store, { limit: 1 })),
        ...idsOf(await take(stage.store, { limit: 1 })),
      ]).toContain(paid.id)
    })

    test('leave what is unpaid, and renewals, their turn beside many that were paid, and orders theirs beside many renewals', async () => {
      await using stage = await openStage(engine)
      const { store } = stage
      await insertMany(store, 60, { clientId: 'alice', state: 'PAID', paymentSeenAt: NOW })
      for (const number of upTo(60))
        await store.renewals.insert(renewalRecord({ clientId: 'alice' }), `question ${number}`, NOW - 1_000)
      await insertOrder(store, { clientId: 'bob' })
      await store.renewals.insert(renewalRecord({ clientId: 'carol' }), 'question of carol', NOW)
      const taken = await take(store, { limit: 8 })
      expect(taken.orders).toHaveLength(4)
      expect(taken.renewals).toHaveLength(4)
      expect(
        clientsOf(taken)
          .filter((client) => client !== 'alice')
          .toSorted(),
      ).toEqual(['bob', 'carol'])
    })

    test('reach everybody of whom something is due, however many others there are', async () => {
      await using stage = await openStage(engine)
      const { store } = stage
      await store.transaction(async ({ orders }) => {
        for (const number of upTo(900))
          await orders.insert(orderRecord({ clientId: `idle ${String(number).padStart(3, '0')}` }), {
            ...TRACKING,
            nextReadAt: NOW + 1_000_000,
          })
      })
      await insertMany(store, 200, { clientId: 'alice' })
      await insertMany(store, 1, { clientId: 'idle 450 and a half' }, { nextReadAt: NOW })
      await insertMany(store, 1, { clientId: 'zoe' }, { nextReadAt: NOW })
      const taken: string[] = []
      for (const _ of upTo(12)) taken.push(...clientsOf(await take(store, { limit: 5 })))
      expect(taken).toHaveLength(60)
      expect(new Set(taken)).toEqual(new Set(['alice', 'idle 450 and a half', 'zoe']))
    })

    test('take no order for paid because an imported document says so', async () => {
      await using stage = await openStage(engine)
      await insertMany(stage.store, 20, {
        clientId: 'alice',
        state: 'PAID',
        paymentSeenAt: NOW,
        importedAt: NOW,
        paymentUnconfirmed: true,
      })
      await insertMany(stage.store, 20, { clientId: 'alice' })
      await insertMany(stage.store, 20, { clientId: 'bob' })
      expect(clientsOf(await take(stage.store, { limit: 20 })).filter((client) => client === 'alice')).toHaveLength(10)
    })
  })

  test('read an LSP no more often than it may be, however many do', async () => {
    await using stage = await openStage(engine)
    const stores = [stage.store, await stage.another(), await stage.another(), await stage.another()]
    for (const _ of upTo(200)) await insertOrder(stage.store)
    // 245 polls a minute, five at once: 50 of the 300 requests may be sent ahead. For four seconds, asked for ten times a second by each of four.
    let taken = 0
    for (let now = NOW; now <= NOW + 4_000; now += 100) {
      const claims = await Promise.all(
        stores.map((store) => take(store, { now, leaseUntil: NOW + 1_000_000, requestsPerMinute: 300 })),
      )
      taken += claims.flatMap(idsOf).length
    }
    expect(taken).toBe(21)
  })

  test('say when there is room again, and need no room for what is not there', async () => {
    await using stage = await openStage(engine)
    await insertOrder(stage.store)
    await insertOrder(stage.store)
    // 24 polls a minute: five of the 30 requests may be sent ahead of the budget.
    const slow = { requestsPerMinute: 30 }
    expect(await take(stage.store, slow)).toMatchObject({ orders: [{}], nextAt: NOW + 2_500 })
    expect(await take(stage.store, { ...slow, now: NOW + 2_499 })).toMatchObject({ orders: [], nextAt: NOW + 2_500 })
    expect(await take(stage.store, { ...slow, now: NOW + 2_500 })).toMatchObject({ orders: [{}], nextAt: NOW + 5_000 })
    expect(await take(stage.store, { ...slow, now: NOW + 5_000 })).toMatchObject({ orders: [], nextAt: null })
  })

  test('that somebody is waiting for come out of what the LSP may be read by all', async () => {
    await using stage = await openStage(engine)
    const other = await stage.another()
    await insertOrder(stage.store)
    const takeOne = (store: Store, now: number) => store.transaction(({ budgets }) => budgets.takeReading(LSP, 30, now))
    const asked = await Promise.all([takeOne(stage.store, NOW), takeOne(other, NOW)])
    expect(asked.toSorted()).toEqual([false, true])
    expect((await take(other, { requestsPerMinute: 30 })).orders).toEqual([])
    expect((await take(other, { requestsPerMinute: 30, now: NOW + 2_500 })).orders).toHaveLength(1)
    expect(await takeOne(stage.store, NOW + 2_500)).toBe(false)
    expect(await takeOne(stage.store, NOW + 5_000)).toBe(true)
  })

  test('that somebody is waiting for leave most of what an LSP may be read to what is due', async () => {
    await using stage = await openStage(engine)
    const { store } = stage
    for (const _ of upTo(200)) await insertOrder(store)
    let [waitedFor, due] = [0, 0]
    // 98 polls, for a minute: 20 of the 120 requests may be sent ahead.
    for (let now = NOW; now < NOW + 60_000; now += 250) {
      for (const _ of upTo(2))
        waitedFor += (await store.transaction(({ budgets }) => budgets.takeReading(LSP, 120, now))) ? 1 : 0
      due += (await take(store, { now, leaseUntil: NOW + 1_000_000, requestsPerMinute: 120 })).orders.length
    }
    expect(waitedFor).toBeLessThanOrEqual(40)
    expect(due).toBeGreaterThanOrEqual(58)
  })

  test('leave an order alone that something is done with, which one at a time may, wherever it runs', async () => {
    await using stage = await openStage(engine)
    const [a, b] = [stage.store, await stage.another()]
    const order = await insertOrder(a)
    const lease = (store: Store, now = NOW) => store.readings.leaseForAction(order.id, now, now + LEASE_MS)
    const leases = await Promise.all([lease(a), lease(b), lease(a), lease(b)])
    const [held, ...others] = leases.filter((one) => one !== null)
    expect(others).toEqual([])
    expect(idsOf(await take(b))).toEqual([])
    // Whoever died over it does not keep it.
    const next = await lease(b, NOW + LEASE_MS)
    expect(next).toEqual(expect.any(String))
    await a.readings.release(held ?? '', [order.id])
    expect(await lease(a, NOW + LEASE_MS)).toBeNull()
    await b.readings.release(next ?? '', [order.id])
    expect(idsOf(await take(a))).toEqual([order.id])
  })

  test('are not written when something was done with the order since they began', async () => {
    await using stage = await openStage(engine)
    const { store } = stage
    const order = await insertOrder(store)
    const [reading] = (await take(store)).orders
    expect(await store.readings.leaseForAction(order.id, NOW, NOW + LEASE_MS)).toEqual(expect.any(String))
    expect(await store.orders.update({ ...order, failureReason: 'old' }, reading?.tracking ?? TRACKING, 1)).toBe(false)
  })

  test('go on when the clock is set back', async () => {
    await using stage = await openStage(engine)
    await insertOrder(stage.store, {}, { nextReadAt: NOW - 1_000_000_000 })
    await insertOrder(stage.store, {}, { nextReadAt: NOW - 1_000_000_000 })
    expect((await take(stage.store, { requestsPerMinute: 60 })).orders).toHaveLength(1)
    expect((await take(stage.store, { requestsPerMinute: 60, now: NOW - 3_600_000 })).orders).toHaveLength(1)
  })
})

test('claims of the previous process end at the start of a gateway on an embedded database', async () => {
  await using database = await freshDatabase('SQLite')
  const previous = await openStore(database.url, systemClock)
  await saveLsp(previous)
  const order = await insertOrder(previous)
  await previous.renewals.insert(renewalRecord(), 'question', NOW)
  const { orders, renewals } = await take(previous)
  expect([orders.length, renewals.length]).toEqual([1, 1])
  const final = await insertOrder(previous, {}, { final: true })
  expect(await previous.readings.leaseForAction(final.id, NOW, NOW + LEASE_MS)).not.toBeNull()
  await previous.close()
  await using gateway = await startTestGateway({
    databaseUrl: database.url,
    sandbox: { only: ['olive'] },
    acceptMoved: ['olive'],
  })
  await using store = await openStore(gateway.databaseUrl, systemClock)
  expect(idsOf(await take(store))).toEqual([order.id])
  expect(await store.readings.leaseForAction(final.id, NOW, NOW + LEASE_MS)).not.toBeNull()
})

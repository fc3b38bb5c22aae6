import { describe, expect, test } from 'vitest'
import { insertOrder, LSP, NOW, orderRecord, saveLsp, TRACKING } from './records.ts'
import { openStage, upTo } from './stage.ts'
import type { Store } from '../../src/store/store.ts'
import { ENGINES } from '../support/database.ts'

// Kaleidoswap documents 60 requests a minute.
const PER_MINUTE = 60
const STEP_MS = 100

function poll(store: Store, now: number) {
  const claim = {
    lspId: LSP,
    owner: store.instanceId,
    now,
    leaseUntil: now + 1,
    limit: 64,
    requestsPerMinute: PER_MINUTE,
  }
  return store.transaction(({ readings }) => readings.take(claim))
}

const request = (store: Store, client: string, now: number) =>
  store.transaction(({ budgets }) => budgets.takeRequest(LSP, PER_MINUTE, client, now))

const estimate = (store: Store, now: number) =>
  store.transaction(({ budgets }) =>
    budgets.takeEstimate(LSP, { estimatesPerMinute: 15, requestsPerMinute: PER_MINUTE }, now),
  )

async function insertUnpaid(store: Store, count: number, clientId = 'alice'): Promise<void> {
  await store.transaction(async ({ orders }) => {
    for (const number of upTo(count))
      await orders.insert(orderRecord({ clientId }), { ...TRACKING, nextReadAt: NOW - 1_000 + number })
  })
}

describe.each(ENGINES)('the budget of an LSP in %s', (engine) => {
  test('has polls wait for requests that were sent without being asked for, such as those for its limits', async () => {
    await using stage = await openStage(engine)
    const { store } = stage
    await saveLsp(store)
    await insertUnpaid(store, 100)
    const pollsIn = async (from: number, charged: number) => {
      let polls = 0
      for (let now = from; now < from + 30_000; now += STEP_MS) {
        if (now < from + charged * STEP_MS)
          await store.transaction(({ budgets }) => budgets.charge(LSP, PER_MINUTE, now))
        for (const { order, tracking } of (await poll(store, now)).orders) {
          polls += 1
          await store.orders.update(order, { ...tracking, nextReadAt: now + 1 }, order.sequence)
        }
      }
      return polls
    }
    const usual = await pollsIn(NOW, 0)
    const fewer = await pollsIn(NOW + 60_000, 10)
    expect(usual - fewer).toBeGreaterThanOrEqual(9)
    expect(usual - fewer).toBeLessThanOrEqual(11)
  })

  test('lets a client order as fast as it may, polls the paid order of another within 8 seconds, and exceeds no minute', async () => {
    await using stage = await openStage(engine)
    const { store } = stage
    await saveLsp(store)
    await insertUnpaid(store, 100)
    const paid = await insertOrder(store, { clientId: 'bob', state: 'PAID', paymentSeenAt: NOW })
    const sentAt: number[] = []
    const paidPolledAt = [NOW]
    for (let now = NOW; now < NOW + 150_000; now += STEP_MS) {
      if ((await request(store, 'alice', now)) === null) sentAt.push(now)
      if ((await estimate(store, now)) === null) sentAt.push(now)
      for (const { order, tracking } of (await poll(store, now)).orders) {
        sentAt.push(now)
        if (order.id === paid.id) paidPolledAt.push(now)
        await store.orders.update(order, { ...tracking, nextReadAt: now + 5_000 }, order.sequence)
      }
    }
    const inMinuteFrom = (start: number) => sentAt.filter((at) => at >= start && at < start + 60_000).length
    expect(Math.max(...sentAt.map(inMinuteFrom))).toBeLessThanOrEqual(PER_MINUTE)
    const gaps = paidPolledAt.slice(1).map((at, index) => at - (paidPolledAt[index] ?? 0))
    // The order itself asks for a poll every five seconds.
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5_000 + 8_000)
  })

  test('leaves each client its share, whatever another client requests', async () => {
    await using stage = await openStage(engine)
    const { store } = stage
    for (const _ of upTo(20)) await request(store, 'alice', NOW)
    expect(await request(store, 'alice', NOW)).toBeGreaterThan(NOW)
    expect(await request(store, 'bob', NOW)).toBeNull()
  })

  test('polls a followed order at every second poll at least, then paid orders, then the others', async () => {
    await using stage = await openStage(engine)
    const { store } = stage
    await insertUnpaid(store, 20, 'carol')
    const followed = await insertOrder(store, { clientId: 'zoe' }, { nextReadAt: NOW + 1 })
    const paid = await insertOrder(store, { clientId: 'bob', state: 'PAID', paymentSeenAt: NOW }, { nextReadAt: NOW })
    expect(await store.orders.follow(followed.id, NOW, NOW + 3_600_000, NOW + 1_800_000)).toBe(true)
    const kinds = new Map([
      [followed.id, 'followed'],
      [paid.id, 'paid'],
    ])
    const polled: string[] = []
    for (const number of upTo(8)) {
      for (const { order, tracking } of (await poll(store, NOW + number * 2_000)).orders) {
        polled.push(kinds.get(order.id) ?? 'unpaid')
        // Due again at once.
        await store.orders.update(order, { ...tracking, nextReadAt: NOW }, order.sequence)
      }
    }
    expect(polled).toEqual(['followed', 'paid', 'followed', 'unpaid', 'followed', 'paid', 'followed', 'unpaid'])
  })

  test.each([30, 200])(
    'polls one followed order within 8 seconds while %i unpaid orders of as many clients are due',
    async (count) => {
      await using stage = await openStage(engine)
      const { store } = stage
      for (const number of upTo(count)) await insertUnpaid(store, 1, `client ${number}`)
      const followed = await insertOrder(store, { clientId: 'zoe' })
      await store.orders.follow(followed.id, NOW, NOW + 3_600_000, NOW + 1_800_000)
      const polledAt = [NOW]
      for (let now = NOW; now < NOW + 60_000; now += STEP_MS * 2) {
        for (const { order, tracking } of (await poll(store, now)).orders) {
          if (order.id === followed.id) polledAt.push(now)
          const delayMs = order.id === followed.id ? 2_500 : 5_000
          await store.orders.update(order, { ...tracking, nextReadAt: now + delayMs }, order.sequence)
        }
      }
      const gaps = polledAt.slice(1).map((at, index) => at - (polledAt[index] ?? 0))
      expect(gaps.length).toBeGreaterThan(7)
      expect(Math.max(...gaps)).toBeLessThanOrEqual(8_000)
    },
  )
})

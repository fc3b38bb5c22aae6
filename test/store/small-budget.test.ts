import { describe, expect, test } from 'vitest'
import { insertOrder, LSP, NOW, saveLsp } from './records.ts'
import { openStage } from './stage.ts'
import { ENGINES } from '../support/database.ts'

// An operator may configure any number of requests a minute from 1 on.

const MINUTES = 6
const STEP_MS = 500

describe.each(ENGINES)('a configured budget in %s', (engine) => {
  test.each([1, 2, 6, 11, 12, 20])(
    'of %i requests a minute is not exceeded in any minute, and leaves room for polls',
    async (requestsPerMinute) => {
      await using stage = await openStage(engine)
      const { store } = stage
      await saveLsp(store)
      await insertOrder(store, { clientId: 'bob', state: 'PAID', paymentSeenAt: NOW })
      const sentAt: number[] = []
      let polls = 0
      for (let now = NOW; now < NOW + MINUTES * 60_000; now += STEP_MS) {
        await store.transaction(async ({ budgets, readings, orders }) => {
          for (const client of ['ann', 'carol', 'dan'])
            if ((await budgets.takeRequest(LSP, requestsPerMinute, client, now)) === null) sentAt.push(now)
          const estimates = { estimatesPerMinute: 15, requestsPerMinute }
          if ((await budgets.takeEstimate(LSP, estimates, now)) === null) sentAt.push(now)
          const claim = { lspId: LSP, owner: store.instanceId, now, leaseUntil: now + 1, limit: 64, requestsPerMinute }
          for (const { order, tracking } of (await readings.take(claim)).orders) {
            sentAt.push(now)
            polls += 1
            await orders.update(order, { ...tracking, nextReadAt: now + 5_000 }, order.sequence)
          }
        })
      }
      const inMinuteFrom = (start: number) => sentAt.filter((at) => at >= start && at < start + 60_000).length
      expect(Math.max(...sentAt.map(inMinuteFrom))).toBeLessThanOrEqual(requestsPerMinute)
      expect(polls).toBeGreaterThanOrEqual(1)
    },
  )
})

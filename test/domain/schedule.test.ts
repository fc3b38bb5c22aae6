import { expect, test } from 'vitest'
import { nextReadDelayMs } from '../../src/domain/schedule.ts'
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../src/domain/time.ts'
import { NOW, orderRecord } from '../store/records.ts'

const PACE = { activeMs: 5 * SECOND_MS, idleMs: 60 * MINUTE_MS }
const delayOf = (sequence: number, now: number) => nextReadDelayMs(orderRecord({ state: 'PAID', sequence, updatedAt: now }), PACE, 0, now, () => 0.5)

test('an order of an ordinary life is read as often after its last event as after its first', () => {
  expect(delayOf(40, NOW)).toBe(delayOf(1, NOW))
  expect(delayOf(40, NOW)).toBe(PACE.activeMs)
})

test('an LSP that changes its word at every reading makes some thousand events in a month, and not half a million', () => {
  let events = 1
  for (let at = NOW; at < NOW + 30 * DAY_MS; at += delayOf(events, at)) events += 1
  expect(events).toBeGreaterThan(1_000)
  expect(events).toBeLessThan(4_000)
})

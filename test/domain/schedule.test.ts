import { expect, test } from 'vitest'
import { nextStepOf } from '../../src/domain/next-step.ts'
import { sat } from '../../src/domain/money.ts'
import type { Channel, PaymentState, RefundState } from '../../src/domain/order.ts'
import type { Order } from '../../src/domain/order-record.ts'
import { NO_PAYMENT } from '../../src/domain/payment.ts'
import { fundingWatchDelayMs, isFinal, nextReadDelayMs } from '../../src/domain/schedule.ts'
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../src/domain/time.ts'
import { NOW, orderRecord } from '../store/records.ts'

const PACE = { activeMs: 5 * SECOND_MS, idleMs: 60 * MINUTE_MS }
const delayOf = (sequence: number, now: number) =>
  nextReadDelayMs(orderRecord({ state: 'PAID', sequence, updatedAt: now }), PACE, 0, now, () => 0.5)

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

const TRAITS = { tellsChannelLife: false }
/** How many days after its last event it is still read; at most the year that is looked at. */
function daysRead(changes: Partial<Order>): number {
  const order = orderRecord({ updatedAt: NOW, ...changes })
  let days = 0
  while (days < 365 && !isFinal(order, TRAITS, NOW + (days + 1) * DAY_MS)) days += 1
  return days
}

const refund = (state: RefundState) => ({
  refund: { state, lightningSat: null, onchainSat: null, paidTo: null, paidAt: null },
})
const paidBy = (state: PaymentState) => ({
  payment: {
    ...NO_PAYMENT,
    bolt11: {
      state,
      feeTotalSat: sat(1),
      orderTotalSat: sat(1),
      invoice: 'lnbcrt',
      expiresAt: NOW,
      paymentHash: 'aa',
      payeePubkey: 'bb',
    },
  },
})

test('an order that expired is watched for a week where nobody paid it, and no shorter than a failed one where somebody did', () => {
  expect(daysRead({ state: 'EXPIRED' })).toBe(7)
  expect(daysRead({ state: 'EXPIRED', paymentSeenAt: NOW })).toBe(30)
  expect(daysRead({ state: 'FAILED', paymentSeenAt: NOW })).toBe(30)
})

test('a refund that the protocol only promises is polled for 30 days (seed 003 refund_on_chain_address)', () => {
  const { refund: inFlight } = refund('IN_FLIGHT')
  expect(daysRead({ state: 'FAILED', paymentSeenAt: NOW, refund: { ...inFlight, isOwed: true } })).toBe(30)
})

test.each(['EXPIRED', 'FAILED'] as const)(
  'what was paid of an order that is %s is watched until it is paid back, as one that is to be refunded is',
  (state) => {
    const watched = daysRead({ state: 'REFUND_PENDING', paymentSeenAt: NOW })
    for (const changes of [refund('AVAILABLE'), refund('IN_FLIGHT'), paidBy('TO_REFUND')])
      expect(daysRead({ state, paymentSeenAt: NOW, ...changes })).toBe(watched)
    expect(daysRead({ state, paymentSeenAt: NOW, ...refund('PAID_OUT'), ...paidBy('REFUNDED') })).toBe(30)
    // Nothing is to be had back of what was never paid.
    expect(daysRead({ state, ...refund('AVAILABLE') })).toBeLessThanOrEqual(30)
  },
)

test('a complete order whose channel the LSP has not named is not said to have an open one', () => {
  const channel: Channel = {
    state: 'OPEN',
    channelId: null,
    shortChannelId: '1x2x3',
    fundingOutpoint: null,
    fundedAt: null,
    expiresAt: null,
    closingTxid: null,
  }
  const messageOf = (changes: Partial<Order>) =>
    nextStepOf(orderRecord({ state: 'COMPLETED', ...changes }), { name: 'Olive', features: [] }, NOW).message
  expect(messageOf({ channel })).toBe('The channel is open.')
  expect(messageOf({ channel: { ...channel, state: 'CLOSED' } })).toBe('The channel was closed.')
  expect(messageOf({ channel: null })).toBe('The LSP reports the order as complete, but has not named the channel.')
})

test('a complete order is polled for a day after its last event, seldom, where the LSP names the funding transaction', () => {
  const channel: Channel = {
    state: 'OPENING',
    channelId: null,
    shortChannelId: null,
    fundingOutpoint: `${'01'.repeat(32)}:0`,
    fundedAt: NOW,
    expiresAt: null,
    closingTxid: null,
  }
  const complete = orderRecord({ state: 'COMPLETED', channel, updatedAt: NOW })
  const delayAt = (ms: number, order = complete, traits = TRAITS) => fundingWatchDelayMs(order, traits, PACE, NOW + ms)
  expect(isFinal(complete, TRAITS, NOW)).toBe(true)
  expect(delayAt(0)).toBe(30 * MINUTE_MS)
  expect(delayAt(DAY_MS)).toBe(30 * MINUTE_MS)
  expect(delayAt(DAY_MS + 1)).toBeNull()
  // An LSP's time in the future does not extend it without end.
  expect(delayAt(3 * DAY_MS, { ...complete, channel: { ...channel, fundedAt: NOW + 400 * DAY_MS } })).toBeNull()
  expect(delayAt(0, { ...complete, channel: { ...channel, fundingOutpoint: null } })).toBeNull()
  expect(delayAt(0, { ...complete, state: 'EXPIRED' })).toBeNull()
  expect(delayAt(0, complete, { tellsChannelLife: true })).toBeNull()
})

test('an LSP that does not answer is polled half as often after each failure, down to once in five minutes', () => {
  const order = orderRecord({ state: 'PAID', updatedAt: NOW })
  const delays = Array.from({ length: 20 }, (_, failures) => nextReadDelayMs(order, PACE, failures + 1, NOW, () => 0.5))
  const longest = Math.max(...delays)
  for (const [index, delayMs] of delays.slice(1).entries())
    expect(delayMs).toBe(Math.min((delays[index] ?? 0) * 2, longest))
  expect(longest).toBe(5 * MINUTE_MS)
})

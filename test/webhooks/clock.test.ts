import { pino } from 'pino'
import { expect, test } from 'vitest'
import { answer, Receiver } from './receiver.ts'
import { eventually, SECRET } from './support.ts'
import { DAY_MS, HOUR_MS } from '../../src/domain/time.ts'
import { Hints } from '../../src/orders/hints.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { Webhooks } from '../../src/webhooks/webhooks.ts'
import { freshDatabase } from '../support/database.ts'
import { eventOf, orderRecord } from '../store/records.ts'

const CLIENT = 'key:wallet'
const START = 1_800_000_000_000

/** A gateway's webhooks by themselves, so that the machine's clock can be set. */
function openWebhooks(store: Store, receiver: Receiver, clock: { now(): number }): Promise<Webhooks> {
  const webhook = { clientId: CLIENT, expiresAt: null, url: receiver.url, secret: SECRET, allowPrivateAddresses: true }
  return Webhooks.open({
    webhooks: [webhook],
    store,
    hints: new Hints(),
    clock,
    logger: pino({ level: 'silent' }),
    timing: { lookEveryMs: 5, retryDelaysMs: [HOUR_MS], giveUpAfterMs: 100 * DAY_MS },
  })
}

const happened = (store: Store) =>
  store.transaction(({ orders }) => orders.append(eventOf(orderRecord({ clientId: CLIENT }))))
const pending = (webhooks: Webhooks) => webhooks.deliveries(CLIENT, 'PENDING', 10)

test('what waits to be posted again is posted at once when the clock is set back by hours', async () => {
  await using database = await freshDatabase('SQLite')
  const clock = { at: START, now: () => clock.at }
  await using store = await openStore(database.url, clock)
  await using receiver = await Receiver.start()
  receiver.behave = answer(500)
  const webhooks = await openWebhooks(store, receiver, clock)
  await happened(store)
  await eventually(
    () => pending(webhooks),
    ([first]) => first?.attempts === 1,
  )
  clock.at -= 5 * HOUR_MS
  await receiver.until(({ length }) => length === 2)
  await eventually(
    () => pending(webhooks),
    ([first]) => first?.attempts === 2,
  )
  const [waiting] = await pending(webhooks)
  expect(waiting?.nextAttemptAt).toBeLessThan(START)
  await webhooks.stop()
})

test('and when it was set back while no gateway ran', async () => {
  await using database = await freshDatabase('SQLite')
  const clock = { at: START, now: () => clock.at }
  await using store = await openStore(database.url, clock)
  await using receiver = await Receiver.start()
  receiver.behave = answer(500)
  const before = await openWebhooks(store, receiver, clock)
  await happened(store)
  await eventually(
    () => pending(before),
    ([first]) => first?.attempts === 1,
  )
  await before.stop()
  clock.at -= 5 * HOUR_MS
  const after = await openWebhooks(store, receiver, clock)
  await receiver.until(({ length }) => length === 2)
  await after.stop()
})

test('a gateway that runs for weeks says all the while that it has the webhook', async () => {
  await using database = await freshDatabase('SQLite')
  const clock = { at: START, now: () => clock.at }
  await using store = await openStore(database.url, clock)
  await using receiver = await Receiver.start()
  receiver.behave = answer(500)
  const first = await openWebhooks(store, receiver, clock)
  clock.at += 40 * DAY_MS
  await happened(store)
  await receiver.until(({ length }) => length === 1)
  await eventually(
    () => pending(first),
    ([waiting]) => waiting?.attempts === 1,
  )
  const second = await openWebhooks(store, receiver, clock)
  expect(await pending(second)).toHaveLength(1)
  await Promise.all([first.stop(), second.stop()])
})

test('an event of a renewal is posted as renewal.updated, with the id of the renewal', async () => {
  await using database = await freshDatabase('SQLite')
  const clock = { now: () => START }
  await using store = await openStore(database.url, clock)
  await using receiver = await Receiver.start()
  const webhooks = await openWebhooks(store, receiver, clock)
  await store.transaction(({ orders }) =>
    orders.append({
      renewalId: 'r-1',
      clientId: CLIENT,
      sequence: 2,
      at: START,
      previousState: 'PAID',
      state: 'COMPLETED',
      message: 'paid → renewed',
    }),
  )
  await receiver.until(({ length }) => length === 1)
  const [post] = receiver.received
  expect(post?.headers['webhook-id']).toBe('r-1.2')
  expect(JSON.parse(post?.body ?? '')).toEqual({
    type: 'renewal.updated',
    timestamp: new Date(START).toISOString(),
    data: {
      renewalId: 'r-1',
      sequence: 2,
      state: 'RENEWED',
      previousState: 'PAID',
      message: 'paid → renewed',
      at: new Date(START).toISOString(),
    },
  })
  await webhooks.stop()
})

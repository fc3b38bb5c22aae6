import { describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { Feed } from '../../src/orders/following.ts'
import { Hints } from '../../src/orders/hints.ts'
import { OrderStore } from '../../src/store/orders.ts'
import type { Store } from '../../src/store/store.ts'
import { Wire } from '../server/wire.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import {
  counting,
  eventsOf,
  follow,
  followAll,
  orderAt,
  ORDER_UPDATED,
  pay,
  readOrder,
  sequencesOf,
  type Transport,
  lasting,
} from '../support/operations.ts'

const UNKNOWN_ID = '01900000-0000-7000-8000-000000000000'
const transports: readonly Transport[] = ['WebSocket', 'SSE']

/** Whoever listens for hints in this process, by topic. */
const listeners = new Map<string, number>()
const on = Object.getOwnPropertyDescriptor(Hints.prototype, 'on')?.value as Hints['on']
vi.spyOn(Hints.prototype, 'on').mockImplementation(function (this: Hints, topic, listener) {
  const count = (change: number) => listeners.set(topic, (listeners.get(topic) ?? 0) + change)
  const off = on.call(this, topic, listener)
  count(1)
  let isOn = true
  return () => {
    if (isOn) count(-1)
    isOn = false
    return off()
  }
})

/** How many listen, once it is so many as wanted, or for long something else. */
async function listening(topic: string, wanted: number): Promise<number> {
  const now = () => listeners.get(topic) ?? 0
  await vi.waitUntil(() => now() === wanted, { timeout: 5_000, interval: 5 }).catch(() => {})
  return now()
}

/** An order that nothing more can happen to. */
async function endedOrder(gateway: TestGateway) {
  const { id } = await orderAt(gateway, 'kestrel')
  await pay(gateway, id)
  return { id, events: await follow(gateway, id).end() }
}

describe.concurrent('orderUpdated', () => {
  for (const over of transports) {
    test(`resumes over ${over} exactly after the sequence that it is given`, async () => {
      await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'], stepMs: 100 } })
      const { id, events } = await endedOrder(gateway)
      expect(events.length).toBeGreaterThan(1)
      for (const after of counting(0, events.length + 1)) {
        expect(lasting(await follow(gateway, id, { after, over }).end())).toEqual(lasting(events.slice(after)))
        expect(lasting(await eventsOf(gateway, id, after))).toEqual(lasting(events.slice(after)))
      }
    })

    test(`begins over ${over} with the order as it stands when it is given none`, async () => {
      await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'], stepMs: 100 } })
      const { id } = await orderAt(gateway, 'kestrel')
      const early = follow(gateway, id, { after: null, over })
      const first = await early.until(() => true)
      expect(first).toMatchObject({ sequence: 1, state: 'AWAITING_PAYMENT' })
      await pay(gateway, id)
      const events = await early.end()
      expect(sequencesOf(events)).toEqual(counting(1, events.length))
      // Whoever comes when all is over gets the last word, and the end.
      expect(await follow(gateway, id, { after: null, over }).end()).toEqual(events.slice(-1))
    })

    test(`of an order that is not there is an error over ${over}, and no stream`, async () => {
      await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
      const results = []
      const stream =
        over === 'SSE'
          ? gateway.subscribeSse(ORDER_UPDATED, { id: UNKNOWN_ID })
          : gateway.subscribe(ORDER_UPDATED, { id: UNKNOWN_ID })
      try {
        for await (const result of stream) results.push(...(result.errors ?? []))
      } catch (errors) {
        results.push(...(errors as []))
      }
      expect(results).toEqual([
        expect.objectContaining({
          message: 'id: there is no such order',
          extensions: { code: 'BAD_USER_INPUT', field: 'id', constraint: 'there is no such order' },
        }),
      ])
    })

    test(`leaves nobody listening once its follower over ${over} has gone`, async () => {
      await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
      const { id } = await orderAt(gateway, 'kestrel')
      const followers = [follow(gateway, id, { over }), follow(gateway, id, { over })]
      for (const follower of followers) await follower.until(() => true)
      expect(await listening(`order:${id}`, 2)).toBe(2)
      await followers[0]?.stop()
      expect(await listening(`order:${id}`, 1)).toBe(1)
      await followers[1]?.stop()
      expect(await listening(`order:${id}`, 0)).toBe(0)
    })
  }

  test('leaves nobody listening once the order is over', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { id } = await endedOrder(gateway)
    expect(await listening(`order:${id}`, 0)).toBe(0)
  })

  test('shows what an event asked to be paid for as long as the order asks for it, and never once it was paid', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { id, payment } = await orderAt(gateway, 'kestrel')
    const firstPayment = async () => (await eventsOf(gateway, id))[0]?.snapshot.payment
    expect(await firstPayment()).toMatchObject({ bolt11: { invoice: payment.bolt11?.invoice }, bip21: payment.bip21 })
    await pay(gateway, id)
    await follow(gateway, id).untilState('COMPLETED')
    expect(await firstPayment()).toMatchObject({ bolt11: null, onchain: null, bip21: null })
  })

  test('tells two followers the same, also when they came at different times', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'], stepMs: 300 } })
    const { id } = await orderAt(gateway, 'kestrel')
    const first = follow(gateway, id)
    await first.until(() => true)
    await pay(gateway, id)
    await first.until(({ sequence }) => sequence > 1)
    const second = follow(gateway, id, { over: 'SSE' })
    const [one, two] = await Promise.all([first.end(), second.end()])
    expect(lasting(one)).toEqual(lasting(two))
    expect(one.at(-1)?.state).toBe('COMPLETED')
  })

  test('ends when an order at Olive is complete, for nothing more is told of it there', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'], stepMs: 100 } })
    const { id } = await orderAt(gateway, 'olive')
    await pay(gateway, id)
    const events = await follow(gateway, id).end()
    expect(events.at(-1)).toMatchObject({ state: 'COMPLETED', snapshot: { channel: { state: 'OPENING' } } })
    // And it is not read any more.
    const { checkedAt } = await readOrder(gateway, id)
    expect(Date.parse(checkedAt ?? '')).toBeLessThanOrEqual(Date.parse(events.at(-1)?.createdAt ?? '') + 50)
  })

  test('goes on where the LSP tells about the channel, which may be closed', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['anchor'], stepMs: 50 } })
    const { id } = await orderAt(gateway, 'anchor')
    await pay(gateway, id)
    const follower = follow(gateway, id)
    await follower.until(({ snapshot: order }) => order.channel?.state === 'OPEN')
    expect(await listening(`order:${id}`, 1)).toBe(1)
    await follower.stop()
  })

  test('loses nothing for a follower that takes its time', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'], stepMs: 50 } })
    const { id } = await orderAt(gateway, 'beacon')
    const slow = follow(gateway, id)
    await slow.until(() => true)
    const quick = follow(gateway, id)
    await pay(gateway, id)
    await quick.until(({ snapshot: order }) => order.channel?.state === 'OPEN')
    await slow.until(({ snapshot: order }) => order.channel?.state === 'OPEN')
    expect(lasting(slow.events)).toEqual(lasting(quick.events))
    await Promise.all([slow.stop(), quick.stop()])
  })
})

describe.concurrent('Subscription.events', () => {
  test('tells what happens to all of the client’s orders from then on, each in its order', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive', 'kestrel', 'thunder'], stepMs: 100 } })
    const before = await orderAt(gateway, 'thunder')
    const all = followAll(gateway)
    await vi.waitFor(
      () => expect([...listeners].some(([topic, count]) => topic.startsWith('client:') && count > 0)).toBe(true),
      { timeout: 10_000, interval: 5 },
    )
    // Whoever listens has taken down where the log ends, once a first event comes.
    const orders = [await orderAt(gateway, 'olive'), await orderAt(gateway, 'kestrel'), before]
    for (const { id } of orders) await pay(gateway, id)
    for (const { id } of orders) await all.until(({ orderId, state }) => orderId === id && state === 'COMPLETED')
    await all.stop()

    for (const { id } of orders) {
      const told = all.events.filter(({ orderId }) => orderId === id)
      expect(lasting(told)).toEqual(lasting(await eventsOf(gateway, id, id === before.id ? 1 : 0)))
    }
    expect(all.events.filter(({ orderId, sequence }) => orderId === before.id && sequence === 1)).toEqual([])
  })
})

/** How many results go out over WebSockets in each round of the event loop. */
function sentInRounds(): { end(): number[] } {
  const counts = [0]
  let next = setImmediate(function count() {
    counts.push(0)
    next = setImmediate(count)
  })
  const send = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'send')?.value as (
    this: WebSocket,
    ...message: unknown[]
  ) => void
  const sending = vi.spyOn(WebSocket.prototype, 'send').mockImplementation(function (
    this: WebSocket,
    ...message: unknown[]
  ) {
    if (String(message[0]).includes('"type":"next"')) counts.push((counts.pop() ?? 0) + 1)
    send.apply(this, message)
  })
  return {
    end() {
      clearImmediate(next)
      sending.mockRestore()
      return counts
    },
  }
}

describe('an event that wakes up many followers', () => {
  test('is read once, and answered to some in each round of the event loop: others are served in between', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const wire = await Wire.ready(gateway.origin)
    for (let id = 0; id < 1_000; id++)
      wire.subscribe(
        String(id),
        'subscription { events { ... on OrderEvent { sequence order { nextStep { message } } } } }',
      )
    expect(await wire.rest()).toEqual([])

    const reading = vi.spyOn(OrderStore.prototype, 'clientEvents')
    const sent = sentInRounds()
    await orderAt(gateway, 'olive')
    const sequences = []
    while (sequences.length < 1_000)
      sequences.push(((await wire.hear()).payload as { data: { events: { sequence: number } } }).data.events.sequence)
    expect(new Set(sequences)).toEqual(new Set([1]))
    expect(Math.max(...sent.end())).toBeLessThan(500)
    expect(reading.mock.calls.length).toBeLessThan(20)
    await wire.close()
  })

  test('does not have the followers of another client wait for them', async () => {
    const hints = new Hints()
    let hasHappened = false
    const orders = {
      lastPositionOf: () => Promise.resolve(0),
      clientEvents: (clientId: string, after: number) =>
        Promise.resolve(hasHappened && after === 0 ? [{ position: 1, clientId }] : []),
    }
    const feed = new Feed({ orders } as unknown as Store, hints)
    const told: string[] = []
    const listen = async (clientId: string) => {
      const follower = await feed.followClient(clientId, null)
      void follower.next().then(() => {
        told.push(clientId)
        // As if it was worked out what to answer.
        for (const since = performance.now(); performance.now() - since < 1;);
      })
      return follower
    }
    const followers = await Promise.all([...Array.from({ length: 100 }, () => listen('many')), listen('one')])
    hasHappened = true
    hints.give('client:many', 'client:one')
    await vi.waitFor(() => expect(told).toHaveLength(101))
    expect(told.indexOf('one')).toBeLessThan(30)
    for (const follower of followers) await follower.return?.()
  })
})

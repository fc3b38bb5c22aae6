import { describe, expect, test } from 'vitest'
import { accept, answer, hang, isSigned, Receiver, type Received } from './receiver.ts'
import {
  clientWith,
  deliveries,
  eventsOf,
  eventually,
  order,
  pay,
  SECRET,
  SECRET_BYTES,
  startGateway,
  STATUS,
} from './support.ts'

const isCompleted = (received: readonly Received[]) => received.some(({ data }) => data.state === 'COMPLETED')
const sequencesOf = (received: readonly Received[], orderId: string) =>
  received.filter(({ data }) => data.orderId === orderId).map(({ data }) => data.sequence)

describe('a webhook', () => {
  test('is told of every event of an order, in order, once, signed, and with nothing that could be paid', async () => {
    await using receiver = await Receiver.start()
    await using gateway = await startGateway({ url: receiver.url })
    const id = await order(gateway)
    await pay(gateway, id)
    await receiver.until(isCompleted)
    const events = await eventsOf(gateway, id)
    expect(receiver.received.map(({ data }) => data)).toEqual(events.map((event) => ({ orderId: id, ...event })))
    expect(receiver.received.map((one) => one.id)).toEqual(events.map(({ sequence }) => `${id}.${sequence}`))
    for (const one of receiver.received) {
      expect(isSigned(one, SECRET_BYTES)).toBe(true)
      expect(isSigned({ ...one, body: `${one.body} ` }, SECRET_BYTES)).toBe(false)
      expect(Math.abs(one.timestamp - Date.now() / 1000)).toBeLessThan(60)
      expect(JSON.parse(one.body)).toMatchObject({ type: 'order.updated', timestamp: one.data.at })
      expect(one.headers['content-type']).toBe('application/json')
      expect(one.body).not.toMatch(/lnbcrt|bcrt1/i)
    }
  })

  test('with a secret of plain text is signed with its characters', async () => {
    await using receiver = await Receiver.start()
    const secret = 'four and twenty letters or so'
    await using gateway = await startGateway({ url: receiver.url, secret })
    await order(gateway)
    await receiver.until(({ length }) => length > 0)
    expect(receiver.received.every((one) => isSigned(one, Buffer.from(secret)))).toBe(true)
  })

  test('hears of its own client alone, and begins with the events from when it is configured', async () => {
    await using receiver = await Receiver.start()
    const another = clientWith({ url: receiver.url }, 'another', 'another-key')
    const config = { clients: [clientWith(), another] }
    await using gateway = await startGateway(undefined, { config })
    const before = await order(gateway, 'k1')
    expect((await gateway.ask(STATUS)).webhook).toBeNull()
    config.clients = [clientWith({ url: receiver.url }), another]
    await gateway.restart()
    const after = await order(gateway, 'k2')
    await receiver.until(({ length }) => length > 0)
    expect(receiver.received.map(({ data }) => data.orderId)).toEqual([after])
    expect(before).not.toBe(after)
  })

  test('that fails gets the same event again, with the same id, and none of that order before it', async () => {
    await using receiver = await Receiver.start()
    receiver.behave = (received, response) =>
      answer(receiver.received.filter(({ id }) => id === received.id).length < 3 ? 500 : 200)(received, response)
    await using gateway = await startGateway({ url: receiver.url })
    const id = await order(gateway)
    await pay(gateway, id)
    await receiver.until(isCompleted)
    await receiver.until((all) => all.filter(({ data }) => data.state === 'COMPLETED').length === 3)
    const sequences = sequencesOf(receiver.received, id)
    expect(sequences).toEqual([...new Set(sequences)].flatMap((sequence) => [sequence, sequence, sequence]))
    expect([...new Set(sequences)]).toEqual((await eventsOf(gateway, id)).map(({ sequence }) => sequence))
    expect(new Set(receiver.received.filter(({ data }) => data.sequence === 1).map(({ body }) => body)).size).toBe(1)
  })

  test('that fails for one order still hears of the others', async () => {
    await using receiver = await Receiver.start()
    await using gateway = await startGateway({ url: receiver.url })
    const failing = await order(gateway, 'k1')
    await receiver.until(({ length }) => length === 1)
    receiver.behave = (received, response) =>
      (received.data.orderId === failing ? answer(503) : accept)(received, response)
    await pay(gateway, failing)
    const other = await order(gateway, 'k2')
    await pay(gateway, other)
    await receiver.until(isCompleted)
    expect(sequencesOf(receiver.received, other)).toEqual(
      (await eventsOf(gateway, other)).map(({ sequence }) => sequence),
    )
    expect(new Set(sequencesOf(receiver.received, failing))).toEqual(new Set([1, 2]))
  })

  test('that hangs is cut off after a while and asked again; a redirect is not followed', async () => {
    await using elsewhere = await Receiver.start()
    await using receiver = await Receiver.start()
    const behaviours = [
      hang,
      answer(302, { location: elsewhere.url }),
      answer(307, { location: elsewhere.url }),
      accept,
    ]
    receiver.behave = (received, response) => behaviours.shift()?.(received, response)
    await using gateway = await startGateway({ url: receiver.url }, { webhooks: { timing: { timeoutMs: 50 } } })
    await order(gateway)
    await receiver.until(({ length }) => length === 4)
    expect(sequencesOf(receiver.received, receiver.received[0]?.data.orderId ?? '')).toEqual([1, 1, 1, 1])
    expect(elsewhere.received).toEqual([])
  })

  test('whose answer never ends has taken the event all the same', async () => {
    await using receiver = await Receiver.start()
    receiver.behave = (_, response) => {
      response.writeHead(200).write('and then')
    }
    await using gateway = await startGateway({ url: receiver.url }, { webhooks: { timing: { timeoutMs: 100 } } })
    const id = await order(gateway)
    await pay(gateway, id)
    await receiver.until(isCompleted)
    expect(sequencesOf(receiver.received, id)).toEqual((await eventsOf(gateway, id)).map(({ sequence }) => sequence))
  })

  test('is told after a restart what it could not be told before, in order', async () => {
    await using receiver = await Receiver.start()
    receiver.behave = answer(500)
    await using gateway = await startGateway({ url: receiver.url }, { webhooks: { timing: { retryDelaysMs: [20] } } })
    const id = await order(gateway)
    await pay(gateway, id)
    await eventually(
      () => eventsOf(gateway, id),
      (events) => events.at(-1)?.state === 'COMPLETED',
    )
    expect(new Set(sequencesOf(receiver.received, id))).toEqual(new Set([1]))
    receiver.behave = accept
    const failed = receiver.received.length
    await gateway.restart()
    await receiver.until(isCompleted)
    const events = await eventsOf(gateway, id)
    expect([...new Set(sequencesOf(receiver.received.slice(failed), id))]).toEqual(
      events.map(({ sequence }) => sequence),
    )
  })

  test('a gateway that stops does not wait for a receiver that hangs, and posts again what was broken off', async () => {
    await using receiver = await Receiver.start()
    receiver.behave = hang
    await using gateway = await startGateway({ url: receiver.url }, { webhooks: { timing: { timeoutMs: 60_000 } } })
    await order(gateway)
    await receiver.until(({ length }) => length === 1)
    receiver.behave = accept
    const startedAt = performance.now()
    await gateway.restart()
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    await receiver.until(({ length }) => length === 2)
    expect(receiver.received.map(({ data }) => data.sequence)).toEqual([1, 1])
  })

  test('a secret is in no log and no answer, and neither is the rest of the URL', async () => {
    await using receiver = await Receiver.start()
    receiver.behave = answer(500)
    await using gateway = await startGateway({ url: receiver.url }, { webhooks: { timing: { giveUpAfterMs: 0 } } })
    await order(gateway)
    await eventually(
      () => deliveries(gateway, 'GIVEN_UP'),
      ({ length }) => length === 1,
    )
    const { webhook } = await gateway.ask(STATUS)
    expect(webhook.host).toBe(new URL(receiver.url).host)
    const said = JSON.stringify([webhook, await deliveries(gateway, 'GIVEN_UP'), gateway.logged])
    expect(said).toContain('was given up')
    expect(said).not.toContain(SECRET.slice(6))
    expect(said).not.toContain('not-to-be-shown')
  })
})

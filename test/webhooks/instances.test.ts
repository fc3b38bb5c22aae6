import { expect, test } from 'vitest'
import { Receiver, accept, answer } from './receiver.ts'
import { clientWith, deliveries, eventsOf, eventually, order, pay, startGateway } from './support.ts'
import { freshPostgres } from '../support/database.ts'

test('of two gateways on one database one posts each event, and never two of an order at a time', async () => {
  await using database = await freshPostgres()
  await using receiver = await Receiver.start()
  const underWay = new Set<string>()
  const overlaps: string[] = []
  receiver.behave = (received, response) => {
    const { orderId } = received.data
    if (underWay.has(orderId)) overlaps.push(received.id)
    underWay.add(orderId)
    // Long enough for the other one to look.
    setTimeout(() => {
      underWay.delete(orderId)
      accept(received, response)
    }, 20)
  }
  await using one = await startGateway({ url: receiver.url }, { databaseUrl: database.url })
  await using two = await startGateway({ url: receiver.url }, { databaseUrl: database.url, beside: one })
  const ids: string[] = []
  for (const [index, gateway] of [one, two, one, two].entries()) {
    const id = await order(gateway, `k${index}`)
    await pay(gateway, id)
    ids.push(id)
  }
  await receiver.until((all) => all.filter(({ data }) => data.state === 'COMPLETED').length === ids.length)
  const expected = await Promise.all(
    ids.map(async (id) => (await eventsOf(two, id)).map(({ sequence }) => `${id}.${sequence}`)),
  )
  for (const [index, id] of ids.entries())
    expect(receiver.received.filter(({ data }) => data.orderId === id).map((received) => received.id)).toEqual(
      expected[index],
    )
  expect(overlaps).toEqual([])
})

test('a gateway that starts with another configuration takes nothing from the webhooks of the others', async () => {
  await using database = await freshPostgres()
  await using receiver = await Receiver.start()
  receiver.behave = answer(500)
  await using one = await startGateway({ url: receiver.url }, { databaseUrl: database.url })
  const id = await order(one)
  await receiver.until(({ length }) => length > 0)
  await using another = await startGateway(undefined, {
    databaseUrl: database.url,
    beside: one,
    config: { clients: [clientWith()] },
  })
  expect(await deliveries(another, 'PENDING')).toMatchObject([{ orderId: id, sequence: 1 }])
  receiver.behave = accept
  await eventually(
    () => deliveries(one, 'PENDING'),
    ({ length }) => length === 0,
  )
  expect(receiver.received.every((received) => received.id === `${id}.1`)).toBe(true)
})

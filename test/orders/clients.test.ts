import { createHash } from 'node:crypto'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { startTestGateway, type Answer, type TestGateway } from '../support/gateway.ts'
import {
  CREATE_ORDER,
  DECIDE_RATE,
  EVENTS,
  Follower,
  OPEN_CHANNEL,
  ORDER,
  ORDER_UPDATED,
  ALL_EVENTS,
  PAY,
  QUOTES,
  REQUEST_REFUND,
  requestOf,
  type OrderData,
  type QuoteData,
} from '../support/operations.ts'

const RENEW =
  'mutation ($input: RenewChannelInput!) { renewChannel(input: $input) { __typename ... on Renewal { id } ... on LspError { code } } }'
const sha256 = (key: string) => createHash('sha256').update(key).digest('hex')
const config = {
  clients: [
    { name: 'ada', keySha256: sha256('ada-key') },
    { name: 'bob', keySha256: sha256('bob-key') },
  ],
}

/** A wallet with a key of its own. */
class Wallet {
  readonly #gateway: TestGateway
  readonly #authorization: string

  constructor(gateway: TestGateway, key: string) {
    this.#gateway = gateway
    this.#authorization = `Bearer ${key}`
  }

  send(query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
    return this.#gateway.send(query, variables, { authorization: this.#authorization })
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- answers of any shape
  async ask(query: string, variables: Record<string, unknown> = {}): Promise<any> {
    const { data, errors } = await this.send(query, variables)
    if (errors) throw new Error(JSON.stringify(errors))
    return data
  }

  async quote(lspId: string): Promise<QuoteData> {
    const { quotes } = await this.ask(QUOTES, { request: requestOf(this.#gateway), lspIds: [lspId] })
    return quotes.quotes[0]
  }

  async order(lspId: string): Promise<OrderData> {
    const { id: quoteId } = await this.quote(lspId)
    return (await this.ask(CREATE_ORDER, { input: { quoteId, idempotencyKey: `at-${lspId}` } })).createOrder
  }

  subscribe(query: string, variables: Record<string, unknown> = {}): AsyncIterableIterator<Answer> {
    const client = createClient({
      url: `${this.#gateway.origin.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      connectionParams: { authorization: this.#authorization },
    })
    return client.iterate({ query, variables }) as unknown as AsyncIterableIterator<Answer>
  }
}

let gateway: TestGateway
let ada: Wallet
let bob: Wallet
let adasOrder: OrderData

beforeAll(async () => {
  gateway = await startTestGateway({ config, sandbox: { only: ['olive', 'anchor', 'kestrel'], stepMs: 50 } })
  ada = new Wallet(gateway, 'ada-key')
  bob = new Wallet(gateway, 'bob-key')
  adasOrder = await ada.order('kestrel')
})

afterAll(() => gateway[Symbol.asyncDispose]())

test('whoever brings no key, or a wrong one, is refused', async () => {
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'ada-key' }]) {
    const { status, data, errors } = await gateway.send(
      'query { orders { nodes { id } } }',
      {},
      headers as Record<string, string>,
    )
    expect({ status, data }).toEqual({ status: 401, data: undefined })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' })
  }
  const nobody = new Wallet(gateway, 'wrong')
  await expect(nobody.subscribe(ALL_EVENTS).next()).rejects.toMatchObject({ code: 4403 })
})

test('a client sees its own order, and no other client does', async () => {
  expect((await ada.ask(ORDER, { id: adasOrder.id })).order).toMatchObject({
    id: adasOrder.id,
    state: 'AWAITING_PAYMENT',
  })
  expect(await bob.ask(ORDER, { id: adasOrder.id })).toEqual({ order: null })
  expect(await bob.ask(EVENTS, { id: adasOrder.id })).toEqual({ order: null })
  expect((await ada.ask('query { orders { nodes { id } } }')).orders.nodes).toContainEqual({ id: adasOrder.id })
  expect(await bob.ask('query { orders { nodes { id } } }')).toEqual({ orders: { nodes: [] } })
})

test('a client cannot do anything with another one’s order', async () => {
  const notFound = { __typename: 'OrderNotFoundError', message: 'there is no order with this id' }
  expect(await bob.ask(DECIDE_RATE, { id: adasOrder.id, accept: true })).toEqual({ decideRate: notFound })
  expect(await bob.ask(OPEN_CHANNEL, { id: adasOrder.id })).toEqual({ openChannel: notFound })
  expect(
    await bob.ask(REQUEST_REFUND, { id: adasOrder.id, to: { onchainAddress: gateway.sandbox.wallet.newAddress() } }),
  ).toEqual({ requestRefund: notFound })
  const { errors } = await bob.send(PAY, { id: adasOrder.id })
  expect(errors?.[0]).toMatchObject({ message: 'id: there is no such order or renewal' })
  expect(gateway.sandbox.wallet.spentSat()).toBe(0)
})

test('a quote can be read and ordered by the client that asked for it alone', async () => {
  const quote = await ada.quote('olive')
  expect(await bob.ask('query ($id: ID!) { quote(id: $id) { id } }', { id: quote.id })).toEqual({ quote: null })
  const input = { quoteId: quote.id, idempotencyKey: 'stolen' }
  expect((await bob.ask(CREATE_ORDER, { input })).createOrder).toMatchObject({ __typename: 'QuoteNotFoundError' })
  expect((await ada.ask(CREATE_ORDER, { input })).createOrder).toMatchObject({
    __typename: 'Order',
    quote: { id: quote.id },
  })
})

test('the same question and the same key of two clients are two orders', async () => {
  const before = gateway.sandbox.lsp('olive').orderCount
  const [one, two] = [await ada.order('olive'), await bob.order('olive')]
  expect(one.id).not.toBe(two.id)
  expect(one.lspOrderId).not.toBe(two.lspOrderId)
  // Ada's question had an order already, and Bob's had none.
  expect(gateway.sandbox.lsp('olive').orderCount - before).toBeLessThanOrEqual(2)
  expect((await bob.ask('query { orders { nodes { id } } }')).orders.nodes).toEqual([{ id: two.id }])
})

test('events reach the client whose order it is, and nobody else', async () => {
  const adasFollower = new Follower(ada.subscribe(ORDER_UPDATED, { id: adasOrder.id, after: 0 }))
  const adasAll = new Follower(ada.subscribe(ALL_EVENTS))
  const bobsAll = new Follower(bob.subscribe(ALL_EVENTS))
  const bobsOrder = await bob.order('kestrel')
  const denied = bob.subscribe(ORDER_UPDATED, { id: adasOrder.id })
  await expect(denied.next()).rejects.toEqual([expect.objectContaining({ message: 'id: there is no such order' })])
  await adasFollower.until(() => true)

  await ada.ask(PAY, { id: adasOrder.id })
  await adasFollower.untilState('COMPLETED')
  await adasAll.until(({ orderId, state }) => orderId === adasOrder.id && state === 'COMPLETED')
  await bob.ask(PAY, { id: bobsOrder.id })
  await bobsAll.until(({ state }) => state === 'COMPLETED')
  expect(new Set(adasAll.events.map(({ orderId }) => orderId))).toEqual(new Set([adasOrder.id]))
  expect(new Set(bobsAll.events.map(({ orderId }) => orderId))).toEqual(new Set([bobsOrder.id]))
  await Promise.all([adasAll.stop(), bobsAll.stop(), adasFollower.stop()])
})

test('a renewal is seen and paid by the client that ordered it alone', async () => {
  const { id } = await ada.order('anchor')
  const follower = new Follower(ada.subscribe(ORDER_UPDATED, { id, after: 0 }))
  await ada.ask(PAY, { id })
  const { snapshot: order } = await follower.until((event) => event.snapshot.channel?.state === 'OPEN')
  await follower.stop()
  const shortChannelId = order.channel?.shortChannelId
  const validTo = new Date(Date.now() + 3_600_000).toISOString()
  const { renewalMessage } = await ada.ask(
    'query ($scid: String!, $validTo: DateTime!) { renewalMessage(lspId: "anchor", shortChannelId: $scid, validTo: $validTo) }',
    { scid: shortChannelId, validTo },
  )
  const { renewChannel } = await ada.ask(RENEW, {
    input: {
      lspId: 'anchor',
      shortChannelId,
      term: { validTo },
      idempotencyKey: 'renewal',
      signedMessage: gateway.sandbox.wallet.signMessage(renewalMessage),
    },
  })
  expect(renewChannel).toMatchObject({ __typename: 'Renewal' })

  const RENEWAL = 'query ($id: ID!) { renewal(id: $id) { id shortChannelId } }'
  expect(await ada.ask(RENEWAL, { id: renewChannel.id })).toEqual({ renewal: { id: renewChannel.id, shortChannelId } })
  expect(await bob.ask(RENEWAL, { id: renewChannel.id })).toEqual({ renewal: null })
  const { errors } = await bob.send(PAY, { id: renewChannel.id })
  expect(errors?.[0]).toMatchObject({ message: 'id: there is no such order or renewal' })
})

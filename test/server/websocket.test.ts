import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Hints } from '../../src/orders/hints.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { eventually, openRaw, readToEnd, sendRaw, Wire } from './wire.ts'

/** How many listeners wait for something to happen to an order. */
let listening = 0
const { on } = Object.getOwnPropertyDescriptors(Hints.prototype)
vi.spyOn(Hints.prototype, 'on').mockImplementation(function (this: Hints, topic, listener) {
  listening += 1
  const off = (on.value as typeof this.on).call(this, topic, listener)
  let isOff = false
  return () => {
    if (!isOff) listening -= 1
    isOff = true
    off()
  }
})

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const EVENTS =
  'subscription ($id: ID!, $after: Int) { orderUpdated(id: $id, afterSequence: $after) { sequence state order { id } } }'

let orders = 0

async function placeOrder(here = gateway): Promise<string> {
  const { quotes } = await here.ask('query ($r: ChannelRequestInput!) { quotes(request: $r) { quotes { id } } }', {
    r: { clientPubkey: here.sandbox.wallet.pubkey, lspBalanceSat: 1_000_000 + 1_000 * orders++ },
  })
  const { createOrder } = await here.ask(
    'mutation ($input: CreateOrderInput!) { createOrder(input: $input) { ... on Order { id } } }',
    {
      input: { quoteId: quotes.quotes[0].id, idempotencyKey: crypto.randomUUID() },
    },
  )
  return createOrder.id
}

const pay = (id: string) => gateway.ask('mutation ($id: ID!) { sandboxPay(id: $id) { state } }', { id })

describe('a socket is closed', () => {
  test('4429: initialised twice', async () => {
    const wire = await Wire.ready(gateway.origin)
    wire.say({ type: 'connection_init' })
    expect(await wire.closed).toEqual({ code: 4429, reason: 'Too many initialisation requests' })
  })

  test('4401: subscribed before it was acknowledged', async () => {
    const wire = await Wire.open(gateway.origin)
    wire.subscribe('1', '{ __typename }')
    expect(await wire.closed).toEqual({ code: 4401, reason: 'Unauthorized' })
  })

  test('4409: two operations of one id', async () => {
    const wire = await Wire.ready(gateway.origin)
    const query = 'subscription { events { id } }'
    wire.subscribe('same', query)
    wire.subscribe('same', query)
    expect(await wire.closed).toEqual({ code: 4409, reason: 'Subscriber for same already exists' })
    await eventually(() => listening).toBe(0)
  })

  test.each([
    ['{"type":"surprise"}'],
    ['not JSON'],
    ['[]'],
    ['{"type":"subscribe","id":"1"}'],
    ['{"type":"subscribe","id":"","payload":{"query":"{__typename}"}}'],
  ])('4400: a message that is none: %s', async (text) => {
    const wire = await Wire.ready(gateway.origin)
    wire.shout(text)
    expect(await wire.closed).toEqual({ code: 4400, reason: 'Invalid message received' })
  })

  test('4408: not initialised within three seconds', async () => {
    const wire = await Wire.open(gateway.origin)
    const since = performance.now()
    expect(await wire.closed).toEqual({ code: 4408, reason: 'Connection initialisation timeout' })
    expect(performance.now() - since).toBeGreaterThan(2_500)
  })

  test('4406: no subprotocol', async () => {
    const wire = await Wire.open(gateway.origin, { protocols: [] })
    expect(await wire.closed).toEqual({ code: 4406, reason: 'Subprotocol not acceptable' })
  })

  test('or never opened by the client, when the gateway takes none of its subprotocols', async () => {
    await expect(Wire.open(gateway.origin, { protocols: ['graphql-ws'] })).rejects.toThrow('Server sent no subprotocol')
  })

  test('1009: a message of more than 64 kB, without a word in the log', async () => {
    const logged = gateway.logged.length
    const wire = await Wire.ready(gateway.origin)
    const printed = vi.spyOn(console, 'error')
    wire.shout(JSON.stringify({ type: 'ping', payload: { pad: 'x'.repeat(64 * 1024) } }))
    expect((await wire.closed).code).toBe(1009)
    expect(printed).not.toHaveBeenCalled()
    expect(gateway.logged.slice(logged)).toEqual([])
    printed.mockRestore()
  })
})

test('a message of 64 kB is taken', async () => {
  const wire = await Wire.ready(gateway.origin)
  const empty = JSON.stringify({ type: 'ping', payload: { pad: '' } }).length
  const payload = { pad: 'x'.repeat(64 * 1024 - empty) }
  wire.say({ type: 'ping', payload })
  const pong = await wire.hear()
  expect([pong.type, JSON.stringify(pong.payload).length]).toEqual(['pong', JSON.stringify(payload).length])
  await wire.close()
})

test('a ping is answered with its payload, and before the init too', async () => {
  const wire = await Wire.open(gateway.origin)
  wire.say({ type: 'ping', payload: { said: 'hello' } })
  expect(await wire.hear()).toEqual({ type: 'pong', payload: { said: 'hello' } })
  wire.say({ type: 'ping' })
  expect(await wire.hear()).toEqual({ type: 'pong' })
  wire.say({ type: 'pong', payload: { un: 'asked' } })
  wire.say({ type: 'connection_init' })
  expect(await wire.hear()).toEqual({ type: 'connection_ack' })
  await wire.close()
})

describe('an operation', () => {
  test('may be a query', async () => {
    const wire = await Wire.ready(gateway.origin)
    wire.subscribe('q', 'query ($name: String!) { __type(name: $name) { kind } }', { name: 'Sat' })
    expect(await wire.hear()).toEqual({ id: 'q', type: 'next', payload: { data: { __type: { kind: 'SCALAR' } } } })
    expect(await wire.hear()).toEqual({ id: 'q', type: 'complete' })
    await wire.close()
  })

  test('may be a mutation', async () => {
    const wire = await Wire.ready(gateway.origin)
    wire.subscribe('m', 'mutation { sandboxSetFaults(lspId: "olive", faults: [SLOW]) { faults } }')
    expect(await wire.hear()).toEqual({
      id: 'm',
      type: 'next',
      payload: { data: { sandboxSetFaults: { faults: ['SLOW'] } } },
    })
    expect([...gateway.sandbox.lsp('olive').faults]).toEqual(['SLOW'])
    gateway.sandbox.lsp('olive').setFaults([])
    expect(await wire.hear()).toEqual({ id: 'm', type: 'complete' })
    await wire.close()
  })

  test.each([
    ['a field that is not there', '{ nope }', 'Cannot query field "nope" on type "Query".'],
    ['a syntax error', '{', 'Syntax Error: Expected Name, found <EOF>.'],
    [
      'a missing variable',
      'query ($id: ID!) { order(id: $id) { id } }',
      'Variable "$id" of required type "ID!" was not provided.',
    ],
    [
      'a subscription that is refused',
      'subscription { orderUpdated(id: "none") { sequence } }',
      'id: there is no such order',
    ],
    [
      'two root fields of a subscription',
      'subscription { a: events { id } b: events { id } }',
      'Anonymous Subscription must select only one top level field.',
    ],
  ])('that fails before it runs is one error, and no complete: %s', async (_, query, message) => {
    const wire = await Wire.ready(gateway.origin)
    wire.subscribe('e', query)
    expect(await wire.hear()).toMatchObject({ id: 'e', type: 'error', payload: [{ message }] })
    expect(await wire.rest()).toEqual([])
    // The id is free again.
    wire.subscribe('e', '{ __typename }')
    expect(await wire.hear()).toMatchObject({ id: 'e', type: 'next' })
    await wire.close()
  })

  test('whose resolver fails has data and errors, and completes', async () => {
    const wire = await Wire.ready(gateway.origin)
    wire.subscribe(
      'r',
      '{ lsps { id } renewalMessage(lspId: "none", shortChannelId: "1x1x1", validTo: "2030-01-01T00:00:00Z") }',
    )
    expect(await wire.hear()).toMatchObject({
      id: 'r',
      type: 'next',
      payload: {
        data: { renewalMessage: null },
        errors: [{ path: ['renewalMessage'], extensions: { code: 'BAD_USER_INPUT' } }],
      },
    })
    expect(await wire.hear()).toEqual({ id: 'r', type: 'complete' })
    await wire.close()
  })
})

describe('a subscription', () => {
  test('says what happens as it happens, and completes when nothing more can', async () => {
    const id = await placeOrder()
    const wire = await Wire.ready(gateway.origin)
    wire.subscribe('s', EVENTS, { id, after: 0 })
    expect(await wire.hear()).toEqual({
      id: 's',
      type: 'next',
      payload: { data: { orderUpdated: { sequence: 1, state: 'AWAITING_PAYMENT', order: { id } } } },
    })
    await pay(id)
    const states: string[] = []
    while (states.at(-1) !== 'COMPLETED') {
      const { payload } = (await wire.hear()) as {
        payload: { data: { orderUpdated: { sequence: number; state: string } } }
      }
      expect(payload.data.orderUpdated.sequence).toBe(states.length + 2)
      states.push(payload.data.orderUpdated.state)
    }
    await wire.close()
  })

  test('stops at its source when the client completes it', async () => {
    const id = await placeOrder()
    const wire = await Wire.ready(gateway.origin)
    wire.subscribe('s', EVENTS, { id, after: 0 })
    expect(await wire.hear()).toMatchObject({ type: 'next' })
    expect(listening).toBe(1)
    wire.say({ id: 's', type: 'complete' })
    await eventually(() => listening).toBe(0)
    await pay(id)
    await eventually(
      async () => (await gateway.ask('query ($id: ID!) { order(id: $id) { state } }', { id })).order.state,
    ).toBe('COMPLETED')
    expect(await wire.rest()).toEqual([])
    await wire.close()
  })

  test('that is completed before it began stops too', async () => {
    const id = await placeOrder()
    const wire = await Wire.ready(gateway.origin)
    for (let n = 0; n < 20; n++) {
      wire.subscribe(`s${n}`, EVENTS, { id })
      wire.say({ id: `s${n}`, type: 'complete' })
    }
    expect((await wire.rest()).filter(({ type }) => type !== 'next')).toEqual([])
    await eventually(() => listening).toBe(0)
    await wire.close()
  })

  test.each([
    ['closes', 1000],
    ['vanishes', 1006],
  ])('stops at its source when the client %s', async (how, code) => {
    const id = await placeOrder()
    const wire = await Wire.ready(gateway.origin)
    wire.subscribe('1', EVENTS, { id, after: 0 })
    wire.subscribe('2', 'subscription { events { id } }')
    await wire.hear()
    await eventually(() => listening).toBe(2)
    if (how === 'closes') void wire.close()
    else wire.terminate()
    expect((await wire.closed).code).toBe(code)
    await eventually(() => listening).toBe(0)
  })

  test('over Server-Sent Events stops at its source when the client goes away', async () => {
    const id = await placeOrder()
    const stream = gateway.subscribeSse(EVENTS, { id, after: 0 })
    expect((await stream.next()).value).toMatchObject({ data: { orderUpdated: { sequence: 1 } } })
    expect(listening).toBe(1)
    await stream.return?.()
    await eventually(() => listening).toBe(0)
  })

  test('keeps apart from another on the same socket', async () => {
    const [paid, waiting] = [await placeOrder(), await placeOrder()]
    const wire = await Wire.ready(gateway.origin)
    wire.subscribe('paid', EVENTS, { id: paid, after: 0 })
    wire.subscribe('waiting', EVENTS, { id: waiting, after: 0 })
    expect(await wire.hearOf('waiting')).toMatchObject({
      payload: { data: { orderUpdated: { sequence: 1, order: { id: waiting } } } },
    })
    await pay(paid)
    for (let state = ''; state !== 'COMPLETED';) {
      const { payload } = (await wire.hearOf('paid')) as {
        payload: { data: { orderUpdated: { state: string; order: { id: string } } } }
      }
      expect(payload.data.orderUpdated.order.id).toBe(paid)
      state = payload.data.orderUpdated.state
    }
    expect((await wire.rest()).filter(({ id }) => id === 'waiting')).toEqual([])
    // Ending one leaves the other.
    wire.say({ id: 'paid', type: 'complete' })
    await pay(waiting)
    expect(await wire.hearOf('waiting')).toMatchObject({
      type: 'next',
      payload: { data: { orderUpdated: { sequence: 2 } } },
    })
    await wire.close()
  })
})

describe('an upgrade', () => {
  const upgrade = (path: string, more = '') =>
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n${more}\r\n`

  test.each([
    ['/other', 404],
    ['/graphql/', 404],
    ['//', 404],
    ['//graphql', 404],
    ['http://[/graphql', 400],
  ])('of %s is refused with %i', async (path, status) => {
    expect(await sendRaw(gateway.origin, upgrade(path))).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect((await fetch(`${gateway.origin}/health`)).status).toBe(200)
  })

  test('that is refused may be reset by its client', async () => {
    const socket = openRaw(gateway.origin)
    await once(socket, 'connect')
    socket.write(upgrade('/other'))
    socket.resetAndDestroy()
    await once(socket, 'close')
    expect((await fetch(`${gateway.origin}/health`)).status).toBe(200)
  })

  test('that is refused ends the connection, even if the client keeps its side open', async () => {
    const socket = openRaw(gateway.origin)
    socket.on('end', () => {})
    const received = readToEnd(socket)
    socket.write(upgrade('/other'))
    expect(await received).toMatch(/^HTTP\/1\.1 404 /)
  })

  test('works with a query string in the address', async () => {
    const wire = await Wire.open(gateway.origin, { path: '/graphql?version=1' })
    wire.say({ type: 'connection_init' })
    expect(await wire.hear()).toEqual({ type: 'connection_ack' })
    await wire.close()
  })

  test('by a page of another site is refused where no key protects: a browser would let it', async () => {
    for (const origin of ['https://elsewhere.example', 'http://127.0.0.1.elsewhere.example', 'null']) {
      expect(await sendRaw(gateway.origin, upgrade('/graphql', `Origin: ${origin}\r\n`))).toMatch(/^HTTP\/1\.1 403 /)
    }
  })

  test('by a page of its own is taken', async () => {
    const wire = await Wire.open(gateway.origin, { headers: { origin: gateway.origin } })
    expect(await wire.close()).toMatchObject({ code: 1000 })
  })
})

test('the metrics count open sockets', async () => {
  const count = async () =>
    /^sluice_websockets (\d+)$/m.exec(await (await fetch(`${gateway.origin}/metrics`)).text())?.[1]
  await eventually(count).toBe('0')
  const wires = [await Wire.ready(gateway.origin), await Wire.open(gateway.origin)]
  expect(await count()).toBe('2')
  for (const wire of wires) await wire.close()
  await eventually(count).toBe('0')
})

describe('when the gateway ends', () => {
  test('a socket is closed with 1001 and told how to go on; a stream of events breaks off', async () => {
    await using ending = await startTestGateway({ sandbox: { only: ['olive'] } })
    const id = await placeOrder(ending)
    const wire = await Wire.ready(ending.origin)
    wire.subscribe('1', EVENTS, { id, after: 0 })
    await wire.hear()
    const stream = ending.subscribeSse(EVENTS, { id, after: 0 })
    await stream.next()
    const broken = stream.next().then(
      () => 'it went on',
      (error: Error) => error.message,
    )
    const since = performance.now()
    const restarted = ending.restart()
    expect(await wire.closed).toEqual({
      code: 1001,
      reason: 'the gateway is going away; reconnect and resume with afterSequence',
    })
    expect(await broken).toBe('terminated')
    await restarted
    expect(performance.now() - since).toBeLessThan(1_500)
    expect(listening).toBe(0)
  })

  test('a client that does not answer the goodbye is not waited for', async () => {
    await using ending = await startTestGateway({ sandbox: { only: ['olive'] } })
    const socket = openRaw(ending.origin)
    socket.write(
      'GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
    )
    await once(socket, 'data')
    const since = performance.now()
    await ending.restart()
    expect(performance.now() - since).toBeLessThan(4_000)
    socket.destroy()
  })
})

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { buildSchema, getIntrospectionQuery, Kind, parse, validate } from 'graphql'
import { WebSocket } from 'ws'
import { afterAll, describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/config/access.ts'
import { Addresses } from '../../src/server/policies/addresses.ts'
import { DocumentCache } from '../../src/server/policies/document-cache.ts'
import { documentProblem, shapeProblem } from '../../src/server/policies/document-limits.ts'
import { countRootFields } from '../../src/server/policies/rate-limits.ts'
import * as OPERATIONS from '../support/operations.ts'
import type { TestGateway } from '../support/gateway.ts'
import { clientOf, limits, newKey, startExposed, startSmall } from './gateways.ts'
import { eventually, openRaw, Wire } from '../server/wire.ts'
import { ask, TRANSPORTS } from './transports.ts'

const PUBKEY = `02${'ab'.repeat(32)}`
const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'))
const problemOf = (text: string, variables: unknown = {}, operationName?: string) =>
  shapeProblem(parse(text)) ?? documentProblem(schema, parse(text), operationName, variables, DEFAULT_LIMITS)

/** The field so many times in one query. */
const aliased = (times: number, field: string) =>
  `{ ${Array.from({ length: times }, (_, index) => `a${index}: ${field}`).join(' ')} }`

const opened: TestGateway[] = []
afterAll(async () => {
  for (const gateway of opened) await gateway[Symbol.asyncDispose]()
})
async function start(...options: Parameters<typeof startSmall>): Promise<TestGateway> {
  const gateway = await startSmall(...options)
  opened.push(gateway)
  return gateway
}

describe('the default limits', () => {
  const operations = Object.entries(OPERATIONS).flatMap(([name, text]) =>
    typeof text === 'string' && /^(query|mutation|subscription)\b/.test(text) ? [[name, text] as const] : [],
  )
  test.each(operations)('let through what a wallet asks: %s', (_name, text) => {
    expect(problemOf(text)).toBeNull()
  })

  test('let through the operations of the example wallet, each of which comes with all the others', () => {
    const text = readFileSync(new URL('../../examples/wallet/src/operations.graphql', import.meta.url), 'utf8')
    const names = parse(text).definitions.flatMap((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION ? [definition.name?.value] : [],
    )
    expect(names.length).toBeGreaterThan(3)
    expect(names.map((name) => problemOf(text, {}, name))).toEqual(names.map(() => null))
  })

  test('let through the introspection of GraphiQL, and of code generators', () => {
    for (const options of [
      {},
      {
        descriptions: true,
        specifiedByUrl: true,
        directiveIsRepeatable: true,
        schemaDescription: true,
        inputValueDeprecation: true,
        oneOf: true,
      },
    ])
      expect(problemOf(getIntrospectionQuery(options))).toBeNull()
  })

  test('let through a page of a hundred whole orders', () => {
    expect(
      problemOf(`query { orders(first: 100) { nodes { ${OPERATIONS.ORDER_FIELDS} } pageInfo { hasNextPage } } }`),
    ).toBeNull()
  })
})

describe('a document', () => {
  test.each([
    [
      'a page in a variable, though it is one of two operations',
      'query A { __typename } query B($n: Int) { orders(first: $n) { nodes { id } } }',
      { n: 50_000 },
      'B',
    ],
    ['a page counted from its end', 'query ($n: Int) { orders(last: $n) { nodes { id } } }', { n: 50_000 }],
    [
      'a list in a variable',
      'query ($ids: [ID!]) { quotes(lspIds: $ids, request: {clientPubkey: "0", lspBalanceSat: 1}) { elapsedMs } }',
      { ids: Array.from({ length: 20_001 }, () => '1') },
    ],
    [
      'a list within an input',
      'query ($r: ChannelRequestInput!) { quotes(request: $r) { elapsedMs } }',
      { r: { tokens: Array.from({ length: 20_001 }, () => ({})) } },
    ],
    [
      'a list that is deeper than the stack',
      'query ($r: ChannelRequestInput!) { quotes(request: $r) { elapsedMs } }',
      { r: JSON.parse(`${'['.repeat(30_000)}${']'.repeat(30_000)}`) as unknown },
    ],
  ])('is refused for %s', (_what, text, variables, operationName?: string) => {
    expect(problemOf(text, variables, operationName)).toMatch(/^a cost of no more than 20000/)
  })

  test.each([
    ['the whole log of an order, more than ten times', (times: number) => aliased(times, 'orderExport(id: "1")'), 10],
    [
      'more than two thousand events, each with its order',
      (times: number) => aliased(times, 'order(id: "1") { events(first: 820) { nodes { sequence } } }'),
      2,
    ],
  ])('is refused for %s', (_what, asking, most) => {
    expect([problemOf(asking(most)), problemOf(asking(most + 1))]).toEqual([
      null,
      expect.stringMatching(/^a cost of no more than 20000/),
    ])
  })

  test('is not judged by variables that only a prototype has', () => {
    expect(problemOf('query ($toString: Int = 50000) { orders(first: $toString) { nodes { id } } }')).toMatch(/^a cost/)
  })

  test.each([
    ['composite fields', `{${'lsps{id}'.repeat(490)}}`],
    ['leaves', `{lsps{${'id '.repeat(1_990)}}}`],
    [
      'leaves of five names',
      `{order(id:"1"){events{${['sequence', 'at', 'state', 'message', 'previousState'].map((name) => `${name} `.repeat(300)).join('')}}}}`,
    ],
    ['fields in fragments without a name', `{${'...{lsps{id}}'.repeat(240)}}`],
    ['fields with arguments', `{${'order(id:"1"){id}'.repeat(200)}}`],
    [
      'fragments',
      `{lsps{${Array.from({ length: 200 }, (_, index) => `...F${index} `).join('')}}} ${Array.from({ length: 200 }, (_, index) => `fragment F${index} on Lsp{id}`).join(' ')}`,
    ],
  ])('with hundreds of the same %s is refused before validation, which would take long', (_what, text) => {
    expect(shapeProblem(parse(text, { maxTokens: 2_000 }))).not.toBeNull()
  })

  test('that passes is validated within a quarter of a second, the worst that we know', () => {
    const documents = [
      `{${'lsps{status{state}id}'.repeat(40)}}`,
      `{order(id:"1"){${'events{order{id}}'.repeat(39)}${'payment{bip21}'.repeat(40)}${'channel{state}'.repeat(40)}${'lsp{id}'.repeat(40)}}}`,
    ]
    for (const text of documents) {
      const document = parse(text, { maxTokens: 2_000 })
      expect(shapeProblem(document)).toBeNull()
      const startedAt = performance.now()
      validate(schema, document)
      expect(performance.now() - startedAt).toBeLessThan(250)
    }
  })
})

test('a verdict is kept only for operations that are within the limits whatever is sent with them', async () => {
  const gateway = await start()
  const status = async (query: string, variables: Record<string, unknown>, operationName?: string) =>
    (await ask(gateway.origin, 'POST', { query, variables, ...(operationName ? { operationName } : {}) })).code
  const paged = 'query ($n: Int, $id: ID!) { order(id: $id) { id } orders(first: $n) { nodes { id } } }'
  expect([
    await status(paged, { n: 1, id: '1' }),
    await status(paged, { n: 100_000, id: '1' }),
    await status(paged, { n: 1, id: '1' }),
  ]).toEqual([undefined, 'OPERATION_TOO_LARGE', undefined])
  const listed = `query ($ids: [ID!]) { quotes(lspIds: $ids, firm: NEVER, request: {clientPubkey: "${PUBKEY}", lspBalanceSat: 1}) { elapsedMs } }`
  expect([
    await status(listed, { ids: ['olive'] }),
    await status(listed, { ids: Array.from({ length: 21_000 }, () => 1) }),
  ]).toEqual([undefined, 'OPERATION_TOO_LARGE'])
  const two = `query Small { orders(first: 1) { nodes { id } } } query Large { orders(first: 100000) { nodes { id } } }`
  expect([await status(two, {}, 'Small'), await status(two, {}, 'Large'), await status(two, {}, 'Small')]).toEqual([
    undefined,
    'OPERATION_TOO_LARGE',
    undefined,
  ])
})

describe('what counts as a firm quote', () => {
  const R = 'request: {clientPubkey: "0", lspBalanceSat: 1}'
  test.each([
    [1, `{ quotes(${R}) { elapsedMs } }`, {}],
    [1, `{ quotes(${R}, firm: ALWAYS) { elapsedMs } }`, {}],
    [0, `{ quotes(${R}, firm: NEVER) { elapsedMs } }`, {}],
    [0, `query ($f: FirmPolicy! = NEVER) { quotes(${R}, firm: $f) { elapsedMs } }`, {}],
    [1, `query ($f: FirmPolicy! = ALWAYS) { quotes(${R}, firm: $f) { elapsedMs } }`, {}],
    [1, `query ($f: FirmPolicy! = NEVER) { quotes(${R}, firm: $f) { elapsedMs } }`, { f: 'ALWAYS' }],
    [
      2,
      `{ a: quotes(${R}) { elapsedMs } ...F } fragment F on Query { b: quotes(${R}) { elapsedMs } a: quotes(${R}) { elapsedMs } }`,
      {},
    ],
    [1, `subscription { quoteArrived(${R}) { __typename } }`, {}],
  ])('%i in %s with %j', (count, text, variables) => {
    expect(countRootFields(parse(text), null, variables).firmQuotesPerMinute).toBe(count)
  })
})

test('no more than so many documents are kept, whoever sends how many', () => {
  const cache = new DocumentCache()
  for (let index = 0; index < 20_000; index++) cache.set(`{ a${index} }${' '.repeat(200)}`, parse('{ a }'))
  expect(cache.size).toBeLessThan(1_000)
  cache.set('x'.repeat(50_000), parse('{ a }'))
  expect(cache.get('x'.repeat(50_000))).toBeUndefined()
})

describe('an address', () => {
  const of = (trusted: string[], remoteAddress: string, forwarded?: string) =>
    new Addresses(trusted).of({
      socket: { remoteAddress } as never,
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    })
  test.each([
    ["is the connection's own, whatever it says of itself", [], '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    [
      "is the connection's own from a proxy that is not trusted",
      ['10.0.0.0/8'],
      '192.0.2.1',
      '198.51.100.1',
      '192.0.2.1',
    ],
    ['is the one that the trusted proxy saw', ['10.0.0.0/8'], '10.1.2.3', '198.51.100.1', '198.51.100.1'],
    [
      'is not what the client wrote in front of that',
      ['10.0.0.0/8'],
      '10.1.2.3',
      '1.1.1.1, 198.51.100.1',
      '198.51.100.1',
    ],
    [
      'is the right-most that is no trusted proxy',
      ['10.0.0.0/8', '192.0.2.7'],
      '10.1.2.3',
      '1.1.1.1, 198.51.100.1, 192.0.2.7, 10.9.9.9',
      '198.51.100.1',
    ],
    ["is the proxy's when it passes on none", ['10.0.0.0/8'], '10.1.2.3', undefined, '10.1.2.3'],
    ["is not the proxy's when it passes on something else", ['10.0.0.0/8'], '10.1.2.3', 'unknown', 'unknown'],
    ['is not what stands to the left of something else', ['10.0.0.0/8'], '10.1.2.3', '8.8.8.8, unknown', 'unknown'],
    [
      'is not what stands to the left of something else, which a trusted proxy passed on',
      ['10.0.0.0/8'],
      '10.1.2.3',
      '8.8.8.8, _hidden, 10.9.9.9',
      'unknown',
    ],
    ["is not the proxy's when it passes on nothing", ['10.0.0.0/8'], '10.1.2.3', '', 'unknown'],
    [
      "is the connection's own from a proxy that is not trusted, and passes on something else",
      ['10.0.0.0/8'],
      '192.0.2.1',
      'unknown',
      '192.0.2.1',
    ],
    ['may come with a port', ['10.0.0.0/8'], '10.1.2.3', '198.51.100.1:443', '198.51.100.1'],
    ['within IPv6 is the IPv4 one', ['10.0.0.0/8'], '::ffff:10.1.2.3', '::ffff:198.51.100.1', '198.51.100.1'],
    ['of IPv6 is its network', [], '2001:db8:1:2:3:4:5:6', undefined, '2001:db8:1:2::/64'],
    ['of IPv6 is its network, however it is written', [], '2001:DB8:1:2::9', undefined, '2001:db8:1:2::/64'],
    ['of IPv6 may come from a trusted proxy', ['fd00::/8'], 'fd00::1', '[2001:db8::5]:80', '2001:db8:0:0::/64'],
  ])('%s', (_what, trusted, remote, forwarded, expected) => {
    expect(of(trusted, remote, forwarded)).toBe(expected)
  })
})

describe('strangers', () => {
  test.each(TRANSPORTS)(
    'over %s are held back by their address, and not by what they write into X-Forwarded-For',
    async (transport) => {
      const gateway = await start({
        clients: [clientOf('wallet', newKey('wallet'))],
        ...limits({ operationsPerSecond: 5 }),
      })
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          ask(gateway.origin, transport, {
            query: '{ __typename }',
            key: `guess-${index}`,
            headers: { 'x-forwarded-for': `198.51.100.${index}` },
          }),
        ),
      )
      const held = outcomes.filter(({ code, close }) => code === 'RATE_LIMITED' || close === 1013)
      expect(held.length).toBeGreaterThanOrEqual(5)
      if (transport === 'WS') return
      expect(held[0]).toMatchObject({ status: 429, retryAfter: '1' })
    },
  )

  test('whom a trusted proxy cannot name do not use up what the proxy itself may ask', async () => {
    const gateway = await start({
      trustedProxies: ['127.0.0.1'],
      ...limits({ operationsPerSecond: 20 }),
      clients: [clientOf('wallet', newKey('wallet'))],
    })
    const status = async (headers: Record<string, string>) =>
      (await ask(gateway.origin, 'POST', { query: '{ __typename }', headers })).status
    expect(
      await Promise.all(Array.from({ length: 130 }, () => status({ 'x-forwarded-for': '8.8.8.8, unknown' }))),
    ).toContain(429)
    expect(await status({})).toBe(401)
  })

  test('behind a trusted proxy are told apart', async () => {
    const gateway = await start({
      trustedProxies: ['127.0.0.1'],
      ...limits({ operationsPerSecond: 20 }),
      clients: [clientOf('wallet', newKey('wallet'))],
    })
    const statusFor = async (address: string) =>
      (await ask(gateway.origin, 'POST', { query: '{ __typename }', headers: { 'x-forwarded-for': address } })).status
    const first = await Promise.all(Array.from({ length: 130 }, () => statusFor('198.51.100.1')))
    expect(first).toContain(429)
    expect(await statusFor('198.51.100.2')).toBe(401)
  })
})

test('a key with limits of its own is not held back by those for strangers', async () => {
  const key = newKey('big')
  const gateway = await start({
    clients: [clientOf('big', key, { limits: { operationsPerSecond: 10_000 } })],
    ...limits({ operationsPerSecond: 3 }),
  })
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, () => ask(gateway.origin, 'POST', { query: '{ __typename }', key })),
  )
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set([200]))
})

describe('WebSockets', () => {
  const open = (gateway: TestGateway) =>
    new WebSocket(`${gateway.origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  const outcome = (socket: WebSocket) =>
    new Promise<number | string | undefined>((resolve) => {
      socket.on('unexpected-response', (_request, response) =>
        resolve(`${response.statusCode} ${response.headers['retry-after']}`),
      )
      socket.on('open', () => resolve('open'))
    })
  const init = (socket: WebSocket, key?: string) =>
    socket.send(
      JSON.stringify({ type: 'connection_init', payload: key === undefined ? {} : { authorization: `Bearer ${key}` } }),
    )
  const closed = (socket: WebSocket) => new Promise<number>((resolve) => socket.on('close', (code) => resolve(code)))

  test('of one address are no more than allowed, and a place is free again when one leaves', async () => {
    const gateway = await start(limits({ sockets: 3 }))
    const sockets = Array.from({ length: 4 }, () => open(gateway))
    const outcomes = await Promise.all(sockets.map(outcome))
    expect(outcomes.filter((one) => one === 'open')).toHaveLength(3)
    expect(outcomes).toContain('429 5')
    sockets.find((socket) => socket.readyState === socket.OPEN)?.close()
    await expect.poll(async () => outcome(open(gateway))).toBe('open')
  })

  test('in all are no more than allowed', async () => {
    const gateway = await start(limits({ totalSockets: 2 }))
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => outcome(open(gateway))))
    expect(outcomes.filter((one) => one === 'open')).toHaveLength(2)
  })

  test('of one client are no more than allowed', async () => {
    const key = newKey('few')
    const gateway = await start({ clients: [clientOf('few', key, { limits: { sockets: 1 } })] })
    const [first, second] = [open(gateway), open(gateway)]
    await Promise.all([outcome(first), outcome(second)])
    const codes: number[] = []
    for (const socket of [first, second]) socket.on('close', (code) => codes.push(code))
    for (const socket of [first, second]) init(socket, key)
    await expect.poll(() => codes).toEqual([1013])
  })

  test('take no more operations at once than allowed, and the socket lives', async () => {
    const gateway = await start(limits({ subscriptionsPerSocket: 2 }))
    const socket = open(gateway)
    await outcome(socket)
    const heard: { id?: string; type: string; payload?: { extensions: { code: string } }[] }[] = []
    socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString('utf8')) as (typeof heard)[number]))
    init(socket)
    await expect.poll(() => heard.at(0)?.type).toBe('connection_ack')
    for (const id of ['1', '2', '3'])
      socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query: 'subscription { events { id } }' } }))
    await expect
      .poll(() => heard.find(({ type }) => type === 'error'))
      .toMatchObject({ id: '3', payload: [{ extensions: { code: 'RATE_LIMITED' } }] })
    expect(socket.readyState).toBe(socket.OPEN)
    expect(heard.find(({ type }) => type === 'error')?.payload?.[0]?.extensions).not.toHaveProperty('http')
  })

  test('that say nothing are closed after three seconds', async () => {
    const gateway = await start()
    const startedAt = performance.now()
    expect(await closed(open(gateway))).toBe(4408)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })

  test('whose client reads nothing are let go before they fill the memory', async () => {
    const gateway = await start(limits({ operationsPerSecond: 1_000_000 }))
    const socket = open(gateway)
    await outcome(socket)
    const acknowledged = new Promise((resolve) => socket.once('message', resolve))
    init(socket)
    await acknowledged
    const code = closed(socket)
    // What the client's system takes by itself is not ours; the rest stays with the gateway.
    socket.pause()
    for (let id = 0; id < 400; id++)
      socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query: getIntrospectionQuery() } }))
    await expect
      .poll(
        async () => /^sluice_websockets (\d+)$/m.exec(await (await fetch(`${gateway.origin}/metrics`)).text())?.[1],
        { timeout: 15_000 },
      )
      .toBe('0')
    socket.resume()
    expect([4410, 1006]).toContain(await code)
  })
})

describe('subscriptions', () => {
  const SUBSCRIBE = 'subscription { events { id } }'
  const send = (gateway: TestGateway, accept: string) => {
    const body = JSON.stringify({ query: SUBSCRIBE })
    const request = httpRequest(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: { accept, 'content-type': 'application/json', 'content-length': String(body.length) },
    })
    request.on('error', () => {})
    request.end(body)
    return request
  }

  test('in all are no more than allowed, and those that nobody reads any more do not count', async () => {
    const gateway = await start(limits({ totalSubscriptions: 20 }))
    const isRoom = async () =>
      (await ask(gateway.origin, 'POST', { query: SUBSCRIBE, headers: { accept: 'application/json' } })).code !==
      'RATE_LIMITED'
    // Who takes no stream is answered 406, and holds nothing.
    for (let count = 0; count < 40; count++) expect(await isRoom()).toBe(true)
    // Who goes away at once, or a little later, holds nothing.
    for (let count = 0; count < 40; count++) {
      const request = send(gateway, 'text/event-stream')
      await new Promise((resolve) => setTimeout(resolve, count % 8))
      request.destroy()
    }
    await expect.poll(isRoom).toBe(true)
    const held = Array.from({ length: 20 }, () => send(gateway, 'text/event-stream'))
    await expect.poll(isRoom).toBe(false)
    for (const request of held) request.destroy()
    await expect.poll(isRoom).toBe(true)
  })

  test.each([
    ['of one client', { subscriptions: 3 }],
    ['in all', { totalSubscriptions: 3 }],
  ])(
    '%s are no more than allowed when all are asked for in the same moment, over WebSocket and Server-Sent Events',
    async (_what, changed) => {
      const gateway = await start(limits(changed))
      const wire = await Wire.ready(gateway.origin)
      for (let id = 0; id < 40; id++) wire.subscribe(String(id), SUBSCRIBE)
      await expect.poll(() => wire.heard.length).toBe(37)
      expect(
        wire.heard.every(
          ({ type, payload }) =>
            type === 'error' && (payload as { extensions: { code: string } }[])[0]?.extensions.code === 'RATE_LIMITED',
        ),
      ).toBe(true)
      await wire.close()

      const another = await start(limits(changed))
      const statuses: (number | undefined)[] = []
      const requests = Array.from({ length: 40 }, () =>
        send(another, 'text/event-stream').on('response', ({ statusCode }) => statuses.push(statusCode)),
      )
      await expect.poll(() => statuses.length).toBe(40)
      expect(statuses.filter((status) => status === 200)).toHaveLength(3)
      for (const request of requests) request.destroy()
    },
  )

  test('of one client are asked with no more different documents than 250 MB of them take, and free them when they end', async () => {
    const gateway = await start()
    // A sign each, which is kept like a word.
    const comments = '#\n'.repeat(19_000)
    for (let times = 0; times < 2; times++) {
      const wire = await Wire.ready(gateway.origin)
      for (let id = 0; id < 40; id++) wire.subscribe(String(id), `subscription S${id} { events { id } }${comments}`)
      for (let id = 40; id < 500; id++) wire.subscribe(String(id), SUBSCRIBE)
      await eventually(() => wire.heard.length).toBe(14)
      expect(await wire.rest()).toEqual(
        Array.from({ length: 14 }, (_, index) => ({
          id: String(26 + index),
          type: 'error',
          payload: [expect.objectContaining({ message: expect.stringContaining('no more different documents') })],
        })),
      )
      await wire.close()
    }
  })

  test('cost no more than 5000 an event, in which reading the log of an order is dear', () => {
    const logs = (count: number, first: number) =>
      `{ order { ${Array.from({ length: count }, (_, index) => `e${index}: events(first: ${first}) { nodes { sequence } }`).join(' ')} } }`
    expect(problemOf(`subscription { events { ... on OrderEvent ${logs(1, 100)} } }`)).toBeNull()
    expect(
      problemOf(`query ($id: ID!) { order(id: $id) { e: events(first: 1000) { nodes { sequence state } } } }`),
    ).toBeNull()
    for (const fields of [logs(19, 500), logs(1, 500), logs(30, 1)])
      expect(problemOf(`subscription { events { ... on OrderEvent ${fields} } }`)).toMatch(
        /^a cost of no more than 5000/,
      )
  })

  test('of one client cost no more than five million an event together', async () => {
    const gateway = await start(limits({ subscriptionsPerSocket: 2_000 }))
    const wire = await Wire.ready(gateway.origin)
    for (let id = 0; id < 1_100; id++)
      wire.subscribe(
        String(id),
        'subscription { events { ... on OrderEvent { order { events(first: 111) { nodes { sequence } } } } } }',
      )
    await eventually(() => wire.heard.length).toBe(97)
    expect(await wire.hear()).toMatchObject({
      id: '1003',
      type: 'error',
      payload: [{ message: expect.stringContaining('a cost of no more than 5000000 of all subscriptions together') }],
    })
    await wire.close()
  })

  test('that fail to begin take no place', async () => {
    const gateway = await start(limits({ subscriptions: 2 }))
    const begin = (id: string) =>
      ask(gateway.origin, 'SSE', { query: `subscription { orderUpdated(id: "${id}") { sequence } }` })
    for (let count = 0; count < 6; count++) expect((await begin('none')).code).toBe('BAD_USER_INPUT')
  })
})

describe('messages over a WebSocket', () => {
  test('before it is acknowledged are five, whatever they say: the gateway answers no stranger more than that', async () => {
    const gateway = await start({ clients: [clientOf('wallet', newKey('wallet'))] })
    const wire = await Wire.open(gateway.origin)
    for (let count = 0; count < 20_000; count++) wire.say({ type: 'ping' })
    expect(await wire.closed).toEqual({ code: 4429, reason: 'too many messages before the acknowledgement' })
    expect(wire.heard.length).toBeLessThanOrEqual(5)
  })

  test('before it is acknowledged are of 8 kB, and not even looked at when they are more', async () => {
    const gateway = await start({ clients: [clientOf('wallet', newKey('wallet'))] })
    const pingOf = (bytes: number) =>
      JSON.stringify({
        type: 'ping',
        payload: { pad: 'x'.repeat(bytes - JSON.stringify({ type: 'ping', payload: { pad: '' } }).length) },
      })
    const wire = await Wire.open(gateway.origin)
    wire.shout(pingOf(8_192))
    expect((await wire.hear()).type).toBe('pong')
    wire.shout(pingOf(8_193))
    expect(await wire.closed).toEqual({
      code: 4429,
      reason: 'a message may have at most 8192 bytes before connection_ack',
    })
  })

  test('of a client are as many as its operations could need, and then its socket is closed', async () => {
    const gateway = await start(limits({ operationsPerSecond: 5 }))
    const wire = await Wire.ready(gateway.origin)
    for (let count = 0; count < 9_000; count++) wire.say({ type: 'ping' })
    await eventually(() => wire.heard.length).toBe(9_000)
    for (let count = 0; count < 21_000; count++) wire.say({ type: 'ping' })
    expect(await wire.closed).toEqual({ code: 4429, reason: 'no more than 10000 messages in 5 seconds are taken' })
  })

  test('are more for a client that may ask for more', async () => {
    const key = newKey('busy')
    const gateway = await start({ clients: [clientOf('busy', key, { limits: { operationsPerSecond: 10_000 } })] })
    const wire = await Wire.ready(gateway.origin, { authorization: `Bearer ${key}` })
    for (let count = 0; count < 25_000; count++) wire.say({ type: 'ping' })
    await eventually(() => wire.heard.length).toBe(25_000)
    await wire.close()
  })
})

describe('connections', () => {
  const health = async (host: string, port: number) => {
    try {
      return (await fetch(`http://${host}:${port}/health`, { headers: { connection: 'close' } })).status
    } catch {
      return null
    }
  }

  async function connect(times: number, port: number): Promise<Socket[]> {
    const sockets: Socket[] = []
    // Not all at once: the system keeps no more than 511 of whom the gateway has not seen.
    while (sockets.length < times) {
      const some = Array.from({ length: Math.min(200, times - sockets.length) }, () =>
        openRaw(`http://127.0.0.1:${port}`)
          .on('error', () => {})
          .resume(),
      )
      await Promise.all(some.map((socket) => once(socket, 'connect')))
      sockets.push(...some)
    }
    return sockets
  }

  test('of one address are no more than its WebSockets and a thousand: another is closed at once, and other addresses are served', async () => {
    await using gateway = await startExposed(limits({ sockets: 10 }))
    const sockets = await connect(1_060, gateway.port)
    await eventually(() => sockets.filter(({ destroyed }) => !destroyed).length).toBe(1_010)
    expect(await health('127.0.0.1', gateway.port)).toBeNull()
    expect(await health('[::1]', gateway.port)).toBe(200)
    for (const socket of sockets) socket.destroy()
    await expect.poll(() => health('127.0.0.1', gateway.port)).toBe(200)
  })

  test('of a trusted proxy are as many as it needs', async () => {
    await using gateway = await startExposed({ trustedProxies: ['127.0.0.1'], ...limits({ sockets: 10 }) })
    const sockets = await connect(1_060, gateway.port)
    expect(await health('127.0.0.1', gateway.port)).toBe(200)
    expect(sockets.filter(({ destroyed }) => destroyed)).toEqual([])
    for (const socket of sockets) socket.destroy()
  })
})

test('operations that a socket takes back count until their answers are thrown away', async () => {
  const gateway = await start(limits({ subscriptionsPerSocket: 3 }))
  const wire = await Wire.ready(gateway.origin)
  for (let id = 0; id < 20; id++) {
    wire.subscribe(
      String(id),
      `{ quotes(request: { clientPubkey: "${gateway.sandbox.wallet.pubkey}", lspBalanceSat: ${1_000_000 + id} }) { elapsedMs } }`,
    )
    if (id < 10) wire.say({ type: 'complete', id: String(id) })
  }
  await expect
    .poll(() => wire.heard.filter(({ type }) => type === 'error').map(({ id }) => Number(id)))
    .toEqual(Array.from({ length: 10 }, (_, index) => index + 10))
  await wire.close()
})

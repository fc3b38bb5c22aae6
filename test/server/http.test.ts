import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { serverAudits } from 'graphql-http'
import Database from 'libsql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLogger, run } from '../../src/run.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { eventually, openRaw, readToEnd, sendRaw, Wire } from './wire.ts'

const PUBKEY = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'
const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/graphql-response+json' }

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

function get(parameters: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${gateway.origin}/graphql?${new URLSearchParams(parameters)}`, {
    headers: { accept: 'application/graphql-response+json', ...headers },
  })
}

function post(body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${gateway.origin}/graphql`, { method: 'POST', headers: { ...JSON_HEADERS, ...headers }, body })
}

describe('GraphQL over HTTP, as graphql-http audits it', () => {
  for (const audit of serverAudits({ url: () => `${gateway.origin}/graphql` })) {
    test(`${audit.id} ${audit.name}`, async () => {
      expect(await audit.fn()).toMatchObject({ status: 'ok' })
    })
  }
})

describe('GET', () => {
  test('answers a query with its variables and its operation name', async () => {
    const response = await get({
      query: 'query Other { __typename } query Typed($name: String!) { __type(name: $name) { kind } }',
      variables: '{"name":"Sat"}',
      operationName: 'Typed',
    })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ data: { __type: { kind: 'SCALAR' } } })
  })

  test('runs no mutation', async () => {
    const response = await get({ query: 'mutation { openChannel(input: { orderId: "1" }) { __typename } }' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
    expect(await response.json()).toMatchObject({
      errors: [{ message: 'Can only perform a mutation operation from a POST request.' }],
    })
  })

  test.each(['variables', 'extensions'])('%s that are no JSON are the client’s mistake', async (name) => {
    const response = await get({ query: '{ __typename }', [name]: '{' })
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({
      errors: [{ message: `${name}: JSON is wanted`, extensions: { code: 'BAD_REQUEST' } }],
    })
  })
})

describe('a body', () => {
  test('of more than 100 kB is refused before it is read', async () => {
    const query = `{ __typename } #${' '.repeat(100_000)}`
    const refused = await post(JSON.stringify({ query }))
    expect(refused.status).toBe(413)
    expect(await refused.json()).toEqual({
      errors: [{ message: 'a body of at most 100000 bytes is wanted', extensions: { code: 'BAD_REQUEST' } }],
    })
  })

  test('of exactly 100 kB is taken', async () => {
    const empty = JSON.stringify({ query: '{ __typename } #' })
    const response = await post(JSON.stringify({ query: `{ __typename } #${' '.repeat(100_000 - empty.length)}` }))
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } })
  })

  test('of an unknown length is refused', async () => {
    const answer = await sendRaw(
      gateway.origin,
      'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n18\r\n{"query":"{__typename}"}\r\n0\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 411 /)
    expect(answer).toContain('Content-Length is wanted')
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/graphql',
    'multipart/form-data; boundary=x',
    'application/jsonx',
  ])('that a page of another site could send unasked, or that is no JSON, is refused: %s', async (type) => {
    const response = await post('{"query":"{__typename}"}', { 'content-type': type })
    expect(response.status).toBe(415)
    expect(await response.json()).toMatchObject({
      errors: [{ message: 'a body of the type application/json is wanted' }],
    })
  })

  test('with several operations in a list is refused', async () => {
    expect((await post('[{"query":"{__typename}"}]')).status).toBe(400)
  })
})

describe('addresses', () => {
  test('another path is not found', async () => {
    const response = await fetch(`${gateway.origin}/graphql/nope`)
    expect([response.status, await response.text()]).toEqual([404, 'not found\n'])
  })

  test('/ leads to /graphql', async () => {
    const response = await fetch(gateway.origin, { redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([302, '/graphql'])
  })

  test('/health and /ready answer, to HEAD without a body', async () => {
    for (const [path, body] of [
      ['/health', '{"status":"alive"}\n'],
      ['/ready', '{"status":"ready"}\n'],
    ] as const) {
      const response = await fetch(gateway.origin + path)
      expect([response.status, await response.text()]).toEqual([200, body])
      const head = await sendRaw(
        gateway.origin,
        `HEAD ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      )
      expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(head.endsWith('\r\n\r\n')).toBe(true)
    }
  })

  test.each([
    ['GET // HTTP/1.1', 404],
    ['GET //graphql?query={__typename} HTTP/1.1', 404],
    ['GET //[ HTTP/1.1', 404],
    ['GET http://[/graphql HTTP/1.1', 400],
    ['GET /health?%zz=%&&==? HTTP/1.1', 200],
    ['GET http://elsewhere.example/health HTTP/1.1', 200],
    ['GET http://elsewhere.example/graphql?query=%7B__typename%7D HTTP/1.1', 200],
  ])('an unusual request line is answered: %s', async (line, status) => {
    const answer = await sendRaw(gateway.origin, `${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  })

  test('a Host that is none is refused, and tells nothing of the inside', async () => {
    for (const host of ['[', 'a b', 'a:b:c']) {
      const answer = await sendRaw(
        gateway.origin,
        `GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 400 /)
      expect(answer).not.toMatch(/node_modules|at \w+/)
    }
  })

  test('what is not HTTP is refused, and the gateway goes on', async () => {
    expect(await sendRaw(gateway.origin, 'NOT HTTP AT ALL\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
    expect((await fetch(`${gateway.origin}/health`)).status).toBe(200)
  })

  test('a gateway on an IPv6 address says an origin that works', async () => {
    await using here = await run({
      host: '::1',
      port: 0,
      configPath: null,
      databaseUrl: ':memory:',
      variables: {},
      sandbox: gateway.sandbox,
      logger: createLogger('silent'),
    })
    expect(here.origin).toMatch(/^http:\/\/\[::1\]:\d+$/)
    expect(here.graphiql).toBe(`${here.origin}/graphql`)
    const response = await fetch(`${here.origin}/graphql?query={__typename}`)
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } })
  })
})

describe('/metrics', () => {
  test('is Prometheus text', async () => {
    await gateway.ask(`{ quotes(request: { clientPubkey: "${PUBKEY}", lspBalanceSat: 1000000 }) { elapsedMs } }`)
    const response = await fetch(`${gateway.origin}/metrics`)
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    expect(lines.length).toBeGreaterThan(20)
    for (const line of lines) expect(line).toMatch(/^[a-z_0-9]+(\{([a-z_]+="[^"]*",?)+\})? -?(\d[\d.e+-]*|NaN|\+Inf)$/i)
    expect(lines).toContainEqual(
      expect.stringMatching(/^sluice_lsp_exchange_seconds_count\{lsp="olive",outcome="answered"\} [1-9]/),
    )
    expect(lines).toContain('sluice_websockets 0')
  })

  test('counts every exchange with an LSP, those before anybody could look as well', async () => {
    await using fresh = await startTestGateway({ sandbox: { only: ['olive', 'kestrel'] } })
    for (const { id, requests } of fresh.sandbox.lsps) {
      const counted = async () => {
        const text = await (await fetch(`${fresh.origin}/metrics`)).text()
        return [
          ...text.matchAll(
            new RegExp(`^sluice_lsp_exchange_seconds_count\\{lsp="${id}",outcome="\\w+"\\} (\\d+)$`, 'gm'),
          ),
        ].reduce((sum, [, count]) => sum + Number(count), 0)
      }
      await eventually(counted).toBeGreaterThan(0)
      await eventually(counted).toBe(requests.length)
    }
  })

  test('holds no label that a client chose', async () => {
    await post(
      JSON.stringify({
        query: 'query Chosen4711($a: String) { a4711: __typename @include(if: true) }',
        operationName: 'Chosen4711',
      }),
      { 'user-agent': 'agent4711', 'x-request-id': 'header4711' },
    )
    await fetch(`${gateway.origin}/path4711?q=4711`)
    await fetch(`${gateway.origin}/graphql`, { method: 'PROPFIND' })
    const text = await (await fetch(`${gateway.origin}/metrics`)).text()
    expect(text).not.toContain('4711')
    const counted = text.split('\n').filter((line) => line.startsWith('sluice_http_requests_total'))
    expect(counted).toContain('sluice_http_requests_total{method="other",status="405"} 1')
    for (const line of counted)
      expect(line).toMatch(
        /^sluice_http_requests_total\{method="(GET|HEAD|POST|OPTIONS|other)",status="(\d{3}|aborted)"\} \d+$/,
      )
  })
})

test('no other site is let in: no answer has a CORS header', async () => {
  const headers = { origin: 'https://elsewhere.example' }
  const answers = [
    await post('{"query":"{__typename}"}', headers),
    await get({ query: '{__typename}' }, headers),
    await fetch(`${gateway.origin}/graphql`, {
      method: 'OPTIONS',
      headers: {
        ...headers,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    }),
    await fetch(`${gateway.origin}/graphql`, { headers: { ...headers, accept: 'text/html' } }),
    await fetch(`${gateway.origin}/health`, { headers }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([200, 403, 405, 200, 200])
  for (const { headers: answered } of answers)
    expect([...answered.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
})

describe('the page', () => {
  const page = (headers: Record<string, string> = {}) =>
    fetch(`${gateway.origin}/graphql`, {
      headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'accept-encoding': 'identity', ...headers },
    })

  test('comes compressed to those who take that, and weighs less than 3 MB then', async () => {
    const plain = Buffer.from(await (await page()).arrayBuffer())
    const { hostname, port } = new URL(gateway.origin)
    const socket = openRaw(gateway.origin)
    socket.write(
      `GET /graphql HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAccept: text/html\r\nAccept-Encoding: br, gzip\r\nConnection: close\r\n\r\n`,
    )
    const chunks: Buffer[] = []
    for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk)
    const answer = Buffer.concat(chunks)
    const bodyAt = answer.indexOf('\r\n\r\n') + 4
    const head = answer.subarray(0, bodyAt).toString('latin1')
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(head).toMatch(/^content-encoding: gzip\r$/m)
    expect(head).toMatch(/^vary: accept, accept-encoding\r$/m)
    const body = answer.subarray(bodyAt)
    expect(head).toMatch(new RegExp(`^content-length: ${body.length}\\r$`, 'm'))
    expect(body.length).toBeLessThan(3_000_000)
    expect(gunzipSync(body).equals(plain)).toBe(true)
  })

  test('is not sent again to those who have it', async () => {
    const first = await page()
    const etag = first.headers.get('etag') ?? ''
    expect(etag).toMatch(/^W\/"[\w-]{22}"$/)
    await first.arrayBuffer()
    for (const known of [etag, etag.slice(2), `"other", ${etag}`]) {
      const again = await page({ 'if-none-match': known })
      expect([again.status, (await again.text()).length, again.headers.get('etag')]).toEqual([304, 0, etag])
    }
    const other = await page({ 'if-none-match': '"other"' })
    expect(other.status).toBe(200)
    await other.arrayBuffer()
  })

  test('may load nothing from, and speak to nobody but, the gateway', async () => {
    const response = await page()
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("connect-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/https?:|\*/)
    const html = await response.text()
    // A matcher that fails would print nine megabytes.
    expect(/<(script|link|img)[^>]+(src|href)="?(https?:)?\/\/[^>]{0,80}/.exec(html)?.[0]).toBeUndefined()
  })

  test('is what a browser gets for an address with a query, and not what a program gets', async () => {
    const browser = await fetch(`${gateway.origin}/graphql?query={__typename}`, { headers: { accept: 'text/html' } })
    expect(browser.headers.get('content-type')).toBe('text/html; charset=utf-8')
    await browser.arrayBuffer()
    expect(await (await get({ query: '{__typename}' })).json()).toEqual({ data: { __typename: 'Query' } })
  })

  test('answers HEAD without a body', async () => {
    const head = await sendRaw(
      gateway.origin,
      'HEAD /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n',
    )
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(head.endsWith('\r\n\r\n')).toBe(true)
  })

  test('is not there when the operator wants none', async () => {
    await using bare = await startTestGateway({ sandbox: { only: ['olive'] }, config: { graphiql: false } })
    const response = await fetch(`${bare.origin}/graphql?query={__typename}`, { headers: { accept: 'text/html, */*' } })
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } })
  })
})

describe('a value that a scalar does not take is the client’s mistake', () => {
  const QUOTES = 'query ($r: ChannelRequestInput!) { quotes(request: $r, firm: NEVER) { failures { code } } }'
  const request = (over: Record<string, unknown>) => ({
    query: QUOTES,
    variables: { r: { clientPubkey: PUBKEY, lspBalanceSat: 1_000_000, ...over } },
  })
  const renewal = (validTo: unknown) => ({
    query: 'query ($t: DateTime!) { renewalMessage(lspId: "olive", shortChannelId: "1x1x1", validTo: $t) }',
    variables: { t: validTo },
  })
  const SAT = 'Sat: give a whole number of satoshis from 0 to 2100000000000000'
  const ASSET = 'AssetAmount: give an unsigned 64-bit integer as a decimal string'
  const TIME = 'DateTime: give an instant in UTC such as 2026-11-21T12:00:00Z'
  const KEY = 'PublicKey: not a public key: give 33 bytes in hexadecimal, a compressed point of secp256k1'

  test.each([
    ['a fraction of a Sat', request({ lspBalanceSat: 1.5 }), SAT],
    ['a negative Sat', request({ lspBalanceSat: -1 }), SAT],
    ['more Sat than there are', request({ lspBalanceSat: 2_100_000_000_000_001 }), SAT],
    ['a Sat in another notation', request({ lspBalanceSat: '1e3' }), SAT],
    ['a Sat that is no number', request({ lspBalanceSat: true }), SAT],
    ['a fraction of an asset', request({ asset: { assetId: 'a', lspAmount: '1.5' } }), ASSET],
    [
      'more of an asset than 64 bits hold',
      request({ asset: { assetId: 'a', lspAmount: '18446744073709551616' } }),
      ASSET,
    ],
    ['an amount of an asset that JSON has rounded', request({ asset: { assetId: 'a', lspAmount: 2 ** 53 } }), ASSET],
    ['a time in words', renewal('tomorrow'), TIME],
    ['a time without its zone', renewal('2027-01-01T00:00:00'), TIME],
    ['a time as a number', renewal(1_800_000_000), TIME],
    ['a key that is too short', request({ clientPubkey: PUBKEY.slice(2) }), KEY],
    ['a key that is not compressed', request({ clientPubkey: `04${PUBKEY.slice(2)}` }), KEY],
    ['a key that is no point of the curve', request({ clientPubkey: `02${'11'.repeat(32)}` }), KEY],
    ['a key with an address', request({ clientPubkey: `${PUBKEY}@host:9735` }), KEY],
  ])('%s', async (_, { query, variables }, message) => {
    const { status, errors, data } = await gateway.send(query, variables)
    expect(status).toBe(400)
    expect(data).toBeUndefined()
    expect(errors).toEqual([
      expect.objectContaining({
        message: expect.stringContaining(message) as string,
        extensions: {
          code: 'BAD_USER_INPUT',
          field: expect.stringMatching(/^[rt]\b/) as string,
          constraint: expect.stringContaining(message) as string,
        },
      }),
    ])
  })

  test('so it is when the value stands in the query', async () => {
    const { status, errors } = await gateway.send(
      `{ quotes(request: { clientPubkey: "${PUBKEY}", lspBalanceSat: 1.5 }) { elapsedMs } }`,
    )
    expect(status).toBe(400)
    expect(errors).toMatchObject([{ message: SAT, extensions: { code: 'BAD_USER_INPUT' } }])
  })

  test.each([
    ['a Sat as a string', request({ lspBalanceSat: '1000000' })],
    ['all the Sat there are', request({ lspBalanceSat: 2_100_000_000_000_000 })],
    ['the largest amount of an asset', request({ asset: { assetId: 'a', lspAmount: '18446744073709551615' } })],
    ['a key in capitals', request({ clientPubkey: PUBKEY.toUpperCase() })],
  ])('%s is taken', async (_, { query, variables }) => {
    const { status, errors } = await gateway.send(query, variables)
    expect([status, errors]).toEqual([200, undefined])
  })
})

describe('when the database is gone', () => {
  const SECRET = /no such table|SQLITE|libsql|kysely|node_modules|\.ts:|\.js:/i
  const MISMATCH = 'the schema of the database is not the one of this gateway: try again later'
  let broken: TestGateway
  beforeAll(async () => {
    broken = await startTestGateway({ sandbox: { only: ['olive'] } })
    const database = new Database(broken.databaseUrl)
    for (const table of ['orders', 'counters']) database.exec(`drop table ${table}`)
    database.close()
  })
  afterAll(() => broken[Symbol.asyncDispose]())

  test('/ready says so, and /health still answers', async () => {
    const response = await fetch(`${broken.origin}/ready`)
    expect([response.status, await response.json()]).toEqual([
      503,
      {
        status: 'not ready',
        reason: 'DATABASE_SCHEMA_MISMATCH',
        message: 'the schema of the database is not the one of this gateway',
      },
    ])
    expect((await fetch(`${broken.origin}/health`)).status).toBe(200)
  })

  test('a query tells that something went wrong, not what; the log has the cause', async () => {
    const { status, ...answer } = await broken.send('{ order(id: "1") { id } }')
    expect(status).toBe(503)
    expect(answer).toEqual({
      data: { order: null },
      errors: [
        {
          message: MISMATCH,
          locations: [{ line: 1, column: 3 }],
          path: ['order'],
          extensions: { code: 'UNAVAILABLE', retryAfterSeconds: 5 },
        },
      ],
    })
    const causes = broken.logged.filter((line) => line.includes('the database cannot be used'))
    expect(causes.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: 50, reason: 'SCHEMA_MISMATCH', cause: expect.stringContaining('no such table: orders') as string },
    ])
  })

  test('a subscription tells as little, over Server-Sent Events and over WebSocket', async () => {
    const QUERY = 'subscription { orderUpdated(id: "1") { sequence } }'
    const events: unknown[] = []
    for await (const event of broken.subscribeSse(QUERY)) events.push(event)
    expect(events).toMatchObject([{ errors: [{ message: MISMATCH, extensions: { code: 'UNAVAILABLE' } }] }])

    const wire = await Wire.ready(broken.origin)
    wire.subscribe('1', QUERY)
    const answer = await wire.hear()
    expect(answer).toMatchObject({ id: '1', type: 'error', payload: [{ message: MISMATCH }] })
    expect(JSON.stringify([events, answer])).not.toMatch(SECRET)
    await wire.close()
  })
})

test('/ready says no while the gateway ends, to those who are still connected', async () => {
  await using ending = await startTestGateway({ sandbox: { only: ['olive'], slowMs: 300 } })
  const olive = ending.sandbox.lsp('olive')
  olive.setFaults(['SLOW'])
  const body = JSON.stringify({
    query: `{ quotes(request: { clientPubkey: "${PUBKEY}", lspBalanceSat: 1000000 }) { quotes { basis } failures { code } } }`,
  })
  const socket = openRaw(ending.origin)
  const received = readToEnd(socket)
  const asked = olive.requests.length
  socket.write(
    `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  await eventually(() => olive.requests.length).toBeGreaterThan(asked)
  const restarted = ending.restart()
  socket.write('GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const [answer = '', ready = ''] = (await received).split(/(?=HTTP\/1\.1 )/)
  // What ran came to its end.
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK/)
  expect(answer).toContain('"basis":"FIRM"')
  expect(ready).toMatch(/^HTTP\/1\.1 503 /)
  expect(ready).toMatch(/^connection: close\r$/im)
  expect(ready).toContain('not ready')
  await restarted
  expect((await fetch(`${ending.origin}/ready`)).status).toBe(200)
})

describe('with keys', () => {
  const KEY = 'correct-horse'
  const QUERY = '{ orders { nodes { id } } }'
  const EMPTY = { orders: { nodes: [] } }
  let keyed: TestGateway
  beforeAll(async () => {
    const keySha256 = createHash('sha256').update(KEY).digest('hex')
    keyed = await startTestGateway({
      sandbox: { only: ['olive'] },
      config: {
        clients: [
          { name: 'other', keySha256: '00'.repeat(32) },
          { name: 'wallet', keySha256 },
        ] as never,
      },
    })
  })
  afterAll(() => keyed[Symbol.asyncDispose]())

  const WRONG: [string, Record<string, string>][] = [
    ['no key', {}],
    ['a wrong key', { authorization: 'Bearer wrong' }],
    ['a key in another scheme', { authorization: `Basic ${KEY}` }],
    ['the hash of the key', { authorization: `Bearer ${createHash('sha256').update(KEY).digest('hex')}` }],
  ]
  test.each(WRONG)('%s is refused over POST, GET and Server-Sent Events', async (_, headers) => {
    const url = `${keyed.origin}/graphql`
    const body = JSON.stringify({ query: QUERY })
    const answers = [
      await fetch(url, { method: 'POST', headers: { ...JSON_HEADERS, ...headers }, body }),
      await fetch(url, { method: 'POST', headers: { ...JSON_HEADERS, ...headers, accept: 'application/json' }, body }),
      await fetch(`${url}?query=${encodeURIComponent(QUERY)}`, { headers }),
      await fetch(url, {
        method: 'POST',
        headers: { ...JSON_HEADERS, ...headers, accept: 'text/event-stream' },
        body: JSON.stringify({ query: 'subscription { events { id } }' }),
      }),
    ]
    for (const answer of answers) {
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
      const text = await answer.text()
      expect(text).toContain('"code":"UNAUTHENTICATED"')
      expect(text).not.toContain('"data"')
    }
  })

  test.each(WRONG)('%s closes a WebSocket with 4403', async (_, payload) => {
    const wire = await Wire.open(keyed.origin)
    wire.say({ type: 'connection_init', payload })
    expect(await wire.closed).toEqual({ code: 4403, reason: 'Forbidden' })
  })

  test('a key in the upgrade’s header alone is not one in connection_init', async () => {
    const wire = await Wire.open(keyed.origin, { headers: { authorization: `Bearer ${KEY}` } })
    wire.say({ type: 'connection_init' })
    expect(await wire.closed).toEqual({ code: 4403, reason: 'Forbidden' })
  })

  test('the right key is served over POST, GET, Server-Sent Events and WebSocket', async () => {
    const headers = { authorization: `Bearer ${KEY}` }
    const url = `${keyed.origin}/graphql`
    expect(await keyed.send(QUERY, {}, headers)).toEqual({ status: 200, data: EMPTY })
    expect(await (await fetch(`${url}?query=${encodeURIComponent(QUERY)}`, { headers })).json()).toEqual({
      data: EMPTY,
    })
    const events = await fetch(url, {
      method: 'POST',
      headers: { ...JSON_HEADERS, ...headers, accept: 'text/event-stream' },
      body: JSON.stringify({ query: QUERY }),
    })
    expect(await events.text()).toContain(`event: next\ndata: ${JSON.stringify({ data: EMPTY })}`)
    const wire = await Wire.ready(keyed.origin, headers)
    wire.subscribe('1', QUERY)
    expect(await wire.hear()).toEqual({ id: '1', type: 'next', payload: { data: EMPTY } })
    expect(await wire.hear()).toEqual({ id: '1', type: 'complete' })
    await wire.close()
  })

  test('the addresses of the operator, and the page, take no key', async () => {
    for (const path of ['/health', '/ready', '/metrics']) expect((await fetch(keyed.origin + path)).status).toBe(200)
    expect((await fetch(`${keyed.origin}/graphql`, { method: 'HEAD', headers: { accept: 'text/html' } })).status).toBe(
      200,
    )
  })
})

import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestGateway } from '../support/gateway.ts'
import { clientOf, newKey, startExposed, startSmall } from './gateways.ts'

interface Answered {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

function send(
  gateway: { origin: string },
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${gateway.origin}${path}`, { method, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    request.on('error', reject)
    request.end()
  })
}

const QUERY = '/graphql?query=%7B__typename%7D'
const MOZILLA = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36'
const key = newKey('wallet')
let open: TestGateway
let keyed: TestGateway
let allowing: TestGateway
let exposed: Awaited<ReturnType<typeof startExposed>>
let exposedKeyed: typeof exposed
beforeAll(async () => {
  open = await startSmall()
  keyed = await startSmall({ clients: [clientOf('wallet', key)], trustedProxies: ['127.0.0.1'] })
  allowing = await startSmall({ allowedOrigins: ['https://wallet.example', 'http://localhost:3000'] })
  exposedKeyed = await startExposed({ clients: [clientOf('wallet', key)] })
  exposed = await startExposed({ allowedOrigins: ['http://gateway.example:4000'] })
})
afterAll(async () => {
  for (const gateway of [open, keyed, allowing, exposed, exposedKeyed]) await gateway?.[Symbol.asyncDispose]()
})

describe('a GET', () => {
  test.each([
    ['of a program', {}, 200],
    ['of curl', { 'user-agent': 'curl/8.5.0' }, 200],
    ['that was typed in', { 'user-agent': MOZILLA, 'sec-fetch-site': 'none' }, 200],
    ['of a page of our own', { 'user-agent': MOZILLA, 'sec-fetch-site': 'same-origin' }, 200],
    ['of a page of another site', { 'user-agent': MOZILLA, 'sec-fetch-site': 'cross-site' }, 403],
    ['of a page of a neighbour', { 'user-agent': MOZILLA, 'sec-fetch-site': 'same-site' }, 403],
    ['of a browser that says nothing of whence', { 'user-agent': MOZILLA }, 403],
    ['of a browser that had to ask first', { 'user-agent': MOZILLA, 'graphql-require-preflight': '1' }, 200],
    ["of a browser with Apollo's header", { 'user-agent': MOZILLA, 'apollo-require-preflight': 'true' }, 200],
    [
      "of a browser with the name of Apollo's operation",
      { 'user-agent': MOZILLA, 'x-apollo-operation-name': 'A' },
      200,
    ],
    [
      'of a page of another site with a header, which its browser did not ask for',
      { origin: 'https://evil.example', 'graphql-require-preflight': '1' },
      403,
    ],
    ['with an Origin that is none', { origin: 'x' }, 403],
    ['with an Origin that only begins like ours', { origin: 'http://127.0.0.1.evil.example' }, 403],
  ])('%s', async (_what, headers, status) => {
    const answered = await send(open, 'GET', QUERY, { accept: 'application/json', ...headers })
    expect(answered.status).toBe(status)
    // With keys it is no different: a browser may well send one by itself.
    expect(
      (await send(keyed, 'GET', QUERY, { accept: 'application/json', authorization: `Bearer ${key}`, ...headers }))
        .status,
    ).toBe(status)
  })
})

describe('CORS', () => {
  const preflight = (gateway: TestGateway, origin: string) =>
    send(gateway, 'OPTIONS', '/graphql', {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    })
  const corsOf = ({ headers }: Answered) => Object.keys(headers).filter((name) => name.startsWith('access-control-'))

  test('is closed: a preflight gets no permission', async () => {
    for (const gateway of [open, keyed]) expect(corsOf(await preflight(gateway, 'https://wallet.example'))).toEqual([])
    for (const origin of [
      'https://evil.example',
      'https://wallet.example.evil.example',
      'http://wallet.example',
      'https://wallet.example:444',
      'null',
    ])
      expect(corsOf(await preflight(allowing, origin))).toEqual([])
  })

  test('is open to the origins that are named, exactly, and never with credentials', async () => {
    const { status, headers } = await preflight(allowing, 'https://wallet.example')
    expect(status).toBe(204)
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://wallet.example',
      'access-control-allow-methods': 'GET, POST',
      vary: 'Origin',
    })
    expect(headers['access-control-allow-headers']).toContain('authorization')
    expect(headers).not.toHaveProperty('access-control-allow-credentials')
    const answered = await send(allowing, 'GET', QUERY, { origin: 'http://localhost:3000', accept: 'application/json' })
    expect([answered.status, answered.headers['access-control-allow-origin']]).toEqual([200, 'http://localhost:3000'])
  })
})

describe('a name that leads to 127.0.0.1', () => {
  test.each([
    ['localhost', 200],
    ['LOCALHOST:4000', 200],
    ['sluice.localhost', 200],
    ['127.0.0.1', 200],
    ['127.1.2.3:80', 200],
    ['[::1]:4000', 200],
    ['evil.example', 421],
    ['localhost.evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['evillocalhost', 421],
    ['192.168.1.7', 421],
    ['10.0.0.1', 421],
  ])('%s is answered %i where nothing but the way keeps strangers out', async (host, status) => {
    for (const path of [QUERY, '/metrics'])
      expect((await send(open, 'GET', path, { host, accept: 'application/json' })).status).toBe(status)
  })

  test('of a stranger does not matter where a key is wanted', async () => {
    expect(
      (
        await send(keyed, 'GET', QUERY, {
          host: 'evil.example',
          accept: 'application/json',
          authorization: `Bearer ${key}`,
        })
      ).status,
    ).toBe(200)
  })

  test.each<[string, Record<string, string>]>([
    ['a page', { origin: 'http://evil.example:4000', 'sec-fetch-site': 'same-origin', 'user-agent': MOZILLA }],
    [
      'a page with a key that is none',
      { origin: 'http://evil.example:4000', 'user-agent': MOZILLA, authorization: 'Bearer guessed' },
    ],
    ['a page that says nothing', { 'user-agent': MOZILLA }],
  ])(
    'of a stranger does not have the figures told to %s where keys are wanted for all else',
    async (_what, headers) => {
      const host = 'evil.example:4000'
      expect((await send(keyed, 'GET', '/metrics', { host, ...headers })).status).toBe(421)
      expect((await send(exposedKeyed, 'GET', '/metrics', { host, ...headers })).status).toBe(421)
      // Who has a key is no page; nor is Prometheus, which calls it by its name.
      expect((await send(keyed, 'GET', '/metrics', { host, ...headers, authorization: `Bearer ${key}` })).status).toBe(
        200,
      )
      expect(
        (await send(exposedKeyed, 'GET', '/metrics', { host: 'sluice:4000', 'user-agent': 'Prometheus/3.5.0' })).status,
      ).toBe(200)
    },
  )

  test('is taken when the operator allows it', async () => {
    expect((await send(allowing, 'GET', QUERY, { host: 'wallet.example', accept: 'application/json' })).status).toBe(
      200,
    )
  })
})

describe('a name that leads to a gateway without keys, for whoever is in its network', () => {
  const NAMES = ['evil.example:4704', 'evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', 'sluice']
  const BROWSERS: Record<string, string>[] = [
    { origin: 'http://evil.example:4704' },
    { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    { 'user-agent': MOZILLA },
    { 'user-agent': MOZILLA, 'graphql-require-preflight': '1' },
    // Where a page may choose it, and forges all the rest.
    { 'user-agent': 'curl/8.5.0', 'accept-language': '*' },
  ]
  const PROGRAMS: Record<string, string>[] = [
    { 'user-agent': 'curl/8.5.0' },
    { 'user-agent': 'Prometheus/3.5.0', 'accept-encoding': 'gzip' },
    // Node's own fetch.
    { 'user-agent': 'node', 'accept-language': '*', 'sec-fetch-mode': 'cors' },
    {},
  ]

  test.each(NAMES)(
    '%s is answered 421 to browsers, with what the operator can do, and 200 to programs',
    async (host) => {
      for (const path of [QUERY, '/metrics', '/graphql']) {
        for (const headers of BROWSERS) {
          const answered = await send(exposed, 'GET', path, { host, accept: 'text/html, application/json', ...headers })
          expect([answered.status, answered.text]).toEqual([421, expect.stringContaining('allowedOrigins')])
        }
      }
      for (const path of [QUERY, '/metrics']) {
        for (const headers of PROGRAMS)
          expect((await send(exposed, 'GET', path, { host, accept: 'application/json', ...headers })).status).toBe(200)
      }
    },
  )

  test.each([
    '127.0.0.1:4000',
    '192.168.1.7',
    '[fd00::1]:4000',
    'localhost:4704',
    'sluice.localhost',
    'gateway.example:4000',
  ])('%s is none: a browser is answered', async (host) => {
    const same = { host, origin: `http://${host}`, 'user-agent': MOZILLA, 'accept-language': 'en' }
    expect((await send(exposed, 'GET', QUERY, { ...same, accept: 'application/json' })).status).toBe(200)
    expect(
      (await send(exposed, 'GET', '/graphql', { ...same, accept: 'text/html' })).headers['content-type'],
    ).toContain('text/html')
  })

  test('is no matter to those who ask only whether it lives', async () => {
    for (const path of ['/health', '/ready'])
      expect((await send(exposed, 'GET', path, { host: 'evil.example', 'user-agent': MOZILLA })).status).toBe(200)
  })
})

describe('what browsers are told', () => {
  test.each([
    ['/graphql?query=%7B__typename%7D', 200],
    ['/graphql', 200],
    ['/health', 200],
    ['/ready', 200],
    ['/metrics', 200],
    ['/nothing', 404],
    ['/', 302],
  ])('with %s', async (path, status) => {
    const answered = await send(open, 'GET', path, { accept: 'application/json' })
    expect(answered.status).toBe(status)
    expect(answered.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    })
    expect(answered.headers['content-security-policy']).toContain("frame-ancestors 'none'")
    for (const name of ['x-powered-by', 'server', 'set-cookie', 'access-control-allow-origin'])
      expect(answered.headers).not.toHaveProperty(name)
  })
})

describe('the figures of /metrics', () => {
  test('are for the operator, who is near', async () => {
    expect((await send(keyed, 'GET', '/metrics')).status).toBe(200)
    expect((await send(keyed, 'GET', '/metrics', { 'x-forwarded-for': '10.1.2.3' })).status).toBe(200)
  })

  test.each(['unknown', '8.8.8.8, unknown', '10.1.2.3, _hidden', '', ','])(
    'are not for whom a trusted proxy calls %j, unless with a key',
    async (forwarded) => {
      expect((await send(keyed, 'GET', '/metrics', { 'x-forwarded-for': forwarded })).status).toBe(403)
      expect(
        (await send(keyed, 'GET', '/metrics', { 'x-forwarded-for': forwarded, authorization: `Bearer ${key}` })).status,
      ).toBe(200)
    },
  )

  test('are for nobody on the internet, unless with a key', async () => {
    const far = { 'x-forwarded-for': '203.0.114.9' }
    expect((await send(keyed, 'GET', '/metrics', far)).status).toBe(403)
    expect((await send(keyed, 'GET', '/metrics', { ...far, authorization: 'Bearer wrong' })).status).toBe(403)
    expect((await send(keyed, 'GET', '/metrics', { ...far, authorization: `Bearer ${key}` })).status).toBe(200)
  })
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestGateway } from '../support/gateway.ts'
import { clientOf, Issuer, limits, newKey, sha256, startExposed, startSmall } from './gateways.ts'
import { ask, TRANSPORTS, type Asked, type Outcome, type Transport } from './transports.ts'

// Each rule on each transport: what is forbidden on one is forbidden on all. A rule without a cell for a transport
// does not compile, and the table that was run is printed.

type Cell = Partial<Outcome>
interface Rule {
  name: string
  gateway: keyof Gateways
  ask: Asked | ((transport: Transport) => Promise<Asked> | Asked)
  /** Once, before it is asked what counts. */
  before?: (transport: Transport) => Promise<unknown>
  cells: Record<Transport, Cell>
}

/** The answer of a refused operation: an HTTP status where there is one. */
const refused = (code: string, status: number, more: Cell = {}): Record<Transport, Cell> => ({
  GET: { status, code, ...more },
  POST: { status, code, ...more },
  SSE: { status, code, ...more },
  WS: { code, ...more },
})
/** A stranger's socket is closed before any operation. */
const strangers = (code: string, status: number): Record<Transport, Cell> => ({
  ...refused(code, status),
  WS: { close: 4403 },
})
const answered = (data: unknown): Record<Transport, Cell> => ({
  GET: { status: 200, data },
  POST: { status: 200, data },
  SSE: { status: 200, data },
  WS: { data },
})
/** Refused where the rule is about HTTP itself. */
const http = (status: number, code: string, ws: Cell): Record<Transport, Cell> => ({
  GET: { status, code },
  POST: { status, code },
  SSE: { status, code },
  WS: ws,
})
/** Mutations are not for GET at all. */
const mutation = (cells: Record<Transport, Cell>): Record<Transport, Cell> => ({
  ...cells,
  GET: { status: 405, code: 'BAD_REQUEST' },
})

const [alice, bob, late, busy, buyer, asker, comparer, follower] = [
  'alice',
  'bob',
  'late',
  'busy',
  'buyer',
  'asker',
  'comparer',
  'follower',
].map(newKey) as [string, string, string, string, string, string, string, string]
const KNOWN = 'query Known { __typename }'
const IDS = '{ lsps { id } }'
const FOLLOW = 'subscription { events { id } }'
const OPEN = 'mutation { openChannel(input: { orderId: "1" }) { __typename } }'
const REQUEST = (pubkey: string) => `request: { clientPubkey: "${pubkey}", lspBalanceSat: 1000000 }`

interface Gateways {
  keyed: TestGateway
  tight: TestGateway
  trusted: TestGateway
  open: TestGateway
  exposed: Awaited<ReturnType<typeof startExposed>>
}
let gateways: Gateways
let issuer: Issuer
let directory: string
let pubkey: string
let theirs: { quote: string; order: string }

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-matrix-'))
  const manifest = join(directory, 'documents.json')
  await writeFile(manifest, JSON.stringify({ [sha256(KNOWN)]: KNOWN, named: '{ lsps { id } }' }))
  issuer = await Issuer.start()
  const clients = [
    clientOf('alice', alice),
    // Of his orders somebody else is told, or would be: nobody listens there.
    clientOf('bob', bob, {
      webhook: { url: 'http://127.0.0.1:9/', secret: 'not-a-secret-not-a-secret', allowPrivateAddresses: true },
    }),
    clientOf('late', late, { expiresAt: Date.now() - 1 }),
    clientOf('busy', busy, { limits: { operationsPerSecond: 2 } }),
    clientOf('buyer', buyer, { limits: { ordersPerMinute: 2 } }),
    clientOf('asker', asker, { limits: { firmQuotesPerMinute: 3 } }),
    clientOf('comparer', comparer, { limits: { comparisonsPerMinute: 3 } }),
    clientOf('follower', follower, { limits: { subscriptions: 1 } }),
  ]
  gateways = {
    keyed: await startSmall({ clients, jwt: issuer.config }),
    tight: await startSmall({ clients, ...limits({ totalSockets: 1_000 }) }),
    trusted: await startSmall({ clients, trustedDocuments: { manifest, level: 'only' } }),
    open: await startSmall({ allowedOrigins: ['https://wallet.example'] }),
    exposed: await startExposed({ allowedOrigins: ['http://gateway.example:4000'] }),
  }
  pubkey = gateways.keyed.sandbox.wallet.pubkey
  const { keyed } = gateways
  const as = { authorization: `Bearer ${bob}` }
  const quotes = await keyed.send(`{ quotes(${REQUEST(pubkey)}) { quotes { id } } }`, {}, as)
  const quote = (quotes.data as { quotes: { quotes: { id: string }[] } }).quotes.quotes[0]?.id ?? ''
  const order = await keyed.send(
    'mutation ($id: ID!) { createOrder(input: { quoteId: $id, idempotencyKey: "1" }) { ... on Order { id } } }',
    { id: quote },
    as,
  )
  theirs = { quote, order: (order.data as { createOrder: { id: string } }).createOrder.id }
})

afterAll(async () => {
  for (const gateway of Object.values(gateways ?? {}) as AsyncDisposable[]) await gateway[Symbol.asyncDispose]()
  await issuer?.[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

/** Uses a limit up, over POST: what is left for the transport is nothing. */
const useUp = (key: string, query: string, times: number) => async () => {
  await Promise.all(Array.from({ length: times }, () => ask(gateways.tight.origin, 'POST', { query, key })))
}

/** Holds one subscription open, over Server-Sent Events. */
const follow = (key: string) => async () => {
  const response = await fetch(`${gateways.tight.origin}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: FOLLOW }),
  })
  await response.body?.getReader().read()
}

const nested = (depth: number) =>
  `{ order(id: "1") { ${'events { nodes { order { '.repeat(depth)} id ${'} } } '.repeat(depth)} } }`
const TOO_LARGE = refused('OPERATION_TOO_LARGE', 400)

const RULES: Rule[] = [
  // Who it is
  { name: 'a key is wanted', gateway: 'keyed', ask: { query: IDS }, cells: strangers('UNAUTHENTICATED', 401) },
  {
    name: 'another key is none',
    gateway: 'keyed',
    ask: { query: IDS, key: 'wrong' },
    cells: strangers('UNAUTHENTICATED', 401),
  },
  {
    name: 'an expired key is none',
    gateway: 'keyed',
    ask: { query: IDS, key: late },
    cells: strangers('UNAUTHENTICATED', 401),
  },
  {
    name: 'the hash of a key is none',
    gateway: 'keyed',
    ask: { query: IDS, key: sha256(alice) },
    cells: strangers('UNAUTHENTICATED', 401),
  },
  {
    name: 'a key is served',
    gateway: 'keyed',
    ask: { query: IDS, key: alice },
    cells: answered({ lsps: [{ id: 'olive' }] }),
  },
  {
    name: 'a token of the issuer is served',
    gateway: 'keyed',
    ask: async () => ({ query: IDS, key: await issuer.token() }),
    cells: answered({ lsps: [{ id: 'olive' }] }),
  },
  {
    name: 'an expired token is none',
    gateway: 'keyed',
    ask: async () => ({ query: IDS, key: await issuer.token({ exp: 1_000 }) }),
    cells: strangers('UNAUTHENTICATED', 401),
  },
  ...[['alice'], { name: 'alice' }, 7, true, '', 'a'.repeat(256)].map((sub): Rule => ({
    name: `a token of ${JSON.stringify(sub).slice(0, 20)} is none`,
    gateway: 'keyed',
    ask: async () => ({ query: IDS, key: await issuer.token({ sub }) }),
    cells: strangers('UNAUTHENTICATED', 401),
  })),
  {
    name: 'a token that ends after the last day there is is none',
    gateway: 'keyed',
    ask: async () => ({ query: IDS, key: await issuer.token({ exp: 1e15 }) }),
    cells: strangers('UNAUTHENTICATED', 401),
  },
  {
    name: 'a token for somebody else is none',
    gateway: 'keyed',
    ask: async () => ({ query: IDS, key: await issuer.token({ aud: 'other' }) }),
    cells: strangers('UNAUTHENTICATED', 401),
  },
  {
    name: 'a token of another issuer is none',
    gateway: 'keyed',
    ask: async () => ({ query: IDS, key: await issuer.token({ iss: 'https://other.example/' }) }),
    cells: strangers('UNAUTHENTICATED', 401),
  },
  {
    name: 'a token signed by another key is none',
    gateway: 'keyed',
    ask: async () => ({ query: IDS, key: await issuer.token({ key: (await generateKeyPair('ES256')).privateKey }) }),
    cells: strangers('UNAUTHENTICATED', 401),
  },
  {
    name: 'a token without a signature is none',
    gateway: 'keyed',
    ask: {
      query: IDS,
      key: `${btoa('{"alg":"none"}').replace(/=+$/, '')}.${btoa('{"sub":"alice"}').replace(/=+$/, '')}.x`,
    },
    cells: strangers('UNAUTHENTICATED', 401),
  },

  // What a stranger learns: the same of everything
  {
    name: 'a stranger does not learn that a document is none',
    gateway: 'keyed',
    ask: { query: '{ lsps {' },
    cells: strangers('UNAUTHENTICATED', 401),
  },
  {
    name: 'a stranger gets no suggestions',
    gateway: 'keyed',
    ask: { query: '{ lspz { id } }' },
    cells: strangers('UNAUTHENTICATED', 401),
  },
  {
    name: 'a stranger does not see the schema',
    gateway: 'keyed',
    ask: { query: '{ __schema { types { name } } }' },
    cells: strangers('UNAUTHENTICATED', 401),
  },
  {
    name: 'a stranger does not learn which documents are known',
    gateway: 'trusted',
    ask: { documentId: 'unknown' },
    cells: strangers('UNAUTHENTICATED', 401),
  },
  {
    name: 'a client sees the schema',
    gateway: 'keyed',
    ask: { query: '{ __schema { queryType { name } } }', key: alice },
    cells: answered({ __schema: { queryType: { name: 'Query' } } }),
  },

  // What is another's is not there
  {
    name: "another's quote is not there",
    gateway: 'keyed',
    ask: () => ({ query: `{ quote(id: "${theirs.quote}") { id } }`, key: alice }),
    cells: answered({ quote: null }),
  },
  {
    name: 'as no quote is',
    gateway: 'keyed',
    ask: { query: '{ quote(id: "none") { id } }', key: alice },
    cells: answered({ quote: null }),
  },
  {
    name: "another's order is not there",
    gateway: 'keyed',
    ask: () => ({ query: `{ order(id: "${theirs.order}") { id } }`, key: alice }),
    cells: answered({ order: null }),
  },
  {
    name: "another's orders are not among one's own",
    gateway: 'keyed',
    ask: { query: '{ orders { nodes { id } } }', key: alice },
    cells: answered({ orders: { nodes: [] } }),
  },
  {
    name: "another's order is not exported",
    gateway: 'keyed',
    ask: () => ({ query: `{ orderExport(id: "${theirs.order}") }`, key: alice }),
    cells: answered({ orderExport: null }),
  },
  {
    name: "another's deliveries are not among one's own",
    gateway: 'keyed',
    ask: { query: '{ webhook { __typename } webhookDeliveries(state: PENDING) { __typename } }', key: alice },
    cells: answered({ webhook: null, webhookDeliveries: [] }),
  },
  {
    name: "another's delivery is not tried again",
    gateway: 'keyed',
    ask: () => ({
      query: `mutation { retryWebhookDelivery(orderId: "${theirs.order}", sequence: 1) { __typename } }`,
      key: alice,
    }),
    cells: mutation(answered({ retryWebhookDelivery: null })),
  },
  ...['openChannel', 'retryAssetDelivery'].map((name): Rule => ({
    name: `another's order: ${name} is answered as if there were none`,
    gateway: 'keyed',
    ask: () => ({ query: `mutation { ${name}(input: {orderId: "${theirs.order}"}) { __typename } }`, key: alice }),
    cells: mutation(answered({ [name]: { __typename: 'OrderNotFoundError' } })),
  })),
  {
    name: "another's order has no rate to decide on",
    gateway: 'keyed',
    ask: () => ({
      query: `mutation { decideRate(input: {orderId: "${theirs.order}", accept: true}) { __typename } }`,
      key: alice,
    }),
    cells: mutation(answered({ decideRate: { __typename: 'OrderNotFoundError' } })),
  },
  {
    name: "another's renewal is not there",
    gateway: 'keyed',
    ask: { query: '{ renewal(id: "1") { id } }', key: alice },
    cells: answered({ renewal: null }),
  },
  {
    name: "another's quote cannot be ordered",
    gateway: 'keyed',
    ask: () => ({
      query: `mutation { createOrder(input: { quoteId: "${theirs.quote}", idempotencyKey: "1" }) { __typename } }`,
      key: alice,
    }),
    cells: mutation(answered({ createOrder: { __typename: 'QuoteNotFoundError' } })),
  },
  {
    name: "another's order cannot be refunded",
    gateway: 'keyed',
    ask: () => ({
      query: `mutation { requestRefund(input: {orderId: "${theirs.order}", to: {onchainAddress: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"}}) { __typename } }`,
      key: alice,
    }),
    cells: mutation(answered({ requestRefund: { __typename: 'OrderNotFoundError' } })),
  },
  {
    name: "another's order cannot be followed",
    gateway: 'keyed',
    ask: () => ({ query: `subscription { orderUpdated(id: "${theirs.order}") { sequence } }`, key: alice }),
    cells: refused('BAD_USER_INPUT', 200, { message: 'id: there is no such order' }),
  },
  {
    name: 'as no order can',
    gateway: 'keyed',
    ask: { query: 'subscription { orderUpdated(id: "none") { sequence } }', key: alice },
    cells: refused('BAD_USER_INPUT', 200, { message: 'id: there is no such order' }),
  },

  // How much one operation may ask for
  {
    name: 'no more than 2000 tokens',
    gateway: 'open',
    ask: { query: `{ ${'a '.repeat(2_001)} }` },
    cells: refused('OPERATION_TOO_LARGE', 400),
  },
  { name: 'no more than 18 levels', gateway: 'open', ask: { query: nested(9) }, cells: TOO_LARGE },
  {
    name: 'no more levels through fragments',
    gateway: 'open',
    ask: {
      query: `{ order(id: "1") { ...A } } ${Array.from('ABCDEFGHI')
        .map((name, index) => `fragment ${name} on Order { events { nodes { order { ...${'BCDEFGHIJ'[index]} } } } }`)
        .join(' ')} fragment J on Order { id }`,
    },
    cells: TOO_LARGE,
  },
  {
    name: 'no more than 30 aliases',
    gateway: 'open',
    ask: { query: `{ lsps { ${Array.from({ length: 31 }, (_, index) => `a${index}: id`).join(' ')} } }` },
    cells: TOO_LARGE,
  },
  {
    name: 'no more than 20 root fields',
    gateway: 'open',
    ask: { query: `{ ${Array.from({ length: 21 }, (_, index) => `a${index}: __typename`).join(' ')} }` },
    cells: TOO_LARGE,
  },
  {
    name: 'no more than 40 times one field',
    gateway: 'open',
    ask: { query: `{ ${'lsps { id } '.repeat(41)} }` },
    cells: TOO_LARGE,
  },
  {
    name: 'a literal page is counted',
    gateway: 'open',
    ask: { query: '{ orders(first: 100000) { nodes { id } } }' },
    cells: TOO_LARGE,
  },
  {
    name: 'a page in a variable is counted',
    gateway: 'open',
    ask: { query: 'query ($n: Int) { orders(first: $n) { nodes { id } } }', variables: { n: 100_000 } },
    cells: TOO_LARGE,
  },
  {
    name: "a page in a variable's default is counted",
    gateway: 'open',
    ask: { query: 'query ($n: Int = 100000) { orders(first: $n) { nodes { id } } }' },
    cells: TOO_LARGE,
  },
  {
    name: 'a small page is served after it was counted large',
    gateway: 'open',
    ask: { query: 'query ($n: Int) { orders(first: $n) { nodes { id } } }', variables: { n: 1 } },
    cells: answered({ orders: { nodes: [] } }),
  },
  {
    name: 'lists within lists are multiplied',
    gateway: 'open',
    ask: { query: '{ orders(first: 100) { nodes { events { nodes { order { events { nodes { sequence } } } } } } } }' },
    cells: TOO_LARGE,
  },
  {
    name: 'fragments that double are not walked',
    gateway: 'open',
    ask: {
      query: `{ ...F0 } ${Array.from({ length: 25 }, (_, index) => `fragment F${index} on Query { ...F${index + 1} ...F${index + 1} }`).join(' ')} fragment F25 on Query { lsps { id } }`,
    },
    cells: TOO_LARGE,
  },
  {
    name: 'introspection cannot be multiplied',
    gateway: 'open',
    ask: {
      query: `{ __schema { ${Array.from({ length: 30 }, (_, index) => `a${index}: types { fields { type { fields { name description isDeprecated } } } }`).join(' ')} } }`,
    },
    cells: TOO_LARGE,
  },
  {
    name: 'two mutations are one too many',
    gateway: 'open',
    ask: {
      query:
        'mutation { a: openChannel(input: { orderId: "1" }) { __typename } b: openChannel(input: { orderId: "1" }) { __typename } }',
    },
    cells: mutation(TOO_LARGE),
  },
  {
    name: 'operations are not sent in lists',
    gateway: 'open',
    ask: { query: ['{ __typename }'] as unknown as string },
    cells: { ...refused('BAD_REQUEST', 400), GET: { status: 400, code: 'GRAPHQL_PARSE_FAILED' }, WS: { close: 4400 } },
  },
  {
    name: 'mutations are not for GET',
    gateway: 'open',
    ask: { query: 'mutation { openChannel(input: { orderId: "1" }) { __typename } }' },
    cells: mutation(answered({ openChannel: { __typename: 'OrderNotFoundError' } })),
  },
  {
    name: 'no more than 100 kB, and 64 kB in a message, and 16 kB in an address',
    gateway: 'open',
    ask: (transport) => ({ query: `{ __typename } #${'x'.repeat(transport === 'GET' ? 20_000 : 100_000)}` }),
    cells: {
      GET: { status: 431 },
      POST: { status: 413, code: 'BAD_REQUEST' },
      SSE: { status: 413, code: 'BAD_REQUEST' },
      WS: { close: 1009 },
    },
  },

  // How often
  {
    name: 'no more operations a second than allowed',
    gateway: 'tight',
    ask: { query: IDS, key: busy },
    before: useUp(busy, IDS, 3),
    cells: {
      ...refused('RATE_LIMITED', 429, { retryAfter: '1', retryAfterSeconds: 1 }),
      WS: { code: 'RATE_LIMITED', retryAfterSeconds: 1 },
    },
  },
  {
    name: 'no more documents with mistakes either',
    gateway: 'tight',
    ask: { query: '{ nothing }', key: busy },
    before: useUp(busy, '{', 3),
    cells: refused('RATE_LIMITED', 429),
  },
  {
    name: 'no more mutations a minute than allowed',
    gateway: 'tight',
    ask: { query: OPEN, key: buyer },
    before: useUp(buyer, OPEN, 3),
    cells: mutation(refused('RATE_LIMITED', 429)),
  },
  {
    name: 'no more firm quotes a minute than allowed, each alias counted',
    gateway: 'tight',
    ask: () => ({
      query: `{ ${['a', 'b', 'c', 'd'].map((name) => `${name}: quotes(${REQUEST(pubkey)}) { elapsedMs }`).join(' ')} }`,
      key: asker,
    }),
    cells: refused('RATE_LIMITED', 429),
  },
  {
    name: 'no more of them by a default in a variable',
    gateway: 'tight',
    ask: () => ({
      query: `query ($firm: FirmPolicy! = ALWAYS) { quotes(firm: $firm, ${REQUEST(pubkey)}) { elapsedMs } }`,
      key: asker,
    }),
    cells: refused('RATE_LIMITED', 429),
  },
  {
    name: 'comparisons that place no orders go on',
    gateway: 'tight',
    ask: () => ({
      query: `query ($firm: FirmPolicy!) { quotes(firm: $firm, ${REQUEST(pubkey)}) { failures { code } } }`,
      variables: { firm: 'NEVER' },
      key: asker,
    }),
    cells: { GET: { status: 200 }, POST: { status: 200 }, SSE: { status: 200 }, WS: {} },
  },
  {
    name: 'no more comparisons a minute than allowed, those too that place no orders',
    gateway: 'tight',
    ask: () => ({
      query: `{ ${['a', 'b', 'c', 'd'].map((name) => `${name}: quotes(firm: NEVER, ${REQUEST(pubkey)}) { elapsedMs }`).join(' ')} }`,
      key: comparer,
    }),
    cells: refused('RATE_LIMITED', 429),
  },
  {
    name: 'no more subscriptions at once than allowed',
    gateway: 'tight',
    ask: { query: FOLLOW, key: follower },
    before: follow(follower),
    cells: refused('RATE_LIMITED', 429),
  },

  // Which documents
  {
    name: 'a document is run by its id',
    gateway: 'trusted',
    ask: { documentId: 'named', key: alice },
    cells: answered({ lsps: [{ id: 'olive' }] }),
  },
  {
    name: "a document is run by Apollo's hash",
    gateway: 'trusted',
    ask: { extensions: { persistedQuery: { version: 1, sha256Hash: sha256(KNOWN) } }, key: alice },
    cells: answered({ __typename: 'Query' }),
  },
  {
    name: 'a known document is run by its text',
    gateway: 'trusted',
    ask: { query: KNOWN, key: alice },
    cells: answered({ __typename: 'Query' }),
  },
  {
    name: 'any other document is refused',
    gateway: 'trusted',
    ask: { query: '{ lsps { name } }', key: alice },
    cells: refused('DOCUMENT_NOT_TRUSTED', 400),
  },
  {
    name: 'any other mutation is refused',
    gateway: 'trusted',
    ask: { query: 'mutation { openChannel(input: { orderId: "1" }) { __typename } }', key: alice },
    cells: refused('DOCUMENT_NOT_TRUSTED', 400),
  },
  {
    name: 'any other subscription is refused',
    gateway: 'trusted',
    ask: { query: 'subscription { events { id } }', key: alice },
    cells: refused('DOCUMENT_NOT_TRUSTED', 400),
  },
  {
    name: 'introspection is refused with them',
    gateway: 'trusted',
    ask: { query: '{ __schema { queryType { name } } }', key: alice },
    cells: refused('DOCUMENT_NOT_TRUSTED', 400),
  },
  {
    name: 'an unknown id is none',
    gateway: 'trusted',
    ask: { documentId: '__proto__', key: alice },
    cells: refused('PERSISTED_QUERY_NOT_FOUND', 400),
  },
  {
    name: 'an unknown hash is told as Apollo does',
    gateway: 'trusted',
    ask: { extensions: { persistedQuery: { version: 1, sha256Hash: '0' } }, key: alice },
    cells: refused('PERSISTED_QUERY_NOT_FOUND', 200, { message: 'PersistedQueryNotFound' }),
  },
  {
    name: 'an id does not stand for another document',
    gateway: 'trusted',
    ask: { documentId: 'named', query: '{ lsps { name } }', key: alice },
    cells: refused('DOCUMENT_MISMATCH', 400),
  },
  {
    name: 'a new document is not learnt by its hash',
    gateway: 'trusted',
    ask: {
      query: '{ lsps { name } }',
      extensions: { persistedQuery: { version: 1, sha256Hash: sha256('{ lsps { name } }') } },
      key: alice,
    },
    cells: refused('DOCUMENT_NOT_TRUSTED', 400),
  },

  // From where: a POST of JSON takes a preflight, which nobody passes
  {
    name: 'a page of another site may not ask',
    gateway: 'open',
    ask: { query: IDS, headers: { origin: 'https://evil.example' } },
    cells: {
      GET: { status: 403, code: 'CROSS_SITE_REQUEST' },
      POST: { status: 200 },
      SSE: { status: 200 },
      WS: { status: 403 },
    },
  },
  {
    name: 'nor without a name',
    gateway: 'open',
    ask: { query: IDS, headers: { origin: 'null' } },
    cells: {
      GET: { status: 403, code: 'CROSS_SITE_REQUEST' },
      POST: { status: 200 },
      SSE: { status: 200 },
      WS: { status: 403 },
    },
  },
  {
    name: 'nor by a form',
    gateway: 'open',
    ask: { query: IDS, headers: { origin: 'https://evil.example', 'content-type': 'text/plain' } },
    cells: http(403, 'CROSS_SITE_REQUEST', { status: 403 }),
  },
  {
    name: 'nor as a picture',
    gateway: 'open',
    ask: { query: IDS, headers: { 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' } },
    cells: { ...http(403, 'CROSS_SITE_REQUEST', {}), WS: { data: { lsps: [{ id: 'olive' }] } } },
  },
  {
    name: 'an allowed page may',
    gateway: 'open',
    ask: { query: IDS, headers: { origin: 'https://wallet.example', 'sec-fetch-site': 'cross-site' } },
    cells: answered({ lsps: [{ id: 'olive' }] }),
  },
  {
    name: 'a name of a stranger that leads to a gateway for a network is not ours in a browser',
    gateway: 'exposed',
    ask: {
      query: IDS,
      headers: { host: 'evil.example:4704', origin: 'http://evil.example:4704', 'sec-fetch-site': 'same-origin' },
    },
    cells: http(421, 'MISDIRECTED_REQUEST', { status: 421 }),
  },
  {
    name: 'a program calls that by any name',
    gateway: 'exposed',
    ask: { query: IDS, headers: { host: 'sluice:4000' } },
    cells: answered({ lsps: [{ id: 'olive' }] }),
  },
  {
    name: 'a browser calls it by a name that the operator has allowed',
    gateway: 'exposed',
    ask: {
      query: IDS,
      headers: { host: 'gateway.example:4000', origin: 'http://gateway.example:4000', 'sec-fetch-site': 'same-origin' },
    },
    cells: answered({ lsps: [{ id: 'olive' }] }),
  },
  {
    name: 'a name of a stranger that leads here is not ours',
    gateway: 'open',
    ask: { query: IDS, headers: { host: 'evil.example' } },
    cells: http(421, 'MISDIRECTED_REQUEST', { status: 421 }),
  },
]

describe.each(RULES)('$name', (rule) => {
  test.each(TRANSPORTS)('over %s', async (transport) => {
    await rule.before?.(transport)
    const asked = typeof rule.ask === 'function' ? await rule.ask(transport) : rule.ask
    const outcome = await ask(gateways[rule.gateway].origin, transport, asked)
    expect(outcome).toMatchObject(rule.cells[transport])
    expect(outcome.text).not.toMatch(/node_modules|\.[jt]s:\d|\n\s+at |"stack/)
  })
})

test('every rule has a cell for every transport', () => {
  const holes = RULES.flatMap(({ name, cells }) =>
    TRANSPORTS.filter((transport) => !(transport in cells)).map((transport) => `${name}: ${transport}`),
  )
  expect(holes).toEqual([])
  process.stdout.write(
    `${RULES.length} rules × ${TRANSPORTS.length} transports = ${RULES.length * TRANSPORTS.length} cells\n`,
  )
})

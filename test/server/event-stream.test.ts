import { EventSource } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Build, freePort, kill, orderAtOlive, SANDBOX_PAY } from './program.ts'
import { DEFAULT_LIMITS } from '../../src/config/access.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const FOLLOW = 'subscription ($id: ID!) { orderUpdated(id: $id, afterSequence: 0) { sequence cursor state } }'
const FEED = 'subscription { events { cursor ... on OrderEvent { orderId sequence } } }'
const QUOTE = `query ($request: ChannelRequestInput!) {
  quotes(request: $request, lspIds: ["olive"], firm: NEVER) { failures { code } } }`

const addressOf = (origin: string, query: string, variables: Record<string, unknown> = {}) =>
  `${origin}/graphql?${new URLSearchParams({ query, variables: JSON.stringify(variables) })}`

interface Received {
  id: string
  data: { orderUpdated: { sequence: number; cursor: string; state: string } }
}

/** Every event of an EventSource, as a page on the web gets them. */
function follow(url: string): { source: EventSource; events: Received[]; closed: Promise<void> } {
  const source = new EventSource(url)
  const events: Received[] = []
  source.addEventListener('next', (event) => {
    const { lastEventId, data } = event as unknown as { lastEventId: string; data: string }
    events.push({ id: lastEventId, ...(JSON.parse(data) as Pick<Received, 'data'>) })
  })
  const closed = new Promise<void>((resolve) => {
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) resolve()
    })
  })
  return { source, events, closed }
}

describe('an EventSource', () => {
  let build: Build
  beforeAll(async () => {
    build = await Build.make()
  })
  afterAll(() => build[Symbol.asyncDispose]())

  test('follows an order over two restarts by kill -9 without gap or repeat, and stops by itself', async () => {
    const folder = await build.folder()
    const env = { PORT: String(await freePort()) }
    const first = build.start(folder, { env })
    const id = await orderAtOlive(first)
    const { events, closed } = follow(addressOf(await first.origin(), FOLLOW, { id }))
    await expect.poll(() => events.length, { timeout: 60_000 }).toBe(1)
    await kill(first)

    const second = build.start(folder, { env })
    await second.origin()
    await second.ask(SANDBOX_PAY, { id })
    await expect.poll(() => events.length, { timeout: 60_000 }).toBeGreaterThan(1)
    await kill(second)

    const third = build.start(folder, { env })
    await third.origin()
    await closed
    expect(events.map(({ data }) => data.orderUpdated.sequence)).toEqual(events.map((_, index) => index + 1))
    expect(events.at(-1)?.data.orderUpdated.state).toBe('COMPLETED')
    for (const { id: eventId, data } of events) expect(eventId).toBe(data.orderUpdated.cursor)
    await kill(third)
  }, 120_000)
})

/** The answer to one request for server-sent events. */
function get(gateway: TestGateway, query: string, variables: Record<string, unknown>, lastEventId: string | null) {
  return fetch(addressOf(gateway.origin, query, variables), {
    headers: { accept: 'text/event-stream', ...(lastEventId !== null && { 'last-event-id': lastEventId }) },
    signal: AbortSignal.timeout(10_000),
  })
}

async function placed(gateway: TestGateway): Promise<string> {
  const { wallet } = gateway.sandbox
  const request = { clientPubkey: wallet.pubkey, clientAddress: wallet.address, lspBalanceSat: 1_000_000 }
  const { quotes } = await gateway.ask(
    'query ($request: ChannelRequestInput!) { quotes(request: $request, lspIds: ["olive"]) { quotes { id } } }',
    { request },
  )
  const { createOrder } = await gateway.ask(
    'mutation ($id: ID!) { createOrder(input: { quoteId: $id, idempotencyKey: "k" }) { ... on Order { id } } }',
    { id: quotes.quotes[0].id },
  )
  return createOrder.id as string
}

describe('Last-Event-ID', () => {
  test('resumes right after its event, whatever the arguments of the address say', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const id = await placed(gateway)
    await gateway.ask(SANDBOX_PAY, { id })
    await expect
      .poll(async () => (await gateway.ask('query ($id: ID!) { order(id: $id) { isFinal } }', { id })).order.isFinal, {
        timeout: 10_000,
      })
      .toBe(true)
    const { order } = await gateway.ask(
      'query ($id: ID!) { order(id: $id) { events { nodes { sequence cursor } } } }',
      {
        id,
      },
    )
    const events = order.events.nodes as { sequence: number; cursor: string }[]
    for (const [index, { cursor }] of events.entries()) {
      const response = await get(gateway, FOLLOW, { id }, cursor)
      const rest = events.slice(index + 1)
      // Nothing follows the last event: this status has an EventSource stop.
      expect(response.status).toBe(rest.length === 0 ? 204 : 200)
      const ids = [...(await response.text()).matchAll(/^id: (.*)$/gm)].map(([, found]) => found)
      expect(ids).toEqual(rest.map((event) => event.cursor))
    }
  })

  test.each([
    ['that is no cursor', 'abc', 'BAD_USER_INPUT'],
    ['of another database', Buffer.from('0123456789abcdef.1').toString('base64url'), 'UNKNOWN_CURSOR'],
  ])('%s is an error', async (_, lastEventId, code) => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const id = await placed(gateway)
    for (const [query, variables] of [
      [FOLLOW, { id }],
      [FEED, {}],
    ] as const) {
      const response = await get(gateway, query, variables, lastEventId)
      // An EventSource does not connect again after this status.
      expect(response.status).toBe(400)
      expect(await response.text()).toContain(`"code":"${code}"`)
    }
  })
})

describe('a subscription over GET', () => {
  test('that is over takes no place among the subscriptions of its client', async () => {
    await using gateway = await startTestGateway({
      sandbox: { only: ['olive'] },
      config: { limits: { ...DEFAULT_LIMITS, subscriptions: 2 } },
    })
    const id = await placed(gateway)
    await gateway.ask(SANDBOX_PAY, { id })
    const isFinal = async () =>
      (await gateway.ask('query ($id: ID!) { order(id: $id) { isFinal } }', { id })).order.isFinal
    await expect.poll(isFinal, { timeout: 10_000 }).toBe(true)
    const { latestEventCursor } = await gateway.ask('{ latestEventCursor }')
    for (let count = 0; count < 5; count++)
      expect((await get(gateway, FOLLOW, { id }, latestEventCursor)).status).toBe(204)
  })

  test('that is refused for a while ends with the error, so that an EventSource connects again', async () => {
    await using gateway = await startTestGateway({
      sandbox: { only: ['olive'] },
      config: { limits: { ...DEFAULT_LIMITS, subscriptions: 1 } },
    })
    const id = await placed(gateway)
    const first = await fetch(addressOf(gateway.origin, FOLLOW, { id }), { headers: { accept: 'text/event-stream' } })
    const second = await get(gateway, FOLLOW, { id }, null)
    expect(second.status).toBe(200)
    const text = await second.text()
    expect(text).toMatch(/^retry: \d+\n/)
    expect(text).toContain('"code":"RATE_LIMITED"')
    expect(text).toContain('event: complete')
    await first.body?.cancel()
  })
})

describe('GET', () => {
  test('places no order: quotes and quoteArrived accept only firm: NEVER', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const request = { clientPubkey: gateway.sandbox.wallet.pubkey, lspBalanceSat: 1_000_000 }
    const json = { headers: { accept: 'application/graphql-response+json' } }
    for (const firm of ['WHEN_NEEDED', 'ALWAYS']) {
      const refused = await fetch(addressOf(gateway.origin, QUOTE.replace('NEVER', firm), { request }), json)
      expect(refused.status).toBe(405)
      expect(await refused.json()).toMatchObject({
        errors: [{ extensions: { code: 'GET_HAS_NO_SIDE_EFFECTS', field: 'firm' } }],
      })
    }
    const stream = 'subscription ($request: ChannelRequestInput!) { quoteArrived(request: $request) { __typename } }'
    expect(await (await get(gateway, stream, { request }, null)).text()).toContain('GET_HAS_NO_SIDE_EFFECTS')
    const allowed = await fetch(addressOf(gateway.origin, QUOTE, { request }), json)
    expect(await allowed.json()).toEqual({ data: { quotes: { failures: [{ code: 'PRICE_UNKNOWN' }] } } })
    expect(gateway.sandbox.lsp('olive').requests.filter(({ method }) => method === 'POST')).toEqual([])
  })
})

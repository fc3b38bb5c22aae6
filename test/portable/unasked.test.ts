import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { exported, forged, importInto, invented, rewritten, twoGateways } from './support.ts'
import { NODE, settings } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { eventsOf, OPEN_CHANNEL, orderAt, pay, readOrder } from '../support/operations.ts'
import { json, QueueServer, type RecordedRequest } from '../support/queue-server.ts'

const OWN = '02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8'
const OTHER = `03${'ab'.repeat(32)}`

describe('a document that contradicts itself is refused', () => {
  let gateways: Awaited<ReturnType<typeof twoGateways>>
  /** Of an order with several events. */
  let honest: string
  beforeAll(async () => {
    gateways = await twoGateways('olive')
    const { id } = await orderAt(gateways.from, 'olive')
    await pay(gateways.from, id)
    await vi.waitFor(async () => expect((await readOrder(gateways.from, id)).state).toBe('COMPLETED'), {
      timeout: 15_000,
    })
    honest = await exported(gateways.from, id)
    expect(JSON.parse(honest).events.length).toBeGreaterThan(1)
  }, 40_000)
  afterAll(() => gateways[Symbol.asyncDispose]())

  // oxlint-disable-next-line typescript/no-explicit-any -- a forger may put anything anywhere
  type Forgery = (parsed: any) => void
  const REQUEST: [string, unknown][] = [
    ['clientPubkey', OTHER],
    ['clientAddress', '203.0.113.7:9735'],
    ['lspBalanceSat', 5_000_000],
    ['clientBalanceSat', 7],
    ['channelExpiryBlocks', 1_000],
    ['announceChannel', true],
    ['requiredChannelConfirmations', 77],
    ['fundingConfirmsWithinBlocks', 77],
    ['refundOnchainAddress', 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080'],
    ['asset', { assetId: 'rgb:forged', lspAmount: '1', clientAmount: null, rfqId: null }],
  ]
  const FORGERIES: [string, Forgery][] = [
    ...REQUEST.flatMap(([name, value]): [string, Forgery][] => [
      [`order.request.${name}`, ({ order }) => (order.request[name] = value)],
      [`quote.request.${name}`, ({ quote }) => (quote.request[name] = value)],
      [`events[0].order.request.${name}`, ({ events }) => (events[0].order.request[name] = value)],
      [
        `events[1].order.request.${name}`,
        ({ events }) => (events[1].order.request = { ...events[0].order.request, [name]: value }),
      ],
    ]),
    ['order.id', ({ order }) => (order.id = '0192f0f0-0000-7000-8000-000000000009')],
    ['events[1].order.id', ({ events }) => (events[1].order.id = '0192f0f0-0000-7000-8000-000000000009')],
    ['order.quoteId', ({ order }) => (order.quoteId = '0192f0f0-0000-7000-8000-000000000009')],
    ['quote.id', ({ quote }) => (quote.id = '0192f0f0-0000-7000-8000-000000000009')],
    ['lsp.lspOrderId', ({ lsp }) => (lsp.lspOrderId = 'another')],
    ['order.lspOrderId', ({ order }) => (order.lspOrderId = 'another')],
    ['answer.lspOrderId', ({ answer }) => (answer.lspOrderId = 'another')],
    ['events[1].order.lspOrderId', ({ events }) => (events[1].order.lspOrderId = 'another')],
    ['order.state', ({ order }) => (order.state = 'PAID')],
    ['the state of the last event', ({ events }) => (events.at(-1).state = 'PAID')],
    ['the state in the last snapshot', ({ events }) => (events.at(-1).order.state = 'PAID')],
    ['the sequence in the last snapshot', ({ events }) => (events.at(-1).order.sequence = 1)],
    ['the previous state of the first event', ({ events }) => (events[0].previousState = 'PAID')],
    ['the previous state of the second event', ({ events }) => (events[1].previousState = 'EXPIRED')],
    ['the time of the second event', ({ events }) => (events[1].at -= 30 * 24 * 3_600_000)],
    ['order.terms', ({ order }) => (order.terms.lspBalanceSat += 1)],
    ['order.orderTotalSat', ({ order }) => (order.orderTotalSat += 1)],
    ['order.maximums', ({ order }) => (order.maximums.bolt11 += 1)],
  ]

  test.each(FORGERIES)('%s', async (_what, forge) => {
    const refused = await importInto(gateways.to, forged(honest, forge))
    expect(refused).toMatchObject({
      __typename: 'ImportError',
      code: 'CONTRADICTORY',
      message: expect.stringContaining('the document contradicts itself: '),
    })
    // The values of a document may be secret.
    expect(refused.message).not.toMatch(/another|203\.0\.113\.7|abababab/)
    expect((await gateways.to.ask('{ orders { nodes { id } } }')).orders.nodes).toEqual([])
  })

  test('an honest document is imported, and what the second gateway exports is imported back by a third', async () => {
    const { id } = await importInto(gateways.to, honest)
    const again = await exported(gateways.to, id)
    await using third = await startTestGateway({ beside: gateways.from })
    expect(await importInto(third, again)).toMatchObject({ __typename: 'Order', id, state: 'COMPLETED' })
  })
})

test('an order whose outcome was unknown when it moved can move once more', async () => {
  await using gateways = await twoGateways('olive')
  const lsp = { protocol: 'LSPS1', url: gateways.from.sandbox.lsp('olive').url, lspOrderId: 'never-given' }
  const { id } = await importInto(gateways.from, invented(lsp, { state: 'OUTCOME_UNKNOWN' }))
  expect(await importInto(gateways.to, await exported(gateways.from, id))).toMatchObject({ __typename: 'Order', id })
})

describe('clientPubkey', () => {
  test('of another node refuses the document, also of an order that was imported before', async () => {
    await using gateways = await twoGateways('olive')
    const { from, to } = gateways
    const order = await orderAt(from, 'olive')
    const document = await exported(from, order.id)
    const refused = { __typename: 'ImportError', code: 'OTHER_NODE' }
    expect(await importInto(to, document, undefined, OTHER)).toMatchObject(refused)
    expect((await to.ask('{ orders { nodes { id } } }')).orders.nodes).toEqual([])
    const own = from.sandbox.wallet.pubkey.toUpperCase()
    expect(await importInto(to, document, undefined, own)).toMatchObject({ __typename: 'Order', id: order.id })
    expect(await importInto(to, document, undefined, OTHER)).toMatchObject(refused)
    const forOther = rewritten(document, {}, { clientPubkey: OTHER })
    expect(await importInto(to, forOther, undefined, OTHER)).toMatchObject(refused)
  })
})

/** An LSP of draft 0.0.2 with one order, which it opens when it is asked to. */
async function draftLsp(payment: 'PAID' | 'CREATED') {
  const expiresAt = Math.floor(Date.now() / 1_000) + 3_600
  const { bolt11 } = NODE.issueInvoice({
    amountSat: 1_000,
    description: 'a channel',
    createdAt: Date.now(),
    expiresAt: expiresAt * 1_000,
  })
  const details = {
    fee_total: 1_000,
    order_total: 1_000,
    order_expiry_ts: expiresAt,
    amount_paid: payment === 'PAID' ? 1_000 : 0,
    ln_invoice: bolt11,
    btc_address: '',
    onchain_payments: [],
    state: payment,
  }
  const state = { failuresLeft: 0 }
  const server = await QueueServer.start()
  server.always((request, response) => {
    const answer = (status: number, body: unknown) => json(status, body)(request, response)
    if (request.path === '/lsp/channels') return answer(200, { features: ['refunds', 'jit_channels', 'lnurl_lud2'] })
    if (request.path === '/lsp/channels/42') {
      const order = { id: 42, created_at: expiresAt - 3_600, payment: details, channel: null }
      return answer(200, { ...order, state: payment === 'PAID' ? 'PENDING_CHANNEL_OPEN' : 'AWAITING_PAYMENT' })
    }
    if (request.path === '/lsp/channels/42/open')
      return state.failuresLeft-- > 0
        ? answer(412, { success: false, fail_reason: 'PEER_NOT_CONNECTED', message: 'not connected' })
        : answer(200, { success: true, message: 'ok' })
    if (request.path === '/lsp/channels/42/jit' && request.method === 'POST')
      return answer(200, { fee_per_payment: 1, route_hint: { scid: '1x1x1', node_id: NODE.uri } })
    answer(404, { message: 'not found' })
  })
  const gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('draft', server.url, { protocol: 'CHANNEL_REQUEST_V0_0_2', registerJit: true })] },
  })
  // It learns the features of the LSP.
  await gateway.ask(
    'query ($request: ChannelRequestInput!) { quotes(request: $request, firm: NEVER) { failures { code } } }',
    { request: { clientPubkey: OWN, clientAddress: '127.0.0.1:9735', lspBalanceSat: 1_000_000 } },
  )
  expect((await gateway.ask('{ lsp(id: "draft") { features } }')).lsp.features).toContain('JIT_CHANNEL')
  const told = { protocol: 'CHANNEL_REQUEST_V0_0_2', url: server.url, lspOrderId: '42' }
  const isPost = ({ method, path }: RecordedRequest) => method === 'POST' && path.startsWith('/lsp/channels/42')
  return {
    gateway,
    state,
    document: (changes = {}) => invented(told, changes),
    polls: () => server.requests.filter(({ method, path }) => method === 'GET' && path === '/lsp/channels/42').length,
    posts: () => server.requests.filter(isPost),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

describe('an imported order at an LSP that waits to be asked for the channel', () => {
  const PAID = { state: 'PAID', paymentSeenAt: Date.now() }

  test('is polled, and is not opened until its client asks; the next step says so', async () => {
    await using at = await draftLsp('PAID')
    const { id } = await importInto(at.gateway, at.document(PAID))
    await vi.waitFor(() => expect(at.polls()).toBeGreaterThan(4), { timeout: 15_000 })
    expect(at.posts()).toEqual([])
    expect(await readOrder(at.gateway, id)).toMatchObject({
      state: 'PAID',
      nextStep: {
        actor: 'CLIENT',
        action: 'OPEN_CHANNEL',
        message: expect.stringContaining(`the gateway waits for openChannel before it asks the LSP`),
      },
    })
    expect((await readOrder(at.gateway, id)).nextStep.message).toContain(OWN)
    const { openChannel } = await at.gateway.ask(OPEN_CHANNEL, { id })
    expect(openChannel).toMatchObject({ __typename: 'Order', nextStep: { actor: 'LSP', action: 'WAIT' } })
    expect(at.posts()[0]?.path).toBe('/lsp/channels/42/open')
  })

  // 73985d6 ChannelOpenRequest: node_connection_string is pubkey@host:port.
  test('is not opened by a public key alone; the next step names the argument that is missing', async () => {
    await using at = await draftLsp('PAID')
    const { id } = await importInto(at.gateway, rewritten(at.document(PAID), {}, { clientAddress: null }))
    await vi.waitFor(() => expect(at.polls()).toBeGreaterThan(1), { timeout: 15_000 })
    const { openChannel: refused } = await at.gateway.ask(OPEN_CHANNEL, { id })
    expect(refused).toMatchObject({ __typename: 'LspError', code: 'INVALID_REQUEST', field: 'nodeUri' })
    await vi.waitFor(
      async () =>
        expect((await readOrder(at.gateway, id)).nextStep).toMatchObject({
          action: 'OPEN_CHANNEL',
          message: expect.stringContaining('call openChannel with nodeUri as pubkey@host:port'),
        }),
      { timeout: 15_000 },
    )
    expect(at.posts()).toEqual([])
    const nodeUri = `${OWN}@203.0.113.7:9735`
    expect((await at.gateway.ask(OPEN_CHANNEL, { id, nodeUri })).openChannel).toMatchObject({ __typename: 'Order' })
    expect(at.posts()[0]?.body).toMatchObject({ node_connection_string: nodeUri })
  })

  test('is opened by the gateway itself after a call of openChannel that failed', async () => {
    await using at = await draftLsp('PAID')
    at.state.failuresLeft = 1
    const { id } = await importInto(at.gateway, at.document(PAID))
    const { openChannel } = await at.gateway.ask(OPEN_CHANNEL, { id })
    expect(openChannel).toMatchObject({ __typename: 'LspError' })
    await vi.waitFor(
      async () =>
        expect((await eventsOf(at.gateway, id)).map(({ message }) => message)).toContain(
          'the LSP agreed to open the channel',
        ),
      { timeout: 15_000 },
    )
  })

  test('is never opened to the node of the document after its client has named another node', async () => {
    await using at = await draftLsp('PAID')
    at.state.failuresLeft = 1
    const { id } = await importInto(at.gateway, at.document(PAID))
    await at.gateway.ask(OPEN_CHANNEL, { id, nodeUri: `${OTHER}@127.0.0.1:9735` })
    await at.gateway.ask(OPEN_CHANNEL, { id, nodeUri: `${OTHER}@127.0.0.1:9735` })
    const polls = at.polls()
    await vi.waitFor(() => expect(at.polls()).toBeGreaterThan(polls + 4), { timeout: 15_000 })
    expect(at.posts()).toHaveLength(2)
    for (const { body } of at.posts()) expect(JSON.stringify(body)).toContain(OTHER)
  })

  test('has no node registered for a JIT channel', async () => {
    await using at = await draftLsp('CREATED')
    const { id } = await importInto(at.gateway, at.document())
    await vi.waitFor(() => expect(at.polls()).toBeGreaterThan(4), { timeout: 15_000 })
    expect(await readOrder(at.gateway, id)).toMatchObject({ state: 'AWAITING_PAYMENT', jitRouteHint: null })
    expect(at.posts()).toEqual([])
  })

  test('stays unopened after a restart of the gateway', async () => {
    await using at = await draftLsp('PAID')
    await importInto(at.gateway, at.document(PAID))
    await at.gateway.restart()
    const polls = at.polls()
    await vi.waitFor(() => expect(at.polls()).toBeGreaterThan(polls + 3), { timeout: 15_000 })
    expect(at.posts()).toEqual([])
  })
})

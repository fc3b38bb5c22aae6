import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { exported, importInto, invented, twoGateways } from './support.ts'
import { lsps1Order, LSPS1_INFO, NODE, settings } from '../quotes/support.ts'
import { ENGINES, freshDatabase } from '../support/database.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import {
  eventsOf,
  follow,
  OPEN_CHANNEL,
  orderAt,
  pay,
  quoteAt,
  readOrder,
  REQUEST_REFUND,
} from '../support/operations.ts'
import { json, QueueServer, text } from '../support/queue-server.ts'

const refundOf = async (gateway: TestGateway, id: string) =>
  (await gateway.ask(REQUEST_REFUND, { id, to: { onchainAddress: gateway.sandbox.wallet.newAddress() } })).requestRefund
const openingOf = async (gateway: TestGateway, id: string) => (await gateway.ask(OPEN_CHANNEL, { id })).openChannel

/** An LSP of draft 0.0.2 that knows one order, paid and waiting for its channel, and finds it by any number that reads as 42. */
async function draftLsp() {
  const expiresAt = Math.floor(Date.now() / 1_000) + 3_600
  const invoice = NODE.issueInvoice({
    amountSat: 1_000,
    description: 'a channel',
    createdAt: Date.now(),
    expiresAt: expiresAt * 1_000,
  }).bolt11
  const payment = {
    fee_total: 1_000,
    order_total: 1_000,
    order_expiry_ts: expiresAt,
    amount_paid: 0,
    ln_invoice: invoice,
    btc_address: '',
    onchain_payments: [],
    state: 'CREATED',
  }
  const server = await QueueServer.start()
  server.always((request, response) => {
    if (request.path === '/lsp/channels')
      return json(200, { features: ['refunds', 'jit_channels', 'lnurl_lud2'] })(request, response)
    const [, id, part] = /^\/lsp\/channels\/(\w+)(\/\w+)?$/.exec(request.path) ?? []
    if (Number.parseInt(id ?? '', 10) !== 42 || part !== undefined)
      return json(404, { message: 'not found' })(request, response)
    json(200, { id: 42, created_at: expiresAt - 3_600, state: 'AWAITING_PAYMENT', payment, channel: null })(
      request,
      response,
    )
  })
  return server
}

describe.concurrent('what only a document says of an order', () => {
  test('lets nobody have it refunded or opened while its LSP cannot be asked; what the LSP says then does', async () => {
    await using gateways = await twoGateways('beacon')
    const { from, to } = gateways
    from.sandbox.lsp('beacon').setFaults(['REFUND'])
    const { id } = await orderAt(from, 'beacon')
    await pay(from, id)
    await vi.waitFor(async () => expect(await readOrder(from, id)).toMatchObject({ state: 'PAID' }), { timeout: 8_000 })
    const document = await exported(from, id)
    from.sandbox.lsp('beacon').setFaults(['REFUND', 'SERVER_ERROR'])
    expect(await importInto(to, document)).toMatchObject({ state: 'PAID', payment: { bolt11: null } })
    for (const refused of [await refundOf(to, id), await openingOf(to, id)]) {
      expect(refused).toMatchObject({
        __typename: 'NotPossibleError',
        message: 'the order was imported, and its LSP has not reported it to this gateway yet',
      })
    }
    from.sandbox.lsp('beacon').setFaults(['REFUND'])
    await vi.waitFor(
      async () =>
        expect(await readOrder(to, id)).toMatchObject({
          payment: { bolt11: { state: 'PAID' } },
          refund: { state: 'AVAILABLE' },
        }),
      { timeout: 8_000 },
    )
    expect(await refundOf(to, id)).toMatchObject({ __typename: 'Order' })
  })

  test("has nothing done at an LSP that takes its id for another's, and is asked about no more", async () => {
    await using server = await draftLsp()
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('draft', server.url, { protocol: 'CHANNEL_REQUEST_V0_0_2' })] },
    })
    const alias = (lspOrderId: string, changes = {}) =>
      importInto(gateway, invented({ protocol: 'CHANNEL_REQUEST_V0_0_2', url: server.url, lspOrderId }, changes))
    const paid = await alias('042', { state: 'PAID', paymentSeenAt: Date.now() })
    const unpaid = await alias('0042')
    for (const { id } of [paid, unpaid]) {
      expect((await follow(gateway, id).end()).at(-1)).toMatchObject({
        message: 'the LSP answered about another order, and is asked about this one no more',
        snapshot: { payment: { bolt11: null } },
      })
    }
    expect(await openingOf(gateway, paid.id)).toMatchObject({ __typename: 'NotPossibleError' })
    expect(await refundOf(gateway, paid.id)).toMatchObject({ __typename: 'NotPossibleError' })
    const asked = server.requests.filter(({ path }) => path !== '/lsp/channels')
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /lsp/channels/042',
      'GET /lsp/channels/0042',
    ])
  })

  /** An LSP that fails over ids that it has never given, as some do, and a client that brings such ids. */
  async function nonsense(requestsPerMinute: number) {
    const server = await QueueServer.start()
    server.always((request, response) => {
      if (request.path === '/get_info') return json(200, LSPS1_INFO)(request, response)
      if (request.path === '/create_order') return json(200, lsps1Order(Date.now()))(request, response)
      text(500, 'invalid input syntax for type uuid')(request, response)
    })
    const gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('lsp', server.url, { requestsPerMinute })] },
    })
    return {
      gateway,
      readings: () => server.requests.filter(({ path }) => path === '/get_order').length,
      bring: (index: number) =>
        importInto(gateway, invented({ protocol: 'LSPS1', url: server.url, lspOrderId: `nonsense-${index}` })),
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]()
        await server[Symbol.asyncDispose]()
      },
    }
  }

  test('is not what an LSP is judged by', async () => {
    await using at = await nonsense(60_000)
    for (let index = 0; index < 8; index += 1) {
      await at.bring(index)
      await delay(200)
    }
    expect(at.readings()).toBeGreaterThan(8)
    expect((await at.gateway.ask('{ lsps { status { state lastError } } }')).lsps).toEqual([
      { status: { state: 'UP', lastError: null } },
    ])
    expect(await quoteAt(at.gateway, 'lsp')).toMatchObject({ basis: 'FIRM' })
  })

  test('is asked about by the budget that everything is read by', async () => {
    // One in ten seconds.
    await using at = await nonsense(6)
    for (let index = 0; index < 8; index += 1)
      expect(await at.bring(index)).toMatchObject({ __typename: 'Order', state: 'AWAITING_PAYMENT' })
    // The request for its limits is charged to the same budget.
    expect(at.readings()).toBeLessThanOrEqual(1)
  })
})

test.each(ENGINES)(
  'a client has an LSP asked about no more than fifty orders that it was never heard of, and about more once it was (%s)',
  async (engine) => {
    await using database = await freshDatabase(engine)
    const order = lsps1Order(Date.now())
    await using server = await QueueServer.start()
    server.always(text(503, 'down'))
    await using gateway = await startTestGateway({
      databaseUrl: database.url,
      sandbox: { only: [] },
      config: { lsps: [settings('lsp', server.url)], pace: { activeMs: 100, idleMs: 1_000 } },
    })
    const bring = (index: number) =>
      importInto(gateway, invented({ protocol: 'LSPS1', url: server.url, lspOrderId: `order-${index}` }))
    for (let index = 0; index < 50; index += 1) expect(await bring(index)).toMatchObject({ __typename: 'Order' })
    expect(await bring(50)).toMatchObject({ __typename: 'ImportError', code: 'TOO_MANY' })
    server.always((request, response) =>
      json(200, { ...order, order_id: request.query['order_id'] })(request, response),
    )
    await vi.waitFor(async () => expect(await bring(50)).toMatchObject({ __typename: 'Order' }), { timeout: 12_000 })
  },
)

describe.concurrent('an order whose outcome was not known when it moved', () => {
  test('is asked about, where its LSP has named it, and no other attempt is made to settle it', async () => {
    await using server = await QueueServer.start()
    server.always(text(503, 'down'))
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('lsp', server.url)] },
    })
    const imported = await importInto(
      gateway,
      invented({ protocol: 'LSPS1', url: server.url, lspOrderId: 'order-1' }, { state: 'OUTCOME_UNKNOWN' }),
    )
    expect(imported).toMatchObject({
      state: 'AWAITING_PAYMENT',
      nextStep: { action: 'DO_NOT_PAY', message: expect.stringContaining('Do not pay') },
    })
    expect((await eventsOf(gateway, imported.id)).map(({ state }) => state)).toEqual([
      'OUTCOME_UNKNOWN',
      'AWAITING_PAYMENT',
    ])
    // Recovery runs every three seconds.
    await delay(3_500)
    expect(gateway.logged.filter((line) => line.includes('unfinished order'))).toEqual([])
    const order = lsps1Order(Date.now(), { order_id: 'order-1', lsp_balance_sat: '1000000' })
    server.always(json(200, order))
    await vi.waitFor(
      async () =>
        expect(await readOrder(gateway, imported.id)).toMatchObject({
          payment: { bolt11: { invoice: order.payment.bolt11.invoice } },
        }),
      { timeout: 12_000 },
    )
  })

  test('is over, where it has not', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const imported = await importInto(
      gateway,
      invented(
        { protocol: 'LSPS1', url: gateway.sandbox.lsp('olive').url, lspOrderId: null },
        { state: 'OUTCOME_UNKNOWN' },
      ),
    )
    expect(imported).toMatchObject({ state: 'OUTCOME_UNKNOWN', nextStep: { actor: 'NOBODY' } })
    expect(await follow(gateway, imported.id).end()).toHaveLength(2)
    await delay(3_500)
    expect(gateway.logged.filter((line) => line.includes('unfinished order'))).toEqual([])
  })
})

test('an LSP that answers a client with the order which that client has imported ends nothing', async () => {
  const order = lsps1Order(Date.now(), { order_id: 'order-1' })
  await using server = await QueueServer.start()
  server.always((request, response) => json(200, request.path === '/get_info' ? LSPS1_INFO : order)(request, response))
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('lsp', server.url)] },
  })
  const imported = await importInto(gateway, invented({ protocol: 'LSPS1', url: server.url, lspOrderId: 'order-1' }))
  expect(imported).toMatchObject({ payment: { bolt11: { state: 'EXPECT_PAYMENT' } } })
  // It is that order, and no second one.
  await expect(quoteAt(gateway, 'lsp')).rejects.toThrow('PAYMENT_HASH_IS_NEW')
  const { checkedAt } = await readOrder(gateway, imported.id)
  await vi.waitFor(async () => expect((await readOrder(gateway, imported.id)).checkedAt).not.toBe(checkedAt), {
    timeout: 5_000,
  })
})

import { createHash } from 'node:crypto'
import Database from 'libsql'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  EXPORT,
  exported,
  forged,
  IMPORT,
  importInto,
  lengthened,
  rewritten,
  twoGateways,
  type Imported,
} from './support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { lsps1Order, LSPS1_INFO, settings } from '../quotes/support.ts'
import { eventsOf, follow, orderAt, pay, quoteAt, readOrder, REQUEST_REFUND } from '../support/operations.ts'
import { json, QueueServer } from '../support/queue-server.ts'

/** An invoice and an address that are somebody else's, and fit in every other way. */
async function others(gateway: TestGateway, amountSat: number) {
  const { sandboxWallet } = await gateway.ask(
    'query ($amountSat: Sat!) { sandboxWallet { invoice(amountSat: $amountSat) newAddress } }',
    { amountSat },
  )
  return sandboxWallet as { invoice: string; newAddress: string }
}

describe.concurrent('an imported document is not believed', () => {
  test.each(['AWAITING_PAYMENT', 'COMPLETED', 'FAILED'])(
    'when it says what is to be paid, and %s: the LSP is',
    async (state) => {
      await using gateways = await twoGateways('olive')
      const { from, to } = gateways
      const order = await orderAt(from, 'olive')
      const { invoice, newAddress } = await others(from, order.orderTotalSat)
      const document = forged(
        rewritten(await exported(from, order.id), { state }),
        ({ order: forgedOrder, events, quote }) => {
          const ways = {
            bolt11: { ...forgedOrder.payment.bolt11, invoice },
            bolt12: null,
            onchain: { ...forgedOrder.payment.bolt11, address: newAddress },
          }
          Object.assign(forgedOrder, {
            payment: ways,
            lnurlChannel: 'LNURL1THIEF',
            jit: { shortChannelId: '1x1x1', nodeId: null, feePerPaymentSat: null },
          })
          for (const event of events) Object.assign(event.order, { payment: ways, lnurlChannel: 'LNURL1THIEF' })
          quote.checks = [{ code: 'INVOICE_PAYEE', verdict: 'PASSED', message: invoice }]
        },
      )
      expect(document).toContain(invoice)
      const imported = await importInto(to, document)
      expect(imported).toMatchObject({
        state: 'AWAITING_PAYMENT',
        payment: { bolt11: { state: 'EXPECT_PAYMENT', invoice: order.payment.bolt11?.invoice } },
        lnurlChannel: null,
        jitRouteHint: null,
      })
      const shown = JSON.stringify([
        imported,
        await eventsOf(to, order.id),
        await to.ask(
          'query ($id: ID!) { order(id: $id) { quote { checks { message } } checks { code verdict message } } }',
          { id: order.id },
        ),
        await exported(to, order.id),
      ])
      expect(shown).not.toContain(invoice)
      expect(shown).not.toContain(newAddress)
      expect(shown).not.toContain('THIEF')
    },
  )

  test('but a payment that it has seen is not asked for again, whatever the LSP says', async () => {
    await using gateways = await twoGateways('olive')
    const { from, to } = gateways
    const order = await orderAt(from, 'olive')
    const document = forged(await exported(from, order.id), ({ order: seen }) =>
      Object.assign(seen, { paymentSeenAt: Date.now() }),
    )
    expect(await importInto(to, document)).toMatchObject({
      state: 'AWAITING_PAYMENT',
      payment: { bolt11: null, onchain: null, bip21: null },
      nextStep: { actor: 'CLIENT', action: 'CONTACT_LSP', message: expect.stringContaining('Do not pay again') },
    })
  })

  test('but that its client wants the money back, and not the channel, goes with it', async () => {
    await using gateways = await twoGateways('beacon')
    const { from, to } = gateways
    from.sandbox.lsp('beacon').setFaults(['REFUND'])
    const order = await orderAt(from, 'beacon')
    await pay(from, order.id)
    await vi.waitFor(async () => expect(await readOrder(from, order.id)).toMatchObject({ state: 'PAID' }), {
      timeout: 8_000,
    })
    const document = forged(await exported(from, order.id), ({ order: asked }) =>
      Object.assign(asked, { isRefundRequested: true }),
    )
    expect(await importInto(to, document)).toMatchObject({
      state: 'PAID',
      nextStep: { actor: 'LSP', message: expect.stringContaining('the refund was requested') },
    })
  })

  test('before its LSP has answered: nothing is to be paid until then', async () => {
    await using gateways = await twoGateways('olive')
    const { from, to } = gateways
    const order = await orderAt(from, 'olive')
    const document = await exported(from, order.id)
    from.sandbox.lsp('olive').setFaults(['SERVER_ERROR'])
    const imported = await importInto(to, document)
    expect(imported).toMatchObject({
      payment: { bolt11: null, onchain: null, bip21: null },
      nextStep: { actor: 'NOBODY', action: 'DO_NOT_PAY', message: expect.stringContaining('Do not pay') },
    })
    from.sandbox.lsp('olive').setFaults([])
    await vi.waitFor(
      async () =>
        expect(await readOrder(to, order.id)).toMatchObject({
          payment: { bolt11: { invoice: order.payment.bolt11?.invoice } },
          nextStep: { action: 'PAY' },
        }),
      { timeout: 10_000 },
    )
    expect((await eventsOf(to, order.id)).at(-1)?.message).toContain('the LSP confirmed what is to be paid')
  })

  test('when the LSP asks for something that fails a check', async () => {
    await using gateways = await twoGateways('olive')
    const { from, to } = gateways
    const order = await orderAt(from, 'olive')
    const honest = await exported(from, order.id)
    const terms = { ...JSON.parse(honest).order.terms, clientBalanceSat: 5 }
    const document = rewritten(honest, { terms }, { clientBalanceSat: 5 })
    // The LSP mirrors the balance as it is, which is less than the document says was asked for.
    expect(await importInto(to, document)).toMatchObject({
      clientBalanceSat: 0,
      payment: { bolt11: null },
      nextStep: { message: expect.stringContaining('clientBalanceSat: asked for 5, answered 0') },
    })
  })

  test('when it has texts that are not for people', async () => {
    await using gateways = await twoGateways('olive')
    const { from, to } = gateways
    const { id } = await orderAt(from, 'olive')
    const document = forged(await exported(from, id), ({ order, events }) => {
      order.failureReason = `<script>\u202e${'x'.repeat(1_500)}`
      events[0].message = 'ordered\u0000\n<b>: pay elsewhere'
    })
    const imported = await importInto(to, document)
    expect(imported.failureReason).toMatch(/^script> x+…$/)
    expect(imported.failureReason?.length).toBe(500)
    expect((await eventsOf(to, id))[0]?.message).toBe('ordered b>: pay elsewhere')
  })
})

const wallet = (name: string) => ({ name, keySha256: createHash('sha256').update(`key-of-${name}`).digest('hex') })

function lspOrderIdsOf({ databaseUrl }: TestGateway): string[] {
  const database = new Database(databaseUrl, { readonly: true })
  try {
    return database
      .prepare('select lsp_order_id as id from placements')
      .all()
      .map((row) => (row as { id: string }).id)
  } finally {
    database.close()
  }
}

const as = (name: string) => ({ authorization: `Bearer key-of-${name}` })

test("an order is nobody else's to import, whatever the document calls it", async () => {
  await using gateway = await startTestGateway({
    sandbox: { only: ['olive'] },
    config: { clients: [wallet('alice'), wallet('mallory')] },
    key: 'key-of-alice',
  })
  const { id } = await orderAt(gateway, 'olive')
  const document = await exported(gateway, id)
  const mallory = async (forgery: string) =>
    (await gateway.send(IMPORT, { document: forgery }, as('mallory'))).data['importOrder'] as Imported
  expect((await gateway.send(EXPORT, { id }, as('mallory'))).data).toEqual({ orderExport: null })
  expect(await mallory(document)).toMatchObject({ __typename: 'ImportError', code: 'NOT_YOURS' })
  // Under another id of ours it still is the same order of the LSP's.
  const renamed = forged(document, (parsed) => {
    parsed.order.id = '0192f0f0-0000-7000-8000-000000000000'
  })
  expect(await mallory(renamed)).toMatchObject({ code: 'NOT_YOURS' })
  expect((await gateway.send('{ orders { nodes { id } } }', {}, as('mallory'))).data).toEqual({ orders: { nodes: [] } })
  expect((await importInto(gateway, renamed)).id).toBe(id)
  // Neither are orders that were placed for a quote, and are nobody's yet.
  await quoteAt(gateway, 'olive', { lspBalanceSat: 3_000_000 }, 'ALWAYS')
  const quoted = lspOrderIdsOf(gateway).find((lspOrderId) => lspOrderId !== JSON.parse(document).lsp.lspOrderId)
  const guessed = forged(renamed, (parsed) => (parsed.lsp.lspOrderId = quoted))
  expect(await mallory(guessed)).toMatchObject({ code: 'NOT_YOURS' })
  expect(await importInto(gateway, guessed)).toMatchObject({ code: 'NOT_YOURS' })
})

test("no document writes into another order's log, or stops it", async () => {
  await using gateway = await startTestGateway({
    sandbox: { only: ['olive'] },
    config: { clients: [wallet('alice'), wallet('mallory')] },
    key: 'key-of-alice',
  })
  const { id } = await orderAt(gateway, 'olive')
  const other = '0192f0f0-0000-7000-8000-000000000001'
  const document = forged(rewritten(await exported(gateway, id), { id: other, lspOrderId: null }), (parsed) => {
    parsed.quote = null
    Object.assign(parsed.order, { sequence: 2, state: 'FAILED' })
    const [first] = parsed.events
    const order = { sequence: 2, state: 'FAILED', failureReason: 'forged' }
    const message = 'forged'
    parsed.events = [first, { ...first, sequence: 2, previousState: first.state, state: 'FAILED', message, order }]
  })
  const mallory = async (forgery: string) =>
    (await gateway.send(IMPORT, { document: forgery }, as('mallory'))).data['importOrder'] as Imported
  // The snapshot of an event names the order of somebody else.
  const pointing = forged(document, (parsed) => (parsed.events[1].order.id = id))
  expect(await mallory(pointing)).toMatchObject({ __typename: 'ImportError', code: 'CONTRADICTORY' })
  expect(await mallory(document)).toMatchObject({ __typename: 'Order', id: other, quote: null })
  await pay(gateway, id)
  await vi.waitFor(async () => expect(await readOrder(gateway, id)).toMatchObject({ state: 'COMPLETED' }), {
    timeout: 10_000,
  })
  expect(JSON.stringify(await eventsOf(gateway, id))).not.toContain('forged')
})

describe("an LSP's order id that was guessed before the LSP gave it", () => {
  /** An LSP that gives the next order a name that can be guessed, and answers about it as soon as it `knows` it. */
  async function guessing(knows: boolean) {
    const offered = lsps1Order(Date.now(), { order_id: 'order-1' })
    const state = { knows, knowsAfter: Number.POSITIVE_INFINITY, id: 'order-1', readings: 0 }
    const server = await QueueServer.start()
    server.always((request, response) => {
      if (request.path === '/get_info') return json(200, LSPS1_INFO)(request, response)
      if (request.path === '/create_order')
        return json(200, { ...lsps1Order(Date.now()), order_id: state.id })(request, response)
      if (request.query['order_id'] === 'order-1') return json(200, offered)(request, response)
      state.readings += 1
      return state.knows || state.readings > state.knowsAfter
        ? json(200, { ...offered, order_id: request.query['order_id'] })(request, response)
        : json(404, { message: 'Order not found' })(request, response)
    })
    const gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('lsp', server.url)], clients: [wallet('alice'), wallet('mallory')] },
      key: 'key-of-mallory',
    })
    const quote = async (key: string, lspBalanceSat: number) => {
      const { quotes } = (
        await gateway.send(
          'query ($request: ChannelRequestInput!) { quotes(request: $request) { quotes { id } } }',
          { request: { clientPubkey: gateway.sandbox.wallet.pubkey, lspBalanceSat } },
          as(key),
        )
      ).data['quotes'] as { quotes: { id: string }[] }
      return quotes[0]?.id ?? ''
    }
    const order = async (key: string, quoteId: string) =>
      (
        await gateway.send(
          'mutation ($id: ID!) { createOrder(input: {quoteId: $id, idempotencyKey: "k"}) { ... on Order { id payment { bolt11 { invoice } } } } }',
          { id: quoteId },
          as(key),
        )
      ).data['createOrder'] as { id: string; payment: { bolt11: { invoice: string } | null } }
    const own = await order('mallory', await quote('mallory', 1_000_000))
    const guess = rewritten(await exported(gateway, own.id), {
      id: '0192f0f0-0000-7000-8000-000000000002',
      lspOrderId: 'order-2',
    })
    return {
      state,
      gateway,
      guess,
      quote,
      order,
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]()
        await server[Symbol.asyncDispose]()
      },
    }
  }

  test('is asked about three times, and never again', async () => {
    await using at = await guessing(false)
    expect(await importInto(at.gateway, at.guess)).toMatchObject({ lspState: 'NOT_FOUND', payment: { bolt11: null } })
    expect(await follow(at.gateway, '0192f0f0-0000-7000-8000-000000000002').end()).toHaveLength(3)
    expect(at.state.readings).toBe(3)
  })

  test('that is unknown for a moment is asked about again, and followed', async () => {
    await using at = await guessing(false)
    at.state.knowsAfter = 2
    expect(await importInto(at.gateway, at.guess)).toMatchObject({ lspState: 'NOT_FOUND' })
    await vi.waitFor(
      async () =>
        expect(await readOrder(at.gateway, '0192f0f0-0000-7000-8000-000000000002')).toMatchObject({
          lspState: 'CREATED',
        }),
      { timeout: 5_000 },
    )
  })

  test('is taken from whoever guessed it, even where the LSP answered about it already', async () => {
    await using at = await guessing(true)
    expect(await importInto(at.gateway, at.guess)).toMatchObject({ lspOrderId: 'order-2' })
    at.state.id = 'order-2'
    const alices = await at.order('alice', await at.quote('alice', 2_000_000))
    expect(alices.payment.bolt11?.invoice).toMatch(/^lnbcrt/)
    await follow(at.gateway, '0192f0f0-0000-7000-8000-000000000002').end()
    const { requestRefund } = await at.gateway.ask(REQUEST_REFUND, {
      id: '0192f0f0-0000-7000-8000-000000000002',
      to: { onchainAddress: at.gateway.sandbox.wallet.newAddress() },
    })
    expect(requestRefund).toMatchObject({ __typename: 'NotPossibleError' })
  })
})

describe('a document is refused', () => {
  let gateways: Awaited<ReturnType<typeof twoGateways>>
  let honest: string
  beforeAll(async () => {
    gateways = await twoGateways('olive')
    honest = await exported(gateways.from, (await orderAt(gateways.from, 'olive')).id)
  })
  afterAll(() => gateways[Symbol.asyncDispose]())

  test.each<[string, (document: string) => string, string, string]>([
    ['that is no JSON', (document) => document.slice(0, -1), 'UNREADABLE', 'not JSON'],
    ['that is something else', () => '{"orders": []}', 'UNREADABLE', 'format'],
    [
      'of a later version',
      (document) => forged(document, (parsed) => (parsed.version = 2)),
      'UNKNOWN_VERSION',
      'version 2',
    ],
    [
      'of an LSP that is not here',
      (document) => forged(document, (parsed) => (parsed.lsp.url = 'https://elsewhere.example/api')),
      'UNKNOWN_LSP',
      'elsewhere.example',
    ],
    [
      'of an LSP that speaks otherwise here',
      (document) => forged(document, (parsed) => (parsed.lsp.protocol = 'THUNDERSTACK')),
      'UNKNOWN_LSP',
      'THUNDERSTACK',
    ],
    [
      'of another network',
      (document) => forged(document, (parsed) => (parsed.lsp.network = 'MAINNET')),
      'UNKNOWN_LSP',
      'MAINNET',
    ],
    [
      'whose events have a gap',
      (document) => forged(document, (parsed) => (parsed.events[0].sequence = 2)),
      'UNREADABLE',
      'without a gap',
    ],
    [
      'that lacks events',
      (document) => forged(document, (parsed) => (parsed.order.sequence = 9)),
      'UNREADABLE',
      'the document has 1 events',
    ],
    [
      'with an id of the LSP that leads elsewhere',
      (document) => forged(document, (parsed) => (parsed.lsp.lspOrderId = '..')),
      'UNREADABLE',
      'lsp.lspOrderId',
    ],
    [
      'with a negative amount',
      (document) => forged(document, (parsed) => (parsed.order.orderTotalSat = -1)),
      'UNREADABLE',
      'order.orderTotalSat',
    ],
    [
      'with a state that there is not',
      (document) => forged(document, (parsed) => (parsed.events[0].order.state = 'PAYED')),
      'UNREADABLE',
      'events[0].order.state',
    ],
    [
      'with a key that is none',
      (document) => forged(document, (parsed) => (parsed.order.request.clientPubkey = 'me')),
      'UNREADABLE',
      'order.request.clientPubkey',
    ],
    [
      'of more events than an order has',
      (document) => lengthened(document, 301),
      'UNREADABLE',
      'order.sequence: Too big',
    ],
    [
      'that is short, and would fill the database',
      (document) => lengthened(document, 290, () => ({}), { failureReason: '一'.repeat(500) }),
      'UNREADABLE',
      'together more than 500000 bytes',
    ],
    [
      'with an endless text',
      (document) => forged(document, (parsed) => (parsed.order.failureReason = 'x'.repeat(50_000))),
      'UNREADABLE',
      'order.failureReason',
    ],
  ])('%s', async (_, forge, code, message) => {
    expect(await importInto(gateways.to, forge(honest))).toMatchObject({
      __typename: 'ImportError',
      code,
      message: expect.stringContaining(message),
    })
    expect((await gateways.to.ask('{ orders { nodes { id } } }')).orders.nodes).toEqual([])
  })
})

test('an order that its LSP has forgotten comes with its history, and with nothing to pay', async () => {
  await using gateways = await twoGateways('olive')
  const { from, to } = gateways
  const { id } = await orderAt(from, 'olive')
  from.sandbox.lsp('olive').setFaults(['VANISHES_AFTER_PAYMENT'])
  await pay(from, id)
  await vi.waitFor(async () => expect((await readOrder(from, id)).lspState).toBe('NOT_FOUND'), { timeout: 8_000 })
  const imported = await importInto(to, await exported(from, id))
  expect(imported).toMatchObject({ lspState: 'NOT_FOUND', payment: { bolt11: null } })
  expect((await eventsOf(to, id)).length).toBeGreaterThan(2)
})

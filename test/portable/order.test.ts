import { describe, expect, test, vi } from 'vitest'
import { EXPORT, exported, importInto, invented, lengthened, newSealKey, twoGateways } from './support.ts'
import { systemClock } from '../../src/domain/time.ts'
import { openStore } from '../../src/store/store.ts'
import { freshPostgres } from '../support/database.ts'
import { lsps1Order, LSPS1_INFO, settings } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { json, QueueServer } from '../support/queue-server.ts'
import {
  counting,
  eventsOf,
  follow,
  followAll,
  orderAt,
  pay,
  quoteAt,
  createOrder,
  readOrder,
  sequencesOf,
  type OrderData,
} from '../support/operations.ts'

/** What no reading of the LSP makes otherwise. */
function lasting({
  id,
  lsp,
  state,
  clientPubkey,
  lspBalanceSat,
  channelExpiryBlocks,
  feeTotalSat,
  orderTotalSat,
  lspOrderId,
  createdAt,
  payment,
  quote,
}: OrderData) {
  const { bip21 } = payment
  return {
    id,
    lsp,
    quote,
    state,
    clientPubkey,
    lspBalanceSat,
    channelExpiryBlocks,
    feeTotalSat,
    orderTotalSat,
    lspOrderId,
    createdAt,
    bip21,
  }
}

describe.concurrent('an order that moves to another gateway', () => {
  test.each(['olive', 'kestrel', 'thunder', 'anchor', 'beacon'])(
    'at %s is there as it was, and is followed to its end',
    async (lspId) => {
      await using gateways = await twoGateways(lspId)
      const { from, to } = gateways
      const order = await orderAt(from, lspId)
      const sealKey = newSealKey()
      const document = await exported(from, order.id, sealKey)
      const before = (await eventsOf(from, order.id)).slice(0, JSON.parse(document).order.sequence)
      const imported = await importInto(to, document, sealKey)
      expect(lasting(imported)).toEqual(lasting(order))
      expect(imported.payment.bolt11).toMatchObject({ state: 'EXPECT_PAYMENT', invoice: order.payment.bolt11?.invoice })
      const history = (await eventsOf(to, order.id)).slice(0, before.length)
      expect(
        history.map(({ sequence, createdAt: at, state, previousState, message }) => ({
          sequence,
          at,
          state,
          previousState,
          message,
        })),
      ).toEqual(
        before.map(({ sequence, createdAt: at, state, previousState, message }) => ({
          sequence,
          at,
          state,
          previousState,
          message,
        })),
      )
      const follower = follow(to, order.id)
      await pay(to, order.id)
      await follower.untilState('COMPLETED')
      expect(sequencesOf(follower.events)).toEqual(counting(1, follower.events.length))
      expect(follower.events[before.length]?.message).toBe('imported from another gateway')
      await follower.stop()
    },
  )

  test('that was paid already goes on where it was', async () => {
    await using gateways = await twoGateways('beacon')
    const { from, to } = gateways
    const { id } = await orderAt(from, 'beacon')
    await pay(from, id)
    const { sequence } = await vi.waitFor(
      async () => {
        const order = await readOrder(from, id)
        expect(order.state).not.toBe('AWAITING_PAYMENT')
        return order
      },
      { timeout: 10_000 },
    )
    const document = await exported(from, id)
    expect(JSON.parse(document).order.sequence).toBeGreaterThanOrEqual(sequence)
    expect((await importInto(to, document)).id).toBe(id)
    await vi.waitFor(
      async () =>
        expect(await readOrder(to, id)).toMatchObject({
          state: 'COMPLETED',
          channel: { fundingOutpoint: expect.any(String) },
        }),
      { timeout: 8_000 },
    )
  })

  test('that is complete is complete there, with its channel, and counts for nothing that is measured there', async () => {
    await using gateways = await twoGateways('olive')
    const { from, to } = gateways
    const { id } = await orderAt(from, 'olive')
    await pay(from, id)
    const done = await vi.waitFor(async () => {
      const order = await readOrder(from, id)
      expect(order).toMatchObject({ state: 'COMPLETED', payment: { bolt11: { state: 'PAID' } } })
      return order
    }, 8_000)
    const imported = await importInto(to, await exported(from, id))
    expect(imported).toMatchObject({
      state: 'COMPLETED',
      channel: done.channel,
      payment: done.payment,
      feeTotalSat: done.feeTotalSat,
    })
    await using store = await openStore(to.databaseUrl, systemClock)
    expect(await store.lsps.record('olive')).toMatchObject({ ended: 0 })
  })

  test('is the same order however often and however many times at once it is imported', async () => {
    await using gateways = await twoGateways('olive')
    const { from, to } = gateways
    const { id } = await orderAt(from, 'olive')
    const document = await exported(from, id)
    const all = await Promise.all(counting(1, 4).map(() => importInto(to, document)))
    const again = await importInto(to, document)
    expect([...all, again].map((order) => order.id)).toEqual([id, id, id, id, id])
    expect((await eventsOf(to, id)).filter(({ message }) => message.startsWith('imported'))).toHaveLength(1)
    // Brought back, it is the order that never left.
    expect((await importInto(from, await exported(to, id))).sequence).toBe((await readOrder(from, id)).sequence)
  })

  test('may move into a database of the other kind, and be reminded of there', async () => {
    await using database = await freshPostgres()
    await using gateways = await twoGateways('olive', { databaseUrl: database.url, config: { leaseReminderDays: 365 } })
    const { from, to } = gateways
    const first = await orderAt(from, 'olive')
    const second = await orderAt(from, 'olive', { lspBalanceSat: 2_000_000 })
    for (const { id } of [first, second]) expect((await importInto(to, await exported(from, id))).id).toBe(id)
    const follower = follow(to, second.id)
    await pay(to, second.id)
    const completed = await follower.untilState('COMPLETED')
    await vi.waitFor(
      async () =>
        expect(
          (await eventsOf(to, second.id, completed.sequence)).some(({ message }) =>
            message.includes('the lease of the channel ends'),
          ),
        ).toBe(true),
      { timeout: 8_000 },
    )
    const events = await eventsOf(to, second.id)
    expect(sequencesOf(events)).toEqual(counting(1, events.length))
    await follower.stop()
  })

  test('is ordered no second time by its quote', async () => {
    await using gateways = await twoGateways('olive')
    const { from, to } = gateways
    const { id: quoteId } = await quoteAt(from, 'olive', {}, 'ALWAYS')
    const { id } = await createOrder(from, { quoteId })
    await importInto(to, await exported(from, id))
    const placed = from.sandbox.lsp('olive').orderCount
    expect((await createOrder(to, { quoteId })).id).toBe(id)
    expect(from.sandbox.lsp('olive').orderCount).toBe(placed)
  })

  test("is news from its arrival on: what happened before is in its log, and in nobody's stream", async () => {
    await using gateways = await twoGateways('olive')
    const { from, to } = gateways
    const { id, sequence } = await orderAt(from, 'olive')
    const news = followAll(to)
    const first = news.until(() => true)
    const { id: own } = await orderAt(to, 'olive', { lspBalanceSat: 2_000_000 })
    await first
    await importInto(to, await exported(from, id))
    const arrival = await news.until(({ orderId }) => orderId === id)
    expect(arrival).toMatchObject({ sequence: sequence + 1, message: 'imported from another gateway' })
    expect(news.events.map((event) => event.orderId)).toEqual([own, id])
    await news.stop()
  })
})

describe.concurrent('what an order tells when it leaves', () => {
  test('is all of it: the quote, the checks, the answer of the LSP, every event', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { id } = await orderAt(gateway, 'kestrel')
    const document = JSON.parse(await exported(gateway, id, newSealKey()))
    expect(document).toMatchObject({
      format: 'sluice-order',
      version: 1,
      gateway: expect.stringMatching(/^sluice \d/),
      exportedAt: expect.any(String),
      lsp: {
        protocol: 'KALEIDOSWAP',
        url: gateway.sandbox.lsp('kestrel').url,
        network: 'REGTEST',
        lspOrderId: expect.any(String),
        needsAccessToken: true,
        sealedAccessToken: expect.any(String),
      },
      quote: { orderTotalSat: expect.any(Number) },
      order: {
        id,
        checks: expect.arrayContaining([expect.objectContaining({ code: 'INVOICE_AMOUNT', verdict: 'PASSED' })]),
        payment: { bolt11: { invoice: expect.any(String) } },
      },
      answer: { lspState: expect.any(String), accessToken: null },
      events: [{ sequence: 1, message: expect.stringContaining('ordered') }],
    })
  })

  test('is not what can no longer be paid: neither in the order, nor in its events, nor in the answer of the LSP', async () => {
    const refundOnchainAddress = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080'
    const order = lsps1Order(Date.now(), { validMs: 6_000, order_id: 'order-1' })
    const { bolt11 } = order.payment
    const onchain = {
      ...bolt11,
      invoice: undefined,
      address: 'bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk',
      min_onchain_payment_confirmations: 1,
      min_fee_for_0conf: 253,
      refund_onchain_address: refundOnchainAddress,
    }
    await using server = await QueueServer.start()
    server.always((request, response) =>
      json(200, request.path === '/get_info' ? LSPS1_INFO : { ...order, payment: { bolt11, onchain } })(
        request,
        response,
      ),
    )
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('lsp', server.url)] },
    })
    const { id, payment } = await createOrder(gateway, {
      quoteId: (await quoteAt(gateway, 'lsp', { refundOnchainAddress })).id,
    })
    expect(payment).toMatchObject({ bolt11: { invoice: bolt11.invoice }, onchain: { address: onchain.address } })
    const fresh = await exported(gateway, id)
    expect(JSON.parse(fresh)).toMatchObject({
      order: { payment: { bolt11: { invoice: bolt11.invoice } } },
      answer: { lspState: 'CREATED' },
      events: [{ order: { payment: { bolt11: { invoice: bolt11.invoice } } } }],
    })
    expect(JSON.parse(fresh).answer).not.toHaveProperty('payment')

    await vi.waitFor(async () => expect((await readOrder(gateway, id)).payment.bolt11).toBeNull(), { timeout: 8_000 })
    const late = await exported(gateway, id)
    expect(late).not.toContain(bolt11.invoice)
    expect(late).not.toContain(onchain.address)
  })

  test('is told to its own client alone', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    expect((await gateway.ask('{ orderExport(id: "0192f0f0-0000-7000-8000-000000000000") }')).orderExport).toBeNull()
  })

  test('is refused, in words, where no gateway would take it in', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const lsp = { protocol: 'LSPS1', url: gateway.sandbox.lsp('olive').url, lspOrderId: null }
    const refusalOf = async (document: string) => {
      const { id } = await importInto(gateway, document)
      const { data, errors } = await gateway.send(EXPORT, { id })
      expect(data).toEqual({ orderExport: null })
      return errors
    }
    const refused = (message: string) => [
      expect.objectContaining({
        message: expect.stringContaining(message),
        extensions: expect.objectContaining({ code: 'BAD_USER_INPUT' }),
      }),
    ]
    // Each import is one more event.
    expect(await refusalOf(lengthened(invented(lsp), 300))).toEqual(
      refused('this order has 301 events, and importOrder takes in no more than 300'),
    )
    const wordy = lengthened(invented(lsp), 150, (sequence) => ({ failureReason: String(sequence).padEnd(431, '.') }))
    expect(JSON.stringify(wordy).length).toBeLessThan(95_000)
    expect(await refusalOf(wordy)).toEqual(refused('longer than the 95000 characters'))
  })

  test('says of each event only what was otherwise than before', async () => {
    await using gateways = await twoGateways('beacon')
    const { from, to } = gateways
    const { id } = await orderAt(from, 'beacon')
    await pay(from, id)
    await vi.waitFor(async () => expect((await readOrder(from, id)).state).toBe('COMPLETED'), 8_000)
    const document = await exported(from, id)
    const { events } = JSON.parse(document) as { events: { order: Record<string, unknown> }[] }
    expect(events.slice(1).every(({ order }) => !('request' in order))).toBe(true)
    await importInto(to, document)
    const stripped = (event: {
      state: string
      snapshot: { state: string; channel: unknown; lspState: string | null }
    }) => ({
      state: event.state,
      was: event.snapshot.state,
      channel: event.snapshot.channel,
      word: event.snapshot.lspState,
    })
    expect((await eventsOf(to, id)).slice(0, events.length).map(stripped)).toEqual(
      (await eventsOf(from, id)).slice(0, events.length).map(stripped),
    )
  })
})

import { describe, expect, test } from 'vitest'
import { exported, forged, importInto } from './support.ts'
import { lsps1Order, LSPS1_INFO, NODE, settings } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createOrder, quoteAt } from '../support/operations.ts'
import { json, QueueServer } from '../support/queue-server.ts'

const REFUND_ADDRESS = 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88'

interface Offer {
  feeSat: number
  onchainSat?: number
}

/** What an LSP makes of an order: it is to be paid on chain too, where that has a price. */
function offered(orderId: string, { feeSat, onchainSat }: Offer) {
  const order = lsps1Order(Date.now(), { feeSat, order_id: orderId })
  if (onchainSat === undefined) return order
  const price = { fee_total_sat: String(onchainSat), order_total_sat: String(onchainSat) }
  const onchain = {
    ...price,
    state: 'EXPECT_PAYMENT',
    expires_at: order.payment.bolt11.expires_at,
    address: NODE.newAddress(),
    min_onchain_payment_confirmations: 1,
  }
  return { ...order, payment: { ...order.payment, onchain } }
}

/** Two gateways at an LSP that comes to ask for something else. */
async function repricing() {
  let orders = 0
  let offer = offered('order-0', { feeSat: 1_000 })
  const server = await QueueServer.start()
  server.always((request, response) =>
    json(
      200,
      request.path === '/get_info' ? LSPS1_INFO : { ...offer, order_id: request.query['order_id'] ?? offer.order_id },
    )(request, response),
  )
  const start = () => startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('lsp', server.url)] } })
  const [from, to] = [await start(), await start()]
  return {
    from,
    to,
    start,
    asks(other: Offer) {
      offer = offered(`order-${++orders}`, other)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([from[Symbol.asyncDispose](), to[Symbol.asyncDispose]()])
      await server[Symbol.asyncDispose]()
    },
  }
}

describe.concurrent('of an order that moved to another gateway, its LSP is paid', () => {
  test('no more than the order cost when it left', async () => {
    await using at = await repricing()
    const { id } = await createOrder(at.from, { quoteId: (await quoteAt(at.from, 'lsp')).id })
    at.asks({ feeSat: 5_000_000 })
    const imported = await importInto(at.to, await exported(at.from, id))
    expect(imported).toMatchObject({
      orderTotalSat: 1_000,
      payment: { bolt11: null, bip21: null },
      nextStep: {
        action: 'DO_NOT_PAY',
        message: expect.stringContaining('the LSP now asks 5000000 sat, more than you agreed to'),
      },
    })
    // It is no cheaper for having moved twice.
    expect(JSON.parse(await exported(at.to, id)).order).toMatchObject({ orderTotalSat: 1_000, maxOrderTotalSat: 1_000 })
  })

  test('by any way that was handed out, and by a dearer one where its document is from before that was written down, not', async () => {
    await using at = await repricing()
    at.asks({ feeSat: 1_000, onchainSat: 6_000 })
    const { id, payment } = await createOrder(at.from, {
      quoteId: (await quoteAt(at.from, 'lsp', { refundOnchainAddress: REFUND_ADDRESS })).id,
      maxOrderTotalSat: 6_000,
    })
    const { bolt11, onchain } = payment
    expect(onchain).toMatchObject({ orderTotalSat: 6_000 })
    const document = await exported(at.from, id)
    expect((await importInto(at.to, document)).payment).toMatchObject({
      bolt11: { invoice: bolt11?.invoice },
      onchain: { address: onchain?.address },
    })
    await using another = await at.start()
    const older = forged(document, ({ order }) => delete order.maxOrderTotalSat)
    expect((await importInto(another, older)).payment).toMatchObject({
      bolt11: { invoice: bolt11?.invoice },
      onchain: null,
    })
  })

  test.each([
    [2_000, { bolt11: { orderTotalSat: 2_000 } }],
    [2_001, { bolt11: null }],
  ])('up to what was agreed to when it was ordered: %i sat of 2000', async (asked, payment) => {
    await using at = await repricing()
    await quoteAt(at.from, 'lsp')
    const observed = await quoteAt(at.from, 'lsp', { clientPubkey: NODE.pubkey }, 'NEVER')
    expect(observed.basis).toBe('OBSERVED')
    at.asks({ feeSat: 1_000 })
    const { id } = await createOrder(at.from, { quoteId: observed.id, maxOrderTotalSat: 2_000 })
    const document = await exported(at.from, id)
    at.asks({ feeSat: asked })
    expect((await importInto(at.to, document)).payment).toMatchObject(payment)
  })
})

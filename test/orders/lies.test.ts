import { expect, test, vi } from 'vitest'
import { lsps1Order, settings, startScriptedLsp } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { follow, orderAt, pay, readOrder } from '../support/operations.ts'

const COMPARE = 'query ($request: ChannelRequest!) { quotes(request: $request) { quotes { id } } }'
const ORDER = 'mutation ($id: ID!) { createOrder(input: {quoteId: $id, idempotencyKey: "k"}) { ... on Order { id payment { bolt11 { invoice } } } } }'

/** An order at an LSP that answers the order as `created`, and every later reading as `later` makes of it. */
async function orderedAt(later: (created: ReturnType<typeof lsps1Order>) => unknown) {
  const created = lsps1Order(Date.now())
  const lsp = await startScriptedLsp((request) => (request.path === '/create_order' ? created : later(created)))
  const gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('liar', lsp.url)] } })
  const { quotes } = await gateway.ask(COMPARE, { request: { clientPubkey: gateway.sandbox.wallet.pubkey, lspBalanceSat: 1_000_000 } })
  const { createOrder } = await gateway.ask(ORDER, { id: quotes.quotes[0].id })
  const readings = () => lsp.requests.filter(({ path }) => path === '/get_order').length
  return { id: createOrder.id as string, gateway, readings, async [Symbol.asyncDispose]() { await gateway[Symbol.asyncDispose](); await lsp[Symbol.asyncDispose]() } }
}

test('an answer about another order moves nothing', async () => {
  await using order = await orderedAt((created) => ({ ...created, order_id: 'somebody-elses', order_state: 'COMPLETED', channel: { funded_at: created.created_at, funding_outpoint: 'aa:0', expires_at: created.created_at } }))
  await vi.waitFor(() => expect(order.readings()).toBeGreaterThan(2), { timeout: 10_000 })
  expect(await readOrder(order.gateway, order.id)).toMatchObject({ state: 'AWAITING_PAYMENT', sequence: 1, channel: null, lspOrderId: expect.stringMatching(/^order-/) })
})

test('an invoice that is swapped after the order was made is not handed out, and the client is told not to pay', async () => {
  const dearer = lsps1Order(Date.now(), { feeSat: 500_000 })
  await using order = await orderedAt((created) => ({ ...created, payment: dearer.payment }))
  const follower = follow(order.gateway, order.id)
  const swapped = await follower.until(({ message }) => message.includes('the LSP replaced what is to be paid'))
  expect(swapped.order).toMatchObject({ orderTotalSat: 1_000, payment: { bolt11: null, bip21: null }, nextStep: { actor: 'NOBODY', action: 'NONE', message: expect.stringMatching(/^Do not pay/) } })
  expect(JSON.stringify(await readOrder(order.gateway, order.id))).not.toContain(dearer.payment.bolt11.invoice)
  await follower.stop()
})

test('orders are followed on when the clock is set back by an hour', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
  const { id } = await orderAt(gateway, 'olive')
  const follower = follow(gateway, id)
  await follower.until(() => true)
  const systemNow = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => systemNow() - 3_600_000)
  try {
    await pay(gateway, id)
    await follower.untilState('COMPLETED')
  } finally {
    vi.restoreAllMocks()
  }
  await follower.stop()
})

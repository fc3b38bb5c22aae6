import { expect, test } from 'vitest'
import { lsps1Order, settings, startScriptedLsp } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createOrder } from '../support/operations.ts'
import { json } from '../support/queue-server.ts'

// An order is POSTed again only when the LSP's answer proves that the first one left nothing there.

const QUOTES = 'query ($request: ChannelRequestInput!) { quotes(request: $request) { quotes { id basis } } }'

test.each([
  ['is OUTCOME_UNKNOWN', 408, { message: 'upstream connection timed out' }, 'Order', 1],
  ['is OUTCOME_UNKNOWN', 499, { message: 'connection closed' }, 'Order', 1],
  ['is OUTCOME_UNKNOWN', 500, { error: { code: 7, message: 'database connection lost after commit' } }, 'Order', 1],
  ['is OUTCOME_UNKNOWN', 503, { error: { code: 100, message: 'Option mismatch' } }, 'Order', 1],
  ['is OUTCOME_UNKNOWN', 200, { error: true, message: 'connection to database lost' }, 'Order', 1],
  ['can be sent again', 400, { error: true, message: 'your node is not connected' }, 'LspError', 2],
  ['can be sent again', 200, { error: true, message: 'you must be connected as a peer' }, 'LspError', 2],
  ['can be sent again', 429, { message: 'connection limit' }, 'LspError', 1],
])('an order %s when it is answered by %i %j', async (_what, status, body, answer, posts) => {
  await using lsp = await startScriptedLsp(() => ({
    ...lsps1Order(Date.now()),
    order_id: `order-${lsp.requests.length}`,
  }))
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: {
      lsps: [
        settings('lsp', lsp.url, { courtesy: { maxUnpaidOrders: 9, firmQuotesPerHour: 1, maxStandingOrders: 1_000 } }),
      ],
    },
  })
  const request = { clientPubkey: gateway.sandbox.wallet.pubkey, lspBalanceSat: 1_000_000 }
  await gateway.ask(QUOTES, { request })
  const observed = await gateway.ask(QUOTES, { request: { ...request, clientAddress: '127.0.0.1:9' } })
  expect(observed.quotes.quotes).toMatchObject([{ basis: 'OBSERVED' }])
  const input = { quoteId: observed.quotes.quotes[0].id as string, idempotencyKey: 'the same' }
  const created = () => lsp.requests.filter(({ path }) => path === '/create_order').length
  const before = created()
  lsp.next(json(status, body), '/create_order')
  const first = await createOrder(gateway, input)
  expect(first).toMatchObject(
    answer === 'Order' ? { __typename: 'Order', state: 'OUTCOME_UNKNOWN' } : { __typename: answer },
  )
  const second = await createOrder(gateway, input)
  if (answer === 'Order') expect(second.id).toBe(first.id)
  expect(created() - before).toBe(posts)
})

import { expect, test } from 'vitest'
import { startTestGateway, takeUntil } from '../support/gateway.ts'

const QUOTES = `query ($request: ChannelRequest!, $ids: [ID!], $firm: FirmPolicy! = WHEN_NEEDED) {
  quotes(request: $request, lspIds: $ids, firm: $firm) { quotes { id lsp { id } basis feeTotalSat orderTotalSat } failures { lsp { id } code message property } }
}`
const ORDER = `mutation ($input: CreateOrderInput!) { createOrder(input: $input) { __typename ... on Order { id state orderTotalSat payment { bolt11 { invoice } } } ... on Error { message } ... on LspError { code property } } }`
const FOLLOW = `subscription ($id: ID!, $after: Int) { orderUpdated(id: $id, afterSequence: $after) { sequence state previousState message order { state channel { state fundingOutpoint } nextStep { actor action } } } }`

for (const id of ['olive', 'kestrel', 'thunder', 'anchor', 'beacon']) {
  test(`an order at ${id} is placed, paid and followed to COMPLETED`, async () => {
    await using gateway = await startTestGateway({ sandbox: { only: [id] } })
    const request = { clientPubkey: gateway.sandbox.wallet.pubkey, clientAddress: gateway.sandbox.wallet.address, lspBalanceSat: 1_000_000 }
    const { quotes } = await gateway.ask(QUOTES, { request })
    expect(quotes.failures).toEqual([])
    const { createOrder: order } = await gateway.ask(ORDER, { input: { quoteId: quotes.quotes[0].id, idempotencyKey: 'k1' } })
    expect(order).toMatchObject({ __typename: 'Order', state: 'AWAITING_PAYMENT' })
    const stream = gateway.subscribe(FOLLOW, { id: order.id, after: 0 })
    await gateway.ask('mutation ($id: ID!) { sandboxPay(id: $id) { state } }', { id: order.id })
    const events = await takeUntil(stream, (data) => data.orderUpdated.state === 'COMPLETED')
    console.log(id, events.map((e) => `${e.orderUpdated.sequence} ${e.orderUpdated.message} [${e.orderUpdated.order.nextStep.action}]`))
    expect(events.map((event) => event.orderUpdated.sequence)).toEqual(events.map((_, index) => index + 1))
  })
}

import { describe, expect, test, vi } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import {
  counting,
  CREATE_ORDER,
  createOrder,
  eventsOf,
  follow,
  orderAt,
  pay,
  quoteAt,
  readOrder,
  sequencesOf,
  lasting,
} from '../support/operations.ts'

/** Stands for a wallet that was cut off and comes back: what it saw before, and what it sees from there on. */
async function seenBefore(gateway: TestGateway, id: string, state: string) {
  const follower = follow(gateway, id)
  await follower.untilState(state)
  return follower
}

describe.concurrent('a gateway that is stopped and started again', () => {
  test('goes on with an order in the middle, without a gap or a repeat', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'], stepMs: 400 } })
    const { id } = await orderAt(gateway, 'kestrel')
    const before = follow(gateway, id)
    await before.until(() => true)
    await pay(gateway, id)
    await before.untilState('PAID')
    await gateway.restart()
    const after = await follow(gateway, id, { after: before.events.length }).end()
    const events = [...before.events, ...after]
    expect(sequencesOf(events)).toEqual(counting(1, events.length))
    expect(events.at(-1)?.state).toBe('COMPLETED')
    expect(lasting(events)).toEqual(lasting(await eventsOf(gateway, id)))
  })

  test('tells what happened while it was away, once', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['anchor'], stepMs: 50 } })
    const { id, payment } = await orderAt(gateway, 'anchor')
    const before = await seenBefore(gateway, id, 'AWAITING_PAYMENT')
    await before.stop()
    // Paid, opened and confirmed, all while nobody looked.
    gateway.sandbox.lsp('anchor').setFaults(['SERVER_ERROR'])
    await gateway.sandbox.wallet.payInvoice(payment.bolt11?.invoice ?? '')
    await gateway.restart()
    await vi.waitUntil(() => gateway.sandbox.wallet.payment(payment.bolt11?.paymentHash ?? '')?.state === 'SUCCEEDED')
    gateway.sandbox.lsp('anchor').setFaults([])
    const follower = follow(gateway, id, { after: 1 })
    await follower.until(({ snapshot: order }) => order.channel?.state === 'OPEN')
    expect(sequencesOf(follower.events)).toEqual(counting(2, follower.events.length))
    await follower.stop()
  })

  test('reads every order again at once, also those that it was about to read', async () => {
    // Five readings a second: most orders wait for their turn when the gateway stops.
    await using gateway = await startTestGateway({
      sandbox: { only: ['kestrel'] },
      lsp: () => ({ requestsPerMinute: 300 }),
    })
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    const orders = []
    for (const _ of counting(1, 8)) orders.push(await createOrder(gateway, { quoteId }))
    const { requests } = gateway.sandbox.lsp('kestrel')
    const reads = () => requests.filter(({ path }) => path === '/get_order')
    await vi.waitUntil(() => reads().length > 0, { timeout: 5_000, interval: 5 })
    await gateway.restart()
    const from = reads().length
    await vi.waitFor(
      () =>
        expect(
          new Set(
            reads()
              .slice(from)
              .map(({ body }) => (body as { order_id: string }).order_id),
          ).size,
        ).toBe(8),
      { timeout: 9_000, interval: 20 },
    )
    expect(await readOrder(gateway, orders[0]?.id ?? '')).toMatchObject({ state: 'AWAITING_PAYMENT' })
  })

  test('waits for the answer to an order that is on its way, and keeps it', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'], slowMs: 400 } })
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    gateway.sandbox.lsp('kestrel').setFaults(['SLOW'])
    const leaving = new AbortController()
    const input = { quoteId, idempotencyKey: 'under-way' }
    const answer = fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      signal: leaving.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: CREATE_ORDER, variables: { input } }),
    })
    await vi.waitUntil(() => gateway.sandbox.lsp('kestrel').orderCount === 1, { timeout: 5_000, interval: 5 })
    leaving.abort()
    await expect(answer).rejects.toThrow('aborted')
    await gateway.restart()
    gateway.sandbox.lsp('kestrel').setFaults([])
    expect(await createOrder(gateway, input)).toMatchObject({ __typename: 'Order', state: 'AWAITING_PAYMENT' })
    expect(gateway.sandbox.lsp('kestrel').orderCount).toBe(1)
  })
})

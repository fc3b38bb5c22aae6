import { describe, expect, test } from 'vitest'
import { lsps1Order, NODE, settings, startScriptedLsp } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createOrder, quoteAt, QUOTES, readOrder, requestOf, type OrderData } from '../support/operations.ts'

// What the answer to a POST may claim: it proves no payment, and an order that is over is a refusal.

const REFUND = 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88'
type Scripted = ReturnType<typeof lsps1Order>

/** An order of 4667 sat by Lightning, and of 5 000 000 sat on chain, as `change` has it. */
function dearOnchain(change: (order: Scripted & { payment: { onchain: Record<string, unknown> } }) => void) {
  const order = lsps1Order(Date.now(), { feeSat: 4_667, order_id: `order-${Math.random()}` })
  const { invoice: _, ...option } = order.payment.bolt11
  const onchain: Record<string, unknown> = {
    ...option,
    fee_total_sat: '5000000',
    order_total_sat: '5000000',
    address: NODE.newAddress(),
    min_onchain_payment_confirmations: 1,
  }
  const changed = { ...order, payment: { ...order.payment, onchain } }
  change(changed)
  return changed
}

/** The Lightning price is known from another node's quote, so that the POST is the order itself. */
async function orderedAfterObserving(answer: () => unknown) {
  let isOrder = false
  await using lsp = await startScriptedLsp(({ path }) =>
    path === '/create_order' && isOrder
      ? answer()
      : lsps1Order(Date.now(), { feeSat: 4_667, order_id: `q-${Math.random()}` }),
  )
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('liar', lsp.url)], pace: { activeMs: 60_000, idleMs: 60_000 } },
  })
  await quoteAt(gateway, 'liar')
  const more = { clientPubkey: NODE.pubkey, refundOnchainAddress: REFUND }
  const quote = await quoteAt(gateway, 'liar', more, 'NEVER')
  expect(quote).toMatchObject({ basis: 'OBSERVED', orderTotalSat: 4_667 })
  isOrder = true
  const result = await createOrder(gateway, { quoteId: quote.id, idempotencyKey: 'k' })
  return { result, order: result.__typename === 'Order' ? await readOrder(gateway, result.id) : null }
}

const claimsNothing = ({ nextStep, payment }: OrderData) => {
  expect(nextStep.action).not.toBe('TOP_UP')
  // Without invoices and hashes, whose random digits may look like an amount.
  const amounts = [
    nextStep.message,
    payment.bolt11?.orderTotalSat,
    payment.onchain,
    /amount=[^&]*/.exec(payment.bip21 ?? '')?.[0],
  ]
  expect(JSON.stringify(amounts)).not.toMatch(/49\d{5}|5000000|0\.05/)
}

describe.concurrent('an answer to the POST that claims a payment', () => {
  test.each<[string, Record<string, unknown>]>([
    ['underpaid on chain', { state: 'UNDERPAID' }],
    ['paid on chain', { state: 'PAID' }],
    ['held on chain', { state: 'HOLD' }],
  ])('(%s) is not believed: nothing is asked for above the maximum', async (_what, claim) => {
    const { result, order } = await orderedAfterObserving(() =>
      dearOnchain(({ payment }) => Object.assign(payment.onchain, claim)),
    )
    if (order) claimsNothing(order)
    else expect(result).toMatchObject({ code: 'UNTRUSTWORTHY', message: expect.stringContaining('NOTHING_PAID_YET') })
  })

  test('by its invoice is UNTRUSTWORTHY: the wallet is neither told that it paid, nor asked to pay', async () => {
    const { result } = await orderedAfterObserving(() =>
      lsps1Order(Date.now(), {
        payment: { bolt11: { ...lsps1Order(Date.now()).payment.bolt11, state: 'HOLD' } },
      }),
    )
    expect(result).toMatchObject({
      __typename: 'LspError',
      code: 'UNTRUSTWORTHY',
      message: expect.stringContaining('the LSP reports a payment for an order that it was just asked for'),
    })
  })
})

test('an option above the agreed maximum is withheld, and a check says so', async () => {
  const { order, result } = await orderedAfterObserving(() => dearOnchain(() => {}))
  expect(result.__typename).toBe('Order')
  expect(order).toMatchObject({ orderTotalSat: 4_667, payment: { bolt11: { orderTotalSat: 4_667 }, onchain: null } })
  if (order) claimsNothing(order)
})

describe.concurrent('an answer to the POST that is over from the start', () => {
  const over =
    (changes: Record<string, unknown>, state = 'EXPECT_PAYMENT') =>
    () => {
      const order = lsps1Order(Date.now(), { order_id: `order-${Math.random()}`, ...changes })
      return { ...order, payment: { bolt11: { ...order.payment.bolt11, state } } }
    }

  test.each<[string, () => unknown]>([
    ['FAILED', over({ order_state: 'FAILED' })],
    ['FAILED with a refunded payment', over({ order_state: 'FAILED' }, 'REFUNDED')],
    ['with a refunded payment alone', over({}, 'REFUNDED')],
  ])('(%s) is a refusal: no quote, no order, and no unpaid order in the budget', async (_what, answer) => {
    await using lsp = await startScriptedLsp(answer)
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: {
        lsps: [
          settings('refusing', lsp.url, {
            courtesy: { maxUnpaidOrders: 1, firmQuotesPerHour: 1_000, maxStandingOrders: 1_000 },
          }),
        ],
      },
    })
    for (const lspBalanceSat of [1_000_000, 2_000_000]) {
      const { quotes } = await gateway.ask(QUOTES, { request: requestOf(gateway, { lspBalanceSat }) })
      expect(quotes).toMatchObject({
        quotes: [],
        failures: [{ code: 'CLIENT_REJECTED', message: expect.stringContaining('the LSP refused the order') }],
      })
    }
    expect(await gateway.ask('query { orders { nodes { id } } }')).toEqual({ orders: { nodes: [] } })
  })

  test('refuses createOrder too, and the same key is answered the same, without another POST', async () => {
    let isOrder = false
    await using lsp = await startScriptedLsp(() =>
      isOrder ? over({ order_state: 'FAILED' })() : lsps1Order(Date.now(), { order_id: `q-${Math.random()}` }),
    )
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('lsp', lsp.url)] },
    })
    await quoteAt(gateway, 'lsp')
    const { id: quoteId } = await quoteAt(gateway, 'lsp', { clientPubkey: NODE.pubkey }, 'NEVER')
    isOrder = true
    const posts = () => lsp.requests.filter(({ path }) => path === '/create_order').length
    const refused = await createOrder(gateway, { quoteId, idempotencyKey: 'k' })
    expect(refused).toMatchObject({ __typename: 'LspError', code: 'CLIENT_REJECTED' })
    const posted = posts()
    expect(await createOrder(gateway, { quoteId, idempotencyKey: 'k' })).toEqual(refused)
    expect(posts()).toBe(posted)
    expect(await gateway.ask('query { orders { nodes { id } } }')).toEqual({ orders: { nodes: [] } })
  })
})

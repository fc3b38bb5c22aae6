import { afterAll, beforeAll, expect, test } from 'vitest'
import { compare, idsOf, quoteOf, settingsOf } from './support.ts'
import { startTestGateway, takeUntil, type TestGateway } from '../support/gateway.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'

// What LSPs are measured by is orders that were paid: some are, in a sandbox of fast LSPs and in one of a slow one.

const ORDER =
  'mutation ($input: CreateOrderInput!) { createOrder(input: $input) { __typename ... on Order { id payment { bolt11 { invoice } } } } }'
const FOLLOW = 'subscription ($id: ID!) { orderUpdated(id: $id, afterSequence: 0) { state } }'

let slow: Sandbox
let fast: Sandbox
let gateway: TestGateway

beforeAll(async () => {
  slow = await startSandbox({ only: ['kestrel'], stepMs: 500 })
  fast = await startSandbox({ only: ['olive', 'anchor', 'thunder', 'beacon'], stepMs: 120 })
  gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [...fast.lsps, ...slow.lsps].map((lsp) => settingsOf(lsp)) },
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await fast.close()
  await slow.close()
})

/** Orders at an LSP, pays, and waits for one of these ends. */
async function payAt(sandbox: Sandbox, id: string, lspBalanceSat: number, ends: readonly string[]): Promise<string> {
  const { id: quoteId } = await quoteOf(gateway, id, { request: { lspBalanceSat } })
  const { createOrder: order } = await gateway.ask(ORDER, {
    input: { quoteId, idempotencyKey: `${id} ${lspBalanceSat}` },
  })
  await sandbox.wallet.payInvoice(order.payment.bolt11.invoice)
  const events = await takeUntil(gateway.subscribe(FOLLOW, { id: order.id }), ({ orderUpdated }) =>
    ends.includes(orderUpdated.state),
  )
  return events.at(-1).orderUpdated.state
}

test('where nothing was measured, SPEED and RELIABILITY rank by the fee', async () => {
  const byFee = ['thunder', 'kestrel', 'olive', 'anchor', 'beacon']
  for (const rankBy of ['SPEED', 'RELIABILITY', 'TOTAL_FEE'])
    expect(idsOf((await compare(gateway, { rankBy })).quotes)).toEqual(byFee)
})

test('SPEED and RELIABILITY are what was measured, with the LSPs that were never used last, also after a restart', async () => {
  const paid = await Promise.all([
    payAt(fast, 'anchor', 500_000, ['COMPLETED']),
    payAt(slow, 'kestrel', 500_000, ['COMPLETED']),
    payAt(slow, 'kestrel', 600_000, ['COMPLETED']),
    payAt(fast, 'olive', 500_000, ['COMPLETED']),
  ])
  expect(paid).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED', 'COMPLETED'])
  // Olive's second order fails after it was paid.
  fast.lsp('olive').setFaults(['REFUND'])
  expect(await payAt(fast, 'olive', 600_000, ['REFUNDED'])).toBe('REFUNDED')
  fast.lsp('olive').setFaults([])

  const rankings = async () => {
    const [speed, reliability] = [
      await compare(gateway, { rankBy: 'SPEED' }),
      await compare(gateway, { rankBy: 'RELIABILITY' }),
    ]
    return { speed: idsOf(speed.quotes), reliability: idsOf(reliability.quotes) }
  }
  const before = await rankings()
  // The fast ones before the slow one; thunder and beacon, of which nothing is known, by their fees.
  expect(before.speed.slice(0, 2).toSorted()).toEqual(['anchor', 'olive'])
  expect(before.speed.slice(2)).toEqual(['kestrel', 'thunder', 'beacon'])
  // Two of two before one of one before one of two.
  expect(before.reliability).toEqual(['kestrel', 'anchor', 'olive', 'thunder', 'beacon'])

  await gateway.restart()
  expect(await rankings()).toEqual(before)
})

test('an order that nobody paid measures nothing', async () => {
  await quoteOf(gateway, 'beacon', { request: { lspBalanceSat: 700_000 } })
  const { id: quoteId } = await quoteOf(gateway, 'beacon', { request: { lspBalanceSat: 800_000 } })
  expect((await gateway.ask(ORDER, { input: { quoteId, idempotencyKey: 'unpaid' } })).createOrder).toMatchObject({
    __typename: 'Order',
  })
  expect(idsOf((await compare(gateway, { rankBy: 'RELIABILITY' })).quotes).at(-1)).toBe('beacon')
})

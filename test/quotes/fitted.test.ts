import { expect, test } from 'vitest'
import { compare, failureOf, orderPosts, quoteOf, type QuoteData } from './support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { nodeKeys } from '../support/node-keys.ts'

// The budgets that a configuration has by default.
const DEFAULT_COURTESY = { maxUnpaidOrders: 5, firmQuotesPerHour: 60, maxStandingOrders: 200 }

const open = (firmQuotesPerHour = DEFAULT_COURTESY.firmQuotesPerHour) =>
  startTestGateway({
    sandbox: { only: ['olive'] },
    lsp: () => ({ courtesy: { ...DEFAULT_COURTESY, maxUnpaidOrders: 1_000, firmQuotesPerHour } }),
  })

/** The tariff of the simulated LSP: a base, 3 000 ppm of the size, and 140 ppm of it for each week. */
const tariffSat = (balanceSat: number, blocks = 12_960) =>
  400 + Math.floor((balanceSat * 3_000) / 1e6) + Math.floor((balanceSat * 140 * blocks) / 1_008 / 1e6)

const sized = (lspBalanceSat: number, more: Record<string, unknown> = {}) => ({ request: { lspBalanceSat, ...more } })

/** Has the LSP asked for its price at each size. */
async function learn(gateway: Awaited<ReturnType<typeof open>>, sizes: readonly number[]): Promise<void> {
  for (const size of sizes) await quoteOf(gateway, 'olive', { ...sized(size), firm: 'ALWAYS' })
}

const noPrice = { code: 'PRICE_UNKNOWN' }
const never = { firm: 'NEVER' }

function assertFits({ basis, fit, feeTotalSat, notes, lspBalanceSat, ...quote }: QuoteData): void {
  expect({ basis, checks: quote.checks, expiresAt: quote.expiresAt }).toEqual({
    basis: 'ESTIMATED',
    checks: [],
    expiresAt: null,
  })
  if (fit === null) throw new Error('the quote does not say how it was derived')
  const note = notes.find(({ code }) => code === 'FITTED')?.message
  for (const figure of [fit.points, fit.oldestAt, fit.newestAt, `${fit.maxDeviationSat} sat`])
    expect(note).toContain(String(figure))
  // The LSP rounds two parts of its fee.
  expect(Math.abs(feeTotalSat - tariffSat(lspBalanceSat))).toBeLessThanOrEqual(fit.maxDeviationSat + 2)
}

test('a hundred users of one client with a node each get a price, within the default budgets of the LSP', async () => {
  await using gateway = await startTestGateway({
    sandbox: { only: ['olive'] },
    lsp: () => ({ courtesy: DEFAULT_COURTESY }),
  })
  // Sizes from 200 000 sat to 10 000 000 sat, in no order.
  const sizes = nodeKeys(100).map((clientPubkey, index) => ({
    clientPubkey,
    lspBalanceSat: 200_000 + ((index * 7_919) % 100) * 98_000,
  }))
  const answers = []
  for (const request of sizes) answers.push(await compare(gateway, { request }))
  const quotes = answers.flatMap((answer) => answer.quotes)
  expect(answers.flatMap(({ failures }) => failures)).toEqual([])
  expect(quotes).toHaveLength(100)
  const fitted = quotes.filter(({ basis }) => basis !== 'FIRM')
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(60)
  expect(fitted).toHaveLength(40)
  fitted.forEach(assertFits)
})

test('with firm: NEVER, four prices on one line are enough for a price in between and a little beyond', async () => {
  await using gateway = await open()
  await learn(gateway, [500_000, 4_000_000, 1_000_000])
  expect(await failureOf(gateway, 'olive', { ...sized(2_000_000), ...never })).toMatchObject(noPrice)
  await learn(gateway, [3_000_000])
  for (const size of [500_001, 2_000_000, 3_999_999, 5_700_000])
    assertFits(await quoteOf(gateway, 'olive', { ...sized(size), ...never }))
  expect(await failureOf(gateway, 'olive', { ...sized(9_000_000), ...never })).toMatchObject(noPrice)
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(4)
})

test('an estimated price can be ordered, and what the LSP asks then is within the deviation', async () => {
  await using gateway = await open()
  await learn(gateway, [500_000, 4_000_000, 1_000_000, 3_000_000])
  const quote = await quoteOf(gateway, 'olive', { ...sized(2_345_678), ...never })
  const { createOrder } = await gateway.ask(
    'mutation ($input: CreateOrderInput!) { createOrder(input: $input) { __typename ... on Order { feeTotalSat } } }',
    { input: { quoteId: quote.id, idempotencyKey: 'k', maxOrderTotalSat: quote.orderTotalSat + 10 } },
  )
  expect(createOrder).toEqual({ __typename: 'Order', feeTotalSat: tariffSat(2_345_678) })
})

test('a tariff with coarse steps is not fitted', async () => {
  await using gateway = await open()
  gateway.sandbox.lsp('olive').setFaults(['PRICES_IN_STEPS'])
  await learn(gateway, [1_050_000, 2_900_000, 1_950_000, 4_100_000, 3_500_000, 5_999_999, 5_000_001, 2_000_000])
  for (const size of [1_500_000, 2_500_000, 3_100_000, 5_500_000])
    expect(await failureOf(gateway, 'olive', { ...sized(size), ...never })).toMatchObject(noPrice)
})

test('prices within one step are not taken beyond it', async () => {
  await using gateway = await open()
  gateway.sandbox.lsp('olive').setFaults(['PRICES_IN_STEPS'])
  await learn(gateway, [100_000, 900_000, 300_000, 600_000, 750_000])
  const inside = await quoteOf(gateway, 'olive', { ...sized(500_000), ...never })
  expect(inside).toMatchObject({ feeTotalSat: tariffSat(1_000_000), fit: { points: 5, maxDeviationSat: 0 } })
  expect(await failureOf(gateway, 'olive', { ...sized(1_200_000), ...never })).toMatchObject(noPrice)
})

test('a newer price that contradicts the line retires it, until enough new ones agree', async () => {
  await using gateway = await open()
  await learn(gateway, [500_000, 1_000_000, 2_000_000, 3_000_000, 4_000_000])
  assertFits(await quoteOf(gateway, 'olive', { ...sized(1_500_000), ...never }))
  gateway.sandbox.lsp('olive').setFaults(['DEARER_AT_ORDER'])
  for (const size of [600_000, 2_500_000, 3_500_000]) {
    await learn(gateway, [size])
    expect(await failureOf(gateway, 'olive', { ...sized(1_500_000), ...never })).toMatchObject(noPrice)
  }
  await learn(gateway, [1_200_000])
  const { feeTotalSat, fit } = await quoteOf(gateway, 'olive', { ...sized(1_500_000), ...never })
  expect(fit?.points).toBe(4)
  expect(Math.abs(feeTotalSat - tariffSat(1_500_000) * 1.5)).toBeLessThanOrEqual((fit?.maxDeviationSat ?? 0) + 3)
})

test('prices of other terms, and those for a token, are not mixed with the tariff', async () => {
  await using gateway = await open()
  const tokens = [{ lspId: 'olive', token: 'SLUICE10' }]
  for (const size of [500_000, 1_000_000, 2_000_000, 3_000_000])
    await quoteOf(gateway, 'olive', { ...sized(size, { tokens }), firm: 'ALWAYS' })
  expect(await failureOf(gateway, 'olive', { ...sized(1_500_000), ...never })).toMatchObject(noPrice)
  await learn(gateway, [500_000, 1_000_000, 2_000_000, 3_000_000])
  assertFits(await quoteOf(gateway, 'olive', { ...sized(1_500_000), ...never }))
  for (const other of [{ announceChannel: true }, { clientBalanceSat: 1_000 }, { tokens }])
    expect(await failureOf(gateway, 'olive', { ...sized(1_500_000, other), ...never })).toMatchObject(noPrice)
})

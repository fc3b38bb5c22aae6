import { expect, test } from 'vitest'
import { compare, failureOf, orderPosts, quoteOf, requestsTo } from './support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const ALL = ['anchor', 'beacon', 'kestrel', 'olive', 'thunder']
const postsOf = (gateway: TestGateway) =>
  Object.fromEntries(gateway.sandbox.lsps.map((lsp) => [lsp.id, orderPosts(lsp).length]))
const bases = ({ quotes }: Awaited<ReturnType<typeof compare>>) =>
  Object.fromEntries(quotes.map(({ lsp, basis }) => [lsp.id, basis]))

test('NEVER places nothing anywhere: estimates and tariffs answer, and the others say why they do not', async () => {
  await using gateway = await startTestGateway()
  const comparison = await compare(gateway, { firm: 'NEVER' })
  expect(bases(comparison)).toEqual({ kestrel: 'ESTIMATED', thunder: 'COMPUTED' })
  expect(comparison.failures.map(({ lsp, code, retryAt }) => [lsp.id, code, retryAt])).toEqual([
    ['anchor', 'PRICE_UNKNOWN', null],
    ['beacon', 'PRICE_UNKNOWN', null],
    ['olive', 'PRICE_UNKNOWN', null],
  ])
  expect(postsOf(gateway)).toEqual({ anchor: 0, beacon: 0, kestrel: 0, olive: 0, thunder: 0 })
})

test('WHEN_NEEDED places an order only where there is no other price', async () => {
  await using gateway = await startTestGateway()
  expect(bases(await compare(gateway, { firm: 'WHEN_NEEDED' }))).toEqual({
    anchor: 'FIRM',
    beacon: 'FIRM',
    kestrel: 'ESTIMATED',
    olive: 'FIRM',
    thunder: 'COMPUTED',
  })
  expect(postsOf(gateway)).toEqual({ anchor: 1, beacon: 1, kestrel: 0, olive: 1, thunder: 0 })
})

test('ALWAYS places an order at every LSP, and asks for no estimate', async () => {
  await using gateway = await startTestGateway()
  const comparison = await compare(gateway, { firm: 'ALWAYS' })
  expect(bases(comparison)).toEqual({ anchor: 'FIRM', beacon: 'FIRM', kestrel: 'FIRM', olive: 'FIRM', thunder: 'FIRM' })
  expect(comparison.quotes.map(({ lsp, feeTotalSat }) => [lsp.id, feeTotalSat])).toEqual([
    ['thunder', 2_515],
    ['kestrel', 4_107],
    ['olive', 5_200],
    ['anchor', 5_890],
    ['beacon', 7_208],
  ])
  expect(postsOf(gateway)).toEqual(Object.fromEntries(ALL.map((id) => [id, 1])))
  expect(requestsTo(gateway.sandbox.lsp('kestrel'), '/estimate_fees')).toEqual([])
})

test('an order that stands answers whatever the policy, since it is the better price', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
  const firm = await quoteOf(gateway, 'kestrel', { firm: 'ALWAYS' })
  for (const policy of ['NEVER', 'WHEN_NEEDED', 'ALWAYS'])
    expect(await quoteOf(gateway, 'kestrel', { firm: policy })).toEqual(firm)
  expect(orderPosts(gateway.sandbox.lsp('kestrel'))).toHaveLength(1)
})

test('NEVER gives what was asked for the same channel before, as an observed price', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
  const firm = await quoteOf(gateway, 'olive')
  const observed = await quoteOf(gateway, 'olive', { firm: 'NEVER', request: { clientAddress: null } })
  expect(observed).toMatchObject({ basis: 'OBSERVED', feeTotalSat: 5_200, observedAt: firm.createdAt })
  expect(await failureOf(gateway, 'olive', { firm: 'NEVER', request: { lspBalanceSat: 1_000_001 } })).toMatchObject({
    code: 'PRICE_UNKNOWN',
  })
})

test('a tariff that depends on a fee rate gives no price where the configuration names none', async () => {
  await using gateway = await startTestGateway({
    sandbox: { only: ['thunder'] },
    lsp: () => ({ tariffFeeRateSatPerVbyte: null }),
  })
  expect((await failureOf(gateway, 'thunder', { firm: 'NEVER' })).code).toBe('PRICE_UNKNOWN')
  expect(await quoteOf(gateway, 'thunder')).toMatchObject({ basis: 'FIRM', feeTotalSat: 2_515 })
})

test('a tariff is computed here: with another fee rate it is another price', async () => {
  await using gateway = await startTestGateway({
    sandbox: { only: ['thunder'] },
    lsp: () => ({ tariffFeeRateSatPerVbyte: 11 }),
  })
  expect(await quoteOf(gateway, 'thunder')).toMatchObject({ basis: 'COMPUTED', feeTotalSat: 1_515 + 5_500 })
  expect(orderPosts(gateway.sandbox.lsp('thunder'))).toEqual([])
})

test('an estimate that fails is no reason to place an order', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
  await compare(gateway)
  gateway.sandbox.lsp('kestrel').setFaults(['MALFORMED'])
  expect((await failureOf(gateway, 'kestrel', { request: { lspBalanceSat: 2_000_000 } })).code).toBe('BAD_RESPONSE')
  expect(orderPosts(gateway.sandbox.lsp('kestrel'))).toEqual([])
})

test('a price that an LSP raises at the order shows in a firm quote and not in its estimate', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
  gateway.sandbox.lsp('kestrel').setFaults(['DEARER_AT_ORDER'])
  expect(await quoteOf(gateway, 'kestrel')).toMatchObject({ basis: 'ESTIMATED', feeTotalSat: 4_107 })
  expect(await quoteOf(gateway, 'kestrel', { firm: 'ALWAYS' })).toMatchObject({ basis: 'FIRM', feeTotalSat: 6_160 })
})

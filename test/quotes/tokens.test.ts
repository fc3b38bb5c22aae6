import { afterAll, beforeAll, expect, test } from 'vitest'
import { compare, failureOf, orderPosts, quoteOf, requestsTo } from './support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const tokens = (...pairs: [string, string][]) => ({ tokens: pairs.map(([lspId, token]) => ({ lspId, token })) })
/** Everything that was ever sent to an LSP. */
const sentTo = (id: string) => JSON.stringify(gateway.sandbox.lsp(id).requests.map(({ query, body }) => [query, body]))

test('a token makes its own LSP cheaper, and reaches no other', async () => {
  const { quotes } = await compare(gateway, { request: tokens(['olive', 'SLUICE10']) })
  // Ten per cent off 5 200 sat; all the others as ever.
  expect(quotes.map(({ lsp, feeTotalSat }) => [lsp.id, feeTotalSat])).toEqual([
    ['thunder', 2_515],
    ['kestrel', 4_107],
    ['olive', 4_680],
    ['anchor', 5_890],
    ['beacon', 7_208],
  ])
  expect(orderPosts(gateway.sandbox.lsp('olive'))[0]?.body).toMatchObject({ token: 'SLUICE10' })
  for (const id of ['kestrel', 'thunder', 'anchor', 'beacon']) expect(sentTo(id)).not.toContain('SLUICE10')
})

test('each LSP gets the token that is its own', async () => {
  const { quotes } = await compare(gateway, {
    request: tokens(['olive', 'SLUICE10'], ['beacon', 'SLUICE10'], ['kestrel', 'SLUICE10']),
  })
  expect(quotes.map(({ lsp, feeTotalSat }) => [lsp.id, feeTotalSat])).toEqual([
    ['thunder', 2_515],
    ['kestrel', 3_697],
    ['olive', 4_680],
    ['anchor', 5_890],
    ['beacon', 6_488],
  ])
  expect(orderPosts(gateway.sandbox.lsp('beacon')).at(-1)?.body).toMatchObject({ coupon_code: 'SLUICE10' })
  expect(requestsTo(gateway.sandbox.lsp('kestrel'), '/estimate_fees').at(-1)?.body).toMatchObject({ token: 'SLUICE10' })
})

test('the same channel without the token is another question, at another price', async () => {
  const request = { lspBalanceSat: 2_000_000 }
  const full = await quoteOf(gateway, 'olive', { request })
  const reduced = await quoteOf(gateway, 'olive', { request: { ...request, ...tokens(['olive', 'SLUICE10']) } })
  expect([full.feeTotalSat, reduced.feeTotalSat]).toEqual([10_000, 9_000])
  expect(await quoteOf(gateway, 'olive', { request })).toEqual(full)
})

test('a token of another LSP asks the same question', async () => {
  const request = { lspBalanceSat: 3_000_000 }
  const plain = await quoteOf(gateway, 'olive', { request })
  expect(await quoteOf(gateway, 'olive', { request: { ...request, ...tokens(['beacon', 'SLUICE10']) } })).toEqual(plain)
})

test.each([['olive'], ['beacon']])('a token that %s does not know is INVALID_TOKEN', async (id) => {
  expect(await failureOf(gateway, id, { request: tokens([id, 'STALE']) })).toMatchObject({
    code: 'INVALID_TOKEN',
    retryAt: null,
  })
})

test.each([['thunder'], ['anchor']])(
  'a token for %s, whose protocol has no field for one, is UNSUPPORTED',
  async (id) => {
    const before = gateway.sandbox.lsp(id).requests.length
    expect(await failureOf(gateway, id, { request: tokens([id, 'SLUICE10']) })).toMatchObject({
      code: 'UNSUPPORTED',
      field: 'tokens',
    })
    expect(gateway.sandbox.lsp(id).requests).toHaveLength(before)
  },
)

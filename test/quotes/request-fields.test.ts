import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  failureOf,
  lsps1Order,
  LSPS1_INFO,
  orderPosts,
  quoteOf,
  requestOf,
  settings,
  startScriptedLsp,
} from './support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

describe('the fee rate of the funding transaction', () => {
  // aa39cbb ChannelOrderRequest on_chain_fee_rate, 73985d6 ChannelOrderRequest onchain_fee_rate.
  test.each([
    ['anchor', 'on_chain_fee_rate'],
    ['beacon', 'onchain_fee_rate'],
  ])('is sent to %s as %s', async (id, field) => {
    for (const fundingFeeRateSatPerVbyte of [1, 12.5]) {
      await quoteOf(gateway, id, { request: { fundingFeeRateSatPerVbyte } })
      expect(orderPosts(gateway.sandbox.lsp(id)).at(-1)?.body).toMatchObject({ [field]: fundingFeeRateSatPerVbyte })
    }
    await quoteOf(gateway, id)
    expect(orderPosts(gateway.sandbox.lsp(id)).at(-1)?.body).not.toHaveProperty(field)
    expect(orderPosts(gateway.sandbox.lsp(id))).toHaveLength(3)
  })

  test.each(['olive', 'kestrel', 'thunder'])('is UNSUPPORTED at %s, before it is asked', async (id) => {
    const before = orderPosts(gateway.sandbox.lsp(id)).length
    const request = { fundingFeeRateSatPerVbyte: 5 }
    expect(await failureOf(gateway, id, { request })).toMatchObject({
      code: 'UNSUPPORTED',
      field: 'fundingFeeRateSatPerVbyte',
    })
    expect(orderPosts(gateway.sandbox.lsp(id))).toHaveLength(before)
  })

  test.each([0, 0.5, -1, 100_001])('of %d sat/vB is refused for every LSP', async (fundingFeeRateSatPerVbyte) => {
    const request = requestOf(gateway.sandbox, { fundingFeeRateSatPerVbyte })
    const { errors } = await gateway.send(
      'query ($request: ChannelRequestInput!) { quotes(request: $request) { elapsedMs } }',
      {
        request,
      },
    )
    expect(errors?.[0]?.extensions?.code).toBe('BAD_USER_INPUT')
  })
})

describe('a channel without a balance of the LSP', () => {
  const request = { lspBalanceSat: 0, clientBalanceSat: 60_000 }

  // Seed 000 CreateOrderRequest lsp_balance_sat: minimum 0.
  test('has a price at Kaleidoswap, with rates that are numbers', async () => {
    const quote = await quoteOf(gateway, 'kestrel', { request, firm: 'ALWAYS' })
    expect(quote).toMatchObject({
      lspBalanceSat: 0,
      clientBalanceSat: 60_000,
      orderTotalSat: quote.feeTotalSat + 60_000,
    })
    expect(quote.checks.find(({ code }) => code === 'TERMS_ECHOED')).toMatchObject({ verdict: 'PASSED' })
    expect(Number.isFinite(quote.annualRatePercent) && Number.isFinite(quote.feePpm)).toBe(true)
    expect(orderPosts(gateway.sandbox.lsp('kestrel')).at(-1)?.body).toMatchObject({ lsp_balance_sat: 0 })
  })

  // Seed 002 POST remote_balance has no minimum; Anchor has one of its own.
  test('is asked for at draft 0.0.1', async () => {
    await failureOf(gateway, 'anchor', { request })
    expect(orderPosts(gateway.sandbox.lsp('anchor')).at(-1)?.body).toMatchObject({
      remote_balance: 0,
      local_balance: 60_000,
    })
  })

  // bLIP-51 §2: lsp_balance_sat is at least 1. Seed 003 has no client balance.
  test.each([
    ['olive', 'lspBalanceSat'],
    ['thunder', 'clientBalanceSat'],
  ])('is UNSUPPORTED at %s', async (id, field) => {
    expect(await failureOf(gateway, id, { request })).toMatchObject({ code: 'UNSUPPORTED', field })
  })

  test('and without a balance of the client is no channel', async () => {
    const { errors } = await gateway.send(
      'query ($request: ChannelRequestInput!) { quotes(request: $request) { elapsedMs } }',
      {
        request: requestOf(gateway.sandbox, { lspBalanceSat: 0, clientBalanceSat: 0 }),
      },
    )
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } })
    expect(errors?.[0]?.message).toContain('both 0')
  })
})

// bLIP-51 §1: min_… MUST be at most max_….
test.each([
  ['min_initial_lsp_balance_sat', '50000001', 'minLspBalanceSat'],
  ['min_initial_client_balance_sat', '1', 'minClientBalanceSat'],
  ['min_channel_balance_sat', '50000001', 'minChannelBalanceSat'],
])('a get_info whose %s is above its maximum is refused, and no order is placed', async (option, value, name) => {
  await using lsp = await startScriptedLsp(() => lsps1Order(Date.now()), { ...LSPS1_INFO, [option]: value })
  await using own = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('lsp', lsp.url)] } })
  const failure = await failureOf(own, 'lsp')
  expect(failure).toMatchObject({ code: 'BAD_RESPONSE' })
  expect(failure.message).toContain(`${name} ${value} is above`)
  expect(lsp.requests.every(({ method }) => method === 'GET')).toBe(true)
})

// bLIP-51 §2.
test('an order has the check of its fee, which warns and does not block', async () => {
  let feeSat = 1_000
  await using lsp = await startScriptedLsp(() => lsps1Order(Date.now(), { feeSat, order_id: `order-${feeSat}` }))
  await using own = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('lsp', lsp.url)] } })
  const checkOf = async (clientPubkey: string) =>
    (await quoteOf(own, 'lsp', { request: { clientPubkey }, firm: 'ALWAYS' })).checks.find(
      ({ code }) => code === 'FEE_IS_USUAL',
    )
  const other = '02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8'
  expect(await checkOf(own.sandbox.wallet.pubkey)).toMatchObject({ verdict: 'PASSED' })
  feeSat = 2_001
  expect(await checkOf(other)).toMatchObject({
    verdict: 'WARNING',
    message: expect.stringContaining('1000 sat for the same channel at '),
  })
})

// protocols/README.md, ThunderStack: the vendor's test suite sends the token alone.
test.each([
  ['Bearer', 'Bearer token-1'],
  ['none', 'token-1'],
] as const)('with authScheme %s the Authorization header is "%s"', async (authScheme, header) => {
  await using lsp = await startScriptedLsp()
  const lsps = [settings('lsp', lsp.url, { auth: 'token-1', authScheme })]
  await using own = await startTestGateway({ sandbox: { only: [] }, config: { lsps } })
  await quoteOf(own, 'lsp')
  expect(new Set(lsp.requests.map(({ headers }) => headers.authorization))).toEqual(new Set([header]))
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { compare, errorsOf, idsOf, orderPosts, quoteOf, settingsOf } from './support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { startSandbox } from '../../src/sandbox/index.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

test('LSPs of all five protocols answer, cheapest first', async () => {
  const { quotes, failures, elapsedMs } = await compare(gateway)
  expect(failures).toEqual([])
  expect(quotes.map(({ lsp, basis, feeTotalSat }) => [lsp.id, basis, feeTotalSat])).toEqual([
    ['thunder', 'COMPUTED', 2_515],
    ['kestrel', 'ESTIMATED', 4_107],
    ['olive', 'FIRM', 5_200],
    ['anchor', 'FIRM', 5_890],
    ['beacon', 'FIRM', 7_208],
  ])
  expect(elapsedMs).toBeGreaterThan(0)
})

test('by the yearly rate the order is another, since a dearer channel may live longer', async () => {
  const { quotes } = await compare(gateway, { rankBy: 'ANNUAL_RATE' })
  expect(idsOf(quotes)).toEqual(['thunder', 'beacon', 'kestrel', 'olive', 'anchor'])
  const rates = quotes.map(({ annualRatePercent }) => annualRatePercent)
  expect(rates).toEqual(rates.toSorted((a, b) => a - b))
})

test('the yearly rate counts a year of 52 560 blocks, and both rates are of the LSP’s balance', async () => {
  const { quotes } = await compare(gateway)
  const rates = new Map(quotes.map(({ lsp, annualRatePercent, feePpm }) => [lsp.id, { annualRatePercent, feePpm }]))
  // 5 200 sat for 1 000 000 over 12 960 blocks; 7 208 sat over the 26 weeks that are the least at Beacon.
  expect(rates.get('olive')?.annualRatePercent).toBeCloseTo(2.1089, 4)
  expect(rates.get('olive')?.feePpm).toBeCloseTo(5_200, 6)
  expect(rates.get('beacon')?.annualRatePercent).toBeCloseTo(1.44556, 4)
  expect(rates.get('beacon')?.feePpm).toBeCloseTo(7_208, 6)
  const { quotes: twice } = await compare(gateway, { lspIds: ['olive'], request: { lspBalanceSat: 2_000_000 } })
  // 400 + 6 000 + 3 600 sat.
  expect(twice[0]?.feePpm).toBeCloseTo(5_000, 6)
})

test('what leaves the wallet is the fee and the client’s own balance', async () => {
  const request = { clientBalanceSat: 200_000 }
  const { quotes, failures } = await compare(gateway, { request })
  expect(failures.map(({ lsp, code, field }) => [lsp.id, code, field])).toEqual([
    ['thunder', 'UNSUPPORTED', 'clientBalanceSat'],
  ])
  expect(
    quotes.map(({ lsp, feeTotalSat, orderTotalSat, clientBalanceSat }) => [
      lsp.id,
      orderTotalSat - feeTotalSat,
      clientBalanceSat,
    ]),
  ).toEqual([
    ['kestrel', 200_000, 200_000],
    ['olive', 200_000, 200_000],
    ['anchor', 200_000, 200_000],
    ['beacon', 200_000, 200_000],
  ])
})

test('a firm price is told for each payment option, and until when it holds', async () => {
  const refundOnchainAddress = gateway.sandbox.wallet.newAddress()
  const quote = await quoteOf(gateway, 'olive', { request: { refundOnchainAddress } })
  expect(quote).toMatchObject({
    basis: 'FIRM',
    feeTotalSat: 5_200,
    prices: [
      { method: 'BOLT11', feeTotalSat: 5_200, orderTotalSat: 5_200 },
      { method: 'ONCHAIN', feeTotalSat: 5_200, orderTotalSat: 5_200 },
    ],
    observedAt: null,
  })
  expect(Date.parse(quote.expiresAt ?? '') - Date.parse(quote.createdAt)).toBeGreaterThan(59 * 60_000)
  expect(quote.checks.every(({ verdict }) => verdict === 'PASSED')).toBe(true)
  expect(quote.checks.map(({ code }) => code)).toEqual(
    expect.arrayContaining([
      'FEE_ADDS_UP',
      'INVOICE_DECODES',
      'INVOICE_AMOUNT',
      'INVOICE_NETWORK',
      'INVOICE_NOT_EXPIRED',
      'INVOICE_PAYEE',
      'ONCHAIN_ADDRESS',
    ]),
  )
})

test('a price that binds nobody has no end and no checks', async () => {
  for (const id of ['kestrel', 'thunder']) {
    expect(await quoteOf(gateway, id)).toMatchObject({
      expiresAt: null,
      checks: [],
      prices: [],
    })
  }
})

test('lspIds asks these LSPs and no others', async () => {
  const before = gateway.sandbox.lsps.map((lsp) => lsp.requests.length)
  const { quotes, failures } = await compare(gateway, {
    lspIds: ['beacon', 'thunder'],
    request: { lspBalanceSat: 3_000_000 },
  })
  expect(idsOf(quotes)).toEqual(['thunder', 'beacon'])
  expect(failures).toEqual([])
  const asked = gateway.sandbox.lsps.filter((lsp, index) => lsp.requests.length > (before[index] ?? 0))
  expect(asked.map(({ id }) => id)).toEqual(['beacon'])
})

test('an empty list of lspIds is an error, neither an empty comparison nor every LSP', async () => {
  await expect(compare(gateway, { lspIds: [] })).rejects.toThrow('lspIds: the list is empty')
})

test('an unknown lspId is refused by name, and nobody is asked', async () => {
  const before = gateway.sandbox.lsps.map((lsp) => lsp.requests.length)
  const errors = await errorsOf(gateway, { lspIds: ['olive', 'olympus'], request: { lspBalanceSat: 4_000_000 } })
  expect(errors).toMatchObject([
    { message: 'lspIds: no LSP has the id "olympus"', path: ['quotes'], extensions: { code: 'BAD_USER_INPUT' } },
  ])
  expect(gateway.sandbox.lsps.map((lsp) => lsp.requests.length)).toEqual(before)
})

test.each([
  ['a size of nothing', { lspBalanceSat: 0 }],
  ['a lease of nothing', { channelExpiryBlocks: 0 }],
  ['a fraction of a satoshi', { lspBalanceSat: 1.5 }],
  ['more than all bitcoin', { lspBalanceSat: '2100000000000001' }],
  ['a key that is none', { clientPubkey: '04'.padEnd(66, '0') }],
  ['an address without a port', { clientAddress: '127.0.0.1' }],
])('%s is the asker’s mistake', async (_what, request) => {
  expect((await errorsOf(gateway, { request })).length).toBeGreaterThan(0)
})

test('a quote stays readable by its id, also after a restart', async () => {
  await using own = await startTestGateway({ sandbox: { only: ['olive'] } })
  const quote = await quoteOf(own, 'olive')
  const read = async () =>
    (
      await own.ask('query ($id: ID!) { quote(id: $id) { id feeTotalSat basis lsp { id } createdAt } }', {
        id: quote.id,
      })
    ).quote
  const { id, feeTotalSat, basis, lsp, createdAt } = quote
  expect(await read()).toEqual({ id, feeTotalSat, basis, lsp, createdAt })
  await own.restart()
  expect(await read()).toEqual({ id, feeTotalSat, basis, lsp, createdAt })
})

test('equal fees are ranked by the LSP’s id, whatever the order of the configuration and of the answers', async () => {
  await using sandbox = await startSandbox({ only: ['olive'] })
  const lsps = ['mira', 'zeta', 'alpha'].map((id) => settingsOf(sandbox.lsp('olive'), { id }))
  await using own = await startTestGateway({ sandbox: { only: [] }, config: { lsps } })
  for (const rankBy of ['TOTAL_FEE', 'ANNUAL_RATE', 'SPEED', 'RELIABILITY']) {
    const { quotes } = await compare(own, { rankBy })
    expect(quotes.map(({ lsp, feeTotalSat }) => [lsp.id, feeTotalSat])).toEqual([
      ['alpha', 5_200],
      ['mira', 5_200],
      ['zeta', 5_200],
    ])
  }
  expect(orderPosts(sandbox.lsp('olive'))).toHaveLength(3)
})

import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { compare, failureOf, orderPosts, quoteOf, requestsTo } from './support.ts'
import { nodeKeys } from '../support/node-keys.ts'
import { startTestGateway, type TestGatewayOptions } from '../support/gateway.ts'

const HOUR_MS = 3_600_000

/** Sizes that each make a channel of their own. */
const sized = (lspBalanceSat: number) => ({ request: { lspBalanceSat } })

const keyOf = (name: string) => ({ name, keySha256: createHash('sha256').update(name).digest('hex') })

function withBudget(maxUnpaidOrders: number, firmQuotesPerHour: number, options: TestGatewayOptions = {}) {
  return startTestGateway({
    sandbox: { only: ['olive'] },
    lsp: () => ({ courtesy: { maxUnpaidOrders, firmQuotesPerHour, maxStandingOrders: 1_000 } }),
    ...options,
  })
}

test('an LSP gets no more unpaid orders for one node than its budget has room for', async () => {
  await using gateway = await withBudget(2, 100)
  await quoteOf(gateway, 'olive', sized(1_000_000))
  await quoteOf(gateway, 'olive', sized(1_100_000))
  const failure = await failureOf(gateway, 'olive', sized(1_200_000))
  expect(failure).toMatchObject({
    code: 'PRICE_UNKNOWN',
    message: '2 unpaid orders of this node at this LSP, the maximum for prices. Pay one, or try again after retryAt.',
  })
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(2)
})

test('what is over the budget of unpaid orders may be asked again when the first of them has lapsed', async () => {
  await using gateway = await withBudget(1, 100, { sandbox: { only: ['olive'], invoiceExpiryMs: 60_000 } })
  const first = await quoteOf(gateway, 'olive', sized(1_000_000))
  const failure = await failureOf(gateway, 'olive', sized(1_100_000))
  expect(failure.code).toBe('PRICE_UNKNOWN')
  expect(failure.retryAt).toBe(first.expiresAt)
})

test('an LSP is asked for as many firm quotes an hour as its budget says, and not one more', async () => {
  await using gateway = await withBudget(100, 3)
  const before = Date.now()
  for (const size of [1_000_000, 1_100_000, 1_200_000]) await quoteOf(gateway, 'olive', sized(size))
  const after = Date.now()
  const failure = await failureOf(gateway, 'olive', sized(1_300_000))
  expect(failure).toMatchObject({
    code: 'PRICE_UNKNOWN',
    message: '3 orders were placed at this LSP within an hour for their price, the maximum. Try again after retryAt.',
  })
  const retryAt = Date.parse(failure.retryAt ?? '')
  // An hour after the first of them.
  expect(retryAt).toBeGreaterThanOrEqual(before + HOUR_MS)
  expect(retryAt).toBeLessThanOrEqual(after + HOUR_MS)
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(3)
})

test('a hundred different questions at once place no more orders than the budget has room for', async () => {
  await using gateway = await withBudget(4, 100)
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) => compare(gateway, sized(1_000_000 + index))),
  )
  const quotes = answers.flatMap((answer) => answer.quotes)
  expect(quotes.filter(({ basis }) => basis === 'FIRM')).toHaveLength(4)
  // The four prices are at sizes next to each other: some of the others can be estimated from them.
  expect(quotes.filter(({ basis, fit }) => basis !== 'FIRM' && fit === null)).toEqual([])
  for (const { code } of answers.flatMap(({ failures }) => failures)) expect(code).toBe('PRICE_UNKNOWN')
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(4)
})

test('the very same question is answered by its standing order when the budget is used up', async () => {
  await using gateway = await withBudget(1, 1)
  const first = await quoteOf(gateway, 'olive')
  expect((await failureOf(gateway, 'olive', sized(2_000_000))).code).toBe('PRICE_UNKNOWN')
  expect(await quoteOf(gateway, 'olive')).toEqual(first)
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(1)
})

test('past the budget, a channel that was priced before has an observed price with its age', async () => {
  await using gateway = await withBudget(1, 100)
  const firm = await quoteOf(gateway, 'olive')
  // The same channel for a node elsewhere is another question, about the same price.
  const observed = await quoteOf(gateway, 'olive', { request: { clientAddress: '203.0.113.7:9735' } })
  expect(observed).toMatchObject({
    basis: 'OBSERVED',
    feeTotalSat: firm.feeTotalSat,
    orderTotalSat: firm.orderTotalSat,
    prices: firm.prices,
    observedAt: firm.createdAt,
    expiresAt: null,
    checks: [],
  })
  expect(observed.id).not.toBe(firm.id)
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(1)
})

test('an answer past the budget comes at once, however slow the LSP is', async () => {
  await using gateway = await withBudget(0, 100, { sandbox: { only: ['olive'], slowMs: 1_500 } })
  // The limits are known from the start of the gateway on; asking for them again is what would take long.
  await compare(gateway)
  gateway.sandbox.lsp('olive').setFaults(['SLOW'])
  const { failures, elapsedMs } = await compare(gateway, sized(2_000_000))
  expect(failures.map(({ code }) => code)).toEqual(['PRICE_UNKNOWN'])
  expect(elapsedMs).toBeLessThan(1_000)
})

test('two nodes of one client have a budget of unpaid orders each', async () => {
  await using gateway = await withBudget(1, 100)
  const [here, there] = nodeKeys(2)
  await quoteOf(gateway, 'olive', { request: { clientPubkey: here } })
  const again = { request: { clientPubkey: here, lspBalanceSat: 1_100_000 } }
  expect((await failureOf(gateway, 'olive', again)).code).toBe('PRICE_UNKNOWN')
  await quoteOf(gateway, 'olive', { request: { clientPubkey: there, lspBalanceSat: 1_200_000 } })
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(2)
})

test('two clients of one node share its budget of unpaid orders, as the LSP counts them', async () => {
  await using gateway = await withBudget(1, 100, { config: { clients: [keyOf('ann'), keyOf('bob')] } })
  await quoteOf(gateway, 'olive', {}, 'ann')
  expect((await failureOf(gateway, 'olive', sized(1_100_000), 'bob')).code).toBe('PRICE_UNKNOWN')
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(1)
})

test('a client that used half of an hour’s firm quotes gets no more once another client asks', async () => {
  await using gateway = await withBudget(100, 6, { config: { clients: [keyOf('ann'), keyOf('bob')] } })
  for (let size = 1_000_000; size < 1_300_000; size += 100_000) await quoteOf(gateway, 'olive', sized(size), 'ann')
  await quoteOf(gateway, 'olive', sized(4_100_000), 'bob')
  const failure = await failureOf(gateway, 'olive', sized(9_200_000), 'ann')
  expect(failure).toMatchObject({
    code: 'PRICE_UNKNOWN',
    message:
      'You had 3 of the 6 orders that may be placed at this LSP in an hour for their price, your share. Try again after retryAt.',
    retryAt: expect.any(String),
  })
  await quoteOf(gateway, 'olive', sized(4_300_000), 'bob')
  await quoteOf(gateway, 'olive', sized(4_400_000), 'bob')
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(6)
})

test('two clients share the firm quotes of an hour', async () => {
  await using gateway = await withBudget(100, 2, { config: { clients: [keyOf('ann'), keyOf('bob')] } })
  await quoteOf(gateway, 'olive', {}, 'ann')
  await quoteOf(gateway, 'olive', sized(1_100_000), 'bob')
  expect((await failureOf(gateway, 'olive', sized(1_200_000), 'ann')).code).toBe('PRICE_UNKNOWN')
  expect((await failureOf(gateway, 'olive', sized(1_300_000), 'bob')).code).toBe('PRICE_UNKNOWN')
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(2)
})

test('two clients who ask the same get an order each, and neither sees the other’s quote', async () => {
  await using gateway = await withBudget(5, 100, { config: { clients: [keyOf('ann'), keyOf('bob')] } })
  const ofAnn = await quoteOf(gateway, 'olive', {}, 'ann')
  const ofBob = await quoteOf(gateway, 'olive', {}, 'bob')
  expect(ofAnn.id).not.toBe(ofBob.id)
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(2)
  const read = (key: string) =>
    gateway.send('query ($id: ID!) { quote(id: $id) { id } }', { id: ofAnn.id }, { authorization: `Bearer ${key}` })
  expect((await read('ann')).data).toEqual({ quote: { id: ofAnn.id } })
  expect((await read('bob')).data).toEqual({ quote: null })
})

test.each([
  ['unpaid orders', 0, 100],
  ['firm quotes', 100, 0],
])(
  'a budget of no %s places nothing, and says to look again in an hour',
  async (_name, maxUnpaidOrders, firmQuotesPerHour) => {
    await using gateway = await withBudget(maxUnpaidOrders, firmQuotesPerHour)
    const before = Date.now()
    const failure = await failureOf(gateway, 'olive')
    expect(failure.code).toBe('PRICE_UNKNOWN')
    expect(Date.parse(failure.retryAt ?? '')).toBeGreaterThanOrEqual(before + HOUR_MS)
    expect(Date.parse(failure.retryAt ?? '')).toBeLessThanOrEqual(Date.now() + HOUR_MS)
    expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(0)
  },
)

test('with a budget of nothing, ALWAYS still gives the price that the LSP tells by an estimate', async () => {
  await using gateway = await startTestGateway({
    sandbox: { only: ['kestrel'] },
    lsp: () => ({ courtesy: { maxUnpaidOrders: 0, firmQuotesPerHour: 0, maxStandingOrders: 1_000 } }),
  })
  const quote = await quoteOf(gateway, 'kestrel', { firm: 'ALWAYS' })
  expect(quote).toMatchObject({ basis: 'ESTIMATED', feeTotalSat: 4_107 })
  expect(orderPosts(gateway.sandbox.lsp('kestrel'))).toHaveLength(0)
})

test('an order that the LSP refused is not held against the budget of unpaid ones', async () => {
  await using gateway = await withBudget(1, 100)
  expect(
    (await failureOf(gateway, 'olive', { request: { tokens: [{ lspId: 'olive', token: 'nonsense' }] } })).code,
  ).toBe('INVALID_TOKEN')
  expect((await quoteOf(gateway, 'olive')).basis).toBe('FIRM')
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(2)
})

test('an order that is paid leaves the budget', async () => {
  await using gateway = await withBudget(1, 100)
  const quote = await quoteOf(gateway, 'olive')
  expect((await failureOf(gateway, 'olive', sized(1_100_000))).code).toBe('PRICE_UNKNOWN')
  const { createOrder } = await gateway.ask(
    'mutation ($input: CreateOrderInput!) { createOrder(input: $input) { ... on Order { id } } }',
    { input: { quoteId: quote.id, idempotencyKey: 'k' } },
  )
  await gateway.ask('mutation ($id: ID!) { sandboxPay(id: $id) { state } }', { id: createOrder.id })
  await expect
    .poll(async () => (await compare(gateway, sized(1_100_000))).quotes.map(({ basis }) => basis), {
      timeout: 5_000,
      interval: 20,
    })
    .toEqual(['FIRM'])
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(2)
})

const ORDER =
  'mutation ($input: CreateOrderInput!) { createOrder(input: $input) { __typename ... on Order { id state } ... on LspError { code message retryAt } } }'

/** A client that orders channels of other sizes by prices that cost the LSP nothing, as fast as it can. */
async function orderingAt(maxStandingOrders: number, config: TestGatewayOptions['config'] = {}) {
  const gateway = await startTestGateway({
    sandbox: { only: ['thunder'] },
    lsp: () => ({ courtesy: { maxUnpaidOrders: 50, firmQuotesPerHour: 100, maxStandingOrders } }),
    config,
  })
  return {
    gateway,
    async order(size: number, idempotencyKey = `key ${size}`, key?: string) {
      const quote = await quoteOf(gateway, 'thunder', { ...sized(size), firm: 'NEVER' }, key)
      expect(quote.basis).toBe('COMPUTED')
      const { data } = await gateway.send(
        ORDER,
        { input: { quoteId: quote.id, idempotencyKey } },
        key === undefined ? {} : { authorization: `Bearer ${key}` },
      )
      return data.createOrder as { __typename: string; id: string; code: string; message: string; retryAt: string }
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}

test('of a client’s orders no more stand unpaid at an LSP than may, and what is over that is sent once the client has paid, under the same key', async () => {
  await using at = await orderingAt(3)
  const before = Date.now()
  const answers = await Promise.all(
    [1, 2, 3, 4, 5, 6].map((number) => at.order(1_000_000 + 1_000 * number, `key ${number}`)),
  )
  const refused = answers.filter((answer) => answer.__typename === 'LspError')
  expect(refused).toHaveLength(3)
  for (const refusal of refused) {
    expect(refusal).toMatchObject({
      code: 'RATE_LIMITED',
      message: '3 unpaid orders of this client stand at this LSP, and no more than 3 are to',
    })
    expect(Date.parse(refusal.retryAt)).toBeGreaterThan(before)
    expect(Date.parse(refusal.retryAt)).toBeLessThanOrEqual(Date.now() + 60_000)
  }
  expect(orderPosts(at.gateway.sandbox.lsp('thunder'))).toHaveLength(3)
  const number = answers.findIndex((answer) => answer.__typename === 'LspError') + 1
  const [standing] = answers.filter((answer) => answer.__typename === 'Order')
  await at.gateway.ask('mutation ($id: ID!) { sandboxPay(id: $id) { state } }', { id: standing?.id })
  await expect
    .poll(async () => (await at.order(1_000_000 + 1_000 * number, `key ${number}`)).__typename, {
      timeout: 5_000,
      interval: 50,
    })
    .toBe('Order')
  expect(orderPosts(at.gateway.sandbox.lsp('thunder'))).toHaveLength(4)
})

test('one client’s unpaid orders leave the others theirs', async () => {
  await using at = await orderingAt(1, { clients: [keyOf('ann'), keyOf('bob')] })
  expect(await at.order(1_000_000, 'k', 'ann')).toMatchObject({ __typename: 'Order' })
  expect(await at.order(1_100_000, 'l', 'ann')).toMatchObject({ __typename: 'LspError', code: 'RATE_LIMITED' })
  expect(await at.order(1_200_000, 'k', 'bob')).toMatchObject({ __typename: 'Order' })
})

test('a client has an LSP asked for a burst of renewals, and then for one a second; other clients for theirs', async () => {
  await using gateway = await startTestGateway({
    sandbox: { only: ['anchor'] },
    config: { clients: [keyOf('ann'), keyOf('bob')] },
  })
  const renew = async (key: string, number: number) => {
    const input = {
      lspId: 'anchor',
      shortChannelId: '643904x1419x1',
      term: { validTo: '2027-12-21T12:00:00Z' },
      idempotencyKey: `renewal ${number}`,
      signedMessage: `signed ${number}`,
    }
    const { data } = await gateway.send(
      'mutation ($input: RenewChannelInput!) { renewChannel(input: $input) { ... on LspError { code message retryAt } } }',
      { input },
      { authorization: `Bearer ${key}` },
    )
    return data.renewChannel as { code: string; message: string; retryAt: string | null }
  }
  const startedAt = Date.now()
  const answers = []
  for (let number = 0; number < 60; number += 1) answers.push(await renew('ann', number))
  const allowed = 20 + Math.ceil((Date.now() - startedAt) / 1_000)
  const posts = () => requestsTo(gateway.sandbox.lsp('anchor'), '/lsp/channel/renew').length
  expect(answers.filter(({ code }) => code === 'NOT_FOUND').length).toBe(posts())
  expect(posts()).toBeGreaterThanOrEqual(20)
  expect(posts()).toBeLessThanOrEqual(allowed)
  const refusal = answers.at(-1)
  expect(refusal).toMatchObject({
    code: 'RATE_LIMITED',
    message: 'each client may send this LSP at most 60 renewals and actions a minute; try again after retryAt',
  })
  expect(Date.parse(refusal?.retryAt ?? '')).toBeLessThanOrEqual(Date.now() + 1_000)
  expect((await renew('bob', 0)).code).toBe('NOT_FOUND')
})

test('so it is with actions on orders: an LSP hears no more of them than that', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
  const quote = await quoteOf(gateway, 'kestrel')
  const { createOrder } = await gateway.ask(ORDER, { input: { quoteId: quote.id, idempotencyKey: 'k' } })
  const startedAt = Date.now()
  const codes = []
  for (let number = 0; number < 60; number += 1) {
    const { retryAssetDelivery } = await gateway.ask(
      'mutation ($id: ID!) { retryAssetDelivery(input: { orderId: $id }) { __typename ... on LspError { code retryAt } } }',
      { id: createOrder.id },
    )
    codes.push(retryAssetDelivery.code)
  }
  const heard = requestsTo(gateway.sandbox.lsp('kestrel'), '/retry_delivery').length
  expect(heard).toBeGreaterThanOrEqual(20)
  expect(heard).toBeLessThanOrEqual(20 + Math.ceil((Date.now() - startedAt) / 1_000))
  expect(codes.at(-1)).toBe('RATE_LIMITED')
})

test('the budget outlives a restart', async () => {
  await using gateway = await withBudget(1, 100)
  const first = await quoteOf(gateway, 'olive')
  await gateway.restart()
  expect((await failureOf(gateway, 'olive', sized(1_100_000))).code).toBe('PRICE_UNKNOWN')
  expect(await quoteOf(gateway, 'olive')).toEqual(first)
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(1)
})

test('an LSP is asked for as many estimates a minute as it says, and the same channel costs one however many want it', async () => {
  await using gateway = await startTestGateway({
    sandbox: { only: ['kestrel'] },
    lsp: () => ({ estimatesPerMinute: 2 }),
  })
  const lsp = gateway.sandbox.lsp('kestrel')
  for (const size of [1_000_000, 1_100_000, 1_000_000, 1_100_000])
    expect(await quoteOf(gateway, 'kestrel', { ...sized(size), firm: 'NEVER' })).toMatchObject({ basis: 'ESTIMATED' })
  const before = Date.now()
  const failure = await failureOf(gateway, 'kestrel', { ...sized(1_200_000), firm: 'NEVER' })
  expect(failure).toMatchObject({
    code: 'PRICE_UNKNOWN',
    message: 'this LSP is asked for no more than 2 estimates a minute',
  })
  expect(Date.parse(failure.retryAt ?? '')).toBeGreaterThan(before)
  expect(Date.parse(failure.retryAt ?? '')).toBeLessThan(before + 61_000)
  expect(orderPosts(lsp)).toHaveLength(0)
  // An order tells the price too, and has a budget of its own.
  expect(await quoteOf(gateway, 'kestrel', { ...sized(1_200_000), firm: 'WHEN_NEEDED' })).toMatchObject({
    basis: 'FIRM',
  })
  expect(requestsTo(lsp, '/estimate_fees')).toHaveLength(2)
})

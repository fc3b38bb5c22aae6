import { expect, test } from 'vitest'
import { run } from '../../src/run.ts'
import { compare, quoteOf } from '../quotes/support.ts'
import { createOrder, follow, readOrder } from '../support/operations.ts'
import { startTestGateway } from '../support/gateway.ts'

const ADVANCE = 'mutation ($seconds: Int!) { sandboxAdvance(seconds: $seconds) }'

test('sandboxAdvance lets an order expire, and makes room in the budget of unpaid orders', async () => {
  await using gateway = await startTestGateway({
    sandbox: { only: ['olive'], invoiceExpiryMs: 300_000 },
    lsp: () => ({ courtesy: { maxUnpaidOrders: 1, firmQuotesPerHour: 60, maxStandingOrders: 200 } }),
  })
  const quote = await quoteOf(gateway, 'olive')
  const { id } = await createOrder(gateway, { quoteId: quote.id })
  const follower = follow(gateway, id)
  const full = await compare(gateway, { request: { lspBalanceSat: 2_000_000 } })
  expect(full.failures).toMatchObject([{ code: 'PRICE_UNKNOWN', retryAt: quote.expiresAt }])

  const before = Date.now()
  const { sandboxAdvance } = await gateway.ask(ADVANCE, { seconds: 301 })
  expect(Date.parse(sandboxAdvance)).toBeGreaterThanOrEqual(before + 301_000)
  await follower.untilState('EXPIRED')
  expect(await readOrder(gateway, id)).toMatchObject({ payment: { bolt11: null } })
  expect((await compare(gateway, { request: { lspBalanceSat: 2_000_000 } })).quotes).toMatchObject([{ basis: 'FIRM' }])
  await follower.stop()
})

test.each([0, -1, 31_536_001])('sandboxAdvance by %i seconds is refused', async (seconds) => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
  const { errors } = await gateway.send(ADVANCE, { seconds })
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'seconds' } }])
})

test('the sandbox has the budgets of a configuration without settings, and orders of five minutes', async () => {
  const gateway = await run({ host: '127.0.0.1', port: 0, configPath: null, databaseUrl: ':memory:', variables: {} })
  try {
    const ask = async (query: string, variables = {}) => {
      const response = await fetch(`${gateway.origin}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      })
      return ((await response.json()) as { data: unknown }).data
    }
    const { sandboxWallet } = (await ask('{ sandboxWallet { pubkey } }')) as { sandboxWallet: { pubkey: string } }
    const fees = async (lspBalanceSat: number) => {
      const { quotes } = (await ask(
        `query ($request: ChannelRequestInput!) { quotes(request: $request, lspIds: ["olive"]) {
          quotes { createdAt expiresAt } failures { code retryAt } } }`,
        { request: { clientPubkey: sandboxWallet.pubkey, lspBalanceSat } },
      )) as {
        quotes: { quotes: { createdAt: string; expiresAt: string }[]; failures: { code: string; retryAt: string }[] }
      }
      return quotes
    }
    // Sizes that are no line: five prices, and the sixth is over the budget of the node.
    for (const size of [1_000_000, 1_000_001, 1_000_002, 1_000_003, 1_000_004]) {
      const [quote] = (await fees(size)).quotes
      const lifeMs = Date.parse(quote?.expiresAt ?? '') - Date.parse(quote?.createdAt ?? '')
      expect(Math.round(lifeMs / 60_000)).toBe(5)
    }
    const { failures } = await fees(9_000_000)
    expect(failures).toMatchObject([{ code: 'PRICE_UNKNOWN', retryAt: expect.any(String) }])
  } finally {
    await gateway.close()
  }
})

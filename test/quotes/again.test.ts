import { describe, expect, test } from 'vitest'
import { compare, lsps1Order, NODE, quoteOf, requestOf, settings, startScriptedLsp } from './support.ts'
import { clientOf } from '../security/gateways.ts'
import { ENGINES, freshDatabase } from '../support/database.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createOrder } from '../support/operations.ts'

/** How many different quotes twenty such questions in one operation are answered with. */
async function quotesOfTwenty(gateway: TestGateway, lspId: string): Promise<number> {
  const fields = Array.from(
    { length: 20 },
    (_, index) => `a${index}: quotes(request: $request, firm: NEVER, lspIds: ["${lspId}"]) { quotes { id } }`,
  )
  const answers = (await gateway.ask(`query ($request: ChannelRequestInput!) { ${fields.join(' ')} }`, {
    request: requestOf(gateway.sandbox),
  })) as Record<string, { quotes: { id: string }[] }>
  return new Set(Object.values(answers).map(({ quotes }) => quotes[0]?.id)).size
}

describe.concurrent('the same question, asked again within moments,', () => {
  test.each(ENGINES)('has the same quote, where no order stands behind it (%s)', async (engine) => {
    await using database = await freshDatabase(engine)
    await using gateway = await startTestGateway({
      databaseUrl: database.url,
      sandbox: { only: ['kestrel', 'thunder'] },
    })
    for (const [lspId, basis] of [
      ['kestrel', 'ESTIMATED'],
      ['thunder', 'COMPUTED'],
    ] as const) {
      expect(await quotesOfTwenty(gateway, lspId)).toBe(1)
      const quote = await quoteOf(gateway, lspId)
      expect(quote.basis).toBe(basis)
      expect(await quoteOf(gateway, lspId)).toEqual(quote)
      for (const request of [
        { lspBalanceSat: 1_000_001 },
        { clientPubkey: NODE.pubkey },
        { clientAddress: '203.0.113.5:9735' },
      ])
        expect((await quoteOf(gateway, lspId, { request })).id).not.toBe(quote.id)
      // Ordered twice, it is two orders, as it always was.
      const orders = [
        await createOrder(gateway, { quoteId: quote.id }),
        await createOrder(gateway, { quoteId: quote.id }),
      ]
      expect(orders).toMatchObject([{ quote: { id: quote.id } }, { quote: { id: quote.id } }])
      expect(new Set(orders.map(({ id }) => id)).size).toBe(2)
    }
  })

  test('has another quote once the answer is another', async () => {
    const state = { feeSat: 1_000 }
    await using lsp = await startScriptedLsp(() =>
      lsps1Order(Date.now(), { feeSat: state.feeSat, order_id: `order-${state.feeSat}` }),
    )
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('lsp', lsp.url)] },
    })
    // What the LSP asks of one node is told to another.
    const price = async () => quoteOf(gateway, 'lsp', { firm: 'NEVER' })
    await quoteOf(gateway, 'lsp', { request: { clientPubkey: NODE.pubkey } })
    const first = await price()
    expect(first).toMatchObject({ basis: 'OBSERVED', feeTotalSat: 1_000 })
    expect((await price()).id).toBe(first.id)
    state.feeSat = 1_001
    await quoteOf(gateway, 'lsp', { request: { clientPubkey: NODE.pubkey, clientAddress: null } })
    const second = await price()
    expect(second).toMatchObject({ basis: 'OBSERVED', feeTotalSat: 1_001 })
    expect(second.id).not.toBe(first.id)
  })

  test("has another client's own quote", async () => {
    const keys = ['key-of-alice', 'key-of-bob']
    await using gateway = await startTestGateway({
      sandbox: { only: ['thunder'] },
      config: { clients: keys.map((key) => clientOf(key, key)) },
    })
    const ids = await Promise.all(keys.map(async (key) => (await compare(gateway, {}, key)).quotes[0]?.id))
    expect(new Set(ids).size).toBe(2)
  })
})

import { describe, expect, test } from 'vitest'
import { feeOf, codesOf, lsps1Order, quoteOf, settings, startScriptedLsp } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createOrder } from '../support/operations.ts'
import { json, QueueServer } from '../support/queue-server.ts'

const featuresOf = async (gateway: Awaited<ReturnType<typeof startTestGateway>>, id: string) =>
  (await gateway.ask('query ($id: ID!) { lsp(id: $id) { features } }', { id })).lsp.features as string[]

// Neither seed 002 POST nor 73985d6 ChannelOrderRequest has a field for a refund address.
describe('a refund address that the protocol has no field for', () => {
  test.each([
    ['anchor', true, [{ verdict: 'WARNING' }]],
    ['beacon', false, []],
  ])('is not shown at %s, whose on-chain option needs none', async (id, hasNote, checks) => {
    await using gateway = await startTestGateway({ sandbox: { only: [id] } })
    const refundOnchainAddress = gateway.sandbox.wallet.newAddress()
    for (const request of [{ refundOnchainAddress }, {}]) {
      const quote = await quoteOf(gateway, id, { request })
      expect(feeOf(quote, 'ONCHAIN')).toBe(feeOf(quote, 'BOLT11'))
      expect(quote.checks.filter(({ code }) => code === 'REFUND_ADDRESS')).toMatchObject(checks)
      expect(codesOf(quote).includes('ONCHAIN_REFUND_IS_UNKNOWN')).toBe(hasNote)
      expect(codesOf(quote)).not.toContain('NO_ONCHAIN_REFUND_ADDRESS')
      const order = await createOrder(gateway, { quoteId: quote.id })
      expect(order.payment.onchain).toMatchObject({
        address: expect.stringMatching(/^bcrt1/),
        refundOnchainAddress: null,
      })
    }
    expect(JSON.stringify(gateway.sandbox.lsp(id).requests)).not.toContain(refundOnchainAddress)
  })

  // 73985d6 features: without `refunds`, POST refund does not exist.
  test('leaves a warning at draft 0.0.2 without the feature refunds', async () => {
    await using server = await QueueServer.start()
    const info = { features: [{ name: 'onchain_payments', min_satoshi: '1000' }] }
    const created = {
      id: 'order-1',
      fee_total: 1_000,
      order_total: 1_000,
      order_expiry_ts: Math.floor(Date.now() / 1_000) + 3_600,
      ln_invoice: lsps1Order(Date.now()).payment.bolt11.invoice,
      btc_address: 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080',
    }
    server.always((request, response) =>
      (request.method === 'GET' ? json(200, info) : json(201, created))(request, response),
    )
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('draft', server.url, { protocol: 'CHANNEL_REQUEST_V0_0_2' })] },
    })
    const quote = await quoteOf(gateway, 'draft')
    expect(feeOf(quote, 'ONCHAIN')).toBe(1_000)
    expect(codesOf(quote)).toContain('ONCHAIN_REFUND_IS_UNKNOWN')
    expect(quote.checks.filter(({ code }) => code === 'REFUND_ADDRESS')).toMatchObject([{ verdict: 'WARNING' }])
    // bLIP-51 §3.3 has the same rule for its option; here the feature onchain_payments states the minimum.
    expect(quote.checks.filter(({ code }) => code === 'ONCHAIN_LIMITS')).toMatchObject([{ verdict: 'PASSED' }])
  })
})

// bLIP-51 §1 has no option for on-chain payments; §2: without refund_onchain_address the LSP must not offer them.
describe('on-chain payment at an LSPS1 LSP', () => {
  test('is a feature from the first offer with it on, also after a restart', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const without = await quoteOf(gateway, 'olive')
    expect(codesOf(without)).toContain('NO_ONCHAIN_REFUND_ADDRESS')
    expect(await featuresOf(gateway, 'olive')).not.toContain('ONCHAIN_PAYMENT')

    const refundOnchainAddress = gateway.sandbox.wallet.newAddress()
    const offered = await quoteOf(gateway, 'olive', { request: { refundOnchainAddress } })
    expect(codesOf(offered)).not.toContain('NO_ONCHAIN_REFUND_ADDRESS')
    expect(await featuresOf(gateway, 'olive')).toContain('ONCHAIN_PAYMENT')
    await gateway.restart()
    expect(await featuresOf(gateway, 'olive')).toContain('ONCHAIN_PAYMENT')
  })

  test('is possible as far as get_info tells, so that a quote without an address has the note', async () => {
    await using server = await startScriptedLsp()
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('lsps1', server.url)] },
    })
    expect(codesOf(await quoteOf(gateway, 'lsps1'))).toContain('NO_ONCHAIN_REFUND_ADDRESS')
  })
})

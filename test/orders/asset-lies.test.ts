import { describe, expect, test } from 'vitest'
import { NODE, settings } from '../quotes/support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createOrder, quoteAt, readOrder } from '../support/operations.ts'
import { json, QueueServer } from '../support/queue-server.ts'

// A scripted Kaleidoswap LSP (0.2.0, seed 000), whose orders differ from what was bought.

const ASSET_ID = 'rgb:2NZGjyz-pJePUgegh-RLHbpx1Hy-iZMagWiZZ-qY4AxGymW-yCEYwwB'
/** The asset costs 1 223 sat, and the channel 7 826 sat, as in the test of the vendor's client. */
const [UNITS, PRICE_SAT, FEE_SAT] = [2_500, 1_223, 7_826]
const OPTIONS = {
  min_required_channel_confirmations: 0,
  min_funding_confirms_within_blocks: 1,
  max_channel_expiry_blocks: 20_160,
  max_initial_lsp_balance_sat: 16_777_215,
  max_initial_client_balance_sat: 1_000_000,
}

interface Script {
  /** Changes of the order, at any time. */
  order: Record<string, unknown>
  feeSat: number
  totalSat: number
  quoteSeconds: number
  clientPubkey: string
}

function orderDocument({ order, feeSat, totalSat, clientPubkey }: Script, invoice: string, now: number) {
  return {
    order_id: 'order-1',
    client_pubkey: clientPubkey,
    lsp_balance_sat: 1_000_000,
    client_balance_sat: 0,
    required_channel_confirmations: 0,
    funding_confirms_within_blocks: 1,
    channel_expiry_blocks: 12_960,
    announce_channel: false,
    order_state: 'CREATED',
    payment: {
      bolt11: {
        state: 'EXPECT_PAYMENT',
        expires_at: new Date(now + 900_000).toISOString(),
        fee_total_sat: feeSat,
        order_total_sat: totalSat,
        invoice,
      },
    },
    channel: null,
    asset_id: ASSET_ID,
    lsp_asset_amount: 0,
    client_asset_amount: UNITS,
    rfq_id: 'rfq-1',
    asset_price_sat: PRICE_SAT,
    ...order,
  }
}

/** A gateway with the scripted LSP; `script` may be changed at any time. */
async function scripted(changes: Partial<Script> = {}) {
  const script: Script = {
    order: {},
    feeSat: FEE_SAT,
    totalSat: FEE_SAT + PRICE_SAT,
    quoteSeconds: 60,
    clientPubkey: '',
    ...changes,
  }
  const now = Date.now()
  const invoices = new Map<number, string>()
  const invoiceFor = (amountSat: number) => {
    const issued =
      invoices.get(amountSat) ??
      NODE.issueInvoice({ amountSat, description: 'a channel', createdAt: now, expiresAt: now + 900_000 }).bolt11
    invoices.set(amountSat, issued)
    return issued
  }
  const server = await QueueServer.start()
  const answers: Record<string, () => unknown> = {
    '/get_info': () => ({ lsp_connection_url: NODE.uri, options: OPTIONS, assets: [] }),
    '/network_info': () => ({ network: 'Regtest', height: 1 }),
    '/api/v1/market/quote': () => {
      const timestamp = Math.floor(Date.now() / 1_000)
      return {
        rfq_id: 'rfq-1',
        from_asset: { asset_id: 'BTC', layer: 'BTC_LN', amount: PRICE_SAT * 1_000 },
        to_asset: { asset_id: ASSET_ID, layer: 'RGB_LN', amount: UNITS },
        price: Math.round((UNITS * 100_000_000) / PRICE_SAT),
        timestamp,
        expires_at: timestamp + script.quoteSeconds,
      }
    },
    '/estimate_fees': () => ({ setup_fee: 1_000, capacity_fee: 6_000, duration_fee: 826, total_fee: FEE_SAT }),
    '/create_order': () => orderDocument(script, invoiceFor(script.totalSat), now),
    '/get_order': () => orderDocument(script, invoiceFor(script.totalSat), now),
  }
  server.always((request, response) => json(200, answers[request.path]?.() ?? null)(request, response))
  const gateway = await startTestGateway({
    sandbox: { only: ['kestrel'] },
    config: { lsps: [settings('scripted', server.url, { protocol: 'KALEIDOSWAP' })] },
  })
  script.clientPubkey = gateway.sandbox.wallet.pubkey
  return {
    gateway,
    script,
    server,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const PURCHASE = { asset: { assetId: ASSET_ID, lspAmount: '0', clientAmount: String(UNITS) } }
const quoted = (gateway: TestGateway) => quoteAt(gateway, 'scripted', PURCHASE)

describe('an order for a bought asset', () => {
  test('costs fee and asset price together, as in the test of the vendor’s client', async () => {
    await using lsp = await scripted()
    const quote = await quoted(lsp.gateway)
    expect(quote).toMatchObject({ basis: 'ESTIMATED', feeTotalSat: FEE_SAT, orderTotalSat: 9_049 })
    expect(await createOrder(lsp.gateway, { quoteId: quote.id })).toMatchObject({
      state: 'AWAITING_PAYMENT',
      feeTotalSat: FEE_SAT,
      orderTotalSat: 9_049,
      nextStep: { action: 'PAY' },
    })
  })

  test.each<[string, Partial<Script>, string]>([
    ['1 unit', { order: { client_asset_amount: 1 } }, 'ASSET_ECHOED'],
    ['no amount', { order: { client_asset_amount: null } }, 'ASSET_ECHOED'],
    ['no asset', { order: { asset_id: null, client_asset_amount: null } }, 'ASSET_ECHOED'],
    ['another asset', { order: { asset_id: 'rgb:other' } }, 'ASSET_ECHOED'],
    ['a total that is neither of the two sums', { feeSat: FEE_SAT - 1 }, 'FEE_ADDS_UP'],
    ['a fee below the asset price that it would contain', { feeSat: 1_000, totalSat: 1_000 }, 'FEE_ADDS_UP'],
    ['a total above fee and client balance, and no asset price', { order: { asset_price_sat: null } }, 'FEE_ADDS_UP'],
  ])('is refused if the LSP answers with %s', async (_what, changes, check) => {
    await using lsp = await scripted(changes)
    const { id: quoteId } = await quoted(lsp.gateway)
    expect(await createOrder(lsp.gateway, { quoteId })).toMatchObject({
      __typename: 'LspError',
      code: 'UNTRUSTWORTHY',
      message: expect.stringContaining(check),
    })
  })

  test('is accepted with more of the asset for the same money', async () => {
    await using lsp = await scripted({ order: { client_asset_amount: 5_000, lsp_asset_amount: 7 } })
    const { id: quoteId } = await quoted(lsp.gateway)
    expect(await createOrder(lsp.gateway, { quoteId })).toMatchObject({
      state: 'AWAITING_PAYMENT',
      asset: { clientAmount: '5000', lspAmount: '7' },
    })
  })

  test('is a PriceChangedError if the asset now costs more', async () => {
    await using lsp = await scripted({ order: { asset_price_sat: PRICE_SAT + 1 }, totalSat: FEE_SAT + PRICE_SAT + 1 })
    const { id: quoteId } = await quoted(lsp.gateway)
    expect(await createOrder(lsp.gateway, { quoteId })).toMatchObject({
      __typename: 'PriceChangedError',
      freshQuote: { feeTotalSat: FEE_SAT, orderTotalSat: 9_050 },
    })
  })

  test('is not placed once the LSP’s quote for the asset has ended', async () => {
    await using lsp = await scripted({ quoteSeconds: 1 })
    const { id: quoteId } = await quoted(lsp.gateway)
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    expect(await createOrder(lsp.gateway, { quoteId })).toMatchObject({ __typename: 'QuoteExpiredError' })
    expect(lsp.server.requests.map(({ path }) => path)).not.toContain('/create_order')
  })

  test.each<[string, Partial<Script>, string]>([
    ['less of it', { order: { client_asset_amount: 1 } }, 'the LSP changed the asset of the channel'],
    ['another price', { order: { asset_price_sat: 2_000 } }, 'the LSP changed the price of the asset'],
    ['another fee', { feeSat: FEE_SAT + PRICE_SAT - 1 }, 'the LSP replaced what is to be paid'],
  ])('is withheld if a later report has %s', async (_what, changes, reason) => {
    await using lsp = await scripted()
    const { id: quoteId } = await quoted(lsp.gateway)
    const { id } = await createOrder(lsp.gateway, { quoteId })
    Object.assign(lsp.script, changes)
    await expect
      .poll(async () => (await readOrder(lsp.gateway, id)).nextStep, { timeout: 10_000 })
      .toMatchObject({ action: 'DO_NOT_PAY', message: expect.stringContaining(reason) })
  })

  test('shows a failed check and an event if the LSP reports less of the asset after the payment', async () => {
    await using lsp = await scripted()
    const { id: quoteId } = await quoted(lsp.gateway)
    const { id } = await createOrder(lsp.gateway, { quoteId })
    lsp.script.order = { order_state: 'CHANNEL_OPENING', client_asset_amount: 1 }
    const CHECKS = 'query ($id: ID!) { order(id: $id) { state checks { code verdict } events { nodes { message } } } }'
    await expect
      .poll(async () => (await lsp.gateway.ask(CHECKS, { id })).order, { timeout: 10_000 })
      .toMatchObject({
        state: 'CHANNEL_OPENING',
        checks: expect.arrayContaining([{ code: 'ASSET_ECHOED', verdict: 'FAILED' }]),
      })
    const { order } = await lsp.gateway.ask(CHECKS, { id })
    expect(JSON.stringify(order.events)).toContain('the LSP changed the asset amount for the client: 2500 → 1')
  })

  test('stays payable if a later report leaves out fields of the asset', async () => {
    await using lsp = await scripted()
    const { id: quoteId } = await quoted(lsp.gateway)
    const { id, asset } = await createOrder(lsp.gateway, { quoteId })
    lsp.script.order = { client_asset_amount: null, asset_price_sat: null, rfq_id: null }
    const polls = lsp.server.requests.length
    await expect.poll(() => lsp.server.requests.length, { timeout: 10_000 }).toBeGreaterThan(polls + 2)
    expect(await readOrder(lsp.gateway, id)).toMatchObject({ nextStep: { action: 'PAY' }, asset })
  })
})

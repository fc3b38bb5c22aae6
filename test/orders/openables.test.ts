import { bech32 } from '@scure/base'
import { expect, test, vi } from 'vitest'
import { lsps1Order, NODE, settings, startScriptedLsp } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createOrder, quoteAt } from '../support/operations.ts'

const lnurl = (url: string) => bech32.encode('lnurl', bech32.toWords(new TextEncoder().encode(url)), false)
const SOUND = {
  lnurl_channel: lnurl('https://lsp.example/channel'),
  scid: '733904x1451x0',
  fee_per_payment: 50,
}
const OPENABLES = `query ($id: ID!) { order(id: $id) {
  lnurlChannel jitRouteHint { shortChannelId feePerPaymentSat } channel { shortChannelId fundingTxid } checks { code verdict message } payment { bip21 }
} }`

/** An order of draft 0.0.1 whose POST says `first` of what a wallet opens, and every report after it `later`. */
async function ordered(first: Record<string, unknown>, later: Record<string, unknown>) {
  const created = {
    order_id: 'order-1',
    fee_total: 1_000,
    order_total: 1_000,
    order_expiry_ts: Math.floor(Date.now() / 1_000) + 3_600,
    ln_invoice: lsps1Order(Date.now()).payment.bolt11.invoice,
    btc_address: '',
  }
  const lsp = await startScriptedLsp(({ method }) =>
    method === 'POST' ? { ...created, ...first } : { ...created, state: 'CREATED', ...later },
  )
  const gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('draft', lsp.url, { protocol: 'CHANNEL_REQUEST_V0_0_1' })] },
  })
  const { id } = await createOrder(gateway, { quoteId: (await quoteAt(gateway, 'draft')).id })
  return {
    read: async () => (await gateway.ask(OPENABLES, { id })).order,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await lsp[Symbol.asyncDispose]()
    },
  }
}

const row = (code: string, verdict: string) => expect.arrayContaining([expect.objectContaining({ code, verdict })])
const INVOICE = NODE.issueInvoice({ amountSat: 9, description: '', createdAt: 1, expiresAt: 9e12, network: 'bitcoin' })

test('a sound LNURL and a sound route hint are handed out, with a check each', async () => {
  await using order = await ordered(SOUND, SOUND)
  expect(await order.read()).toMatchObject({
    lnurlChannel: SOUND.lnurl_channel,
    jitRouteHint: { shortChannelId: SOUND.scid, feePerPaymentSat: 50 },
    checks: expect.arrayContaining([
      expect.objectContaining({ code: 'LNURL_CHANNEL', verdict: 'PASSED' }),
      expect.objectContaining({ code: 'JIT_CHANNEL', verdict: 'PASSED' }),
    ]),
  })
})

test.each([INVOICE.bolt11, 'bitcoin:bc1qxyz?amount=1', 'javascript:alert(1)', lnurl('http://lsp.example/')])(
  '%s is not handed out as an LNURL, and the order can be paid',
  async (text) => {
    await using order = await ordered({ ...SOUND, lnurl_channel: text }, SOUND)
    const shown = await order.read()
    expect(JSON.stringify({ ...shown, checks: [] })).not.toContain(text)
    expect(shown).toMatchObject({ payment: { bip21: expect.stringMatching(/^bitcoin:/) } })
  },
)

test.each<[string, Record<string, unknown>]>([
  ['a fee of 50 000 000 sat a payment', { fee_per_payment: 50_000_000 }],
  ['a fee of a satoshi more than the order costs', { fee_per_payment: 1_001 }],
  ['a malformed short channel id', { scid: 'javascript:1' }],
])('a route hint with %s is not handed out', async (_what, changes) => {
  await using order = await ordered({ ...SOUND, ...changes }, { ...SOUND, ...changes })
  expect(await order.read()).toMatchObject({ jitRouteHint: null, checks: row('JIT_CHANNEL', 'FAILED') })
})

test('what comes in a later report is verified as well', async () => {
  const later = { lnurl_channel: INVOICE.bolt11, scid: '1x2x3', fee_per_payment: 50_000_000 }
  await using order = await ordered({ lnurl_channel: '', scid: '' }, later)
  await vi.waitFor(async () => expect(await order.read()).toMatchObject({ checks: row('LNURL_CHANNEL', 'FAILED') }), {
    timeout: 10_000,
  })
  expect(await order.read()).toMatchObject({
    lnurlChannel: null,
    jitRouteHint: null,
    checks: row('JIT_CHANNEL', 'FAILED'),
  })
})

test('a malformed funding transaction is not shown', async () => {
  const opened = { state: 'OPENING', channel_open_tx: 'soon', scid: '1x2x3' }
  await using order = await ordered(SOUND, { ...SOUND, ...opened })
  await vi.waitFor(async () => expect(await order.read()).toMatchObject({ channel: { fundingTxid: null } }), {
    timeout: 10_000,
  })
  expect(await order.read()).toMatchObject({ checks: row('CHANNEL_IDS', 'WARNING') })
})

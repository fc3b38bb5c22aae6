import { expect, test } from 'vitest'
import { failureOf, lsps1Order, settings, startScriptedLsp } from '../quotes/support.ts'
import { adding, fieldsWith, GOOD, invoiceOf, PAYEE, type HandmadeInvoice } from '../support/bolt11.ts'
import { fixture } from '../support/fixtures.ts'
import { startTestGateway } from '../support/gateway.ts'

// C01, C02 and C04: an LSP hands out an invoice that wallets refuse, or read in two ways.

const C01 = fixture('cases/C01.json') as { invoice: string; also: { two_expiries_3600_and_2592000: string } }
const C02 = fixture('cases/C02.json') as { invoice: string }
const C04 = fixture('cases/C04.json') as Record<
  'without_payment_secret' | 'wants_unknown_feature_100' | 'for_20000001_pico_btc',
  string
>
const TOTAL_SAT = 2_000

/** The one failure of an LSP that asks for 2,000 sat by this invoice. */
async function failureFor(invoice: string) {
  const order = lsps1Order(Date.now(), { feeSat: TOTAL_SAT })
  const payment = { bolt11: { ...order.payment.bolt11, invoice } }
  await using lsp = await startScriptedLsp(() => ({ ...order, payment }))
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('liar', lsp.url)] } })
  return await failureOf(gateway, 'liar')
}

const now = () => Math.floor(Date.now() / 1_000)
const fresh = (invoice: HandmadeInvoice) => invoiceOf({ createdAt: now(), ...invoice })

test.each<[string, () => string, RegExp]>([
  ['C01: two payment hashes', () => C01.invoice, /2 fields p \(payment hash\)/],
  ['C01: two expiries', () => C01.also.two_expiries_3600_and_2592000, /2 fields x \(expiry\)/],
  ['C01: two payment secrets', () => fresh(adding(GOOD.s)), /2 fields s \(payment secret\)/],
  ['C01: two descriptions', () => fresh(adding(GOOD.d)), /2 fields d \(description\)/],
  ['C01: a description and its hash', () => fresh(adding(['h', '44'.repeat(32)])), /description hash/],
  ['C01: two final CLTV deltas', () => fresh(adding(GOOD.c)), /2 fields c/],
  ['C01: two payees', () => fresh(adding(['n', PAYEE], ['n', PAYEE])), /2 fields n/],
  ['C02: no payment hash', () => C02.invoice, /no payment hash/],
  ['C02: no description', () => fresh({ fields: fieldsWith({ d: null }) }), /neither a description/],
  ['C04: no payment secret', () => C04.without_payment_secret, /no payment secret/],
  ['C04: an unknown required feature', () => C04.wants_unknown_feature_100, /requires feature bit 100/],
  ['C04: less than a millisatoshi', () => C04.for_20000001_pico_btc, /whole number of millisatoshis/],
  [
    'C04: another payee than the signer',
    () => fresh({ ...adding(['n', PAYEE]), secret: Buffer.alloc(32, 9) }),
    /signed it/,
  ],
  ['C04: a high S and a payee', () => fresh({ ...adding(['n', PAYEE]), highS: true }), /high S/],
])('%s: no quote, and the report says which rule is broken', async (_what, invoice, rule) => {
  const { code, message } = await failureFor(invoice())
  expect({ code, message }).toEqual({ code: 'UNTRUSTWORTHY', message: expect.stringMatching(/^INVOICE_DECODES: /) })
  expect(message).toMatch(rule)
})

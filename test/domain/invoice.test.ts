import { expect, test } from 'vitest'
import { fixture } from '../support/fixtures.ts'
import { decodeInvoice, InvoiceError } from '../../src/domain/invoice.ts'
import { LightningNode } from '../../src/sandbox/node.ts'

const node = new LightningNode('an invoice', '127.0.0.1:9735')
const NOW = Date.parse('2026-11-21T12:00:00Z')

/** The payment's invoice at that path of a fixture. */
function invoiceOf(path: string, ...steps: readonly string[]): string {
  return steps.reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], fixture(path)) as string
}

test('bLIP-51’s own example is for 25 200 sat on mainnet', () => {
  expect(decodeInvoice(invoiceOf('lsps1-blip51/payment.bolt11.json', 'invoice'))).toMatchObject({
    networks: ['MAINNET'],
    amountMsat: 25_200_000n,
  })
})

test('ThunderStack’s example is for 251 515 sat on regtest, by a node and until when its signature and its fields say', () => {
  const invoice = decodeInvoice(invoiceOf('thunderstack/create_order.response.json', 'payment', 'ln', 'invoice'))
  expect(invoice).toMatchObject({ networks: ['REGTEST'], amountMsat: 251_515_000n })
  expect(invoice.payeePubkey).toMatch(/^0[23][0-9a-f]{64}$/)
  expect(invoice.paymentHash).toMatch(/^[0-9a-f]{64}$/)
  expect(new Date(invoice.expiresAt).toISOString()).toMatch(/^2025-02-11T/)
})

test('what was signed is what is read, to the millisecond of a whole second', () => {
  const issued = node.issueInvoice({
    amountSat: 12_345,
    description: 'a channel',
    createdAt: NOW,
    expiresAt: NOW + 3_600_000,
  })
  expect(decodeInvoice(issued.bolt11)).toEqual({
    networks: ['REGTEST'],
    amountMsat: 12_345_000n,
    payeePubkey: node.pubkey,
    paymentHash: issued.paymentHash,
    createdAt: NOW,
    expiresAt: NOW + 3_600_000,
    minFinalCltvExpiryDelta: 80,
    fallbackAddresses: [],
    routeHints: [],
    description: 'a channel',
  })
})

test('amounts of every size are read exactly', () => {
  for (const amountSat of [1, 9, 10, 99, 1_000, 123_456, 100_000_000, 2_099_999_999, 20_999_999_99999999]) {
    const { bolt11 } = node.issueInvoice({ amountSat, description: '', createdAt: NOW, expiresAt: NOW + 60_000 })
    expect(decodeInvoice(bolt11).amountMsat).toBe(BigInt(amountSat) * 1000n)
  }
})

test('an invoice without an amount has none, not zero', () => {
  const { bolt11 } = node.issueInvoice({ amountSat: 0, description: '', createdAt: NOW, expiresAt: NOW + 60_000 })
  expect(bolt11).toMatch(/^lnbcrt1/)
  expect(decodeInvoice(bolt11).amountMsat).toBeNull()
})

test('the payee is who signed: another signature is another payee', () => {
  const other = new LightningNode('somebody else', '127.0.0.1:9735')
  const invoice = { amountSat: 1_000, description: '', createdAt: NOW, expiresAt: NOW + 60_000 }
  expect(decodeInvoice(other.issueInvoice(invoice).bolt11).payeePubkey).toBe(other.pubkey)
  expect(decodeInvoice(node.issueInvoice(invoice).bolt11).payeePubkey).toBe(node.pubkey)
})

test('a mainnet invoice is one of mainnet', () => {
  const { bolt11 } = node.issueInvoice({
    amountSat: 1_000,
    description: '',
    createdAt: NOW,
    expiresAt: NOW + 60_000,
    network: 'bitcoin',
  })
  expect(decodeInvoice(bolt11).networks).toEqual(['MAINNET'])
})

test('one changed character anywhere in the data is no longer an invoice', () => {
  const { bolt11 } = node.issueInvoice({ amountSat: 1_000, description: 'x', createdAt: NOW, expiresAt: NOW + 60_000 })
  for (let index = 12; index < bolt11.length; index += 17) {
    const changed = bolt11.slice(0, index) + (bolt11[index] === 'q' ? 'p' : 'q') + bolt11.slice(index + 1)
    expect(() => decodeInvoice(changed)).toThrow(InvoiceError)
  }
})

test.each([
  [''],
  ['lnbc1example'],
  ['lnbcrt10u1nonsense'],
  ['lno1pg257enxv4ezqcneype82um50ynhxgrwdajx283qfwdpl28qqmc78ymlvhmxcsywdk5wrjnj36jryg488qwlrnzyjczs'],
  ['bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88'],
  ['not an invoice'],
  ['lnbc'.padEnd(4_000, 'q')],
])('%o is no invoice', (text) => {
  expect(() => decodeInvoice(text)).toThrow(InvoiceError)
})

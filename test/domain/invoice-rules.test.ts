import { expect, test } from 'vitest'
import { decodeInvoice, InvoiceError } from '../../src/domain/invoice.ts'
import {
  adding,
  bytesToWords,
  fieldsWith,
  GOOD,
  invoiceOf,
  numberToWords,
  PAYEE,
  PAYEE_SECRET,
  PAYMENT_HASH,
  PAYMENT_SECRET,
  pubkeyOf,
  type Field,
  type HandmadeInvoice,
} from '../support/bolt11.ts'

// One rule of BOLT 11 at a time, on invoices that are signed as they are.

const OTHER_HASH = '44'.repeat(32)
const HASH_WORDS = bytesToWords(Buffer.from(PAYMENT_HASH, 'hex'))
const DESCRIPTION_HASH: Field = ['h', OTHER_HASH]
const N: Field = ['n', PAYEE]
const OTHER_SECRET = Buffer.alloc(32, 0x12)
const HOP = `${PAYEE}010203040506070800000001000000140003`
const bit = (...bits: number[]): Field => ['9', bits.reduce((value, one) => value | (1n << BigInt(one)), 0n)]
/** The hash of a public key, 20 bytes. */
const KEY_HASH = '751e76e8199196d454941c45d1b3a323f1433bd6'
const fallback = (version: number, hex: string): Field => ['f', [version, ...bytesToWords(Buffer.from(hex, 'hex'))]]
const changed = (changes: Parameters<typeof fieldsWith>[0], ...more: Field[]): HandmadeInvoice => ({
  fields: fieldsWith(changes, more),
})

test('a good invoice is read whole', () => {
  expect(decodeInvoice(invoiceOf({ createdAt: 1_800_000_000 }))).toEqual({
    networks: ['REGTEST'],
    amountMsat: 2_000_000n,
    payeePubkey: PAYEE,
    paymentHash: PAYMENT_HASH,
    createdAt: 1_800_000_000_000,
    expiresAt: 1_800_003_600_000,
    minFinalCltvExpiryDelta: 80,
    fallbackAddresses: [],
    routeHints: [],
    description: 'a channel',
  })
})

test.each<[string, HandmadeInvoice, RegExp]>([
  ['no payment hash', changed({ p: null }), /no payment hash/],
  ['two payment hashes', adding(['p', OTHER_HASH]), /2 fields p \(payment hash\)/],
  ['the same payment hash twice', adding(GOOD.p), /2 fields p/],
  ['three payment hashes', adding(GOOD.p, GOOD.p), /3 fields p/],
  ['a payment hash of a wrong length alone', changed({ p: ['p', HASH_WORDS.slice(1)] }), /no payment hash/],
  [
    'a payment hash whose padding is not zero',
    changed({ p: ['p', [...HASH_WORDS.slice(0, -1), 17]] }),
    /field p .* padded/,
  ],
  ['no payment secret', changed({ s: null }), /no payment secret/],
  ['two payment secrets', adding(['s', OTHER_HASH]), /2 fields s \(payment secret\)/],
  ['a payment secret of a wrong length alone', changed({ s: ['s', `${PAYMENT_SECRET}33`] }), /no payment secret/],
  ['no description', changed({ d: null }), /neither a description \(field d\) nor/],
  ['two descriptions', adding(GOOD.d), /2 fields d \(description\)/],
  ['a description and its hash', adding(DESCRIPTION_HASH), /a description \(field d\) and a description hash/],
  ['two description hashes', changed({ d: null }, DESCRIPTION_HASH, DESCRIPTION_HASH), /2 fields h/],
  ['a description hash of a wrong length alone', changed({ d: null }, ['h', OTHER_HASH.slice(2)]), /neither/],
  ['a description that is not UTF-8', changed({ d: ['d', 'c328'] }), /not UTF-8/],
  ['two expiries', adding(['x', 60n]), /2 fields x \(expiry\)/],
  ['two final CLTV deltas', adding(['c', 9n]), /2 fields c \(final CLTV delta\)/],
  ['two payees', adding(N, N), /2 fields n \(payee key\)/],
  ['feature bits twice', adding(GOOD['9']), /2 fields 9 \(feature bits\)/],
  ['payment metadata twice', adding(['m', '01'], ['m', '02']), /2 fields m \(payment metadata\)/],
  ['an expiry that begins with zeros', changed({ x: ['x', [0, 1]] }), /expiry .* begins with zeros/],
  [
    'a final CLTV delta that begins with zeros',
    changed({ c: ['c', [0, 18]] }),
    /final CLTV delta .* begins with zeros/,
  ],
  ['features that begin with zeros', changed({ '9': ['9', [0, 16, 0, 0]] }), /feature bits .* begins with zeros/],
  ['an expiry beyond 64 bits', changed({ x: ['x', Array<number>(14).fill(31)] }), /expiry .* 64 bits/],
  ['an expiry beyond all dates', changed({ x: ['x', 1n << 62n] }), /later than any date/],
  [
    'an expiry just beyond all dates',
    changed({ x: ['x', 8_640_000_000_001n - 1_800_000_000n] }),
    /later than any date/,
  ],
  ['a final CLTV delta that is a time', changed({ c: ['c', 500_000_000n] }), /number of blocks/],
  ['a required feature that nobody defined', changed({ '9': bit(14, 100) }), /feature bit 100/],
  ['a required feature that is not for invoices', changed({ '9': bit(14, 18) }), /feature bit 18/],
  ['a required feature in the first place', changed({ '9': bit(0, 14) }), /feature bit 0\b/],
  ['basic_mpp without payment_secret', changed({ '9': bit(8, 17) }), /basic_mpp without payment_secret/],
  ['a payee that did not sign', { ...adding(N), secret: OTHER_SECRET }, /names .* as its payee .* signed it/],
  ['a payee that is no point', adding(['n', '03'.repeat(33)]), /as its payee/],
  ['a high S and a payee', { ...adding(N), highS: true }, /high S/],
  ['a payee and a recovery id of another key', { ...adding(N), recoveryId: 1 ^ recoveryIdOf(adding(N)) }, /signed it/],
  ['a recovery id above 3', { recoveryId: 4 }, /recovery id .* 4/],
  ['a recovery id that no signature has', { recoveryId: 2 }, /recovers no key/],
  ['an amount of 0', { amount: '0' }, /zero/],
  ['an amount of 0 with a multiplier', { amount: '0m' }, /zero/],
  ['an amount that begins with a zero', { amount: '01m' }, /begins with a zero/],
  ['an amount with a point', { amount: '1.5m' }, /not a whole number/],
  ['a multiplier that does not exist', { amount: '15k' }, /not a whole number/],
  ['two multipliers', { amount: '15mu' }, /not a whole number/],
  ['a multiplier without a number', { amount: 'm' }, /no network/],
  ['less than a millisatoshi', { amount: '20000001p' }, /millisatoshis/],
  ['a pico-bitcoin', { amount: '1p' }, /millisatoshis/],
  ['more than all bitcoin', { amount: '21000001' }, /all bitcoin/],
  ['more than all bitcoin by little', { amount: '21000000000000000010p' }, /all bitcoin/],
  ['far more than all bitcoin', { amount: '9'.repeat(60) }, /all bitcoin/],
  ['an unknown network', { prefix: 'lnltc' }, /no network/],
  ['a network without letters', { prefix: 'ln' }, /no network/],
  ['a last field without a length', { rest: [1, 1] }, /last field .* cut short/],
  ['a last field that is cut short', { rest: [2, 0, 3, 1, 1] }, /last field .* cut short/],
  ['a route hint without a hop', adding(['r', []]), /hops of 51 bytes/],
  ['a route hint that is cut short', adding(['r', HOP.slice(0, -2)]), /hops of 51 bytes/],
  ['a route hint by a key that is no point', adding(['r', HOP.replace(PAYEE, '03'.repeat(33))]), /no point/],
  ['an empty fallback address', adding(['f', []]), /empty/],
  ['a key hash of a wrong length', adding(fallback(17, KEY_HASH.slice(2))), /version 17\) has 19 bytes/],
  ['a witness program of a wrong length', adding(fallback(0, `${KEY_HASH}00`)), /version 0\) has 21 bytes/],
])('an invoice with %s is refused, and the message says why', (_what, invoice, message) => {
  const text = invoiceOf(invoice)
  expect(() => decodeInvoice(text)).toThrow(InvoiceError)
  expect(() => decodeInvoice(text)).toThrow(message)
})

/** The one that the signature has. */
function recoveryIdOf(invoice: HandmadeInvoice): number {
  for (const recoveryId of [0, 1]) {
    try {
      decodeInvoice(invoiceOf({ ...invoice, recoveryId }))
      return recoveryId
    } catch {}
  }
  throw new Error('neither recovery id is right')
}

test.each<[string, HandmadeInvoice, Record<string, unknown>]>([
  ['an amount in bitcoin', { amount: '21' }, { amountMsat: 2_100_000_000_000n }],
  ['an amount in milli-bitcoin', { amount: '21m' }, { amountMsat: 2_100_000_000n }],
  ['an amount in micro-bitcoin', { amount: '21u' }, { amountMsat: 2_100_000n }],
  ['an amount in nano-bitcoin', { amount: '21n' }, { amountMsat: 2_100n }],
  ['an amount in pico-bitcoin', { amount: '210p' }, { amountMsat: 21n }],
  ['all bitcoin', { amount: '21000000' }, { amountMsat: 2_100_000_000_000_000_000n }],
  ['no amount', { amountMsat: 0n }, { amountMsat: null }],
  ['signet’s prefix', { prefix: 'lntbs' }, { networks: ['SIGNET'] }],
  ['testnet’s prefix', { prefix: 'lntb' }, { networks: ['TESTNET', 'TESTNET4'] }],
  ['its payee named', adding(N), { payeePubkey: PAYEE }],
  ['a payee of a wrong length, which is skipped', adding(['n', PAYEE.slice(2)]), { payeePubkey: PAYEE }],
  [
    'a second payment hash of a wrong length, which is skipped',
    adding(['p', HASH_WORDS.slice(1)]),
    { paymentHash: PAYMENT_HASH },
  ],
  ['a high S and no payee', { highS: true }, { payeePubkey: PAYEE }],
  ['a description hash', changed({ d: null }, DESCRIPTION_HASH), { description: null }],
  ['an empty description', changed({ d: ['d', ''] }), { description: '' }],
  ['no expiry', changed({ x: null }), { expiresAt: 1_800_003_600_000 }],
  ['the last expiry of all dates', changed({ x: ['x', 8_640_000_000_000n - 1_800_000_000n] }), { expiresAt: 8.64e15 }],
  ['no final CLTV delta', changed({ c: null }), { minFinalCltvExpiryDelta: 18 }],
  ['a large final CLTV delta', changed({ c: ['c', 20_160n] }), { minFinalCltvExpiryDelta: 20_160 }],
  ['no features', changed({ '9': null }), {}],
  ['the required features of BOLT 9', changed({ '9': bit(8, 14, 16, 24, 36, 48) }), {}],
  ['optional features that nobody defined', changed({ '9': bit(14, 99, 1001) }), {}],
  ['a field that nobody defined', adding(['q', [1, 2, 3]]), {}],
  [
    'a witness program to fall back to',
    adding(fallback(0, KEY_HASH)),
    { fallbackAddresses: ['bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080'] },
  ],
  [
    'a key hash to fall back to',
    { ...adding(fallback(17, KEY_HASH)), prefix: 'lntbs' },
    { fallbackAddresses: ['mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r'] },
  ],
  [
    'a later witness version to fall back to',
    adding(fallback(2, 'abcd')),
    { fallbackAddresses: [expect.stringMatching(/^bcrt1z/)] },
  ],
  [
    'fallback addresses of unknown versions, which are skipped',
    adding(fallback(19, KEY_HASH), fallback(31, '')),
    { fallbackAddresses: [] },
  ],
  [
    'two route hints, one of two hops',
    adding(['r', HOP], ['r', HOP + HOP]),
    { routeHints: [[expect.anything()], [expect.anything(), expect.anything()]] },
  ],
])('an invoice with %s is read', (_what, invoice, expected) => {
  const text = invoiceOf(invoice)
  expect(decodeInvoice(text)).toMatchObject(expected)
  expect(decodeInvoice(text.toUpperCase())).toEqual(decodeInvoice(text))
})

test('a route hint is read to the last byte', () => {
  expect(decodeInvoice(invoiceOf(adding(['r', HOP]))).routeHints).toEqual([
    [
      {
        pubkey: PAYEE,
        shortChannelId: '66051x263430x1800',
        feeBaseMsat: 1n,
        feeProportionalMillionths: 20,
        cltvExpiryDelta: 3,
      },
    ],
  ])
  const most = `${PAYEE}${'ff'.repeat(18)}`
  expect(decodeInvoice(invoiceOf(adding(['r', most]))).routeHints[0]?.[0]).toMatchObject({
    shortChannelId: '16777215x16777215x65535',
    feeBaseMsat: 0xffff_ffffn,
    feeProportionalMillionths: 0xffff_ffff,
    cltvExpiryDelta: 0xffff,
  })
})

test('another key is another payee', () => {
  expect(decodeInvoice(invoiceOf({ secret: OTHER_SECRET })).payeePubkey).toBe(pubkeyOf(OTHER_SECRET))
  expect(pubkeyOf(PAYEE_SECRET)).toBe(PAYEE)
})

test('an invoice that is longer than any wallet reads is refused before it is read', () => {
  const hints = (count: number) => invoiceOf(adding(...Array.from({ length: count }, (): Field => ['r', HOP])))
  expect(decodeInvoice(hints(50)).routeHints).toHaveLength(50)
  expect(() => decodeInvoice(hints(90))).toThrow(/more than 7089 characters/)
})

test.each([
  [
    'mixed case',
    (text: string) => text.slice(0, -1) + text.slice(-1).toUpperCase().replace(/\d/, 'Q'),
    /upper and lower/,
  ],
  ['a space before it', (text: string) => ` ${text}`, /begin with ln/],
  ['a space after it', (text: string) => `${text} `, /bech32/],
  ['lightning: before it', (text: string) => `lightning:${text}`, /begin with ln/],
  ['a letter that bech32 does not have', (text: string) => text.replace(/..$/, 'bi'), /bech32/],
  ['the checksum of bech32m', (text: string) => text.replace(/.{6}$/, 'qqqqqq'), /checksum/],
])('an invoice with %s is refused', (_what, change, message) => {
  expect(() => decodeInvoice(change(invoiceOf()))).toThrow(InvoiceError)
  expect(() => decodeInvoice(change(invoiceOf()))).toThrow(message)
})

test('numbers are written in as few words as they need', () => {
  expect(numberToWords(3_600n)).toEqual([3, 16, 16])
})

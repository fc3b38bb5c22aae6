import { describe, expect, test } from 'vitest'
import { decodeInvoice, InvoiceError } from '../../src/domain/invoice.ts'
import { fixture } from '../support/fixtures.ts'

interface Vector {
  valid: boolean
  about: string
  invoice: string
}

const VECTORS = fixture('bolts/bolt11-invoices.json') as unknown as Vector[]
const VALID = VECTORS.filter(({ valid }) => valid)
const INVALID = VECTORS.filter(({ valid }) => !valid)

/** What BOLT 11 writes beside its examples. */
const SIGNER = '03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad'
const HASH = '0001020304050607080900010203040506070809000102030405060708090102'
const HOP = { pubkey: '029e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255' }
const NO_FIELDS: Record<string, unknown> = {}
const FIELDS: Readonly<Record<string, Record<string, unknown>>> = {
  'no amount': { amountMsat: null, description: 'Please consider supporting this project' },
  '2500u, expiry 60 s': { amountMsat: 250_000_000n, description: '1 cup coffee', expiresAt: 1_496_314_718_000 },
  'UTF-8 description': { amountMsat: 250_000_000n, description: 'ナンセンス 1杯' },
  'description hash': { amountMsat: 2_000_000_000n, description: null, expiresAt: 1_496_318_258_000 },
  'testnet, P2PKH fallback': {
    networks: ['TESTNET', 'TESTNET4'],
    fallbackAddresses: ['mk2QpYatsKicvFVuTAQLBryyccRXMUaGHP'],
  },
  'P2PKH fallback, two route hints': {
    fallbackAddresses: ['1RustyRX2oai4EYYDpQGWvEL62BBGqN9T'],
    routeHints: [
      [
        {
          ...HOP,
          shortChannelId: '66051x263430x1800',
          feeBaseMsat: 1n,
          feeProportionalMillionths: 20,
          cltvExpiryDelta: 3,
        },
        {
          pubkey: HOP.pubkey.replace(/^02/, '03'),
          shortChannelId: '197637x395016x2314',
          feeBaseMsat: 2n,
          feeProportionalMillionths: 30,
          cltvExpiryDelta: 4,
        },
      ],
    ],
  },
  'P2SH fallback': { fallbackAddresses: ['3EktnHQD7RiAE6uzMj2ZifT9YgRrkSgzQX'] },
  'P2WPKH fallback': { fallbackAddresses: ['bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'] },
  'P2WSH fallback': { fallbackAddresses: ['bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3'] },
  'pico amount, route hint, no features': {
    amountMsat: 967_878_534n,
    paymentHash: '462264ede7e14047e9b249da94fefc47f41f7d02ee9b091815a5506bc8abf75f',
    minFinalCltvExpiryDelta: 10,
    createdAt: 1_572_468_703_000,
    expiresAt: 1_573_073_503_000,
    routeHints: [
      [{ shortChannelId: '589390x3312x1', feeBaseMsat: 1_000n, feeProportionalMillionths: 2_500, cltvExpiryDelta: 40 }],
    ],
  },
  'features 8, 14, 99': { amountMsat: 2_500_000_000n, description: 'coffee beans' },
  'upper case': { amountMsat: 2_500_000_000n, description: 'coffee beans' },
  'unknown and wrong-length fields': { amountMsat: 2_500_000_000n, description: 'coffee beans', fallbackAddresses: [] },
  'payment metadata': { amountMsat: 1_000_000_000n, description: 'payment metadata inside' },
  'high-S without n': { amountMsat: null, description: 'Please consider supporting this project' },
}

/** Which rule each invalid example breaks. */
const BROKEN: Readonly<Record<string, RegExp>> = {
  'unknown required feature 100': /feature bit 100/,
  checksum: /checksum .* wrong/,
  'no separator': /does not begin with ln/,
  'mixed case': /upper and lower case/,
  'signature not recoverable': /signature recovers no key/,
  'too short': /too short/,
  multiplier: /"2500x"/,
  'sub-millisatoshi amount': /whole number of millisatoshis/,
  'no payment secret': /no payment secret \(field s/,
  // It has two payment secrets as well, and the fields are read before the signature.
  'high-S with n': /2 fields s/,
}

describe(`the ${VALID.length} valid invoices of BOLT 11`, () => {
  test.each(VALID)('$about is read as BOLT 11 describes it', ({ about, invoice }) => {
    expect(decodeInvoice(invoice)).toMatchObject({
      networks: ['MAINNET'],
      payeePubkey: about === 'high-S without n' ? expect.any(String) : SIGNER,
      paymentHash: HASH,
      minFinalCltvExpiryDelta: 18,
      ...(about.startsWith('pico') ? {} : { createdAt: 1_496_314_658_000 }),
      ...(FIELDS[about] ?? NO_FIELDS),
    })
  })

  test('have their fields written down, each of them', () => {
    expect(Object.keys(FIELDS).toSorted()).toEqual(VALID.map(({ about }) => about).toSorted())
  })
})

describe(`the ${INVALID.length} invalid invoices of BOLT 11`, () => {
  test.each(INVALID)('$about is refused, and the message says why', ({ about, invoice }) => {
    expect(() => decodeInvoice(invoice)).toThrow(InvoiceError)
    expect(() => decodeInvoice(invoice)).toThrow(BROKEN[about])
  })

  test('have their broken rules written down, each of them', () => {
    expect(Object.keys(BROKEN).toSorted()).toEqual(INVALID.map(({ about }) => about).toSorted())
  })
})

test(`BOLT 11: ${VALID.length} valid and ${INVALID.length} invalid invoices were read`, () => {
  process.stdout.write(`BOLT 11 vectors: ${VALID.length} valid, ${INVALID.length} invalid\n`)
  expect([VALID.length, INVALID.length]).toEqual([15, 10])
})

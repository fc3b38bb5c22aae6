import { createPublicKey, verify } from 'node:crypto'
import { bech32 } from '@scure/base'
import { decode as decodeOtherwise, type Section } from 'light-bolt11-decoder'
import { expect, test } from 'vitest'
import { decodeInvoice, InvoiceError, type DecodedInvoice } from '../../src/domain/invoice.ts'
import { bytesToWords, FEATURES, GOOD, invoiceOf, PAYEE, PAYMENT_HASH, type Field } from '../support/bolt11.ts'

// Invoices by a seed: what is accepted here must be the same to a decoder that others wrote, and to OpenSSL.
//
// Where light-bolt11-decoder differs, known and wanted:
// - it checks no signature, so OpenSSL verifies the payee;
// - it takes the first of two fields, has no field as a must, and knows no feature bits: it accepts far more;
// - it does not skip a p, s, h or n of a wrong length, as BOLT 11 says: such fields are left out of its answer here,
//   and where it fails at their padding, there is no answer to compare.

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_121)
const INVOICES = 1_500
const MUTATIONS = 3_000

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

class Dice {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = randomFrom(seed)
  }

  below(count: number): number {
    return Math.floor(this.#random() * count)
  }

  chance(share: number): boolean {
    return this.#random() < share
  }

  of<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.below(items.length)] ?? items[0]
  }

  hex(bytes: number): string {
    return Array.from({ length: bytes }, () => this.below(256).toString(16).padStart(2, '0')).join('')
  }

  words(length: number): number[] {
    return Array.from({ length }, () => this.below(32))
  }
}

const LENGTHS: Readonly<Record<string, number>> = { p: 52, s: 52, h: 52, n: 53 }
const HOP = `${PAYEE}0102030405060708000003e8000000640028`

/** Mostly as wallets write it; sometimes not. */
function randomField(dice: Dice): Field {
  return dice.of<() => Field>([
    () => ['p', dice.hex(32)],
    () => ['s', dice.hex(32)],
    () => ['d', Buffer.from(dice.of(['', 'a channel', 'ナンセンス 1杯', 'x'.repeat(600)])).toString('hex')],
    () => ['d', dice.hex(dice.below(8))],
    () => ['h', dice.hex(32)],
    () => ['x', BigInt(dice.below(2 ** 31))],
    () => ['x', dice.words(dice.below(14))],
    () => ['c', BigInt(dice.below(3_000))],
    () => ['c', dice.words(dice.below(10))],
    () => ['9', dice.chance(0.5) ? FEATURES : dice.words(dice.below(8))],
    () => ['n', dice.chance(0.7) ? PAYEE : dice.hex(33)],
    () => ['r', HOP.repeat(dice.below(4))],
    () => ['r', dice.hex(dice.below(60))],
    () => ['f', [dice.below(20), ...bytesToWords(Buffer.from(dice.hex(dice.of([20, 32, 20, 2, 41])), 'hex'))]],
    () => ['m', dice.hex(dice.below(5))],
    () => [dice.of(['p', 's', 'h', 'n']), dice.hex(dice.below(40))],
    () => [dice.of(['q', 'z', 't', 'l']), dice.words(dice.below(20))],
  ])()
}

function randomInvoice(dice: Dice): string {
  const fields: Field[] = [['p', dice.hex(32)], GOOD.s, ['d', Buffer.from('a channel').toString('hex')]]
  if (dice.chance(0.6)) fields.push(['x', BigInt(1 + dice.below(10_000_000))])
  if (dice.chance(0.6)) fields.push(['c', BigInt(1 + dice.below(2_016))])
  if (dice.chance(0.8)) fields.push(GOOD['9'])
  if (dice.chance(0.2)) fields.splice(dice.below(fields.length), 1)
  for (let count = dice.of([0, 0, 1, 1, 2, 4]); count > 0; count -= 1)
    fields.splice(dice.below(fields.length + 1), 0, randomField(dice))
  return invoiceOf({
    prefix: dice.of(['lnbcrt', 'lnbc', 'lntb', 'lntbs', 'lnbcrt', 'lnsb']),
    amount: dice.chance(0.9)
      ? dice
          .of(['', '1', '25', '2500', String(1 + dice.below(2 ** 31))])
          .replace(/(?<=\d)$/, dice.of(['u', 'n', 'm', '0p', '']))
      : dice.of(['0', '01n', '7p', '1x', '99999999', '1mm']),
    createdAt: dice.below(2 ** 35),
    fields,
    highS: dice.chance(0.2),
    recoveryId: dice.chance(0.05) ? 2 + dice.below(30) : undefined,
  })
}

/** Another text: characters replaced, swapped, cut or doubled, or words changed under a new checksum. */
function mutated(dice: Dice, invoice: string): string {
  const at = dice.below(invoice.length)
  return dice.of<() => string>([
    () =>
      invoice.slice(0, at) +
      dice.of(['q', 'p', 'l', '1', 'b', 'Q', ' ', '+', 'ü', '\u{1F600}', '']) +
      invoice.slice(at + 1),
    () => invoice.slice(0, at),
    () => invoice.slice(at),
    () => invoice.slice(0, at) + invoice.slice(dice.below(invoice.length)),
    () => dice.of([invoice.toUpperCase(), `${invoice}${invoice}`, `lightning:${invoice}`]),
    ...Array.from({ length: 6 }, () => () => rechecksummed(dice, invoice)),
  ])()
}

function rechecksummed(dice: Dice, invoice: string): string {
  const { prefix, words } = bech32.decode(invoice as `${string}1${string}`, false)
  const changed = Array.from(words)
  for (let count = 1 + dice.below(3); count > 0; count -= 1) {
    const at = dice.below(changed.length)
    dice.of<() => unknown>([
      () => (changed[at] = dice.below(32)),
      () => changed.splice(at, 1 + dice.below(4)),
      () => changed.splice(at, 0, ...dice.words(1 + dice.below(4))),
    ])()
  }
  return bech32.encode(dice.chance(0.9) ? prefix : prefix.replace('bcrt', 'bc'), changed, false)
}

/** null for what is refused. */
function accepted(invoice: string): DecodedInvoice | null {
  try {
    return decodeInvoice(invoice)
  } catch (error) {
    expect(error).toBeInstanceOf(InvoiceError)
    return null
  }
}

/** What the other decoder reads, as ours writes it. */
function readOtherwise(invoice: string) {
  const { sections, route_hints: routeHints } = decodeOtherwise(invoice)
  const valueOf = (name: Section['name']): unknown =>
    sections.flatMap((section) => {
      const length = 'letters' in section && 'tag' in section ? section.letters.length - 3 : null
      const tag = 'tag' in section ? section.tag : ''
      const isRightLength = LENGTHS[tag] === undefined || LENGTHS[tag] === length
      return section.name === name && isRightLength && 'value' in section ? [section.value] : []
    })[0]
  const createdAt = Number(valueOf('timestamp')) * 1_000
  const amount = valueOf('amount') as string | undefined
  return {
    amountMsat: amount === undefined ? null : BigInt(amount),
    paymentHash: valueOf('payment_hash'),
    createdAt,
    expiresAt: createdAt + Number(valueOf('expiry') ?? 3_600) * 1_000,
    minFinalCltvExpiryDelta: Number(valueOf('min_final_cltv_expiry') ?? 18),
    description: valueOf('description') ?? null,
    payeePubkey: valueOf('payee' as Section['name']),
    feesMsat: routeHints.map((hint) => (hint as { fee_base_msat: number }[]).map((hop) => BigInt(hop.fee_base_msat))),
  }
}

/** null where a field that is to be skipped has padding that the other decoder cannot read. */
function readIfPadded(invoice: string): ReturnType<typeof readOtherwise> | null {
  try {
    return readOtherwise(invoice)
  } catch (error) {
    if (String(error).includes('input should be Uint8Array')) return null
    throw error
  }
}

/** SubjectPublicKeyInfo of a compressed key of secp256k1. */
const SPKI_PREFIX = '3036301006072a8648ce3d020106052b8104000a032200'

/** Whether OpenSSL verifies the invoice's signature by that key. */
function isSignedBy(pubkey: string, invoice: string): boolean {
  const { prefix, words } = bech32.decode(invoice.toLowerCase() as `${string}1${string}`, false)
  const bits = (part: readonly number[]) => part.map((word) => word.toString(2).padStart(5, '0')).join('')
  const bytesOf = (text: string) =>
    Buffer.from((text.match(/.{1,8}/g) ?? []).map((byte) => parseInt(byte.padEnd(8, '0'), 2)))
  const signed = Buffer.concat([Buffer.from(prefix), bytesOf(bits(Array.from(words).slice(0, -104)))])
  const key = createPublicKey({ key: Buffer.from(`${SPKI_PREFIX}${pubkey}`, 'hex'), format: 'der', type: 'spki' })
  return verify(
    'sha256',
    signed,
    { key, dsaEncoding: 'ieee-p1363' },
    bytesOf(bits(Array.from(words).slice(-104))).subarray(0, 64),
  )
}

function expectAgreement(invoice: string, ours: DecodedInvoice): void {
  expect({ invoice, isSigned: isSignedBy(ours.payeePubkey, invoice) }).toEqual({ invoice, isSigned: true })
  const read = readIfPadded(invoice)
  if (read === null) return
  const { payeePubkey, feesMsat, ...theirs } = read
  expect({ invoice, ...ours }).toMatchObject({ invoice, ...theirs })
  expect(ours.routeHints.map((hint) => hint.map(({ feeBaseMsat }) => feeBaseMsat))).toEqual(feesMsat)
  if (payeePubkey !== undefined) expect(ours.payeePubkey).toBe(payeePubkey)
}

test(`what is accepted of ${INVOICES} random invoices, others read in the same way, and nothing but InvoiceError is thrown`, () => {
  const dice = new Dice(SEED)
  let count = 0
  for (let index = 0; index < INVOICES; index += 1) {
    const invoice = randomInvoice(dice)
    const ours = accepted(invoice)
    if (ours === null) continue
    count += 1
    expect(ours.payeePubkey).toBe(PAYEE)
    expectAgreement(invoice, ours)
  }
  process.stdout.write(`BOLT 11 fuzz, seed ${SEED}: ${count} of ${INVOICES} random invoices were accepted\n`)
  expect(count).toBeGreaterThan(INVOICES / 10)
  expect(count).toBeLessThan(INVOICES)
}, 120_000)

test(`what is accepted of ${MUTATIONS} mutations, others read in the same way, and nothing but InvoiceError is thrown`, () => {
  const dice = new Dice(SEED + 1)
  const originals = Array.from({ length: 20 }, () => randomInvoice(dice)).filter(
    (invoice) => accepted(invoice) !== null,
  )
  let count = 0
  for (let index = 0; index < MUTATIONS; index += 1) {
    const invoice = mutated(dice, originals[index % originals.length] ?? '')
    const ours = accepted(invoice)
    if (ours === null) continue
    count += 1
    expectAgreement(invoice, ours)
  }
  process.stdout.write(`BOLT 11 fuzz, seed ${SEED}: ${count} of ${MUTATIONS} mutations were accepted\n`)
  expect(count).toBeGreaterThan(0)
}, 120_000)

test('where two fields name a payment hash, the other decoder takes the first, and ours takes none', () => {
  const invoice = invoiceOf({ fields: [GOOD.p, ['p', '44'.repeat(32)], GOOD.s, GOOD.d] })
  expect(readOtherwise(invoice).paymentHash).toBe(PAYMENT_HASH)
  expect(accepted(invoice)).toBeNull()
})

import { bech32 } from '@scure/base'
import { encodeBase58Address, encodeWitnessAddress, isProgramLength, type AddressPrefix } from './address.ts'
import { isPublicKey } from './curve.ts'

// The tagged fields of a BOLT 11 invoice, read as strictly as the strictest wallet does.
// https://github.com/lightning/bolts/blob/master/11-payment-encoding.md

/** The message says which rule of BOLT 11 the invoice breaks. */
export class InvoiceError extends Error {
  override name = 'InvoiceError'
}

/** One channel on the way to the payee. */
export interface RouteHop {
  /** The node at the start of the channel. */
  pubkey: string
  /** block x transaction x output */
  shortChannelId: string
  feeBaseMsat: bigint
  feeProportionalMillionths: number
  /** Blocks. */
  cltvExpiryDelta: number
}

export interface InvoiceFields {
  paymentHash: string
  /** null: the invoice has only the hash of its description. */
  description: string | null
  expirySeconds: bigint
  /** Blocks. */
  minFinalCltvExpiryDelta: number
  /** The payee's key, where the invoice names it. */
  payeePubkey: string | null
  fallbackAddresses: readonly string[]
  routeHints: readonly (readonly RouteHop[])[]
}

/** A number from 0 to 31. */
export type Words = readonly number[]

/** The type of a field is one word; BOLT 11 writes it as the letter that bech32 has for it. */
export const BECH32_LETTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

/** Fields that an invoice has once at most: readers differ in which of two they take. */
const ONCE = {
  p: 'payment hash',
  s: 'payment secret',
  d: 'description',
  h: 'description hash',
  x: 'expiry',
  c: 'final CLTV delta',
  n: 'payee key',
  m: 'payment metadata',
  '9': 'feature bits',
} as const
type SingleField = keyof typeof ONCE

/** In words. A field of another length is skipped, as BOLT 11 says: it may be a later version of the field. */
const FIXED_LENGTH: Readonly<Record<string, number>> = { p: 52, s: 52, h: 52, n: 53 }

const DEFAULT_EXPIRY_SECONDS = 3600n
const DEFAULT_FINAL_CLTV_DELTA = 18
/** Where lock times begin to be seconds: no number of blocks is beyond it. */
const FIRST_LOCK_TIME_IN_SECONDS = 500_000_000n
/** 65 bits. No expiry or CLTV delta has more. */
const LONGEST_NUMBER_WORDS = 13

/** The even bits that BOLT 9 defines for invoices. */
const KNOWN_FEATURES: ReadonlySet<number> = new Set([8, 14, 16, 24, 36, 48])
const PAYMENT_SECRET_BIT = 14
const BASIC_MPP_BIT = 16

const TYPE_AND_LENGTH_WORDS = 3
const HOP_BYTES = 51
/** Of a fallback address in base58. */
const PUBLIC_KEY_HASH_VERSION = 17
const SCRIPT_HASH_VERSION = 18
const HASH_BYTES = 20

/** @throws InvoiceError */
export function readFields(words: Words, prefix: AddressPrefix): InvoiceFields {
  const fields = splitFields(words)
  for (const [letter, name] of Object.entries(ONCE)) {
    const count = fields.get(letter)?.length ?? 0
    if (count > 1) throw new InvoiceError(`the invoice has ${count} fields ${letter} (${name}); one is allowed`)
  }
  const one = (letter: SingleField): Words | null => fields.get(letter)?.[0] ?? null
  const paymentHash = one('p')
  if (paymentHash === null) throw new InvoiceError('the invoice has no payment hash (field p of 52 words)')
  const secret = one('s')
  if (secret === null) throw new InvoiceError('the invoice has no payment secret (field s of 52 words)')
  bytesOf('s', secret)
  const [description, descriptionHash, payee, metadata] = [one('d'), one('h'), one('n'), one('m')]
  if (description && descriptionHash)
    throw new InvoiceError('the invoice has a description (field d) and a description hash (field h); one is allowed')
  if (!description && !descriptionHash)
    throw new InvoiceError('the invoice has neither a description (field d) nor a description hash (field h)')
  if (descriptionHash) bytesOf('h', descriptionHash)
  if (metadata) bytesOf('m', metadata)
  checkFeatures(one('9'))
  return {
    paymentHash: hexOf(bytesOf('p', paymentHash)),
    description: description && textOf(bytesOf('d', description)),
    expirySeconds: numberOf('x', one('x')) ?? DEFAULT_EXPIRY_SECONDS,
    minFinalCltvExpiryDelta: cltvDeltaOf(one('c')),
    payeePubkey: payee && hexOf(bytesOf('n', payee)),
    fallbackAddresses: (fields.get('f') ?? []).flatMap((field) => fallbackOf(field, prefix) ?? []),
    routeHints: (fields.get('r') ?? []).map(routeHintOf),
  }
}

/** By letter; without those of a wrong length. */
function splitFields(words: Words): Map<string, Words[]> {
  const fields = new Map<string, Words[]>()
  for (let at = 0; at < words.length;) {
    const [type, high, low] = words.slice(at, at + TYPE_AND_LENGTH_WORDS)
    if (type === undefined || high === undefined || low === undefined)
      throw new InvoiceError('the last field of the invoice is cut short')
    const length = high * 32 + low
    const start = at + TYPE_AND_LENGTH_WORDS
    at = start + length
    const letter = BECH32_LETTERS[type] ?? ''
    if (at > words.length) throw new InvoiceError(`the last field of the invoice (${letter}) is cut short`)
    if (FIXED_LENGTH[letter] !== undefined && FIXED_LENGTH[letter] !== length) continue
    fields.set(letter, [...(fields.get(letter) ?? []), words.slice(start, at)])
  }
  return fields
}

/** @throws InvoiceError when the field is not padded with zero bits to a multiple of five. */
function bytesOf(letter: string, words: Words): Uint8Array {
  const bytes = bech32.fromWordsUnsafe([...words])
  if (!bytes) throw new InvoiceError(`field ${letter} of the invoice is not padded with zeros`)
  return Uint8Array.from(bytes)
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new InvoiceError('the description of the invoice (field d) is not UTF-8', { cause: error })
  }
}

function numberOf(letter: 'x' | 'c', words: Words | null): bigint | null {
  if (words === null) return null
  checkMinimal(letter, words)
  if (words.length > LONGEST_NUMBER_WORDS)
    throw new InvoiceError(`the ${ONCE[letter]} of the invoice (field ${letter}) has more than 64 bits`)
  return words.reduce((value, word) => value * 32n + BigInt(word), 0n)
}

/** BOLT 11 has readers treat a number that begins with zeros as invalid. */
function checkMinimal(letter: 'x' | 'c' | '9', words: Words): void {
  if (words[0] === 0) throw new InvoiceError(`the ${ONCE[letter]} of the invoice (field ${letter}) begins with zeros`)
}

function cltvDeltaOf(words: Words | null): number {
  const delta = numberOf('c', words) ?? BigInt(DEFAULT_FINAL_CLTV_DELTA)
  if (delta >= FIRST_LOCK_TIME_IN_SECONDS)
    throw new InvoiceError('the final CLTV delta of the invoice (field c) is more than any number of blocks')
  return Number(delta)
}

/** The last word has bits 0 to 4. */
function checkFeatures(words: Words | null): void {
  if (words === null) return
  checkMinimal('9', words)
  const bits = words
    .toReversed()
    .flatMap((word, index) => [0, 1, 2, 3, 4].filter((bit) => (word & (1 << bit)) !== 0).map((bit) => index * 5 + bit))
  const unknown = bits.find((bit) => bit % 2 === 0 && !KNOWN_FEATURES.has(bit))
  if (unknown !== undefined)
    throw new InvoiceError(
      `the invoice requires feature bit ${unknown}, which BOLT 9 does not define for invoices: wallets refuse to pay it`,
    )
  const has = (feature: number) => bits.includes(feature) || bits.includes(feature + 1)
  if (has(BASIC_MPP_BIT) && !has(PAYMENT_SECRET_BIT))
    throw new InvoiceError('the invoice has the feature basic_mpp without payment_secret, on which it depends')
}

/** null for a version that is no address: readers skip those. */
function fallbackOf([version, ...words]: Words, prefix: AddressPrefix): string | null {
  if (version === undefined) throw new InvoiceError('a fallback address of the invoice (field f) is empty')
  if (version > SCRIPT_HASH_VERSION) return null
  const bytes = bytesOf('f', words)
  const isRightLength =
    version < PUBLIC_KEY_HASH_VERSION ? isProgramLength(version, bytes.length) : bytes.length === HASH_BYTES
  if (!isRightLength)
    throw new InvoiceError(
      `a fallback address of the invoice (field f, version ${version}) has ${bytes.length} bytes, which is no address`,
    )
  if (version < PUBLIC_KEY_HASH_VERSION) return encodeWitnessAddress(prefix, version, bytes)
  return encodeBase58Address(prefix, version === PUBLIC_KEY_HASH_VERSION ? 'PUBLIC_KEY_HASH' : 'SCRIPT_HASH', bytes)
}

function routeHintOf(words: Words): RouteHop[] {
  const bytes = bytesOf('r', words)
  if (bytes.length === 0 || bytes.length % HOP_BYTES !== 0)
    throw new InvoiceError(`a route hint of the invoice (field r) is not made of hops of ${HOP_BYTES} bytes`)
  return Array.from({ length: bytes.length / HOP_BYTES }, (_, index) =>
    hopOf(bytes.subarray(index * HOP_BYTES, (index + 1) * HOP_BYTES)),
  )
}

function hopOf(bytes: Uint8Array): RouteHop {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pubkey = hexOf(bytes.subarray(0, 33))
  if (!isPublicKey(pubkey)) throw new InvoiceError('a route hint of the invoice (field r) names a key that is no point')
  // The block and the transaction have three bytes each, the output has two.
  const block = view.getUint32(33) >>> 8
  const transaction = view.getUint32(35) & 0xff_ffff
  return {
    pubkey,
    shortChannelId: `${block}x${transaction}x${view.getUint16(39)}`,
    feeBaseMsat: BigInt(view.getUint32(41)),
    feeProportionalMillionths: view.getUint32(45),
    cltvExpiryDelta: view.getUint16(49),
  }
}

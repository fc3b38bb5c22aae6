import { isPublicKey } from './curve.ts'

// The TLV stream of a BOLT 12 offer, and the types of its fields (BOLT 1).

/** The message says which rule of BOLT 12 the offer breaks. */
export class OfferError extends Error {
  override name = 'OfferError'
}

/** A field's number, and its name in BOLT 12 without `offer_`. */
export const OFFER_FIELDS = {
  chains: 2n,
  metadata: 4n,
  currency: 6n,
  amount: 8n,
  description: 10n,
  features: 12n,
  absolute_expiry: 14n,
  paths: 16n,
  issuer: 18n,
  quantity_max: 20n,
  issuer_id: 22n,
} as const
export type OfferField = keyof typeof OFFER_FIELDS

const NAMES: ReadonlyMap<bigint, OfferField> = new Map(
  Object.entries(OFFER_FIELDS).map(([name, type]) => [type, name as OfferField]),
)

/** An offer has no field outside these ranges; the second is for experiments. */
const RANGES = [
  [1n, 79n],
  [1_000_000_000n, 1_999_999_999n],
] as const

const KEY_BYTES = 33
/** A short channel id and the direction of the channel, in place of a key. */
const CHANNEL_BYTES = 9

/** Reads values one after the other. Every read throws OfferError where too few bytes are left. */
class Reader {
  readonly #bytes: Uint8Array
  readonly #what: string
  #at = 0

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes
    this.#what = what
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  take(length: bigint): Uint8Array {
    if (length > BigInt(this.#bytes.length - this.#at)) throw new OfferError(`${this.#what} is cut short`)
    const start = this.#at
    this.#at += Number(length)
    return this.#bytes.subarray(start, this.#at)
  }

  number(length: number): bigint {
    return bigEndian(this.take(BigInt(length)))
  }

  /** A number in one, three, five or nine bytes, and in no more than it needs. */
  bigSize(): bigint {
    const first = Number(this.number(1))
    if (first < 0xfd) return BigInt(first)
    const [length, least] =
      first === 0xfd ? [2, 0xfdn] : first === 0xfe ? [4, 0x1_0000n] : ([8, 0x1_0000_0000n] as const)
    const value = this.number(length)
    if (value < least) throw new OfferError(`a number in ${this.#what} takes more bytes than it needs`)
    return value
  }

  /** A public key. */
  point(name: string): string {
    const key = hexOf(this.take(BigInt(KEY_BYTES)))
    if (!isPublicKey(key)) throw new OfferError(`${name} of ${this.#what} is not a point of the curve`)
    return key
  }

  /** A public key, or a channel and one of its two ends. */
  channelEndOrPoint(name: string): void {
    const first = this.#bytes[this.#at]
    if (first === 0 || first === 1) this.take(BigInt(CHANNEL_BYTES))
    else this.point(name)
  }
}

/**
 * The fields of an offer. Those that BOLT 12 does not name are left out where their number is odd.
 * @throws OfferError
 */
export function readOfferFields(bytes: Uint8Array): Map<OfferField, Uint8Array> {
  const fields = new Map<OfferField, Uint8Array>()
  const reader = new Reader(bytes, 'the offer')
  let last = -1n
  while (!reader.isAtEnd) {
    const type = reader.bigSize()
    if (type <= last) throw new OfferError(`field ${type} of the offer comes after field ${last}: they must ascend`)
    if (!RANGES.some(([from, to]) => type >= from && type <= to))
      throw new OfferError(`the offer has a field ${type}, which is outside the ranges of an offer's fields`)
    const value = reader.take(reader.bigSize())
    const name = NAMES.get(type)
    if (name !== undefined) fields.set(name, value)
    else if (type % 2n === 0n) throw new OfferError(`the offer requires field ${type}, which BOLT 12 does not define`)
    last = type
  }
  return fields
}

/** An unsigned number without leading zeros, of at most 64 bits. @throws OfferError */
export function readTruncatedNumber(name: OfferField, bytes: Uint8Array): bigint {
  if (bytes.length > 8) throw new OfferError(`offer_${name} has more than 64 bits`)
  if (bytes[0] === 0) throw new OfferError(`offer_${name} begins with a zero byte`)
  return bigEndian(bytes)
}

/** @throws OfferError */
export function readText(name: OfferField, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new OfferError(`offer_${name} is not UTF-8`, { cause: error })
  }
}

/** @throws OfferError */
export function readPoint(name: OfferField, bytes: Uint8Array): string {
  const key = hexOf(bytes)
  if (!isPublicKey(key)) throw new OfferError(`offer_${name} is not a point of the curve`)
  return key
}

/** BOLT 12 defines no feature for offers, so every even bit is unknown. @throws OfferError */
export function checkOfferFeatures(bytes: Uint8Array): void {
  bytes.toReversed().forEach((byte, index) => {
    for (const bit of [0, 2, 4, 6])
      if ((byte & (1 << bit)) !== 0)
        throw new OfferError(`the offer requires feature bit ${index * 8 + bit}, which BOLT 12 does not define`)
  })
}

/** Blinded paths to the issuer, one at least, each of one hop at least. @throws OfferError */
export function checkBlindedPaths(bytes: Uint8Array): void {
  if (bytes.length === 0) throw new OfferError('offer_paths has no path')
  const reader = new Reader(bytes, 'offer_paths')
  while (!reader.isAtEnd) {
    reader.channelEndOrPoint('the first node')
    reader.point('the path key')
    const hops = Number(reader.number(1))
    if (hops === 0) throw new OfferError('a path in offer_paths has no hop')
    for (let hop = 0; hop < hops; hop += 1) {
      reader.point('a hop')
      reader.take(reader.number(2))
    }
  }
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function bigEndian(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

import { bech32 } from '@scure/base'

export const REGTEST_CHAIN = '06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f'
/** A point; the key of the examples of BOLT 12. */
export const ISSUER_ID = '02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619'

export interface OfferFields {
  chains?: readonly string[]
  currency?: string
  amount?: bigint
  /** null: none. */
  description?: string | null
  /** Seconds since 1970. */
  expiry?: number
  quantityMax?: bigint
  /** null: none. */
  issuerId?: string | null
  /** Further fields: their number, and their bytes in hexadecimal. */
  more?: readonly (readonly [type: number, hex: string])[]
}

/** An offer of BOLT 12 with these fields, for regtest unless it says otherwise. */
export function offerOf(offer: OfferFields): string {
  const { chains = [REGTEST_CHAIN], description = 'a channel', issuerId = ISSUER_ID } = offer
  const fields: [number, Uint8Array | null][] = [
    [2, chains.length === 0 ? null : Buffer.from(chains.join(''), 'hex')],
    [6, offer.currency === undefined ? null : Buffer.from(offer.currency)],
    [8, offer.amount === undefined ? null : numberOf(offer.amount)],
    [10, description === null ? null : Buffer.from(description)],
    [14, offer.expiry === undefined ? null : numberOf(BigInt(offer.expiry))],
    [20, offer.quantityMax === undefined ? null : numberOf(offer.quantityMax)],
    [22, issuerId === null ? null : Buffer.from(issuerId, 'hex')],
    ...(offer.more ?? []).map(([type, hex]): [number, Uint8Array] => [type, Buffer.from(hex, 'hex')]),
  ]
  return encodeOffer(
    fields
      .filter((field): field is [number, Uint8Array] => field[1] !== null)
      .toSorted(([a], [b]) => a - b)
      .map(([type, value]) => Buffer.concat([bigSize(type), bigSize(value.length), value])),
  )
}

/** Bytes as an offer, whatever they say. */
export function encodeOffer(bytes: readonly Uint8Array[]): string {
  return `lno1${bech32
    .toWords(Buffer.concat(bytes))
    .map((word) => 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'[word])
    .join('')}`
}

/** Without leading zero bytes, as BOLT 12 writes numbers. */
function numberOf(value: bigint): Buffer {
  if (value === 0n) return Buffer.alloc(0)
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

function bigSize(value: number): Buffer {
  if (value < 0xfd) return Buffer.from([value])
  if (value <= 0xffff) return Buffer.from([0xfd, value >> 8, value & 0xff])
  const bytes = Buffer.alloc(5, 0xfe)
  bytes.writeUInt32BE(value, 1)
  return bytes
}

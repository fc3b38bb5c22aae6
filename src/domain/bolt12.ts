import { bech32 } from '@scure/base'
import type { Network } from './lsp.ts'
import { LAST_INSTANT, SECOND_MS, type EpochMs } from './time.ts'

// Offers of BOLT 12, as far as a payer has to know what it would agree to: no well-kept library reads them without a
// whole Lightning node. https://github.com/lightning/bolts/blob/master/12-offer-encoding.md

export class OfferError extends Error {
  override name = 'OfferError'
}

export interface DecodedOffer {
  /** null: the payer says how much. Else in the smallest unit of `currency` where there is one. */
  amount: bigint | null
  /** null: the amount is in millisatoshis. */
  currency: string | null
  networks: readonly Network[]
  expiresAt: EpochMs | null
}

/** The hashes of the first blocks, in the order of their bytes. */
const CHAINS: Readonly<Record<string, Network>> = {
  '6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000': 'MAINNET',
  '43497fd7f826957108f4a30fd9cec3aeba79972084e90ead01ea330900000000': 'TESTNET',
  '43f08bdab050e35b567c864b91f47f50ae725ae2de53bcfbbaf284da00000000': 'TESTNET4',
  f61eee3b63a380a477a063af32b2bbc97c9ff9f01f2c4225e973988108000000: 'SIGNET',
  '06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f': 'REGTEST',
}
const CHAIN_BYTES = 32

/** The fields of an offer that matter here. */
const FIELD = { chains: 2, currency: 6, amount: 8, absoluteExpiry: 14 } as const

const PREFIX = 'lno1'
const DIGITS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

/** As it is compared: in lower case, and without the `+` by which it may be broken into lines. */
export function canonicalOffer(text: string): string {
  return text.replaceAll(/\+\s*/g, '').toLowerCase()
}

/** @throws OfferError */
export function decodeOffer(text: string): DecodedOffer {
  if (text !== text.toUpperCase() && text !== text.toLowerCase())
    throw new OfferError('not an offer: it mixes upper and lower case')
  const offer = canonicalOffer(text)
  if (!offer.startsWith(PREFIX)) throw new OfferError('not an offer: it does not begin with lno1')
  const fields = readFields(bytesOf(offer.slice(PREFIX.length)))
  const chains = fields.get(FIELD.chains)
  const amount = fields.get(FIELD.amount)
  const currency = fields.get(FIELD.currency)
  const expiry = fields.get(FIELD.absoluteExpiry)
  if (currency && !amount) throw new OfferError('the offer names a currency and no amount')
  return {
    amount: amount ? readNumber(amount) : null,
    currency: currency
      ? Buffer.from(currency)
          .toString('latin1')
          .replaceAll(/[^A-Z]/g, '?')
      : null,
    networks: chains ? readChains(chains) : ['MAINNET'],
    expiresAt: expiry ? readEnd(expiry) : null,
  }
}

/** An offer has no checksum. */
function bytesOf(digits: string): Uint8Array {
  const words = Array.from(digits, (digit) => DIGITS.indexOf(digit))
  const bytes = words.includes(-1) ? undefined : bech32.fromWordsUnsafe(words)
  if (!bytes) throw new OfferError('not an offer: it is not bech32')
  return bytes
}

/** Type, length, value; each type more than the one before. */
function readFields(bytes: Uint8Array): Map<number, Uint8Array> {
  const fields = new Map<number, Uint8Array>()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const bigSize = (): number => {
    try {
      const first = view.getUint8(at)
      const size = first < 0xfd ? 1 : first === 0xfd ? 3 : first === 0xfe ? 5 : 9
      const value =
        size === 1
          ? first
          : size === 3
            ? view.getUint16(at + 1)
            : size === 5
              ? view.getUint32(at + 1)
              : Number(view.getBigUint64(at + 1))
      at += size
      return value
    } catch {
      throw new OfferError('the offer is cut short')
    }
  }
  let last = -1
  while (at < bytes.length) {
    const type = bigSize()
    const length = bigSize()
    if (type <= last) throw new OfferError('the fields of the offer are not in their order')
    if (length > bytes.length - at) throw new OfferError('the offer is cut short')
    fields.set(type, bytes.subarray(at, at + length))
    at += length
    last = type
  }
  return fields
}

function readNumber(bytes: Uint8Array): bigint {
  if (bytes.length > 8) throw new OfferError('a number in the offer has more than 64 bits')
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

/** Beyond all calendars is no end. */
function readEnd(bytes: Uint8Array): EpochMs | null {
  const end = Number(readNumber(bytes)) * SECOND_MS
  return end <= LAST_INSTANT ? end : null
}

/** Chains that are no bitcoin network are left out. */
function readChains(bytes: Uint8Array): Network[] {
  const hashes = Array.from({ length: Math.floor(bytes.length / CHAIN_BYTES) }, (_, index) =>
    Buffer.from(bytes.subarray(index * CHAIN_BYTES, (index + 1) * CHAIN_BYTES)).toString('hex'),
  )
  return hashes.flatMap((hash) => CHAINS[hash] ?? [])
}

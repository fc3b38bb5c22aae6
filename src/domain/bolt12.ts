import { bech32 } from '@scure/base'
import { BECH32_LETTERS } from './invoice-fields.ts'
import type { Network } from './lsp.ts'
import {
  checkBlindedPaths,
  checkOfferFeatures,
  hexOf,
  OfferError,
  readOfferFields,
  readPoint,
  readText,
  readTruncatedNumber,
} from './offer-fields.ts'
import { LAST_INSTANT, SECOND_MS, type EpochMs } from './time.ts'

// Offers of BOLT 12, by its requirements for readers. Whether an offer has expired is for the caller to compare.
// https://github.com/lightning/bolts/blob/master/12-offer-encoding.md

export { OfferError } from './offer-fields.ts'

export interface DecodedOffer {
  /** Of one item. null: the payer says how much. Else in the smallest unit of `currency` where there is one. Never 0. */
  amount: bigint | null
  /** Three letters of ISO 4217. null: the amount is in millisatoshis. */
  currency: string | null
  /** Never empty unless the offer is for other chains alone. */
  networks: readonly Network[]
  /** null: the offer names no end, or one beyond all dates. */
  expiresAt: EpochMs | null
  /** null: the invoice is asked for by a blinded path. */
  issuerId: string | null
  /** As the issuer wrote it: clean it before showing it. */
  description: string | null
  /**
   * How many items one payment may buy; 0 for any number. null: the offer is for one item. A wallet that pays the
   * amount once asks for a quantity of 1 wherever this is not null.
   */
  quantityMax: bigint | null
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

const PREFIX = 'lno1'
/** In characters. An offer with a dozen long blinded paths has fewer. */
const LONGEST_OFFER = 16_384
/** A `+`, and white space after it, may stand between any two characters. */
const CONTINUED = /^[a-z0-9]+(?:\+\s*[a-z0-9]+)*$/i

/** As it is compared: in lower case, and without the `+` by which it may be broken into lines. */
export function canonicalOffer(text: string): string {
  return text.replaceAll(/\+\s*/g, '').toLowerCase()
}

/** @throws OfferError whose message says which rule of BOLT 12 is broken. */
export function decodeOffer(text: string): DecodedOffer {
  const fields = readOfferFields(bytesOf(text))
  const chains = fields.get('chains')
  const features = fields.get('features')
  const paths = fields.get('paths')
  const issuer = fields.get('issuer')
  if (features) checkOfferFeatures(features)
  if (issuer) readText('issuer', issuer)
  const description = fields.get('description')
  const amount = fields.get('amount')
  const currency = fields.get('currency')
  const expiry = fields.get('absolute_expiry')
  const quantityMax = fields.get('quantity_max')
  const issuerId = fields.get('issuer_id')
  if (currency && !amount) throw new OfferError('the offer has offer_currency without offer_amount')
  if (amount && !description) throw new OfferError('the offer has offer_amount without offer_description')
  if (!issuerId && !paths) throw new OfferError('the offer has neither offer_issuer_id nor offer_paths')
  if (paths) checkBlindedPaths(paths)
  return {
    amount: amount ? readAmount(amount) : null,
    currency: currency ? readCurrency(currency) : null,
    networks: chains ? readChains(chains) : ['MAINNET'],
    expiresAt: expiry ? readEnd(expiry) : null,
    issuerId: issuerId ? readPoint('issuer_id', issuerId) : null,
    description: description ? readText('description', description) : null,
    quantityMax: quantityMax ? readTruncatedNumber('quantity_max', quantityMax) : null,
  }
}

/** An offer has no checksum. */
function bytesOf(text: string): Uint8Array {
  if (text.length > LONGEST_OFFER) throw new OfferError(`the offer has more than ${LONGEST_OFFER} characters`)
  if (text !== text.toUpperCase() && text !== text.toLowerCase())
    throw new OfferError('not an offer: it mixes upper and lower case')
  const offer = canonicalOffer(text)
  if (!offer.startsWith(PREFIX)) throw new OfferError('not an offer: it does not begin with lno1')
  if (!CONTINUED.test(text)) throw new OfferError('not an offer: a + must stand between two characters of bech32')
  const words = Array.from(offer.slice(PREFIX.length), (letter) => BECH32_LETTERS.indexOf(letter))
  if (words.includes(-1)) throw new OfferError('not an offer: it has a character that bech32 does not have')
  const bytes = bech32.fromWordsUnsafe(words)
  if (!bytes) throw new OfferError('not an offer: it is not padded with zeros to whole bytes')
  return Uint8Array.from(bytes)
}

function readAmount(bytes: Uint8Array): bigint {
  const amount = readTruncatedNumber('amount', bytes)
  if (amount === 0n) throw new OfferError('offer_amount is 0')
  return amount
}

function readCurrency(bytes: Uint8Array): string {
  const currency = readText('currency', bytes)
  if (!/^[A-Z]{3}$/.test(currency)) throw new OfferError('offer_currency is not a code of three letters (ISO 4217)')
  return currency
}

/** Beyond all dates is no end. */
function readEnd(bytes: Uint8Array): EpochMs | null {
  const end = readTruncatedNumber('absolute_expiry', bytes) * BigInt(SECOND_MS)
  return end <= BigInt(LAST_INSTANT) ? Number(end) : null
}

/** Chains that are no bitcoin network are left out. */
function readChains(bytes: Uint8Array): Network[] {
  if (bytes.length === 0 || bytes.length % CHAIN_BYTES !== 0)
    throw new OfferError(`offer_chains is not made of hashes of ${CHAIN_BYTES} bytes`)
  const hashes = Array.from({ length: bytes.length / CHAIN_BYTES }, (_, index) =>
    hexOf(bytes.subarray(index * CHAIN_BYTES, (index + 1) * CHAIN_BYTES)),
  )
  return hashes.flatMap((hash) => CHAINS[hash] ?? [])
}

import { createHash } from 'node:crypto'
import { bech32 } from '@scure/base'
import { decodeInvoice as decode } from '../domain/invoice.ts'
import type { Network } from '../domain/lsp.ts'

/** The part of a decoded BOLT 11 invoice that the sandbox looks at. */
export interface ParsedInvoice {
  /** The payment hash. */
  id: string
  destination: string
  /** bitcoin, testnet, signet or regtest. */
  network: string
  /** Millisatoshis; absent where the payer chooses. */
  mtokens?: string
  created_at: string
  expires_at: string
  description?: string
}

export interface InvoiceDetails {
  paymentHash: string
  paymentSecret: string
  amountSat: number
  description: string
  createdAt: number
  expiresAt: number
  network: 'regtest' | 'bitcoin'
}

/** 64 bytes, the recovery id, 0 to 3. */
export interface RecoverableSignature {
  signature: Uint8Array
  recoveryId: number
}
export type Sign = (hash: Uint8Array) => RecoverableSignature

const SECOND = 1000
const LETTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const CLTV_DELTA = 80n
/** var_onion (optional), payment_secret, and basic_mpp (optional) */
const FEATURES = (1n << 9n) | (1n << 14n) | (1n << 17n)
const PREFIXES = { regtest: 'lnbcrt', bitcoin: 'lnbc' } as const
const MSAT_PER_SAT = 1000n
/** Millisatoshis in one of the unit, the largest first. */
const UNITS = [
  ['', 100_000_000_000n],
  ['m', 100_000_000n],
  ['u', 100_000n],
  ['n', 100n],
] as const

/** A BOLT 11 invoice; `sign` gets the 32-byte hash that the payee signs. */
export function encodeInvoice(details: InvoiceDetails, sign: Sign): string {
  const createdAt = Math.floor(details.createdAt / SECOND)
  // BOLT 11 has whole seconds: rounded up, so that the invoice never expires before its order does.
  const expiresAt = Math.max(Math.ceil(details.expiresAt / SECOND), createdAt + 1)
  return signInvoice(
    `${PREFIXES[details.network]}${amountText(BigInt(details.amountSat) * MSAT_PER_SAT)}`,
    [
      ...timestamp(createdAt),
      ...field('p', bytesToWords(Buffer.from(details.paymentHash, 'hex'))),
      ...field('s', bytesToWords(Buffer.from(details.paymentSecret, 'hex'))),
      ...field('d', bytesToWords(Buffer.from(details.description))),
      ...field('x', numberToWords(BigInt(expiresAt - createdAt))),
      ...field('c', numberToWords(CLTV_DELTA)),
      ...field('9', numberToWords(FEATURES)),
    ],
    sign,
  )
}

/** The shortest spelling; empty for 0, where the payer chooses. A millisatoshi is ten pico-bitcoin. */
export function amountText(msat: bigint): string {
  if (msat === 0n) return ''
  const [letter, unit] = UNITS.find(([, size]) => msat % size === 0n) ?? ['p', null]
  return unit === null ? `${msat * 10n}p` : `${msat / unit}${letter}`
}

/** Seven words. */
export function timestamp(seconds: number): number[] {
  return numberToWords(BigInt(seconds), 7)
}

/** A tagged field: its letter, its length in words, its words. */
export function field(letter: string, words: readonly number[]): number[] {
  return [LETTERS.indexOf(letter), words.length >> 5, words.length & 31, ...words]
}

export function bytesToWords(bytes: Uint8Array): number[] {
  return bech32.toWords(bytes)
}

/** Big-endian, without leading zeros unless `length` asks for them. */
export function numberToWords(value: bigint, length = 0): number[] {
  const words: number[] = []
  for (let rest = value; rest > 0n; rest /= 32n) words.unshift(Number(rest % 32n))
  while (words.length < length) words.unshift(0)
  return words
}

/** The prefix and the words before the signature, signed and encoded. */
export function signInvoice(prefix: string, words: readonly number[], sign: Sign): string {
  // Filled up with zero bits to whole bytes: eight words are five bytes.
  const filled = [...words, ...Array<number>((8 - (words.length % 8)) % 8).fill(0)]
  const data = bech32.fromWords(filled).subarray(0, Math.ceil((words.length * 5) / 8))
  const hash = createHash('sha256').update(prefix).update(data).digest()
  const { signature, recoveryId } = sign(hash)
  return bech32.encode(prefix, [...words, ...bytesToWords(Uint8Array.of(...signature, recoveryId))], false)
}

const NETWORK_NAMES: Readonly<Record<Network, string>> = {
  MAINNET: 'bitcoin',
  TESTNET: 'testnet',
  TESTNET4: 'testnet',
  SIGNET: 'signet',
  REGTEST: 'regtest',
}

/** @throws InvoiceError when no wallet would pay it. */
export function decodeInvoice(bolt11: string): ParsedInvoice {
  const { networks, amountMsat, payeePubkey, paymentHash, createdAt, expiresAt, description } = decode(bolt11)
  return {
    id: paymentHash,
    destination: payeePubkey,
    network: networks.map((network) => NETWORK_NAMES[network])[0] ?? '',
    ...(amountMsat === null ? {} : { mtokens: String(amountMsat) }),
    created_at: new Date(createdAt).toISOString(),
    expires_at: new Date(expiresAt).toISOString(),
    ...(description === null ? {} : { description }),
  }
}

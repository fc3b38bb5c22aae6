import { createHash, randomBytes } from 'node:crypto'
import { base58, bech32 } from '@scure/base'
import { pubkeyOf } from './bolt11.ts'
import { signHash } from '../../src/sandbox/node.ts'

// BOLT 11 invoices with the fields that the sandbox's nodes never write.

const SECRET = createHash('sha256').update('a node that writes every field').digest()
export const SIGNER = pubkeyOf(SECRET)

export interface HintHop {
  pubkey?: string
  shortChannelId?: string
  feeBaseMsat?: number
  feeProportionalMillionths?: number
  cltvExpiryDelta?: number
}

export interface InvoiceFields {
  amountSat: number
  /** Epoch milliseconds. */
  createdAt: number
  expirySeconds?: number
  finalCltvBlocks?: number
  /** Bech32 (witness version 0) or base58 addresses. */
  fallbacks?: readonly string[]
  routeHints?: readonly (readonly HintHop[])[]
}

const CHARACTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

/** A number as 5-bit words, the highest first. */
function wordsOf(value: number, length?: number): number[] {
  const words = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 32)) words.unshift(rest % 32)
  while (words.length < (length ?? 1)) words.unshift(0)
  return words
}

const field = (type: string, words: readonly number[]) => [
  CHARACTERS.indexOf(type),
  ...wordsOf(words.length, 2),
  ...words,
]

function fallbackWords(address: string): number[] {
  if (/^(bc|tb|bcrt)1/.test(address)) return [...bech32.decode(address as `bcrt1${string}`).words]
  const [version = 0, ...hash] = base58.decode(address).subarray(0, 21)
  // P2PKH is 17, P2SH 18.
  return [version === 0 || version === 111 ? 17 : 18, ...bech32.toWords(Uint8Array.from(hash))]
}

function hopBytes(hop: HintHop): Buffer {
  const [block = 0, transaction = 0, output = 0] = (hop.shortChannelId ?? '1x2x3').split('x').map(Number)
  const bytes = Buffer.alloc(51)
  Buffer.from(hop.pubkey ?? SIGNER, 'hex').copy(bytes)
  bytes.writeUIntBE(block, 33, 3)
  bytes.writeUIntBE(transaction, 36, 3)
  bytes.writeUIntBE(output, 39, 2)
  bytes.writeUInt32BE(hop.feeBaseMsat ?? 0, 41)
  bytes.writeUInt32BE(hop.feeProportionalMillionths ?? 0, 45)
  bytes.writeUInt16BE(hop.cltvExpiryDelta ?? 40, 49)
  return bytes
}

/** Signed by `SIGNER`, on regtest. */
export function signedInvoice(fields: InvoiceFields): string {
  const prefix = `lnbcrt${fields.amountSat * 10}n`
  const words = [
    ...wordsOf(Math.floor(fields.createdAt / 1_000), 7),
    ...field('p', bech32.toWords(randomBytes(32))),
    ...field('s', bech32.toWords(randomBytes(32))),
    ...field('d', bech32.toWords(Buffer.from('a channel'))),
    ...field('x', wordsOf(fields.expirySeconds ?? 3_600)),
    ...field('c', wordsOf(fields.finalCltvBlocks ?? 80)),
    // var_onion_optin and payment_secret, both required
    ...field('9', wordsOf(2 ** 14 + 2 ** 8)),
    ...(fields.fallbacks ?? []).flatMap((address) => field('f', fallbackWords(address))),
    ...(fields.routeHints ?? []).flatMap((hops) => field('r', bech32.toWords(Buffer.concat(hops.map(hopBytes))))),
  ]
  const bits = words.map((word) => word.toString(2).padStart(5, '0')).join('')
  const bytes = Buffer.from((bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)))
  const hash = createHash('sha256')
    .update(Buffer.concat([Buffer.from(prefix), bytes]))
    .digest()
  const { signature, recoveryId } = signHash(hash, SECRET)
  return bech32.encode(prefix, [...words, ...bech32.toWords(Buffer.from([...signature, recoveryId]))], false)
}

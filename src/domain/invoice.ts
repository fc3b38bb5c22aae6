import { createHash } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { bech32 } from '@scure/base'
import type { AddressPrefix } from './address.ts'
import { BECH32_LETTERS, InvoiceError, readFields, type RouteHop, type Words } from './invoice-fields.ts'
import type { Network } from './lsp.ts'
import { MAX_SAT } from './money.ts'
import { LAST_INSTANT, SECOND_MS, type EpochMs } from './time.ts'

// BOLT 11 invoices. An invoice that any wallet might read in another way, or refuse to pay, is refused here.
// https://github.com/lightning/bolts/blob/master/11-payment-encoding.md

export { InvoiceError, type RouteHop } from './invoice-fields.ts'

/** What a BOLT 11 invoice says, and who signed it. */
export interface DecodedInvoice {
  /** The networks of its prefix; testnet3 and testnet4 share one. Never empty. */
  networks: readonly Network[]
  /** null: the payer chooses. Never 0: BOLT 11 has positive amounts only. */
  amountMsat: bigint | null
  /** Recovered from the signature. The same as the field n, where the invoice has one. */
  payeePubkey: string
  paymentHash: string
  createdAt: EpochMs
  expiresAt: EpochMs
  /** Blocks; 18 where the invoice names none. */
  minFinalCltvExpiryDelta: number
  /** On-chain addresses for the prefix's network, the most preferred first. Their bytes are unchecked. */
  fallbackAddresses: readonly string[]
  /** Ways to a payee without a public channel. */
  routeHints: readonly (readonly RouteHop[])[]
  /** null: the invoice has only the hash of its description. As the payee wrote it: clean it before showing it. */
  description: string | null
}

interface Chain {
  networks: readonly Network[]
  addressPrefix: AddressPrefix
}

const CHAINS: Readonly<Record<string, Chain>> = {
  bc: { networks: ['MAINNET'], addressPrefix: 'bc' },
  tb: { networks: ['TESTNET', 'TESTNET4'], addressPrefix: 'tb' },
  tbs: { networks: ['SIGNET'], addressPrefix: 'tb' },
  bcrt: { networks: ['REGTEST'], addressPrefix: 'bcrt' },
}

/** In characters, the most that lnd and LDK read. */
const LONGEST_INVOICE = 7089
const TIMESTAMP_WORDS = 7
const SIGNATURE_WORDS = 104
const SIGNATURE_BYTES = 64

/** In tenths of a millisatoshi, which is a pico-bitcoin. */
const MULTIPLIERS: Readonly<Record<string, bigint>> = {
  '': 1_000_000_000_000n,
  m: 1_000_000_000n,
  u: 1_000_000n,
  n: 1_000n,
  p: 1n,
}
const PICO_PER_MSAT = 10n
const LONGEST_AMOUNT_DIGITS = 20

/** @throws InvoiceError whose message says which rule of BOLT 11 is broken. */
export function decodeInvoice(invoice: string): DecodedInvoice {
  const { prefix, words } = bech32Of(invoice)
  const { chain, amountMsat } = readPrefix(prefix)
  const signatureAt = words.length - SIGNATURE_WORDS
  if (signatureAt < TIMESTAMP_WORDS) throw new InvoiceError('the invoice is too short for a time and a signature')
  const fields = readFields(words.slice(TIMESTAMP_WORDS, signatureAt), chain.addressPrefix)
  const seconds = words.slice(0, TIMESTAMP_WORDS).reduce((value, word) => value * 32 + word, 0)
  const expiresAt = (BigInt(seconds) + fields.expirySeconds) * BigInt(SECOND_MS)
  if (expiresAt > BigInt(LAST_INSTANT)) throw new InvoiceError('the invoice expires later than any date')
  return {
    networks: chain.networks,
    amountMsat,
    payeePubkey: signerOf(
      signedHash(prefix, words.slice(0, signatureAt)),
      words.slice(signatureAt),
      fields.payeePubkey,
    ),
    paymentHash: fields.paymentHash,
    createdAt: seconds * SECOND_MS,
    expiresAt: Number(expiresAt),
    minFinalCltvExpiryDelta: fields.minFinalCltvExpiryDelta,
    fallbackAddresses: fields.fallbackAddresses,
    routeHints: fields.routeHints,
    description: fields.description,
  }
}

function bech32Of(invoice: string): { prefix: string; words: Words } {
  if (invoice.length > LONGEST_INVOICE)
    throw new InvoiceError(`the invoice has more than ${LONGEST_INVOICE} characters`)
  if (!/^ln/i.test(invoice)) throw new InvoiceError('not a BOLT 11 invoice: it does not begin with ln')
  if (invoice !== invoice.toLowerCase() && invoice !== invoice.toUpperCase())
    throw new InvoiceError('the invoice mixes upper and lower case')
  const separator = invoice.lastIndexOf('1')
  if (separator < 0) throw new InvoiceError('not a BOLT 11 invoice: the separator 1 is missing')
  const data = invoice.slice(separator + 1).toLowerCase()
  for (const letter of data)
    if (!BECH32_LETTERS.includes(letter))
      throw new InvoiceError('the invoice has a character that bech32 does not have')
  const decoded = bech32.decodeUnsafe(invoice, false)
  if (!decoded) throw new InvoiceError('the checksum of the invoice is wrong')
  return decoded
}

function readPrefix(prefix: string): { chain: Chain; amountMsat: bigint | null } {
  const [, name = '', amount = ''] = /^ln([a-z]+)(?:(\d.*))?$/.exec(prefix) ?? []
  const chain = CHAINS[name]
  if (chain === undefined) throw new InvoiceError('the prefix of the invoice is of no network that the gateway knows')
  return { chain, amountMsat: amount === '' ? null : amountOf(amount) }
}

function amountOf(text: string): bigint {
  const [, digits = '', multiplier = ''] = /^(\d+)([munp]?)$/.exec(text) ?? []
  const shown = JSON.stringify(text.slice(0, 30))
  if (digits === '')
    throw new InvoiceError(
      `the amount of the invoice, ${shown}, is not a whole number and one of m, u, n, p or nothing`,
    )
  if (digits.startsWith('0'))
    throw new InvoiceError(`the amount of the invoice, ${shown}, is zero or begins with a zero`)
  const pico = digits.length > LONGEST_AMOUNT_DIGITS ? null : BigInt(digits) * (MULTIPLIERS[multiplier] ?? 0n)
  if (pico === null || pico > BigInt(MAX_SAT) * 1000n * PICO_PER_MSAT)
    throw new InvoiceError('the amount of the invoice is more than all bitcoin')
  if (pico % PICO_PER_MSAT !== 0n)
    throw new InvoiceError(`the amount of the invoice, ${shown}, is not a whole number of millisatoshis`)
  return pico / PICO_PER_MSAT
}

/** What the payee signed: the prefix, and the data filled up with zero bits to whole bytes. */
function signedHash(prefix: string, words: Words): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((words.length * 5) / 8))
  words.forEach((word, index) => {
    const bit = index * 5
    const at = Math.floor(bit / 8)
    const shifted = word << (11 - (bit % 8))
    bytes[at] = (bytes[at] ?? 0) | (shifted >> 8)
    if (at + 1 < bytes.length) bytes[at + 1] = (bytes[at + 1] ?? 0) | (shifted & 0xff)
  })
  return createHash('sha256').update(prefix, 'utf8').update(bytes).digest()
}

/**
 * The key that signed. Without a field n a high S is valid. With one it is not, and the key that the signature
 * recovers must be n: a wallet that recovers it would pay another node than one that reads n.
 */
function signerOf(hash: Uint8Array, words: Words, payee: string | null): string {
  const bytes = Uint8Array.from(bech32.fromWords([...words]))
  const recoveryId = bytes[SIGNATURE_BYTES] ?? 0
  if (recoveryId > 3) throw new InvoiceError(`the recovery id of the invoice's signature is ${recoveryId}, above 3`)
  let signer: string
  let isHighS: boolean
  try {
    const signature = secp256k1.Signature.fromBytes(bytes.subarray(0, SIGNATURE_BYTES), 'compact')
    isHighS = signature.hasHighS()
    signer = signature.addRecoveryBit(recoveryId).recoverPublicKey(hash).toHex(true)
  } catch (error) {
    throw new InvoiceError("the invoice's signature recovers no key", { cause: error })
  }
  if (payee !== null && isHighS)
    throw new InvoiceError('the invoice names its payee (field n), and its signature has a high S')
  if (payee !== null && payee !== signer)
    throw new InvoiceError(`the invoice names ${payee} as its payee (field n), and ${signer} signed it`)
  return signer
}

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { amountText, bytesToWords, field, numberToWords, signInvoice, timestamp } from '../../src/sandbox/bolt11.ts'
import { signHash } from '../../src/sandbox/node.ts'

export { bytesToWords, numberToWords } from '../../src/sandbox/bolt11.ts'

/** The key that signs unless the test gives another. */
export const PAYEE_SECRET = Buffer.alloc(32, 0x11)
export const PAYEE = pubkeyOf(PAYEE_SECRET)
export const PAYMENT_HASH = '22'.repeat(32)
export const PAYMENT_SECRET = '33'.repeat(32)

export function pubkeyOf(secret: Uint8Array): string {
  return Buffer.from(secp256k1.getPublicKey(secret)).toString('hex')
}

/** A letter, and what is in the field: bytes in hexadecimal, a number, or words as they are. */
export type Field = readonly [letter: string, value: string | bigint | readonly number[]]

export interface HandmadeInvoice {
  /** Default lnbcrt. */
  prefix?: string
  /** As it is written; default the spelling of `amountMsat`. */
  amount?: string
  /** Default 2,000,000; 0 for an invoice without an amount. */
  amountMsat?: bigint
  /** Seconds since 1970. */
  createdAt?: number
  /** In place of those of a good invoice. */
  fields?: readonly Field[]
  /** Words after the last field, as they are. */
  rest?: readonly number[]
  secret?: Uint8Array
  /** The other of the two signatures that verify. */
  highS?: boolean
  /** In place of the right one. */
  recoveryId?: number
}

const description = (text: string): Field => ['d', Buffer.from(text).toString('hex')]
/** 9 and 17 optional, 14 required. */
export const FEATURES = (1n << 9n) | (1n << 14n) | (1n << 17n)

/** The fields that wallets demand, the expiry and the final CLTV delta, by letter. */
export const GOOD = {
  p: ['p', PAYMENT_HASH],
  s: ['s', PAYMENT_SECRET],
  d: description('a channel'),
  x: ['x', 3_600n],
  c: ['c', 80n],
  '9': ['9', FEATURES],
} as const satisfies Record<string, Field>

/** Those fields, some of them replaced, left out (null) or followed by others. */
export function fieldsWith(
  changes: Partial<Record<keyof typeof GOOD, Field | null>>,
  more: readonly Field[] = [],
): Field[] {
  return [...Object.values<Field | null>({ ...GOOD, ...changes }).filter((one) => one !== null), ...more]
}

/** A good invoice, and these fields after its own. */
export function adding(...more: Field[]): HandmadeInvoice {
  return { fields: fieldsWith({}, more) }
}

/** A BOLT 11 invoice with any fields in any order, signed; nothing about it has to be right. */
export function invoiceOf(invoice: HandmadeInvoice = {}): string {
  const { prefix = 'lnbcrt', amountMsat = 2_000_000n, createdAt = 1_800_000_000, fields = fieldsWith({}) } = invoice
  return signInvoice(
    `${prefix}${invoice.amount ?? amountText(amountMsat)}`,
    [
      ...timestamp(createdAt),
      ...fields.flatMap(([letter, value]) => field(letter, wordsOf(value))),
      ...(invoice.rest ?? []),
    ],
    (hash) => {
      const { signature, recoveryId } = signHash(hash, invoice.secret ?? PAYEE_SECRET)
      return {
        signature: invoice.highS ? withHighS(signature) : signature,
        recoveryId: invoice.recoveryId ?? (invoice.highS ? recoveryId ^ 1 : recoveryId),
      }
    },
  )
}

function wordsOf(value: Field[1]): readonly number[] {
  if (typeof value === 'bigint') return numberToWords(value)
  return typeof value === 'string' ? bytesToWords(Buffer.from(value, 'hex')) : value
}

function withHighS(signature: Uint8Array): Uint8Array {
  const { r, s } = secp256k1.Signature.fromBytes(signature, 'compact')
  return new secp256k1.Signature(r, secp256k1.Point.Fn.ORDER - s).toBytes('compact')
}

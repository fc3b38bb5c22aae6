import { z } from 'zod'
import { documentOf, optional, required } from './document.ts'
import { cleanText } from '../domain/text.ts'
import { pubkeyOfUri, type LspAsset } from '../domain/lsp.ts'
import { MAX_SAT, sat, type Sat } from '../domain/money.ts'
import { DAY_MS, SECOND_MS, type EpochMs } from '../domain/time.ts'

// The field types that several protocols share. Each reads every spelling of one thing into our own type. Whether a
// field may be absent or unreadable is declared where the document is (document.ts).

export { isObject, misfit } from './document.ts'

/** A whole number from 0 on, as a JSON number of any size or as decimal digits. */
const wholeField: z.ZodType<bigint> = z.unknown().transform((value, context) => {
  const whole = wholeOf(value)
  if (whole !== null) return whole
  context.addIssue({ code: 'custom', message: 'not a whole number from 0 on that is exact' })
  return z.NEVER
})

function wholeOf(value: unknown): bigint | null {
  if (typeof value === 'bigint') return value >= 0n ? value : null
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : null
  return typeof value === 'string' && /^\d{1,40}$/.test(value) ? BigInt(value) : null
}

/** Satoshis, at most 21 million bitcoin. */
export const satField: z.ZodType<Sat> = wholeField
  .refine((value) => value <= BigInt(MAX_SAT), `more than ${MAX_SAT} sat`)
  .transform((value) => sat(Number(value)))

/** The largest count of the public schema, a GraphQL Int. */
const MAX_COUNT = 0x7fff_ffff

/** A count of blocks, confirmations or satoshis per kiloweight (unsigned 32 bit). Above 2^31 - 1 it reads as that. */
export const countField: z.ZodType<number> = wholeField
  .refine((value) => value < 1n << 32n, 'more than 32 bits')
  .transform((value) => Math.min(Number(value), MAX_COUNT))

/** A limit; null where it is above `most`, which limits nobody: nodes print the largest number of a type for "no limit". */
function limitField<Value extends number>(most: number, make: (value: number) => Value): z.ZodType<Value | null> {
  return z.unknown().transform((value, context) => {
    // The largest numbers of 64 bits are not exact as a JSON number. They are above every limit all the same.
    if (typeof value === 'number' && value > most) return null
    const whole = wholeOf(value)
    if (whole !== null) return whole > BigInt(most) ? null : make(Number(whole))
    context.addIssue({ code: 'custom', message: 'not a whole number from 0 on' })
    return z.NEVER
  })
}

/** A limit in satoshis; null above 21 million bitcoin. */
export const satLimitField = limitField(MAX_SAT, sat)
/** A limit in blocks or confirmations; null above 2^31 - 1. */
export const countLimitField = limitField(MAX_COUNT, (value) => value)

const WORDS_FOR_FLAGS: Readonly<Record<string, boolean>> = { TRUE: true, FALSE: false, 1: true, 0: false }

/** true or false, also as text or as 1 and 0. */
export const flagField: z.ZodType<boolean> = z
  .union([z.boolean(), z.number(), z.bigint(), z.string().max(10)])
  .transform((value, context) => {
    const flag = typeof value === 'boolean' ? value : lookUp(WORDS_FOR_FLAGS, String(value))
    if (flag !== null) return flag
    context.addIssue({ code: 'custom', message: 'neither true nor false' })
    return z.NEVER
  })

/** An amount of an RGB asset (unsigned 64 bit) as a decimal string, however it was sent. */
export const assetAmountField: z.ZodType<string> = wholeField
  .refine((value) => value < 1n << 64n, 'more than 64 bits')
  .transform(String)

/** An asset amount as JSON sends it: these LSPs take integers, and a `number` is exact only up to 2^53. */
export function jsonInteger(amount: string): number | bigint {
  const number = Number(amount)
  return Number.isSafeInteger(number) ? number : BigInt(amount)
}

const shortTextField = z.string().transform((value) => cleanText(value, 100))

const PRINTABLE = /^[\x21-\x7e]+$/

const assetDocument = documentOf({
  asset_id: required(z.string().max(256).regex(PRINTABLE)),
  name: optional(shortTextField),
  ticker: optional(shortTextField),
  precision: optional(wholeField.refine((value) => value <= 255n, 'more than 255').transform(Number)),
  min_initial_lsp_amount: optional(assetAmountField),
  max_initial_lsp_amount: optional(assetAmountField),
  min_initial_client_amount: optional(assetAmountField),
  max_initial_client_amount: optional(assetAmountField),
  min_channel_amount: optional(assetAmountField),
  max_channel_amount: optional(assetAmountField),
  issued_supply: optional(assetAmountField),
})

/** An RGB asset as an LSP lists it. Only some LSPs state its limits. */
export const rgbAssetField = Object.assign(
  assetDocument.transform((asset): LspAsset => ({
    assetId: asset.asset_id,
    schema: null,
    name: asset.name,
    ticker: asset.ticker,
    precision: asset.precision,
    minLspAmount: asset.min_initial_lsp_amount,
    maxLspAmount: asset.max_initial_lsp_amount,
    minClientAmount: asset.min_initial_client_amount,
    maxClientAmount: asset.max_initial_client_amount,
    minChannelAmount: asset.min_channel_amount,
    maxChannelAmount: asset.max_channel_amount,
    issuedSupply: asset.issued_supply,
  })),
  { fields: assetDocument.fields, unwrap: assetDocument.unwrap },
)

/** An id that goes into a later request: printable, at most 128 characters. */
export const idField: z.ZodType<string> = z
  .union([
    z.string(),
    z.number().refine(Number.isSafeInteger, 'not a whole number').transform(String),
    z.bigint().transform(String),
  ])
  .pipe(z.string().min(1).max(128).regex(PRINTABLE))

/** An id or a hash that is only shown. */
export const shownIdField = z.string().min(1).max(256).regex(PRINTABLE)

/** A transaction id. */
export const txidField = z
  .string()
  .regex(/^[0-9a-f]{64}$/i)
  .transform((value) => value.toLowerCase())

/** A short word of the LSP, such as a state; never refused for what it says. */
export const wordField = z
  .string()
  .max(1_000)
  .transform((value) => cleanText(value, 100))
  .refine((value) => value !== '', 'empty')

/** A sentence of the LSP for people. */
export const textField = z.string().transform((value) => cleanText(value))

/** An invoice, offer, address or URI: only its size is checked here. */
export const payloadField = z.string().min(1).max(4_096).regex(PRINTABLE)

/** `pubkey@host:port`, or the pubkey alone. */
export const nodeUriField = z
  .string()
  .max(512)
  .regex(PRINTABLE)
  .refine((value) => pubkeyOfUri(value) !== null, 'does not begin with a public key')

/** A web address that people may open. */
export const websiteField = z
  .string()
  .max(2_000)
  .regex(/^https?:\/\/[\x21-\x7e]+$/i)
  .refine((value) => URL.canParse(value))

// -- words -----------------------------------------------------------------------------------------------

/** A word without case, `_`, `-` and spaces: servers print EXPECT_PAYMENT, ExpectPayment or "expect payment". */
function canonicalWord(word: string): string {
  // A sign in front belongs to a number: -32602 is no 32602.
  return word
    .trim()
    .toUpperCase()
    .replace(/(?<=[A-Z0-9])[\s_-]+(?=[A-Z0-9])/g, '')
}

const canonicalTables = new WeakMap<object, ReadonlyMap<string, unknown>>()

/** The value of a word in a table, in whatever spelling of the word; null if the table does not have it. */
export function lookUp<Value>(table: Readonly<Record<string, Value>>, word: string): Value | null {
  let canonical = canonicalTables.get(table) as ReadonlyMap<string, Value> | undefined
  if (canonical === undefined) {
    canonical = new Map(Object.entries(table).map(([key, value]) => [canonicalWord(key), value]))
    canonicalTables.set(table, canonical)
  }
  return canonical.get(canonicalWord(word)) ?? null
}

/** "Not before so many seconds" as an instant; null when it is no such number. No LSP can bind us for more than a day. */
export function instantAfter(seconds: unknown, now: EpochMs): EpochMs | null {
  return typeof seconds === 'number' && seconds > 0 ? now + Math.min(Math.ceil(seconds * SECOND_MS), DAY_MS) : null
}

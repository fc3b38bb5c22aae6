import { z } from 'zod'
import type { UnsupportedParameter } from './adapter.ts'
import { cleanText } from '../domain/text.ts'
import { pubkeyOfUri, type LspAsset } from '../domain/lsp.ts'
import { MAX_SAT, sat } from '../domain/money.ts'
import type { AssetRequest } from '../domain/request.ts'
import { DAY_MS, SECOND_MS, type EpochMs } from '../domain/time.ts'

// The field types that several protocols share. Each reads one spelling of one thing into our own type.

/** The fields an LSP may leave out, or send as null: both read as null. */
export function absent<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? null)
}

/** Satoshis as a JSON number or as a string of decimal digits. */
export const satField = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,16}$/)
      .transform(Number),
  ])
  .refine(
    (value) => Number.isSafeInteger(value) && value >= 0 && value <= MAX_SAT,
    `not a whole number of satoshis from 0 to ${MAX_SAT}`,
  )
  .transform(sat)

/** The largest that the public schema can tell. */
const MAX_INT = 0x7fff_ffff

/** A count of blocks or confirmations: whole, not negative, 32 bit. Some LSPs send it as a string. */
export const countField = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,10}$/)
      .transform(Number),
  ])
  .pipe(z.number().int().min(0).max(0xffff_ffff))
  .transform((count) => Math.min(count, MAX_INT))

/** An amount of an RGB asset (unsigned 64 bit) as a decimal string, whatever it was sent as. */
export const assetAmountField = z
  .union([z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER), z.string().regex(/^\d{1,20}$/)])
  .transform((value) => BigInt(value))
  .refine((value) => value < 1n << 64n, 'more than 64 bits')
  .transform(String)

/** A limit that a JSON number cannot carry exactly limits nobody here: such amounts cannot be ordered either. */
const assetLimitField = absent(assetAmountField).catch(null)

const shortTextField = z.string().transform((value) => cleanText(value, 100))

/** An RGB asset as an LSP lists it; its limits are told by some alone. */
export const rgbAssetField = z
  .object({
    asset_id: z
      .string()
      .min(1)
      .max(256)
      .regex(/^[\x21-\x7e]+$/),
    name: absent(shortTextField),
    ticker: absent(shortTextField),
    precision: absent(z.number().int().min(0).max(255)),
    min_initial_lsp_amount: assetLimitField,
    max_initial_lsp_amount: assetLimitField,
    min_initial_client_amount: assetLimitField,
    max_initial_client_amount: assetLimitField,
  })
  .transform((asset): LspAsset => ({
    assetId: asset.asset_id,
    name: asset.name,
    ticker: asset.ticker,
    precision: asset.precision,
    minLspAmount: asset.min_initial_lsp_amount,
    maxLspAmount: asset.max_initial_lsp_amount,
    minClientAmount: asset.min_initial_client_amount,
    maxClientAmount: asset.max_initial_client_amount,
  }))

/** The first amount of the request that no JSON number carries exactly; these LSPs take asset amounts as numbers. */
export function unsendableAmount(asset: AssetRequest | null): UnsupportedParameter | null {
  const property =
    asset && (['lspAmount', 'clientAmount'] as const).find((name) => Number(asset[name]) > Number.MAX_SAFE_INTEGER)
  return property
    ? { property: `asset.${property}`, message: `the LSP takes asset amounts up to ${Number.MAX_SAFE_INTEGER}` }
    : null
}

/** ISO 8601 with any number of decimals, `Z`, an offset, or nothing, which then means UTC. */
export const isoTimeField = z.string().transform((value, context): EpochMs => {
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/i.test(value) ? value : `${value}Z`
  const time = Date.parse(zoned)
  if (!/^\d{4}-\d\d-\d\dT/.test(value) || Number.isNaN(time)) {
    context.addIssue({ code: 'custom', message: 'not an ISO 8601 time' })
    return z.NEVER
  }
  return time
})

/** 2100-01-01: what is later was told in milliseconds, or is no time. */
export const LAST_SECOND = 4_102_444_800

/** Whole seconds since 1970. */
export const epochSecondsField = z
  .number()
  .min(0)
  .max(LAST_SECOND)
  .transform((seconds): EpochMs => Math.round(seconds * 1000))

/** An id that will go into a later request: printable, bounded. */
export const idField = z.union([z.string(), z.number().int().transform(String)]).pipe(
  z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\x21-\x7e]+$/),
)

/** An id or a hash that is only ever shown; one that is empty or unprintable tells nothing. */
export const shownIdField = absent(
  z
    .string()
    .min(1)
    .max(256)
    .regex(/^[\x21-\x7e]+$/),
).catch(null)

/** A short word of the LSP, such as a state; never refused for what it says. */
export const wordField = z
  .string()
  .max(1_000)
  .transform((value) => cleanText(value, 100))

/** A sentence of the LSP for people. */
export const textField = z.string().transform((value) => cleanText(value))

/** An invoice, offer, address or URI; its meaning is checked elsewhere, its size here. */
export const payloadField = z
  .string()
  .min(1)
  .max(4_096)
  .regex(/^[\x21-\x7e]+$/)

/** `pubkey@host:port`; a lone pubkey is let through, anything else is not an address of a node. */
export const nodeUriField = z
  .string()
  .max(512)
  .regex(/^[\x21-\x7e]+$/)
  .refine((value) => pubkeyOfUri(value) !== null, 'does not begin with a public key')

/** An address for people to follow, and so nothing but an address of the web; what is none tells nothing. */
export const websiteField = absent(
  z
    .string()
    .max(2_000)
    .regex(/^https?:\/\/[\x21-\x7e]+$/i)
    .refine((value) => URL.canParse(value)),
).catch(null)

/** A list from which what does not fit is dropped: one odd entry must not cost the whole answer. */
export function lenientList<Schema extends z.ZodType>(schema: Schema) {
  return z
    .array(z.unknown())
    .nullish()
    .transform((list) =>
      (list ?? []).slice(0, 1_000).flatMap((entry): z.output<Schema>[] => {
        const parsed = schema.safeParse(entry)
        return parsed.success ? [parsed.data] : []
      }),
    )
}

/** Where a document is not what its protocol says, and why; `within` is what it was a part of. */
export function misfit({ issues: [issue] }: z.ZodError, within = ''): string {
  const place = [...(within === '' ? [] : [within]), ...(issue?.path ?? [])].join('.')
  return cleanText(
    `${place || 'the document'}: ${issue?.message.replaceAll('<', 'less than ').replace('less than =', 'at most ') ?? 'does not fit'}`,
    200,
  )
}

/** Looks a word up whatever its case; null when the table does not know it. */
export function lookUp<Value>(table: Readonly<Record<string, Value>>, word: string): Value | null {
  const key = word.toUpperCase()
  return Object.hasOwn(table, key) ? (table[key] as Value) : null
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** "Not before so many seconds" as an instant; null when it is no such number. No LSP can bind us for more than a day. */
export function instantAfter(seconds: unknown, now: EpochMs): EpochMs | null {
  return typeof seconds === 'number' && seconds > 0 ? now + Math.min(Math.ceil(seconds * SECOND_MS), DAY_MS) : null
}

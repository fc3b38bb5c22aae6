import { z } from 'zod'
import { cleanText } from '../domain/text.ts'

// How a document of an LSP is declared and read. Each field has one of three classes:
//
// - required: ids, amounts, invoices, addresses, order and payment states. An unreadable one rejects the answer.
// - optional: everything that no money depends on. An unreadable one reads as null, and its path is reported.
// - ignored: known, and not read. An undeclared field is not read either; declaring it shows that this is intended.
//
// LSPs send null or an empty text for a value that they do not have. Both count as absent.

export type FieldClass = 'required' | 'optional' | 'ignored'

export interface Field<Value = unknown> {
  readonly class: FieldClass
  /** Reads a value that is present; null for an ignored field. */
  readonly schema: z.ZodType<Value> | null
  /** True where an absent value reads as null. */
  readonly mayBeAbsent: boolean
  /** What an unreadable optional value reads as. */
  readonly unreadable: Value
  /** Names that other versions of the protocol give the same field. */
  readonly otherNames: readonly string[]
  /** The LSP's id for the order. */
  readonly isOrderId: boolean
}

export type Fields = Readonly<Record<string, Field>>

/** A field that must be present and readable. */
export function required<Value>(schema: z.ZodType<Value>, otherNames: readonly string[] = []): Field<Value> {
  return { ...REQUIRED, schema, otherNames } as Field<Value>
}

/** The LSP's id for an order: it is kept even if the rest of the answer cannot be read. */
export function orderId<Value>(schema: z.ZodType<Value>, otherNames: readonly string[] = []): Field<Value> {
  return { ...required(schema, otherNames), isOrderId: true }
}

/** A field that may be absent, and must be readable when it is present: an amount, an invoice, a payment option. */
export function requiredIfPresent<Value>(schema: z.ZodType<Value>): Field<Value | null> {
  return { ...REQUIRED, schema, mayBeAbsent: true }
}

/** A field that money does not depend on. `unreadable`: what a value that cannot be read becomes, null if not given. */
export function optional<Value>(schema: z.ZodType<Value>): Field<Value | null>
export function optional<Value, Unreadable>(
  schema: z.ZodType<Value>,
  unreadable: Unreadable,
): Field<Value | Unreadable | null>
export function optional(schema: z.ZodType, unreadable: unknown = null): Field {
  return { ...REQUIRED, class: 'optional', schema, mayBeAbsent: true, unreadable }
}

const REQUIRED = {
  class: 'required',
  mayBeAbsent: false,
  unreadable: null,
  otherNames: [],
  isOrderId: false,
} as const

/** A documented field that the gateway has no use for. */
export const ignored: Field<never> = { ...REQUIRED, class: 'ignored', schema: null, unreadable: null as never }

type Read<Shape extends Fields> = {
  [Name in keyof Shape as Shape[Name] extends Field<never> ? never : Name]: Shape[Name] extends Field<infer Value>
    ? Value
    : never
}

/** A schema that also shows its declaration. */
export interface Document<Value, Shape extends Fields = Fields> extends z.ZodType<Value> {
  readonly fields: Shape
  /** The part of an answer that the fields are in: some LSPs wrap it. */
  readonly unwrap: (body: unknown) => unknown
}

export interface DocumentRules {
  /** See Document. */
  unwrap?: (body: unknown) => unknown
  /** At least one of these has to be present and readable: a document without any is about something else. */
  oneOf?: { names: readonly string[]; message: string }
}

export function documentOf<const Shape extends Fields>(
  fields: Shape,
  rules: DocumentRules = {},
): Document<Read<Shape>, Shape> {
  return documentWithKeys(fields, rules)
}

/** A document whose undeclared content matters: `keys` are the names of everything in it. */
export function documentWithKeys<const Shape extends Fields>(
  fields: Shape,
  { unwrap = (body) => body, oneOf }: DocumentRules = {},
): Document<Read<Shape> & { keys: readonly string[] }, Shape> {
  const schema = z.unknown().transform((body, context) => {
    const value = unwrap(body)
    const read: Record<string, unknown> = {}
    if (!isObject(value)) {
      context.addIssue({ code: 'custom', message: 'not an object' })
      return z.NEVER
    }
    const understood = new Set<string>()
    for (const [name, field] of Object.entries(fields)) {
      if (field.schema === null) continue
      if (readField(name, field, value, read, context)) understood.add(name)
    }
    if (oneOf && !oneOf.names.some((name) => understood.has(name)))
      context.addIssue({ code: 'custom', message: oneOf.message })
    return { ...read, keys: Object.keys(value) }
  })
  return Object.assign(schema, { fields, unwrap }) as unknown as Document<
    Read<Shape> & { keys: readonly string[] },
    Shape
  >
}

/** Returns true if the field was present and readable. */
function readField(
  name: string,
  field: Field,
  from: Record<string, unknown>,
  into: Record<string, unknown>,
  context: z.RefinementCtx,
): boolean {
  const names = [name, ...field.otherNames].filter((one) => Object.hasOwn(from, one) && isPresent(from[one]))
  const [first = name] = names
  into[name] = null
  if (names.length === 0) {
    const all = [name, ...field.otherNames]
    if (!field.mayBeAbsent && all.length > 1)
      context.addIssue({ code: 'custom', message: `neither ${all.join(' nor ')}` })
    else if (!field.mayBeAbsent) context.addIssue({ code: 'custom', path: [name], message: 'missing' })
    return false
  }
  const problems: z.core.$ZodIssue[] = []
  for (const one of names) {
    const parsed = at(one, () => (field.schema as z.ZodType).safeParse(from[one]))
    if (parsed.success) {
      into[name] = parsed.data
      if (field.isOrderId && current !== null) current.lspOrderId = String(parsed.data)
      return true
    }
    problems.push(...parsed.error.issues)
  }
  if (field.class === 'optional') {
    at(first, reportUnread)
    into[name] = field.unreadable
  } else {
    const [problem] = problems
    context.addIssue({
      code: 'custom',
      path: [first, ...(problem?.path ?? [])],
      message: problem?.message ?? 'unreadable',
    })
  }
  return false
}

export const isPresent = (value: unknown) => value !== undefined && value !== null && value !== ''

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** No list of any protocol is longer. */
const MAX_ENTRIES = 1_000

/** A list; a text alone is a list of one. An entry that cannot be read is left out and reported: it costs only itself. */
export function listOf<Value>(entry: z.ZodType<Value>): z.ZodType<Value[]> & { entry: z.ZodType<Value> } {
  const schema = z.unknown().transform((value, context): Value[] => {
    const entries = typeof value === 'string' ? [value] : value
    if (!Array.isArray(entries)) {
      context.addIssue({ code: 'custom', message: 'not a list' })
      return z.NEVER
    }
    return (entries as unknown[]).slice(0, MAX_ENTRIES).flatMap((one) => {
      const parsed = at('[]', () => entry.safeParse(one))
      if (parsed.success) return [parsed.data]
      at('[]', reportUnread)
      return []
    })
  })
  return Object.assign(schema, { entry })
}

// -- reports ---------------------------------------------------------------------------------------------

/** What reading one answer brought to light beside its content. */
interface Report {
  /** Where the reader is now. */
  path: string[]
  unread: Set<string>
  lspOrderId: string | null
}

/** The report of the answer that is being read. Reading is synchronous, so there is at most one. */
let current: Report | null = null

function at<Result>(name: string, act: () => Result): Result {
  current?.path.push(name)
  try {
    return act()
  } finally {
    current?.path.pop()
  }
}

function reportUnread(): void {
  current?.unread.add(current.path.join('.').replaceAll('.[]', '[]'))
}

export interface ReadAnswer<Answer> {
  /** undefined if the answer was rejected. */
  answer: Answer | undefined
  /** Why it was rejected; null if it was not. No text of the LSP is in it. */
  problem: string | null
  /** The paths of the optional fields that could not be read, such as channel.funded_at or assets[].precision. */
  unreadFields: readonly string[]
  /** The order's id, also in a rejected answer. */
  lspOrderId: string | null
}

/** Reads an answer. Never throws for what an LSP sent. */
export function readDocument<Answer>(schema: z.ZodType<Answer>, body: unknown): ReadAnswer<Answer> {
  const report: Report = { path: [], unread: new Set(), lspOrderId: null }
  const outer = current
  current = report
  try {
    const parsed = schema.safeParse(body)
    return {
      answer: parsed.data,
      problem: parsed.success ? null : misfit(parsed.error),
      unreadFields: [...report.unread],
      lspOrderId: report.lspOrderId,
    }
  } finally {
    current = outer
  }
}

/** Which field of a document rejects it, and why. */
export function misfit({ issues: [issue] }: z.ZodError): string {
  return cleanText(
    `${issue?.path.join('.') || 'the document'}: ${issue?.message.replaceAll('<', 'less than ').replace('less than =', 'at most ') ?? 'does not fit'}`,
    200,
  )
}

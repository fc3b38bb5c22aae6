import type { Document, Field } from '../../../src/protocols/document.ts'

// Every declared field of an answer, and a dozen ways to break it. The classes come from the declarations alone.

export interface DeclaredField {
  /** Such as payment.bolt11.invoice or assets.0.precision. */
  path: readonly string[]
  field: Field
  /** Whether it or something around it is optional, so that it cannot reject the answer. */
  isOptional: boolean
  /** Whether the answer has it under another name, too. */
  isGivenTwice: boolean
}

type Json = Record<string, unknown>
const isJsonObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isDeclared = (schema: unknown): schema is Document<unknown> =>
  typeof schema === 'object' && schema !== null && 'fields' in schema
const isListOf = (schema: unknown): schema is { entry: unknown } =>
  typeof schema === 'object' && schema !== null && 'entry' in schema

/** The part of an answer that a document's fields are in, as an answer of its own. */
export function unwrapped(schema: Document<unknown>, body: unknown): unknown {
  const inner = schema.unwrap(body)
  if (inner === body || !isJsonObject(inner)) return body
  const { options: _options, ...rest } = inner
  return rest
}

/** Declared fields that the answer has, and the names of those that are in it without a declaration. */
export function declaredFields(
  schema: unknown,
  value: unknown,
  path: readonly string[] = [],
  isOptional = false,
): { fields: DeclaredField[]; undeclared: string[] } {
  if (isListOf(schema) && Array.isArray(value))
    return join(value.map((entry, index) => declaredFields(schema.entry, entry, [...path, String(index)], true)))
  if (!isDeclared(schema) || !isJsonObject(value)) return { fields: [], undeclared: [] }
  const byName = new Map(
    Object.entries(schema.fields).flatMap(([name, field]) =>
      [name, ...field.otherNames].map((one) => [one, field] as const),
    ),
  )
  return join(
    Object.entries(value).map(([name, inner]) => {
      const field = byName.get(name)
      const at = [...path, name]
      if (!field) return { fields: [], undeclared: [at.join('.')] }
      const isInnerOptional = isOptional || field.class !== 'required'
      const isGivenTwice = [...byName].filter(([one, other]) => other === field && Object.hasOwn(value, one)).length > 1
      const below = declaredFields(field.schema, inner, at, isInnerOptional)
      return {
        fields: [{ path: at, field, isOptional: isInnerOptional, isGivenTwice }, ...below.fields],
        undeclared: below.undeclared,
      }
    }),
  )
}

function join(all: readonly { fields: DeclaredField[]; undeclared: string[] }[]) {
  return { fields: all.flatMap(({ fields }) => fields), undeclared: all.flatMap(({ undeclared }) => undeclared) }
}

export const MISSING = Symbol('missing')

const swapCase = (text: string) => (text === text.toLowerCase() ? text.toUpperCase() : text.toLowerCase())

/** What is put in the place of a value. */
export function breaksOf(value: unknown): readonly (readonly [how: string, broken: unknown])[] {
  return [
    ['wrong type', typeof value === 'string' ? 7 : 'broken by the test'],
    ['null', null],
    ['missing', MISSING],
    ['empty', ''],
    ['huge', 1e300],
    ['huge in digits', '9'.repeat(60)],
    ['negative', -1],
    ['negative in digits', '-1'],
    ['fraction', 0.5],
    ['fraction in digits', '0.5'],
    ['object', {}],
    ['list', []],
    ['list of itself', [value]],
    ['long text', 'x'.repeat(5_000)],
    ['unsafe integer', 2 ** 53 + 2],
    ['true', true],
    ...(typeof value === 'string' ? [['other case', swapCase(value)] as const] : []),
  ]
}

/** A copy of the answer with another value at that path. */
export function withValueAt(body: unknown, path: readonly string[], value: unknown): unknown {
  const copy: unknown = structuredClone(body)
  const parent = path.slice(0, -1).reduce((inner, name) => (inner as Json)[name], copy) as Json
  const name = path.at(-1) ?? ''
  if (value === MISSING) Reflect.deleteProperty(parent, name)
  else parent[name] = value
  return copy
}

/** Whether a declared field cannot do with that value. */
export function isBroken({ field }: DeclaredField, value: unknown): boolean {
  if (value === MISSING || value === null || value === '') return !field.mayBeAbsent
  return field.schema?.safeParse(asRead(value)).success === false
}

/** As the gateway's JSON reader gives it to the protocols: exact beyond 2^53, up to 40 digits. */
function asRead(value: unknown): unknown {
  const isLong = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  return isLong && Math.abs(value) < 1e40 ? BigInt(value) : value
}

import { isObject } from './fields.ts'
import { publicPropertyName, propertyNamedIn } from './properties.ts'
import { cleanText, cleanTextOrNull } from '../domain/text.ts'

// Reads the sentence and the property out of an error document, whatever its shape. Known shapes: RFC 9457 (title,
// detail, errors), FastAPI (detail as a list with loc and msg), NestJS (message as a list), Laravel and ASP.NET (errors
// by field), Django (field names at the top), JSON:API (source.pointer), GraphQL (errors), OAuth (error_description),
// LUD-06 (reason), JSON-RPC (error, data).

export interface ErrorDocument {
  /** Cleaned and bounded; null when the document has no words. */
  message: string | null
  /** In the public schema's name. */
  property: string | null
}

const SENTENCES = ['message', 'msg', 'error_description', 'error_message', 'detail', 'description', 'reason'] as const
/** Shown only if there is no sentence. */
const LABELS = ['error', 'title', 'fail_reason', 'error_code', 'code'] as const
const CONTAINERS = ['message', 'detail', 'error', 'errors', 'details', 'reason', 'data'] as const
const MAX_DEPTH = 4
const MAX_ENTRIES = 3
const MAX_SENTENCES = 3
const MAX_MESSAGE = 500

interface Found {
  sentences: string[]
  labels: string[]
  property: string | null
}

export function readErrorDocument(body: unknown): ErrorDocument {
  const found: Found = { sentences: [], labels: [], property: null }
  collect(body, found, 0)
  const texts = found.sentences.length > 0 ? found.sentences : found.labels.slice(0, 1)
  const distinct = texts.filter((text, index) => !texts.slice(0, index).some((earlier) => earlier.includes(text)))
  const message = cleanTextOrNull(distinct.slice(0, MAX_SENTENCES).join(': '), MAX_MESSAGE)
  return { message, property: found.property ?? (message === null ? null : propertyNamedIn(message)) }
}

/** `key` is the name of the value in its object. */
function collect(value: unknown, found: Found, depth: number, key = ''): void {
  if (depth > MAX_DEPTH) return
  if (typeof value === 'string') add(found.sentences, value)
  else if (Array.isArray(value)) for (const entry of value.slice(0, MAX_ENTRIES)) collect(entry, found, depth + 1)
  else if (isObject(value)) collectObject(value, found, depth, key)
}

function collectObject(error: Record<string, unknown>, found: Found, depth: number, ownKey: string): void {
  found.property ??= propertyOf(error)
  const before = found.sentences.length
  for (const key of SENTENCES) if (typeof error[key] === 'string') add(found.sentences, error[key])
  for (const key of LABELS) if (typeof error[key] === 'string') add(found.labels, error[key])
  for (const key of CONTAINERS) {
    if (typeof error[key] !== 'string') collect(error[key], found, depth + 1, key)
    else if (key === 'data' || key === 'details' || key === 'errors') add(found.sentences, error[key])
  }
  if (found.sentences.length === before) collectFields(error, found, depth, ownKey === 'errors')
}

/** Reads an object of field names and their problems. Outside of `errors`, only names that a protocol has are fields. */
function collectFields(fields: Record<string, unknown>, found: Found, depth: number, anyName: boolean): void {
  const isKnown = (name: string) => publicPropertyName(name) !== name
  const entries = Object.entries(fields).filter(([name]) => anyName || isKnown(name))
  for (const [name, problems] of entries.slice(0, MAX_ENTRIES)) {
    const before = found.sentences.length
    collect(problems, found, depth + 1)
    // An unknown name is not shown: unlike the values of a document, its names are not redacted.
    if (found.sentences.length > before && isKnown(name)) found.property ??= publicPropertyName(name)
  }
}

function add(texts: string[], text: string): void {
  const clean = cleanText(text, MAX_MESSAGE)
  if (clean !== '') texts.push(clean)
}

/** Where the error points: `property` (bLIP-51), `field`, `param`, `loc` (FastAPI), `path` (GraphQL, zod), JSON pointers. */
function propertyOf(error: Record<string, unknown>): string | null {
  const source = isObject(error.source) ? error.source : {}
  const named = [error.property, error.field, error.param, error.parameter, source.parameter]
  const paths = [error.loc, error.path].map((path) =>
    Array.isArray(path) ? path.findLast((step) => typeof step === 'string') : null,
  )
  const pointers = [source.pointer, error.pointer, error.instancePath].map((pointer) =>
    typeof pointer === 'string' ? pointer.replace(/^#?\//, '').replaceAll('/', '.') : null,
  )
  for (const name of [...named, ...paths, ...pointers]) {
    const property = name === 'body' || name === 'query' ? null : publicPropertyName(name)
    if (property !== null) return property
  }
  return null
}

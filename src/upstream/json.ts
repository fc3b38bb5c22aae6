import { randomUUID } from 'node:crypto'

// JSON without loss: an integer that no JavaScript number holds exactly is a bigint, when read and when written.
// JSON.parse does the work and this file only marks such integers beforehand, because Node 20 shows a reviver no source
// text. lossless-json took 65 times as long for the same megabyte, refuses a repeated key, and recurses.

const MAX_JSON_DEPTH = 32
/** A hundred times the longest answer of any protocol. More values would block other requests for too long. */
const MAX_JSON_VALUES = 10_000
/** Enough for 128 bits. A longer integer remains a number that is too large for every field. */
const MAX_INTEGER_DIGITS = 40
const MAX_NUMERAL_LENGTH = 100

const [COMMA, BRACKET, BRACE] = [0x2c, 0x5b, 0x7b]

export interface ParsedJson {
  /** undefined when there is a problem. */
  body: unknown
  problem: string | null
}

/**
 * Parses an LSP's document. A whole number that is not a safe integer becomes a bigint. A fraction that JavaScript would
 * round to a whole number becomes its own text, which no amount accepts. `redact` is applied to all texts.
 */
export function parseJson(text: string, redact: (text: string) => string): ParsedJson {
  if (hasTooManyValues(text)) return { body: undefined, problem: `more than ${MAX_JSON_VALUES} values` }
  try {
    const rounded: unknown = JSON.parse(text)
    return tidy(MAY_LOSE.test(text) ? JSON.parse(text.replace(TOKEN, withoutLoss)) : rounded, redact)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { body: undefined, problem: 'not JSON' }
  }
}

/** Writes a bigint as an integer with all its digits. */
export function stringifyJson(document: unknown): string {
  const marked = JSON.stringify(document, (_key, value: unknown) =>
    typeof value === 'bigint' ? `${MARK}${value}` : value,
  )
  return marked.replace(MARKED_INTEGER, '$1')
}

/** Stands in front of an integer's digits in a text. No LSP and no client can guess it. */
const MARK = `integer ${randomUUID()} `
const MARKED_INTEGER = new RegExp(`"${MARK}(-?\\d+)"`, 'g')

/** A number of up to 15 digits and without an exponent is always exact. Also matches inside texts, which does no harm. */
const MAY_LOSE = /\d[\d.]{15}|\d[eE][+-]?\d/
/** A text or a number of a valid document. Texts are matched so that the digits in them are skipped. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const NUMERAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

function withoutLoss(token: string): string {
  const asText = `"${token}"`
  if (token.startsWith('"')) return token
  if (token.length > MAX_NUMERAL_LENGTH) return asText
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = NUMERAL.exec(token) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '').replace(/0+$/, '')
  if (digits === '') return token
  const trailingZeros = `${whole}${fraction}`.length - `${whole}${fraction}`.replace(/0+$/, '').length
  const zeros = Number(exponent) - fraction.length + trailingZeros
  const value = Number(token)
  // A fraction, which must not be taken for a whole number.
  if (zeros < 0) return Number.isFinite(value) && !Number.isInteger(value) ? token : asText
  if (Number.isSafeInteger(value)) return token
  return digits.length + zeros > MAX_INTEGER_DIGITS ? token : `"${MARK}${sign}${digits}${'0'.repeat(zeros)}"`
}

/** Counts before parsing, since creating the values is what takes long. Also counts commas and brackets inside texts. */
function hasTooManyValues(text: string): boolean {
  let most = 1
  for (let index = 0; index < text.length && most <= MAX_JSON_VALUES; index += 1) {
    const code = text.charCodeAt(index)
    if (code === COMMA || code === BRACKET || code === BRACE) most += 1
  }
  return most > MAX_JSON_VALUES
}

/**
 * Keys that no protocol uses and that are dangerous on an object: the first changes the prototype of what it is copied
 * to, the others make a comparison or a conversion to text throw (zod's check of a length does).
 */
const TRAPS = ['__proto__', 'toString', 'valueOf'] as const

/** Walks a document level by level, so that no depth can exhaust the stack. */
function tidy(document: unknown, redact: (text: string) => string): ParsedJson {
  const root = { document }
  let level: object[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_JSON_DEPTH) return { body: undefined, problem: 'nested too deeply' }
    const next: object[] = []
    for (const container of level) {
      for (const key of TRAPS) if (Object.hasOwn(container, key)) Reflect.deleteProperty(container, key)
      for (const [key, value] of Object.entries(container) as [string, unknown][]) {
        if (typeof value === 'string') (container as Record<string, unknown>)[key] = readText(value, redact)
        else if (typeof value === 'object' && value !== null) next.push(value)
      }
    }
    level = next
  }
  return { body: root.document, problem: null }
}

function readText(text: string, redact: (text: string) => string): string | bigint {
  return text.startsWith(MARK) ? BigInt(text.slice(MARK.length)) : redact(text)
}

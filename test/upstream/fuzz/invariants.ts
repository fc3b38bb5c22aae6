import { MAX_SAT } from '../../../src/domain/money.ts'
import type { LspFailure } from '../../../src/domain/failure.ts'
import { FAILURE_CODES } from '../../../src/domain/messages/failure-codes.ts'
import { DAY_MS } from '../../../src/domain/time.ts'

// What holds of everything that an adapter gives, whatever it was given.

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/u
const MAX_TIME = 8_640_000_000_000_000
/** The longest: an invoice, and a refusal in two sentences. */
const MAX_TEXT = 4_096
const MAX_MESSAGE = 1_100
const MAX_LIST = 3_000
const MAX_NODES = 50_000

/** What is wrong with a reading, or with any other result; empty when nothing is. */
export function flawsOf(result: unknown): string[] {
  const flaws: string[] = []
  const seen: { path: string; value: unknown }[] = [{ path: 'result', value: result }]
  for (const { path, value } of seen) {
    if (seen.length > MAX_NODES) return [...flaws, 'more than anybody asked for']
    if (path.endsWith('.website') && typeof value === 'string' && !/^https?:\/\//i.test(value))
      flaws.push(`${path}: no address of the web`)
    if (typeof value === 'string') flaws.push(...flawsOfText(value).map((flaw) => `${path}: ${flaw}`))
    else if (typeof value === 'number') flaws.push(...flawsOfNumber(path, value))
    else if (Array.isArray(value)) {
      if (value.length > MAX_LIST) flaws.push(`${path}: ${value.length} entries`)
      seen.push(...value.map((item, index) => ({ path: `${path}[${index}]`, value: item as unknown })))
    } else if (typeof value === 'object' && value !== null) {
      if (Object.getPrototypeOf(value) !== Object.prototype) flaws.push(`${path}: another prototype`)
      seen.push(...Object.entries(value).map(([key, inner]) => ({ path: `${path}.${key}`, value: inner as unknown })))
    } else if (!['boolean', 'undefined'].includes(typeof value) && value !== null)
      flaws.push(`${path}: ${typeof value}`)
  }
  return flaws
}

function flawsOfText(text: string): string[] {
  if (text.length > MAX_TEXT) return [`${text.length} characters`]
  if (UNPRINTABLE.test(text)) return [`unprintable: ${JSON.stringify(text.slice(0, 80))}`]
  // Markup is let through where it cannot be one: in an id or an invoice, which has no spaces and is never shown as text.
  if (text.includes('<') && /\s/.test(text)) return [`markup: ${JSON.stringify(text.slice(0, 80))}`]
  return []
}

function flawsOfNumber(path: string, value: number): string[] {
  if (!Number.isFinite(value)) return [`${path}: ${value}`]
  const name = /(\w+)(\[\d+\])*$/.exec(path)?.[1] ?? ''
  if (name.endsWith('Sat') && (!Number.isSafeInteger(value) || value < 0 || value > MAX_SAT))
    return [`${path}: ${value} sat`]
  if (/(At|Until)$/.test(name) && (!Number.isInteger(value) || Math.abs(value) > MAX_TIME))
    return [`${path}: the time ${value}`]
  if (/(Blocks|Confirmations|Conf)$/.test(name) && (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff))
    return [`${path}: a count of ${value}`]
  return []
}

/** Keys that are dropped before an answer is read. */
const DROPPED = new Set(['__proto__', 'toString', 'valueOf'])
const TOTALS = /^((order|fee)_total(_sat)?|fee)$/

/** A reading is free only if no answer states a price. */
export function flawsOfFree(result: unknown, texts: readonly string[]): string[] {
  if (!isRecord(result) || result.free !== true) return []
  const prices = texts.flatMap((text) => {
    try {
      const body: unknown = JSON.parse(text)
      const answer = isRecord(body) && isRecord(body.result) ? body.result : body
      return totalsIn(isRecord(answer) && isRecord(answer.payment) ? answer.payment : answer)
    } catch {
      return []
    }
  })
  return prices.filter((total) => Number(total) > 0).map((total) => `free, although a total is ${String(total)}`)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The totals in it, also in the objects in it: payment options that nobody knows have totals, too. */
function totalsIn(value: unknown): unknown[] {
  if (!isRecord(value)) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    DROPPED.has(key) ? [] : TOTALS.test(key) ? [inner] : totalsIn(inner),
  )
}

export function flawsOfFailure(failure: LspFailure, now: number): string[] {
  const { code, message, field, retryAt, effect } = failure
  const flaws = [...flawsOfText(message), ...(field === null ? [] : flawsOfText(field))]
  if (!Object.hasOwn(FAILURE_CODES, code)) flaws.push(`the code ${code}`)
  if (message === '' || message.length > MAX_MESSAGE) flaws.push(`a message of ${message.length} characters`)
  if (message.includes('<')) flaws.push('markup in the message')
  if (field !== null && (field.length > 100 || field.includes('<'))) flaws.push(`the field ${field.slice(0, 100)}`)
  if (retryAt !== null && !(retryAt > now && retryAt <= now + DAY_MS)) flaws.push(`a retry at ${retryAt}`)
  if (effect !== 'none' && effect !== 'unknown') flaws.push(`the effect ${effect as string}`)
  return flaws
}

const GUARDED = [
  Object.prototype,
  Array.prototype,
  Function.prototype,
  String.prototype,
  Number.prototype,
  Object,
  Array,
  JSON,
]
const BEFORE = GUARDED.map(fingerprint)

function fingerprint(guarded: object): string {
  return Reflect.ownKeys(guarded).map(String).join()
}

/** Whether anything that all objects share was changed. */
export function isPolluted(): boolean {
  const fresh: Record<string, unknown> = {}
  return fresh.polluted !== undefined || GUARDED.some((guarded, index) => fingerprint(guarded) !== BEFORE[index])
}

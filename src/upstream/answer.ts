import { redactor } from './secrets.ts'
import type { LspExchange } from '../protocols/adapter.ts'
import { readDocument } from '../protocols/document.ts'
import { instantAfter } from '../protocols/fields.ts'
import { LspFailure, unproven } from '../domain/failure.ts'
import { cleanText } from '../domain/text.ts'
import { SECOND_MS, type EpochMs } from '../domain/time.ts'

// What an LSP's answer means, once it has arrived whole. No sockets in here: the fuzzer feeds it as they do.

/** A header that came more than once is a list, whichever it is. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>

export interface RawAnswer {
  status: number
  headers: AnswerHeaders
  text: string
}

/** Reads an LSP's error answer; null when it is none that the protocol knows. */
export type RefusalReader = (status: number, body: unknown, now: EpochMs) => LspFailure | null

const MAX_JSON_DEPTH = 32
/** A hundred times what the longest answers of the protocols have: to go through more would hold up everybody else. */
const MAX_JSON_VALUES = 10_000

/**
 * The answer as its protocol has it. `secrets` are not in it, wherever the LSP put them. `onUnread` gets the paths of
 * the optional fields that could not be read.
 * @throws LspFailure
 */
export function readAnswer<Answer>(
  exchange: Pick<LspExchange<Answer>, 'answer'>,
  raw: RawAnswer,
  readRefusal: RefusalReader,
  now: EpochMs,
  secrets: readonly (string | null)[],
  onUnread: (fields: readonly string[]) => void = () => {},
): Answer {
  const { body, problem } = isEncoded(raw.headers)
    ? { body: undefined, problem: 'compressed, which was not asked for' }
    : parseJson(raw.text, redactor(secrets))
  const { status } = raw

  const refusal = readRefusal(status, body, now)
  if (status === 429) throw rateLimited(refusal, raw.headers, now)
  if (refusal) throw isProof(status) ? refusal : unproven(refusal)
  if (status < 200 || status > 299) throw unreadRefusal(status)
  if (problem !== null) throw new UnreadableAnswer(problem)

  const read = readDocument(exchange.answer, body)
  if (read.unreadFields.length > 0) onUnread(read.unreadFields)
  if (read.problem !== null) throw new UnreadableAnswer(read.problem, read.lspOrderId)
  return read.answer as Answer
}

/** An answer that cannot be read, and why, in our own words. What was asked may have been done. */
export class UnreadableAnswer extends LspFailure {
  constructor(why: string, lspOrderId: string | null = null) {
    super('BAD_RESPONSE', `the answer is not what its protocol says: ${cleanText(why, 200)}`, {
      effect: 'unknown',
      lspOrderId,
    })
  }
}

/**
 * Whether a refusal under this status says that nothing was done, as far as its protocol knows. Past 499 something
 * broke at the LSP after it had begun, or in front of it; 408 and 499 tell of a request that was given up on its way.
 */
function isProof(status: number): boolean {
  return status < 500 && status !== 408 && status !== 499
}

function isEncoded(headers: AnswerHeaders): boolean {
  return !/^(identity)?$/i.test(String(headers['content-encoding'] ?? ''))
}

/** 429 means one thing, whatever text stands under it; the protocol's own word for when goes before the header's. */
function rateLimited(refusal: LspFailure | null, headers: AnswerHeaders, now: EpochMs): LspFailure {
  const retryAt = refusal?.retryAt ?? retryAfter(headers['retry-after'], now)
  return new LspFailure('RATE_LIMITED', refusal?.message ?? 'the LSP limits our requests', { retryAt })
}

/** `Retry-After`: seconds, or a date. */
function retryAfter(header: string | string[] | undefined, now: EpochMs): EpochMs | null {
  if (typeof header !== 'string') return null
  return instantAfter(/^\d+$/.test(header) ? Number(header) : (Date.parse(header) - now) / SECOND_MS, now)
}

/** An answer outside 2xx that the protocol does not explain. */
function unreadRefusal(status: number): LspFailure {
  if (status < 400) return new UnreadableAnswer(`HTTP status ${status}: redirects are not followed`)
  if (!isProof(status)) return new LspFailure('UNAVAILABLE', `HTTP status ${status}`, { effect: 'unknown' })
  if (status === 404) return new LspFailure('NOT_FOUND', 'HTTP status 404')
  if (status === 401 || status === 403) return new LspFailure('CLIENT_REJECTED', `HTTP status ${status}`)
  return new LspFailure('INVALID_REQUEST', `HTTP status ${status}`)
}

const [COMMA, BRACKET, BRACE] = [0x2c, 0x5b, 0x7b]

interface Parsed {
  /** undefined when there is a problem. */
  body: unknown
  problem: string | null
}

function parseJson(text: string, redact: (text: string) => string): Parsed {
  if (hasTooManyValues(text)) return { body: undefined, problem: `more than ${MAX_JSON_VALUES} values` }
  try {
    return tidy(JSON.parse(text), redact)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { body: undefined, problem: 'not JSON' }
  }
}

/**
 * Tells before anything is made of them, which is what takes long. Counts no fewer than there are: what stands in texts
 * counts too.
 */
function hasTooManyValues(text: string): boolean {
  let most = 1
  for (let index = 0; index < text.length && most <= MAX_JSON_VALUES; index += 1) {
    const code = text.charCodeAt(index)
    if (code === COMMA || code === BRACKET || code === BRACE) most += 1
  }
  return most > MAX_JSON_VALUES
}

/**
 * Keys that no protocol has, and that make a trap of an object: the first changes what it is copied to, the others
 * have a comparison or a text of it throw, as zod's own check of a length does.
 */
const TRAPS = ['__proto__', 'toString', 'valueOf'] as const

/**
 * Goes through a document level by level, so that no depth of it can exhaust the stack. Texts are redacted where
 * they stand.
 */
function tidy(document: unknown, redact: (text: string) => string): Parsed {
  const root = { document }
  let level: object[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_JSON_DEPTH) return { body: undefined, problem: 'nested too deeply' }
    const next: object[] = []
    for (const container of level) {
      for (const key of TRAPS) if (Object.hasOwn(container, key)) Reflect.deleteProperty(container, key)
      for (const [key, value] of Object.entries(container) as [string, unknown][]) {
        if (typeof value === 'string') (container as Record<string, unknown>)[key] = redact(value)
        else if (typeof value === 'object' && value !== null) next.push(value)
      }
    }
    level = next
  }
  return { body: root.document, problem: null }
}

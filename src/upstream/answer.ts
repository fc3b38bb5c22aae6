import { parseJson } from './json.ts'
import { redactor } from './secrets.ts'
import type { LspExchange } from '../protocols/adapter.ts'
import { readDocument } from '../protocols/document.ts'
import { instantAfter } from '../protocols/fields.ts'
import { LspFailure, unproven } from '../domain/failure.ts'
import { cleanText } from '../domain/text.ts'
import { SECOND_MS, type EpochMs } from '../domain/time.ts'

// Reads an LSP's answer once it has arrived whole. No sockets in here: the fuzzer calls this directly.

/** A header that came more than once is a list. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>

export interface RawAnswer {
  status: number
  headers: AnswerHeaders
  /** Decoded. */
  text: string
  /** Why the body could not be decoded. */
  problem?: string | null
}

/**
 * Reads an LSP's error answer; null when it is none that the protocol knows. `body` is the parsed document, a text that
 * is neither JSON nor markup, or undefined.
 */
export type RefusalReader = (status: number, body: unknown, now: EpochMs) => LspFailure | null

/**
 * The answer as its protocol defines it, with `secrets` redacted wherever the LSP repeats them. `onUnread` gets the
 * paths of the optional fields that could not be read.
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
  const { status, headers } = raw
  const { body, text, problem, isPage } = readBody(raw, redactor(secrets))
  const retryAt = status === 429 || status === 503 ? retryAfter(headers['retry-after'], now) : null
  if (isPage && (isSuccess(status) || PAGE_STATUSES.has(status) || isChallenge(headers)))
    throw new WebPageAnswer(status, retryAt)

  const refusal = readRefusal(status, body ?? text, now)
  if (status === 429) throw rateLimited(refusal, retryAt)
  if (status === 503) throw unavailable(refusal, retryAt)
  if (refusal) throw isProof(status) ? refusal : unproven(refusal)
  if (!isSuccess(status)) throw unreadRefusal(status)
  if (problem !== null) throw new UnreadableAnswer(problem)

  const read = readDocument(exchange.answer, body)
  if (read.unreadFields.length > 0) onUnread(read.unreadFields)
  if (read.problem !== null) throw new UnreadableAnswer(read.problem, read.lspOrderId)
  return read.answer as Answer
}

/** An answer that cannot be read, and why, in our own words. The LSP may have done what was requested. */
export class UnreadableAnswer extends LspFailure {
  constructor(why: string, lspOrderId: string | null = null) {
    super('BAD_RESPONSE', `the answer is not what its protocol says: ${cleanText(why, 200)}`, {
      effect: 'unknown',
      lspOrderId,
    })
  }
}

/**
 * A web page where the protocol has a document: a CDN's challenge, a proxy's error or a parked domain. Nothing of the
 * page is shown. A page under 403 or 429 refused the request before the LSP saw it; one under another status may have
 * replaced the LSP's answer.
 */
export class WebPageAnswer extends LspFailure {
  constructor(status: number, retryAt: EpochMs | null) {
    super('UNAVAILABLE', `a web page came instead of the LSP's answer (HTTP status ${status})`, {
      retryAt,
      effect: status >= 400 && isProof(status) ? 'none' : 'unknown',
    })
  }
}

const PAGE_STATUSES: ReadonlySet<number> = new Set([403, 429, 503])

/** CDNs name a challenge in a header, whatever its status: Cloudflare, AWS WAF, Vercel. */
const CHALLENGE_HEADERS = ['cf-mitigated', 'x-amzn-waf-action', 'x-vercel-mitigated'] as const

function isChallenge(headers: AnswerHeaders): boolean {
  return CHALLENGE_HEADERS.some((name) => headers[name] !== undefined)
}

const isSuccess = (status: number) => status >= 200 && status <= 299

interface Body {
  /** undefined when there is a problem. */
  body: unknown
  /** A body of words, such as an error's; undefined where it was meant as a document or a page. */
  text: string | undefined
  problem: string | null
  isPage: boolean
}

function readBody({ headers, text, problem }: RawAnswer, redact: (text: string) => string): Body {
  if (problem) return { body: undefined, text: undefined, problem, isPage: false }
  const parsed = parseJson(text, redact)
  const isPage = parsed.problem !== null && isMarkup(headers, text)
  const isText = parsed.problem !== null && !isPage && !/^\s*[[{]/.test(text)
  return { ...parsed, text: isText ? redact(text) : undefined, isPage }
}

/** Cloudflare sends this, as plain text, to a client that it blocks. */
const CDN_ERROR = /^error code: 1\d{3}$/

/** A sentence without a tag is none, even though many servers label it as HTML. */
function isMarkup(headers: AnswerHeaders, text: string): boolean {
  const start = text.trimStart()
  const isLabelled = /html|xml/i.test(String(headers['content-type'] ?? ''))
  return start.startsWith('<') || (isLabelled && /<[a-z!/]/i.test(text)) || CDN_ERROR.test(start.trimEnd())
}

/**
 * Whether a refusal under this status proves that nothing was done, as far as its protocol knows. From 500 on something
 * broke after the LSP had begun, or in front of it; 408 and 499 mean that a request was given up on its way.
 */
function isProof(status: number): boolean {
  return status < 500 && status !== 408 && status !== 499
}

/** 429 has one meaning, whatever the body says. The body's own time to retry precedes the header's. */
function rateLimited(refusal: LspFailure | null, retryAt: EpochMs | null): LspFailure {
  return new LspFailure('RATE_LIMITED', refusal?.message ?? RATE_LIMITED_MESSAGE, {
    retryAt: refusal?.retryAt ?? retryAt,
  })
}

export const RATE_LIMITED_MESSAGE = 'the LSP limits the requests of this gateway'

/** With a time to retry it is UNAVAILABLE until then. Without one, the body may say more. */
function unavailable(refusal: LspFailure | null, retryAt: EpochMs | null): LspFailure {
  const until = refusal?.retryAt ?? retryAt
  if (refusal && until === null) return unproven(refusal)
  return new LspFailure('UNAVAILABLE', refusal?.message ?? 'HTTP status 503', { retryAt: until, effect: 'unknown' })
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

import type { IncomingHttpHeaders } from 'node:http'
import { Agent, errors, request as undiciRequest } from 'undici'
import type { LspExchange, LspHttp } from '../protocols/adapter.ts'
import { instantAfter } from '../protocols/fields.ts'
import { LspFailure } from '../domain/failure.ts'
import { cleanText } from '../domain/text.ts'
import { SECOND_MS, type Clock, type EpochMs } from '../domain/time.ts'

/** How one LSP is reached over HTTP. */
export interface HttpTarget {
  /** Without a slash at its end. */
  url: string
  /** Sent as `Authorization: Bearer`. */
  auth: string | null
}

export interface ExchangeLimits {
  /** From the first byte sent to the last byte read. */
  timeoutMs: number
  signal?: AbortSignal
}

/** Reads an LSP's error answer; null when it is none that the protocol knows. */
export type RefusalReader = (status: number, body: unknown, now: number) => LspFailure | null

/** No answer of any LSP comes near it; past it, somebody is filling our memory. */
export const MAX_ANSWER_BYTES = 1_000_000
const MAX_JSON_DEPTH = 32

export interface ExchangeRecord {
  latencyMs: number
  /** null: the LSP answered, be it with a refusal. */
  failure: LspFailure | null
}

/** A pool of connections to one LSP. */
export class LspConnection {
  readonly #agent: Agent
  readonly #target: HttpTarget
  readonly #clock: Clock
  readonly #readRefusal: RefusalReader

  constructor(target: HttpTarget, readRefusal: RefusalReader, clock: Clock) {
    this.#target = target
    this.#readRefusal = readRefusal
    this.#clock = clock
    this.#agent = new Agent({
      connections: 16,
      pipelining: 1,
      maxResponseSize: MAX_ANSWER_BYTES,
      connect: { timeout: 5 * SECOND_MS },
    })
  }

  /** An `LspHttp` whose exchanges are bounded by `limits`; `onExchange` learns how each one went. */
  within(limits: ExchangeLimits, onExchange: (record: ExchangeRecord) => void): LspHttp {
    return {
      exchange: async (exchange) => {
        const startedAt = performance.now()
        try {
          const answer = await this.#exchange(exchange, limits)
          onExchange({ latencyMs: performance.now() - startedAt, failure: null })
          return answer
        } catch (error) {
          const failure = error instanceof LspFailure ? error : new LspFailure('UNAVAILABLE', 'the request failed', { effect: 'unknown', cause: error })
          onExchange({ latencyMs: performance.now() - startedAt, failure })
          throw failure
        }
      },
    }
  }

  async #exchange<Answer>(exchange: LspExchange<Answer>, limits: ExchangeLimits): Promise<Answer> {
    const deadline = AbortSignal.timeout(limits.timeoutMs)
    const signal = limits.signal ? AbortSignal.any([deadline, limits.signal]) : deadline
    const { status, headers, text } = await this.#send(exchange, limits.timeoutMs, signal)
    const body = parseJson(text)

    const refusal = this.#readRefusal(status, body, this.#clock.now())
    if (status === 429) throw this.#rateLimited(refusal, headers)
    if (refusal) throw refusal
    if (status < 200 || status > 299) throw unreadRefusal(status)
    if (body === undefined) throw badResponse('not JSON')
    if (!isShallow(body, MAX_JSON_DEPTH)) throw badResponse('nested too deeply')

    const answer = exchange.answer.safeParse(body)
    if (!answer.success) {
      const issue = answer.error.issues[0]
      throw badResponse(`${issue?.path.join('.') || 'the document'}: ${issue?.message ?? 'does not fit'}`)
    }
    return answer.data
  }

  async #send(exchange: LspExchange<unknown>, timeoutMs: number, signal: AbortSignal) {
    const url = new URL(this.#target.url + exchange.path)
    for (const [name, value] of Object.entries(exchange.query ?? {})) url.searchParams.set(name, value)
    try {
      const response = await undiciRequest(url, {
        dispatcher: this.#agent,
        method: exchange.method,
        signal,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        headers: {
          accept: 'application/json',
          'user-agent': 'sluice',
          ...(this.#target.auth === null ? {} : { authorization: `Bearer ${this.#target.auth}` }),
          ...(exchange.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: exchange.body === undefined ? null : JSON.stringify(exchange.body),
      })
      return { status: response.statusCode, headers: response.headers, text: await response.body.text() }
    } catch (error) {
      throw transportFailure(error, signal)
    }
  }

  /** 429 means one thing, whatever text stands under it; the protocol's own word for when goes before the header's. */
  #rateLimited(refusal: LspFailure | null, headers: IncomingHttpHeaders): LspFailure {
    const retryAt = refusal?.retryAt ?? retryAfter(headers['retry-after'], this.#clock.now())
    return new LspFailure('RATE_LIMITED', refusal?.message ?? 'the LSP limits our requests', { retryAt })
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }
}

/** `Retry-After`: seconds, or a date. */
function retryAfter(header: string | string[] | undefined, now: EpochMs): EpochMs | null {
  if (typeof header !== 'string') return null
  return instantAfter(/^\d+$/.test(header) ? Number(header) : (Date.parse(header) - now) / SECOND_MS, now)
}

/** An answer outside 2xx that the protocol does not explain. */
function unreadRefusal(status: number): LspFailure {
  if (status >= 300 && status < 400) return badResponse(`HTTP status ${status}: redirects are not followed`)
  if (status >= 500) return new LspFailure('UNAVAILABLE', `HTTP status ${status}`, { effect: 'unknown' })
  if (status === 404) return new LspFailure('NOT_FOUND', 'HTTP status 404')
  if (status === 401 || status === 403) return new LspFailure('CLIENT_REJECTED', `HTTP status ${status}`)
  return new LspFailure('INVALID_REQUEST', `HTTP status ${status}`)
}

/** What was asked may have been done: the answer came, but it cannot be read. */
function badResponse(why: string): LspFailure {
  return new LspFailure('BAD_RESPONSE', `the answer is not what its protocol says: ${cleanText(why, 200)}`, { effect: 'unknown' })
}

/** The request left no trace at the LSP only when no connection was ever made. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

function transportFailure(error: unknown, signal: AbortSignal): LspFailure {
  const code = (error as { code?: string }).code ?? (error as { cause?: { code?: string } }).cause?.code ?? ''
  if (error instanceof errors.ResponseExceededMaxSizeError) return badResponse(`more than ${MAX_ANSWER_BYTES} bytes`)
  if (NEVER_SENT.has(code)) return new LspFailure('UNAVAILABLE', `no connection (${code})`, { cause: error })
  if (signal.aborted || error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    return new LspFailure('TIMEOUT', 'no answer in time', { effect: 'unknown', cause: error })
  }
  if (isTlsError(code)) return new LspFailure('UNAVAILABLE', `the certificate was not accepted (${code})`, { cause: error })
  return new LspFailure('UNAVAILABLE', `the connection broke${code ? ` (${code})` : ''}`, { effect: 'unknown', cause: error })
}

function isTlsError(code: string): boolean {
  return code.startsWith('CERT_') || code.startsWith('ERR_TLS_') || code.includes('SELF_SIGNED') || code.startsWith('UNABLE_TO_')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((child) => isShallow(child, depth - 1))
}

import { Agent, errors, request as undiciRequest } from 'undici'
import { readAnswer, UnreadableAnswer, type RawAnswer, type RefusalReader } from './answer.ts'
import { Breaker, type Verdict } from './breaker.ts'
import { connectorTo, NotConnected, type ConnectRules, type Surroundings } from './connector.ts'
import type { LspExchange, LspHttp } from '../protocols/adapter.ts'
import { LspFailure } from '../domain/failure.ts'
import { SECOND_MS, type Clock } from '../domain/time.ts'

/** How one LSP is reached over HTTP. */
export interface HttpTarget extends ConnectRules {
  /** Without a slash at its end. */
  url: string
  /** Sent as `Authorization: Bearer`. */
  auth: string | null
  /** How long an answer may usually take. */
  timeoutMs?: number
}

export interface ExchangeLimits {
  /** From the first byte sent to the last byte read. */
  timeoutMs: number
  signal?: AbortSignal
  /** What nobody else may read of that which is asked about: taken out of the answers, wherever the LSP repeats it. */
  secrets?: readonly (string | null)[]
  /** Its failures do not count against the LSP. */
  isUnjudged?: boolean
}

/** No answer of any LSP comes near it; past it, somebody is filling our memory. */
export const MAX_ANSWER_BYTES = 1_000_000
const MAX_HEADER_BYTES = 16_384
/** Who waits no longer than this, and no longer than is usual, cannot say that an LSP does not answer. */
const FAIR_WAIT_MS = 2 * SECOND_MS

export interface ExchangeRecord {
  latencyMs: number
  /** null: the LSP answered, and did what was asked. Its message is for whoever asked: the LSP may have written it. */
  failure: LspFailure | null
  /** null until an answer has arrived whole. */
  status: number | null
  /** What it says of the LSP: a refusal is an answer, too. */
  verdict: Verdict
  /** The paths of the optional fields of the answer that could not be read. */
  unreadFields: readonly string[]
}

/** A pool of connections to one LSP. */
export class LspConnection {
  /** Decides whether the LSP is spoken to at all. */
  readonly breaker: Breaker
  readonly #agent: Agent
  readonly #target: HttpTarget
  readonly #clock: Clock
  readonly #readRefusal: RefusalReader

  constructor(target: HttpTarget, readRefusal: RefusalReader, clock: Clock, surroundings: Surroundings = {}) {
    this.#target = target
    this.#readRefusal = readRefusal
    this.#clock = clock
    this.breaker = new Breaker(clock)
    this.#agent = new Agent({
      connections: 16,
      pipelining: 1,
      maxResponseSize: MAX_ANSWER_BYTES,
      maxHeaderSize: MAX_HEADER_BYTES,
      connect: connectorTo(new URL(target.url).hostname, target, surroundings),
    })
  }

  /** An `LspHttp` whose exchanges are bounded by `limits`; `onExchange` learns how each one that was made went. */
  within(limits: ExchangeLimits, onExchange: (record: ExchangeRecord) => void): LspHttp {
    return {
      exchange: async (exchange) => {
        this.assertCircuitClosed()
        const tell = this.breaker.begin()
        const startedAt = performance.now()
        const progress: Progress = { status: null, unreadFields: [] }
        const record = (failure: LspFailure | null) => {
          const told = this.#verdict(failure, progress, limits)
          const verdict = limits.isUnjudged === true && told === 'FAILED' ? 'NEITHER' : told
          tell(verdict)
          onExchange({ latencyMs: performance.now() - startedAt, failure, ...progress, verdict })
        }
        try {
          const answer = await this.#exchange(exchange, limits, progress)
          record(null)
          return answer
        } catch (error) {
          const failure =
            error instanceof LspFailure
              ? error
              : new LspFailure('UNAVAILABLE', 'the request failed', { effect: 'unknown', cause: error })
          record(failure)
          throw failure
        }
      },
    }
  }

  /** @throws LspFailure while the breaker lets nothing through */
  assertCircuitClosed(): void {
    const { retryAt } = this.breaker
    if (retryAt !== null)
      throw new LspFailure('UNAVAILABLE', 'the LSP does not answer of late, and is left alone for a while', { retryAt })
  }

  async #exchange<Answer>(exchange: LspExchange<Answer>, limits: ExchangeLimits, progress: Progress): Promise<Answer> {
    const deadline = AbortSignal.timeout(limits.timeoutMs)
    const signal = limits.signal ? AbortSignal.any([deadline, limits.signal]) : deadline
    const raw = await this.#send(exchange, limits.timeoutMs, signal)
    progress.status = raw.status
    return readAnswer(
      exchange,
      raw,
      this.#readRefusal,
      this.#clock.now(),
      [this.#target.auth, ...(limits.secrets ?? [])],
      (fields) => {
        progress.unreadFields = fields
      },
    )
  }

  async #send(exchange: LspExchange<unknown>, timeoutMs: number, signal: AbortSignal): Promise<RawAnswer> {
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

  /** Protocols also say UNAVAILABLE of what they refuse with a 4xx or a 200: whoever says so is there. */
  #verdict(failure: LspFailure | null, { status }: Progress, { timeoutMs, signal }: ExchangeLimits): Verdict {
    switch (failure?.code) {
      case 'TIMEOUT':
        return signal?.aborted || timeoutMs < Math.min(FAIR_WAIT_MS, this.#target.timeoutMs ?? FAIR_WAIT_MS)
          ? 'NEITHER'
          : 'FAILED'
      case 'UNAVAILABLE':
        return status !== null && status < 500 ? 'ANSWERED' : 'FAILED'
      case 'BAD_RESPONSE':
        return 'FAILED'
      default:
        return 'ANSWERED'
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }
}

/** How far an exchange came. */
interface Progress {
  /** null until an answer has arrived whole. */
  status: number | null
  unreadFields: readonly string[]
}

/** Without the error itself: it may hold what the server sent, and with it what we did. */
function transportFailure(error: unknown, signal: AbortSignal): LspFailure {
  if (error instanceof NotConnected) return new LspFailure('UNAVAILABLE', error.message)
  if (error instanceof errors.ResponseExceededMaxSizeError)
    return new UnreadableAnswer(`more than ${MAX_ANSWER_BYTES} bytes`)
  if (error instanceof errors.HeadersOverflowError)
    return new UnreadableAnswer(`headers of more than ${MAX_HEADER_BYTES} bytes`)
  if (signal.aborted || error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    return new LspFailure('TIMEOUT', 'no answer in time', { effect: 'unknown' })
  }
  const code = (error as { code?: string }).code ?? (error as { cause?: { code?: string } }).cause?.code ?? ''
  return new LspFailure('UNAVAILABLE', `the connection broke${code ? ` (${code})` : ''}`, { effect: 'unknown' })
}

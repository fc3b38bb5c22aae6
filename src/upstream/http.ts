import { Agent, errors, request as undiciRequest, type Dispatcher } from 'undici'
import { readAnswer, UnreadableAnswer, WebPageAnswer, type RawAnswer, type RefusalReader } from './answer.ts'
import { Breaker, type Outcome } from './breaker.ts'
import { ClientBreakers } from './client-breakers.ts'
import { connectorTo, NotConnected, type ConnectRules, type Surroundings } from './connector.ts'
import { ACCEPT_ENCODING, decodeBody, DecodedTooLarge } from './content-coding.ts'
import { stringifyJson } from './json.ts'
import { isStaleConnection } from './stale-connection.ts'
import type { LspExchange, LspHttp } from '../protocols/adapter.ts'
import { LspFailure } from '../domain/failure.ts'
import { SECOND_MS, type Clock } from '../domain/time.ts'

/** The scheme before the token in the Authorization header; none: the token alone. */
export const AUTH_SCHEMES = ['Bearer', 'none'] as const
export type AuthScheme = (typeof AUTH_SCHEMES)[number]

/** How one LSP is reached over HTTP. */
export interface HttpTarget extends ConnectRules {
  /** Without a slash at its end. */
  url: string
  /** The token of the Authorization header. */
  auth: string | null
  /** Default: Bearer. */
  authScheme?: AuthScheme
  /** How long an answer usually may take. */
  timeoutMs?: number
}

export interface ExchangeLimits {
  /** From the first byte sent to the last byte read, over both attempts of a request that is repeated. */
  timeoutMs: number
  signal?: AbortSignal
  /** Values that no other client may see. They are redacted wherever the LSP repeats them. */
  secrets?: readonly (string | null)[]
  /** Its failures do not count against the LSP. */
  isUnjudged?: boolean
  /** The client for which the request is sent. An answer that is a failure pauses this client's requests only. */
  client?: string
  /** A poll, or the request to open a paid channel: it is sent while its client is paused, and while a trial request is in progress. */
  isPoll?: boolean
  /** Called when the failures of one client do not show whether the LSP fails for all. Never rejects. */
  onDoubt?: () => Promise<void>
}

/** In bytes, after decoding. No answer of any LSP comes near it. */
export const MAX_ANSWER_BYTES = 1_000_000
const MAX_HEADER_BYTES = 16_384
/** A caller that waits less than this, and less than usual, does not prove that an LSP does not answer. */
const FAIR_WAIT_MS = 2 * SECOND_MS

export interface ExchangeRecord {
  latencyMs: number
  /** null: the LSP did what was requested. Only the requesting client may see the message: the LSP may have written it. */
  failure: LspFailure | null
  /** null until an answer has arrived whole. */
  status: number | null
  /** A failure that pauses one client's requests only. */
  isForClient: boolean
  /** What the exchange proves about the LSP. A refusal counts as an answer. */
  outcome: Outcome
  /** The paths of the optional fields of the answer that could not be read. */
  unreadFields: readonly string[]
}

/** A pool of connections to one LSP. */
export class LspConnection {
  /** Decides whether any request may be sent. */
  readonly breaker: Breaker
  readonly #clients: ClientBreakers
  readonly #agent: Agent
  /** Uses a new connection for each request. */
  readonly #freshAgent: Agent
  readonly #target: HttpTarget
  readonly #clock: Clock
  readonly #readRefusal: RefusalReader

  constructor(target: HttpTarget, readRefusal: RefusalReader, clock: Clock, surroundings: Surroundings = {}) {
    this.#target = target
    this.#readRefusal = readRefusal
    this.#clock = clock
    this.breaker = new Breaker(clock)
    this.#clients = new ClientBreakers(clock)
    const options: Agent.Options = {
      connections: 16,
      pipelining: 1,
      // Before decoding.
      maxResponseSize: MAX_ANSWER_BYTES,
      maxHeaderSize: MAX_HEADER_BYTES,
      connect: connectorTo(new URL(target.url).hostname, target, surroundings),
    }
    this.#agent = new Agent(options)
    this.#freshAgent = new Agent({ ...options, pipelining: 0 })
  }

  /** An `LspHttp` whose exchanges are bounded by `limits`. `onExchange` gets the record of each exchange that was made. */
  within(limits: ExchangeLimits, onExchange: (record: ExchangeRecord) => void): LspHttp {
    return {
      exchange: async (exchange) => {
        this.assertCircuitClosed(limits)
        const end = this.#begin(limits)
        const startedAt = performance.now()
        const progress: Progress = { status: null, unreadFields: [] }
        const record = (failure: LspFailure | null) => {
          const judged = this.#outcome(failure, progress, limits)
          const outcome = limits.isUnjudged === true && judged === 'FAILED' ? 'IGNORED' : judged
          const isDoubtful = end(outcome, progress.status)
          const isForClient = limits.client !== undefined && outcome === 'FAILED' && progress.status !== null
          onExchange({ latencyMs: performance.now() - startedAt, failure, ...progress, isForClient, outcome })
          return isDoubtful
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
          if (record(failure)) await limits.onDoubt?.()
          throw failure
        }
      },
    }
  }

  /** @throws LspFailure while the breaker is open, or the client's */
  assertCircuitClosed({ client, isPoll = false }: Pick<ExchangeLimits, 'client' | 'isPoll'> = {}): void {
    const { retryAt, isOnTrial } = this.breaker
    if (retryAt !== null && !(isPoll && isOnTrial))
      throw new LspFailure('UNAVAILABLE', 'the LSP has stopped answering; the gateway retries it after retryAt', {
        retryAt,
      })
    const clientRetryAt = client === undefined || isPoll ? null : this.#clients.retryAt(client)
    if (clientRetryAt !== null)
      throw new LspFailure(
        'UNAVAILABLE',
        'the LSP has failed at your last requests; the gateway sends no other for you before retryAt',
        { retryAt: clientRetryAt },
      )
  }

  /**
   * The returned function returns true if the outcome leaves open whether the LSP fails for all clients. Without an answer,
   * the LSP is judged for all: the connection does not depend on what a client requests.
   */
  #begin({ client }: ExchangeLimits): (outcome: Outcome, status: number | null) => boolean {
    const endForAll = this.breaker.begin()
    const endForClient = client === undefined ? null : this.#clients.begin(client)
    return (outcome, status) => {
      const isForClient = endForClient !== null && outcome === 'FAILED' && status !== null
      const isHalfOpen = this.breaker.isOpen
      endForAll(isForClient ? 'IGNORED' : outcome)
      const isClientPaused = endForClient?.(isForClient || outcome === 'ANSWERED' ? outcome : 'IGNORED') ?? false
      return isForClient && (isClientPaused || isHalfOpen)
    }
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

  /** Repeats a request once, on a new connection, if it changes nothing and met a connection that was already closed. */
  async #send(exchange: LspExchange<unknown>, timeoutMs: number, signal: AbortSignal): Promise<RawAnswer> {
    const { isRepeatable = exchange.method === 'GET' } = exchange
    try {
      try {
        return await this.#request(this.#agent, exchange, timeoutMs, signal)
      } catch (error) {
        if (!isRepeatable || signal.aborted || !isStaleConnection(error)) throw error
        return await this.#request(this.#freshAgent, exchange, timeoutMs, signal)
      }
    } catch (error) {
      throw transportFailure(error, signal)
    }
  }

  async #request(
    dispatcher: Dispatcher,
    exchange: LspExchange<unknown>,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<RawAnswer> {
    const url = exchange.isFromRoot
      ? new URL(exchange.path, this.#target.url)
      : new URL(this.#target.url + exchange.path)
    for (const [name, value] of Object.entries(exchange.query ?? {})) url.searchParams.set(name, value)
    const { statusCode, headers, body } = await undiciRequest(url, {
      dispatcher,
      method: exchange.method,
      signal,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      headers: {
        accept: 'application/json',
        'accept-encoding': ACCEPT_ENCODING,
        'user-agent': 'sluice',
        ...authorizationOf(this.#target),
        ...(exchange.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: exchange.body === undefined ? null : stringifyJson(exchange.body),
    })
    const bytes = new Uint8Array(await body.arrayBuffer())
    const decoded = await decodeBody(bytes, headers['content-encoding'], MAX_ANSWER_BYTES)
    return { status: statusCode, headers, ...decoded }
  }

  /**
   * Protocols also fail with UNAVAILABLE for refusals under a 4xx or a 200, which the LSP itself sent. A web page shows
   * only that something in front of the LSP answers.
   */
  #outcome(failure: LspFailure | null, { status }: Progress, { timeoutMs, signal }: ExchangeLimits): Outcome {
    if (failure instanceof WebPageAnswer) return 'FAILED'
    switch (failure?.code) {
      case 'TIMEOUT':
        return signal?.aborted || timeoutMs < Math.min(FAIR_WAIT_MS, this.#target.timeoutMs ?? FAIR_WAIT_MS)
          ? 'IGNORED'
          : 'FAILED'
      case 'UNAVAILABLE':
        return status !== null && status < 500 ? 'ANSWERED' : 'FAILED'
      case 'BAD_RESPONSE':
        return 'FAILED'
      default:
        return 'ANSWERED'
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#agent.destroy(), this.#freshAgent.destroy()])
  }
}

/** How far an exchange has come. */
interface Progress {
  /** null until an answer has arrived whole. */
  status: number | null
  unreadFields: readonly string[]
}

/** Leaves the error itself out: it may hold what the server sent, and with it our secrets. */
function transportFailure(error: unknown, signal: AbortSignal): LspFailure {
  if (error instanceof NotConnected) return new LspFailure('UNAVAILABLE', error.message)
  if (error instanceof errors.ResponseExceededMaxSizeError || error instanceof DecodedTooLarge)
    return new UnreadableAnswer(`more than ${MAX_ANSWER_BYTES} bytes`)
  if (error instanceof errors.HeadersOverflowError)
    return new UnreadableAnswer(`headers of more than ${MAX_HEADER_BYTES} bytes`)
  if (signal.aborted || error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    return new LspFailure('TIMEOUT', 'no answer in time', { effect: 'unknown' })
  }
  const code = (error as { code?: string }).code ?? (error as { cause?: { code?: string } }).cause?.code ?? ''
  return new LspFailure('UNAVAILABLE', `the connection broke${code ? ` (${code})` : ''}`, { effect: 'unknown' })
}

function authorizationOf({ auth, authScheme = 'Bearer' }: HttpTarget): { authorization?: string } {
  if (auth === null) return {}
  return { authorization: authScheme === 'none' ? auth : `${authScheme} ${auth}` }
}

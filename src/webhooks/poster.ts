import { Agent, request } from 'undici'
import { signedHeaders, signingKey } from './signing.ts'
import { targetProblem, type WebhookConfig } from './target.ts'
import { previousRenewalState, renewalStateOf } from '../domain/renewal-step.ts'
import type { LogEntry } from '../store/orders.ts'
import { connectorTo, NotConnected, type Surroundings } from '../upstream/connector.ts'

/** `gone`: the receiver wants no more. `broken-off`: we stopped, so nothing is known. */
export type PostOutcome =
  | { kind: 'taken' }
  | { kind: 'gone' }
  | { kind: 'failed'; error: string }
  | { kind: 'broken-off' }

/** Nobody reads what a receiver answers; this much is taken so that its connection can be used again. */
const MOST_IGNORED_BYTES = 16_384
const CONNECTIONS = 4

/** Posts events to one receiver. */
export class WebhookPoster {
  readonly #url: URL
  readonly #key: Buffer
  readonly #problem: string | null
  readonly #timeoutMs: number
  readonly #agent: Agent
  readonly #underWay = new Set<AbortController>()

  constructor(config: WebhookConfig, timeoutMs: number, surroundings: Surroundings = {}) {
    const key = signingKey(config.secret)
    if (key === null) throw new Error('a webhook has a secret that the configuration should have refused')
    this.#url = new URL(config.url)
    this.#key = key
    this.#problem = targetProblem(config)
    this.#timeoutMs = timeoutMs
    const { allowPrivateAddresses } = config
    this.#agent = new Agent({
      connections: CONNECTIONS,
      pipelining: 1,
      connect: connectorTo(
        this.#url.hostname,
        { allowPrivateAddresses, allowInsecure: allowPrivateAddresses },
        surroundings,
      ),
    })
  }

  get host(): string {
    return this.#url.host
  }

  async post(event: LogEntry, now: number): Promise<PostOutcome> {
    if (this.#problem !== null) return { kind: 'failed', error: this.#problem }
    const { id, body } = messageOf(event)
    const abort = new AbortController()
    this.#underWay.add(abort)
    const timer = setTimeout(() => abort.abort(TIMEOUT), this.#timeoutMs)
    try {
      const answer = await request(this.#url, {
        dispatcher: this.#agent,
        method: 'POST',
        signal: abort.signal,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'sluice',
          ...signedHeaders(this.#key, id, now, body),
        },
        body,
      })
      // The status says it all. A body that does not end is cut off by the same timer.
      void answer.body
        .dump({ limit: MOST_IGNORED_BYTES })
        .catch(() => {})
        .finally(() => this.#over(abort, timer))
      return outcomeOf(answer.statusCode)
    } catch (error) {
      this.#over(abort, timer)
      if (abort.signal.reason === STOPPED) return { kind: 'broken-off' }
      return {
        kind: 'failed',
        error: abort.signal.reason === TIMEOUT ? `no answer within ${this.#timeoutMs} ms` : reasonOf(error),
      }
    }
  }

  #over(abort: AbortController, timer: NodeJS.Timeout): void {
    clearTimeout(timer)
    this.#underWay.delete(abort)
  }

  /** Breaks off whatever is still under way. */
  async close(): Promise<void> {
    for (const abort of this.#underWay) abort.abort(STOPPED)
    await this.#agent.destroy()
  }
}

const TIMEOUT = new Error('too late')
const STOPPED = new Error('stopped')

function outcomeOf(status: number): PostOutcome {
  if (status >= 200 && status < 300) return { kind: 'taken' }
  if (status === 410) return { kind: 'gone' }
  return {
    kind: 'failed',
    error:
      status >= 300 && status < 400 ? `HTTP status ${status}: redirects are not followed` : `HTTP status ${status}`,
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof NotConnected) return error.message
  const { code } = error as NodeJS.ErrnoException
  return `the connection broke${code ? ` (${code})` : ''}`
}

/**
 * The message of an event: its id stays the same however often it is sent. What is to be paid is not in it: whoever
 * is told that an order moved reads the order with the client's key.
 */
function messageOf(event: LogEntry): { id: string; body: string } {
  const { sequence, at, message } = event
  const iso = new Date(at).toISOString()
  const [type, id, subject] =
    'renewalId' in event
      ? (['renewal.updated', event.renewalId, { renewalId: event.renewalId }] as const)
      : (['order.updated', event.orderId, { orderId: event.orderId }] as const)
  const states =
    'renewalId' in event
      ? { state: renewalStateOf(event), previousState: previousRenewalState(event) }
      : { state: event.state, previousState: event.previousState }
  return {
    id: `${id}.${sequence}`,
    body: JSON.stringify({ type, timestamp: iso, data: { ...subject, sequence, ...states, message, at: iso } }),
  }
}

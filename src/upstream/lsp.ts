import { RATE_LIMITED_MESSAGE, UnreadableAnswer, WebPageAnswer } from './answer.ts'
import type { ConnectRules } from './connector.ts'
import { LspConnection, type AuthScheme, type ExchangeRecord } from './http.ts'
import { LspFailure } from '../domain/failure.ts'
import { bindingLimits, contradictoryLimits } from '../domain/limits.ts'
import {
  MOST_ASSETS,
  MOST_NODE_URIS,
  pubkeyOfUri,
  type DatedLspInfo,
  type LspFeature,
  type LspInfo,
  type LspProtocol,
  type Network,
} from '../domain/lsp.ts'
import type { RefundRoute } from '../domain/onchain-offer.ts'
import { clearnetFirst } from '../domain/node-address.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS, type Clock, type EpochMs } from '../domain/time.ts'
import type { Adapter, LspCall } from '../protocols/adapter.ts'

/** What an operator says about an LSP. */
export interface LspSettings extends ConnectRules {
  id: string
  name: string
  protocol: LspProtocol
  /** Without a slash at its end. */
  url: string
  network: Network
  /** The token of the Authorization header. */
  auth: string | null
  /** Default: Bearer. */
  authScheme?: AuthScheme
  timeoutMs: number
  /** pubkey@host:port */
  nodeUris: readonly string[]
  website: string | null
  courtesy: {
    /** For one client key. */
    maxUnpaidOrders: number
    /** For all of them. */
    firmQuotesPerHour: number
    /** For one client key, and whatever it ordered them for. */
    maxStandingOrders: number
  }
  /** Whether the gateway registers the client's node for JIT channels (draft 0.0.2). */
  registerJit: boolean
  requestsPerMinute: number
  estimatesPerMinute: number
  tariffFeeRateSatPerVbyte: number | null
  /** True: it gets no new orders. Its orders are polled until they end. */
  isRetired?: boolean
}

/** UNCONFIGURED: not in this gateway's configuration; it was removed, or another gateway has it. */
export type LspRole = 'CONFIGURED' | 'RETIRED' | 'UNCONFIGURED'

export const LSP_STATES = ['UP', 'DEGRADED', 'DOWN', 'UNKNOWN', 'RETIRED'] as const
export type LspState = (typeof LSP_STATES)[number]

export interface LspStatus {
  state: LspState
  lastAnsweredAt: EpochMs | null
  lastError: string | null
  latencyMs: number | null
  /** No request is sent before this, because it does not answer or asked for no requests; null when one may be sent. */
  retryAt: EpochMs | null
}

/** bLIP-51 has limits change about once a day; ThunderStack's follow its node's balance. */
const INFO_FRESH_MS = 10 * MINUTE_MS
/** Limits older than this are marked on every quote that was checked against them. */
export const INFO_STALE_MS = HOUR_MS
const RECENT_EXCHANGES = 20
/** How often an LSP with a wrong URL or credential is asked whether it has been corrected at its side. */
const TRIAL_EVERY_MS = 20 * SECOND_MS
/** How long a client's failed request waits for the answer that shows whether the LSP fails for all. */
const DOUBT_MS = SECOND_MS
/** After a 429 without a time to retry. */
const RATE_LIMIT_MS = MINUTE_MS

interface CallScope {
  /**
   * Values that the client sent to this LSP in confidence, or that the LSP issued to this client. An LSP may repeat them
   * in texts that other clients read. The caller names them, so that no adapter can forget to.
   */
  secrets: readonly (string | null)[]
  timeoutMs?: number
  /** Its failures do not count against the LSP: the request may be about a document that a client made up. */
  isUnjudged?: boolean
  /** The client whose request it is, or whose order. Failures that the LSP answers with pause only its requests. */
  client?: string
  /** A poll, or the request to open a paid channel: it is sent while its client is paused, and while a trial request is in progress. */
  isPoll?: boolean
  /** A request for the LSP's limits: a refusal of it concerns the gateway, not one client or order. */
  isInfo?: boolean
}

/** Why no LSP of this configuration can be reached, or why it refuses the gateway: for the operator, in our own words. */
type Misconfiguration = string

export interface LspListener {
  onInfo(info: DatedLspInfo): Promise<void>
  onExchange(record: ExchangeRecord): void
  /** It cannot be used from now on, and why; null: it can be used again. */
  onTurn?(problem: string | null): void
  /** It was sent a request that no budget was asked for: for its limits, or a further one of the same call. */
  onExtraRequest?(): void
  /** An optional field of its answers could not be read, and counts as null. Called once per field. */
  onUnreadField?(field: string): void
}

/** When requests are allowed again, and why not before. */
interface RateLimit {
  until: EpochMs
  code: 'RATE_LIMITED' | 'UNAVAILABLE'
}

const NO_LIMIT: RateLimit = { until: 0, code: 'RATE_LIMITED' }

/** One LSP: its adapter, connections, limits and features, status and rate limit. */
export class Lsp {
  readonly settings: LspSettings
  readonly adapter: Adapter
  readonly role: LspRole
  readonly #connection: LspConnection
  readonly #clock: Clock
  readonly #listener: LspListener
  #info: DatedLspInfo | null
  #asking: Promise<DatedLspInfo> | null = null
  readonly #recent: ExchangeRecord[] = []
  readonly #memory = new Map<string, string>()
  readonly #unreadFields = new Set<string>()
  #lastAnsweredAt: EpochMs | null = null
  #lastError: string | null = null
  /** The last answer to a request for its limits shows a wrong URL or refused credentials; null: it does not. */
  #misconfiguration: Misconfiguration | null = null
  #infoProblem: Misconfiguration | null = null
  #nextTrialAt: EpochMs = 0
  /** An exchange of the current request for its limits, or of the last one, shows that the LSP fails. */
  #hasInfoFailed = false
  #rateLimit: RateLimit = NO_LIMIT
  #isClosing = false

  constructor(
    settings: LspSettings,
    adapter: Adapter,
    clock: Clock,
    known: DatedLspInfo | null,
    listener: LspListener,
    role: LspRole = 'CONFIGURED',
  ) {
    this.settings = settings
    this.adapter = adapter
    this.#clock = clock
    this.#info = known
    this.#listener = listener
    this.role = role
    this.#connection = new LspConnection(settings, (status, body, now) => adapter.readRefusal(status, body, now), clock)
  }

  get id(): string {
    return this.settings.id
  }

  /** What it last said of itself; null until it has answered once. */
  get info(): DatedLspInfo | null {
    return this.#info
  }

  get features(): readonly LspFeature[] {
    return [
      ...new Set([...this.adapter.features, ...(this.#info?.features ?? []), ...(this.#info?.learnedFeatures ?? [])]),
    ]
  }

  /** How a client gets an on-chain payment back from this LSP. */
  get refundRoute(): RefundRoute {
    if (this.adapter.requestFields.refundOnchainAddress) return 'TO_ADDRESS'
    return this.features.includes('REFUND') && this.adapter.requestRefund ? 'ON_REQUEST' : 'UNKNOWN'
  }

  /** Records a feature that an offer of the LSP has shown. It is kept with the LSP's limits. */
  learnFeature(feature: LspFeature): void {
    if (this.#info === null || this.features.includes(feature)) return
    this.#info = { ...this.#info, learnedFeatures: [...(this.#info.learnedFeatures ?? []), feature] }
    // If the database is away, the feature is learned again from a later offer.
    void this.#listener.onInfo(this.#info).catch(() => {})
  }

  /** pubkey@host:port, without duplicates; clearnet addresses first, otherwise in the order of the LSP. */
  get nodeUris(): readonly string[] {
    return clearnetFirst([...new Set([...(this.#info?.nodeUris ?? []), ...this.settings.nodeUris])])
  }

  get pubkeys(): readonly string[] {
    return this.nodeUris.flatMap((uri) => pubkeyOfUri(uri) ?? [])
  }

  /** The LSP asked for no requests before this (429, or 503 with Retry-After); null when it did not. */
  get rateLimitedUntil(): EpochMs | null {
    return this.#rateLimit.until > this.#clock.now() ? this.#rateLimit.until : null
  }

  /** The failure of every request before `rateLimitedUntil`: RATE_LIMITED or UNAVAILABLE, without effect. */
  get rateLimitFailure(): LspFailure | null {
    const retryAt = this.rateLimitedUntil
    if (retryAt === null) return null
    return this.#rateLimit.code === 'RATE_LIMITED'
      ? new LspFailure('RATE_LIMITED', RATE_LIMITED_MESSAGE, { retryAt })
      : new LspFailure('UNAVAILABLE', 'the LSP is unavailable and asked for no requests before retryAt', { retryAt })
  }

  /** No request is sent until then, because it did not answer; null when one may be sent. */
  get circuitOpenUntil(): EpochMs | null {
    return this.#connection.breaker.retryAt
  }

  /** A trial request is in progress: urgent polls may be sent beside it. */
  get isOnTrial(): boolean {
    return this.#connection.breaker.isOnTrial
  }

  /** @throws LspFailure until `circuitOpenUntil`, or while the failures of this client's requests pause them */
  assertCircuitClosed(client: string): void {
    this.#connection.assertCircuitClosed({ client })
  }

  /** The later of `rateLimitedUntil` and `circuitOpenUntil`; 0 when neither is set. */
  get notBefore(): EpochMs {
    return Math.max(this.rateLimitedUntil ?? 0, this.circuitOpenUntil ?? 0)
  }

  /** @throws LspFailure if this gateway does not have the LSP in its configuration */
  assertConfigured(): void {
    if (this.role !== 'UNCONFIGURED') return
    throw new LspFailure(
      'UNAVAILABLE',
      'this LSP is not in the configuration of this gateway: its orders are only polled',
      { retryAt: this.#clock.now() + MINUTE_MS },
    )
  }

  /** The context of one adapter call. Each of its exchanges takes `timeoutMs` at most. */
  call({
    secrets,
    timeoutMs = this.settings.timeoutMs,
    isUnjudged = false,
    isPoll = false,
    isInfo = false,
    client,
  }: CallScope): LspCall {
    const judged = client === undefined ? {} : { client, onDoubt: () => this.#resolveDoubt() }
    // The caller has asked the budget for one request.
    let budgeted = isInfo ? 0 : 1
    return {
      http: this.#connection.within({ timeoutMs, secrets, isUnjudged, isPoll, ...judged }, (record) => {
        if (budgeted > 0) budgeted -= 1
        else this.#listener.onExtraRequest?.()
        this.#record(record, isInfo)
      }),
      url: this.settings.url,
      network: this.settings.network,
      now: () => this.#clock.now(),
      tariffFeeRateSatPerVbyte: this.settings.tariffFeeRateSatPerVbyte,
      memory: this.#memory,
    }
  }

  /**
   * Its limits and features, requested again when they are older than ten minutes. If that fails, the old ones are
   * returned, with their age. @throws LspFailure on a timeout, or when there are no old ones.
   */
  async currentInfo(): Promise<DatedLspInfo> {
    if (this.#info && this.#clock.now() - this.#info.asOf < INFO_FRESH_MS) return this.#info
    try {
      return await this.refreshInfo()
    } catch (error) {
      if (this.#info && error instanceof LspFailure && error.code !== 'TIMEOUT') return this.#info
      throw error
    }
  }

  /**
   * Requests its limits and features, unless it is rate limited. Simultaneous callers share one call, which no caller's
   * deadline ends. @throws LspFailure
   */
  async refreshInfo(): Promise<DatedLspInfo> {
    const limited = this.rateLimitFailure
    if (limited) throw limited
    this.#asking ??= this.#askInfo().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  /**
   * Requests of one client fail: a request of no client shows whether the LSP fails for all. Then its breaker opens.
   * Returns after DOUBT_MS at the latest.
   */
  async #resolveDoubt(): Promise<void> {
    const asked = this.refreshInfo().then(
      () => {},
      () => {
        if (this.#hasInfoFailed) this.#connection.breaker.open()
      },
    )
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DOUBT_MS)
    })
    await Promise.race([asked, late])
    clearTimeout(timer)
  }

  async #askInfo(): Promise<DatedLspInfo> {
    this.#hasInfoFailed = false
    this.#nextTrialAt = this.#clock.now() + TRIAL_EVERY_MS
    const said = await this.#judgedInfo()
    const contradiction = said.limits && contradictoryLimits(said.limits)
    if (contradiction !== null)
      throw new LspFailure('BAD_RESPONSE', `the LSP's limits contradict each other: ${contradiction}`)
    const info: DatedLspInfo = {
      ...said,
      limits: said.limits && bindingLimits(said.limits),
      nodeUris: clearnetFirst(said.nodeUris).slice(0, MOST_NODE_URIS),
      assets: said.assets.slice(0, MOST_ASSETS),
      asOf: this.#clock.now(),
      learnedFeatures: this.#info?.learnedFeatures ?? [],
    }
    this.#info = info
    await this.#listener.onInfo(info)
    return info
  }

  /** The outcome of the whole call counts: a protocol may ask for documents that an LSP does not have. */
  async #judgedInfo(): Promise<LspInfo> {
    this.#infoProblem = null
    try {
      const info = await this.adapter.info(this.call({ secrets: [], isInfo: true }))
      this.#turn(() => {
        this.#misconfiguration = null
      })
      return info
    } catch (error) {
      this.#turn(() => {
        this.#misconfiguration = this.#infoProblem
      })
      throw error
    }
  }

  get status(): LspStatus {
    const latencies = this.#recent
      .filter(isAnswer)
      .map((record) => record.latencyMs)
      .toSorted((a, b) => a - b)
    const { circuitOpenUntil } = this
    return {
      state: this.role === 'CONFIGURED' ? this.#state() : this.role === 'RETIRED' ? 'RETIRED' : 'UNKNOWN',
      lastAnsweredAt: this.#lastAnsweredAt,
      lastError:
        this.#misconfiguration !== null
          ? this.#misconfiguration
          : this.rateLimitedUntil !== null
            ? `the LSP is rate limited: no request before ${new Date(this.rateLimitedUntil).toISOString()}`
            : circuitOpenUntil === null
              ? this.#lastError
              : `it fails too often; the gateway retries it after ${new Date(circuitOpenUntil).toISOString()}; last error: ${this.#lastError}`,
      latencyMs: latencies[Math.floor((latencies.length - 1) / 2)] ?? null,
      retryAt: this.notBefore || null,
    }
  }

  /** The breaker is open, or the last answer shows that the configuration is wrong. */
  get needsTrial(): boolean {
    const now = this.#clock.now()
    if (this.notBefore > now) return false
    return this.#connection.breaker.isOpen || (this.#misconfiguration !== null && now >= this.#nextTrialAt)
  }

  #state(): LspState {
    if (this.#connection.breaker.isOpen || this.#misconfiguration !== null) return 'DOWN'
    if (this.#recent.length === 0) return 'UNKNOWN'
    // One client's failures degrade the LSP, but do not show that it is down.
    const lastThree = this.#recent.filter(({ isForClient }) => !isForClient).slice(-3)
    if (lastThree.length > 0 && !lastThree.some(isAnswer)) return 'DOWN'
    if (this.rateLimitedUntil !== null) return 'DEGRADED'
    return this.#recent.slice(-10).every(isAnswer) ? 'UP' : 'DEGRADED'
  }

  #record(record: ExchangeRecord, isInfo: boolean): void {
    if (isInfo && record.outcome === 'FAILED') this.#hasInfoFailed = true
    if (isInfo) this.#infoProblem ??= misconfigurationIn(record, this.settings)
    this.#turn(() => this.#add(record))
    for (const field of record.unreadFields) {
      if (this.#unreadFields.has(field)) continue
      this.#unreadFields.add(field)
      this.#listener.onUnreadField?.(field)
    }
  }

  /** Tells the listener if `change` makes the LSP usable or unusable. */
  #turn(change: () => void): void {
    const before = this.#problem()
    change()
    const after = this.#problem()
    // Requests that the gateway's own shutdown ends say nothing about the LSP.
    if ((after === null) !== (before === null) && !this.#isClosing) this.#listener.onTurn?.(after)
  }

  /** Why it cannot be used now; null: it can. */
  #problem(): string | null {
    if (this.#misconfiguration !== null) return this.#misconfiguration
    // Until a later answer, also after the time that it asked for.
    if (this.#rateLimit.until > 0) return 'the LSP is rate limited'
    return this.#state() === 'DOWN' ? (this.#lastError ?? 'it does not answer') : null
  }

  #add(record: ExchangeRecord): void {
    this.#listener.onExchange(record)
    const limit = limitOf(record, this.#clock.now())
    // A second limit with an earlier end, or with none, does not shorten the first.
    if (limit && limit.until > this.#rateLimit.until) this.#rateLimit = limit
    if (record.outcome === 'IGNORED') return
    this.#recent.push(record)
    if (this.#recent.length > RECENT_EXCHANGES) this.#recent.shift()
    if (limit === null && isAnswer(record) && this.rateLimitedUntil === null) this.#rateLimit = NO_LIMIT
    if (isAnswer(record)) this.#lastAnsweredAt = this.#clock.now()
    else this.#lastError = problemOf(record)
  }

  close(): Promise<void> {
    this.#isClosing = true
    return this.#connection.close()
  }
}

const CERTIFICATE_ERROR = /\((CERT_\w+|ERR_TLS_\w+|\w*SELF_SIGNED\w*|UNABLE_TO_\w+|DEPTH_ZERO\w*)\)|public key|pinned/i

/** The setting that the operator must correct, in a sentence; null: none. */
function misconfigurationIn({ failure, status }: ExchangeRecord, { id }: LspSettings): string | null {
  if (failure === null) return null
  if (status === 401 || status === 403)
    return `the LSP refuses the credentials (HTTP ${status}): check auth of ${id} in the configuration`
  if (status === 404 || status === 405 || status === 410)
    return `nothing answers at this path (HTTP ${status}): check url and protocol of ${id} in the configuration`
  if (status === null && CERTIFICATE_ERROR.test(failure.message))
    return `the LSP's certificate is not accepted: ${failure.message}`
  return null
}

const isAnswer = ({ outcome }: ExchangeRecord) => outcome === 'ANSWERED'

/**
 * What went wrong, for everyone who may see the LSP's status. Contains nothing that the LSP wrote: that may name another
 * client's node, order or coupon.
 */
function problemOf({ failure, status }: ExchangeRecord): string | null {
  // The messages of these failures are our own.
  const isOurs = status === null || failure instanceof UnreadableAnswer || failure instanceof WebPageAnswer
  return isOurs ? (failure?.message ?? null) : `HTTP status ${status}`
}

/** The limit that applies to all requests; null where the LSP limits only this one client. */
function limitOf({ failure, status }: ExchangeRecord, now: EpochMs): RateLimit | null {
  if (failure?.code !== 'RATE_LIMITED' && failure?.code !== 'UNAVAILABLE') return null
  const until = failure.retryAt ?? (status === 429 ? now + RATE_LIMIT_MS : null)
  return until === null ? null : { until, code: failure.code }
}

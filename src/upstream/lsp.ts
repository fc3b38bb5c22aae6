import { UnreadableAnswer } from './answer.ts'
import type { ConnectRules } from './connector.ts'
import { LspConnection, type ExchangeRecord } from './http.ts'
import { LspFailure } from '../domain/failure.ts'
import { bindingLimits } from '../domain/limits.ts'
import {
  MOST_ASSETS,
  MOST_NODE_URIS,
  pubkeyOfUri,
  type DatedLspInfo,
  type LspFeature,
  type LspProtocol,
  type Network,
} from '../domain/lsp.ts'
import { HOUR_MS, MINUTE_MS, type Clock, type EpochMs } from '../domain/time.ts'
import type { Adapter, LspCall } from '../protocols/adapter.ts'

/** What an operator says about an LSP. */
export interface LspSettings extends ConnectRules {
  id: string
  name: string
  protocol: LspProtocol
  /** Without a slash at its end. */
  url: string
  network: Network
  /** Sent as `Authorization: Bearer`. */
  auth: string | null
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
  requestsPerMinute: number
  estimatesPerMinute: number
  tariffFeeRateSatPerVbyte: number | null
}

export const LSP_STATES = ['UP', 'DEGRADED', 'DOWN', 'UNKNOWN'] as const
export type LspState = (typeof LSP_STATES)[number]

export interface LspStatus {
  state: LspState
  lastAnsweredAt: EpochMs | null
  lastError: string | null
  latencyMs: number | null
  /** It is not spoken to before this, because it does not answer or asked for that; null when it is. */
  retryAt: EpochMs | null
}

/** bLIP-51 has limits change about once a day; ThunderStack's follow its node's balance. */
const INFO_FRESH_MS = 10 * MINUTE_MS
/** Limits older than this are marked on every quote that was checked against them. */
export const INFO_STALE_MS = HOUR_MS
const RECENT_EXCHANGES = 20
/** When an LSP says "too often" and not until when. */
const HOLD_BACK_MS = MINUTE_MS

/** What a call is about, as far as it is to be watched over. */
interface CallScope {
  /**
   * What the client told this LSP in confidence, or the LSP gave for it alone: an LSP repeats such things in texts that
   * other clients read. Whoever makes the call names them, so that no adapter can forget to.
   */
  secrets: readonly (string | null)[]
  timeoutMs?: number
  /** Its failures do not count against the LSP: what is asked about may be nonsense of a client's. */
  isUnjudged?: boolean
}

/** Who is told what was learnt about an LSP. */
export interface LspListener {
  onInfo(info: DatedLspInfo): Promise<void>
  onExchange(record: ExchangeRecord): void
  /** It went down, or came up again. */
  onTurn?(isDown: boolean, lastError: string | null): void
  /** An optional field of its answers could not be read, and counts as null. Called once per field. */
  onUnreadField?(field: string): void
}

/** One LSP as it is spoken to: its adapter, its connections, what it said of itself and how it answers. */
export class Lsp {
  readonly settings: LspSettings
  readonly adapter: Adapter
  readonly #connection: LspConnection
  readonly #clock: Clock
  readonly #listener: LspListener
  #info: DatedLspInfo | null
  #asking: Promise<DatedLspInfo> | null = null
  readonly #recent: ExchangeRecord[] = []
  readonly #unreadFields = new Set<string>()
  #lastAnsweredAt: EpochMs | null = null
  #lastError: string | null = null
  #rateLimitedUntil: EpochMs = 0
  #isClosing = false

  constructor(
    settings: LspSettings,
    adapter: Adapter,
    clock: Clock,
    known: DatedLspInfo | null,
    listener: LspListener,
  ) {
    this.settings = settings
    this.adapter = adapter
    this.#clock = clock
    this.#info = known
    this.#listener = listener
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
    return [...new Set([...this.adapter.features, ...(this.#info?.features ?? [])])]
  }

  get nodeUris(): readonly string[] {
    return [...new Set([...(this.#info?.nodeUris ?? []), ...this.settings.nodeUris])]
  }

  get pubkeys(): readonly string[] {
    return this.nodeUris.flatMap((uri) => pubkeyOfUri(uri) ?? [])
  }

  /** It asked us not to come back before this; null when it did not. */
  get rateLimitedUntil(): EpochMs | null {
    return this.#rateLimitedUntil > this.#clock.now() ? this.#rateLimitedUntil : null
  }

  /** It is left alone until then, since it did not answer; null when it is not. */
  get circuitOpenUntil(): EpochMs | null {
    return this.#connection.breaker.retryAt
  }

  /** @throws LspFailure while it is left alone */
  assertCircuitClosed(): void {
    this.#connection.assertCircuitClosed()
  }

  /** What is not urgent had better wait until then, whatever the reason; 0 when there is none. */
  get notBefore(): EpochMs {
    return Math.max(this.rateLimitedUntil ?? 0, this.circuitOpenUntil ?? 0)
  }

  /** What an adapter needs for one call; each of its exchanges takes no longer than is usual, or than `timeoutMs`. */
  call({ secrets, timeoutMs = this.settings.timeoutMs, isUnjudged = false }: CallScope): LspCall {
    return {
      http: this.#connection.within({ timeoutMs, secrets, isUnjudged }, (record) => this.#record(record)),
      url: this.settings.url,
      network: this.settings.network,
      now: () => this.#clock.now(),
      tariffFeeRateSatPerVbyte: this.settings.tariffFeeRateSatPerVbyte,
    }
  }

  /**
   * Its limits and features, asked for anew when they are no longer fresh. When it refuses or
   * fails, what it said before still serves, with its age. @throws LspFailure when it never said anything, or hangs.
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
   * Asks, whatever is known, unless the LSP holds us back; askers at the same time share one call, which no
   * deadline of theirs cuts short. @throws LspFailure
   */
  async refreshInfo(): Promise<DatedLspInfo> {
    const retryAt = this.rateLimitedUntil
    if (retryAt !== null) throw new LspFailure('RATE_LIMITED', 'the LSP limits our requests', { retryAt })
    this.#asking ??= this.#askInfo().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  async #askInfo(): Promise<DatedLspInfo> {
    const said = await this.adapter.info(this.call({ secrets: [] }))
    const info: DatedLspInfo = {
      ...said,
      limits: said.limits && bindingLimits(said.limits),
      nodeUris: said.nodeUris.slice(0, MOST_NODE_URIS),
      assets: said.assets.slice(0, MOST_ASSETS),
      asOf: this.#clock.now(),
    }
    this.#info = info
    await this.#listener.onInfo(info)
    return info
  }

  get status(): LspStatus {
    const latencies = this.#recent
      .filter(isAnswer)
      .map((record) => record.latencyMs)
      .toSorted((a, b) => a - b)
    const { circuitOpenUntil } = this
    return {
      state: this.#state(),
      lastAnsweredAt: this.#lastAnsweredAt,
      lastError:
        circuitOpenUntil === null
          ? this.#lastError
          : `it fails too often, and is left alone until ${new Date(circuitOpenUntil).toISOString()}; last: ${this.#lastError}`,
      latencyMs: latencies[Math.floor((latencies.length - 1) / 2)] ?? null,
      retryAt: this.notBefore || null,
    }
  }

  #state(): LspState {
    if (this.#connection.breaker.isOpen) return 'DOWN'
    if (this.#recent.length === 0) return 'UNKNOWN'
    const lastThree = this.#recent.slice(-3)
    if (!lastThree.some(isAnswer)) return 'DOWN'
    return this.#recent.slice(-10).every(isAnswer) ? 'UP' : 'DEGRADED'
  }

  #record(record: ExchangeRecord): void {
    const wasDown = this.#state() === 'DOWN'
    this.#remember(record)
    for (const field of record.unreadFields) {
      if (this.#unreadFields.has(field)) continue
      this.#unreadFields.add(field)
      this.#listener.onUnreadField?.(field)
    }
    const isDown = this.#state() === 'DOWN'
    // What is broken off as the gateway ends is not its LSP's doing.
    if (isDown !== wasDown && !this.#isClosing) this.#listener.onTurn?.(isDown, this.#lastError)
  }

  #remember(record: ExchangeRecord): void {
    this.#listener.onExchange(record)
    if (record.verdict === 'NEITHER') return
    this.#recent.push(record)
    if (this.#recent.length > RECENT_EXCHANGES) this.#recent.shift()
    if (isAnswer(record)) this.#lastAnsweredAt = this.#clock.now()
    else this.#lastError = problemOf(record)
    const limitedUntil = limitOf(record, this.#clock.now())
    // A limit that is told again without its end does not end sooner for that.
    if (limitedUntil !== null) this.#rateLimitedUntil = Math.max(this.#rateLimitedUntil, limitedUntil)
  }

  close(): Promise<void> {
    this.#isClosing = true
    return this.#connection.close()
  }
}

const isAnswer = ({ verdict }: ExchangeRecord) => verdict === 'ANSWERED'

/**
 * What went wrong, for all who may know how the LSP does. Nothing of what it said: to whom it said it, it may have
 * named another client's node, order or coupon.
 */
function problemOf({ failure, status }: ExchangeRecord): string | null {
  // Where no answer was read, or none that could be, the words are our own.
  return status === null || failure instanceof UnreadableAnswer ? (failure?.message ?? null) : `HTTP status ${status}`
}

/** Until when the LSP lets none of us ask; null where it refused the one client, whose own requests were too many. */
function limitOf({ failure, status }: ExchangeRecord, now: EpochMs): EpochMs | null {
  if (failure?.code !== 'RATE_LIMITED') return null
  return failure.retryAt ?? (status === 429 ? now + HOLD_BACK_MS : null)
}

import PQueue from 'p-queue'
import type { Logger } from 'pino'
import { OrderMoved } from './log.ts'
import type { OrderReader } from './reading.ts'
import type { RenewalDesk } from './renewals.ts'
import { MINUTE_MS, SECOND_MS, type Clock, type EpochMs } from '../domain/time.ts'
import type { Pace } from '../domain/schedule.ts'
import type { TrackedOrder } from '../store/orders.ts'
import type { Store } from '../store/store.ts'
import type { Lsp } from '../upstream/lsp.ts'
import type { LspRegistry } from '../upstream/registry.ts'

/**
 * How long the orders of an instance that died wait for another one. A reading may take longer, if its LSP is slow
 * or others are before it: as long as the instance lives, it renews its leases.
 */
const LEASE_MS = 10 * SECOND_MS
const RENEW_MS = 3 * SECOND_MS
/** Orders of one LSP that an instance holds at most. */
const BATCH = 64
/** How often one order is read at an LSP that holds us back: it may do so for hours, and some were paid meanwhile. */
const PROBE_EVERY_MS = MINUTE_MS
/** Clocks are corrected by a little all the time. */
const CLOCK_STEP_MS = 5 * SECOND_MS
/** Readings of one LSP at the same time. */
const CONCURRENCY = 4
/** The shortest time between two visits to one LSP. Budgets allow a second's worth of polls at once, so none is lost. */
const VISIT_GAP_MS = 100

/**
 * Polls every open order when it is due, within the budget of its LSP. It visits an LSP when its next order becomes due
 * and when its budget allows the next poll, and looks for work of other instances every second. Which orders are due is in
 * the database, so a restart loses nothing.
 */
export class Tracker {
  readonly #store: Store
  readonly #reader: OrderReader
  readonly #renewals: RenewalDesk
  readonly #lsps: LspRegistry
  readonly #clock: Clock
  readonly #log: Logger
  readonly #owner: string
  readonly #lookEveryMs: number
  readonly #queues = new Map<string, PQueue>()
  /** LSPs whose budget is spent, and until when. */
  readonly #spentUntil = new Map<string, EpochMs>()
  /** The next visit to each LSP. */
  readonly #wakeUps = new Map<string, { at: EpochMs; timer: NodeJS.Timeout }>()
  /** The visits that are in progress, by LSP. */
  readonly #visits = new Map<string, Promise<void>>()
  /** When each LSP that holds us back may be read once. */
  readonly #probeAt = new Map<string, EpochMs>()
  /** Orders and renewals that are leased to this instance. */
  readonly #held = new Set<string>()
  #timer: NodeJS.Timeout | null = null
  #renewing: NodeJS.Timeout | null = null
  #looking: Promise<void> = Promise.resolve()
  #lookedAt: EpochMs = 0
  #stopped = false

  constructor(options: {
    store: Store
    reader: OrderReader
    renewals: RenewalDesk
    lsps: LspRegistry
    clock: Clock
    pace: Pace
    logger: Logger
  }) {
    this.#store = options.store
    this.#reader = options.reader
    this.#renewals = options.renewals
    this.#lsps = options.lsps
    this.#clock = options.clock
    this.#log = options.logger
    this.#owner = options.store.instanceId
    this.#lookEveryMs = Math.min(Math.max(options.pace.activeMs / 5, 5), SECOND_MS)
  }

  /** When it last began to look for due orders. */
  get lookedAt(): EpochMs {
    return this.#lookedAt
  }

  start(): void {
    this.#lookedAt = this.#clock.now()
    this.#renewing = setInterval(() => void this.#renew(), RENEW_MS)
    this.#lookLater()
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => {
        if (!this.#stopped) this.#lookLater()
      })
    }, this.#lookEveryMs)
  }

  /** Starts no more polls, finishes the running ones, and frees the claims of the others. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearTimeout(this.#timer)
    for (const { timer } of this.#wakeUps.values()) clearTimeout(timer)
    this.#wakeUps.clear()
    await this.#looking
    await Promise.all(this.#visits.values())
    for (const queue of this.#queues.values()) queue.clear()
    await Promise.all([...this.#queues.values()].map((queue) => queue.onIdle()))
    if (this.#renewing) clearInterval(this.#renewing)
    await this.#store.readings
      .release(this.#owner, [...this.#held])
      .catch((error: unknown) =>
        this.#log.warn({ err: error }, 'what is held here is free for others only when their leases end'),
      )
  }

  async #look(): Promise<void> {
    try {
      await this.#noticeClock()
      const visits = (await this.#store.readings.dueLsps(this.#clock.now())).map((lspId) => this.#visit(lspId))
      await Promise.all(visits)
    } catch (error) {
      this.#log.error({ err: error }, 'the tracker could not look for due orders')
    }
  }

  /** Polls the LSP's due orders without waiting for the next look: a client has just asked for one of them. */
  poke(lspId: string): void {
    this.#wakeAt(lspId, this.#spentUntil.get(lspId) ?? 0)
  }

  /** Takes what is due at the LSP, unless a visit is in progress, its breaker is open or its budget is spent. */
  #visit(lspId: string): Promise<void> {
    const lsp = this.#lsps.get(lspId)
    // Another instance has it in its configuration since this one started: the next look finds it.
    if (!lsp) void this.#lsps.find(lspId).catch(() => {})
    const isBlocked =
      !lsp ||
      (lsp.circuitOpenUntil !== null && !lsp.isOnTrial) ||
      (this.#spentUntil.get(lspId) ?? 0) > this.#clock.now()
    if (isBlocked || this.#stopped || this.#visits.has(lspId)) return Promise.resolve()
    const visit = this.#take(lsp)
      .then((nextAt) => this.#wakeAt(lspId, nextAt))
      .catch((error: unknown) => this.#log.error({ err: error, lsp: lspId }, 'the tracker could not take due orders'))
      .finally(() => this.#visits.delete(lspId))
    this.#visits.set(lspId, visit)
    return visit
  }

  /** Schedules a visit, unless an earlier one is scheduled. null: the next look finds what is due. */
  #wakeAt(lspId: string, at: EpochMs | null): void {
    const now = this.#clock.now()
    if (at === null || this.#stopped) return
    const earliest = Math.max(at, now + Math.min(VISIT_GAP_MS, this.#lookEveryMs))
    const scheduled = this.#wakeUps.get(lspId)
    // A wake-up later than the next look is left to that look.
    if (earliest > now + this.#lookEveryMs * 2 || (scheduled && scheduled.at <= earliest)) return
    if (scheduled) clearTimeout(scheduled.timer)
    const timer = setTimeout(() => {
      this.#wakeUps.delete(lspId)
      void this.#visit(lspId)
    }, earliest - now)
    this.#wakeUps.set(lspId, { at: earliest, timer })
  }

  /** A clock that was set back leaves everything due in a future that is far: it is due now. */
  async #noticeClock(): Promise<void> {
    const now = this.#clock.now()
    const isSetBack = now < this.#lookedAt - CLOCK_STEP_MS
    this.#lookedAt = now
    if (!isSetBack) return
    this.#log.warn('the clock was set back: every open order is read again')
    this.#spentUntil.clear()
    this.#probeAt.clear()
    await this.#store.orders.makeAllDue(now)
  }

  /** @returns when to visit the LSP again; null: not before something becomes due that this instance does not know of. */
  async #take(lsp: Lsp): Promise<EpochMs | null> {
    const queue = this.#queueOf(lsp.id)
    const isHeldBack = lsp.rateLimitedUntil !== null
    const limit = Math.min(BATCH - queue.size - queue.pending, isHeldBack ? 1 : BATCH)
    const now = this.#clock.now()
    if (!isHeldBack) this.#probeAt.delete(lsp.id)
    if (limit <= 0) return now
    if (this.#stopped || (isHeldBack && !this.#mayProbe(lsp.id, now))) return null
    const claim = {
      lspId: lsp.id,
      owner: this.#owner,
      now,
      leaseUntil: now + LEASE_MS,
      limit,
      requestsPerMinute: lsp.settings.requestsPerMinute,
      isUrgentOnly: lsp.isOnTrial,
    }
    const { orders, renewals, nextAt } = await this.#store.transaction((stores) => stores.readings.take(claim))
    this.#spentUntil.set(lsp.id, nextAt ?? 0)
    const enqueue = (id: string, read: () => Promise<void>) => {
      this.#held.add(id)
      this.#enqueue(lsp.id, () =>
        (this.#isToWait(lsp, isHeldBack) ? this.#store.readings.release(this.#owner, [id]) : read()).finally(() =>
          this.#held.delete(id),
        ),
      )
    }
    for (const tracked of orders) enqueue(tracked.order.id, () => this.#read(tracked))
    for (const tracked of renewals) enqueue(tracked.renewal.id, () => this.#renewals.read(tracked))
    if (isHeldBack) return null
    return nextAt ?? (orders.length === limit ? now : this.#store.readings.nextDueAt(lsp.id, now))
  }

  /** It has held us back since this was taken from what is due; a probe is taken in spite of that. */
  #isToWait(lsp: Lsp, isProbe: boolean): boolean {
    return lsp.rateLimitedUntil !== null && !isProbe
  }

  /** What was refused a moment ago was a probe, too. */
  #mayProbe(lspId: string, now: EpochMs): boolean {
    const probeAt = this.#probeAt.get(lspId) ?? now + PROBE_EVERY_MS
    const isTime = probeAt <= now
    this.#probeAt.set(lspId, isTime ? now + PROBE_EVERY_MS : probeAt)
    return isTime
  }

  /** A lease that cannot be renewed is lost; then what is being read is not written. */
  async #renew(): Promise<void> {
    try {
      await this.#store.readings.renew(this.#owner, [...this.#held], this.#clock.now() + LEASE_MS)
    } catch (error) {
      this.#log.warn({ err: error }, 'the tracker could not renew its leases')
    }
  }

  #enqueue(lspId: string, work: () => Promise<unknown>): void {
    void this.#queueOf(lspId)
      .add(work)
      .catch((error: unknown) => this.#log.error({ err: error, lsp: lspId }, 'a reading failed'))
  }

  async #read(tracked: TrackedOrder): Promise<void> {
    try {
      await this.#reader.read(tracked)
    } catch (error) {
      if (!(error instanceof OrderMoved)) throw error
      // A client's action was faster: what it wrote is newer than what was read here. Look again soon.
      await this.#store.orders.makeDue(tracked.order.id, this.#clock.now())
    }
  }

  /** How often an LSP is read, its budget says; this is for one that is slow to answer. */
  #queueOf(lspId: string): PQueue {
    let queue = this.#queues.get(lspId)
    if (!queue) {
      queue = new PQueue({ concurrency: CONCURRENCY })
      this.#queues.set(lspId, queue)
    }
    return queue
  }
}

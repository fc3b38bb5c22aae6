import PQueue from 'p-queue'
import type { Logger } from 'pino'
import { OrderMoved } from './log.ts'
import type { OrderReader } from './reading.ts'
import type { RenewalDesk } from './renewals.ts'
import { MINUTE_MS, SECOND_MS, type Clock } from '../domain/time.ts'
import type { Pace } from '../domain/schedule.ts'
import type { TrackedOrder } from '../store/orders.ts'
import type { Store } from '../store/store.ts'
import type { Lsp } from '../upstream/lsp.ts'
import type { LspRegistry } from '../upstream/registry.ts'

/** Longer than any reading may take: a reader that has not written by then is not there any more. */
const LEASE_MS = MINUTE_MS
const BATCH = 64
/** Readings of one LSP at the same time. */
const CONCURRENCY = 4

/**
 * Reads every open order when it is due, at each LSP no more often than is good for it. Which orders are due is
 * in the database, so a restart loses nothing.
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
  #timer: NodeJS.Timeout | null = null
  #looking: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: { store: Store; reader: OrderReader; renewals: RenewalDesk; lsps: LspRegistry; clock: Clock; pace: Pace; logger: Logger; instanceId: string }) {
    this.#store = options.store
    this.#reader = options.reader
    this.#renewals = options.renewals
    this.#lsps = options.lsps
    this.#clock = options.clock
    this.#log = options.logger
    this.#owner = options.instanceId
    this.#lookEveryMs = Math.min(Math.max(options.pace.activeMs / 5, 5), SECOND_MS)
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => {
        if (!this.#stopped) this.start()
      })
    }, this.#lookEveryMs)
  }

  /** No new readings; the ones under way are finished. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearTimeout(this.#timer)
    await this.#looking
    for (const queue of this.#queues.values()) queue.clear()
    await Promise.all([...this.#queues.values()].map((queue) => queue.onIdle()))
  }

  async #look(): Promise<void> {
    try {
      const now = this.#clock.now()
      const busy = [...this.#queues].flatMap(([lspId, queue]) => (queue.size > 0 ? [lspId] : []))
      const due = await this.#store.orders.takeDue(this.#owner, now, now + LEASE_MS, [...busy, ...this.#lsps.paused()], BATCH)
      for (const tracked of due) this.#enqueue(tracked.order.lspId, () => this.#read(tracked))
      for (const renewal of await this.#renewals.takeDue(now + LEASE_MS, BATCH)) this.#enqueue(renewal.lspId, () => this.#renewals.read(renewal))
    } catch (error) {
      this.#log.error({ err: error }, 'the tracker could not look for due orders')
    }
  }

  #enqueue(lspId: string, work: () => Promise<unknown>): void {
    void this.#queueOf(this.#lsps.require(lspId))
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

  /** Spreads the readings of an LSP evenly: never more in a second than its share of a minute. */
  #queueOf(lsp: Lsp): PQueue {
    let queue = this.#queues.get(lsp.id)
    if (!queue) {
      const perMinute = lsp.settings.requestsPerMinute
      const interval = perMinute >= 60 ? { interval: SECOND_MS, intervalCap: Math.floor(perMinute / 60) } : { interval: MINUTE_MS / perMinute, intervalCap: 1 }
      queue = new PQueue({ concurrency: CONCURRENCY, ...interval })
      this.#queues.set(lsp.id, queue)
    }
    return queue
  }
}

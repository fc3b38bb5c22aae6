import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { DAY_MS, HOUR_MS, type Clock } from '../domain/time.ts'
import type { Store, Stores } from '../store/store.ts'

/** `Query.quote` tells clients so. */
const KEEP_QUOTES_MS = 30 * DAY_MS
/** An older price says nothing of what an LSP asks today. */
const KEEP_PRICES_MS = 90 * DAY_MS
const LOOK_EVERY_MS = HOUR_MS
/** Few enough that whoever has something to write does not notice. */
const BATCH = 1_000
/** For them to get to it between two batches. */
const BREATH_MS = 20

interface RetentionOptions {
  store: Store
  clock: Clock
  logger: Logger
}

/**
 * Forgets what was only ever asked about and will not be asked for again; a busy client asks hundreds of times a
 * second. Every instance does so, and what one of them has forgotten the others do not find.
 */
export class Retention {
  readonly #options: RetentionOptions
  #timer: NodeJS.Timeout | null = null
  #working: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  start(): void {
    this.#working = this.forget().finally(() => {
      if (!this.#stopped) this.#timer = setTimeout(() => this.start(), LOOK_EVERY_MS)
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearTimeout(this.#timer)
    await this.#working
  }

  /** What is old now. Never rejects. */
  async forget(): Promise<void> {
    const { clock, logger } = this.#options
    const now = clock.now()
    try {
      await this.#inBatches(({ quotes }) => quotes.forget(now - KEEP_QUOTES_MS, BATCH))
      await this.#inBatches(({ placements }) => placements.forgetRefused(now - KEEP_QUOTES_MS, BATCH))
      await this.#inBatches(({ quotes }) => quotes.forgetPrices(now - KEEP_PRICES_MS, BATCH))
    } catch (error) {
      logger.error({ err: error }, 'old quotes could not be forgotten; it is tried again')
    }
  }

  /** In transactions, which are tried again when two instances want to forget the same. */
  async #inBatches(forget: (stores: Stores) => Promise<number>): Promise<void> {
    while (!this.#stopped && (await this.#options.store.transaction(forget)) === BATCH) await delay(BREATH_MS)
  }
}

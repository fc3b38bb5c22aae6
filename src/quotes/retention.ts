import { setImmediate as othersTurn, setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { DAY_MS, MINUTE_MS, type Clock, type EpochMs } from '../domain/time.ts'
import type { Store, Stores } from '../store/store.ts'

/** `Query.quote` tells clients so. */
const KEEP_QUOTES_MS = 30 * DAY_MS
/** An older price says nothing of what an LSP asks today. */
const KEEP_PRICES_MS = 90 * DAY_MS
/** What a client is sure to have of quotes without an order at their LSP; of more, some 1.4 kB each, the oldest are forgotten before their time. */
export const MOST_UNBOUND = 100_000
/** But none that somebody may be about to order: a busy client asks for a hundred thousand within minutes. */
const KEEP_UNBOUND_MS = 10 * MINUTE_MS
/** Of idempotency keys that were answered without an order. */
const KEEP_REFUSALS_MS = 30 * DAY_MS
/** Of keys for which nothing was sent to an LSP: the same question has the same answer, or does no harm. */
const KEEP_UNSENT_MS = DAY_MS
/** Of imported orders that their LSP has not reported: a document alone proves nothing. */
const KEEP_UNVERIFIED_MS = DAY_MS
/** Each has up to 500 kB of events. */
const UNVERIFIED_BATCH = 20
const LOOK_EVERY_MS = 10 * MINUTE_MS
/** Few enough that other writers do not wait noticeably. */
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
      await this.#inBatches(
        ({ imports }) => imports.forgetUnverified(now - KEEP_UNVERIFIED_MS, UNVERIFIED_BATCH),
        UNVERIFIED_BATCH,
      )
      await this.#inBatches(({ quotes }) => quotes.forget(now - KEEP_QUOTES_MS, BATCH))
      await this.#inBatches(({ placements }) => placements.forgetUnordered(now - KEEP_QUOTES_MS, BATCH))
      await this.#inBatches(({ quotes }) => quotes.forgetPrices(now - KEEP_PRICES_MS, BATCH))
      await this.#inBatches(({ idempotency }) => idempotency.forget(now - KEEP_REFUSALS_MS, 'all', BATCH))
      await this.#inBatches(({ idempotency }) => idempotency.forget(now - KEEP_UNSENT_MS, 'unsent', BATCH))
      await this.#forgetSurplus(now - KEEP_UNBOUND_MS)
    } catch (error) {
      logger.error({ err: error }, 'what is old could not be forgotten; it is tried again')
    }
  }

  async #forgetSurplus(before: EpochMs): Promise<void> {
    const { quotes } = this.#options.store
    for (
      let clientId = await quotes.nextWithUnbound('');
      clientId !== null && !this.#stopped;
      clientId = await quotes.nextWithUnbound(clientId)
    ) {
      const until = await quotes.surplusUntil(clientId, MOST_UNBOUND)
      const id = clientId
      if (until !== null)
        await this.#inBatches((stores) => stores.quotes.forgetUnbound(id, Math.min(until, before), BATCH))
      await othersTurn()
    }
  }

  /** In transactions, which are tried again when two instances want to forget the same. */
  async #inBatches(forget: (stores: Stores) => Promise<number>, batch = BATCH): Promise<void> {
    while (!this.#stopped && (await this.#options.store.transaction(forget)) === batch) await delay(BREATH_MS)
  }
}

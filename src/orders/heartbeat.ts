import type { Logger } from 'pino'
import type { Ordering } from './ordering.ts'
import { SECOND_MS } from '../domain/time.ts'
import { SKEW_WARNING_MS, type DatabaseClock } from '../store/database-clock.ts'
import type { Store } from '../store/store.ts'

const BEAT_MS = 2 * SECOND_MS
/** Five beats. Another instance settles the unfinished orders of an instance that missed them. */
const SILENT_MS = 10 * SECOND_MS
const RECOVER_MS = 3 * SECOND_MS

/**
 * Records this gateway's heartbeat, compares its clock with the database's, and settles the unfinished orders of gateways
 * that miss their heartbeats: at the start and every few seconds.
 */
export class Heartbeat {
  readonly #store: Store
  readonly #ordering: Ordering
  readonly #clock: DatabaseClock
  readonly #log: Logger
  readonly #timers: NodeJS.Timeout[] = []
  /** Since when the database has answered without a break. */
  #steadySince: number | null = null
  #isSkewed = false
  #working: Promise<unknown> = Promise.resolve()

  constructor(options: { store: Store; ordering: Ordering; clock: DatabaseClock; logger: Logger }) {
    this.#store = options.store
    this.#ordering = options.ordering
    this.#clock = options.clock
    this.#log = options.logger
  }

  /** Resolves once the unfinished orders of earlier runs are settled. */
  async start(): Promise<void> {
    if (this.#store.isShared) {
      await this.#beat()
      this.#timers.push(setInterval(() => void this.#beat(), BEAT_MS))
    }
    await this.#recover()
    const recover = () => {
      this.#working = this.#recoverWhenSteady()
    }
    this.#timers.push(setInterval(recover, RECOVER_MS))
  }

  async #beat(): Promise<void> {
    try {
      await this.#clock.compare(() => this.#store.instances.beat())
      this.#noteSkew()
      this.#steadySince ??= performance.now()
    } catch (error) {
      this.#steadySince = null
      this.#log.warn({ err: error }, 'the database does not answer')
    }
  }

  /** Logs once when the clocks begin to differ, and once when they agree again. */
  #noteSkew(): void {
    const { skewMs } = this.#clock
    const isSkewed = Math.abs(skewMs) > SKEW_WARNING_MS
    if (isSkewed === this.#isSkewed) return
    this.#isSkewed = isSkewed
    if (isSkewed)
      this.#log.warn(
        { skewMs },
        "this machine's clock differs from the database's: synchronize both, for example by NTP",
      )
    else this.#log.info("this machine's clock agrees with the database's again")
  }

  /** After an outage of the database no instance has a recent heartbeat, although all of them live. */
  async #recoverWhenSteady(): Promise<void> {
    if (this.#store.isShared && (this.#steadySince === null || performance.now() - this.#steadySince < SILENT_MS))
      return
    await this.#recover().catch((error: unknown) =>
      this.#log.error({ err: error }, 'unfinished orders could not be read'),
    )
  }

  async #recover(): Promise<void> {
    await this.#ordering.recover(SILENT_MS, (error, placement) =>
      this.#log.error({ err: error, placement }, 'an unfinished order could not be settled: it is retried'),
    )
  }

  /** Other instances may settle the rest at once. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#working
    if (this.#store.isShared) await this.#store.instances.leave().catch(() => {})
  }
}

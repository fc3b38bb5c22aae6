import type { Logger } from 'pino'
import type { Ordering } from './ordering.ts'
import { SECOND_MS } from '../domain/time.ts'
import { SKEW_WARNING_MS, type DatabaseClock } from '../store/database-clock.ts'
import type { Store } from '../store/store.ts'

const BEAT_MS = 2 * SECOND_MS
/** Five beats: an instance that missed them is gone, and what it left behind is anybody's to settle. */
const SILENT_MS = 10 * SECOND_MS
const RECOVER_MS = 3 * SECOND_MS

/**
 * Says that this gateway lives, and settles what those that no longer do have left behind: at the start, and again
 * and again, because another one may die at any time.
 */
export class Upkeep {
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

  /** Resolves once what was left behind is settled. */
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

  /** When the database was away, all instances were silent, and none of them for that gone. */
  async #recoverWhenSteady(): Promise<void> {
    if (this.#store.isShared && (this.#steadySince === null || performance.now() - this.#steadySince < SILENT_MS))
      return
    await this.#recover().catch((error: unknown) =>
      this.#log.error({ err: error }, 'what was left behind could not be looked for'),
    )
  }

  async #recover(): Promise<void> {
    await this.#ordering.recover(SILENT_MS, (error, placement) =>
      this.#log.error({ err: error, placement }, 'what was left behind could not be settled; it is tried again'),
    )
  }

  /** What is left behind now, others may settle at once. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#working
    if (this.#store.isShared) await this.#store.instances.leave().catch(() => {})
  }
}

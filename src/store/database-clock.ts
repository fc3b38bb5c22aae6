import type { Clock, EpochMs } from '../domain/time.ts'

/** A clock that differs by more is logged. */
export const SKEW_WARNING_MS = 1_000
/** A gateway whose clock differs by more is not ready. */
export const SKEW_LIMIT_MS = 5_000

/**
 * The time of a database that several gateways share. Claims, budgets and expiry go by it, so that a machine whose clock is
 * wrong neither takes what another gateway has claimed nor spends a budget twice. Before the first comparison, and with
 * an embedded database, it is the machine's own time.
 */
export class DatabaseClock implements Clock {
  readonly #machine: Clock
  #offsetMs = 0

  constructor(machine: Clock) {
    this.#machine = machine
  }

  now(): EpochMs {
    return this.#machine.now() + this.#offsetMs
  }

  /** How far the machine's clock is ahead of the database's, in milliseconds; negative: behind. */
  get skewMs(): number {
    return 0 - this.#offsetMs
  }

  /**
   * Compares the clocks. `ask` returns the database's time, which was read at some moment between the request and the
   * answer: the offset changes only as far as it must, so that a slow answer changes nothing.
   */
  async compare(ask: () => Promise<EpochMs>): Promise<void> {
    const before = this.#machine.now()
    const databaseTime = await ask()
    const [least, most] = [databaseTime - this.#machine.now(), databaseTime - before]
    this.#offsetMs = Math.max(least, Math.min(most, this.#offsetMs))
  }
}

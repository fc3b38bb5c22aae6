import { MINUTE_MS, SECOND_MS, type Clock, type EpochMs } from '../domain/time.ts'

// Not cockatiel's: that one reads the system's clock, lets callers wait for the trial call instead of answering
// them, and knows no pauses that grow.

/** What an exchange says of the LSP; NEITHER when it was cut short by whoever asked. */
export type Verdict = 'ANSWERED' | 'FAILED' | 'NEITHER'

const WINDOW_MS = 30 * SECOND_MS
const FAILURES_IN_A_ROW = 6
const ENOUGH_EXCHANGES = 10
const MOST_REMEMBERED = 200
/** One hiccup breaks everything that is under way at once; that is not yet an LSP that is down. */
const LEAST_SPAN_MS = SECOND_MS
const FIRST_PAUSE_MS = 10 * SECOND_MS
const LONGEST_PAUSE_MS = MINUTE_MS
/** A trial that has not ended by then, such as an order that is waited for long, does not hold up the next one. */
const TRIAL_MS = 10 * SECOND_MS

interface Memory {
  at: EpochMs
  failed: boolean
}

/**
 * Leaves an LSP alone that does not answer: opens when it fails often, lets one exchange through after a pause, and
 * closes when that one is answered. The pause doubles each time that it is not.
 */
export class Breaker {
  readonly #clock: Clock
  #memories: Memory[] = []
  #isOpen = false
  /** Rises when it opens and when it closes: what began before tells nothing of now. */
  #era = 0
  #trials = 0
  #pauseMs = FIRST_PAUSE_MS
  #pausedSince: EpochMs = 0
  #circuitOpenUntil: EpochMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Until an exchange is answered again. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Nothing may be sent before this; null when something may. */
  get retryAt(): EpochMs | null {
    const now = this.#clock.now()
    // A clock that was set back must not make the pause longer than it is.
    const isPaused = this.#isOpen && now >= this.#pausedSince && now < this.#circuitOpenUntil
    return isPaused ? this.#circuitOpenUntil : null
  }

  /** Before each exchange, when `retryAt` is null. The function that it gives takes what came of it. */
  begin(): (verdict: Verdict) => void {
    const era = this.#era
    const trial = this.#isOpen ? ++this.#trials : null
    if (trial !== null) this.#pause(TRIAL_MS)
    return (verdict) => {
      if (era !== this.#era) return
      if (trial !== null) this.#judge(verdict, trial === this.#trials)
      else if (verdict !== 'NEITHER') this.#remember({ at: this.#clock.now(), failed: verdict === 'FAILED' })
    }
  }

  #judge(verdict: Verdict, isLatest: boolean): void {
    if (verdict === 'ANSWERED') {
      this.#turn(false)
    } else if (verdict === 'FAILED') {
      if (isLatest) this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
      this.#pause(this.#pauseMs)
    } else if (isLatest) {
      // It told nothing: the next one may try at once.
      this.#pause(0)
    }
  }

  #remember(memory: Memory): void {
    const recent = this.#memories.filter(({ at }) => at <= memory.at && at > memory.at - WINDOW_MS)
    this.#memories = [...recent.slice(1 - MOST_REMEMBERED), memory]
    if (!failsInARow(this.#memories) && !failsOften(this.#memories)) return
    this.#turn(true)
    this.#pause(this.#pauseMs)
  }

  #turn(isOpen: boolean): void {
    this.#isOpen = isOpen
    this.#era += 1
    this.#pauseMs = FIRST_PAUSE_MS
    this.#memories = []
  }

  #pause(ms: number): void {
    this.#pausedSince = this.#clock.now()
    this.#circuitOpenUntil = this.#pausedSince + ms
  }
}

function failsInARow(memories: readonly Memory[]): boolean {
  const sinceAnswer = memories.slice(memories.findLastIndex(({ failed }) => !failed) + 1)
  return sinceAnswer.length >= FAILURES_IN_A_ROW && spanMs(sinceAnswer) >= LEAST_SPAN_MS
}

function failsOften(memories: readonly Memory[]): boolean {
  const failures = memories.filter(({ failed }) => failed)
  return (
    memories.length >= ENOUGH_EXCHANGES &&
    failures.length * 2 >= memories.length &&
    memories.at(-1)?.failed === true &&
    spanMs(failures) >= LEAST_SPAN_MS
  )
}

function spanMs(memories: readonly Memory[]): number {
  return (memories.at(-1)?.at ?? 0) - (memories[0]?.at ?? 0)
}

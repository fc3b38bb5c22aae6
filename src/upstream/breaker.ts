import { SECOND_MS, type Clock, type EpochMs } from '../domain/time.ts'

// Not cockatiel's breaker: that one reads the system's clock, makes callers wait for the trial request instead of
// failing them, and has no growing pauses.

/** What an exchange proves about the LSP; IGNORED when the caller ended it. */
export type Outcome = 'ANSWERED' | 'FAILED' | 'IGNORED'

const WINDOW_MS = 30 * SECOND_MS
const FAILURES_IN_A_ROW = 6
const ENOUGH_EXCHANGES = 10
const MAX_SAMPLES = 200
/** One short interruption fails all current requests at once, which does not mean that the LSP is down. */
const MIN_SPAN_MS = SECOND_MS
const FIRST_PAUSE_MS = 10 * SECOND_MS
/** Recovery is noticed within 30 s: the gateway sends a trial by itself after each pause. */
const LONGEST_PAUSE_MS = 20 * SECOND_MS
/** Requests in a row that fail after they waited this long together: the LSP hangs, however rarely it is asked. */
const HANG_MS = 10 * SECOND_MS
const HANGS_IN_A_ROW = 2
/** A trial that takes longer, such as an order, does not delay the next one. */
const TRIAL_MS = 10 * SECOND_MS

const NO_HANG = { failures: 0, waitedMs: 0, since: 0 }

interface Sample {
  at: EpochMs
  failed: boolean
}

/**
 * Stops requests to an LSP that does not answer. It opens after frequent failures, lets one trial request through after
 * a pause, and closes when that is answered. The pause doubles after each failed trial.
 */
export class Breaker {
  readonly #clock: Clock
  #samples: Sample[] = []
  #isOpen = false
  /** Failures since the last answer, how long their requests waited together, and when the first of them began. */
  #hang = NO_HANG
  /** Increases when it opens and when it closes. The outcome of an exchange of an earlier generation is dropped. */
  #generation = 0
  #trials = 0
  #pauseMs = FIRST_PAUSE_MS
  #pausedSince: EpochMs = 0
  #circuitOpenUntil: EpochMs = 0
  #isTrialPause = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Until an exchange is answered again. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Whether the last half minute, or the time since the last answer, has a failure. */
  get hasFailures(): boolean {
    const since = this.#clock.now() - WINDOW_MS
    return this.#hang.failures > 0 || this.#samples.some(({ at, failed }) => failed && at > since)
  }

  /** A trial request is in progress: only polls of urgent orders may be sent beside it. */
  get isOnTrial(): boolean {
    return this.retryAt !== null && this.#isTrialPause
  }

  /** No request may be sent before this; null when one may. */
  get retryAt(): EpochMs | null {
    const now = this.#clock.now()
    // A clock that was set back must not make the pause longer.
    const isPaused = this.#isOpen && now >= this.#pausedSince && now < this.#circuitOpenUntil
    return isPaused ? this.#circuitOpenUntil : null
  }

  /** Call it before each exchange, when `retryAt` is null, and the returned function with the exchange's outcome. */
  begin(): (outcome: Outcome) => void {
    const generation = this.#generation
    const startedAt = this.#clock.now()
    const trial = this.#isOpen ? ++this.#trials : null
    if (trial !== null) this.#pause(TRIAL_MS, true)
    return (outcome) => {
      if (generation !== this.#generation) return
      if (trial !== null) this.#endTrial(outcome, trial === this.#trials)
      else if (outcome !== 'IGNORED') this.#addSample(outcome === 'FAILED', startedAt)
    }
  }

  #endTrial(outcome: Outcome, isLatest: boolean): void {
    if (outcome === 'ANSWERED') {
      this.#turn(false)
    } else if (outcome === 'FAILED') {
      if (isLatest) this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
      this.#pause(this.#pauseMs)
    } else if (isLatest) {
      // The trial proved nothing, so the next request may be one at once.
      this.#pause(0)
    }
  }

  #addSample(failed: boolean, startedAt: EpochMs): void {
    const sample: Sample = { at: this.#clock.now(), failed }
    const { failures, waitedMs, since } = this.#hang
    this.#hang = failed
      ? {
          failures: failures + 1,
          waitedMs: waitedMs + Math.max(0, sample.at - startedAt),
          since: failures === 0 ? startedAt : since,
        }
      : NO_HANG
    const recent = this.#samples.filter(({ at }) => at <= sample.at && at > sample.at - WINDOW_MS)
    this.#samples = [...recent.slice(1 - MAX_SAMPLES), sample]
    const hangs =
      this.#hang.failures >= HANGS_IN_A_ROW && this.#hang.waitedMs >= HANG_MS && sample.at - this.#hang.since >= HANG_MS
    if (!hangs && !failsInARow(this.#samples) && !failsOften(this.#samples)) return
    this.#turn(true)
    this.#pause(this.#pauseMs)
  }

  /** Opens it now: a request of no client has failed while clients' requests failed. */
  open(): void {
    if (this.#isOpen) return
    this.#turn(true)
    this.#pause(this.#pauseMs)
  }

  #turn(isOpen: boolean): void {
    this.#isOpen = isOpen
    this.#generation += 1
    this.#pauseMs = FIRST_PAUSE_MS
    this.#samples = []
    this.#hang = NO_HANG
  }

  #pause(ms: number, isTrial = false): void {
    this.#isTrialPause = isTrial
    this.#pausedSince = this.#clock.now()
    this.#circuitOpenUntil = this.#pausedSince + ms
  }
}

function failsInARow(samples: readonly Sample[]): boolean {
  const sinceAnswer = samples.slice(samples.findLastIndex(({ failed }) => !failed) + 1)
  return sinceAnswer.length >= FAILURES_IN_A_ROW && spanMs(sinceAnswer) >= MIN_SPAN_MS
}

function failsOften(samples: readonly Sample[]): boolean {
  const failures = samples.filter(({ failed }) => failed)
  return (
    samples.length >= ENOUGH_EXCHANGES &&
    failures.length * 2 >= samples.length &&
    samples.at(-1)?.failed === true &&
    spanMs(failures) >= MIN_SPAN_MS
  )
}

function spanMs(samples: readonly Sample[]): number {
  return (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0)
}

import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, type EpochMs } from '../domain/time.ts'

/** When deliveries are tried again. The operator's file has none of this: a test has. */
export interface WebhookTiming {
  /** Waited after the first failure, the second …; the last of them after all others. */
  retryDelaysMs: readonly number[]
  /** A delivery that fails this long after it was due for the first time is given up. */
  giveUpAfterMs: number
  /** For one attempt, from the first byte to the answer's status. */
  timeoutMs: number
  /** A sender looks for itself this often, should a hint have been lost. */
  lookEveryMs: number
}

export const WEBHOOK_TIMING: WebhookTiming = {
  retryDelaysMs: [5 * SECOND_MS, 30 * SECOND_MS, 2 * MINUTE_MS, 10 * MINUTE_MS, HOUR_MS],
  giveUpAfterMs: DAY_MS,
  timeoutMs: 10 * SECOND_MS,
  lookEveryMs: 10 * SECOND_MS,
}

/** When to try again after an attempt failed; null: not again. `attempts` counts those before it. */
export function nextAttemptAt(
  timing: WebhookTiming,
  delivery: { attempts: number; queuedAt: EpochMs },
  now: EpochMs,
  random: () => number,
): EpochMs | null {
  if (now - delivery.queuedAt >= timing.giveUpAfterMs) return null
  const delayMs =
    timing.retryDelaysMs[Math.min(delivery.attempts, timing.retryDelaysMs.length - 1)] ?? timing.giveUpAfterMs
  // A fifth of jitter, so that what failed together does not come back together.
  return now + Math.round(delayMs * (0.8 + 0.4 * random()))
}

import { setTimeout as delay } from 'node:timers/promises'

/** What comes of the work if it does so in time, else null; the work goes on either way, and no process lives for the wait. */
export async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T | null> {
  return Promise.race([work, delay(ms, null, { ref: false })])
}

import { setTimeout as pause } from 'node:timers/promises'
import { LspFailure } from '../domain/failure.ts'
import { MINUTE_MS, SECOND_MS } from '../domain/time.ts'

/** An answer is money: while the database is away, writing it is tried again for this long. */
const WRITE_PATIENCE_MS = 10 * MINUTE_MS
const WRITE_AGAIN_MS = 50
const WRITE_AGAIN_MAX_MS = 5 * SECOND_MS

/**
 * Writes an LSP's answer, and tries again while the database is away.
 * @throws LspFailure at once: the database works, and the answer is refused. Any other error after ten minutes.
 */
export async function writeAnswer<T>(write: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + WRITE_PATIENCE_MS
  for (let waitMs = WRITE_AGAIN_MS; ; waitMs = Math.min(waitMs * 2, WRITE_AGAIN_MAX_MS)) {
    try {
      return await write()
    } catch (error) {
      if (error instanceof LspFailure || performance.now() > giveUpAt) throw error
      await pause(waitMs)
    }
  }
}

import type { ClientLimits } from '../../config/access.ts'

/** A client says `connection_init`, and may ask whether anybody is there; more it cannot want before it is let in. */
const MOST_BEFORE_ACKNOWLEDGEMENT = 5
/** A key, or a token, and what clients say of themselves beside it. */
export const LONGEST_BEFORE_ACKNOWLEDGEMENT = 8_192
export const TOO_LONG_BEFORE_ACKNOWLEDGEMENT = `a message may have at most ${LONGEST_BEFORE_ACKNOWLEDGEMENT} bytes before connection_ack`
/** One begins it, and one ends it. */
const MESSAGES_PER_OPERATION = 2
/** However few operations are allowed: those that are too many are refused one by one, and are no reason to close. */
const LEAST_PER_SECOND = 2_000
/** So that a client that was away may begin everything anew at once. */
const WINDOW_SECONDS = 5

/**
 * Counts what comes over one WebSocket, whatever it is. Operations are counted elsewhere, but a ping has to be
 * answered too, and anything has to be looked at.
 */
export class MessageCount {
  #mostInWindow: number | null = null
  #windowEndsAt = 0
  #count = 0

  /** From now on it is a client's. */
  acknowledge({ operationsPerSecond }: Pick<ClientLimits, 'operationsPerSecond'>): void {
    this.#mostInWindow = WINDOW_SECONDS * Math.max(LEAST_PER_SECOND, MESSAGES_PER_OPERATION * operationsPerSecond)
  }

  /** @returns why this one is one too many; null when it is not. */
  add(bytes: number): string | null {
    this.#count += 1
    if (this.#mostInWindow === null) {
      if (bytes > LONGEST_BEFORE_ACKNOWLEDGEMENT) return TOO_LONG_BEFORE_ACKNOWLEDGEMENT
      return this.#count > MOST_BEFORE_ACKNOWLEDGEMENT ? 'too many messages before the acknowledgement' : null
    }
    const now = performance.now()
    if (now >= this.#windowEndsAt) {
      this.#windowEndsAt = now + WINDOW_SECONDS * 1_000
      this.#count = 1
    }
    return this.#count > this.#mostInWindow
      ? `no more than ${this.#mostInWindow} messages in ${WINDOW_SECONDS} seconds are taken`
      : null
  }
}

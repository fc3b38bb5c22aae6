import { EventEmitter } from 'node:events'

/** What a hint is about: an order, or all orders of a client. */
export type Topic = `order:${string}` | `client:${string}` | `renewal:${string}`

/**
 * Tells that the log has something new; never what. A hint that is lost costs a moment, never an event: whoever
 * follows the log reads it now and then anyway.
 */
export class Hints {
  readonly #emitter = new EventEmitter().setMaxListeners(0)

  #given = 0

  /** How often hints were given: what was read before the latest one may be outdated. */
  get given(): number {
    return this.#given
  }

  give(...topics: readonly Topic[]): void {
    this.#given += 1
    for (const topic of topics) this.#emitter.emit(topic)
  }

  /** @returns what ends it. */
  on(topic: Topic, listener: () => void): () => void {
    this.#emitter.on(topic, listener)
    return () => this.#emitter.off(topic, listener)
  }
}

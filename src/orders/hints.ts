import { EventEmitter } from 'node:events'
import { NO_BUS, type HintBus } from '../store/engine.ts'

/** What a hint is about: an order, or all orders of a client. */
export type Topic = `order:${string}` | `client:${string}` | `renewal:${string}`

/**
 * Tells that the log has something new; never what. A hint that is lost costs a moment, never an event: whoever
 * follows the log reads it now and then anyway. A hint given in one gateway reaches the others on the same database
 * by the bus.
 */
export class Hints {
  readonly #emitter = new EventEmitter().setMaxListeners(0)

  #given = 0
  readonly #bus: HintBus

  constructor(bus: HintBus = NO_BUS) {
    this.#bus = bus
    bus.listen((topic) => this.#tell([topic]))
  }

  /** How often hints were given: what was read before the latest one may be outdated. */
  get given(): number {
    return this.#given
  }

  give(...topics: readonly Topic[]): void {
    this.#tell(topics)
    this.#bus.notify(topics)
  }

  #tell(topics: readonly string[]): void {
    this.#given += 1
    for (const topic of topics) this.#emitter.emit(topic)
  }

  /** @returns what ends it. */
  on(topic: Topic, listener: () => void): () => void {
    this.#emitter.on(topic, listener)
    return () => this.#emitter.off(topic, listener)
  }
}

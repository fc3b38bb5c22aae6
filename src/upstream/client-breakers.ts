import { Breaker, type Outcome } from './breaker.ts'
import type { Clock, EpochMs } from '../domain/time.ts'

/** Clients whose requests are judged at one LSP at a time. Above it, the earliest is forgotten. */
const MOST_CLIENTS = 1_000

/** One breaker for each client of an LSP: a client's failures pause its own requests only. */
export class ClientBreakers {
  readonly #clock: Clock
  readonly #byClient = new Map<string, Breaker>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The client may send no request before this; null: it may. */
  retryAt(client: string): EpochMs | null {
    return this.#byClient.get(client)?.retryAt ?? null
  }

  /**
   * Call it before each exchange for the client, and the returned function with the outcome. That function returns true
   * if the client is paused after a failure.
   */
  begin(client: string): (outcome: Outcome) => boolean {
    const breaker = this.#of(client)
    const end = breaker.begin()
    return (outcome) => {
      end(outcome)
      if (!breaker.isOpen && !breaker.hasFailures) this.#byClient.delete(client)
      return outcome === 'FAILED' && breaker.isOpen
    }
  }

  #of(client: string): Breaker {
    const known = this.#byClient.get(client)
    if (known) return known
    const breaker = new Breaker(this.#clock)
    this.#byClient.set(client, breaker)
    const [earliest] = this.#byClient.keys()
    if (this.#byClient.size > MOST_CLIENTS && earliest !== undefined) this.#byClient.delete(earliest)
    return breaker
  }
}

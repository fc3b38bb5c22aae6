import type { LimitsConfig } from '../../config/access.ts'
import type { Grant } from './grant.ts'

/** What an address may have open for requests, besides the WebSockets. */
const REQUEST_CONNECTIONS = 1_000

/** How many WebSocket connections there are, from each address, of each client and in all. */
export class OpenSockets {
  readonly #limits: LimitsConfig
  readonly #counts = new Map<string, number>()
  #total = 0

  constructor(limits: LimitsConfig) {
    this.#limits = limits
  }

  get total(): number {
    return this.#total
  }

  /** A connection of TCP, whatever it will be used for. @returns what gives the place back; null when there is none. */
  connect(address: string): (() => void) | null {
    return this.#take(`connection:${address}`, this.#limits.sockets + REQUEST_CONNECTIONS)
  }

  /** Before anybody knows whose it is. @returns what gives the place back; null when there is none. */
  open(address: string): (() => void) | null {
    if (this.#total >= this.#limits.totalSockets) return null
    const release = this.#take(`address:${address}`, this.#limits.sockets)
    if (!release) return null
    this.#total += 1
    return () => {
      if (release()) this.#total -= 1
    }
  }

  /** @returns what gives the place back; null when there is none. */
  assign({ clientId, limits }: Grant): (() => void) | null {
    return this.#take(`client:${clientId}`, limits.sockets)
  }

  #take(key: string, limit: number): (() => boolean) | null {
    const count = this.#counts.get(key) ?? 0
    if (count >= limit) return null
    this.#counts.set(key, count + 1)
    let isTaken = true
    return () => {
      if (!isTaken) return false
      isTaken = false
      const left = (this.#counts.get(key) ?? 1) - 1
      if (left === 0) this.#counts.delete(key)
      else this.#counts.set(key, left)
      return true
    }
  }
}

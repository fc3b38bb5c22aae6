import type { Hints, Topic } from './hints.ts'
import type { OrderEvent } from '../domain/order-record.ts'
import type { Store } from '../store/store.ts'

/** How many events a follower holds at most: a slow one is served from the log at its own pace. */
const BATCH = 16
/** A follower looks for itself this often, should a hint have been lost. */
const LOOK_EVERY_MS = 10_000
/** And this long after the log could not be read. */
const LOOK_AGAIN_MS = 1_000

interface LogReader<T> {
  /** The next entries after the ones already read; `over` when none will ever follow these. */
  read(): Promise<{ entries: T[]; over: boolean }>
}

/**
 * Follows a log: registers for hints before it reads, and reads whenever there may be something new. Nothing is
 * queued for whoever does not take it.
 */
class LogFollower<T> implements AsyncIterableIterator<T> {
  readonly #reader: LogReader<T>
  readonly #stopListening: () => void
  #batch: T[] = []
  #over = false
  #closed = false
  #hinted = true
  #wake: (() => void) | null = null

  constructor(reader: LogReader<T>, hints: Hints, topic: Topic) {
    this.#reader = reader
    this.#stopListening = hints.on(topic, () => {
      this.#hinted = true
      this.#wake?.()
    })
  }

  async next(): Promise<IteratorResult<T>> {
    while (!this.#closed) {
      const entry = this.#batch.shift()
      if (entry !== undefined) return { value: entry, done: false }
      if (this.#over) break
      if (!this.#hinted) await this.#nextHint()
      this.#hinted = false
      if (this.#closed) break
      const read = await this.#readOrWait()
      if (!read) continue
      this.#batch = read.entries
      this.#over = read.over
      // A full batch may not be all there is.
      if (read.entries.length >= BATCH) this.#hinted = true
    }
    return this.return()
  }

  /** The database may be away for a while; whoever follows need not know. */
  async #readOrWait(): Promise<{ entries: T[]; over: boolean } | null> {
    try {
      return await this.#reader.read()
    } catch {
      await this.#nextHint(LOOK_AGAIN_MS)
      this.#hinted = true
      return null
    }
  }

  #nextHint(withinMs = LOOK_EVERY_MS): Promise<void> {
    return new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs)
      timer.unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    }).then(() => {
      this.#wake = null
    })
  }

  return(): Promise<IteratorResult<T>> {
    this.#closed = true
    this.#stopListening()
    this.#wake?.()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

interface OrderBatch {
  entries: OrderEvent[]
  /** The order's sequence when it was looked at, and whether anything can still happen to it. */
  sequence: number
  isFinal: boolean
}

/** The log as those who follow it see it. */
export class Feed {
  readonly #store: Store
  readonly #hints: Hints
  /** Readings under way. Ten thousand followers that one hint wakes up want the same events: they are read once. */
  readonly #reading = new Map<string, Promise<OrderBatch | null>>()

  constructor(store: Store, hints: Hints) {
    this.#store = store
    this.#hints = hints
  }

  /**
   * What happens to one order, after `afterSequence`; without it, first the order as it stands. Ends when nothing
   * more can happen. The caller has made sure that the order may be seen.
   */
  followOrder(orderId: string, afterSequence: number | null): AsyncIterableIterator<OrderEvent> {
    let cursor = afterSequence
    return new LogFollower(
      {
        read: async () => {
          const batch = await this.#readShared(orderId, cursor)
          if (!batch) return { entries: [], over: true }
          cursor = batch.entries.at(-1)?.sequence ?? cursor ?? batch.sequence
          return { entries: [...batch.entries], over: batch.isFinal && cursor >= batch.sequence }
        },
      },
      this.#hints,
      `order:${orderId}`,
    )
  }

  /** Only a reading that began after the latest hint is joined: an older one may not know what the hint is about. */
  #readShared(orderId: string, cursor: number | null): Promise<OrderBatch | null> {
    const key = `${orderId} ${cursor} ${this.#hints.given}`
    let reading = this.#reading.get(key)
    if (!reading) {
      reading = this.#read(orderId, cursor).finally(() => this.#reading.delete(key))
      this.#reading.set(key, reading)
    }
    return reading
  }

  async #read(orderId: string, cursor: number | null): Promise<OrderBatch | null> {
    // The order first: should it move in between, its last event is missed by this look, not by the next.
    const tracked = await this.#store.orders.get(orderId)
    if (!tracked) return null
    const { sequence } = tracked.order
    const entries = await this.#store.orders.events(orderId, cursor ?? sequence - 1, BATCH)
    return { entries, sequence, isFinal: tracked.tracking.final }
  }

  /** What happens to any of the client's orders, from now on. Never ends by itself. */
  async followClient(clientId: string): Promise<AsyncIterableIterator<OrderEvent>> {
    let position = await this.#store.orders.lastPosition()
    return new LogFollower(
      {
        read: async () => {
          const found = await this.#store.orders.clientEvents(clientId, position, BATCH)
          position = found.at(-1)?.position ?? position
          return { entries: found.map(({ event }) => event), over: false }
        },
      },
      this.#hints,
      `client:${clientId}`,
    )
  }
}

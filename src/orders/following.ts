import { setImmediate as nextRound } from 'node:timers/promises'
import type { Hints, Topic } from './hints.ts'
import type { Order } from '../domain/order-record.ts'
import type { LogEntry, Logged, LoggedEvent } from '../store/orders.ts'
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

/** How long followers are worked for in one round of the event loop. */
const ROUND_MS = 5

/**
 * Has the followers whom one hint woke up go on one after the other, and others be served in between: what is worked
 * out and sent for ten thousand of them takes a second. Each client has its own row, so that nobody waits for the
 * followers of another.
 */
class Turns {
  readonly #last = new Map<string, Promise<void>>()
  #roundBeganAt = 0

  async next(clientId: string): Promise<void> {
    const turn = (this.#last.get(clientId) ?? Promise.resolve()).then(() => this.#inTime())
    this.#last.set(clientId, turn)
    await turn
    if (this.#last.get(clientId) === turn) this.#last.delete(clientId)
  }

  async #inTime(): Promise<void> {
    if (performance.now() - this.#roundBeganAt < ROUND_MS) return
    await nextRound()
    this.#roundBeganAt = performance.now()
  }
}

/**
 * Follows a log: registers for hints before it reads, and reads whenever there may be something new. Nothing is
 * queued for whoever does not take it.
 */
class LogFollower<T extends { clientId: string }> implements AsyncIterableIterator<T> {
  readonly #reader: LogReader<T>
  readonly #turns: Turns
  readonly #stopListening: () => void
  #batch: T[] = []
  #over = false
  #closed = false
  #hinted = true
  #wake: (() => void) | null = null

  constructor(reader: LogReader<T>, turns: Turns, hints: Hints, topic: Topic) {
    this.#reader = reader
    this.#turns = turns
    this.#stopListening = hints.on(topic, () => {
      this.#hinted = true
      this.#wake?.()
    })
  }

  async next(): Promise<IteratorResult<T>> {
    while (!this.#closed) {
      const entry = this.#batch.shift()
      if (entry !== undefined) {
        await this.#turns.next(entry.clientId)
        if (this.#closed) break
        return { value: entry, done: false }
      }
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
  entries: LoggedEvent[]
  /** The order's sequence when it was looked at, and whether anything can still happen to it. */
  sequence: number
  isFinal: boolean
}

interface ClientBatch {
  entries: Logged<LogEntry>[]
  /** Of the last of them in the whole log. */
  position: number
}

/** Readings under way. Ten thousand followers that one hint wakes up want the same events: they are read once. */
class SharedReadings<T> {
  readonly #hints: Hints
  readonly #underWay = new Map<string, Promise<T>>()

  constructor(hints: Hints) {
    this.#hints = hints
  }

  /** Only a reading that began after the latest hint is joined: an older one may not know what the hint is about. */
  join(what: string, read: () => Promise<T>): Promise<T> {
    const key = `${what} ${this.#hints.given}`
    let reading = this.#underWay.get(key)
    if (!reading) {
      reading = read().finally(() => this.#underWay.delete(key))
      this.#underWay.set(key, reading)
    }
    return reading
  }
}

/** The log as those who follow it see it. */
export class Feed {
  readonly #store: Store
  readonly #hints: Hints
  readonly #turns = new Turns()
  readonly #ofOrders: SharedReadings<OrderBatch | null>
  readonly #ofClients: SharedReadings<ClientBatch>

  readonly #onFollow: (order: Order) => Promise<unknown>

  /** `onFollow` is called while a client follows an order, at least every ten seconds. */
  constructor(store: Store, hints: Hints, onFollow: (order: Order) => Promise<unknown> = () => Promise.resolve()) {
    this.#store = store
    this.#hints = hints
    this.#onFollow = onFollow
    this.#ofOrders = new SharedReadings(hints)
    this.#ofClients = new SharedReadings(hints)
  }

  /**
   * What happens to one order, after `afterSequence`; without it, first the order as it stands. Ends when nothing
   * more can happen. The caller has made sure that the order may be seen.
   */
  followOrder(orderId: string, afterSequence: number | null): AsyncIterableIterator<LoggedEvent> {
    let cursor = afterSequence
    return new LogFollower(
      {
        read: async () => {
          const batch = await this.#ofOrders.join(`${orderId} ${cursor}`, () => this.#readOrder(orderId, cursor))
          if (!batch) return { entries: [], over: true }
          cursor = batch.entries.at(-1)?.sequence ?? cursor ?? batch.sequence
          return { entries: [...batch.entries], over: batch.isFinal && cursor >= batch.sequence }
        },
      },
      this.#turns,
      this.#hints,
      `order:${orderId}`,
    )
  }

  async #readOrder(orderId: string, cursor: number | null): Promise<OrderBatch | null> {
    // The order first: should it move in between, its last event is missed by this look, not by the next.
    const tracked = await this.#store.orders.get(orderId)
    if (!tracked) return null
    const { sequence } = tracked.order
    if (!tracked.tracking.final) await this.#onFollow(tracked.order)
    const entries = await this.#store.orders.events(orderId, cursor ?? sequence - 1, BATCH)
    return { entries, sequence, isFinal: tracked.tracking.final }
  }

  /** The client's events after a position in the log; null: from now on. Never ends by itself. */
  async followClient(clientId: string, after: number | null): Promise<AsyncIterableIterator<Logged<LogEntry>>> {
    // The position of the client's own latest event: all followers of one client share one reading.
    let position = after ?? (await this.#store.orders.lastPositionOf(clientId))
    return new LogFollower(
      {
        read: async () => {
          const batch = await this.#ofClients.join(`${clientId} ${position}`, () =>
            this.#readClient(clientId, position),
          )
          position = batch.position
          return { entries: [...batch.entries], over: false }
        },
      },
      this.#turns,
      this.#hints,
      `client:${clientId}`,
    )
  }

  async #readClient(clientId: string, after: number): Promise<ClientBatch> {
    const found = await this.#store.orders.clientEvents(clientId, after, BATCH)
    return { entries: found, position: found.at(-1)?.position ?? after }
  }
}

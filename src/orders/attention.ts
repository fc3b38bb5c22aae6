import type { Tracker } from './tracker.ts'
import { FOLLOWED_MS } from '../domain/schedule.ts'
import type { Order } from '../domain/order-record.ts'
import type { Clock, EpochMs } from '../domain/time.ts'
import type { Store } from '../store/store.ts'

/** The database is written this often at most while a client asks for the same order again and again. */
const REFRESH_MS = FOLLOWED_MS / 2
/** Entries of the memory below. The database knows the rest. */
const MOST_REMEMBERED = 10_000

/** Records which orders clients follow or query: those orders are polled sooner, within the budget of their LSP. */
export class Attention {
  readonly #store: Store
  readonly #tracker: Pick<Tracker, 'poke'>
  readonly #clock: Clock
  /** When each order was last recorded. Saves a write for each query of a client that polls this gateway. */
  readonly #recordedAt = new Map<string, EpochMs>()

  constructor(store: Store, tracker: Pick<Tracker, 'poke'>, clock: Clock) {
    this.#store = store
    this.#tracker = tracker
    this.#clock = clock
  }

  /** A client follows or queries the order. If the database refuses the write, the order keeps its usual pace. */
  async give({ id, lspId }: Pick<Order, 'id' | 'lspId'>): Promise<void> {
    const now = this.#clock.now()
    const recordedAt = this.#recordedAt.get(id) ?? 0
    if (recordedAt <= now && now - recordedAt < REFRESH_MS) return
    this.#recordedAt.delete(id)
    this.#recordedAt.set(id, now)
    const [oldest] = this.#recordedAt.keys()
    if (this.#recordedAt.size > MOST_REMEMBERED && oldest !== undefined) this.#recordedAt.delete(oldest)
    const isDue = await this.#store.orders.follow(id, now, now + FOLLOWED_MS, now + REFRESH_MS).catch(() => false)
    if (isDue) this.#tracker.poke(lspId)
  }
}

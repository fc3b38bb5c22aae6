import type { Hints } from './hints.ts'
import type { OrderChange } from '../domain/messages/order-changes.ts'
import type { Order, OrderEvent } from '../domain/order-record.ts'
import { isFinal, type LifeTraits } from '../domain/schedule.ts'
import { cleanText } from '../domain/text.ts'
import type { Clock } from '../domain/time.ts'
import type { Tracking } from '../store/orders.ts'
import type { Store, Stores } from '../store/store.ts'

/** Somebody else moved the order since it was read; what was about to be written is outdated. */
export class OrderMoved extends Error {
  override name = 'OrderMoved'
}

/** The one place where orders are written: an order never changes without its event, nor the other way round. */
export class OrderLog {
  readonly #store: Store
  readonly #hints: Hints
  readonly #clock: Clock

  constructor(store: Store, hints: Hints, clock: Clock) {
    this.#store = store
    this.#hints = hints
    this.#clock = clock
  }

  /** Writes a new order and its first event. `first` runs in the same transaction; what it throws prevents all of it. */
  begin(
    order: Order,
    tracking: Tracking,
    change: OrderChange,
    first: (stores: Stores) => Promise<void>,
  ): Promise<Order> {
    return this.#insert({ ...order, sequence: 1 }, null, tracking, change, first)
  }

  /** Writes an order that began at another gateway, and the event of its arrival here. `first` writes its history. */
  receive(
    order: Order,
    tracking: Tracking,
    change: OrderChange,
    first: (stores: Stores) => Promise<void>,
  ): Promise<Order> {
    return this.#insert(
      { ...order, sequence: order.sequence + 1, updatedAt: this.#clock.now() },
      order,
      tracking,
      change,
      first,
    )
  }

  async #insert(
    order: Order,
    before: Order | null,
    tracking: Tracking,
    change: OrderChange,
    first: (stores: Stores) => Promise<void>,
  ): Promise<Order> {
    await this.#store.transaction(async (stores) => {
      await first(stores)
      await stores.quotes.keep(order.quoteId)
      await stores.orders.insert(order, tracking)
      await stores.orders.append(this.#event(order, before, [change]))
    })
    this.#hint(order)
    return order
  }

  /**
   * Writes what became of an order. Without changes only the moment of the reading and the tracker's notes are
   * kept; with some, an event tells of them.
   * @throws OrderMoved when the order is no longer the one that `before` is.
   */
  async write(before: Order, after: Order, tracking: Tracking, changes: readonly OrderChange[]): Promise<Order> {
    const isChanged = changes.length > 0
    const written: Order = isChanged ? { ...after, sequence: before.sequence + 1, updatedAt: this.#clock.now() } : after
    await this.#store.transaction(async (stores) => {
      if (!(await stores.orders.update(written, tracking, before.sequence)))
        throw new OrderMoved(`order ${before.id} has moved`)
      if (isOver(written)) await stores.placements.markOver(written.placementId)
      // Last: from here to the end of the transaction, nobody else can write an event.
      if (isChanged) await stores.orders.append(this.#event(written, before, changes))
    })
    if (isChanged || tracking.final) this.#hint(written)
    return written
  }

  /** Whether anything can still happen to it. */
  isFinal(order: Order, traits: LifeTraits): boolean {
    return isFinal(order, traits, this.#clock.now())
  }

  #event(order: Order, before: Order | null, changes: readonly OrderChange[]): OrderEvent {
    return {
      orderId: order.id,
      clientId: order.clientId,
      sequence: order.sequence,
      at: this.#clock.now(),
      previousState: before?.state ?? null,
      state: order.state,
      // An LSP's own words are part of it, and a page may show it as it is.
      message: cleanText(changes.map(({ message }) => message).join('; '), 1_000),
      changes: changes.map(({ code, oldValue, newValue, message }) => ({
        code,
        oldValue: oldValue === null ? null : cleanText(oldValue, 300),
        newValue: newValue === null ? null : cleanText(newValue, 300),
        message: cleanText(message, 1_000),
      })),
      order,
    }
  }

  #hint(order: Order): void {
    this.#hints.give(`order:${order.id}`, `client:${order.clientId}`)
  }
}

/** The order is no longer open and unpaid: it answers no quote and counts against no budget. */
function isOver({ state, paymentSeenAt, paymentWarning, paymentUnconfirmed }: Order): boolean {
  return (
    paymentSeenAt !== null ||
    (paymentWarning !== null && !paymentUnconfirmed) ||
    state === 'COMPLETED' ||
    state === 'EXPIRED' ||
    state === 'FAILED' ||
    state === 'REFUNDED'
  )
}

import { changeOf } from '../domain/messages/order-changes.ts'
import type { Logger } from 'pino'
import { OrderMoved, type OrderLog } from './log.ts'
import { reminderOf, unremindedLeaseEnd } from '../domain/lease.ts'
import { DAY_MS, type Clock, type EpochMs } from '../domain/time.ts'
import type { TrackedOrder } from '../store/orders.ts'
import type { Store } from '../store/store.ts'
import type { LspRegistry } from '../upstream/registry.ts'

const BATCH = 64

export interface LeaseReminderOptions {
  store: Store
  log: OrderLog
  lsps: LspRegistry
  clock: Clock
  logger: Logger
  /** How long before the end; 0: nobody is reminded. */
  days: number
  lookEveryMs: number
}

/**
 * Writes an event some days before the lease of a channel ends, of orders too that nobody reads any more. Whom it
 * has reminded of which end is in the order itself, written with the event: several instances remind once, and
 * what came due while none ran is said at the next start.
 */
export class LeaseReminder {
  readonly #options: LeaseReminderOptions
  #timer: NodeJS.Timeout | null = null
  #looking: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: LeaseReminderOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#options.days === 0) return
    this.#looking = this.#look().finally(() => {
      if (!this.#stopped) this.#timer = setTimeout(() => this.start(), this.#options.lookEveryMs)
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearTimeout(this.#timer)
    await this.#looking
  }

  async #look(): Promise<void> {
    const { store, clock, days, logger } = this.#options
    try {
      let due: TrackedOrder[]
      do {
        due = await store.orders.leasesEnding(clock.now() + days * DAY_MS, BATCH)
        for (const tracked of due) await this.#remind(tracked, clock.now() + days * DAY_MS)
      } while (due.length === BATCH && !this.#stopped)
    } catch (error) {
      logger.error({ err: error }, 'the reminders of leases that end could not be written')
    }
  }

  async #remind({ order, tracking }: TrackedOrder, before: EpochMs): Promise<void> {
    const { log, lsps, clock } = this.#options
    const endsAt = unremindedLeaseEnd(order)
    const isDue = endsAt !== null && endsAt <= before
    try {
      // Nobody may have looked at it before: then it is written only so that it is not looked at again.
      if (isDue)
        await log.write(order, { ...order, leaseRemindedFor: endsAt }, tracking, [
          changeOf(
            'LEASE_ENDS',
            reminderOf(endsAt, (await lsps.find(order.lspId)).features, clock.now()),
            new Date(endsAt).toISOString(),
          ),
        ])
      else await log.write(order, order, tracking, [])
    } catch (error) {
      // It was read, or reminded of, at the same moment: the next look sees what became of it.
      if (!(error instanceof OrderMoved)) throw error
    }
  }
}

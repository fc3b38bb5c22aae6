import type { Logger } from 'pino'
import type { PostOutcome, WebhookPoster } from './poster.ts'
import { nextAttemptAt, type WebhookTiming } from './timing.ts'
import { HOUR_MS, SECOND_MS, type Clock, type EpochMs } from '../domain/time.ts'
import type { Hints } from '../orders/hints.ts'
import type { Store } from '../store/store.ts'
import type { Delivery } from '../store/webhooks.ts'

/** Events that become deliveries at a time. */
const BATCH = 64
/** Orders of one client whose events are posted at the same time. */
const CONCURRENCY = 4
/** Beyond the attempt itself: the time to write down how it went. */
const LEASE_MARGIN_MS = 20 * SECOND_MS
/** What is on its way when a sender stops may come to its end for this long. */
const STOP_GRACE_MS = SECOND_MS
/** How often it is written down that the webhook is still configured. */
const SEEN_EVERY_MS = HOUR_MS
/** Clocks are corrected by a little all the time. */
const CLOCK_STEP_MS = 5 * SECOND_MS

/** How an attempt went, as it is counted. */
export type DeliveryOutcome = 'taken' | 'failed' | 'given_up' | 'gone'

export interface SenderOptions {
  clientId: string
  /** When the client's key ends; nothing is posted from then on. null: never. */
  expiresAt: EpochMs | null
  poster: WebhookPoster
  store: Store
  hints: Hints
  clock: Clock
  logger: Logger
  instanceId: string
  timing: WebhookTiming
  onDelivery?: ((outcome: DeliveryOutcome) => void) | undefined
}

/**
 * Posts what happens to one client's orders, from the log. Everything that it must not forget is in the database:
 * how far the log was read, and what is still to be delivered.
 */
export class WebhookSender {
  /** Settled when no event from now on can be missed. */
  readonly opened: Promise<void>
  readonly #options: SenderOptions
  readonly #stopListening: () => void
  readonly #posting = new Set<Promise<void>>()
  readonly #running: Promise<void>
  #hinted = false
  #stopped = false
  #lookedAt: EpochMs = 0
  #seenAt: EpochMs = 0
  #wake: (() => void) | null = null

  constructor(options: SenderOptions) {
    this.#options = options
    this.#stopListening = options.hints.on(`client:${options.clientId}`, () => this.nudge())
    this.opened = this.#open()
    this.#running = this.opened.then(() => this.#run())
  }

  get host(): string {
    return this.#options.poster.host
  }

  /** There may be something to do. */
  nudge(): void {
    this.#hinted = true
    this.#wake?.()
  }

  /** Nothing more is posted; what is on its way is broken off after the grace. */
  async stop(graceMs = STOP_GRACE_MS): Promise<void> {
    this.#stopped = true
    this.#stopListening()
    this.nudge()
    const grace = setTimeout(() => void this.#options.poster.close(), graceMs)
    await this.#running
    await Promise.all(this.#posting)
    clearTimeout(grace)
    await this.#options.poster.close()
  }

  async #open(): Promise<void> {
    const { clientId, store, clock, logger } = this.#options
    while (!this.#stopped) {
      try {
        const now = clock.now()
        // A clock that was set back while no gateway ran is noticed by this, too.
        this.#lookedAt = await store.transaction(async ({ webhooks, orders }) =>
          webhooks.open(clientId, await orders.lastPosition(), now),
        )
        this.#seenAt = now
        return
      } catch (error) {
        logger.error({ err: error, client: clientId }, 'a webhook could not be taken up yet')
        await this.#pause(SECOND_MS)
      }
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#hinted = false
      const waitMs = await this.#look()
      if (!this.#hinted && !this.#stopped) await this.#pause(waitMs)
    }
  }

  /** Starts what can be started. @returns how long there is nothing more to do, unless a hint says otherwise. */
  async #look(): Promise<number> {
    const { clientId, store, clock, timing, instanceId, logger } = this.#options
    try {
      await this.#noticeClock(clock.now())
      await this.#tellSeen(clock.now())
      if (this.#isExpired(clock.now())) return timing.lookEveryMs
      const isDisabled = await this.#queue()
      if (isDisabled) return timing.lookEveryMs
      const free = CONCURRENCY - this.#posting.size
      const now = clock.now()
      const due =
        free === 0 || this.#stopped
          ? []
          : await store.webhooks.takeDue(clientId, instanceId, now, this.#leaseUntil(now), free)
      for (const delivery of due) this.#start(delivery)
      const nextAt = await store.webhooks.nextDueAt(clientId, now)
      return nextAt === null ? timing.lookEveryMs : Math.min(Math.max(nextAt - now, 1), timing.lookEveryMs)
    } catch (error) {
      logger.error({ err: error, client: clientId }, 'the deliveries to a webhook could not be looked up')
      return SECOND_MS
    }
  }

  /** A clock that was set back leaves deliveries due in a future that is far: they are due now. */
  async #noticeClock(now: EpochMs): Promise<void> {
    const { clientId, store } = this.#options
    if (now < this.#lookedAt - CLOCK_STEP_MS)
      await store.transaction(({ webhooks }) => webhooks.makeAllDue(clientId, now, this.#leaseUntil(now)))
    this.#lookedAt = now
  }

  async #tellSeen(now: EpochMs): Promise<void> {
    if (Math.abs(now - this.#seenAt) < SEEN_EVERY_MS) return
    await this.#options.store.webhooks.seen(this.#options.clientId, now)
    this.#seenAt = now
  }

  #isExpired(now: EpochMs): boolean {
    const { expiresAt } = this.#options
    return expiresAt !== null && expiresAt <= now
  }

  #leaseUntil(now: EpochMs): EpochMs {
    return now + this.#options.timing.timeoutMs + LEASE_MARGIN_MS
  }

  /** Makes deliveries of what is new in the log. @returns whether the receiver wants none. */
  async #queue(): Promise<boolean> {
    const { clientId, store, clock } = this.#options
    const unqueued = await store.webhooks.unqueued(clientId, BATCH)
    if (unqueued.events.length > 0)
      await store.transaction((stores) => stores.webhooks.queue(clientId, unqueued, clock.now()))
    if (unqueued.events.length === BATCH) this.#hinted = true
    return unqueued.isDisabled
  }

  #start(delivery: Delivery): void {
    const { clientId, logger } = this.#options
    const posting = this.#deliver(delivery)
      .catch((error: unknown) =>
        logger.error({ err: error, client: clientId }, 'how a delivery to a webhook went could not be written down'),
      )
      .finally(() => {
        this.#posting.delete(posting)
        this.nudge()
      })
    this.#posting.add(posting)
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const { store, clock, poster } = this.#options
    const event = await store.orders.entry(delivery.orderId, delivery.sequence)
    if (!event) throw new Error(`the event ${delivery.sequence} of the order ${delivery.orderId} is gone`)
    const now = clock.now()
    // The sender may have been stopped, and the key may have ended, since the delivery was taken.
    const outcome: PostOutcome =
      this.#stopped || this.#isExpired(now) ? { kind: 'broken-off' } : await poster.post(event, now)
    await this.#settle(delivery, outcome)
  }

  async #settle(delivery: Delivery, outcome: PostOutcome): Promise<void> {
    const { clientId, store, clock, logger, timing, instanceId, onDelivery } = this.#options
    const claim = { orderId: delivery.orderId, sequence: delivery.sequence, owner: instanceId }
    const now = clock.now()
    switch (outcome.kind) {
      case 'taken':
        onDelivery?.('taken')
        return store.webhooks.succeeded(clientId, claim, now)
      case 'broken-off':
        return store.webhooks.release(claim)
      case 'gone':
        // It was of a configuration that is no more.
        if (this.#stopped) return store.webhooks.release(claim)
        onDelivery?.('gone')
        logger.warn(
          { client: clientId, host: this.host },
          'a webhook answered 410 and gets nothing more until a restart, or until it is configured otherwise',
        )
        await store.webhooks.disable(clientId, now)
        // It is the first to go when the receiver wants to hear again.
        return store.webhooks.failed(
          clientId,
          claim,
          { error: 'HTTP status 410: no more is wanted', nextAttemptAt: now },
          now,
        )
      case 'failed': {
        const retryAt = nextAttemptAt(timing, delivery, now, Math.random)
        onDelivery?.(retryAt === null ? 'given_up' : 'failed')
        if (retryAt === null)
          logger.warn(
            { client: clientId, order: delivery.orderId, sequence: delivery.sequence, reason: outcome.error },
            'a delivery to a webhook was given up',
          )
        return store.webhooks.failed(clientId, claim, { error: outcome.error, nextAttemptAt: retryAt }, now)
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    }).then(() => {
      this.#wake = null
    })
  }
}

import type { Logger } from 'pino'
import type { Pace } from './domain/schedule.ts'
import type { Clock, EpochMs } from './domain/time.ts'
import { OrderActions } from './orders/actions.ts'
import { Attention } from './orders/attention.ts'
import { Feed } from './orders/following.ts'
import { Hints } from './orders/hints.ts'
import { LeaseReminder } from './orders/lease-reminder.ts'
import { OrderLog } from './orders/log.ts'
import { Ordering } from './orders/ordering.ts'
import { Placing } from './orders/placing.ts'
import { OrderReader } from './orders/reading.ts'
import { RenewalDesk } from './orders/renewals.ts'
import { Tracker } from './orders/tracker.ts'
import { Heartbeat } from './orders/heartbeat.ts'
import { withTimeout } from './orders/waiting.ts'
import { Importing } from './portable/import.ts'
import { Quoting } from './quotes/quoting.ts'
import { Retention } from './quotes/retention.ts'
import { DatabaseClock } from './store/database-clock.ts'
import type { Store } from './store/store.ts'
import type { ExchangeRecord } from './upstream/http.ts'
import type { LspSettings } from './upstream/lsp.ts'
import { LspRegistry, type RegistryOptions } from './upstream/registry.ts'
import { Webhooks, type ClientWebhook, type WebhooksOptions } from './webhooks/webhooks.ts'

/** Everything that answers clients, whatever they come over. */
export interface Gateway extends AsyncDisposable {
  readonly clock: DatabaseClock
  readonly store: Store
  readonly attention: Attention
  readonly feed: Feed
  readonly lsps: LspRegistry
  readonly quoting: Quoting
  readonly ordering: Ordering
  readonly actions: OrderActions
  readonly renewals: RenewalDesk
  readonly webhooks: Webhooks
  readonly importing: Importing
  /** When the tracker last began to look for due orders. */
  readonly trackerLookedAt: EpochMs
  /**
   * Begins nothing by itself any more, and waits for what is on its way to an LSP, though not for long. Whoever asks
   * is still answered, until the gateway is disposed of.
   */
  drain(): Promise<void>
}

export interface GatewayOptions {
  lsps: readonly LspSettings[]
  pace: Pace
  store: Store
  /** This machine's clock. */
  clock: Clock
  logger: Logger
  /** Learns how each HTTP exchange with an LSP went. */
  onExchange?: ((lspId: string, record: ExchangeRecord) => void) | undefined
  /** Which clients are told of their orders by a POST; none by default. */
  webhooks?: readonly ClientWebhook[]
  /** How each of those went, and what tests set otherwise. */
  webhookOptions?: Pick<WebhooksOptions, 'timing' | 'surroundings' | 'onDelivery'> | undefined
  /** How settings of LSPs are stored, and which LSPs may have moved. */
  registry?: Pick<RegistryOptions, 'secretBox' | 'acceptMoved'> | undefined
  /** How long before its end somebody is reminded of a lease; 0, the default: never. */
  leaseReminderDays?: number
}

/** How long a stop waits for what is on its way to an LSP: containers are killed after ten seconds. */
const DRAIN_MS = 8_500
/** For what is broken off then to be written down. */
const BREAK_OFF_MS = 500

/** Leases end on a day, so a minute does not matter. */
const REMIND_EVERY_MS = 60_000

/** Puts the parts together, settles what an earlier run left behind, and begins to track. */
export async function openGateway({
  lsps: settings,
  pace,
  store,
  clock: machineClock,
  logger,
  onExchange,
  ...options
}: GatewayOptions): Promise<Gateway> {
  const clock = new DatabaseClock(machineClock)
  const lsps = await LspRegistry.open(settings, store, clock, { onExchange, logger, ...options.registry })
  const hints = new Hints(store.bus)
  const log = new OrderLog(store, hints, clock)
  const placing = new Placing(store, clock)
  const quoting = new Quoting(store, placing, clock)
  const ordering = new Ordering({ store, placing, quoting, log, lsps, clock, pace })
  const reader = new OrderReader(store, log, lsps, clock, pace)
  const actions = new OrderActions({ store, log, reader, lsps, clock })
  const renewals = new RenewalDesk(store, lsps, hints, clock, pace)
  const tracker = new Tracker({ store, reader, renewals, lsps, clock, pace, logger })
  const attention = new Attention(store, tracker, clock)
  const heartbeat = new Heartbeat({ store, ordering, clock, logger })

  await heartbeat.start()
  const reminder = new LeaseReminder({
    store,
    log,
    lsps,
    clock,
    logger,
    days: options.leaseReminderDays ?? 0,
    lookEveryMs: Math.min(pace.idleMs, REMIND_EVERY_MS),
  })
  const retention = new Retention({ store, clock, logger })
  const webhooks = await Webhooks.open({
    webhooks: options.webhooks ?? [],
    store,
    hints,
    clock,
    logger,
    ...options.webhookOptions,
  })
  // So that limits and features can be seen before the first question; an LSP that is down is asked again then.
  for (const lsp of lsps.configured) void lsp.refreshInfo().catch(() => {})
  lsps.startTrials()
  tracker.start()
  reminder.start()
  retention.start()

  let stopBy = 0
  let stopped: Promise<unknown> | null = null
  async function drain(): Promise<void> {
    if (stopped === null) {
      stopBy = performance.now() + DRAIN_MS
      stopped = Promise.all([tracker.stop(), reminder.stop(), retention.stop(), webhooks.stop()])
    }
    const waitMs = Math.max(0, stopBy - performance.now())
    await withTimeout(Promise.all([stopped, placing.drain(waitMs)]), waitMs)
  }

  return {
    clock,
    store,
    attention,
    feed: new Feed(store, hints, (order) => attention.give(order)),
    lsps,
    quoting,
    ordering,
    actions,
    renewals,
    webhooks,
    importing: new Importing({ store, log, reader, lsps, clock }),
    get trackerLookedAt() {
      return tracker.lookedAt
    },
    drain,
    async [Symbol.asyncDispose]() {
      // Again, for what was asked for since it began.
      await drain()
      await lsps[Symbol.asyncDispose]()
      await withTimeout(Promise.all([stopped, placing.drain(BREAK_OFF_MS)]), BREAK_OFF_MS)
      await heartbeat.stop()
    },
  }
}

import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { WebhookPoster } from './poster.ts'
import { WebhookSender, type DeliveryOutcome } from './sender.ts'
import type { WebhookConfig } from './target.ts'
import { WEBHOOK_TIMING, type WebhookTiming } from './timing.ts'
import type { Clock } from '../domain/time.ts'
import type { Hints } from '../orders/hints.ts'
import type { Store } from '../store/store.ts'
import type { Delivery, DeliveryState, WebhookRecord } from '../store/webhooks.ts'
import type { Surroundings } from '../upstream/connector.ts'

export interface ClientWebhook extends WebhookConfig {
  clientId: string
}

export interface WebhookStatus extends WebhookRecord {
  clientId: string
  /** All that is shown of its URL: what follows may be a secret. */
  host: string
}

export interface WebhooksOptions {
  webhooks: readonly ClientWebhook[]
  store: Store
  hints: Hints
  clock: Clock
  logger: Logger
  timing?: Partial<WebhookTiming> | undefined
  surroundings?: Surroundings | undefined
  onDelivery?: ((outcome: DeliveryOutcome) => void) | undefined
}

/** The clients that are told of their orders' events by a POST. */
export class Webhooks {
  readonly #store: Store
  readonly #clock: Clock
  readonly #senders: ReadonlyMap<string, WebhookSender>

  private constructor(store: Store, clock: Clock, senders: ReadonlyMap<string, WebhookSender>) {
    this.#store = store
    this.#clock = clock
    this.#senders = senders
  }

  /** Takes up what is still to be delivered; a webhook that is new begins with the events from now on. */
  static async open({ webhooks, timing, surroundings, ...common }: WebhooksOptions): Promise<Webhooks> {
    const { store, clock } = common
    const instanceId = randomUUID()
    const when: WebhookTiming = { ...WEBHOOK_TIMING, ...timing }
    await store.webhooks.keepOnly(webhooks.map(({ clientId }) => clientId))
    const senders = new Map<string, WebhookSender>()
    for (const webhook of webhooks) {
      await store.webhooks.open(webhook.clientId, await store.orders.lastPosition())
      const poster = new WebhookPoster(webhook, when.timeoutMs, surroundings)
      senders.set(webhook.clientId, new WebhookSender({ ...common, instanceId, clientId: webhook.clientId, poster, timing: when }))
    }
    return new Webhooks(store, clock, senders)
  }

  /** null: this client has no webhook. */
  async status(clientId: string): Promise<WebhookStatus | null> {
    const sender = this.#senders.get(clientId)
    const record = sender && (await this.#store.webhooks.record(clientId))
    return record ? { ...record, clientId, host: sender.host } : null
  }

  /** The oldest first. */
  deliveries(clientId: string, state: DeliveryState, limit: number): Promise<Delivery[]> {
    return this.#store.webhooks.list(clientId, state, limit)
  }

  /** Tries a delivery at once, also one that was given up. null: there is none such. */
  async retry(clientId: string, orderId: string, sequence: number): Promise<Delivery | null> {
    const delivery = await this.#store.webhooks.retry(clientId, orderId, sequence, this.#clock.now())
    this.#senders.get(clientId)?.nudge()
    return delivery
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#senders.values()].map((sender) => sender.stop()))
  }
}

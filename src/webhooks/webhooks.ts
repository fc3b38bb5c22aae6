import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { WebhookPoster } from './poster.ts'
import { WebhookSender, type DeliveryOutcome } from './sender.ts'
import type { WebhookConfig } from './target.ts'
import { WEBHOOK_TIMING, type WebhookTiming } from './timing.ts'
import type { Clock, EpochMs } from '../domain/time.ts'
import type { Hints } from '../orders/hints.ts'
import type { Store } from '../store/store.ts'
import type { Delivery, DeliveryState, WebhookRecord } from '../store/webhooks.ts'
import type { Surroundings } from '../upstream/connector.ts'

export interface ClientWebhook extends WebhookConfig {
  clientId: string
  /** When the client's key ends, and with it what is posted. null: never. */
  expiresAt: EpochMs | null
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
  readonly #options: Omit<WebhooksOptions, 'webhooks'>
  readonly #instanceId = randomUUID()
  readonly #senders = new Map<string, { webhook: ClientWebhook; sender: WebhookSender }>()
  readonly #stopping = new Set<Promise<void>>()
  #stopped = false

  private constructor(options: Omit<WebhooksOptions, 'webhooks'>) {
    this.#options = options
  }

  /** Takes up what is still to be delivered; a webhook that is new begins with the events from now on. */
  static async open({ webhooks, ...options }: WebhooksOptions): Promise<Webhooks> {
    const { store, clock } = options
    await store.transaction((stores) => stores.webhooks.forgetUnseen(clock.now()))
    const opened = new Webhooks(options)
    await opened.replace(webhooks)
    return opened
  }

  /**
   * Those of before that are not among these are told nothing more, from this moment; one that is as it was goes on
   * undisturbed. It ends when those that are new miss no event any more.
   */
  async replace(webhooks: readonly ClientWebhook[]): Promise<void> {
    if (this.#stopped) return
    const next = new Map(webhooks.map((webhook) => [webhook.clientId, webhook]))
    for (const [clientId, { webhook, sender }] of this.#senders) {
      if (isDeepStrictEqual(webhook, next.get(clientId))) continue
      this.#senders.delete(clientId)
      this.#stop(sender, next.has(clientId) ? undefined : 0)
    }
    const added = webhooks.filter(({ clientId }) => !this.#senders.has(clientId))
    await Promise.all(added.map((webhook) => this.#start(webhook).opened))
  }

  #start(webhook: ClientWebhook): WebhookSender {
    const { timing, surroundings, ...common } = this.#options
    const when: WebhookTiming = { ...WEBHOOK_TIMING, ...timing }
    const { clientId, expiresAt } = webhook
    const poster = new WebhookPoster(webhook, when.timeoutMs, surroundings)
    const sender = new WebhookSender({
      ...common,
      instanceId: this.#instanceId,
      clientId,
      expiresAt,
      poster,
      timing: when,
    })
    this.#senders.set(clientId, { webhook, sender })
    return sender
  }

  #stop(sender: WebhookSender, graceMs?: number): void {
    const stopping = sender.stop(graceMs).finally(() => this.#stopping.delete(stopping))
    this.#stopping.add(stopping)
  }

  /** null: this client has no webhook. */
  async status(clientId: string): Promise<WebhookStatus | null> {
    const told = this.#senders.get(clientId)
    const record = told && (await this.#options.store.webhooks.record(clientId))
    return record ? { ...record, clientId, host: told.sender.host } : null
  }

  /** The oldest first. */
  deliveries(clientId: string, state: DeliveryState, limit: number): Promise<Delivery[]> {
    return this.#options.store.webhooks.list(clientId, state, limit)
  }

  /** Tries a delivery at once, also one that was given up. null: there is none such. */
  async retry(clientId: string, orderId: string, sequence: number): Promise<Delivery | null> {
    const delivery = await this.#options.store.webhooks.retry(clientId, orderId, sequence, this.#options.clock.now())
    this.#senders.get(clientId)?.sender.nudge()
    return delivery
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const { sender } of this.#senders.values()) this.#stop(sender)
    await Promise.all(this.#stopping)
  }
}

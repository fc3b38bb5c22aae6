import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { WebhookConfig } from '../../src/webhooks/target.ts'
import type { WebhookTiming } from '../../src/webhooks/timing.ts'
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts'

export const KEY = 'the-wallet-key'
/** 32 bytes that say so. */
export const SECRET_BYTES = Buffer.from('thirty-two bytes, and no others.', 'utf8')
export const SECRET = `whsec_${SECRET_BYTES.toString('base64')}`

/** Minutes are milliseconds here. */
export const TIMING: Partial<WebhookTiming> = { retryDelaysMs: [20, 40], timeoutMs: 300 }

/** One client's view of a gateway. */
export type Asked = Pick<TestGateway, 'ask' | 'sandbox'>

export const clientWith = (webhook?: Partial<WebhookConfig>, name = 'wallet', key = KEY) => ({
  name,
  keySha256: createHash('sha256').update(key).digest('hex'),
  ...(webhook
    ? { webhook: { url: 'https://wallet.example', secret: SECRET, allowPrivateAddresses: true, ...webhook } }
    : {}),
})

export function startGateway(
  webhook: Partial<WebhookConfig> | undefined,
  options: TestGatewayOptions = {},
): Promise<TestGateway> {
  return startTestGateway({
    sandbox: { only: ['olive'], ...options.sandbox },
    key: KEY,
    ...options,
    webhooks: { ...options.webhooks, timing: { ...TIMING, ...options.webhooks?.timing } },
    config: options.config ?? { clients: [clientWith(webhook)] },
  })
}

/** Orders a channel; its first event is written then. */
export async function order(gateway: Asked, key = 'k1'): Promise<string> {
  const request = {
    clientPubkey: gateway.sandbox.wallet.pubkey,
    clientAddress: gateway.sandbox.wallet.address,
    lspBalanceSat: 1_000_000 + Number(key.replace(/\D/g, '')),
  }
  const { quotes } = await gateway.ask(
    'query ($request: ChannelRequestInput!) { quotes(request: $request) { quotes { id } } }',
    { request },
  )
  const { createOrder } = await gateway.ask(
    'mutation ($input: CreateOrderInput!) { createOrder(input: $input) { ... on Order { id } } }',
    { input: { quoteId: quotes.quotes[0].id, idempotencyKey: key } },
  )
  expect(createOrder.id).toBeTypeOf('string')
  return createOrder.id
}

export async function pay(gateway: Asked, id: string): Promise<void> {
  await gateway.ask('mutation ($id: ID!) { sandboxPay(id: $id) { state } }', { id })
}

export interface LoggedEvent {
  sequence: number
  state: string
  previousState: string | null
  message: string
  at: string
}

/** The log of an order, as GraphQL shows it. */
export async function eventsOf(gateway: Asked, id: string): Promise<LoggedEvent[]> {
  const { order: found } = await gateway.ask(
    'query ($id: ID!) { order(id: $id) { events { nodes { sequence state previousState message at: createdAt } } } }',
    { id },
  )
  return found.events.nodes
}

/** Asks again, without a pause of its own, until the answer is the one that is wanted. */
export async function eventually<T>(ask: () => Promise<T>, isWanted: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await ask()
    if (isWanted(value)) return value
    await new Promise((resolve) => setImmediate(resolve))
  }
}

export const STATUS =
  '{ webhook { host pendingCount oldestPendingAt givenUpCount lastSuccessAt lastFailureAt lastError disabledAt } }'

export async function deliveries(gateway: Asked, state: 'PENDING' | 'GIVEN_UP') {
  const { webhookDeliveries } = await gateway.ask(
    'query ($state: WebhookDeliveryState!) { webhookDeliveries(state: $state) { orderId sequence state attempts nextAttemptAt lastError } }',
    { state },
  )
  return webhookDeliveries as {
    orderId: string
    sequence: number
    state: string
    attempts: number
    nextAttemptAt: string | null
    lastError: string | null
  }[]
}

import { buyChannel, type BuyPolicy, type ChannelRequest, type CreateOrderAnswer } from './buy.ts'
import { FEED_EVENT, ORDER_EVENT, type FeedEvent, type OrderEvent } from './events.ts'
import { followLog } from './follow.ts'
import { ask, openSocket, type ConnectionOptions } from './transport.ts'

export type { BuyPolicy, ChannelRequest, CreateOrderAnswer, Purchase, PurchaseStore, QuoteChoice } from './buy.ts'
export type { FeedEvent, OrderEvent } from './events.ts'
export { SluiceError, type ConnectionOptions } from './transport.ts'
export { KEYLESS_TYPES, POSSIBLE_TYPES } from './schema-facts.ts'
export { apolloCachePolicies, graphcacheKeys } from './caches.ts'

export interface SluiceClient {
  /**
   * Sends a query, or a mutation that is safe to repeat, until it is answered.
   * @throws SluiceError for an error that a retry does not help against
   */
  ask: <Data>(query: string, variables?: Record<string, unknown>) => Promise<Data>
  /**
   * Events of an order, each once and in order, over restarts of the gateway and broken connections. `after`: sequence
   * number of the last event that you have; 0: from the first; absent: from the latest. Ends when the order is final.
   * @throws SluiceError
   */
  follow: (orderId: string, options?: { after?: number }) => AsyncGenerator<OrderEvent, void, undefined>
  /**
   * Everything that happens for this client. `after`: cursor of the last event that you have; absent: from now on. Never
   * ends by itself. @throws SluiceError, also with the code UNKNOWN_CURSOR after a restore of the gateway's database
   */
  followAll: (options?: { after?: string }) => AsyncGenerator<FeedEvent, void, undefined>
  /**
   * Compares, chooses and orders. Writes its choice and its idempotency key to `policy.store` before it sends the order:
   * called again after a crash, it continues with the same key and never orders twice. @throws SluiceError
   */
  buy: (request: ChannelRequest, policy: BuyPolicy) => Promise<CreateOrderAnswer>
  /** Closes the connection. Iterators end. */
  close: () => void
}

/** A client of one gateway. Subscriptions share one WebSocket, which is opened with the first. */
export function createSluiceClient(options: ConnectionOptions): SluiceClient {
  const socket = openSocket(options)
  return {
    ask: (query, variables) => ask(options, query, variables),
    follow: (orderId, { after } = {}) =>
      followLog<OrderEvent, number>(socket, {
        query: `subscription ($id: ID!, $afterSequence: Int) {
          orderUpdated(id: $id, afterSequence: $afterSequence) { ${ORDER_EVENT} }
        }`,
        variables: { id: orderId },
        resumeBy: 'afterSequence',
        after: after ?? null,
        field: 'orderUpdated',
        positionOf: ({ sequence }) => sequence,
        isRepeat: (sequence, last) => sequence <= last,
      }),
    async *followAll({ after } = {}) {
      // "From now on" has to mean the same after a reconnection.
      const from =
        after ?? (await ask<{ latestEventCursor: string }>(options, '{ latestEventCursor }')).latestEventCursor
      yield* followLog<FeedEvent, string>(socket, {
        query: `subscription ($after: String) { events(after: $after) { ${FEED_EVENT} } }`,
        variables: {},
        resumeBy: 'after',
        after: from,
        field: 'events',
        positionOf: ({ cursor }) => cursor,
        isRepeat: (cursor, last) => cursor === last,
      })
    },
    buy: (request, policy) => buyChannel((query, variables) => ask(options, query, variables), request, policy),
    close: () => void socket.dispose(),
  }
}

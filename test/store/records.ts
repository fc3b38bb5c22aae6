import { uuidv7 } from 'uuidv7'
import { sat } from '../../src/domain/money.ts'
import { NO_PAYMENT } from '../../src/domain/payment.ts'
import type { Order, OrderEvent } from '../../src/domain/order-record.ts'
import type { Quote } from '../../src/domain/quote.ts'
import type { Renewal } from '../../src/domain/renewal-record.ts'
import { termsOf, type ChannelRequest } from '../../src/domain/request.ts'
import type { OrderPage, Tracking } from '../../src/store/orders.ts'
import type { Placement } from '../../src/store/placements.ts'
import type { Store } from '../../src/store/store.ts'

// Records as they are kept, of no particular order.

export const NOW = 1_800_000_000_000
export const LSP = 'olive'
export const CLIENT = 'anyone'

export const REQUEST: ChannelRequest = {
  clientPubkey: `02${'ab'.repeat(32)}`,
  clientAddress: null,
  lspBalanceSat: sat(1_000_000),
  clientBalanceSat: sat(0),
  channelExpiryBlocks: 13_140,
  requiredChannelConfirmations: null,
  fundingConfirmsWithinBlocks: null,
  announceChannel: false,
  refundOnchainAddress: null,
  token: null,
  asset: null,
}

export function orderRecord(changes: Partial<Order> = {}): Order {
  return {
    id: uuidv7(),
    clientId: CLIENT,
    lspId: LSP,
    quoteId: uuidv7(),
    placementId: uuidv7(),
    state: 'AWAITING_PAYMENT',
    sequence: 1,
    request: REQUEST,
    terms: termsOf(REQUEST),
    feeTotalSat: sat(1_000),
    orderTotalSat: sat(1_000),
    payment: NO_PAYMENT,
    checks: [],
    paymentWarning: null,
    channel: null,
    asset: null,
    refund: null,
    lnurlChannel: null,
    jit: null,
    failureReason: null,
    openRequest: null,
    lspOrderId: 'lsp-1',
    lspState: null,
    createdAt: NOW,
    updatedAt: NOW,
    expiresAt: null,
    checkedAt: null,
    paymentSeenAt: null,
    fundedAt: null,
    ...changes,
  }
}

export const TRACKING: Tracking = { nextReadAt: NOW, failures: 0, openAttempts: 0, final: false }

export function eventOf(order: Order, message = 'ordered'): OrderEvent {
  return {
    orderId: order.id,
    clientId: order.clientId,
    sequence: order.sequence,
    at: NOW,
    previousState: null,
    state: order.state,
    message,
    order,
  }
}

export function quoteRecord(changes: Partial<Quote> = {}): Quote {
  return {
    id: uuidv7(),
    clientId: CLIENT,
    lspId: LSP,
    basis: 'ESTIMATED',
    feeTotalSat: sat(1_000),
    orderTotalSat: sat(1_000),
    bolt11FeeTotalSat: null,
    onchainFeeTotalSat: null,
    terms: termsOf(REQUEST),
    notes: [],
    checks: [],
    request: REQUEST,
    placementId: null,
    createdAt: NOW,
    observedAt: null,
    expiresAt: null,
    ...changes,
  }
}

type Intent = Parameters<Store['placements']['intend']>[0]

export function intentRecord(changes: Partial<Intent> = {}): Intent {
  return {
    id: uuidv7(),
    clientId: CLIENT,
    lspId: LSP,
    question: 'q',
    purpose: 'QUOTE',
    intendedAt: NOW,
    standsUntil: NOW + 60_000,
    request: REQUEST,
    email: null,
    agreed: null,
    ...changes,
  }
}

/** What an intent becomes when the LSP answers with an order. */
export function standing(intent: Intent, changes: Partial<Placement> = {}): Placement {
  return {
    ...intent,
    status: 'STANDING',
    orderId: null,
    lspOrderId: 'lsp-1',
    accessToken: 'secret',
    reading: null,
    offer: null,
    failure: null,
    ...changes,
  }
}

export async function insertOrder(
  store: Store,
  changes: Partial<Order> = {},
  tracking: Partial<Tracking> = {},
): Promise<Order> {
  const order = orderRecord(changes)
  await store.orders.insert(order, { ...TRACKING, ...tracking })
  return order
}

export async function saveLsp(store: Store, id: string = LSP): Promise<void> {
  await store.lsps.save({
    id,
    name: id,
    protocol: 'LSPS1',
    network: 'REGTEST',
    url: `https://${id}.example`,
    website: null,
    info: null,
    settings: null,
  })
}

export function renewalRecord(changes: Partial<Renewal> = {}): Renewal {
  return {
    id: uuidv7(),
    clientId: CLIENT,
    lspId: LSP,
    shortChannelId: '1x1x1',
    lspOrderId: 'renewal-1',
    state: 'AWAITING_PAYMENT',
    feeTotalSat: sat(1_000),
    payment: NO_PAYMENT,
    channel: null,
    renewedUntil: null,
    paymentSeenAt: null,
    createdAt: NOW,
    updatedAt: NOW,
    ...changes,
  }
}

/** The first page of a client's orders, without a filter. */
export const ALL_ORDERS: OrderPage = {
  after: null,
  before: null,
  inverted: false,
  states: null,
  lspIds: null,
  clientPubkey: null,
  reference: null,
  createdAfter: null,
  createdBefore: null,
  leaseEndsBefore: null,
}

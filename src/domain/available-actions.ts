import { isDeliveryStopped } from './order-asset.ts'
import { isUnverifiedImport, type Order } from './order-record.ts'
import type { OrderState } from './order.ts'

export const ORDER_ACTIONS = ['DECIDE_RATE', 'OPEN_CHANNEL', 'REQUEST_REFUND', 'RETRY_ASSET_DELIVERY'] as const
export type OrderAction = (typeof ORDER_ACTIONS)[number]

const REFUNDABLE: readonly OrderState[] = [
  'UNDERPAID',
  'PAYMENT_HELD',
  'PAID',
  'RATE_DECISION_REQUIRED',
  'CHANNEL_OPENING',
  'EXPIRED',
  'FAILED',
  'REFUND_PENDING',
  'UNKNOWN',
]

/** The states in which the gateway passes an action on to the LSP; null: any, the LSP decides. */
export const ACTION_STATES: Readonly<Record<OrderAction, readonly OrderState[] | null>> = {
  DECIDE_RATE: ['RATE_DECISION_REQUIRED'],
  OPEN_CHANNEL: ['PAID'],
  REQUEST_REFUND: REFUNDABLE,
  RETRY_ASSET_DELIVERY: null,
}

/** The actions that make sense now. `supports`: whether the LSP's protocol has a call for it. */
export function availableActions(order: Order, supports: (action: OrderAction) => boolean): OrderAction[] {
  if (order.lspOrderId === null || isUnverifiedImport(order)) return []
  return ORDER_ACTIONS.filter((action) => {
    const states = ACTION_STATES[action]
    return supports(action) && (states === null || states.includes(order.state)) && isUseful(action, order)
  })
}

function isUseful(action: OrderAction, order: Order): boolean {
  switch (action) {
    case 'RETRY_ASSET_DELIVERY':
      return isDeliveryStopped(order) && order.isRetryRefused !== true
    case 'REQUEST_REFUND':
      return order.refund?.state === 'AVAILABLE' || (order.refund === null && order.paymentSeenAt !== null)
    default:
      return true
  }
}

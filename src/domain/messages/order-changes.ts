/** Each kind of change to an order, and what it means. A code keeps its meaning. */
export const ORDER_CHANGE_CODES = {
  ORDER_PLACED: 'The order was placed. newValue is its state.',
  ORDER_IMPORTED: 'The order was imported from another gateway. newValue is its state.',
  ANSWERED_LATE: "The LSP's answer to the order came late. newValue is the order's state.",
  STATE_CHANGED: "The order's state changed. Both values are of OrderState.",
  LSP_STATE_UNKNOWN: 'The LSP reports a state that the gateway does not know. newValue is the word of the LSP.',
  LSP_FORGOT_ORDER: 'The LSP says that it does not know the order.',
  LSP_KNOWS_ORDER: 'The LSP knows the order again.',
  POLLING_ENDED: 'The gateway no longer polls the order.',
  EXPIRED_UNREPORTED: 'The time to pay has passed, and the LSP gave no report. newValue is why.',
  PAYMENT_CHANGED: 'The state of a payment option changed. Both values are of PaymentState.',
  PAID_AMOUNT_CHANGED: 'A payment arrived. Both values are satoshis that have arrived in all.',
  PAYMENT_CONFIRMED: 'The LSP confirmed what is to be paid.',
  PAYMENT_WITHHELD: 'The payment must not be made. newValue is why.',
  REPORTED_OPEN_AGAIN: 'The LSP reports the ended order as open again.',
  PRICE_CHANGED: "The order's total changed. Both values are satoshis.",
  TERM_CHANGED: 'The LSP changed a term of the channel, which the message names.',
  EXPIRY_CHANGED: 'The time until which the order can be paid changed. Both values are times.',
  CHECK_CHANGED: 'A check of a later report did not pass. newValue is what the LSP reported.',
  CHANNEL_CHANGED: "The channel's state changed. Both values are of ChannelState.",
  FUNDING_OUTPOINT_CHANGED: 'The funding outpoint changed. Both values are outpoints.',
  SHORT_CHANNEL_ID_CHANGED: 'The short channel id changed.',
  CLOSING_TXID_CHANGED: 'The closing transaction changed. Both values are transaction ids.',
  LEASE_END_CHANGED: 'The end of the lease changed. Both values are times.',
  LEASE_ENDS: 'A reminder: the lease ends at newValue.',
  REFUND_CHANGED: "The refund's state changed. Both values are of RefundState.",
  ASSET_CHANGED: 'The LSP changed the asset or an amount of it, which the message names.',
  ASSET_PRICE_CHANGED: 'The price of the asset changed. Both values are satoshis.',
  ASSET_DELIVERY_CHANGED: 'The delivery of the asset changed. Both values are of AssetDeliveryState.',
  LNURL_CHANNEL_CHANGED: 'The LSP gave an LNURL that opens the channel.',
  JIT_CHANNEL_CHANGED: 'The LSP gave a route hint with which a first payment opens the channel.',
  FAILURE_REASON_CHANGED: 'The LSP gave a reason of the failure.',
  OPENING_REQUESTED: 'The LSP agreed to open the channel.',
  OPENING_FAILED: 'The LSP could not open the channel. newValue is why.',
  ACTION_DONE: 'The LSP accepted what the client asked for. newValue is the answer of the LSP.',
  ACTION_WARNING: 'A warning about what the client asked for.',
} as const

export type OrderChangeCode = keyof typeof ORDER_CHANGE_CODES

/** One thing that an event changed. The values are text: null, where there was none. */
export interface OrderChange {
  code: OrderChangeCode
  oldValue: string | null
  newValue: string | null
  message: string
}

type Value = string | number | null | undefined

export function changeOf(code: OrderChangeCode, message: string, newValue?: Value, oldValue?: Value): OrderChange {
  return { code, oldValue: textOf(oldValue), newValue: textOf(newValue), message }
}

const textOf = (value: Value) => (value === null || value === undefined ? null : String(value))

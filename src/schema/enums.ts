import { builder } from './builder.ts'
import type { OrderAction } from '../domain/available-actions.ts'
import type { FailureCode } from '../domain/failure.ts'
import { LSP_FEATURES, NETWORKS, type AssetSchema } from '../domain/lsp.ts'
import type { LimitName, LimitUnit } from '../domain/limits.ts'
import { NEXT_STEP_CODES, type NextStepCode } from '../domain/messages/next-step-codes.ts'
import { ORDER_CHANGE_CODES, type OrderChangeCode } from '../domain/messages/order-changes.ts'
import type { Actor, NextAction } from '../domain/next-step.ts'
import type { Payability } from '../domain/payability.ts'
import type { PaymentMethod } from '../domain/payment.ts'
import type { RenewalState } from '../domain/renewal-step.ts'
import { CHECK_CODES, CHECK_VERDICTS } from '../domain/offer.ts'
import {
  ASSET_DELIVERY_STATUSES,
  PAYMENT_STATES,
  REFUND_STATES,
  type ChannelState,
  type OrderState,
} from '../domain/order.ts'
import type { FirmPolicy, PriceBasis, QuoteNoteCode, QuoteRanking } from '../domain/quote.ts'
import type { LspProtocol } from '../domain/lsp.ts'
import { LSP_STATES } from '../upstream/lsp.ts'

/** An enum whose every value is described; the compiler sees to it that none is forgotten. */
function described<Value extends string>(descriptions: Readonly<Record<Value, string | null>>) {
  return Object.fromEntries(
    Object.entries<string | null>(descriptions).map(([name, description]) => [
      name,
      description === null ? {} : { description },
    ]),
  ) as Record<Value, { description?: string }>
}

export const NetworkEnum = builder.enumType('BitcoinNetwork', { values: NETWORKS })

export const LspProtocolEnum = builder.enumType('LspProtocol', {
  values: described<LspProtocol>({
    LSPS1: 'bLIP-51, the final LSPS1, as LSPs deploy it over HTTP.',
    KALEIDOSWAP: 'Kaleidoswap RGB-LSP.',
    THUNDERSTACK: 'ThunderStack RGB LSPS1.',
    CHANNEL_REQUEST_V0_0_1: 'LSP channel request, draft 0.0.1.',
    CHANNEL_REQUEST_V0_0_2: 'LSPS1 channel request, draft 0.0.2.',
  }),
})

export const AssetSchemaEnum = builder.enumType('AssetSchema', {
  description: 'An RGB contract schema. More values may follow.',
  values: described<AssetSchema>({
    NIA: 'Non-inflatable fungible asset.',
    UDA: 'Unique digital asset.',
    CFA: 'Collectible fungible asset.',
  }),
})
export const LspFeatureEnum = builder.enumType('LspFeature', { values: LSP_FEATURES })
export const LspStateEnum = builder.enumType('LspState', { values: LSP_STATES })

export const FirmPolicyEnum = builder.enumType('FirmPolicy', {
  values: described<FirmPolicy>({
    NEVER: 'Never place an order with an LSP just to learn its price.',
    WHEN_NEEDED:
      "Place an unpaid order only with an LSP that can give its price in no other way, within that LSP's courtesy budget.",
    ALWAYS: 'A price that the LSP is bound to, from every LSP, within the courtesy budgets.',
  }),
})

export const QuoteRankingEnum = builder.enumType('QuoteRanking', {
  values: described<QuoteRanking>({
    TOTAL_FEE: null,
    ANNUAL_RATE: "Fee as a yearly rate on the LSP's balance: what makes different lease lengths comparable.",
    SPEED: 'How soon the channel opens, by what was measured.',
    RELIABILITY: 'How often orders at this LSP ended well, by what was measured.',
  }),
})

export const PriceBasisEnum = builder.enumType('PriceBasis', {
  values: described<PriceBasis>({
    FIRM: 'The LSP is bound to it until it expires: an unpaid order stands behind it.',
    ESTIMATED: "The LSP's own estimate.",
    COMPUTED: "Computed here from the LSP's published tariff.",
    OBSERVED: 'What this LSP last asked for the same channel; see observedAt.',
  }),
})

export const QuoteNoteCodeEnum = builder.enumType('QuoteNoteCode', {
  values: described<QuoteNoteCode>({
    TERMS_ADJUSTED: null,
    PEER_CONNECTION_REQUIRED: null,
    NO_ONCHAIN_REFUND_ADDRESS: null,
    PAYEE_IS_NOT_LSP_NODE: null,
    LARGE_CHANNEL: null,
    STALE_LIMITS: null,
    ZERO_CONF: 'The channel is usable before its funding transaction confirms.',
    FITTED: 'The price is estimated from prices that the LSP asked for other channels; see Quote.fit.',
    ONCHAIN_REFUND_IS_UNKNOWN: 'The LSP takes on-chain payments, and its protocol has no field for a refund address.',
    ANNOUNCEMENT_IS_UNKNOWN: 'The protocol has no field for announceChannel: the LSP decides.',
  }),
})

export const FailureCodeEnum = builder.enumType('FailureCode', {
  values: described<FailureCode>({
    OPTION_MISMATCH: "Outside the LSP's limits; see `limit`.",
    UNSUPPORTED: "This LSP's protocol cannot express the request.",
    CLIENT_REJECTED: 'The LSP refuses this client.',
    INVALID_TOKEN: null,
    PEER_NOT_CONNECTED: null,
    PRICE_UNKNOWN:
      'No price may be asked for now: the LSP tells one by an order that the policy or the courtesy budget forbids, or its budget of estimates is spent.',
    RATE_LIMITED: null,
    TIMEOUT: null,
    UNAVAILABLE: 'No connection, or a server error.',
    BAD_RESPONSE: 'An answer that is not what its protocol says.',
    UNTRUSTWORTHY: 'Its figures, or its invoice, do not add up.',
    INVALID_REQUEST: 'The LSP rejects the request as invalid; see `field`.',
    NOT_FOUND: 'The LSP does not know the order.',
    WRONG_STATE: 'The LSP finds the order in another state.',
  }),
})

export const OrderStateEnum = builder.enumType('OrderState', {
  values: described<OrderState>({
    OUTCOME_UNKNOWN: 'Sent to the LSP; its answer never came, so whether it stands is not known. Nothing was paid.',
    AWAITING_PAYMENT: null,
    UNDERPAID: 'Less than the total has arrived.',
    PAYMENT_HELD: 'A hold invoice is paid: the money moves only when the channel opens.',
    PAID: 'Paid, or there was nothing to pay; the channel is not on its way yet.',
    RATE_DECISION_REQUIRED: 'The LSP repriced it and waits for decideRate.',
    CHANNEL_OPENING: 'The LSP is opening the channel, and has not called the order complete.',
    COMPLETED:
      'The LSP has published the funding transaction, which is what bLIP-51 means by it; Order.channel tells the rest.',
    EXPIRED: 'Not paid in time. A payment may still arrive late, and the order then moves on.',
    FAILED: null,
    REFUND_PENDING: null,
    REFUNDED: null,
    UNKNOWN: 'The LSP used a word this gateway does not know; see lspState.',
  }),
})

export const PaymentStateEnum = builder.enumType('PaymentState', {
  description: 'REFUNDED only if a payment was ever seen: some LSPs report every unpaid offer that lapses as refunded.',
  values: PAYMENT_STATES,
})

export const ChannelStateEnum = builder.enumType('ChannelState', {
  values: described<ChannelState>({
    PENDING: 'Being set up; no funding transaction is known.',
    OPENING: 'The funding transaction is published. LSPs that speak LSPS1 tell no more than this.',
    OPEN: null,
    CLOSING: null,
    CLOSED: null,
    FAILED: null,
    UNKNOWN: null,
  }),
})

export const RefundStateEnum = builder.enumType('RefundState', { values: REFUND_STATES })
export const AssetDeliveryStateEnum = builder.enumType('AssetDeliveryState', { values: ASSET_DELIVERY_STATUSES })
export const NextStepActorEnum = builder.enumType('NextStepActor', {
  values: described<Actor>({
    CLIENT: null,
    GATEWAY: 'The gateway acts by itself. Keep the node connected to the LSP.',
    LSP: null,
    NOBODY: null,
  }),
})
export const NextStepActionEnum = builder.enumType('NextStepAction', {
  values: described<NextAction>({
    PAY: 'Use one of the payment options of the order.',
    TOP_UP: 'Pay the rest on-chain; see the message.',
    DO_NOT_PAY: 'Payment is withheld; the message says why.',
    CONNECT_PEER: 'Connect the node to the LSP.',
    OPEN_CHANNEL: 'Call openChannel.',
    DECIDE_RATE: 'Call decideRate. Order.asset has the new price and the new total.',
    RETRY_ASSET_DELIVERY: 'Call retryAssetDelivery.',
    REQUEST_REFUND: 'Call requestRefund.',
    CONTACT_LSP: 'Something was paid, and the gateway cannot resolve it. Quote lspOrderId to the LSP.',
    RENEW: 'The lease ends soon. Call renewChannel to extend it.',
    WAIT: 'Nothing to do for now; actor names who acts.',
    NOTHING: 'The order has ended.',
  }),
})
export const NextStepCodeEnum = builder.enumType('NextStepCode', {
  description: 'Identifies the next step, so that wallets can show their own text. More values may follow.',
  values: described<NextStepCode>(NEXT_STEP_CODES),
})
export const OrderChangeCodeEnum = builder.enumType('OrderChangeCode', {
  description: 'What an event changed. More values may follow.',
  values: described<OrderChangeCode>(ORDER_CHANGE_CODES),
})
export const LimitNameEnum = builder.enumType('LimitName', {
  description: 'Which limit of the LSP. More values may follow.',
  values: described<LimitName>({
    LSP_BALANCE: "Balance on the LSP's side.",
    CLIENT_BALANCE: "Balance on the client's side.",
    CHANNEL_BALANCE: 'Sum of both balances.',
    CHANNEL_EXPIRY: 'Length of the lease.',
    REQUIRED_CHANNEL_CONFIRMATIONS: 'Confirmations before the channel is usable.',
    FUNDING_CONFIRMATION: 'Blocks within which the funding transaction confirms.',
    ONCHAIN_PAYMENT: 'Size of an on-chain payment.',
    LSP_ASSET_AMOUNT: "Amount of the asset on the LSP's side.",
    CLIENT_ASSET_AMOUNT: "Amount of the asset on the client's side.",
    CHANNEL_ASSET_AMOUNT: 'Amount of the asset on both sides.',
  }),
})
export const LimitUnitEnum = builder.enumType('LimitUnit', {
  description: 'Unit of a limit. More values may follow.',
  values: described<LimitUnit>({
    SAT: 'Satoshis.',
    BLOCKS: 'Blocks.',
    CONFIRMATIONS: 'Confirmations.',
    ASSET_UNITS: "The asset's smallest unit.",
  }),
})
export const CheckCodeEnum = builder.enumType('CheckCode', { values: CHECK_CODES })
export const CheckVerdictEnum = builder.enumType('CheckVerdict', { values: CHECK_VERDICTS })

export const PaymentMethodEnum = builder.enumType('PaymentMethod', {
  description: 'A way to pay. More values may follow.',
  values: described<PaymentMethod>({
    BOLT11: 'A BOLT 11 invoice.',
    BOLT12: 'A BOLT 12 offer.',
    ONCHAIN: 'An on-chain address.',
  }),
})

export const PayabilityEnum = builder.enumType('Payability', {
  description: 'Whether to pay. Treat a value that you do not know as: do not pay.',
  values: described<Payability>({
    PAYABLE: 'At least one payment option can be paid now.',
    PAID: 'Paid, or payment seen: do not pay again.',
    NOTHING_DUE: 'The LSP asks nothing for this channel.',
    WITHHELD: 'Do not pay: verification failed, or the LSP changed or lost the order.',
    EXPIRED: 'Too late to pay.',
  }),
})

export const OrderActionEnum = builder.enumType('OrderAction', {
  description: "The mutations that an order's client may call now. More values may follow.",
  values: described<OrderAction>({
    DECIDE_RATE: 'decideRate',
    OPEN_CHANNEL: 'openChannel',
    REQUEST_REFUND: 'requestRefund',
    RETRY_ASSET_DELIVERY: 'retryAssetDelivery',
  }),
})

export const RenewalStateEnum = builder.enumType('RenewalState', {
  description: 'State of a renewal. More values may follow.',
  values: described<RenewalState>({
    OUTCOME_UNKNOWN: 'Sent to the LSP, but no answer came. Nothing was paid.',
    AWAITING_PAYMENT: 'The LSP waits for the payment.',
    UNDERPAID: 'Less than the total was paid.',
    PAYMENT_HELD: 'The hold invoice is paid. The payment settles only when the LSP renews the channel.',
    PAID: 'Paid. The LSP has not renewed the channel yet.',
    RENEWED: 'The LSP keeps the channel open until renewedUntil.',
    EXPIRED: 'Not paid in time.',
    FAILED: 'The LSP did not renew the channel; see failureReason.',
    REFUND_PENDING: 'The LSP has to refund the payment.',
    REFUNDED: 'The LSP refunded the payment.',
    UNKNOWN: 'The LSP reported a state that this gateway does not know; see lspState.',
  }),
})

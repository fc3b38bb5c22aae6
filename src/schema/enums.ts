import { builder } from './builder.ts'
import type { OrderAction } from '../domain/available-actions.ts'
import type { CheckVerdict } from '../domain/checks.ts'
import type { LimitName, LimitUnit } from '../domain/limits.ts'
import type { AssetSchema, LspFeature, LspProtocol, Network } from '../domain/lsp.ts'
import { CHECK_CODES, type CheckCode } from '../domain/messages/check-codes.ts'
import { FAILURE_CODES, type FailureCode } from '../domain/messages/failure-codes.ts'
import { NEXT_STEP_CODES, type NextStepCode } from '../domain/messages/next-step-codes.ts'
import { QUOTE_NOTE_CODES, type QuoteNoteCode } from '../domain/messages/note-codes.ts'
import { ORDER_CHANGE_CODES, type OrderChangeCode } from '../domain/messages/order-changes.ts'
import type { Actor, NextAction } from '../domain/next-step.ts'
import type { AssetDeliveryStatus, ChannelState, OrderState, PaymentState, RefundState } from '../domain/order.ts'
import type { Payability } from '../domain/payability.ts'
import type { PaymentMethod } from '../domain/payment.ts'
import type { FirmPolicy, PriceBasis, QuoteRanking } from '../domain/quote.ts'
import type { RenewalState } from '../domain/renewal-step.ts'
import type { LspState } from '../upstream/lsp.ts'

/** An enum whose every value is described; the compiler sees to it that none is forgotten. */
function described<Value extends string>(descriptions: Readonly<Record<Value, string>>) {
  return Object.fromEntries(
    Object.entries<string>(descriptions).map(([name, description]) => [name, { description }]),
  ) as Record<Value, { description: string }>
}

export const NetworkEnum = builder.enumType('BitcoinNetwork', {
  description: 'A Bitcoin network. More values may follow.',
  values: described<Network>({
    MAINNET: 'The main network.',
    TESTNET: 'The third test network.',
    TESTNET4: 'The fourth test network.',
    SIGNET: 'The default signet.',
    REGTEST: 'A private network for tests.',
  }),
})

export const LspProtocolEnum = builder.enumType('LspProtocol', {
  description: 'The wire protocol that the gateway speaks to an LSP. More values may follow.',
  values: described<LspProtocol>({
    LSPS1: 'bLIP-51 (LSPS1).',
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

export const LspFeatureEnum = builder.enumType('LspFeature', {
  description: 'What an LSP can do beyond a channel for an invoice. More values may follow.',
  values: described<LspFeature>({
    CLIENT_BALANCE: "The channel can have a balance on the client's side.",
    ONCHAIN_PAYMENT: 'Orders can be paid on-chain.',
    FEE_ESTIMATE: 'The LSP gives prices without an order.',
    LNURL_CHANNEL: 'An LNURL opens the paid channel.',
    REFUND: 'The client can request a refund.',
    JIT_CHANNEL: 'A first payment can open the channel.',
    RENEWAL: 'The lease of a channel can be extended.',
    OPEN_ON_REQUEST: 'The LSP opens a paid channel when it is asked to.',
    RATE_DECISION: 'The LSP asks the client when the price of an asset changes.',
    RGB_ASSETS: 'Channels can hold RGB assets.',
    ZERO_RESERVE: 'Channels need no reserve.',
  }),
})

export const LspStateEnum = builder.enumType('LspState', {
  description: 'Whether an LSP answers. More values may follow.',
  values: described<LspState>({
    UP: 'The LSP answers.',
    DEGRADED: 'Some of the latest requests failed, or the LSP asked for a pause.',
    DOWN: 'The latest requests failed. The gateway tries again at retryAt.',
    UNKNOWN: 'Not asked yet, or not configured at this instance.',
    RETIRED: 'Removed by the operator. Its orders are still followed; it is not in `lsps`.',
  }),
})

export const FirmPolicyEnum = builder.enumType('FirmPolicy', {
  description: 'Whether the gateway may place an unpaid order at an LSP to learn its price.',
  values: described<FirmPolicy>({
    NEVER: 'Never place an order to learn a price.',
    WHEN_NEEDED: 'Place an order only at LSPs that give prices in no other way, within the courtesy budget.',
    ALWAYS: 'Place an order at every LSP, within the courtesy budgets, so that every price is binding.',
  }),
})

export const QuoteRankingEnum = builder.enumType('QuoteRanking', {
  description: 'What quotes are sorted by. More values may follow.',
  values: described<QuoteRanking>({
    TOTAL_FEE: 'Fee by the cheapest payment option.',
    ANNUAL_RATE: "Fee as an annual rate on the LSP's balance. Use it to compare leases of different lengths.",
    SPEED: 'Measured time from payment to channel.',
    RELIABILITY: 'Measured share of orders that completed, weighted by sample size.',
  }),
})

export const PriceBasisEnum = builder.enumType('PriceBasis', {
  description: 'How binding a price is. More values may follow.',
  values: described<PriceBasis>({
    FIRM: 'Binding until it expires: an unpaid order at the LSP backs it.',
    ESTIMATED: "The LSP's own estimate, or an estimate from its latest prices; see Quote.fit.",
    COMPUTED: "Computed from the LSP's published tariff.",
    OBSERVED: 'The last price that the LSP asked for the same channel; see observedAt.',
  }),
})

export const QuoteNoteCodeEnum = builder.enumType('QuoteNoteCode', {
  description: 'What to know before ordering. More values may follow.',
  values: described<QuoteNoteCode>(QUOTE_NOTE_CODES),
})

export const FailureCodeEnum = builder.enumType('FailureCode', {
  description: 'Why an LSP gave no price or no order. More values may follow.',
  values: described<FailureCode>(FAILURE_CODES),
})

export const OrderStateEnum = builder.enumType('OrderState', {
  description: 'State of an order. More values may follow: for an unknown one, go by nextStep, payability and isFinal.',
  values: described<OrderState>({
    OUTCOME_UNKNOWN:
      'Sent to the LSP, but no answer came: it is not known whether the LSP has the order. Nothing was paid.',
    AWAITING_PAYMENT: 'The LSP waits for the payment.',
    UNDERPAID: 'Less than the total was paid.',
    PAYMENT_HELD: 'The hold invoice is paid. The payment settles only when the channel opens.',
    PAID: 'Paid, or nothing was due. The LSP has not started opening the channel.',
    RATE_DECISION_REQUIRED: 'The LSP changed the price and waits for decideRate.',
    CHANNEL_OPENING: 'The LSP is opening the channel; the funding transaction is not known yet.',
    COMPLETED:
      "The LSP has published the funding transaction (bLIP-51's meaning of COMPLETED). Order.channel has the channel's own state.",
    EXPIRED: 'Not paid in time. If a payment arrives late, the order continues.',
    FAILED: 'The LSP does not open the channel; see failureReason.',
    REFUND_PENDING: 'The LSP has to refund the payment.',
    REFUNDED: 'The LSP refunded the payment.',
    UNKNOWN: 'The LSP reported a state that this gateway does not know; see lspState.',
  }),
})

export const PaymentStateEnum = builder.enumType('PaymentState', {
  description:
    'State of a payment option, as the LSP reports it. More values may follow. REFUNDED only if a payment was seen: some LSPs report every unpaid offer that expires as refunded.',
  values: described<PaymentState>({
    EXPECT_PAYMENT: 'The LSP waits for the payment.',
    UNDERPAID: 'Less than the total has arrived.',
    HOLD: 'The LSP holds the payment until the channel opens.',
    PAID: 'The payment has arrived.',
    TO_REFUND: 'The LSP has to refund the payment.',
    REFUNDED: 'The LSP refunded the payment.',
    EXPIRED: 'Too late to pay.',
    FAILED: 'The payment failed, or the LSP withdrew the option.',
    UNKNOWN: 'The LSP reports a state that the gateway does not know.',
  }),
})

export const ChannelStateEnum = builder.enumType('ChannelState', {
  description: 'State of a channel. More values may follow.',
  values: described<ChannelState>({
    PENDING: 'Being negotiated; no funding transaction is known.',
    OPENING: 'The funding transaction is published. LSPS1 and Kaleidoswap report nothing beyond this.',
    OPEN: 'The channel can be used.',
    CLOSING: 'The channel is being closed.',
    CLOSED: 'The channel is closed.',
    FAILED: 'The channel was not opened.',
    UNKNOWN: 'The LSP reports a state that the gateway does not know.',
  }),
})

export const RefundStateEnum = builder.enumType('RefundState', {
  description: 'State of a refund. More values may follow.',
  values: described<RefundState>({
    UNSUPPORTED: 'The protocol has no refund on request.',
    AVAILABLE: 'The client can call requestRefund.',
    IN_FLIGHT: 'Requested, or on its way.',
    PAID_OUT: 'The LSP paid it.',
  }),
})

export const AssetDeliveryStateEnum = builder.enumType('AssetDeliveryState', {
  description: 'How far the delivery of a bought asset is. More values may follow.',
  values: described<AssetDeliveryStatus>({
    NOT_REQUIRED: 'The client buys no asset.',
    PENDING: 'Not begun.',
    IN_PROGRESS: 'The LSP sends the asset.',
    COMPLETED: 'The client has the asset.',
    FAILED: 'The LSP could not send the asset.',
    RATE_CHANGED: 'The price of the asset changed before the delivery.',
  }),
})

export const NextStepActorEnum = builder.enumType('NextStepActor', {
  description: 'Who acts next.',
  values: described<Actor>({
    CLIENT: 'The client, by `action`.',
    GATEWAY: 'The gateway acts by itself. Keep the node connected to the LSP.',
    LSP: 'The LSP. Keep the node connected to it.',
    NOBODY: 'Nothing more is expected.',
  }),
})
export const NextStepActionEnum = builder.enumType('NextStepAction', {
  description: 'What the actor does. More values may follow: for an unknown one, show nextStep.message.',
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
export const CheckCodeEnum = builder.enumType('CheckCode', {
  description: 'What a check verifies. More values may follow: for an unknown one, go by verdict.',
  values: described<CheckCode>(CHECK_CODES),
})
export const CheckVerdictEnum = builder.enumType('CheckVerdict', {
  description: 'Result of a check.',
  values: described<CheckVerdict>({
    PASSED: 'As expected.',
    WARNING: 'Not as expected, and no reason not to pay; or one payment option is withheld.',
    FAILED: 'Not as expected. The payment option, or the whole offer, is withheld.',
  }),
})

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

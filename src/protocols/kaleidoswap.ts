import { z } from 'zod'
import type { Adapter, LspCall, OrderRef } from './adapter.ts'
import { documentOf, ignored, listOf, optional, required, requiredIfPresent } from './document.ts'
import {
  assetAmountField,
  flagField,
  jsonInteger,
  lookUp,
  nodeUriField,
  rgbAssetField,
  satField,
  shownIdField,
  textField,
  wordField,
} from './fields.ts'
import { estimateDocument, priceOf, requestAssetQuote, type AssetQuote } from './kaleidoswap-price.ts'
import { readRefusal } from './kaleidoswap-refusals.ts'
import {
  channelObjectFields,
  confirmationFields,
  ONE_LIMIT,
  onchainFields,
  optionsFields,
  orderHeadFields,
  PAYMENT_STATES as LSPS1_PAYMENT_STATES,
  readChannel,
  readFeatures,
  readLimits,
  readOnchain,
  readOrderHead,
  withFeeRate,
} from './lsps1-family.ts'
import { paymentDocument, readPayment, type PaymentReading } from './lsps1-payment.ts'
import { timeField } from './time-field.ts'
import { buysAsset } from '../domain/asset-price.ts'
import { LspFailure, type FailureCode } from '../domain/failure.ts'
import type { LspFeature, LspInfo, Network } from '../domain/lsp.ts'
import { MAX_SAT, sat, ZERO_SAT, type Sat } from '../domain/money.ts'
import {
  ASSET_DELIVERY_STATUSES,
  type AssetDeliveryStatus,
  type Channel,
  type OnchainOption,
  type OrderAsset,
} from '../domain/order.ts'
import { EMPTY_READING, type OrderReading, type ReadOrderState, type ReadPaymentState } from '../domain/reading.ts'
import type { AssetRequest, ChannelRequest } from '../domain/request.ts'
import { cleanTextOrNull } from '../domain/text.ts'

// Kaleidoswap's RGB-LSP, 0.1.0 and 0.2.0: LSPS1 as of 2024 with whole numbers for amounts, RGB assets, a fee
// estimate and a second look at the rate. Facts: protocols/README.md, section 9.

// -- documents -------------------------------------------------------------------------------------------

const infoDocument = documentOf({
  options: required(documentOf(optionsFields, { oneOf: ONE_LIMIT })),
  /** New in 0.2.0. */
  lsp_connection_url: optional(nodeUriField),
  assets: optional(listOf(rgbAssetField)),
})

const networkInfoDocument = documentOf({ network: required(wordField), height: ignored })

/** Satoshis above (+) or below (−) the total. */
const differenceField = z.number().int().min(-MAX_SAT).max(MAX_SAT)

const onchainPaymentDocument = documentOf({
  ...onchainFields,
  payment_status: requiredIfPresent(wordField),
  payment_difference: optional(differenceField),
  last_payment_check: optional(timeField),
})

const orderChannelDocument = documentOf({
  ...channelObjectFields,
  channel_id: optional(shownIdField),
  temporary_channel_id: optional(shownIdField),
})

const orderDocument = documentOf({
  ...orderHeadFields,
  /** Required. Another key than the client's is found when the answer is verified. */
  client_pubkey: optional(nodeUriField),
  payment: required(paymentDocument(onchainPaymentDocument)),
  channel: optional(orderChannelDocument),
  asset_id: optional(shownIdField),
  lsp_asset_amount: optional(assetAmountField),
  client_asset_amount: optional(assetAmountField),
  rfq_id: optional(shownIdField),
  asset_price_sat: optional(satField),
  // Only in 0.1.0:
  asset_delivery_status: optional(wordField),
  asset_delivery_payment_hash: optional(shownIdField),
  asset_delivery_completed_at: optional(timeField),
  asset_delivery_error: optional(textField),
  // Only in 0.2.0:
  failure_reason: optional(textField),
  /** Sent once, when the order is placed. One that cannot be kept or sent must not lose the order. */
  access_token: optional(
    z
      .string()
      .max(1_024)
      .regex(/^[\x21-\x7e]*$/),
  ),
})

const rateDecisionDocument = documentOf({
  decision_accepted: required(flagField),
  message: optional(textField),
  refund_txid: optional(shownIdField),
  order_id: ignored,
})

const retryDocument = documentOf({ status: required(wordField), message: optional(textField) })

// -- tables ----------------------------------------------------------------------------------------------

const ORDER_STATES: Readonly<Record<string, ReadOrderState>> = {
  CREATED: 'AWAITING_PAYMENT',
  CHANNEL_OPENING: 'CHANNEL_OPENING',
  COMPLETED: 'COMPLETED',
  FAILED: 'FAILED_OR_LAPSED',
  PENDING_RATE_DECISION: 'RATE_DECISION_REQUIRED',
}

const PAYMENT_STATES: Readonly<Record<string, ReadPaymentState>> = { ...LSPS1_PAYMENT_STATES, TO_REFUND: 'TO_REFUND' }

/** `payment_status` of an on-chain payment, which tells more than a `state` that still expects one. */
const ARRIVED: Readonly<Record<string, ReadPaymentState>> = {
  NOT_PAID: 'EXPECT_PAYMENT',
  UNDERPAID: 'UNDERPAID',
  PAID: 'PAID',
  OVERPAID: 'PAID',
}

const NETWORKS: Readonly<Record<string, Network>> = {
  MAINNET: 'MAINNET',
  TESTNET: 'TESTNET',
  TESTNET4: 'TESTNET4',
  SIGNET: 'SIGNET',
  SIGNETCUSTOM: 'SIGNET',
  REGTEST: 'REGTEST',
}

const DELIVERY_STATUSES: Readonly<Record<string, AssetDeliveryStatus>> = Object.fromEntries(
  ASSET_DELIVERY_STATUSES.map((status) => [status, status]),
)

const RETRY_REFUSALS: Readonly<Record<string, FailureCode>> = {
  NOT_FOUND: 'NOT_FOUND',
  NO_PENDING_DELIVERY: 'WRONG_STATE',
  ERROR: 'UNAVAILABLE',
}

// -- reading ---------------------------------------------------------------------------------------------

interface KaleidoswapPayment extends PaymentReading {
  onchain: OnchainOption<ReadPaymentState> | null
}

function readPaymentOf({ payment, order_id: id }: z.output<typeof orderDocument>): KaleidoswapPayment {
  const onchain = payment.onchain && readOnchainPayment(payment.onchain)
  return { ...readPayment(payment, onchain, id, PAYMENT_STATES), onchain }
}

function readOrder(
  order: z.output<typeof orderDocument>,
  { payment, free, onchain }: KaleidoswapPayment = readPaymentOf(order),
): OrderReading {
  return {
    ...EMPTY_READING,
    ...readOrderHead(order),
    state: lookUp(ORDER_STATES, order.order_state) ?? 'UNKNOWN',
    payment,
    free,
    // Nothing on chain does not mean that nothing has arrived: it may have come over Lightning.
    paidSat: onchain?.paidSat || null,
    channel: order.channel && readOrderChannel(order.channel),
    asset: readAsset(order),
    failureReason: cleanTextOrNull(order.failure_reason),
    clientNode: { uri: order.client_pubkey },
    accessToken: order.access_token,
  }
}

/** @throws LspFailure if there is nothing to pay with and the channel is not free */
function readCreated(order: z.output<typeof orderDocument>): OrderReading {
  const payment = readPaymentOf(order)
  if (payment.problem !== null) throw payment.problem
  return readOrder(order, payment)
}

function readOnchainPayment(onchain: z.output<typeof onchainPaymentDocument>): OnchainOption<ReadPaymentState> {
  const option = readOnchain(onchain, PAYMENT_STATES)
  const arrived = lookUp(ARRIVED, onchain.payment_status ?? '')
  return {
    ...option,
    state: option.state === 'EXPECT_PAYMENT' ? (arrived ?? option.state) : option.state,
    paidSat: arrived === null ? null : arrivedSat(arrived, option.orderTotalSat, onchain.payment_difference),
    lastCheckedAt: onchain.last_payment_check,
  }
}

function arrivedSat(arrived: ReadPaymentState, orderTotalSat: Sat, difference: number | null): Sat | null {
  if (arrived === 'EXPECT_PAYMENT') return ZERO_SAT
  if (difference === null) return arrived === 'PAID' ? orderTotalSat : null
  const amount = orderTotalSat + difference
  return amount >= 0 && amount <= MAX_SAT ? sat(amount) : null
}

function readOrderChannel(channel: z.output<typeof orderChannelDocument>): Channel | null {
  const { channel_id: channelId, temporary_channel_id: temporaryId, funding_outpoint: outpoint } = channel
  // Every field may be null: that is a channel of which there is nothing to tell yet.
  if ((channelId ?? temporaryId ?? outpoint) === null) return null
  return { ...readChannel(channel), channelId, ...(temporaryId === null ? {} : { temporaryChannelId: temporaryId }) }
}

function readAsset(order: z.output<typeof orderDocument>): OrderAsset | null {
  if (order.asset_id === null) return null
  return {
    assetId: order.asset_id,
    lspAmount: order.lsp_asset_amount,
    clientAmount: order.client_asset_amount,
    rfqId: order.rfq_id,
    priceSat: order.asset_price_sat,
    deliveryStatus: lookUp(DELIVERY_STATUSES, order.asset_delivery_status ?? ''),
    deliveryPaymentHash: order.asset_delivery_payment_hash,
    deliveredAt: order.asset_delivery_completed_at,
    deliveryError: cleanTextOrNull(order.asset_delivery_error),
  }
}

// -- the adapter -----------------------------------------------------------------------------------------

const FEATURES: readonly LspFeature[] = ['FEE_ESTIMATE', 'RATE_DECISION', 'RGB_ASSETS', 'ONCHAIN_PAYMENT']

/** What an estimate and an order have in common. */
function channelFields(request: ChannelRequest) {
  return {
    lsp_balance_sat: request.lspBalanceSat,
    client_balance_sat: request.clientBalanceSat,
    channel_expiry_blocks: request.channelExpiryBlocks,
    ...(request.token === null ? {} : { token: request.token }),
    ...(request.asset === null ? {} : assetFields(request.asset)),
  }
}

/** An amount of 0 is left out. */
function assetFields(asset: AssetRequest) {
  return {
    asset_id: asset.assetId,
    ...(isNone(asset.lspAmount) ? {} : { lsp_asset_amount: jsonInteger(asset.lspAmount) }),
    ...(isNone(asset.clientAmount) ? {} : { client_asset_amount: jsonInteger(asset.clientAmount) }),
    ...(asset.rfqId === null ? {} : { rfq_id: asset.rfqId }),
  }
}

const isNone = (amount: string | null): amount is null => amount === null || BigInt(amount) === 0n

/** A quote for the assets that the request buys; null: it buys none, or the client has its own quote. */
function assetQuoteFor(call: LspCall, { asset }: ChannelRequest): Promise<AssetQuote | null> {
  return asset !== null && buysAsset(asset) && asset.rfqId === null
    ? requestAssetQuote(call, asset)
    : Promise.resolve(null)
}

function withQuote(request: ChannelRequest, quote: AssetQuote | null): ChannelRequest {
  return quote === null || request.asset === null
    ? request
    : { ...request, asset: { ...request.asset, rfqId: quote.rfqId } }
}

/** 0.1.0 has no access token. */
function orderFields(order: OrderRef) {
  return { order_id: order.lspOrderId, ...(order.accessToken === null ? {} : { access_token: order.accessToken }) }
}

/** Null instead of UNSUPPORTED: the endpoint came with a later version. */
async function ifThere<Answer>(answer: Promise<Answer>): Promise<Answer | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof LspFailure && error.code === 'UNSUPPORTED') return null
    throw error
  }
}

export const kaleidoswap: Adapter = {
  protocol: 'KALEIDOSWAP',
  configName: 'kaleidoswap',
  requestFields: { confirmations: true, announceChannel: true, refundOnchainAddress: true },
  statesOnchain: true,
  features: FEATURES,
  tellsChannelLife: false,
  clientConnects: true,
  addressKinds: 'ANY',
  requestsPerMinute: 60,
  advancesWhenRead: false,
  takesAssetQuotes: true,

  unsupportedParameter: withFeeRate,
  roundedTerms: (terms) => terms,
  readRefusal,

  async info(call): Promise<LspInfo> {
    const [info, chain] = await Promise.all([
      call.http.exchange({ method: 'GET', path: '/get_info', answer: infoDocument }),
      ifThere(call.http.exchange({ method: 'GET', path: '/network_info', answer: networkInfoDocument })),
    ])
    if (chain !== null && lookUp(NETWORKS, chain.network) !== call.network) {
      throw new LspFailure('UNTRUSTWORTHY', `the LSP is on ${chain.network}, not on ${call.network}`, {
        field: 'network',
      })
    }
    return {
      limits: readLimits(info.options),
      nodeUris: info.lsp_connection_url === null ? [] : [info.lsp_connection_url],
      features: [...new Set([...FEATURES, ...readFeatures(info.options)])],
      assets: info.assets ?? [],
      website: null,
    }
  },

  async estimate(call, request) {
    const quote = await assetQuoteFor(call, request)
    const estimate = await ifThere(
      call.http.exchange({
        method: 'POST',
        path: '/estimate_fees',
        body: channelFields(withQuote(request, quote)),
        isRepeatable: true,
        answer: estimateDocument,
      }),
    )
    return estimate && priceOf(estimate, request, quote)
  },

  async createOrder(call, asked, email) {
    const request = withQuote(asked, await assetQuoteFor(call, asked))
    const created = readCreated(
      await call.http.exchange({
        method: 'POST',
        path: '/create_order',
        body: {
          client_pubkey: request.clientPubkey,
          ...channelFields(request),
          ...confirmationFields(request),
          // Said even when false: left out, it is true.
          announce_channel: request.announceChannel,
          ...(request.refundOnchainAddress === null ? {} : { refund_onchain_address: request.refundOnchainAddress }),
          ...(email === null ? {} : { email }),
        },
        answer: orderDocument,
      }),
    )
    const rfqId = created.asset?.rfqId ?? request.asset?.rfqId ?? null
    return { ...created, asset: created.asset && { ...created.asset, rfqId } }
  },

  async readOrder(call, order) {
    return readOrder(
      await call.http.exchange({
        method: 'POST',
        path: '/get_order',
        body: orderFields(order),
        isRepeatable: true,
        answer: orderDocument,
      }),
    )
  },

  async decideRate(call, order, accept) {
    const decision = await call.http.exchange({
      method: 'POST',
      path: '/rate_decision',
      body: { ...orderFields(order), accept_new_rate: accept },
      answer: rateDecisionDocument,
    })
    const message = decision.message || (accept ? 'the new rate is accepted' : 'the new rate is refused')
    if (accept && !decision.decision_accepted) throw new LspFailure('WRONG_STATE', message)
    return { message, txid: decision.refund_txid }
  },

  async retryDelivery(call, order) {
    const retry = await call.http.exchange({
      method: 'POST',
      path: '/retry_delivery',
      body: { order_id: order.lspOrderId },
      answer: retryDocument,
    })
    const message = retry.message || `asset delivery: ${retry.status}`
    const refusal = lookUp(RETRY_REFUSALS, retry.status)
    if (refusal !== null)
      throw new LspFailure(refusal, message, { effect: refusal === 'UNAVAILABLE' ? 'unknown' : 'none' })
    return { message, txid: null }
  },
}

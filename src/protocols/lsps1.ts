import { z } from 'zod'
import type { Adapter, LspCall } from './adapter.ts'
import { absent, countField, idField, isObject, isoTimeField, lenientList, lookUp, nodeUriField, payloadField, satField, shownIdField, wordField } from './fields.ts'
import { publicPropertyName } from './properties.ts'
import { LspFailure, type FailureCode } from '../domain/failure.ts'
import type { LspFeature, LspInfo, LspLimits } from '../domain/lsp.ts'
import type { Bolt11Way, Channel, OnchainWay, PaymentWays } from '../domain/order.ts'
import { EMPTY_READING, type OrderReading, type ReadOrderState, type ReadPaymentState } from '../domain/reading.ts'
import type { ChannelRequest, ChannelTerms } from '../domain/request.ts'
import { cleanTextOrNull } from '../domain/text.ts'

// bLIP-51 as LSPs deploy it over HTTP: its params and results as bare JSON, one path per method. Facts:
// protocols/README.md, sections 2 (the final text), 3 (older texts still met) and 4 (vendors). What is exported
// besides the adapter is what Kaleidoswap's API, a descendant of the 2024 text, has in common with it.

// -- documents -------------------------------------------------------------------------------------------

export const optionsDocument = z.object({
  min_required_channel_confirmations: absent(countField),
  min_funding_confirms_within_blocks: absent(countField),
  supports_zero_channel_reserve: absent(z.boolean()),
  max_channel_expiry_blocks: absent(countField),
  min_initial_client_balance_sat: absent(satField),
  max_initial_client_balance_sat: absent(satField),
  min_initial_lsp_balance_sat: absent(satField),
  max_initial_lsp_balance_sat: absent(satField),
  min_channel_balance_sat: absent(satField),
  max_channel_balance_sat: absent(satField),
  min_onchain_payment_confirmations: absent(countField),
  min_onchain_payment_size_sat: absent(satField),
})

/** Until 2024 the options stood in a wrapper of that name; some LSPs also keep JSON-RPC's `result`. */
const infoDocument = z
  .looseObject({})
  .transform((body) => (isObject(body.result) ? body.result : body))
  .transform((body) => ({ ...body, ...(isObject(body.options) ? body.options : {}) }) as Record<string, unknown>)
  .pipe(
    optionsDocument.extend({ uris: lenientList(nodeUriField), website: absent(z.string()) }).refine(
      // A document without a single known option is a document about something else.
      (info) => Object.keys(optionsDocument.shape).some((key) => info[key as keyof typeof info] !== null),
      'none of the options of get_info',
    ),
  )

const way = { state: wordField, expires_at: absent(isoTimeField), fee_total_sat: satField, order_total_sat: satField }
export const bolt11Document = z.object({ ...way, invoice: payloadField })
const bolt12Document = z.object({ ...way, offer: payloadField })
export const onchainDocument = z.object({
  ...way,
  address: payloadField,
  min_onchain_payment_confirmations: absent(countField),
  min_fee_for_0conf: absent(countField),
  // Mirrored, and nothing hangs on it.
  refund_onchain_address: shownIdField,
})

/** The flat payment object of the texts before July 2024: one state for every way to pay. */
const flatPaymentDocument = z.object({
  ...way,
  bolt11_invoice: absent(payloadField),
  lightning_invoice: absent(payloadField),
  onchain_address: absent(payloadField),
  min_onchain_payment_confirmations: absent(countField),
  onchain_block_confirmations_required: absent(countField),
  min_fee_for_0conf: absent(countField),
  onchain_payment: absent(z.object({ outpoint: z.string(), sat: satField, confirmed: z.boolean() })),
})

const nestedPaymentDocument = z.object({
  bolt11: absent(bolt11Document),
  bolt12: absent(bolt12Document),
  onchain: absent(onchainDocument),
})

export const channelDocument = z.object({
  funded_at: absent(isoTimeField),
  funding_outpoint: shownIdField,
  expires_at: absent(isoTimeField),
})

/** What an order says besides its payment and its channel; the terms are mirrored, and some LSPs leave some out. */
export const orderHeadDocument = z.object({
  order_id: idField,
  lsp_balance_sat: absent(satField),
  client_balance_sat: absent(satField),
  required_channel_confirmations: absent(countField),
  funding_confirms_within_blocks: absent(countField),
  channel_expiry_blocks: absent(countField),
  announce_channel: absent(z.boolean()),
  created_at: absent(isoTimeField),
  expires_at: absent(isoTimeField),
  order_state: wordField,
})

const orderDocument = z
  .looseObject({})
  .transform((body) => (isObject(body.result) ? body.result : body))
  .pipe(
    orderHeadDocument.extend({
      // An object without a way to pay is a free order; no object at all is malformed, not free.
      payment: z.looseObject({}),
      channel: absent(channelDocument),
    }),
  )

// -- tables ----------------------------------------------------------------------------------------------

const ORDER_STATES: Readonly<Record<string, ReadOrderState>> = {
  CREATED: 'AWAITING_PAYMENT',
  COMPLETED: 'COMPLETED',
  FAILED: 'FAILED_OR_LAPSED',
}

export const PAYMENT_STATES: Readonly<Record<string, ReadPaymentState>> = {
  EXPECT_PAYMENT: 'EXPECT_PAYMENT',
  HOLD: 'HOLD',
  PAID: 'PAID',
  REFUNDED: 'REFUNDED_OR_LAPSED',
  // Deprecated, and still sent.
  CANCELLED: 'REFUNDED_OR_LAPSED',
}

const ERROR_CODES: Readonly<Record<string, FailureCode>> = {
  '-32602': 'INVALID_REQUEST',
  '1': 'CLIENT_REJECTED',
  '100': 'OPTION_MISMATCH',
  '101': 'NOT_FOUND',
  '102': 'INVALID_TOKEN',
  // Before July 2024, and cln-lsps still.
  '1000': 'OPTION_MISMATCH',
  '404': 'NOT_FOUND',
  '-32601': 'UNSUPPORTED',
  '-32603': 'UNAVAILABLE',
}

/** Where neither a code nor the text tells more. */
const ERROR_STATUSES: Readonly<Record<number, FailureCode>> = { 401: 'CLIENT_REJECTED', 403: 'CLIENT_REJECTED', 404: 'NOT_FOUND' }

/** LSPs that answer with a text alone are read by what it says; the first that fits. */
const ERROR_TEXTS: readonly (readonly [RegExp, FailureCode])[] = [
  [/maximum number of pending|too many|rate.?limit/i, 'RATE_LIMITED'],
  [/\b(peer|connect(ed|ion)?)\b/i, 'PEER_NOT_CONNECTED'],
  [/token|coupon/i, 'INVALID_TOKEN'],
  [/not found|unknown order/i, 'NOT_FOUND'],
  [/reject|country|whitelist|not allowed|forbidden/i, 'CLIENT_REJECTED'],
  [/too (small|large|low|high|big)|minimum|maximum|exceed|below|above|at least|at most|mismatch/i, 'OPTION_MISMATCH'],
]

// -- reading ---------------------------------------------------------------------------------------------

type Options = z.output<typeof optionsDocument>

export function readLimits(options: Options): LspLimits {
  return {
    minLspBalanceSat: options.min_initial_lsp_balance_sat,
    maxLspBalanceSat: options.max_initial_lsp_balance_sat,
    minClientBalanceSat: options.min_initial_client_balance_sat,
    maxClientBalanceSat: options.max_initial_client_balance_sat,
    minChannelBalanceSat: options.min_channel_balance_sat,
    maxChannelBalanceSat: options.max_channel_balance_sat,
    maxChannelExpiryBlocks: options.max_channel_expiry_blocks,
    minRequiredChannelConfirmations: options.min_required_channel_confirmations,
    minFundingConfirmsWithinBlocks: options.min_funding_confirms_within_blocks,
    minOnchainPaymentSat: options.min_onchain_payment_size_sat,
    minOnchainPaymentConfirmations: options.min_onchain_payment_confirmations,
  }
}

export function readFeatures(options: Options): LspFeature[] {
  const features: LspFeature[] = []
  if (options.max_initial_client_balance_sat !== null && options.max_initial_client_balance_sat > 0) features.push('CLIENT_BALANCE')
  if (options.min_onchain_payment_confirmations !== null || options.min_onchain_payment_size_sat !== null) features.push('ONCHAIN_PAYMENT')
  if (options.supports_zero_channel_reserve) features.push('ZERO_RESERVE')
  return features
}

function readInfo(info: z.output<typeof infoDocument>): LspInfo {
  return { limits: readLimits(info), nodeUris: info.uris, features: readFeatures(info), assets: [], website: info.website }
}

function readOrderDocument(order: z.output<typeof orderDocument>): OrderReading {
  return {
    ...EMPTY_READING,
    ...readOrderHead(order),
    state: lookUp(ORDER_STATES, order.order_state) ?? 'UNKNOWN',
    payment: readPayment(order.payment),
    channel: order.channel && readChannel(order.channel),
  }
}

type OrderHead = z.output<typeof orderHeadDocument>

export function readOrderHead(order: OrderHead) {
  return {
    lspOrderId: order.order_id,
    lspState: order.order_state,
    terms: readTerms(order),
    createdAt: order.created_at,
    expiresAt: order.expires_at,
  }
}

function readTerms(order: OrderHead): Partial<ChannelTerms> {
  return {
    ...(order.lsp_balance_sat === null ? {} : { lspBalanceSat: order.lsp_balance_sat }),
    ...(order.client_balance_sat === null ? {} : { clientBalanceSat: order.client_balance_sat }),
    ...(order.required_channel_confirmations === null ? {} : { requiredChannelConfirmations: order.required_channel_confirmations }),
    ...(order.funding_confirms_within_blocks === null ? {} : { fundingConfirmsWithinBlocks: order.funding_confirms_within_blocks }),
    ...(order.channel_expiry_blocks === null ? {} : { channelExpiryBlocks: order.channel_expiry_blocks }),
    ...(order.announce_channel === null ? {} : { announceChannel: order.announce_channel }),
  }
}

function readPayment(payment: Record<string, unknown>): PaymentWays<ReadPaymentState> {
  if ('order_total_sat' in payment || 'bolt11_invoice' in payment || 'lightning_invoice' in payment) return readFlatPayment(payment)
  const { bolt11, bolt12, onchain } = parsePart(nestedPaymentDocument, payment)
  return {
    bolt11: bolt11 && readBolt11(bolt11),
    bolt12: bolt12 && { ...wayOf(bolt12, PAYMENT_STATES), offer: bolt12.offer },
    onchain: onchain && readOnchain(onchain),
  }
}

function readFlatPayment(payment: Record<string, unknown>): PaymentWays<ReadPaymentState> {
  const flat = parsePart(flatPaymentDocument, payment)
  const invoice = flat.bolt11_invoice ?? flat.lightning_invoice
  return {
    bolt11: invoice === null ? null : { ...wayOf(flat, PAYMENT_STATES), invoice },
    bolt12: null,
    onchain:
      flat.onchain_address === null
        ? null
        : {
            ...wayOf(flat, PAYMENT_STATES),
            address: flat.onchain_address,
            minConfirmations: flat.min_onchain_payment_confirmations ?? flat.onchain_block_confirmations_required,
            minFeeFor0Conf: flat.min_fee_for_0conf,
            refundOnchainAddress: null,
            paidSat: flat.onchain_payment?.sat ?? null,
          },
  }
}

type StateWords = Readonly<Record<string, ReadPaymentState>>

export function readBolt11(bolt11: z.output<typeof bolt11Document>, words: StateWords = PAYMENT_STATES): Bolt11Way<ReadPaymentState> {
  return { ...wayOf(bolt11, words), invoice: bolt11.invoice }
}

export function readOnchain(onchain: z.output<typeof onchainDocument>, words: StateWords = PAYMENT_STATES): OnchainWay<ReadPaymentState> {
  return {
    ...wayOf(onchain, words),
    address: onchain.address,
    minConfirmations: onchain.min_onchain_payment_confirmations,
    minFeeFor0Conf: onchain.min_fee_for_0conf,
    refundOnchainAddress: onchain.refund_onchain_address,
    paidSat: null,
  }
}

function wayOf(document: z.output<z.ZodObject<typeof way>>, words: StateWords) {
  return {
    state: lookUp(words, document.state) ?? 'UNKNOWN',
    feeTotalSat: document.fee_total_sat,
    orderTotalSat: document.order_total_sat,
    expiresAt: document.expires_at,
  }
}

/** The family has no word for "open": a channel object means that its funding transaction is published. */
export function readChannel(channel: z.output<typeof channelDocument>): Channel {
  return {
    state: channel.funding_outpoint === null ? 'PENDING' : 'OPENING',
    channelId: null,
    shortChannelId: null,
    fundingOutpoint: channel.funding_outpoint,
    fundedAt: channel.funded_at,
    expiresAt: channel.expires_at,
    closingTxid: null,
  }
}

function parsePart<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new LspFailure('BAD_RESPONSE', `the answer is not what its protocol says: payment.${issue?.path.join('.')}: ${issue?.message}`, { effect: 'unknown' })
}

/**
 * Three shapes are met: JSON-RPC's `{error: {code, message, data}}`, Olympus' `{error: true, message}`, and a
 * bare `{message}` under a 4xx. `data` is an object by the text, a string from LDK.
 */
function readRefusal(status: number, body: unknown): LspFailure | null {
  if (!isObject(body)) return null
  if (isObject(body.error)) return refusalOfRpc(body.error)
  if (body.error || (status >= 400 && typeof body.message === 'string')) {
    const text = cleanTextOrNull(body.message) ?? cleanTextOrNull(body.error) ?? 'the LSP refused'
    return refusalOfText(text, status)
  }
  return null
}

function refusalOfRpc(error: Record<string, unknown>): LspFailure {
  const data = isObject(error.data) ? error.data : {}
  const message = [cleanTextOrNull(error.message), cleanTextOrNull(data.message) ?? cleanTextOrNull(error.data)].filter(Boolean).join(': ')
  const code = lookUp(ERROR_CODES, String(error.code)) ?? (isReserved(error.code) ? 'UNAVAILABLE' : null)
  // LDK says "too many pending requests" under the code for a refused client.
  if (code === 'CLIENT_REJECTED' && /maximum number of pending/i.test(message)) return new LspFailure('RATE_LIMITED', message)
  if (code === null) return refusalOfText(message || 'the LSP refused', 400)
  return new LspFailure(code, message || 'the LSP refused', {
    property: publicPropertyName(data.property),
    // An internal error says nothing of how far the LSP had come.
    effect: code === 'UNAVAILABLE' ? 'unknown' : 'none',
  })
}

const isReserved = (code: unknown) => typeof code === 'number' && code <= -32_000 && code >= -32_099

/** `text` is clean already. */
export function refusalOfText(text: string, status: number): LspFailure {
  if (status >= 500) return new LspFailure('UNAVAILABLE', text, { effect: 'unknown' })
  const known = ERROR_TEXTS.find(([pattern]) => pattern.test(text))
  return new LspFailure(known?.[1] ?? ERROR_STATUSES[status] ?? 'INVALID_REQUEST', text)
}

// -- the adapter -----------------------------------------------------------------------------------------

/** bLIP-51 wants both numbers; where neither the client nor the LSP names one, the text's own least is sent. */
export function confirmationFields(request: ChannelRequest) {
  return {
    required_channel_confirmations: request.requiredChannelConfirmations ?? 0,
    funding_confirms_within_blocks: request.fundingConfirmsWithinBlocks ?? 1,
  }
}

export const lsps1: Adapter = {
  protocol: 'LSPS1',
  configName: 'lsps1',
  features: [],
  tellsChannelLife: false,
  clientConnects: true,
  advancesWhenRead: false,

  inexpressible: (request) => (request.asset === null ? null : { property: 'asset', message: 'LSPS1 knows no RGB assets' }),
  deliverable: (terms) => terms,
  readRefusal,

  async info(call) {
    return readInfo(await call.http.exchange({ method: 'GET', path: '/get_info', answer: infoDocument }))
  },

  async createOrder(call: LspCall, request) {
    return readOrderDocument(
      await call.http.exchange({
        method: 'POST',
        path: '/create_order',
        body: {
          public_key: request.clientPubkey,
          lsp_balance_sat: String(request.lspBalanceSat),
          client_balance_sat: String(request.clientBalanceSat),
          ...confirmationFields(request),
          channel_expiry_blocks: request.channelExpiryBlocks,
          announce_channel: request.announceChannel,
          ...(request.token === null ? {} : { token: request.token }),
          ...(request.refundOnchainAddress === null ? {} : { refund_onchain_address: request.refundOnchainAddress }),
        },
        answer: orderDocument,
      }),
    )
  },

  async readOrder(call, order) {
    return readOrderDocument(
      await call.http.exchange({ method: 'GET', path: '/get_order', query: { order_id: order.lspOrderId }, answer: orderDocument }),
    )
  },
}

import { z } from 'zod'
import type { Adapter, LspCall } from './adapter.ts'
import { absent, countField, idField, isoTimeField, lenientList, lookUp, nodeUriField, payloadField, satField, wordField } from './fields.ts'
import { LspFailure, type FailureCode } from '../domain/failure.ts'
import type { LspFeature, LspInfo } from '../domain/lsp.ts'
import type { Channel, PaymentWays } from '../domain/order.ts'
import { EMPTY_READING, type OrderReading, type ReadOrderState, type ReadPaymentState } from '../domain/reading.ts'
import type { ChannelRequest } from '../domain/request.ts'
import { cleanText, cleanTextOrNull } from '../domain/text.ts'

// bLIP-51 as LSPs deploy it over HTTP: its params and results as bare JSON, one path per method. Facts:
// protocols/README.md, sections 2 (the final text), 3 (older texts still met) and 4 (vendors).

// -- documents -------------------------------------------------------------------------------------------

const optionsDocument = z.object({
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
const bolt11Document = z.object({ ...way, invoice: payloadField })
const bolt12Document = z.object({ ...way, offer: payloadField })
const onchainDocument = z.object({
  ...way,
  address: payloadField,
  min_onchain_payment_confirmations: absent(countField),
  min_fee_for_0conf: absent(countField),
  refund_onchain_address: absent(payloadField),
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

const channelDocument = z.object({
  funded_at: absent(isoTimeField),
  funding_outpoint: absent(z.string().max(100)),
  expires_at: absent(isoTimeField),
})

const orderDocument = z
  .looseObject({})
  .transform((body) => (isObject(body.result) ? body.result : body))
  .pipe(
    z.object({
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

const PAYMENT_STATES: Readonly<Record<string, ReadPaymentState>> = {
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

/** LSPs that answer with a text alone are read by what it says; the first that fits. */
const ERROR_TEXTS: readonly (readonly [RegExp, FailureCode])[] = [
  [/maximum number of pending|too many|rate.?limit/i, 'RATE_LIMITED'],
  [/\b(peer|connect(ed|ion)?)\b/i, 'PEER_NOT_CONNECTED'],
  [/token|coupon/i, 'INVALID_TOKEN'],
  [/not found|unknown order/i, 'NOT_FOUND'],
  [/reject|country|whitelist|not allowed|forbidden/i, 'CLIENT_REJECTED'],
  [/too (small|large|low|high|big)|minimum|maximum|exceed|below|above|at least|at most|mismatch/i, 'OPTION_MISMATCH'],
]

/** bLIP-51's names of options and fields, in the public schema's. */
export const PROPERTY_NAMES: Readonly<Record<string, string>> = {
  min_required_channel_confirmations: 'minRequiredChannelConfirmations',
  min_funding_confirms_within_blocks: 'minFundingConfirmsWithinBlocks',
  max_channel_expiry_blocks: 'maxChannelExpiryBlocks',
  min_initial_client_balance_sat: 'minClientBalanceSat',
  max_initial_client_balance_sat: 'maxClientBalanceSat',
  min_initial_lsp_balance_sat: 'minLspBalanceSat',
  max_initial_lsp_balance_sat: 'maxLspBalanceSat',
  min_channel_balance_sat: 'minChannelBalanceSat',
  max_channel_balance_sat: 'maxChannelBalanceSat',
  min_onchain_payment_confirmations: 'minOnchainPaymentConfirmations',
  min_onchain_payment_size_sat: 'minOnchainPaymentSat',
  lsp_balance_sat: 'lspBalanceSat',
  client_balance_sat: 'clientBalanceSat',
  required_channel_confirmations: 'requiredChannelConfirmations',
  funding_confirms_within_blocks: 'fundingConfirmsWithinBlocks',
  channel_expiry_blocks: 'channelExpiryBlocks',
  announce_channel: 'announceChannel',
  refund_onchain_address: 'refundOnchainAddress',
  public_key: 'clientPubkey',
  client_pubkey: 'clientPubkey',
  token: 'tokens',
  asset_id: 'asset.assetId',
  lsp_asset_amount: 'asset.lspAmount',
  client_asset_amount: 'asset.clientAmount',
  rfq_id: 'asset.rfqId',
}

/** `options.min_…` or `min_…`, in the public schema's name; an unknown name stays as the LSP wrote it. */
export function publicPropertyName(name: unknown): string | null {
  const clean = cleanTextOrNull(name, 100)
  if (clean === null) return null
  return PROPERTY_NAMES[clean.split('.').at(-1) ?? clean] ?? clean
}

// -- reading ---------------------------------------------------------------------------------------------

function readInfo(info: z.output<typeof infoDocument>): LspInfo {
  const features: LspFeature[] = []
  if (info.max_initial_client_balance_sat !== null && info.max_initial_client_balance_sat > 0) features.push('CLIENT_BALANCE')
  if (info.min_onchain_payment_confirmations !== null || info.min_onchain_payment_size_sat !== null) features.push('ONCHAIN_PAYMENT')
  if (info.supports_zero_channel_reserve) features.push('ZERO_RESERVE')
  return {
    limits: {
      minLspBalanceSat: info.min_initial_lsp_balance_sat,
      maxLspBalanceSat: info.max_initial_lsp_balance_sat,
      minClientBalanceSat: info.min_initial_client_balance_sat,
      maxClientBalanceSat: info.max_initial_client_balance_sat,
      minChannelBalanceSat: info.min_channel_balance_sat,
      maxChannelBalanceSat: info.max_channel_balance_sat,
      maxChannelExpiryBlocks: info.max_channel_expiry_blocks,
      minRequiredChannelConfirmations: info.min_required_channel_confirmations,
      minFundingConfirmsWithinBlocks: info.min_funding_confirms_within_blocks,
      minOnchainPaymentSat: info.min_onchain_payment_size_sat,
      minOnchainPaymentConfirmations: info.min_onchain_payment_confirmations,
    },
    nodeUris: info.uris,
    features,
    assets: [],
    website: info.website,
  }
}

function readOrderDocument(order: z.output<typeof orderDocument>): OrderReading {
  return {
    ...EMPTY_READING,
    lspOrderId: order.order_id,
    lspState: order.order_state,
    state: lookUp(ORDER_STATES, order.order_state) ?? 'UNKNOWN',
    terms: {
      ...(order.lsp_balance_sat === null ? {} : { lspBalanceSat: order.lsp_balance_sat }),
      ...(order.client_balance_sat === null ? {} : { clientBalanceSat: order.client_balance_sat }),
      ...(order.required_channel_confirmations === null ? {} : { requiredChannelConfirmations: order.required_channel_confirmations }),
      ...(order.funding_confirms_within_blocks === null ? {} : { fundingConfirmsWithinBlocks: order.funding_confirms_within_blocks }),
      ...(order.channel_expiry_blocks === null ? {} : { channelExpiryBlocks: order.channel_expiry_blocks }),
      ...(order.announce_channel === null ? {} : { announceChannel: order.announce_channel }),
    },
    payment: readPayment(order.payment),
    channel: readChannel(order.channel),
    createdAt: order.created_at,
    expiresAt: order.expires_at,
  }
}

const paymentState = (word: string): ReadPaymentState => lookUp(PAYMENT_STATES, word) ?? 'UNKNOWN'

function readPayment(payment: Record<string, unknown>): PaymentWays<ReadPaymentState> {
  if ('order_total_sat' in payment || 'bolt11_invoice' in payment || 'lightning_invoice' in payment) return readFlatPayment(payment)
  const { bolt11, bolt12, onchain } = parsePart(nestedPaymentDocument, payment)
  return {
    bolt11: bolt11 && { ...wayOf(bolt11), invoice: bolt11.invoice },
    bolt12: bolt12 && { ...wayOf(bolt12), offer: bolt12.offer },
    onchain: onchain && {
      ...wayOf(onchain),
      address: onchain.address,
      minConfirmations: onchain.min_onchain_payment_confirmations,
      minFeeFor0Conf: onchain.min_fee_for_0conf,
      refundOnchainAddress: onchain.refund_onchain_address,
      paidSat: null,
    },
  }
}

function readFlatPayment(payment: Record<string, unknown>): PaymentWays<ReadPaymentState> {
  const flat = parsePart(flatPaymentDocument, payment)
  const invoice = flat.bolt11_invoice ?? flat.lightning_invoice
  return {
    bolt11: invoice === null ? null : { ...wayOf(flat), invoice },
    bolt12: null,
    onchain:
      flat.onchain_address === null
        ? null
        : {
            ...wayOf(flat),
            address: flat.onchain_address,
            minConfirmations: flat.min_onchain_payment_confirmations ?? flat.onchain_block_confirmations_required,
            minFeeFor0Conf: flat.min_fee_for_0conf,
            refundOnchainAddress: null,
            paidSat: flat.onchain_payment?.sat ?? null,
          },
  }
}

function wayOf(document: z.output<z.ZodObject<typeof way>>) {
  return {
    state: paymentState(document.state),
    feeTotalSat: document.fee_total_sat,
    orderTotalSat: document.order_total_sat,
    expiresAt: document.expires_at,
  }
}

/** The family has no word for "open": a channel object means that its funding transaction is published. */
function readChannel(channel: z.output<typeof channelDocument> | null): Channel | null {
  if (channel === null) return null
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
  const code = ERROR_CODES[String(error.code)] ?? (isReserved(error.code) ? 'UNAVAILABLE' : null)
  // LDK says "too many pending requests" under the code for a refused client.
  if (code === 'CLIENT_REJECTED' && /maximum number of pending/i.test(message)) return new LspFailure('RATE_LIMITED', message)
  if (code === null) return refusalOfText(message || 'the LSP refused', 400)
  return new LspFailure(code, message || 'the LSP refused', { property: publicPropertyName(data.property) })
}

const isReserved = (code: unknown) => typeof code === 'number' && code <= -32_000 && code >= -32_099

function refusalOfText(text: string, status: number): LspFailure {
  const known = ERROR_TEXTS.find(([pattern]) => pattern.test(text))
  if (status >= 500) return new LspFailure('UNAVAILABLE', text, { effect: 'unknown' })
  return new LspFailure(known?.[1] ?? 'INVALID_REQUEST', cleanText(text))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// -- the adapter -----------------------------------------------------------------------------------------

/** bLIP-51 wants both numbers; where neither the client nor the LSP names one, the text's own least is sent. */
function confirmationFields(request: ChannelRequest) {
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

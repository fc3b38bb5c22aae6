import type { z } from 'zod'
import type { Adapter } from './adapter.ts'
import { documentOf, listOf, optional, required } from './document.ts'
import { isObject, lookUp, nodeUriField, websiteField } from './fields.ts'
import {
  channelDocument,
  confirmationFields,
  ONE_LIMIT,
  onchainDocument,
  optionsFields,
  orderHeadFields,
  PAYMENT_STATES,
  readChannel,
  readFeatures,
  readLimits,
  readOnchain,
  readOrderHead,
} from './lsps1-family.ts'
import { paymentDocument, readPayment, type PaymentReading } from './lsps1-payment.ts'
import { publicPropertyName } from './properties.ts'
import { refusalOfText } from './refusal-texts.ts'
import { LspFailure, type FailureCode } from '../domain/failure.ts'
import type { LspInfo } from '../domain/lsp.ts'
import { EMPTY_READING, type OrderReading, type ReadOrderState } from '../domain/reading.ts'
import { cleanTextOrNull } from '../domain/text.ts'

// bLIP-51 as LSPs deploy it over HTTP: its params and results as bare JSON, one path per method. Facts:
// protocols/README.md, sections 2 (the final text), 3 (older texts still met) and 4 (vendors).

// -- documents -------------------------------------------------------------------------------------------

/** Some LSPs keep JSON-RPC's `result`. */
const unwrapResult = (body: unknown) => (isObject(body) && isObject(body.result) ? body.result : body)

const infoDocument = documentOf(
  { ...optionsFields, uris: optional(listOf(nodeUriField)), website: optional(websiteField) },
  {
    // Until 2024 the limits were in a wrapper of that name.
    unwrap(body) {
      const result = unwrapResult(body)
      return isObject(result) && isObject(result.options) ? { ...result, ...result.options } : result
    },
    oneOf: ONE_LIMIT,
  },
)

const orderDocument = documentOf(
  {
    ...orderHeadFields,
    payment: required(paymentDocument(onchainDocument)),
    channel: optional(channelDocument),
  },
  { unwrap: unwrapResult },
)

// -- tables ----------------------------------------------------------------------------------------------

const ORDER_STATES: Readonly<Record<string, ReadOrderState>> = {
  CREATED: 'AWAITING_PAYMENT',
  COMPLETED: 'COMPLETED',
  FAILED: 'FAILED_OR_LAPSED',
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

// -- reading ---------------------------------------------------------------------------------------------

function readInfo(info: z.output<typeof infoDocument>): LspInfo {
  return {
    limits: readLimits(info),
    nodeUris: info.uris ?? [],
    features: readFeatures(info),
    assets: [],
    website: info.website,
  }
}

function readPaymentOf({ payment, order_id: id }: z.output<typeof orderDocument>): PaymentReading {
  return readPayment(payment, payment.onchain && readOnchain(payment.onchain), id, PAYMENT_STATES)
}

function readOrderDocument(
  order: z.output<typeof orderDocument>,
  { payment, free }: PaymentReading = readPaymentOf(order),
): OrderReading {
  return {
    ...EMPTY_READING,
    ...readOrderHead(order),
    state: lookUp(ORDER_STATES, order.order_state) ?? 'UNKNOWN',
    payment,
    free,
    channel: order.channel && readChannel(order.channel),
  }
}

/** @throws LspFailure if there is nothing to pay with and the channel is not free */
function readCreated(order: z.output<typeof orderDocument>): OrderReading {
  const payment = readPaymentOf(order)
  if (payment.problem !== null) throw payment.problem
  return readOrderDocument(order, payment)
}

/**
 * Three shapes are met: JSON-RPC's `{error: {code, message, data}}`, Olympus' `{error: true, message}`, and a
 * bare `{message}` under a 4xx. `data` is an object by the text, a string from LDK.
 */
function readRefusal(status: number, body: unknown): LspFailure | null {
  if (!isObject(body)) return null
  if (isObject(body.error)) return refusalOfRpc(body.error, status)
  if (body.error || (status >= 400 && typeof body.message === 'string')) {
    const text = cleanTextOrNull(body.message) ?? cleanTextOrNull(body.error) ?? 'the LSP refused'
    return refusalOfText(text, status)
  }
  return null
}

function refusalOfRpc(error: Record<string, unknown>, status: number): LspFailure {
  const data = isObject(error.data) ? error.data : {}
  const message = [cleanTextOrNull(error.message), cleanTextOrNull(data.message) ?? cleanTextOrNull(error.data)]
    .filter(Boolean)
    .join(': ')
  // Anything else could bring its own `toString`.
  const said = typeof error.code === 'number' || typeof error.code === 'string' ? String(error.code) : ''
  const code = lookUp(ERROR_CODES, said) ?? (isReserved(error.code) ? 'UNAVAILABLE' : null)
  // LDK says "too many pending requests" under the code for a refused client.
  if (code === 'CLIENT_REJECTED' && /maximum number of pending/i.test(message))
    return new LspFailure('RATE_LIMITED', message)
  if (code === null) return refusalOfText(message || 'the LSP refused', status)
  return new LspFailure(code, message || 'the LSP refused', {
    property: publicPropertyName(data.property),
    // An internal error says nothing of how far the LSP had come.
    effect: code === 'UNAVAILABLE' ? 'unknown' : 'none',
  })
}

const isReserved = (code: unknown) => typeof code === 'number' && code <= -32_000 && code >= -32_099

// -- the adapter -----------------------------------------------------------------------------------------

export const lsps1: Adapter = {
  protocol: 'LSPS1',
  configName: 'lsps1',
  features: [],
  tellsChannelLife: false,
  clientConnects: true,
  advancesWhenRead: false,

  unsupportedParameter: (request) =>
    request.asset === null ? null : { property: 'asset', message: 'LSPS1 knows no RGB assets' },
  roundedTerms: (terms) => terms,
  readRefusal,

  async info(call) {
    return readInfo(await call.http.exchange({ method: 'GET', path: '/get_info', answer: infoDocument }))
  },

  async createOrder(call, request) {
    return readCreated(
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
      await call.http.exchange({
        method: 'GET',
        path: '/get_order',
        query: { order_id: order.lspOrderId },
        answer: orderDocument,
      }),
    )
  },
}

import { z } from 'zod'
import type { Adapter } from './adapter.ts'
import {
  absent,
  countField,
  isObject,
  lenientList,
  lookUp,
  misfit,
  nodeUriField,
  payloadField,
  satField,
  websiteField,
} from './fields.ts'
import {
  bolt11Document,
  channelDocument,
  confirmationFields,
  onchainDocument,
  optionsDocument,
  orderHeadDocument,
  PAYMENT_STATES,
  readBolt11,
  readChannel,
  readFeatures,
  readLimits,
  readOnchain,
  readOrderHead,
  optionFields,
  optionOf,
} from './lsps1-family.ts'
import { publicPropertyName } from './properties.ts'
import { refusalOfText } from './refusal-texts.ts'
import { LspFailure, type FailureCode } from '../domain/failure.ts'
import type { LspInfo } from '../domain/lsp.ts'
import type { PaymentOptions } from '../domain/order.ts'
import { EMPTY_READING, type OrderReading, type ReadOrderState, type ReadPaymentState } from '../domain/reading.ts'
import { cleanTextOrNull } from '../domain/text.ts'

// bLIP-51 as LSPs deploy it over HTTP: its params and results as bare JSON, one path per method. Facts:
// protocols/README.md, sections 2 (the final text), 3 (older texts still met) and 4 (vendors).

// -- documents -------------------------------------------------------------------------------------------

/** Until 2024 the options stood in a wrapper of that name; some LSPs also keep JSON-RPC's `result`. */
const infoDocument = z
  .looseObject({})
  .transform((body) => (isObject(body.result) ? body.result : body))
  .transform((body): Record<string, unknown> => ({ ...body, ...(isObject(body.options) ? body.options : {}) }))
  .pipe(
    optionsDocument.extend({ uris: lenientList(nodeUriField), website: websiteField }).refine(
      // A document without a single known option is a document about something else.
      (info) => Object.keys(optionsDocument.shape).some((key) => info[key as keyof typeof info] !== null),
      'none of the options of get_info',
    ),
  )

const bolt12Document = z.object({ ...optionFields, offer: payloadField })

/** The flat payment object of the texts before July 2024: one state for every payment option. */
const flatPaymentDocument = z.object({
  ...optionFields,
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

const orderDocument = z
  .looseObject({})
  .transform((body) => (isObject(body.result) ? body.result : body))
  .pipe(
    orderHeadDocument.extend({
      // An object without a payment option is a free order; no object at all is malformed, not free.
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
    nodeUris: info.uris,
    features: readFeatures(info),
    assets: [],
    website: info.website,
  }
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

function readPayment(payment: Record<string, unknown>): PaymentOptions<ReadPaymentState> {
  if ('order_total_sat' in payment || 'bolt11_invoice' in payment || 'lightning_invoice' in payment)
    return readFlatPayment(payment)
  const { bolt11, bolt12, onchain } = parsePart(nestedPaymentDocument, payment)
  return {
    bolt11: bolt11 && readBolt11(bolt11),
    bolt12: bolt12 && { ...optionOf(bolt12, PAYMENT_STATES), offer: bolt12.offer },
    onchain: onchain && readOnchain(onchain),
  }
}

function readFlatPayment(payment: Record<string, unknown>): PaymentOptions<ReadPaymentState> {
  const flat = parsePart(flatPaymentDocument, payment)
  const invoice = flat.bolt11_invoice ?? flat.lightning_invoice
  return {
    bolt11: invoice === null ? null : { ...optionOf(flat, PAYMENT_STATES), invoice },
    bolt12: null,
    onchain:
      flat.onchain_address === null
        ? null
        : {
            ...optionOf(flat, PAYMENT_STATES),
            address: flat.onchain_address,
            minConfirmations: flat.min_onchain_payment_confirmations ?? flat.onchain_block_confirmations_required,
            minFeeFor0Conf: flat.min_fee_for_0conf,
            refundOnchainAddress: null,
            paidSat: flat.onchain_payment?.sat ?? null,
          },
  }
}

function parsePart<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new LspFailure('BAD_RESPONSE', `the answer is not what its protocol says: ${misfit(parsed.error, 'payment')}`, {
    effect: 'unknown',
  })
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
  // bLIP-50, "On-chain address": an address MUST be a SegWit address.
  addressKinds: 'SEGWIT',
  advancesWhenRead: false,

  unsupportedParameter: (request) =>
    request.asset === null ? null : { property: 'asset', message: 'LSPS1 knows no RGB assets' },
  roundedTerms: (terms) => terms,
  readRefusal,

  async info(call) {
    return readInfo(await call.http.exchange({ method: 'GET', path: '/get_info', answer: infoDocument }))
  },

  async createOrder(call, request) {
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
      await call.http.exchange({
        method: 'GET',
        path: '/get_order',
        query: { order_id: order.lspOrderId },
        answer: orderDocument,
      }),
    )
  },
}

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
  withFeeRate,
  withoutLspBalance,
} from './lsps1-family.ts'
import { readLsps1Refusal } from './lsps1-refusals.ts'
import { paymentDocument, readPayment, type PaymentReading } from './lsps1-payment.ts'
import type { LspInfo } from '../domain/lsp.ts'
import { EMPTY_READING, type OrderReading, type ReadOrderState } from '../domain/reading.ts'

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
  const reading = readPayment(payment, payment.onchain && readOnchain(payment.onchain), id, PAYMENT_STATES)
  const options = reading.payment
  // bLIP-51 §3.1: the invoice MUST be a HOLD invoice.
  return options?.bolt11
    ? { ...reading, payment: { ...options, bolt11: { ...options.bolt11, isHold: true } } }
    : reading
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

// -- the adapter -----------------------------------------------------------------------------------------

export const lsps1: Adapter = {
  protocol: 'LSPS1',
  configName: 'lsps1',
  requestFields: { confirmations: true, announceChannel: true, refundOnchainAddress: true },
  // bLIP-51 §1 has no option for it; only the older texts have.
  statesOnchain: false,
  features: [],
  tellsChannelLife: false,
  clientConnects: true,
  // bLIP-50, "On-chain address": an address MUST be a SegWit address.
  addressKinds: 'SEGWIT',
  advancesWhenRead: false,

  unsupportedParameter: (request) =>
    request.asset === null
      ? (withoutLspBalance(request) ?? withFeeRate(request))
      : { field: 'asset', message: 'LSPS1 knows no RGB assets' },
  roundedTerms: (terms) => terms,
  readRefusal: readLsps1Refusal,

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

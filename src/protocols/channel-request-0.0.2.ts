import { z } from 'zod'
import type { ActionOutcome, Adapter, LspCall, OrderRef } from './adapter.ts'
import {
  beyondDrafts,
  inWholeWeeks,
  mirroredTerms,
  paymentFields,
  readDraftPayment,
  requestedTerms,
  termsFields,
  withoutAddress,
} from './draft-fields.ts'
import { readDraftRefusal } from './draft-refusals.ts'
import { documentOf, ignored, listOf, optional, orderId, required, requiredIfPresent } from './document.ts'
import {
  flagField,
  idField,
  isObject,
  lookUp,
  nodeUriField,
  payloadField,
  satField,
  satLimitField,
  textField,
  websiteField,
  wordField,
} from './fields.ts'
import { timeField } from './time-field.ts'
import { AnotherOrder, LspFailure, type FailureCode } from '../domain/failure.ts'
import { NO_LIMITS, pubkeyOfUri, type LspFeature, type LspInfo } from '../domain/lsp.ts'
import { ZERO_SAT } from '../domain/money.ts'
import type { Channel, ChannelState, JitChannel, Refund, RefundState } from '../domain/order.ts'
import { hasAddress } from '../domain/request.ts'
import {
  EMPTY_READING,
  type ClientNode,
  type OrderReading,
  type ReadOrderState,
  type ReadPaymentState,
} from '../domain/reading.ts'

// "LSPS1 channel request", draft 0.0.2: first an order is bought, then the client has its channel opened.
// Facts: protocols/README.md, section 7.

// -- documents -------------------------------------------------------------------------------------------

/** `"refunds"` or `{"name": "refunds", …}` */
const featureEntry = documentOf(
  { name: required(z.string()), min_satoshi: optional(satLimitField) },
  { unwrap: (entry) => (typeof entry === 'string' ? { name: entry } : entry) },
)

/** The text's schema is an object; its example is the bare list of features. */
const infoDocument = documentOf(
  {
    // Without a list of features it is a document about something else.
    features: required(listOf(featureEntry)),
    website: optional(websiteField),
    version: ignored,
  },
  { unwrap: (body) => (Array.isArray(body) ? { features: body as unknown[] } : body) },
)

const mirroredRequest = optional(documentOf({ ...termsFields, onchain_fee_rate: ignored, coupon_code: ignored }))

const createdDocument = documentOf({ id: orderId(idField), ...paymentFields, request: mirroredRequest })

const channelDocument = documentOf({
  state: optional(wordField),
  opened_ts: optional(timeField),
  open_transaction: optional(idField),
  scid: optional(idField),
  expiry_ts: optional(timeField),
  closing_transaction: optional(idField),
  closed_ts: optional(timeField),
  node_id: optional(nodeUriField),
  lsp_node_id: optional(nodeUriField),
})

const orderDocument = documentOf({
  id: orderId(idField),
  created_at: optional(timeField),
  state: required(wordField),
  request: mirroredRequest,
  payment: required(documentOf({ ...paymentFields, state: required(wordField) })),
  channel: optional(channelDocument),
})

const actionDocument = documentOf({
  success: requiredIfPresent(flagField),
  message: optional(textField),
  fail_reason: requiredIfPresent(wordField),
  lsp_node_connection_string: optional(nodeUriField),
})

const lnurlDocument = documentOf({ lnurl_channel: optional(payloadField) })

const jitDocument = documentOf({
  fee_per_payment: requiredIfPresent(satField),
  route_hint: optional(documentOf({ scid: required(idField), node_id: optional(z.string()) })),
  // Spelt so in the text.
  registerd_node_connection_string: optional(z.string()),
})

const refundDocument = documentOf({
  refund_state: required(wordField),
  amounts: optional(documentOf({ lightning: optional(satField), onchain: optional(satField) })),
  paid_to: optional(payloadField),
  paid_ts: optional(timeField),
})

type OrderDocument = z.output<typeof orderDocument>

// -- tables ----------------------------------------------------------------------------------------------

const FEATURES: Readonly<Record<string, LspFeature>> = {
  LNURL_LUD2: 'LNURL_CHANNEL',
  LOCAL_BALANCE: 'CLIENT_BALANCE',
  REFUNDS: 'REFUND',
  JIT_CHANNELS: 'JIT_CHANNEL',
  ONCHAIN_PAYMENTS: 'ONCHAIN_PAYMENT',
}

/** No word for failure: an order whose channel does not open stays PENDING_CHANNEL_OPEN until it is refunded. */
const ORDER_STATES: Readonly<Record<string, ReadOrderState>> = {
  AWAITING_PAYMENT: 'AWAITING_PAYMENT',
  OFFER_EXPIRED: 'EXPIRED',
  PENDING_CHANNEL_OPEN: 'PAID',
  COMPLETED: 'COMPLETED',
}

const PAYMENT_STATES: Readonly<Record<string, ReadPaymentState>> = {
  CREATED: 'EXPECT_PAYMENT',
  UNDER_FUNDED: 'UNDERPAID',
  PAID: 'PAID',
  REFUNDED: 'REFUNDED',
}

const CHANNEL_STATES: Readonly<Record<string, ChannelState>> = {
  OPENING: 'OPENING',
  OPENED: 'OPEN',
  CLOSING: 'CLOSING',
  CLOSED: 'CLOSED',
}

const REFUND_STATES: Readonly<Record<string, RefundState>> = {
  AVAILABLE: 'AVAILABLE',
  PAID_OUT: 'PAID_OUT',
  IN_FLIGHT: 'IN_FLIGHT',
  UNSUPPORTED: 'UNSUPPORTED',
  // A later text's word.
  UNAVAILABLE: 'UNSUPPORTED',
}

/** Why a channel was not opened, or a payment not refunded. */
const FAIL_REASONS: Readonly<Record<string, readonly [FailureCode, string]>> = {
  CHANNEL_REJECTED_BY_DESTINATION: ['CLIENT_REJECTED', 'your node refused the channel'],
  PEERING_FAILED: ['PEER_NOT_CONNECTED', 'the LSP could not connect to the node'],
  REJECTED_BY_LSP: ['CLIENT_REJECTED', 'the LSP refuses'],
  PAYMENT_REQUIRED: ['WRONG_STATE', 'the order is not paid'],
  PAYMENT_FAILED: ['UNAVAILABLE', 'the payment of the refund failed'],
  UNSUPPORTED: ['UNSUPPORTED', 'the LSP does not refund this way'],
}

// -- reading ---------------------------------------------------------------------------------------------

function readInfo(info: z.output<typeof infoDocument>): LspInfo {
  const features = info.features.flatMap(({ name }) => lookUp(FEATURES, name) ?? [])
  return {
    limits: {
      ...NO_LIMITS,
      maxClientBalanceSat: features.includes('CLIENT_BALANCE') ? null : ZERO_SAT,
      minOnchainPaymentSat: info.features.find(({ min_satoshi }) => min_satoshi !== null)?.min_satoshi ?? null,
    },
    nodeUris: [],
    features: [...new Set(features), 'OPEN_ON_REQUEST'],
    assets: [],
    website: info.website,
  }
}

/** The answer to the order itself has no states: what was just created awaits its payment. */
function readCreated(created: z.output<typeof createdDocument>): OrderReading {
  return {
    ...EMPTY_READING,
    ...readDraftPayment(created, 'EXPECT_PAYMENT'),
    lspOrderId: created.id,
    lspState: 'AWAITING_PAYMENT',
    state: 'AWAITING_PAYMENT',
    terms: mirroredTerms(created.request),
  }
}

function readOrderDocument(order: OrderDocument, refund: Refund | null): OrderReading {
  const payment = paymentState(order, refund)
  return {
    ...EMPTY_READING,
    ...readDraftPayment(order.payment, payment),
    lspOrderId: order.id,
    lspState: order.state,
    state: orderState(order, payment),
    terms: mirroredTerms(order.request),
    channel: order.channel && readChannel(order.channel),
    clientNode: order.channel?.node_id ? { uri: order.channel.node_id } : null,
    lspNodeUris: order.channel?.lsp_node_id ? [order.channel.lsp_node_id] : [],
    refund,
    createdAt: order.created_at,
  }
}

/** The payment's own word stays PAID while the refund goes out, and CREATED when the offer lapses. */
function paymentState(order: OrderDocument, refund: Refund | null): ReadPaymentState {
  if (refund?.state === 'PAID_OUT') return 'REFUNDED'
  if (refund?.state === 'IN_FLIGHT') return 'TO_REFUND'
  const state = lookUp(PAYMENT_STATES, order.payment.state) ?? 'UNKNOWN'
  return state === 'EXPECT_PAYMENT' && lookUp(ORDER_STATES, order.state) === 'EXPIRED' ? 'EXPIRED' : state
}

/** The order's own word says nothing of too small a payment, nor of a refund. */
function orderState(order: OrderDocument, payment: ReadPaymentState): ReadOrderState {
  const state = lookUp(ORDER_STATES, order.state) ?? 'UNKNOWN'
  if (state === 'COMPLETED') return state
  if (payment === 'REFUNDED') return 'REFUNDED'
  if (payment === 'TO_REFUND') return 'REFUND_PENDING'
  return payment === 'UNDERPAID' && state === 'AWAITING_PAYMENT' ? 'UNDERPAID' : state
}

function readChannel(channel: z.output<typeof channelDocument>): Channel {
  return {
    state: lookUp(CHANNEL_STATES, channel.state ?? '') ?? 'UNKNOWN',
    channelId: null,
    shortChannelId: channel.scid,
    fundingOutpoint: channel.open_transaction,
    fundedAt: channel.opened_ts,
    expiresAt: channel.expiry_ts,
    // "The txid" by the text, an outpoint by its example.
    closingTxid: channel.closing_transaction?.split(':', 1)[0] ?? null,
    closedAt: channel.closed_ts,
  }
}

function readJit(jit: z.output<typeof jitDocument>): JitChannel | null {
  if (jit.route_hint === null) return null
  return {
    shortChannelId: jit.route_hint.scid,
    nodeId: jit.route_hint.node_id === null ? null : pubkeyOfUri(jit.route_hint.node_id),
    feePerPaymentSat: jit.fee_per_payment,
  }
}

function readRefund(refund: z.output<typeof refundDocument>): Refund | null {
  const state = lookUp(REFUND_STATES, refund.refund_state)
  if (state === null) return null
  return {
    state,
    lightningSat: refund.amounts?.lightning ?? null,
    onchainSat: refund.amounts?.onchain ?? null,
    paidTo: refund.paid_to,
    paidAt: refund.paid_ts,
  }
}

/** To be told that the channel is open already is what the caller wanted, so this one refusal is caught. */
class AlreadyOpen extends LspFailure {
  constructor() {
    super('WRONG_STATE', 'the channel is open already')
  }
}

/** Reasons that the LSP's message only repeats in other words. */
const REPEATED: Readonly<Record<string, RegExp>> = {
  CHANNEL_REJECTED_BY_DESTINATION:
    /^(the |your )?(destination |client )?(node|peer) (has )?(refused|rejected) the channel$/i,
  PEERING_FAILED: /^(the |your )?(destination |client )?(node|peer) could not be reached$/i,
}

function says(message: string, reason: string): boolean {
  return lookUp(REPEATED, reason)?.test(message.replace(/[.!\s]+$/, '')) ?? false
}

function refusalOfReason(reason: string, message: string | null, lspNodeUri: string | null): LspFailure {
  if (lookUp({ ALREADY_OPEN: true }, reason)) return new AlreadyOpen()
  const [code, meaning] = lookUp(FAIL_REASONS, reason) ?? (['WRONG_STATE', `the LSP could not: ${reason}`] as const)
  // The text's example of a failure carries the message of a success.
  return new LspFailure(
    code,
    message === null || message === 'ok' || says(message, reason) ? meaning : `${meaning}: ${message}`,
    { lspNodeUri },
  )
}

/**
 * Under an error status a reason alone refuses: in the text's example of a 412, `success` is true. Under a status of
 * success, `act` reads the answer to an action.
 */
function readRefusal(status: number, body: unknown): LspFailure | null {
  if (status < 400 && isObject(body) && typeof body.success === 'boolean') return null
  const action = status >= 400 && status < 500 ? actionDocument.safeParse(body).data : undefined
  return action?.fail_reason
    ? refusalOfReason(action.fail_reason, action.message, action.lsp_node_connection_string)
    : readDraftRefusal(status, body)
}

// -- the adapter -----------------------------------------------------------------------------------------

const pathOf = ({ lspOrderId }: OrderRef, part = '') => `/lsp/channels/${encodeURIComponent(lspOrderId)}${part}`

/** Under a status of success only `success` refuses: in the text's example of one, there is a reason as well. */
async function act(call: LspCall, path: string, body: unknown): Promise<ActionOutcome> {
  const answer = await call.http.exchange({ method: 'POST', path, body, answer: actionDocument })
  const { success, fail_reason, message, lsp_node_connection_string: lspNodeUri } = answer
  if (success === false) throw refusalOfReason(fail_reason ?? 'no reason given', message, lspNodeUri)
  return { message: message ?? 'the LSP agreed', txid: null }
}

/** null where the LSP fails: with this code, if one is named. */
async function orNull<Answer>(reading: Promise<Answer>, code?: FailureCode): Promise<Answer | null> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof LspFailure && (code === undefined || error.code === code)) return null
    throw error
  }
}

interface JitRegistration {
  jit: JitChannel | null
  clientNode: ClientNode | null
}

/** Registers the client's node, unless it is registered. That it may happen twice does no harm. */
async function registerJit(call: LspCall, order: OrderRef): Promise<JitRegistration> {
  const jit = { path: pathOf(order, '/jit'), answer: jitDocument }
  const registration = await orNull(call.http.exchange({ ...jit, method: 'GET' }), 'NOT_FOUND')
  const nodeOf = ({ registerd_node_connection_string: uri }: z.output<typeof jitDocument>) =>
    uri === null || pubkeyOfUri(uri) === null ? null : { uri }
  const isOurs = (node: ClientNode | null) => pubkeyOfUri(node?.uri ?? '') === pubkeyOfUri(order.clientNodeUri)
  const known = registration && nodeOf(registration)
  const hint = registration && isOurs(known) ? readJit(registration) : null
  if (hint !== null) return { jit: hint, clientNode: known }
  const body = { node_connection_string: order.clientNodeUri }
  const answer = await call.http.exchange({ ...jit, method: 'POST', body })
  return { jit: readJit(answer), clientNode: nodeOf(answer) }
}

export const channelRequest002: Adapter = {
  protocol: 'CHANNEL_REQUEST_V0_0_2',
  configName: 'channel-request-0.0.2',
  requestFields: { confirmations: false, announceChannel: true, refundOnchainAddress: false },
  statesOnchain: true,
  features: ['OPEN_ON_REQUEST'],
  tellsChannelLife: true,
  clientConnects: false,
  addressKinds: 'ANY',
  advancesWhenRead: false,

  // The order itself names no node; without the address, the channel could not be opened after the payment.
  unsupportedParameter: (request) => beyondDrafts(request) ?? withoutAddress(request),
  roundedTerms: inWholeWeeks,
  readRefusal,

  async info(call) {
    return readInfo(await call.http.exchange({ method: 'GET', path: '/lsp/channels', answer: infoDocument }))
  },

  async createOrder(call, request) {
    const body = {
      ...requestedTerms(request),
      ...(request.fundingFeeRateSatPerVbyte === undefined
        ? {}
        : { onchain_fee_rate: request.fundingFeeRateSatPerVbyte }),
      ...(request.token === null ? {} : { coupon_code: request.token }),
    }
    return readCreated(
      await call.http.exchange({ method: 'POST', path: '/lsp/channels', body, answer: createdDocument }),
    )
  },

  async readOrder(call, order) {
    const get = { method: 'GET' } as const
    const document = await call.http.exchange({ ...get, path: pathOf(order), answer: orderDocument })
    // An LSP may know an order by more than its id. Whose it then is, nothing may be asked or registered for.
    if (document.id !== order.lspOrderId) throw new AnotherOrder()
    const payment = paymentState(document, null)
    const state = orderState(document, payment)
    const paid = order.paid || payment === 'PAID' || payment === 'REFUNDED'
    const asks = (feature: LspFeature, now: boolean) =>
      now && document.channel === null && order.features.includes(feature)

    // The order is read: what goes wrong in a document beside it must not lose that.
    const [refund, lnurl, registration] = await Promise.all([
      asks('REFUND', paid)
        ? orNull(call.http.exchange({ ...get, path: pathOf(order, '/refund'), answer: refundDocument }))
        : null,
      asks('LNURL_CHANNEL', paid && state !== 'REFUNDED' && order.lnurlChannel === null)
        ? orNull(call.http.exchange({ ...get, path: pathOf(order, '/lnurl'), answer: lnurlDocument }))
        : null,
      asks(
        'JIT_CHANNEL',
        !paid && state === 'AWAITING_PAYMENT' && order.jit === null && hasAddress(order.clientNodeUri),
      )
        ? orNull(registerJit(call, order))
        : null,
    ])
    const reading = readOrderDocument(document, refund && readRefund(refund))
    return {
      ...reading,
      lnurlChannel: lnurl?.lnurl_channel ?? null,
      jit: registration?.jit ?? null,
      clientNode: reading.clientNode ?? registration?.clientNode ?? null,
    }
  },

  async openChannel(call, order, nodeUri) {
    if (!hasAddress(nodeUri))
      throw new LspFailure(
        'INVALID_REQUEST',
        "the LSP needs the address of the client's node; call openChannel with nodeUri as pubkey@host:port",
        { field: 'nodeUri' },
      )
    const body = { announce_channel: order.announceChannel, node_connection_string: nodeUri }
    try {
      return await act(call, pathOf(order, '/open'), body)
    } catch (error) {
      if (error instanceof AlreadyOpen) return { message: error.message, txid: null }
      throw error
    }
  },

  requestRefund(call, order, target) {
    const body = { lightning_invoice: target.bolt11Invoice, onchain_address: target.onchainAddress }
    return act(call, pathOf(order, '/refund'), body)
  },
}

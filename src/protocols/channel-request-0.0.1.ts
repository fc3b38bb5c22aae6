import type { z } from 'zod'
import type { Adapter, RenewalReading } from './adapter.ts'
import {
  beyondDrafts,
  inWholeWeeks,
  mirroredTerms,
  notInDraft,
  paymentFields,
  readDraftPayment,
  requestedTerms,
  termsFields,
  withoutAddress,
} from './draft-fields.ts'
import { readDraftRefusal } from './draft-refusals.ts'
import { documentOf, ignored, optional, orderId, required } from './document.ts'
import { expectIdName, getById } from './order-id-parameter.ts'
import { countField, idField, lookUp, nodeUriField, payloadField, satField, wordField } from './fields.ts'
import { timeField } from './time-field.ts'
import { pubkeyOfUri, type LspFeature } from '../domain/lsp.ts'
import type { Channel, ChannelState, JitChannel } from '../domain/order.ts'
import { EMPTY_READING, type OrderReading, type ReadOrderState, type ReadPaymentState } from '../domain/reading.ts'
import { clientNodeUri } from '../domain/request.ts'
import { SECOND_MS, type EpochMs } from '../domain/time.ts'

// "LSP channel request", draft 0.0.1, in all its texts: the first one with its renewals, and the later ones with
// `id`, `temporary_scid` and the list of states. Facts: protocols/README.md, section 8.

// -- documents -------------------------------------------------------------------------------------------

/** Some texts call the order's id `order_id`, some `id`, and one both. */
const identity = { order_id: orderId(idField, ['id']) }

const channelFields = {
  scid: optional(idField),
  channel_open_tx: optional(idField),
  channel_expiry_ts: optional(timeField),
}

const createdFields = {
  ...identity,
  ...paymentFields,
  /** What a first payment is charged. Without knowing it, no wallet can accept a JIT channel. */
  fee_per_payment: optional(satField, 'UNREADABLE' as const),
  temporary_scid: optional(idField),
  scid: channelFields.scid,
  lsp_connection_info: optional(nodeUriField),
  lnurl_channel: optional(payloadField),
}

const createdDocument = documentOf(createdFields)

const orderDocument = documentOf({
  ...createdFields,
  ...termsFields,
  ...channelFields,
  created_at: optional(timeField),
  state: required(wordField),
  node_connection_info: optional(nodeUriField),
})

/** A renewal pushes no balance, so its fee is all there is to pay; the first text has no total. */
const renewalDocument = documentOf({
  ...identity,
  ...paymentFields,
  ...channelFields,
  order_total: ignored,
  fee_per_payment: ignored,
  channel_open_tx_outnum: optional(countField),
  channel_renewed_expiry: termsFields.channel_expiry,
  channel_renewed_expiry_ts: optional(timeField),
  state: required(wordField),
  // It may be answered as an order is.
  created_at: ignored,
  local_balance: ignored,
  remote_balance: ignored,
  channel_expiry: ignored,
  temporary_scid: ignored,
  lsp_connection_info: ignored,
  lnurl_channel: ignored,
  node_connection_info: ignored,
})

type CreatedDocument = z.output<typeof createdDocument>
type OrderDocument = z.output<typeof orderDocument>
type RenewalDocument = z.output<typeof renewalDocument>

// -- tables ----------------------------------------------------------------------------------------------

interface Meaning {
  order: ReadOrderState
  payment: ReadPaymentState
  channel: ChannelState | null
}

/** One word carries the state of the order, of its payment and of its channel. */
const STATES: Readonly<Record<string, Meaning>> = {
  CREATED: { order: 'AWAITING_PAYMENT', payment: 'EXPECT_PAYMENT', channel: null },
  UNDER_FUNDED: { order: 'UNDERPAID', payment: 'UNDERPAID', channel: null },
  PENDING: { order: 'PAID', payment: 'PAID', channel: null },
  // The funding transaction is broadcast, which is what the public schema calls complete.
  OPENING: { order: 'COMPLETED', payment: 'PAID', channel: 'OPENING' },
  OPENED: { order: 'COMPLETED', payment: 'PAID', channel: 'OPEN' },
  CLOSING: { order: 'COMPLETED', payment: 'PAID', channel: 'CLOSING' },
  CLOSED: { order: 'COMPLETED', payment: 'PAID', channel: 'CLOSED' },
  FAILED: { order: 'FAILED', payment: 'PAID', channel: 'FAILED' },
  REFUNDED: { order: 'REFUNDED', payment: 'REFUNDED', channel: null },
  OFFER_EXPIRED: { order: 'EXPIRED', payment: 'EXPIRED', channel: null },
}

/** The bad ends of an order of which the answer counts no payment. */
const UNPAID_ENDS: Readonly<Record<string, Meaning>> = {
  // Not a lapse: there is OFFER_EXPIRED for that.
  FAILED: { order: 'FAILED', payment: 'FAILED', channel: 'FAILED' },
  REFUNDED: { order: 'FAILED_OR_LAPSED', payment: 'REFUNDED_OR_LAPSED', channel: null },
}

const UNKNOWN_WORD: Meaning = { order: 'UNKNOWN', payment: 'UNKNOWN', channel: null }

/** The first text has no endpoint that tells what an LSP can do; these have fields in the order itself. */
const FEATURES: readonly LspFeature[] = ['CLIENT_BALANCE', 'ONCHAIN_PAYMENT', 'LNURL_CHANNEL', 'JIT_CHANNEL', 'RENEWAL']

// -- reading ---------------------------------------------------------------------------------------------

function meaningOf(document: { state: string; amount_paid: number | null }): Meaning {
  const unpaidEnd = document.amount_paid ? null : lookUp(UNPAID_ENDS, document.state)
  return unpaidEnd ?? lookUp(STATES, document.state) ?? UNKNOWN_WORD
}

/** The answer to the order itself has no state: what was just created is CREATED. */
function readCreated(order: CreatedDocument): OrderReading {
  return {
    ...EMPTY_READING,
    ...readDraftPayment(order, 'EXPECT_PAYMENT'),
    lspOrderId: order.order_id,
    lspState: 'CREATED',
    state: 'AWAITING_PAYMENT',
    jit: readJit(order, order.temporary_scid ?? order.scid),
    lnurlChannel: order.lnurl_channel,
    lspNodeUris: nodeUrisOf(order),
  }
}

const nodeUrisOf = ({ lsp_connection_info: uri }: CreatedDocument) => (uri === null ? [] : [uri])

function readOrderDocument(order: OrderDocument): OrderReading {
  const meaning = meaningOf(order)
  // Seed 002 has only one `scid`, "the scid user puts in the route hint". Later texts name that one `temporary_scid`.
  const ofChannel = order.temporary_scid !== null
  return {
    ...EMPTY_READING,
    ...readDraftPayment(order, meaning.payment),
    lspOrderId: order.order_id,
    lspState: order.state,
    state: meaning.order,
    terms: mirroredTerms(order),
    channel: readChannel(order, meaning.channel, ofChannel ? order.scid : null),
    jit: readJit(order, ofChannel ? order.temporary_scid : order.scid),
    lnurlChannel: order.lnurl_channel,
    clientNode: order.node_connection_info === null ? null : { uri: order.node_connection_info },
    lspNodeUris: nodeUrisOf(order),
    createdAt: order.created_at,
  }
}

function readJit(order: CreatedDocument, scid: string | null): JitChannel | null {
  if (scid === null || order.fee_per_payment === 'UNREADABLE') return null
  return {
    shortChannelId: scid,
    nodeId: order.lsp_connection_info === null ? null : pubkeyOfUri(order.lsp_connection_info),
    feePerPaymentSat: order.fee_per_payment,
  }
}

/** What no text tells of a channel. */
const UNTOLD = { channelId: null, fundedAt: null, closingTxid: null } as const

/** A funding transaction under a word that tells nothing of a channel leaves open how the channel is. */
function readChannel(order: OrderDocument, state: ChannelState | null, shortChannelId: string | null): Channel | null {
  if (state === null && order.channel_open_tx === null) return null
  return {
    ...UNTOLD,
    state: state ?? 'UNKNOWN',
    shortChannelId,
    fundingOutpoint: order.channel_open_tx,
    expiresAt: order.channel_expiry_ts,
  }
}

function readRenewalDocument(renewal: RenewalDocument): RenewalReading {
  const meaning = meaningOf(renewal)
  const { channel_open_tx: txid, channel_open_tx_outnum: index } = renewal
  return {
    ...EMPTY_READING,
    ...readDraftPayment({ ...renewal, order_total: renewal.fee_total }, meaning.payment),
    lspOrderId: renewal.order_id,
    lspState: renewal.state,
    state: meaning.order,
    terms: renewal.channel_renewed_expiry === null ? {} : { channelExpiryBlocks: renewal.channel_renewed_expiry },
    channel: {
      ...UNTOLD,
      // Words other than those for a channel's life are about the renewal, of a channel that stands.
      state: meaning.order === 'COMPLETED' && meaning.channel !== null ? meaning.channel : 'OPEN',
      shortChannelId: renewal.scid,
      fundingOutpoint: txid !== null && index !== null ? `${txid}:${index}` : txid,
      expiresAt: renewal.channel_expiry_ts,
    },
    shortChannelId: renewal.scid,
    renewedUntil: renewal.channel_renewed_expiry_ts,
  }
}

// -- the adapter -----------------------------------------------------------------------------------------

/** Rounded down: the signature must not outlive what the client said. */
const wholeSeconds = (time: EpochMs) => String(Math.floor(time / SECOND_MS))

export const channelRequest001: Adapter = {
  protocol: 'CHANNEL_REQUEST_V0_0_1',
  configName: 'channel-request-0.0.1',
  requestFields: { confirmations: false, announceChannel: false, refundOnchainAddress: false },
  statesOnchain: true,
  features: FEATURES,
  tellsChannelLife: true,
  clientConnects: false,
  addressKinds: 'ANY',
  advancesWhenRead: false,

  unsupportedParameter(request) {
    if (request.token !== null) return notInDraft('tokens')
    if (request.announceChannel) return notInDraft('announceChannel')
    return beyondDrafts(request) ?? withoutAddress(request)
  },
  roundedTerms: inWholeWeeks,
  readRefusal: readDraftRefusal,

  info: () => Promise.resolve({ limits: null, nodeUris: [], features: FEATURES, assets: [], website: null }),

  async createOrder(call, request) {
    const body = {
      node_connection_info: clientNodeUri(request),
      ...requestedTerms(request),
      ...(request.fundingFeeRateSatPerVbyte === undefined
        ? {}
        : { on_chain_fee_rate: request.fundingFeeRateSatPerVbyte }),
    }
    const created = await call.http.exchange({ method: 'POST', path: '/lsp/channel', body, answer: createdDocument })
    expectIdName(call, created.temporary_scid)
    return readCreated(created)
  },

  async readOrder(call, order) {
    return readOrderDocument(await getById(call, order.lspOrderId, orderDocument))
  },

  renewalMessage: (url, shortChannelId, validTo) =>
    `${url}/lsp/channel/renew/?scid=${shortChannelId}&valid_to=${wholeSeconds(validTo)}`,

  async renew(call, request) {
    const query = {
      scid: request.shortChannelId,
      valid_to: wholeSeconds(request.validTo),
      signedmessage: request.signedMessage,
    }
    return readRenewalDocument(
      await call.http.exchange({
        method: 'GET',
        path: '/lsp/channel/renew',
        query,
        // It places an order, GET or not.
        isRepeatable: false,
        answer: renewalDocument,
      }),
    )
  },

  /**
   * By the id that the renewal was given, which the text calls an order id. Asking `renew` again is no way to
   * read: it is a GET that places an order, on a signature that has run out by then.
   */
  async readRenewal(call, lspOrderId) {
    return readRenewalDocument(await getById(call, lspOrderId, renewalDocument))
  },
}

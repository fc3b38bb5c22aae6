import type { z } from 'zod'
import type { Adapter, UnsupportedParameter, Price } from './adapter.ts'
import {
  documentOf,
  documentWithKeys,
  ignored,
  listOf,
  optional,
  orderId,
  required,
  requiredIfPresent,
} from './document.ts'
import {
  countField,
  idField,
  jsonInteger,
  lookUp,
  nodeUriField,
  payloadField,
  rgbAssetField,
  satField,
  shownIdField,
  wordField,
} from './fields.ts'
import { noPaymentOption, notAsSpecified, statesTotalsOfZero } from './free.ts'
import { ONE_LIMIT, optionsFields, readLimits, withoutLspBalance } from './lsps1-family.ts'
import { readCommonRefusal } from './refusal.ts'
import { timeField } from './time-field.ts'
import { unproven, type LspFailure } from '../domain/failure.ts'
import { decodeInvoice, InvoiceError } from '../domain/invoice.ts'
import { pubkeyOfUri, type AssetSchema, type LspAsset, type LspFeature } from '../domain/lsp.ts'
import { readPaymentUri } from '../domain/bip21.ts'
import { parseSat, sat, type Sat } from '../domain/money.ts'
import type { Bolt11Option, Channel, ChannelState, OnchainOption, PaymentState } from '../domain/order.ts'
import { EMPTY_READING, type OrderReading, type ReadOrderState } from '../domain/reading.ts'
import { BLOCK_MS } from '../domain/time.ts'
import { clientNodeUri, type ChannelRequest } from '../domain/request.ts'

// ThunderStack's ThunderFlow. Facts: protocols/README.md, section 10.

// -- documents -------------------------------------------------------------------------------------------

const infoDocument = documentOf(
  {
    ...optionsFields,
    lsp_assets: optional(
      documentOf({
        nia: optional(listOf(rgbAssetField)),
        uda: optional(listOf(rgbAssetField)),
        cfa: optional(listOf(rgbAssetField)),
      }),
    ),
    uris: optional(listOf(nodeUriField)),
  },
  { oneOf: ONE_LIMIT },
)

const paymentDocument = documentOf({
  status: required(wordField),
  /** All that is to be paid. Not sent in 2024. */
  fee: requiredIfPresent(satField),
  invoice: required(payloadField),
  expires_at: optional(timeField),
  // Not the order's id.
  order_id: ignored,
  _id: ignored,
  type: ignored,
  created_at: ignored,
  updated_at: ignored,
})

const orderDocument = documentOf({
  /** Answers of get_order call it `_id`. */
  order_id: orderId(idField, ['_id']),
  status: required(wordField),
  created_at: optional(timeField),
  updated_at: ignored,
  lsp_balance_sat: optional(satField),
  channel_expiry_blocks: optional(countField),
  /** The documentation's answer has a node address here. */
  public_key: optional(nodeUriField),
  refund_on_chain_address: optional(shownIdField),
  payment: required(
    documentWithKeys({
      ln: requiredIfPresent(paymentDocument),
      btc_onchain: requiredIfPresent(paymentDocument),
      // Of 2024: paid in an asset, which the gateway offers nobody.
      ln_asset: ignored,
    }),
  ),
  channel: optional(
    documentOf({
      channel_id: optional(shownIdField),
      status: optional(wordField),
      temporary_channel_id: optional(shownIdField),
      created_at: optional(timeField),
      updated_at: ignored,
    }),
  ),
})
type OrderDocument = z.output<typeof orderDocument>
type PaymentDocument = z.output<typeof paymentDocument>

// -- tables ----------------------------------------------------------------------------------------------

/** The documentation says Succeeded in its list of states and Success in its prose. */
const ORDER_STATES: Readonly<Record<string, ReadOrderState>> = {
  PENDING: 'AWAITING_PAYMENT',
  SUCCEEDED: 'COMPLETED',
  SUCCESS: 'COMPLETED',
  FAILED: 'FAILED',
  EXPIRED: 'EXPIRED',
}

const PAYMENT_STATES: Readonly<Record<string, PaymentState>> = {
  PENDING: 'EXPECT_PAYMENT',
  SUCCEEDED: 'PAID',
  SUCCESS: 'PAID',
  FAILED: 'FAILED',
  // Also of the other payment option, once one is paid.
  EXPIRED: 'EXPIRED',
}

const CHANNEL_STATES: Readonly<Record<string, ChannelState>> = {
  PENDINGOPEN: 'PENDING',
  OPEN: 'OPEN',
  SUCCESS: 'OPEN',
  FAILEDOPEN: 'FAILED',
  FAILED: 'FAILED',
}

/** What the request form has no field for. */
const BEYOND: readonly (readonly [string, (request: ChannelRequest) => boolean])[] = [
  ['clientBalanceSat', (request) => request.clientBalanceSat > 0],
  ['announceChannel', (request) => request.announceChannel],
  ['requiredChannelConfirmations', (request) => request.requiredChannelConfirmations !== null],
  ['fundingConfirmsWithinBlocks', (request) => request.fundingConfirmsWithinBlocks !== null],
  ['fundingFeeRateSatPerVbyte', (request) => request.fundingFeeRateSatPerVbyte !== undefined],
  ['tokens', (request) => request.token !== null],
  ['asset.clientAmount', ({ asset }) => Number(asset?.clientAmount ?? 0) > 0],
  ['asset.rfqId', ({ asset }) => asset !== null && asset.rfqId !== null],
]

// -- reading ---------------------------------------------------------------------------------------------

function readOrder(order: OrderDocument): OrderReading {
  const { ln, btc_onchain: onchain, keys } = order.payment
  const id = order.order_id
  if ((ln ?? onchain) === null) throw noPaymentOption(id, keys)
  const payment = {
    bolt11: ln && readInvoice(ln, id),
    bolt12: null,
    onchain: onchain && readOnchain(onchain, refundAddressOf(order), id),
  }
  const channel = order.channel && readChannel(order.channel, order.channel_expiry_blocks)
  const isPaid = payment.bolt11?.state === 'PAID' || payment.onchain?.state === 'PAID'
  const state = lookUp(ORDER_STATES, order.status) ?? 'UNKNOWN'
  return {
    ...EMPTY_READING,
    lspOrderId: id,
    lspState: order.status,
    state: state === 'AWAITING_PAYMENT' ? pendingState(isPaid, channel) : state,
    terms: {
      ...(order.lsp_balance_sat === null ? {} : { lspBalanceSat: order.lsp_balance_sat }),
      ...(order.channel_expiry_blocks === null ? {} : { channelExpiryBlocks: order.channel_expiry_blocks }),
    },
    payment,
    // Another payment option may have a price.
    free: keys.every((key) => key === 'ln' || key === 'btc_onchain') && statesTotalsOfZero(payment),
    channel,
    clientNode: { uri: order.public_key },
    createdAt: order.created_at,
  }
}

/** Mirrored; the documentation's own example has a public key in it. */
function refundAddressOf({ refund_on_chain_address: address }: OrderDocument): string | null {
  return address !== null && pubkeyOfUri(address) === null ? address : null
}

/** The order itself says Pending from its beginning until the channel is found open. */
function pendingState(isPaid: boolean, channel: Channel | null): ReadOrderState {
  if (channel?.state === 'PENDING') return 'CHANNEL_OPENING'
  if (channel?.state === 'OPEN') return 'COMPLETED'
  return isPaid ? 'PAID' : 'AWAITING_PAYMENT'
}

const paymentState = (word: string): PaymentState => lookUp(PAYMENT_STATES, word) ?? 'UNKNOWN'

function readInvoice(payment: PaymentDocument, lspOrderId: string): Bolt11Option {
  const total = payment.fee ?? amountOfInvoice(payment.invoice, lspOrderId)
  return {
    state: paymentState(payment.status),
    feeTotalSat: total,
    orderTotalSat: total,
    invoice: payment.invoice,
    expiresAt: payment.expires_at,
  }
}

/** The amount stands in `fee`, and again in the BIP 21 URI, which is checked against it. */
function readOnchain(payment: PaymentDocument, refundOnchainAddress: string | null, lspOrderId: string): OnchainOption {
  const uri = readPaymentUri(payment.invoice)
  if (uri === null) throw notAsSpecified('payment.btc_onchain.invoice: not a BIP 21 URI', lspOrderId)
  const totalSat = payment.fee ?? uri.amountSat
  if (totalSat === null) throw notAsSpecified('payment.btc_onchain: names no amount', lspOrderId)
  return {
    state: paymentState(payment.status),
    feeTotalSat: totalSat,
    orderTotalSat: totalSat,
    address: uri.address,
    expiresAt: payment.expires_at,
    minConfirmations: null,
    minFeeFor0Conf: null,
    refundOnchainAddress,
    paidSat: null,
    uri: payment.invoice,
  }
}

/** Rounded up to whole satoshis: that is what pays it. */
function amountOfInvoice(invoice: string, lspOrderId: string): Sat {
  try {
    const { amountMsat } = decodeInvoice(invoice)
    // Nobody says how much a channel costs whose invoice lets the payer choose.
    if (!amountMsat) throw new TypeError('no amount')
    return parseSat((amountMsat + 999n) / 1000n)
  } catch (error) {
    const reason = error instanceof InvoiceError ? `: ${error.message}` : ''
    throw notAsSpecified(`payment.ln.invoice: names no amount${reason}`, lspOrderId, error)
  }
}

/** The protocol states no end of the lease: it is computed from the channel's creation, at 10 minutes a block. */
function readChannel(channel: NonNullable<OrderDocument['channel']>, expiryBlocks: number | null): Channel {
  const state = lookUp(CHANNEL_STATES, channel.status ?? '') ?? 'UNKNOWN'
  const fundedAt = state === 'OPEN' ? channel.created_at : null
  return {
    state,
    channelId: channel.channel_id,
    ...(channel.temporary_channel_id === null ? {} : { temporaryChannelId: channel.temporary_channel_id }),
    shortChannelId: null,
    fundingOutpoint: null,
    fundedAt,
    expiresAt: fundedAt === null || expiryBlocks === null ? null : fundedAt + expiryBlocks * BLOCK_MS,
    closingTxid: null,
  }
}

const withSchema = (schema: AssetSchema, assets: readonly LspAsset[] | null | undefined): LspAsset[] =>
  (assets ?? []).map((asset) => ({ ...asset, schema }))

/** This protocol documents no errors. A refusal under a status of success proves nothing about the order. */
function readRefusal(status: number, body: unknown): LspFailure | null {
  const refusal = readCommonRefusal(status, body)
  return refusal && status < 400 ? unproven(refusal) : refusal
}

// -- the adapter -----------------------------------------------------------------------------------------

const FEATURES: readonly LspFeature[] = ['ONCHAIN_PAYMENT', 'RGB_ASSETS']

/** 1500 sat and 0.05 % of the 30 010 sat that the LSP sends along, in whole satoshis as its example has it. */
const TARIFF_BASE_SAT = 1_500 + 15
const TARIFF_VBYTES = 500

/** The published tariff. What an asset costs depends on its value in bitcoin, which nobody here knows. */
function tariffOf(request: ChannelRequest, feeRateSatPerVbyte: number | null): Price | null {
  if (feeRateSatPerVbyte === null || request.asset !== null) return null
  // As floats go, 500 × 1.1 is a little more than 550: without that little, or it would be rounded up to 551.
  const miningSat = Math.ceil(Number((TARIFF_VBYTES * feeRateSatPerVbyte).toFixed(6)))
  return { feeTotalSat: sat(TARIFF_BASE_SAT + miningSat), expiresAt: null }
}

function beyondTheForm(request: ChannelRequest): UnsupportedParameter | null {
  const field = BEYOND.find(([, isAsked]) => isAsked(request))?.[0]
  // Only the LSP has a balance in these channels.
  if (field === undefined) return withoutLspBalance(request)
  return { field, message: `ThunderStack's request form has no field for ${field}` }
}

export const thunderstack: Adapter = {
  protocol: 'THUNDERSTACK',
  configName: 'thunderstack',
  requestFields: { confirmations: false, announceChannel: false, refundOnchainAddress: true },
  statesOnchain: true,
  features: FEATURES,
  // It stops at Open.
  tellsChannelLife: false,
  clientConnects: true,
  addressKinds: 'ANY',
  advancesWhenRead: true,

  unsupportedParameter: beyondTheForm,
  roundedTerms: (terms) => terms,
  readRefusal,
  tariff: (call, request) => tariffOf(request, call.tariffFeeRateSatPerVbyte),

  async info(call) {
    const info = await call.http.exchange({ method: 'GET', path: '/get_info', answer: infoDocument })
    const assets = info.lsp_assets
    return {
      limits: readLimits(info),
      nodeUris: info.uris ?? [],
      features: FEATURES,
      assets: [...withSchema('NIA', assets?.nia), ...withSchema('UDA', assets?.uda), ...withSchema('CFA', assets?.cfa)],
      website: null,
    }
  },

  async createOrder(call, request) {
    return readOrder(
      await call.http.exchange({
        method: 'POST',
        path: '/create_order',
        body: {
          lsp_balance_sat: request.lspBalanceSat,
          public_key: clientNodeUri(request),
          channel_expiry_blocks: request.channelExpiryBlocks,
          ...(request.asset === null
            ? {}
            : { asset_id: request.asset.assetId, asset_amount: jsonInteger(request.asset.lspAmount) }),
          // Spelt as nowhere else.
          ...(request.refundOnchainAddress === null ? {} : { refund_on_chain_address: request.refundOnchainAddress }),
        },
        answer: orderDocument,
      }),
    )
  },

  async readOrder(call, order) {
    return readOrder(
      await call.http.exchange({
        method: 'GET',
        path: '/get_order',
        query: { order_id: order.lspOrderId },
        answer: orderDocument,
      }),
    )
  },
}

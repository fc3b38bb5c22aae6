import { z } from 'zod'
import type { Adapter, UnsupportedParameter, Price } from './adapter.ts'
import {
  absent,
  countField,
  idField,
  isObject,
  isoTimeField,
  lenientList,
  lookUp,
  nodeUriField,
  payloadField,
  rgbAssetField,
  satField,
  shownIdField,
  unsendableAmount,
  wordField,
} from './fields.ts'
import { optionsDocument, readLimits } from './lsps1-family.ts'
import { refusalOfText } from './refusal-texts.ts'
import { LspFailure, unproven } from '../domain/failure.ts'
import { decodeInvoice } from '../domain/invoice.ts'
import { pubkeyOfUri, type LspFeature } from '../domain/lsp.ts'
import { readPaymentUri } from '../domain/bip21.ts'
import { parseSat, sat, type Sat } from '../domain/money.ts'
import type { Bolt11Option, Channel, ChannelState, OnchainOption, PaymentState } from '../domain/order.ts'
import { EMPTY_READING, type OrderReading, type ReadOrderState } from '../domain/reading.ts'
import { clientNodeUri, type ChannelRequest } from '../domain/request.ts'
import { cleanTextOrNull } from '../domain/text.ts'

// ThunderStack's ThunderFlow. Facts: protocols/README.md, section 10.

// -- documents -------------------------------------------------------------------------------------------

const infoDocument = optionsDocument.extend({
  // Without them it is a document about something else.
  min_initial_lsp_balance_sat: satField,
  max_initial_lsp_balance_sat: satField,
  lsp_assets: absent(
    z.object({ nia: lenientList(rgbAssetField), uda: lenientList(rgbAssetField), cfa: lenientList(rgbAssetField) }),
  ),
  uris: lenientList(nodeUriField),
})

const paymentDocument = z.object({
  status: wordField,
  /** All that is to be paid. Not told in 2024. */
  fee: absent(satField),
  invoice: payloadField,
  expires_at: absent(isoTimeField),
})

const orderDocument = z
  .object({
    order_id: absent(idField),
    /** The same in the answers of get_order. */
    _id: absent(idField),
    status: wordField,
    created_at: absent(isoTimeField),
    lsp_balance_sat: absent(satField),
    channel_expiry_blocks: absent(countField),
    // Mirrored; the documentation's own example has a public key in it.
    refund_on_chain_address: shownIdField.transform((address) =>
      address !== null && pubkeyOfUri(address) === null ? address : null,
    ),
    // `ln_asset`, of 2024, is to be paid in an asset, which the gateway offers nobody.
    payment: z
      .object({ ln: absent(paymentDocument), btc_onchain: absent(paymentDocument) })
      .refine((payment) => (payment.ln ?? payment.btc_onchain) !== null, 'no payment option'),
    channel: absent(z.object({ channel_id: shownIdField, status: wordField })),
  })
  .transform(({ order_id, _id, ...order }, context) => {
    const id = order_id ?? _id
    if (id !== null) return { ...order, id }
    context.addIssue({ code: 'custom', message: 'neither order_id nor _id' })
    return z.NEVER
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
  ['tokens', (request) => request.token !== null],
  ['asset.clientAmount', ({ asset }) => Number(asset?.clientAmount ?? 0) > 0],
  ['asset.rfqId', ({ asset }) => asset !== null && asset.rfqId !== null],
]

// -- reading ---------------------------------------------------------------------------------------------

function readOrder(order: OrderDocument): OrderReading {
  const { ln, btc_onchain: onchain } = order.payment
  const payment = {
    bolt11: ln && readInvoice(ln),
    bolt12: null,
    onchain: onchain && readOnchain(onchain, order.refund_on_chain_address),
  }
  const channel = order.channel && readChannel(order.channel)
  const isPaid = payment.bolt11?.state === 'PAID' || payment.onchain?.state === 'PAID'
  const state = lookUp(ORDER_STATES, order.status) ?? 'UNKNOWN'
  return {
    ...EMPTY_READING,
    lspOrderId: order.id,
    lspState: order.status,
    state: state === 'AWAITING_PAYMENT' ? pendingState(isPaid, channel) : state,
    terms: {
      ...(order.lsp_balance_sat === null ? {} : { lspBalanceSat: order.lsp_balance_sat }),
      ...(order.channel_expiry_blocks === null ? {} : { channelExpiryBlocks: order.channel_expiry_blocks }),
    },
    payment,
    channel,
    createdAt: order.created_at,
  }
}

/** The order itself says Pending from its beginning until the channel is found open. */
function pendingState(isPaid: boolean, channel: Channel | null): ReadOrderState {
  if (channel?.state === 'PENDING') return 'CHANNEL_OPENING'
  if (channel?.state === 'OPEN') return 'COMPLETED'
  return isPaid ? 'PAID' : 'AWAITING_PAYMENT'
}

const paymentState = (word: string): PaymentState => lookUp(PAYMENT_STATES, word) ?? 'UNKNOWN'

function readInvoice(payment: PaymentDocument): Bolt11Option {
  const total = payment.fee ?? amountOfInvoice(payment.invoice)
  return {
    state: paymentState(payment.status),
    feeTotalSat: total,
    orderTotalSat: total,
    invoice: payment.invoice,
    expiresAt: payment.expires_at,
  }
}

/** The amount stands in `fee`, and again in the BIP 21 URI, which is checked against it. */
function readOnchain(payment: PaymentDocument, refundOnchainAddress: string | null): OnchainOption {
  const uri = readPaymentUri(payment.invoice)
  if (uri === null) throw notAsAgreed('payment.btc_onchain.invoice: not a BIP 21 URI')
  const totalSat = payment.fee ?? uri.amountSat
  if (totalSat === null) throw notAsAgreed('payment.btc_onchain: names no amount')
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
function amountOfInvoice(invoice: string): Sat {
  try {
    const { amountMsat } = decodeInvoice(invoice)
    // Nobody says how much a channel costs whose invoice lets the payer choose.
    if (!amountMsat) throw new TypeError('no amount')
    return parseSat((amountMsat + 999n) / 1000n)
  } catch (error) {
    throw notAsAgreed('payment.ln.invoice: names no amount', error)
  }
}

function notAsAgreed(why: string, cause?: unknown): LspFailure {
  return new LspFailure('BAD_RESPONSE', `the answer is not what its protocol says: ${why}`, {
    effect: 'unknown',
    cause,
  })
}

function readChannel(channel: NonNullable<OrderDocument['channel']>): Channel {
  return {
    state: lookUp(CHANNEL_STATES, channel.status) ?? 'UNKNOWN',
    channelId: channel.channel_id,
    shortChannelId: null,
    fundingOutpoint: null,
    fundedAt: null,
    expiresAt: null,
    closingTxid: null,
  }
}

/** No error is documented: what common servers say is read, and is nothing to rely on where the status says otherwise. */
function readRefusal(status: number, body: unknown): LspFailure | null {
  if (!isObject(body) || (status < 400 && !body.error)) return null
  const nested = isObject(body.error) ? body.error.message : body.error
  const text = [body.message, nested, body.detail]
    .map((value) => cleanTextOrNull(value))
    .find((value) => value !== null)
  if (text === undefined) return null
  const refusal = refusalOfText(text, status)
  return status < 400 ? unproven(refusal) : refusal
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
  const property = BEYOND.find(([, isAsked]) => isAsked(request))?.[0]
  if (property === undefined) return unsendableAmount(request.asset)
  return { property, message: `ThunderStack's request form has no field for ${property}` }
}

export const thunderstack: Adapter = {
  protocol: 'THUNDERSTACK',
  configName: 'thunderstack',
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
      nodeUris: info.uris,
      features: FEATURES,
      assets: assets ? [...assets.nia, ...assets.uda, ...assets.cfa] : [],
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
            : { asset_id: request.asset.assetId, asset_amount: Number(request.asset.lspAmount) }),
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

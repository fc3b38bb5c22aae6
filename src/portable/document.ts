import { z } from 'zod'
import { addressProblem } from '../domain/address.ts'
import { LSP_PROTOCOLS, NETWORKS, type Network } from '../domain/lsp.ts'
import { MAX_SAT, sat } from '../domain/money.ts'
import { ASSET_DELIVERY_STATUSES, CHANNEL_STATES, ORDER_STATES, REFUND_STATES } from '../domain/order.ts'
import { QUOTE_NOTE_CODES, type QuoteNoteCode } from '../domain/messages/note-codes.ts'
import { PRICE_BASES } from '../domain/quote.ts'
import { LAST_INSTANT } from '../domain/time.ts'
import { cleanText } from '../domain/text.ts'
import { idField } from '../protocols/fields.ts'

// The document that an order travels in from one gateway to another. It comes from outside: what is read here is
// bounded and clean, and what could do harm if it were a lie is not read at all. That is everything that can be
// paid or opened (invoices, addresses, offers, LNURLs, route hints): the LSP is asked for it anew.

export const DOCUMENT_FORMAT = 'sluice-order'
export const DOCUMENT_VERSION = 1
/** No request may be longer. An order with its events is some ten thousand characters long. */
export const MAX_DOCUMENT_CHARACTERS = 95_000
/** An order has some ten to forty; more where its LSP keeps changing its word. */
export const MAX_EVENTS = 300
/** The order as it stood after each event is in a document in part, and is kept whole: some two kilobytes each time. */
export const MAX_HISTORY_BYTES = 500_000
const MAX_TEXT = 500

const text = (longest = MAX_TEXT) =>
  z
    .string()
    .max(longest * 4)
    .transform((value) => cleanText(value, longest))
const amount = z.int().min(0).max(MAX_SAT).transform(sat)
const instant = z.int().min(-LAST_INSTANT).max(LAST_INSTANT)
const pubkey = z.string().regex(/^0[23][0-9a-f]{64}$/)
const assetAmount = z.string().regex(/^\d{1,20}$/)
const count = z.int().min(0).max(0x7fff_ffff)
const shownId = text(256)

const terms = z.object({
  lspBalanceSat: amount,
  clientBalanceSat: amount,
  channelExpiryBlocks: count,
  requiredChannelConfirmations: count.nullable(),
  fundingConfirmsWithinBlocks: count.nullable(),
  announceChannel: z.boolean(),
})

const request = (network: Network) =>
  terms.extend({
    clientPubkey: pubkey,
    fundingFeeRateSatPerVbyte: z.number().min(1).max(100_000).exactOptional(),
    clientAddress: z
      .string()
      .max(255)
      .regex(/^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+):\d{1,5}$/i)
      .nullable(),
    refundOnchainAddress: z
      .string()
      .max(100)
      .nullable()
      .transform((address) => (address === null || addressProblem(address, network) === null ? address : null)),
    /** It bought something once, and no later call needs it. */
    token: z.unknown().transform(() => null),
    asset: z
      .object({
        assetId: shownId,
        lspAmount: assetAmount,
        clientAmount: assetAmount.nullable(),
        rfqId: shownId.nullable(),
      })
      .nullable(),
  })

const channel = z.object({
  state: z.enum(CHANNEL_STATES),
  channelId: shownId.nullable(),
  temporaryChannelId: shownId.optional(),
  shortChannelId: shownId.nullable(),
  fundingOutpoint: shownId.nullable(),
  fundedAt: instant.nullable(),
  expiresAt: instant.nullable(),
  closingTxid: shownId.nullable(),
  closedAt: instant.nullish(),
})

const refund = z.object({
  state: z.enum(REFUND_STATES),
  lightningSat: amount.nullable(),
  onchainSat: amount.nullable(),
  paidTo: text(4_096).nullable(),
  paidAt: instant.nullable(),
  txid: shownId.nullish(),
  isOwed: z.boolean().optional(),
})

const asset = z.object({
  assetId: shownId,
  lspAmount: assetAmount.nullable(),
  clientAmount: assetAmount.nullable(),
  rfqId: shownId.nullable(),
  priceSat: amount.nullable(),
  agreedPriceSat: amount.optional(),
  deliveryStatus: z.enum(ASSET_DELIVERY_STATUSES).nullable(),
  deliveryPaymentHash: shownId.nullable(),
  deliveredAt: instant.nullable(),
  deliveryError: text().nullable(),
})

/** Of an order as it stands, or stood right after an event. */
export const orderSchema = (network: Network) =>
  z.object({
    id: z.uuid().toLowerCase(),
    /** Both are compared with the rest of the document, and then replaced. */
    quoteId: z.uuid().toLowerCase().optional(),
    lspOrderId: z.string().max(1_024).nullable().optional(),
    state: z.enum(ORDER_STATES),
    sequence: z.int().min(1).max(MAX_EVENTS),
    request: request(network),
    terms,
    feeTotalSat: amount,
    orderTotalSat: amount,
    channel: channel.nullable(),
    asset: asset.nullable(),
    refund: refund.nullable(),
    failureReason: text().nullable(),
    openRequest: z.object({ failure: z.object({ message: text(), isPeerMissing: z.boolean() }).nullable() }).nullable(),
    lspState: text(100).nullable(),
    createdAt: instant,
    updatedAt: instant,
    expiresAt: instant.nullable(),
    checkedAt: instant.nullable(),
    paymentSeenAt: instant.nullable(),
    fundedAt: instant.nullable(),
    leaseRemindedFor: instant.optional(),
    endedAt: instant.optional(),
    orderedBlocks: count.optional(),
    channelClosedAt: instant.optional(),
    paidSat: amount.optional(),
    isRefundRequested: z.boolean().optional(),
    isRateDeclined: z.boolean().optional(),
    isRetryRefused: z.boolean().optional(),
    /** The most that was agreed to. Earlier versions of the gateway wrote it for few orders. */
    maxOrderTotalSat: amount.optional(),
    /** The same for each payment option. */
    maximums: z.object({ bolt11: amount.nullable(), bolt12: amount.nullable(), onchain: amount.nullable() }).optional(),
  })

const quoteSchema = (network: Network) =>
  z.object({
    id: z.uuid().toLowerCase(),
    basis: z.enum(PRICE_BASES),
    feeTotalSat: amount,
    orderTotalSat: amount,
    bolt11FeeTotalSat: amount.nullable(),
    onchainFeeTotalSat: amount.nullable(),
    terms,
    asset: z
      .object({
        assetId: shownId,
        lspAmount: assetAmount,
        clientAmount: assetAmount.nullable(),
        priceSat: amount.nullable(),
        rfqId: shownId.nullable(),
      })
      .nullish(),
    notes: z
      .array(z.object({ code: z.enum(Object.keys(QUOTE_NOTE_CODES) as QuoteNoteCode[]), message: text() }))
      .max(20),
    request: request(network),
    createdAt: instant,
    observedAt: instant.nullable(),
    expiresAt: instant.nullable(),
  })

const events = z
  .array(
    z.object({
      sequence: z.int().min(1),
      at: instant,
      previousState: z.enum(ORDER_STATES).nullable(),
      state: z.enum(ORDER_STATES),
      message: text(2_000),
      /** What of the order is otherwise than after the event before; after the first: all of it. */
      order: z.record(z.string().max(40), z.unknown()),
    }),
  )
  .min(1)
  .max(MAX_EVENTS)
  .refine(
    (all) => all.every(({ sequence }, index) => sequence === index + 1),
    'events 1, 2, 3 … without a gap are wanted',
  )

/** What says whether the rest can be read at all. */
export const envelopeSchema = z.object({
  format: z.literal(DOCUMENT_FORMAT),
  version: z.int(),
})

export const lspSchema = z.object({
  protocol: z.enum(LSP_PROTOCOLS),
  url: z
    .string()
    .max(2_000)
    .refine((url) => URL.canParse(url), 'a URL is wanted'),
  network: z.enum(NETWORKS),
  // It becomes part of a path: one of dots alone would lead elsewhere.
  lspOrderId: idField.refine((id) => !/^\.+$/.test(id)).nullable(),
  /** Whether the LSP answers about the order only to whoever has its access token. */
  needsAccessToken: z.boolean(),
  /** A compact JWE under the client's own key; null also when it was exported without one. */
  sealedAccessToken: z
    .string()
    .max(8_000)
    .regex(/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/)
    .nullable(),
})

/** `network`: of the LSP that it is imported for. */
export function contentsSchema(network: Network) {
  return z.object({
    quote: quoteSchema(network).nullable(),
    order: orderSchema(network),
    answer: z.looseObject({ lspOrderId: z.unknown() }).nullish(),
    events,
  })
}

export type PortableLsp = z.output<typeof lspSchema>
export type PortableContents = z.output<ReturnType<typeof contentsSchema>>
export type PortableOrder = PortableContents['order']

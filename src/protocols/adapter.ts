import type { z } from 'zod'
import type { AddressKinds } from '../domain/address.ts'
import type { ChannelRequest, ChannelTerms } from '../domain/request.ts'
import type { EpochMs } from '../domain/time.ts'
import type { LspFailure } from '../domain/failure.ts'
import type { LspFeature, LspInfo, LspProtocol, Network } from '../domain/lsp.ts'
import type { JitChannel } from '../domain/order.ts'
import type { OrderReading } from '../domain/reading.ts'
import type { RefundTarget } from '../domain/refund-target.ts'
import type { Sat } from '../domain/money.ts'
import type { FeeBreakdown, FeeDiscount } from '../domain/quote.ts'

/** One HTTP exchange with an LSP. */
export interface LspExchange<Answer> {
  method: 'GET' | 'POST'
  /** Appended to the LSP's `url`; begins with a slash. */
  path: string
  /** True: `path` begins at the root of the LSP's host, for an API beside the one at `url`. */
  isFromRoot?: boolean
  query?: Readonly<Record<string, string>>
  /** Sent as JSON. A bigint becomes an integer with all its digits. */
  body?: unknown
  /**
   * True if the request changes nothing at the LSP, so that it may be sent a second time after its connection turned out
   * to be closed. Default: every GET. Never true for what places an order.
   */
  isRepeatable?: boolean
  /** The document that the LSP answers with. What does not fit is a BAD_RESPONSE. */
  answer: z.ZodType<Answer>
}

/** HTTP to one LSP: bounded in size and time, no redirects to other hosts, failures typed. */
export interface LspHttp {
  /** @throws LspFailure */
  exchange<Answer>(exchange: LspExchange<Answer>): Promise<Answer>
}

/** What an adapter is handed for one call. */
export interface LspCall {
  http: LspHttp
  /** The LSP's base address, without a slash at its end. */
  url: string
  network: Network
  now(): EpochMs
  /** The operator's on-chain fee rate for LSPs whose tariff depends on one, in satoshis per virtual byte. */
  tariffFeeRateSatPerVbyte: number | null
  /** Facts that the adapter has learnt about this LSP's server. All calls to the LSP share them; a restart clears them. */
  memory?: Map<string, string>
}

/** The price of a channel, by an estimate or a tariff; nothing was ordered for it. */
export interface Price {
  /** Without the price of a bought asset. */
  feeTotalSat: Sat
  /** Absent: the request buys no asset. */
  boughtAsset?: { priceSat: Sat; rfqId: string | null }
  breakdown?: FeeBreakdown
  discount?: FeeDiscount
  /** The price holds until then; null when the LSP binds itself to nothing. */
  expiresAt: EpochMs | null
}

/** Everything a later call about an order needs to know. */
export interface OrderRef {
  lspOrderId: string
  accessToken: string | null
  /** pubkey@host:port, or the bare pubkey. */
  clientNodeUri: string
  announceChannel: boolean
  /** What the LSP said it can do when it was last asked. */
  features: readonly LspFeature[]
  /** Already known, and so not asked for again. */
  lnurlChannel: string | null
  jit: JitChannel | null
  /** A payment was seen for it. */
  paid: boolean
}

/** The optional fields that the protocol has for an order, in its request or in the request to open the channel. */
export interface RequestFields {
  /** `required_channel_confirmations` and `funding_confirms_within_blocks`. */
  readonly confirmations: boolean
  /** Without the field, the LSP decides whether the channel is announced. */
  readonly announceChannel: boolean
  /** Without the field, the order cannot tell the LSP where to refund an on-chain payment. */
  readonly refundOnchainAddress: boolean
}

/** What became of an action on an order. */
export interface ActionOutcome {
  /** For people. */
  message: string
  /** A transaction that the LSP named, such as a refund's. */
  txid: string | null
}

export interface RenewalRequest {
  shortChannelId: string
  /** The signed request is valid until then; the wire has whole seconds. */
  validTo: EpochMs
  signedMessage: string
}

/** An answer about a renewal: an order for a longer life of a channel that stands. */
export interface RenewalReading extends OrderReading {
  shortChannelId: string | null
  renewedUntil: EpochMs | null
}

/** What a protocol has no word for, in the public schema's name for it. */
export interface UnsupportedParameter {
  field: string
  message: string
}

/**
 * A wire protocol. It knows documents and paths; it knows nothing of GraphQL, of budgets or of the database.
 * Every function throws `LspFailure` and nothing else. A function that a protocol has no endpoint for is absent.
 */
export interface Adapter {
  readonly protocol: LspProtocol
  /** The name of the protocol in the configuration file. */
  readonly configName: string
  /** What every LSP of this protocol can do; `info` tells what one of them can. */
  readonly features: readonly LspFeature[]
  readonly requestFields: RequestFields
  /** False: nothing that the LSP states about itself tells whether it takes on-chain payments. */
  readonly statesOnchain: boolean
  /** True where answers go on about the channel after the order is complete (open, closing, closed). */
  readonly tellsChannelLife: boolean
  /** True where the LSP is told the client's key but no address: the client's node has to connect to it first. */
  readonly clientConnects: boolean
  /** The kinds of on-chain address that this protocol allows, the LSP's and the client's alike. */
  readonly addressKinds: AddressKinds
  /** How many requests a minute the LSP's documentation allows; absent where it says nothing. */
  readonly requestsPerMinute?: number
  /** True where an asset's price is quoted before the order, under an id of the LSP (RFQ). Absent: false. */
  readonly takesAssetQuotes?: boolean
  /** True where only reading an order makes it advance at the LSP. */
  readonly advancesWhenRead: boolean
  /** The first thing in the request that this protocol cannot express, or null. */
  unsupportedParameter(request: ChannelRequest): UnsupportedParameter | null
  /** The terms as this protocol would deliver them: a lease in weeks is rounded up. */
  roundedTerms(terms: ChannelTerms): ChannelTerms
  /**
   * Reads an error answer; null when it is none that this protocol knows. `body` is the parsed document, or a text that
   * is neither JSON nor markup.
   */
  readRefusal(status: number, body: unknown, now: EpochMs): LspFailure | null
  info(call: LspCall): Promise<LspInfo>
  /**
   * Asks what a channel would cost without ordering it. null: this LSP has no such endpoint after all, or its answer does
   * not show the price.
   */
  estimate?(call: LspCall, request: ChannelRequest): Promise<Price | null>
  /** Computes the price from the published tariff. null when the configuration lacks what it depends on. */
  tariff?(call: LspCall, request: ChannelRequest): Price | null
  /** Places an order: called once per order, never again for the same one. */
  createOrder(call: LspCall, request: ChannelRequest, email: string | null): Promise<OrderReading>
  readOrder(call: LspCall, order: OrderRef): Promise<OrderReading>
  decideRate?: (call: LspCall, order: OrderRef, accept: boolean) => Promise<ActionOutcome>
  /** @throws LspFailure PEER_NOT_CONNECTED and others, when the LSP tried and could not. */
  openChannel?: (call: LspCall, order: OrderRef, nodeUri: string) => Promise<ActionOutcome>
  requestRefund?: (call: LspCall, order: OrderRef, target: RefundTarget) => Promise<ActionOutcome>
  retryDelivery?: (call: LspCall, order: OrderRef) => Promise<ActionOutcome>
  /** The exact text that the channel's node signs to ask for a renewal. */
  renewalMessage?(url: string, shortChannelId: string, validTo: EpochMs): string
  /** Places a renewal: called once, like createOrder. */
  renew?(call: LspCall, request: RenewalRequest): Promise<RenewalReading>
  readRenewal?(call: LspCall, lspOrderId: string): Promise<RenewalReading>
}

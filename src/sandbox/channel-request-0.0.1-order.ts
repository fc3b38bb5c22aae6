import type { OrderView, Stage } from './order-view.ts'
import { durationOfWeeks, epochSeconds } from './documents.ts'
import type { Deposit } from './network.ts'
import { feePerPaymentOf } from './prices.ts'
import type { Sat } from '../domain/money.ts'
import type { EpochMs } from '../domain/time.ts'

export interface ChannelTermsOfOrder {
  readonly kind: 'CHANNEL'
  readonly nodeConnectionInfo: string
  readonly remoteSat: Sat
  readonly weeks: number
  /** The short channel id for route hints before the channel has one of its own. */
  readonly temporaryScid: string
}

export interface RenewalTerms {
  readonly kind: 'RENEWAL'
  readonly channelOrderId: string
  readonly weeks: number
  readonly previousEnd: EpochMs
  readonly renewedUntil: EpochMs
}

export type AnchorOrder = ChannelTermsOfOrder | RenewalTerms

/** One state for order, payment and channel. */
const CHANNEL_STATES: Readonly<Record<Stage, string>> = {
  AWAITING_PAYMENT: 'CREATED',
  UNDERPAID: 'UNDER_FUNDED',
  LAPSED: 'OFFER_EXPIRED',
  PAID: 'PENDING',
  OPENING: 'PENDING',
  FUNDED: 'OPENING',
  OPEN: 'OPENED',
  CLOSING: 'CLOSING',
  CLOSED: 'CLOSED',
  REFUNDING: 'FAILED',
  REFUNDED: 'REFUNDED',
}

/** A renewal has no transaction, and its order does not end with the channel. */
const RENEWAL_STATES: Readonly<Record<Stage, string>> = {
  ...CHANNEL_STATES,
  FUNDED: 'OPENED',
  CLOSING: 'OPENED',
  CLOSED: 'OPENED',
}

export interface ShownBesideTheOrder {
  /** null before the channel is funded. */
  readonly leaseEnd: EpochMs | null
  readonly lnurlChannel: string
  readonly lspUri: string
  readonly clientNode: string
}

/** Fields without a value are left out: in this draft they are strings, and null is not one. */
export function channelDocument(
  view: OrderView<ChannelTermsOfOrder>,
  { leaseEnd, lnurlChannel, lspUri, clientNode }: ShownBesideTheOrder,
) {
  const { order, stage, fundedAt, openAt } = view
  const { details } = order
  return {
    ...paymentFields(view),
    order_id: order.id,
    created_at: epochSeconds(order.createdAt),
    local_balance: order.clientBalanceSat,
    remote_balance: details.remoteSat,
    channel_expiry: details.weeks,
    channel_expiry_ts: epochSeconds(leaseEnd ?? order.createdAt + durationOfWeeks(details.weeks)),
    order_expiry_ts: epochSeconds(order.expiresAt),
    order_total: order.totalSat,
    temporary_scid: details.temporaryScid,
    // The route hint has a field of its own, so this is the channel's.
    scid: openAt === null ? undefined : order.channel?.shortChannelId,
    lsp_connection_info: lspUri,
    lnurl_channel: lnurlChannel,
    node_connection_info: clientNode,
    channel_open_tx: fundedAt === null ? undefined : order.channel?.fundingTxid,
    state: CHANNEL_STATES[stage],
  }
}

/** `channel`: the order that the renewed channel was opened for. */
export function renewalDocument(view: OrderView<RenewalTerms>, channel: OrderView<unknown> | null) {
  const { order, stage, fundedAt } = view
  const { details } = order
  const opened = channel?.order.channel ?? null
  return {
    ...paymentFields(view),
    channel_open_tx: opened?.fundingTxid,
    channel_open_tx_outnum: opened === null ? undefined : String(opened.outputIndex),
    scid: opened?.shortChannelId,
    channel_expiry_ts: epochSeconds(fundedAt === null ? details.previousEnd : details.renewedUntil),
    channel_renewed_expiry: details.weeks,
    channel_renewed_expiry_ts: epochSeconds(details.renewedUntil),
    state: RENEWAL_STATES[stage],
  }
}

function paymentFields({ order, received }: OrderView<unknown>) {
  return {
    id: order.id,
    fee_total: order.feeSat,
    fee_per_payment: feePerPaymentOf(order.feeSat),
    ln_invoice: order.invoice,
    btc_address: order.address,
    amount_paid: received.paidSat,
    onchain_payments: received.deposits.map(onchainPayment),
  }
}

/** Accepted without a confirmation, so it has no block yet. */
function onchainPayment({ txid, amountSat }: Deposit) {
  return { height: 0, hash: txid, amount: amountSat, zero_conf: true }
}

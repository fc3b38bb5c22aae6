import type { OrderView, Stage } from './desk.ts'
import { epochSeconds, weeksAfter } from './documents.ts'
import type { Deposit } from './network.ts'
import { feePerPaymentOf } from './prices.ts'
import type { Sat } from '../domain/money.ts'
import type { EpochMs } from '../domain/time.ts'

export interface ChannelTermsOfOrder {
  readonly kind: 'CHANNEL'
  readonly nodeConnectionInfo: string
  readonly remoteSat: Sat
  readonly weeks: number
  /** What the client puts into a route hint before the channel has an id of its own. */
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

/** One word for order, payment and channel. */
const CHANNEL_STATES: Readonly<Record<Stage, string>> = {
  AWAITING_PAYMENT: 'CREATED',
  UNDERPAID: 'UNDER_FUNDED',
  LAPSED: 'OFFER_EXPIRED',
  PAID: 'PENDING',
  OPENING: 'PENDING',
  FUNDED: 'OPENING',
  OPEN: 'OPENED',
  REFUNDING: 'FAILED',
  REFUNDED: 'REFUNDED',
}

/** For a renewal there is nothing to broadcast. */
const RENEWAL_STATES: Readonly<Record<Stage, string>> = { ...CHANNEL_STATES, FUNDED: 'OPENED' }

export function channelDocument(
  view: OrderView<ChannelTermsOfOrder>,
  leaseEnd: EpochMs | null,
  lnurlChannel: string,
  lspUri: string,
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
    channel_expiry_ts: epochSeconds(leaseEnd ?? weeksAfter(order.createdAt, details.weeks)),
    order_expiry_ts: epochSeconds(order.expiresAt),
    order_total: order.totalSat,
    temporary_scid: details.temporaryScid,
    // With a field of its own for the route hint, this one is the channel's alone.
    scid: openAt === null ? null : order.channel?.shortChannelId,
    lsp_connection_info: lspUri,
    lnurl_channel: lnurlChannel,
    node_connection_info: details.nodeConnectionInfo,
    channel_open_tx: fundedAt === null ? null : order.channel?.fundingTxid,
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
    channel_open_tx: opened?.fundingTxid ?? null,
    channel_open_tx_outnum: opened === null ? null : String(opened.outputIndex),
    scid: opened?.shortChannelId ?? null,
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

/** Accepted without a confirmation, so in no block yet. */
function onchainPayment({ txid, amountSat }: Deposit) {
  return { height: 0, hash: txid, amount: amountSat, zero_conf: true }
}

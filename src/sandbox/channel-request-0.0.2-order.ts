import type { OrderView, Stage } from './desk.ts'
import { epochSeconds, weeksAfter } from './documents.ts'
import { sat, ZERO_SAT, type Sat } from '../domain/money.ts'

export interface BeaconOrder {
  readonly request: {
    remote_balance: Sat
    local_balance: Sat
    onchain_fee_rate?: number | undefined
    channel_expiry: number
    coupon_code: string
  }
  /** Whose the channel is, once somebody asked for it to be opened. */
  client: { nodeUri: string; announce: boolean } | null
  jit: { nodeUri: string; scid: string } | null
  /** OPEN_FAILS_ONCE has struck. */
  hasFailedOnce: boolean
  /** The invoice or address that the refund went to. */
  refundPaidTo: string | null
}

type View = OrderView<BeaconOrder>

/** There is no word for an order that failed: it stays to be opened, and its money can be claimed. */
const ORDER_STATES: Readonly<Record<Stage, string>> = {
  AWAITING_PAYMENT: 'AWAITING_PAYMENT',
  UNDERPAID: 'AWAITING_PAYMENT',
  LAPSED: 'OFFER_EXPIRED',
  PAID: 'PENDING_CHANNEL_OPEN',
  OPENING: 'PENDING_CHANNEL_OPEN',
  FUNDED: 'COMPLETED',
  OPEN: 'COMPLETED',
  REFUNDING: 'PENDING_CHANNEL_OPEN',
  REFUNDED: 'PENDING_CHANNEL_OPEN',
}

export function orderDocument(view: View, lspUri: string) {
  const { order, stage } = view
  return {
    id: order.id,
    created_at: epochSeconds(order.createdAt),
    state: ORDER_STATES[stage],
    request: order.details.request,
    payment: paymentDocument(view),
    channel: channelDocument(view, lspUri),
  }
}

function paymentDocument({ order, stage, received }: View) {
  const { paidSat, paidAt, deposits } = received
  return {
    state: stage === 'REFUNDED' ? 'REFUNDED' : paidAt !== null ? 'PAID' : paidSat > 0 ? 'UNDER_FUNDED' : 'CREATED',
    order_expiry_ts: epochSeconds(order.expiresAt),
    fee_total: order.feeSat,
    order_total: order.totalSat,
    amount_paid: paidSat,
    ln_invoice: order.invoice,
    btc_address: order.address,
    onchain_payments:
      order.address === null
        ? null
        : deposits.map(({ txid, amountSat }) => ({
            transaction_id: txid,
            out_point: 0,
            amount: amountSat,
            zero_conf: true,
          })),
  }
}

function channelDocument({ order, fundedAt, openAt }: View, lspUri: string) {
  if (order.channel === null || fundedAt === null) return null
  return {
    state: openAt === null ? 'OPENING' : 'OPENED',
    opened_ts: epochSeconds(fundedAt),
    open_transaction: `${order.channel.fundingTxid}:${order.channel.outputIndex}`,
    scid: openAt === null ? null : order.channel.shortChannelId,
    expiry_ts: openAt === null ? null : epochSeconds(weeksAfter(fundedAt, order.details.request.channel_expiry)),
    closing_transaction: null,
    closed_ts: null,
    node_id: order.details.client?.nodeUri ?? null,
    lsp_node_id: lspUri,
  }
}

// -- refunds ---------------------------------------------------------------------------------------------

/** What a transaction costs the LSP, which the buyer bears. */
const REFUND_TRANSACTION_SAT = 500

/** Money is there, and no channel for it. */
export function mayRefund({ stage, received }: View): boolean {
  return stage === 'PAID' || (stage === 'LAPSED' && received.paidSat > 0)
}

export function refundableSat({ received: { paidSat } }: View): { lightning: Sat; onchain: Sat } {
  return {
    lightning: paidSat,
    onchain: paidSat > REFUND_TRANSACTION_SAT ? sat(paidSat - REFUND_TRANSACTION_SAT) : ZERO_SAT,
  }
}

/** A payout takes a step to arrive. */
export function refundDocument(view: View, stepMs: number) {
  const { now, order, stage } = view
  const { refundedAt } = order
  if (stage === 'REFUNDED' && refundedAt !== null) {
    const hasArrived = now >= refundedAt + stepMs
    return {
      refund_state: hasArrived ? 'PAID_OUT' : 'IN_FLIGHT',
      amounts: refundableSat(view),
      paid_to: order.details.refundPaidTo,
      paid_ts: hasArrived ? epochSeconds(refundedAt) : null,
    }
  }
  if (!mayRefund(view)) return { refund_state: 'UNSUPPORTED', amounts: null, paid_to: null, paid_ts: null }
  return { refund_state: 'AVAILABLE', amounts: refundableSat(view), paid_to: null, paid_ts: null }
}

import type { OrderView, Stage } from './order-view.ts'
import type { LspDesk } from './desk.ts'
import { durationOfWeeks, epochSeconds } from './documents.ts'
import { sat, ZERO_SAT, type Sat } from '../domain/money.ts'

export interface BeaconOrder {
  readonly request: {
    remote_balance: Sat
    local_balance: Sat
    onchain_fee_rate?: number | undefined
    channel_expiry: number
    coupon_code: string
  }
  /** The client's node, once the client asked for the channel to be opened. */
  client: { nodeUri: string; announce: boolean } | null
  jit: { nodeUri: string; scid: string } | null
  /** OPEN_FAILS_ONCE has failed an attempt. */
  hasFailedOnce: boolean
  /** The invoice or address of the refund. */
  refundPaidTo: string | null
}

type View = OrderView<BeaconOrder>

/** The draft has no state for a failed order: it remains to be opened, and its payment can be claimed. */
const ORDER_STATES: Readonly<Record<Stage, string>> = {
  AWAITING_PAYMENT: 'AWAITING_PAYMENT',
  UNDERPAID: 'AWAITING_PAYMENT',
  LAPSED: 'OFFER_EXPIRED',
  PAID: 'PENDING_CHANNEL_OPEN',
  OPENING: 'PENDING_CHANNEL_OPEN',
  FUNDED: 'COMPLETED',
  OPEN: 'COMPLETED',
  CLOSING: 'COMPLETED',
  CLOSED: 'COMPLETED',
  REFUNDING: 'PENDING_CHANNEL_OPEN',
  REFUNDED: 'PENDING_CHANNEL_OPEN',
}

export function orderDocument(view: View, desk: LspDesk<BeaconOrder>) {
  const { order, stage } = view
  return {
    id: order.id,
    created_at: epochSeconds(order.createdAt),
    state: ORDER_STATES[stage],
    request: order.details.request,
    payment: paymentDocument(view),
    channel: channelDocument(view, desk),
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

const CHANNEL_STATES: Readonly<Partial<Record<Stage, string>>> = {
  FUNDED: 'OPENING',
  OPEN: 'OPENED',
  CLOSING: 'CLOSING',
  CLOSED: 'CLOSED',
}

function channelDocument({ order, stage, fundedAt, openAt, closedAt }: View, desk: LspDesk<BeaconOrder>) {
  const { client, jit, request } = order.details
  const clientNode = client?.nodeUri ?? jit?.nodeUri
  if (order.channel === null || fundedAt === null || clientNode === undefined) return null
  const leaseMs = desk.shownLeaseMs(durationOfWeeks(request.channel_expiry))
  return {
    state: CHANNEL_STATES[stage],
    opened_ts: epochSeconds(fundedAt),
    open_transaction: `${order.channel.fundingTxid}:${order.channel.outputIndex}`,
    scid: openAt === null ? null : order.channel.shortChannelId,
    expiry_ts: openAt === null ? null : epochSeconds(fundedAt + leaseMs),
    closing_transaction: order.closingTxid,
    closed_ts: closedAt === null ? null : epochSeconds(closedAt),
    node_id: desk.shownNode(clientNode),
    lsp_node_id: desk.node.uri,
  }
}

// -- refunds ---------------------------------------------------------------------------------------------

/** The cost of the LSP's transaction, which the client pays. */
const REFUND_TRANSACTION_SAT = 500

/** A payment arrived, and no channel was opened for it. */
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

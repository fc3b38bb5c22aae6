import type { OrderView, Stage } from './order-view.ts'
import type { LspDesk } from './desk.ts'
import { durationOfBlocks, epochSeconds, isoTime } from './documents.ts'
import { deliveryOf, type KaleidoswapOrder } from './kaleidoswap-delivery.ts'
import { totalOf } from './network.ts'

const ORDER_STATES: Readonly<Record<Stage, string>> = {
  AWAITING_PAYMENT: 'CREATED',
  UNDERPAID: 'CREATED',
  LAPSED: 'FAILED',
  PAID: 'CREATED',
  OPENING: 'CHANNEL_OPENING',
  FUNDED: 'COMPLETED',
  OPEN: 'COMPLETED',
  CLOSING: 'COMPLETED',
  CLOSED: 'COMPLETED',
  REFUNDING: 'FAILED',
  REFUNDED: 'FAILED',
}

type View = OrderView<KaleidoswapOrder>

export function orderDocument(view: View, desk: LspDesk<KaleidoswapOrder>) {
  const { order, stage } = view
  const { request } = order.details
  // Before the price: the delivery may change it.
  const delivery = deliveryOf(view, desk)
  const isUndecided = delivery.status === 'RATE_CHANGED'
  return {
    order_id: order.id,
    client_pubkey: desk.shownNode(request.client_pubkey),
    lsp_balance_sat: request.lsp_balance_sat,
    client_balance_sat: request.client_balance_sat,
    required_channel_confirmations: request.required_channel_confirmations,
    funding_confirms_within_blocks: request.funding_confirms_within_blocks,
    channel_expiry_blocks: request.channel_expiry_blocks,
    token: request.token ?? '',
    created_at: isoTime(order.createdAt),
    announce_channel: request.announce_channel,
    order_state: isUndecided ? 'PENDING_RATE_DECISION' : ORDER_STATES[stage],
    payment: paymentDocument(view),
    channel: channelDocument(view, desk),
    asset_id: request.asset_id ?? null,
    lsp_asset_amount: request.lsp_asset_amount ?? null,
    client_asset_amount: request.client_asset_amount ?? null,
    rfq_id: request.rfq_id ?? null,
    asset_price_sat: order.details.assetPriceSat,
    // Only the text of 0.1.0 has these fields. Clients of both versions get them.
    asset_delivery_status: delivery.status,
    asset_delivery_payment_hash: delivery.status === 'COMPLETED' ? (order.channel?.temporaryId ?? null) : null,
    asset_delivery_completed_at: delivery.completedAt === null ? null : isoTime(delivery.completedAt),
    asset_delivery_error: delivery.error,
    failure_reason: failureReason(view),
  }
}

function failureReason({ order, stage, received }: View): string | null {
  if (stage !== 'LAPSED' && stage !== 'REFUNDING' && stage !== 'REFUNDED') return null
  if (received.paidAt === null) return 'Payment not received before the order expired'
  return order.details.rate === 'REFUSED'
    ? 'Client declined the new rate'
    : 'Channel open failed: peer is not reachable'
}

function paymentDocument({ now, order, stage, received }: View) {
  const paid = stage === 'REFUNDING' ? 'TO_REFUND' : stage === 'REFUNDED' ? 'REFUNDED' : 'PAID'
  const lightningStates = { OPEN: 'EXPECT_PAYMENT', HELD: 'HOLD', SETTLED: paid, CANCELLED: 'REFUNDED' }
  const way = { expires_at: isoTime(order.expiresAt), fee_total_sat: order.feeSat, order_total_sat: order.totalSat }
  const onchainSat = totalOf(received.deposits)
  const difference = onchainSat - order.totalSat
  return {
    bolt11: { state: lightningStates[received.lightning], ...way, invoice: order.invoice },
    onchain: {
      state: onchainSat > 0 && (difference >= 0 || paid !== 'PAID') ? paid : 'EXPECT_PAYMENT',
      ...way,
      address: order.address,
      min_fee_for_0conf: 253,
      min_onchain_payment_confirmations: 0,
      refund_onchain_address: order.refundAddress,
      payment_status:
        onchainSat === 0 ? 'NOT_PAID' : difference < 0 ? 'UNDERPAID' : difference > 0 ? 'OVERPAID' : 'PAID',
      payment_difference: onchainSat === 0 ? null : difference,
      last_payment_check: epochSeconds(now),
    },
  }
}

function channelDocument({ order, fundedAt }: View, desk: LspDesk<KaleidoswapOrder>) {
  if (order.channel === null) return null
  const { temporaryId, channelId, fundingTxid, outputIndex } = order.channel
  if (fundedAt === null)
    return {
      channel_id: null,
      temporary_channel_id: temporaryId,
      funded_at: null,
      funding_outpoint: null,
      expires_at: null,
    }
  const leaseMs = durationOfBlocks(order.details.request.channel_expiry_blocks)
  return {
    channel_id: channelId,
    temporary_channel_id: temporaryId,
    funded_at: isoTime(fundedAt),
    funding_outpoint: `${fundingTxid}:${outputIndex}`,
    expires_at: isoTime(fundedAt + desk.shownLeaseMs(leaseMs)),
  }
}

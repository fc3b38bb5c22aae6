import type { OrderView, Stage } from './desk.ts'
import { blockTimeAfter, epochSeconds, isoTime } from './documents.ts'
import { totalOf } from './network.ts'
import type { Sat } from '../domain/money.ts'
import type { EpochMs } from '../domain/time.ts'

export interface KaleidoswapOrder {
  readonly request: {
    client_pubkey: string
    lsp_balance_sat: Sat
    client_balance_sat: Sat
    required_channel_confirmations: number
    funding_confirms_within_blocks: number
    channel_expiry_blocks: number
    announce_channel: boolean
    token?: string | null | undefined
    asset_id?: string | null | undefined
    lsp_asset_amount?: number | null | undefined
    client_asset_amount?: number | null | undefined
    rfq_id?: string | null | undefined
  }
  readonly accessToken: string
  readonly assetPriceSat: Sat | null
  /** What became of the rate after the payment; null: it held. */
  rate: 'PENDING' | 'ACCEPTED' | 'REFUSED' | null
  decidedAt: EpochMs | null
}

const ORDER_STATES: Readonly<Record<Stage, string>> = {
  AWAITING_PAYMENT: 'CREATED',
  UNDERPAID: 'CREATED',
  LAPSED: 'FAILED',
  PAID: 'CREATED',
  OPENING: 'CHANNEL_OPENING',
  FUNDED: 'COMPLETED',
  OPEN: 'COMPLETED',
  REFUNDING: 'FAILED',
  REFUNDED: 'FAILED',
}

type View = OrderView<KaleidoswapOrder>

export function orderDocument(view: View) {
  const { order, stage } = view
  const { request, rate, assetPriceSat } = order.details
  return {
    order_id: order.id,
    client_pubkey: request.client_pubkey,
    lsp_balance_sat: request.lsp_balance_sat,
    client_balance_sat: request.client_balance_sat,
    required_channel_confirmations: request.required_channel_confirmations,
    funding_confirms_within_blocks: request.funding_confirms_within_blocks,
    channel_expiry_blocks: request.channel_expiry_blocks,
    token: request.token ?? '',
    created_at: isoTime(order.createdAt),
    announce_channel: request.announce_channel,
    order_state: stage === 'PAID' && rate === 'PENDING' ? 'PENDING_RATE_DECISION' : ORDER_STATES[stage],
    payment: paymentDocument(view),
    channel: channelDocument(view),
    asset_id: request.asset_id ?? null,
    lsp_asset_amount: request.lsp_asset_amount ?? null,
    client_asset_amount: request.client_asset_amount ?? null,
    rfq_id: request.rfq_id ?? null,
    asset_price_sat: assetPriceSat,
    ...deliveryFields(view),
    failure_reason: failureReason(stage, rate),
  }
}

function failureReason(stage: Stage, rate: KaleidoswapOrder['rate']): string | null {
  if (stage === 'LAPSED') return 'Payment not received before the order expired'
  if (stage !== 'REFUNDING' && stage !== 'REFUNDED') return null
  return rate === 'REFUSED' ? 'Client declined the new rate' : 'Channel open failed: peer is not reachable'
}

function paymentDocument({ now, order, stage, received }: View) {
  const paid = stage === 'REFUNDING' ? 'TO_REFUND' : stage === 'REFUNDED' ? 'REFUNDED' : 'PAID'
  const way = { expires_at: isoTime(order.expiresAt), fee_total_sat: order.feeSat, order_total_sat: order.totalSat }
  const onchainSat = totalOf(received.deposits)
  const difference = onchainSat - order.totalSat
  return {
    bolt11: { state: received.lightning === 'OPEN' ? 'EXPECT_PAYMENT' : paid, ...way, invoice: order.invoice },
    onchain: {
      state: onchainSat > 0 && difference >= 0 ? paid : 'EXPECT_PAYMENT',
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

function channelDocument({ order, fundedAt }: View) {
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
  return {
    channel_id: channelId,
    temporary_channel_id: temporaryId,
    funded_at: isoTime(fundedAt),
    funding_outpoint: `${fundingTxid}:${outputIndex}`,
    expires_at: isoTime(blockTimeAfter(fundedAt, order.details.request.channel_expiry_blocks)),
  }
}

/** The asset that the client bought follows the channel. Only the text of 0.1.0 has these fields; clients of either get them. */
function deliveryFields({ order, stage, fundedAt, openAt }: View) {
  const { request, rate } = order.details
  const isBought = (request.client_asset_amount ?? 0) > 0
  const hasFailed = stage === 'REFUNDING' || stage === 'REFUNDED'
  const status = !isBought
    ? 'NOT_REQUIRED'
    : hasFailed
      ? 'FAILED'
      : rate === 'PENDING'
        ? 'RATE_CHANGED'
        : openAt !== null
          ? 'COMPLETED'
          : fundedAt !== null
            ? 'IN_PROGRESS'
            : 'PENDING'
  const isDelivered = status === 'COMPLETED'
  return {
    asset_delivery_status: status,
    // What stands for the keysend payment is as long as a hash and tells nothing.
    asset_delivery_payment_hash: isDelivered ? (order.channel?.temporaryId ?? null) : null,
    asset_delivery_completed_at: isDelivered && openAt !== null ? isoTime(openAt) : null,
    asset_delivery_error: isBought && hasFailed ? 'No channel to deliver in' : null,
  }
}

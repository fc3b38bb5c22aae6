import { randomBytes, randomUUID } from 'node:crypto'
import { SANDBOX_ASSET } from './asset.ts'
import type { LspDesk } from './desk.ts'
import { COMMON_FAULTS } from './faults.ts'
import {
  acceptRate,
  deliveryOf,
  mayOpenFrom,
  NEW_DELIVERY,
  refuseRate,
  retryDelivery,
  type KaleidoswapOrder,
} from './kaleidoswap-delivery.ts'
import { errorFormat, invalidParams, refusal, unprocessable } from './kaleidoswap-errors.ts'
import { AssetMarket, quoteRequest } from './kaleidoswap-market.ts'
import { orderDocument } from './kaleidoswap-order.ts'
import {
  checkAsset,
  checkOptions,
  checkToken,
  createOrder,
  estimateFees,
  OPTIONS,
  orderRequest,
  priceOf,
  rateDecision,
  retryRequest,
  type Priced,
} from './kaleidoswap-request.ts'
import { ok, Refusal } from './lsp-server.ts'
import { isRegtestAddress } from './network.ts'
import { DISCOUNT_CODE } from './prices.ts'
import { defineSimulator, demand, type Endpoints } from './simulator.ts'
import { addSat, ZERO_SAT } from '../domain/money.ts'
import { MINUTE_MS } from '../domain/time.ts'
import type { z } from 'zod'

// Kaleidoswap RGB-LSP 0.2.0 (protocols/README.md, section 9): LSPS1's names with integers, an estimate of the fee, a
// secret for each order, and RGB assets. Like its framework (FastAPI) it ignores unknown fields.

function openEndpoints(desk: LspDesk<KaleidoswapOrder>): Endpoints {
  const market = new AssetMarket(desk)

  function info() {
    return { lsp_connection_url: desk.node.uri, options: OPTIONS, assets: [SANDBOX_ASSET] }
  }

  /** The fee as this LSP reports it: without the price of a bought asset, unless ASSET_PRICE_IN_FEE is on. */
  function feesOf(request: Priced) {
    const { channelFeeSat, assetPriceSat, ...price } = priceOf(request)
    const isApart = !desk.faults.has('ASSET_PRICE_IN_FEE')
    return {
      ...price,
      assetPriceSat,
      feeSat: isApart ? channelFeeSat : addSat(channelFeeSat, assetPriceSat),
      extraSat: isApart ? assetPriceSat : ZERO_SAT,
    }
  }

  function estimate(body: unknown) {
    const request = demand(estimateFees, body, unprocessable)
    checkOptions(request, { required_channel_confirmations: 0, funding_confirms_within_blocks: 1 })
    checkToken(request)
    checkAsset(request, market)
    const { fees, isDiscounted, feeSat } = feesOf(request)
    return {
      ...fees,
      total_fee: feeSat,
      applied_discount: isDiscounted ? 0.1 : null,
      discount_code: isDiscounted ? DISCOUNT_CODE : null,
    }
  }

  function create(body: unknown) {
    const request = demand(createOrder, body, unprocessable)
    if (desk.faults.has('PEER_NOT_CONNECTED'))
      throw invalidParams('client_pubkey', 'The client node is not connected to the LSP node. Connect and try again.')
    checkOptions(request, request)
    checkToken(request)
    checkAsset(request, market)
    const refundAddress = request.refund_onchain_address ?? null
    if (refundAddress !== null && !isRegtestAddress(refundAddress))
      throw invalidParams('refund_onchain_address', 'Invalid onchain address')
    const { feeSat, extraSat, assetPriceSat } = feesOf(request)
    const accessToken = `ord_${randomBytes(12).toString('base64url')}`
    const order = desk.take({
      id: randomUUID(),
      feeSat,
      extraSat,
      clientBalanceSat: request.client_balance_sat,
      validMs: 15 * MINUTE_MS,
      onchain: true,
      refundAddress,
      description: 'Channel by Kestrel',
      details: {
        request,
        accessToken,
        assetPriceSat: assetPriceSat > ZERO_SAT ? assetPriceSat : null,
        ...NEW_DELIVERY,
      },
    })
    // No later answer contains the token.
    return { ...orderDocument(desk.view(order), desk), access_token: accessToken }
  }

  function find({ order_id, access_token }: z.output<typeof orderRequest>) {
    const view = desk.find(order_id)
    if (!view) throw refusal(404, 'LSPS1_ORDER_NOT_FOUND', 'Order Not found', { code: 101 })
    if (access_token !== view.order.details.accessToken)
      throw invalidParams('access_token', 'Invalid order access token')
    return view
  }

  function decide(body: unknown) {
    const decision = demand(rateDecision, body, unprocessable)
    const view = find(decision)
    const { order } = view
    const { order_state } = orderDocument(view, desk)
    if (order_state !== 'PENDING_RATE_DECISION') {
      throw refusal(400, 'VALIDATION_ERROR', `Order is not pending rate decision. Current state: ${order_state}`)
    }
    const accepted = decision.accept_new_rate
    const refundTxid = accepted ? acceptRate(order, desk.now()) : refuseRate(view, desk)
    const message = accepted
      ? 'Rate accepted. Order will proceed with current market rate.'
      : order.refundedAt === null && refundTxid === null
        ? 'Refund requested. Manual review may still be required.'
        : 'Rate declined. The payment was refunded.'
    return { order_id: order.id, decision_accepted: accepted, message, refund_txid: refundTxid }
  }

  /** Only the text of 0.1.0 has this endpoint, without an access token. */
  function retry(body: unknown) {
    const { order_id } = demand(retryRequest, body, unprocessable)
    const view = desk.find(order_id)
    if (!view) return { status: 'not_found', message: 'Order not found' }
    const hasFailed = deliveryOf(view, desk).status === 'FAILED' && view.openAt !== null
    if (!hasFailed || view.order.details.deliveryRate === 'REFUSED')
      return { status: 'no_pending_delivery', message: 'The order has no failed delivery' }
    retryDelivery(view.order, desk.now())
    return { status: 'processing', message: 'The delivery is being retried' }
  }

  function quote(body: unknown) {
    const request = demand(quoteRequest, body, unprocessable)
    const answer = market.quote(request)
    const { from_asset, to_asset } = request
    if (answer === 'NO_ROUTE')
      throw new Refusal(400, {
        detail: `Route not supported for this pair. From: ${from_asset.layer}, To: ${to_asset.layer}`,
      })
    if (answer === 'NO_AMOUNT') throw new Refusal(400, { detail: 'One side of the pair must have an amount' })
    if (answer === 'NO_PAIR')
      throw refusal(404, 'PAIR_NOT_FOUND', `Trading pair not found: ${from_asset.asset_id}/${to_asset.asset_id}`)
    return answer
  }

  return {
    errorFormat,
    routes: [
      { method: 'GET', path: '/get_info', handle: () => ok(info()) },
      { method: 'GET', path: '/network_info', handle: () => ok({ network: 'Regtest', height: 850_000 }) },
      { method: 'POST', path: '/estimate_fees', handle: ({ body }) => ok(estimate(body)) },
      { method: 'POST', path: '/create_order', handle: ({ body }) => ok(create(body)) },
      {
        method: 'POST',
        path: '/get_order',
        handle: ({ body }) => ok(orderDocument(find(demand(orderRequest, body, unprocessable)), desk)),
      },
      { method: 'POST', path: '/rate_decision', handle: ({ body }) => ok(decide(body)) },
      { method: 'POST', path: '/retry_delivery', handle: ({ body }) => ok(retry(body)) },
      { method: 'POST', path: '/api/v1/market/quote', fromRoot: true, handle: ({ body }) => ok(quote(body)) },
    ],
  }
}

export const kestrel = defineSimulator<KaleidoswapOrder>({
  id: 'kestrel',
  name: 'Kestrel (Kaleidoswap)',
  protocol: 'KALEIDOSWAP',
  configName: 'kaleidoswap',
  basePath: '/api/v1/lsps1',
  tariffFeeRateSatPerVbyte: null,
  supportedFaults: [
    ...COMMON_FAULTS,
    'PEER_NOT_CONNECTED',
    'WRONG_NODE',
    'SHORT_LEASE',
    'OUTPOINT_REPLACED',
    'HOLDS_PAYMENTS',
    'RATE_CHANGES',
    'RATE_CHANGES_AT_DELIVERY',
    'DELIVERY_FAILS',
    'ASSET_PRICE_IN_FEE',
  ],
  policy: {
    holdInvoices: false,
    onchainConfirmations: 0,
    takesLatePayment: true,
    refundsByItself: true,
    refundsPartPayment: true,
    mayOpenFrom,
  },
  open: openEndpoints,
})

import { randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { SANDBOX_ASSET, worthOf } from './asset.ts'
import type { LspDesk } from './desk.ts'
import { brokenOption, pubkeyField, satInteger, wholeNumber } from './documents.ts'
import { COMMON_FAULTS } from './faults.ts'
import { orderDocument, type KaleidoswapOrder } from './kaleidoswap-order.ts'
import { AssetMarket, quoteRequest } from './kaleidoswap-market.ts'
import { ok, Refusal, RETRY_AFTER_SECONDS, type ErrorFormat } from './lsp-server.ts'
import { isRegtestAddress } from './network.ts'
import { DISCOUNT_CODE, lessTenPercent, ppmOf, weeklyPpmOf } from './prices.ts'
import { defineSimulator, demand, type Complaint, type Endpoints } from './simulator.ts'
import { addSat, sat, ZERO_SAT } from '../domain/money.ts'
import { MINUTE_MS } from '../domain/time.ts'

// Kaleidoswap RGB-LSP 0.2.0 (protocols/README.md, section 9): LSPS1's names with integers, an estimate of the fee, a
// secret for each order, and RGB assets. Like its framework (FastAPI) it ignores fields that it does not know.

const OPTIONS = {
  min_required_channel_confirmations: 0,
  min_funding_confirms_within_blocks: 1,
  min_onchain_payment_confirmations: 0,
  supports_zero_channel_reserve: true,
  min_onchain_payment_size_sat: 1_000,
  max_channel_expiry_blocks: 20_160,
  min_initial_client_balance_sat: 0,
  max_initial_client_balance_sat: 1_000_000,
  min_initial_lsp_balance_sat: 0,
  max_initial_lsp_balance_sat: 16_777_215,
  min_channel_balance_sat: 50_000,
  max_channel_balance_sat: 16_777_215,
}

const assetAmount = wholeNumber(0, Number.MAX_SAFE_INTEGER).nullish()
const priced = {
  lsp_balance_sat: satInteger(),
  client_balance_sat: satInteger(),
  channel_expiry_blocks: wholeNumber(1, 0xffff_ffff),
  token: z.string().nullish(),
  asset_id: z.string().nullish(),
  lsp_asset_amount: assetAmount,
  client_asset_amount: assetAmount,
  rfq_id: z.string().nullish(),
}
const estimateFees = z.object(priced)
const createOrder = z.object({
  ...priced,
  client_pubkey: pubkeyField,
  required_channel_confirmations: wholeNumber(0, 0xffff_ffff),
  funding_confirms_within_blocks: wholeNumber(1, 0xffff_ffff),
  announce_channel: z.boolean().default(true),
  refund_onchain_address: z.string().nullish(),
  email: z.string().nullish(),
})
const orderRequest = z.object({ order_id: z.string(), access_token: z.string().default('') })
const rateDecision = orderRequest.extend({ accept_new_rate: z.boolean() })
type Priced = z.output<typeof estimateFees>

// -- refusals --------------------------------------------------------------------------------------------

function refusal(status: number, error_code: string, message: string, details: Record<string, unknown> = {}): Refusal {
  return new Refusal(status, { error_code, message, details, request_id: `req_${randomBytes(8).toString('hex')}` })
}

function invalidParams(property: string, message: string): Refusal {
  return refusal(400, 'LSPS1_INVALID_PARAMS', message, { code: -32_602, property, message })
}

function unprocessable({ property, message, isMissing }: Complaint): Refusal {
  const loc = ['body', ...property.split('.').filter(Boolean)]
  return new Refusal(422, {
    detail: [isMissing ? { loc, msg: 'Field required', type: 'missing' } : { loc, msg: message, type: 'value_error' }],
  })
}

const errorFormat: ErrorFormat = {
  unknownPath: () => new Refusal(404, { detail: 'Not Found' }),
  unreadableBody: () =>
    new Refusal(422, { detail: [{ loc: ['body'], msg: 'JSON decode error', type: 'json_invalid' }] }),
  rateLimited: () => refusal(429, 'RATE_LIMIT_EXCEEDED', 'Too many requests', { retry_after: RETRY_AFTER_SECONDS }),
}

// -- prices ----------------------------------------------------------------------------------------------

/** A set-up, a share of the size, and a share for each week; what the client buys of an asset comes on top. */
function priceOf(request: Priced) {
  const fees = {
    setup_fee: sat(1_000),
    capacity_fee: ppmOf(request.lsp_balance_sat, 1_500),
    duration_fee: weeklyPpmOf(request.lsp_balance_sat, 125, request.channel_expiry_blocks),
  }
  const channelFee = sat(fees.setup_fee + fees.capacity_fee + fees.duration_fee)
  const isDiscounted = request.token === DISCOUNT_CODE
  const assetPriceSat = worthOf(request.client_asset_amount ?? 0)
  return {
    fees,
    isDiscounted,
    assetPriceSat,
    totalSat: addSat(isDiscounted ? lessTenPercent(channelFee) : channelFee, assetPriceSat),
  }
}

function checkAsset(request: Priced, market: AssetMarket): void {
  const lspAmount = request.lsp_asset_amount ?? 0
  const clientAmount = request.client_asset_amount ?? 0
  if (!request.asset_id) {
    if (lspAmount + clientAmount > 0) throw invalidParams('asset_id', 'asset_id is required with an asset amount')
    return
  }
  if (request.asset_id !== SANDBOX_ASSET.asset_id)
    throw refusal(404, 'ASSET_NOT_FOUND', `Asset not found: ${request.asset_id}`)
  if (lspAmount > SANDBOX_ASSET.max_initial_lsp_amount)
    throw invalidParams('lsp_asset_amount', 'Asset amount above maximum')
  if (clientAmount > SANDBOX_ASSET.max_initial_client_amount)
    throw invalidParams('client_asset_amount', 'Asset amount above maximum')
  if (clientAmount === 0) return
  if (!request.rfq_id) {
    throw invalidParams(
      'rfq_id',
      'RFQ ID is required when purchasing assets (client_asset_amount > 0). Please request a quote first.',
    )
  }
  const objection = market.objectionTo(request.rfq_id, clientAmount)
  if (objection !== null) throw invalidParams('rfq_id', objection)
}

function checkOptions(
  request: Priced,
  rest: { required_channel_confirmations: number; funding_confirms_within_blocks: number },
): void {
  const broken = brokenOption(OPTIONS, { ...request, ...rest })
  if (broken) throw invalidParams(broken.field, `${broken.option} is ${broken.limit}`)
}

// -- endpoints -------------------------------------------------------------------------------------------

function openEndpoints(desk: LspDesk<KaleidoswapOrder>): Endpoints {
  const market = new AssetMarket(desk)
  const info = { lsp_connection_url: desk.node.uri, options: OPTIONS, assets: [SANDBOX_ASSET] }

  function estimate(body: unknown) {
    const request = demand(estimateFees, body, unprocessable)
    checkOptions(request, { required_channel_confirmations: 0, funding_confirms_within_blocks: 1 })
    checkAsset(request, market)
    const { fees, isDiscounted, totalSat } = priceOf(request)
    return {
      ...fees,
      total_fee: totalSat,
      applied_discount: isDiscounted ? 0.1 : null,
      discount_code: isDiscounted ? DISCOUNT_CODE : null,
    }
  }

  function create(body: unknown) {
    const request = demand(createOrder, body, unprocessable)
    checkOptions(request, request)
    checkAsset(request, market)
    const refundAddress = request.refund_onchain_address ?? null
    if (refundAddress !== null && !isRegtestAddress(refundAddress))
      throw invalidParams('refund_onchain_address', 'Invalid onchain address')
    const { totalSat, assetPriceSat } = priceOf(request)
    const accessToken = `ord_${randomBytes(12).toString('base64url')}`
    const order = desk.take({
      id: randomUUID(),
      feeSat: totalSat,
      clientBalanceSat: request.client_balance_sat,
      validMs: 15 * MINUTE_MS,
      onchain: true,
      refundAddress,
      description: 'Channel by Kestrel',
      details: {
        request,
        accessToken,
        assetPriceSat: assetPriceSat > ZERO_SAT ? assetPriceSat : null,
        rate: null,
        decidedAt: null,
      },
    })
    // The only answer that ever holds the token.
    return { ...orderDocument(desk.view(order)), access_token: accessToken }
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
    const { order_state } = orderDocument(view)
    if (order_state !== 'PENDING_RATE_DECISION') {
      throw refusal(400, 'VALIDATION_ERROR', `Order is not pending rate decision. Current state: ${order_state}`)
    }
    order.details.decidedAt = desk.now()
    order.details.rate = decision.accept_new_rate ? 'ACCEPTED' : 'REFUSED'
    if (decision.accept_new_rate) {
      return {
        order_id: order.id,
        decision_accepted: true,
        message: 'Rate accepted. Order will proceed with current market rate.',
        refund_txid: null,
      }
    }
    order.failedAt = desk.now()
    desk.refund(order, order.refundAddress)
    const message =
      order.refundedAt === null
        ? 'Refund requested. Manual review may still be required.'
        : 'Rate declined. The payment was refunded.'
    return { order_id: order.id, decision_accepted: false, message, refund_txid: order.refundTxid }
  }

  function quote(body: unknown) {
    const request = demand(quoteRequest, body, unprocessable)
    const answer = market.quote(request)
    const { from_asset, to_asset } = request
    if (!answer)
      throw new Refusal(400, {
        detail: `Route not supported for this pair. From: ${from_asset.layer}, To: ${to_asset.layer}`,
      })
    return answer
  }

  return {
    errorFormat,
    routes: [
      { method: 'GET', path: '/get_info', handle: () => ok(info) },
      { method: 'GET', path: '/network_info', handle: () => ok({ network: 'Regtest', height: 850_000 }) },
      { method: 'POST', path: '/estimate_fees', handle: ({ body }) => ok(estimate(body)) },
      { method: 'POST', path: '/create_order', handle: ({ body }) => ok(create(body)) },
      {
        method: 'POST',
        path: '/get_order',
        handle: ({ body }) => ok(orderDocument(find(demand(orderRequest, body, unprocessable)))),
      },
      { method: 'POST', path: '/rate_decision', handle: ({ body }) => ok(decide(body)) },
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
  supportedFaults: [...COMMON_FAULTS, 'RATE_CHANGES'],
  policy: {
    holdInvoices: false,
    onchainConfirmations: 0,
    takesLatePayment: true,
    refundsByItself: true,
    mayOpenFrom: ({ details }, paidAt, faults) => {
      if (details.rate === null && faults.has('RATE_CHANGES')) details.rate = 'PENDING'
      return details.rate === null ? paidAt : details.rate === 'ACCEPTED' ? details.decidedAt : null
    },
  },
  open: openEndpoints,
})

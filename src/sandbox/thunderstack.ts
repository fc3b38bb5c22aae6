import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { SANDBOX_ASSET, worthOf } from './asset.ts'
import type { LspDesk } from './desk.ts'
import type { OrderView, Stage } from './order-view.ts'
import { isoTime, nodeField, regtestAddressField, satInteger, wholeNumber } from './documents.ts'
import { COMMON_FAULTS } from './faults.ts'
import { ok } from './lsp-server.ts'
import { badRequest, plainErrors, refusal } from './plain-refusals.ts'
import { ppmOf } from './prices.ts'
import { defineSimulator, demand, type Endpoints } from './simulator.ts'
import { btcDecimalOfSat, sat, type Sat } from '../domain/money.ts'
import { MINUTE_MS, type EpochMs } from '../domain/time.ts'

// ThunderStack's RGB LSPS1 APIs (protocols/README.md, section 10): `fee` is the whole amount to pay, get_order calls the
// id `_id`, and an order proceeds only when a client reads it.

const OPTIONS = {
  max_channel_expiry_blocks: 12_960,
  min_initial_lsp_balance_sat: 100_000,
  max_initial_lsp_balance_sat: 100_000_000,
  min_channel_balance_sat: 100_000,
  max_channel_balance_sat: 100_000_000,
}

/** Satoshis per virtual byte. The tariff depends on it. */
const FEE_RATE = 2

const createOrder = z
  .strictObject({
    lsp_balance_sat: satInteger(),
    public_key: nodeField,
    channel_expiry_blocks: wholeNumber(1, 0xffff_ffff),
    asset_amount: wholeNumber(1, Number.MAX_SAFE_INTEGER).nullish(),
    asset_id: z.string().nullish(),
    refund_on_chain_address: regtestAddressField.nullish(),
  })
  .refine(
    ({ asset_amount, asset_id }) => (asset_amount == null) === (asset_id == null),
    'asset_amount and asset_id go together',
  )

const getOrder = z.object({ order_id: z.string().min(1) })

interface ThunderStackOrder {
  readonly request: z.output<typeof createOrder>
  /** The order's id in its payments, which is another one. */
  readonly paymentOrderId: string
}

type View = OrderView<ThunderStackOrder>

/** The published tariff: the same for a channel of any size and length. */
function feeOf(assetAmount: number): Sat {
  const halfPerMille = (amount: number) => ppmOf(amount, 500)
  return sat(1_500 + halfPerMille(30_010) + 500 * FEE_RATE + halfPerMille(worthOf(assetAmount)))
}

// -- answers ---------------------------------------------------------------------------------------------

const ORDER_STATUS: Readonly<Record<Stage, string>> = {
  AWAITING_PAYMENT: 'Pending',
  UNDERPAID: 'Pending',
  LAPSED: 'Expired',
  PAID: 'Pending',
  OPENING: 'Pending',
  FUNDED: 'Succeeded',
  OPEN: 'Succeeded',
  CLOSING: 'Succeeded',
  CLOSED: 'Succeeded',
  REFUNDING: 'Failed',
  REFUNDED: 'Failed',
}

const CHANNEL_STATUS: Readonly<Partial<Record<Stage, string>>> = {
  OPENING: 'PendingOpen',
  FUNDED: 'Open',
  OPEN: 'Open',
  CLOSING: 'Open',
  CLOSED: 'Open',
  REFUNDING: 'FailedOpen',
  REFUNDED: 'FailedOpen',
}

/** `looksFailed`: the node does not list the channel yet, and this LSP reports that as a failure. */
function orderFields(view: View, desk: LspDesk<ThunderStackOrder>, looksFailed: boolean) {
  const { order, stage } = view
  const { request } = order.details
  return {
    // The open of an order that was paid in part was never tried: it expired.
    status: looksFailed
      ? 'Failed'
      : view.received.paidAt === null && order.failedAt !== null
        ? 'Expired'
        : ORDER_STATUS[stage],
    created_at: isoTime(order.createdAt),
    updated_at: isoTime(updatedAt(view)),
    lsp_balance_sat: request.lsp_balance_sat,
    channel_expiry_blocks: request.channel_expiry_blocks,
    refund_on_chain_address: order.refundAddress,
    public_key: desk.shownNode(request.public_key),
    payment: paymentFields(view),
    channel: channelFields(view, looksFailed),
  }
}

function updatedAt({ order, fundedAt }: View): EpochMs {
  return order.refundedAt ?? order.failedAt ?? fundedAt ?? order.openingAt ?? order.createdAt
}

function paymentFields({ order, stage, received, now }: View) {
  const paidByLightning = received.lightning !== 'OPEN'
  const paidOnchain = !paidByLightning && received.paidAt !== null
  // The protocol has no word for a refund: a refunded payment is reported as failed.
  const paid = stage === 'REFUNDED' ? 'Failed' : 'Succeeded'
  const way = (type: string, isPaid: boolean, isSiblingPaid: boolean, expiresAt: EpochMs, invoice: string) => ({
    order_id: order.details.paymentOrderId,
    type,
    status: isPaid ? paid : isSiblingPaid || now >= expiresAt ? 'Expired' : 'Pending',
    fee: order.totalSat,
    invoice,
    created_at: isoTime(order.createdAt),
    updated_at: isoTime(received.paidAt ?? order.createdAt),
    expires_at: isoTime(expiresAt),
  })
  const label = `label=${order.id}&message=${encodeURIComponent(`Payment for order: ${order.id}`)}`
  const bip21 = `bitcoin:${order.address}?amount=${btcDecimalOfSat(order.totalSat)}&${label}`
  return {
    ln: way('ln', paidByLightning, paidOnchain, order.invoiceExpiresAt, order.invoice),
    btc_onchain: way('btc_onchain', paidOnchain, paidByLightning, order.expiresAt, bip21),
  }
}

function channelFields({ order, stage, fundedAt, received }: View, looksFailed: boolean) {
  const status = looksFailed ? 'FailedOpen' : CHANNEL_STATUS[stage]
  const since = order.openingAt ?? order.failedAt
  if (status === undefined || since === null || received.paidAt === null) return null
  return {
    channel_id: fundedAt === null ? null : (order.channel?.channelId ?? null),
    temporary_channel_id: order.channel?.temporaryId ?? null,
    status,
    created_at: offsetTime(since),
    updated_at: offsetTime(fundedAt ?? since),
  }
}

/** The vendor writes the times of channels with an offset, all others with a Z. */
function offsetTime(at: EpochMs): string {
  return isoTime(at).replace('Z', '+00:00')
}

// -- endpoints -------------------------------------------------------------------------------------------

function openEndpoints(desk: LspDesk<ThunderStackOrder>): Endpoints {
  const asset = {
    asset_id: SANDBOX_ASSET.asset_id,
    ticker: SANDBOX_ASSET.ticker,
    name: SANDBOX_ASSET.name,
    precision: SANDBOX_ASSET.precision,
  }
  const info = { ...OPTIONS, lsp_assets: { nia: [asset], uda: [], cfa: [] }, uris: [desk.node.uri] }

  function create(body: unknown) {
    const request = demand(createOrder, body, badRequest)
    if (desk.faults.has('PEER_NOT_CONNECTED'))
      throw refusal(400, 'The client node is not connected to the LSP node: connect to it and try again')
    if (request.lsp_balance_sat < OPTIONS.min_initial_lsp_balance_sat)
      throw refusal(400, `lsp_balance_sat must be at least ${OPTIONS.min_initial_lsp_balance_sat}`)
    if (request.lsp_balance_sat > OPTIONS.max_initial_lsp_balance_sat)
      throw refusal(400, `lsp_balance_sat must be at most ${OPTIONS.max_initial_lsp_balance_sat}`)
    if (request.channel_expiry_blocks > OPTIONS.max_channel_expiry_blocks) {
      throw refusal(400, `channel_expiry_blocks must be at most ${OPTIONS.max_channel_expiry_blocks}`)
    }
    if (request.asset_id != null && request.asset_id !== SANDBOX_ASSET.asset_id)
      throw refusal(400, `unknown asset ${request.asset_id}`)
    const order = desk.take({
      id: randomBytes(12).toString('hex'),
      feeSat: feeOf(request.asset_amount ?? 0),
      clientBalanceSat: sat(0),
      validMs: 60 * MINUTE_MS,
      invoiceValidMs: 30 * MINUTE_MS,
      onchain: true,
      refundAddress: request.refund_on_chain_address ?? null,
      description: 'Channel by Thunder',
      details: { request, paymentOrderId: randomBytes(12).toString('hex') },
    })
    return { order_id: order.id, ...orderFields(desk.view(order), desk, false) }
  }

  /** A read makes a paid order proceed: the first one opens the channel, a later one looks for it. */
  function read(query: unknown) {
    const { order_id } = demand(getOrder, query, badRequest)
    const view = desk.find(order_id)
    if (!view) throw refusal(404, 'Order not found')
    const { order, stage } = view
    if (stage === 'PAID') desk.beginOpening(order, desk.now())
    const looksFailed = stage === 'OPENING' && desk.faults.has('EARLY_READ_FAILS')
    return { _id: order.id, ...orderFields(desk.view(order), desk, looksFailed) }
  }

  return {
    errorFormat: plainErrors,
    routes: [
      { method: 'GET', path: '/get_info', handle: () => ok(info) },
      { method: 'POST', path: '/create_order', handle: ({ body }) => ok(create(body)) },
      { method: 'GET', path: '/get_order', handle: ({ query }) => ok(read(query)) },
    ],
  }
}

export const thunder = defineSimulator<ThunderStackOrder>({
  id: 'thunder',
  name: 'Thunder (ThunderStack)',
  protocol: 'THUNDERSTACK',
  configName: 'thunderstack',
  basePath: '',
  tariffFeeRateSatPerVbyte: FEE_RATE,
  supportedFaults: [...COMMON_FAULTS, 'PEER_NOT_CONNECTED', 'WRONG_NODE', 'EARLY_READ_FAILS'],
  policy: {
    holdInvoices: false,
    onchainConfirmations: 0,
    takesLatePayment: true,
    refundsByItself: true,
    refundsPartPayment: true,
    mayOpenFrom: () => null,
  },
  open: openEndpoints,
})

import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { LspDesk } from './desk.ts'
import type { OrderView } from './order-view.ts'
import {
  brokenOption,
  durationOfBlocks,
  isoTime,
  pubkeyField,
  segwitAddressField,
  wholeNumber,
  type BrokenOption,
} from './documents.ts'
import { COMMON_FAULTS } from './faults.ts'
import { ok, Refusal, RETRY_AFTER_SECONDS, type ErrorFormat } from './lsp-server.ts'
import { DISCOUNT_CODE, wholeMillion, lessTenPercent, ppmOf, weeklyPpmOf } from './prices.ts'
import { defineSimulator, demand, type Complaint, type Endpoints } from './simulator.ts'
import { MAX_SAT, parseSat, sat, type Sat } from '../domain/money.ts'
import { HOUR_MS } from '../domain/time.ts'

// bLIP-51 as LSPs deploy it over HTTP (protocols/README.md, sections 2 and 4): amounts are strings, the invoice is a
// hold invoice, and an order that nobody paid ends in the same states as a refunded one.

const OPTIONS = {
  min_required_channel_confirmations: 0,
  min_funding_confirms_within_blocks: 6,
  supports_zero_channel_reserve: true,
  max_channel_expiry_blocks: 20_160,
  min_initial_client_balance_sat: '0',
  max_initial_client_balance_sat: '5000000',
  min_initial_lsp_balance_sat: '100000',
  max_initial_lsp_balance_sat: '50000000',
  min_channel_balance_sat: '100000',
  max_channel_balance_sat: '50000000',
} as const

const ONCHAIN_CONFIRMATIONS = 1

const u16 = wholeNumber(0, 65_535)
const satString = z
  .string()
  .regex(/^\d{1,16}$/, 'Not a string of decimal digits')
  .refine((digits) => BigInt(digits) <= BigInt(MAX_SAT), 'More satoshis than there can be')
  .transform(parseSat)

const createOrder = z.strictObject({
  public_key: pubkeyField,
  lsp_balance_sat: satString.refine((amount) => amount >= 1, 'Must be 1 or greater'),
  client_balance_sat: satString,
  required_channel_confirmations: u16,
  funding_confirms_within_blocks: u16,
  channel_expiry_blocks: wholeNumber(1, 0xffff_ffff),
  token: z.string().max(512).nullish(),
  refund_onchain_address: segwitAddressField.nullish(),
  announce_channel: z.boolean(),
})
type CreateOrder = z.output<typeof createOrder>

const getOrder = z.strictObject({ order_id: z.string().min(1) })

/** A small base, a share of the size, and a share for each block of the lease. */
function feeOf(lspBalanceSat: Sat, blocks: number): Sat {
  return sat(400 + ppmOf(lspBalanceSat, 3_000) + weeklyPpmOf(lspBalanceSat, 140, blocks))
}

// -- refusals --------------------------------------------------------------------------------------------

function rpcError(status: number, code: number, message: string, data: Record<string, unknown>): Refusal {
  return new Refusal(status, { error: { code, message, data } })
}

/** bLIP-50 names the unknown parameters; bLIP-51 names the invalid one. */
function invalidParams({ property, message, unrecognized }: Complaint): Refusal {
  return rpcError(400, -32_602, 'Invalid params', unrecognized.length > 0 ? { unrecognized } : { property, message })
}

function optionMismatch({ option, limit }: BrokenOption): Refusal {
  return rpcError(400, 100, 'Option mismatch', { property: option, message: `${option} is ${limit}` })
}

/** LSPs that speak bLIP-51 over HTTP answer this with a text: over BOLT 8 every client is connected. */
function peerNotConnected(): Refusal {
  return new Refusal(400, {
    error: true,
    message: 'Your node is not connected to our node. Connect to it and try again.',
  })
}

const errorFormat: ErrorFormat = {
  unknownPath: () => rpcError(404, -32_601, 'Method not found', {}),
  unreadableBody: () => rpcError(400, -32_700, 'Parse error', {}),
  rateLimited: () =>
    new Refusal(
      429,
      {
        error: {
          code: 1,
          message: 'Client rejected',
          data: { message: 'Reached maximum number of pending requests. Please try again later.' },
        },
      },
      { 'retry-after': String(RETRY_AFTER_SECONDS) },
    ),
}

// -- answers ---------------------------------------------------------------------------------------------

function orderDocument({ order, stage, received, fundedAt }: OrderView<CreateOrder>, desk: LspDesk<CreateOrder>) {
  const { details } = order
  const hasEnded = stage === 'LAPSED' || stage === 'REFUNDING' || stage === 'REFUNDED'
  const way = {
    expires_at: isoTime(order.expiresAt),
    fee_total_sat: String(order.feeSat),
    order_total_sat: String(order.totalSat),
  }
  // As LDK does it: an order that ended has every option REFUNDED, paid or not.
  const unpaid = hasEnded ? 'REFUNDED' : 'EXPECT_PAYMENT'
  const lightningStates = { OPEN: unpaid, HELD: 'HOLD', SETTLED: 'PAID', CANCELLED: 'REFUNDED' }
  const onchainState =
    received.deposits.length === 0 || stage === 'REFUNDED' ? unpaid : received.paidAt === null ? unpaid : 'PAID'
  return {
    order_id: order.id,
    lsp_balance_sat: String(details.lsp_balance_sat),
    client_balance_sat: String(details.client_balance_sat),
    required_channel_confirmations: details.required_channel_confirmations,
    funding_confirms_within_blocks: details.funding_confirms_within_blocks,
    channel_expiry_blocks: details.channel_expiry_blocks,
    token: details.token ?? '',
    created_at: isoTime(order.createdAt),
    announce_channel: details.announce_channel,
    order_state: fundedAt !== null ? 'COMPLETED' : hasEnded ? 'FAILED' : 'CREATED',
    payment: {
      bolt11: { state: lightningStates[received.lightning], ...way, invoice: order.invoice },
      ...(order.offer === null
        ? {}
        : { bolt12: { state: lightningStates[received.offer], ...way, offer: order.offer } }),
      ...(order.address === null
        ? {}
        : {
            onchain: {
              state: onchainState,
              ...way,
              address: order.address,
              min_onchain_payment_confirmations: ONCHAIN_CONFIRMATIONS,
              min_fee_for_0conf: null,
              refund_onchain_address: order.refundAddress,
            },
          }),
    },
    channel:
      order.channel === null || fundedAt === null
        ? null
        : {
            funded_at: isoTime(fundedAt),
            funding_outpoint: `${order.channel.fundingTxid}:${order.channel.outputIndex}`,
            expires_at: isoTime(fundedAt + desk.shownLeaseMs(durationOfBlocks(details.channel_expiry_blocks))),
          },
  }
}

function openEndpoints(desk: LspDesk<CreateOrder>): Endpoints {
  const info = { ...OPTIONS, uris: [desk.node.uri], website: 'https://olive.sandbox' }

  function create(body: unknown) {
    const request = demand(createOrder, body, invalidParams)
    if (desk.faults.has('PEER_NOT_CONNECTED')) throw peerNotConnected()
    const broken = brokenOption(OPTIONS, request)
    if (broken) throw optionMismatch(broken)
    const token = request.token ?? ''
    if (token !== '' && token !== DISCOUNT_CODE) throw rpcError(400, 102, 'Unrecognized or stale token', {})
    const { lsp_balance_sat: balanceSat, channel_expiry_blocks: blocks } = request
    const fee = feeOf(desk.faults.has('PRICES_IN_STEPS') ? wholeMillion(balanceSat) : balanceSat, blocks)
    const refundAddress = request.refund_onchain_address ?? null
    return desk.take({
      id: randomBytes(16).toString('hex'),
      feeSat: token === DISCOUNT_CODE ? lessTenPercent(fee) : fee,
      clientBalanceSat: request.client_balance_sat,
      validMs: HOUR_MS,
      // bLIP-51, section 2: without a refund address the LSP MUST NOT offer payment on-chain.
      onchain: refundAddress !== null,
      refundAddress,
      description: 'Channel by Olive',
      details: request,
    })
  }

  function read(query: unknown) {
    const { order_id } = demand(getOrder, query, invalidParams)
    const view = desk.find(order_id)
    if (!view) throw rpcError(404, 101, 'Not found', {})
    return view
  }

  return {
    errorFormat,
    routes: [
      { method: 'GET', path: '/get_info', handle: () => ok(info) },
      { method: 'POST', path: '/create_order', handle: ({ body }) => ok(orderDocument(desk.view(create(body)), desk)) },
      { method: 'GET', path: '/get_order', handle: ({ query }) => ok(orderDocument(read(query), desk)) },
    ],
  }
}

export const olive = defineSimulator<CreateOrder>({
  id: 'olive',
  name: 'Olive (LSPS1)',
  protocol: 'LSPS1',
  configName: 'lsps1',
  basePath: '/api/v1',
  tariffFeeRateSatPerVbyte: null,
  supportedFaults: [
    ...COMMON_FAULTS,
    'PEER_NOT_CONNECTED',
    'OFFERS_BOLT12',
    'SHORT_LEASE',
    'OUTPOINT_REPLACED',
    'PRICES_IN_STEPS',
  ],
  policy: {
    holdInvoices: true,
    onchainConfirmations: ONCHAIN_CONFIRMATIONS,
    takesLatePayment: false,
    refundsByItself: true,
    // bLIP-51, section 3.3: the LSP MUST refund an order that expires.
    refundsPartPayment: true,
    mayOpenFrom: (_order, paidAt) => paidAt,
  },
  open: openEndpoints,
})

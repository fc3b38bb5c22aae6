import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { decodeInvoice } from './bolt11.ts'
import {
  mayRefund,
  orderDocument,
  refundableSat,
  refundDocument,
  type BeaconOrder,
} from './channel-request-0.0.2-order.ts'
import { newShortChannelId, type LspDesk } from './desk.ts'
import type { OrderView } from './order-view.ts'
import { nodeWithAddressField, regtestAddressField, satInteger, wholeNumber } from './documents.ts'
import { COMMON_FAULTS } from './faults.ts'
import { LnurlChannels } from './lnurl.ts'
import { ok, Refusal, type LspAnswer } from './lsp-server.ts'
import { PaymentError } from './network.ts'
import { badRequest, plainErrors, refusal } from './plain-refusals.ts'
import { DISCOUNT_CODE, feePerPaymentOf, lessTenPercent, ppmOf } from './prices.ts'
import { defineSimulator, demand, type Endpoints } from './simulator.ts'
import { addSat, msatOf, sat, ZERO_SAT, type Sat } from '../domain/money.ts'
import { HOUR_MS } from '../domain/time.ts'

// LSPS1 channel request, draft 0.0.2 (protocols/README.md, section 7): a client buys a channel without naming its node,
// and asks later for the channel to be opened.

const LEAST_REMOTE_SAT = 100_000
const MOST_REMOTE_SAT = 20_000_000
const MOST_LOCAL_SAT = 2_000_000
/** The shortest lease: a shorter one is raised to it, at its price. */
const LEAST_WEEKS = 26
const MOST_WEEKS = 104
const LEAST_ONCHAIN_SAT = 5_000

const FEATURES = [
  'lnurl_lud2',
  'jit_channels',
  { name: 'local_balance' },
  { name: 'onchain_payments', min_satoshi: String(LEAST_ONCHAIN_SAT) },
  'refunds',
]

const createOrder = z.strictObject({
  remote_balance: satInteger(LEAST_REMOTE_SAT, MOST_REMOTE_SAT),
  local_balance: satInteger(0, MOST_LOCAL_SAT).default(ZERO_SAT),
  onchain_fee_rate: z.number().min(1).optional(),
  channel_expiry: wholeNumber(1, MOST_WEEKS).default(LEAST_WEEKS),
  coupon_code: z.string().default(''),
})
const openChannel = z.strictObject({ announce_channel: z.boolean(), node_connection_string: nodeWithAddressField })
const registerJit = z.strictObject({ node_connection_string: nodeWithAddressField })
const claimRefund = z
  .strictObject({ lightning_invoice: z.string().nullish(), onchain_address: regtestAddressField.nullish() })
  .refine(
    ({ lightning_invoice, onchain_address }) => (lightning_invoice == null) !== (onchain_address == null),
    'either lightning_invoice or onchain_address',
  )

type View = OrderView<BeaconOrder>
type FailReason =
  | 'CHANNEL_REJECTED_BY_DESTINATION'
  | 'PEERING_FAILED'
  | 'REJECTED_BY_LSP'
  | 'PAYMENT_REQUIRED'
  | 'ALREADY_OPEN'

/** A small base, and a share of the size for each week. */
function feeOf(remoteSat: Sat, weeks: number): Sat {
  return sat(500 + ppmOf(remoteSat, 258 * weeks))
}

function openEndpoints(desk: LspDesk<BeaconOrder>, url: () => string): Endpoints {
  const lnurl = new LnurlChannels({
    url,
    nodeUri: desk.node.uri,
    exists: (orderId) => desk.find(orderId) !== null,
    open(orderId, clientPubkey, announce) {
      const view = desk.find(orderId)
      return view ? open(view, clientPubkey, announce) : 'unknown order'
    },
  })

  /** By the order's id, or by the short channel id once the channel has one. */
  function find(id = ''): View {
    const byScid = desk.book.all().find(({ channel }) => channel?.shortChannelId === id)
    const view = desk.find(id) ?? (byScid ? desk.find(byScid.id) : null)
    if (!view || (view.order.id !== id && view.openAt === null)) throw refusal(404, 'Order not found')
    return view
  }

  function create(body: unknown): LspAnswer {
    const asked = demand(createOrder, body, badRequest)
    if (asked.coupon_code !== '' && asked.coupon_code !== DISCOUNT_CODE)
      throw refusal(400, 'coupon_code: Unknown coupon')
    const request = { ...asked, channel_expiry: Math.max(asked.channel_expiry, LEAST_WEEKS) }
    const fullFee = feeOf(request.remote_balance, request.channel_expiry)
    const feeSat = request.coupon_code === '' ? fullFee : lessTenPercent(fullFee)
    const order = desk.take({
      id: randomUUID(),
      feeSat,
      clientBalanceSat: request.local_balance,
      validMs: HOUR_MS,
      onchain: addSat(feeSat, request.local_balance) >= LEAST_ONCHAIN_SAT,
      refundAddress: null,
      description: 'Channel by Beacon',
      details: { request, client: null, jit: null, hasFailedOnce: false, refundPaidTo: null },
    })
    const { id, payment, request: mirrored } = orderDocument(desk.view(order), desk)
    const { fee_total, order_total, order_expiry_ts, ln_invoice, btc_address } = payment
    return {
      status: 201,
      body: { id, fee_total, order_total, order_expiry_ts, ln_invoice, btc_address, request: mirrored },
    }
  }

  /** Opens the channel of a paid order. Returns null, or the reason why it did not. */
  function open({ order, stage }: View, nodeUri: string, announce: boolean): FailReason | null {
    if (stage === 'REFUNDED' || stage === 'REFUNDING') return 'REJECTED_BY_LSP'
    if (stage !== 'PAID') return order.openingAt === null ? 'PAYMENT_REQUIRED' : 'ALREADY_OPEN'
    if (desk.faults.has('PEER_NOT_CONNECTED')) return 'PEERING_FAILED'
    if (desk.faults.has('OPEN_FAILS_ONCE') && !order.details.hasFailedOnce) {
      order.details.hasFailedOnce = true
      return 'PEERING_FAILED'
    }
    // The payment remains: the client tries again, or claims it.
    if (desk.faults.has('REFUND')) return 'CHANNEL_REJECTED_BY_DESTINATION'
    order.details.client = { nodeUri, announce }
    // The call is synchronous: when it answers, the funding transaction is published.
    desk.beginOpening(order, desk.now() - desk.stepMs)
    return null
  }

  function openOnRequest(id: string | undefined, body: unknown): LspAnswer {
    const request = demand(openChannel, body, badRequest)
    const reason = open(find(id), request.node_connection_string, request.announce_channel)
    const answer = { lsp_node_connection_string: desk.node.uri, fail_reason: reason, success: reason === null }
    if (reason !== null) throw new Refusal(412, { ...answer, message: OPEN_MESSAGES[reason] })
    return { status: 201, body: { ...answer, message: 'ok' } }
  }

  function jitDocument({ order }: View) {
    const { jit } = order.details
    return {
      fee_per_payment: feePerPaymentOf(order.feeSat),
      route_hint: jit && { scid: jit.scid, node_id: desk.node.pubkey },
      registerd_node_connection_string: jit && desk.shownNode(jit.nodeUri),
    }
  }

  function register(id: string | undefined, body: unknown) {
    const { node_connection_string } = demand(registerJit, body, badRequest)
    const view = find(id)
    const { details } = view.order
    details.jit = { nodeUri: node_connection_string, scid: details.jit?.scid ?? newShortChannelId() }
    return jitDocument(view)
  }

  function refund(id: string | undefined, body: unknown) {
    const { lightning_invoice, onchain_address } = demand(claimRefund, body, badRequest)
    const view = find(id)
    if (!mayRefund(view))
      throw refundFailure(view.stage === 'REFUNDED' ? 'REJECTED_BY_LSP' : 'UNSUPPORTED', 'There is nothing to refund')
    const amounts = refundableSat(view)
    if (lightning_invoice != null) payByLightning(view, lightning_invoice, amounts.lightning)
    if (onchain_address != null) {
      if (amounts.onchain === ZERO_SAT) throw refundFailure('UNSUPPORTED', 'Too little to refund on-chain')
      desk.payments.noteRefund(
        view.order,
        desk.network.payOnchain(desk.node.pubkey, onchain_address, amounts.onchain).txid,
      )
    }
    view.order.details.refundPaidTo = lightning_invoice ?? onchain_address ?? null
    return { success: true, message: 'ok', fail_reason: null }
  }

  function payByLightning({ order }: View, invoice: string, amountSat: Sat): void {
    if (amountOf(invoice) !== msatOf(amountSat))
      throw refusal(400, `lightning_invoice: Not an invoice for ${amountSat} sat`)
    try {
      desk.network.payInvoice(desk.node.pubkey, invoice)
    } catch (error) {
      if (error instanceof PaymentError) throw refundFailure('PAYMENT_FAILED', error.message)
      throw error
    }
    desk.payments.noteRefund(order, null)
  }

  return {
    errorFormat: plainErrors,
    routes: [
      {
        method: 'GET',
        path: '/lsp/channels',
        handle: () => ok({ version: '0.0.2', features: FEATURES, website: 'https://beacon.sandbox' }),
      },
      { method: 'POST', path: '/lsp/channels', handle: ({ body }) => create(body) },
      {
        method: 'GET',
        path: '/lsp/channels/:id',
        handle: ({ params }) => ok(orderDocument(find(params.id), desk)),
      },
      { method: 'POST', path: '/lsp/channels/:id/open', handle: ({ params, body }) => openOnRequest(params.id, body) },
      {
        method: 'GET',
        path: '/lsp/channels/:id/lnurl',
        handle: ({ params }) => ok({ lnurl_channel: lnurl.linkFor(find(params.id).order.id) }),
      },
      { method: 'GET', path: '/lsp/channels/:id/jit', handle: ({ params }) => ok(jitDocument(find(params.id))) },
      { method: 'POST', path: '/lsp/channels/:id/jit', handle: ({ params, body }) => ok(register(params.id, body)) },
      {
        method: 'GET',
        path: '/lsp/channels/:id/refund',
        handle: ({ params }) => ok(refundDocument(find(params.id), desk.stepMs)),
      },
      { method: 'POST', path: '/lsp/channels/:id/refund', handle: ({ params, body }) => ok(refund(params.id, body)) },
      ...lnurl.routes(),
    ],
  }
}

const OPEN_MESSAGES: Readonly<Record<FailReason, string>> = {
  CHANNEL_REJECTED_BY_DESTINATION: 'The node refused the channel',
  PEERING_FAILED: 'The node could not be reached',
  REJECTED_BY_LSP: 'The order was refunded',
  PAYMENT_REQUIRED: 'The order is not paid',
  ALREADY_OPEN: 'The channel is open',
}

function refundFailure(reason: 'PAYMENT_FAILED' | 'REJECTED_BY_LSP' | 'UNSUPPORTED', message: string): Refusal {
  return new Refusal(412, { success: false, message, fail_reason: reason })
}

/** In millisatoshis; null for a text that is not an invoice, or an invoice without an amount. */
function amountOf(invoice: string): bigint | null {
  try {
    const { mtokens } = decodeInvoice(invoice)
    return mtokens === undefined ? null : BigInt(mtokens)
  } catch {
    return null
  }
}

export const beacon = defineSimulator<BeaconOrder>({
  id: 'beacon',
  name: 'Beacon (draft 0.0.2)',
  protocol: 'CHANNEL_REQUEST_V0_0_2',
  configName: 'channel-request-0.0.2',
  basePath: '',
  tariffFeeRateSatPerVbyte: null,
  supportedFaults: [
    ...COMMON_FAULTS,
    'PEER_NOT_CONNECTED',
    'OPEN_FAILS_ONCE',
    'WRONG_NODE',
    'SHORT_LEASE',
    'CHANNEL_CLOSES',
  ],
  policy: {
    holdInvoices: false,
    onchainConfirmations: 0,
    takesLatePayment: true,
    refundsByItself: false,
    // The client claims it by POST refund.
    refundsPartPayment: false,
    mayOpenFrom: () => null,
    routeHintOf: ({ details }) => details.jit?.scid ?? null,
  },
  open: openEndpoints,
})

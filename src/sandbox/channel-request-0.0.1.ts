import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import {
  channelDocument,
  renewalDocument,
  type AnchorOrder,
  type ChannelTermsOfOrder,
  type RenewalTerms,
} from './channel-request-0.0.1-order.ts'
import { newShortChannelId, type LspDesk } from './desk.ts'
import type { OrderView } from './order-view.ts'
import { durationOfWeeks, nodeWithAddressField, satInteger, wholeNumber } from './documents.ts'
import { COMMON_FAULTS } from './faults.ts'
import { LnurlChannels } from './lnurl.ts'
import { ok } from './lsp-server.ts'
import { signerOf } from './node.ts'
import { badRequest, plainErrors, refusal } from './plain-refusals.ts'
import { feePerPaymentOf, ppmOf } from './prices.ts'
import { defineSimulator, demand, type Endpoints } from './simulator.ts'
import { pubkeyOfUri } from '../domain/lsp.ts'
import { sat, ZERO_SAT, type Sat } from '../domain/money.ts'
import { HOUR_MS, SECOND_MS, type EpochMs } from '../domain/time.ts'

// LSP channel request, draft 0.0.1 (protocols/README.md, section 8): weeks and integers, one state for the whole order,
// and renewals with a signature of the channel's node.

const LEAST_REMOTE_SAT = 20_000
const MOST_REMOTE_SAT = 50_000_000
const MOST_LOCAL_SAT = 5_000_000
const MOST_WEEKS = 52

const createOrder = z.strictObject({
  node_connection_info: nodeWithAddressField,
  remote_balance: satInteger(LEAST_REMOTE_SAT, MOST_REMOTE_SAT).default(sat(LEAST_REMOTE_SAT)),
  local_balance: satInteger(0, MOST_LOCAL_SAT).default(ZERO_SAT),
  channel_expiry: wholeNumber(1, MOST_WEEKS).default(4),
  on_chain_fee_rate: z.number().min(1).optional(),
})
const getOrder = z.object({ order_id: z.string().optional(), id: z.string().optional() })
const renewChannel = z.object({ scid: z.string(), valid_to: z.string().regex(/^\d{1,12}$/), signedmessage: z.string() })

/** A share of the size for each week. */
function leaseFeeOf(remoteSat: Sat, weeks: number): Sat {
  return ppmOf(remoteSat, 430 * weeks)
}

type View = OrderView<AnchorOrder>
type ChannelView = OrderView<ChannelTermsOfOrder>
type RenewalView = OrderView<RenewalTerms>

const isChannel = (view: View): view is ChannelView => view.order.details.kind === 'CHANNEL'
const isRenewal = (view: View): view is RenewalView => view.order.details.kind === 'RENEWAL'

function openEndpoints(desk: LspDesk<AnchorOrder>, url: () => string): Endpoints {
  const lnurl = new LnurlChannels({
    url,
    nodeUri: desk.node.uri,
    exists: (orderId) => desk.find(orderId) !== null,
    // This LSP opens the channel of a paid order without a request, so the link only confirms it.
    open: (orderId) => (desk.find(orderId)?.received.paidAt == null ? 'the order is not paid' : null),
  })

  /** When the LSP may close the channel, renewals included; null before it is funded. */
  function leaseEndOf({ order, fundedAt }: ChannelView): EpochMs | null {
    if (fundedAt === null) return null
    const renewed = desk.book.all().flatMap((other) => {
      const view = desk.view(other)
      return isRenewal(view) && view.fundedAt !== null && view.order.details.channelOrderId === order.id
        ? [view.order.details.renewedUntil]
        : []
    })
    return Math.max(fundedAt + desk.shownLeaseMs(durationOfWeeks(order.details.weeks)), ...renewed)
  }

  function documentOf(view: View) {
    if (isRenewal(view)) return renewalDocument(view, viewOf(view.order.details.channelOrderId))
    if (isChannel(view)) {
      return channelDocument(view, {
        leaseEnd: leaseEndOf(view),
        lnurlChannel: lnurl.linkFor(view.order.id),
        lspUri: desk.node.uri,
        clientNode: desk.shownNode(view.order.details.nodeConnectionInfo),
      })
    }
    throw new Error('an order is for a channel or for a renewal')
  }

  function viewOf(orderId: string): View | null {
    const order = desk.book.get(orderId)
    return order && desk.view(order)
  }

  /** The channel with this short channel id, once it has been opened. */
  function channelOf(scid: string): ChannelView | null {
    const order = desk.book.all().find(({ channel }) => channel?.shortChannelId === scid)
    const view = order ? desk.find(order.id) : null
    return view && view.openAt !== null && isChannel(view) ? view : null
  }

  function create(body: unknown) {
    const request = demand(createOrder, body, badRequest)
    const feeSat = sat(300 + leaseFeeOf(request.remote_balance, request.channel_expiry))
    const order = desk.take({
      id: randomUUID(),
      feeSat,
      clientBalanceSat: request.local_balance,
      validMs: HOUR_MS,
      onchain: true,
      refundAddress: null,
      description: 'Channel by Anchor',
      details: {
        kind: 'CHANNEL',
        nodeConnectionInfo: request.node_connection_info,
        remoteSat: request.remote_balance,
        weeks: request.channel_expiry,
        temporaryScid: newShortChannelId(),
      },
    })
    const temporaryScid = order.details.kind === 'CHANNEL' ? order.details.temporaryScid : null
    return {
      order_total: order.totalSat,
      fee_total: order.feeSat,
      fee_per_payment: feePerPaymentOf(order.feeSat),
      // seed 002 calls it scid, seed 004 temporary_scid.
      scid: temporaryScid,
      temporary_scid: temporaryScid,
      lsp_connection_info: desk.node.uri,
      ln_invoice: order.invoice,
      btc_address: order.address,
      order_id: order.id,
      lnurl_channel: lnurl.linkFor(order.id),
    }
  }

  function read(query: unknown) {
    const { order_id, id } = demand(getOrder, query, badRequest)
    const wanted = order_id ?? id
    // Each text has one parameter.
    if (wanted === undefined || (order_id !== undefined && id !== undefined))
      throw refusal(400, 'either order_id or id: Required')
    const view = desk.find(wanted) ?? channelOf(wanted)
    if (!view) throw refusal(404, 'Order not found')
    return documentOf(view)
  }

  /** A GET that places an order, as the document describes it. */
  function renew(query: unknown) {
    const { scid, valid_to, signedmessage } = demand(renewChannel, query, badRequest)
    if (Number(valid_to) * SECOND_MS <= desk.now()) throw refusal(400, 'valid_to has passed')
    const channel = channelOf(scid)
    const leaseEnd = channel && leaseEndOf(channel)
    if (!channel || leaseEnd === null) throw refusal(404, 'Channel not found')
    if (channel.stage !== 'OPEN') throw refusal(400, 'The channel is closed')
    const { details } = channel.order
    const signer = signerOf(`${url()}/lsp/channel/renew/?scid=${scid}&valid_to=${valid_to}`, signedmessage)
    if (signer === null || signer !== pubkeyOfUri(details.nodeConnectionInfo))
      throw refusal(400, 'signedmessage is not by the node of this channel')
    const order = desk.take({
      id: randomUUID(),
      feeSat: leaseFeeOf(details.remoteSat, details.weeks),
      clientBalanceSat: ZERO_SAT,
      validMs: HOUR_MS,
      onchain: true,
      refundAddress: null,
      description: 'Renewal by Anchor',
      details: {
        kind: 'RENEWAL',
        channelOrderId: channel.order.id,
        weeks: details.weeks,
        previousEnd: leaseEnd,
        renewedUntil: leaseEnd + durationOfWeeks(details.weeks),
      },
    })
    return documentOf(desk.view(order))
  }

  return {
    errorFormat: plainErrors,
    routes: [
      { method: 'POST', path: '/lsp/channel', handle: ({ body }) => ok(create(body)) },
      { method: 'GET', path: '/lsp/channel', handle: ({ query }) => ok(read(query)) },
      { method: 'GET', path: '/lsp/channel/renew', handle: ({ query }) => ok(renew(query)) },
      ...lnurl.routes(),
    ],
  }
}

export const anchor = defineSimulator<AnchorOrder>({
  id: 'anchor',
  name: 'Anchor (draft 0.0.1)',
  protocol: 'CHANNEL_REQUEST_V0_0_1',
  configName: 'channel-request-0.0.1',
  basePath: '',
  tariffFeeRateSatPerVbyte: null,
  supportedFaults: [...COMMON_FAULTS, 'WRONG_NODE', 'SHORT_LEASE', 'CHANNEL_CLOSES'],
  policy: {
    holdInvoices: false,
    onchainConfirmations: 0,
    takesLatePayment: true,
    refundsByItself: true,
    // The protocol has no field for a refund address.
    refundsPartPayment: false,
    mayOpenFrom: (_order, paidAt) => paidAt,
    routeHintOf: ({ details }) => (details.kind === 'CHANNEL' ? details.temporaryScid : null),
  },
  open: openEndpoints,
})

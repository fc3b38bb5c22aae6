import { createContextCache } from '@pothos/core'
import DataLoader from 'dataloader'
import { builder, type Context } from './builder.ts'
import { ChannelDetailsType, ChannelSnapshotType, ChannelType } from './channel.ts'
import { OrderActionEnum, OrderStateEnum } from './enums.ts'
import { LspType } from './lsp.ts'
import { JitRouteHintType, NextStepType, OrderAssetType, RefundType } from './order-parts.ts'
import { payableNow, payableThen, PaymentType } from './payment.ts'
import { CheckType, QuoteType } from './quote.ts'
import { availableActions } from '../domain/available-actions.ts'
import { orderedLeaseEnd } from '../domain/lease-kept.ts'
import { lspNodesOf } from '../domain/next-step-problems.ts'
import { nextStepOf } from '../domain/next-step.ts'
import type { Order } from '../domain/order-record.ts'
import { overpaidSat } from '../domain/overpayment.ts'
import { shownAsset } from '../domain/order-asset.ts'
import { isWithheld } from '../domain/payment.ts'
import type { EpochMs } from '../domain/time.ts'
import { supports } from '../orders/actions.ts'

/** An order right after one of its events. */
export type OrderSnapshot = Order & { snapshotAt: EpochMs }
type AnyOrder = Order & { snapshotAt?: EpochMs }

/** Not cached: a context lives as long as its subscription. */
export const currentOrders = createContextCache(
  ({ gateway, clientId }: Context) =>
    new DataLoader((ids: readonly string[]) => gateway.store.orders.byIds(clientId, [...ids]), { cache: false }),
)

/** Whether orders are final. */
const finality = createContextCache(
  ({ gateway }: Context) =>
    new DataLoader((ids: readonly string[]) => gateway.store.orders.areFinal([...ids]), { cache: false }),
)

const OrderDetailsType = builder.interfaceRef<AnyOrder>('OrderDetails').implement({
  description: 'What is known about an order at one moment.',
  fields: (t) => ({
    state: t.expose('state', { type: OrderStateEnum, description: 'State of the order.' }),
    sequence: t.exposeInt('sequence', { description: 'Sequence number of the latest event.' }),
    nextStep: t.field({
      type: NextStepType,
      description: 'What happens next, who does it, and until when.',
      resolve: async (order, _, { gateway }) => {
        const { features, nodeUris, settings } = await gateway.lsps.find(order.lspId)
        return nextStepOf(order, { features, name: settings.name, nodeUris }, order.snapshotAt ?? gateway.clock.now())
      },
    }),
    lspBalanceSat: t.field({
      type: 'Sat',
      description: "Balance on the LSP's side, which is the client's inbound liquidity, in satoshis.",
      resolve: (order) => order.terms.lspBalanceSat,
    }),
    clientBalanceSat: t.field({
      type: 'Sat',
      description: "Balance on the client's side, in satoshis. orderTotalSat contains it.",
      resolve: (order) => order.terms.clientBalanceSat,
    }),
    channelExpiryBlocks: t.int({
      description: 'How long the LSP must keep the channel open, in blocks.',
      resolve: (order) => order.terms.channelExpiryBlocks,
    }),
    requiredChannelConfirmations: t.int({
      nullable: true,
      description: 'Confirmations before the channel is usable. null: the protocol has no field for it.',
      resolve: (order) => order.terms.requiredChannelConfirmations,
    }),
    fundingConfirmsWithinBlocks: t.int({
      nullable: true,
      description:
        'The funding transaction must confirm within this many blocks. null: the protocol has no field for it.',
      resolve: (order) => order.terms.fundingConfirmsWithinBlocks,
    }),
    announceChannel: t.boolean({
      nullable: true,
      description: 'Whether the channel is public. null: the protocol has no field for it; the LSP decides.',
      resolve: async ({ lspId, terms }, _, { gateway }) =>
        (await gateway.lsps.find(lspId)).adapter.requestFields.announceChannel ? terms.announceChannel : null,
    }),
    feeTotalSat: t.expose('feeTotalSat', {
      type: 'Sat',
      description: 'Price of liquidity, in satoshis. It does not contain the price of assets that the client buys.',
    }),
    orderTotalSat: t.expose('orderTotalSat', {
      type: 'Sat',
      description:
        'Fee, client balance and the price of assets that the client buys, in satoshis: what leaves the wallet.',
    }),
    payment: t.field({
      type: PaymentType,
      description: 'The payment options. In a snapshot, payment details appear only while they are still payable.',
      resolve: (order, _, context) => {
        const now = context.gateway.clock.now()
        return order.snapshotAt !== undefined
          ? payableThen(order, () => currentOrders(context).load(order.id), now)
          : payableNow(order, now)
      },
    }),
    checks: t.field({
      type: [CheckType],
      description: "Verification of the LSP's offer and of its later reports.",
      resolve: (order) => order.checks,
    }),
    channel: t.field({
      type: ChannelDetailsType,
      nullable: true,
      description: 'null: the LSP has not reported a channel.',
      resolve: (order) => order.channel,
    }),
    leaseEndsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: `End of the lease as it was ordered: the funding plus channelExpiryBlocks, at 10 minutes a block. null before the
funding. Channel.expiresAt is the end that the LSP reports; the check LEASE_KEPT compares the two.`,
      resolve: (order) => orderedLeaseEnd(order),
    }),
    overpaidSat: t.field({
      type: 'Sat',
      description:
        'Satoshis that have arrived beyond the total, if the LSP reports amounts. Only the LSP can return them.',
      resolve: (order) => overpaidSat(order),
    }),
    nodeUris: t.stringList({
      description: `Nodes of the LSP to connect to for this order, pubkey@host:port or a bare public key. Nodes that the LSP named in its
answers about the order come before those that it lists.`,
      resolve: async (order, _, { gateway }) => [...lspNodesOf(order, await gateway.lsps.find(order.lspId))],
    }),
    asset: t.field({
      type: OrderAssetType,
      nullable: true,
      description: 'The asset side of an RGB channel. null: no asset was ordered.',
      resolve: shownAsset,
    }),
    refund: t.expose('refund', {
      type: RefundType,
      nullable: true,
      description: 'null: the LSP reports no refund.',
    }),
    lnurlChannel: t.string({
      nullable: true,
      description: 'LNURL (LUD-02) that opens the paid channel, if the LSP provides one.',
      resolve: (order) => (isWithheld(order) ? null : order.lnurlChannel),
    }),
    jitRouteHint: t.field({
      type: JitRouteHintType,
      nullable: true,
      description: 'Route hint with which a first payment opens the channel, if the LSP provides one.',
      resolve: (order) => (isWithheld(order) ? null : order.jit),
    }),
    failureReason: t.exposeString('failureReason', {
      nullable: true,
      description: "Why the order failed, in the LSP's words.",
    }),
    lspOrderId: t.exposeString('lspOrderId', {
      nullable: true,
      description: "The LSP's own id of the order. null: the LSP has not answered.",
    }),
    lspState: t.exposeString('lspState', {
      nullable: true,
      description: "The LSP's own word for the order's state. null: the LSP has not answered.",
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When the latest event happened.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'The order cannot be paid after this time. null: the LSP states no end.',
    }),
    checkedAt: t.expose('checkedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the LSP last reported on the order. null: never.',
    }),
  }),
  resolveType: (order) => (order.snapshotAt === undefined ? 'Order' : 'OrderSnapshot'),
})

export const OrderType = builder.objectRef<Order>('Order').implement({
  description: 'An order for one channel, as it is now.',
  interfaces: [OrderDetailsType],
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the order, chosen by the gateway.' }),
    lsp: t.field({
      type: LspType,
      description: 'The LSP that has the order.',
      resolve: (order, _, { gateway }) => gateway.lsps.find(order.lspId),
    }),
    quote: t.loadable({
      type: QuoteType,
      nullable: true,
      description: 'The quote that was ordered. null for an imported order.',
      // A context lives as long as its subscription: it must not keep every quote.
      loaderOptions: { cache: false },
      load: (ids: string[], { gateway, clientId }) => gateway.store.quotes.byIds(clientId, ids),
      resolve: (order) => order.quoteId,
    }),
    reference: t.string({
      nullable: true,
      description: "The client's own reference from createOrder. null: it gave none.",
      resolve: ({ reference }) => reference,
    }),
    isFinal: t.boolean({
      description:
        'true: the gateway expects nothing more from the LSP, and orderUpdated completes. Reminders may still follow in `events`.',
      resolve: ({ id }, _, context) => finality(context).load(id),
    }),
    availableActions: t.field({
      type: [OrderActionEnum],
      description: 'The mutations that can be called for this order now.',
      resolve: async (order, _, { gateway }) => {
        const { adapter } = await gateway.lsps.find(order.lspId)
        return availableActions(order, (action) => supports(adapter, action))
      },
    }),
    clientPubkey: t.field({
      type: 'PublicKey',
      description: 'The node that the channel is for.',
      resolve: (order) => order.request.clientPubkey,
    }),
    channel: t.expose('channel', {
      type: ChannelType,
      nullable: true,
      description: 'null: the LSP has not reported a channel.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the order was placed.' }),
  }),
})

export const OrderSnapshotType = builder.objectRef<OrderSnapshot>('OrderSnapshot').implement({
  description:
    'An order as it was right after one event. It has no id, so that client caches do not mistake it for the order itself.',
  interfaces: [OrderDetailsType],
  fields: (t) => ({
    orderId: t.id({ description: 'Id of the order.', resolve: ({ id }) => id }),
    channel: t.expose('channel', {
      type: ChannelSnapshotType,
      nullable: true,
      description: 'null: the LSP had not reported a channel.',
    }),
  }),
})

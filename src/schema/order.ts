import { createContextCache } from '@pothos/core'
import { resolveCursorConnection, type ResolveCursorConnectionArgs } from '@pothos/plugin-relay'
import DataLoader from 'dataloader'
import { z } from 'zod'
import { badInput } from './bad-input.ts'
import { builder, type Context } from './builder.ts'
import {
  ActorEnum,
  AssetDeliveryStatusEnum,
  ChannelStateEnum,
  NextActionEnum,
  OrderStateEnum,
  RefundStateEnum,
} from './enums.ts'
import {
  IdempotencyConflictError,
  LspError,
  NotPossibleError,
  OrderNotFoundError,
  PriceChangedError,
  QuoteExpiredError,
  QuoteNotFoundError,
} from './errors.ts'
import { LspType } from './lsp.ts'
import { payableNow, payableThen, PaymentType } from './payment.ts'
import { CheckType, QuoteType } from './quote.ts'
import { orderedLeaseEnd } from '../domain/lease-kept.ts'
import { lspNodesOf } from '../domain/next-step-problems.ts'
import { nextStepOf, type NextStep } from '../domain/next-step.ts'
import type { Order, OrderEvent } from '../domain/order-record.ts'
import { overpaidSat } from '../domain/overpayment.ts'
import { shownAsset, type ShownAsset } from '../domain/order-asset.ts'
import type { Channel, JitChannel, Refund } from '../domain/order.ts'
import { isWithheld } from '../domain/payment.ts'
import type { EpochMs } from '../domain/time.ts'
import type { ActionResult } from '../orders/actions.ts'

export const NextStepType = builder.objectRef<NextStep>('NextStep').implement({
  description: `What happens next, who acts, and the deadline. The action is PAY or TOP_UP exactly if the order has a payment option
that may be used.`,
  fields: (t) => ({
    actor: t.expose('actor', { type: ActorEnum }),
    action: t.expose('action', { type: NextActionEnum }),
    deadline: t.expose('deadline', { type: 'DateTime', nullable: true }),
    nodeUri: t.string({
      nullable: true,
      description: 'Node to connect to, for CONNECT_PEER: pubkey@host:port, or the bare public key.',
      resolve: ({ nodeUri }) => nodeUri,
    }),
    message: t.exposeString('message'),
  }),
})

export const ChannelType = builder.objectRef<Channel>('Channel').implement({
  fields: (t) => ({
    state: t.expose('state', { type: ChannelStateEnum }),
    channelId: t.exposeString('channelId', { nullable: true }),
    temporaryChannelId: t.exposeString('temporaryChannelId', {
      nullable: true,
      description: 'The id by which an RGB node lists the channel before it is funded (Kaleidoswap, ThunderStack).',
    }),
    shortChannelId: t.exposeString('shortChannelId', { nullable: true }),
    fundingOutpoint: t.exposeString('fundingOutpoint', {
      nullable: true,
      description: `txid:index; the bare txid at LSPs of draft 0.0.1, which give no index. It may change: the LSP may replace the funding
transaction. The gateway looks for that for a day after the order is complete.`,
    }),
    fundedAt: t.expose('fundedAt', { type: 'DateTime', nullable: true }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'The LSP may close it after this.',
    }),
    closingTxid: t.exposeString('closingTxid', { nullable: true }),
    closedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the channel was closed. Only draft 0.0.2 reports it.',
      resolve: ({ closedAt }) => closedAt,
    }),
  }),
})

const RefundType = builder.objectRef<Refund>('Refund').implement({
  fields: (t) => ({
    state: t.expose('state', { type: RefundStateEnum }),
    lightningSat: t.expose('lightningSat', { type: 'Sat', nullable: true }),
    onchainSat: t.expose('onchainSat', { type: 'Sat', nullable: true }),
    paidTo: t.exposeString('paidTo', {
      nullable: true,
      description: 'The invoice, address or transaction that it was paid to or in.',
    }),
    paidAt: t.expose('paidAt', { type: 'DateTime', nullable: true }),
    txid: t.string({
      nullable: true,
      description: 'Transaction of an on-chain refund; null if the LSP does not name it.',
      resolve: ({ txid }) => txid,
    }),
  }),
})

const JitChannelType = builder.objectRef<JitChannel>('JitChannel').implement({
  fields: (t) => ({
    shortChannelId: t.exposeString('shortChannelId'),
    nodeId: t.expose('nodeId', { type: 'PublicKey', nullable: true }),
    feePerPaymentSat: t.expose('feePerPaymentSat', {
      type: 'Sat',
      nullable: true,
      description: 'Taken from each payment until the fee is paid.',
    }),
  }),
})

const OrderAssetType = builder.objectRef<ShownAsset>('OrderAsset').implement({
  fields: (t) => ({
    assetId: t.exposeString('assetId'),
    isConfirmed: t.exposeBoolean('isConfirmed', {
      description: 'false: this is the requested asset; the LSP has not repeated it. ThunderStack never does.',
    }),
    lspAmount: t.expose('lspAmount', { type: 'AssetAmount', nullable: true, description: "Amount on the LSP's side." }),
    clientAmount: t.expose('clientAmount', {
      type: 'AssetAmount',
      nullable: true,
      description: 'Amount that the client buys.',
    }),
    rfqId: t.exposeString('rfqId', { nullable: true, description: "The id of the LSP's quote for the price." }),
    priceSat: t.expose('priceSat', {
      type: 'Sat',
      nullable: true,
      description: "What the client's amount costs, by the LSP's latest report. orderTotalSat contains agreedPriceSat.",
    }),
    agreedPriceSat: t.field({
      type: 'Sat',
      nullable: true,
      description: "What the client's amount cost when the order was placed.",
      resolve: ({ agreedPriceSat, priceSat }) => agreedPriceSat ?? priceSat,
    }),
    newOrderTotalSat: t.expose('newOrderTotalSat', {
      type: 'Sat',
      nullable: true,
      description: "The order's total at priceSat. null: the price has not changed since the order was placed.",
    }),
    deliveryStatus: t.expose('deliveryStatus', { type: AssetDeliveryStatusEnum, nullable: true }),
    deliveryPaymentHash: t.exposeString('deliveryPaymentHash', { nullable: true }),
    deliveredAt: t.expose('deliveredAt', { type: 'DateTime', nullable: true }),
    deliveryError: t.exposeString('deliveryError', { nullable: true, description: "The LSP's words." }),
  }),
})

/** The current order, or a snapshot of it right after an event. */
type ShownOrder = Order & { snapshotAt?: EpochMs }

/** Nothing is kept: a context lives as long as its subscription does. */
const ordersNow = createContextCache(
  ({ gateway, clientId }: Context) =>
    new DataLoader((ids: readonly string[]) => gateway.store.orders.byIds(clientId, [...ids]), { cache: false }),
)

export const OrderType = builder.objectRef<ShownOrder>('Order')
const OrderEventType = builder.objectRef<OrderEvent>('OrderEvent')

OrderType.implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    lsp: t.field({ type: LspType, resolve: (order, _, { gateway }) => gateway.lsps.find(order.lspId) }),
    quote: t.loadable({
      type: QuoteType,
      nullable: true,
      // A context lives as long as its subscription does: it must not keep every quote of it.
      loaderOptions: { cache: false },
      load: (ids: string[], { gateway, clientId }) => gateway.store.quotes.byIds(clientId, ids),
      resolve: (order) => order.quoteId,
    }),
    state: t.expose('state', { type: OrderStateEnum }),
    sequence: t.exposeInt('sequence', { description: 'The sequence number of its latest event.' }),
    nextStep: t.field({
      type: NextStepType,
      description:
        'What happens next, who acts, and the deadline. In the order of an event: as of that event; the current order may say otherwise.',
      resolve: async (order, _, { gateway }) => {
        const { features, nodeUris, settings } = await gateway.lsps.find(order.lspId)
        return nextStepOf(order, { features, name: settings.name, nodeUris }, order.snapshotAt ?? gateway.clock.now())
      },
    }),
    clientPubkey: t.field({ type: 'PublicKey', resolve: (order) => order.request.clientPubkey }),
    lspBalanceSat: t.field({ type: 'Sat', resolve: (order) => order.terms.lspBalanceSat }),
    clientBalanceSat: t.field({ type: 'Sat', resolve: (order) => order.terms.clientBalanceSat }),
    channelExpiryBlocks: t.int({ resolve: (order) => order.terms.channelExpiryBlocks }),
    requiredChannelConfirmations: t.int({
      nullable: true,
      resolve: (order) => order.terms.requiredChannelConfirmations,
    }),
    fundingConfirmsWithinBlocks: t.int({ nullable: true, resolve: (order) => order.terms.fundingConfirmsWithinBlocks }),
    announceChannel: t.boolean({ resolve: (order) => order.terms.announceChannel }),
    feeTotalSat: t.expose('feeTotalSat', {
      type: 'Sat',
      description: 'Price of liquidity. It does not contain the price of assets that the client buys.',
    }),
    orderTotalSat: t.expose('orderTotalSat', {
      type: 'Sat',
      description: 'Fee, client balance and the price of assets that the client buys: what leaves the wallet.',
    }),
    payment: t.field({
      type: PaymentType,
      resolve: (order, _, context) => {
        const now = context.gateway.clock.now()
        return order.snapshotAt !== undefined
          ? payableThen(order, () => ordersNow(context).load(order.id), now)
          : payableNow(order, now)
      },
    }),
    checks: t.field({
      type: [CheckType],
      description: 'How the offer was checked before it was handed out.',
      resolve: (order) => order.checks,
    }),
    channel: t.expose('channel', { type: ChannelType, nullable: true }),
    leaseEndsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: `The end of the lease as it was ordered: the funding plus channelExpiryBlocks, at 10 minutes a block. null before the
funding. Channel.expiresAt is the end by the LSP's word; the check LEASE_KEPT compares the two.`,
      resolve: (order) => orderedLeaseEnd(order),
    }),
    overpaidSat: t.field({
      type: 'Sat',
      description:
        'Amount that has arrived beyond the total, as far as the LSP reports amounts. Only the LSP can return it.',
      resolve: (order) => overpaidSat(order),
    }),
    nodeUris: t.stringList({
      description: `Nodes of the LSP to connect to for this order, pubkey@host:port or a bare public key: those that the LSP named in its
answers about the order, then those that it lists.`,
      resolve: async (order, _, { gateway }) => [...lspNodesOf(order, await gateway.lsps.find(order.lspId))],
    }),
    asset: t.field({ type: OrderAssetType, nullable: true, resolve: shownAsset }),
    refund: t.expose('refund', { type: RefundType, nullable: true }),
    lnurlChannel: t.string({
      resolve: (order) => (isWithheld(order) ? null : order.lnurlChannel),
      nullable: true,
      description: 'An LNURL (LUD-02) that opens the paid channel, where the LSP gives one.',
    }),
    jit: t.field({
      type: JitChannelType,
      resolve: (order) => (isWithheld(order) ? null : order.jit),
      nullable: true,
      description: 'The route hint by which a first payment opens the channel, where the LSP does that.',
    }),
    failureReason: t.exposeString('failureReason', {
      nullable: true,
      description: "Why it failed, in the LSP's words.",
    }),
    lspOrderId: t.exposeString('lspOrderId', {
      nullable: true,
      description: "The LSP's own id for it, and its own word for the state.",
    }),
    lspState: t.exposeString('lspState', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true, description: 'Not payable after this.' }),
    checkedAt: t.expose('checkedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'The last time the LSP answered about it.',
    }),
    events: t.field({
      type: [OrderEventType],
      description: `Events after \`afterSequence\`, oldest first, at most \`first\`. For the next page, pass the \`sequence\` of the last
event as \`afterSequence\`. The list is empty if \`afterSequence\` is the latest event or beyond it.`,
      args: {
        afterSequence: t.arg.int({ required: true, defaultValue: 0, validate: z.number().min(0) }),
        first: t.arg.int({
          required: true,
          defaultValue: 100,
          validate: z.number().min(1, 'at least 1 is wanted').max(1_000, 'at most 1000'),
        }),
      },
      resolve: (order, { afterSequence, first }, { gateway }) =>
        gateway.store.orders.events(order.id, afterSequence, first),
    }),
  }),
})

OrderEventType.implement({
  fields: (t) => ({
    sequence: t.exposeInt('sequence', { description: '1, 2, 3 … within one order.' }),
    at: t.expose('at', { type: 'DateTime' }),
    previousState: t.expose('previousState', { type: OrderStateEnum, nullable: true }),
    state: t.expose('state', { type: OrderStateEnum }),
    message: t.exposeString('message', { description: 'What changed, for people.' }),
    order: t.field({
      type: OrderType,
      description:
        'The order as it stood right after this event. What it asked to be paid then is there as far as it still asks for it.',
      resolve: ({ order, at }) => ({ ...order, snapshotAt: at }),
    }),
  }),
})

/**
 * Ids sort by time, so that any text has a place among them: one that is no cursor would get a page, and a wrong one.
 * @throws GraphQLError
 */
function cursorOf(name: 'after' | 'before', text: string | null | undefined): string | null {
  // The ends of an empty page are empty texts.
  if (text == null || text === '') return null
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text))
    throw badInput(`${name}: this is no cursor; one comes from \`pageInfo\` or from an edge`)
  return text
}

builder.queryFields((t) => ({
  order: t.field({
    type: OrderType,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    async resolve(_, { id }, { gateway, clientId }) {
      const [order] = await gateway.store.orders.byIds(clientId, [id])
      if (order) await gateway.attention.give(order)
      return order ?? null
    },
  }),
  orders: t.connection(
    {
      type: OrderType,
      description: "The caller's orders, newest first.",
      args: { states: t.arg({ type: [OrderStateEnum] }) },
      resolve: (_, args, { gateway, clientId }) =>
        resolveCursorConnection(
          { args, defaultSize: 20, maxSize: 100, toCursor: (order: Order) => order.id },
          ({ before, after, limit, inverted }: ResolveCursorConnectionArgs) =>
            gateway.store.orders.page(
              clientId,
              {
                before: cursorOf('before', before),
                after: cursorOf('after', after),
                inverted,
                states: args.states ?? null,
              },
              limit,
            ),
        ),
    },
    { name: 'OrderConnection' },
    { name: 'OrderConnectionEdge' },
  ),
}))

const CreateOrderInput = builder.inputType('CreateOrderInput', {
  fields: (t) => ({
    quoteId: t.id({ required: true }),
    idempotencyKey: t.string({
      required: true,
      description: 'Chosen by the client, up to 255 characters: a retry with the same key never orders twice.',
      validate: z.string().min(1, 'it must not be empty').max(255, 'at most 255 characters'),
    }),
    maxOrderTotalSat: t.field({
      type: 'Sat',
      description: `The most that may leave the wallet. Applies to each payment option: a more expensive one is withheld, with a check
that says so; if none is left, the result is PriceChangedError. Default: for each option, what the quote said.`,
    }),
    email: t.string({
      description: `Where the LSP may send its own notices, if it does. An order that a FIRM quote stands for was placed when the
quote was asked for, and is sent without it.`,
      validate: z.email().max(254).nullish(),
    }),
  }),
})

builder.mutationField('createOrder', (t) =>
  t.field({
    type: OrderType,
    description: `Order the quoted channel. The same \`idempotencyKey\` with the same input gives the same order again; with another
input it is refused. If the LSP now asks for more than \`maxOrderTotalSat\`, or offers worse terms than the quote,
nothing is agreed to and the answer is a PriceChangedError that carries a fresh quote.`,
    args: { input: t.arg({ type: CreateOrderInput, required: true }) },
    errors: {
      union: { name: 'CreateOrderResult' },
      types: [PriceChangedError, QuoteExpiredError, QuoteNotFoundError, IdempotencyConflictError, LspError],
    },
    async resolve(_, { input }, { gateway, clientId }) {
      const outcome = await gateway.ordering.createOrder(clientId, {
        quoteId: input.quoteId,
        idempotencyKey: input.idempotencyKey,
        maxOrderTotalSat: input.maxOrderTotalSat ?? null,
        email: input.email ?? null,
      })
      switch (outcome.kind) {
        case 'order':
          return outcome.order
        case 'price-changed':
          throw new PriceChangedError(outcome.quote, outcome.reason ?? null)
        case 'quote-expired':
          throw new QuoteExpiredError(outcome.expiredAt)
        case 'quote-not-found':
          throw new QuoteNotFoundError()
        case 'conflict':
          throw new IdempotencyConflictError()
        case 'lsp':
          throw new LspError(outcome.lspId, outcome.failure)
      }
    },
  }),
)

// Four mutations share one result, so it is written out here rather than made by the errors plugin for each.
const OrderActionResult = builder.errorUnion('OrderActionResult', {
  types: [OrderType, NotPossibleError, OrderNotFoundError, LspError],
  // The errors plugin tells the errors apart.
  resolveType: () => 'Order',
})

function actionResult(result: ActionResult): Order | NotPossibleError | OrderNotFoundError | LspError {
  switch (result.kind) {
    case 'order':
      return result.order
    case 'not-found':
      return new OrderNotFoundError()
    case 'not-possible':
      return new NotPossibleError(result.message, result.state)
    case 'lsp':
      return new LspError(result.lspId, result.failure)
  }
}

builder.mutationFields((t) => ({
  decideRate: t.field({
    type: OrderActionResult,
    description: 'Tell an LSP that repriced an order (RATE_DECISION_REQUIRED) whether its new price is accepted.',
    args: { orderId: t.arg.id({ required: true }), accept: t.arg.boolean({ required: true }) },
    resolve: async (_, { orderId, accept }, { gateway, clientId }) =>
      actionResult(await gateway.actions.decideRate(clientId, orderId, accept)),
  }),
  openChannel: t.field({
    type: OrderActionResult,
    description: 'Have a paid channel opened, at LSPs that wait to be asked.',
    args: {
      orderId: t.arg.id({ required: true }),
      nodeUri: t.arg.string({
        description:
          "Address of the client's node, pubkey@host:port. Default: clientPubkey and clientAddress of the request. Required if the request has no clientAddress.",
        validate: z
          .string()
          .max(512)
          .regex(/^0[23][0-9a-f]{64}(@\S+:\d+)?$/i, 'pubkey@host:port is wanted')
          .nullish(),
      }),
    },
    resolve: async (_, { orderId, nodeUri }, { gateway, clientId }) =>
      actionResult(await gateway.actions.openChannel(clientId, orderId, nodeUri ?? null)),
  }),
  requestRefund: t.field({
    type: OrderActionResult,
    description: 'Ask for the refund of an order, to a BOLT 11 invoice or to an on-chain address.',
    args: { orderId: t.arg.id({ required: true }), bolt11Invoice: t.arg.string(), onchainAddress: t.arg.string() },
    resolve: async (_, { orderId, bolt11Invoice, onchainAddress }, { gateway, clientId }) =>
      actionResult(
        await gateway.actions.requestRefund(clientId, orderId, {
          bolt11Invoice: bolt11Invoice ?? null,
          onchainAddress: onchainAddress ?? null,
        }),
      ),
  }),
  retryAssetDelivery: t.field({
    type: OrderActionResult,
    description: 'Ask the LSP to deliver the asset of an order again, where its protocol has a call for that.',
    args: { orderId: t.arg.id({ required: true }) },
    resolve: async (_, { orderId }, { gateway, clientId }) =>
      actionResult(await gateway.actions.retryAssetDelivery(clientId, orderId)),
  }),
}))

/**
 * After a backup was restored, the log may end before the event that a wallet read last. Such a wallet would wait for
 * numbers that do not come. @throws GraphQLError
 */
function assertReached({ sequence }: Order, afterSequence: number): void {
  if (afterSequence <= sequence) return
  const count = sequence === 1 ? '1 event' : `${sequence} events`
  throw badInput(
    `afterSequence: the order has ${count}; event ${afterSequence} does not exist. Read the order and its events again, then subscribe after its latest sequence, ${sequence}`,
  )
}

builder.subscriptionFields((t) => ({
  orderUpdated: t.field({
    type: OrderEventType,
    description: `Events of one order after \`afterSequence\`, without gaps or repeats. Without \`afterSequence\` the first event is the
order's latest one. Completes when the gateway expects nothing more. A reminder or a replaced funding transaction may
follow in \`events\`, in \`ordersUpdated\` and at the webhook. An unknown id, or an \`afterSequence\` beyond the order's latest
event, is an error (BAD_USER_INPUT). A restart of the gateway closes the connection; it never completes the
subscription.`,
    args: {
      id: t.arg.id({ required: true }),
      afterSequence: t.arg.int({ validate: z.number().min(0, 'at least 0').nullish() }),
    },
    async subscribe(_, { id, afterSequence }, { gateway, clientId }) {
      const [order] = await gateway.store.orders.byIds(clientId, [id])
      if (!order) throw badInput('id: there is no such order')
      assertReached(order, afterSequence ?? 0)
      return gateway.feed.followOrder(id, afterSequence ?? null)
    },
    resolve: (event) => event,
  }),
  ordersUpdated: t.field({
    type: OrderEventType,
    description: "What happens to any of the caller's orders, from now on.",
    subscribe: (_, __, { gateway, clientId }) => gateway.feed.followClient(clientId),
    resolve: (event) => event,
  }),
}))

import { z } from 'zod'
import { builder } from './builder.ts'
import { PaymentMethodEnum } from './enums.ts'
import {
  IdempotencyConflictError,
  LspError,
  NotPossibleError,
  OrderNotFoundError,
  PriceChangedError,
  QuoteExpiredError,
  QuoteNotFoundError,
} from './errors.ts'
import { quoteIdOf } from './newest.ts'
import { OrderType } from './order.ts'
import type { Order } from '../domain/order-record.ts'
import type { ActionResult } from '../orders/actions.ts'

const orderId = 'Id of the order.'

const CreateOrderInput = builder.inputType('CreateOrderInput', {
  description: 'What to order, and what the client agrees to.',
  fields: (t) => ({
    quoteId: t.id({ required: true, description: 'The quote to order.' }),
    idempotencyKey: t.string({
      required: true,
      description:
        'Chosen by the client, 1 to 255 characters. Use a new key for each new order, and store it before sending.',
      validate: z.string().min(1, 'must not be empty').max(255, 'at most 255 characters'),
    }),
    maxOrderTotalSat: t.field({
      type: 'Sat',
      description: `The most that may leave the wallet. Applies to each payment option: a more expensive one is withheld, with a check
that says so; if none is left, the result is PriceChangedError. Default: for each option, what the quote said.`,
    }),
    paymentMethods: t.field({
      type: [PaymentMethodEnum],
      description: 'Pay by one of these only; the others are withheld. Default: any.',
      validate: z.array(z.unknown()).min(1, 'at least one method').max(10, 'at most 10').nullish(),
    }),
    reference: t.string({
      description: "The client's own reference, up to 255 characters; returned as Order.reference.",
      validate: z.string().min(1, 'must not be empty').max(255, 'at most 255 characters').nullish(),
    }),
    email: t.string({
      description: `E-mail address for the LSP's own notifications. The order behind a FIRM quote exists already, and is sent without
it.`,
      validate: z.email().max(254).nullish(),
    }),
  }),
})

builder.mutationField('createOrder', (t) =>
  t.field({
    type: OrderType,
    description: `Orders the quoted channel. Repeating the call with the same \`idempotencyKey\` and input returns the same order; the same
key with different input is an IdempotencyConflictError. If the LSP now asks more than \`maxOrderTotalSat\`, no order is made
and the result is a PriceChangedError with a new quote.`,
    args: { input: t.arg({ type: CreateOrderInput, required: true, description: 'What to order.' }) },
    errors: {
      union: { name: 'CreateOrderResult', description: 'The order, or why there is none. More types may follow.' },
      types: [PriceChangedError, QuoteExpiredError, QuoteNotFoundError, IdempotencyConflictError, LspError],
    },
    async resolve(_, { input }, context) {
      const { gateway, clientId } = context
      const maxOrderTotalSat = input.maxOrderTotalSat ?? null
      const outcome = await gateway.ordering.createOrder(clientId, {
        quoteId: quoteIdOf(input.quoteId, context),
        idempotencyKey: input.idempotencyKey,
        maxOrderTotalSat,
        paymentMethods: input.paymentMethods ?? null,
        reference: input.reference ?? null,
        email: input.email ?? null,
      })
      switch (outcome.kind) {
        case 'order':
          return outcome.order
        case 'price-changed':
          throw new PriceChangedError(outcome, maxOrderTotalSat)
        case 'quote-expired':
          throw new QuoteExpiredError(outcome.expiredAt)
        case 'quote-not-found':
          throw new QuoteNotFoundError()
        case 'conflict':
          throw new IdempotencyConflictError(outcome.order)
        case 'lsp':
          throw new LspError(outcome.lspId, outcome.failure)
      }
    },
  }),
)

// Four mutations share one result, so it is defined here and not by the errors plugin for each.
const OrderActionResult = builder.errorUnion('OrderActionResult', {
  description: 'The order after the action, or why the action failed. More types may follow.',
  types: [OrderType, NotPossibleError, OrderNotFoundError, LspError],
  // The errors plugin resolves the error types.
  resolveType: () => 'Order',
})

function actionResult(result: ActionResult): Order | NotPossibleError | OrderNotFoundError | LspError {
  switch (result.kind) {
    case 'order':
      return result.order
    case 'not-found':
      return new OrderNotFoundError()
    case 'not-possible':
      return new NotPossibleError(result.message, result.order)
    case 'lsp':
      return new LspError(result.lspId, result.failure)
  }
}

const DecideRateInput = builder.inputType('DecideRateInput', {
  description: 'The decision on a new price.',
  fields: (t) => ({
    orderId: t.id({ required: true, description: orderId }),
    accept: t.boolean({ required: true, description: 'true: accept the new price. false: reject it and be refunded.' }),
  }),
})

const OpenChannelInput = builder.inputType('OpenChannelInput', {
  description: 'The order whose channel to open, and the node to open it to.',
  fields: (t) => ({
    orderId: t.id({ required: true, description: orderId }),
    nodeUri: t.string({
      description:
        'pubkey@host:port. Default: the node and address of the request. Required if the request has no clientAddress.',
      validate: z
        .string()
        .max(512)
        .regex(/^0[23][0-9a-f]{64}(@\S+:\d+)?$/i, 'must be pubkey@host:port')
        .nullish(),
    }),
  }),
})

const RefundTargetInput = builder.inputType('RefundTargetInput', {
  description: 'Where the refund goes: exactly one of the two.',
  isOneOf: true,
  fields: (t) => ({
    bolt11Invoice: t.string({
      description: "Must be payable: not expired, on the LSP's network, for the refundable amount.",
    }),
    onchainAddress: t.string({ description: "Address on the LSP's network." }),
  }),
})

const RequestRefundInput = builder.inputType('RequestRefundInput', {
  description: 'The order to refund, and where to.',
  fields: (t) => ({
    orderId: t.id({ required: true, description: orderId }),
    to: t.field({ type: RefundTargetInput, required: true, description: 'Where the refund goes.' }),
  }),
})

const RetryAssetDeliveryInput = builder.inputType('RetryAssetDeliveryInput', {
  description: 'The order whose asset to deliver.',
  fields: (t) => ({ orderId: t.id({ required: true, description: orderId }) }),
})

builder.mutationFields((t) => ({
  decideRate: t.field({
    type: OrderActionResult,
    description: 'Accepts or rejects the new price of an order in RATE_DECISION_REQUIRED.',
    args: { input: t.arg({ type: DecideRateInput, required: true, description: 'The decision.' }) },
    resolve: async (_, { input }, { gateway, clientId }) =>
      actionResult(await gateway.actions.decideRate(clientId, input.orderId, input.accept)),
  }),
  openChannel: t.field({
    type: OrderActionResult,
    description:
      'Asks the LSP to open a paid channel. The gateway does this by itself; call it to use another node address or to retry at once.',
    args: { input: t.arg({ type: OpenChannelInput, required: true, description: 'The order.' }) },
    resolve: async (_, { input }, { gateway, clientId }) =>
      actionResult(await gateway.actions.openChannel(clientId, input.orderId, input.nodeUri ?? null)),
  }),
  requestRefund: t.field({
    type: OrderActionResult,
    description: 'Requests the refund of an order.',
    args: { input: t.arg({ type: RequestRefundInput, required: true, description: 'The order, and where to.' }) },
    resolve: async (_, { input: { orderId: id, to } }, { gateway, clientId }) =>
      actionResult(
        await gateway.actions.requestRefund(clientId, id, {
          bolt11Invoice: to.bolt11Invoice ?? null,
          onchainAddress: to.onchainAddress ?? null,
        }),
      ),
  }),
  retryAssetDelivery: t.field({
    type: OrderActionResult,
    description: "Asks the LSP to deliver the order's asset again.",
    args: { input: t.arg({ type: RetryAssetDeliveryInput, required: true, description: 'The order.' }) },
    resolve: async (_, { input }, { gateway, clientId }) =>
      actionResult(await gateway.actions.retryAssetDelivery(clientId, input.orderId)),
  }),
}))

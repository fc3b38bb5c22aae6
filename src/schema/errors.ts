import { builder } from './builder.ts'
import { FailureCodeEnum, OrderActionEnum, OrderStateEnum } from './enums.ts'
import { FIELD_AT_FAULT, LimitViolationType, VIOLATED_LIMIT } from './limit.ts'
import { LspType } from './lsp.ts'
import { OrderType } from './order.ts'
import { QuoteType } from './quote.ts'
import { availableActions } from '../domain/available-actions.ts'
import type { FailureDetails } from '../domain/failure.ts'
import type { Sat } from '../domain/money.ts'
import type { Order } from '../domain/order-record.ts'
import type { Quote } from '../domain/quote.ts'
import type { EpochMs } from '../domain/time.ts'
import { supports } from '../orders/actions.ts'
import type { OrderOutcome } from '../orders/outcome.ts'

// Expected failures. Resolvers throw them; the errors plugin makes them members of the result's union.

type PriceChange = Extract<OrderOutcome, { kind: 'price-changed' }>

export class PriceChangedError extends Error {
  readonly previousQuote: Quote
  readonly quote: Quote
  readonly maxOrderTotalSat: Sat | null
  constructor({ previousQuote, quote, reason }: PriceChange, maxOrderTotalSat: Sat | null) {
    super(
      `${reason ?? `the channel costs ${quote.orderTotalSat} sat, more than the maximum of ${maxOrderTotalSat ?? previousQuote.orderTotalSat} sat`}. Nothing was ordered`,
    )
    this.previousQuote = previousQuote
    this.quote = quote
    this.maxOrderTotalSat = maxOrderTotalSat
  }
}

export class QuoteExpiredError extends Error {
  readonly expiredAt: EpochMs
  constructor(expiredAt: EpochMs) {
    super('the quote has expired. Request a new quote')
    this.expiredAt = expiredAt
  }
}

export class QuoteNotFoundError extends Error {
  constructor() {
    super('there is no quote with this id. Request a new quote')
  }
}

export class IdempotencyConflictError extends Error {
  readonly order: Order | null
  /** `order`: what the key was used for; null: no order came of it. */
  constructor(order: Order | null) {
    super('this idempotencyKey was used with different input. Use a new key for another order')
    this.order = order
  }
}

export class LspError extends Error {
  readonly lspId: string
  readonly details: FailureDetails
  constructor(lspId: string, details: FailureDetails) {
    super(details.message)
    this.lspId = lspId
    this.details = details
  }
}

export class NotPossibleError extends Error {
  readonly order: Order
  constructor(message: string, order: Order) {
    super(message)
    this.order = order
  }
}

export class OrderNotFoundError extends Error {
  constructor() {
    super('there is no order with this id')
  }
}

export class NotRenewableError extends Error {}

export const UserErrorType = builder.interfaceRef<Error>('UserError').implement({
  description: 'An expected failure, returned as data.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What happened and what to do, for people.' }),
  }),
})

builder.objectType(PriceChangedError, {
  name: 'PriceChangedError',
  description: 'The LSP asks more than agreed, or offers worse terms than quoted. Nothing was ordered.',
  interfaces: [UserErrorType],
  fields: (t) => ({
    maxOrderTotalSat: t.field({
      type: 'Sat',
      nullable: true,
      description: 'What the client allowed; null: it gave no maximum, and previousQuote was one.',
      resolve: (error) => error.maxOrderTotalSat,
    }),
    previousQuote: t.field({
      type: QuoteType,
      description: 'What was to be ordered.',
      resolve: (error) => error.previousQuote,
    }),
    quote: t.field({ type: QuoteType, description: 'What the LSP asks now.', resolve: (error) => error.quote }),
  }),
})

builder.objectType(QuoteExpiredError, {
  name: 'QuoteExpiredError',
  description: 'The quote has expired.',
  interfaces: [UserErrorType],
  fields: (t) => ({ expiredAt: t.expose('expiredAt', { type: 'DateTime', description: 'When the quote expired.' }) }),
})

builder.objectType(QuoteNotFoundError, {
  name: 'QuoteNotFoundError',
  description: 'The caller has no quote with this id.',
  interfaces: [UserErrorType],
})
builder.objectType(IdempotencyConflictError, {
  name: 'IdempotencyConflictError',
  description: 'The idempotency key was used with different input.',
  interfaces: [UserErrorType],
  fields: (t) => ({
    order: t.field({
      type: OrderType,
      nullable: true,
      description: 'The order that the key was used for. null: there is none, or not yet.',
      resolve: ({ order }) => order,
    }),
  }),
})
builder.objectType(OrderNotFoundError, {
  name: 'OrderNotFoundError',
  description: 'The caller has no order with this id.',
  interfaces: [UserErrorType],
})
builder.objectType(NotRenewableError, {
  name: 'NotRenewableError',
  description: 'This LSP or this channel cannot be renewed.',
  interfaces: [UserErrorType],
})

builder.objectType(LspError, {
  name: 'LspError',
  description: 'The LSP failed or refused; see code.',
  interfaces: [UserErrorType],
  fields: (t) => ({
    code: t.field({ type: FailureCodeEnum, description: 'Why.', resolve: ({ details }) => details.code }),
    field: t.string({ nullable: true, description: FIELD_AT_FAULT, resolve: ({ details }) => details.field }),
    limit: t.field({
      type: LimitViolationType,
      nullable: true,
      description: VIOLATED_LIMIT,
      resolve: ({ details }) => details.limit,
    }),
    retryAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Earliest time to try again. null: waiting does not help, or no time is known.',
      resolve: ({ details }) => details.retryAt,
    }),
    lsp: t.field({
      type: LspType,
      description: 'The LSP that failed.',
      resolve: ({ lspId }, _, { gateway }) => gateway.lsps.find(lspId),
    }),
  }),
})

builder.objectType(NotPossibleError, {
  name: 'NotPossibleError',
  description: "The order's state or protocol does not allow this action.",
  interfaces: [UserErrorType],
  fields: (t) => ({
    state: t.field({ type: OrderStateEnum, description: 'State of the order.', resolve: ({ order }) => order.state }),
    availableActions: t.field({
      type: [OrderActionEnum],
      description: 'The mutations that can be called instead.',
      resolve: async ({ order }, _, { gateway }) => {
        const { adapter } = await gateway.lsps.find(order.lspId)
        return availableActions(order, (action) => supports(adapter, action))
      },
    }),
  }),
})

import { builder } from './builder.ts'
import { FailureCodeEnum, OrderStateEnum } from './enums.ts'
import { LspType } from './lsp.ts'
import { QuoteType } from './quote.ts'
import type { FailureDetails } from '../domain/failure.ts'
import type { OrderState } from '../domain/order.ts'
import type { Quote } from '../domain/quote.ts'
import type { EpochMs } from '../domain/time.ts'

// What a client can run into and is told as data. Thrown by resolvers; the errors plugin makes them union members.

export class PriceChangedError extends Error {
  readonly quote: Quote
  /** `reason`: what is worse than agreed; null: the price. */
  constructor(quote: Quote, reason: string | null) {
    super(
      `${reason ?? `the channel costs ${quote.orderTotalSat} sat, which is more than was agreed to`}: nothing was ordered`,
    )
    this.quote = quote
  }
}

export class QuoteExpiredError extends Error {
  readonly expiredAt: EpochMs
  constructor(expiredAt: EpochMs) {
    super('the quote has expired: ask again')
    this.expiredAt = expiredAt
  }
}

export class QuoteNotFoundError extends Error {
  constructor() {
    super('there is no such quote')
  }
}

export class IdempotencyConflictError extends Error {
  constructor() {
    super(
      'this idempotencyKey was used for another input, and keeps the answer to that: another order takes a key of its own',
    )
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
  readonly state: OrderState
  constructor(message: string, state: OrderState) {
    super(message)
    this.state = state
  }
}

export class OrderNotFoundError extends Error {
  constructor() {
    super('there is no such order')
  }
}

export const ErrorInterface = builder.interfaceRef<Error>('Error').implement({
  fields: (t) => ({ message: t.exposeString('message') }),
})

builder.objectType(PriceChangedError, {
  name: 'PriceChangedError',
  interfaces: [ErrorInterface],
  fields: (t) => ({ quote: t.field({ type: QuoteType, resolve: (error) => error.quote }) }),
})

builder.objectType(QuoteExpiredError, {
  name: 'QuoteExpiredError',
  interfaces: [ErrorInterface],
  fields: (t) => ({ expiredAt: t.expose('expiredAt', { type: 'DateTime' }) }),
})

builder.objectType(QuoteNotFoundError, { name: 'QuoteNotFoundError', interfaces: [ErrorInterface] })
builder.objectType(IdempotencyConflictError, { name: 'IdempotencyConflictError', interfaces: [ErrorInterface] })
builder.objectType(OrderNotFoundError, { name: 'OrderNotFoundError', interfaces: [ErrorInterface] })

builder.objectType(LspError, {
  name: 'LspError',
  description: 'The LSP could not or would not.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    code: t.field({ type: FailureCodeEnum, resolve: ({ details }) => details.code }),
    property: t.string({ nullable: true, resolve: ({ details }) => details.property }),
    retryAt: t.field({ type: 'DateTime', nullable: true, resolve: ({ details }) => details.retryAt }),
    lsp: t.field({ type: LspType, resolve: ({ lspId }, _, { gateway }) => gateway.lsps.find(lspId) }),
  }),
})

builder.objectType(NotPossibleError, {
  name: 'NotPossibleError',
  description: 'The order is not in a state, or not at an LSP, for which this can be done.',
  interfaces: [ErrorInterface],
  fields: (t) => ({ state: t.expose('state', { type: OrderStateEnum }) }),
})

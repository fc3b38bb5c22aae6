import type { FailureCode } from './messages/failure-codes.ts'
import type { LimitViolation } from './limits.ts'
import type { EpochMs } from './time.ts'

export type { FailureCode } from './messages/failure-codes.ts'

/** Everything about a failure that may be stored and shown. */
export interface FailureDetails {
  code: FailureCode
  /** Already cleaned of control characters, and bounded. */
  message: string
  /** Path of the request's field at fault, in the public schema's names, or the LSP's word for another field. */
  field: string | null
  /** The limit that the request violates; absent: none, or it is not known. */
  limit?: LimitViolation
  /** Not before this. */
  retryAt: EpochMs | null
}

/**
 * An LSP that could not or would not.
 *
 * `effect` says what is known of the call: `none`, the LSP certainly did nothing (it said no, or was never
 * reached); `unknown`, it may have done what was asked (its answer never came, or cannot be read). Only the
 * second kind can leave an order behind.
 */
export class LspFailure extends Error implements FailureDetails {
  override name = 'LspFailure'
  readonly code: FailureCode
  readonly field: string | null
  readonly limit?: LimitViolation
  readonly retryAt: EpochMs | null
  readonly effect: 'none' | 'unknown'
  /** The LSP's id of the order in an answer that could not be used; null if it was not readable either. */
  readonly lspOrderId: string | null
  /** The node of the LSP that the client's node has to connect to, as the refusal names it; null: it names none. */
  readonly lspNodeUri: string | null

  constructor(
    code: FailureCode,
    message: string,
    details: {
      field?: string | null
      limit?: LimitViolation | null | undefined
      retryAt?: EpochMs | null
      effect?: 'none' | 'unknown'
      lspOrderId?: string | null
      lspNodeUri?: string | null
      cause?: unknown
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.field = details.field ?? null
    if (details.limit) this.limit = details.limit
    this.retryAt = details.retryAt ?? null
    this.effect = details.effect ?? 'none'
    this.lspOrderId = details.lspOrderId ?? null
    this.lspNodeUri = details.lspNodeUri ?? null
  }

  details(): FailureDetails {
    const { code, message, field, limit, retryAt } = this
    return { code, message, field, ...(limit && { limit }), retryAt }
  }
}

/** What the LSP answered is not about the order that it was asked about. */
export class AnotherOrder extends LspFailure {
  constructor() {
    super('BAD_RESPONSE', 'the LSP answered about another order')
  }
}

/** The same refusal, where it does not prove that nothing was done. */
export function unproven({ code, message, field, limit, retryAt, cause }: LspFailure): LspFailure {
  return new LspFailure(code, message, { field, limit, retryAt, effect: 'unknown', cause })
}

import type { EpochMs } from './time.ts'

export const FAILURE_CODES = [
  'OPTION_MISMATCH',
  'UNSUPPORTED',
  'CLIENT_REJECTED',
  'INVALID_TOKEN',
  'PEER_NOT_CONNECTED',
  'PRICE_UNKNOWN',
  'RATE_LIMITED',
  'TIMEOUT',
  'UNAVAILABLE',
  'BAD_RESPONSE',
  'UNTRUSTWORTHY',
  // Beyond the contract's codes:
  'INVALID_REQUEST',
  'NOT_FOUND',
  'WRONG_STATE',
] as const
export type FailureCode = (typeof FAILURE_CODES)[number]

/** Everything about a failure that may be stored and shown. */
export interface FailureDetails {
  code: FailureCode
  /** Already cleaned of control characters, and bounded. */
  message: string
  /** The limit or field that was broken, in the public schema's name for it. */
  property: string | null
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
  readonly property: string | null
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
      property?: string | null
      retryAt?: EpochMs | null
      effect?: 'none' | 'unknown'
      lspOrderId?: string | null
      lspNodeUri?: string | null
      cause?: unknown
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.property = details.property ?? null
    this.retryAt = details.retryAt ?? null
    this.effect = details.effect ?? 'none'
    this.lspOrderId = details.lspOrderId ?? null
    this.lspNodeUri = details.lspNodeUri ?? null
  }

  details(): FailureDetails {
    return { code: this.code, message: this.message, property: this.property, retryAt: this.retryAt }
  }
}

/** What the LSP answered is not about the order that it was asked about. */
export class AnotherOrder extends LspFailure {
  constructor() {
    super('BAD_RESPONSE', 'the LSP answered about another order')
  }
}

/** The same refusal, where it does not prove that nothing was done. */
export function unproven({ code, message, property, retryAt, cause }: LspFailure): LspFailure {
  return new LspFailure(code, message, { property, retryAt, effect: 'unknown', cause })
}

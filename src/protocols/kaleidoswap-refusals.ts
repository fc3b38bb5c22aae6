import { readErrorDocument } from './error-document.ts'
import { instantAfter, isObject, lookUp } from './fields.ts'
import { propertyNamedIn, publicPropertyName } from './properties.ts'
import { readCommonRefusal } from './refusal.ts'
import { refusalOfText } from './refusal-texts.ts'
import { LspFailure, type FailureCode } from '../domain/failure.ts'
import { cleanTextOrNull } from '../domain/text.ts'
import type { EpochMs } from '../domain/time.ts'

const ERROR_CODES: Readonly<Record<string, FailureCode>> = {
  LSPS1_INVALID_PARAMS: 'INVALID_REQUEST',
  VALIDATION_ERROR: 'INVALID_REQUEST',
  LSPS1_ORDER_NOT_FOUND: 'NOT_FOUND',
  ASSET_NOT_FOUND: 'OPTION_MISMATCH',
  PAIR_NOT_FOUND: 'OPTION_MISMATCH',
  RATE_LIMIT_EXCEEDED: 'RATE_LIMITED',
  // `details.code` says 102 with it, which is an invalid token everywhere else.
  LSPS1_NODE_UNREACHABLE: 'UNAVAILABLE',
  SERVICE_UNAVAILABLE: 'UNAVAILABLE',
}

/** The LSP's own `{error_code, message, details}`, else a common shape: FastAPI's `{detail}` as a list or as a text. */
export function readRefusal(status: number, body: unknown, now: EpochMs): LspFailure | null {
  const document = isObject(body) ? body : {}
  if (typeof document.error_code === 'string')
    return withRequestId(refusalOfCode(document.error_code, document, status, now), document.request_id)
  if (isMissingEndpoint(status, body)) return new LspFailure('UNSUPPORTED', 'this LSP has no such endpoint')
  const refusal = readCommonRefusal(status, body)
  const isValidation = status >= 400 && Array.isArray(document.detail)
  return refusal ?? (isValidation ? refusalOfText('the LSP refused', status) : null)
}

/** For an unknown path, FastAPI has two texts of its own, Go and Express others, and a proxy a page. */
const NO_SUCH_PATH =
  /^(404:? )?(page )?not found\.?$|^(405:? )?method not allowed\.?$|^cannot (get|post) \/|^(no such|unknown) (page|path|endpoint|route)|^no route\b/i

function isMissingEndpoint(status: number, body: unknown): boolean {
  if (status !== 404 && status !== 405) return false
  const { message } = readErrorDocument(body)
  return message === null || NO_SUCH_PATH.test(message)
}

function refusalOfCode(code: string, error: Record<string, unknown>, status: number, now: EpochMs): LspFailure {
  const details = isObject(error.details) ? error.details : {}
  const message =
    cleanTextOrNull(error.message) ?? readErrorDocument({ ...error, error_code: null }).message ?? 'the LSP refused'
  const known = lookUp(ERROR_CODES, code)
  // INTERNAL_ERROR and new codes: the status shows whether the LSP refused or broke down.
  if (known === null) return refusalOfText(message, status)
  if (known === 'INVALID_REQUEST') return refusalOfParams(message, details.property)
  return new LspFailure(known, message, {
    field: known === 'OPTION_MISMATCH' ? 'asset.assetId' : null,
    retryAt: instantAfter(details.retry_after, now),
    // An unreachable part of the LSP does not show how far it had come.
    effect: known === 'UNAVAILABLE' ? 'unknown' : 'none',
  })
}

/** KaleidoErrorResponse: "Request correlation identifier for support and debugging". */
function withRequestId(failure: LspFailure, requestId: unknown): LspFailure {
  if (typeof requestId !== 'string' || !/^[\w.:-]{1,100}$/.test(requestId)) return failure
  const { code, message, field, limit, retryAt, effect } = failure
  return new LspFailure(code, `${message} (request id ${requestId})`, { field, limit, retryAt, effect })
}

const OUT_OF_RANGE =
  /out of range|too (small|large|low|high|big)|minimum|maximum|exceed|below|above|at least|at most|between/i

function refusalOfParams(message: string, property: unknown): LspFailure {
  if (/not pending rate decision/i.test(message)) return new LspFailure('WRONG_STATE', message)
  const isLimit = typeof property === 'string' && /(^|\.)(min|max)_\w+$/.test(property)
  return new LspFailure(isLimit || OUT_OF_RANGE.test(message) ? 'OPTION_MISMATCH' : 'INVALID_REQUEST', message, {
    field: publicPropertyName(property) ?? propertyNamedIn(message),
  })
}

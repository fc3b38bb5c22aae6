import { instantAfter, isObject, lookUp } from './fields.ts'
import { refusalOfText } from './refusal-texts.ts'
import { publicPropertyName } from './properties.ts'
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

/** Three shapes: the LSP's own `{error_code, message, details}`, and FastAPI's `{detail}` as a list or as a text. */
export function readRefusal(status: number, body: unknown, now: EpochMs): LspFailure | null {
  const { error_code: code, detail, ...error } = isObject(body) ? body : {}
  if (typeof code === 'string') return refusalOfCode(code, error, status, now)
  if (isMissingEndpoint(status, detail)) return new LspFailure('UNSUPPORTED', 'this LSP has no such endpoint')
  if (status < 400) return null
  if (Array.isArray(detail) && status < 500) return refusalOfValidation(detail)
  const text = cleanTextOrNull(detail)
  return text === null ? null : refusalOfText(text, status)
}

/** Where no endpoint stands, FastAPI answers with its own two texts, and a proxy before it with a page. */
function isMissingEndpoint(status: number, detail: unknown): boolean {
  return (
    (status === 404 || status === 405) &&
    (detail === undefined || detail === 'Not Found' || detail === 'Method Not Allowed')
  )
}

function refusalOfCode(code: string, error: Record<string, unknown>, status: number, now: EpochMs): LspFailure {
  const details = isObject(error.details) ? error.details : {}
  const message = cleanTextOrNull(error.message) ?? cleanTextOrNull(details.message) ?? 'the LSP refused'
  const known = lookUp(ERROR_CODES, code)
  // INTERNAL_ERROR and what is new: its status tells whether the LSP said no or broke down.
  if (known === null) return refusalOfText(message, status)
  if (known === 'INVALID_REQUEST') return refusalOfParams(message, details.property)
  return new LspFailure(known, message, {
    property: known === 'OPTION_MISMATCH' ? 'asset.assetId' : null,
    retryAt: instantAfter(details.retry_after, now),
    // That something of the LSP's cannot be reached says nothing of how far it had come.
    effect: known === 'UNAVAILABLE' ? 'unknown' : 'none',
  })
}

const OUT_OF_RANGE =
  /out of range|too (small|large|low|high|big)|minimum|maximum|exceed|below|above|at least|at most|between/i

function refusalOfParams(message: string, property: unknown): LspFailure {
  if (/not pending rate decision/i.test(message)) return new LspFailure('WRONG_STATE', message)
  const isLimit = typeof property === 'string' && /(^|\.)(min|max)_\w+$/.test(property)
  return new LspFailure(isLimit || OUT_OF_RANGE.test(message) ? 'OPTION_MISMATCH' : 'INVALID_REQUEST', message, {
    property: publicPropertyName(property),
  })
}

/** `loc` is the way to the field: body, its name, perhaps an index in it. */
function refusalOfValidation(detail: readonly unknown[]): LspFailure {
  const first = isObject(detail[0]) ? detail[0] : {}
  const path = Array.isArray(first.loc) ? first.loc.filter((step) => typeof step === 'string') : []
  return new LspFailure('INVALID_REQUEST', cleanTextOrNull(first.msg) ?? 'the LSP refused', {
    property: publicPropertyName(path.at(-1)),
  })
}

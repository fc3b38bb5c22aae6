import { readErrorDocument } from './error-document.ts'
import { isObject } from './fields.ts'
import { refusalOfText } from './refusal-texts.ts'
import type { LspFailure } from '../domain/failure.ts'

/**
 * Reads a refusal in any common shape, under any status. Each protocol tries its own codes first.
 * @returns null when the answer is no refusal, or has no words: then its status decides
 */
export function readCommonRefusal(status: number, body: unknown): LspFailure | null {
  if (status < 200 || (status > 299 && status < 400)) return null
  const isError = status >= 400
  if (!isError && !refusesUnderSuccess(body)) return null
  const { message, property } = readErrorDocument(body)
  if (isError && message === null && property === null) return null
  return refusalOfText(message ?? 'the LSP refused', status, property)
}

/** A document that refuses although its status says success, such as LUD-06's `{status: "ERROR", reason}`. */
function refusesUnderSuccess(body: unknown): boolean {
  if (!isObject(body) || isOrder(body)) return false
  const { error, errors, status, reason, result = null, data = null } = body
  if (result !== null) return false
  return (
    isSaid(error) ||
    (data === null && isSaid(errors)) ||
    (typeof reason === 'string' && typeof status === 'string' && /^(error|fail(ed|ure)?)$/i.test(status)) ||
    body.success === false ||
    body.ok === false
  )
}

/** An order may mention an error of its own, and remains an order. */
function isOrder(body: Record<string, unknown>): boolean {
  return isObject(body.payment) || typeof body.order_state === 'string' || typeof body.state === 'string'
}

function isSaid(error: unknown): boolean {
  if (Array.isArray(error)) return error.length > 0
  return isObject(error) ? Object.keys(error).length > 0 : Boolean(error)
}

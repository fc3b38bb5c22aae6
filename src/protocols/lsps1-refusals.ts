import { readErrorDocument } from './error-document.ts'
import { isObject, lookUp } from './fields.ts'
import { publicPropertyName } from './properties.ts'
import { readCommonRefusal } from './refusal.ts'
import { refusalOfText } from './refusal-texts.ts'
import { LspFailure, type FailureCode } from '../domain/failure.ts'
import { cleanText } from '../domain/text.ts'

// bLIP-50's and bLIP-51's error codes. Facts: protocols/README.md, sections 1, 2.5, 3 and 4.2.

const ERROR_CODES: Readonly<Record<string, FailureCode>> = {
  '1': 'CLIENT_REJECTED',
  '100': 'OPTION_MISMATCH',
  '101': 'NOT_FOUND',
  '102': 'INVALID_TOKEN',
  // Before July 2024, and cln-lsps still.
  '1000': 'OPTION_MISMATCH',
  '1001': 'CLIENT_REJECTED',
  '404': 'NOT_FOUND',
  '-32601': 'UNSUPPORTED',
}

/**
 * Three shapes are met beside the common ones: JSON-RPC's `{error: {code, message, data}}`, Olympus'
 * `{error: true, message}`, and a bare `{message}` under a 4xx.
 */
export function readLsps1Refusal(status: number, body: unknown): LspFailure | null {
  const error = isObject(body) && isObject(body.error) ? body.error : null
  return error && isCode(error.code) ? refusalOfRpc(error, error.code, status) : readCommonRefusal(status, body)
}

function refusalOfRpc(error: Record<string, unknown>, said: number | string, status: number): LspFailure {
  const document = readErrorDocument({ ...error, code: null })
  const unrecognized = unrecognizedIn(error.data)
  const message = cleanText(
    [document.message, unrecognized.length > 0 && `unrecognized parameters: ${unrecognized.join(', ')}`]
      .filter(Boolean)
      .join(': ') || 'the LSP refused',
  )
  const property = document.property ?? publicPropertyName(unrecognized[0])
  const code = codeOf(String(said))
  // LDK says "too many pending requests" under the code for a refused client.
  if (code === 'CLIENT_REJECTED' && /maximum number of pending/i.test(message))
    return new LspFailure('RATE_LIMITED', message)
  if (code === null) return refusalOfText(message, status, property)
  // An internal error does not show how far the LSP had come.
  return new LspFailure(code, message, { field: property, effect: code === 'UNAVAILABLE' ? 'unknown' : 'none' })
}

/** `data` is an object by the text, a string from LDK. bLIP-50 lists the names of unknown parameters in it. */
function unrecognizedIn(data: unknown): string[] {
  const names = isObject(data) && Array.isArray(data.unrecognized) ? data.unrecognized : []
  return names
    .filter((name) => typeof name === 'string')
    .slice(0, 10)
    .map((name) => cleanText(name, 50))
    .filter((name) => name !== '')
}

function codeOf(said: string): FailureCode | null {
  const known = lookUp(ERROR_CODES, said)
  if (known !== null) return known
  const code = Number(said)
  if (rejectsRequest(code)) return 'INVALID_REQUEST'
  return isServerError(code) ? 'UNAVAILABLE' : null
}

/**
 * JSON-RPC 2.0 and the fault codes that it descends from: -326xx rejects the request or its parameters, -327xx could not
 * be parsed; neither reaches the method. Servers also send codes that no text lists, such as -32606.
 */
function rejectsRequest(code: number): boolean {
  return (code <= -32_600 && code >= -32_699 && code !== -32_603) || (code <= -32_700 && code >= -32_768)
}

/** -32603, and -32000 to -32099, which bLIP-50 treats alike: they do not show how far the LSP had come. */
function isServerError(code: number): boolean {
  return code === -32_603 || (code <= -32_000 && code >= -32_099)
}

/** Anything else could bring its own `toString`. */
function isCode(code: unknown): code is number | string {
  return typeof code === 'number' || typeof code === 'string'
}

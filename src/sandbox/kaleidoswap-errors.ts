import { randomBytes } from 'node:crypto'
import { Refusal, RETRY_AFTER_SECONDS, type ErrorFormat } from './lsp-server.ts'
import type { Complaint } from './simulator.ts'

// Kaleidoswap's errors have three formats: its own, FastAPI's list for an invalid field, and FastAPI's bare detail.

export function refusal(
  status: number,
  error_code: string,
  message: string,
  details: Record<string, unknown> = {},
): Refusal {
  return new Refusal(status, { error_code, message, details, request_id: `req_${randomBytes(8).toString('hex')}` })
}

export function invalidParams(property: string, message: string): Refusal {
  return refusal(400, 'LSPS1_INVALID_PARAMS', message, { code: -32_602, property, message })
}

export function unprocessable({ property, message, isMissing }: Complaint): Refusal {
  const loc = ['body', ...property.split('.').filter(Boolean)]
  return new Refusal(422, {
    detail: [isMissing ? { loc, msg: 'Field required', type: 'missing' } : { loc, msg: message, type: 'value_error' }],
  })
}

export const errorFormat: ErrorFormat = {
  unknownPath: () => new Refusal(404, { detail: 'Not Found' }),
  unreadableBody: () =>
    new Refusal(422, { detail: [{ loc: ['body'], msg: 'JSON decode error', type: 'json_invalid' }] }),
  rateLimited: () => refusal(429, 'RATE_LIMIT_EXCEEDED', 'Too many requests', { retry_after: RETRY_AFTER_SECONDS }),
}

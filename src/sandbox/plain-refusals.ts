import { Refusal, RETRY_AFTER_SECONDS, type ErrorFormat } from './lsp-server.ts'
import type { Complaint } from './simulator.ts'

// The documents of ThunderStack and of both drafts define no body for errors: a status and a sentence are what REST
// servers then send.

export function refusal(status: number, message: string): Refusal {
  return new Refusal(status, { message })
}

export function badRequest({ property, message, unrecognized }: Complaint): Refusal {
  if (unrecognized.length > 0) return refusal(400, `unknown field: ${unrecognized.join(', ')}`)
  return refusal(400, property === '' ? message : `${property}: ${message}`)
}

export const plainErrors: ErrorFormat = {
  unknownPath: () => refusal(404, 'Not found'),
  unreadableBody: () => refusal(400, 'The body is not JSON'),
  rateLimited: () => new Refusal(429, { message: 'Too many requests' }, { 'retry-after': String(RETRY_AFTER_SECONDS) }),
}

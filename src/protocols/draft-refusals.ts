import { readCommonRefusal } from './refusal.ts'
import { LspFailure, type FailureCode } from '../domain/failure.ts'

// The two drafts define no error document, but statuses that mean more than the words with them.

const STATUS_CODES: Readonly<Record<number, FailureCode>> = {
  404: 'NOT_FOUND',
  409: 'WRONG_STATE',
  412: 'WRONG_STATE',
}

export function readDraftRefusal(status: number, body: unknown): LspFailure | null {
  const refusal = readCommonRefusal(status, body)
  const code = STATUS_CODES[status]
  if (refusal === null || code === undefined) return refusal
  if (refusal.code === 'PEER_NOT_CONNECTED' && code === 'WRONG_STATE') return refusal
  return new LspFailure(code, refusal.message, { field: refusal.field, limit: refusal.limit })
}

import { GraphQLError } from 'graphql'
import type { GrantEnd } from './grant.ts'

// What a client is told that may not, as typed errors: `code` is what programs go by.

export function unauthenticated(why = 'a valid key is wanted, as Authorization: Bearer KEY'): GraphQLError {
  return refusal('UNAUTHENTICATED', why, 401, {}, { 'WWW-Authenticate': 'Bearer' })
}

export function grantIsOver(end: GrantEnd): GraphQLError {
  return unauthenticated(end === 'EXPIRED' ? 'the key has expired' : 'the key was revoked')
}

/** @param msLeft until it is worth trying again */
export function rateLimited(message: string, msLeft: number): GraphQLError {
  const retryAfterSeconds = Math.max(1, Math.ceil(msLeft / 1000))
  return refusal('RATE_LIMITED', message, 429, { retryAfterSeconds }, { 'Retry-After': String(retryAfterSeconds) })
}

export function refusal(
  code: string,
  message: string,
  status: number,
  extensions: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...extensions, http: { status, headers } } })
}

import type { GraphQLError } from 'graphql'
import { apiError } from '../../errors.ts'
import type { GrantEnd } from './grant.ts'

// Errors that several policies give.

export function unauthenticated(why = 'a valid key is wanted, as Authorization: Bearer KEY'): GraphQLError {
  return apiError('UNAUTHENTICATED', why, { headers: { 'WWW-Authenticate': 'Bearer' } })
}

export function grantIsOver(end: GrantEnd): GraphQLError {
  return unauthenticated(end === 'EXPIRED' ? 'the key has expired' : 'the key was revoked')
}

/** @param msLeft until it is worth trying again */
export function rateLimited(message: string, msLeft: number): GraphQLError {
  const retryAfterSeconds = Math.max(1, Math.ceil(msLeft / 1000))
  return apiError('RATE_LIMITED', message, {
    extensions: { retryAfterSeconds },
    headers: { 'Retry-After': String(retryAfterSeconds) },
  })
}

/** Outages of a database that end by themselves, such as a failover, take seconds. */
const DATABASE_RETRY_SECONDS = 5

/** `of` happened because the database cannot be used, for the reason `why`, which names no host and no path. */
export function unavailable(of: unknown, why: string): GraphQLError {
  return apiError('UNAVAILABLE', `${why}: try again later`, {
    extensions: { retryAfterSeconds: DATABASE_RETRY_SECONDS },
    headers: { 'Retry-After': String(DATABASE_RETRY_SECONDS) },
    of,
  })
}

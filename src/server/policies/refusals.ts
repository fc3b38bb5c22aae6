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

/** Outages of a database that end by themselves, such as a failover, take seconds. */
const DATABASE_RETRY_SECONDS = 5

/** `error` happened because the database cannot be used, for the reason `why`, which names no host and no path. */
export function unavailable(error: unknown, why: string): GraphQLError {
  const { extensions, message } = refusal(
    'UNAVAILABLE',
    `${why}: try again later`,
    503,
    { retryAfterSeconds: DATABASE_RETRY_SECONDS },
    { 'Retry-After': String(DATABASE_RETRY_SECONDS) },
  )
  const { nodes, source, positions, path } = error instanceof GraphQLError ? error : {}
  return new GraphQLError(message, { nodes, source, positions, path, extensions })
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

import type { Plugin } from 'graphql-yoga'
import type { Logger } from 'pino'
import type { Clients } from '../clients.ts'
import type { ServerContext } from '../pipeline.ts'
import type { Grant } from './grant.ts'
import { refusal, unauthenticated } from './refusals.ts'
import { KeysUnavailable } from './tokens.ts'

/**
 * Finds out who asks before anything of the operation is read: a stranger learns nothing from how a document parses
 * or validates.
 */
export function authenticate(clients: Clients, logger: Logger): Plugin<object, ServerContext> {
  return {
    async onParams({ context }) {
      context.grant = await authenticated(clients, context.authorization, logger)
    },
  }
}

/** @throws GraphQLError that says why not */
export async function authenticated(clients: Clients, authorization: string | null, logger: Logger): Promise<Grant> {
  let grant: Grant | null
  try {
    grant = await clients.grantFor(authorization)
  } catch (error) {
    if (!(error instanceof KeysUnavailable)) throw error
    logger.error({ err: error.cause }, "the keys of the tokens' issuer could not be had")
    // Not the client's fault: with "unauthenticated" it would throw a good token away.
    throw refusal('UNAVAILABLE', 'tokens cannot be verified now', 503, { retryAfterSeconds: 30 }, { 'Retry-After': '30' })
  }
  if (!grant) throw unauthenticated()
  return grant
}

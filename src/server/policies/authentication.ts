import { apiError } from '../../errors.ts'
import type { Plugin } from 'graphql-yoga'
import type { Logger } from 'pino'
import type { ServerContext } from '../pipeline.ts'
import type { Access } from './access.ts'
import type { Grant } from './grant.ts'
import { unauthenticated } from './refusals.ts'
import { KeysUnavailable } from './tokens.ts'

/**
 * Finds out who asks before anything of the operation is read: a stranger learns nothing from how a document parses
 * or validates.
 */
export function authenticate(access: Pick<Access, 'clients' | 'rates'>, logger: Logger): Plugin<object, ServerContext> {
  return {
    async onParams({ context }) {
      context.grant = await authenticated(access, context, logger)
    },
  }
}

interface Asking extends Pick<ServerContext, 'authorization' | 'address'> {
  /** A greeting on a socket asks for nothing yet: a thousand wallets that come back at once are not held up by it. */
  isGreeting?: boolean
}

/** @throws GraphQLError that says why not */
export async function authenticated(
  { clients, rates }: Pick<Access, 'clients' | 'rates'>,
  { authorization, address, isGreeting = false }: Asking,
  logger: Logger,
): Promise<Grant> {
  const known = clients.grantOfKey(authorization)
  // Before a token is verified, which costs more than anything a stranger may cost.
  if (!(isGreeting && known)) await rates.ofAddress('operationsPerSecond', address, known)
  try {
    const grant = known ?? (await clients.grantOfToken(authorization))
    if (grant) return grant
  } catch (error) {
    if (!(error instanceof KeysUnavailable)) throw error
    logger.error({ err: error.cause }, "the keys of the tokens' issuer could not be had")
    // Not the client's fault: with "unauthenticated" it would throw a good token away.
    throw apiError('UNAVAILABLE', 'tokens cannot be verified now', {
      extensions: { retryAfterSeconds: 30 },
      headers: { 'Retry-After': '30' },
    })
  }
  throw unauthenticated()
}

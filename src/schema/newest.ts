import { badInput } from './bad-input.ts'
import type { Context } from './builder.ts'
import type { Quote } from '../domain/quote.ts'
import type { Gateway } from '../gateway.ts'

/**
 * Means the best quote of the caller's last comparison, or its newest order. Only a gateway in sandbox mode accepts this
 * id, so that GraphiQL's tabs can be run one after the other.
 */
export const NEWEST = 'newest'

const bestQuotes = new WeakMap<Gateway, Map<string, string>>()

export function rememberBest({ gateway, clientId, sandbox }: Context, [best]: readonly Quote[]): void {
  if (!sandbox || !best) return
  const ofClients = bestQuotes.get(gateway) ?? new Map<string, string>()
  bestQuotes.set(gateway, ofClients.set(clientId, best.id))
}

/** @throws GraphQLError if it is NEWEST, and there is none */
export function quoteIdOf(id: string, { gateway, clientId, sandbox }: Context): string {
  if (!sandbox || id !== NEWEST) return id
  const best = bestQuotes.get(gateway)?.get(clientId)
  if (best === undefined) throw badInput('input.quoteId: you have compared no prices yet. Run the tab Compare first')
  return best
}

/** @throws GraphQLError if it is NEWEST, and there is none */
export async function orderIdOf(id: string, { gateway, clientId, sandbox }: Context): Promise<string> {
  if (!sandbox || id !== NEWEST) return id
  const newest = await gateway.store.orders.newestId(clientId)
  if (newest === null) throw badInput('id: you have no order yet. Run the tab Order first')
  return newest
}

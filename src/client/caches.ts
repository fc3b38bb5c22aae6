import { KEYLESS_TYPES, POSSIBLE_TYPES } from './schema-facts.ts'

// Settings for normalized caches. A snapshot has no id, so a cache cannot overwrite the live order with it.

interface Page {
  nodes?: readonly unknown[]
  edges?: readonly unknown[]
}

/** For `new InMemoryCache(apolloCachePolicies())` of Apollo Client. */
export function apolloCachePolicies() {
  return {
    possibleTypes: Object.fromEntries(Object.entries(POSSIBLE_TYPES).map(([name, types]) => [name, [...types]])),
    typePolicies: {
      ...Object.fromEntries(KEYLESS_TYPES.map((name) => [name, { keyFields: false as const, merge: false }])),
      Order: { fields: { events: { keyArgs: false as const, merge: appended } } },
      Query: { fields: { events: { keyArgs: false as const, merge: appended } } },
    },
  }
}

/** A later page continues the earlier ones; the first page starts again. */
function appended(
  existing: Page | undefined,
  incoming: Page,
  { args }: { args: Record<string, unknown> | null },
): Page {
  const isFirst = existing === undefined || !(args?.['afterSequence'] || args?.['after'])
  if (isFirst) return incoming
  return {
    ...incoming,
    ...(incoming.nodes && { nodes: [...(existing.nodes ?? []), ...incoming.nodes] }),
    ...(incoming.edges && { edges: [...(existing.edges ?? []), ...incoming.edges] }),
  }
}

/** For `cacheExchange({ keys: graphcacheKeys() })` of urql's Graphcache. */
export function graphcacheKeys(): Record<string, () => null> {
  return Object.fromEntries(KEYLESS_TYPES.map((name) => [name, () => null]))
}

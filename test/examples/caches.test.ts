import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, describe, test } from 'vitest'
import { apolloCachePolicies, graphcacheKeys } from '../../src/client/index.ts'
import { follow, orderAt, pay } from '../support/operations.ts'
import { startTestGateway } from '../support/gateway.ts'

const MODULES = join(import.meta.dirname, '../../examples/clients/node_modules')
const isInstalled = existsSync(join(MODULES, '@apollo/client'))

const HISTORY = `query ($id: ID!, $after: Int!, $first: Int!) {
  order(id: $id) {
    __typename id sequence state
    events(afterSequence: $after, first: $first) {
      __typename
      nodes {
        __typename id sequence state
        snapshot { __typename orderId sequence state nextStep { __typename code } channel { __typename state } }
        order { __typename id sequence state }
      }
    }
  }
}`
const LIVE = 'query ($id: ID!) { order(id: $id) { __typename id sequence state } }'

interface Entry {
  sequence: number
  state: string
  snapshot: { sequence: number; state: string }
  order: { sequence: number }
}
interface History {
  order: { id: string; sequence: number; state: string; events: { nodes: Entry[] } }
}
/** What a test does with a cache, whichever it is. */
interface Cache {
  write: (variables: Record<string, unknown>, data: History) => void
  history: (variables: Record<string, unknown>) => Entry[]
  live: (id: string) => { sequence: number; state: string }
}

/** Loads a dependency of the example clients, which are installed apart. */
// oxlint-disable-next-line typescript/no-explicit-any -- their types are installed with them
const load: (name: string) => any = createRequire(join(MODULES, '../package.json'))

function apollo(): Cache {
  const { InMemoryCache, gql } = load('@apollo/client')
  const cache = new InMemoryCache(apolloCachePolicies())
  const [history, live] = [gql(HISTORY), gql(LIVE)]
  return {
    write: (variables, data) => cache.writeQuery({ query: history, variables, data }),
    history: (variables) => cache.readQuery({ query: history, variables }).order.events.nodes as Entry[],
    live: (id) => cache.readQuery({ query: live, variables: { id } }).order,
  }
}

function graphcache(): Cache {
  const { Client, fetchExchange } = load('@urql/core')
  const { cacheExchange } = load('@urql/exchange-graphcache')
  const queue: History[] = []
  const warnings: string[] = []
  const client = new Client({
    url: 'http://127.0.0.1/graphql',
    preferGetMethod: false,
    fetch: () => Promise.resolve(new Response(JSON.stringify({ data: queue.shift() }))),
    exchanges: [
      cacheExchange({ keys: graphcacheKeys(), logger: (_: string, message: string) => void warnings.push(message) }),
      fetchExchange,
    ],
  })
  return {
    write: (variables, data) => {
      queue.push(data)
      client.query(HISTORY, variables, { requestPolicy: 'network-only' }).subscribe(() => {})
    },
    history: (variables) => (client.readQuery(HISTORY, variables)?.data?.order.events.nodes as Entry[]) ?? [],
    live: (id) => {
      // Other warnings are of reads before the first write.
      expect(warnings.filter((warning) => /\bkeys?\b/i.test(warning))).toEqual([])
      return client.readQuery(LIVE, { id })?.data.order
    },
  }
}

describe.skipIf(!isInstalled)('a normalized cache over a followed order', () => {
  test.each([
    ['Apollo Client', apollo],
    ['Graphcache', graphcache],
  ])('%s: the live order never goes backwards, and the history is complete', async (_name, open) => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const { id } = await orderAt(gateway, 'olive')
    await pay(gateway, id)
    await follow(gateway, id).end()
    const read = async (variables: Record<string, unknown>) => (await gateway.ask(HISTORY, variables)) as History
    const cache = open()

    const all = { id, after: 0, first: 100 }
    const whole = await read(all)
    const last = whole.order.sequence
    expect(last).toBeGreaterThan(2)
    // Page by page, as a wallet that catches up reads them; each page has old snapshots of a COMPLETED order.
    for (let after = 0; after < last; after++) {
      const variables = { id, after, first: 1 }
      cache.write(variables, await read(variables))
      await expect.poll(() => cache.live(id)).toMatchObject({ sequence: last, state: 'COMPLETED' })
      await expect.poll(() => cache.history(variables).at(-1)?.sequence).toBe(after + 1)
      const entry = cache.history(variables).at(-1)
      expect(entry).toMatchObject({
        sequence: after + 1,
        snapshot: { sequence: after + 1, state: entry?.state },
        order: { sequence: last },
      })
    }
    cache.write(all, whole)
    await expect
      .poll(() => cache.history(all).map(({ snapshot }) => snapshot.sequence))
      .toEqual(Array.from({ length: last }, (_, index) => index + 1))
    expect(cache.live(id)).toMatchObject({ sequence: last, state: 'COMPLETED' })
  })
})

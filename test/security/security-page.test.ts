import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import { DEFAULT_LIMITS } from '../../src/config/access.ts'
import { MAX_EVENTS, MAX_HISTORY_BYTES } from '../../src/portable/document.ts'
import { MOST_UNVERIFIED } from '../../src/portable/import.ts'
import { MOST_UNBOUND } from '../../src/quotes/retention.ts'
import { MAX_EVENT_COST } from '../../src/server/policies/document-limits.ts'
import { LEAST_COST_OF_CLIENT, MOST_BYTES, MOST_BYTES_OF_CLIENT } from '../../src/server/policies/subscriptions.ts'
import { ACTIONS_PER_MINUTE, IMPORTS_PER_MINUTE } from '../../src/store/budgets.ts'
import { HOSTILE_OPERATIONS } from './hostile/graphql.ts'
import { RAW_REQUESTS, SLOW_REQUESTS } from './hostile/http.ts'
import { HOSTILE_SOCKETS } from './hostile/websocket.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(`${ROOT}docs/security.md`, 'utf8')

test('every test that docs/security.md names is there', () => {
  const lastCells = page
    .split('\n')
    .flatMap((line) => (/^\|.*\|.*\|.*\|$/.test(line) ? [line.split('|').at(-2) ?? ''] : []))
  const named = lastCells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''))
  expect(named.length).toBeGreaterThan(15)
  const paths = named.map((name) => (name.startsWith('test/') ? name : `test/security/${name}`))
  expect(paths.filter((path) => !existsSync(`${ROOT}${path}.test.ts`) && !existsSync(`${ROOT}${path}`))).toEqual([])
})

test('the figures of docs/security.md are those of the defaults, and of the corpus', () => {
  const grouped = (value: number) => (value >= 10_000 ? value.toLocaleString('en').replaceAll(',', ' ') : String(value))
  const {
    operationsPerSecond,
    ordersPerMinute,
    firmQuotesPerMinute,
    sockets,
    totalSockets,
    subscriptions,
    totalSubscriptions,
    subscriptionsPerSocket,
    maxTokens,
    maxDepth,
    maxAliases,
    maxRootFields,
  } = DEFAULT_LIMITS
  const { maxStandingOrders } =
    parseConfig(
      'lsps: [{ id: a, name: A, protocol: lsps1, url: https://lsp.example, network: regtest }]',
      {},
      'sluice.yaml',
      [{ configName: 'lsps1', protocol: 'LSPS1' }],
    ).lsps[0]?.courtesy ?? {}
  const figures = [
    `${maxStandingOrders} unpaid orders that stand`,
    `${ACTIONS_PER_MINUTE} renewals and actions/min`,
    `${grouped(operationsPerSecond)} operations/s`,
    `${grouped(ordersPerMinute)} mutations/min`,
    `${grouped(firmQuotesPerMinute)} firm comparisons/min`,
    `${grouped(sockets)} sockets a client or address`,
    `${grouped(totalSockets)} in all`,
    `${grouped(subscriptionsPerSocket)} operations a socket`,
    `${grouped(subscriptions)} subscriptions a client`,
    `${grouped(totalSubscriptions)} in all`,
    `an event costs at most ${MAX_EVENT_COST} in a subscription and ${grouped(LEAST_COST_OF_CLIENT)} in all`,
    `${MOST_BYTES_OF_CLIENT / 1e6} MB a client, ${MOST_BYTES / 1e6} MB in all`,
    `${maxTokens} tokens`,
    `depth ${maxDepth}`,
    `${maxAliases} aliases`,
    `${maxRootFields} root fields`,
    `${grouped(MOST_UNBOUND)} a client`,
    `${MAX_EVENTS} events and ${MAX_HISTORY_BYTES / 1_000} kB`,
    `${IMPORTS_PER_MINUTE} a minute`,
    `${MOST_UNVERIFIED} of which no LSP`,
    `${RAW_REQUESTS.length + SLOW_REQUESTS.length + HOSTILE_OPERATIONS.length + HOSTILE_SOCKETS.length} hostile requests`,
  ]
  expect(figures.filter((figure) => !page.includes(figure))).toEqual([])
})

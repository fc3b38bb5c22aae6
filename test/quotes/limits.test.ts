import { afterEach, beforeEach, expect, test } from 'vitest'
import { LSPS1_INFO, settings } from './support.ts'
import { failureOf } from '../support/adapter-call.ts'
import { json, QueueServer, text } from '../support/queue-server.ts'
import { LspFailure } from '../../src/domain/failure.ts'
import type { DatedLspInfo } from '../../src/domain/lsp.ts'
import { MINUTE_MS, SECOND_MS } from '../../src/domain/time.ts'
import { lsps1 } from '../../src/protocols/lsps1.ts'
import { Lsp } from '../../src/upstream/lsp.ts'

// What an LSP said of itself, and for how long that serves. The clock is set, the HTTP is real.

const START = Date.parse('2026-11-21T12:00:00Z')
let now = START
let server: QueueServer
let lsp: Lsp
let learnt: DatedLspInfo[]

function open(known: DatedLspInfo | null = null, timeoutMs = 2_000): Lsp {
  return new Lsp(settings('olympus', server.url, { timeoutMs }), lsps1, { now: () => now }, known, {
    onInfo: async (info) => void learnt.push(info),
    onExchange: () => {},
  })
}

beforeEach(async () => {
  now = START
  learnt = []
  server = await QueueServer.start()
  server.always(json(200, LSPS1_INFO))
  lsp = open()
})
afterEach(async () => {
  await lsp.close()
  await server[Symbol.asyncDispose]()
})

const maxOf = ({ limits }: DatedLspInfo) => limits?.maxLspBalanceSat
const raised = json(200, { ...LSPS1_INFO, max_initial_lsp_balance_sat: '60000000' })

test('what an LSP says of itself is asked once and serves for ten minutes, with its age', async () => {
  expect(await lsp.currentInfo()).toMatchObject({
    asOf: START,
    limits: { minLspBalanceSat: 100_000, maxLspBalanceSat: 50_000_000 },
  })
  now += 10 * MINUTE_MS - 1
  expect((await lsp.currentInfo()).asOf).toBe(START)
  expect(server.requests.map(({ path }) => path)).toEqual(['/get_info'])
  expect(learnt).toHaveLength(1)
})

test('after ten minutes it is asked anew', async () => {
  await lsp.currentInfo()
  now += 10 * MINUTE_MS
  server.next(raised)
  expect(await lsp.currentInfo()).toMatchObject({ asOf: now, limits: { maxLspBalanceSat: 60_000_000 } })
  expect(server.requests).toHaveLength(2)
  expect(learnt.map(maxOf)).toEqual([50_000_000, 60_000_000])
})

test('a hundred who ask at once share one call', async () => {
  const infos = await Promise.all(Array.from({ length: 100 }, () => lsp.currentInfo()))
  expect(new Set(infos).size).toBe(1)
  expect(server.requests).toHaveLength(1)
})

test('to be told to learn anew, it asks however fresh its knowledge is', async () => {
  await lsp.currentInfo()
  server.next(raised)
  expect(maxOf(await lsp.refreshInfo())).toBe(60_000_000)
  expect(maxOf(await lsp.currentInfo())).toBe(60_000_000)
  expect(server.requests).toHaveLength(2)
})

test('what was known before a restart serves without a question while it is fresh', async () => {
  const known = await lsp.currentInfo()
  await lsp.close()
  lsp = open(known)
  expect(await lsp.currentInfo()).toEqual(known)
  expect(server.requests).toHaveLength(1)
})

test.each([
  ['breaks down', text(503, 'down')],
  ['answers something else', json(200, { hello: 'world' })],
  ['cuts its answer short', text(200, '{"uris": [')],
])('when the LSP %s, what it said before still serves, with its age', async (_how, answer) => {
  await lsp.currentInfo()
  now += 3 * 60 * MINUTE_MS
  server.next(answer)
  expect(await lsp.currentInfo()).toMatchObject({ asOf: START, limits: { maxLspBalanceSat: 50_000_000 } })
  expect(server.requests).toHaveLength(2)
})

test('an LSP that never said anything of itself has no limits to serve with: its failure is told', async () => {
  server.next(text(503, 'down'))
  const failure = await failureOf(lsp.currentInfo())
  expect(failure).toBeInstanceOf(LspFailure)
  expect(failure.code).toBe('UNAVAILABLE')
  expect(lsp.info).toBeNull()
})

test('an LSP that asked not to be asked is not asked for its limits either', async () => {
  server.next(json(429, { error: { code: 1, message: 'Client rejected' } }, { 'retry-after': '30' }))
  expect(await failureOf(lsp.currentInfo())).toMatchObject({ code: 'RATE_LIMITED', retryAt: START + 30 * SECOND_MS })
  now += 29 * SECOND_MS
  expect(await failureOf(lsp.currentInfo())).toMatchObject({ code: 'RATE_LIMITED', retryAt: START + 30 * SECOND_MS })
  expect(server.requests).toHaveLength(1)
  now += 1 * SECOND_MS
  expect(maxOf(await lsp.currentInfo())).toBe(50_000_000)
  expect(server.requests).toHaveLength(2)
})

test('while it asked not to be asked, what it said before serves', async () => {
  await lsp.currentInfo()
  now += 20 * MINUTE_MS
  server.next(json(429, {}, { 'retry-after': '3600' }))
  expect((await lsp.currentInfo()).asOf).toBe(START)
  now += 20 * MINUTE_MS
  expect((await lsp.currentInfo()).asOf).toBe(START)
  expect(server.requests).toHaveLength(2)
})

test('without a word until when, it is left alone for a minute', async () => {
  server.next(json(429, {}))
  await failureOf(lsp.currentInfo())
  expect(lsp.rateLimitedUntil).toBe(START + MINUTE_MS)
  now += MINUTE_MS
  expect(lsp.rateLimitedUntil).toBeNull()
})

test('how an LSP answers shows in its status', async () => {
  expect(lsp.status).toEqual({
    state: 'UNKNOWN',
    lastAnsweredAt: null,
    lastError: null,
    latencyMs: null,
    retryAt: null,
  })
  await lsp.refreshInfo()
  expect(lsp.status).toMatchObject({ state: 'UP', lastAnsweredAt: START, lastError: null })
  expect(lsp.status.latencyMs).toBeGreaterThan(0)
  server.next(text(503, 'down'))
  now += MINUTE_MS
  await failureOf(lsp.refreshInfo())
  expect(lsp.status).toMatchObject({ state: 'DEGRADED', lastAnsweredAt: START, lastError: 'HTTP status 503' })
  server.next(text(503, 'down')).next(text(503, 'down'))
  await failureOf(lsp.refreshInfo())
  await failureOf(lsp.refreshInfo())
  expect(lsp.status.state).toBe('DOWN')
})

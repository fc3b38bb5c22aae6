import { beforeEach, afterEach, describe, expect, it } from 'vitest'
import { SetClock } from './support.ts'
import { settings } from '../quotes/support.ts'
import { channelRequest, failureOf } from '../support/adapter-call.ts'
import { json, QueueServer, text, type Handler } from '../support/queue-server.ts'
import type { LspProtocol } from '../../src/domain/lsp.ts'
import { MINUTE_MS, SECOND_MS } from '../../src/domain/time.ts'
import { adapterOf } from '../../src/protocols/index.ts'
import { Lsp } from '../../src/upstream/lsp.ts'

// An LSP that says "too often" of all of us is left alone by all; what it says of one client's node is that client's.

let clock: SetClock
let server: QueueServer
let lsp: Lsp

async function open(protocol: LspProtocol): Promise<void> {
  clock = new SetClock()
  server = await QueueServer.start()
  lsp = new Lsp(settings('lsp', server.url, { protocol }), adapterOf(protocol), clock, null, {
    onInfo: () => Promise.resolve(),
    onExchange: () => {},
  })
}
beforeEach(() => open('LSPS1'))
afterEach(async () => {
  await lsp.close()
  await server[Symbol.asyncDispose]()
})

function refusalOf(answer: Handler) {
  server.next(answer)
  return failureOf(lsp.adapter.createOrder(lsp.call({ secrets: [] }), channelRequest(), null))
}

const slow = (headers = {}) => json(429, { message: 'slow down' }, headers)

describe('an LSP is', () => {
  it.each([
    ['LDK’s limit for one peer', 400, { error: { code: 1, message: 'Reached maximum number of pending requests' } }],
    ['the same under 200', 200, { error: { code: 1, message: 'Reached maximum number of pending requests' } }],
    ['a text', 400, { error: true, message: 'too many orders of this node' }],
  ])('spoken to for the others when it limits one client: %s', async (_what, status, body) => {
    expect(await refusalOf(json(status, body))).toMatchObject({ code: 'RATE_LIMITED', effect: 'none' })
    expect(lsp.rateLimitedUntil).toBeNull()
    expect(lsp.notBefore).toBe(0)
  })

  it('left alone for a minute after a 429 that names no time, whatever stands under it', async () => {
    expect(await refusalOf(slow())).toMatchObject({ code: 'RATE_LIMITED' })
    expect(lsp.rateLimitedUntil).toBe(clock.at + MINUTE_MS)
  })

  it('left alone until the time that Kaleidoswap names in its own words, under whatever status', async () => {
    await lsp.close()
    await server[Symbol.asyncDispose]()
    await open('KALEIDOSWAP')
    await refusalOf(
      json(400, { error_code: 'RATE_LIMIT_EXCEEDED', message: 'too many requests', details: { retry_after: 90 } }),
    )
    expect(lsp.rateLimitedUntil).toBe(clock.at + 90 * SECOND_MS)
  })

  it.each([
    ['the header', json(503, { message: 'maintenance' }, { 'retry-after': '900' }), 'maintenance'],
    [
      'a refusal that has another meaning',
      json(503, { error: { code: 100 } }, { 'retry-after': '900' }),
      'the LSP refused',
    ],
    [
      'a web page',
      text(503, '<html>', { 'retry-after': '900' }),
      "a web page came instead of the LSP's answer (HTTP status 503)",
    ],
  ])('UNAVAILABLE until the time that a 503 names, by %s', async (_what, answer, message) => {
    const until = clock.at + 900 * SECOND_MS
    expect(await refusalOf(answer)).toMatchObject({ code: 'UNAVAILABLE', message, retryAt: until, effect: 'unknown' })
    expect(lsp.rateLimitFailure).toMatchObject({ code: 'UNAVAILABLE', retryAt: until, effect: 'none' })
    expect(lsp.notBefore).toBe(until)
    await expect(lsp.refreshInfo()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAt: until })
    expect(server.requests).toHaveLength(1)
    clock.pass(900 * SECOND_MS)
    expect(lsp.rateLimitFailure).toBeNull()
  })

  it('spoken to after a 503 that names no time', async () => {
    expect(await refusalOf(json(503, { message: 'maintenance' }))).toMatchObject({ code: 'UNAVAILABLE', retryAt: null })
    expect(lsp.rateLimitFailure).toBeNull()
  })

  it('left alone for a minute after a web page under 429, and is not UP', async () => {
    expect(await refusalOf(text(429, '<html>'))).toMatchObject({ code: 'UNAVAILABLE', effect: 'none' })
    expect(lsp.rateLimitedUntil).toBe(clock.at + MINUTE_MS)
    expect(lsp.status.state).toBe('DOWN')
  })

  it('left alone no shorter for being limited again without a time, or with an earlier one', async () => {
    await refusalOf(slow({ 'retry-after': '600' }))
    const until = clock.at + 600 * SECOND_MS
    clock.pass(10 * SECOND_MS)
    await refusalOf(slow())
    expect(lsp.rateLimitedUntil).toBe(until)
    await refusalOf(slow({ 'retry-after': '5' }))
    expect(lsp.rateLimitedUntil).toBe(until)
    clock.pass(585 * SECOND_MS)
    await refusalOf(slow())
    expect(lsp.rateLimitedUntil).toBe(clock.at + MINUTE_MS)
  })
})

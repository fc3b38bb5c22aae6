import { describe, expect, it } from 'vitest'
import { LspFailure } from '../../src/domain/failure.ts'
import { ADAPTERS } from '../../src/protocols/index.ts'
import type { Adapter, LspCall } from '../../src/protocols/adapter.ts'
import { adapterCall, channelRequest, NOW, orderRef } from '../support/adapter-call.ts'
import { json, QueueServer, text, type Handler, type RecordedRequest } from '../support/queue-server.ts'

// What every adapter promises its callers, whatever the LSP does: one suite over all of them.

type Act = (call: LspCall) => Promise<unknown>

/** Everything that an adapter can be asked for over HTTP, each with arguments that it must take. */
function operationsOf(adapter: Adapter): readonly [name: string, act: Act][] {
  const request = channelRequest({ clientAddress: '203.0.113.5:9735' })
  const order = orderRef({
    clientNodeUri: `${request.clientPubkey}@203.0.113.5:9735`,
    accessToken: 'secret',
    paid: true,
  })
  const refund = { bolt11Invoice: null, onchainAddress: 'bcrt1qx' }
  const renewal = { shortChannelId: '1x2x3', validTo: NOW + 60_000, signedMessage: 'signed' }
  const operations: Readonly<Record<string, Act | undefined>> = {
    info: (call) => adapter.info(call),
    createOrder: (call) => adapter.createOrder(call, request, null),
    readOrder: (call) => adapter.readOrder(call, order),
    estimate: adapter.estimate && (async (call) => adapter.estimate?.(call, request)),
    decideRate: adapter.decideRate && (async (call) => adapter.decideRate?.(call, order, true)),
    openChannel: adapter.openChannel && (async (call) => adapter.openChannel?.(call, order, order.clientNodeUri)),
    requestRefund: adapter.requestRefund && (async (call) => adapter.requestRefund?.(call, order, refund)),
    retryDelivery: adapter.retryDelivery && (async (call) => adapter.retryDelivery?.(call, order)),
    renew: adapter.renew && (async (call) => adapter.renew?.(call, renewal)),
    readRenewal: adapter.readRenewal && (async (call) => adapter.readRenewal?.(call, 'renewal-1')),
  }
  return Object.entries(operations).flatMap(([name, act]) => (act ? [[name, act] as const] : []))
}

interface Outcome {
  failure: LspFailure | null
  requests: readonly RecordedRequest[]
}

/** What comes of it while the LSP answers everything alike. What is thrown and is no LspFailure fails the test. */
async function outcomeOf(adapter: Adapter, act: Act, answer: Handler, timeoutMs?: number): Promise<Outcome> {
  await using server = await QueueServer.start()
  server.always(answer)
  return { failure: await failureAt(adapter, act, server.url, timeoutMs), requests: server.requests }
}

async function failureAt(adapter: Adapter, act: Act, url: string, timeoutMs = 5_000): Promise<LspFailure | null> {
  await using call = adapterCall(adapter, url, { timeoutMs })
  try {
    await act(call)
    return null
  } catch (error) {
    if (error instanceof LspFailure) return error
    throw error
  }
}

/** Some protocols answer `info` without asking anybody; nothing can go wrong there. */
function expectFailure({ failure, requests }: Outcome, expected: Partial<LspFailure>): void {
  if (requests.length > 0) expect(failure).toMatchObject(expected)
  else expect(failure).toBeNull()
}

const SENTENCE = 'sold out today'
const DIRTY = 'no\u0000pe\u001b[31m \u202Eevil<script>\n'
/** Refusals of each protocol, none of which the others need to know. */
const REFUSALS = [
  { error: { code: 100, message: 'Option mismatch', data: { property: 'max_channel_expiry_blocks' } } },
  { error: { code: 7, message: 'database connection lost after commit' } },
  { error: true, message: 'your node is not connected as a peer' },
  { message: 'connection closed' },
  { error_code: 'SERVICE_UNAVAILABLE', message: 'timed out while storing the order' },
  { error_code: 'LSPS1_INVALID_PARAMS', message: 'no', details: { property: 'token' } },
  { detail: [{ loc: ['body', 'token'], msg: 'no' }] },
  { success: false, message: 'no', fail_reason: 'PEERING_FAILED' },
]
const UNFIT = /[\p{Cc}\p{Cf}<]/u

describe.each(ADAPTERS.map((adapter) => [adapter.protocol, adapter] as const))('%s', (_protocol, adapter) => {
  describe.each(operationsOf(adapter))('%s', (_operation, act) => {
    it('takes a web page for an LSP that is not reached, after which anything may have happened', async () => {
      expectFailure(await outcomeOf(adapter, act, text(200, '<html>It works!</html>')), {
        code: 'UNAVAILABLE',
        effect: 'unknown',
      })
    })

    it.each([
      ['what is not JSON', text(200, 'It works!')],
      ['half a document', text(200, '{"order_id": "a')],
      ['an empty body', text(200, '')],
      ['a document nested without end', text(200, '['.repeat(50_000) + ']'.repeat(50_000))],
    ])('refuses %s as a BAD_RESPONSE, after which anything may have happened', async (_what, answer) => {
      expectFailure(await outcomeOf(adapter, act, answer), { code: 'BAD_RESPONSE', effect: 'unknown' })
    })

    it.each([
      'null',
      '[]',
      '{}',
      '7',
      '""',
      '{"payment":null,"channel":[],"order_id":{},"id":null,"error":null,"detail":[null]}',
    ])('answers or fails, and throws nothing else, on %s', async (document) => {
      const { failure, requests } = await outcomeOf(adapter, act, text(200, document))
      if (requests.length > 0 && failure) expect(failure).toMatchObject({ code: 'BAD_RESPONSE', effect: 'unknown' })
    })

    it.each<[string, Handler]>([
      ['a text', text(400, SENTENCE)],
      ['detail', json(400, { detail: SENTENCE })],
      ['a list in detail', json(422, { detail: [{ loc: ['body', 'lsp_balance_sat'], msg: SENTENCE, type: 'x' }] })],
      ['error', json(400, { error: SENTENCE })],
      ['an object in error', json(400, { error: { message: SENTENCE } })],
      ['errors', json(400, { errors: [{ message: SENTENCE }] })],
      ['errors by field', json(400, { errors: { lsp_balance_sat: [SENTENCE] } })],
      ['reason', json(400, { status: 'ERROR', reason: SENTENCE })],
      ['reason under 200', json(200, { status: 'ERROR', reason: SENTENCE })],
      ['title', json(400, { title: SENTENCE })],
      ['msg', json(400, { msg: SENTENCE })],
    ])('passes the LSP’s sentence on: %s', async (_shape, answer) => {
      expectFailure(await outcomeOf(adapter, act, answer), {
        message: expect.stringContaining(SENTENCE) as string,
      })
    })

    it('takes a server error for an unknown effect', async () => {
      expectFailure(await outcomeOf(adapter, act, text(500, 'oops')), { code: 'UNAVAILABLE', effect: 'unknown' })
    })

    it.each([408, 499, 502, 503, 504])(
      'takes no refusal under %i for a proof that nothing was done',
      async (status) => {
        for (const refusal of REFUSALS) {
          const { requests, failure } = await outcomeOf(adapter, act, json(status, refusal))
          if (requests.length > 0) expect(failure).toMatchObject({ effect: 'unknown' })
        }
      },
    )

    it('takes an LSP that is not there for no effect', async () => {
      const gone = await QueueServer.start()
      const { url } = gone
      await gone[Symbol.asyncDispose]()
      const failure = await failureAt(adapter, act, url)
      if (failure) expect(failure).toMatchObject({ code: 'UNAVAILABLE', effect: 'none' })
      else expect((await outcomeOf(adapter, act, text(200, ''))).requests).toEqual([])
    })

    it('takes an LSP that is silent past the deadline for an unknown effect', async () => {
      const silent: Handler = () => {}
      expectFailure(await outcomeOf(adapter, act, silent, 100), { code: 'TIMEOUT', effect: 'unknown' })
    })

    it('takes an answer that drips past the deadline for an unknown effect', async () => {
      const dripping: Handler = (_request, response) =>
        void response.writeHead(200, { 'content-length': 1_000 }).write('{')
      expectFailure(await outcomeOf(adapter, act, dripping, 100), { code: 'TIMEOUT', effect: 'unknown' })
    })

    it('reads no more than a megabyte', async () => {
      const answer = json(200, { padding: 'x'.repeat(2_000_000) })
      expectFailure(await outcomeOf(adapter, act, answer), {
        code: 'BAD_RESPONSE',
        effect: 'unknown',
        message: expect.stringContaining('more than') as string,
      })
    })

    it('follows nobody to another host', async () => {
      await using elsewhere = await QueueServer.start()
      const outcome = await outcomeOf(adapter, act, text(301, '', { location: `${elsewhere.url}/get_info` }))
      expectFailure(outcome, { code: 'BAD_RESPONSE', effect: 'unknown' })
      expect(elsewhere.requests).toEqual([])
    })

    it('comes back when the LSP says so', async () => {
      expectFailure(await outcomeOf(adapter, act, text(429, 'slow down', { 'retry-after': '120' })), {
        code: 'RATE_LIMITED',
        effect: 'none',
        retryAt: NOW + 120_000,
      })
      expectFailure(
        await outcomeOf(
          adapter,
          act,
          json(429, { message: 'slow down' }, { 'retry-after': new Date(NOW + 60_000).toUTCString() }),
        ),
        { code: 'RATE_LIMITED', retryAt: NOW + 60_000 },
      )
      expectFailure(await outcomeOf(adapter, act, text(429, '', { 'retry-after': 'soon' })), {
        code: 'RATE_LIMITED',
        retryAt: null,
      })
    })

    it.each([
      ['alone', { message: DIRTY, error: DIRTY, detail: DIRTY }],
      ['with a code', { error: { code: 100, message: DIRTY, data: { property: DIRTY, message: DIRTY } } }],
      ['with a code and details', { error_code: 'LSPS1_INVALID_PARAMS', message: DIRTY, details: { property: DIRTY } }],
      ['in a list', { detail: [{ loc: ['body', DIRTY], msg: DIRTY }] }],
    ])('shows no control character of an error text %s', async (_shape, body) => {
      const { failure } = await outcomeOf(adapter, act, json(400, body))
      expect(failure?.message ?? '').not.toMatch(UNFIT)
      expect(failure?.field ?? '').not.toMatch(UNFIT)
    })
  })
})

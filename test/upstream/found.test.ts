import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import { SetClock } from './support.ts'
import { channelRequest, failureOf, NOW, orderRef } from '../support/adapter-call.ts'
import { LSPS1_INFO, lsps1Order, settings } from '../quotes/support.ts'
import { openGateway } from '../../src/gateway.ts'
import type { Adapter, LspCall } from '../../src/protocols/adapter.ts'
import { channelRequest002 } from '../../src/protocols/channel-request-0.0.2.ts'
import { kaleidoswap } from '../../src/protocols/kaleidoswap.ts'
import { lsps1 } from '../../src/protocols/lsps1.ts'
import { openStore } from '../../src/store/store.ts'
import { readAnswer } from '../../src/upstream/answer.ts'
import { fixture } from '../support/fixtures.ts'
import { json, QueueServer } from '../support/queue-server.ts'

// What the fuzzer found, each with the answer that showed it.

const call = (adapter: Adapter, status: number, document: unknown): LspCall => ({
  http: {
    exchange: async (exchange) =>
      readAnswer(
        exchange,
        { status, headers: {}, text: JSON.stringify(document) },
        adapter.readRefusal.bind(adapter),
        NOW,
        [],
      ),
  },
  url: 'https://lsp.example',
  network: 'REGTEST',
  now: () => NOW,
  tariffFeeRateSatPerVbyte: null,
})

test('an error code that is an object with a toString of its own is no code', async () => {
  const refusal = { error: { code: { toString: 100 }, message: 'Option mismatch' } }
  expect(await failureOf(lsps1.readOrder(call(lsps1, 404, refusal), orderRef()))).toMatchObject({
    code: 'OPTION_MISMATCH',
    message: 'Option mismatch',
  })
})

test('an object in place of a text, whose length is a trap, is refused as what it is', async () => {
  const act = (answer: unknown) =>
    channelRequest002.requestRefund?.(call(channelRequest002, 201, answer), orderRef(), {
      bolt11Invoice: null,
      onchainAddress: 'x',
    }) ?? Promise.resolve()
  for (const trap of [{ toString: 'x' }, { valueOf: 1, toString: null }, { ['__proto__']: null, toString: [] }]) {
    expect(await failureOf(act({ success: true, fail_reason: { length: trap } }))).toMatchObject({
      code: 'BAD_RESPONSE',
      effect: 'unknown',
      message: expect.stringContaining('fail_reason') as string,
    })
  }
})

test.each([lsps1, channelRequest002])(
  'a website that is none, or has no end, is not passed on: $configName',
  async (adapter) => {
    const info = (website: unknown) =>
      adapter.info(call(adapter, 200, { options: { max_initial_lsp_balance_sat: '1' }, features: [], website }))
    expect((await info('https://lsp.example/?a=b#c')).website).toBe('https://lsp.example/?a=b#c')
    for (const website of [
      'javascript:alert(1)',
      'lsp.example',
      'https://a b',
      'https://\u202elsp',
      'https://',
      `https://lsp.example/${'x'.repeat(38_000)}`,
      7,
      {},
    ])
      expect((await info(website)).website).toBeNull()
  },
)

test('a message is not cut in the middle of a character', async () => {
  const refusal = { fail_reason: `${'x'.repeat(40)}${'\u{1f4a9}'.repeat(200)}` }
  for (const more of ['', 'x']) {
    const failure = await failureOf(
      channelRequest002.openChannel?.(
        call(channelRequest002, 400, { fail_reason: more + refusal.fail_reason }),
        orderRef(),
        'x',
      ) ?? Promise.resolve(),
    )
    expect(failure.message).not.toMatch(/[\uD800-\uDFFF]/u)
  }
})

test('why a document does not fit is said without markup, also of a part of it', async () => {
  const order = lsps1Order(NOW)
  const nested = { ...order, payment: { bolt11: { ...order.payment.bolt11, state: 'x'.repeat(1_001) } } }
  const failure = await failureOf(lsps1.createOrder(call(lsps1, 200, nested), channelRequest(), null))
  expect(failure).toMatchObject({
    code: 'BAD_RESPONSE',
    effect: 'unknown',
    message:
      'the answer is not what its protocol says: payment.bolt11.state: Too big: expected string to have at most 1000 characters',
  })
})

test('an id that is markup is none in the message of an event', async () => {
  const clock = new SetClock()
  await using server = await QueueServer.start()
  const order = lsps1Order(clock.at)
  const channel = { funded_at: null, funding_outpoint: '<svg/onload=alert(1)>', expires_at: null }
  server.always((request, response) =>
    json(
      200,
      request.path === '/get_info' ? LSPS1_INFO : request.path === '/get_order' ? { ...order, channel } : order,
    )(request, response),
  )
  await using store = await openStore(':memory:', clock)
  await using gateway = await openGateway({
    lsps: [settings('lsp', server.url)],
    pace: { activeMs: 25, idleMs: 1_000 },
    store,
    clock,
    logger: pino({ level: 'silent' }),
  })
  const quoted = await gateway.quoting.ask(await gateway.lsps.find('lsp'), {
    clientId: 'ann',
    request: channelRequest(),
    firm: 'WHEN_NEEDED',
    deadlineMs: 2_000,
  })
  const ordered = await gateway.ordering.createOrder('ann', {
    quoteId: quoted.kind === 'quote' ? quoted.quote.id : '',
    idempotencyKey: 'k',
    maxOrderTotalSat: null,
    paymentMethods: null,
    reference: null,
    email: null,
  })
  const { id } = (ordered as { order: { id: string } }).order
  clock.pass(1_000)
  const second = await vi.waitFor(async () => {
    const [event] = await store.orders.events(id, 1, 1)
    if (!event) throw new Error('not yet')
    return event
  })
  expect(second.message).toContain('channel: opening')
  expect(second.order.channel).toMatchObject({ fundingOutpoint: null })
  expect(second.message).not.toContain('<')
})

test('an access token that could neither be kept nor sent does not lose the order', async () => {
  const order = fixture('kaleidoswap-0.2.0/create_order.response.json')
  const tokenOf = async (token: unknown) =>
    (await kaleidoswap.createOrder(call(kaleidoswap, 200, { ...order, access_token: token }), channelRequest(), null))
      .accessToken
  expect(await tokenOf('ord_live_1')).toBe('ord_live_1')
  for (const token of ['a\u0000b', 'a\ud800', 'a b', '', 7, 'x'.repeat(1_025)]) expect(await tokenOf(token)).toBeNull()
})

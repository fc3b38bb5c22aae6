import { inspect } from 'node:util'
import { describe, expect, it, test } from 'vitest'
import { z } from 'zod'
import { ASK, connect, SetClock, startRawServer } from './support.ts'
import { LSPS1_INFO, settings } from '../quotes/support.ts'
import { channelRequest, failureOf, orderRef } from '../support/adapter-call.ts'
import { fixture } from '../support/fixtures.ts'
import { json, QueueServer } from '../support/queue-server.ts'
import { ADAPTERS } from '../../src/protocols/index.ts'
import { kaleidoswap } from '../../src/protocols/kaleidoswap.ts'
import { Lsp } from '../../src/upstream/lsp.ts'
import { redactor } from '../../src/upstream/secrets.ts'

// What we tell an LSP so that it knows us stays between it and us, even where it repeats it.

const AUTH = 'k3y/of+ours==4711'
const TOKEN = 'ord_live_8d1e?x&y'
const SPELLINGS = [AUTH, `Bearer ${AUTH}`, encodeURIComponent(AUTH), `{"authorization":"Bearer ${AUTH}"}`]

describe('a redactor', () => {
  it('takes out a secret as often as it is there, as it is and percent-encoded', () => {
    const redact = redactor([AUTH, null, TOKEN])
    expect(redact(`a ${AUTH}${AUTH} b ${encodeURIComponent(TOKEN)}`)).toBe('a [secret][secret] b [secret]')
    expect(redact('nothing of it')).toBe('nothing of it')
  })

  it('leaves nothing of a secret that holds another', () => {
    expect(redactor(['12345678', '12345678-and-more'])('x 12345678-and-more y')).toBe('x [secret] y')
  })

  it('takes a short one out of a sentence where it stands as a word', () => {
    const redact = redactor(['SAVE20', 'a+b/'])
    expect(redact('the coupon SAVE20 (SAVE20, "SAVE20") is used up')).toBe(
      'the coupon [secret] ([secret], "[secret]") is used up',
    )
    expect(redact('not a%2Bb%2F nor a+b/!')).toBe('not [secret] nor [secret]!')
    expect(redact('no SAVE200 and no XSAVE20')).toBe('no SAVE200 and no XSAVE20')
  })

  it.each([
    ['PAID', 'PAID'],
    ['2026', '2026-11-21T12:00:00Z'],
    ['1000', '1000'],
    ['4e1b', '550e8400-e29b-4e1b-a716-446655440000'],
  ])('leaves the short %s where no sentence is, in which it may mean itself: %s', (coupon, text) => {
    expect(redactor([coupon])(text)).toBe(text)
  })

  it('takes what is shorter still for an honest word', () => {
    expect(redactor(['', 'not', 'a'])('not a word')).toBe('not a word')
  })

  it('stands a secret that is no text which can be sent', () => {
    expect(redactor(['half \ud83d of it'])('half \ud83d of it')).toBe('[secret]')
  })
})

/** Every text in the answer is the secret, under whichever names adapters look for one. */
const echo = (said: string) => ({
  error: { code: 100, message: said, data: { property: said, message: said } },
  message: said,
  detail: said,
  error_code: 'VALIDATION_ERROR',
  details: { property: said, message: said },
  fail_reason: said,
})

describe.each(ADAPTERS.map((adapter) => [adapter.configName, adapter] as const))('%s', (_name, adapter) => {
  it.each([400, 401, 404, 412, 422, 429, 500, 503])(
    'an LSP that repeats our key under %i gets it into no failure, no record and no status',
    async (status) => {
      for (const spelling of SPELLINGS) {
        await using server = await QueueServer.start()
        server.always(json(status, echo(spelling)))
        const records: unknown[] = []
        const lsp = new Lsp(settings('lsp', server.url, { auth: AUTH }), adapter, new SetClock(), null, {
          onInfo: () => Promise.resolve(),
          onExchange: (record) => void records.push(record),
        })
        const failure = await failureOf(
          lsp.adapter.readOrder(lsp.call({ secrets: [TOKEN] }), orderRef({ accessToken: TOKEN })),
        )
        expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${AUTH}`)
        expectNoSecret({ failure, records, status: lsp.status })
        await lsp.close()
      }
    },
  )
})

test.each(
  ADAPTERS.filter((adapter) => adapter.unsupportedParameter(channelRequest({ token: TOKEN })) === null).map(
    (adapter) => [adapter.configName, adapter] as const,
  ),
)(
  '%s: an LSP that repeats the token of one client gets it into no failure and no status that others see',
  async (_name, adapter) => {
    await using server = await QueueServer.start()
    server.always(json(503, echo(TOKEN)))
    const lsp = new Lsp(settings('lsp', server.url), adapter, new SetClock(), null, {
      onInfo: () => Promise.resolve(),
      onExchange: () => {},
    })
    const request = channelRequest({ token: TOKEN })
    const failures = [await failureOf(adapter.createOrder(lsp.call({ secrets: [TOKEN] }), request, null))]
    if (adapter.estimate) failures.push(await failureOf(adapter.estimate(lsp.call({ secrets: [TOKEN] }), request)))
    expect(JSON.stringify(server.requests.at(-1)?.body)).toContain(TOKEN)
    expectNoSecret({ failures, status: lsp.status })
    await lsp.close()
  },
)

test('a key that comes back in a document that fits is not in what is read of it', async () => {
  await using server = await QueueServer.start()
  server.always((request, response) =>
    json(200, { said: [`you are ${request.headers.authorization}`], deep: { slash: 'x' } })(request, response),
  )
  await using asking = connect({ url: server.url, auth: AUTH })
  const answer = await asking.ask({ ...ASK, answer: z.looseObject({ said: z.array(z.string()) }) })
  expect(answer.said).toEqual(['you are Bearer [secret]'])
})

test('a key is found however JSON spells it', async () => {
  const spelt = AUTH.replace(/./g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const body = `{"said":"${spelt}","also":"${AUTH.replaceAll('/', '\\/')}"}`
  await using server = await startRawServer(
    (socket) => void socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
  )
  await using asking = connect({ url: `http://127.0.0.1:${server.port}`, auth: AUTH })
  expect(await asking.ask({ ...ASK, answer: z.unknown() })).toEqual({ said: '[secret]', also: '[secret]' })
})

test('an order’s access token that Kaleidoswap repeats is in nothing that is read or thrown', async () => {
  await using server = await QueueServer.start()
  const lsp = new Lsp(settings('lsp', server.url, { auth: AUTH }), kaleidoswap, new SetClock(), null, {
    onInfo: () => Promise.resolve(),
    onExchange: () => {},
  })
  const ref = orderRef({ accessToken: TOKEN })
  server.next(
    json(200, {
      ...fixture('kaleidoswap-0.2.0/create_order.response.json'),
      order_state: 'FAILED',
      failure_reason: `bad ${TOKEN}`,
      access_token: TOKEN,
    }),
  )
  const reading = await kaleidoswap.readOrder(lsp.call({ secrets: [TOKEN] }), ref)
  expect(reading.failureReason).toBe('bad [secret]')
  server.next(json(200, { decision_accepted: true, message: TOKEN }))
  const decision = await kaleidoswap.decideRate?.(lsp.call({ secrets: [TOKEN] }), ref, true)
  server.next(
    json(400, { error_code: 'LSPS1_INVALID_PARAMS', message: `no order for ${TOKEN}`, details: { property: TOKEN } }),
  )
  const failure = await failureOf(
    kaleidoswap.decideRate?.(lsp.call({ secrets: [TOKEN] }), ref, true) ?? Promise.resolve(),
  )
  expect(server.requests.map(({ body }) => (body as { access_token: string }).access_token)).toEqual([
    TOKEN,
    TOKEN,
    TOKEN,
  ])
  expectNoSecret({ reading, decision, failure, status: lsp.status })
  await lsp.close()
})

test('the token that an order is given with is kept: later calls need it', async () => {
  await using server = await QueueServer.start()
  server.always(json(200, { ...fixture('kaleidoswap-0.2.0/create_order.response.json'), access_token: TOKEN }))
  const lsp = new Lsp(settings('lsp', server.url, { auth: AUTH }), kaleidoswap, new SetClock(), null, {
    onInfo: () => Promise.resolve(),
    onExchange: () => {},
  })
  expect((await kaleidoswap.createOrder(lsp.call({ secrets: [] }), channelRequest(), null)).accessToken).toBe(TOKEN)
  await lsp.close()
})

test('what is thrown when the transport fails holds no key, as deep as a log may look', async () => {
  for (const answer of [
    '',
    'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{',
    `SSH ${AUTH}\r\n`,
    `HTTP/1.1 302 Found\r\nlocation: https://evil.example/?${AUTH}\r\n\r\n`,
    `HTTP/1.1 200 OK\r\nx-echo: ${AUTH}\r\ncontent-length: 3\r\n\r\n${AUTH.slice(0, 3)}`,
  ]) {
    await using server = await startRawServer((socket) => void socket.end(answer))
    await using asking = connect({ url: `http://127.0.0.1:${server.port}`, auth: AUTH })
    const failure = await asking.failure(undefined, 1_000)
    expect(failure.effect).toBe('unknown')
    expectNoSecret({ failure, records: asking.records })
  }
  await using nobody = connect({ url: 'http://127.0.0.1:1', auth: AUTH })
  expectNoSecret(await nobody.failure())
})

test('a healthy LSP is read as before', async () => {
  await using server = await QueueServer.start()
  server.always(json(200, LSPS1_INFO))
  const lsp = new Lsp(
    settings('lsp', server.url, { auth: AUTH }),
    ADAPTERS.find(({ protocol }) => protocol === 'LSPS1') ?? kaleidoswap,
    new SetClock(),
    null,
    { onInfo: () => Promise.resolve(), onExchange: () => {} },
  )
  expect((await lsp.currentInfo()).nodeUris).toEqual(LSPS1_INFO.uris)
  await lsp.close()
})

/** As a log with every property would show it, causes and all. */
function expectNoSecret(shown: unknown): void {
  const text = `${inspect(shown, { depth: 12, showHidden: true, maxStringLength: null })} ${JSON.stringify(shown)}`
  for (const secret of [AUTH, TOKEN, encodeURIComponent(AUTH), encodeURIComponent(TOKEN)])
    expect(text.includes(secret), `it holds ${secret}`).toBe(false)
}

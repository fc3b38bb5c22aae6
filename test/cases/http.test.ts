import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { caseInput, CREATE_PATHS, handlerOf, startFronted, type CaseAnswer, type Fronted } from './fronts.ts'
import { compare, failureOf, LSPS1_INFO, lsps1Order, quoteOf, startScriptedLsp, settings } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createOrder, ORDER } from '../support/operations.ts'
import { json, QueueServer, text, type Handler } from '../support/queue-server.ts'

// Cases C15, C17 and C18 over the wire, with more members of each class.

const IDS = Object.keys(CREATE_PATHS)
const SENTENCE = 'sold out today'

describe('C15: an LSP that compresses its answers', () => {
  const { answer } = caseInput('C15') as { answer: CaseAnswer }
  const codings: Readonly<Record<string, (body: string) => Buffer>> = {
    gzip: gzipSync,
    deflate: deflateSync,
    'deflate without a header': deflateRawSync,
    br: brotliCompressSync,
  }

  it.each(Object.entries(codings))('is quoted and ordered from: %s', async (coding, compress) => {
    const send =
      (document: unknown): Handler =>
      (_request, response) =>
        void response
          .writeHead(answer.status, {
            ...answer.headers,
            'content-encoding': coding.split(' ')[0],
          })
          .end(compress(JSON.stringify(document)))
    await using lsp = await QueueServer.start()
    lsp.always((request, response) =>
      send(request.path === '/get_info' ? LSPS1_INFO : lsps1Order(Date.now()))(request, response),
    )
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('lsp', lsp.url)] },
    })
    const quote = await quoteOf(gateway, 'lsp', { firm: 'ALWAYS' })
    expect(await createOrder(gateway, { quoteId: quote.id })).toMatchObject({ state: 'AWAITING_PAYMENT' })
    expect(lsp.requests[0]?.headers['accept-encoding']).toBe('gzip, deflate, br')
  })
})

describe('C17: the sentence of a refusal reaches the client', () => {
  const shapes = caseInput('C17') as Record<string, { answer: CaseAnswer }>
  const more: Readonly<Record<string, [status: number, body: unknown]>> = {
    'a text without a type': [400, SENTENCE],
    'a JSON text': [400, JSON.stringify(SENTENCE)],
    'problem+json': [400, { type: 'about:blank', title: 'Bad Request', status: 400, detail: SENTENCE }],
    'a title alone': [400, { title: SENTENCE }],
    'error as a text': [400, { error: SENTENCE }],
    'error as an object': [400, { error: { message: SENTENCE } }],
    'error with a detail': [400, { error: { detail: SENTENCE } }],
    'error with a list': [400, { error: { errors: [{ msg: SENTENCE }] } }],
    'errors as texts': [400, { errors: [SENTENCE] }],
    'errors with details': [400, { errors: [{ detail: SENTENCE }] }],
    'errors by field': [400, { message: 'Invalid.', errors: { lsp_balance_sat: [SENTENCE] } }],
    'a list of messages': [400, { statusCode: 400, message: [SENTENCE], error: 'Bad Request' }],
    msg: [400, { msg: SENTENCE }],
    error_description: [400, { error: 'invalid_request', error_description: SENTENCE }],
    'LNURL’s reason under 200': [200, { status: 'ERROR', reason: SENTENCE }],
    'errors under 200': [200, { errors: [{ message: SENTENCE }] }],
    'a text under 500': [500, SENTENCE],
  }
  let fronted: Fronted
  let size = 1_000_000
  beforeAll(async () => {
    fronted = await startFronted()
  })
  afterAll(() => fronted[Symbol.asyncDispose]())

  async function quoteFailures(handler: Handler) {
    for (const id of IDS) fronted.front(id).next(handler, CREATE_PATHS[id])
    size += 1_000
    const { failures } = await compare(fronted.gateway, { firm: 'ALWAYS', request: { lspBalanceSat: size } })
    return failures
  }

  it.each([
    ...Object.entries(shapes).map(([name, { answer }]) => [name, handlerOf(answer)] as const),
    ...Object.entries(more).map(
      ([name, [status, body]]) => [name, typeof body === 'string' ? text(status, body) : json(status, body)] as const,
    ),
  ])('through quotes of every protocol: %s', async (_name, handler) => {
    const failures = await quoteFailures(handler)
    expect(failures.map(({ lsp }) => lsp.id).toSorted()).toEqual(IDS.toSorted())
    for (const { message } of failures) expect(message).toContain(SENTENCE)
  })

  it('names the field of a list, in the public schema’s word', async () => {
    const failures = await quoteFailures(handlerOf((shapes['details'] as { answer: CaseAnswer }).answer))
    expect(new Set(failures.map(({ field }) => field))).toEqual(new Set(['lspBalanceSat']))
  })

  it.each([
    ['your node is not connected to ours', 'PEER_NOT_CONNECTED'],
    ['the coupon is used up', 'INVALID_TOKEN'],
    ['lsp_balance_sat is too small', 'OPTION_MISMATCH'],
    ['too many orders', 'RATE_LIMITED'],
    ['unavailable in your country', 'CLIENT_REJECTED'],
  ])('and its words decide the code: %s', async (sentence, code) => {
    for (const handler of [text(400, sentence), json(400, { detail: sentence }), json(400, { reason: sentence })])
      for (const failure of await quoteFailures(handler)) expect(failure).toMatchObject({ code, message: sentence })
  })

  it('is cleaned and bounded, and a page is none', async () => {
    const [dirty] = await quoteFailures(text(400, `sold\u0000 out\u202E\n${'x'.repeat(5_000)}`))
    expect(dirty?.message).toMatch(/^sold out x+…$/)
    expect(dirty?.message).toHaveLength(500)
    for (const { message } of await quoteFailures(text(400, `<p>${SENTENCE}</p>`, { 'content-type': 'text/html' })))
      expect(message).toBe('HTTP status 400')
  })

  it.each(IDS)('through createOrder: %s', async (id) => {
    for (const { answer } of Object.values(shapes)) {
      size += 1_000
      const request = { lspBalanceSat: size }
      await quoteOf(fronted.gateway, id, { request, firm: 'ALWAYS' })
      // Not FIRM, so that ordering it sends an order.
      const quote = await quoteOf(fronted.gateway, id, {
        request: { ...request, clientAddress: '127.0.0.1:9' },
        firm: 'NEVER',
      })
      const before = fronted.orders(id).length
      fronted.front(id).next(handlerOf(answer), CREATE_PATHS[id])
      expect(await createOrder(fronted.gateway, { quoteId: quote.id })).toMatchObject({
        __typename: 'LspError',
        lsp: { id },
        message: expect.stringContaining(SENTENCE) as string,
      })
      expect(fronted.orders(id)).toHaveLength(before + 1)
    }
  })
})

describe('C18: an LSP that asks for no requests under 503', () => {
  const { answer } = caseInput('C18') as { answer: CaseAnswer }

  it.each(IDS)('is sent nothing before its time, for quotes and orders alike: %s', async (id) => {
    await using fronted = await startFronted([id])
    const { gateway } = fronted
    await quoteOf(gateway, id, { firm: 'ALWAYS' })
    const unbound = await quoteOf(gateway, id, { firm: 'NEVER', request: { clientAddress: '127.0.0.1:9' } })
    const request = { lspBalanceSat: 2_000_000 }
    fronted.front(id).next(handlerOf(answer), CREATE_PATHS[id])
    const before = Date.now()
    const failure = await failureOf(gateway, id, { firm: 'ALWAYS', request })
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', message: 'maintenance' })
    const retryAt = Date.parse(failure.retryAt ?? '')
    expect(retryAt).toBeGreaterThanOrEqual(before + 900_000)
    expect(retryAt).toBeLessThanOrEqual(Date.now() + 900_000)

    const { length } = fronted.front(id).requests
    for (let times = 0; times < 4; times += 1)
      expect(
        await failureOf(gateway, id, { firm: 'ALWAYS', request: { lspBalanceSat: 3_000_000 + times } }),
      ).toMatchObject({ code: 'UNAVAILABLE', retryAt: failure.retryAt })
    const order = await createOrder(gateway, { quoteId: unbound.id })
    expect(order).toMatchObject({ __typename: 'LspError', code: 'UNAVAILABLE', retryAt: failure.retryAt })
    expect(fronted.front(id).requests).toHaveLength(length)
    const { lsp } = await gateway.ask('query ($id: ID!) { lsp(id: $id) { status { retryAt } } }', { id })
    expect(lsp.status.retryAt).toBe(failure.retryAt)
  })

  it.each([
    ['a date', new Date(Math.ceil(Date.now() / 1000) * 1000 + 600_000).toUTCString(), 600_000],
    ['more than a day', '99999999', 86_400_000],
  ])('waits until %s', async (_what, header, waitMs) => {
    await using fronted = await startFronted(['olive'])
    fronted.front('olive').next(text(503, '', { 'retry-after': header }), '/create_order')
    const { retryAt } = await failureOf(fronted.gateway, 'olive', { firm: 'ALWAYS' })
    expect(Math.abs(Date.parse(retryAt ?? '') - Date.now() - waitMs)).toBeLessThan(60_000)
  })

  it.each([
    ['names no time', {}],
    ['names none that can be read', { 'retry-after': 'soon' }],
    ['names the present', { 'retry-after': '0' }],
  ])('is asked again at once if it %s', async (_what, headers) => {
    await using fronted = await startFronted(['olive'])
    fronted.front('olive').next(text(503, '', headers), '/create_order')
    expect(await failureOf(fronted.gateway, 'olive', { firm: 'ALWAYS' })).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'HTTP status 503',
      retryAt: null,
    })
    await quoteOf(fronted.gateway, 'olive', { firm: 'ALWAYS', request: { lspBalanceSat: 2_000_000 } })
  })

  it('may have taken the order that it answered so', async () => {
    await using fronted = await startFronted(['olive'])
    await quoteOf(fronted.gateway, 'olive', { firm: 'ALWAYS' })
    const { id } = await quoteOf(fronted.gateway, 'olive', {
      firm: 'NEVER',
      request: { clientAddress: '127.0.0.1:9' },
    })
    fronted.front('olive').next(handlerOf(answer), '/create_order')
    const order = await createOrder(fronted.gateway, { quoteId: id })
    expect(order).toMatchObject({ __typename: 'Order', state: 'OUTCOME_UNKNOWN' })
    expect((await fronted.gateway.ask(ORDER, { id: order.id })).order.state).toBe('OUTCOME_UNKNOWN')
  })
})

describe('a web page in place of the LSP', () => {
  const PAGE = '<!DOCTYPE html><html><title>Just a moment...</title><body>secret page text</body></html>'
  const html = { 'content-type': 'text/html; charset=UTF-8' }

  it.each([
    ['a challenge', text(403, PAGE, html)],
    ['a limit', text(429, PAGE, html)],
    ['a failure', text(503, PAGE, html)],
    ['a parked domain', text(200, PAGE, html)],
    ['a page without a type', text(403, PAGE)],
    ['a challenge that says so in a header', text(405, PAGE, { ...html, 'x-amzn-waf-action': 'captcha' })],
    ['a block in plain text', text(403, 'error code: 1020', { 'content-type': 'text/plain' })],
    ['XHTML', text(403, `<?xml version="1.0"?>${PAGE}`, { 'content-type': 'application/xhtml+xml' })],
  ])('is UNAVAILABLE and the LSP is not UP: %s', async (_what, handler) => {
    await using lsp = await startScriptedLsp()
    lsp.always(handler)
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('lsp', lsp.url)] },
    })
    const failure = await failureOf(gateway, 'lsp')
    expect(failure.code).toBe('UNAVAILABLE')
    expect(failure.message).toContain('a web page came instead')
    const { lsps } = await gateway.ask('{ lsps { status { state lastError } } }')
    expect(lsps[0].status.state).toBe('DOWN')
    expect(JSON.stringify([failure, lsps])).not.toMatch(/secret page|moment|1020/)
  })

  it.each([
    [403, 'LspError'],
    [200, 'Order'],
    [503, 'Order'],
  ])('under %i leaves an order that was sent as %s', async (status, typename) => {
    await using fronted = await startFronted(['olive'])
    await quoteOf(fronted.gateway, 'olive', { firm: 'ALWAYS' })
    const { id } = await quoteOf(fronted.gateway, 'olive', {
      firm: 'NEVER',
      request: { clientAddress: '127.0.0.1:9' },
    })
    fronted.front('olive').next(text(status, PAGE, html), '/create_order')
    expect(await createOrder(fronted.gateway, { quoteId: id })).toMatchObject(
      typename === 'Order'
        ? { __typename: 'Order', state: 'OUTCOME_UNKNOWN' }
        : { __typename: 'LspError', code: 'UNAVAILABLE' },
    )
  })
})

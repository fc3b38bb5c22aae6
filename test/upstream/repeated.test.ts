import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer } from 'node:tls'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createAuthority } from './certificate.ts'
import { ASK, connect, okAnswer, startRawServer, type TestConnection, type TestServer } from './support.ts'
import { adapterCall, channelRequest, failureOf, orderRef } from '../support/adapter-call.ts'
import { fixture } from '../support/fixtures.ts'
import { channelRequest001 } from '../../src/protocols/channel-request-0.0.1.ts'
import { kaleidoswap } from '../../src/protocols/kaleidoswap.ts'

// A server may close an idle connection at the moment when the next request arrives. Only a request that changes nothing
// is sent again.

let requests: string[]
let server: TestServer
let answers: (socket: Socket, request: string, isFirst: boolean) => void

const respond = (body: unknown) => {
  const text = JSON.stringify(body)
  return `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}

/** The first request on a connection is answered; the second closes it. */
const closeOnReuse = (socket: Socket, request: string, isFirst: boolean) => {
  if (!isFirst) socket.destroy()
  else socket.write(request.includes('/get_info') ? okAnswer() : respond(bodyFor(request)))
}

const bodyFor = (request: string) =>
  request.includes('/estimate_fees')
    ? fixture('kaleidoswap-0.2.0/estimate_fees.response.json')
    : fixture('kaleidoswap-0.2.0/get_order.response.json')

beforeEach(async () => {
  requests = []
  answers = closeOnReuse
  const used = new WeakSet<Socket>()
  server = await startRawServer((socket, request) => {
    requests.push(request.split('\r\n')[0] ?? '')
    const isFirst = !used.has(socket)
    used.add(socket)
    answers(socket, request, isFirst)
  })
})
afterEach(() => server[Symbol.asyncDispose]())

const url = () => `http://127.0.0.1:${server.port}`

/** The pool takes a connection back a moment after its answer was read. */
const untilIdle = () => sleep(20)

async function warm(): Promise<TestConnection> {
  const asking = connect({ url: url() })
  await asking.ask()
  await untilIdle()
  return asking
}

it('a GET is sent again on a new connection when its reused one was closed, and counts as one exchange', async () => {
  await using asking = await warm()
  await expect(asking.ask()).resolves.toEqual({ ok: true })
  expect(requests).toHaveLength(3)
  expect(server.connections).toHaveLength(2)
  expect(asking.records.map(({ outcome }) => outcome)).toEqual(['ANSWERED', 'ANSWERED'])
  await expect(asking.ask()).resolves.toEqual({ ok: true })
})

it('a GET is sent no third time', async () => {
  await using asking = await warm()
  answers = (socket) => void socket.destroy()
  expect(await asking.failure()).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' })
  expect(requests).toHaveLength(3)
})

it('a GET is not sent again when its connection was new', async () => {
  answers = (socket) => void socket.destroy()
  await using asking = connect({ url: url() })
  expect(await asking.failure()).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' })
  expect(requests).toHaveLength(1)
})

it.each([
  ['a part of the head', 'HTTP/1.1 200 OK\r\ncont'],
  ['a part of the body', 'HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{"ok"'],
])('a GET is not sent again when %s of its answer came', async (_what, part) => {
  await using asking = await warm()
  answers = (socket) => void socket.end(part)
  expect(await asking.failure()).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' })
  expect(requests).toHaveLength(2)
})

it('a POST is never sent again', async () => {
  await using asking = await warm()
  const failure = await asking.failure({ ...ASK, method: 'POST', path: '/create_order', body: {} })
  expect(failure).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' })
  expect(requests).toEqual(['GET /get_info HTTP/1.1', 'POST /create_order HTTP/1.1'])
})

it('Kaleidoswap: an estimate and a read order are sent again, an order is not', async () => {
  await using call = adapterCall(kaleidoswap, url())
  await kaleidoswap.estimate?.(call, channelRequest())
  await untilIdle()
  await expect(kaleidoswap.estimate?.(call, channelRequest())).resolves.toMatchObject({ expiresAt: null })
  await call.http.exchange(ASK)
  await untilIdle()
  await expect(kaleidoswap.readOrder(call, orderRef())).resolves.toHaveProperty('lspOrderId')
  await call.http.exchange(ASK)
  await untilIdle()
  const failure = await failureOf(kaleidoswap.createOrder(call, channelRequest(), null))
  expect(failure).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' })
  expect(requests.filter((line) => line.includes('/create_order'))).toHaveLength(1)
})

it('draft 0.0.1: a renewal is a GET that places an order, and is not sent again', async () => {
  await using call = adapterCall(channelRequest001, url())
  await call.http.exchange(ASK)
  await untilIdle()
  const renewal = { shortChannelId: '1x2x3', validTo: 1_800_000_000_000, signedMessage: 'signed' }
  const failure = await failureOf(channelRequest001.renew!(call, renewal))
  expect(failure).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' })
  expect(requests.filter((line) => line.includes('/renew'))).toHaveLength(1)
})

it.each([
  ['a new one', 0, 1],
  ['a reused one', 1, 3],
])('over TLS, a GET on %s is sent as often as over plain HTTP', async (_what, answered, sent) => {
  const authority = createAuthority()
  let count = 0
  const tls = createServer(authority.issue(['127.0.0.1']), (socket) => {
    socket.on('error', () => {})
    socket.on('data', () => {
      count += 1
      if (count > answered && count < 3) socket.destroy()
      else socket.write(okAnswer())
    })
  })
  await new Promise<void>((listening) => void tls.listen(0, '127.0.0.1', listening))
  {
    await using asking = connect(
      { url: `https://127.0.0.1:${(tls.address() as AddressInfo).port}` },
      { ca: authority.cert },
    )
    for (let times = 0; times < answered; times += 1) {
      await asking.ask()
      await untilIdle()
    }
    const outcome = await asking.ask().catch(() => 'failed')
    expect(outcome).toEqual(answered === 0 ? 'failed' : { ok: true })
    expect(count).toBe(sent)
  }
  await new Promise((closed) => tls.close(closed))
})

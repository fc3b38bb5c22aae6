import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { Readers, type UnreadLimits } from '../../src/server/policies/readers.ts'
import { eventually, openRaw } from '../server/wire.ts'
import { startSmall } from './gateways.ts'

// What a system takes by itself is not ours: some megabytes of each connection here.
const LARGE = Buffer.alloc(20_000_000, 'x')
const LARGER = Buffer.concat([LARGE, LARGE])
/** Thirty looks take a second and a half, a hundred five. */
const QUICK: UnreadLimits = {
  lookEveryMs: 50,
  patience: 30,
  patienceInTurn: 100,
  mostBytes: 1_000_000_000,
  patienceBeyond: 2,
}
const GET = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${more}\r\n`

/** A server that answers as it is told, and looks after its readers. */
async function serve(answer: RequestListener, limits: Partial<UnreadLimits> = {}) {
  const server = createServer(answer)
  const readers = new Readers(server, { ...QUICK, ...limits })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    readers,
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Asks, and reads nothing until it is told to. */
function connect(origin: string, text: string): Socket {
  const socket = openRaw(origin)
  socket.on('error', () => {})
  socket.pause()
  socket.write(text)
  return socket
}

/** Whether the other side has cut it, which who does not read learns by writing. */
function isCut(socket: Socket): boolean {
  if (socket.destroyed) return true
  // Between two requests it means nothing.
  socket.write('\r\n')
  return false
}

describe('a client that reads nothing', () => {
  test.each<[string, RequestListener]>([
    ['of an answer', (_request, response) => response.end(LARGE)],
    [
      'of a stream of events, into which more and more is written',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(LARGE)
        const pings = setInterval(() => response.write(':\n\n'), 20)
        response.on('close', () => clearInterval(pings))
      },
    ],
  ])('%s is cut off', async (_what, answer) => {
    await using server = await serve(answer)
    const socket = connect(server.origin, GET('/'))
    await eventually(() => server.readers.responses.length).toBe(1)
    await eventually(() => isCut(socket)).toBe(true)
    await eventually(() => server.readers.responses.length).toBe(0)
  })

  test('of the answers to requests that it sent without waiting is cut off, and none of them is kept', async () => {
    await using server = await serve(
      ({ url }, response) => void (url === '/first' ? response.write('x') : response.end(LARGE)),
    )
    const socket = connect(server.origin, GET('/first') + GET('/second') + GET('/third'))
    await eventually(() => server.readers.responses.length).toBe(3)
    await eventually(() => isCut(socket)).toBe(true)
    await eventually(() => server.readers.responses.length).toBe(0)
  })
})

describe('is not cut off', () => {
  test('who reads slowly, but steadily', async () => {
    await using server = await serve((_request, response) => response.end(LARGE))
    const socket = connect(server.origin, GET('/'))
    let read = 0
    // As it is over a network: a piece, and then nothing for a while.
    socket.on('data', (piece: Buffer) => {
      read += piece.length
      socket.pause()
      setTimeout(() => socket.resume(), 15)
    })
    socket.resume()
    await expect.poll(() => read, { timeout: 18_000 }).toBeGreaterThan(LARGE.length)
  })

  test('whose answers wait behind one that takes longer', async () => {
    await using server = await serve(
      ({ url }, response) =>
        void (url === '/slow' ? setTimeout(() => response.end('slow'), 3_000) : response.end('quick')),
    )
    const socket = connect(server.origin, GET('/slow') + GET('/quick')).resume()
    let heard = ''
    socket.on('data', (piece: Buffer) => (heard += piece.toString('latin1')))
    await eventually(() => heard).toMatch(/slow[^]*quick/)
    socket.destroy()
  })

  test('who waits for an answer, or for the next event, or for nothing', async () => {
    await using server = await serve(
      ({ url }, response) =>
        void (url === '/idle'
          ? response.end('x')
          : url === '/stream'
            ? response.write('x')
            : setTimeout(() => response.end('late'), 3_000)),
    )
    const sockets = ['/idle', '/stream', '/late'].map((path) => connect(server.origin, GET(path)).resume())
    let heard = ''
    sockets[2]?.on('data', (piece: Buffer) => (heard += piece.toString('latin1')))
    await eventually(() => heard).toContain('late')
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, false])
  })
})

test('when too much is unread in all, who takes nothing is cut off long before, who leaves most unread first, until it is little enough', async () => {
  await using server = await serve(({ url }, response) => void response.end(url === '/large' ? LARGER : LARGE), {
    patience: 1_000,
    patienceInTurn: 1_000,
    mostBytes: 80_000_000,
  })
  const small = [1, 2].map(() => connect(server.origin, GET('/small')))
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(small.map(isCut)).toEqual([false, false])
  const large = [1, 2].map(() => connect(server.origin, GET('/large')))
  await eventually(() => large.filter(isCut).length).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect([...large, ...small].filter((socket) => !isCut(socket))).toHaveLength(3)
  for (const socket of [...large, ...small]) socket.destroy()
})

test('the gateway is not filled by connections that take its largest answer and read nothing; the others are served', async () => {
  await using gateway = await startSmall()
  const waiting = connect(gateway.origin, GET('/health'))
  const page = GET('/graphql', 'Accept: text/html\r\n')
  const hostile = Array.from({ length: 20 }, () => connect(gateway.origin, page + page))
  await expect.poll(() => hostile.filter(isCut).length, { timeout: 15_000 }).toBeGreaterThan(8)
  expect(isCut(waiting)).toBe(false)
  expect(hostile.filter((socket) => !isCut(socket)).length).toBeGreaterThan(3)
  expect((await gateway.send('{ __typename }')).status).toBe(200)
  for (const socket of hostile) socket.destroy()
})

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ASK, connect, okAnswer, startRawServer } from './support.ts'
import { readAnswer } from '../../src/upstream/answer.ts'
import { MAX_ANSWER_BYTES } from '../../src/upstream/http.ts'

// What a server can do to whoever asks it, other than answer.

async function failureBy(answer: (socket: Socket, request: string) => void, timeoutMs = 5_000) {
  await using server = await startRawServer(answer)
  await using connection = connect({ url: `http://127.0.0.1:${server.port}` })
  const startedAt = performance.now()
  const failure = await connection.failure(undefined, timeoutMs)
  return {
    failure,
    elapsedMs: performance.now() - startedAt,
    records: connection.records,
    connections: server.connections,
  }
}

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
const withLength = (body: string | Buffer, headers = '') =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ])

/** Writes without end, as fast as it is read. */
function pour(socket: Socket, head: string, part: string): void {
  socket.write(head)
  const more = () => {
    while (!socket.destroyed && socket.write(part)) continue
  }
  socket.on('drain', more)
  more()
}

describe('an answer', () => {
  it('that leads to another origin is not followed: its server is never asked', async () => {
    await using other = await startRawServer((socket) => void socket.write(okAnswer()))
    for (const status of [301, 302, 303, 307, 308]) {
      const { failure } = await failureBy(
        (socket) =>
          void socket.end(
            `HTTP/1.1 ${status} Moved\r\nlocation: http://127.0.0.1:${other.port}/get_info\r\ncontent-length: 0\r\n\r\n`,
          ),
      )
      expect(failure).toMatchObject({
        code: 'BAD_RESPONSE',
        effect: 'unknown',
        message: expect.stringContaining(`HTTP status ${status}: redirects are not followed`) as string,
      })
    }
    expect(other.connections).toEqual([])
  })

  it('that leads elsewhere on its own server is not followed either', async () => {
    let requests = 0
    const { failure } = await failureBy((socket) => {
      requests += 1
      socket.write('HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n')
    })
    expect(failure.code).toBe('BAD_RESPONSE')
    expect(requests).toBe(1)
  })

  const part = 'x'.repeat(50_000)
  it.each<[string, (socket: Socket) => void]>([
    [
      'by its length',
      (socket) =>
        void socket.write(
          `HTTP/1.1 200 OK\r\ncontent-length: ${MAX_ANSWER_BYTES + 1}\r\n\r\n${'x'.repeat(MAX_ANSWER_BYTES + 1)}`,
        ),
    ],
    [
      'in chunks without end',
      (socket) => pour(socket, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', chunk(part)),
    ],
    ['without a length and without end', (socket) => pour(socket, 'HTTP/1.1 200 OK\r\n\r\n', part)],
    [
      'under an error status',
      (socket) => pour(socket, 'HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n', chunk(part)),
    ],
    [
      'compressed to no more than that',
      (socket) => void socket.end(withLength(gzipSync(randomBytes(1_100_000)), 'content-encoding: gzip\r\n')),
    ],
  ])('of more than a megabyte is cut off: %s', async (_how, answer) => {
    const { failure, elapsedMs } = await failureBy(answer)
    expect(failure).toMatchObject({
      code: 'BAD_RESPONSE',
      effect: 'unknown',
      message: expect.stringContaining(`more than ${MAX_ANSWER_BYTES} bytes`) as string,
    })
    expect(elapsedMs).toBeLessThan(3_000)
  })

  const OK_BYTES = Buffer.from('{"ok":true}')
  it.each<[string, string, Buffer]>([
    ['gzip', 'gzip', gzipSync(OK_BYTES)],
    ['its old name', 'x-gzip', gzipSync(OK_BYTES)],
    ['deflate', 'deflate', deflateSync(OK_BYTES)],
    ['deflate without the header of zlib', 'deflate', deflateRawSync(OK_BYTES)],
    ['Brotli', 'br', brotliCompressSync(OK_BYTES)],
    ['two codings, undone in reverse', 'gzip, br', brotliCompressSync(gzipSync(OK_BYTES))],
    ['capitals and spaces', ' GZip ', gzipSync(OK_BYTES)],
    ['nothing, with a name', 'identity', OK_BYTES],
    ['nothing, and then gzip', 'identity, gzip', gzipSync(OK_BYTES)],
    ['a charset instead of a coding', 'UTF-8', OK_BYTES],
    ['an empty list', '', OK_BYTES],
  ])('that is compressed with %s is decoded', async (_what, coding, bytes) => {
    await using server = await startRawServer(
      (socket) => void socket.write(withLength(bytes, `content-encoding: ${coding}\r\n`)),
    )
    await using asking = connect({ url: `http://127.0.0.1:${server.port}` })
    await expect(asking.ask()).resolves.toEqual({ ok: true })
  })

  it('may be compressed, as every request says', async () => {
    const requests: string[] = []
    await using server = await startRawServer((socket, request) => {
      requests.push(request)
      socket.write(okAnswer())
    })
    await using asking = connect({ url: `http://127.0.0.1:${server.port}` })
    await asking.ask()
    await asking.ask({ ...ASK, method: 'POST', body: {} })
    expect(requests.map((request) => /^accept-encoding: (.*)$/im.exec(request)?.[1])).toEqual([
      'gzip, deflate, br',
      'gzip, deflate, br',
    ])
  })

  const bomb = Buffer.from(`{"ok":true,"x":"${'x'.repeat(50_000_000)}"}`)
  it.each<[string, string, Buffer]>([
    ['gzip', 'gzip', gzipSync(bomb)],
    ['deflate', 'deflate', deflateSync(bomb)],
    ['raw deflate', 'deflate', deflateRawSync(bomb)],
    ['Brotli', 'br', brotliCompressSync(bomb, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
    ['gzip in gzip', 'gzip, gzip', gzipSync(gzipSync(bomb))],
  ])('that decodes to more than a megabyte is cut off early: %s', async (_what, coding, bytes) => {
    expect(bytes.length).toBeLessThan(MAX_ANSWER_BYTES)
    const before = process.memoryUsage().rss
    const { failure } = await failureBy(
      (socket) => void socket.end(withLength(bytes, `content-encoding: ${coding}\r\n`)),
    )
    expect(failure).toMatchObject({
      code: 'BAD_RESPONSE',
      effect: 'unknown',
      message: expect.stringContaining(`more than ${MAX_ANSWER_BYTES} bytes`) as string,
    })
    expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000)
  })

  it('of a megabyte exactly, once decoded, is read', async () => {
    const body = `{"ok":true,"x":"${'x'.repeat(MAX_ANSWER_BYTES - 18)}"}`
    expect(body).toHaveLength(MAX_ANSWER_BYTES)
    await using server = await startRawServer(
      (socket) => void socket.write(withLength(gzipSync(body), 'content-encoding: gzip\r\n')),
    )
    await using asking = connect({ url: `http://127.0.0.1:${server.port}` })
    await expect(asking.ask()).resolves.toMatchObject({ ok: true })
  })

  it.each<[string, string, Buffer, string]>([
    ['cut in the middle, gzip', 'gzip', gzipSync(randomBytes(1_000)).subarray(0, 500), 'not valid gzip'],
    ['cut in the middle, deflate', 'deflate', deflateSync(randomBytes(1_000)).subarray(0, 500), 'not valid deflate'],
    ['cut in the middle, Brotli', 'br', brotliCompressSync(randomBytes(1_000)).subarray(0, 500), 'not valid br'],
    ['not compressed at all', 'gzip', OK_BYTES, 'not valid gzip'],
    ['not compressed at all, deflate', 'deflate', OK_BYTES, 'not valid deflate'],
    ['not compressed at all, Brotli', 'br', OK_BYTES, 'not valid br'],
    ['under two names, of which one is right', 'br, gzip', gzipSync(OK_BYTES), 'not valid br'],
    ['in a coding that was not requested', 'zstd', OK_BYTES, 'the content coding zstd is not supported'],
    ['in a word of every object', 'constructor', OK_BYTES, 'the content coding constructor is not supported'],
    ['in five codings', Array(5).fill('gzip').join(','), OK_BYTES, 'more than 4 content codings'],
  ])('whose compressed body is %s is a BAD_RESPONSE', async (_what, coding, bytes, message) => {
    const { failure } = await failureBy(
      (socket) => void socket.end(withLength(bytes, `content-encoding: ${coding}\r\n`)),
    )
    expect(failure).toMatchObject({
      code: 'BAD_RESPONSE',
      effect: 'unknown',
      message: expect.stringContaining(message) as string,
    })
  })

  it.each([
    ['one long header', (socket: Socket) => void socket.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`)],
    ['many headers', (socket: Socket) => void socket.write(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}\r\n`)],
    [
      'headers without end',
      (socket: Socket) => pour(socket, 'HTTP/1.1 200 OK\r\n', 'x: yyyyyyyyyyyyyyyy\r\n'.repeat(1_000)),
    ],
    [
      'trailers without end',
      (socket: Socket) =>
        pour(
          socket,
          'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n',
          'x: yyyyyyyyyyyyyyyy\r\n'.repeat(1_000),
        ),
    ],
  ])('with %s is cut off', async (_what, answer) => {
    const { failure, elapsedMs } = await failureBy(answer)
    expect(failure).toMatchObject({
      effect: 'unknown',
      code: expect.stringMatching(/^(BAD_RESPONSE|UNAVAILABLE)$/) as string,
    })
    expect(elapsedMs).toBeLessThan(3_000)
  })

  const depths = { arrays: ['[', ']'], objects: ['{"a":', '}'], both: ['[{"a":', '}]'] } as const
  it.each(Object.entries(depths))(
    'nested through all of a megabyte neither ends the process nor is read: %s',
    async (_what, [open, close]) => {
      const times = Math.floor((MAX_ANSWER_BYTES - 10) / (open.length + close.length))
      const { failure } = await failureBy(
        (socket) => void socket.end(withLength(`${open.repeat(times)}1${close.repeat(times)}`)),
      )
      expect(failure).toMatchObject({
        code: 'BAD_RESPONSE',
        effect: 'unknown',
        message: expect.stringContaining('more than 10000 values') as string,
      })
      const nested = await failureBy(
        (socket) => void socket.end(withLength(`${open.repeat(4_000)}1${close.repeat(4_000)}`)),
      )
      expect(nested.failure).toMatchObject({
        code: 'BAD_RESPONSE',
        effect: 'unknown',
        message: expect.stringContaining('nested too deeply') as string,
      })
      const unclosed = await failureBy((socket) => void socket.end(withLength(open.repeat(4_000))))
      expect(unclosed.failure).toMatchObject({
        code: 'BAD_RESPONSE',
        message: expect.stringContaining('not JSON') as string,
      })
      const refusal = await failureBy(
        (socket) =>
          void socket.end(
            withLength(`${open.repeat(times)}1${close.repeat(times)}`)
              .toString()
              .replace('200 OK', '400 Bad'),
          ),
      )
      expect(refusal.failure).toMatchObject({ code: 'INVALID_REQUEST', effect: 'none' })
    },
  )

  const fillings = { objects: '{}', numbers: '1', texts: '"a"', keys: '"key":1' } as const
  it.each(Object.entries(fillings))(
    'of nothing but small %s, a megabyte of them, is refused before anything is made of it',
    async (what, filling) => {
      const fill = (times: number) => {
        const values = Array.from({ length: times }, () => filling).join(',')
        return `{"ok":true,"more":${what === 'keys' ? `{${values}}` : `[${values}]`}}`
      }
      const whole = fill(Math.floor((MAX_ANSWER_BYTES - 50) / (filling.length + 1)))
      const { failure } = await failureBy((socket) => void socket.end(withLength(whole)))
      expect(failure).toMatchObject({
        code: 'BAD_RESPONSE',
        effect: 'unknown',
        message: expect.stringContaining('more than 10000 values') as string,
      })
      // What a second of readings by the default budget brings at worst is a small part of that second.
      const before = process.cpuUsage()
      for (let readings = 0; readings < 10; readings += 1)
        expect(() => readAnswer(ASK, { status: 200, headers: {}, text: whole }, () => null, 0, ['a-secret'])).toThrow(
          'more than 10000 values',
        )
      expect(process.cpuUsage(before).user).toBeLessThan(200_000)
      expect(readAnswer(ASK, { status: 200, headers: {}, text: fill(4_500) }, () => null, 0, [])).toEqual({ ok: true })
    },
  )
})

describe('a server', () => {
  it('that never answers is given up at the deadline', async () => {
    const { failure, elapsedMs } = await failureBy(() => {}, 300)
    expect(failure).toMatchObject({ code: 'TIMEOUT', effect: 'unknown' })
    expect(elapsedMs).toBeLessThan(1_500)
  })

  it.each([
    ['its headers', 'HTTP/1.1 200 OK\r\n', 'x'],
    ['its body', 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n', ' '],
    ['its chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', chunk(' ')],
    ['notices that it goes on', '', 'HTTP/1.1 102 Processing\r\n\r\n'],
  ])('that lets %s trickle is given up at the deadline, however alive it looks', async (_what, head, drop) => {
    const { failure, elapsedMs } = await failureBy((socket) => {
      socket.write(head)
      const timer = setInterval(() => socket.write(drop), 20)
      socket.on('close', () => clearInterval(timer))
    }, 400)
    expect(failure).toMatchObject({ code: 'TIMEOUT', effect: 'unknown' })
    expect(elapsedMs).toBeGreaterThan(350)
    expect(elapsedMs).toBeLessThan(1_500)
  })

  it('that hangs up in the middle may have done what was asked', async () => {
    const { failure } = await failureBy(
      (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"ok"'),
    )
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' })
  })

  it.each([
    'HTTP/9.9 200 OK\r\n\r\n',
    'SSH-2.0-OpenSSH\r\n',
    '\u0000\u0001\u0002',
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 11\r\n\r\n{"ok":true}',
    'HTTP/1.1 200 OK\r\ncontent-length: 11\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
  ])('that speaks no HTTP fails, and nothing else does: %j', async (bytes) => {
    const { failure } = await failureBy((socket) => void socket.end(bytes), 1_000)
    expect(failure).toMatchObject({
      effect: 'unknown',
      code: expect.stringMatching(/^(BAD_RESPONSE|UNAVAILABLE)$/) as string,
    })
  })

  it('that sends an answer nobody asked for cannot have it taken for the answer to the next question', async () => {
    await using server = await startRawServer((socket, request) => {
      const second = request.includes('second=')
      // Two answers at once; the second is meant for whoever asks next on this connection.
      socket.write(second ? okAnswer('x: honest\r\n') : okAnswer() + `HTTP/1.1 418 No\r\ncontent-length: 2\r\n\r\n{}`)
    })
    await using connection = connect({ url: `http://127.0.0.1:${server.port}` })
    await connection.ask()
    await expect(connection.ask({ ...ASK, query: { second: '1' } })).resolves.toEqual({ ok: true })
  })

  it.each([
    ['', null],
    ['retry-after: 7\r\n', 7_000],
    ['retry-after: Sat, 21 Nov 2026 12:00:30 GMT\r\n', 30_000],
    ['retry-after: 99999999999\r\n', 86_400_000],
    ['retry-after: -5\r\n', null],
    ['retry-after: soon\r\n', null],
    ['retry-after: 7\r\nretry-after: 8\r\n', null],
  ])('that limits our requests is obeyed, for a day at most: %j', async (header, afterMs) => {
    await using server = await startRawServer(
      (socket) => void socket.write(`HTTP/1.1 429 Slow\r\n${header}content-length: 0\r\n\r\n`),
    )
    await using connection = connect({ url: `http://127.0.0.1:${server.port}` })
    expect(await connection.failure()).toMatchObject({
      code: 'RATE_LIMITED',
      effect: 'none',
      retryAt: afterMs === null ? null : Date.parse('2026-11-21T12:00:00Z') + afterMs,
    })
    expect(connection.records.map(({ outcome }) => outcome)).toEqual(['ANSWERED'])
  })
})

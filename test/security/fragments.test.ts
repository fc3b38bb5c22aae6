import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { frame, RawSocket } from '../server/frames.ts'
import { lspsYaml, Program } from './program.ts'

// Messages that never end. `ws` tells nothing of them until they are complete.

const KEY = 'key-of-a-wallet'
const clients = `clients:\n  - name: wallet\n    keySha256: ${createHash('sha256').update(KEY).digest('hex')}\n`
/** Of the old generation, in megabytes: without limits, one socket fills it. */
const HEAP = 128
/** What the heap and the buffers may grow by while a test sends far more. */
const MOST_GROWTH = 100e6

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox({ only: ['olive'] })
})
afterAll(() => sandbox?.close())

/** One text frame, and then fragments without end; a chunk of 64 kB of these is sent again and again. */
const begun = frame('text', 1, false)
const repeated = (part: Buffer) => Buffer.concat(Array.from({ length: Math.floor(65_536 / part.length) }, () => part))
/** The last byte of the code 4429 (0x114d), and the reason. */
const TOO_MANY = /M(a message may have at most|an unfinished message may take|too many messages)/
const FLOODS: [string, Buffer, RegExp][] = [
  ['fragments of one byte', repeated(frame('continuation', 1, false)), TOO_MANY],
  [
    'fragments of one byte beside pings',
    repeated(Buffer.concat([frame('continuation', 1, false), frame('ping', 125)])),
    TOO_MANY,
  ],
  ['empty fragments', repeated(frame('continuation', 0, false)), TOO_MANY],
  // After the acknowledgement it is more than `maxPayload`: 1009 (0x03f1).
  ['fragments of one kilobyte', repeated(frame('continuation', 1_000, false)), /M(a message|an unfinished)|ñ/],
]

async function memoryOf({ origin }: Program, headers: Record<string, string>): Promise<number> {
  const metrics = await (await fetch(`${origin}/metrics`, { headers })).text()
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1])
  return value('nodejs_heap_size_used_bytes') + value('nodejs_external_memory_bytes')
}

describe.each([
  ['without keys', '', {}],
  ['with keys', clients, { authorization: `Bearer ${KEY}` }],
])('at a gateway %s', (_gateway, yaml, headers: Record<string, string>) => {
  let program: Program
  beforeAll(async () => {
    program = await Program.start(lspsYaml(sandbox) + yaml, { NODE_OPTIONS: `--max-old-space-size=${HEAP}` })
  })
  afterAll(() => program?.[Symbol.asyncDispose]())

  const open = (isAcknowledged: boolean) =>
    isAcknowledged ? RawSocket.ready(program.origin, headers) : RawSocket.open(program.origin)

  async function expectAlive(before: number) {
    expect(await memoryOf(program, headers)).toBeLessThan(before + MOST_GROWTH)
    expect(program.status).toBeNull()
    expect((await fetch(`${program.origin}/health`)).status).toBe(200)
    const raw = await RawSocket.ready(program.origin, headers)
    raw.destroy()
  }

  describe.each([
    ['before connection_init', false],
    ['after connection_ack', true],
  ])('%s', (_when, isAcknowledged) => {
    test.each(FLOODS)('64 MB of %s over one socket are cut off', async (_what, chunk, closing) => {
      const before = await memoryOf(program, headers)
      const socket = await open(isAcknowledged)
      await socket.write(begun)
      for (let sent = 0; sent < 64e6 && !socket.isClosed; sent += chunk.length) await socket.write(chunk)
      await socket.closed()
      expect(socket.received).toMatch(closing)
      await expectAlive(before)
    })

    test.each(FLOODS.slice(0, 2))('%s over two hundred sockets, again and again, are cut off', async (_what, chunk) => {
      const before = await memoryOf(program, headers)
      for (let times = 0; times < 2; times++) {
        const sockets = await Promise.all(Array.from({ length: 200 }, () => open(isAcknowledged)))
        await Promise.all(
          sockets.map(async (socket) => {
            await socket.write(begun)
            for (let sent = 0; sent < 1e6 && !socket.isClosed; sent += chunk.length) await socket.write(chunk)
          }),
        )
        await expectAlive(before)
        for (const socket of sockets) socket.destroy()
      }
    })

    test('a thousand sockets that each stay below their own limit share one limit', async () => {
      const before = await memoryOf(program, headers)
      const bytes = isAcknowledged ? 65_000 : 8_000
      const part = frame('text', bytes).subarray(0, bytes)
      const count = isAcknowledged ? 1_500 : 2_000
      const sockets: RawSocket[] = []
      for (let opened = 0; opened < count; opened += 100) {
        const more = await Promise.all(Array.from({ length: 100 }, () => open(isAcknowledged)))
        await Promise.all(more.map((socket) => socket.write(part)))
        sockets.push(...more)
      }
      await expect
        .poll(() => sockets.filter(({ isClosed }) => isClosed).length, { timeout: 10_000 })
        .toBeGreaterThan(100)
      await expectAlive(before)
      for (const socket of sockets) socket.destroy()
    }, 60_000)

    test('one byte at a time', async () => {
      const before = await memoryOf(program, headers)
      const socket = await open(isAcknowledged)
      const whole = frame('text', 8_000)
      for (let at = 0; at < 4_000 && !socket.isClosed; at++) {
        await socket.write(whole.subarray(at, at + 1))
        await new Promise(setImmediate)
      }
      await expectAlive(before)
      socket.destroy()
    }, 60_000)
  })
})

test('a message in fragments that a client may send is answered', async () => {
  await using program = await Program.start(lspsYaml(sandbox))
  const raw = await RawSocket.ready(program.origin)
  const query = `{ __typename }${' '.repeat(60_000)}`
  const text = JSON.stringify({ id: '1', type: 'subscribe', payload: { query } })
  for (let at = 0; at < text.length; at += 1_024)
    await raw.write(frame(at === 0 ? 'text' : 'continuation', text.slice(at, at + 1_024), at + 1_024 >= text.length))
  await expect.poll(() => raw.received, { timeout: 10_000 }).toContain('"__typename":"Query"')
  raw.destroy()
})

import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { clientOf, newKey } from './gateways.ts'
import { HOSTILE_OPERATIONS } from './hostile/graphql.ts'
import { RAW_REQUESTS, SLOW_REQUESTS } from './hostile/http.ts'
import { HOSTILE_SOCKETS, type HostileSocket } from './hostile/websocket.ts'
import { lspsYaml, Program } from './program.ts'
import { ask, type Transport } from './transports.ts'

// Everything here is sent to the program in a process of its own. What it must be afterwards: alive, no larger than
// before, and without a word in any answer that is not meant for a client.

const key = newKey('hostile')
const BYSTANDER = newKey('bystander')
/** What a client has no use for: where our files are, what they are built of, how they failed. */
const UNMASKED =
  /node_modules|file:\/\/|\/work\/|\/tmp\/|\.[jt]s:\d|\n\s+at |"stack"|graphql-yoga|graphql-ws|graphql-js|envelop|pothos|kysely|libsql|SQLITE|undici|TypeError|RangeError|ReferenceError|SyntaxError|Cannot read|is not a function|Maximum call stack/
/** What the documentation has; 500 is not among them. */
const DOCUMENTED = new Set([
  200, 204, 302, 304, 400, 401, 403, 404, 405, 406, 408, 411, 413, 415, 417, 421, 426, 429, 431, 503,
])
const HEAP_GROWTH_BYTES = 64_000_000

let sandbox: Sandbox
let program: Program
let heapBefore: number
const counts = { requests: 0, answers: 0, sockets: 0, closes: 0 }

beforeAll(async () => {
  sandbox = await startSandbox({ only: ['olive', 'anchor'] })
  program = await Program.start(
    `${lspsYaml(sandbox)}clients: ${JSON.stringify([clientOf('hostile', key), clientOf('bystander', BYSTANDER)])}\n`,
  )
  // What is loaded at the first use is not what somebody made us keep.
  for (const operation of HOSTILE_OPERATIONS.slice(0, 40)) await send('POST', operation.body)
  await fetch(`${program.origin}/graphql`, { headers: { accept: 'text/html' } }).then((response) =>
    response.arrayBuffer(),
  )
  heapBefore = await program.heapUsed()
})
afterAll(async () => {
  await program?.[Symbol.asyncDispose]()
  await sandbox?.close()
})

/** All that comes back for bytes, until the other side closes, or has been silent for a while. */
function exchange(bytes: string | Buffer, { every = '', forMs = 4_000 } = {}): Promise<string> {
  const { hostname, port } = new URL(program.origin)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    let received = ''
    const drip = every === '' ? undefined : setInterval(() => socket.write(every), 400)
    const done = () => {
      clearInterval(drip)
      clearTimeout(patience)
      socket.destroy()
      resolve(received)
    }
    const patience = setTimeout(done, forMs)
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => (received += chunk))
    socket.on('close', done)
    socket.on('error', done)
    socket.write(bytes)
  })
}

interface Typed {
  errors?: { message?: unknown; extensions?: { code?: unknown } }[]
}

/** Nothing that comes back is untyped or unmasked. */
function examine(text: string): number[] {
  expect(text).not.toMatch(UNMASKED)
  const answers = text.split(/(?=HTTP\/1\.1 \d{3} )/).filter((part) => part.startsWith('HTTP/1.1 '))
  const statuses = answers.map((answer) => Number(answer.slice(9, 12)))
  for (const [index, answer] of answers.entries()) {
    expect(DOCUMENTED).toContain(statuses[index])
    expect(answer).not.toMatch(/^(x-powered-by|set-cookie|server):/im)
    const [head = '', body = ''] = answer.split('\r\n\r\n', 2)
    if (!/^content-type: application\/(graphql-response\+)?json/im.test(head)) continue
    const json = body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1)
    for (const error of (JSON.parse(json) as Typed).errors ?? [])
      expect(error).toMatchObject({
        message: expect.any(String),
        extensions: { code: expect.stringMatching(/^[A-Z_]+$/) },
      })
  }
  counts.requests += 1
  counts.answers += answers.length
  return statuses
}

async function send(transport: Transport, body: string): Promise<{ status: number; errors: Typed['errors'] }> {
  const response = await fetch(`${program.origin}/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: transport === 'SSE' ? 'text/event-stream' : 'application/json',
    },
    body,
  })
  const text = await response.text()
  expect(text).not.toMatch(UNMASKED)
  expect(DOCUMENTED).toContain(response.status)
  counts.requests += 1
  counts.answers += 1
  const json = transport === 'SSE' ? (/^data: (.+)$/m.exec(text)?.[1] ?? '{}') : text
  return { status: response.status, errors: json === '' ? undefined : (JSON.parse(json) as Typed).errors }
}

describe('below GraphQL', () => {
  test.each(RAW_REQUESTS)('$name is answered $status', async ({ bytes, status }) => {
    const statuses = examine(await exchange(Buffer.from(bytes, 'latin1')))
    expect(statuses[0] ?? null).toBe(status)
  })

  test.concurrent.each(SLOW_REQUESTS)(
    '$name is not waited for',
    { timeout: 45_000 },
    async ({ begin, every, status }) => {
      const startedAt = performance.now()
      const text = await exchange(begin, { every, forMs: 40_000 })
      expect(performance.now() - startedAt).toBeLessThan(30_000)
      expect(Number(text.slice(9, 12)) || null).toBe(status)
    },
  )
})

describe.each(['POST', 'SSE'] as const)('operations over %s', (transport) => {
  test.each(HOSTILE_OPERATIONS)('$name', async ({ body, code }) => {
    const { errors } = await send(transport, body)
    for (const error of errors ?? [])
      expect(error).toMatchObject({
        message: expect.any(String),
        extensions: { code: expect.stringMatching(/^[A-Z_]+$/) },
      })
    expect(errors?.[0]?.extensions?.code ?? null).toBe(code)
    // Nobody has a small question answered by a large refusal.
    expect(JSON.stringify(errors ?? []).length).toBeLessThan(20_000)
  })
})

describe('operations over a WebSocket', () => {
  test.each(HOSTILE_OPERATIONS.filter(({ body }) => body.length < 60_000))('$name', async ({ body, code }) => {
    const heard = await overSocket(
      {
        name: '',
        isReady: true,
        send: [`{"id":"1","type":"subscribe","payload":${body === '' ? 'null' : body}}`],
        close: null,
      },
      { waitsForAnswer: true },
    )
    const errors = heard.messages.flatMap(({ type, payload }) =>
      type === 'error' ? (payload as Typed['errors']) : ((payload as Typed | undefined)?.errors ?? []),
    ) as NonNullable<Typed['errors']>
    for (const error of errors)
      expect(error).toMatchObject({
        message: expect.any(String),
        extensions: { code: expect.stringMatching(/^[A-Z_]+$/) },
      })
    // What is no message of the protocol closes the socket; everything else is told, and leaves it open.
    const isNoMessage = heard.close === 4400 && (code === 'BAD_REQUEST' || code === 'OPERATION_RESOLUTION_FAILURE')
    expect(isNoMessage ? code : (errors[0]?.extensions?.code ?? heard.close)).toBe(code)
  })
})

interface Heard {
  close: number | null
  messages: { id?: string; type: string; payload?: unknown }[]
}

/** What is heard until the socket is closed, or the operation answered, or was asked for a sign of life and gave it. */
function overSocket(
  { protocols = ['graphql-transport-ws'], isReady, send: messages, close }: HostileSocket,
  { waitsForAnswer = false } = {},
): Promise<Heard> {
  counts.sockets += 1
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${program.origin.replace('http', 'ws')}/graphql`, [...protocols], {
      perMessageDeflate: false,
    })
    const heard: Heard = { close: null, messages: [] }
    const done = () => {
      clearTimeout(patience)
      resolve(heard)
      socket.terminate()
    }
    const patience = setTimeout(
      () => reject(new Error(`neither closed nor alive: ${JSON.stringify(heard).slice(0, 300)}`)),
      8_000,
    )
    const act = () => {
      for (const message of messages) {
        if (typeof message === 'string' || message instanceof Uint8Array) socket.send(message)
        else {
          const { _socket: tcp } = socket as unknown as { _socket: { write(bytes: Buffer): void } }
          // ws itself would not send these bytes.
          tcp.write(Buffer.from(message.frame))
        }
      }
      // The last subscription has been answered by the time that this is.
      if (close === null && !waitsForAnswer)
        setTimeout(
          () => socket.readyState === socket.OPEN && socket.send('{"type":"ping","payload":{"alive":true}}'),
          60,
        )
    }
    socket.on('open', () =>
      isReady
        ? socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
        : act(),
    )
    socket.on('message', (data: Buffer) => {
      const text = data.toString('utf8')
      expect(text).not.toMatch(UNMASKED)
      const message = JSON.parse(text) as Heard['messages'][number]
      heard.messages.push(message)
      if (message.type === 'connection_ack') act()
      if (waitsForAnswer && (message.type === 'error' || message.type === 'complete')) done()
      if (message.type === 'pong' && (message.payload as { alive?: boolean } | undefined)?.alive) done()
    })
    socket.on('close', (code, reason) => {
      expect(reason.toString('utf8')).not.toMatch(UNMASKED)
      heard.close = code
      counts.closes += 1
      done()
    })
    socket.on('error', () => {})
  })
}

describe('on the WebSocket', () => {
  test.each(HOSTILE_SOCKETS)('$name is closed with $close', async (hostile) => {
    expect((await overSocket(hostile)).close).toBe(hostile.close)
  })
})

test(
  'after all of it the process lives and serves, its memory is bounded, and nothing of us was told',
  { timeout: 60_000 },
  async () => {
    expect(program.status).toBeNull()
    expect(await ask(program.origin, 'POST', { query: '{ lsps { id } }', key: BYSTANDER })).toMatchObject({
      status: 200,
      data: { lsps: [{ id: 'olive' }, { id: 'anchor' }] },
    })
    expect(await ask(program.origin, 'WS', { query: '{ lsps { id } }', key: BYSTANDER })).toMatchObject({
      data: { lsps: [{ id: 'olive' }, { id: 'anchor' }] },
    })
    const grown = (await program.heapUsed()) - heapBefore
    // Warnings and errors are for what is wrong in here; nothing of this is.
    expect(program.printed.split('\n').filter((line) => /"level":(50|60)|Error|Warning/.test(line))).toEqual([])
    process.stdout.write(
      `${RAW_REQUESTS.length + SLOW_REQUESTS.length} hostile requests below GraphQL, ${HOSTILE_OPERATIONS.length} hostile operations on three transports, ${HOSTILE_SOCKETS.length} hostile sockets: ` +
        `${counts.requests} requests, ${counts.answers} answers, ${counts.sockets} sockets, ${counts.closes} closed; the heap grew by ${Math.round(grown / 1e6)} MB\n`,
    )
    expect(
      RAW_REQUESTS.length + SLOW_REQUESTS.length + HOSTILE_OPERATIONS.length + HOSTILE_SOCKETS.length,
    ).toBeGreaterThanOrEqual(200)
    expect(grown).toBeLessThan(HEAP_GROWTH_BYTES)
  },
)

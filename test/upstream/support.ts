import { createServer as createHttpsServer } from 'node:https'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { z } from 'zod'
import type { Identity } from './certificate.ts'
import { LspFailure } from '../../src/domain/failure.ts'
import type { Clock } from '../../src/domain/time.ts'
import type { LspExchange } from '../../src/protocols/adapter.ts'
import type { AllLookup, Surroundings } from '../../src/upstream/connector.ts'
import { LspConnection, type ExchangeRecord, type HttpTarget } from '../../src/upstream/http.ts'

export const OK = z.object({ ok: z.literal(true) })
export const ASK: LspExchange<{ ok: true }> = { method: 'GET', path: '/get_info', answer: OK }

/** A clock that stands still until a test moves it. */
export class SetClock implements Clock {
  at = Date.parse('2026-11-21T12:00:00Z')

  now(): number {
    return this.at
  }

  pass(ms: number): void {
    this.at += ms
  }
}

export interface TestConnection extends AsyncDisposable {
  readonly connection: LspConnection
  readonly records: readonly ExchangeRecord[]
  ask<Answer = { ok: true }>(exchange?: LspExchange<Answer>, timeoutMs?: number): Promise<Answer>
  /** The failure that asking ends with; anything else that is thrown goes on to the test. */
  failure(exchange?: LspExchange<unknown>, timeoutMs?: number): Promise<LspFailure>
}

export function connect(
  target: Partial<HttpTarget> & { url: string },
  surroundings: Surroundings = {},
  clock: Clock = new SetClock(),
): TestConnection {
  const connection = new LspConnection({ auth: null, ...target }, () => null, clock, surroundings)
  const records: ExchangeRecord[] = []
  const http = (timeoutMs: number) => connection.within({ timeoutMs }, (record) => void records.push(record))
  return {
    connection,
    records,
    ask: (exchange, timeoutMs = 5_000) => http(timeoutMs).exchange((exchange ?? ASK) as never),
    async failure(exchange = ASK, timeoutMs = 5_000) {
      try {
        await http(timeoutMs).exchange(exchange)
      } catch (error) {
        if (error instanceof LspFailure) return error
        throw error
      }
      throw new Error('it did not fail')
    },
    [Symbol.asyncDispose]: () => connection.close(),
  }
}

export interface TestServer extends AsyncDisposable {
  readonly port: number
  /** Sockets that were ever opened to it. */
  readonly connections: readonly Socket[]
}

async function listen(server: Server, address: string, connections: Socket[]): Promise<TestServer> {
  await new Promise<void>((listening) => void server.listen(0, address, listening))
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy()
      await new Promise((closed) => server.close(closed))
    },
  }
}

/** Answers with whatever bytes the test writes, well-formed or not, once a request has come. */
export async function startRawServer(
  answer: (socket: Socket, request: string) => void,
  address = '127.0.0.1',
): Promise<TestServer> {
  const connections: Socket[] = []
  const server = createServer((socket) => {
    connections.push(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => answer(socket, String(bytes)))
  })
  return listen(server, address, connections)
}

/** Answers `{"ok": true}` over TLS. */
export async function startTlsServer({ key, cert }: Identity): Promise<TestServer> {
  const connections: Socket[] = []
  const server = createHttpsServer({ key, cert }, (_request, response) => void response.end('{"ok":true}'))
  server.on('connection', (socket: Socket) => void connections.push(socket))
  server.on('tlsClientError', () => {})
  return listen(server, '127.0.0.1', connections)
}

export const okAnswer = (headers = '') => `HTTP/1.1 200 OK\r\ncontent-length: 11\r\n${headers}\r\n{"ok":true}`

/** A resolver that gives these answers, one to a question, and the last of them from then on. */
export function resolver(...answers: readonly (readonly string[])[]): AllLookup & { asked: string[] } {
  const asked: string[] = []
  const lookup: AllLookup = (hostname, _options, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? []
    asked.push(hostname)
    setImmediate(() =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
    )
  }
  return Object.assign(lookup, { asked })
}

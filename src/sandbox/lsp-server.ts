import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { FaultSwitches } from './faults.ts'
import type { Clock, EpochMs } from '../domain/time.ts'

/** A request as a simulator sees it. */
export interface LspRequest {
  readonly query: Readonly<Record<string, string>>
  /** The `:names` of the route's path. */
  readonly params: Readonly<Record<string, string>>
  readonly body: unknown
}

export interface LspAnswer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export function ok(body: unknown): LspAnswer {
  return { status: 200, body }
}

export interface Route {
  readonly method: 'GET' | 'POST'
  /** After the base path; `:name` matches one segment. */
  readonly path: string
  /** The path does not begin with the base path. */
  readonly fromRoot?: boolean
  /** @throws Refusal */
  readonly handle: (request: LspRequest) => LspAnswer
}

/** An error answer in the format of the protocol. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly answer: LspAnswer

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    super(`refused with ${status}`)
    this.answer = { status, body, headers }
  }
}

/** A protocol's format of the errors that no endpoint answers. */
export interface ErrorFormat {
  unknownPath(): Refusal
  unreadableBody(): Refusal
  rateLimited(): Refusal
}

export interface LoggedRequest {
  readonly method: string
  /** After the LSP's `url`, without the query. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
  readonly at: EpochMs
}

/** A request with its answer, as they are without the faults of the transport. */
export interface LspExchange {
  readonly request: LoggedRequest
  readonly answer: LspAnswer
}

export interface LspServerOptions {
  /** The beginning of every path, without a slash at its end. */
  basePath: string
  faults: FaultSwitches
  slowMs: number
  clock: Clock
  /** Called after each request that was acted on. */
  onActed: () => void
  /** Called with each request and its answer, before the answer is sent. */
  observe: (exchange: LspExchange) => void
}

const MAX_BODY_BYTES = 65_536
const MAX_LOGGED_REQUESTS = 10_000
export const RETRY_AFTER_SECONDS = 60

/** The HTTP side of a simulated LSP: a server of its own on a free loopback port. */
export class LspServer {
  readonly #options: LspServerOptions
  readonly #server: Server
  readonly #closing = new AbortController()
  readonly #log: LoggedRequest[] = []
  #routes: readonly Route[] = []
  #errorFormat: ErrorFormat | null = null

  constructor(options: LspServerOptions) {
    this.#options = options
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  /** Opens the port; `url` needs it. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(0, '127.0.0.1', resolve)
    })
    // A sandbox that was not closed must not keep the process alive.
    this.#server.unref()
  }

  answerWith(routes: readonly Route[], errorFormat: ErrorFormat): void {
    this.#routes = routes
    this.#errorFormat = errorFormat
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The base of the protocol's paths. */
  get url(): string {
    return this.origin + this.#options.basePath
  }

  get requests(): readonly LoggedRequest[] {
    return this.#log
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    await new Promise((resolve) => {
      this.#server.close(resolve)
      this.#server.closeAllConnections()
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const answer = await this.#answer(request)
      if (this.#has('HANGING')) return
      if (this.#has('SLOW')) await wait(this.#options.slowMs, undefined, { signal: this.#closing.signal, ref: false })
      this.#send(response, answer)
    } catch {
      // The client went away, or the sandbox is closing.
      response.destroy()
    }
  }

  async #answer(request: IncomingMessage): Promise<LspAnswer> {
    const url = new URL(request.url ?? '/', 'http://lsp')
    const query = Object.fromEntries(url.searchParams)
    const text = await readBody(request)
    const body = parseJson(text)
    const logged: LoggedRequest = {
      method: request.method ?? 'GET',
      path: this.#pathBehindBase(url.pathname),
      query,
      body: body ?? null,
      at: this.#options.clock.now(),
    }
    this.#record(logged)
    const answer = this.#answerTo(logged, url.pathname, text === '' ? null : body)
    this.#options.observe({ request: logged, answer })
    return answer
  }

  #answerTo({ method, query }: LoggedRequest, path: string, body: unknown): LspAnswer {
    if (this.#has('SERVER_ERROR')) return { status: 503, body: 'upstream connect error or disconnect before headers' }
    try {
      return this.#act(method, path, query, body)
    } catch (error) {
      if (error instanceof Refusal) return error.answer
      throw error
    }
  }

  #act(method: string, path: string, query: Readonly<Record<string, string>>, body: unknown): LspAnswer {
    const errorFormat = this.#errorFormat
    if (!errorFormat) throw new Error('the simulator is not ready')
    if (this.#has('RATE_LIMITED')) throw errorFormat.rateLimited()
    for (const route of this.#routes) {
      const params =
        route.method === method
          ? matchPath(route.fromRoot ? route.path : this.#options.basePath + route.path, path)
          : null
      if (!params) continue
      if (body === undefined) throw errorFormat.unreadableBody()
      const answer = route.handle({ query, params, body })
      this.#options.onActed()
      return answer
    }
    throw errorFormat.unknownPath()
  }

  #send(response: ServerResponse, { status, body, headers }: LspAnswer): void {
    const isText = typeof body === 'string'
    const text = isText ? body : JSON.stringify(body)
    if (this.#has('MALFORMED')) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(text.slice(0, Math.ceil(text.length / 2)))
      return
    }
    response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers }).end(text)
  }

  #record(request: LoggedRequest): void {
    this.#log.push(request)
    if (this.#log.length > MAX_LOGGED_REQUESTS) this.#log.shift()
  }

  #pathBehindBase(path: string): string {
    const { basePath } = this.#options
    return path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path
  }

  #has(fault: Parameters<FaultSwitches['has']>[0]): boolean {
    return this.#options.faults.has(fault)
  }
}

/** The parameters of a path that fits its pattern, else null. */
function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const given = path.replace(/\/$/, '').split('/')
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? ''
    if (segment.startsWith(':')) params[segment.slice(1)] = decodeSegment(value)
    else if (segment !== value) return null
  }
  return params
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** A body that is too large is treated as invalid JSON. */
async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= MAX_BODY_BYTES) chunks.push(chunk)
  }
  return size > MAX_BODY_BYTES ? '{' : Buffer.concat(chunks).toString('utf8')
}

/** undefined: not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

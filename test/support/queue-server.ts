import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RecordedRequest {
  method: string
  path: string
  query: Readonly<Record<string, string>>
  headers: IncomingHttpHeaders
  /** What was sent as JSON; undefined when nothing was sent. */
  body: unknown
}

/** May leave the response open: whoever asked then waits. */
export type Handler = (request: RecordedRequest, response: ServerResponse) => void

/** An LSP whose every answer is written by the test: handlers are queued and serve one request each. */
export class QueueServer implements AsyncDisposable {
  readonly requests: RecordedRequest[] = []
  readonly #server: Server
  readonly #queue: { path: string | null; handler: Handler }[] = []
  #always: Handler = text(500, 'the test has queued no answer')

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  static async start(): Promise<QueueServer> {
    const server = new QueueServer()
    await new Promise<void>((listening) => void server.#server.listen(0, '127.0.0.1', listening))
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Serves the next request, or with a path the next one to it: requests made side by side come in any order. */
  next(handler: Handler, path: string | null = null): this {
    this.#queue.push({ path, handler })
    return this
  }

  /** Serves every request that no queued handler takes. */
  always(handler: Handler): this {
    this.#always = handler
    return this
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://lsp')
    let sent = ''
    for await (const chunk of incoming.setEncoding('utf8')) sent += String(chunk)
    const request: RecordedRequest = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: incoming.headers,
      body: sent === '' ? undefined : JSON.parse(sent),
    }
    this.requests.push(request)
    const index = this.#queue.findIndex(({ path }) => path === null || path === request.path)
    const handler = index < 0 ? this.#always : this.#queue.splice(index, 1)[0]?.handler
    handler?.(request, response)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((closed) => this.#server.close(closed))
  }
}

export function text(status: number, body: string, headers: OutgoingHttpHeaders = {}): Handler {
  return (_request, response) => void response.writeHead(status, headers).end(body)
}

export function json(status: number, body: unknown, headers: OutgoingHttpHeaders = {}): Handler {
  return text(status, JSON.stringify(body), { 'content-type': 'application/json', ...headers })
}

import { ERRORS, type ErrorCode } from '../errors.ts'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { serveGraphiql, wantsGraphiql, type GraphiqlOptions } from './graphiql.ts'
import type { Metrics } from './metrics.ts'
import { GRAPHQL_PATH, type Pipeline } from './pipeline.ts'
import { urlOf } from './request.ts'
import { serveWebSocket } from './websocket.ts'
import type { Access } from './policies/access.ts'
import { secure } from './policies/headers.ts'
import { HTTP_LIMITS, limitConnections } from './policies/http-limits.ts'
import { Readers } from './policies/readers.ts'
import { isPublic } from '../upstream/addresses.ts'

export interface ServerOptions {
  host: string
  port: number
  pipeline: Pipeline
  access: Access
  metrics: Metrics
  /** null: no page, only operations. */
  graphiql: GraphiqlOptions | null
  /** Why no order could be placed now; null: one could. */
  readiness(): Promise<Unready | null>
  logger: Logger
}

/** `reason` is for programs, `message` for people; neither names a host, a path or a client. */
export interface Unready {
  reason: string
  message: string
}

export interface RunningServer {
  readonly port: number
  /** http://host:port */
  readonly origin: string
  /** From now on `/ready` fails, and each response closes its connection. Everything is served as before. */
  announceStop(): void
  /** Takes nothing new, lets what runs come to its end, closes the sockets with a reason. */
  close(): Promise<void>
}

const MAX_BODY_BYTES = 100_000
/** What still runs after this long is cut off. */
const FINISH_MS = 5_000
/** Longer than load balancers keep idle connections, so that it is they who close them. */
const KEEP_ALIVE_MS = 65_000

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  let isStopping = false
  const { access, metrics } = options
  const page = options.graphiql && serveGraphiql(options.graphiql, () => access.clients.haveKeys)

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    secure(response)
    if (access.sites.allow(request, response)) return
    const url = urlOf(request)
    if (!url) return text(response, 400, 'not a URL, or not a host\n')
    switch (url.pathname) {
      case GRAPHQL_PATH:
        if (access.sites.isMisdirected(request)) return graphqlError(response, MISDIRECTED)
        if (page && wantsGraphiql(request)) return page(request, response)
        // Without what a request to a proxy has in front of it, which Yoga does not expect.
        request.url = url.pathname + url.search
        return graphql(request, url, response)
      case '/':
        response.writeHead(302, { location: GRAPHQL_PATH }).end()
        return
      case '/health':
        return json(response, 200, { status: 'alive' })
      case '/ready': {
        const problem = isStopping ? STOPPING : await options.readiness()
        return json(response, problem ? 503 : 200, problem ? { status: 'not ready', ...problem } : { status: 'ready' })
      }
      case '/metrics': {
        // Figures are for the operator, who is near or has a key.
        const hasKey = access.clients.haveKeys && access.clients.grantOfKey(request.headers.authorization) !== null
        // Who is near is let in without one, and so would be a page that is shown there.
        if (access.sites.isMisdirected(request, hasKey)) return graphqlError(response, MISDIRECTED)
        if (!hasKey && !isNear(request)) return text(response, 403, 'from the internet only with a key\n')
        const { contentType, body } = await metrics.text()
        response.writeHead(200, { 'content-type': contentType }).end(body)
        return
      }
      default:
        return text(response, 404, 'not found\n')
    }
  }

  async function graphql(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    const problem = (access.sites.isForeign(request) ? FOREIGN : null) ?? bodyProblem(request) ?? parameterProblem(url)
    if (problem) {
      response.setHeader('connection', 'close')
      return graphqlError(response, problem)
    }
    await options.pipeline(request, response, {
      authorization: request.headers.authorization ?? null,
      address: access.addresses.of(request),
    })
  }

  function isNear(request: IncomingMessage): boolean {
    const address = access.addresses.exactly(request)
    return address !== null && !isPublic(address)
  }

  const server = createServer({ ...HTTP_LIMITS, keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    if (isStopping) response.setHeader('connection', 'close')
    response.on('close', () => {
      metrics.request(request.method ?? '', response.headersSent ? response.statusCode : null)
      if (isStopping) server.closeIdleConnections()
    })
    route(request, response).catch((error: unknown) => {
      options.logger.error({ err: error }, 'a request failed')
      if (!response.headersSent) text(response, 500, 'internal error\n')
      else response.destroy()
    })
  })
  limitConnections(server, access)
  const readers = new Readers(server)
  const webSocket = serveWebSocket(server, options)
  metrics.watchSockets(() => webSocket.socketCount)
  const port = await listen(server, options.host, options.port)
  const host = options.host.includes(':') ? `[${options.host}]` : options.host

  return {
    port,
    origin: `http://${host}:${port}`,
    announceStop() {
      isStopping = true
    },
    async close() {
      isStopping = true
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      const cut = setTimeout(() => server.closeAllConnections(), FINISH_MS)
      // A stream that ended well would tell its reader that nothing more will happen.
      for (const response of readers.responses)
        if (response.headersSent && response.req.headers.accept?.includes('text/event-stream')) response.destroy()
      await Promise.all([webSocket.close(), closed])
      clearTimeout(cut)
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/**
 * A body is refused before it is read: without its length nobody knows when to stop reading. Only JSON is taken,
 * since any page in a browser may send a form, or a text, to any server without asking that server first.
 */
function bodyProblem({ method, headers }: IncomingMessage): Problem | null {
  if (method !== 'POST') return null
  if (!/^application\/(graphql\+)?json\s*(;|$)/i.test(headers['content-type'] ?? ''))
    return { status: 415, message: 'a body of the type application/json is wanted' }
  if (headers['transfer-encoding'] !== undefined || headers['content-length'] === undefined)
    return { status: 411, message: 'Content-Length is wanted' }
  return Number(headers['content-length']) > MAX_BODY_BYTES
    ? { status: 413, message: `a body of at most ${MAX_BODY_BYTES} bytes is wanted` }
    : null
}

/** Yoga takes these for JSON without a look, and for an error of its own when they are not. */
function parameterProblem({ searchParams }: URL): Problem | null {
  for (const name of ['variables', 'extensions']) {
    try {
      JSON.parse(searchParams.get(name) || 'null')
    } catch {
      return { status: 400, message: `${name}: JSON is wanted` }
    }
  }
  return null
}

interface Problem {
  status: number
  message: string
  code?: ErrorCode
}

const FOREIGN: Problem = {
  status: ERRORS.CROSS_SITE_REQUEST.httpStatus,
  code: 'CROSS_SITE_REQUEST',
  message: 'a page of another site may not ask; a program that looks like a browser sends graphql-require-preflight: 1',
}
const MISDIRECTED: Problem = {
  status: ERRORS.MISDIRECTED_REQUEST.httpStatus,
  code: 'MISDIRECTED_REQUEST',
  message:
    'without a key this is asked by its address, as localhost, or by a name that its operator has put into allowedOrigins, such as http://NAME:PORT',
}

function graphqlError(response: ServerResponse, { status, message, code = 'BAD_REQUEST' }: Problem): void {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
    .end(JSON.stringify({ errors: [{ message, extensions: { code } }] }))
}

const STOPPING: Unready = { reason: 'STOPPING', message: 'this gateway is stopping' }

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(`${JSON.stringify(body)}\n`)
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body)
}

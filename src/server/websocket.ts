import type { Server } from 'node:http'
import { GraphQLError, Kind, OperationTypeNode, type DocumentNode, type ExecutionArgs, type ExecutionResult, type GraphQLFormattedError } from 'graphql'
import { handleProtocols } from 'graphql-ws'
import { useServer } from 'graphql-ws/use/ws'
import type { Logger } from 'pino'
import { WebSocketServer, type WebSocket } from 'ws'
import { GRAPHQL_PATH, type Pipeline } from './pipeline.ts'
import type { Access } from './policies/access.ts'
import { authenticated } from './policies/authentication.ts'
import { refuseConnection } from './policies/http-limits.ts'
import { MessageCount } from './policies/messages.ts'
import { rateLimited } from './policies/refusals.ts'
import { urlOf } from './request.ts'

const MAX_MESSAGE_BYTES = 64 * 1024
/** A client that does not answer our goodbye is not waited for longer than this. */
const CLOSE_TIMEOUT_MS = 2_000

const INIT_TIMEOUT_MS = 3_000
/** Answers that a client has asked for and does not take. */
const MAX_UNREAD_BYTES = 4_000_000
/** Of ours, outside of graphql-ws' list: its client connects again, and resumes. */
const TOO_SLOW = 4410
const TOO_MANY_MESSAGES = 4429
const TRY_AGAIN_LATER = 1013

/**
 * graphql-ws wants to execute documents itself. Ours are executed by the pipeline, so it gets this one, and what
 * the pipeline made of the real one as its context.
 */
const DOCUMENT_OF_THE_PIPELINE: DocumentNode = {
  kind: Kind.DOCUMENT,
  definitions: [{ kind: Kind.OPERATION_DEFINITION, operation: OperationTypeNode.SUBSCRIPTION, selectionSet: { kind: Kind.SELECTION_SET, selections: [] } }],
}

type Result = ExecutionResult | AsyncIterable<ExecutionResult>

export interface WebSocketOptions {
  pipeline: Pipeline
  access: Access
  logger: Logger
}

/** Whoever is at the other end of a socket. */
interface Peer {
  /** As limits count it. */
  readonly address: string
  /** How many operations' answers are being worked out: one that its client has taken back runs on until then. */
  beginning: number
  readonly messages: MessageCount
}

export interface WebSocketTransport {
  readonly socketCount: number
  /** Closes every socket, with a reason. */
  close(): Promise<void>
}

/** GraphQL over WebSocket (graphql-transport-ws) on the same path as over HTTP. */
export function serveWebSocket(server: Server, { pipeline, access, logger }: WebSocketOptions): WebSocketTransport {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols,
    closeTimeout: CLOSE_TIMEOUT_MS,
  } as ConstructorParameters<typeof WebSocketServer>[0])

  const peers = new WeakMap<WebSocket, Peer>()
  const peerOf = (socket: WebSocket) => peers.get(socket) as Peer

  server.on('upgrade', (request, socket, head) => {
    const url = urlOf(request)
    if (!url) return refuseConnection(socket, 400)
    if (url.pathname !== GRAPHQL_PATH) return refuseConnection(socket, 404)
    if (access.sites.isMisdirected(request)) return refuseConnection(socket, 421)
    if (access.sites.isForeignSocket(request)) return refuseConnection(socket, 403)
    const address = access.addresses.of(request)
    const release = access.sockets.open(address)
    if (!release) return refuseConnection(socket, 429, { 'Retry-After': '5' })
    let isOpen = false
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      isOpen = true
      peers.set(webSocket, { address, beginning: 0, messages: new MessageCount() })
      webSocket.once('close', release)
      sockets.emit('connection', webSocket, request)
    })
    if (!isOpen) release()
  })

  const contextOf = (socket: WebSocket, connectionParams: { authorization?: unknown } | undefined) => ({
    authorization: authorizationOf(connectionParams),
    address: peerOf(socket).address,
  })

  const transport = useServer<{ authorization?: unknown }, { socket: WebSocket }>(
    {
      // Else the reason of a close would tell clients what went wrong in here.
      isProd: true,
      connectionInitWaitTimeout: INIT_TIMEOUT_MS,
      jsonMessageReviver: readMessage,
      async onConnect({ connectionParams, extra: { socket } }) {
        try {
          const grant = await authenticated(access, { ...contextOf(socket, connectionParams), isGreeting: true }, logger)
          const release = access.sockets.assign(grant)
          if (!release) throw rateLimited('no more connections of this client are taken', 5_000)
          const unlisten = grant.onEnd((end) => {
            // graphql-ws' client comes back after 4403, which is of use when it can get a new token by itself.
            socket.close(grant.isRenewable ? 4403 : 4401, end === 'EXPIRED' ? 'the key has expired' : 'the key was revoked')
          })
          const leave = () => {
            release()
            unlisten()
          }
          if (socket.readyState === socket.OPEN) socket.once('close', leave)
          else leave()
          peerOf(socket).messages.acknowledge(grant.limits)
          return true
        } catch (error) {
          if (!(error instanceof GraphQLError)) throw error
          if (error.extensions['code'] !== 'UNAUTHENTICATED') socket.close(TRY_AGAIN_LATER, error.message)
          return false
        }
      },
      async onSubscribe({ connectionParams, subscriptions, extra: { socket } }, _id, payload) {
        if (isTooSlow(socket)) return [rateLimited('answers are left unread', 1_000)]
        const peer = peerOf(socket)
        if (Math.max(Object.keys(subscriptions).length, peer.beginning + 1) > access.limits.subscriptionsPerSocket) {
          return [rateLimited(`no more than ${access.limits.subscriptionsPerSocket} operations at once are allowed over one connection`, 1_000)]
        }
        const request = new pipeline.fetchAPI.Request(`http://localhost${GRAPHQL_PATH}`, { method: 'POST' })
        let result: Result
        peer.beginning += 1
        try {
          result = (await pipeline.getResultForParams({ params: payload as never, request }, contextOf(socket, connectionParams))) as Result
        } catch (error) {
          // Thrown on, it would close the socket with all that runs on it.
          if (error instanceof GraphQLError) return [error]
          logger.error({ err: error }, 'an operation over WebSocket failed')
          return [new GraphQLError('Unexpected error.', { extensions: { code: 'INTERNAL_SERVER_ERROR' } })]
        } finally {
          peer.beginning -= 1
        }
        if (!(Symbol.asyncIterator in result) && !('data' in result) && result.errors) return result.errors
        return { schema: undefined as never, document: DOCUMENT_OF_THE_PIPELINE, contextValue: result } satisfies ExecutionArgs
      },
      subscribe: (args) => args.contextValue as never,
      // What is for HTTP is not for clients here.
      onError: (_context, _id, _payload, errors) => errors.map(withoutHttp),
      onNext({ extra: { socket } }, _id, _payload, _args, { errors, ...result }) {
        isTooSlow(socket)
        return errors ? { ...result, errors: errors.map(withoutHttp) } : result
      },
      onPing: ({ extra: { socket } }) => void isTooSlow(socket),
    },
    sockets,
  )
  sockets.on('connection', (socket) => {
    // graphql-ws takes a client's broken frame for an error of ours and prints it; ws closes the socket by itself.
    socket.removeAllListeners('error')
    socket.on('error', (error) => logger.debug({ err: error }, 'a WebSocket broke'))
    socket.on('ping', () => isTooSlow(socket))
    const count = () => {
      const problem = peerOf(socket).messages.add()
      if (problem === null) return
      // What has been sent already arrives until the client has closed its side too; nobody listens any more.
      socket.removeAllListeners('message')
      socket.close(TOO_MANY_MESSAGES, problem)
    }
    for (const event of ['message', 'ping', 'pong'] as const) socket.prependListener(event, count)
    // Nor is it an error of ours that a client was gone before its answer: graphql-ws would print each of them.
    const send = socket.send.bind(socket) as (data: string, sent: () => void) => void
    socket.send = (data: unknown, sent?: unknown) => send(String(data), () => typeof sent === 'function' && sent())
  })

  return {
    get socketCount() {
      return sockets.clients.size
    },
    async close() {
      for (const socket of sockets.clients) socket.close(1001, 'the gateway is going away; reconnect and resume with afterSequence')
      await transport.dispose()
    },
  }
}

/** Whether the client has left too much of its answers unread; it is let go then. */
function isTooSlow(socket: WebSocket): boolean {
  if (socket.bufferedAmount <= MAX_UNREAD_BYTES) return false
  socket.close(TOO_SLOW, 'too slow; reconnect and resume with afterSequence')
  return true
}

/** What only a server says. graphql-ws lets it pass, and then takes it for an error of ours, which it prints. */
const NOT_FOR_CLIENTS: ReadonlySet<unknown> = new Set(['connection_ack', 'next', 'error'])

/** A message as graphql-ws expects it: it insists on a document, which an operation that is named by its id lacks. */
function readMessage(key: string, value: unknown): unknown {
  if (key !== '' || !isRecord(value)) return value
  if (NOT_FOR_CLIENTS.has(value['type'])) return null
  const payload = value['type'] === 'subscribe' ? value['payload'] : undefined
  if (!isRecord(payload) || payload['query'] != null) return value
  const extensions = payload['extensions']
  if (payload['documentId'] === undefined && !(isRecord(extensions) && isRecord(extensions['persistedQuery']))) return value
  return { ...value, payload: { ...payload, query: '' } }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withoutHttp(error: GraphQLError): GraphQLFormattedError {
  const { extensions, ...rest } = error.toJSON()
  if (!extensions) return rest
  const { http: _http, unexpected: _unexpected, ...visible } = extensions
  return { ...rest, extensions: visible }
}

function authorizationOf(connectionParams: { authorization?: unknown } | undefined): string | null {
  const value = connectionParams?.authorization
  return typeof value === 'string' ? value : null
}

import { apiError, CLOSE_CODES, withoutHttp } from '../errors.ts'
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  GraphQLError,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
} from 'graphql'
import { handleProtocols, makeServer } from 'graphql-ws'
import type { Logger } from 'pino'
import { WebSocketServer, type WebSocket } from 'ws'
import { GRAPHQL_PATH, type Pipeline } from './pipeline.ts'
import type { Access } from './policies/access.ts'
import { authenticated } from './policies/authentication.ts'
import { refuseConnection } from './policies/http-limits.ts'
import { MessageCount } from './policies/messages.ts'
import { rateLimited } from './policies/refusals.ts'
import {
  MAX_BUFFERED_CHUNKS,
  MAX_FRAGMENTS,
  UnfinishedMessages,
  type UnfinishedMessage,
} from './policies/unfinished-messages.ts'
import { urlOf } from './request.ts'
import { readMessage, type Greeting } from './websocket-messages.ts'

const MAX_MESSAGE_BYTES = 64 * 1024
/** A client that does not answer our goodbye is not waited for longer than this. */
const CLOSE_TIMEOUT_MS = 2_000

const INIT_TIMEOUT_MS = 3_000
const PING_EVERY_MS = 12_000
/** Answers that a client has asked for and does not take. */
const MAX_UNREAD_BYTES = 4_000_000
/** Of ours, outside of graphql-ws' list: its client connects again, and resumes. */
const TOO_SLOW = 4410

/**
 * graphql-ws wants to execute documents itself. Ours are executed by the pipeline, so it gets this one, and what
 * the pipeline made of the real one as its context.
 */
const DOCUMENT_OF_THE_PIPELINE: DocumentNode = {
  kind: Kind.DOCUMENT,
  definitions: [
    {
      kind: Kind.OPERATION_DEFINITION,
      operation: OperationTypeNode.SUBSCRIPTION,
      selectionSet: { kind: Kind.SELECTION_SET, selections: [] },
    },
  ],
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
  readonly unfinished: UnfinishedMessage
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
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    perMessageDeflate: false,
    handleProtocols,
    closeTimeout: CLOSE_TIMEOUT_MS,
  } as ConstructorParameters<typeof WebSocketServer>[0])

  const unfinishedMessages = new UnfinishedMessages()
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
      const unfinished = unfinishedMessages.open(() => {
        webSocket.close(
          CLOSE_CODES.TRY_AGAIN_LATER.code,
          'unfinished messages of all connections take too much memory; reconnect',
        )
        webSocket.terminate()
      })
      limitUnfinished(webSocket, socket, unfinished)
      peers.set(webSocket, { address, beginning: 0, messages: new MessageCount(), unfinished })
      webSocket.once('close', release)
      sockets.emit('connection', webSocket, request)
    })
    if (!isOpen) release()
  })

  const contextOf = (socket: WebSocket, greeting: Greeting | undefined) => ({
    authorization: greeting?.authorization ?? null,
    address: peerOf(socket).address,
  })

  const protocol = makeServer<Greeting, { socket: WebSocket }>({
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    async onConnect({ connectionParams, extra: { socket } }) {
      try {
        const grant = await authenticated(access, { ...contextOf(socket, connectionParams), isGreeting: true }, logger)
        const release = access.sockets.assign(grant)
        if (!release) throw rateLimited('no more connections of this client are taken', 5_000)
        const unlisten = grant.onEnd((end) => {
          // graphql-ws' client comes back after 4403, which is of use when it can get a new token by itself.
          socket.close(
            (grant.isRenewable ? CLOSE_CODES.FORBIDDEN : CLOSE_CODES.UNAUTHORIZED).code,
            end === 'EXPIRED' ? 'the key has expired' : 'the key was revoked',
          )
        })
        const leave = () => {
          release()
          unlisten()
        }
        if (socket.readyState === socket.OPEN) socket.once('close', leave)
        else leave()
        peerOf(socket).messages.acknowledge(grant.limits)
        peerOf(socket).unfinished.acknowledge()
        return true
      } catch (error) {
        if (!(error instanceof GraphQLError)) throw error
        if (error.extensions['code'] !== 'UNAUTHENTICATED')
          socket.close(CLOSE_CODES.TRY_AGAIN_LATER.code, error.message)
        return false
      }
    },
    async onSubscribe({ connectionParams, subscriptions, extra: { socket } }, _id, payload) {
      if (isTooSlow(socket)) return [rateLimited('answers are left unread', 1_000)]
      const peer = peerOf(socket)
      if (Math.max(Object.keys(subscriptions).length, peer.beginning + 1) > access.limits.subscriptionsPerSocket) {
        return [
          rateLimited(
            `no more than ${access.limits.subscriptionsPerSocket} operations at once are allowed over one connection`,
            1_000,
          ),
        ]
      }
      const request = new pipeline.fetchAPI.Request(`http://localhost${GRAPHQL_PATH}`, { method: 'POST' })
      const params = { ...payload }
      // graphql-ws keeps the message for as long as the operation runs.
      for (const name of Object.keys(payload)) delete (payload as unknown as Record<string, unknown>)[name]
      let result: Result
      peer.beginning += 1
      try {
        result = (await pipeline.getResultForParams(
          { params: params as never, request },
          contextOf(socket, connectionParams),
        )) as Result
      } catch (error) {
        // Thrown on, it would close the socket with all that runs on it.
        if (error instanceof GraphQLError) return [error]
        logger.error({ err: error }, 'an operation over WebSocket failed')
        return [apiError('INTERNAL_SERVER_ERROR', 'Unexpected error.')]
      } finally {
        peer.beginning -= 1
      }
      if (!(Symbol.asyncIterator in result) && !('data' in result) && result.errors) return result.errors
      return {
        schema: undefined as never,
        document: DOCUMENT_OF_THE_PIPELINE,
        contextValue: result,
      } satisfies ExecutionArgs
    },
    subscribe: (args) => args.contextValue as never,
    // What is for HTTP is not for clients here.
    onError: (_context, _id, _payload, errors) => errors.map(withoutHttp),
    onNext({ extra: { socket } }, _id, _payload, _args, { errors, ...result }) {
      isTooSlow(socket)
      return errors ? { ...result, errors: errors.map(withoutHttp) } : result
    },
    onPing: ({ extra: { socket } }) => void isTooSlow(socket),
  })

  sockets.on('connection', (socket) => {
    // A client that breaks its connection off, or its frames, is no error of ours; ws closes the socket by itself.
    socket.on('error', (error) => logger.debug({ err: error }, 'a WebSocket broke'))
    const isTooMany = (data: Buffer) => {
      const problem = peerOf(socket).messages.add(data.length)
      if (problem === null) return false
      // What has been sent already arrives until the client has closed its side too; nobody listens any more.
      socket.removeAllListeners('message')
      socket.close(CLOSE_CODES.TOO_MANY_MESSAGES.code, problem)
      return true
    }
    const { take, leave } = speak(protocol, socket)
    const fail = (error: unknown) => {
      logger.error({ err: error }, 'a WebSocket failed')
      socket.close(CLOSE_CODES.INTERNAL_ERROR.code, 'Internal server error')
    }
    socket.on('message', (data: Buffer) => void (isTooMany(data) || take(readMessage(String(data))).catch(fail)))
    socket.on('ping', (data) => void (isTooMany(data) || isTooSlow(socket)))
    socket.on('pong', (data) => void isTooMany(data))
    socket.once('close', (code, reason) => void leave(code, String(reason)).catch(fail))
    keepAlive(socket)
  })

  return {
    get socketCount() {
      return sockets.clients.size
    },
    async close() {
      for (const socket of sockets.clients)
        socket.close(CLOSE_CODES.GOING_AWAY.code, 'the gateway is going away; reconnect and resume with afterSequence')
      await new Promise<void>((resolve) => {
        sockets.close(() => resolve())
      })
    },
  }
}

/** Counts what arrives over `connection` before `ws` does, which tells nothing of a message until it is complete. */
function limitUnfinished(socket: WebSocket, connection: Duplex, unfinished: UnfinishedMessage): void {
  let isRefused = false
  // After its own error `ws` closes the socket, and discards what still arrives.
  socket.once('error', () => (isRefused = true))
  connection.prependListener('data', (chunk: Buffer) => {
    if (isRefused) return
    const problem = unfinished.add(chunk)
    if (problem === null) return
    isRefused = true
    if (socket.readyState !== socket.OPEN) return socket.terminate()
    socket.close(CLOSE_CODES.TOO_MANY_MESSAGES.code, problem)
    // What the client sends until it has closed its side stays unread. `closeTimeout` ends the connection.
    socket.pause()
  })
  socket.once('close', () => unfinished.release())
}

type Protocol = ReturnType<typeof makeServer<Greeting, { socket: WebSocket }>>

/** Of graphql-ws' own adapter for ws, without what it prints, and with messages that were parsed already. */
function speak(protocol: Protocol, socket: WebSocket) {
  let take: (message: string) => Promise<void> = () => Promise.resolve()
  const leave = protocol.opened(
    {
      protocol: socket.protocol,
      // A client that is gone before its answer is no error of ours.
      send: (data) =>
        new Promise((resolve) => (socket.readyState === socket.OPEN ? socket.send(data, () => resolve()) : resolve())),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (listener) => (take = listener),
    },
    { socket },
  )
  return { leave, take: (message: unknown) => take(message as string) }
}

/** Without an answer the client is gone, though nobody told us. */
function keepAlive(socket: WebSocket): void {
  let isThere = true
  const pings = setInterval(() => {
    if (!isThere) return socket.terminate()
    isThere = false
    socket.ping()
  }, PING_EVERY_MS)
  socket.on('pong', () => (isThere = true))
  socket.once('close', () => clearInterval(pings))
}

/** Whether the client has left too much of its answers unread; it is let go then. */
function isTooSlow(socket: WebSocket): boolean {
  if (socket.bufferedAmount <= MAX_UNREAD_BYTES) return false
  socket.close(TOO_SLOW, 'too slow; reconnect and resume with afterSequence')
  return true
}

import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { GraphQLError, Kind, OperationTypeNode, type DocumentNode, type ExecutionArgs, type ExecutionResult } from 'graphql'
import { handleProtocols } from 'graphql-ws'
import { useServer } from 'graphql-ws/use/ws'
import type { Logger } from 'pino'
import { WebSocketServer } from 'ws'
import type { Clients } from './clients.ts'
import { GRAPHQL_PATH, type Pipeline } from './pipeline.ts'
import { isOfAnotherSite, urlOf } from './request.ts'

const MAX_MESSAGE_BYTES = 64 * 1024
/** A client that does not answer our goodbye is not waited for longer than this. */
const CLOSE_TIMEOUT_MS = 2_000

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
  clients: Clients
  logger: Logger
}

export interface WebSocketTransport {
  readonly socketCount: number
  /** Closes every socket, with a reason. */
  close(): Promise<void>
}

/** GraphQL over WebSocket (graphql-transport-ws) on the same path as over HTTP. */
export function serveWebSocket(server: Server, { pipeline, clients, logger }: WebSocketOptions): WebSocketTransport {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols,
    closeTimeout: CLOSE_TIMEOUT_MS,
  } as ConstructorParameters<typeof WebSocketServer>[0])

  server.on('upgrade', (request, socket, head) => {
    const url = urlOf(request)
    if (!url) return refuse(socket, '400 Bad Request')
    if (url.pathname !== GRAPHQL_PATH) return refuse(socket, '404 Not Found')
    // Browsers let any page open a WebSocket to any server, this machine's included; a key is what a page would lack.
    if (!clients.haveKeys && isOfAnotherSite(request)) return refuse(socket, '403 Forbidden')
    sockets.handleUpgrade(request, socket, head, (webSocket) => sockets.emit('connection', webSocket, request))
  })

  const transport = useServer<{ authorization?: unknown }>(
    {
      // Else the reason of a close would tell clients what went wrong in here.
      isProd: true,
      onConnect: async ({ connectionParams }) => (await clients.grantFor(authorizationOf(connectionParams))) !== null,
      async onSubscribe({ connectionParams }, _id, payload) {
        const request = new pipeline.fetchAPI.Request(`http://localhost${GRAPHQL_PATH}`, { method: 'POST' })
        let result: Result
        try {
          result = (await pipeline.getResultForParams({ params: payload as never, request }, { authorization: authorizationOf(connectionParams) })) as Result
        } catch (error) {
          // Thrown on, it would close the socket with all that runs on it.
          if (error instanceof GraphQLError) return [error]
          logger.error({ err: error }, 'an operation over WebSocket failed')
          return [new GraphQLError('Unexpected error.')]
        }
        if (!(Symbol.asyncIterator in result) && !('data' in result) && result.errors) return result.errors
        return { schema: undefined as never, document: DOCUMENT_OF_THE_PIPELINE, contextValue: result } satisfies ExecutionArgs
      },
      subscribe: (args) => args.contextValue as never,
    },
    sockets,
  )
  // graphql-ws takes a client's broken frame for an error of ours and prints it; ws closes the socket by itself.
  sockets.on('connection', (socket) => {
    socket.removeAllListeners('error')
    socket.on('error', (error) => logger.debug({ err: error }, 'a WebSocket broke'))
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

/** Node has let go of the socket: whatever happens to it is ours, its errors too. */
function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => {})
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function authorizationOf(connectionParams: { authorization?: unknown } | undefined): string | null {
  const value = connectionParams?.authorization
  return typeof value === 'string' ? value : null
}

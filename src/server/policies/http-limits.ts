import { STATUS_CODES, type Server, type ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { SECOND_MS } from '../../domain/time.ts'
import type { Access } from './access.ts'

/** Besides the WebSockets: requests, streams, and those who wait for their turn. */
const REQUEST_CONNECTIONS = 10_000

/** How long, and how much, a client may take to say what it wants. */
export const HTTP_LIMITS = {
  headersTimeout: 10 * SECOND_MS,
  requestTimeout: 20 * SECOND_MS,
  connectionsCheckingInterval: 2 * SECOND_MS,
  maxHeaderSize: 16_384,
} as const satisfies ServerOptions

const STATUS_OF_ERRORS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }

/** What is not HTTP, or takes too long or too much of it, is answered in short and cut off. */
export function limitConnections(
  server: Server,
  { limits, addresses, sockets }: Pick<Access, 'limits' | 'addresses' | 'sockets'>,
): void {
  server.maxConnections = limits.totalSockets + REQUEST_CONNECTIONS
  // Else one address could have them all, with nothing to show for it.
  server.on('connection', (socket: Socket) => {
    const address = addresses.ofConnection(socket)
    if (address === null) return
    const release = sockets.connect(address)
    if (release) socket.once('close', release)
    else socket.destroy()
  })
  server.maxHeadersCount = 100
  server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
    refuseConnection(socket, STATUS_OF_ERRORS[error.code ?? ''] ?? 400),
  )
}

/** Node has let go of the socket: whatever happens to it is ours, its errors too. */
export function refuseConnection(socket: Duplex, status: number, headers: Readonly<Record<string, string>> = {}): void {
  socket.on('error', () => {})
  // Nobody is left to answer, or the answer of another request is under way.
  if (!socket.writable || hasBegunToAnswer(socket)) return void socket.destroy()
  socket.once('finish', () => socket.destroy())
  const lines = Object.entries({ Connection: 'close', 'Content-Length': '0', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`)
}

function hasBegunToAnswer(socket: Duplex): boolean {
  // oxlint-disable-next-line no-underscore-dangle -- Node's own handler looks there too; there is no other place
  const answer = (socket as { _httpMessage?: { headersSent?: boolean } | null })._httpMessage
  return answer?.headersSent === true
}

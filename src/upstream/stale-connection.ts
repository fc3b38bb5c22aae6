import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type { DiagnosticsChannel } from 'undici'

// A server may close an idle connection at the moment when the next request is written to it. RFC 9110, section 9.2.2,
// then allows a request that changes nothing to be repeated. undici reports neither whether a connection was used before
// nor how many bytes of the answer came, but publishes when it begins to write a request, and when a request fails.

interface SentOn {
  socket: Socket
  /** What had been read from the connection when the request was written. */
  bytesReadBefore: number
}

const CLOSED_BY_SERVER: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

const sent = new WeakMap<object, SentOn>()
const stale = new WeakSet<Error>()

subscribe('undici:client:sendHeaders', (message) => {
  const { request, socket } = message as DiagnosticsChannel.ClientSendHeadersMessage
  sent.set(request, { socket, bytesReadBefore: socket.bytesRead })
})

subscribe('undici:request:error', (message) => {
  const { request, error } = message as DiagnosticsChannel.RequestErrorMessage
  const on = sent.get(request)
  if (on && on.bytesReadBefore > 0 && on.socket.bytesRead === on.bytesReadBefore) stale.add(error)
})

/** Whether the server closed a connection that had served another request, before any byte of this answer. */
export function isStaleConnection(error: unknown): boolean {
  return error instanceof Error && stale.has(error) && CLOSED_BY_SERVER.has((error as NodeJS.ErrnoException).code)
}

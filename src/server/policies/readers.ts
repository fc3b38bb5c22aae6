import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { SECOND_MS } from '../../domain/time.ts'

/** What clients may leave unread. Time is counted in looks: while this process hangs, nobody can take anything from it. */
export interface UnreadLimits {
  lookEveryMs: number
  /**
   * Whoever has taken nothing for so many looks is cut off. Systems tell of what was taken in pieces of up to 1.5 MB
   * when nothing but the reader is slow: in 30 s, that is somebody who reads 50 kB/s.
   */
  patience: number
  /** The same for whoever's answers wait behind one that is not ready, which is no fault of theirs. */
  patienceInTurn: number
  /** Of all connections together. */
  mostBytes: number
  /** Beyond that, those who have taken nothing for so many looks are cut off, who leave most unread first. */
  patienceBeyond: number
}

const LIMITS: UnreadLimits = {
  lookEveryMs: SECOND_MS,
  patience: 30,
  patienceInTurn: 150,
  mostBytes: 128_000_000,
  patienceBeyond: 2,
}

interface Reader {
  /** Not answered to the end yet. Of requests that were sent without waiting, all but the first wait for their turn. */
  readonly responses: Set<ServerResponse>
  taken: number
  looksInVain: number
}

/** Everybody who is connected, over HTTP or WebSocket, and whether they read what they asked for. */
export class Readers {
  readonly #readers = new Map<Socket, Reader>()

  constructor(server: Server, limits: UnreadLimits = LIMITS) {
    server.on('connection', (socket: Socket) => {
      this.#readers.set(socket, { responses: new Set(), taken: 0, looksInVain: 0 })
      // An answer that waited for its turn is not told that it will never come.
      socket.once('close', () => this.#readers.delete(socket))
    })
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      const responses = this.#readers.get(socket)?.responses
      responses?.add(response)
      response.once('close', () => responses?.delete(response))
    })
    const look = setInterval(() => this.#look(limits), limits.lookEveryMs)
    look.unref()
    server.once('close', () => clearInterval(look))
  }

  /** Those that are not answered to the end yet. */
  get responses(): readonly ServerResponse[] {
    return Array.from(this.#readers.values(), ({ responses }) => [...responses]).flat()
  }

  #look({ patience, patienceInTurn, mostBytes, patienceBeyond }: UnreadLimits): void {
    const idle: { socket: Socket; unread: number }[] = []
    let total = 0
    for (const [socket, reader] of this.#readers) {
      const unread = unreadBytes(socket, reader)
      if (unread === 0) {
        reader.looksInVain = 0
        continue
      }
      const taken = takenBytes(socket)
      reader.looksInVain = taken === reader.taken ? reader.looksInVain + 1 : 0
      reader.taken = taken
      if (reader.looksInVain >= (socket.writableLength > 0 ? patience : patienceInTurn)) {
        socket.destroy()
        continue
      }
      total += unread
      if (reader.looksInVain >= patienceBeyond) idle.push({ socket, unread })
    }
    if (total <= mostBytes) return
    for (const { socket, unread } of idle.toSorted((one, other) => other.unread - one.unread)) {
      socket.destroy()
      total -= unread
      if (total <= mostBytes) return
    }
  }
}

function unreadBytes(socket: Socket, { responses }: Reader): number {
  let bytes = socket.writableLength
  for (const response of responses) if (response.socket === null) bytes += response.writableLength
  return bytes
}

/**
 * What the system has taken, which it does as the other side reads. `bytesWritten` counts what waits as well, and
 * `writableLength` a large answer as a whole until its last byte is gone.
 */
function takenBytes(socket: Socket): number {
  // oxlint-disable-next-line no-underscore-dangle -- Node's own timeout of sockets looks there too; there is no other place
  const handle = (socket as { _handle?: { bytesWritten: number; writeQueueSize: number } | null })._handle
  return handle ? handle.bytesWritten - handle.writeQueueSize : 0
}

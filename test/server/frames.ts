import { once } from 'node:events'
import type { Socket } from 'node:net'
import { openRaw } from './wire.ts'

const OPCODES = { continuation: 0, text: 1, ping: 9 }

/** A masked frame as a client sends it, with a payload of as many spaces, or with that text. */
export function frame(opcode: keyof typeof OPCODES, payload: number | string, isLast = true): Buffer {
  const data = typeof payload === 'string' ? Buffer.from(payload) : Buffer.alloc(payload, ' ')
  const length = data.length
  const header =
    length < 126
      ? Buffer.from([0, 0x80 | length])
      : length < 65_536
        ? Buffer.from([0, 0x80 | 126, length >> 8, length & 0xff])
        : Buffer.concat([Buffer.from([0, 0x80 | 127]), bigEndian(length)])
  header[0] = (isLast ? 0x80 : 0) | OPCODES[opcode]
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat([header, Buffer.alloc(4), data])
}

function bigEndian(length: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(length))
  return bytes
}

/** A WebSocket whose frames a test writes byte by byte. */
export class RawSocket {
  readonly #socket: Socket
  #received = Buffer.alloc(0)
  #isClosed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => (this.#received = Buffer.concat([this.#received, chunk])))
    socket.on('close', () => (this.#isClosed = true))
  }

  static async open(origin: string): Promise<RawSocket> {
    const socket = openRaw(origin)
    const raw = new RawSocket(socket)
    socket.write(
      'GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
    )
    await raw.#until('\r\n\r\n')
    return raw
  }

  /** Opened, and acknowledged. */
  static async ready(origin: string, payload: Record<string, unknown> = {}): Promise<RawSocket> {
    const raw = await RawSocket.open(origin)
    await raw.write(frame('text', JSON.stringify({ type: 'connection_init', payload })))
    await raw.#until('connection_ack')
    return raw
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** All that was received, as text; the payload of a close frame has its reason. */
  get received(): string {
    return this.#received.toString('latin1')
  }

  async #until(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      if (this.#isClosed) throw new Error(`the connection was closed after: ${this.received}`)
      await Promise.race([once(this.#socket, 'data'), once(this.#socket, 'close')])
    }
  }

  /** @returns when the bytes have left this process, or the connection is closed. */
  async write(bytes: Buffer): Promise<void> {
    if (this.#isClosed || this.#socket.destroyed) return
    await new Promise<void>((resolve) => {
      this.#socket.once('close', resolve)
      this.#socket.write(bytes, () => {
        this.#socket.off('close', resolve)
        resolve()
      })
    })
  }

  async closed(): Promise<void> {
    if (!this.#isClosed) await once(this.#socket, 'close')
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

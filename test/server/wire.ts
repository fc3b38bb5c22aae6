import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { expect } from 'vitest'
import { WebSocket, type RawData } from 'ws'

/** `expect` for what becomes so in a moment, on a busy machine too. */
export function eventually<T>(value: () => T | Promise<T>) {
  return expect.poll(value, { timeout: 10_000, interval: 10 })
}

/** What comes back for bytes sent as they are, until the other side closes. */
export async function sendRaw(origin: string, text: string): Promise<string> {
  const socket = openRaw(origin)
  socket.write(text)
  return readToEnd(socket)
}

export function openRaw(origin: string): Socket {
  const { hostname, port } = new URL(origin)
  return connect(Number(port), hostname)
}

export async function readToEnd(socket: Socket): Promise<string> {
  let received = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => (received += chunk))
  await once(socket, 'close')
  return received
}

export interface Message {
  id?: string
  type: string
  payload?: unknown
}

/** A raw WebSocket that speaks JSON, and keeps what it hears until it is asked for. */
export class Wire {
  readonly #socket: WebSocket
  readonly #heard: Message[] = []
  #wake: () => void = () => {}
  /** Resolves when the server closed it. */
  readonly closed: Promise<{ code: number; reason: string }>

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data: RawData) => {
      this.#heard.push(JSON.parse((data as Buffer).toString('utf8')) as Message)
      this.#wake()
    })
    this.closed = new Promise((resolve) =>
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString('utf8') })),
    )
  }

  static async open(
    origin: string,
    options: { protocols?: string[]; path?: string; headers?: Record<string, string> } = {},
  ): Promise<Wire> {
    const { protocols = ['graphql-transport-ws'], path = '/graphql', headers = {} } = options
    const socket = new WebSocket(origin.replace('http', 'ws') + path, protocols, { headers })
    const wire = new Wire(socket)
    await once(socket, 'open')
    return wire
  }

  /** Opened, and acknowledged. */
  static async ready(origin: string, payload?: Record<string, unknown>): Promise<Wire> {
    const wire = await Wire.open(origin)
    wire.say({ type: 'connection_init', ...(payload && { payload }) })
    const answer = await wire.hear()
    if (answer.type !== 'connection_ack') throw new Error(`not acknowledged: ${JSON.stringify(answer)}`)
    return wire
  }

  say(message: Message): void {
    this.shout(JSON.stringify(message))
  }

  subscribe(id: string, query: string, variables: Record<string, unknown> = {}): void {
    this.say({ id, type: 'subscribe', payload: { query, variables } })
  }

  /** Sends a text as it is. */
  shout(text: string): void {
    this.#socket.send(text)
  }

  /** What was not asked for yet. */
  get heard(): readonly Message[] {
    return this.#heard
  }

  /** The next message. */
  async hear(): Promise<Message> {
    for (;;) {
      const message = this.#heard.shift()
      if (message) return message
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** The next message that is about the operation; what is about others is kept for them. */
  async hearOf(id: string): Promise<Message> {
    for (;;) {
      const at = this.#heard.findIndex((message) => message.id === id)
      if (at >= 0) return this.#heard.splice(at, 1)[0] as Message
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** What was said up to now and not asked for: a ping is answered after all of it. */
  async rest(): Promise<Message[]> {
    this.say({ type: 'ping' })
    const rest: Message[] = []
    for (;;) {
      const message = await this.hear()
      if (message.type === 'pong') return rest
      rest.push(message)
    }
  }

  close(): Promise<unknown> {
    this.#socket.close(1000)
    return this.closed
  }

  terminate(): void {
    this.#socket.terminate()
  }
}

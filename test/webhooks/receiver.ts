import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One POST, as it came. */
export interface Received {
  id: string
  timestamp: number
  signature: string
  headers: IncomingMessage['headers']
  body: string
  /** What the body says. */
  data: { orderId: string; sequence: number; state: string; previousState: string | null; message: string; at: string }
  /** How many others were being answered when it came. */
  atTheSameTime: number
}

export type Behaviour = (received: Received, response: ServerResponse) => void

export const answer =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (_, response) =>
    void response.writeHead(status, headers).end('what nobody reads')
export const accept = answer(204)
export const hang: Behaviour = () => {}

/** A wallet's server, which takes POSTs as it is told to. */
export class Receiver implements AsyncDisposable {
  readonly received: Received[] = []
  behave: Behaviour = accept
  readonly #server = createServer((request, response) => void this.#take(request, response))
  #open = 0
  #waiting: (() => void)[] = []

  static async start(): Promise<Receiver> {
    const receiver = new Receiver()
    await once(receiver.#server.listen(0, '127.0.0.1'), 'listening')
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook?token=not-to-be-shown`
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const header = (name: string) => String(request.headers[name])
    const received: Received = {
      id: header('webhook-id'),
      timestamp: Number(header('webhook-timestamp')),
      signature: header('webhook-signature'),
      headers: request.headers,
      body,
      data: (JSON.parse(body) as Pick<Received, 'data'>).data,
      atTheSameTime: this.#open,
    }
    this.#open += 1
    response.on('close', () => {
      this.#open -= 1
    })
    this.received.push(received)
    this.behave(received, response)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Waits until what was received is enough. */
  async until(isEnough: (received: readonly Received[]) => boolean): Promise<void> {
    while (!isEnough(this.received)) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** Whether the secret's owner signed it, worked out from the text of the standard and nothing of ours. */
export function isSigned({ id, timestamp, signature, body }: Received, key: Buffer): boolean {
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`, 'utf8').digest()
  const [version, text = ''] = signature.split(',')
  const given = Buffer.from(text, 'base64')
  return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected)
}

import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type Client } from 'graphql-ws'
import { WebSocket } from 'ws'
import { FollowDocument, type FollowSubscription, type TypedDocumentString } from './gql/graphql.ts'

export type OrderEvent = FollowSubscription['orderUpdated']

interface Result<Data> {
  data?: Data | null
  errors?: readonly { message: string }[]
}

const MAX_TRIES = 8
const ANSWER_WITHIN_MS = 60_000
const PING_EVERY_MS = 10_000
const PONG_WITHIN_MS = 5_000
/** How the gateway closes a socket that brought no valid key. */
const FORBIDDEN = 4403

/** Half a second, one, two … 20 at most, which graphql-ws' own lacks; spread, so that wallets do not come back all at once. */
const backOff = (retries: number) => sleep(Math.min(500 * 2 ** retries, 20_000) * (0.75 + Math.random() / 2))

/** The gateway: operations over HTTP, and orders followed over one WebSocket. */
export class Gateway {
  readonly #url: string
  readonly #authorization: { authorization?: string }
  readonly #onTrouble: (message: string) => void
  readonly #socket: Client

  constructor(url: string, key: string | undefined, onTrouble: (message: string) => void) {
    this.#url = url
    this.#authorization = key === undefined ? {} : { authorization: `Bearer ${key}` }
    this.#onTrouble = onTrouble
    this.#socket = openSocket(url.replace(/^http/, 'ws'), this.#authorization, onTrouble)
  }

  /** Sends it again while the gateway cannot be reached: everything that is sent here is safe to repeat. */
  async ask<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data> {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      ...this.#authorization,
    }
    const body = JSON.stringify({ query: document.toString(), variables })
    for (let tries = 1; ; tries++) {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers,
        body,
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      }).catch((error: Error) => error)
      if (!(response instanceof Error) && response.status < 500)
        return dataOf(
          (await response.json().catch(() => ({}))) as Result<Data>,
          `HTTP ${response.status} from ${this.#url}, and no GraphQL`,
        )
      const trouble = `${this.#url}: ${response instanceof Error ? ((response.cause as Error | undefined)?.message ?? response.message) : `HTTP ${response.status}`}`
      if (tries === MAX_TRIES) throw new Error(trouble)
      this.#onTrouble(`${trouble}; trying again`)
      await backOff(tries - 1)
    }
  }

  /** What happens to an order after the event of that number: each event once, in order, however often the connection breaks. */
  async *follow(orderId: string, afterSequence: number): AsyncGenerator<OrderEvent> {
    // graphql-ws sends the subscription again after each reconnection. A getter, so that it then goes on where it was.
    let last = afterSequence
    const variables = {
      orderId,
      get afterSequence() {
        return last
      },
    }
    try {
      for await (const result of this.#socket.iterate({ query: FollowDocument.toString(), variables })) {
        const { orderUpdated: event } = dataOf(result as Result<FollowSubscription>, 'an event without data')
        // What had arrived before the connection broke, but was not taken from here yet, comes once more.
        if (event.sequence <= last) continue
        last = event.sequence
        yield event
      }
    } catch (error) {
      // Errors of the gateway's, or how the connection was closed.
      if (error instanceof Error) throw error
      if (Array.isArray(error)) dataOf({ errors: error }, '')
      const { code, reason } = error as { code?: number; reason?: string }
      throw new Error(
        code === FORBIDDEN ? 'the gateway wants a valid key' : `the gateway closed the connection: ${code} ${reason}`,
        { cause: error },
      )
    }
  }
}

function openSocket(
  url: string,
  connectionParams: { authorization?: string },
  onTrouble: (message: string) => void,
): Client {
  let pongTimer: NodeJS.Timeout | undefined
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    connectionParams,
    connectionAckWaitTimeout: PONG_WITHIN_MS,
    // By default it gives up after five, and at once when it is refused a connection, as happens while a gateway restarts.
    retryAttempts: Infinity,
    shouldRetry: (event) => (event as { code?: unknown }).code !== FORBIDDEN,
    retryWait: backOff,
    // A connection that died without a word is known by the pong that does not come.
    keepAlive: PING_EVERY_MS,
    on: {
      ping: (received) => {
        if (!received) pongTimer = setTimeout(() => client.terminate(), PONG_WITHIN_MS)
      },
      pong: (received) => received && clearTimeout(pongTimer),
      connecting: (isRetry) => isRetry && onTrouble(`${url}: connecting again`),
      closed: () => clearTimeout(pongTimer),
    },
  })
  return client
}

function dataOf<Data>({ data, errors }: Result<Data>, otherwise: string): Data {
  if (errors?.length) throw new Error(errors.map(({ message }) => message).join('; '))
  if (data == null) throw new Error(otherwise)
  return data
}

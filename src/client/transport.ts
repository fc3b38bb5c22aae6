import { createClient, type Client } from 'graphql-ws'

/** How to reach a gateway. */
export interface ConnectionOptions {
  /** http(s)://host:port/graphql */
  url: string
  /** API key or token. A function is called for each connection and request, so that it can return a new token. */
  key?: string | (() => string | Promise<string>)
  /** Needed where there is no global WebSocket, as in Node.js 20: the class of the package `ws`. */
  webSocketImpl?: unknown
  /** Called when the gateway cannot be reached and the client tries again. */
  onRetry?: (reason: string) => void
}

export interface GraphQLErrorLike {
  message: string
  extensions?: { code?: string; field?: string; retryAfterSeconds?: number }
}

export interface Result<Data> {
  data?: Data | null
  errors?: readonly GraphQLErrorLike[]
}

/** The gateway answered with an error that a retry does not help against; see docs/errors.md for the codes. */
export class SluiceError extends Error {
  override name = 'SluiceError'
  readonly code: string
  readonly errors: readonly GraphQLErrorLike[]

  constructor(errors: readonly GraphQLErrorLike[], fallback = 'the gateway gave no reason') {
    super(errors.map(({ message }) => message).join('; ') || fallback)
    this.errors = errors
    this.code = errors[0]?.extensions?.code ?? 'UNKNOWN'
  }
}

const ANSWER_WITHIN_MS = 60_000
const PING_EVERY_MS = 10_000
const PONG_WITHIN_MS = 5_000
const LONGEST_WAIT_MS = 20_000
/** Close codes after which the same connection fails again: bad message, unauthorized, forbidden, wrong subprotocol. */
const FINAL_CLOSE_CODES = new Set([4400, 4401, 4403, 4406])
const RETRIED_CODES = new Set(['RATE_LIMITED', 'UNAVAILABLE'])

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** 0.5 s, 1 s, 2 s … 20 s, each spread by a quarter, so that clients do not all come back at once. */
export const backOff = (retries: number) =>
  sleep(Math.min(500 * 2 ** retries, LONGEST_WAIT_MS) * (0.75 + Math.random() / 2))

/** Whether the error ends by itself. */
export const isTemporary = (errors: readonly GraphQLErrorLike[]) =>
  errors.some(({ extensions }) => RETRIED_CODES.has(extensions?.code ?? ''))

async function authorizationOf(key: ConnectionOptions['key']): Promise<{ authorization?: string }> {
  if (key === undefined) return {}
  return { authorization: `Bearer ${typeof key === 'function' ? await key() : key}` }
}

/**
 * Sends an operation until it is answered: it must be safe to repeat, as queries are, and mutations with an idempotency
 * key. @throws SluiceError for an error that a retry does not help against
 */
export async function ask<Data>(
  { url, key, onRetry }: ConnectionOptions,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Data> {
  for (let retries = 0; ; retries++) {
    const answer = await send(url, key, query, variables)
    if ('data' in answer) return answer.data as Data
    onRetry?.(answer.problem)
    await backOff(retries)
  }
}

async function send(
  url: string,
  key: ConnectionOptions['key'],
  query: string,
  variables: Record<string, unknown>,
): Promise<{ data: unknown } | { problem: string }> {
  let response: Response
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...(await authorizationOf(key)),
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    })
  } catch (error) {
    return { problem: (error as Error).message }
  }
  const { data, errors } = (await response.json().catch(() => ({}))) as Result<unknown>
  if (errors === undefined && data != null) return { data }
  const isOutage = response.status >= 500 || response.status === 429 || isTemporary(errors ?? [])
  if (isOutage) return { problem: errors?.[0]?.message ?? `HTTP ${response.status}` }
  throw new SluiceError(errors ?? [], `HTTP ${response.status} without an answer in GraphQL`)
}

/** One WebSocket for all subscriptions. It connects again after every break, and replaces a connection without pongs. */
export function openSocket({ url, key, webSocketImpl, onRetry }: ConnectionOptions): Client {
  let pongTimer: ReturnType<typeof setTimeout> | undefined
  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    ...(webSocketImpl === undefined ? {} : { webSocketImpl }),
    connectionParams: () => authorizationOf(key),
    connectionAckWaitTimeout: PONG_WITHIN_MS,
    retryAttempts: Infinity,
    shouldRetry: (event) => !FINAL_CLOSE_CODES.has((event as { code?: number }).code ?? 0),
    retryWait: backOff,
    keepAlive: PING_EVERY_MS,
    on: {
      ping: (received) => {
        if (!received) pongTimer = setTimeout(() => client.terminate(), PONG_WITHIN_MS)
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimer)
      },
      connecting: (isRetry) => {
        if (isRetry) onRetry?.('connecting again')
      },
      closed: () => clearTimeout(pongTimer),
    },
  })
  return client
}

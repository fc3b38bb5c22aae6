import type { ExecutionResult, GraphQLError } from 'graphql'
import type { FetchAPI, Plugin } from 'graphql-yoga'
import { withoutHttp, type ErrorCode } from '../errors.ts'
import type { EventStream } from '../schema/builder.ts'
import type { ServerContext } from './pipeline.ts'

// Server-sent events (HTML, section 9.2), in the "distinct connections" mode of graphql-sse: `event: next` for each
// result, then `event: complete`. Each event has its cursor as `id:`, so that a browser's EventSource resumes by itself.

const MEDIA_TYPE = 'text/event-stream'
/** A comment this often keeps proxies from closing a silent connection. */
const PING_EVERY_MS = 12_000
/** How long a browser waits before it connects again. Its own default is 3 to 5 seconds. */
const RECONNECT_AFTER_MS = 1_000

/** The stream of one HTTP request. */
class RequestedStream implements EventStream {
  readonly lastEventId: string | null
  /** Cursor of the event that is being sent. */
  cursor: string | null = null
  isOver = false

  constructor(request: Request) {
    this.lastEventId = request.headers.get('last-event-id') || null
  }

  sending(cursor: string): void {
    this.cursor = cursor
  }

  end(): void {
    this.isOver = true
  }
}

const streams = new WeakMap<Request, RequestedStream>()

/** null: the request does not ask for server-sent events. */
export function eventStreamOf(request: Request | undefined): RequestedStream | null {
  if (!request?.headers.get('accept')?.includes(MEDIA_TYPE)) return null
  const stream = streams.get(request) ?? new RequestedStream(request)
  streams.set(request, stream)
  return stream
}

type Results = AsyncIterable<ExecutionResult>

const isResults = (result: unknown): result is Results =>
  typeof result === 'object' && result !== null && Symbol.asyncIterator in result

/** Takes the place of Yoga's own writer for subscriptions, which has no `id:`. */
export function sendEventStreams(): Plugin<object, ServerContext> {
  return {
    onResultProcess(payload) {
      const { request, result } = payload
      const stream = eventStreamOf(request)
      if (!stream) return
      if (!isResults(result)) {
        // An EventSource accepts nothing else.
        if (request.method === 'GET' && request.headers.get('accept') === MEDIA_TYPE && isRefusal(result))
          payload.setResultProcessor((_, fetchAPI) => refusalOf(result.errors, fetchAPI), MEDIA_TYPE)
        return
      }
      payload.acceptableMediaTypes.push(MEDIA_TYPE)
      payload.setResultProcessor(
        (results, fetchAPI) => responseOf(results as unknown as Results, stream, fetchAPI),
        MEDIA_TYPE,
      )
    },
  }
}

type Refusal = ExecutionResult & { errors: readonly GraphQLError[] }

const isRefusal = (result: unknown): result is Refusal =>
  typeof result === 'object' && result !== null && !('data' in result) && 'errors' in result

const TEMPORARY: ReadonlySet<unknown> = new Set<ErrorCode>(['RATE_LIMITED', 'UNAVAILABLE', 'INTERNAL_SERVER_ERROR'])

/**
 * The answer to a subscription that does not begin. An EventSource gives up at any status but 200: so it does unless the
 * error ends by itself. Then the stream ends with the error, and the EventSource connects again.
 */
function refusalOf(errors: readonly GraphQLError[], { Response }: FetchAPI) {
  const body = JSON.stringify({ errors: errors.map(withoutHttp) })
  const temporary = errors.find(({ extensions }) => TEMPORARY.has(extensions['code']))
  if (temporary) {
    const { retryAfterSeconds } = temporary.extensions
    const retryMs = typeof retryAfterSeconds === 'number' ? retryAfterSeconds * 1_000 : RECONNECT_AFTER_MS
    return new Response(`retry: ${retryMs}\n\nevent: next\ndata: ${body}\n\nevent: complete\ndata:\n\n`, {
      headers: { 'content-type': MEDIA_TYPE, 'cache-control': 'no-cache' },
    })
  }
  const status = errors.map(({ extensions }) => extensions['http']?.status)
  return new Response(body, {
    status: status.find((each) => each !== undefined) ?? 400,
    headers: { 'content-type': 'application/json; charset=utf-8' },
  })
}

function shown({ errors, ...result }: ExecutionResult) {
  return errors ? { ...result, errors: errors.map(withoutHttp) } : result
}

function responseOf(results: Results, stream: RequestedStream, { Response, ReadableStream, TextEncoder }: FetchAPI) {
  const iterator = results[Symbol.asyncIterator]()
  if (stream.isOver) {
    // It was not begun, and holds its place among the client's subscriptions.
    void iterator.return?.()
    // An EventSource connects again after every end, but not after this status.
    return new Response(null, { status: 204 })
  }
  const encoder = new TextEncoder()
  let ping: NodeJS.Timeout | undefined
  const body = new ReadableStream({
    start(controller) {
      const send = (text: string) => controller.enqueue(encoder.encode(text))
      // Browsers report a connection as open at its first byte.
      send(`retry: ${RECONNECT_AFTER_MS}\n\n`)
      ping = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) send(':\n\n')
      }, PING_EVERY_MS)
    },
    async pull(controller) {
      const send = (text: string) => controller.enqueue(encoder.encode(text))
      try {
        const { value, done } = await iterator.next()
        if (value != null) {
          const id = stream.cursor === null ? '' : `id: ${stream.cursor}\n`
          stream.cursor = null
          send(`event: next\n${id}data: ${JSON.stringify(shown(value))}\n\n`)
        }
        if (!done) return
        clearInterval(ping)
        send('event: complete\ndata:\n\n')
        controller.close()
      } catch (error) {
        clearInterval(ping)
        controller.error(error)
      }
    },
    async cancel() {
      clearInterval(ping)
      await iterator.return?.()
    },
  })
  return new Response(body, {
    status: 200,
    headers: {
      'content-type': MEDIA_TYPE,
      'cache-control': 'no-cache',
      connection: 'keep-alive',
      'content-encoding': 'none',
    },
  })
}

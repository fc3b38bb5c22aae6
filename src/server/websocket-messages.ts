/** What a client shows of itself in `connection_init`. */
export interface Greeting extends Record<string, unknown> {
  authorization: string | null
}

/** It is kept for as long as what it stands for. Clients count, or take a UUID. */
const LONGEST_ID = 255

/** What only a server says. graphql-ws lets it pass, and then takes it for an error of ours. */
const NOT_FOR_CLIENTS: ReadonlySet<unknown> = new Set(['connection_ack', 'next', 'error'])

/**
 * A message as graphql-ws expects it, which keeps some of them for as long as a socket or an operation lives: what
 * nobody asks for is not in it. null: it is none.
 */
export function readMessage(text: string): unknown {
  const message = jsonOf(text)
  if (!isRecord(message) || NOT_FOR_CLIENTS.has(message['type'])) return null
  const { type, id, payload } = message
  if (typeof id === 'string' && id.length > LONGEST_ID) return null
  if (!isRecord(payload)) return { type, id, payload }
  if (type === 'connection_init') return { type, payload: greetingOf(payload) }
  return { type, id, payload: type === 'subscribe' ? withDocument(payload) : payload }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}

function greetingOf({ authorization }: Record<string, unknown>): Greeting {
  return { authorization: typeof authorization === 'string' ? authorization : null }
}

/** graphql-ws insists on a document, which an operation that is named by its id lacks. */
function withDocument(payload: Record<string, unknown>): Record<string, unknown> {
  const { query, documentId, extensions } = payload
  const isNamed = documentId !== undefined || (isRecord(extensions) && isRecord(extensions['persistedQuery']))
  return query == null && isNamed ? { ...payload, query: '' } : payload
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

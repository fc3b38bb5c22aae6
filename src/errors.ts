import { GraphQLError, type GraphQLFormattedError } from 'graphql'

// The catalogue of errors: each code of a top-level GraphQL error, and each code with which a WebSocket closes. Expected
// failures of a mutation are types of its result and not errors. docs/errors.md is printed from this file.

export interface ErrorKind {
  /** null: 400 if nothing was executed and the client accepts application/graphql-response+json, else 200. */
  httpStatus: number | null
  when: string
  /** Whether the same request can succeed later. */
  retry: string
}

const NEVER = 'No. Correct the request.'

export const ERRORS = {
  BAD_USER_INPUT: {
    httpStatus: null,
    when: 'The document, a variable or an argument is invalid. `extensions.field` is the path of the input at fault, and `extensions.constraint` what it has to be; both are absent if no single input is at fault.',
    retry: NEVER,
  },
  GRAPHQL_PARSE_FAILED: { httpStatus: null, when: 'The document is not GraphQL.', retry: NEVER },
  GRAPHQL_VALIDATION_FAILED: {
    httpStatus: null,
    when: 'The document does not fit the schema. `extensions.field` may name the argument at fault.',
    retry: NEVER,
  },
  OPERATION_RESOLUTION_FAILURE: {
    httpStatus: null,
    when: 'The document has several operations, and `operationName` names none of them.',
    retry: NEVER,
  },
  UNKNOWN_CURSOR: {
    httpStatus: null,
    when: "A cursor is from another gateway's database, or a restore removed its event.",
    retry: 'No. Read the orders again, then continue from latestEventCursor.',
  },
  BAD_REQUEST: {
    httpStatus: 400,
    when: 'The HTTP request is not a GraphQL request. The status may also be 411 (no Content-Length), 413 (the body is too large) or 415 (the body is not JSON).',
    retry: NEVER,
  },
  GET_HAS_NO_SIDE_EFFECTS: {
    httpStatus: 405,
    when: '`quotes` was requested over GET with another `firm` than NEVER: it may place an order.',
    retry: 'No. Send it by POST, or with `firm: NEVER`.',
  },
  OPERATION_TOO_LARGE: {
    httpStatus: 400,
    when: 'The document is too deep, too long or too expensive.',
    retry: 'No. Ask for less at once.',
  },
  UNAUTHENTICATED: {
    httpStatus: 401,
    when: 'The key or token is missing, invalid, expired or revoked.',
    retry: 'With a valid key.',
  },
  RATE_LIMITED: {
    httpStatus: 429,
    when: 'The client sends too much, or has too many subscriptions or connections.',
    retry: 'After `extensions.retryAfterSeconds`.',
  },
  UNAVAILABLE: {
    httpStatus: 503,
    when: 'The database or the issuer of tokens cannot be used now.',
    retry: 'After `extensions.retryAfterSeconds`; a mutation with its idempotency key.',
  },
  INTERNAL_SERVER_ERROR: {
    httpStatus: 500,
    when: 'The gateway has a bug. The operator finds the cause in the log.',
    retry: 'Once, a mutation with its idempotency key.',
  },
  CROSS_SITE_REQUEST: {
    httpStatus: 403,
    when: 'A page of another origin sent the request.',
    retry:
      'No. The operator adds the origin to allowedOrigins; a program that looks like a browser sends `graphql-require-preflight: 1`.',
  },
  MISDIRECTED_REQUEST: {
    httpStatus: 421,
    when: 'The Host header names neither an address, nor localhost, nor an allowed origin.',
    retry: 'No. The operator adds the origin to allowedOrigins.',
  },
  DOCUMENT_MISMATCH: {
    httpStatus: 400,
    when: 'The document is not the one of its id.',
    retry: NEVER,
  },
  DOCUMENT_NOT_TRUSTED: {
    httpStatus: 400,
    when: 'The operator allows only documents of the manifest, and this one is not in it.',
    retry: NEVER,
  },
  PERSISTED_QUERY_NOT_FOUND: {
    httpStatus: 400,
    when: "No document has this id. The status is 200 for Apollo's automatic persisted queries.",
    retry: 'With the whole document.',
  },
  PERSISTED_QUERY_NOT_SUPPORTED: {
    httpStatus: 400,
    when: "The gateway has no manifest of documents. The status is 200 for Apollo's automatic persisted queries.",
    retry: 'With the whole document.',
  },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERRORS

interface ErrorDetails {
  /** Where the catalogue names more than one status. */
  status?: number
  extensions?: Record<string, unknown>
  headers?: Record<string, string>
  /** The error that it replaces: path and locations are kept. */
  of?: unknown
}

/** An error of the catalogue. Over WebSocket and server-sent events, `http` is removed before it is sent. */
export function apiError(code: ErrorCode, message: string, details: ErrorDetails = {}): GraphQLError {
  const { extensions = {}, headers, of } = details
  const status = details.status ?? ERRORS[code].httpStatus
  const http = status === null ? {} : { http: { status, ...(headers && { headers }) } }
  const { nodes, source, positions, path } = of instanceof GraphQLError ? of : {}
  return new GraphQLError(message, { nodes, source, positions, path, extensions: { code, ...extensions, ...http } })
}

/** The error without what only an HTTP response needs. */
export function withoutHttp(error: GraphQLError): GraphQLFormattedError {
  const { extensions, ...rest } = error.toJSON()
  if (!extensions) return rest
  const { http: _http, unexpected: _unexpected, ...visible } = extensions
  return { ...rest, extensions: visible }
}

/** What a WebSocket is closed with. Those from 4400 on are of the graphql-transport-ws protocol. */
export const CLOSE_CODES = {
  GOING_AWAY: { code: 1001, when: 'The gateway restarts.', retry: 'At once. Resume with `afterSequence` or `after`.' },
  MESSAGE_TOO_BIG: { code: 1009, when: 'A message is too large.', retry: 'No. Send less at once.' },
  TRY_AGAIN_LATER: {
    code: 1013,
    when: 'The gateway or the client has too many connections or unfinished messages, or the database cannot be used.',
    retry: 'After some seconds.',
  },
  BAD_MESSAGE: { code: 4400, when: 'A message does not follow the protocol.', retry: 'No.' },
  UNAUTHORIZED: {
    code: 4401,
    when: 'The key expired or was revoked, or an operation came before the acknowledgement.',
    retry: 'With a valid key.',
  },
  FORBIDDEN: { code: 4403, when: 'The key is missing or invalid, or the token expired.', retry: 'With a new token.' },
  SUBPROTOCOL_UNACCEPTABLE: { code: 4406, when: 'The client does not speak graphql-transport-ws.', retry: 'No.' },
  INIT_TIMEOUT: { code: 4408, when: 'connection_init came too late.', retry: 'At once.' },
  SUBSCRIBER_EXISTS: {
    code: 4409,
    when: 'Two operations of one connection have the same id.',
    retry: 'No. Use a new id for each.',
  },
  TOO_MANY_MESSAGES: {
    code: 4429,
    when: 'Too many messages in a short time, or more than one connection_init.',
    retry: 'More slowly.',
  },
  INTERNAL_ERROR: {
    code: 4500,
    when: 'The gateway has a bug. The operator finds the cause in the log.',
    retry: 'Once.',
  },
} as const

import { apiError, type ErrorCode } from '../../errors.ts'
import type { IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { GraphQLError, type ExecutionResult } from 'graphql'
import type { GraphQLParams, Plugin } from 'graphql-yoga'
import type { ServerContext } from '../pipeline.ts'

/** GraphQL repeats a variable's value in each of up to fifty errors: a request must not become fifty times as large. */
const LONGEST_MESSAGE = 500
const MOST_ERRORS = 20

/**
 * Gives every error a code that programs can go by. What comes without one is GraphQL's own finding about the
 * client's variables or choice of operation: errors of resolvers are masked, and have one, before this.
 */
export function typeAnswers(): Plugin<object, ServerContext> {
  return {
    onRequestParse({ requestParser, setRequestParser, serverContext: { req } }) {
      if (!requestParser) return
      setRequestParser(async (request) => {
        try {
          if (request.method === 'POST' && req) return await bodyOf(req)
          const params = await requestParser(request)
          return request.method === 'GET' && !Array.isArray(params) && !(params instanceof Response)
            ? withDocumentId(params, request.url)
            : params
        } catch (error) {
          // With it comes what the JSON parser had to say, or nothing that would be a client's to read.
          if (error instanceof GraphQLError && error.extensions['originalError'] === undefined) throw error
          throw apiError('BAD_REQUEST', 'the request is not JSON')
        }
      })
    },
    onExecutionResult(payload) {
      const { result } = payload
      if (result && !(Symbol.asyncIterator in result)) payload.setResult(typed(result))
    },
    onSubscribe() {
      return {
        onSubscribeResult: () => ({ onNext: ({ result, setResult }) => setResult(typed(result as ExecutionResult)) }),
      }
    },
  }
}

/** Yoga's own request keeps what it has read of itself, twice, for as long as its answer takes. */
async function bodyOf(request: IncomingMessage): Promise<GraphQLParams> {
  return JSON.parse((await buffer(request)).toString('utf8')) as GraphQLParams
}

/** Yoga reads the four parameters that it knows from an address. */
function withDocumentId(params: GraphQLParams, url: string): GraphQLParams {
  const documentId = new URLSearchParams(url.slice(url.indexOf('?') + 1)).get('documentId')
  return documentId === null ? params : ({ ...params, documentId } as GraphQLParams)
}

function typed<Result extends ExecutionResult>(result: Result): Result {
  if (
    !result.errors ||
    (result.errors.length <= MOST_ERRORS &&
      !result.errors.some((error) => isGraphqls(error) || isUnlocated(error) || error.message.length > LONGEST_MESSAGE))
  )
    return result
  return { ...result, errors: result.errors.slice(0, MOST_ERRORS).map(ofOurs) }
}

const isGraphqls = ({ extensions }: Pick<GraphQLError, 'extensions'>) => extensions?.['code'] === undefined

/** Bad input whose field only the message of graphql-js names. */
const isUnlocated = ({ message, extensions }: GraphQLError) =>
  extensions['code'] === 'BAD_USER_INPUT' && extensions['field'] === undefined && inputOf(message) !== null

/** The messages of graphql-js for arguments and variables that are missing. */
const MISSING_INPUT = [
  /^Variable "\$(?<field>\w+)" of (?<constraint>(?:required|non-null) type .+)$/s,
  /^Argument "(?<field>\w+)" (?<constraint>(?:of|has) .+)$/s,
  /^Field "[^"]+" argument "(?<field>\w+)" (?<constraint>of .+)$/s,
]

/** The input that a message of graphql-js is about; null: none. The message may repeat a value of any length. */
function inputOf(message: string): { field: string; constraint: string } | null {
  const variable = /^Variable "\$(\w+)" got invalid value /.exec(message.slice(0, LONGEST_MESSAGE))?.[1]
  if (variable !== undefined) {
    // What is wrong comes last, after the value.
    const end = message.slice(-LONGEST_MESSAGE)
    const [, path, wrong] = / at "([^"]+)"; (.+)$/s.exec(end) ?? []
    if (path !== undefined && wrong !== undefined) return { field: path, constraint: wrong }
    return { field: variable, constraint: /; (.+)$/s.exec(end)?.[1] ?? end }
  }
  const short = message.slice(0, LONGEST_MESSAGE)
  for (const pattern of MISSING_INPUT) {
    const { field, constraint } = pattern.exec(short)?.groups ?? {}
    if (field !== undefined && constraint !== undefined) return { field, constraint }
  }
  return null
}

function ofOurs(error: GraphQLError): GraphQLError {
  const { message, nodes, source, positions, path, originalError, extensions } = error
  const short = message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, LONGEST_MESSAGE)}…`
  return new GraphQLError(short, {
    nodes,
    source,
    positions,
    path,
    originalError,
    extensions: {
      ...extensions,
      ...(isGraphqls(error) && { code: 'BAD_USER_INPUT' satisfies ErrorCode }),
      ...((isGraphqls(error) || isUnlocated(error)) && inputOf(message)),
    },
  })
}

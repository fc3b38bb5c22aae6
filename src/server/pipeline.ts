import type { IncomingMessage } from 'node:http'
import type { GraphQLSchema } from 'graphql'
import { createYoga, maskError, type YogaServerInstance } from 'graphql-yoga'
import type { Logger } from 'pino'
import type { Gateway } from '../gateway.ts'
import { outageOf } from '../outages.ts'
import type { Sandbox } from '../sandbox/index.ts'
import type { Context } from '../schema/builder.ts'
import { eventStreamOf, sendEventStreams } from './event-stream.ts'
import type { Access } from './policies/access.ts'
import { authenticate } from './policies/authentication.ts'
import { DocumentCache, NO_CACHE } from './policies/document-cache.ts'
import { limitDocuments } from './policies/document-limits.ts'
import { forgetParams } from './policies/forgetting.ts'
import type { Grant } from './policies/grant.ts'
import { limitRates } from './policies/rate-limits.ts'
import { unauthenticated, unavailable } from './policies/refusals.ts'
import { watchSubscriptions } from './policies/subscriptions.ts'
import { trustDocuments } from './policies/trusted-documents.ts'
import { typeAnswers } from './policies/typed-answers.ts'
import { UNAVAILABLE_REASONS } from '../store/database.ts'

/** What a transport knows of an operation before it runs. */
export interface ServerContext {
  /** The value of the `Authorization` header, or of the field of that name in `connection_init`. */
  authorization: string | null
  /** Where it comes from, as limits count it. */
  address: string
  /** What the client may, once it is known who that is. */
  grant?: Grant
  /** What an answer may cost, once its document was judged; of a subscription, one event. */
  cost?: number
  /** As Yoga has it, over HTTP. */
  req?: IncomingMessage
}

export type Pipeline = YogaServerInstance<ServerContext, Context>

export interface PipelineOptions {
  schema: GraphQLSchema
  gateway: Gateway
  sandbox: Sandbox | null
  access: Access
  logger: Logger
}

export const GRAPHQL_PATH = '/graphql'

/**
 * The one way that every operation goes, over GET, POST, Server-Sent Events or WebSocket: what is forbidden on one
 * is forbidden on all, because there is only one.
 */
export function createPipeline({ schema, gateway, sandbox, access, logger }: PipelineOptions): Pipeline {
  return createYoga<ServerContext, Context>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    // The page is served in front of this, without another host and compressed once.
    graphiql: false,
    landingPage: false,
    cors: false,
    multipart: false,
    batching: false,
    // Bodies are bounded in front of this too; Yoga's own limit copies every one of them.
    maxRequestBodySize: false,
    logging: false,
    parserAndValidationCache: { documentCache: new DocumentCache(), errorCache: NO_CACHE },
    extraParamNames: ['documentId'],
    // In this order: who it is, which document is meant, how much of it and how often.
    plugins: [
      typeAnswers(),
      authenticate(access, logger),
      trustDocuments(access.documents.manifest, access.documents.level, logger),
      forgetParams(),
      limitDocuments(access.limits),
      limitRates(access.rates),
      watchSubscriptions(access.subscriptions),
      sendEventStreams(),
    ],
    context({ grant, request }): Context {
      if (!grant) throw unauthenticated()
      return {
        gateway,
        sandbox,
        clientId: grant.clientId,
        isGet: request.method === 'GET',
        eventStream: eventStreamOf(request),
      }
    },
    maskedErrors: {
      isDev: false,
      maskError(error, message) {
        const outage = outageOf(error)
        if (outage) {
          logger.warn({ err: outage }, 'an operation failed')
          return unavailable(error, UNAVAILABLE_REASONS[outage.reason])
        }
        const masked = maskError(error, message, false)
        if (masked !== error)
          logger.error({ err: (error as { originalError?: unknown }).originalError ?? error }, 'a resolver failed')
        return masked
      },
    },
  })
}

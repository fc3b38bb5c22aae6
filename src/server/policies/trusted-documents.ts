import { apiError } from '../../errors.ts'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parse, type GraphQLError } from 'graphql'
import type { GraphQLParams, Plugin } from 'graphql-yoga'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { TrustedDocumentsConfig } from '../../config/access.ts'
import { ConfigError } from '../../config/problem.ts'
import type { ServerContext } from '../pipeline.ts'

/** More documents than any client has. */
const MAX_MANIFEST_BYTES = 20_000_000
/** An unknown document is logged once, as long as it is among the latest this many. */
const LOGGED_AT_MOST = 1_000
const LONGEST_ID = 200

const plainManifest = z.record(z.string(), z.string())
const apolloManifest = z.object({
  format: z.literal('apollo-persisted-query-manifest'),
  version: z.literal(1),
  operations: z.array(z.object({ id: z.string(), body: z.string() })),
})

/** The documents that clients are known to send, by their ids. */
export class DocumentManifest {
  readonly #byId: ReadonlyMap<string, string>
  readonly #hashes: ReadonlySet<string>

  constructor(documents: ReadonlyMap<string, string>) {
    this.#byId = documents
    this.#hashes = new Set([...documents.values()].map(sha256))
  }

  /** @throws ConfigError */
  static async load(path: string): Promise<DocumentManifest> {
    const mistake = (what: string, cause?: unknown) =>
      new ConfigError(`${path}: ${what}; it is named by trustedDocuments.manifest`, { cause })
    let json: unknown
    try {
      const text = await readFile(path, 'utf8')
      if (text.length > MAX_MANIFEST_BYTES) throw mistake(`more than ${MAX_MANIFEST_BYTES} bytes`)
      json = JSON.parse(text)
    } catch (error) {
      if (error instanceof ConfigError) throw error
      throw mistake(
        error instanceof SyntaxError
          ? 'not JSON'
          : `not readable (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
        error,
      )
    }
    const apollo = apolloManifest.safeParse(json)
    const plain = plainManifest.safeParse(json)
    if (!apollo.success && !plain.success)
      throw mistake('neither an Apollo operation manifest nor a mapping of ids to documents')
    const entries = apollo.success
      ? apollo.data.operations.map(({ id, body }) => [id, body] as const)
      : Object.entries(plain.data ?? {})
    for (const [id, document] of entries) {
      try {
        parse(document)
      } catch {
        throw mistake(`${JSON.stringify(id.slice(0, LONGEST_ID))} is no GraphQL document`)
      }
    }
    return new DocumentManifest(new Map(entries))
  }

  /** Ids of the form `sha256:…`, as the draft of GraphQL over HTTP has them, are those without the prefix too. */
  get(id: string): string | undefined {
    return this.#byId.get(id) ?? this.#byId.get(id.replace(/^sha256:/, ''))
  }

  /** Whether the text is one of the documents, whatever its id. */
  has(text: string): boolean {
    return this.#hashes.has(sha256(text))
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Comes after authentication, and before anything of the document is looked at. */
export function trustDocuments(
  manifest: DocumentManifest | null,
  level: TrustedDocumentsConfig['level'],
  logger: Logger,
): Plugin<object, ServerContext> {
  const logged = new Set<string>()
  return {
    onParams({ params, context }) {
      // Yoga has not looked at them yet: anything may stand there.
      if (typeof params !== 'object' || params === null || Array.isArray(params)) return
      const asked: GraphQLParams & { documentId?: unknown } = params
      const { id, isApollo } = idOf(asked.documentId, asked.extensions)
      delete asked.documentId
      const query = typeof params.query === 'string' && params.query !== '' ? params.query : undefined
      if (id === undefined) {
        if (query !== undefined) admit(query, context)
        return
      }
      const document = manifest?.get(id)
      if (document === undefined && query === undefined) throw notFound(isApollo, manifest !== null)
      if (query !== undefined && query !== document && (document !== undefined || sha256(query) !== id)) {
        throw apiError('DOCUMENT_MISMATCH', 'the document and its id do not match')
      }
      if (document === undefined) admit(query ?? '', context)
      asked.query = document ?? query ?? ''
    },
  }

  function admit(query: string, { grant }: ServerContext): void {
    if (!manifest || level === 'allow' || manifest.has(query)) return
    if (level === 'only')
      throw apiError('DOCUMENT_NOT_TRUSTED', 'only the documents that the operator knows are run here')
    const hash = sha256(query)
    if (logged.has(hash)) return
    if (logged.size >= LOGGED_AT_MOST) logged.clear()
    logged.add(hash)
    logger.warn({ clientId: grant?.clientId, sha256: hash }, 'a document that is not in the manifest')
  }
}

function idOf(documentId: unknown, extensions: unknown): { id: string | undefined; isApollo: boolean } {
  if (documentId !== undefined && documentId !== null) {
    if (typeof documentId !== 'string' || documentId.length > LONGEST_ID)
      throw apiError('BAD_REQUEST', 'documentId: give a string')
    return { id: documentId, isApollo: false }
  }
  const persisted =
    typeof extensions === 'object' && extensions !== null
      ? (extensions as { persistedQuery?: unknown }).persistedQuery
      : undefined
  if (typeof persisted !== 'object' || persisted === null) return { id: undefined, isApollo: true }
  const hash = (persisted as { sha256Hash?: unknown }).sha256Hash
  if (typeof hash !== 'string' || hash.length > LONGEST_ID)
    throw apiError('BAD_REQUEST', 'extensions.persistedQuery.sha256Hash: give a string')
  return { id: hash, isApollo: true }
}

/** In the words that Apollo's clients look for, and answer with the whole document. */
function notFound(isApollo: boolean, isSupported: boolean): GraphQLError {
  if (!isSupported)
    return apiError(
      'PERSISTED_QUERY_NOT_SUPPORTED',
      isApollo ? 'PersistedQueryNotSupported' : 'no documents are known by an id here',
      isApollo ? { status: 200 } : {},
    )
  return apiError(
    'PERSISTED_QUERY_NOT_FOUND',
    isApollo ? 'PersistedQueryNotFound' : 'no document has this id',
    isApollo ? { status: 200 } : {},
  )
}

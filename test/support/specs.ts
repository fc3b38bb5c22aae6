import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import type { ObservedExchange } from '../../src/sandbox/index.ts'

// Strict clients and servers of the protocols, generated from their OpenAPI documents in fixtures/specs: a document has
// exactly the fields of its schema, and an answer has one of the statuses of its operation.

type Json = Record<string, unknown>

interface Operation {
  readonly id: string
  readonly method: string
  readonly path: RegExp
  readonly query: ValidateFunction
  /** null: the operation takes no body. */
  readonly body: ValidateFunction | null
  /** By status; "default" for all others. */
  readonly answers: Readonly<Record<string, ValidateFunction>>
}

export interface Violation {
  readonly lspId: string
  /** The method and the path of the document. */
  readonly operation: string
  readonly text: string
}

/** The documents of each simulated LSP: the first one, with the others merged into it. */
const DOCUMENTS: Readonly<Record<string, { files: readonly string[]; basePath: string }>> = {
  olive: { files: ['lsps1-blip51.openapi.yaml'], basePath: '' },
  kestrel: { files: ['kaleidoswap-0.2.0.openapi.json', 'kaleidoswap-0.1.0.overlay.yaml'], basePath: '/api/v1/lsps1' },
  thunder: { files: ['thunderstack.openapi.yaml'], basePath: '' },
  anchor: { files: ['lsps1-draft-0.0.1.swagger.yaml', 'lsps1-draft-0.0.1.overlay.yaml'], basePath: '' },
  beacon: { files: ['lsps1-draft-0.0.2.openapi.yaml', 'lsps1-draft-0.0.2.overlay.yaml'], basePath: '' },
}

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/
const ajv = new Ajv2020({ strict: false, allErrors: true, allowUnionTypes: true })
ajv.addFormat('date-time', DATE_TIME)
ajv.addFormat('int64', { type: 'number', validate: Number.isSafeInteger })

/** Read at the first use. */
const operations = new Map<string, readonly Operation[]>()

function operationsOf(lspId: string): readonly Operation[] {
  const known = operations.get(lspId) ?? readOperations(lspId)
  operations.set(lspId, known)
  return known
}

/** The violations of the document in a request; those of an unknown path among them. */
export function requestViolations({ lspId, request }: ObservedExchange): Violation[] {
  const operation = operationOf(lspId, request)
  if (!operation) return isLnurl(request.path) ? [] : [unknownOperation(lspId, request)]
  const bodyErrors =
    operation.body === null
      ? request.body === null
        ? []
        : ['a body, where the operation has none']
      : errorsOf(operation.body, request.body, 'body')
  const texts = [...errorsOf(operation.query, request.query, 'query'), ...bodyErrors]
  return texts.map((text) => ({ lspId, operation: operation.id, text }))
}

/** The violations of the document in an answer. */
export function answerViolations({ lspId, request, answer }: ObservedExchange): Violation[] {
  const operation = operationOf(lspId, request)
  if (!operation) return isLnurl(request.path) ? [] : [unknownOperation(lspId, request)]
  const schema = operation.answers[String(answer.status)] ?? operation.answers['default']
  // As it goes over the wire: without undefined fields.
  const body: unknown = JSON.parse(JSON.stringify(answer.body))
  const texts = schema ? errorsOf(schema, body, String(answer.status)) : [`the status ${answer.status}`]
  return texts.map((text) => ({ lspId, operation: operation.id, text }))
}

/** All values that the document allows for the fields `name` of its answers with status 200 or 201. */
export function documentedWords(lspId: string, operationId: string, path: readonly string[]): string[] {
  const operation = operationsOf(lspId).find(({ id }) => id === operationId)
  const schema = operation?.answers['200'] ?? operation?.answers['201']
  const words = path.reduce<unknown>((at, key) => {
    const { properties, anyOf } = (at ?? {}) as { properties?: Json; anyOf?: { properties?: Json }[] }
    return properties?.[key] ?? anyOf?.find((one) => one.properties?.[key])?.properties?.[key]
  }, schema?.schema) as { enum?: unknown[] } | undefined
  if (!words?.enum) throw new Error(`${lspId} ${operationId}: no words at ${path.join('.')}`)
  return words.enum.filter((word) => typeof word === 'string')
}

function operationOf(lspId: string, { method, path }: { method: string; path: string }): Operation | undefined {
  return operationsOf(lspId).find((one) => one.method === method && one.path.test(path))
}

/** LUD-02's endpoints belong to no LSP protocol. */
const isLnurl = (path: string) => path.startsWith('/lnurl/')

const unknownOperation = (lspId: string, { method, path }: { method: string; path: string }): Violation => ({
  lspId,
  operation: `${method} ${path}`,
  text: 'not an operation of the document',
})

function errorsOf(validate: ValidateFunction, value: unknown, where: string): string[] {
  if (validate(value)) return []
  return (validate.errors ?? []).map(({ instancePath, message, params }) => {
    const detail = [params.additionalProperty, params.allowedValues].find((one) => one !== undefined)
    return `${where}${instancePath} ${message ?? 'is invalid'}${detail === undefined ? '' : `: ${String(detail)}`}`
  })
}

// -- from the documents ----------------------------------------------------------------------------------

function readOperations(lspId: string): Operation[] {
  const { files, basePath } = DOCUMENTS[lspId] ?? { files: [], basePath: '' }
  const document = files
    .map((file) => parse(readFileSync(new URL(`../fixtures/specs/${file}`, import.meta.url), 'utf8')) as Json)
    .reduce(merge)
  return Object.entries(document.paths as Record<string, Record<string, Json>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const shown = basePath !== '' && path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path
      const parameters = (operation.parameters ?? []) as Json[]
      const body =
        parameters.find(({ in: place }) => place === 'body') ?? contentOf(operation.requestBody as Json | undefined)
      return {
        id: `${method.toUpperCase()} ${shown}`,
        method: method.toUpperCase(),
        path: new RegExp(`^${shown.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
        query: ajv.compile(querySchema(parameters, operation['x-one-parameter'] === true)),
        body: body ? ajv.compile(strict(body.schema as Json, document)) : null,
        answers: Object.fromEntries(
          Object.entries(operation.responses as Record<string, Json>).flatMap(([status, response]) => {
            const schema = (contentOf(response)?.schema ?? response.schema) as Json | undefined
            return schema ? [[status, ajv.compile(strict(schema, document))]] : []
          }),
        ),
      }
    }),
  )
}

function contentOf(holder: Json | undefined): Json | undefined {
  return (holder?.content as Record<string, Json> | undefined)?.['application/json']
}

/** OpenAPI's parameters have a schema, Swagger's are one. */
function querySchema(parameters: readonly Json[], hasOne: boolean): Json {
  const query = parameters.filter(({ in: place }) => place === 'query')
  return {
    type: 'object',
    additionalProperties: false,
    ...(hasOne ? { minProperties: 1, maxProperties: 1 } : {}),
    required: query.filter(({ required }) => required === true).map(({ name }) => name),
    properties: Object.fromEntries(
      query.map(({ name, type, pattern, schema }) => [name, schema ?? { type, ...(pattern ? { pattern } : {}) }]),
    ),
  }
}

/** The later document's values replace the earlier's; lists are replaced as a whole. */
function merge(one: Json, other: Json): Json {
  const merged: Json = { ...one }
  for (const [key, value] of Object.entries(other)) {
    const before = merged[key]
    // A schema that is a reference before is replaced.
    merged[key] = isObject(before) && isObject(value) && !('$ref' in before) ? merge(before, value) : value
  }
  return merged
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The words of a schema that say nothing about values. */
const ANNOTATIONS = new Set(['title', 'description', 'example', 'examples', 'default'])

/** A schema without references and OpenAPI's own words, in which an object has no other fields than those it lists. */
function strict(schema: Json, document: Json): Json {
  if (typeof schema['$ref'] === 'string') return strict(lookUp(document, schema['$ref']), document)
  const references = schema['x-any-of'] as string[] | undefined
  if (references) return { anyOf: references.map(($ref) => strict({ $ref }, document)) }
  if (Array.isArray(schema.allOf)) {
    const parts = (schema.allOf as Json[]).map((part) => strict(part, document))
    const required = parts.flatMap((part) => (part.required as string[] | undefined) ?? [])
    return { ...parts.reduce(merge), required }
  }
  const made: Json = {}
  for (const [key, value] of Object.entries(schema)) {
    if (ANNOTATIONS.has(key) && !isObject(value)) continue
    if (key === 'properties') {
      const fields = Object.entries(value as Record<string, Json>)
      made.properties = Object.fromEntries(fields.map(([name, field]) => [name, strict(field, document)]))
    } else if (key === 'items') made.items = strict(value as Json, document)
    // 0.0.2's ApiFeature has oneOf for schemas of which each contains the next: its comment says that one must match.
    else if (key === 'anyOf' || key === 'oneOf') made.anyOf = (value as Json[]).map((one) => strict(one, document))
    else if (key !== 'nullable') made[key] = value
  }
  if (made.properties && made.additionalProperties === undefined) made.additionalProperties = false
  if (schema.nullable === true) {
    if (typeof made.type === 'string') made.type = [made.type, 'null']
    if (Array.isArray(made.enum)) made.enum = [...(made.enum as unknown[]), null]
  }
  return made
}

function lookUp(document: Json, reference: string): Json {
  const found = reference
    .slice(2)
    .split('/')
    .reduce<unknown>((at, key) => (at as Json | undefined)?.[key], document)
  if (!isObject(found)) throw new Error(`no schema ${reference}`)
  return found
}

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { channelRequest, NOW } from '../support/adapter-call.ts'
import { NODE_URI, OPERATIONS, type Operation } from '../upstream/fuzz/operations.ts'
import { exchangesOf, type AnyExchange } from '../upstream/fuzz/targets.ts'
import { sat } from '../../src/domain/money.ts'
import type { Adapter } from '../../src/protocols/adapter.ts'
import type { Field, Fields } from '../../src/protocols/document.ts'
import { ADAPTERS } from '../../src/protocols/index.ts'

// Compares the adapters with lists of every property of every document (fixtures/properties). A property of a request
// must be sent, a property of an answer must be declared (read, or `ignored`), and a property of an error must be read.
// The tables below name the exceptions.

interface Property {
  /** Such as "POST /create_order". */
  operation: string
  kind: 'request' | 'answer' | 'error'
  /** Such as payment.bolt11.invoice or assets[].name. */
  name: string
}

const line = ({ operation, kind, name }: Property) => `${operation} ${kind} ${name}`

/** Properties that no adapter sends, and why. */
const NOT_SENT: Readonly<Record<string, string>> = {
  'kaleidoswap POST /api/v1/market/quote request from_asset.amount': 'the bought amount is known: to_asset.amount',
}

/** Properties of errors that no adapter reads, and why. */
const NOT_READ: Readonly<Record<string, string>> = {
  success: 'the status says the same',
  'detail[].type': 'a machine word of FastAPI; msg says the same in words',
  'detail[].input': 'repeats what the gateway sent',
  'detail[].ctx': 'repeats limits that msg names',
}

function propertiesOf(configName: string): Property[] {
  const text = readFileSync(new URL(`../fixtures/properties/${configName}.txt`, import.meta.url), 'utf8')
  let head: Pick<Property, 'operation' | 'kind'> | null = null
  return text.split('\n').flatMap((row): Property[] => {
    const [, operation, kind] = /^(\w+ \S+) (request|answer|error)$/.exec(row) ?? []
    if (operation) head = { operation, kind: kind as Property['kind'] }
    return head && row.startsWith('  ') ? [{ ...head, name: row.trim() }] : []
  })
}

/** The path of a document has parameters where the path of an exchange has values. */
function operationOf({ method, path }: AnyExchange, properties: readonly Property[]): string {
  const shown = `${method} ${path}`
  return (
    properties.find(({ operation }) =>
      new RegExp(`^${operation.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`).test(shown),
    )?.operation ?? shown
  )
}

// -- requests --------------------------------------------------------------------------------------------

/** Names in a value, as in the lists. */
function namesIn(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((entry) => namesIn(entry, `${path}[]`))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => {
    const at = path === '' ? name : `${path}.${name}`
    return inner === undefined ? [] : [at, ...namesIn(inner, at)]
  })
}

const ASSET = { assetId: 'rgb:asset', lspAmount: '2000', clientAmount: '100', rfqId: 'rfq-1' }

/** Requests that between them use every field. */
const REQUESTS = [
  channelRequest({
    clientAddress: '203.0.113.5:9735',
    clientBalanceSat: sat(1_000),
    requiredChannelConfirmations: 3,
    fundingConfirmsWithinBlocks: 6,
    announceChannel: true,
    refundOnchainAddress: 'bcrt1q6zfdk8n3gy0wvl7jsurtqyamgqfeyt5cguydev',
    token: 'token',
    fundingFeeRateSatPerVbyte: 12,
    asset: ASSET,
  }),
]

function operationsOf(adapter: Adapter): Operation[] {
  const placing = REQUESTS.flatMap((request): Operation[] => [
    { adapter, name: 'createOrder', act: (call) => adapter.createOrder(call, request, 'me@example.com') },
    { adapter, name: 'estimate', act: async (call) => adapter.estimate?.(call, request) },
  ])
  const reading: Operation = {
    adapter,
    name: 'readOrder with a token',
    act: (call, order) => adapter.readOrder(call, { ...order, accessToken: 'secret' }),
  }
  const readingAnother: Operation = {
    adapter,
    name: 'readOrder at an LSP of draft 0.0.1 that knows order_id',
    act: (call, order) => adapter.readOrder({ ...call, memory: new Map([['idName', 'order_id']]) }, order),
  }
  const deciding: Operation = {
    adapter,
    name: 'decideRate with a token',
    act: async (call, order) => adapter.decideRate?.(call, { ...order, accessToken: 'secret' }, true),
  }
  const refunding: Operation = {
    adapter,
    name: 'requestRefund to an invoice',
    act: async (call, order) =>
      adapter.requestRefund?.(call, order, { bolt11Invoice: 'lnbcrt1', onchainAddress: null }),
  }
  const recorded = OPERATIONS.filter((one) => one.adapter === adapter)
  return [...recorded, ...placing, reading, readingAnother, deciding, refunding]
}

// -- answers ---------------------------------------------------------------------------------------------

interface Wrapper {
  fields?: Fields
  entry?: unknown
  _zod?: { def: { in?: unknown; innerType?: unknown; options?: unknown[] } }
}

/** Names in the declaration of a document, as in the lists. */
function declaredIn(schema: unknown, path = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { fields, entry, _zod } = schema as Wrapper
  if (fields) return Object.entries(fields).flatMap(([name, field]) => declaredBy(name, field, path))
  if (entry) return declaredIn(entry, `${path}[]`)
  const { in: input, innerType, options = [] } = _zod?.def ?? {}
  return [input, innerType, ...options].flatMap((inner) => declaredIn(inner, path))
}

function declaredBy(name: string, field: Field, path: string): string[] {
  return [name, ...field.otherNames].flatMap((one) => {
    const at = path === '' ? one : `${path}.${one}`
    // Whatever an ignored property contains is ignored with it.
    return [field.class === 'ignored' ? `${at}.*` : at, ...declaredIn(field.schema, at)]
  })
}

// -- errors ----------------------------------------------------------------------------------------------

/** A document with these properties of an error; every text in it is another one. */
function errorWith(names: readonly string[]): Record<string, unknown> {
  const document: Record<string, unknown> = {}
  for (const name of names) {
    const steps = name.split('.')
    const parents = steps.slice(0, -1).map((step) => step.replace('[]', ''))
    let at: Record<string, unknown> | undefined = document
    for (const key of parents) {
      const inner: unknown = at?.[key]
      at = (Array.isArray(inner) ? inner[0] : inner) as Record<string, unknown> | undefined
    }
    const hasFields = names.some((one) => one.startsWith(`${name}.`))
    const hasEntries = names.some((one) => one.startsWith(`${name}[].`))
    if (at) at[steps.at(-1) as string] = hasEntries ? [{}] : hasFields ? {} : (VALUES[name] ?? `some ${name}`)
  }
  return document
}

/** Values of properties that are not texts. */
const VALUES: Readonly<Record<string, unknown>> = {
  success: false,
  request_id: 'req_1',
  lsp_node_connection_string: NODE_URI,
  details: { property: 'lsp_balance_sat' },
  'error.code': 100,
  'error.data.unrecognized': ['some_parameter'],
  'detail[].loc': ['body', 'lsp_balance_sat'],
}

const rootOf = (name: string) => name.split(/[.[]/)[0] as string

/** Whether any refusal that the adapter reads is another one without the property. */
function isErrorRead(adapter: Adapter, names: readonly string[], name: string): boolean {
  const isWithin = (one: string) => one === name || one.startsWith(`${name}.`) || one.startsWith(`${name}[]`)
  const outcome = (status: number, shape: readonly string[]) => {
    const refusal = adapter.readRefusal(status, errorWith(shape), NOW)
    return refusal && { ...refusal.details(), lspNodeUri: refusal.lspNodeUri }
  }
  // LSPs send one of several shapes, which begin with different names.
  const others = [...new Set(names.map(rootOf))].filter((root) => root !== rootOf(name))
  const shapes = [
    names,
    ...[null, ...others].map((root) => names.filter((one) => [rootOf(name), root].includes(rootOf(one)))),
  ]
  return shapes.some((shape) =>
    [400, 412, 422, 500].some(
      (status) =>
        JSON.stringify(outcome(status, shape)) !==
        JSON.stringify(
          outcome(
            status,
            shape.filter((one) => !isWithin(one)),
          ),
        ),
    ),
  )
}

// --------------------------------------------------------------------------------------------------------

describe.each(ADAPTERS.map((adapter) => [adapter.configName, adapter] as const))('%s', (configName, adapter) => {
  const properties = propertiesOf(configName)
  const exchanges = Promise.all(operationsOf(adapter).map(exchangesOf)).then((all) => all.flat())

  test('sends every property of every request', async () => {
    const sent = new Set(
      (await exchanges).flatMap((exchange) =>
        namesIn({ ...exchange.query, ...(exchange.body as object) }).map((name) =>
          line({ operation: operationOf(exchange, properties), kind: 'request', name }),
        ),
      ),
    )
    const requests = properties.filter(({ kind }) => kind === 'request').map(line)
    expect(requests.length).toBeGreaterThan(5)
    expect(requests.filter((one) => !sent.has(one) && !(`${configName} ${one}` in NOT_SENT))).toEqual([])
  })

  test('sends nothing that no document has', async () => {
    const known = new Set(properties.map(line))
    const unknown = (await exchanges).flatMap((exchange) => {
      const operation = operationOf(exchange, properties)
      return namesIn({ ...exchange.query, ...(exchange.body as object) })
        .map((name) => line({ operation, kind: 'request', name }))
        .filter((one) => !known.has(one))
    })
    expect([...new Set(unknown)]).toEqual([])
  })

  test('declares every property of every answer', async () => {
    const declared = new Set(
      (await exchanges).flatMap((exchange) =>
        declaredIn(exchange.answer).map((name) =>
          line({ operation: operationOf(exchange, properties), kind: 'answer', name }),
        ),
      ),
    )
    const answers = properties.filter(({ kind }) => kind === 'answer').map(line)
    expect(answers.length).toBeGreaterThan(20)
    const isDeclared = (name: string) =>
      declared.has(name) || [...declared].some((one) => one.endsWith('.*') && `${name}.`.startsWith(one.slice(0, -1)))
    expect(answers.filter((one) => !isDeclared(one))).toEqual([])
  })

  test('reads every property of every error', () => {
    const errors = properties.filter(({ kind }) => kind === 'error')
    const operations = [...new Set(errors.map(({ operation }) => operation))]
    const unread = operations.flatMap((operation) => {
      const names = errors.filter((one) => one.operation === operation).map(({ name }) => name)
      return names
        .filter((name) => !(name in NOT_READ) && !isErrorRead(adapter, names, name))
        .map((name) => `${operation} ${name}`)
    })
    expect(unread).toEqual([])
  })
})

test('the tables of exceptions name properties that exist', () => {
  const all = ADAPTERS.flatMap(({ configName }) => propertiesOf(configName).map((one) => ({ configName, ...one })))
  const requests = new Set(all.map((one) => `${one.configName} ${line(one)}`))
  const errors = new Set(all.filter(({ kind }) => kind === 'error').map(({ name }) => name))
  expect(Object.keys(NOT_SENT).filter((one) => !requests.has(one))).toEqual([])
  expect(Object.keys(NOT_READ).filter((one) => !errors.has(one))).toEqual([])
})

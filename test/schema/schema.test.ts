import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { buildSchema, findBreakingChanges, GraphQLError, GraphQLSchema, Kind, parse, validate } from 'graphql'
import { createGraphQLError } from 'graphql-yoga'
import { describe, expect, test } from 'vitest'
import { schema } from '../../src/schema/index.ts'
import { sandboxSchema } from '../../src/schema/sandbox.ts'
import { printByDomain } from './print.ts'
import { graphiqlTabs } from '../../src/server/graphiql-tabs.ts'

const PRINTED = new URL('../../schema.graphql', import.meta.url)
const CORE = new URL('core.graphql', import.meta.url)
const SANDBOX_PRINTED = new URL('../../schema.sandbox.graphql', import.meta.url)
const SHARED_CORE = new URL('../../../shared/contract/core-v2.graphql', import.meta.url)
/** The lines that name the source of the copy. */
const HEAD = /^(#.*\n){2}/

describe('schema.graphql', () => {
  test('is what the code says; UPDATE_SCHEMA=1 npx vitest run test/schema rewrites it', async () => {
    const text = printByDomain(schema)
    if (process.env['UPDATE_SCHEMA']) await writeFile(PRINTED, text)
    expect(await readFile(PRINTED, 'utf8')).toBe(text)
  })

  test('of sandbox mode is in schema.sandbox.graphql, so that clients can type sandboxPay', async () => {
    const text = printByDomain(sandboxSchema)
    if (process.env['UPDATE_SCHEMA']) await writeFile(SANDBOX_PRINTED, text)
    expect(await readFile(SANDBOX_PRINTED, 'utf8')).toBe(text)
  })

  test('holds all that clients rely on', async () => {
    const core = buildSchema(await readFile(CORE, 'utf8'))
    const printed = buildSchema(await readFile(PRINTED, 'utf8'))
    expect(findBreakingChanges(core, printed)).toEqual([])
  })

  test('fails the comparison without a field, an enum value or a member of a union', async () => {
    const core = buildSchema(await readFile(CORE, 'utf8'))
    const text = await readFile(PRINTED, 'utf8')
    const without = (part: RegExp, instead = '') =>
      findBreakingChanges(core, buildSchema(text.replace(part, instead))).map(
        ({ type, description }) => `${type} ${description}`,
      )
    expect(without(/^ {2}annualRatePercent: Float$/m, '  other: Float')).toEqual([
      'FIELD_REMOVED Quote.annualRatePercent was removed.',
    ])
    expect(without(/^ {2}REFUND_PENDING$/gm, '  OTHER').toSorted()).toEqual([
      'VALUE_REMOVED_FROM_ENUM REFUND_PENDING was removed from enum type OrderState.',
      'VALUE_REMOVED_FROM_ENUM REFUND_PENDING was removed from enum type RenewalState.',
    ])
    expect(without(/ \| QuoteNotFoundError/)).toEqual([
      'TYPE_REMOVED_FROM_UNION QuoteNotFoundError was removed from union type CreateOrderResult.',
    ])
  })

  test('has nothing of the sandbox, whose schema has all of it and more', async () => {
    expect(await readFile(PRINTED, 'utf8')).not.toMatch(/sandbox/i)
    expect(findBreakingChanges(schema, sandboxSchema)).toEqual([])
    expect(
      Object.keys(sandboxSchema.getMutationType()?.getFields() ?? {}).filter((name) => name.startsWith('sandbox')),
    ).toEqual(['sandboxPay', 'sandboxReceive', 'sandboxAdvance', 'sandboxSetFaults'])
    const added = Object.keys(sandboxSchema.getTypeMap()).filter((name) => schema.getType(name) === undefined)
    expect(added.length).toBeGreaterThan(0)
    for (const name of added) expect(name).toMatch(/^Sandbox/)
  })
})

test.skipIf(!existsSync(SHARED_CORE))('the copy of the core schema is the one in ../shared/contract', async () => {
  const copy = await readFile(CORE, 'utf8')
  expect(copy.replace(HEAD, '')).toBe(await readFile(SHARED_CORE, 'utf8'))
  expect(copy).toMatch(/^# A copy of shared\/contract\/core-v2\.graphql/)
})

test('there is one graphql: what tests, Yoga and Node.js load is the same', () => {
  const require = createRequire(import.meta.url)
  const loaded = require('graphql') as { GraphQLSchema: unknown; GraphQLError: unknown }
  expect(loaded.GraphQLSchema).toBe(GraphQLSchema)
  expect(loaded.GraphQLError).toBe(GraphQLError)
  expect(schema).toBeInstanceOf(GraphQLSchema)
  expect(createGraphQLError('made by what Yoga uses')).toBeInstanceOf(GraphQLError)
})

describe('what GraphiQL opens with', () => {
  const SANDBOX = {
    clientPubkey: '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
    clientAddress: '127.0.0.1:9735',
  }

  test.each([
    ['in the sandbox', sandboxSchema, SANDBOX, ['Compare', 'Order', 'Follow', 'Pay', 'Break']],
    ['elsewhere', schema, null, ['Compare', 'Order', 'Follow']],
  ])('can be run %s', (_, against, sandbox, names) => {
    const tabs = graphiqlTabs({ sandbox }, false)
    expect(tabs.map(({ query }) => /^(?:query|mutation|subscription) (\w+)/m.exec(query)?.[1])).toEqual(names)
    for (const { query, variables } of tabs) {
      const document = parse(query)
      expect(validate(against, document)).toEqual([])
      const [operation] = document.definitions
      const wanted =
        operation?.kind === Kind.OPERATION_DEFINITION
          ? (operation.variableDefinitions ?? []).map(({ variable }) => variable.name.value)
          : []
      expect(Object.keys(JSON.parse(variables ?? '{}') as object)).toEqual(wanted)
    }
  })
})

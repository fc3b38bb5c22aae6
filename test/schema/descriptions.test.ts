import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  type GraphQLNamedType,
} from 'graphql'
import { expect, test } from 'vitest'
import { sandboxSchema } from '../../src/schema/sandbox.ts'

const types = Object.values(sandboxSchema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !(isScalarType(type) && isSpecifiedScalarType(type)),
)

/** Every name in the schema, with its description. */
function* descriptions(): Generator<[name: string, description: string | null | undefined]> {
  for (const type of types) {
    yield [type.name, type.description]
    yield* partsOf(type)
  }
}

function* partsOf(type: GraphQLNamedType): Generator<[string, string | null | undefined]> {
  if (isEnumType(type))
    for (const { name, description } of type.getValues()) yield [`${type.name}.${name}`, description]
  if (isInputObjectType(type))
    for (const { name, description } of Object.values(type.getFields())) yield [`${type.name}.${name}`, description]
  if (!isObjectType(type) && !isInterfaceType(type)) return
  for (const field of Object.values(type.getFields())) {
    yield [`${type.name}.${field.name}`, field.description]
    for (const arg of field.args) yield [`${type.name}.${field.name}(${arg.name}:)`, arg.description]
  }
}

const sentences = (text: string) => text.match(/[.!?](?=\s|$)/g)?.length ?? 0

test('every type, field, argument, input field and enum value has a description', () => {
  const all = [...descriptions()]
  expect(all.length).toBeGreaterThan(900)
  expect(all.filter(([, description]) => !description?.trim()).map(([name]) => name)).toEqual([])
})

test('no description is longer than three sentences', () => {
  expect([...descriptions()].filter(([, text]) => sentences(text ?? '') > 3).map(([name]) => name)).toEqual([])
})

// Clients may switch over these without a default.
const CLOSED = new Set(['Payability', 'NextStepActor', 'CheckVerdict', 'FirmPolicy'])

test('every enum that may grow says so, and no other', () => {
  for (const type of types.filter(isEnumType))
    expect(`${type.name} ${type.description?.includes('More values may follow')}`).toBe(
      `${type.name} ${!CLOSED.has(type.name)}`,
    )
})

test('every scalar of the schema says where it is specified', () => {
  const own = types.filter(isScalarType)
  expect(own.map(({ name }) => name).toSorted()).toEqual(['AssetAmount', 'DateTime', 'PublicKey', 'Sat', 'UInt64'])
  for (const { name, specifiedByURL } of own) expect(`${name} ${specifiedByURL}`).toMatch(/^\w+ https:\/\//)
})

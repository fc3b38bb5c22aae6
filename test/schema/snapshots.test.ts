import { getNamedType, isInterfaceType, isObjectType } from 'graphql'
import { expect, test } from 'vitest'
import { schema } from '../../src/schema/index.ts'

test('no type with an id is reachable from a snapshot', () => {
  const reached = new Set<string>()
  const withId: string[] = []
  const visit = (name: string): void => {
    const type = schema.getType(name)
    if (reached.has(name) || (!isObjectType(type) && !isInterfaceType(type))) return
    reached.add(name)
    if ('id' in type.getFields()) withId.push(name)
    for (const field of Object.values(type.getFields())) visit(getNamedType(field.type).name)
    if (isInterfaceType(type)) for (const possible of schema.getPossibleTypes(type)) visit(possible.name)
  }
  visit('OrderSnapshot')
  expect(reached.size).toBeGreaterThan(10)
  expect(withId).toEqual([])
})

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isInterfaceType, isObjectType, isUnionType } from 'graphql'
import { expect, test } from 'vitest'
import { sandboxSchema } from '../../src/schema/sandbox.ts'

const FILE = join(import.meta.dirname, '../../src/client/schema-facts.ts')
const ROOTS = new Set(['Query', 'Mutation', 'Subscription'])

const list = (names: readonly string[]) => `[\n${names.map((name) => `    '${name}',\n`).join('')}  ]`

function expected(): string {
  const types = Object.values(sandboxSchema.getTypeMap()).filter(({ name }) => !name.startsWith('__'))
  const abstract = types.filter((type) => isInterfaceType(type) || isUnionType(type))
  const keyless = types.filter((type) => isObjectType(type) && !ROOTS.has(type.name) && !('id' in type.getFields()))
  const possible = abstract.map(
    (type) => `  ${type.name}: ${list(sandboxSchema.getPossibleTypes(type).map(({ name }) => name))},\n`,
  )
  return `// Printed from the schema: UPDATE_SCHEMA=1 npx vitest run test/client

/** The object types of each interface and union. */
export const POSSIBLE_TYPES: Readonly<Record<string, readonly string[]>> = {
${possible.join('')}}

/** The object types without an id: they are part of the object that they are read from. */
export const KEYLESS_TYPES: readonly string[] = ${list(keyless.map(({ name }) => name))
    .replaceAll('    ', '  ')
    .replace(/ {2}\]$/, ']')}
`
}

test('the facts of the schema that caches need are current; UPDATE_SCHEMA=1 npx vitest run test/client rewrites them', async () => {
  if (process.env['UPDATE_SCHEMA']) await writeFile(FILE, expected())
  expect(await readFile(FILE, 'utf8')).toBe(expected())
})

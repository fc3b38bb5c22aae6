import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  parse,
  print,
  validate,
  type GraphQLEnumType,
  type GraphQLInputObjectType,
} from 'graphql'
import { beforeAll, describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const EXAMPLE = `${ROOT}examples/wallet`
const GENERATOR = `${EXAMPLE}/node_modules/@graphql-codegen/cli/package.json`

describe("the example client's typed documents", () => {
  let schemaText: string
  let operations: string
  let generated: string
  beforeAll(async () => {
    schemaText = await readFile(`${ROOT}schema.graphql`, 'utf8')
    operations = await readFile(`${EXAMPLE}/src/operations.graphql`, 'utf8')
    generated = await readFile(`${EXAMPLE}/src/gql/graphql.ts`, 'utf8')
  })

  it('are valid against schema.graphql', () => {
    expect(validate(buildSchema(schemaText), parse(operations))).toEqual([])
  })

  it('are generated from the documents as they are now', async () => {
    const { definitions } = parse(operations)
    for (const definition of definitions) expect(generated).toContain(print(definition))
    expect(await readFile(`${EXAMPLE}/src/gql/gql.ts`, 'utf8')).toContain(JSON.stringify(print(parse(operations))))
  })

  it('have the enums and input objects as the schema has them now', () => {
    const declarations = new Map(
      generated.split(/\n\n+/).map((text) => [/^export type (\w+) =/m.exec(text)?.[1], text]),
    )
    const types = Object.values(buildSchema(schemaText).getTypeMap()).filter(
      (type) => (isEnumType(type) || isInputObjectType(type)) && declarations.has(type.name),
    )

    expect(types.map(({ name }) => name)).toContain('ChannelRequestInput')
    for (const type of types as (GraphQLEnumType | GraphQLInputObjectType)[]) {
      const members = isEnumType(type) ? type.getValues().map(({ name }) => name) : Object.keys(type.getFields())
      const generatedMembers = [...(declarations.get(type.name) ?? '').matchAll(/^ {2}(?:\| '(\w+)'|(\w+)\??:)/gm)].map(
        ([, value, field]) => value ?? field,
      )
      // The generator sorts them.
      expect({ [type.name]: new Set(generatedMembers) }).toEqual({ [type.name]: new Set(members) })
    }
  })

  it.skipIf(!existsSync(GENERATOR))('are what the generator would write now', async () => {
    await expect(codegen('--', '--check')).resolves.toMatchObject({ status: 0 })
  })

  it.skipIf(existsSync(GENERATOR))(
    'cannot be generated before the generator is installed, and the command says how',
    async () => {
      const { status, stderr } = await codegen()
      expect(status).toBe(1)
      expect(stderr).toContain('npm ci --prefix examples/wallet')
    },
  )
})

function codegen(...args: string[]) {
  return new Promise<{ status: number; stdout: string; stderr: string }>((resolve) => {
    execFile('npm', ['run', '--silent', 'codegen', ...args], { cwd: ROOT }, (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

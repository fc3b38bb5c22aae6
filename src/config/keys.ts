import { z } from 'zod'
import type { Path } from './problem.ts'
import type { KeyMeta } from './key.ts'

/** A key of the configuration file as messages and the reference speak of it. */
export interface Key {
  type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  description: string
  allowed: string
  hides: KeyMeta['hides'] | null
  required: boolean
  /** What the file means where the key is missing; undefined when there is no such value. */
  default: unknown
  children: ReadonlyMap<string, Key>
  /** What an entry of a list is. */
  item: Key | null
}

/** JSON Schema is the documented way to read a zod schema; its internals are not. */
export function keysOf(schema: z.ZodType): Key {
  return keyOf(z.toJSONSchema(schema, { io: 'input' }), true)
}

function keyOf(node: z.core.JSONSchema.BaseSchema, required: boolean): Key {
  const meta = node as Partial<KeyMeta>
  const needed = new Set(node.required)
  const children = Object.entries(node.properties ?? {}).map(
    ([name, child]) => [name, keyOf(asNode(child), needed.has(name))] as const,
  )
  return {
    type: node.type as Key['type'],
    description: meta.description ?? '',
    allowed: meta.allowed ?? allowedBy(node),
    hides: meta.hides ?? null,
    required,
    default: node.default,
    children: new Map(children),
    item: node.items === undefined ? null : keyOf(asNode(node.items), true),
  }
}

function asNode(
  node: z.core.JSONSchema._JSONSchema | readonly z.core.JSONSchema._JSONSchema[],
): z.core.JSONSchema.BaseSchema {
  if (typeof node === 'boolean' || !('type' in node))
    throw new TypeError('a schema node that the reference cannot describe')
  return node
}

function allowedBy(node: z.core.JSONSchema.BaseSchema): string {
  if (node.enum) return node.enum.join(', ')
  switch (node.type) {
    case 'integer':
      return `a whole number from ${node.minimum} to ${node.maximum}`
    case 'number':
      return node.exclusiveMinimum === undefined
        ? `a number from ${node.minimum} to ${node.maximum}`
        : `a number above ${node.exclusiveMinimum}, at most ${node.maximum}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'a list'
    case 'object':
      return `keys of its own: ${Object.keys(node.properties ?? {}).join(', ')}`
    default:
      return 'text'
  }
}

/** The key that a place in the file is about; null where the schema has none. */
export function keyAt(root: Key, path: Path): Key | null {
  let key: Key | null = root
  for (const step of path) {
    if (key === null) return null
    key = typeof step === 'number' ? key.item : (key.children.get(String(step)) ?? null)
  }
  return key
}

/** Every key with its name in the reference, such as `lsps[].courtesy.maxUnpaidOrders`, in the order of the schema. */
export function listKeys(root: Key, prefix = ''): { name: string; key: Key }[] {
  return [...root.children].flatMap(([step, key]) => {
    const name = `${prefix}${step}`
    const nested = key.item ? listKeys(key.item, `${name}[].`) : listKeys(key, `${name}.`)
    return [{ name, key }, ...nested]
  })
}

import type { z } from 'zod'

export interface KeyMeta {
  /** The key's meaning, for the reference. */
  description: string
  /** What the value may be, in messages and in the reference; derived from the schema when left out. */
  allowed?: string
  /** What a message must not repeat of the value: nothing of it, or what stands where a URL has credentials. */
  hides?: 'all' | 'credentials'
}

/** Comes last on a schema: every method of zod makes a new one, without the meta data. */
export function key<Schema extends z.ZodType>(schema: Schema, meta: KeyMeta): Schema {
  return schema.meta({ ...meta })
}

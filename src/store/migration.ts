import { createHash } from 'node:crypto'

/**
 * One step of the schema, in SQL that both engines understand. A released file is never edited: its checksum is in
 * every database, and in test/store/migrations.test.ts.
 */
export interface Migration {
  /** Counts from 1 without a gap; the file's name begins with it. */
  number: number
  name: string
  /**
   * null: the migration is additive, so the previous release works on the migrated database. Otherwise the sentence with
   * which the previous release refuses to start.
   */
  breaks: string | null
  statements: readonly string[]
}

/** SHA-256 of the statements, in hexadecimal. */
export function checksumOf({ statements }: Pick<Migration, 'statements'>): string {
  return createHash('sha256').update(JSON.stringify(statements)).digest('hex')
}

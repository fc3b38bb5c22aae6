import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const FIXTURES = new URL('../fixtures/', import.meta.url)

/** A recorded payload; where each comes from stands in fixtures/sources.md. */
export function fixture(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(path, FIXTURES), 'utf8')) as Record<string, unknown>
}

/**
 * One test for each payload, and one that every file of these folders is either spoken or has its reason not to
 * be: a payload that is added later cannot be forgotten.
 */
export function testEveryFixture(
  folders: readonly string[],
  spoken: Readonly<Record<string, () => Promise<void>>>,
  reasonNotToSpeak: Readonly<Record<string, string>> = {},
): void {
  it.each(Object.entries(spoken))('%s', (_name, holds) => holds())

  it('forgets no payload', () => {
    const files = folders.flatMap((folder) =>
      readdirSync(new URL(`${folder}/`, FIXTURES)).map((name) => `${folder}/${name}`),
    )
    expect([...Object.keys(spoken), ...Object.keys(reasonNotToSpeak)].toSorted()).toEqual(files.toSorted())
  })
}

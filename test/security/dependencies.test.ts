import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface LockedPackage {
  version?: string
  integrity?: string
  resolved?: string
  dev?: boolean
  link?: boolean
  hasInstallScript?: boolean
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

let locked: Record<string, LockedPackage>
beforeAll(async () => {
  const { packages } = JSON.parse(await readFile(`${ROOT}package-lock.json`, 'utf8')) as {
    packages: Record<string, LockedPackage>
  }
  locked = packages
})

/** Where a package finds another, as Node.js looks for it. */
function resolve(from: string, name: string): string | null {
  for (let at = from; ; at = at.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    const path = `${at === '' ? '' : `${at}/`}node_modules/${name}`
    if (path in locked) return path
    if (at === '') return null
  }
}

describe('the lock file', () => {
  test('has an entry for everything that a package needs, on whatever platform: npm ci fails where one is missing', () => {
    const holes = Object.entries(locked).flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => resolve(path, name) === null)
        .map((name) => `${path || 'the project'} needs ${name}`),
    )
    expect(holes).toEqual([])
    expect(Object.keys(locked).length).toBeGreaterThan(100)
  })

  test('says what each package must be, and not from which registry it was', () => {
    const packages = Object.entries(locked).filter(([path, { link }]) => path !== '' && !link)
    expect(packages.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([])
    expect(packages.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([])
  })

  test('has one copy of graphql, which refuses the types of any other', () => {
    expect(Object.keys(locked).filter((path) => /(^|\/)node_modules\/graphql$/.test(path))).toEqual([
      'node_modules/graphql',
    ])
  })

  test('has nothing that ships and runs a script when it is installed', () => {
    expect(
      Object.entries(locked)
        .filter(([path, { dev, hasInstallScript }]) => path !== '' && !dev && hasInstallScript)
        .map(([path]) => path),
    ).toEqual([])
  })
})

test('npm ls graphql shows one copy', async () => {
  const { stdout } = await promisify(execFile)('npm', ['ls', 'graphql', '--all', '--json'], { cwd: ROOT })
  const versions = new Set(
    stdout
      .split('\n')
      .flatMap((line, index, lines) =>
        /"graphql": \{/.test(line) ? [/"version": "([^"]+)"/.exec(lines[index + 1] ?? '')?.[1]] : [],
      ),
  )
  expect([...versions]).toEqual(['16.15.0'])
})

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { inject } from 'vitest'
import type { TestProject } from 'vitest/node'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PATIENCE_MS = 60_000

declare module 'vitest' {
  export interface ProvidedContext {
    buildFolder: string
  }
}

/** vitest's global setup: a place for the program, which whoever needs it first builds. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-build-'))
  project.provide('buildFolder', folder)
  return () => rm(folder, { recursive: true, force: true })
}

/** The program as `npm start` builds it, once for all tests. @returns the path of what is run. */
export async function builtProgram(): Promise<string> {
  const folder = inject('buildFolder')
  const isMine = await mkdir(join(folder, 'begun')).then(
    () => true,
    () => false,
  )
  if (isMine) await build(folder)
  const giveUpAt = Date.now() + PATIENCE_MS
  while (!existsSync(join(folder, 'done'))) {
    if (Date.now() > giveUpAt) throw new Error('the program was not built; another test says why')
    await delay(50)
  }
  return join(folder, 'dist/main.js')
}

async function build(folder: string): Promise<void> {
  await promisify(execFile)(join(ROOT, 'node_modules/.bin/tsc'), [
    '-p',
    join(ROOT, 'tsconfig.build.json'),
    '--outDir',
    join(folder, 'dist'),
  ])
  await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'))
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir')
  await writeFile(join(folder, 'done'), '')
}

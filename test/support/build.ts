import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface BuiltProgram {
  folder: string
  main: string
  remove: () => void
}

/** The program as it is shipped, built into a folder of its own. */
export function buildProgram(): BuiltProgram {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-build-'))
  const built = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(folder, 'dist')], { encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`the program does not build: ${built.stdout}${built.stderr}`)
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir')
  return { folder, main: join(folder, 'dist/main.js'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

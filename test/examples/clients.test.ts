import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Build, freePort, kill, orderAtOlive, SANDBOX_PAY } from '../server/program.ts'
import { builtProgram } from '../support/build.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples/clients')
const MODULES = join(EXAMPLES, 'node_modules')
const isInstalled = existsSync(join(MODULES, '@apollo/client'))

/** A copy of the examples, in which `sluice/client` is what was built for the tests. */
async function examplesFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-examples-'))
  for (const name of await readdir(EXAMPLES))
    if (name !== 'node_modules') await cp(join(EXAMPLES, name), join(folder, name))
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, 'sluice'), { recursive: true })
  for (const name of await readdir(MODULES))
    if (name !== 'sluice') await symlink(join(MODULES, name), join(modules, name))
  await symlink(dirname(await builtProgram()), join(modules, 'sluice/dist'))
  await writeFile(
    join(modules, 'sluice/package.json'),
    JSON.stringify({ type: 'module', exports: { './client': './dist/client/index.js' } }),
  )
  return folder
}

describe.skipIf(!isInstalled)('an order is followed over kill -9 of the gateway', () => {
  let build: Build
  let folder: string
  beforeAll(async () => {
    build = await Build.make()
    folder = await examplesFolder()
  })
  afterAll(async () => {
    await build[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  test.each([
    ['Apollo Client', process.execPath, 'apollo.mjs', 'ws'],
    ['urql', process.execPath, 'urql.mjs', 'ws'],
    ['curl', 'bash', 'follow.sh', 'http'],
  ])(
    'by %s without gap or repeat, which then ends by itself',
    async (_name, command, file, scheme) => {
      const cwd = await build.folder()
      const env = { PORT: String(await freePort()) }
      const first = build.start(cwd, { env })
      const id = await orderAtOlive(first)
      const url = `${(await first.origin()).replace('http', scheme)}/graphql`
      const follower = spawn(command, [join(folder, file), url, id], { stdio: ['ignore', 'pipe', 'pipe'] })
      const ended = once(follower, 'close')
      let output = ''
      follower.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
      follower.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
      try {
        const lines = () => output.split('\n').filter((line) => line !== '')
        await expect.poll(() => lines().length, { timeout: 60_000 }).toBe(1)
        await kill(first)
        const second = build.start(cwd, { env })
        await second.origin()
        await second.ask(SANDBOX_PAY, { id })
        await expect.poll(() => lines().length, { timeout: 60_000 }).toBeGreaterThan(1)
        await kill(second)
        const third = build.start(cwd, { env })
        await third.origin()
        expect(await ended).toEqual([0, null])
        const sequences = lines().map((line) => Number(/^(?:\{.*"sequence":)?(\d+)/.exec(line)?.[1]))
        expect(sequences).toEqual(sequences.map((_sequence, index) => index + 1))
        expect(lines().at(-1)).toContain('COMPLETED')
        await kill(third)
      } finally {
        follower.kill('SIGKILL')
      }
    },
    180_000,
  )
})

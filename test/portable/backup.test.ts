import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { runBackup } from '../../src/portable/backup.ts'
import { startTestGateway } from '../support/gateway.ts'
import { counting, eventsOf, orderAt, pay, readOrder, sequencesOf } from '../support/operations.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-backup-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** As `npm run backup -- …` does it. */
function backup(argv: string[], databaseUrl: string) {
  const said: string[] = []
  const status = runBackup(
    argv,
    { DATABASE_URL: databaseUrl },
    { out: (line) => said.push(line), err: (line) => said.push(line) },
  )
  return { status, said: said.join('\n') }
}

interface Row {
  id: string
  sequence: number
  last: number
  count: number
  placement: string | null
}

/** Each order with what of its log and of its placement is there. */
function ordersIn(path: string): Row[] {
  const database = new Database(path, { readonly: true })
  try {
    return database
      .prepare(
        `select o.id as id, o.sequence as sequence, max(e.sequence) as last, count(*) as count, p.id as placement
        from orders o left join events e on e.order_id = o.id left join placements p on p.order_id = o.id group by o.id`,
      )
      .all() as Row[]
  } finally {
    database.close()
  }
}

describe('a backup', () => {
  test('taken while orders are placed, paid and tracked holds each of them whole', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive', 'beacon'], stepMs: 5 } })
    const directory = await folder()
    const ids: string[] = []
    const ordering = async (lspId: string, from: number) => {
      for (const index of counting(0, 8)) {
        const { id } = await orderAt(gateway, lspId, { lspBalanceSat: from + index * 1_000 })
        ids.push(id)
        await pay(gateway, id)
      }
    }
    const ordered = { all: false }
    const busy = Promise.all([ordering('olive', 1_000_000), ordering('beacon', 2_000_000)]).finally(() => {
      ordered.all = true
    })
    const copies: Row[][] = []
    while (!ordered.all) {
      const path = join(directory, `${copies.length}.db`)
      expect(backup([path], gateway.databaseUrl)).toEqual({
        status: 0,
        said: expect.stringMatching(/: \d+ bytes, integrity_check: ok$/m),
      })
      copies.push(ordersIn(path))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await busy
    expect(copies.length).toBeGreaterThan(3)
    for (const row of copies.flat())
      expect(row).toMatchObject({ last: row.sequence, count: row.sequence, placement: expect.any(String) })
    expect(copies.some((rows) => rows.length > 0 && rows.length < ids.length)).toBe(true)
  })

  test('is a database that a gateway starts on, and goes on from', async () => {
    const directory = await folder()
    const copy = join(directory, 'copy.db')
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const { id, sequence } = await orderAt(gateway, 'olive')
    expect(backup([copy], gateway.databaseUrl).status).toBe(0)
    await using restored = await startTestGateway({ beside: gateway, databaseUrl: copy })
    await pay(restored, id)
    // What was being read when the copy was made is leased for some seconds more.
    await vi.waitFor(async () => expect((await readOrder(restored, id)).state).toBe('COMPLETED'), 16_000)
    const events = await eventsOf(restored, id)
    expect(sequencesOf(events)).toEqual(counting(1, events.length))
    expect(events.length).toBeGreaterThan(sequence)
  })

  test('can be read by its owner alone', async () => {
    const directory = await folder()
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    backup([join(directory, 'copy.db')], gateway.databaseUrl)
    expect((await stat(join(directory, 'copy.db'))).mode & 0o077).toBe(0)
  })

  test('overwrites nothing', async () => {
    const directory = await folder()
    const path = join(directory, 'precious')
    await writeFile(path, '')
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    expect(backup([path], gateway.databaseUrl)).toEqual({
      status: 2,
      said: `${path} is there already, and is not overwritten`,
    })
    expect(await readFile(path, 'utf8')).toBe('')
  })

  test('of what is no database leaves no file', async () => {
    const directory = await folder()
    const path = join(directory, 'copy.db')
    const notOne = join(directory, 'notes.txt')
    await writeFile(
      notOne,
      'not a database, and long enough to be looked at as if it might be one after all'.repeat(20),
    )
    expect(backup([path], notOne)).toMatchObject({ status: 2, said: expect.stringContaining('no copy was made') })
    expect(backup([path], join(directory, 'nowhere.db'))).toMatchObject({
      status: 2,
      said: expect.stringContaining('there is no database at'),
    })
    await expect(stat(path)).rejects.toThrow('ENOENT')
    await expect(stat(join(directory, 'nowhere.db'))).rejects.toThrow('ENOENT')
  })

  test('of PostgreSQL is left to its own tools', () => {
    const { status, said } = backup(['copy.db'], 'postgres://me:hunter2@db.example/sluice')
    expect(status).toBe(2)
    expect(said).toContain('pg_dump')
    expect(said).not.toContain('hunter2')
  })

  test.each([[[]], [['a', 'b']], [['--help']]])('wants the name of one file: %j', (argv) => {
    expect(backup(argv, './data/sluice.db')).toMatchObject({
      status: 2,
      said: expect.stringContaining('npm run backup -- FILE'),
    })
  })
})

import { randomBytes } from 'node:crypto'
import Database from 'libsql'
import { describe, expect, test } from 'vitest'
import { openStage } from './stage.ts'
import { systemClock } from '../../src/domain/time.ts'
import { openStore } from '../../src/store/store.ts'
import { ENGINES, execute, freshPostgres } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { proxyTo } from '../support/proxy.ts'

describe.each(ENGINES)('whether an order could be written in %s', (engine) => {
  test('is tried by a write: one for however many ask', async () => {
    await using stage = await openStage(engine)
    expect(await Promise.all(Array.from({ length: 20 }, () => stage.store.problem()))).toEqual(Array(20).fill(null))
  })

  test.each([
    ['a column is dropped', 'alter table orders drop column failures', /column orders\.failures is missing/],
    ['a table is renamed', 'alter table orders rename to orders_old', /table orders is missing/],
    [
      'another migration is recorded',
      "update applied_migrations set checksum = 'other' where number = 2",
      /another migration 2/,
    ],
    [
      'a newer release migrates, and this one cannot work with that',
      "insert into applied_migrations (number, name, checksum, breaks, applied_at) values (99, 'x', 'y', 'start release 9', 0)",
      /migration 99 without|start release 9/,
    ],
  ])('is denied after %s', async (_what, statement, message) => {
    await using stage = await openStage(engine)
    await stage.execute(statement)
    // The first look is at all of the schema.
    stage.store.suspect()
    const problem = await stage.store.problem()
    expect(problem?.reason).toBe('SCHEMA_MISMATCH')
    expect(problem?.message).toMatch(message)
  })
})

test('a file that another process holds is not ready (SQLite)', async () => {
  await using stage = await openStage('SQLite')
  const other = new Database(stage.url)
  other.exec('begin immediate')
  expect(await stage.store.problem()).toMatchObject({ reason: 'TIMEOUT' })
  other.exec('commit')
  other.close()
  await expect.poll(() => stage.store.problem()).toBeNull()
})

test('a database that has become a standby is not ready (PostgreSQL)', async () => {
  await using database = await freshPostgres()
  const role = `standby_${randomBytes(4).toString('hex')}`
  await execute(database.url, `create role ${role} superuser login password 'secret'`)
  const url = new URL(database.url)
  url.username = role
  url.password = 'secret'
  const store = await openStore(url.href, systemClock)
  try {
    expect(await store.problem()).toBeNull()
    await execute(database.url, `alter role ${role} set default_transaction_read_only = on`)
    await execute(database.url, `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`)
    await expect.poll(() => store.problem()).toMatchObject({ reason: 'READ_ONLY' })
    await execute(database.url, `alter role ${role} reset default_transaction_read_only`)
    await execute(database.url, `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`)
    await expect.poll(() => store.problem()).toBeNull()
  } finally {
    await store.close()
    await execute(database.url, `drop owned by ${role}; drop role ${role}`)
  }
})

test('a database that hangs is not ready, and is again once it goes on (PostgreSQL)', async () => {
  await using database = await freshPostgres()
  await using proxy = await proxyTo(database.url)
  await using store = await openStore(proxy.url, systemClock)
  proxy.hang()
  expect(await store.problem()).toMatchObject({ reason: 'TIMEOUT' })
  proxy.resume()
  await expect.poll(() => store.problem()).toBeNull()
})

test('while the database is away, clients read UNAVAILABLE over every transport, and the log stays short', async () => {
  await using database = await freshPostgres()
  await using proxy = await proxyTo(database.url)
  await using gateway = await startTestGateway({ databaseUrl: proxy.url, sandbox: { only: ['olive'] } })
  const ready = async () => {
    const response = await fetch(`${gateway.origin}/ready`)
    return { status: response.status, body: (await response.json()) as unknown }
  }
  await proxy.cut()
  const logged = gateway.logged.length
  const ERRORS = [
    {
      message: 'the database cannot be reached: try again later',
      extensions: { code: 'UNAVAILABLE', retryAfterSeconds: 5 },
    },
  ]
  const ORDER = 'mutation { createOrder(input: {quoteId: "q", idempotencyKey: "k"}) { __typename } }'
  for (const query of ['{ order(id: "1") { id } }', '{ orders(first: 1) { edges { cursor } } }', ORDER])
    expect(await gateway.send(query)).toMatchObject({ status: 503, errors: ERRORS })
  const FOLLOW = 'subscription { orderUpdated(id: "1") { sequence } }'
  for await (const event of gateway.subscribeSse(FOLLOW)) expect(event).toMatchObject({ errors: ERRORS })
  await expect(gateway.subscribe(FOLLOW).next()).rejects.toMatchObject(ERRORS)
  await expect.poll(ready).toEqual({
    status: 503,
    body: { status: 'not ready', reason: 'DATABASE_UNREACHABLE', message: 'the database cannot be reached' },
  })
  await proxy.restore()
  await expect.poll(ready).toEqual({ status: 200, body: { status: 'ready' } })
  await expect.poll(() => gateway.logged.at(-1)).toContain('the database can be used again')
  expect(gateway.logged.slice(logged).length).toBeLessThanOrEqual(3)
})

import { copyFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { saveLsp } from './records.ts'
import { executeIn, openStage } from './stage.ts'
import { systemClock } from '../../src/domain/time.ts'
import { DatabaseError } from '../../src/store/database.ts'
import { MIGRATIONS } from '../../src/store/migrations.ts'
import { openStore } from '../../src/store/store.ts'
import { ENGINES, freshDatabase } from '../support/database.ts'

describe.each(ENGINES)('a database in %s', (engine) => {
  test('is opened again with all that was in it', async () => {
    await using stage = await openStage(engine)
    await saveLsp(stage.store)
    await stage.store.close()
    expect(await (await stage.another()).lsps.all()).toHaveLength(1)
  })

  test('is opened by many at the same time, while it is new', async () => {
    await using database = await freshDatabase(engine)
    const stores = await Promise.all(Array.from({ length: 6 }, () => openStore(database.url, systemClock)))
    for (const store of stores) expect(await store.orders.lastPosition()).toBe(0)
    for (const store of stores) await store.close()
  })

  test('of a newer program is refused, with both versions', async () => {
    await using database = await freshDatabase(engine)
    await (await openStore(database.url, systemClock)).close()
    await executeIn(engine, database.url, 'insert into migrations (version, applied_at) values (99, 0)')
    await expect(openStore(database.url, systemClock)).rejects.toThrow(
      new RegExp(`version 99, and this program knows ${MIGRATIONS.length}`),
    )
    await expect(openStore(database.url, systemClock)).rejects.toBeInstanceOf(DatabaseError)
  })

  test('tells whether it answers', async () => {
    await using stage = await openStage(engine)
    expect(await stage.store.problem()).toBeNull()
    await stage.store.close()
    expect(await stage.store.problem()).not.toBeNull()
  })
})

describe('an address of a database', () => {
  const secret = 's3cret/pass'

  test.each([
    [
      'a server that is not there',
      `postgres://user:${encodeURIComponent(secret)}@127.0.0.1:1/db`,
      /127\.0\.0\.1:1\/db cannot be used: .*ECONNREFUSED/,
    ],
    [
      'a port that is none',
      `postgres://user:${encodeURIComponent(secret)}@127.0.0.1:999999/db`,
      /not an address of a PostgreSQL database/,
    ],
    [
      'another kind of database',
      `mysql://user:${encodeURIComponent(secret)}@127.0.0.1/db`,
      /give the path of a file, or postgres:\/\/…, not mysql:/,
    ],
    ['a folder', '/', /the database \/ cannot be opened/],
  ])('of %s is a DatabaseError that says so, and never the password', async (_what, url, message) => {
    const error: unknown = await openStore(url, systemClock).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DatabaseError)
    expect((error as Error).message).toMatch(message)
    expect(
      JSON.stringify([error, (error as Error).message, (error as Error).stack, (error as Error).cause]),
    ).not.toMatch(/s3cret/)
  })

  test('with a wrong user and password is a DatabaseError without it', async () => {
    const postgres = inject('postgres')
    if ('problem' in postgres) throw new Error(postgres.problem)
    const url = new URL(postgres.url)
    url.username = 'stranger'
    url.password = encodeURIComponent(secret)
    const error = (await openStore(url.href, systemClock).catch((thrown: unknown) => thrown)) as Error
    expect(error).toBeInstanceOf(DatabaseError)
    expect(error.message).toMatch(/password authentication failed|role "stranger" does not exist/)
    expect(`${error.message}${error.stack}`).not.toMatch(/s3cret/)
  })
})

test('an embedded database is for nobody but its owner, and is whole in its one file once it was closed', async () => {
  await using database = await freshDatabase('SQLite')
  const path = join(dirname(database.url), 'new', 'sluice.db')
  const store = await openStore(path, systemClock)
  await saveLsp(store)
  for (const file of [path, `${path}-wal`, `${path}-shm`]) expect((await stat(file)).mode & 0o077).toBe(0)
  expect((await stat(dirname(path))).mode & 0o077).toBe(0)
  await store.close()
  const copy = `${path}.copy`
  await copyFile(path, copy)
  const copied = await openStore(copy, systemClock)
  expect(await copied.lsps.all()).toHaveLength(1)
  await copied.close()
})

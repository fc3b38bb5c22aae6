import { expect, test } from 'vitest'
import { openStore } from '../../src/store/store.ts'
import { systemClock } from '../../src/domain/time.ts'
import { ENGINES, freshDatabase } from '../support/database.ts'
test.each(ENGINES)('opens %s', async (engine) => {
  await using database = await freshDatabase(engine)
  await using store = await openStore(database.url, systemClock)
  expect(await store.isReachable()).toBe(true)
  expect(await store.orders.lastPosition()).toBe(0)
})

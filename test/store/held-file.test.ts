import Database from 'libsql'
import { expect, test } from 'vitest'
import { insertOrder, intentRecord, NOW, orderRecord, eventOf, TRACKING } from './records.ts'
import { openStage } from './stage.ts'

/** Another process that writes to the file: it holds it until it is let go. */
function hold(path: string): () => void {
  const database = new Database(path)
  database.exec('begin immediate')
  return () => {
    database.exec('commit')
    database.close()
  }
}

test('while another process holds the file, everything waits, and the event loop goes on', async () => {
  await using stage = await openStage('SQLite')
  const letGo = hold(stage.url)
  let turns = 0
  const ticking = setInterval(() => turns++, 5)
  const order = orderRecord()
  const writing = stage.store.transaction(async ({ orders }) => {
    await orders.insert(order, TRACKING)
    await orders.append(eventOf(order))
  })
  const single = stage.store.placements.intend(intentRecord({ id: 'p1' }))
  await new Promise((resolve) => setTimeout(resolve, 300))
  clearInterval(ticking)
  letGo()
  await Promise.all([writing, single])
  expect(turns).toBeGreaterThan(20)
  expect(await stage.store.orders.lastPosition()).toBe(1)
})

test('after it was held for too long, what is written again is kept, and others can write too', async () => {
  await using stage = await openStage('SQLite')
  const letGo = hold(stage.url)
  await expect(stage.store.placements.intend(intentRecord({ id: 'p1' }))).rejects.toThrow(/locked/)
  letGo()
  // With libsql 0.5, a statement that met a held file would keep all that follows from being committed.
  await stage.store.placements.intend(intentRecord({ id: 'p1' }))
  await insertOrder(stage.store, { id: 'o1' })
  expect(await stage.store.orders.update(orderRecord({ id: 'o1', sequence: 2 }), TRACKING, 1)).toBe(true)
  const other = await stage.another()
  expect(await other.placements.get('p1')).not.toBeNull()
  expect(await other.orders.get('o1')).toMatchObject({ order: { sequence: 2 } })
  await other.placements.intend(intentRecord({ id: 'p2', intendedAt: NOW }))
  expect(await stage.store.placements.get('p2')).not.toBeNull()
})

import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { CLIENT, insertOrder, intentRecord, NOW, standing } from './records.ts'
import { openStage } from './stage.ts'
import type { Store } from '../../src/store/store.ts'
import { ENGINES } from '../support/database.ts'

const SILENT_MS = 1_500
const idsOf = async (store: Store) => (await store.placements.takeUnfinished(SILENT_MS)).map(({ id }) => id)

/** One of each kind of what a crash can leave behind, and one that is finished. */
async function leaveBehind(store: Store): Promise<string[]> {
  const { placements, idempotency } = store
  for (const id of ['1 intended', '2 sent', '3 unanswered', '4 unknown', '5 done'])
    await placements.intend(intentRecord({ id, question: id }))
  for (const id of ['2 sent', '3 unanswered', '4 unknown', '5 done']) await placements.markSent(id)
  for (const id of ['3 unanswered', '4 unknown', '5 done']) await placements.settle(standing(intentRecord({ id })))
  for (const key of ['3 unanswered', '5 done']) {
    await idempotency.claim(CLIENT, key, 'h', NOW)
    await idempotency.bind(CLIENT, key, key)
  }
  await idempotency.answer({ clientId: CLIENT, key: '5 done', placementId: '5 done' }, '{}')
  await insertOrder(store, { placementId: '4 unknown', state: 'OUTCOME_UNKNOWN' })
  return ['1 intended', '2 sent', '3 unanswered', '4 unknown']
}

describe.each(ENGINES)('what a gateway left behind in %s', (engine) => {
  test('is what was not sent, not answered, or not finished', async () => {
    await using stage = await openStage(engine)
    const left = await leaveBehind(stage.store)
    expect(await idsOf(stage.store)).toEqual(left)
    // Its own stays its own until it is finished.
    expect(await idsOf(stage.store)).toEqual(left)
  })

  test('goes to the next one', async () => {
    await using stage = await openStage(engine)
    const left = await leaveBehind(stage.store)
    const next = await stage.another()
    expect(await idsOf(next)).toEqual(left)
    expect(await stage.store.placements.markSent('1 intended')).toBe(false)
  })

  test('gives back the keys under which nothing was sent', async () => {
    await using stage = await openStage(engine)
    const [gone, next] = [stage.store, await stage.another()]
    for (const key of ['unbound', 'bound']) await gone.idempotency.claim(CLIENT, key, 'h', NOW)
    await gone.idempotency.bind(CLIENT, 'bound', 'p1')
    await gone.idempotency.releaseAbandoned(SILENT_MS, NOW)
    expect(await gone.idempotency.get(CLIENT, 'unbound')).not.toBeNull()
    await next.idempotency.releaseAbandoned(SILENT_MS, NOW)
    expect(await next.idempotency.get(CLIENT, 'unbound')).toBeNull()
    expect(await next.idempotency.get(CLIENT, 'bound')).not.toBeNull()
    // Whoever was taken for gone can send nothing under the key any more.
    await expect(gone.idempotency.bind(CLIENT, 'unbound', 'p2')).rejects.toThrow(/taken this idempotency key over/)
    expect(await next.idempotency.claim(CLIENT, 'unbound', 'h', NOW)).toBeNull()
    await expect(gone.idempotency.bind(CLIENT, 'unbound', 'p2')).rejects.toThrow(/taken this idempotency key over/)
    // One's own is given back when it is old.
    await next.idempotency.releaseAbandoned(SILENT_MS, NOW + 1)
    expect(await next.idempotency.get(CLIENT, 'unbound')).toBeNull()
  })

  test('is no key that it may still answer or give back, once another has claimed it', async () => {
    await using stage = await openStage(engine)
    const [gone, next] = [stage.store.idempotency, (await stage.another()).idempotency]
    const key = { clientId: CLIENT, key: 'k', placementId: null }
    await gone.claim(CLIENT, 'k', 'h', NOW)
    await next.releaseAbandoned(SILENT_MS, NOW)
    await next.claim(CLIENT, 'k', 'h', NOW)
    const claimed = { inputHash: 'h', answer: null, placementId: null }
    const bound = { ...claimed, placementId: 'p1' }
    for (const held of [claimed, bound]) {
      if (held === bound) await next.bind(CLIENT, 'k', 'p1')
      await expect(gone.answer(key, 'too late')).rejects.toThrow(/taken this idempotency key over/)
      await expect(gone.release(key)).rejects.toThrow(/taken this idempotency key over/)
      await gone.releaseUnbound(CLIENT, 'k')
      expect(await next.get(CLIENT, 'k')).toEqual(held)
    }
    // What was sent under it can be finished by whoever finds it, and only once.
    await expect(next.release({ ...key, placementId: 'p2' })).rejects.toThrow(/taken this idempotency key over/)
    await gone.answer({ ...key, placementId: 'p1' }, 'the order')
    await expect(next.answer({ ...key, placementId: 'p1' }, 'another')).rejects.toThrow(
      /taken this idempotency key over/,
    )
    await expect(next.release({ ...key, placementId: 'p1' })).rejects.toThrow(/taken this idempotency key over/)
    expect(await next.get(CLIENT, 'k')).toEqual({ ...bound, answer: 'the order' })
  })
})

test('what a living gateway does in PostgreSQL is left to it; once it is silent, one of the others takes it up', async () => {
  await using stage = await openStage('PostgreSQL')
  const [silent, ...others] = [stage.store, await stage.another(), await stage.another()]
  await silent.instances.beat()
  const left = await leaveBehind(silent)
  await silent.idempotency.claim(CLIENT, 'unbound', 'h', NOW)
  for (const other of others) {
    expect(await idsOf(other)).toEqual([])
    await other.idempotency.releaseAbandoned(SILENT_MS, NOW)
  }
  expect(await silent.idempotency.get(CLIENT, 'unbound')).not.toBeNull()
  await delay(SILENT_MS + 50)
  await Promise.all(others.map((other) => other.instances.beat()))
  const taken = await Promise.all(others.map(idsOf))
  expect(taken.flat().toSorted((a, b) => (a < b ? -1 : 1))).toEqual(left)
})

test('what a gateway in PostgreSQL leaves when it ends is taken up at once', async () => {
  await using stage = await openStage('PostgreSQL')
  const next = await stage.another()
  await stage.store.instances.beat()
  const left = await leaveBehind(stage.store)
  expect(await idsOf(next)).toEqual([])
  await stage.store.instances.leave()
  expect(await idsOf(next)).toEqual(left)
})

import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import {
  insertOrder,
  intentRecord,
  LSP,
  CLIENT,
  NOW,
  orderRecord,
  quoteRecord,
  renewalRecord,
  REQUEST,
  saveLsp,
  standing,
  TRACKING,
  ALL_ORDERS,
} from './records.ts'
import { openStage, upTo } from './stage.ts'
import { termsOf } from '../../src/domain/request.ts'
import { sat } from '../../src/domain/money.ts'
import type { Store } from '../../src/store/store.ts'
import { ENGINES } from '../support/database.ts'

describe.each(ENGINES)('a store in %s', (engine) => {
  test('gives quotes back as they were, in the order of the ids, and to their client alone', async () => {
    await using stage = await openStage(engine)
    const { quotes } = stage.store
    const [a, b] = [quoteRecord(), quoteRecord({ placementId: 'p1' })]
    await quotes.save([a, b])
    await quotes.save([])
    expect(await quotes.byIds(CLIENT, [b.id, 'none', a.id])).toEqual([b, null, a])
    expect(await quotes.byIds('somebody else', [a.id])).toEqual([null])
    expect(await quotes.byIds(CLIENT, [])).toEqual([])
    expect(await quotes.byPlacement('p1')).toEqual(b)
    expect(await quotes.byPlacement('p2')).toBeNull()
  })

  test('keeps the latest price of a channel, with its time as a number', async () => {
    await using stage = await openStage(engine)
    const { quotes } = stage.store
    const price = { feeTotalSat: sat(7), bolt11FeeTotalSat: sat(7), onchainFeeTotalSat: null, terms: termsOf(REQUEST) }
    expect(await quotes.price(LSP, 'channel')).toBeNull()
    await quotes.savePrice(LSP, 'channel', price, NOW)
    await quotes.savePrice(LSP, 'channel', { ...price, feeTotalSat: sat(8) }, NOW + 1)
    expect(await quotes.price(LSP, 'channel')).toEqual({ ...price, feeTotalSat: 8, observedAt: NOW + 1 })
  })

  test('keeps what an LSP said of itself while what is configured about it changes', async () => {
    await using stage = await openStage(engine)
    const { lsps } = stage.store
    await saveLsp(stage.store)
    const info = { asOf: NOW } as never
    await lsps.saveInfo(LSP, info)
    await lsps.save({
      id: LSP,
      name: 'Olive II',
      protocol: 'LSPS1',
      network: 'REGTEST',
      url: 'https://olive.example',
      website: null,
      info: null,
      settings: 'sealed',
    })
    expect(await lsps.all()).toEqual([
      {
        id: LSP,
        name: 'Olive II',
        protocol: 'LSPS1',
        network: 'REGTEST',
        url: 'https://olive.example',
        website: null,
        info,
        settings: 'sealed',
      },
    ])
  })

  test('measures an LSP by its paid orders', async () => {
    await using stage = await openStage(engine)
    await insertOrder(stage.store, { paymentSeenAt: NOW, fundedAt: NOW + 30 })
    await insertOrder(stage.store, { paymentSeenAt: NOW, fundedAt: NOW + 10 })
    await insertOrder(stage.store, { paymentSeenAt: NOW, state: 'FAILED' })
    await insertOrder(stage.store, { state: 'EXPIRED' })
    expect(await stage.store.lsps.record(LSP)).toEqual({ medianOpenMs: 10, succeeded: 2, ended: 3 })
    expect(await stage.store.lsps.record('another')).toMatchObject({ ended: 0 })
  })

  test('tells the order that stands unpaid for a question, until it lapses, is paid or refused', async () => {
    await using stage = await openStage(engine)
    const { placements } = stage.store
    const intent = intentRecord()
    await placements.intend(intent)
    expect(await placements.standing('q', NOW)).toBeNull()
    expect(await placements.markSent(intent.id)).toBe(true)
    // Sent once: nobody sends it again.
    expect(await placements.markSent(intent.id)).toBe(false)
    await placements.settle(standing(intent))
    expect(await placements.standing('q', NOW)).toMatchObject({
      id: intent.id,
      accessToken: 'secret',
      status: 'STANDING',
      standsUntil: NOW + 60_000,
    })
    expect(await placements.standing('q', NOW + 60_000)).toBeNull()
    expect(await placements.standing('another', NOW)).toBeNull()
    await placements.markOver(intent.id)
    expect(await placements.standing('q', NOW)).toBeNull()
  })

  test('settles an order from one state only, where that is asked for', async () => {
    await using stage = await openStage(engine)
    const { placements } = stage.store
    const intent = intentRecord()
    await placements.intend(intent)
    await placements.markSent(intent.id)
    await placements.settle(standing(intent))
    expect(await placements.settle(standing(intent, { status: 'LOST' }), 'SENT')).toBe(false)
    expect(await placements.get(intent.id)).toMatchObject({ status: 'STANDING' })
  })

  test('gives an order at an LSP to one of ours, and never to a second', async () => {
    await using stage = await openStage(engine)
    const intent = intentRecord()
    await stage.store.placements.intend(intent)
    const adopted = await Promise.all([
      stage.store.placements.adopt(intent.id, 'o1'),
      (await stage.another()).placements.adopt(intent.id, 'o2'),
    ])
    expect(adopted.filter(Boolean)).toHaveLength(1)
    await insertOrder(stage.store, { placementId: intent.id })
    await expect(stage.store.orders.insert(orderRecord({ placementId: intent.id }), TRACKING)).rejects.toThrow(
      /unique/i,
    )
  })

  test('counts what stands against the budget of an LSP', async () => {
    await using stage = await openStage(engine)
    const { placements } = stage.store
    const [a, b, refused] = [
      intentRecord({ standsUntil: NOW + 20 }),
      intentRecord({ standsUntil: NOW + 10 }),
      intentRecord(),
    ]
    for (const intent of [a, b, refused]) await placements.intend(intent)
    await placements.intend(intentRecord({ lspId: 'another' }))
    await placements.intend(intentRecord({ purpose: 'ORDER', clientId: 'somebody else', intendedAt: NOW + 1 }))
    await placements.settle(standing(refused, { status: 'REFUSED' }))
    expect(await placements.unpaidUntil(LSP, CLIENT, NOW)).toEqual([NOW + 10, NOW + 20])
    expect(await placements.unpaidUntil(LSP, CLIENT, NOW + 10)).toEqual([NOW + 20])
    expect(await placements.quotesSince(LSP, NOW - 1)).toEqual([
      { at: NOW, clientId: CLIENT },
      { at: NOW, clientId: CLIENT },
    ])
    const { clientPubkey } = a.request
    expect(await placements.unpaidOfNodeUntil(LSP, clientPubkey, NOW)).toEqual(
      (await placements.unpaidUntil(LSP, CLIENT, NOW))
        .concat(await placements.unpaidUntil(LSP, 'somebody else', NOW))
        .toSorted((x, y) => x - y),
    )
    expect(await placements.unpaidOfNodeUntil(LSP, 'another', NOW)).toEqual([])
    expect(await placements.quotesSince(LSP, NOW)).toEqual([])
  })

  test('lets no two count and spend the same budget at the same time', async () => {
    await using stage = await openStage(engine)
    const stores = [stage.store, await stage.another()]
    const spend = (store: Store) =>
      store.transaction(async ({ placements }) => {
        await placements.lockLsp(LSP)
        const used = await placements.quotesSince(LSP, NOW - 1)
        if (used.length >= 3) return false
        await placements.intend(intentRecord())
        return true
      })
    const spent = await Promise.all(upTo(6).flatMap(() => stores.map(spend)))
    expect(spent.filter(Boolean)).toHaveLength(3)
    expect(await stage.store.placements.quotesSince(LSP, NOW - 1)).toHaveLength(3)
  })

  test('tells that a question is being asked, by somebody else', async () => {
    await using stage = await openStage(engine)
    const intent = intentRecord()
    await stage.store.placements.intend(intent)
    expect(await stage.store.placements.beingAsked('q')).toMatchObject({ id: intent.id })
    await stage.store.placements.settle(standing(intent))
    expect(await stage.store.placements.beingAsked('q')).toBeNull()
  })

  test('gives an idempotency key to one of many who claim it at once', async () => {
    await using stage = await openStage(engine)
    const stores = [stage.store, await stage.another()]
    const claims = await Promise.all(
      upTo(10).flatMap((number) =>
        stores.map((store, index) => store.idempotency.claim(CLIENT, 'k', `hash ${number}${index}`, NOW)),
      ),
    )
    const [winner, ...others] = claims.flatMap((claim, index) =>
      claim === null ? [upTo(10).flatMap((number) => [`hash ${number}0`, `hash ${number}1`])[index]] : [],
    )
    expect(others).toEqual([])
    expect(claims.filter((claim) => claim !== null)).toEqual(
      upTo(19).map(() => ({ inputHash: winner, answer: null, placementId: null })),
    )
    // Another client's key of the same name is another key.
    expect(await stage.store.idempotency.claim('somebody else', 'k', 'h', NOW)).toBeNull()
  })

  test('keeps the answer of a key, and gives back a key for which nothing was sent', async () => {
    await using stage = await openStage(engine)
    const { idempotency } = stage.store
    for (const key of ['a', 'b']) await idempotency.claim(CLIENT, key, 'h', NOW)
    await idempotency.bind(CLIENT, 'a', 'p1')
    for (const key of ['a', 'b']) await idempotency.releaseUnbound(CLIENT, key)
    expect(await idempotency.get(CLIENT, 'b')).toBeNull()
    await idempotency.answer({ clientId: CLIENT, key: 'a', placementId: 'p1' }, '{"kind":"order"}')
    expect(await idempotency.claim(CLIENT, 'a', 'h', NOW)).toEqual({
      inputHash: 'h',
      answer: '{"kind":"order"}',
      placementId: 'p1',
    })
    expect(await idempotency.byPlacement('p1')).toEqual({
      clientId: CLIENT,
      key: 'a',
      placementId: 'p1',
      answer: '{"kind":"order"}',
    })
  })

  test('gives back a key for which what was sent had no effect', async () => {
    await using stage = await openStage(engine)
    const { idempotency } = stage.store
    await idempotency.claim(CLIENT, 'a', 'h', NOW)
    await idempotency.bind(CLIENT, 'a', 'p1')
    await idempotency.release({ clientId: CLIENT, key: 'a', placementId: 'p1' })
    expect(await idempotency.claim(CLIENT, 'a', 'h', NOW)).toBeNull()
  })

  test('keeps a transaction whole: what throws leaves nothing behind', async () => {
    await using stage = await openStage(engine)
    const intent = intentRecord()
    await expect(
      stage.store.transaction(async (stores) => {
        await stores.placements.intend(intent)
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await stage.store.placements.get(intent.id)).toBeNull()
  })

  test('follows renewals', async () => {
    await using stage = await openStage(engine)
    const { renewals } = stage.store
    const renewal = renewalRecord()
    await renewals.insert(renewal, 'question', NOW)
    const [taken] = (
      await stage.store.transaction(({ readings }) =>
        readings.take({ lspId: LSP, owner: 'a', now: NOW, leaseUntil: NOW + 1, limit: 1, requestsPerMinute: 60 }),
      )
    ).renewals
    if (!taken) throw new Error('it was not taken')
    expect(await renewals.update({ ...renewal, state: 'COMPLETED' }, null, taken)).toBe(true)
    expect(await renewals.get(CLIENT, renewal.id)).toEqual({ ...renewal, state: 'COMPLETED' })
    expect(await renewals.get('somebody else', renewal.id)).toBeNull()
  })

  test('pages through a client’s orders both ways, by state', async () => {
    await using stage = await openStage(engine)
    const ids: string[] = []
    for (const state of ['AWAITING_PAYMENT', 'COMPLETED', 'AWAITING_PAYMENT'] as const)
      ids.push((await insertOrder(stage.store, { id: uuidv7(), state })).id)
    const all = ALL_ORDERS
    const page = async (changes: object, limit = 10) =>
      (await stage.store.orders.page(CLIENT, { ...all, ...changes }, limit)).map((order) => ids.indexOf(order.id))
    expect(await page({})).toEqual([2, 1, 0])
    expect(await page({ inverted: true }, 2)).toEqual([0, 1])
    expect(await page({ after: ids[2] })).toEqual([1, 0])
    expect(await page({ before: ids[0] })).toEqual([2, 1])
    expect(await page({ states: ['COMPLETED'] })).toEqual([1])
    expect(await stage.store.orders.page('somebody else', all, 10)).toEqual([])
  })
})

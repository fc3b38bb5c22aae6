import { open } from 'node:fs/promises'
import { test } from 'vitest'
import { uuidv7 } from 'uuidv7'
import { ask, openRig, report, residentMb } from './support.ts'
import { systemClock } from '../src/domain/time.ts'
import type { Order } from '../src/domain/order-record.ts'
import { openStore, type Stores } from '../src/store/store.ts'
import { eventOf, orderRecord, TRACKING } from '../test/store/records.ts'

const ORDERS = Number(process.env['BENCH_ORDERS'] ?? 100_000)
const WATCH_MS = 15_000

test(`start-up time and memory with ${ORDERS} open orders, all of them due`, async () => {
  await using rig = await openRig({ lspId: 'olive' })
  await fill(rig.databaseUrl, rig.lsp.id)
  await flush(rig.databaseUrl)
  const startMs = await timed(() => rig.gateway.start())
  const before = rig.lsp.requests.length
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS))
  const ordersQueryMs = await timed(() => ask(rig.gateway, '{ orders(first: 20) { nodes { id state } } }'))
  report({
    orders: ORDERS,
    startMs,
    memoryMb: residentMb(rig.gateway),
    readsPerSecond: Math.round(((rig.lsp.requests.length - before) / WATCH_MS) * 1_000),
    ordersQueryMs,
  })
})

async function fill(databaseUrl: string, lspId: string): Promise<void> {
  await using store = await openStore(databaseUrl, systemClock)
  const now = Date.now()
  for (let done = 0; done < ORDERS; done += 1_000) {
    await store.transaction(async (stores) => {
      for (let index = 0; index < Math.min(1_000, ORDERS - done); index += 1) {
        const order = orderRecord({
          clientId: 'everybody',
          lspId,
          state: 'PAID',
          lspOrderId: uuidv7(),
          createdAt: now,
          updatedAt: now,
          checkedAt: now,
          paymentSeenAt: now,
        })
        await place(stores, order)
        await stores.orders.insert(order, { ...TRACKING, nextReadAt: now })
        await stores.orders.append(eventOf(order))
      }
    })
  }
}

/** Half a gigabyte on its way to the disk would be what is measured. */
async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  await handle.sync()
  await handle.close()
}

async function place(
  { placements }: Stores,
  { id, placementId, clientId, lspId, lspOrderId, request, createdAt }: Order,
): Promise<void> {
  const intent = {
    id: placementId,
    clientId,
    lspId,
    question: id,
    purpose: 'ORDER' as const,
    request,
    email: null,
    agreed: null,
    intendedAt: createdAt,
    standsUntil: createdAt,
  }
  await placements.intend(intent)
  await placements.settle({
    ...intent,
    status: 'STANDING',
    orderId: null,
    lspOrderId,
    accessToken: null,
    reading: null,
    offer: null,
    failure: null,
  })
  await placements.adopt(placementId, id)
  await placements.markOver(placementId)
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return Math.round(performance.now() - startedAt)
}

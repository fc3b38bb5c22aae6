import { test } from 'vitest'
import { uuidv7 } from 'uuidv7'
import { ask, openRig, report, residentMb } from './support.ts'
import { sat } from '../src/domain/money.ts'
import { NO_PAYMENT } from '../src/domain/offer.ts'
import type { Order } from '../src/domain/order-record.ts'
import { systemClock } from '../src/domain/time.ts'
import { openStore } from '../src/store/store.ts'

const ORDERS = Number(process.env['BENCH_ORDERS'] ?? 100_000)
const WATCH_MS = 15_000

test(`start-up time and memory with ${ORDERS} open orders, all of them due`, async () => {
  await using rig = await openRig({ lspId: 'olive' })
  await fill(rig.databaseUrl, rig.lsp.id)
  const startMs = await timed(() => rig.gateway.start())
  const before = rig.lsp.requests.length
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS))
  const ordersQueryMs = await timed(() => ask(rig.gateway, '{ orders(first: 20) { nodes { id state } } }'))
  report({ orders: ORDERS, startMs, memoryMb: residentMb(rig.gateway), readsPerSecond: Math.round(((rig.lsp.requests.length - before) / WATCH_MS) * 1_000), ordersQueryMs })
})

async function fill(databaseUrl: string, lspId: string): Promise<void> {
  await using store = await openStore(databaseUrl, systemClock)
  const now = Date.now()
  for (let done = 0; done < ORDERS; done += 1_000) {
    await store.transaction(async (stores) => {
      for (let index = 0; index < Math.min(1_000, ORDERS - done); index += 1) {
        const order = openOrder(lspId, now)
        await stores.orders.insert(order, { nextReadAt: now, failures: 0, openAttempts: 0, final: false })
        await stores.orders.append({ orderId: order.id, clientId: order.clientId, sequence: 1, at: now, previousState: null, state: order.state, message: 'ordered', order })
      }
    })
  }
}

function openOrder(lspId: string, now: number): Order {
  const terms = { lspBalanceSat: sat(1_000_000), clientBalanceSat: sat(0), channelExpiryBlocks: 12_960, requiredChannelConfirmations: 0, fundingConfirmsWithinBlocks: 6, announceChannel: false }
  return {
    id: uuidv7(),
    clientId: 'everybody',
    lspId,
    quoteId: uuidv7(),
    placementId: uuidv7(),
    state: 'PAID',
    sequence: 1,
    request: { ...terms, clientPubkey: `02${'ab'.repeat(32)}`, clientAddress: null, refundOnchainAddress: null, token: null, asset: null },
    terms,
    feeTotalSat: sat(5_200),
    orderTotalSat: sat(5_200),
    payment: NO_PAYMENT,
    checks: [],
    paymentWarning: null,
    channel: null,
    asset: null,
    refund: null,
    lnurlChannel: null,
    jit: null,
    failureReason: null,
    openRequest: null,
    failureSuspected: false,
    lspOrderId: uuidv7(),
    lspState: 'CREATED',
    createdAt: now,
    updatedAt: now,
    expiresAt: null,
    checkedAt: now,
    paymentSeenAt: now,
    fundedAt: null,
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return Math.round(performance.now() - startedAt)
}

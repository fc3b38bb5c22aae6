import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'vitest'
import { WebSocket } from 'ws'
import { openRig, placeOrder, report, type PlacedOrder, type Rig } from './support.ts'

// The time from a payment until a subscription on the order reports it, and until it reports COMPLETED, while other unpaid
// orders are open at the same LSP. The LSP has the budget of Kaleidoswap's documentation: 60 requests a minute.

const REQUESTS_PER_MINUTE = Number(process.env['BENCH_REQUESTS_PER_MINUTE'] ?? 60)
const PAYMENTS = Number(process.env['BENCH_PAYMENTS'] ?? 8)
const OPEN_ORDERS = (process.env['BENCH_OPEN_ORDERS'] ?? '1,30,200').split(',').map(Number)
/** One payment must not be measured while the LSP opens the channel of the one before. */
const LONGEST_MS = 180_000

const cases = OPEN_ORDERS.flatMap((open) => [
  { open, kill: false },
  { open, kill: true },
])

test.each(cases)(
  'delay from payment to event with $open unpaid orders, kill: $kill',
  { timeout: PAYMENTS * LONGEST_MS },
  async ({ open, kill }) => {
    await using rig = await openRig({ lspId: 'kestrel', stepMs: 500 })
    await rig.gateway.start()
    for (let number = 0; number < Math.max(0, open - 1); number += 1) await placeOrder(rig, 200_000 + number)
    const orders: PlacedOrder[] = []
    for (let number = 0; number < PAYMENTS; number += 1) orders.push(await placeOrder(rig, 300_000 + number))
    // The orders above are placed with a budget that allows it; what follows is measured with the LSP's own.
    await rig.restart({ requestsPerMinute: REQUESTS_PER_MINUTE })
    // A poll of each open order is due after the start.
    await delay(5_000)
    const [seen, completed]: number[][] = [[], []]
    for (const order of orders) {
      const delays = await payAndFollow(rig, order, kill)
      seen?.push(delays.seenMs)
      completed?.push(delays.completedMs)
    }
    report({ open, kill, payments: PAYMENTS, toEventMs: spread(seen ?? []), toCompletedMs: spread(completed ?? []) })
  },
)

async function payAndFollow(rig: Rig, order: PlacedOrder, kill: boolean) {
  let follower = await follow(rig.gateway.origin ?? '', order.id)
  // A subscription lasts for any time before the payment.
  await delay(Math.random() * 5_000)
  await rig.sandbox.wallet.payInvoice(order.payment.bolt11.invoice)
  const paidAt = performance.now()
  if (kill) {
    await rig.gateway.kill()
    await rig.gateway.start()
    follower.close()
    follower = await follow(rig.gateway.origin ?? '', order.id)
  }
  const seenMs = (await follower.until((state) => state !== 'AWAITING_PAYMENT')) - paidAt
  const completedMs = (await follower.until((state) => state === 'COMPLETED')) - paidAt
  follower.close()
  return { seenMs, completedMs }
}

/** Resolves once the subscription has reported the order's current state. */
async function follow(origin: string, orderId: string) {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  const events: { state: string; at: number }[] = []
  let onEvent = () => {}
  // Killing the gateway ends the connection.
  socket.on('error', () => {})
  socket.on('open', () => socket.send('{"type":"connection_init"}'))
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as {
      type: string
      payload?: { data?: { orderUpdated: { state: string } } }
    }
    if (message.type === 'connection_ack') {
      const query = `subscription { orderUpdated(id: "${orderId}") { state } }`
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }))
    } else if (message.type === 'next') {
      events.push({ state: message.payload?.data?.orderUpdated.state ?? 'ERROR', at: performance.now() })
      onEvent()
    }
  })
  async function until(wanted: (state: string) => boolean): Promise<number> {
    for (;;) {
      const event = events.find(({ state }) => wanted(state))
      if (event) return event.at
      await new Promise<void>((resolve) => {
        onEvent = resolve
      })
    }
  }
  await until(() => true)
  return { until, close: () => socket.terminate() }
}

function spread(delaysMs: readonly number[]) {
  const sorted = delaysMs.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0)
  return { p50: at(0.5), p95: at(0.95), max: at(1) }
}

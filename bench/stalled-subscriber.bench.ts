import { test } from 'vitest'
import { WebSocket } from 'ws'
import { openRig, placeOrder, report, residentMb, type Rig } from './support.ts'

const ORDERS = Number(process.env['BENCH_ORDERS'] ?? 500)
const STALLED = 100
const FIRST_BALANCE_SAT = 200_000
const FOLLOW =
  'subscription { events { message ... on OrderEvent { sequence state snapshot { lspBalanceSat payment { bolt11 { invoice } } } order { id events { nodes { message snapshot { payment { bolt11 { invoice } } } } } } } } }'

test(`memory while ${STALLED} subscribers have stopped reading, and ${ORDERS} orders move`, async () => {
  await using rig = await openRig({ lspId: 'kestrel', stepMs: 50, activeMs: 100 })
  await rig.gateway.start()
  // Once without anybody: what a gateway needs for such a flood anyway.
  await flood(rig, 0)
  const withoutMb = residentMb(rig.gateway)
  const sockets = await Promise.all(Array.from({ length: STALLED }, () => stalled(rig.gateway.origin ?? '')))
  const samplesMb: number[] = []
  for (let round = 1; round <= 4; round += 1) {
    await flood(rig, round)
    samplesMb.push(residentMb(rig.gateway))
  }
  report({ stalled: STALLED, ordersInEachRound: ORDERS, withoutMb, afterEachRoundMb: samplesMb })
  for (const socket of sockets) socket.terminate()
})

/** Orders, pays and waits until the LSP has opened the last channel: about four events for each order. */
async function flood(rig: Rig, round: number): Promise<void> {
  for (let index = 0; index < ORDERS; index += 20) {
    await Promise.all(
      Array.from({ length: Math.min(20, ORDERS - index) }, async (_, offset) => {
        const order = await placeOrder(rig, FIRST_BALANCE_SAT + round * ORDERS + index + offset)
        await rig.sandbox.wallet.payInvoice(order.payment.bolt11.invoice)
      }),
    )
  }
  await new Promise((resolve) => setTimeout(resolve, 2_000))
}

/** Subscribes to everything, and then takes nothing any more. */
function stalled(origin: string): Promise<WebSocket> {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  })
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () => socket.send('{"type":"connection_init"}'))
    socket.once('message', () => {
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: FOLLOW } }), () => {
        socket.pause()
        resolve(socket)
      })
    })
  })
}

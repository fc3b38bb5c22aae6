import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { ask, openRig, placeOrder } from '../../bench/support.ts'

// In short what `npm run bench` measures with ten thousand subscribers.

const SUBSCRIBERS = 300

test('hundreds of subscribers of one order each get every event once and in order, though one of them has stopped reading', async () => {
  await using rig = await openRig({ lspId: 'kestrel', stepMs: 200, activeMs: 100 })
  await rig.gateway.start()
  const order = await placeOrder(rig, 1_000_000)
  const sockets: WebSocket[] = []
  try {
    const stalled = await follow(rig.gateway.origin ?? '', order.id, () => {})
    stalled.socket.pause()
    sockets.push(stalled.socket)
    const followers = await Promise.all(
      Array.from({ length: SUBSCRIBERS }, () =>
        follow(rig.gateway.origin ?? '', order.id, (socket) => sockets.push(socket)),
      ),
    )
    await rig.sandbox.wallet.payInvoice(order.payment.bolt11.invoice)
    await Promise.all(followers.map(({ completed }) => completed))
    const { order: now } = await ask(rig.gateway, `{ order(id: "${order.id}") { sequence } }`)
    const all = Array.from({ length: now.sequence }, (_, index) => index + 1)
    for (const { sequences } of followers) expect(sequences).toEqual(all)
  } finally {
    for (const socket of sockets) socket.terminate()
  }
}, 60_000)

/** From the first event on; resolves once it is subscribed. */
function follow(origin: string, orderId: string, onOpen: (socket: WebSocket) => void) {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  })
  const sequences: number[] = []
  let complete = () => {}
  const completed = new Promise<void>((resolve) => {
    complete = resolve
  })
  return new Promise<{ socket: WebSocket; sequences: number[]; completed: Promise<void> }>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () => {
      onOpen(socket)
      socket.send('{"type":"connection_init"}')
    })
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as {
        type: string
        payload?: { data?: { orderUpdated: { sequence: number; state: string } } }
      }
      if (message.type === 'connection_ack')
        socket.send(
          JSON.stringify({
            id: '1',
            type: 'subscribe',
            payload: { query: `subscription { orderUpdated(id: "${orderId}", afterSequence: 0) { sequence state } }` },
          }),
        )
      const event = message.payload?.data?.orderUpdated
      if (!event) return
      sequences.push(event.sequence)
      resolve({ socket, sequences, completed })
      if (event.state === 'COMPLETED') complete()
    })
  })
}

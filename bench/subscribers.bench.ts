import { test } from 'vitest'
import { WebSocket } from 'ws'
import { openRig, placeOrder, report, residentMb } from './support.ts'

const SUBSCRIBERS = Number(process.env['BENCH_SUBSCRIBERS'] ?? 10_000)

test(`one event to ${SUBSCRIBERS} subscribers, each on a socket of its own`, async () => {
  await using rig = await openRig({ lspId: 'kestrel', activeMs: 200 })
  const sockets: WebSocket[] = []
  try {
    await rig.gateway.start()
    const order = await placeOrder(rig, 1_000_000)
    const idleMb = residentMb(rig.gateway)

    const arrivals = new Map<string, number[]>()
    const arrived = (state: string) =>
      (arrivals.get(state) ?? arrivals.set(state, []).get(state) ?? []).push(performance.now())
    const connectedAt = performance.now()
    for (let done = 0; done < SUBSCRIBERS; done += 200) {
      const batch = Array.from({ length: Math.min(200, SUBSCRIBERS - done) }, () =>
        follow(rig.gateway.origin ?? '', order.id, (state) => arrived(state)),
      )
      sockets.push(...(await Promise.all(batch)))
    }
    const connectMs = Math.round(performance.now() - connectedAt)
    const subscribedMb = residentMb(rig.gateway)

    await rig.sandbox.wallet.payInvoice(order.payment.bolt11.invoice)
    while ((arrivals.get('COMPLETED') ?? []).length < SUBSCRIBERS)
      await new Promise((resolve) => setTimeout(resolve, 50))
    const spread = (times: number[]) => Math.round((times.at(-1) ?? 0) - (times[0] ?? 0))
    report({
      subscribers: SUBSCRIBERS,
      connectMs,
      idleMb,
      subscribedMb,
      kilobytesEach: Math.round(((subscribedMb - idleMb) * 1024) / SUBSCRIBERS),
      peakMb: residentMb(rig.gateway, 'VmHWM'),
      firstToLastMs: Object.fromEntries(
        [...arrivals].filter(([state]) => state !== 'AWAITING_PAYMENT').map(([state, times]) => [state, spread(times)]),
      ),
    })
  } finally {
    for (const socket of sockets) socket.terminate()
  }
})

/** Resolves when the first event has come: how the order stands. */
function follow(origin: string, orderId: string, onState: (state: string) => void): Promise<WebSocket> {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  })
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () => socket.send('{"type":"connection_init"}'))
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as {
        type: string
        payload?: { data?: { orderUpdated: { state: string } } }
      }
      if (message.type === 'connection_ack') {
        socket.send(
          JSON.stringify({
            id: '1',
            type: 'subscribe',
            payload: { query: `subscription { orderUpdated(id: "${orderId}") { sequence state message } }` },
          }),
        )
      } else if (message.type === 'next') {
        onState(message.payload?.data?.orderUpdated.state ?? 'ERROR')
        resolve(socket)
      }
    })
  })
}

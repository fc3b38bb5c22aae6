import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { WebSocket } from 'ws'
import { startSandbox } from '../src/sandbox/index.ts'
import { buildProgram, GatewayProcess } from '../test/crash/gateway-process.ts'

const SUBSCRIBERS = Number(process.env.BENCH_SUBSCRIBERS ?? 10_000)

test(`one event to ${SUBSCRIBERS} subscribers, each on a socket of its own`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const program = buildProgram()
  const sandbox = await startSandbox({ only: ['kestrel'], stepMs: 500 })
  const [lsp] = sandbox.lsps
  if (!lsp) throw new Error('no LSP')
  const configPath = join(directory, 'sluice.yaml')
  await writeFile(configPath, JSON.stringify({ lsps: [{ id: lsp.id, name: lsp.name, protocol: lsp.configName, url: lsp.url, network: 'regtest' }], pace: { activeMs: 200, idleMs: 60_000 }, logLevel: 'error' }))
  const gateway = new GatewayProcess({ main: program.main, configPath, databaseUrl: join(directory, 'sluice.db') })
  const sockets: WebSocket[] = []
  try {
    await gateway.start()
    const order = await placeOrder(gateway.origin ?? '', sandbox.wallet.pubkey)
    const idleMb = residentMb(gateway.pid)

    const states = new Map<string, number[]>()
    const connectedAt = performance.now()
    for (let done = 0; done < SUBSCRIBERS; done += 200) {
      const batch = Array.from({ length: Math.min(200, SUBSCRIBERS - done) }, () => follow(gateway.origin ?? '', order.id, (state) => (states.get(state) ?? states.set(state, []).get(state) ?? []).push(performance.now())))
      sockets.push(...(await Promise.all(batch)))
    }
    const connectMs = performance.now() - connectedAt
    const subscribedMb = residentMb(gateway.pid)

    await sandbox.wallet.payInvoice(order.payment.bolt11.invoice)
    while ((states.get('COMPLETED') ?? []).length < SUBSCRIBERS) await new Promise((resolve) => setTimeout(resolve, 50))
    const spreads = [...states].filter(([state]) => state !== 'AWAITING_PAYMENT').map(([state, times]) => `${state}: ${times.length} in ${Math.round(Math.max(...times) - Math.min(...times))} ms`)
    process.stdout.write(
      `${JSON.stringify({ subscribers: SUBSCRIBERS, connectMs: Math.round(connectMs), idleMb: Math.round(idleMb), subscribedMb: Math.round(subscribedMb), kbEach: Math.round(((subscribedMb - idleMb) * 1024) / SUBSCRIBERS), peakMb: Math.round(residentMb(gateway.pid, 'VmHWM')), spreads })}\n`,
    )
  } finally {
    for (const socket of sockets) socket.terminate()
    await gateway.kill()
    await sandbox.close()
    program.remove()
    await rm(directory, { recursive: true, force: true })
  }
})

async function placeOrder(origin: string, clientPubkey: string): Promise<{ id: string; payment: { bolt11: { invoice: string } } }> {
  const ask = async (query: string) => {
    const response = await fetch(`${origin}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }) })
    // oxlint-disable-next-line typescript/no-explicit-any -- answers of any shape
    return ((await response.json()) as { data: any }).data
  }
  const { quotes } = await ask(`{ quotes(request: {clientPubkey: "${clientPubkey}", lspBalanceSat: 1000000}) { quotes { id } } }`)
  const { createOrder } = await ask(`mutation { createOrder(input: {quoteId: "${quotes.quotes[0].id}", idempotencyKey: "bench"}) { ... on Order { id payment { bolt11 { invoice } } } } }`)
  return createOrder
}

/** Resolves when the first event has come: how the order stands. */
function follow(origin: string, orderId: string, onState: (state: string) => void): Promise<WebSocket> {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { perMessageDeflate: false })
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () => socket.send('{"type":"connection_init"}'))
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { type: string; payload?: { data?: { orderUpdated: { state: string } } } }
      if (message.type === 'connection_ack') {
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: `subscription { orderUpdated(id: "${orderId}") { sequence state message } }` } }))
      } else if (message.type === 'next') {
        onState(message.payload?.data?.orderUpdated.state ?? 'ERROR')
        resolve(socket)
      }
    })
  })
}

function residentMb(pid: number | null, field = 'VmRSS'): number {
  const kilobytes = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) / 1024
}

import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { uuidv7 } from 'uuidv7'
import { sat } from '../src/domain/money.ts'
import { NO_PAYMENT } from '../src/domain/offer.ts'
import type { Order } from '../src/domain/order-record.ts'
import { systemClock } from '../src/domain/time.ts'
import { startSandbox } from '../src/sandbox/index.ts'
import { openStore } from '../src/store/store.ts'
import { buildProgram, GatewayProcess } from '../test/crash/gateway-process.ts'

const ORDERS = Number(process.env.BENCH_ORDERS ?? 100_000)
const WATCH_MS = 15_000

test(`start-up time and memory with ${ORDERS} open orders, all of them due`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const databaseUrl = join(directory, 'sluice.db')
  const program = buildProgram()
  const sandbox = await startSandbox({ only: ['olive'] })
  const [olive] = sandbox.lsps
  if (!olive) throw new Error('no LSP')
  const configPath = join(directory, 'sluice.yaml')
  await writeFile(configPath, JSON.stringify({ lsps: [{ id: olive.id, name: olive.name, protocol: olive.configName, url: olive.url, network: 'regtest' }], logLevel: 'error' }))
  try {
    await fill(databaseUrl, olive.id)
    const gateway = new GatewayProcess({ main: program.main, configPath, databaseUrl })
    const startedAt = performance.now()
    await gateway.start()
    const startMs = performance.now() - startedAt
    const before = olive.requests.length
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS))
    const answer = await timed(() => fetch(`${gateway.origin}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"query":"{ orders(first: 20) { nodes { id state } } }"}' }).then((response) => response.text()))
    const figures = {
      orders: ORDERS,
      startMs: Math.round(startMs),
      memoryMb: Math.round(residentMb(gateway.pid)),
      readsPerMinute: Math.round(((olive.requests.length - before) / WATCH_MS) * 60_000),
      ordersQueryMs: Math.round(answer),
    }
    process.stdout.write(`${JSON.stringify(figures)}\n`)
    await gateway.kill()
  } finally {
    await sandbox.close()
    program.remove()
    await rm(directory, { recursive: true, force: true })
  }
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
  return performance.now() - startedAt
}

/** Linux tells; elsewhere it is not measured. */
function residentMb(pid: number | null): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) / 1024
}

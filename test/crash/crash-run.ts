import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { GatewayProcess } from './gateway-process.ts'
import { startSandbox, type LoggedRequest, type Sandbox } from '../../src/sandbox/index.ts'

export interface CrashFigures {
  engine: string
  kills: number
  ordersAnswered: number
  outcomeUnknown: number
  completed: number
  eventsFollowed: number
  reconnections: number
  /** Answered to a client, and not there afterwards. */
  lost: number
  /** More than one POST at the LSP, or more than one order here, for one idempotency key. */
  placedTwice: number
  /** Sequences, stored or followed, that are not 1, 2, 3 … */
  gapsOrRepeats: number
  seconds: number
}

export interface CrashOptions {
  engine: string
  main: string
  databaseUrl: string
  kills: number
  seed: number
}

/** LSPs whose price needs no order: each order that a client wants is exactly one POST, or none. */
const LSP_IDS = ['kestrel', 'thunder', 'olive']
const WALLETS = 4
const FIRST_BALANCE_SAT = 200_000
const DRAIN_MS = 60_000

/** mulberry32: the same run for the same seed, as far as the operating system lets it. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const QUOTE = `query ($request: ChannelRequestInput!, $ids: [ID!]) { quotes(request: $request, lspIds: $ids) { quotes { id } failures { code message } } }`
const ORDER = `mutation ($input: CreateOrderInput!) { createOrder(input: $input) { __typename ... on Order { id state payment { bolt11 { invoice } } } ... on LspError { code } ... on UserError { message } } }`
const READ = `query ($id: ID!) { order(id: $id) { id state sequence lspOrderId lspBalanceSat payment { bolt11 { invoice } } events { nodes { sequence } } } }`
const ALL = `query ($after: String) { orders(first: 100, after: $after) { nodes { id lspBalanceSat } pageInfo { hasNextPage endCursor } } }`
const FOLLOW = `subscription ($id: ID!, $after: Int!) { orderUpdated(id: $id, afterSequence: $after) { sequence state } }`

/** Kills a gateway again and again while wallets order, pay and follow; then lets it finish and looks at everything. */
export async function crashRun({ engine, main, databaseUrl, kills, seed }: CrashOptions): Promise<CrashFigures> {
  const startedAt = performance.now()
  const random = randomOf(seed)
  const directory = await mkdtemp(join(tmpdir(), 'sluice-crash-'))
  const sandbox = await startSandbox({ stepMs: 60, only: LSP_IDS })
  const configPath = join(directory, 'sluice.yaml')
  await writeFile(configPath, configOf(sandbox))
  const gateway = new GatewayProcess({ main, configPath, databaseUrl })
  const placed = new PlacedOrders(sandbox)
  const run = new Wallets(gateway, sandbox, random)
  try {
    await startUp(gateway)
    const wallets = Array.from({ length: WALLETS }, () => run.wallet())
    for (let killed = 0; killed < kills; killed += 1) {
      await sleep(50 + random() * 600)
      await gateway.kill()
      // Now and then it is killed again while it starts: recovery must survive itself.
      if (random() < 0.15) {
        void gateway.start()
        await sleep(random() * 500)
        await gateway.kill()
        killed += 1
      }
      await startUp(gateway)
      placed.look()
    }
    run.end()
    await Promise.all(wallets)
    placed.look()
    return {
      engine,
      kills,
      ...(await run.verdict(placed)),
      seconds: Math.round((performance.now() - startedAt) / 1000),
    }
  } finally {
    await gateway.kill()
    await sandbox.close()
    await rm(directory, { recursive: true, force: true })
  }
}

async function startUp(gateway: GatewayProcess): Promise<void> {
  if (!(await gateway.start())) throw new Error(`the gateway does not start: ${gateway.errors}`)
}

function configOf(sandbox: Sandbox): string {
  const lsps = sandbox.lsps.map((lsp) => ({
    id: lsp.id,
    name: lsp.name,
    protocol: lsp.configName,
    url: lsp.url,
    network: 'regtest',
    timeoutMs: 3_000,
    requestsPerMinute: 60_000,
    estimatesPerMinute: 60_000,
    nodeUris: lsp.nodeUris,
    courtesy: { maxUnpaidOrders: 100_000, firmQuotesPerHour: 100_000, maxStandingOrders: 100_000 },
    ...(lsp.tariffFeeRateSatPerVbyte === null ? {} : { tariff: { feeRateSatPerVbyte: lsp.tariffFeeRateSatPerVbyte } }),
  }))
  // JSON is YAML.
  return JSON.stringify({ lsps, pace: { activeMs: 60, idleMs: 1_000 }, logLevel: 'error' })
}

/** How often each channel was ordered at its LSP: every wallet's channel has a size of its own. */
class PlacedOrders {
  readonly #sandbox: Sandbox
  readonly #last = new Map<string, LoggedRequest>()
  readonly counts = new Map<string, number>()

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox
  }

  look(): void {
    for (const lsp of this.#sandbox.lsps) {
      const last = this.#last.get(lsp.id)
      for (const request of lsp.requests.slice(last ? lsp.requests.lastIndexOf(last) + 1 : 0)) {
        if (request.method !== 'POST' || !request.path.endsWith('/create_order')) continue
        const key = `${lsp.id}:${Number((request.body as { lsp_balance_sat: unknown }).lsp_balance_sat)}`
        this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
      }
      const newest = lsp.requests.at(-1)
      if (newest) this.#last.set(lsp.id, newest)
    }
  }
}

interface Wanted {
  lspId: string
  balanceSat: number
  orderId: string
  /** Followed over every reconnection. */
  sequences: number[]
}

class Wallets {
  readonly #gateway: GatewayProcess
  readonly #sandbox: Sandbox
  readonly #random: () => number
  readonly #wanted: Wanted[] = []
  #count = 0
  #reconnections = 0
  #endsAt: number | null = null

  constructor(gateway: GatewayProcess, sandbox: Sandbox, random: () => number) {
    this.#gateway = gateway
    this.#sandbox = sandbox
    this.#random = random
  }

  /** No more kills: what is under way comes to its end, and no new channel is wanted. */
  end(): void {
    this.#endsAt = performance.now() + DRAIN_MS
  }

  /** One wallet: orders channel after channel, pays and follows each to its end, whatever happens to the gateway. */
  async wallet(): Promise<void> {
    while (this.#endsAt === null) {
      const balanceSat = FIRST_BALANCE_SAT + this.#count
      const lspId = LSP_IDS[this.#count % LSP_IDS.length] ?? ''
      this.#count += 1
      const request = {
        clientPubkey: this.#sandbox.wallet.pubkey,
        clientAddress: this.#sandbox.wallet.address,
        lspBalanceSat: balanceSat,
      }
      const { quotes } = await this.#ask(QUOTE, { request, ids: [lspId] })
      const quoteId = (quotes.quotes as { id: string }[])[0]?.id
      // A quote whose order was lost in a crash: there is nothing to order.
      if (!quoteId) continue
      const order = await this.#order(quoteId, `key-${balanceSat}`)
      const wanted: Wanted = { lspId, balanceSat, orderId: order.id, sequences: [] }
      this.#wanted.push(wanted)
      if (order.state === 'OUTCOME_UNKNOWN' || !order.payment.bolt11) continue
      await this.#sandbox.wallet.payInvoice(order.payment.bolt11.invoice)
      await this.#follow(wanted)
    }
  }

  /** The same key until there is an answer: that is what it is for. */
  async #order(
    quoteId: string,
    idempotencyKey: string,
  ): Promise<{ id: string; state: string; payment: { bolt11: { invoice: string } | null } }> {
    for (;;) {
      const { createOrder } = await this.#ask(ORDER, { input: { quoteId, idempotencyKey } })
      if (createOrder.__typename === 'Order') return createOrder
      if (createOrder.code !== 'UNAVAILABLE') throw new Error(`not ordered: ${JSON.stringify(createOrder)}`)
    }
  }

  async #follow(wanted: Wanted): Promise<void> {
    for (;;) {
      const origin = await this.#origin()
      const client = createClient({
        url: `${origin.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
      })
      try {
        for await (const result of client.iterate<{ orderUpdated: { sequence: number; state: string } }>({
          query: FOLLOW,
          variables: { id: wanted.orderId, after: wanted.sequences.at(-1) ?? 0 },
        })) {
          const event = result.data?.orderUpdated
          if (!event) throw new Error(`not followed: ${JSON.stringify(result.errors)}`)
          wanted.sequences.push(event.sequence)
          if (event.state === 'COMPLETED') return
        }
      } catch {
        this.#reconnections += 1
      } finally {
        void client.dispose()
      }
    }
  }

  async #origin(): Promise<string> {
    while (this.#gateway.origin === null) await sleep(10)
    return this.#gateway.origin
  }

  /** Asks until there is an answer. */
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of any shape
  async #ask(query: string, variables: Record<string, unknown>): Promise<any> {
    for (;;) {
      const origin = await this.#origin()
      try {
        const response = await fetch(`${origin}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query, variables }),
        })
        const { data, errors } = (await response.json()) as { data?: unknown; errors?: unknown }
        if (!errors) return data
        throw new Error(JSON.stringify(errors))
      } catch (error) {
        // While it is being killed, an answer may take any number of tries.
        if (this.#endsAt !== null && performance.now() > this.#endsAt) throw error
        await sleep(5 + this.#random() * 20)
      }
    }
  }

  async verdict(placed: PlacedOrders): Promise<Omit<CrashFigures, 'engine' | 'kills' | 'seconds'>> {
    const figures = {
      ordersAnswered: this.#wanted.length,
      outcomeUnknown: 0,
      completed: 0,
      eventsFollowed: 0,
      reconnections: this.#reconnections,
      lost: 0,
      placedTwice: 0,
      gapsOrRepeats: 0,
    }
    const ordersOf = await this.#ordersByBalance()
    const lspOrderIds = new Set<string>()
    for (const wanted of this.#wanted) {
      const { order } = await this.#ask(READ, { id: wanted.orderId })
      if (!order) {
        figures.lost += 1
        continue
      }
      if (order.state === 'OUTCOME_UNKNOWN') figures.outcomeUnknown += 1
      if (order.state === 'COMPLETED') figures.completed += 1
      const sequences = (order.events.nodes as { sequence: number }[]).map((event) => event.sequence)
      if (!isUnbroken(sequences) || sequences.length !== order.sequence || !isUnbroken(wanted.sequences))
        figures.gapsOrRepeats += 1
      figures.eventsFollowed += wanted.sequences.length
      // A firm quote that a crash lost may be asked for anew; an order never is.
      const posts = wanted.lspId === 'olive' ? 1 : (placed.counts.get(`${wanted.lspId}:${wanted.balanceSat}`) ?? 0)
      if (posts > 1 || ordersOf.get(wanted.balanceSat) !== 1 || (order.lspOrderId && lspOrderIds.has(order.lspOrderId)))
        figures.placedTwice += 1
      lspOrderIds.add(order.lspOrderId)
    }
    return figures
  }

  async #ordersByBalance(): Promise<Map<number, number>> {
    const counts = new Map<number, number>()
    for (let after: string | null = null; ;) {
      const { orders } = await this.#ask(ALL, { after })
      for (const order of orders.nodes) counts.set(order.lspBalanceSat, (counts.get(order.lspBalanceSat) ?? 0) + 1)
      if (!orders.pageInfo.hasNextPage) return counts
      after = orders.pageInfo.endCursor
    }
  }
}

function isUnbroken(sequences: readonly number[]): boolean {
  return sequences.every((sequence, index) => sequence === index + 1)
}

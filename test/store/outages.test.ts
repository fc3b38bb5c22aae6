import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { execute, freshPostgres } from '../support/database.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createOrder, orderAt, quoteAt } from '../support/operations.ts'
import { proxyTo, type Proxy } from '../support/proxy.ts'

// PostgreSQL fails in every way that it has: what /ready and clients get, what the log has, and that all is well later.

interface Outage {
  /** What `/ready` names. */
  reasons: RegExp
  begin(stage: Stage): Promise<void>
  end(stage: Stage): Promise<void>
}

interface Stage {
  proxy: Proxy
  /** The superuser that the gateway connects as. */
  role: string
  adminUrl: string
}

async function setReadOnly({ adminUrl, role }: Stage, isReadOnly: boolean): Promise<void> {
  await execute(adminUrl, `alter role ${role} set default_transaction_read_only = ${isReadOnly ? 'on' : 'off'}`)
  await execute(adminUrl, `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`)
}

const OUTAGES: Record<string, Outage> = {
  'is stopped': {
    reasons: /^DATABASE_(UNREACHABLE|TIMEOUT)$/,
    begin: ({ proxy }) => proxy.cut(),
    end: ({ proxy }) => proxy.restore(),
  },
  hangs: {
    reasons: /^DATABASE_TIMEOUT$/,
    begin: async ({ proxy }) => proxy.hang(),
    end: async ({ proxy }) => proxy.resume(),
  },
  'becomes a standby': {
    reasons: /^DATABASE_(READ_ONLY|UNREACHABLE)$/,
    begin: (stage) => setReadOnly(stage, true),
    end: (stage) => setReadOnly(stage, false),
  },
}

async function openStage() {
  const database = await freshPostgres()
  const role = `outage_${randomBytes(4).toString('hex')}`
  await execute(database.url, `create role ${role} superuser login password 'secret'`)
  const url = new URL(database.url)
  url.username = role
  url.password = 'secret'
  const proxy = await proxyTo(url.href)
  return {
    proxy,
    role,
    adminUrl: database.url,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await execute(database.url, `drop owned by ${role}; drop role ${role}`)
      await database[Symbol.asyncDispose]()
    },
  }
}

async function readyOf({ origin }: TestGateway): Promise<{ status: number; reason?: string }> {
  const response = await fetch(`${origin}/ready`)
  return { ...((await response.json()) as object), status: response.status }
}

describe.each(Object.entries(OUTAGES))('while PostgreSQL %s', (_what, outage) => {
  test(
    'the gateway is not ready, answers UNAVAILABLE, logs at most three lines, and recovers',
    { timeout: 60_000 },
    async () => {
      await using stage = await openStage()
      await using gateway = await startTestGateway({ databaseUrl: stage.proxy.url, sandbox: { only: ['olive'] } })
      const quote = await quoteAt(gateway, 'olive')
      const placed = gateway.sandbox.lsp('olive').orderCount
      const logged = gateway.logged.length

      await outage.begin(stage)
      await expect
        .poll(() => readyOf(gateway))
        .toMatchObject({ status: 503, reason: expect.stringMatching(outage.reasons) as string })
      const answer = await gateway.send('{ orders(first: 1) { nodes { id } } }')
      // A standby can still be read.
      if (answer.errors)
        expect(answer).toMatchObject({ status: 503, errors: [{ extensions: { code: 'UNAVAILABLE' } }] })
      const ordered = await gateway.send(
        'mutation ($id: ID!) { createOrder(input: { quoteId: $id, idempotencyKey: "during" }) { __typename } }',
        { id: quote.id },
      )
      expect(ordered).toMatchObject({
        status: 503,
        errors: [{ extensions: { code: 'UNAVAILABLE', retryAfterSeconds: expect.any(Number) as number } }],
      })
      // The tracker, the heartbeat and others fail meanwhile.
      await delay(2_500)
      expect(gateway.logged.length - logged).toBeLessThanOrEqual(2)

      await outage.end(stage)
      await expect.poll(() => readyOf(gateway)).toMatchObject({ status: 200 })
      await expect.poll(() => gateway.logged.at(-1)).toContain('the database can be used again')
      expect(gateway.logged.slice(logged).length).toBeLessThanOrEqual(3)
      expect(await createOrder(gateway, { quoteId: quote.id, idempotencyKey: 'during' })).toMatchObject({
        __typename: 'Order',
        state: 'AWAITING_PAYMENT',
      })
      expect(gateway.sandbox.lsp('olive').orderCount).toBe(placed)
    },
  )
})

test(
  'while PostgreSQL is slow (100 ms), the gateway is ready, places orders, and no LSP gets the blame',
  { timeout: 60_000 },
  async () => {
    await using stage = await openStage()
    await using gateway = await startTestGateway({
      databaseUrl: stage.proxy.url,
      sandbox: { only: ['olive', 'kestrel'] },
      lsp: () => ({ timeoutMs: 8_000 }),
    })
    stage.proxy.slow(100)
    await expect.poll(() => readyOf(gateway)).toMatchObject({ status: 200 })
    for (const lspId of ['olive', 'kestrel']) {
      const order = await orderAt(gateway, lspId, { lspBalanceSat: 1_500_000 })
      expect(order.state).toBe('AWAITING_PAYMENT')
    }
    const { lsps } = await gateway.ask('{ lsps { id status { state lastError } } }')
    expect(lsps).toEqual([
      { id: 'olive', status: { state: 'UP', lastError: null } },
      { id: 'kestrel', status: { state: 'UP', lastError: null } },
    ])
    expect(gateway.logged.filter((line) => /"level":(40|50|60)/.test(line))).toEqual([])
  },
)

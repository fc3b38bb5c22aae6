import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Answer, TestGateway, TestGatewayOptions } from '../support/gateway.ts'
import { startTestGateway, takeUntil } from '../support/gateway.ts'
import { lsps1Order, LSPS1_INFO, settings } from '../quotes/support.ts'
import { freshDatabase, freshPostgres, type TestDatabase } from '../support/database.ts'
import { createOrder, follow, orderAt, pay, quoteAt, readOrder, REQUEST_REFUND } from '../support/operations.ts'
import { json, QueueServer } from '../support/queue-server.ts'
import { ConfigError } from '../../src/config.ts'
import { settingsOf } from '../../src/sandbox/settings.ts'
import { SecretBox } from '../../src/store/secret-box.ts'
import type { LspSettings } from '../../src/upstream/lsp.ts'

const LISTS = `query ($id: ID!, $quoteId: ID!) {
  lsps { id }
  lsp(id: "beacon") { name status { state } }
  order(id: $id) { state lsp { id name status { state } } nextStep { message } nodeUris }
  quote(id: $quoteId) { lsp { id status { state } } }
  orders { nodes { id lsp { name } nextStep { action } } }
}`

/** The settings of these LSPs only. */
const only = (gateway: TestGateway, ids: readonly string[], changes = {}) => ({
  lsps: gateway.sandbox.lsps
    .filter(({ id }) => ids.includes(id))
    .map((lsp) => ({ ...settingsOf(lsp, 60_000), timeoutMs: 2_000, ...changes })),
})

describe('a gateway that does not have an LSP in its configuration', () => {
  test('serves the orders and quotes that another gateway has there, and acts on none of them', async () => {
    await using database = await freshPostgres()
    await using both = await startTestGateway({ databaseUrl: database.url, sandbox: { only: ['olive', 'beacon'] } })
    // Started before the other one knew the LSP: its row is read when it is needed.
    await using one = await startTestGateway({
      databaseUrl: database.url,
      beside: both,
      config: only(both, ['olive']),
    })
    expect(await one.ask('{ lsp(id: "beacon") { status { state } } another: lsp(id: "unknown") { id } }')).toEqual({
      lsp: { status: { state: 'UNKNOWN' } },
      another: null,
    })
    const quote = await quoteAt(both, 'beacon', { lspBalanceSat: 1_100_000 })
    both.sandbox.lsp('beacon').setFaults(['REFUND'])
    const { id } = await orderAt(both, 'beacon')
    const stream = takeUntil(
      one.subscribe(
        'subscription ($id: ID!) { orderUpdated(id: $id, afterSequence: 0) { state order { lsp { name } } } }',
        {
          id,
        },
      ),
      ({ orderUpdated }) => orderUpdated.state === 'PAID',
    )
    await pay(both, id)
    const events = await stream
    expect(events.at(-1)).toMatchObject({
      orderUpdated: { order: { lsp: { name: expect.stringContaining('Beacon') as string } } },
    })

    const read: Answer = await one.send(LISTS, { id, quoteId: quote.id })
    expect(read.errors).toBeUndefined()
    expect(read.data).toMatchObject({
      lsps: [{ id: 'olive' }],
      lsp: { name: expect.stringContaining('Beacon') as string, status: { state: 'UNKNOWN' } },
      order: { lsp: { id: 'beacon', name: expect.stringContaining('Beacon') as string, status: { state: 'UNKNOWN' } } },
      quote: { lsp: { id: 'beacon' } },
      orders: { nodes: [{ id, lsp: { name: expect.stringContaining('Beacon') as string } }] },
    })
    await follow(both, id).until(({ snapshot: { refund } }) => refund?.state === 'AVAILABLE')
    const { requestRefund } = await one.ask(REQUEST_REFUND, {
      id,
      to: { onchainAddress: both.sandbox.wallet.newAddress() },
    })
    expect(requestRefund).toMatchObject({ __typename: 'LspError', code: 'UNAVAILABLE' })
    expect(await createOrder(one, { quoteId: quote.id })).toMatchObject({ __typename: 'LspError', code: 'UNAVAILABLE' })
    // The one that has it orders that quote, also if the other one made it.
    const fromOne = await quoteAt(one, 'olive')
    expect(await createOrder(both, { quoteId: fromOne.id })).toMatchObject({ __typename: 'Order' })
  })
})

describe.each(['SQLite', 'PostgreSQL'] as const)('an LSP that leaves the configuration (%s)', (engine) => {
  async function stage(database: TestDatabase) {
    const host = await startTestGateway({ sandbox: { only: ['olive', 'kestrel'] } })
    onTestFinished(() => host[Symbol.asyncDispose]())
    return (ids: string[], changes: Partial<LspSettings> = {}, more: TestGatewayOptions = {}) =>
      startTestGateway({ databaseUrl: database.url, beside: host, config: only(host, ids, changes), ...more })
  }

  test('is polled until its orders end, and the wallet of a paid order is not asked to pay', async () => {
    await using database = await freshDatabase(engine)
    const start = await stage(database)
    const before = await start(['olive', 'kestrel'])
    const { id } = await orderAt(before, 'olive')
    await before[Symbol.asyncDispose]()
    await using after = await start(['kestrel'])
    expect((await readOrder(after, id)).state).toBe('AWAITING_PAYMENT')
    const follower = follow(after, id)
    await pay(after, id)
    const paid = await follower.until(({ state }) => state !== 'AWAITING_PAYMENT')
    expect(paid.snapshot.nextStep.action).not.toBe('PAY')
    await follower.until(({ state }) => state === 'COMPLETED')
    expect((await after.ask('{ lsps { id } }')).lsps).toEqual([{ id: 'kestrel' }])
  })

  test('with retired: true is not in lsps, gets no orders, and its orders go on', async () => {
    await using database = await freshDatabase(engine)
    const start = await stage(database)
    const before = await start(['olive'])
    const { id } = await orderAt(before, 'olive')
    const quote = await quoteAt(before, 'olive', { lspBalanceSat: 1_300_000 })
    await before[Symbol.asyncDispose]()
    await using after = await start(['olive'], { isRetired: true })
    expect(await after.ask('{ lsps { id } lsp(id: "olive") { status { state } } }')).toEqual({
      lsps: [],
      lsp: { status: { state: 'RETIRED' } },
    })
    expect(await createOrder(after, { quoteId: quote.id, idempotencyKey: 'retired' })).toMatchObject({
      __typename: 'LspError',
      code: 'UNAVAILABLE',
    })
    const follower = follow(after, id)
    await pay(after, id)
    await follower.until(({ state }) => state === 'COMPLETED')
  })

  test('and comes back with another URL while its orders are open is refused, unless --accept-moved names it', async () => {
    await using database = await freshDatabase(engine)
    const start = await stage(database)
    const before = await start(['olive'])
    await orderAt(before, 'olive')
    await before[Symbol.asyncDispose]()
    const moved = { url: 'http://127.0.0.1:9/elsewhere' }
    await expect(start(['olive'], moved)).rejects.toThrow(
      /olive had url http:\/\/127\.0\.0\.1:\d+\S*, now http:\/\/127\.0\.0\.1:9\/elsewhere, and 1 of its orders are open.*--accept-moved olive/,
    )
    await expect(start(['olive'], { network: 'SIGNET' })).rejects.toBeInstanceOf(ConfigError)
    await using accepted = await start(['olive'], moved, { acceptMoved: ['olive'] })
    expect((await accepted.ask('{ lsps { id } }')).lsps).toEqual([{ id: 'olive' }])
  })
})

test('the credentials of an LSP that was removed are still sent to it', async () => {
  await using database = await freshDatabase('SQLite')
  await using server = await QueueServer.start()
  const order = lsps1Order(Date.now(), { order_id: 'order-1' })
  server.always((request, response) =>
    request.path === '/get_info' ? json(200, LSPS1_INFO)(request, response) : json(200, order)(request, response),
  )
  const start = (lsps: LspSettings[]) =>
    startTestGateway({ databaseUrl: database.url, sandbox: { only: ['olive'] }, config: { lsps } })
  const before = await start([{ ...settings('away', server.url), auth: 'the-credential' }])
  const { id } = await orderAt(before, 'away')
  await before[Symbol.asyncDispose]()
  const seen = server.requests.length
  await using after = await start([])
  await vi.waitFor(() => expect(server.requests.length).toBeGreaterThan(seen), { timeout: 8_000 })
  expect(server.requests.slice(seen).map(({ headers }) => headers.authorization)).toContain('Bearer the-credential')
  expect((await readOrder(after, id)).lsp).toEqual({ id: 'away' })
})

test('credentials of LSPs are encrypted in the database with SLUICE_SECRET', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-secret-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const secret = randomBytes(16).toString('hex')
  const options = (more: TestGatewayOptions): TestGatewayOptions => ({
    sandbox: { only: ['olive'] },
    lsp: () => ({ auth: 'a-credential-of-the-operator' }),
    ...more,
  })
  const path = join(directory, 'sluice.db')
  const sealed = await startTestGateway(options({ databaseUrl: path, secret }))
  expect(sealed.logged.filter((line) => line.includes('SLUICE_SECRET'))).toEqual([])
  await sealed[Symbol.asyncDispose]()
  expect((await readFile(path)).includes('a-credential-of-the-operator')).toBe(false)
  const plain = await startTestGateway(options({ databaseUrl: join(directory, 'plain.db') }))
  expect(plain.logged.filter((line) => line.includes('SLUICE_SECRET is not set'))).toHaveLength(1)
  await plain[Symbol.asyncDispose]()
})

test('a sealed text is opened with its secret only', () => {
  const box = new SecretBox('a secret of the operator')
  const sealed = box.seal('{"auth":"credential"}')
  expect(sealed).not.toContain('credential')
  expect(box.open(sealed)).toBe('{"auth":"credential"}')
  expect(new SecretBox('another secret').open(sealed)).toBeNull()
  expect(new SecretBox(null).open(sealed)).toBeNull()
  expect(box.open(new SecretBox(null).seal('plain'))).toBe('plain')
})

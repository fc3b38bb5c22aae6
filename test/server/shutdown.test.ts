import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import Database from 'libsql'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Build, type Program } from './program.ts'
import { openRaw, readToEnd, Wire } from './wire.ts'
import { startTestGateway } from '../support/gateway.ts'
import { orderAt, quoteAt } from '../support/operations.ts'

// Programs start together, and machines are busy.
vi.setConfig({ testTimeout: 60_000 })

let build: Build
beforeAll(async () => {
  build = await Build.make()
}, 60_000)
afterAll(() => build[Symbol.asyncDispose]())

const ALL = ['CHANNEL_REQUEST_V0_0_1', 'CHANNEL_REQUEST_V0_0_2', 'KALEIDOSWAP', 'LSPS1', 'THUNDERSTACK']
const QUOTES = `query ($request: ChannelRequestInput!, $ids: [ID!]) {
  quotes(request: $request, lspIds: $ids) { quotes { id feeTotalSat lsp { id protocol } } failures { code message } }
}`
const ORDER =
  'mutation ($quoteId: ID!, $key: String! = "k") { createOrder(input: { quoteId: $quoteId, idempotencyKey: $key }) { __typename ... on Order { id state } ... on UserError { message } } }'
const ORDERS = '{ orders { nodes { id state lsp { id } } } }'
const FOLLOW = 'subscription ($id: ID!) { orderUpdated(id: $id, afterSequence: 0) { sequence state } }'

async function quotes(
  program: Program,
  ids?: string[],
): Promise<{ id: string; feeTotalSat: number; lsp: { id: string; protocol: string } }[]> {
  const { sandboxWallet } = await program.ask('{ sandboxWallet { pubkey address } }')
  const request = { clientPubkey: sandboxWallet.pubkey, clientAddress: sandboxWallet.address, lspBalanceSat: 1_000_000 }
  const { quotes: compared } = await program.ask(QUOTES, { request, ids })
  expect(compared.failures).toEqual([])
  return compared.quotes
}

/** Containers are killed ten seconds after the signal; a machine that runs many programs at once adds to that. */
const STOPPED_MS = 12_000

/** `expect.poll` is at home in one test at a time. */
function until(holds: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(holds, { timeout: 10_000, interval: 10 })
}

/** What the database holds once nobody has it open. */
function keptOrders(folder: string): { state: string }[] {
  const database = new Database(join(folder, 'data/sandbox.db'), { readonly: true })
  try {
    return database.prepare('select id, state from orders').all() as { state: string }[]
  } finally {
    database.close()
  }
}

describe.concurrent('a start without configuration', () => {
  test('is refused on a database that another gateway has open, and works once that one has ended, however it did', async () => {
    const folder = await build.folder()
    const first = build.start(folder)
    await first.origin()
    const second = build.start(folder)
    expect(await second.ended).toMatchObject({ status: 2 })
    expect(second.stderr).toMatch(
      /^the database \.\/data\/sandbox\.db is in use by another gateway: set DATABASE_URL to another file/,
    )
    first.kill('SIGKILL')
    await first.ended
    const third = build.start(folder)
    expect(await third.origin()).toMatch(/^http:/)
  })

  test('prints where GraphiQL is, and answers with quotes of all five protocols', async () => {
    const program = build.start(await build.folder())
    const origin = await program.origin()
    expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
    expect(program.stdout).toMatch(/^Sandbox: 5 simulated LSPs on regtest, no real money\.$/m)
    expect(
      (await fetch(`${origin}/graphql`, { method: 'HEAD', headers: { accept: 'text/html' } })).headers.get(
        'content-type',
      ),
    ).toBe('text/html; charset=utf-8')
    const compared = await quotes(program)
    expect(compared.map(({ lsp }) => lsp.protocol).toSorted()).toEqual(ALL)
    expect(compared.map(({ feeTotalSat }) => feeTotalSat)).toEqual(
      compared.map(({ feeTotalSat }) => feeTotalSat).toSorted((a, b) => a - b),
    )
    program.kill('SIGTERM')
    expect(await program.ended).toEqual({ status: 0, signal: null })
  })

  test('remembers orders of the run before, at its simulated LSPs too', async () => {
    const folder = await build.folder()
    const first = build.start(folder)
    const placed: Record<string, string> = {}
    for (const id of ['olive', 'kestrel']) {
      const [quote] = await quotes(first, [id])
      const { createOrder } = await first.ask(ORDER, { quoteId: quote?.id, key: id })
      expect(createOrder.state).toBe('AWAITING_PAYMENT')
      placed[id] = createOrder.id
    }
    first.kill('SIGTERM')
    expect(await first.ended).toEqual({ status: 0, signal: null })

    const second = build.start(folder)
    const { orders } = await second.ask(ORDERS)
    expect(orders.nodes).toEqual([
      { id: placed['kestrel'], state: 'AWAITING_PAYMENT', lsp: { id: 'kestrel' } },
      { id: placed['olive'], state: 'AWAITING_PAYMENT', lsp: { id: 'olive' } },
    ])
    const wire = await Wire.ready(await second.origin())
    wire.subscribe('1', FOLLOW, { id: placed['kestrel'] })
    await second.ask('mutation ($id: ID!) { sandboxPay(id: $id) { state } }', { id: placed['kestrel'] })
    for (let state = ''; state !== 'COMPLETED';)
      ({ state } = (
        (await wire.hear()) as { payload: { data: { orderUpdated: { state: string } } } }
      ).payload.data.orderUpdated)
    second.kill('SIGTERM')
    expect(await second.ended).toEqual({ status: 0, signal: null })
  })
})

describe.concurrent('an end by a signal', () => {
  test.for(['SIGTERM', 'SIGINT'] as const)(
    '%s closes a socket that follows an order with 1001, and ends with status 0',
    async (signal) => {
      const program = build.start(await build.folder())
      const [quote] = await quotes(program, ['olive'])
      const { createOrder } = await program.ask(ORDER, { quoteId: quote?.id })
      const wire = await Wire.ready(await program.origin())
      wire.subscribe('1', FOLLOW, { id: createOrder.id })
      expect(await wire.hear()).toMatchObject({ type: 'next', payload: { data: { orderUpdated: { sequence: 1 } } } })
      const since = performance.now()
      program.kill(signal)
      expect((await wire.closed).code).toBe(1001)
      expect(await program.ended).toEqual({ status: 0, signal: null })
      expect(performance.now() - since).toBeLessThan(10_000)
      expect(program.stdout).toContain(`${signal}: finishing what runs\n`)
      expect(program.stderr).not.toMatch(/"level":(50|60)/)
    },
  )

  test('lets an order that is on its way arrive, and tells its client', async () => {
    const folder = await build.folder()
    const program = build.start(folder)
    const [quote] = await quotes(program, ['kestrel'])
    await program.ask('mutation { sandboxSetFaults(lspId: "kestrel", faults: [SLOW]) { faults } }')
    const answer = program.ask(ORDER, { quoteId: quote?.id })
    await until(async () => expect(await ordersAt(program, 'kestrel')).toBe(1))
    program.kill('SIGTERM')
    expect(await answer).toMatchObject({ createOrder: { __typename: 'Order', state: 'AWAITING_PAYMENT' } })
    expect(await program.ended).toEqual({ status: 0, signal: null })
    expect(keptOrders(folder)).toMatchObject([{ state: 'AWAITING_PAYMENT' }])
  })

  test('writes down an order whose outcome nobody will know', async () => {
    const folder = await build.folder()
    const program = build.start(folder)
    const [quote] = await quotes(program, ['thunder'])
    await program.ask('mutation { sandboxSetFaults(lspId: "thunder", faults: [HANGING]) { faults } }')
    const answer = program.ask(ORDER, { quoteId: quote?.id }).then(
      () => 'answered',
      () => 'cut off',
    )
    await until(async () => expect(await ordersAt(program, 'thunder')).toBe(1))
    const since = performance.now()
    program.kill('SIGTERM')
    expect(await answer).toBe('cut off')
    expect(await program.ended).toEqual({ status: 0, signal: null })
    expect(performance.now() - since).toBeLessThan(STOPPED_MS)
    expect(keptOrders(folder)).toMatchObject([{ state: 'OUTCOME_UNKNOWN' }])
  })

  test('is not held up by an LSP that hangs while its orders are read', async () => {
    const folder = await build.folder()
    const program = build.start(folder)
    const [quote] = await quotes(program, ['thunder'])
    await program.ask(ORDER, { quoteId: quote?.id })
    await program.ask('mutation { sandboxSetFaults(lspId: "thunder", faults: [HANGING]) { faults } }')
    // Orders that wait for their payment are read every second.
    await delay(2_000)
    const since = performance.now()
    program.kill('SIGTERM')
    expect(await program.ended).toEqual({ status: 0, signal: null })
    expect(performance.now() - since).toBeLessThan(STOPPED_MS)
    expect(program.stderr).not.toMatch(/"level":(50|60)/)
    expect(keptOrders(folder)).toMatchObject([{ state: 'AWAITING_PAYMENT' }])
  })

  test('places the order of a request that had only begun to arrive, and tells its client', async () => {
    const folder = await build.folder()
    const program = build.start(folder)
    const [quote] = await quotes(program, ['kestrel'])
    await program.ask('mutation { sandboxSetFaults(lspId: "kestrel", faults: [SLOW]) { faults } }')
    const body = JSON.stringify({ query: ORDER, variables: { quoteId: quote?.id } })
    const socket = openRaw(await program.origin())
    const answer = readToEnd(socket)
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`,
    )
    // Its head is read for sure once a later connection has been answered.
    await program.ask(ORDERS)
    program.kill('SIGTERM')
    await until(() => expect(program.stdout).toContain('SIGTERM: finishing what runs'))
    socket.write(body.slice(10))
    expect(await answer).toContain('"state":"AWAITING_PAYMENT"')
    expect(await program.ended).toEqual({ status: 0, signal: null })
    expect(keptOrders(folder)).toMatchObject([{ state: 'AWAITING_PAYMENT' }])
  })

  test('breaks off what an LSP leaves hanging that may take its time', async () => {
    const gateway = await startTestGateway({
      sandbox: { only: ['olive', 'kestrel'] },
      lsp: () => ({ timeoutMs: 60_000 }),
    })
    await orderAt(gateway, 'olive')
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    const requestsBefore = gateway.sandbox.lsps.map(({ requests }) => requests.length)
    for (const lsp of gateway.sandbox.lsps) lsp.setFaults(['HANGING'])
    const answer = gateway.send(ORDER, { quoteId }).catch(() => 'cut off')
    await until(() => {
      for (const [index, { requests }] of gateway.sandbox.lsps.entries())
        expect(requests.length).toBeGreaterThan(requestsBefore[index] ?? 0)
    })
    const since = performance.now()
    await gateway[Symbol.asyncDispose]()
    expect(performance.now() - since).toBeLessThan(STOPPED_MS)
    expect(await answer).toBe('cut off')
    expect(gateway.logged.filter((line) => /"level":(50|60)/.test(line))).toEqual([])
  })

  test('serves on for shutdown.delaySeconds while /ready fails, so that load balancers go elsewhere', async () => {
    const folder = await build.folder()
    await writeFile(
      join(folder, 'sluice.yaml'),
      'lsps: [{ id: away, name: Away, protocol: lsps1, url: "https://lsp.invalid", network: regtest }]\nshutdown: { delaySeconds: 60 }\n',
    )
    const program = build.start(folder, { args: ['--config', 'sluice.yaml'] })
    const origin = await program.origin()
    program.kill('SIGTERM')
    await until(async () => {
      const response = await fetch(`${origin}/ready`)
      expect(response.status).toBe(503)
      expect(response.headers.get('connection')).toBe('close')
      expect(await response.json()).toMatchObject({ status: 'not ready', reason: 'STOPPING' })
    })
    expect(await program.ask('{ lsps { id } }')).toEqual({ lsps: [{ id: 'away' }] })
    program.kill('SIGTERM')
    expect(await program.ended).toEqual({ status: 1, signal: null })
  })

  test('ends by itself after shutdown.delaySeconds', async () => {
    const folder = await build.folder()
    await writeFile(
      join(folder, 'sluice.yaml'),
      'lsps: [{ id: away, name: Away, protocol: lsps1, url: "https://lsp.invalid", network: regtest }]\nshutdown: { delaySeconds: 1 }\n',
    )
    const program = build.start(folder, { args: ['--config', 'sluice.yaml'] })
    await program.origin()
    program.kill('SIGTERM')
    expect(await program.ended).toEqual({ status: 0, signal: null })
  })

  test('is not waited for by those who send it twice', async () => {
    const program = build.start(await build.folder())
    const [quote] = await quotes(program, ['thunder'])
    await program.ask('mutation { sandboxSetFaults(lspId: "thunder", faults: [HANGING]) { faults } }')
    const answer = program.ask(ORDER, { quoteId: quote?.id }).catch(() => 'cut off')
    await until(async () => expect(await ordersAt(program, 'thunder')).toBe(1))
    program.kill('SIGINT')
    await until(() => expect(program.stdout).toContain('SIGINT: finishing what runs'))
    program.kill('SIGINT')
    expect(await program.ended).toEqual({ status: 1, signal: null })
    expect(await answer).toBe('cut off')
  })
})

async function ordersAt(program: Program, lspId: string): Promise<number> {
  const { sandboxLsps } = await program.ask('{ sandboxLsps { lsp { id } orderCount } }')
  return (
    (sandboxLsps as { lsp: { id: string }; orderCount: number }[]).find(({ lsp }) => lsp.id === lspId)?.orderCount ?? -1
  )
}

describe.concurrent('what the operator has to mend ends the start with status 2 and a message', () => {
  async function refusal(options: Parameters<Build['start']>[1], folder?: string): Promise<string> {
    const program = build.start(folder ?? (await build.folder()), options)
    expect(await program.ended).toEqual({ status: 2, signal: null })
    expect(program.stdout).toBe('')
    // One that says where and what, not one that says where in our code.
    expect(program.stderr).not.toMatch(/\n {4}at |node_modules|Error:/)
    return program.stderr
  }

  test('a configuration file with mistakes: each by its line and its key', async () => {
    const folder = await build.folder()
    await writeFile(
      join(folder, 'sluice.yaml'),
      'lsps:\n  - id: olympus\n    name: Olympus\n    protocol: lsps2\n    url: https://lsp.example/api/v1\n    network: mainnet\n    auth: ${OLYMPUS_TOKEN}\n    timeoutMS: 5\n',
    )
    const message = await refusal({ args: ['--config', 'sluice.yaml'] }, folder)
    expect(message).toContain('sluice.yaml:4: lsps[0].protocol: "lsps2" is not allowed; allowed: lsps1, kaleidoswap, ')
    expect(message).toContain('sluice.yaml:7: lsps[0].auth: the environment has no variable OLYMPUS_TOKEN')
    expect(message).toContain('sluice.yaml:8: lsps[0].timeoutMS: unknown key, did you mean timeoutMs?')
    expect(await refusal({ env: { SLUICE_CONFIG: 'sluice.yaml' } }, folder)).toBe(message)
  })

  test('a configuration file that is not there', async () => {
    expect(await refusal({ args: ['--config=none.yaml'] })).toBe(
      'none.yaml: there is no such file; it is named by --config or SLUICE_CONFIG\n',
    )
  })

  test('an unknown argument', async () => {
    expect(await refusal({ args: ['--verbose'] })).toBe(
      '"--verbose" is not an argument; allowed: --config FILE, --accept-moved ID\n',
    )
  })

  test('a port that something else has', async () => {
    const other = createServer()
    const port = await new Promise<number>((resolve) =>
      other.listen(0, '127.0.0.1', () => resolve((other.address() as AddressInfo).port)),
    )
    expect(await refusal({ env: { PORT: String(port) } })).toBe(
      `cannot listen on 127.0.0.1:${port}: something else listens there (EADDRINUSE); HOST and PORT say where\n`,
    )
    other.close()
  })

  test('a port that is none', async () => {
    expect(await refusal({ env: { PORT: '65536' } })).toBe(
      'PORT: "65536" is not allowed; allowed: a whole number from 0 to 65535\n',
    )
  })

  test('an address that this machine has not', async () => {
    expect(await refusal({ env: { HOST: '192.0.2.1', PORT: '4000' } })).toBe(
      'cannot listen on 192.0.2.1:4000: this machine has no such address (EADDRNOTAVAIL); HOST and PORT say where\n',
    )
  })

  test('a database of a newer version, which is left as it is', async () => {
    const folder = await build.folder()
    const path = join(folder, 'newer.db')
    const database = new Database(path)
    database.exec(
      'create table migrations (version integer primary key, applied_at bigint not null); insert into migrations values (4711, 1)',
    )
    database.close()
    expect(await refusal({ env: { DATABASE_URL: path } })).toMatch(
      /^the database .*newer\.db is of version 4711, and this program knows \d+: a newer Sluice used it\. Start that release again, or restore a backup from before its first start\n$/,
    )
    const kept = new Database(path, { readonly: true })
    expect(kept.prepare("select name from sqlite_master where type = 'table'").all()).toEqual([{ name: 'migrations' }])
    kept.close()
  })

  test('a database that is none', async () => {
    const folder = await build.folder()
    await writeFile(
      join(folder, 'text.db'),
      'this is a text and not a database, and long enough to be looked at by SQLite as one, or so it seems',
    )
    expect(await refusal({ env: { DATABASE_URL: 'text.db' } }, folder)).toBe(
      'the database text.db cannot be opened: file is not a database\n',
    )
  })
})

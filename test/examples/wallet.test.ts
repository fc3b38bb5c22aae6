import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buyChannel, type Wallet, type Wish } from '../../examples/wallet/src/buy-channel.ts'
import { Gateway } from '../../examples/wallet/src/gateway.ts'
import { CreateOrderDocument, type TypedDocumentString } from '../../examples/wallet/src/gql/graphql.ts'
import { findSandboxNode, paySandboxOrder } from '../../examples/wallet/src/sandbox.ts'
import { run } from '../../src/run.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const EXAMPLE = join(ROOT, 'examples/wallet')
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc')

/** One address for a gateway that comes back on another port, and a cable that can be pulled. */
async function startCable(origin: () => string) {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(new URL(origin()).port), '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy()).on('close', () => sockets.delete(one))
    }
    near.pipe(far).pipe(near)
  })
  const plug = (port: number) => new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve))
  await plug(0)
  const { port } = server.address() as AddressInfo
  /** Whoever is connected loses the connection. */
  const pull = () => {
    for (const socket of sockets) socket.destroy()
  }
  /** From now on connections are refused. */
  const unplug = () => {
    server.close()
    pull()
  }
  return { url: `http://127.0.0.1:${port}/graphql`, pull, unplug, plug: () => plug(port) }
}

function runNode(args: string[], env: Record<string, string> = {}) {
  return new Promise<{ status: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr })
    })
  })
}

describe('the example wallet', () => {
  let gateway: TestGateway
  let cable: Awaited<ReturnType<typeof startCable>>
  let directory: string
  let lines: string[]
  let troubles: string[]

  beforeAll(async () => {
    gateway = await startTestGateway()
    cable = await startCable(() => gateway.origin)
  })
  afterAll(async () => {
    cable.unplug()
    await gateway[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'wallet-'))
    lines = []
    troubles = []
  })
  afterEach(async () => {
    for (const lsp of gateway.sandbox.lsps) lsp.setFaults([])
    await rm(directory, { recursive: true, force: true })
  })

  const wish = (changes: Partial<Wish> = {}): Wish => ({
    request: {
      clientPubkey: gateway.sandbox.wallet.pubkey,
      clientAddress: gateway.sandbox.wallet.address,
      lspBalanceSat: 1_000_000,
    },
    maxFeeSat: 10_000,
    ...changes,
  })

  function wallet(changes: Partial<Wallet> = {}): Wallet {
    const client = new Gateway(cable.url, undefined, (message) => void troubles.push(message))
    return {
      gateway: client,
      purchaseFile: join(directory, 'purchase.json'),
      pay: ({ orderId }) => paySandboxOrder(client, orderId),
      print: (line) => void lines.push(line),
      ...changes,
    }
  }

  const seen = () => lines.flatMap((line) => /^(\d+)\. /.exec(line)?.[1] ?? []).map(Number)
  const written = async () =>
    JSON.parse(await readFile(join(directory, 'purchase.json'), 'utf8')) as {
      orderId: string
      input: { idempotencyKey: string }
    }
  const orderCount = async (): Promise<number> =>
    (await gateway.ask('{ orders(first: 100) { nodes { id } } }')).orders.nodes.length

  async function sequencesUpTo(orderId: string, last: number): Promise<number[]> {
    const { order } = await gateway.ask('query ($id: ID!) { order(id: $id) { events { nodes { sequence } } } }', {
      id: orderId,
    })
    return order.events.nodes
      .map(({ sequence }: { sequence: number }) => sequence)
      .filter((sequence: number) => sequence <= last)
  }

  it.each(['olive', 'kestrel'])('orders, pays and follows a channel at %s until it is completed', async (lspId) => {
    const end = await buyChannel(wish({ lspIds: [lspId] }), wallet())

    expect(end.state).toBe('COMPLETED')
    expect(lines.some((line) => line.startsWith('   next: CLIENT PAY until '))).toBe(true)
    const { order } = await gateway.ask('query ($id: ID!) { order(id: $id) { lsp { id } state } }', {
      id: (await written()).orderId,
    })
    expect(order).toEqual({ lsp: { id: lspId }, state: 'COMPLETED' })
  })

  it('chooses the cheapest', async () => {
    await buyChannel(wish(), wallet())

    const fees = lines.flatMap((line) => /^ {2}\w+: (\d+) sat, [A-Z]+$/.exec(line)?.[1] ?? []).map(Number)
    expect(fees).toHaveLength(5)
    expect(lines.find((line) => line.startsWith('Ordering from'))).toContain(`${Math.min(...fees)} sat`)
  })

  it('orders nothing when all LSPs ask for more than its limit', async () => {
    const before = await orderCount()

    await expect(buyChannel(wish({ maxFeeSat: 100 }), wallet())).rejects.toThrow(
      'no LSP sells this channel for 100 sat or less',
    )

    expect(await orderCount()).toBe(before)
  })

  it('passes an LSP over that asks for more than its estimate when it comes to ordering', async () => {
    gateway.sandbox.lsp('kestrel').setFaults(['DEARER_AT_ORDER'])

    const end = await buyChannel(wish({ lspIds: ['kestrel', 'olive'], maxFeeSat: 5_500 }), wallet())

    expect(end.state).toBe('COMPLETED')
    expect(lines.filter((line) => line.startsWith('Ordering from')).map((line) => line.split(':')[0])).toEqual([
      expect.stringContaining('Kestrel'),
      expect.stringContaining('Olive'),
    ])
  })

  it('loses no event when the connection breaks and the gateway restarts while it follows', async () => {
    const online = wallet()
    let restarted: Promise<void> | undefined

    const end = await buyChannel(wish({ lspIds: ['anchor'] }), {
      ...online,
      async pay(invoice) {
        await online.pay(invoice)
        cable.pull()
        restarted = gateway.restart()
      },
    })
    await restarted

    expect(end.state).toBe('COMPLETED')
    expect(troubles).toContain(`${cable.url.replace('http', 'ws')}: connecting again`)
    expect(seen()).toEqual(await sequencesUpTo((await written()).orderId, end.sequence))
  })

  it('waits for a gateway that refuses connections, before the order and after it', async () => {
    cable.unplug()
    setTimeout(() => void cable.plug(), 100)
    const online = wallet()

    const end = await buyChannel(wish({ lspIds: ['olive'] }), {
      ...online,
      async pay(invoice) {
        await online.pay(invoice)
        cable.unplug()
        // The first try to connect again comes within 625 ms.
        setTimeout(() => void cable.plug(), 700)
      },
    })

    expect(end.state).toBe('COMPLETED')
    expect(troubles[0]).toMatch(/: connect ECONNREFUSED .*; trying again$/)
    expect(troubles.filter((message) => message.endsWith(': connecting again')).length).toBeGreaterThan(1)
    expect(seen()).toEqual(await sequencesUpTo((await written()).orderId, end.sequence))
  })

  it('goes on where it was after a crash of its own, and orders nothing when it is run once more', async () => {
    const before = await orderCount()
    const crashing = wallet({ pay: () => Promise.reject(new Error('the power failed')) })

    await expect(buyChannel(wish({ lspIds: ['beacon'] }), crashing)).rejects.toThrow('the power failed')
    expect(seen()).toEqual([1])
    lines = []
    const end = await buyChannel(wish({ lspIds: ['beacon'] }), wallet())
    expect(end.state).toBe('COMPLETED')
    expect(seen()).toEqual(await sequencesUpTo((await written()).orderId, end.sequence))
    lines = []
    const again = await buyChannel(wish({ lspIds: ['beacon'] }), wallet())

    expect(again).toEqual(end)
    expect(seen()).toEqual([end.sequence])
    expect(await orderCount()).toBe(before + 1)
  })

  it('gets the same order again when it crashed before it had the answer', async () => {
    const before = await orderCount()
    class Unheard extends Gateway {
      override async ask<Data, Variables>(
        document: TypedDocumentString<Data, Variables>,
        variables: Variables,
      ): Promise<Data> {
        const data = await super.ask(document, variables)
        if (Object.is(document, CreateOrderDocument)) throw new Error('the power failed')
        return data
      }
    }

    await expect(
      buyChannel(wish({ lspIds: ['thunder'] }), wallet({ gateway: new Unheard(cable.url, undefined, () => {}) })),
    ).rejects.toThrow('the power failed')
    const { orderId, input } = await written()
    expect(orderId).toBeUndefined()
    const end = await buyChannel(wish({ lspIds: ['thunder'] }), wallet())

    expect(end.state).toBe('COMPLETED')
    expect((await written()).input).toEqual(input)
    expect(await orderCount()).toBe(before + 1)
  })

  it('pays what stands to be paid now, not what an old event said', async () => {
    const crashing = wallet({ pay: () => Promise.reject(new Error('the power failed')) })
    await expect(buyChannel(wish({ lspIds: ['olive'] }), crashing)).rejects.toThrow('the power failed')
    const { orderId } = await written()
    await gateway.ask('mutation ($id: ID!) { sandboxPay(id: $id) { state } }', { id: orderId })
    await expect
      .poll(
        async () => (await gateway.ask('query ($id: ID!) { order(id: $id) { state } }', { id: orderId })).order.state,
      )
      .toBe('COMPLETED')

    const end = await buyChannel(wish(), wallet({ pay: () => Promise.reject(new Error('paid twice')) }))

    expect(end.state).toBe('COMPLETED')
  })

  it('type-checks with the compiler of the gateway', async () => {
    expect(await runNode([COMPILER, '-p', EXAMPLE, '--noEmit'])).toEqual({ status: 0, stdout: '', stderr: '' })
  })

  describe('as a command', () => {
    const command = (...args: string[]) =>
      runNode([join(EXAMPLE, 'dist/main.js'), '--state', join(directory, 'purchase.json'), ...args])

    beforeAll(async () => {
      await runNode([COMPILER, '-p', EXAMPLE])
    })

    it('buys a channel from the sandbox with one option', async () => {
      const { status, stdout, stderr } = await command('--url', cable.url, '--lsp-balance', '2000000')

      expect(stderr).toBe('')
      expect(status).toBe(0)
      expect(stdout).toContain('The end: COMPLETED.')
    })

    it.each([
      { args: ['--lsp-balance', '1e6'], says: '--lsp-balance is wanted, as a whole number, not "1e6"' },
      { args: [], says: '--lsp-balance is wanted, as a whole number' },
      {
        args: ['--lsp-balance', '1000000', '--url', 'localhost'],
        says: '--url: "localhost" is not an http or https URL',
      },
      { args: ['--nonsense'], says: "Unknown option '--nonsense'" },
    ])('says what is wrong with $args', async ({ args, says }) => {
      const { status, stderr } = await command(...args)

      expect(status).toBe(2)
      expect(stderr).toContain(says)
    })

    it('says that an address is not the GraphQL one', async () => {
      const { status, stderr } = await command(
        '--lsp-balance',
        '1000000',
        '--url',
        cable.url.replace('graphql', 'health'),
      )

      expect(status).toBe(1)
      expect(stderr).toBe(`HTTP 200 from ${cable.url.replace('graphql', 'health')}, and no GraphQL\n`)
    })

    it('wants a public key where the gateway is not a sandbox', async () => {
      const configPath = join(directory, 'sluice.yaml')
      await writeFile(
        configPath,
        'lsps:\n  - { id: far, name: Far, protocol: lsps1, url: "https://lsp.example/api/v1", network: regtest }\n',
      )
      const real = await run({
        host: '127.0.0.1',
        port: 0,
        configPath,
        databaseUrl: ':memory:',
        variables: {},
        logger: pino({ level: 'silent' }),
      })
      try {
        expect(await findSandboxNode(new Gateway(`${real.origin}/graphql`, undefined, () => {}))).toBeNull()
        const { status, stderr } = await command('--lsp-balance', '1000000', '--url', `${real.origin}/graphql`)
        expect(status).toBe(2)
        expect(stderr).toContain('--pubkey is wanted')
      } finally {
        await real.close()
      }
    })
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createSluiceClient, SluiceError, type Purchase, type SluiceClient } from '../../src/client/index.ts'
import { Build, freePort, kill, SANDBOX_PAY } from '../server/program.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const clients: SluiceClient[] = []
afterAll(() => clients.forEach((client) => client.close()))

function clientAt(origin: string, options: { key?: string } = {}): SluiceClient {
  const client = createSluiceClient({ url: `${origin}/graphql`, webSocketImpl: WebSocket, ...options })
  clients.push(client)
  return client
}

/** A store as a wallet has it: it remembers what was saved, and whether anything was. */
function memory() {
  const saved: Purchase[] = []
  return {
    saved,
    load: () => Promise.resolve(saved.at(-1) ?? null),
    save: (purchase: Purchase) => Promise.resolve(void saved.push(purchase)),
  }
}

type Wallet = { pubkey: string; address: string }
const requestOf = ({ pubkey, address }: Wallet) => ({
  clientPubkey: pubkey,
  clientAddress: address,
  lspBalanceSat: 1_000_000,
})

const orderCount = (gateway: TestGateway) =>
  gateway.sandbox.lsp('olive').requests.filter(({ method, path }) => method === 'POST' && path === '/create_order')
    .length

describe('over kill -9 of the gateway', () => {
  let build: Build
  beforeAll(async () => {
    build = await Build.make()
  })
  afterAll(() => build[Symbol.asyncDispose]())

  test('follow and followAll give every event once and in order, and follow ends with the order', async () => {
    const folder = await build.folder()
    const env = { PORT: String(await freePort()) }
    const first = build.start(folder, { env })
    const client = clientAt(await first.origin())
    const { sandboxWallet } = await client.ask<{ sandboxWallet: Wallet }>('{ sandboxWallet { pubkey address } }')
    const { latestEventCursor } = await client.ask<{ latestEventCursor: string }>('{ latestEventCursor }')
    const { id = '' } = await client.buy(requestOf(sandboxWallet), { store: memory(), lspIds: ['olive'] })

    const sequences: number[] = []
    const fed: number[] = []
    const followed = (async () => {
      for await (const { sequence } of client.follow(id, { after: 0 })) sequences.push(sequence)
    })()
    const all = client.followAll({ after: latestEventCursor })
    const feed = (async () => {
      for await (const event of all) if ('sequence' in event) fed.push(event.sequence as number)
    })()
    await expect.poll(() => sequences.length, { timeout: 60_000 }).toBe(1)
    await kill(first)
    const second = build.start(folder, { env })
    await second.origin()
    await client.ask(SANDBOX_PAY, { id })
    await expect.poll(() => sequences.length, { timeout: 60_000 }).toBeGreaterThan(1)
    await kill(second)
    const third = build.start(folder, { env })
    await third.origin()
    await followed
    expect(sequences).toEqual(sequences.map((_, index) => index + 1))
    await expect.poll(() => fed, { timeout: 60_000 }).toEqual(sequences)
    client.close()
    await feed
    await kill(third)
  }, 120_000)
})

describe('follow', () => {
  test('of an order that does not exist, or of a cursor of another gateway, is an error with its code', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const client = clientAt(gateway.origin)
    await expect(client.follow('none').next()).rejects.toMatchObject({ name: 'SluiceError', code: 'BAD_USER_INPUT' })
    const after = Buffer.from('0123456789abcdef.1').toString('base64url')
    await expect(client.followAll({ after }).next()).rejects.toMatchObject({ code: 'UNKNOWN_CURSOR' })
  })

  test('with a wrong key is an error, and is not tried again', async () => {
    await using gateway = await startTestGateway({
      config: { clients: [{ name: 'ann', keySha256: '0'.repeat(64) }] },
      sandbox: { only: ['olive'] },
    })
    const client = clientAt(gateway.origin, { key: 'wrong' })
    await expect(client.follow('any').next()).rejects.toBeInstanceOf(SluiceError)
    await expect(client.ask('{ lsps { id } }')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

describe('buy', () => {
  test('stores its key before it sends, and again after a crash orders nothing new', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const client = clientAt(gateway.origin)
    const store = memory()
    const crash = {
      load: store.load,
      save: async (purchase: Purchase) => {
        await store.save(purchase)
        throw new Error('the wallet crashed')
      },
    }
    const request = requestOf(gateway.sandbox.wallet)
    await expect(client.buy(request, { store: crash, firm: 'ALWAYS' })).rejects.toThrow('the wallet crashed')
    const first = await client.buy(request, { store })
    const second = await client.buy(request, { store })
    expect(first).toEqual({ __typename: 'Order', id: expect.any(String) })
    expect(second).toEqual(first)
    expect(store.saved).toHaveLength(1)
    expect(orderCount(gateway)).toBe(1)
  })

  test('orders nothing if no quote is acceptable, and says why', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const client = clientAt(gateway.origin)
    const store = memory()
    const request = requestOf(gateway.sandbox.wallet)
    await expect(client.buy(request, { store, choose: () => null })).rejects.toThrow('no quote is acceptable')
    await expect(client.buy({ ...request, lspBalanceSat: 1 }, { store })).rejects.toThrow(/^no LSP gave a price: olive/)
    expect(store.saved).toEqual([])
  })

  test('with a maximum below the price returns a PriceChangedError', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const client = clientAt(gateway.origin)
    const answer = await client.buy(requestOf(gateway.sandbox.wallet), { store: memory(), maxOrderTotalSat: 1 })
    expect(answer).toMatchObject({ __typename: 'PriceChangedError', message: expect.any(String) })
  })
})

import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { upTo } from './stage.ts'
import { freshPostgres, type TestDatabase } from '../support/database.ts'
import {
  startTestGateway,
  takeUntil,
  type Answer,
  type TestGateway,
  type TestGatewayOptions,
} from '../support/gateway.ts'

export const QUOTES = `query ($request: ChannelRequestInput!, $firm: FirmPolicy! = WHEN_NEEDED) {
  quotes(request: $request, firm: $firm) { quotes { id basis orderTotalSat } failures { code message } }
}`
export const ORDER = `mutation ($input: CreateOrderInput!) { createOrder(input: $input) { __typename ... on Order { id state } ... on UserError { message } } }`
export const FOLLOW = `subscription ($id: ID!, $after: Int) { orderUpdated(id: $id, afterSequence: $after) { sequence state message } }`
export const PAY = 'mutation ($id: ID!) { sandboxPay(id: $id) { state } }'

export interface Fleet extends AsyncDisposable {
  readonly database: TestDatabase
  readonly gateways: [TestGateway, ...TestGateway[]]
}

/** Gateways on one PostgreSQL, at the same simulated LSP. */
export async function startFleet(count: number, options: TestGatewayOptions & { lspId?: string } = {}): Promise<Fleet> {
  const database = await freshPostgres()
  const first = await startTestGateway({
    sandbox: { only: [options.lspId ?? 'olive'] },
    databaseUrl: database.url,
    ...options,
  })
  const gateways: Fleet['gateways'] = [first]
  for (const _ of upTo(count - 1))
    gateways.push(await startTestGateway({ beside: first, databaseUrl: database.url, ...options }))
  return {
    database,
    gateways,
    async [Symbol.asyncDispose]() {
      for (const gateway of gateways.toReversed()) await gateway[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

export async function quote(
  gateway: TestGateway,
  lspBalanceSat = 1_000_000,
  firm = 'WHEN_NEEDED',
): Promise<{ id: string }> {
  const { wallet } = gateway.sandbox
  const { quotes } = await gateway.ask(QUOTES, {
    request: { clientPubkey: wallet.pubkey, clientAddress: wallet.address, lspBalanceSat },
    firm,
  })
  expect(quotes.failures).toEqual([])
  return quotes.quotes[0]
}

export async function order(
  gateway: TestGateway,
  idempotencyKey: string,
  lspBalanceSat?: number,
): Promise<{ id: string; state: string }> {
  const { createOrder } = await gateway.ask(ORDER, {
    input: { quoteId: (await quote(gateway, lspBalanceSat)).id, idempotencyKey },
  })
  expect(createOrder).toMatchObject({ __typename: 'Order' })
  return createOrder
}

const isReading = ({ method, path }: { method: string; path: string }) => method === 'GET' && path === '/get_order'
export const readings = ({ sandbox }: TestGateway) => sandbox.lsp('olive').requests.filter(isReading).length
export const placed = ({ sandbox }: TestGateway, lspId = 'olive') =>
  sandbox.lsp(lspId).requests.filter(({ path }) => path.endsWith('/create_order')).length

export async function readingsWithin(gateway: TestGateway, ms: number): Promise<number> {
  const before = readings(gateway)
  await delay(ms)
  return readings(gateway) - before
}

/** Takes updates until one of this state, and the time at which each came. */
export async function follow(
  stream: AsyncIterableIterator<Answer>,
  state: string,
): Promise<{ sequence: number; at: number }[]> {
  const taken: { sequence: number; at: number }[] = []
  await takeUntil(stream, ({ orderUpdated }) => {
    taken.push({ sequence: orderUpdated.sequence, at: performance.now() })
    return orderUpdated.state === state
  })
  return taken
}

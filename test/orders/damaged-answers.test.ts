import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { settingsOf } from '../quotes/support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { EVENT_FIELDS, ORDER_FIELDS, requestOf } from '../support/operations.ts'
import { QueueServer, type RecordedRequest } from '../support/queue-server.ts'
import { DOCUMENTS } from '../upstream/fuzz/corpus.ts'
import { jsonOf, write } from '../upstream/fuzz/json.ts'
import { mutate } from '../upstream/fuzz/mutations.ts'
import { Random } from '../upstream/fuzz/random.ts'

// Whatever an LSP answers to an order, no query of a wallet fails at it: every field can be selected.

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_201)
const ORDERS = Number(process.env.FUZZ_ORDERS ?? 15)
const QUOTE_FIELDS = `id basis feeTotalSat orderTotalSat prices { method feeTotalSat orderTotalSat } lspBalanceSat clientBalanceSat
  channelExpiryBlocks announceChannel annualRatePercent feePpm notes { code message } checks { code verdict message } createdAt observedAt expiresAt`
const FULL_ORDER = `${ORDER_FIELDS} checks { code verdict message } events { nodes { ${EVENT_FIELDS} } }`
const QUOTES = `query ($request: ChannelRequestInput!) { quotes(request: $request, firm: ALWAYS) {
  quotes { ${QUOTE_FIELDS} } failures { lsp { id } code message field retryAt } } }`
const CREATE_ORDER = `mutation ($input: CreateOrderInput!) { createOrder(input: $input) {
  __typename ... on UserError { message } ... on LspError { code field retryAt } ... on PriceChangedError { freshQuote: quote { ${QUOTE_FIELDS} } }
  ... on QuoteExpiredError { expiredAt } ... on Order { ${FULL_ORDER} } } }`
const ORDER = `query ($id: ID!) { order(id: $id) { ${FULL_ORDER} } }`

const isAboutOrders = ({ path }: RecordedRequest) => !/info|estimate_fees|^\/lsp\/channels$/.test(path)
const isOrderPost = ({ method, path }: RecordedRequest) => method === 'POST' && /(create_order|channels?)$/.test(path)

/** An LSP of the sandbox, whose answers about orders are damaged on the way. */
async function startDamaging(url: string, random: Random): Promise<QueueServer> {
  const forward = async (request: RecordedRequest, response: ServerResponse) => {
    const query = new URLSearchParams(request.query).toString()
    const answer = await fetch(`${url}${request.path}${query === '' ? '' : `?${query}`}`, {
      method: request.method,
      ...(request.body === undefined
        ? {}
        : { body: JSON.stringify(request.body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await answer.text()
    const isDamaged = answer.ok && (isOrderPost(request) || isAboutOrders(request)) && random.chance(0.85)
    const body = isDamaged ? write(mutate(jsonOf(JSON.parse(text)), random, DOCUMENTS)) : text
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(body)
  }
  return (await QueueServer.start()).always(
    (request, response) => void forward(request, response).catch(() => response.destroy()),
  )
}

async function send(gateway: TestGateway, query: string, variables: Record<string, unknown>, seed: number) {
  const { data, errors } = await gateway.send(query, variables)
  expect(errors, `seed ${seed}`).toBeUndefined()
  return data
}

test.each(['olive', 'kestrel', 'thunder', 'anchor', 'beacon'])(
  'an order at %s whose answers are damaged is an order or a typed failure, never an error of the server',
  { timeout: 120_000 },
  async (lspId) => {
    await using upstream = await startTestGateway({ sandbox: { only: [lspId] } })
    const lsp = upstream.sandbox.lsp(lspId)
    const random = new Random(SEED)
    await using damaging = await startDamaging(lsp.url, random)
    await using gateway = await startTestGateway({
      beside: upstream,
      config: { lsps: [settingsOf(lsp, { url: damaging.url })], pace: { activeMs: 200, idleMs: 1_000 } },
    })
    const ids: string[] = []
    for (let run = 0; run < ORDERS; run++) {
      const request = requestOf(gateway, {
        lspBalanceSat: 1_000_000 + run * 1_000,
        refundOnchainAddress: gateway.sandbox.wallet.newAddress(),
      })
      const { quotes } = (await send(gateway, QUOTES, { request }, SEED)) as {
        quotes: { quotes: { id: string }[] }
      }
      for (const { id: quoteId } of quotes.quotes) {
        const { createOrder } = (await send(
          gateway,
          CREATE_ORDER,
          { input: { quoteId, idempotencyKey: quoteId } },
          SEED,
        )) as {
          createOrder: { __typename: string; id: string }
        }
        if (createOrder.__typename === 'Order') ids.push(createOrder.id)
      }
    }
    for (const id of ids) await send(gateway, ORDER, { id }, SEED)
    process.stdout.write(`${lspId}: ${ids.length} orders\n`)
    // Otherwise nothing was tried.
    expect(ids.length).toBeGreaterThan(0)
  },
)

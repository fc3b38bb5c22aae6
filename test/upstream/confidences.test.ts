import { createHash } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { EXPORT } from '../portable/support.ts'
import { lsps1Order, LSPS1_INFO, NODE, settings, startScriptedLsp } from '../quotes/support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { json, QueueServer } from '../support/queue-server.ts'

// What a client told an LSP in confidence, or the LSP gave for its order alone, is in nothing that the gateway says:
// not to that client, whose page or log may show it, and to others least of all.

const COUPON = 'coupon-of-alice-1234'
const SHORT_COUPON = 'SAVE20'
const ACCESS_TOKEN = 'access-token-of-the-order'

const QUOTES =
  'query ($request: ChannelRequestInput!) { quotes(request: $request) { quotes { id notes { message } } failures { code message field } } }'
const CREATE =
  'mutation ($id: ID!, $key: String!) { createOrder(input: { quoteId: $id, idempotencyKey: $key }) { __typename ... on UserError { message } ... on Order { id } } }'
const ORDER =
  'query ($id: ID!) { order(id: $id) { lspState failureReason nextStep { message } asset { deliveryError } events { nodes { message } } } }'
const RETRY =
  'mutation ($id: ID!) { retryAssetDelivery(input: { orderId: $id }) { __typename ... on UserError { message } } }'
const OPEN = 'mutation ($id: ID!) { openChannel(input: { orderId: $id }) { __typename ... on UserError { message } } }'
const DECIDE =
  'mutation ($id: ID!) { decideRate(input: { orderId: $id, accept: true }) { __typename ... on UserError { message } } }'
const STATUS = '{ lsps { status { lastError } } }'

const client = (name: string) => ({ name, keySha256: createHash('sha256').update(`key-of-${name}`).digest('hex') })
const keyOf = (name: string) => ({ authorization: `Bearer key-of-${name}` })

async function order(gateway: TestGateway, lspId: string, token: string) {
  const request = {
    clientPubkey: gateway.sandbox.wallet.pubkey,
    clientAddress: gateway.sandbox.wallet.address,
    lspBalanceSat: 1_000_000,
    tokens: [{ lspId, token }],
  }
  const { quotes } = await gateway.ask(QUOTES, { request })
  const { createOrder } = await gateway.ask(CREATE, { id: quotes.quotes[0].id, key: lspId })
  return createOrder.id as string
}

/** All that the order's client, and another one, can see of it and of its LSP. */
async function shownOf(gateway: TestGateway, id: string): Promise<string> {
  const shown = [
    await gateway.send(ORDER, { id }),
    await gateway.send(EXPORT, { id }),
    await gateway.send(STATUS),
    await gateway.send(STATUS, {}, keyOf('mallory')),
  ]
  return JSON.stringify(shown) + gateway.logged.join('')
}

function kaleidoswapOrder() {
  const now = Date.now()
  const expiresAt = now + 3_600_000
  const { bolt11 } = NODE.issueInvoice({ amountSat: 1_000, description: 'a channel', createdAt: now, expiresAt })
  const payment = {
    bolt11: {
      state: 'EXPECT_PAYMENT',
      expires_at: new Date(expiresAt).toISOString(),
      fee_total_sat: 1_000,
      order_total_sat: 1_000,
      invoice: bolt11,
    },
    onchain: null,
  }
  return {
    order_id: 'k-1',
    lsp_balance_sat: 1_000_000,
    client_balance_sat: 0,
    channel_expiry_blocks: 12_960,
    announce_channel: false,
    created_at: new Date(now).toISOString(),
    order_state: 'CREATED',
    payment,
    channel: null,
    access_token: ACCESS_TOKEN,
  }
}

test.each([COUPON, SHORT_COUPON])(
  'a Kaleidoswap that says the coupon %s and the access token in every text of every answer gets them into nothing',
  async (coupon) => {
    const created = kaleidoswapOrder()
    const said = `for ${coupon} and ${ACCESS_TOKEN}`
    await using lsp = await QueueServer.start()
    lsp.always((request, response) => {
      const answers: Record<string, unknown> = {
        '/get_info': { options: LSPS1_INFO, assets: [] },
        '/network_info': { network: 'Regtest' },
        '/estimate_fees': { total_fee: 1_000 },
        '/create_order': created,
        '/get_order': {
          ...created,
          order_state: 'PENDING_RATE_DECISION',
          asset_id: 'asset-1',
          failure_reason: said,
          asset_delivery_error: said,
        },
        '/retry_delivery': { status: 'processing', message: said },
        '/rate_decision': { decision_accepted: false, message: said },
      }
      json(200, answers[request.path])(request, response)
    })
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: {
        lsps: [settings('k', lsp.url, { protocol: 'KALEIDOSWAP' })],
        clients: [client('alice'), client('mallory')],
      },
      key: 'key-of-alice',
    })
    const id = await order(gateway, 'k', coupon)
    const redacted = 'for [secret] and [secret]'
    await vi.waitFor(
      async () =>
        expect((await gateway.ask(ORDER, { id })).order).toMatchObject({
          failureReason: redacted,
          asset: { deliveryError: redacted },
        }),
      { timeout: 10_000 },
    )
    const answers = [await gateway.send(RETRY, { id }), await gateway.send(DECIDE, { id })]
    expect(JSON.stringify(answers)).toContain(redacted)
    const shown = JSON.stringify(answers) + (await shownOf(gateway, id))
    expect(shown).toContain(`the LSP was asked to deliver the asset again: ${redacted}`)
    for (const secret of [coupon, ACCESS_TOKEN]) expect(shown).not.toContain(secret)
  },
)

test('an LSPS1 provider that says the coupon when the order is read gets it into no state and no event', async () => {
  const created = lsps1Order(Date.now())
  await using lsp = await startScriptedLsp(({ path }) =>
    path === '/create_order' ? created : { ...created, order_state: `WEIRD ${COUPON}` },
  )
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('lsp', lsp.url)] } })
  const id = await order(gateway, 'lsp', COUPON)
  await vi.waitFor(async () => expect((await gateway.ask(ORDER, { id })).order.lspState).toBe('WEIRD [secret]'), {
    timeout: 10_000,
  })
  expect(await shownOf(gateway, id)).not.toContain(COUPON)
})

test('an LSP that breaks down with words about one client gets them to that client alone', async () => {
  const words = `no channel for order order-7 of node ${NODE.pubkey}`
  let isBroken = false
  await using lsp = await QueueServer.start()
  lsp.always((request, response) => {
    if (request.path === '/get_info') return json(200, LSPS1_INFO)(request, response)
    json(isBroken ? 500 : 200, isBroken ? { error: { code: 7, message: words } } : lsps1Order(Date.now()))(
      request,
      response,
    )
  })
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('lsp', lsp.url)], clients: [client('alice'), client('mallory')] },
    key: 'key-of-alice',
  })
  isBroken = true
  const { quotes } = await gateway.ask(QUOTES, {
    request: { clientPubkey: gateway.sandbox.wallet.pubkey, lspBalanceSat: 1_000_000 },
  })
  expect(quotes.failures).toMatchObject([{ code: 'UNAVAILABLE', message: words }])
  expect((await gateway.send(STATUS, {}, keyOf('mallory'))).data).toEqual({
    lsps: [{ status: { lastError: 'HTTP status 500' } }],
  })
  expect(gateway.logged.join('')).not.toContain('order-7')
})

test('an LSP whose answer cannot be read is said to have failed in our words, without a value of its own', async () => {
  await using lsp = await startScriptedLsp(() => ({
    ...lsps1Order(Date.now()),
    order_id: `bad id of ${NODE.pubkey}`,
    lsp_balance_sat: 71_234.5,
  }))
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('lsp', lsp.url)] } })
  await gateway.ask(QUOTES, { request: { clientPubkey: gateway.sandbox.wallet.pubkey, lspBalanceSat: 1_000_000 } })
  const [{ status }] = (await gateway.ask(STATUS)).lsps
  expect(status.lastError).toMatch(/^the answer is not what its protocol says: (order_id|lsp_balance_sat): /)
  expect(status.lastError).not.toMatch(/71.?234|bad id/)
})

test('an LSP of the second draft that says the coupon when it is asked to open the channel gets it into no failure', async () => {
  const now = Math.floor(Date.now() / 1_000)
  const { bolt11 } = NODE.issueInvoice({
    amountSat: 1_000,
    description: 'a channel',
    createdAt: now * 1_000,
    expiresAt: (now + 3_600) * 1_000,
  })
  const payment = {
    fee_total: 1_000,
    order_total: 1_000,
    order_expiry_ts: now + 3_600,
    amount_paid: 0,
    ln_invoice: bolt11,
    btc_address: '',
  }
  await using lsp = await QueueServer.start()
  lsp.always((request, response) => {
    if (request.path === '/lsp/channels')
      return json(200, request.method === 'GET' ? { features: [] } : { id: 'd-1', ...payment })(request, response)
    if (request.path.endsWith('/open'))
      return json(412, { success: false, message: `not for ${COUPON}`, fail_reason: 'PEERING_FAILED' })(
        request,
        response,
      )
    json(200, {
      id: 'd-1',
      created_at: now,
      state: 'PENDING_CHANNEL_OPEN',
      payment: { ...payment, state: 'PAID', amount_paid: 1_000 },
      channel: null,
    })(request, response)
  })
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('d', lsp.url, { protocol: 'CHANNEL_REQUEST_V0_0_2' })] },
  })
  const id = await order(gateway, 'd', COUPON)
  await vi.waitFor(async () => expect(JSON.stringify(await gateway.ask(ORDER, { id }))).toContain('not for [secret]'), {
    timeout: 10_000,
  })
  const answer = JSON.stringify(await gateway.send(OPEN, { id }))
  expect(answer).toContain('not for [secret]')
  expect(answer + (await shownOf(gateway, id))).not.toContain(COUPON)
})

import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { NODE, lsps1Order, settings, startScriptedLsp } from '../quotes/support.ts'
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts'
import {
  createOrder,
  eventsOf,
  follow,
  followAll,
  orderAt,
  quoteAt,
  readOrder,
  REQUEST_REFUND,
  type DetailsData,
  type OrderData,
} from '../support/operations.ts'
import { LightningNode } from '../../src/sandbox/node.ts'
import { exported } from '../portable/support.ts'

// Inputs of public bug reports: ../fixtures/cases, one file each.

const caseOf = (name: string) =>
  JSON.parse(readFileSync(new URL(`../fixtures/cases/${name}.json`, import.meta.url), 'utf8'))

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

function only(url: string, changes: Parameters<typeof settings>[2] = {}): TestGatewayOptions {
  return { sandbox: { only: [] }, config: { lsps: [settings('lsp', url, changes)] } }
}

const payable = ({ payment: { bolt11, bolt12, onchain, bip21 } }: DetailsData) => ({ bolt11, bolt12, onchain, bip21 })
const NOTHING = { bolt11: null, bolt12: null, onchain: null, bip21: null }

/** An LSPS1 LSP whose only order is as `state.order` says; null: it does not know the order. */
async function lsps1() {
  const state: { order: ReturnType<typeof lsps1Order> | null } = { order: lsps1Order(Date.now()) }
  const server = await startScriptedLsp()
  server.always((request, response) => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    if (request.path === '/get_info')
      answer(200, {
        min_required_channel_confirmations: 0,
        min_funding_confirms_within_blocks: 6,
        supports_zero_channel_reserve: true,
        max_channel_expiry_blocks: 20_160,
        min_initial_client_balance_sat: '0',
        max_initial_client_balance_sat: '0',
        min_initial_lsp_balance_sat: '100000',
        max_initial_lsp_balance_sat: '50000000',
        min_channel_balance_sat: '100000',
        max_channel_balance_sat: '50000000',
        uris: [NODE.uri],
      })
    else if (state.order === null) answer(404, { code: 101, message: 'Order not found' })
    else answer(200, state.order)
  })
  const change = (changes: Record<string, unknown>, bolt11: Record<string, unknown> = {}) => {
    if (state.order === null) return
    state.order = {
      ...state.order,
      ...changes,
      payment: { bolt11: { ...state.order.payment.bolt11, ...bolt11 } },
    }
  }
  return { server, state, change, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

async function ordered(gateway: TestGateway): Promise<OrderData> {
  return createOrder(gateway, { quoteId: (await quoteAt(gateway, 'lsp')).id })
}

test('C10: a payment state that no version of the gateway knows withholds the payment, and the next step names it', async () => {
  const { also_met: words } = caseOf('C10')
  expect(words).toHaveLength(2)
  await using lsp = await lsps1()
  await using gateway = await startTestGateway(only(lsp.server.url))
  const { id } = await ordered(gateway)
  const follower = follow(gateway, id)
  lsp.change({}, { state: 'ExpectPigeon' })
  const odd = await follower.until(({ snapshot: order }) => order.nextStep.action === 'DO_NOT_PAY')
  expect(payable(odd.snapshot)).toEqual(NOTHING)
  expect(odd.snapshot.nextStep).toMatchObject({
    actor: 'NOBODY',
    message: expect.stringContaining('a payment state that the gateway does not know ("ExpectPigeon")'),
  })
  expect(payable(await readOrder(gateway, id))).toEqual(NOTHING)
  lsp.change({}, { state: 'EXPECT_PAYMENT' })
  const known = await follower.until(
    ({ snapshot: order, sequence }) => sequence > odd.sequence && order.nextStep.action === 'PAY',
  )
  expect(known.snapshot.payment.bolt11).toMatchObject({ state: 'EXPECT_PAYMENT' })
  await follower.stop()
})

test('C28: a funding transaction that is replaced after the order is complete is an event, also after a restart', async () => {
  const { first, then } = caseOf('C28')
  await using lsp = await lsps1()
  await using gateway = await startTestGateway(only(lsp.server.url))
  const { id } = await ordered(gateway)
  const all = followAll(gateway)
  lsp.change({ order_state: 'COMPLETED', channel: first }, { state: 'PAID' })
  // A client that waits for the channel does not wait for the watch.
  const events = await follow(gateway, id).end()
  expect(events.at(-1)).toMatchObject({
    state: 'COMPLETED',
    snapshot: { channel: { fundingOutpoint: first.funding_outpoint } },
  })

  lsp.change({ channel: then })
  const replaced = await all.until(({ message }) => message.includes('funding outpoint changed'))
  expect(replaced).toMatchObject({
    state: 'COMPLETED',
    message: `funding outpoint changed from ${first.funding_outpoint} to ${then.funding_outpoint}`,
    snapshot: { channel: { fundingOutpoint: then.funding_outpoint } },
  })
  await all.stop()

  await gateway.restart()
  lsp.change({ channel: first })
  await vi.waitFor(
    async () =>
      expect((await readOrder(gateway, id)).channel).toMatchObject({ fundingOutpoint: first.funding_outpoint }),
    { timeout: 8_000 },
  )
  // An LSP that deletes orders once they are complete is asked no more.
  lsp.state.order = null
  const before = lsp.server.requests.length
  await vi.waitFor(() => expect(lsp.server.requests.length).toBeGreaterThan(before), { timeout: 8_000 })
  expect((await eventsOf(gateway, id)).at(-1)?.message).toContain('funding outpoint changed')
  expect(await readOrder(gateway, id)).toMatchObject({ state: 'COMPLETED', nextStep: { action: 'NOTHING' } })
})

/** A paid order of draft 0.0.2 whose refund is as the case has it. */
async function refundable(refund: Record<string, unknown>) {
  const createdAt = Math.floor(Date.now() / 1_000)
  const { bolt11: invoice } = NODE.issueInvoice({
    amountSat: 2_000,
    description: 'a channel',
    createdAt: Date.now(),
    expiresAt: Date.now() + HOUR_MS,
  })
  const state = { isPaid: false }
  const payment = () => ({
    state: state.isPaid ? 'PAID' : 'CREATED',
    fee_total: 2_000,
    order_total: 2_000,
    order_expiry_ts: createdAt + 3_600,
    amount_paid: state.isPaid ? 2_000 : 0,
    ln_invoice: invoice,
    btc_address: null,
    onchain_payments: [],
  })
  const server = await startScriptedLsp(({ method, path }) => {
    if (path === '/lsp/channels')
      return method === 'GET'
        ? { version: '0.0.2', features: ['refunds'], website: '' }
        : { id: 'order-1', ...payment() }
    if (path.endsWith('/open'))
      return { success: false, message: 'Rejected', fail_reason: 'CHANNEL_REJECTED_BY_DESTINATION' }
    if (path.endsWith('/refund'))
      return method === 'POST' ? { success: true, message: 'ok', fail_reason: null } : refund
    return {
      id: 'order-1',
      created_at: createdAt,
      state: state.isPaid ? 'PENDING_CHANNEL_OPEN' : 'AWAITING_PAYMENT',
      payment: payment(),
      channel: null,
    }
  })
  const gateway = await startTestGateway(only(server.url, { protocol: 'CHANNEL_REQUEST_V0_0_2', nodeUris: [NODE.uri] }))
  const { id } = await orderAt(gateway, 'lsp')
  state.isPaid = true
  await vi.waitFor(async () => expect((await readOrder(gateway, id)).refund?.state).toBe('AVAILABLE'), {
    timeout: 8_000,
  })
  return {
    gateway,
    id,
    invoice,
    refundPosts: () => server.requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/refund')),
    ask: async (target: Record<string, string>) =>
      (await gateway.ask(REQUEST_REFUND, { id, to: target })).requestRefund as { __typename: string; message: string },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const WALLET = new LightningNode('a wallet that is to be refunded', '127.0.0.1:9736')
const invoiceOver = (amountSat: number, lastsMs = HOUR_MS, node = WALLET) =>
  node.issueInvoice({ amountSat, description: 'refund', createdAt: Date.now(), expiresAt: Date.now() + lastsMs }).bolt11

test('C31: a refund to an invoice that is expired or over another amount is refused before the LSP is asked', async () => {
  const { refund, expired, too_little: tooLittle } = caseOf('C31')
  await using order = await refundable(refund)
  const wrong: readonly (readonly [Record<string, string>, string | RegExp])[] = [
    [{ bolt11Invoice: expired }, /^bolt11Invoice: expired at 20/],
    // Recorded, so that it has expired by the clock of this machine.
    [{ bolt11Invoice: tooLittle }, /over 100 sat, while 2000 sat are to be refunded$/],
    [{ bolt11Invoice: invoiceOver(2_001) }, 'bolt11Invoice: over 2001 sat, while 2000 sat are to be refunded'],
    [{ bolt11Invoice: order.invoice }, 'bolt11Invoice: this is the invoice by which the order was to be paid'],
    [{ bolt11Invoice: invoiceOver(2_000, HOUR_MS, NODE) }, 'bolt11Invoice: it pays the LSP itself'],
  ]
  for (const [target, message] of wrong) {
    const refusal = await order.ask(target)
    expect(refusal).toMatchObject({
      __typename: 'NotPossibleError',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    })
  }
  expect(order.refundPosts()).toEqual([])

  expect(await order.ask({ bolt11Invoice: invoiceOver(2_000) })).toMatchObject({ __typename: 'Order' })
  expect(order.refundPosts()).toHaveLength(1)
})

test('C31: an invoice that expires soon is sent on with a warning', async () => {
  await using order = await refundable(caseOf('C31').refund)
  expect(await order.ask({ bolt11Invoice: invoiceOver(2_000, 5 * MINUTE_MS) })).toMatchObject({ __typename: 'Order' })
  const messages = (await eventsOf(order.gateway, order.id)).map(({ message }) => message)
  expect(messages).toContainEqual(
    expect.stringMatching(/^a refund was requested: ok; warning: the invoice expires in \d min$/),
  )
})

test('an order that its LSP does not know is payable nowhere, over a restart, and again once the LSP reports it', async () => {
  await using lsp = await lsps1()
  await using gateway = await startTestGateway(only(lsp.server.url))
  const { id, payment } = await ordered(gateway)
  const follower = follow(gateway, id)
  const known = lsp.state.order
  lsp.state.order = null
  const gone = await follower.until(({ snapshot: order }) => order.lspState === 'NOT_FOUND')
  expect(payable(gone.snapshot)).toEqual(NOTHING)
  expect(gone.snapshot.nextStep).toMatchObject({ actor: 'NOBODY', action: 'DO_NOT_PAY' })
  await follower.stop()

  await gateway.restart()
  const order = await readOrder(gateway, id)
  expect(payable(order)).toEqual(NOTHING)
  expect(order.payment.payableUntil).toBeNull()
  expect(order.nextStep.action).toBe('DO_NOT_PAY')
  // Not in the events from before it vanished, nor in the export.
  for (const event of await eventsOf(gateway, id)) expect(payable(event.snapshot)).toEqual(NOTHING)
  expect(await exported(gateway, id)).not.toContain(payment.bolt11?.invoice)

  lsp.state.order = known
  await vi.waitFor(
    async () =>
      expect(await readOrder(gateway, id)).toMatchObject({
        nextStep: { action: 'PAY' },
        payment: { bolt11: { invoice: payment.bolt11?.invoice } },
      }),
    { timeout: 8_000 },
  )
  expect((await eventsOf(gateway, id)).at(-1)?.message).toBe('the LSP knows this order again')
})

test('a paid order that its LSP does not know sends the client to the LSP', async () => {
  await using lsp = await lsps1()
  await using gateway = await startTestGateway(only(lsp.server.url))
  const { id, lspOrderId } = await ordered(gateway)
  const follower = follow(gateway, id)
  lsp.change({}, { state: 'PAID' })
  await follower.untilState('PAID')
  lsp.state.order = null
  const gone = await follower.until(({ snapshot: order }) => order.lspState === 'NOT_FOUND')
  expect(gone.snapshot.nextStep).toEqual({
    actor: 'CLIENT',
    action: 'CONTACT_LSP',
    deadline: null,
    message: `You paid 1000 sat, but the LSP says that it does not know this order. Do not pay again. Contact the LSP lsp and quote its order id ${lspOrderId}.`,
  })
  expect(gone.snapshot.payment.bip21).toBeNull()
  await follower.stop()
})

test('an order that was told to have expired unpaid is not payable again when its LSP reopens it, over a restart', async () => {
  await using lsp = await lsps1()
  await using gateway = await startTestGateway(only(lsp.server.url))
  const { id } = await ordered(gateway)
  const follower = follow(gateway, id)
  lsp.change({ order_state: 'FAILED' }, { state: 'REFUNDED' })
  await follower.untilState('EXPIRED')
  lsp.change({ order_state: 'CREATED' }, { state: 'EXPECT_PAYMENT' })
  const reopened = await follower.until(({ message }) => message.includes('open again'))
  expect(reopened).toMatchObject({
    state: 'EXPIRED',
    message: 'the LSP reports the order as open again; do not pay it',
    snapshot: { nextStep: { action: 'DO_NOT_PAY' } },
  })
  await follower.stop()
  await gateway.restart()
  expect(payable(await readOrder(gateway, id))).toEqual(NOTHING)

  // A payment that the LSP reports all the same moves it.
  lsp.change({}, { state: 'HOLD' })
  await vi.waitFor(async () => expect((await readOrder(gateway, id)).state).toBe('PAYMENT_HELD'), { timeout: 8_000 })
})

import { afterEach, expect, test, vi } from 'vitest'
import { startTestGateway } from '../support/gateway.ts'
import { counting, follow, orderAt, pay, readOrder, sequencesOf } from '../support/operations.ts'

// One after the other: these tests set the clock of this whole process forward.

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const EVERY = ['olive', 'kestrel', 'thunder', 'anchor', 'beacon']

const systemNow = Date.now
let ahead = 0

function pass(ms: number) {
  ahead += ms
  vi.spyOn(Date, 'now').mockImplementation(() => systemNow() + ahead)
}

afterEach(() => {
  ahead = 0
  vi.restoreAllMocks()
})

test.each(EVERY)('an order at %s that nobody pays ends as EXPIRED, and is never called refunded', async (lspId) => {
  await using gateway = await startTestGateway({ sandbox: { only: [lspId] } })
  const { id, expiresAt } = await orderAt(gateway, lspId)
  const follower = follow(gateway, id)
  await follower.until(() => true)
  pass(Date.parse(expiresAt ?? '') - Date.now() + 1_000)
  const expired = await follower.untilState('EXPIRED')
  // What it is too late to pay is not handed out any more; the event tells how it ended.
  expect(expired.message).toContain('bolt11 payment: expired')
  expect(expired.snapshot).toMatchObject({
    payment: { bolt11: null, onchain: null, bip21: null },
    channel: null,
    nextStep: {
      actor: 'NOBODY',
      action: 'NOTHING',
      message: 'The order was not paid in time. Do not pay it now. Request a new quote.',
    },
  })
  expect(follower.events.map(({ state, message }) => `${state} ${message}`).join('\n')).not.toMatch(/refunded/i)
  await follower.stop()
})

test('nothing is handed out in the last moments before an order lapses, and the deadline says so', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
  const { id, expiresAt, payment } = await orderAt(gateway, 'olive')
  expect(Date.parse(expiresAt ?? '') - Date.parse(payment.payableUntil ?? '')).toBe(30_000)
  const read = async () =>
    (await gateway.ask('query ($id: ID!) { order(id: $id) { state payment { bolt11 { invoice } bip21 } } }', { id }))
      .order
  pass(Date.parse(payment.payableUntil ?? '') - Date.now() - 1_000)
  expect(await read()).toMatchObject({
    state: 'AWAITING_PAYMENT',
    payment: { bolt11: { invoice: payment.bolt11?.invoice } },
  })
  pass(2_000)
  expect(await read()).toEqual({ state: 'AWAITING_PAYMENT', payment: { bolt11: null, bip21: null } })
})

test('an expired order is over once a late payment is no longer to be expected', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
  const { id } = await orderAt(gateway, 'olive')
  const follower = follow(gateway, id)
  pass(HOUR_MS + MINUTE_MS)
  await follower.untilState('EXPIRED')
  pass(6 * DAY_MS)
  const { checkedAt } = await readOrder(gateway, id)
  // It is read on, for it may have been paid after all.
  await vi.waitFor(async () => expect((await readOrder(gateway, id)).checkedAt).not.toBe(checkedAt), { timeout: 5_000 })
  pass(DAY_MS)
  const events = await follower.end()
  expect(events.at(-1)?.state).toBe('EXPIRED')
  const reads = gateway.sandbox.lsp('olive').requests.length
  pass(DAY_MS)
  await readOrder(gateway, id)
  expect(gateway.sandbox.lsp('olive').requests).toHaveLength(reads)
})

test.each(['kestrel', 'thunder', 'anchor', 'beacon'])(
  'an order at %s that is paid on chain too late moves on, where the LSP takes it',
  async (lspId) => {
    await using gateway = await startTestGateway({ sandbox: { only: [lspId] } })
    const { id } = await orderAt(gateway, lspId, { refundOnchainAddress: gateway.sandbox.wallet.newAddress() })
    const follower = follow(gateway, id)
    pass(HOUR_MS + MINUTE_MS)
    await follower.untilState('EXPIRED')
    await pay(gateway, id, 'ONCHAIN')
    const { snapshot: order } = await follower.untilState('COMPLETED')
    expect(order).toMatchObject({
      payment: { onchain: { state: 'PAID' } },
      channel: { state: expect.stringMatching(/^OPEN(ING)?$/) },
    })
    expect(sequencesOf(follower.events)).toEqual(counting(1, follower.events.length))
    await follower.stop()
  },
)

test.each(['kestrel', 'anchor', 'beacon'])(
  'an order at %s of which too little was paid asks for the rest, and goes on with it',
  async (lspId) => {
    await using gateway = await startTestGateway({ sandbox: { only: [lspId] } })
    const { wallet } = gateway.sandbox
    const { id, orderTotalSat, payment } = await orderAt(gateway, lspId, { refundOnchainAddress: wallet.newAddress() })
    const address = payment.onchain?.address ?? ''
    const follower = follow(gateway, id)
    await wallet.payOnchain(address, 1_000)
    const short = await follower.untilState('UNDERPAID')
    expect(short.message).toContain('1000 sat have arrived on chain')
    expect(short.snapshot).toMatchObject({
      payment: { onchain: { state: 'UNDERPAID', paidSat: 1_000 } },
      nextStep: { actor: 'CLIENT', action: 'TOP_UP', deadline: short.snapshot.payment.payableUntil },
    })
    await wallet.payOnchain(address, orderTotalSat - 1_000)
    const { snapshot: order } = await follower.untilState('COMPLETED')
    expect(order.payment.onchain).toMatchObject({ state: 'PAID', paidSat: orderTotalSat })
    await follower.stop()
  },
)

test('what was paid of an order that expired can be had back where the LSP refunds on request', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] } })
  const { wallet } = gateway.sandbox
  const { id, payment } = await orderAt(gateway, 'beacon', { refundOnchainAddress: wallet.newAddress() })
  const follower = follow(gateway, id)
  await wallet.payOnchain(payment.onchain?.address ?? '', 1_000)
  await follower.untilState('UNDERPAID')
  pass(HOUR_MS + MINUTE_MS)
  const { snapshot: order } = await follower.until(
    (event) => event.state === 'EXPIRED' && event.snapshot.refund?.state === 'AVAILABLE',
  )
  expect(order).toMatchObject({
    refund: { lightningSat: 1_000 },
    nextStep: { actor: 'CLIENT', action: 'REQUEST_REFUND' },
  })
  const bolt11Invoice = wallet.createInvoice(1_000)
  await gateway.ask(
    'mutation ($id: ID!, $bolt11Invoice: String!) { requestRefund(input: { orderId: $id, to: { bolt11Invoice: $bolt11Invoice } }) { __typename } }',
    { id, bolt11Invoice },
  )
  const events = await follower.end()
  expect(events.at(-1)).toMatchObject({
    state: 'REFUNDED',
    snapshot: { refund: { state: 'PAID_OUT', paidTo: bolt11Invoice } },
  })
  expect(wallet.isPaid(bolt11Invoice)).toBe(true)
})

test('an LSP that limits requests is left alone until it said to come back, and the order then goes on', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
  const lsp = gateway.sandbox.lsp('kestrel')
  const { id, payment } = await orderAt(gateway, 'kestrel')
  const follower = follow(gateway, id)
  await follower.until(() => true)
  lsp.setFaults(['RATE_LIMITED'])
  const before = lsp.requests.length
  await vi.waitUntil(() => lsp.requests.length > before, { timeout: 5_000, interval: 5 })
  // The time is moved only after the gateway has read the refusal: until then, the poll's claim could expire.
  await vi.waitFor(async () =>
    expect(await gateway.ask('{ lsps { status { retryAt } } }')).toMatchObject({
      lsps: [{ status: { retryAt: expect.any(String) } }],
    }),
  )
  await gateway.sandbox.wallet.payInvoice(payment.bolt11?.invoice ?? '')
  lsp.setFaults([])
  // A moment in which it would have been read several times.
  pass(50 * 1_000)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(lsp.requests.length - before).toBe(1)
  expect(await readOrder(gateway, id)).toMatchObject({ state: 'AWAITING_PAYMENT', sequence: 1 })
  // The minute began when the refusal was read, which may have been after the clock was first set.
  pass(2 * MINUTE_MS)
  await follower.untilState('COMPLETED')
  expect(sequencesOf(await follower.end())).toEqual(counting(1, follower.events.length))
})

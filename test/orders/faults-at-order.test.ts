import { describe, expect, test, vi } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import {
  counting,
  CREATE_ORDER,
  createOrder,
  follow,
  pay,
  QUOTES,
  quoteAt,
  readOrder,
  requestOf,
  sequencesOf,
} from '../support/operations.ts'
import type { Fault } from '../../src/sandbox/index.ts'

const TIMEOUT_MS = 1_000
/** An LSP that answers this much later than it is waited for. */
const IMPATIENT = { sandbox: { only: ['kestrel'], slowMs: 1_600 }, lsp: () => ({ timeoutMs: TIMEOUT_MS }) }

function postsTo(gateway: TestGateway) {
  return gateway.sandbox.lsp('kestrel').requests.filter(({ path }) => path === '/create_order')
}

/** Every order that the simulated LSP has, with what it never should have asked for. */
function ordersOf(gateway: TestGateway, lspId: string): { invoice: string }[] {
  return (gateway.sandbox.lsp(lspId) as unknown as { state(): { invoice: string }[] }).state()
}

/** An order that is placed while something is wrong. */
async function orderUnder(gateway: TestGateway, faults: readonly Fault[]) {
  const { id: quoteId } = await quoteAt(gateway, 'kestrel')
  gateway.sandbox.lsp('kestrel').setFaults(faults)
  const startedAt = performance.now()
  const order = await createOrder(gateway, { quoteId, idempotencyKey: 'under' })
  return { quoteId, order, tookMs: performance.now() - startedAt }
}

const NOT_KNOWN = {
  __typename: 'Order',
  state: 'OUTCOME_UNKNOWN',
  sequence: 1,
  lspOrderId: null,
  lspState: null,
  checkedAt: null,
  payment: { bolt11: null, bolt12: null, onchain: null, bip21: null },
  nextStep: { actor: 'NOBODY', action: 'NOTHING', message: expect.stringContaining('not known. Nothing was paid.') },
}

describe.concurrent('an order whose answer does not come', () => {
  test('is OUTCOME_UNKNOWN when the LSP’s time is up, and was sent exactly once', async () => {
    await using gateway = await startTestGateway(IMPATIENT)
    const { quoteId, order, tookMs } = await orderUnder(gateway, ['HANGING'])
    expect(order).toMatchObject({ ...NOT_KNOWN, quote: { id: quoteId } })
    expect(tookMs).toBeGreaterThan(TIMEOUT_MS - 50)
    expect(tookMs).toBeLessThan(TIMEOUT_MS + 1_500)

    // Once it is sure that no answer will come any more, nothing is waited for.
    const follower = follow(gateway, order.id)
    await follower.until(() => true)
    await gateway.sandbox.close()
    expect(await follower.end()).toEqual([
      expect.objectContaining({
        sequence: 1,
        previousState: null,
        state: 'OUTCOME_UNKNOWN',
        message: 'the LSP did not answer: it is not known whether it has the order',
      }),
    ])
    expect(postsTo(gateway)).toHaveLength(1)
    expect(await createOrder(gateway, { quoteId, idempotencyKey: 'under' })).toMatchObject({
      id: order.id,
      state: 'OUTCOME_UNKNOWN',
    })
    expect(postsTo(gateway)).toHaveLength(1)
  })

  test('in time moves on when it comes late, and can be paid', async () => {
    await using gateway = await startTestGateway(IMPATIENT)
    const { order } = await orderUnder(gateway, ['SLOW'])
    expect(order).toMatchObject(NOT_KNOWN)
    const follower = follow(gateway, order.id)
    const late = await follower.untilState('AWAITING_PAYMENT')
    expect(late).toMatchObject({
      sequence: 2,
      previousState: 'OUTCOME_UNKNOWN',
      message: "the LSP's answer came late: it has the order, 4107 sat to pay",
    })
    expect(late.snapshot).toMatchObject({
      orderTotalSat: 4_107,
      lspOrderId: expect.any(String),
      payment: { bolt11: { invoice: expect.stringMatching(/^lnbcrt/) } },
      nextStep: { action: 'PAY' },
    })
    gateway.sandbox.lsp('kestrel').setFaults([])
    await pay(gateway, order.id)
    await follower.untilState('COMPLETED')
    const events = await follower.end()
    expect(sequencesOf(events)).toEqual(counting(1, events.length))
    expect(postsTo(gateway)).toHaveLength(1)
  })

  test('in time and then asks for more than was agreed to has FAILED, with nothing to pay', async () => {
    await using gateway = await startTestGateway(IMPATIENT)
    const { order } = await orderUnder(gateway, ['SLOW', 'DEARER_AT_ORDER'])
    const events = await follow(gateway, order.id).end()
    expect(events.at(-1)).toMatchObject({
      sequence: 2,
      state: 'FAILED',
      message: "the LSP's answer came late: the LSP asked for 6160 sat, more than was agreed to",
    })
    expect(events.at(-1)?.snapshot).toMatchObject({
      payment: { bolt11: null, bip21: null },
      failureReason: 'the LSP asked for 6160 sat, more than was agreed to',
    })
  })

  test('in time and then asks for a payment that does not add up has FAILED, with nothing to pay', async () => {
    await using gateway = await startTestGateway(IMPATIENT)
    const { order } = await orderUnder(gateway, ['SLOW', 'WRONG_INVOICE_AMOUNT'])
    const events = await follow(gateway, order.id).end()
    expect(events.at(-1)?.snapshot).toMatchObject({
      state: 'FAILED',
      payment: { bolt11: null, bip21: null },
      failureReason: expect.stringContaining('INVOICE_AMOUNT'),
    })
    const [{ invoice } = { invoice: '' }] = ordersOf(gateway, 'kestrel')
    expect(JSON.stringify(events)).not.toContain(invoice.slice(0, 100))
  })

  for (const fault of ['MALFORMED', 'SERVER_ERROR'] as const) {
    test(`but something that tells nothing (${fault}) is OUTCOME_UNKNOWN at once, and no more is waited for`, async () => {
      await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
      const { order } = await orderUnder(gateway, [fault])
      expect(order).toMatchObject(NOT_KNOWN)
      expect(sequencesOf(await follow(gateway, order.id).end())).toEqual([1])
      expect(postsTo(gateway)).toHaveLength(1)
    })
  }

  test('because nobody listens there left nothing: it is an error, and the key can be used again', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    await gateway.sandbox.close()
    for (const _ of [1, 2]) {
      expect(await createOrder(gateway, { quoteId, idempotencyKey: 'down' })).toMatchObject({
        __typename: 'LspError',
        code: 'UNAVAILABLE',
        lsp: { id: 'kestrel' },
      })
    }
    expect(await gateway.ask('query { orders { nodes { id } } }')).toEqual({ orders: { nodes: [] } })
  })
})

describe.concurrent('an invoice that is not what was agreed', () => {
  for (const [fault, check] of [
    ['WRONG_INVOICE_AMOUNT', 'INVOICE_AMOUNT'],
    ['WRONG_NETWORK_INVOICE', 'INVOICE_NETWORK'],
  ] as const) {
    test(`(${fault}) is never shown: not by a quote, not by an order, not in the log`, async () => {
      await using gateway = await startTestGateway({ sandbox: { only: ['kestrel', 'olive'] } })
      const { id: quoteId } = await quoteAt(gateway, 'kestrel')
      for (const lspId of ['kestrel', 'olive']) gateway.sandbox.lsp(lspId).setFaults([fault])
      const answers = [
        await gateway.send(CREATE_ORDER, { input: { quoteId, idempotencyKey: 'k' } }),
        await gateway.send(CREATE_ORDER, { input: { quoteId, idempotencyKey: 'k' } }),
        await gateway.send(QUOTES, { request: requestOf(gateway), firm: 'ALWAYS' }),
        await gateway.send(QUOTES, { request: requestOf(gateway), firm: 'ALWAYS' }),
        await gateway.send('query { orders { nodes { id } } lsps { status { lastError } } }'),
      ]
      for (const answer of answers.slice(0, 2)) {
        expect(answer.data.createOrder).toMatchObject({
          __typename: 'LspError',
          code: 'UNTRUSTWORTHY',
          message: expect.stringMatching(new RegExp(`^${check}: `)),
          lsp: { id: 'kestrel' },
        })
      }
      for (const answer of answers.slice(2, 4)) {
        const failure = (id: string) => ({
          lsp: { id },
          code: 'UNTRUSTWORTHY',
          message: expect.stringContaining(check),
          field: null,
        })
        expect(answer.data.quotes).toEqual({
          quotes: [],
          failures: expect.arrayContaining([failure('kestrel'), failure('olive')]),
        })
      }
      expect(answers[4]?.data.orders).toEqual({ nodes: [] })

      const invoices = [...ordersOf(gateway, 'kestrel'), ...ordersOf(gateway, 'olive')].map(({ invoice }) => invoice)
      expect(invoices.length).toBeGreaterThanOrEqual(2)
      const said = JSON.stringify(answers) + gateway.logged.join('')
      for (const invoice of invoices) expect(said).not.toContain(invoice.slice(0, 60))
      expect(said).not.toMatch(/ln(bc|bcrt)\d/)
    })
  }

  test('but is only another node’s is handed out with a warning', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { order } = await orderUnder(gateway, ['FOREIGN_PAYEE'])
    expect(order.state).toBe('AWAITING_PAYMENT')
    const { order: checked } = await gateway.ask('query ($id: ID!) { order(id: $id) { checks { code verdict } } }', {
      id: order.id,
    })
    expect(checked.checks).toContainEqual({ code: 'INVOICE_PAYEE', verdict: 'WARNING' })
    const [pubkey] = (gateway.sandbox.lsp('kestrel').nodeUris[0] ?? '').split('@')
    expect(order.payment.bolt11?.payeePubkey).not.toBe(pubkey)
  })
})

describe.concurrent('a client that goes away while its order is placed', () => {
  test('finds the order when it comes back, in the list and under its key', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'], slowMs: 300 } })
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    gateway.sandbox.lsp('kestrel').setFaults(['SLOW'])
    const input = { quoteId, idempotencyKey: 'gone' }
    const leaving = new AbortController()
    const answer = fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      signal: leaving.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: CREATE_ORDER, variables: { input } }),
    })
    await vi.waitUntil(() => postsTo(gateway).length === 1, { timeout: 5_000, interval: 5 })
    leaving.abort()
    await expect(answer).rejects.toThrow('aborted')

    await vi.waitFor(
      async () =>
        expect(await gateway.ask('query { orders { nodes { state } } }')).toEqual({
          orders: { nodes: [{ state: 'AWAITING_PAYMENT' }] },
        }),
      { timeout: 5_000 },
    )
    const order = await createOrder(gateway, input)
    expect(order).toMatchObject({ __typename: 'Order', state: 'AWAITING_PAYMENT' })
    expect(await readOrder(gateway, order.id)).toMatchObject({ id: order.id, sequence: 1 })
    expect(postsTo(gateway)).toHaveLength(1)
  })
})

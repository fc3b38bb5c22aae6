import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { PlacementStore } from '../../src/store/placements.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { CREATE_ORDER, createOrder, quoteAt, readOrder } from '../support/operations.ts'

const ORDERS = 'query { orders(first: 100) { nodes { id } } }'

async function orderIds(gateway: TestGateway): Promise<string[]> {
  return (await gateway.ask(ORDERS)).orders.nodes.map(({ id }: { id: string }) => id)
}

function postsTo(gateway: TestGateway, lspId: string) {
  return gateway.sandbox.lsp(lspId).requests.filter(({ method, path }) => method === 'POST' && path === '/create_order')
}

describe.concurrent('an idempotency key', () => {
  test('gives the same order for the same input, as it stands by then', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    const input = { quoteId, idempotencyKey: 'once' }
    const first = await createOrder(gateway, input)
    expect(first).toMatchObject({ __typename: 'Order', state: 'AWAITING_PAYMENT', quote: { id: quoteId } })
    const again = await createOrder(gateway, input)
    expect(again).toMatchObject({
      __typename: 'Order',
      id: first.id,
      lspOrderId: first.lspOrderId,
      payment: first.payment,
    })
    expect(gateway.sandbox.lsp('kestrel').orderCount).toBe(1)
    expect(await orderIds(gateway)).toEqual([first.id])
  })

  test('used twenty times at once makes one order at the LSP', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => createOrder(gateway, { quoteId, idempotencyKey: 'rush' })),
    )
    expect(new Set(answers.map(({ __typename, id }) => `${__typename} ${id}`)).size).toBe(1)
    expect(answers[0]).toMatchObject({ __typename: 'Order', state: 'AWAITING_PAYMENT' })
    expect(gateway.sandbox.lsp('kestrel').orderCount).toBe(1)
    expect(postsTo(gateway, 'kestrel')).toHaveLength(1)
    expect(await orderIds(gateway)).toHaveLength(1)
  })

  test('used for another input is refused, whatever of the input differs', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const [one, two] = [
      await quoteAt(gateway, 'kestrel'),
      await quoteAt(gateway, 'kestrel', { lspBalanceSat: 2_000_000 }),
    ]
    const input = { quoteId: one.id, idempotencyKey: 'taken' }
    const { id } = await createOrder(gateway, input)
    for (const other of [
      { quoteId: two.id },
      { maxOrderTotalSat: 1_000_000 },
      { email: 'me@example.org' },
      { reference: 'mine' },
      { paymentMethods: ['BOLT11'] },
    ]) {
      expect(await createOrder(gateway, { ...input, ...other })).toEqual({
        __typename: 'IdempotencyConflictError',
        message: expect.stringContaining('was used with different input'),
      })
    }
    expect(gateway.sandbox.lsp('kestrel').orderCount).toBe(1)
    expect(await createOrder(gateway, input)).toMatchObject({ id })
  })

  test('of more than 255 characters, or of none, is the caller’s mistake', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    for (const [idempotencyKey, message] of [
      ['k'.repeat(256), 'at most 255 characters'],
      ['', 'must not be empty'],
    ]) {
      const { data, errors } = await gateway.send(CREATE_ORDER, { input: { quoteId, idempotencyKey } })
      expect(data).toBeNull()
      expect(errors).toEqual([
        expect.objectContaining({
          message: expect.stringContaining(message ?? ''),
          extensions: expect.objectContaining({ code: 'BAD_USER_INPUT', field: 'input.idempotencyKey' }),
        }),
      ])
    }
    expect(gateway.sandbox.lsp('kestrel').orderCount).toBe(0)
    expect(await createOrder(gateway, { quoteId, idempotencyKey: 'k'.repeat(255) })).toMatchObject({
      __typename: 'Order',
    })
  })

  test('gives the same order after the gateway was stopped and started again', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    const { id } = await createOrder(gateway, { quoteId, idempotencyKey: 'kept' })
    await gateway.restart()
    expect(await createOrder(gateway, { quoteId, idempotencyKey: 'kept' })).toMatchObject({
      id,
      state: 'AWAITING_PAYMENT',
    })
    expect(gateway.sandbox.lsp('kestrel').orderCount).toBe(1)
  })

  test('gives a final error again: the same key does not try again', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const lsp = gateway.sandbox.lsp('kestrel')
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    lsp.setFaults(['WRONG_INVOICE_AMOUNT'])
    const refused = await createOrder(gateway, { quoteId, idempotencyKey: 'final' })
    expect(refused).toMatchObject({ __typename: 'LspError', code: 'UNTRUSTWORTHY', lsp: { id: 'kestrel' } })
    lsp.setFaults([])
    expect(await createOrder(gateway, { quoteId, idempotencyKey: 'final' })).toEqual(refused)
    expect(lsp.orderCount).toBe(1)
    expect(await createOrder(gateway, { quoteId, idempotencyKey: 'another' })).toMatchObject({
      __typename: 'Order',
      state: 'AWAITING_PAYMENT',
    })
  })

  test('is not free again after an answer that tells nothing: a server error may have left an order', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const lsp = gateway.sandbox.lsp('kestrel')
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    lsp.setFaults(['SERVER_ERROR'])
    const unknown = await createOrder(gateway, { quoteId, idempotencyKey: 'unknown' })
    expect(unknown).toMatchObject({
      __typename: 'Order',
      state: 'OUTCOME_UNKNOWN',
      nextStep: { actor: 'NOBODY', action: 'NOTHING' },
    })
    lsp.setFaults([])
    expect(await createOrder(gateway, { quoteId, idempotencyKey: 'unknown' })).toMatchObject({
      __typename: 'Order',
      id: unknown.id,
      state: 'OUTCOME_UNKNOWN',
    })
    expect(postsTo(gateway, 'kestrel')).toHaveLength(1)
  })
})

describe.concurrent('an order of a quote', () => {
  test('that is FIRM takes over the order behind it, and makes nothing new at the LSP', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const quote = await quoteAt(gateway, 'olive')
    expect(quote.basis).toBe('FIRM')
    expect(gateway.sandbox.lsp('olive').orderCount).toBe(1)
    const order = await createOrder(gateway, { quoteId: quote.id })
    expect(order).toMatchObject({
      __typename: 'Order',
      feeTotalSat: quote.feeTotalSat,
      orderTotalSat: quote.orderTotalSat,
      quote: { id: quote.id },
    })
    expect(gateway.sandbox.lsp('olive').orderCount).toBe(1)
    expect(postsTo(gateway, 'olive')).toHaveLength(1)
  })

  test('that is FIRM is one order, whatever key it is ordered under, one after the other or at once', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const { id: quoteId } = await quoteAt(gateway, 'olive')
    // As with a database that is not in this process, all of them look before the first one writes.
    const get = Object.getOwnPropertyDescriptor(PlacementStore.prototype, 'get')?.value as PlacementStore['get']
    const slow = vi.spyOn(PlacementStore.prototype, 'get').mockImplementation(async function (
      this: PlacementStore,
      id,
    ) {
      const found = await get.call(this, id)
      await wait(100)
      return found
    })
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => createOrder(gateway, { quoteId, idempotencyKey: `at-once-${index}` })),
    )
    slow.mockRestore()
    const [first] = answers
    expect(answers.map(({ __typename, id }) => ({ __typename, id }))).toEqual(
      answers.map(() => ({ __typename: 'Order', id: first?.id })),
    )
    expect(await createOrder(gateway, { quoteId, idempotencyKey: 'later' })).toMatchObject({ id: first?.id })
    // Each key keeps its answer.
    expect(await createOrder(gateway, { quoteId, idempotencyKey: 'at-once-7' })).toMatchObject({ id: first?.id })
    expect(await orderIds(gateway)).toEqual([first?.id])
    expect(gateway.sandbox.lsp('olive').orderCount).toBe(1)
  })

  for (const [lspId, basis] of [
    ['kestrel', 'ESTIMATED'],
    ['thunder', 'COMPUTED'],
  ] as const) {
    test(`that is ${basis} makes exactly one at ${lspId}, each time it is ordered under another key`, async () => {
      await using gateway = await startTestGateway({ sandbox: { only: [lspId] } })
      const quote = await quoteAt(gateway, lspId)
      expect(quote).toMatchObject({ basis, expiresAt: null })
      expect(gateway.sandbox.lsp(lspId).orderCount).toBe(0)
      const order = await createOrder(gateway, { quoteId: quote.id })
      expect(order).toMatchObject({
        state: 'AWAITING_PAYMENT',
        feeTotalSat: quote.feeTotalSat,
        quote: { id: quote.id },
      })
      expect(gateway.sandbox.lsp(lspId).orderCount).toBe(1)
      const second = await createOrder(gateway, { quoteId: quote.id })
      expect(second.id).not.toBe(order.id)
      expect(gateway.sandbox.lsp(lspId).orderCount).toBe(2)
    })
  }

  test('reaches the LSP with the email that was given, and with none otherwise', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { id: quoteId } = await quoteAt(gateway, 'kestrel')
    const { id } = await createOrder(gateway, { quoteId, email: 'me@example.org' })
    await createOrder(gateway, { quoteId })
    expect(postsTo(gateway, 'kestrel').map(({ body }) => (body as { email?: string }).email)).toEqual([
      'me@example.org',
      undefined,
    ])
    expect(await readOrder(gateway, id)).toMatchObject({ state: 'AWAITING_PAYMENT' })
  })
})

test('an idempotency key can be used again after a refusal that left nothing behind, and an LSP that limits requests gets none until it takes them', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
  const lsp = gateway.sandbox.lsp('kestrel')
  const { id: quoteId } = await quoteAt(gateway, 'kestrel')
  const order = () => createOrder(gateway, { quoteId, idempotencyKey: 'limited' })
  lsp.setFaults(['RATE_LIMITED'])
  const before = Date.now()
  const limited = await order()
  expect(limited).toMatchObject({ __typename: 'LspError', code: 'RATE_LIMITED', lsp: { id: 'kestrel' } })
  expect(Date.parse(limited.retryAt ?? '')).toBeGreaterThanOrEqual(before + 60_000)
  expect(Date.parse(limited.retryAt ?? '')).toBeLessThan(before + 70_000)
  expect(await orderIds(gateway)).toEqual([])

  lsp.setFaults([])
  expect(await order()).toMatchObject({ __typename: 'LspError', code: 'RATE_LIMITED', retryAt: limited.retryAt })
  expect(postsTo(gateway, 'kestrel')).toHaveLength(1)

  const systemNow = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => systemNow() + 70_000)
  try {
    expect(await order()).toMatchObject({ __typename: 'Order', state: 'AWAITING_PAYMENT' })
  } finally {
    vi.restoreAllMocks()
  }
  expect(lsp.orderCount).toBe(1)
})

import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decodeInvoice } from '../../src/sandbox/bolt11.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { amountOf, get, place, PLACE, pubkeyOf, SetClock, STEP_MS, until, type Answered } from './support.ts'

let clock: SetClock
let sandbox: Sandbox

beforeEach(async () => {
  clock = new SetClock()
  sandbox = await startSandbox({ stepMs: STEP_MS, slowMs: 150, clock })
})
afterEach(() => sandbox.close())

/** What an order reads as in each protocol: where its state stands, its word for a paid and an ended order, and for one not found. */
const WORDS: Record<
  string,
  { state: string; paid: string; refunded: string; notFound: unknown; rateLimited: unknown }
> = {
  olive: {
    state: 'payment.bolt11.state',
    paid: 'HOLD',
    refunded: 'REFUNDED',
    notFound: { error: { code: 101 } },
    rateLimited: { error: { code: 1 } },
  },
  kestrel: {
    state: 'payment.bolt11.state',
    paid: 'PAID',
    refunded: 'REFUNDED',
    notFound: { error_code: 'LSPS1_ORDER_NOT_FOUND', details: { code: 101 } },
    rateLimited: { error_code: 'RATE_LIMIT_EXCEEDED', details: { retry_after: 60 } },
  },
  thunder: {
    state: 'payment.ln.status',
    paid: 'Succeeded',
    refunded: 'Failed',
    notFound: { message: 'Order not found' },
    rateLimited: { message: 'Too many requests' },
  },
  anchor: {
    state: 'state',
    paid: 'PENDING',
    refunded: 'REFUNDED',
    notFound: { message: 'Order not found' },
    rateLimited: { message: 'Too many requests' },
  },
  beacon: {
    state: 'payment.state',
    paid: 'PAID',
    refunded: 'REFUNDED',
    notFound: { message: 'Order not found' },
    rateLimited: { message: 'Too many requests' },
  },
}

describe.each(Object.keys(PLACE))('%s', (id) => {
  const words = WORDS[id] ?? expect.unreachable()
  const lsp = () => sandbox.lsp(id)
  const stateOf = (answer: Answered) => answer.at(words.state)

  test('its invoice is for regtest, for the total, and signed by its own node', async () => {
    const order = await place(sandbox, id)
    const invoice = decodeInvoice(order.invoice)
    expect(invoice).toMatchObject({ network: 'regtest', destination: pubkeyOf(lsp()) })
    expect(amountOf(order.invoice)).toBe(order.totalSat)
    expect(Date.parse(invoice.expires_at)).toBeGreaterThan(clock.now())
  })

  test('an invoice can be paid once, and the order then reads as paid', async () => {
    const order = await place(sandbox, id)
    await sandbox.wallet.payInvoice(order.invoice)
    expect(stateOf(await order.read())).toBe(words.paid)
    await expect(sandbox.wallet.payInvoice(order.invoice)).rejects.toMatchObject({ code: 'ALREADY_PAID' })
    expect(sandbox.wallet.spentSat()).toBe(order.totalSat)
  })

  test('an order that is not known is not found, in its protocol’s shape', async () => {
    const order = await place(sandbox, id)
    await sandbox.wallet.payInvoice(order.invoice)
    lsp().setFaults(['VANISHES_AFTER_PAYMENT'])
    expect(await order.read()).toMatchObject({ status: 404, body: words.notFound })
    lsp().setFaults([])
    expect(await order.read()).toMatchObject({ status: 200 })
  })

  test('VANISHES_AFTER_PAYMENT leaves an unpaid order where it is', async () => {
    const order = await place(sandbox, id)
    lsp().setFaults(['VANISHES_AFTER_PAYMENT'])
    expect(await order.read()).toMatchObject({ status: 200 })
  })

  test('ORDERS_LOST answers that an order does not exist, paid or not', async () => {
    const order = await place(sandbox, id)
    lsp().setFaults(['ORDERS_LOST'])
    expect(await order.read()).toMatchObject({ status: 404, body: words.notFound })
  })

  test('ORDERS_EXPIRE_SOON leaves five seconds to pay', async () => {
    lsp().setFaults(['ORDERS_EXPIRE_SOON'])
    const order = await place(sandbox, id)
    clock.pass(5_000)
    await expect(sandbox.wallet.payInvoice(order.invoice)).rejects.toMatchObject({ code: 'EXPIRED' })
  })

  test.runIf(['olive', 'kestrel', 'thunder'].includes(id))('PEER_NOT_CONNECTED takes no order', async () => {
    lsp().setFaults(['PEER_NOT_CONNECTED'])
    await expect(place(sandbox, id)).rejects.toThrow(/node is not connected/)
    expect(lsp().orderCount).toBe(0)
  })

  test('SLOW answers late, and correctly', async () => {
    lsp().setFaults(['SLOW'])
    const startedAt = performance.now()
    const order = await place(sandbox, id)
    expect(performance.now() - startedAt).toBeGreaterThan(140)
    expect(amountOf(order.invoice)).toBe(order.totalSat)
  })

  test('HANGING takes the order and never answers', async () => {
    lsp().setFaults(['HANGING'])
    const outcome = place(sandbox, id).then(
      () => 'answered',
      () => 'broken off',
    )
    await expect.poll(() => lsp().orderCount).toBe(1)
    expect(await Promise.race([outcome, wait(50, 'nothing yet')])).toBe('nothing yet')
    await sandbox.close()
    expect(await outcome).toBe('broken off')
  })

  test('SERVER_ERROR answers a text and takes no order', async () => {
    lsp().setFaults(['SERVER_ERROR'])
    await expect(place(sandbox, id)).rejects.toThrow(/upstream connect error/)
    expect(await get(lsp(), '/get_info')).toMatchObject({ status: 503, body: expect.stringContaining('upstream') })
    expect(lsp().orderCount).toBe(0)
  })

  test('MALFORMED takes the order and answers half a document', async () => {
    lsp().setFaults(['MALFORMED'])
    await expect(place(sandbox, id)).rejects.toThrow(/no text at/)
    expect(lsp().orderCount).toBe(1)
  })

  test('RATE_LIMITED refuses in the protocol’s shape and says when to come back', async () => {
    const order = await place(sandbox, id)
    lsp().setFaults(['RATE_LIMITED'])
    const refused = await order.read()
    expect(refused).toMatchObject({ status: 429, body: words.rateLimited })
    expect(refused.headers.get('retry-after') ?? String(refused.at('details.retry_after'))).toBe('60')
  })

  test('DEARER_AT_ORDER asks for half as much again, and its invoice agrees', async () => {
    const usual = await place(sandbox, id)
    lsp().setFaults(['DEARER_AT_ORDER'])
    const dearer = await place(sandbox, id)
    expect(dearer.totalSat).toBe(usual.totalSat + Math.floor(usual.totalSat / 2))
    expect(amountOf(dearer.invoice)).toBe(dearer.totalSat)
  })

  test('WRONG_INVOICE_AMOUNT asks for more by the invoice than by the order', async () => {
    const usual = await place(sandbox, id)
    lsp().setFaults(['WRONG_INVOICE_AMOUNT'])
    const order = await place(sandbox, id)
    expect(order.totalSat).toBe(usual.totalSat)
    expect(amountOf(order.invoice)).toBeGreaterThan(order.totalSat)
  })

  test('WRONG_NETWORK_INVOICE is for mainnet, and the wallet refuses it', async () => {
    lsp().setFaults(['WRONG_NETWORK_INVOICE'])
    const order = await place(sandbox, id)
    expect(decodeInvoice(order.invoice).network).toBe('bitcoin')
    await expect(sandbox.wallet.payInvoice(order.invoice)).rejects.toMatchObject({ code: 'WRONG_NETWORK' })
  })

  test('FOREIGN_PAYEE is signed by another node, and paying it pays for nothing', async () => {
    lsp().setFaults(['FOREIGN_PAYEE'])
    const order = await place(sandbox, id)
    expect(decodeInvoice(order.invoice).destination).not.toBe(pubkeyOf(lsp()))
    const before = stateOf(await order.read())
    await sandbox.wallet.payInvoice(order.invoice)
    expect(stateOf(await order.read())).toBe(before)
  })

  test('NEVER_OPENS keeps a paid order as it is until it is switched off', async () => {
    const order = await place(sandbox, id)
    await sandbox.wallet.payInvoice(order.invoice)
    lsp().setFaults(['NEVER_OPENS'])
    clock.pass(5 * STEP_MS)
    expect(stateOf(await order.read())).toBe(words.paid)
    expect((await order.read()).at('channel') ?? null).toBeNull()
  })

  test.skipIf(id === 'beacon')('REFUND gives the payment back by itself', async () => {
    const order = await place(sandbox, id)
    lsp().setFaults(['REFUND'])
    await sandbox.wallet.payInvoice(order.invoice)
    await until(order.read, words.state, words.refunded, clock.halfStep)
    expect(sandbox.wallet.spentSat()).toBe(0)
  })

  test('it logs every request with its body', async () => {
    await place(sandbox, id)
    expect(lsp().requests).toEqual([
      {
        method: 'POST',
        path: expect.stringMatching(/^\//),
        query: {},
        body: expect.any(Object),
        at: expect.any(Number),
      },
    ])
  })

  test('a fault that it does not support is refused', () => {
    const foreign = id === 'kestrel' ? 'OPEN_FAILS_ONCE' : 'RATE_CHANGES'
    expect(() => lsp().setFaults([foreign])).toThrow(RangeError)
    expect(lsp().faults.size).toBe(0)
  })
})

import { describe, expect, test, vi } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { NODE, settings, startScriptedLsp } from '../quotes/support.ts'
import { fieldsWith, invoiceOf } from '../support/bolt11.ts'
import {
  counting,
  course,
  follow,
  OPEN_CHANNEL,
  orderAt,
  pay,
  readOrder,
  REQUEST_REFUND,
  sequencesOf,
  type Result,
} from '../support/operations.ts'

interface Target {
  bolt11Invoice?: string
  onchainAddress?: string
}

async function requestRefund(gateway: TestGateway, id: string, target: Target): Promise<Result> {
  return (await gateway.ask(REQUEST_REFUND, { id, to: target })).requestRefund
}

/** A paid order at Beacon whose channel cannot be opened. */
async function stuck(gateway: TestGateway) {
  gateway.sandbox.lsp('beacon').setFaults(['REFUND'])
  const { id } = await orderAt(gateway, 'beacon')
  const follower = follow(gateway, id)
  await pay(gateway, id)
  await follower.until(({ message }) => message.includes('could not open'))
  return { id, follower }
}

function refundCalls(gateway: TestGateway) {
  return gateway.sandbox
    .lsp('beacon')
    .requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/refund'))
}

describe.concurrent('a refund that is asked for', () => {
  test('is paid to an invoice of the wallet', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'], stepMs: 900 } })
    const { wallet } = gateway.sandbox
    const { id, follower } = await stuck(gateway)
    const { refund } = await readOrder(gateway, id)
    expect(refund).toMatchObject({ state: 'AVAILABLE', lightningSat: 7_208 })
    const bolt11Invoice = wallet.createInvoice(refund?.lightningSat ?? 0)

    expect(await requestRefund(gateway, id, { bolt11Invoice })).toMatchObject({
      __typename: 'Order',
      state: 'REFUND_PENDING',
      nextStep: { actor: 'LSP', action: 'WAIT' },
      payment: { bolt11: { state: 'TO_REFUND' } },
      refund: { state: 'IN_FLIGHT', paidTo: bolt11Invoice, paidAt: null },
    })
    const events = await follower.end()
    expect(events.at(-1)?.snapshot).toMatchObject({
      state: 'REFUNDED',
      nextStep: { actor: 'NOBODY', action: 'NOTHING' },
      payment: { bolt11: { state: 'REFUNDED' } },
      refund: { state: 'PAID_OUT', lightningSat: 7_208, paidTo: bolt11Invoice, paidAt: expect.stringMatching(/Z$/) },
      channel: null,
    })
    expect(course(events).slice(-2)).toEqual(['REFUND_PENDING LSP WAIT', 'REFUNDED NOBODY NOTHING'])
    expect(sequencesOf(events)).toEqual(counting(1, events.length))
    expect(events.map(({ message }) => message)).toContain('a refund was requested: ok')
    expect(wallet.isPaid(bolt11Invoice)).toBe(true)
    expect(wallet.spentSat()).toBe(0)
  })

  test('is paid to an address, less what the transaction costs', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] } })
    const { id, follower } = await stuck(gateway)
    const onchainAddress = gateway.sandbox.wallet.newAddress()
    expect(await requestRefund(gateway, id, { onchainAddress })).toMatchObject({
      __typename: 'Order',
      refund: { onchainSat: 6_708, paidTo: onchainAddress },
    })
    const events = await follower.end()
    expect(events.at(-1)?.snapshot).toMatchObject({
      state: 'REFUNDED',
      refund: { state: 'PAID_OUT', paidTo: onchainAddress },
    })
    expect(gateway.sandbox.wallet.receivedAt(onchainAddress)).toBe(6_708)
  })

  test('is asked for once: a second time there is nothing to refund', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] } })
    const { wallet } = gateway.sandbox
    const { id, follower } = await stuck(gateway)
    await requestRefund(gateway, id, { bolt11Invoice: wallet.createInvoice(7_208) })
    await follower.end()
    const second = wallet.createInvoice(7_208)
    expect(await requestRefund(gateway, id, { bolt11Invoice: second })).toMatchObject({
      __typename: 'NotPossibleError',
      state: 'REFUNDED',
    })
    expect(wallet.isPaid(second)).toBe(false)
  })

  test('after it the gateway asks for the channel no more', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] } })
    const { id, follower } = await stuck(gateway)
    await requestRefund(gateway, id, { bolt11Invoice: gateway.sandbox.wallet.createInvoice(7_208) })
    gateway.sandbox.lsp('beacon').setFaults([])
    const events = await follower.end()
    expect(events.at(-1)).toMatchObject({ state: 'REFUNDED', snapshot: { channel: null } })
    const [asked] = refundCalls(gateway)
    const opens = gateway.sandbox
      .lsp('beacon')
      .requests.filter(({ path, at }) => path.endsWith('/open') && at > (asked?.at ?? 0))
    expect(opens).toEqual([])
  })
})

test('an LSP that has taken a refund up, and does not say so yet, is not asked for the channel; openChannel asks for it after all', async () => {
  let isPaid = false
  const createdAt = Math.floor(Date.now() / 1_000)
  const invoice = NODE.issueInvoice({
    amountSat: 1_000,
    description: 'a channel',
    createdAt: Date.now(),
    expiresAt: Date.now() + 3_600_000,
  }).bolt11
  const payment = () => ({
    state: isPaid ? 'PAID' : 'CREATED',
    fee_total: 1_000,
    order_total: 1_000,
    order_expiry_ts: createdAt + 3_600,
    amount_paid: isPaid ? 1_000 : 0,
    ln_invoice: invoice,
    btc_address: null,
    onchain_payments: [],
  })
  await using lsp = await startScriptedLsp(({ method, path }) => {
    if (path === '/lsp/channels')
      return method === 'GET'
        ? { version: '0.0.2', features: ['refunds'], website: '' }
        : { id: 'order-1', ...payment() }
    if (path.endsWith('/open')) return { success: false, message: 'the node is away', fail_reason: 'PEERING_FAILED' }
    if (path.endsWith('/refund'))
      return method === 'POST'
        ? { success: true, message: 'on its way', fail_reason: null }
        : { refund_state: 'AVAILABLE', amounts: { lightning: 1_000, onchain: null }, paid_to: '', paid_ts: 0 }
    return {
      id: 'order-1',
      created_at: createdAt,
      state: isPaid ? 'PENDING_CHANNEL_OPEN' : 'AWAITING_PAYMENT',
      payment: payment(),
      channel: null,
    }
  })
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('draft', lsp.url, { protocol: 'CHANNEL_REQUEST_V0_0_2' })] },
  })
  const { id } = await orderAt(gateway, 'draft')
  isPaid = true
  const count = (part: string) =>
    lsp.requests.filter(({ method, path }) => method === 'POST' && path.endsWith(part)).length
  await vi.waitFor(() => expect(count('/open')).toBeGreaterThan(0), { timeout: 8_000 })
  const asked = await requestRefund(gateway, id, { bolt11Invoice: gateway.sandbox.wallet.createInvoice(1_000) })
  expect(asked).toMatchObject({
    __typename: 'Order',
    state: 'PAID',
    nextStep: { actor: 'LSP', action: 'WAIT', message: expect.stringContaining('the refund was requested') },
  })
  const opens = count('/open')
  const readings = () => lsp.requests.filter(({ path }) => path === '/lsp/channels/order-1').length
  const read = readings()
  await vi.waitFor(() => expect(readings()).toBeGreaterThan(read + 3), { timeout: 8_000 })
  expect(count('/open')).toBe(opens)
  await gateway.ask(OPEN_CHANNEL, { id })
  expect(count('/open')).toBe(opens + 1)
})

describe.concurrent('a refund to the wrong place', () => {
  const MAINNET_ADDRESS = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
  const MAINNET_INVOICE =
    'lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh'
  const wrong: readonly (readonly [string, Target, unknown])[] = [
    [
      'an address of another network',
      { onchainAddress: MAINNET_ADDRESS },
      'onchainAddress: an address of mainnet, and the LSP is on REGTEST',
    ],
    [
      'no address at all',
      { onchainAddress: 'somewhere' },
      'onchainAddress: not a bitcoin address, and the LSP is on REGTEST',
    ],
    [
      'an address of a witness version that nobody can own',
      { onchainAddress: 'bcrt1zqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqmgmz30' },
      'onchainAddress: an address of witness version 2, which nobody can own yet, and the LSP is on REGTEST',
    ],
    [
      'a taproot address whose key is no point',
      { onchainAddress: 'bcrt1pqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsk8mhfx' },
      'onchainAddress: a taproot address whose key is not a point of the curve, and the LSP is on REGTEST',
    ],
    [
      'an invoice that no wallet pays',
      { bolt11Invoice: invoiceOf({ fields: fieldsWith({ s: null }) }) },
      'bolt11Invoice: the invoice has no payment secret (field s of 52 words)',
    ],
    [
      'an invoice of another network',
      { bolt11Invoice: MAINNET_INVOICE },
      expect.stringMatching(/^bolt11Invoice: not of the LSP's network, REGTEST; expired at /),
    ],
    [
      'no invoice at all',
      { bolt11Invoice: 'lnbcrt1nonsense' },
      'bolt11Invoice: the invoice has a character that bech32 does not have',
    ],
  ]

  test('is refused with the reason, never reaches the LSP and loses nothing', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] } })
    const { id, follower } = await stuck(gateway)
    for (const [what, target, message] of wrong) {
      expect({ what, ...(await requestRefund(gateway, id, target)) }).toEqual({
        what,
        __typename: 'NotPossibleError',
        state: 'PAID',
        message,
      })
    }
    for (const to of [{}, { bolt11Invoice: 'lnbcrt1', onchainAddress: 'bcrt1q' }]) {
      const { errors } = await gateway.send(REQUEST_REFUND, { id, to })
      expect(errors?.[0]?.message).toContain('Exactly one key must be specified')
    }
    expect(refundCalls(gateway)).toEqual([])
    expect(await readOrder(gateway, id)).toMatchObject({
      state: 'PAID',
      refund: { state: 'AVAILABLE', lightningSat: 7_208 },
    })

    // And the right place still works.
    const bolt11Invoice = gateway.sandbox.wallet.createInvoice(7_208)
    await requestRefund(gateway, id, { bolt11Invoice })
    await follower.end()
    expect(gateway.sandbox.wallet.isPaid(bolt11Invoice)).toBe(true)
  })

  test('an invoice for another amount is refused before the LSP is asked', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] } })
    const { id, follower } = await stuck(gateway)
    const bolt11Invoice = gateway.sandbox.wallet.createInvoice(7_209)
    expect(await requestRefund(gateway, id, { bolt11Invoice })).toMatchObject({
      __typename: 'NotPossibleError',
      message: 'bolt11Invoice: over 7209 sat, while 7208 sat are to be refunded',
    })
    expect(refundCalls(gateway)).toEqual([])
    expect(gateway.sandbox.wallet.isPaid(bolt11Invoice)).toBe(false)
    expect(await readOrder(gateway, id)).toMatchObject({ state: 'PAID', refund: { state: 'AVAILABLE' } })
    await follower.stop()
  })

  test('where nothing was paid, or the LSP knows no refunds, none can be asked for', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon', 'olive'], stepMs: 60_000 } })
    const onchainAddress = gateway.sandbox.wallet.newAddress()
    const unpaid = await orderAt(gateway, 'beacon')
    expect(await requestRefund(gateway, unpaid.id, { onchainAddress })).toMatchObject({
      __typename: 'NotPossibleError',
      state: 'AWAITING_PAYMENT',
    })
    const elsewhere = await orderAt(gateway, 'olive')
    const follower = follow(gateway, elsewhere.id)
    await pay(gateway, elsewhere.id)
    await follower.untilState('PAYMENT_HELD')
    await follower.stop()
    expect(await requestRefund(gateway, elsewhere.id, { onchainAddress })).toEqual({
      __typename: 'NotPossibleError',
      state: 'PAYMENT_HELD',
      message: 'lsps1 has no such call',
    })
  })
})

/** What becomes of a payment whose channel the LSP cannot open, by the words of each protocol. */
const BY_ITSELF: readonly (readonly [string, string[], string | null])[] = [
  ['olive', ['AWAITING_PAYMENT', 'PAYMENT_HELD', 'REFUNDED'], null],
  ['kestrel', ['AWAITING_PAYMENT', 'PAID', 'REFUND_PENDING', 'REFUNDED'], 'Channel open failed: peer is not reachable'],
  ['anchor', ['AWAITING_PAYMENT', 'PAID', 'FAILED', 'REFUNDED'], null],
]

describe.concurrent('an LSP that cannot open the channel', () => {
  for (const [lspId, states, failureReason] of BY_ITSELF) {
    test(`${lspId} gives the payment back by itself, and the order ends as REFUNDED`, async () => {
      await using gateway = await startTestGateway({ sandbox: { only: [lspId], stepMs: 800 } })
      gateway.sandbox.lsp(lspId).setFaults(['REFUND'])
      const { id, payment } = await orderAt(gateway, lspId)
      const follower = follow(gateway, id)
      await pay(gateway, id)
      const events = await follower.end()
      expect(events.map(({ state }) => state)).toEqual(states)
      expect(events.at(-1)?.snapshot).toMatchObject({
        payment: { bolt11: { state: 'REFUNDED' } },
        failureReason,
        nextStep: { actor: 'NOBODY', action: 'NOTHING', message: 'The payment was refunded.' },
      })
      expect(gateway.sandbox.wallet.payment(payment.bolt11?.paymentHash ?? '')).toMatchObject({ state: 'RETURNED' })
    })
  }

  test('thunder has no word for a refund: the order is FAILED, and says whom to ask', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['thunder'] } })
    gateway.sandbox.lsp('thunder').setFaults(['REFUND'])
    const { id } = await orderAt(gateway, 'thunder')
    const follower = follow(gateway, id)
    await pay(gateway, id)
    const failed = await follower.untilState('FAILED')
    expect(failed.snapshot).toMatchObject({
      lspState: 'Failed',
      channel: { state: 'FAILED' },
      nextStep: {
        actor: 'CLIENT',
        action: 'CONTACT_LSP',
        message: expect.stringMatching(
          /^(You paid \d+ sat|A payment was seen), but the order failed\. Contact the LSP .+ for a refund and quote its order id /,
        ),
      },
    })
    // A refund may still be told of, so it is followed on.
    await vi.waitFor(
      () =>
        expect(gateway.sandbox.lsp('thunder').requests.at(-1)?.at).toBeGreaterThan(Date.parse(failed.createdAt) + 300),
      { timeout: 10_000 },
    )
    await follower.stop()
  })
})

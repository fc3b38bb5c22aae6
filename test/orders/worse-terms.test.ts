import { expect, test, vi } from 'vitest'
import { lsps1Order, NODE, settings, startScriptedLsp } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { quoteAt, readOrder } from '../support/operations.ts'

const ORDER = `mutation ($input: CreateOrderInput!) { createOrder(input: $input) {
  __typename ... on UserError { message } ... on Order { id lspBalanceSat announceChannel payment { bolt11 { invoice } } }
  ... on PriceChangedError { quote { id basis orderTotalSat lspBalanceSat channelExpiryBlocks announceChannel notes { code message } } }
} }`

/** A quote of a price that was seen before, and a POST that answers with other terms. */
async function observed(changes: Record<string, unknown>) {
  const state: { changes: Record<string, unknown> } = { changes: {} }
  const lsp = await startScriptedLsp(() =>
    lsps1Order(Date.now(), { order_id: `order-${Math.random()}`, lsp_balance_sat: '1000000', ...state.changes }),
  )
  const gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('lsp', lsp.url)] } })
  const size = { channelExpiryBlocks: 12_960 }
  await quoteAt(gateway, 'lsp', size)
  const { id, basis } = await quoteAt(gateway, 'lsp', { ...size, clientPubkey: NODE.pubkey }, 'NEVER')
  expect(basis).toBe('OBSERVED')
  state.changes = changes
  return {
    id,
    gateway,
    order: async (quoteId: string, idempotencyKey: string) =>
      (await gateway.ask(ORDER, { input: { quoteId, idempotencyKey } })).createOrder,
    posts: () => lsp.requests.filter(({ path }) => path === '/create_order').length,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await lsp[Symbol.asyncDispose]()
    },
  }
}

test.each<[Record<string, unknown>, string, object]>([
  [{ lsp_balance_sat: '600000' }, 'the LSP offers 600000 sat instead of 1000000 sat', { lspBalanceSat: 600_000 }],
  [{ lsp_balance_sat: '999999' }, 'the LSP offers 999999 sat instead of 1000000 sat', { lspBalanceSat: 999_999 }],
  [
    { channel_expiry_blocks: 12_000 },
    'the LSP offers 12000 blocks instead of 12960 blocks',
    { channelExpiryBlocks: 12_000 },
  ],
  [
    { announce_channel: true },
    'the LSP offers an announced channel instead of a private one',
    { announceChannel: true },
  ],
])('%o is a PriceChangedError whose quote shows the terms, and can be ordered', async (changes, reason, terms) => {
  await using at = await observed(changes)
  const changed = await at.order(at.id, 'first')
  expect(changed).toMatchObject({
    __typename: 'PriceChangedError',
    message: `${reason}. Nothing was ordered`,
    quote: {
      basis: 'FIRM',
      orderTotalSat: 1_000,
      notes: expect.arrayContaining([{ code: 'TERMS_ADJUSTED', message: expect.any(String) }]),
      ...terms,
    },
  })
  expect(changed.quote.notes.map(({ code }: { code: string }) => code)).toContain('TERMS_ADJUSTED')
  // The same key, and the same quote under another key, are answered the same, and cost no other order.
  expect(await at.order(at.id, 'first')).toEqual(changed)
  expect(await at.order(at.id, 'second')).toEqual(changed)
  const posts = at.posts()
  expect(await at.order(changed.quote.id, 'third')).toMatchObject({
    __typename: 'Order',
    payment: { bolt11: { invoice: expect.stringMatching(/^lnbcrt/) } },
  })
  expect(at.posts()).toBe(posts)
})

test('less than half of the channel is UNTRUSTWORTHY', async () => {
  await using at = await observed({ lsp_balance_sat: '400000' })
  expect(await at.order(at.id, 'k')).toMatchObject({
    __typename: 'LspError',
    message: expect.stringContaining('TERMS_ECHOED'),
  })
})

test('more than was quoted is ordered', async () => {
  await using at = await observed({ lsp_balance_sat: '1100000', channel_expiry_blocks: 13_000 })
  expect(await at.order(at.id, 'k')).toMatchObject({ __typename: 'Order', lspBalanceSat: 1_100_000 })
})

test('terms that get worse before the order is paid withhold its payment', async () => {
  let isWorse = false
  const created = lsps1Order(Date.now(), { lsp_balance_sat: '1000000' })
  await using lsp = await startScriptedLsp(() => ({ ...created, lsp_balance_sat: isWorse ? '900000' : '1000000' }))
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('lsp', lsp.url)] } })
  const { id: quoteId } = await quoteAt(gateway, 'lsp', { channelExpiryBlocks: 12_960 })
  const { createOrder } = await gateway.ask(ORDER, { input: { quoteId, idempotencyKey: 'k' } })
  expect(createOrder.payment.bolt11).not.toBeNull()
  isWorse = true
  await vi.waitFor(
    async () =>
      expect(await readOrder(gateway, createOrder.id)).toMatchObject({
        payment: { bolt11: null, bip21: null },
        nextStep: { message: expect.stringContaining('the LSP offers 900000 sat instead of 1000000 sat') },
      }),
    { timeout: 10_000 },
  )
})

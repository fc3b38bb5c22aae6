import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  feeOf,
  codesOf,
  compare,
  failureOf,
  lsps1Order,
  orderPosts,
  quoteOf,
  settings,
  startScriptedLsp,
} from './support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const messagesOf = async (id: string, code: string, request: Record<string, unknown> = {}) =>
  (await quoteOf(gateway, id, { request })).notes.filter((note) => note.code === code).map(({ message }) => message)

test.each([
  [12 * 1008, 12, 12 * 1008],
  [12 * 1008 + 1, 13, 13 * 1008],
  [1, 1, 1008],
])(
  '%i blocks are %i weeks at an LSP that counts weeks, and what is more than asked for is a note',
  async (blocks, weeks, delivered) => {
    const quote = await quoteOf(gateway, 'anchor', { request: { channelExpiryBlocks: blocks } })
    expect(orderPosts(gateway.sandbox.lsp('anchor')).at(-1)?.body).toMatchObject({ channel_expiry: weeks })
    expect(quote.channelExpiryBlocks).toBe(delivered)
    expect(quote.notes.filter(({ code }) => code === 'TERMS_ADJUSTED').map(({ message }) => message)).toEqual(
      delivered === blocks ? [] : [`channelExpiryBlocks: asked for ${blocks}, delivered ${delivered}.`],
    )
  },
)

test('an LSP that sells no less than 26 weeks says so in its answer, and the quote is of what it sells', async () => {
  const quote = await quoteOf(gateway, 'beacon')
  expect(orderPosts(gateway.sandbox.lsp('beacon')).at(-1)?.body).toMatchObject({ channel_expiry: 13 })
  expect(quote).toMatchObject({ channelExpiryBlocks: 26 * 1008, lspBalanceSat: 1_000_000 })
  expect(await messagesOf('beacon', 'TERMS_ADJUSTED')).toEqual([
    'channelExpiryBlocks: asked for 12960, delivered 26208.',
  ])
})

test('terms that are delivered as asked for are no note', async () => {
  for (const id of ['olive', 'kestrel', 'thunder']) expect(await messagesOf(id, 'TERMS_ADJUSTED')).toEqual([])
})

test('an LSP that delivers other terms than asked for is quoted with the ones it delivers', async () => {
  await using lsp = await startScriptedLsp(() =>
    lsps1Order(Date.now(), { lsp_balance_sat: '900000', announce_channel: true }),
  )
  await using own = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('other', lsp.url)] } })
  const quote = await quoteOf(own, 'other')
  expect(quote).toMatchObject({ lspBalanceSat: 900_000, announceChannel: true })
  expect(quote.notes.filter(({ code }) => code === 'TERMS_ADJUSTED').map(({ message }) => message)).toEqual([
    'lspBalanceSat: asked for 1000000, delivered 900000.',
    'announceChannel: asked for false, delivered true.',
  ])
  // The rate is of what is delivered.
  expect(quote.feePpm).toBeCloseTo(1_111.11, 2)
})

test('who has to connect to the LSP first is told where to', async () => {
  for (const id of ['olive', 'kestrel', 'thunder']) {
    const [uri] = gateway.sandbox.lsp(id).nodeUris
    expect(await messagesOf(id, 'PEER_CONNECTION_REQUIRED')).toEqual([`Connect the node to ${uri} before ordering.`])
  }
})

// seed 002 POST node_connection_info, 73985d6 ChannelOpenRequest node_connection_string: pubkey@host:port.
test('an LSP of a draft connects to the node’s address, and gives no price without the address', async () => {
  for (const id of ['anchor', 'beacon']) {
    expect(await messagesOf(id, 'PEER_CONNECTION_REQUIRED')).toEqual([])
    const before = gateway.sandbox.lsp(id).requests.length
    expect(await failureOf(gateway, id, { request: { clientAddress: null } })).toMatchObject({
      code: 'UNSUPPORTED',
      field: 'clientAddress',
    })
    expect(gateway.sandbox.lsp(id).requests).toHaveLength(before)
  }
})

// Neither seed 002 POST nor seed 003 §2 has a field for it.
test('a note says that the LSP decides about announcing where the protocol has no field for it', async () => {
  const { quotes } = await compare(gateway)
  expect(
    quotes
      .filter((quote) => codesOf(quote).includes('ANNOUNCEMENT_IS_UNKNOWN'))
      .map(({ lsp }) => lsp.id)
      .toSorted(),
  ).toEqual(['anchor', 'thunder'])
})

test('where on-chain payment is not offered for want of a refund address, a note says so', async () => {
  const without = await compare(gateway)
  expect(
    without.quotes.filter((quote) => codesOf(quote).includes('NO_ONCHAIN_REFUND_ADDRESS')).map(({ lsp }) => lsp.id),
  ).toEqual(['thunder', 'kestrel', 'olive'])
  expect(new Map(without.quotes.map((quote) => [quote.lsp.id, feeOf(quote, 'ONCHAIN')]))).toEqual(
    new Map([
      ['thunder', null],
      ['kestrel', null],
      ['olive', null],
      // The drafts have no field for a refund address, so that the option needs none.
      ['anchor', 5_890],
      ['beacon', 7_208],
    ]),
  )

  const { quotes } = await compare(gateway, { request: { refundOnchainAddress: gateway.sandbox.wallet.newAddress() } })
  expect(quotes.filter((quote) => codesOf(quote).includes('NO_ONCHAIN_REFUND_ADDRESS'))).toEqual([])
  const onchain = new Map(quotes.map((quote) => [quote.lsp.id, feeOf(quote, 'ONCHAIN')]))
  expect([onchain.get('olive'), onchain.get('anchor'), onchain.get('beacon')]).toEqual([5_200, 5_890, 7_208])
})

test('a channel of more than 16 777 215 sat is a large one, and one of just that is not', async () => {
  for (const [lspBalanceSat, clientBalanceSat, isLarge] of [
    [16_777_215, 0, false],
    [16_777_216, 0, true],
    [16_000_000, 777_215, false],
    [16_000_000, 777_216, true],
  ] as const) {
    expect(
      codesOf(await quoteOf(gateway, 'olive', { request: { lspBalanceSat, clientBalanceSat } })).includes(
        'LARGE_CHANNEL',
      ),
    ).toBe(isLarge)
  }
})

test('an invoice of another node than the LSP’s is shown, with a note and a warning', async () => {
  const olive = gateway.sandbox.lsp('olive')
  olive.setFaults(['FOREIGN_PAYEE'])
  const quote = await quoteOf(gateway, 'olive', { request: { lspBalanceSat: 1_234_567 } })
  olive.setFaults([])
  expect(quote.basis).toBe('FIRM')
  expect(codesOf(quote)).toContain('PAYEE_IS_NOT_LSP_NODE')
  expect(quote.checks.filter(({ verdict }) => verdict !== 'PASSED')).toMatchObject([
    { code: 'INVOICE_PAYEE', verdict: 'WARNING' },
  ])
  expect(quote.checks.find(({ code }) => code === 'INVOICE_PAYEE')?.message).toContain(
    (olive.nodeUris[0] ?? '').split('@')[0],
  )
})

test('an invoice of the LSP’s own node is no note', async () => {
  expect(codesOf(await quoteOf(gateway, 'olive'))).not.toContain('PAYEE_IS_NOT_LSP_NODE')
})

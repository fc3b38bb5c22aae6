import { expect, test } from 'vitest'
import {
  compare,
  failureOf,
  idsOf,
  lsps1Order,
  orderPosts,
  quoteOf,
  settings,
  startScriptedLsp,
} from '../quotes/support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

// Addresses that are refused wherever one may come from: an LSP, a refund address, a refund request (test/orders/refund).

const BASE58 = '2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc'
const TAPROOT = 'bcrt1pqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqn4zdly'
/** By what is wrong with each, although its checksum is right. */
const WRONG: readonly (readonly [string, string])[] = [
  ['witness version 2', 'bcrt1zqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqmgmz30'],
  ['witness version 16', 'bcrt1sqgpq2r9dch'],
  ['witness version 1 with 20 bytes', 'bcrt1pqgpqyqszqgpqyqszqgpqyqszqgpqyqszrqufx5'],
  ['a point of the curve', 'bcrt1pqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsk8mhfx'],
  ['testnet or signet', 'tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx'],
]

/** An LSPS1 provider that takes coins at this address, and a gateway that knows it alone. */
async function lspAt(address: string) {
  const order = lsps1Order(Date.now())
  const { invoice: _, ...terms } = order.payment.bolt11
  const onchain = { ...terms, address, min_onchain_payment_confirmations: 1, min_fee_for_0conf: null }
  const lsp = await startScriptedLsp(() => ({ ...order, payment: { ...order.payment, onchain } }))
  const gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('scripted', lsp.url)] } })
  return {
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await lsp[Symbol.asyncDispose]()
    },
  }
}

const refundTo = (refundOnchainAddress: string) => ({ request: { refundOnchainAddress } })

test.each([...WRONG, ['SegWit addresses only', BASE58] as const])(
  'an LSP that wants coins at an address with this problem is not trusted: %s',
  async (problem, address) => {
    await using asked = await lspAt(address)
    expect(await failureOf(asked.gateway, 'scripted', refundTo(TAPROOT))).toMatchObject({
      code: 'UNTRUSTWORTHY',
      message: expect.stringMatching(new RegExp(`^ONCHAIN_ADDRESS: .*${problem}`)),
    })
  },
)

test('an LSP that wants coins at a taproot address is trusted', async () => {
  await using asked = await lspAt(TAPROOT)
  const { checks } = await quoteOf(asked.gateway, 'scripted', refundTo(TAPROOT))
  expect(checks).toContainEqual({
    code: 'ONCHAIN_ADDRESS',
    verdict: 'PASSED',
    message: 'an address of REGTEST',
  })
})

const everyLsp = () => startTestGateway()
const posts = ({ sandbox }: TestGateway) => sandbox.lsps.flatMap((lsp) => orderPosts(lsp))

test.each(WRONG)('a refund address with this problem reaches no LSP of any protocol: %s', async (problem, address) => {
  await using gateway = await everyLsp()
  const { quotes, failures } = await compare(gateway, refundTo(address))
  expect(quotes).toEqual([])
  for (const failure of failures)
    expect(failure).toMatchObject({
      code: 'INVALID_REQUEST',
      field: 'refundOnchainAddress',
      message: expect.stringContaining(problem),
    })
  expect(posts(gateway)).toEqual([])
})

test('a refund address in base58 is for the protocols that allow it: LSPS1 has SegWit addresses only', async () => {
  await using gateway = await everyLsp()
  const protocols = new Map(gateway.sandbox.lsps.map(({ id, protocol }) => [id, protocol]))
  const { quotes, failures } = await compare(gateway, refundTo(BASE58))
  const refused = failures.filter(({ field }) => field === 'refundOnchainAddress')
  expect(new Set(refused.map(({ lsp }) => protocols.get(lsp.id)))).toEqual(new Set(['LSPS1']))
  expect(refused[0]?.message).toContain('SegWit addresses only')
  expect(idsOf(quotes).map((id) => protocols.get(id))).not.toContain('LSPS1')
  expect(quotes.length).toBeGreaterThan(0)
})

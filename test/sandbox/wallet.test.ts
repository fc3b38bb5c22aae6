import { expect, test } from 'vitest'
import { LightningNode, signerOf } from '../../src/sandbox/node.ts'
import { isRegtestAddress } from '../../src/sandbox/network.ts'
import { decodeInvoice } from '../../src/sandbox/bolt11.ts'
import { startSandbox } from '../../src/sandbox/index.ts'

const alice = new LightningNode('alice', '127.0.0.1:9735')

test('a signed text tells who signed it, and no other text does', () => {
  const signature = alice.signMessage('https://lsp.example/lsp/channel/renew/?scid=1x2x3&valid_to=1')
  expect(signature).toMatch(/^[ybndrfg8ejkmcpqxot1uwisza345h769]{104}$/)
  expect(signerOf('https://lsp.example/lsp/channel/renew/?scid=1x2x3&valid_to=1', signature)).toBe(alice.pubkey)
  expect(signerOf('https://lsp.example/lsp/channel/renew/?scid=1x2x3&valid_to=2', signature)).not.toBe(alice.pubkey)
  for (const broken of ['', 'yyyy', `${signature}y`, signature.toUpperCase(), 'l'.repeat(104)])
    expect(signerOf('text', broken)).toBeNull()
})

// From rust-lightning's lightning/src/util/message_signing.rs, where they come from lnd and Core Lightning users.
test.each([
  [
    'is this compatible?',
    'rbgfioj114mh48d8egqx8o9qxqw4fmhe8jbeeabdioxnjk8z3t1ma1hu1fiswpakgucwwzwo6ofycffbsqusqdimugbh41n1g698hr9t',
    '02b80cabdf82638aac86948e4c06e82064f547768dcef977677b9ea931ea75bab5',
  ],
  [
    'hi',
    'rnrphcjswusbacjnmmmrynh9pqip7sy5cx695h6mfu64iac6qmcmsd8xnsyczwmpqp9shqkth3h4jmkgyqu5z47jfn1q7gpxtaqpx4xg',
    '02de60d194e1ca5947b59fe8e2efd6aadeabfb67f2e89e13ae1a799c1e08e4a43b',
  ],
])('a signature of %j by a real node is read as other nodes read it', (text, signature, pubkey) => {
  expect(signerOf(text, signature)).toBe(pubkey)
})

test('an address is one of regtest, and new each time', () => {
  const [first, second] = [alice.newAddress(), alice.newAddress()]
  expect(isRegtestAddress(first)).toBe(true)
  expect(first).toMatch(/^bcrt1q/)
  expect(second).not.toBe(first)
  expect(isRegtestAddress('bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh')).toBe(false)
  expect(isRegtestAddress(first.slice(0, -1))).toBe(false)
})

test('the wallet’s own invoice is paid by whoever pays it, and it notices', async () => {
  await using sandbox = await startSandbox({ only: ['olive'] })
  const invoice = sandbox.wallet.createInvoice(4_321)
  expect(decodeInvoice(invoice)).toMatchObject({
    network: 'regtest',
    mtokens: '4321000',
    destination: sandbox.wallet.pubkey,
  })
  expect(sandbox.wallet.isPaid(invoice)).toBe(false)
  await sandbox.wallet.payInvoice(invoice)
  expect(sandbox.wallet.isPaid(invoice)).toBe(true)
  expect(sandbox.wallet.spentSat()).toBe(0)
})

test('what is no invoice, or one that nobody can be paid for, is refused', async () => {
  await using sandbox = await startSandbox({ only: ['olive'] })
  const now = Date.now()
  const stray = alice.issueInvoice({ amountSat: 1, description: '', createdAt: now, expiresAt: now + 60_000 }).bolt11
  await expect(sandbox.wallet.payInvoice('lnbcrt1')).rejects.toMatchObject({ code: 'NOT_AN_INVOICE' })
  await expect(sandbox.wallet.payInvoice(stray)).rejects.toMatchObject({ code: 'NO_ROUTE' })
  await expect(sandbox.wallet.payOnchain('bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh', 1)).rejects.toMatchObject({
    code: 'NOT_AN_ADDRESS',
  })
  await expect(sandbox.wallet.payOnchain(sandbox.wallet.newAddress(), 0.5)).rejects.toThrow(RangeError)
})

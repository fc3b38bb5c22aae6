import { expect, test } from 'vitest'
import { NETWORKS, type Network } from '../../src/domain/lsp.ts'
import { addressProblem } from '../../src/domain/address.ts'

/** One of each kind and the networks on which it is an address; the vectors are BIP 173's, BIP 350's, and common ones. */
const ADDRESSES: readonly (readonly [string, string, readonly Network[]])[] = [
  ['mainnet P2PKH', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', ['MAINNET']],
  ['mainnet P2SH', '3P14159f73E4gFr7JterCCQh9QjiTjiZrG', ['MAINNET']],
  ['mainnet P2WPKH', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', ['MAINNET']],
  ['mainnet P2WPKH in capitals', 'BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4', ['MAINNET']],
  ['mainnet P2WSH', 'bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3', ['MAINNET']],
  ['mainnet P2TR', 'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0', ['MAINNET']],
  ['testnet P2PKH', 'mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn', ['TESTNET', 'TESTNET4', 'SIGNET', 'REGTEST']],
  ['testnet P2SH', '2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc', ['TESTNET', 'TESTNET4', 'SIGNET', 'REGTEST']],
  ['testnet P2WPKH', 'tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx', ['TESTNET', 'TESTNET4', 'SIGNET']],
  ['testnet P2TR', 'tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c', ['TESTNET', 'TESTNET4', 'SIGNET']],
  // From ThunderStack's documentation.
  ['regtest P2WPKH', 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88', ['REGTEST']],
]

test.each(ADDRESSES)('a %s address is one of its networks and of no other', (_kind, address, networks) => {
  expect(NETWORKS.filter((network) => addressProblem(address, network) === null)).toEqual(networks)
})

test('an address of another network is told as such', () => {
  expect(addressProblem('bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'REGTEST')).toBe('an address of mainnet')
})

test.each([
  ['a wrong checksum, bech32', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5'],
  ['a wrong checksum, base58', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb'],
  ['taproot with the checksum of version 0', 'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd'],
  ['mixed case', 'bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'],
  [
    'the public key that ThunderStack’s example has in place of an address',
    '02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8',
  ],
  ['a placeholder', 'tb1qmakerdeposit0000000000000000000000000'],
  ['an invoice', 'lnbcrt10u1p0000'],
  ['a URI', 'bitcoin:bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88'],
  ['a word', 'address'],
  ['nothing', ''],
])('%s is no address on any network', (_what, address) => {
  for (const network of NETWORKS) expect(addressProblem(address, network)).toBe('not a bitcoin address')
})

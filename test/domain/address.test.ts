import { expect, test } from 'vitest'
import { NETWORKS, type Network } from '../../src/domain/lsp.ts'
import { addressProblem, canonicalAddress, isSameAddress } from '../../src/domain/address.ts'

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
  [
    'testnet P2WSH',
    'tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7',
    ['TESTNET', 'TESTNET4', 'SIGNET'],
  ],
  ['testnet P2TR', 'tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c', ['TESTNET', 'TESTNET4', 'SIGNET']],
  // From ThunderStack's documentation.
  ['regtest P2WPKH', 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88', ['REGTEST']],
  ['regtest P2TR', 'bcrt1pqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqn4zdly', ['REGTEST']],
]

test.each(ADDRESSES)('a %s address is one of its networks and of no other', (_kind, address, networks) => {
  expect(NETWORKS.filter((network) => addressProblem(address, network) === null)).toEqual(networks)
})

test.each(ADDRESSES)(
  'a %s address is allowed among SegWit addresses unless it is in base58',
  (kind, address, networks) => {
    const isBase58 = /P2PKH|P2SH/.test(kind)
    expect(NETWORKS.filter((network) => addressProblem(address, network, 'SEGWIT') === null)).toEqual(
      isBase58 ? [] : networks,
    )
  },
)

test('the problem of an address is named', () => {
  expect(addressProblem('bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'REGTEST')).toBe('an address of mainnet')
  expect(addressProblem('tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx', 'MAINNET')).toBe(
    'an address of testnet or signet',
  )
  expect(addressProblem('mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn', 'MAINNET')).toBe('an address of testnet')
  expect(addressProblem('1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', 'MAINNET', 'SEGWIT')).toBe(
    'an address in base58, where this protocol allows SegWit addresses only',
  )
})

test.each([
  ['version 1 with 20 bytes', 'bcrt1pqgpqyqszqgpqyqszqgpqyqszqgpqyqszrqufx5', /version 1 with 20 bytes/],
  ['version 1 with 2 bytes', 'bcrt1pqgpqujcslx', /version 1 with 2 bytes/],
  ['a key that is no point', 'bcrt1pqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsk8mhfx', /not a point/],
  ['a key of zeros', 'bcrt1pqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqm3usuw', /not a point/],
  ['version 2', 'bcrt1zqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqmgmz30', /version 2/],
  ['version 16', 'bcrt1sqgpq2r9dch', /version 16/],
])('an address with %s is refused, although its checksum is right', (_what, address, message) => {
  expect(addressProblem(address, 'REGTEST')).toMatch(message)
})

test('the case of bech32 is no difference between addresses, and the case of base58 is', () => {
  const bech32 = 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88'
  const base58 = '2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc'
  expect(isSameAddress(bech32, bech32.toUpperCase())).toBe(true)
  expect(canonicalAddress(bech32.toUpperCase())).toBe(bech32)
  expect(isSameAddress(base58, base58)).toBe(true)
  expect(isSameAddress(base58, base58.toLowerCase())).toBe(false)
  expect(canonicalAddress(base58)).toBe(base58)
  expect(isSameAddress(bech32, null)).toBe(false)
})

test.each([
  ['a wrong checksum, bech32', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5'],
  ['a wrong checksum, base58', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb'],
  ['taproot with the checksum of version 0', 'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd'],
  ['mixed case', 'bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'],
  ['version 0 with 16 bytes', 'bc1qqgpqyqszqgpqyqszqgpqyqszqgpu85ld'],
  ['version 0 with the checksum of taproot', 'bc1qqgpqyqszqgpqyqszqgpqyqszqgpqyqszq3fu89'],
  ['version 17', 'bcrt13qgpqyqszqgpqyqszqgpqyqszqgpqyqszhvdafq'],
  ['an address of Litecoin', 'ltc1qqgpqyqszqgpqyqszqgpqyqszqgpqyqsz33r56h'],
  ['an address of Litecoin in base58', 'LKs7QqC2TVJ4y92waNrBjVZQB2oFhcmZqB'],
  ['19 bytes in base58', '19RGzyTbQ82XD5wEsifPmHunGjQEUjk5'],
  ['21 bytes in base58', '4QBqDSJzwxuRmNYxD33i2TMDoQ2aR9rmdTnW'],
  ['an address in base58 in lower case', '1a1zp1ep5qgefi2dmptftl5slmv7divfna'],
  ['much of it', `bcrt1q${'q'.repeat(5_000)}`],
  ['much base58', '1'.repeat(5_000)],
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

import { createHash } from 'node:crypto'
import { bech32, bech32m, createBase58check } from '@scure/base'
import { isXOnlyPoint } from './curve.ts'
import type { Network } from './lsp.ts'

// Addresses by BIP 173, BIP 350 and BIP 341, and base58 ones. An address of a later witness version is refused: whatever
// is sent to it, anybody can spend until a soft fork says otherwise.

/** SEGWIT: only what bLIP-50 allows. ANY: also P2PKH and P2SH in base58. */
export type AddressKinds = 'SEGWIT' | 'ANY'

/** What bech32 addresses of a network begin with. */
export type AddressPrefix = 'bc' | 'tb' | 'bcrt'

const PREFIX: Readonly<Record<Network, AddressPrefix>> = {
  MAINNET: 'bc',
  TESTNET: 'tb',
  TESTNET4: 'tb',
  SIGNET: 'tb',
  REGTEST: 'bcrt',
}

/** The test networks, regtest among them, share the version bytes of base58 addresses. */
const PUBLIC_KEY_HASH = { main: 0x00, test: 0x6f } as const
const SCRIPT_HASH = { main: 0x05, test: 0xc4 } as const

const HASH_BYTES = 20
const LONGEST_BECH32 = 90
const LONGEST_BASE58 = 35
const BECH32_ADDRESS = /^(?:bc|tb|bcrt)1/i

const NOT_AN_ADDRESS = 'not a bitcoin address'

const base58check = createBase58check((bytes: Uint8Array) => createHash('sha256').update(bytes).digest())

/** Why nobody should send to this address on that network; null when it is a good one. */
export function addressProblem(address: string, network: Network, kinds: AddressKinds = 'ANY'): string | null {
  return BECH32_ADDRESS.test(address)
    ? witnessProblem(address, PREFIX[network])
    : base58Problem(address, network === 'MAINNET' ? 'main' : 'test', kinds)
}

function witnessProblem(address: string, expected: AddressPrefix): string | null {
  const decoded = decodeWitness(address)
  if (decoded === null) return NOT_AN_ADDRESS
  const { prefix, version, program } = decoded
  if (prefix !== expected) return `an address of ${NETWORKS_OF_PREFIX[prefix]}`
  if (version === 0) return null
  if (version > 1) return `an address of witness version ${version}, which nobody can own yet`
  if (program.length !== 32) return `an address of witness version 1 with ${program.length} bytes in place of 32`
  return isXOnlyPoint(Buffer.from(program).toString('hex'))
    ? null
    : 'a taproot address whose key is not a point of the curve'
}

const NETWORKS_OF_PREFIX: Readonly<Record<AddressPrefix, string>> = {
  bc: 'mainnet',
  tb: 'testnet or signet',
  bcrt: 'regtest',
}

interface WitnessAddress {
  prefix: AddressPrefix
  version: number
  program: Uint8Array
}

/** null for a wrong checksum, mixed case, the checksum of another witness version, or a wrong length. */
function decodeWitness(address: string): WitnessAddress | null {
  if (address.length > LONGEST_BECH32) return null
  for (const code of [bech32, bech32m]) {
    const decoded = code.decodeUnsafe(address, LONGEST_BECH32)
    if (!decoded) continue
    const [version, ...words] = decoded.words
    const program = code.fromWordsUnsafe(words)
    const isRightCode = code === (version === 0 ? bech32 : bech32m)
    if (version === undefined || version > 16 || !isRightCode || !program) return null
    if (!isProgramLength(version, program.length)) return null
    return { prefix: decoded.prefix as AddressPrefix, version, program: Uint8Array.from(program) }
  }
  return null
}

function base58Problem(address: string, expected: 'main' | 'test', kinds: AddressKinds): string | null {
  const version = base58Version(address)
  const kind = version === null ? null : kindOfVersion(version)
  if (kind === null) return NOT_AN_ADDRESS
  if (kind !== expected) return `an address of ${kind === 'main' ? 'mainnet' : 'testnet'}`
  return kinds === 'ANY' ? null : 'an address in base58, where this protocol allows SegWit addresses only'
}

function kindOfVersion(version: number): 'main' | 'test' | null {
  for (const kind of ['main', 'test'] as const)
    if (version === PUBLIC_KEY_HASH[kind] || version === SCRIPT_HASH[kind]) return kind
  return null
}

function base58Version(address: string): number | null {
  if (address.length > LONGEST_BASE58) return null
  try {
    const bytes = base58check.decode(address)
    return bytes.length === 1 + HASH_BYTES ? (bytes[0] ?? null) : null
  } catch {
    return null
  }
}

/** Whether a witness program of that version may have so many bytes, by BIP 141. */
export function isProgramLength(version: number, bytes: number): boolean {
  return version === 0 ? bytes === 20 || bytes === 32 : bytes >= 2 && bytes <= 40
}

/** A witness program as an address, of any version from 0 to 16. */
export function encodeWitnessAddress(prefix: AddressPrefix, version: number, program: Uint8Array): string {
  const code = version === 0 ? bech32 : bech32m
  return code.encode(prefix, [version, ...code.toWords(program)])
}

/** A hash of 20 bytes as an address in base58. */
export function encodeBase58Address(
  prefix: AddressPrefix,
  kind: 'PUBLIC_KEY_HASH' | 'SCRIPT_HASH',
  hash: Uint8Array,
): string {
  const versions = kind === 'PUBLIC_KEY_HASH' ? PUBLIC_KEY_HASH : SCRIPT_HASH
  return base58check.encode(Uint8Array.of(prefix === 'bc' ? versions.main : versions.test, ...hash))
}

/** As two addresses are compared: bech32 may be in upper case; in base58 the case is part of the address. */
export function canonicalAddress(address: string): string {
  return BECH32_ADDRESS.test(address) ? address.toLowerCase() : address
}

export function isSameAddress(a: string, b: string | null): boolean {
  return b !== null && canonicalAddress(a) === canonicalAddress(b)
}

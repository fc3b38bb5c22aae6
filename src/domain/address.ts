import { getAddressInfo, Network as AddressNetwork } from 'bitcoin-address-validation'
import type { Network } from './lsp.ts'

const NETWORKS: Readonly<Record<AddressNetwork, readonly Network[]>> = {
  [AddressNetwork.mainnet]: ['MAINNET'],
  [AddressNetwork.testnet]: ['TESTNET', 'TESTNET4', 'SIGNET'],
  [AddressNetwork.regtest]: ['REGTEST'],
  [AddressNetwork.signet]: ['SIGNET'],
}

/** Why this is no bitcoin address of that network, by prefix and checksum; null when it is one. */
export function addressProblem(address: string, network: Network): string | null {
  try {
    const info = getAddressInfo(address)
    // Legacy regtest and signet addresses look like testnet's.
    const networks = info.bech32
      ? NETWORKS[info.network]
      : [...NETWORKS[info.network], ...(info.network === AddressNetwork.testnet ? (['REGTEST'] as const) : [])]
    return networks.includes(network) ? null : `an address of ${info.network}`
  } catch {
    return 'not a bitcoin address'
  }
}

/** As it is compared: bech32 is the same in upper case, and of other addresses that differ in case, no two are valid. */
export function canonicalAddress(address: string): string {
  return address.toLowerCase()
}

export function isSameAddress(a: string, b: string | null): boolean {
  return b !== null && canonicalAddress(a) === canonicalAddress(b)
}

/**
 * How a wallet can reach a node address, best first. `CLEARNET`: IPv4, IPv6 and DNS names. `OVERLAY`: Tor (onion v2 and
 * v3, OnionCat) and I2P, which most wallets cannot connect to. `NONE`: a pubkey without an address, or no node URI.
 */
const REACHES = ['CLEARNET', 'OVERLAY', 'NONE'] as const
export type Reach = (typeof REACHES)[number]

/** Tor addresses that are mapped into IPv6 (OnionCat, fd87:d87e:eb43::/48). */
const ONION_CAT = /^fd87:d87e:eb43:/

/** `uri`: pubkey@host, pubkey@host:port, or a pubkey alone. IPv6 hosts may be in brackets. */
export function reachOf(uri: string): Reach {
  const at = uri.indexOf('@')
  const host = at < 0 ? '' : hostOf(uri.slice(at + 1).trim())
  if (host === '') return 'NONE'
  return /\.(onion|i2p)\.?$/.test(host) || ONION_CAT.test(host) ? 'OVERLAY' : 'CLEARNET'
}

/** In lower case, without brackets and port. */
function hostOf(address: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(address)?.[1]
  if (bracketed !== undefined) return bracketed.toLowerCase()
  const [host = '', ...rest] = address.split(':')
  // More than one colon without brackets: an IPv6 address.
  return (rest.length > 1 ? address : host).toLowerCase()
}

/** Clearnet addresses first, then Tor and I2P, then bare pubkeys. Addresses of one kind keep their order. */
export function clearnetFirst(uris: readonly string[]): readonly string[] {
  return REACHES.flatMap((reach) => uris.filter((uri) => reachOf(uri) === reach))
}

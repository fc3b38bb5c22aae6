import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Global unicast IPv6. All other ranges are reserved. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3')
/** RFC 6052: the last 32 bits are an IPv4 address. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/**
 * Whether it is a public internet address: not this machine, a private network, a cloud's metadata service or a reserved
 * range. Unknown means not public.
 */
export function isPublic(address: string): boolean {
  const meant = meantBy(address)
  if (meant === null || meant.range() !== 'unicast') return false
  return !(meant instanceof ipaddr.IPv6) || meant.match(GLOBAL_IPV6)
}

export function isLoopback(address: string): boolean {
  return meantBy(address)?.range() === 'loopback'
}

/** The address in a URL's host, without IPv6 brackets; null when the host is a name. */
export function literalAddress(hostname: string): string | null {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) === 0 ? null : bare
}

/** Whether a URL's host can only be this machine. */
export function isLocalHost(hostname: string): boolean {
  const literal = literalAddress(hostname)
  return literal === null ? isLocalName(hostname) : isLoopback(literal)
}

export function isLocalName(hostname: string): boolean {
  return /^localhost\.?$/i.test(hostname)
}

/** The address that is reached: for IPv4 within IPv6, the IPv4 address. */
function meantBy(address: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  // A zone names an interface of this machine. Short forms such as 127.1 are resolved like names.
  if (address.includes('%') || isIP(address) === 0) return null
  const parsed = ipaddr.process(address)
  if (parsed instanceof ipaddr.IPv6 && parsed.match(NAT64)) return ipaddr.fromByteArray(parsed.toByteArray().slice(12))
  return parsed
}

import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** IPv6 addresses that a router of the internet may know; everything outside has a purpose of its own. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3')
/** RFC 6052: how a network without IPv4 reaches the IPv4 address in the last 32 bits. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/**
 * Whether it is an address of the internet, rather than of this machine, of a network behind it, of a cloud's
 * metadata service or of nobody. What is not known to be public is not.
 */
export function isPublic(address: string): boolean {
  const meant = meantBy(address)
  if (meant === null || meant.range() !== 'unicast') return false
  return !(meant instanceof ipaddr.IPv6) || meant.match(GLOBAL_IPV6)
}

export function isLoopback(address: string): boolean {
  return meantBy(address)?.range() === 'loopback'
}

/** The host of a URL that is an address, without an IPv6 address's brackets; null when it is a name. */
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

/** The address that is reached: IPv4 within IPv6 is what it stands for. */
function meantBy(address: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  // A zone names an interface of this machine. Short forms such as 127.1 are left to who resolves names.
  if (address.includes('%') || isIP(address) === 0) return null
  const parsed = ipaddr.process(address)
  if (parsed instanceof ipaddr.IPv6 && parsed.match(NAT64)) return ipaddr.fromByteArray(parsed.toByteArray().slice(12))
  return parsed
}

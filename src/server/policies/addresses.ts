import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, type Socket } from 'node:net'

/** Whoever a trusted proxy names no address of: all of them count together, and apart from the proxy. */
const UNKNOWN = 'unknown'

/** Finds out which address a request comes from. */
export class Addresses {
  readonly #trusted = new BlockList()

  /** @param trustedProxies addresses and networks, of which the configuration has made sure that they are such */
  constructor(trustedProxies: readonly string[]) {
    for (const network of trustedProxies) {
      const [address = '', bits] = network.split('/')
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
      if (bits === undefined) this.#trusted.addAddress(address, family)
      else this.#trusted.addSubnet(address, Number(bits), family)
    }
  }

  /**
   * The connection's own; from a trusted proxy, the right-most of X-Forwarded-For that is none of those. What stands
   * to the left of it is whatever the client wrote there. null when the proxy names something that is no address:
   * it is not the proxy itself who asks then.
   */
  exactly({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): string | null {
    let address = plain(socket.remoteAddress ?? '')
    const forwarded = headers['x-forwarded-for'] === undefined ? [] : String(headers['x-forwarded-for']).split(',')
    while (forwarded.length > 0 && this.#isTrusted(address)) {
      const next = plain((forwarded.pop() ?? '').trim())
      if (isIP(next) === 0) return null
      address = next
    }
    return address
  }

  /** As limits count it: who has an IPv6 address has 2^64 of them, so the network counts. */
  of(request: Pick<IncomingMessage, 'socket' | 'headers'>): string {
    return counted(this.exactly(request) ?? UNKNOWN)
  }

  /** Of a connection before anything came over it; null when it is a trusted proxy's, who brings everybody. */
  ofConnection({ remoteAddress = '' }: Pick<Socket, 'remoteAddress'>): string | null {
    const address = plain(remoteAddress)
    return this.#isTrusted(address) ? null : counted(address)
  }

  #isTrusted(address: string): boolean {
    const family = isIP(address)
    return family !== 0 && this.#trusted.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** Without a port, brackets or a zone; an IPv4 address within an IPv6 one as itself. */
function plain(text: string): string {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text
  return bare.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
}

function counted(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail] = address.split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length)
  const groups = [...first, ...Array.from({ length: gap }, () => '0'), ...last]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

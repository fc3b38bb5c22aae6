import { createHash } from 'node:crypto'
import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { buildConnector } from 'undici'
import { isLocalHost, isLocalName, isLoopback, isPublic, literalAddress } from './addresses.ts'
import { SECOND_MS } from '../domain/time.ts'

/** Which connections to an LSP are allowed. */
export interface ConnectRules {
  /** http: to other machines. */
  allowInsecure?: boolean
  /** Private and local addresses, for an LSP whose URL has a host name. */
  allowPrivateAddresses?: boolean
  /** SHA-256 of the allowed public keys (SubjectPublicKeyInfo), in hexadecimal. Empty: any key. */
  pinnedKeySha256?: readonly string[]
}

/** Replaces DNS and the certificate authorities in tests. */
export interface Surroundings {
  lookup?: AllLookup
  /** Replaces the system's authorities; PEM. */
  ca?: string
}

export type AllLookup = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

const CONNECT_TIMEOUT_MS = 5 * SECOND_MS

/** No connection was made, or it was closed before use: nothing was sent. The message may be shown. */
export class NotConnected extends Error {
  override name = 'NotConnected'
}

/**
 * Makes the connections to one LSP. The addresses of a name are checked where the connection takes them from, so that
 * it goes to a checked address even if the name resolves differently a moment later. An address that the operator
 * configured is not checked.
 */
export function connectorTo(
  hostname: string,
  rules: ConnectRules,
  { lookup = systemLookup, ca }: Surroundings,
): buildConnector.connector {
  const isNamed = literalAddress(hostname) !== null
  const mayReach = (address: string) =>
    isNamed || rules.allowPrivateAddresses || (isLocalName(hostname) ? isLoopback(address) : isPublic(address))
  const connect = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED cannot turn it off.
    rejectUnauthorized: true,
    // A resumed session has no certificate, and so no key to compare.
    maxCachedSessions: 0,
    lookup: onlyAllowed(lookup, mayReach),
    ...(ca === undefined ? {} : { ca }),
  })
  return (options, callback) => {
    if (options.protocol !== 'https:' && !rules.allowInsecure && !isLocalHost(hostname)) {
      callback(new NotConnected('http is not allowed: use https, or set allowInsecure'), null)
      return
    }
    connect(options, (error, socket) => {
      const problem = error ?? socketProblem(socket, mayReach, rules.pinnedKeySha256 ?? [])
      if (problem === null && socket !== null) {
        callback(null, socket)
        return
      }
      socket?.destroy()
      callback(problem instanceof NotConnected ? problem : new NotConnected(reasonOf(problem)), null)
    })
  }
}

/** Like `lookup`, without the addresses that are not allowed. */
function onlyAllowed(lookup: AllLookup, isAllowed: (address: string) => boolean) {
  return (
    hostname: string,
    options: LookupOptions,
    callback: (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void,
  ) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        callback(error, [])
        return
      }
      const [first, ...others] = addresses.filter(({ address }) => isAllowed(address))
      if (first === undefined)
        callback(
          new NotConnected(
            `${hostname} resolves to a private address: use the address itself in url, or set allowPrivateAddresses`,
          ),
          [],
        )
      else if (options.all) callback(null, [first, ...others])
      else callback(null, first.address, first.family)
    })
  }
}

function socketProblem(
  socket: Socket | null,
  mayReach: (address: string) => boolean,
  pins: readonly string[],
): NotConnected | null {
  if (!socket?.remoteAddress || !mayReach(socket.remoteAddress))
    return new NotConnected('the connected address is not allowed')
  if (pins.length === 0) return null
  const key = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.publicKey : undefined
  const pin =
    key &&
    createHash('sha256')
      .update(key.export({ type: 'spki', format: 'der' }))
      .digest('hex')
  return pin !== undefined && pins.includes(pin)
    ? null
    : new NotConnected("the server's public key is not in pinnedKeySha256")
}

function reasonOf(error: Error | null): string {
  const { code } = error as NodeJS.ErrnoException
  return isAboutCertificate(code ?? '') ? `invalid certificate (${code})` : `no connection${code ? ` (${code})` : ''}`
}

function isAboutCertificate(code: string): boolean {
  return (
    code.startsWith('CERT_') ||
    code.startsWith('ERR_TLS_CERT_') ||
    code.includes('SELF_SIGNED') ||
    code.startsWith('UNABLE_TO_')
  )
}

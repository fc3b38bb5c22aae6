import { createHash } from 'node:crypto'
import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { buildConnector } from 'undici'
import { isLocalHost, isLocalName, isLoopback, isPublic, literalAddress } from './addresses.ts'
import { SECOND_MS } from '../domain/time.ts'

/** Whom a connection to an LSP may be made with. */
export interface ConnectRules {
  /** http: to somebody else than this machine. */
  allowInsecure?: boolean
  /** Addresses that are not of the internet, for an LSP that is configured by a name. */
  allowPrivateAddresses?: boolean
  /** SHA-256 of public keys (SubjectPublicKeyInfo), in hexadecimal: the server must have one of them. Empty: any. */
  pinnedKeySha256?: readonly string[]
}

/** How names and certificates are looked up; a test has its own way. */
export interface Surroundings {
  lookup?: AllLookup
  /** Authorities instead of the system's, as PEM. */
  ca?: string
}

export type AllLookup = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

const CONNECT_TIMEOUT_MS = 5 * SECOND_MS

/** No connection was made, or one that was not used: nothing was sent. The message is for people. */
export class NotConnected extends Error {
  override name = 'NotConnected'
}

/**
 * Makes the connections to one LSP. The addresses that a name resolves to are checked where the connection takes
 * them from, so that it goes to an address that was checked, whatever the name says a moment later. An address that
 * the operator wrote down is not looked up, and needs no permission.
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
    // Said here so that NODE_TLS_REJECT_UNAUTHORIZED cannot say otherwise.
    rejectUnauthorized: true,
    // A resumed session shows no certificate, and so no key to compare.
    maxCachedSessions: 0,
    lookup: onlyAllowed(lookup, mayReach),
    ...(ca === undefined ? {} : { ca }),
  })
  return (options, callback) => {
    if (options.protocol !== 'https:' && !rules.allowInsecure && !isLocalHost(hostname)) {
      callback(new NotConnected('http is not allowed: the configuration says neither https nor allowInsecure'), null)
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

/** As `lookup`, without the addresses that are not allowed. */
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
            `${hostname} leads to a private address: name the address itself in the configuration, or set allowPrivateAddresses`,
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
    return new NotConnected('no connection to an address that is allowed')
  if (pins.length === 0) return null
  const key = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.publicKey : undefined
  const pin =
    key &&
    createHash('sha256')
      .update(key.export({ type: 'spki', format: 'der' }))
      .digest('hex')
  return pin !== undefined && pins.includes(pin)
    ? null
    : new NotConnected("the server's public key is not the one that pinnedKeySha256 names")
}

function reasonOf(error: Error | null): string {
  const { code } = error as NodeJS.ErrnoException
  return isAboutCertificate(code ?? '')
    ? `the certificate was not accepted (${code})`
    : `no connection${code ? ` (${code})` : ''}`
}

function isAboutCertificate(code: string): boolean {
  return (
    code.startsWith('CERT_') ||
    code.startsWith('ERR_TLS_CERT_') ||
    code.includes('SELF_SIGNED') ||
    code.startsWith('UNABLE_TO_')
  )
}

import type { Check } from './checks.ts'
import { pubkeyOfUri } from './lsp.ts'
import type { ClientNode } from './reading.ts'

// Compares the node that the LSP repeats in its answers with the client's node.

/** The client's node as it was requested, and the node that the client named in openChannel. */
export interface AskedNode {
  request: { clientPubkey: string; clientAddress: string | null }
  openNodeUri?: string
}

/** null: the answer does not repeat the node, and its protocol does not require that. */
export function verifyClientNode({ request, openNodeUri }: AskedNode, reported: ClientNode | null): Check | null {
  if (reported === null) return null
  const { uri } = reported
  const asked = request.clientPubkey.toLowerCase()
  if (uri === null)
    return result(
      'WARNING',
      `asked for a channel with the node ${asked}; the LSP does not repeat the node`,
      asked,
      'no node',
    )
  const pubkey = pubkeyOfUri(uri)
  const isNamedLater = openNodeUri !== undefined && pubkey === pubkeyOfUri(openNodeUri)
  if (pubkey !== asked && !isNamedLater)
    return result(
      'FAILED',
      `asked for a channel with the node ${asked}, the LSP names ${pubkey ?? 'no node'}`,
      asked,
      pubkey ?? 'no node',
    )
  const address = addressOf(uri)
  const wanted = isNamedLater ? addressOf(openNodeUri) : (request.clientAddress?.toLowerCase() ?? null)
  return address !== null && wanted !== null && address !== wanted
    ? result('WARNING', `asked for the node's address ${wanted}, the LSP names ${address}`, wanted, address)
    : result(
        'PASSED',
        `the channel is for the node ${pubkey}`,
        isNamedLater ? (pubkeyOfUri(openNodeUri) ?? asked) : asked,
        pubkey ?? asked,
      )
}

const result = (verdict: Check['verdict'], message: string, expected: string, actual: string): Check => ({
  code: 'CLIENT_ECHOED',
  verdict,
  message,
  expected,
  actual,
})

/** host:port in lower case; null: a bare public key. */
function addressOf(uri: string): string | null {
  const at = uri.indexOf('@')
  return at < 0 ? null : uri.slice(at + 1).toLowerCase()
}

import { isLocalName, isPublic, literalAddress } from '../upstream/addresses.ts'

/** Where a client's events are posted, as the operator configured it. */
export interface WebhookConfig {
  url: string
  /** whsec_… or plain text. */
  secret: string
  /** Also allows http:, which is common there. */
  allowPrivateAddresses: boolean
}

/**
 * What is wrong with a target that can be seen without looking its name up; null when nothing is. Unlike an LSP,
 * a webhook may be what a wallet asked its operator for: an address within is allowed in so many words, or not at all.
 */
export function targetProblem({
  url,
  allowPrivateAddresses,
}: Pick<WebhookConfig, 'url' | 'allowPrivateAddresses'>): string | null {
  if (allowPrivateAddresses) return null
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'https:') return 'http: is not allowed without allowPrivateAddresses'
  const address = literalAddress(hostname)
  const isInside = address === null ? isLocalName(hostname) : !isPublic(address)
  return isInside ? 'a private address is not allowed without allowPrivateAddresses' : null
}

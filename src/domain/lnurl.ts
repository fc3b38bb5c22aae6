import { bech32 } from '@scure/base'
import type { Network } from './lsp.ts'

// LNURLs that open a channel: LUD-01 (bech32), LUD-17 (lnurlc://) and LUD-02 (channelRequest).

/** Wallets and QR codes take no longer ones. */
const MAX_CHARACTERS = 2_048
const LIGHTNING_SCHEME = /^lightning:(?:\/\/)?/i
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** Why a wallet must not open it; null when it is an LNURL that may open a channel. */
export function lnurlChannelProblem(text: string, network: Network): string | null {
  if (text.length > MAX_CHARACTERS) return `longer than ${MAX_CHARACTERS} characters`
  const url = urlOf(text)
  if (url === null) return 'not an LNURL (LUD-01 or LUD-17)'
  if (url.username !== '' || url.password !== '') return 'its URL contains a user name or a password'
  const isOnion = /^[a-z2-7.]+\.onion$/.test(url.hostname)
  const isSandbox = network === 'REGTEST' && LOOPBACK.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && (isOnion || isSandbox)))
    return 'its URL is neither https nor an onion service'
  const tag = [...url.searchParams].find(([name, value]) => name.toLowerCase() === 'tag' && value !== 'channelRequest')
  return tag ? 'its tag is not channelRequest (LUD-02)' : null
}

/** The URL that a wallet would open; null when `text` is none of the forms of an LNURL. */
function urlOf(text: string): URL | null {
  const lnurl = text.replace(LIGHTNING_SCHEME, '')
  try {
    if (/^lnurl1/i.test(lnurl)) {
      const { prefix, words } = bech32.decode(lnurl as `lnurl1${string}`, false)
      const bytes = bech32.fromWords(words)
      return prefix === 'lnurl' ? new URL(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) : null
    }
    if (!/^lnurlc:\/\//i.test(text)) return null
    const rest = text.slice('lnurlc://'.length)
    const { hostname } = new URL(`https://${rest}`)
    return new URL(`${hostname.endsWith('.onion') ? 'http' : 'https'}://${rest}`)
  } catch {
    return null
  }
}

import type { IncomingMessage } from 'node:http'

/** Where a request goes; null when its first line, or its Host, is none that a URL can be made of. */
export function urlOf({ url = '/', headers }: IncomingMessage): URL | null {
  // `//x` is a path here, not the host that `new URL` takes it for.
  const text = url.startsWith('/') ? `http://${headers.host ?? 'localhost'}${url}` : url
  return URL.canParse(text) ? new URL(text) : null
}

/**
 * Whether a page of another site, in a browser of somebody who can connect, makes this request. Pages on the same
 * machine count as one's own.
 */
export function isOfAnotherSite({ headers: { origin, host } }: IncomingMessage): boolean {
  if (origin === undefined) return false
  if (!URL.canParse(origin)) return true
  const url = new URL(origin)
  return url.host !== host && !['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
}

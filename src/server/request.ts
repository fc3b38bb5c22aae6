import type { IncomingMessage } from 'node:http'

/** Where a request goes; null when its first line, or its Host, is none that a URL can be made of. */
export function urlOf({ url = '/', headers }: IncomingMessage): URL | null {
  // `//x` is a path here, not the host that `new URL` takes it for.
  const text = url.startsWith('/') ? `http://${headers.host ?? 'localhost'}${url}` : url
  return URL.canParse(text) ? new URL(text) : null
}

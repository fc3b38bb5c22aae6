import type { IncomingMessage } from 'node:http'

/** A Host with more in it than a host would be part of the path. */
const HOST = /^[\w.:[\]-]*$/

/** Where a request goes; null when its first line, or its Host, is none that a URL can be made of, or it has two. */
export function urlOf({ url = '/', headers, rawHeaders }: IncomingMessage): URL | null {
  if (
    !HOST.test(headers.host ?? '') ||
    rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length > 1
  )
    return null
  // `//x` is a path here, not the host that `new URL` takes it for.
  const text = url.startsWith('/') ? `http://${headers.host ?? 'localhost'}${url}` : url
  return URL.canParse(text) ? new URL(text) : null
}

import type { ServerResponse } from 'node:http'

/** What every answer says to browsers, unless it says something of its own. */
const HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  // No page may take it for its own picture or script; CORS is not concerned.
  'cross-origin-resource-policy': 'same-origin',
  // Prices and orders are of one client and one moment.
  'cache-control': 'no-store',
}

export function secure(response: ServerResponse): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
}

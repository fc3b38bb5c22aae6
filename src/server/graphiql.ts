import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { graphiqlTabs } from './graphiql-tabs.ts'
import { GRAPHQL_PATH } from './pipeline.ts'

interface Page {
  html: Buffer
  gzipped: Buffer
  etag: string
}

export interface GraphiqlOptions {
  /** Also show how to pay and to break things. */
  sandbox: { clientPubkey: string; clientAddress: string } | null
}

/** A browser that wants a page, not an operation's answer. */
export function wantsGraphiql({ method, url, headers }: IncomingMessage): boolean {
  return (method === 'GET' || method === 'HEAD') && (headers.accept ?? '').includes('text/html') && !new URL(url ?? '/', 'http://localhost').searchParams.has('query')
}

/** Serves GraphiQL without any other host: everything that the page needs is in the page. */
export function serveGraphiql(options: GraphiqlOptions): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  // Nine megabytes, and fifty of memory when loaded: not before somebody wants it, and once.
  let page: Promise<Page> | null = null
  return async (request, response) => {
    page ??= render(options)
    const { html, gzipped, etag } = await page
    const headers = { etag, vary: 'accept-encoding', 'cache-control': 'no-cache', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' }
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, headers).end()
      return
    }
    const isGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
    const body = isGzip ? gzipped : html
    response.writeHead(200, { ...headers, 'content-type': 'text/html; charset=utf-8', 'content-length': body.length, ...(isGzip ? { 'content-encoding': 'gzip' } : {}) })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
}

async function render(options: GraphiqlOptions): Promise<Page> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  const html = Buffer.from(
    renderGraphiQL({
      title: 'Sluice',
      endpoint: GRAPHQL_PATH,
      subscriptionsProtocol: 'WS',
      defaultTabs: graphiqlTabs(options),
      defaultEditorToolsVisibility: 'variables',
      schemaDescription: true,
    }),
  )
  return { html, gzipped: await promisify(gzip)(html), etag: `"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"` }
}

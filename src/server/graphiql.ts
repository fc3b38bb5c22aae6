import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { graphiqlTabs, type Tab } from './graphiql-tabs.ts'
import { GRAPHQL_PATH } from './pipeline.ts'

interface Page {
  html: Buffer
  policy: string
  gzipped: Buffer
  etag: string
}

/** How the page subscribes: it sends the headers that are typed into it, and with them a key, over HTTP only. */
type Protocol = 'WS' | 'SSE'

export interface GraphiqlOptions {
  /** Also show how to pay and to break things. */
  sandbox: { clientPubkey: string; clientAddress: string } | null
}

const PAGE_HEADERS = {
  'cache-control': 'no-cache',
  vary: 'accept, accept-encoding',
}

/** What the page needs is in it: scripts, styles, fonts and workers; it speaks to nobody but us. */
function policyOf(html: string): string {
  const scripts = [...html.matchAll(/<script[^>]*>([\s\S]*?)<\/script/gi)].map(
    ([, script = '']) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  )
  return [
    "default-src 'none'",
    `script-src ${scripts.join(' ')}`,
    'worker-src blob:',
    // The editor positions everything by style attributes, which have no hashes.
    "style-src 'unsafe-inline'",
    'img-src data:',
    'font-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/**
 * Whether it is a browser that opens a page. GraphiQL writes the query into the page's address, and has to be there
 * when that address is opened again.
 */
export function wantsGraphiql({ method, headers }: IncomingMessage): boolean {
  return (method === 'GET' || method === 'HEAD') && (headers.accept ?? '').includes('text/html')
}

/** Serves GraphiQL without any other host: everything that the page needs is in the page. */
export function serveGraphiql(
  options: GraphiqlOptions,
  takesKey: () => boolean,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  // Nine megabytes, and fifty of memory when loaded: not before somebody wants it, and once.
  const pages = new Map<Protocol, Promise<Page>>()
  return async (request, response) => {
    const protocol = takesKey() ? 'SSE' : 'WS'
    const page = pages.get(protocol) ?? render(options, protocol)
    pages.set(protocol, page)
    const { html, gzipped, policy, etag } = await page
    const headers = { ...PAGE_HEADERS, 'content-security-policy': policy, etag }
    if (request.headers['if-none-match']?.includes(etag.slice(2))) {
      response.writeHead(304, headers).end()
      return
    }
    const isGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
    const body = isGzip ? gzipped : html
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/html; charset=utf-8',
      'content-length': body.length,
      ...(isGzip ? { 'content-encoding': 'gzip' } : {}),
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
}

async function render(options: GraphiqlOptions, subscriptionsProtocol: Protocol): Promise<Page> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  const tabs = graphiqlTabs(options, subscriptionsProtocol === 'SSE')
  const html = renderGraphiQL({
    title: 'Sluice',
    endpoint: GRAPHQL_PATH,
    subscriptionsProtocol,
    defaultTabs: tabs,
    defaultEditorToolsVisibility: subscriptionsProtocol === 'SSE' ? 'headers' : 'variables',
    // A link can open this page with a mutation: a stored key would run it at one press of a button.
    shouldPersistHeaders: false,
    schemaDescription: true,
  })
  const mended = html
    .replace(/<meta charset[^>]*>/i, (tag) => `${tag}<meta name="viewport" content="width=device-width" />`)
    .replace(/<body[^>]*>/, (tag) => `${tag}${mending(tabs)}`)
  const body = Buffer.from(mended)
  return {
    html: body,
    policy: policyOf(mended),
    gzipped: await promisify(gzip)(body),
    etag: `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
  }
}

/** Corrections of GraphiQL 5, and the removal of keys that earlier versions of this page stored. Runs before GraphiQL. */
function mending([first]: readonly Tab[]): string {
  const opened = JSON.stringify({ query: first?.query, variables: first?.variables }).replaceAll('<', '\\u003c')
  return `
    <style>
      /* Tabs can be dragged, for which they jump away from under the pointer that presses them for the first time. */
      .graphiql-tab { transform: none !important }
      /* On a phone the answer is below the editors. */
      @media (max-width: 700px) {
        .graphiql-session-header + div { flex-direction: column !important }
        .graphiql-session-header + div > div { flex: 1 1 0 !important; min-height: 0; width: 100% }
        .graphiql-session-header + div > .graphiql-horizontal-drag-bar, .graphiql-logo { display: none !important }
        .graphiql-sidebar { width: 44px !important }
      }
    </style>
    <script>
      // Earlier versions stored headers: in their own entry, in each tab and its hash, and in each query of the history.
      for (const name of Object.keys(localStorage).filter((name) => name.startsWith('graphiql:'))) {
        if (name === 'graphiql:headers' || name === 'graphiql:shouldPersistHeaders') delete localStorage[name]
        if (!['graphiql:tabState', 'graphiql:queries', 'graphiql:favorites'].includes(name)) continue
        try {
          const isSecret = (key) => key === 'headers' || key === 'hash'
          localStorage[name] = JSON.stringify(JSON.parse(localStorage[name]), (key, value) => isSecret(key) ? null : value)
        } catch {
          delete localStorage[name]
        }
      }
      addEventListener('pointerdown', (event) => event.target.closest?.('.graphiql-tabs') && event.stopPropagation(), true)
      // It opens a tab by a query and variables kept elsewhere, none at first, and adds a tab when they fit no other.
      const kept = JSON.parse(localStorage['graphiql:tabState'] ?? 'null')
      const { query, variables } = kept?.tabs[kept.activeTabIndex] ?? ${opened}
      localStorage['graphiql:query'] = query ?? ''
      localStorage['graphiql:variables'] = variables ?? ''
    </script>`
}

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { isLocalHost, literalAddress } from '../../upstream/addresses.ts'

/** A header that a page of another site can send only after its browser has asked us whether it may. */
const PREFLIGHTED = ['graphql-require-preflight', 'apollo-require-preflight', 'x-apollo-operation-name']
const ALLOWED_HEADERS = ['accept', 'authorization', 'content-type', ...PREFLIGHTED].join(', ')

/** Who can connect at all. */
interface Reach {
  /** Whether it listens on loopback alone. */
  isLocal: boolean
  haveKeys(): boolean
}

/**
 * What pages of other sites, in browsers of people who can connect, may do here.
 *
 * Any page can have a browser send a GET, or a POST of a form or a text, to any address, with what the browser knows
 * of that address: being in the same network is enough where there are no keys. It cannot read the answer, but a
 * subscription or an expensive query has run by then. It cannot send JSON, or a header of its own, without a
 * preflight, which nobody but `allowedOrigins` passes. Browsers say whence a request comes by `Sec-Fetch-Site`, and
 * all of them by `Origin` when it is a WebSocket; where they say neither (to plain http: hosts), a header that takes
 * a preflight proves the same. Programs that are no browsers say none of it, and are not bothered.
 */
export class Sites {
  readonly #origins: ReadonlySet<string>
  readonly #hosts: ReadonlySet<string>
  readonly #reach: Reach

  constructor(allowedOrigins: readonly string[], reach: Reach) {
    this.#origins = new Set(allowedOrigins)
    this.#hosts = new Set(allowedOrigins.map((origin) => new URL(origin).host))
    this.#reach = reach
  }

  /** Whether a page that may not ask makes this request, in a way for which its browser did not ask us first. */
  isForeign(request: IncomingMessage): boolean {
    const { headers } = request
    if (!isSimple(request)) return false
    if (headers.origin !== undefined) return !this.#isOwn(headers) && !this.isAllowed(headers.origin)
    const site = headers['sec-fetch-site']
    if (site !== undefined) return site !== 'same-origin' && site !== 'none'
    return /^Mozilla\//i.test(headers['user-agent'] ?? '') && !PREFLIGHTED.some((name) => headers[name] !== undefined)
  }

  /** A WebSocket of a page always says where the page is from. */
  isForeignSocket({ headers }: IncomingMessage): boolean {
    return headers.origin !== undefined && !this.#isOwn(headers) && !this.isAllowed(headers.origin)
  }

  isAllowed(origin: string): boolean {
    return this.#origins.has(origin.toLowerCase())
  }

  /**
   * Whether the host that the client thinks it speaks to is not ours: a name of a stranger's that leads here makes
   * their page one of "our own" in a browser's eyes. Programs call a gateway by whatever name it has in their network,
   * and are no stranger's; on this machine alone it has but few. Where a key is wanted the host does not matter: no
   * page has one.
   * @param wantsKey whether this request is answered only with a key
   */
  isMisdirected({ headers }: IncomingMessage, wantsKey = this.#reach.haveKeys()): boolean {
    const { host = '' } = headers
    const { isLocal } = this.#reach
    if (wantsKey || this.#hosts.has(host.toLowerCase())) return false
    if (!isLocal && !isOfBrowser(headers)) return false
    if (!URL.canParse(`http://${host}`)) return true
    const { hostname } = new URL(`http://${host}`)
    if (isLocalHost(hostname) || /\.localhost\.?$/i.test(hostname)) return false
    return isLocal || literalAddress(hostname) === null
  }

  /** Lets the pages of allowed origins read the answer. @returns whether the request is answered by that. */
  allow({ method, headers }: IncomingMessage, response: ServerResponse): boolean {
    if (this.#origins.size === 0) return false
    response.setHeader('vary', 'Origin')
    if (headers.origin === undefined || !this.isAllowed(headers.origin)) return false
    response.setHeader('access-control-allow-origin', headers.origin)
    response.setHeader('access-control-expose-headers', 'retry-after')
    if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false
    response
      .writeHead(204, {
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': ALLOWED_HEADERS,
        'access-control-max-age': '600',
      })
      .end()
    return true
  }

  #isOwn({ origin, host }: IncomingHttpHeaders): boolean {
    return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()
  }
}

/**
 * Whether a browser sends it, for a page that may write into its headers what it likes. Over plain http: a GET of a
 * browser has neither Origin nor Sec-Fetch-Site, and some let a page choose the User-Agent, but none takes
 * Accept-Language away. Node's own fetch sends that too, with a Sec-Fetch-Mode, which no page can add.
 */
function isOfBrowser(headers: IncomingHttpHeaders): boolean {
  if (
    headers.origin !== undefined ||
    headers['sec-fetch-site'] !== undefined ||
    headers['sec-fetch-dest'] !== undefined
  )
    return true
  return (
    /^Mozilla\//i.test(headers['user-agent'] ?? '') ||
    (headers['accept-language'] !== undefined && headers['sec-fetch-mode'] === undefined)
  )
}

const SIMPLE_TYPES = /^\s*(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\s*(;|$)/i

/** Whether a browser would send it for any page, without asking. */
function isSimple({ method, headers }: IncomingMessage): boolean {
  if (method === 'GET' || method === 'HEAD') return true
  return method === 'POST' && (headers['content-type'] === undefined || SIMPLE_TYPES.test(headers['content-type']))
}

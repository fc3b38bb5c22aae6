import { isIP } from 'node:net'
import { z } from 'zod'
import { isLocalHost } from '../upstream/addresses.ts'
import { key } from './key.ts'

// Who may ask, from where, for what and how much.

/** What one operation may ask for. A wallet's operations stay far below all of it. */
export interface DocumentLimits {
  /** Words and signs in the document, so that parsing and validating it stays cheap. */
  maxTokens: number
  /** Selections within selections; introspection as GraphiQL does it needs 15. */
  maxDepth: number
  /** Fields asked for under another name. */
  maxAliases: number
  /** Fields of Query or Subscription. */
  maxRootFields: number
  /** Fields of the answer, each counted as often as its lists may be long, and entries of lists in arguments. */
  maxCost: number
}

/** What one client may do. */
export interface ClientLimits {
  operationsPerSecond: number
  /** createOrder, renewChannel, and every other mutation: each has an LSP do something. */
  ordersPerMinute: number
  /** Comparisons whose `firm` is not NEVER, each of which may place orders at LSPs. */
  firmQuotesPerMinute: number
  comparisonsPerMinute: number
  sockets: number
  /** Open at once, over whatever transport. */
  subscriptions: number
}

export interface LimitsConfig extends DocumentLimits, ClientLimits {
  subscriptionsPerSocket: number
  totalSockets: number
  totalSubscriptions: number
}

export interface JwtConfig {
  issuer: string
  audience: string
  jwksUrl: string
  algorithms: readonly string[]
}

export const DOCUMENT_LEVELS = ['allow', 'log', 'only'] as const

export interface TrustedDocumentsConfig {
  /** The path of a file. */
  manifest: string
  level: (typeof DOCUMENT_LEVELS)[number]
}

export interface AccessConfig {
  limits: LimitsConfig
  jwt: JwtConfig | null
  /** Addresses and networks in CIDR notation. */
  trustedProxies: readonly string[]
  /** Origins of other sites whose pages may ask, such as https://wallet.example. */
  allowedOrigins: readonly string[]
  trustedDocuments: TrustedDocumentsConfig | null
}

/** None of them can be had with a shared secret, or without a signature. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const

const many = z.int().min(1).max(10_000_000)

/** What may be said of all clients, and of one. */
const CLIENT_LIMITS = {
  operationsPerSecond: [
    2_000,
    'Operations a second, over all transports together. Counted for each client, and for each address.',
  ],
  ordersPerMinute: [
    1_200,
    'Mutations a minute: `createOrder`, `renewChannel` and the others, each of which has an LSP do something. Counted for each client, and for each address.',
  ],
  firmQuotesPerMinute: [
    6_000,
    'Comparisons a minute whose `firm` is not NEVER, which may place orders at LSPs. Counted for each client, and for each address.',
  ],
  comparisonsPerMinute: [
    60_000,
    'Comparisons a minute, whatever their `firm`. Counted for each client, and for each address.',
  ],
  sockets: [25_000, 'WebSocket connections at once. Counted for each client, and for each address.'],
  subscriptions: [50_000, 'Subscriptions at once, over all transports together.'],
} as const satisfies Record<keyof ClientLimits, [number, string]>

const clientLimit = (name: keyof ClientLimits) => CLIENT_LIMITS[name]

export const limitsSchema = z.strictObject({
  ...mapLimits((name) => key(many.default(clientLimit(name)[0]), { description: clientLimit(name)[1] })),
  subscriptionsPerSocket: key(many.default(1_000), {
    description: 'Operations under way at once over one WebSocket connection.',
  }),
  totalSockets: key(many.default(50_000), { description: 'WebSocket connections at once, of everybody together.' }),
  totalSubscriptions: key(many.default(100_000), { description: 'Subscriptions at once, of everybody together.' }),
  maxTokens: key(z.int().min(100).max(100_000).default(2_000), { description: 'Words and signs in a document.' }),
  maxDepth: key(z.int().min(3).max(100).default(18), {
    description: 'Selections within selections; GraphiQL asks for 15.',
  }),
  maxAliases: key(z.int().min(0).max(10_000).default(30), { description: 'Fields asked for under another name.' }),
  maxRootFields: key(z.int().min(1).max(1_000).default(20), {
    description: 'Fields of `Query` in one operation. Of `Mutation` it is always one.',
  }),
  maxCost: key(z.int().min(100).max(10_000_000).default(20_000), {
    description:
      "Fields of one operation's answer, each counted as often as the lists around it may be long, and entries of lists in arguments. An entry of `events` counts as 10, an `orderExport` as 2000. Of a subscription, one event; never more than 5000.",
  }),
})

export const DEFAULT_LIMITS: LimitsConfig = limitsSchema.parse({})

/** In place of the ones for everybody. */
export const clientLimitsSchema = z.strictObject(
  mapLimits((name) => key(many.optional(), { description: `In place of \`limits.${name}\`.` })),
)

function mapLimits<Schema>(schemaOf: (name: keyof ClientLimits) => Schema): Record<keyof ClientLimits, Schema> {
  return {
    operationsPerSecond: schemaOf('operationsPerSecond'),
    ordersPerMinute: schemaOf('ordersPerMinute'),
    firmQuotesPerMinute: schemaOf('firmQuotesPerMinute'),
    comparisonsPerMinute: schemaOf('comparisonsPerMinute'),
    sockets: schemaOf('sockets'),
    subscriptions: schemaOf('subscriptions'),
  }
}

export const expirySchema = key(z.iso.datetime({ offset: true }).optional(), {
  description: 'When the key ends, and with it what it has open. Without it, never.',
  allowed: 'an instant in ISO 8601, such as 2027-01-31T00:00:00Z',
})

const isJwksUrl = (text: string) =>
  URL.canParse(text) &&
  !/[\s@\\]/.test(text) &&
  (/^https:/i.test(text) || (/^http:/i.test(text) && isLocalHost(new URL(text).hostname)))

const jwtSchema = z.strictObject({
  issuer: key(z.string().min(1).max(2_000), { description: "What the token's `iss` must be." }),
  audience: key(z.string().min(1).max(2_000), { description: "What the token's `aud` must be, or hold." }),
  jwksUrl: key(z.string().max(2_000).refine(isJwksUrl), {
    description: "Where the issuer's public keys are (JWKS).",
    allowed: 'an https:// URL without credentials; http:// for this machine alone',
    hides: 'credentials',
  }),
  algorithms: key(
    z
      .array(key(z.enum(ALGORITHMS), { description: '' }))
      .min(1)
      .default([...ALGORITHMS]),
    { description: 'The signatures that are taken.', allowed: `a list of: ${ALGORITHMS.join(', ')}` },
  ),
})

export function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

const isOrigin = (text: string) =>
  URL.canParse(text) && /^https?:/i.test(text) && new URL(text).origin === text.toLowerCase()

const trustedDocumentsSchema = z.strictObject({
  manifest: key(z.string().min(1).max(4_000), {
    description:
      'Path of a JSON file: an Apollo operation manifest, or a mapping of ids to documents as GraphQL Code Generator writes it. Seen from the directory of this file.',
    allowed: 'the path of a file',
  }),
  level: key(z.enum(DOCUMENT_LEVELS).default('allow'), {
    description:
      'What becomes of other documents: `allow` runs them, `log` runs and logs them, `only` refuses them, introspection too.',
  }),
})

export const accessKeys = {
  limits: key(limitsSchema.prefault({}), {
    description: 'What anybody may ask for. A busy wallet backend never meets them.',
  }),
  jwt: key(jwtSchema.optional(), {
    description:
      'Takes tokens of an issuer, besides API keys. The client is `sub`, and the token has to have an `exp`.',
  }),
  trustedProxies: key(
    z
      .array(
        key(z.string().refine(isNetwork), { description: '', allowed: 'an address or a network, such as 10.0.0.0/8' }),
      )
      .max(1_000)
      .default([]),
    {
      description:
        "Proxies in front of the gateway whose `X-Forwarded-For` is believed. With none, an address is the connection's own.",
      allowed: 'a list of addresses and networks, such as 10.0.0.0/8',
    },
  ),
  allowedOrigins: key(
    z
      .array(
        key(z.string().refine(isOrigin), { description: '', allowed: 'an origin, such as https://wallet.example' }),
      )
      .max(1_000)
      .default([]),
    {
      description:
        'The sites whose pages may ask from within a browser. With none, only pages of the gateway itself. Without `clients` and `jwt`, a browser can call the gateway by their hosts too, and else by its address or `localhost`.',
      allowed: 'a list of origins, such as https://wallet.example',
    },
  ),
  trustedDocuments: key(trustedDocumentsSchema.optional(), {
    description: 'The operations that clients are known to send.',
  }),
}

type AccessFile = z.output<z.ZodObject<typeof accessKeys>>

export function accessConfig({
  limits,
  jwt,
  trustedProxies,
  allowedOrigins,
  trustedDocuments,
}: AccessFile): AccessConfig {
  return {
    limits,
    jwt: jwt ?? null,
    trustedProxies,
    allowedOrigins: allowedOrigins.map((origin) => origin.toLowerCase()),
    trustedDocuments: trustedDocuments ?? null,
  }
}

/** Where nothing is configured, as in the sandbox. */
export const DEFAULT_ACCESS: AccessConfig = accessConfig(z.object(accessKeys).parse({}))

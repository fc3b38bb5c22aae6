import { z } from 'zod'
import { accessKeys, clientLimitsSchema, expirySchema } from './access.ts'
import { key } from './key.ts'
import { NETWORKS, pubkeyOfUri } from '../domain/lsp.ts'
import { isLocalHost } from '../upstream/addresses.ts'
import { AUTH_SCHEMES } from '../upstream/http.ts'
import type { Adapter } from '../protocols/adapter.ts'
import { signingKey } from '../webhooks/signing.ts'
import { targetProblem } from '../webhooks/target.ts'

// What may stand in the configuration file. A new key is one entry here with its meaning: messages about mistakes
// and docs/configuration.md follow from it.

/** What the configuration has to know of a protocol. */
export type ConfigurableProtocol = Pick<Adapter, 'configName' | 'protocol' | 'tariff' | 'requestsPerMinute'>

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

const label = (longest: number) =>
  z.string().regex(new RegExp(`^(?=.*\\S)[^\\p{Cc}\\p{Cf}\\u2028\\u2029]{1,${longest}}$`, 'u'))

// `new URL` quietly drops line breaks and turns \ into /, which are mistakes here.
const isBaseUrl = (text: string) => /^https?:\/\/[^\s\\/?#@]+(\/[^\s\\?#]*)?$/i.test(text) && URL.canParse(text)
const isWebsite = (text: string) => /^https?:\/\/[^\s\\/?#@]+([/?#][^\s\\]*)?$/i.test(text) && URL.canParse(text)

function isNodeUri(text: string): boolean {
  const address = /^[0-9a-f]{66}@(?:[a-z0-9](?:[a-z0-9.-]{0,252})|\[[0-9a-f:.]{2,45}\]):(\d{1,5})$/i.exec(text)
  const port = Number(address?.[1])
  return address !== null && port >= 1 && port <= 65_535 && pubkeyOfUri(text) !== null
}

/** As HPKP and curl write them, or in hexadecimal; several so that a key can be changed. */
const PINS = /^(sha256\/\/)?([0-9a-f]{64}|[A-Za-z0-9+/]{43}=)(;(sha256\/\/)?([0-9a-f]{64}|[A-Za-z0-9+/]{43}=))*$/i

const courtesySchema = z.strictObject({
  maxUnpaidOrders: key(z.int().min(0).max(100_000).default(5), {
    description:
      'The most unpaid orders of one node (`clientPubkey`) at this LSP, over all client keys. At this number, no further order is placed to learn a price.',
  }),
  firmQuotesPerHour: key(z.int().min(0).max(100_000).default(60), {
    description:
      'Orders that may be placed at this LSP in an hour for their price, for all clients together. Once half of them are used, each client key that asked within the hour has an equal share.',
  }),
  maxStandingOrders: key(z.int().min(0).max(100_000).default(200), {
    description:
      'Unpaid orders of one client key that may stand at this LSP at once, those for firm quotes among them, before it is sent another order of that client. One that was paid or has lapsed counts no more.',
  }),
})

function lspSchema(protocols: readonly ConfigurableProtocol[]) {
  const withTariff = protocols.filter((protocol) => protocol.tariff).map((protocol) => protocol.configName)
  return z
    .strictObject({
      id: key(z.string().regex(/^[A-Za-z0-9-]{1,64}$/), {
        description:
          'What clients see as `Lsp.id`. Unique; keep it for as long as orders of this LSP matter, also when it moves to another `url`: then start once with `--accept-moved ID`. Another LSP gets another id.',
        allowed: "1 to 64 letters, digits and '-'",
      }),
      name: key(label(100), { description: "The LSP's name for people.", allowed: '1 to 100 printable characters' }),
      protocol: key(z.enum(protocols.map((protocol) => protocol.configName)), {
        description: 'The wire protocol that the LSP speaks.',
      }),
      url: key(z.string().max(2_000).refine(isBaseUrl), {
        description:
          "Everything before the protocol's own paths. Slashes at the end do not matter. http:// is for this machine alone, unless `allowInsecure` says otherwise.",
        allowed: 'an http:// or https:// URL without credentials, query and fragment',
        hides: 'credentials',
      }),
      network: key(z.enum(NETWORKS.map((network) => network.toLowerCase())), {
        description: 'The Bitcoin network of its channels.',
      }),
      retired: key(z.boolean().default(false), {
        description:
          'Whether the LSP gets no new orders: it is not in `lsps`, and its orders are polled until they end. Remove the entry after that.',
      }),
      auth: key(
        z
          .string()
          .regex(/^[\x21-\x7e]{1,4096}$/)
          .optional(),
        {
          description: 'Sent to the LSP as `Authorization: Bearer …`. Best kept in the environment: `${NAME}`.',
          allowed: 'the token alone: visible ASCII characters without spaces',
          hides: 'all',
        },
      ),
      authScheme: key(z.enum(AUTH_SCHEMES).default('Bearer'), {
        description:
          "The scheme before the token in the Authorization header. `none`: the header holds the token alone, as in ThunderStack's test suite.",
      }),
      timeoutMs: key(z.int().min(1).max(600_000).default(8_000), {
        description: 'How long one exchange with the LSP may take, in milliseconds.',
      }),
      allowInsecure: key(z.boolean().default(false), {
        description:
          'Whether the LSP may be spoken to over http:// although it is not on this machine: anybody on the way can read the key, and change prices and invoices.',
      }),
      allowPrivateAddresses: key(z.boolean().default(false), {
        description:
          "Whether the name in `url` may lead to an address that is not of the internet, such as one of the operator's own network. Needed for names only: an address that stands in `url` itself is allowed.",
      }),
      pinnedKeySha256: key(z.string().max(1_000).regex(PINS).optional(), {
        description:
          "SHA-256 of the public key that the LSP's certificate must have, besides being valid, as `curl --pinnedpubkey` takes it. Several are separated by `;`: the key in use and the next one.",
        allowed: "sha256//… in base64, or 64 hexadecimal digits; several with ';' between them",
      }),
      nodeUris: key(
        z
          .array(key(z.string().refine(isNodeUri), { description: '', allowed: 'pubkey@host:port' }))
          .max(100)
          .default([]),
        {
          description: "The addresses of the LSP's node, where the protocol does not tell them.",
          allowed: 'a list of pubkey@host:port, at most 100',
        },
      ),
      website: key(z.string().max(2_000).refine(isWebsite).optional(), {
        description: "The LSP's address for people, where the protocol does not tell it.",
        allowed: 'an http:// or https:// URL without credentials',
        hides: 'credentials',
      }),
      courtesy: key(courtesySchema.prefault({}), {
        description: 'What firm quotes, and orders that nobody pays, may cost this LSP. 0 allows none.',
      }),
      registerJit: key(z.boolean().default(false), {
        description:
          "Whether the gateway registers the client's node for a JIT channel (`POST /jit` of draft 0.0.2) as long as an order is unpaid. false: the LSP learns the node when the channel is opened, and `Order.jitRouteHint` is null.",
      }),
      requestsPerMinute: key(z.int().min(1).max(100_000).optional(), {
        description:
          "How many requests a minute all instances together send to this LSP, at most: polls, estimates, orders and actions. Orders and actions may use a third of it, and those of one client a quarter; estimates may use a quarter. A sixth is reserved for polls of orders that were paid or that a client follows. Default: what its protocol's documentation allows (kaleidoswap: 60), else 600.",
      }),
      estimatesPerMinute: key(z.int().min(1).max(100_000).default(15), {
        description:
          'How many estimates a minute all instances together request from this LSP, if its protocol has estimates. They are part of `requestsPerMinute`. One estimate serves all requests for the same channel within 20 seconds.',
      }),
      tariff: key(
        z
          .strictObject({
            feeRateSatPerVbyte: key(z.number().positive().max(100_000), {
              description: 'The on-chain fee rate that the tariff is computed with, in satoshis per virtual byte.',
            }),
          })
          .optional(),
        {
          description: `For LSPs whose published tariff depends on an on-chain fee rate; for ${withTariff.join(', ') || 'no protocol'} only.`,
        },
      ),
    })
    .superRefine((lsp, context) => {
      if (!isRecord(lsp)) return
      for (const issue of insecurities(lsp)) context.addIssue({ code: 'custom', ...issue })
      if (lsp.tariff === undefined) return
      const protocol = protocols.find((candidate) => candidate.configName === lsp.protocol)
      if (!protocol || protocol.tariff) return
      const message = `${protocol.configName} publishes no tariff; allowed with: ${withTariff.join(', ') || 'no protocol'}`
      context.addIssue({ code: 'custom', path: ['tariff'], message })
    }, ALWAYS)
}

const webhookSchema = z
  .strictObject({
    url: key(z.string().max(2_000).refine(isWebsite), {
      description: 'Where each event of its orders is posted, signed per Standard Webhooks.',
      allowed: 'an https:// URL without credentials',
      // A path or a query may well be the receiver's password.
      hides: 'all',
    }),
    secret: key(
      z.string().refine((secret) => signingKey(secret) !== null),
      {
        description: 'What the posts are signed with. Best kept in the environment: `${NAME}`.',
        allowed: 'whsec_ and 24 to 64 bytes in base64, or a text of at least 24 characters',
        hides: 'all',
      },
    ),
    allowPrivateAddresses: key(z.boolean().default(false), {
      description: 'Whether the URL may be http://, and lead to this machine or to a private network.',
    }),
  })
  .superRefine((webhook, context) => {
    // What is no URL at all was told already.
    const problem = isWebsite(webhook.url) ? targetProblem(webhook) : null
    if (problem !== null) context.addIssue({ code: 'custom', path: ['url'], message: problem })
  })

/** What is wrong with a plain http:// address; nothing is said of a URL that is none. */
function insecurities({
  url,
  allowInsecure,
  pinnedKeySha256,
}: Record<string, unknown>): { path: string[]; message: string }[] {
  if (typeof url !== 'string' || !isBaseUrl(url)) return []
  const { protocol, hostname } = new URL(url)
  if (protocol === 'https:') return []
  const mistakes = []
  if (allowInsecure !== true && !isLocalHost(hostname)) {
    mistakes.push({
      path: ['url'],
      message:
        'http:// to another machine is not allowed; use https://, or set allowInsecure: true where nobody else is on the way',
    })
  }
  if (pinnedKeySha256 !== undefined)
    mistakes.push({
      path: ['pinnedKeySha256'],
      message: 'http:// has no key to check; use https:// in url, or leave this out',
    })
  return mistakes
}

const clientSchema = z.strictObject({
  name: key(label(100), {
    description: 'The name of the client that uses the key. Unique.',
    allowed: '1 to 100 printable characters',
  }),
  keySha256: key(z.string().regex(/^[0-9a-f]{64}$/i), {
    description:
      'SHA-256 of the client\'s key, in hexadecimal: `printf %s "$KEY" | sha256sum`. The key itself is never written down.',
    allowed: 'the SHA-256 of the key: 64 hexadecimal digits',
    // Whoever puts the key itself here would read it again in a log.
    hides: 'all',
  }),
  expiresAt: expirySchema,
  limits: key(clientLimitsSchema.optional(), { description: "This client's own limits." }),
  webhook: key(webhookSchema.optional(), {
    description: "Tells the client's server of its orders. A new one begins with the events from then on.",
  }),
})

const paceSchema = z
  .strictObject({
    activeMs: key(z.int().min(1).max(86_400_000).default(5_000), {
      description: 'How often an order is read at its LSP while something is expected soon, in milliseconds.',
    }),
    idleMs: key(z.int().min(1).max(86_400_000).default(3_600_000), {
      description:
        'How often it is read at the seldomest, when nothing happens for long, in milliseconds. Not less than `activeMs`.',
    }),
  })
  .superRefine(({ activeMs, idleMs }, context) => {
    if (idleMs >= activeMs) return
    const message = `${idleMs} is not allowed; allowed: at least pace.activeMs, which is ${activeMs}`
    context.addIssue({ code: 'custom', path: ['idleMs'], message })
  })

const startupSchema = z.strictObject({
  waitSeconds: key(z.int().min(0).max(3_600).default(30), {
    description:
      'How long a start waits for a database that is not there yet, in seconds. After that it ends with exit status 3.',
  }),
})

const shutdownSchema = z.strictObject({
  delaySeconds: key(z.int().min(0).max(60).optional(), {
    description:
      'How long the gateway serves on after SIGTERM while `/ready` fails, in seconds, so that load balancers stop sending requests. Default: 5 with PostgreSQL, 0 with SQLite.',
  }),
})

export function configSchema(protocols: readonly ConfigurableProtocol[]) {
  return z.strictObject({
    lsps: key(z.array(lspSchema(protocols)).min(1).superRefine(unique('id'), ALWAYS), {
      description: 'The LSPs, in the order in which clients see them.',
      allowed: 'a list of at least one LSP',
    }),
    clients: key(
      z.array(clientSchema).superRefine(unique('name'), ALWAYS).superRefine(unique('keySha256'), ALWAYS).default([]),
      {
        description:
          'The API keys. With none, anyone who can connect is served as one client. Read anew on SIGHUP: a key that is gone, or expires, ends what it has open.',
        allowed: 'a list of clients',
      },
    ),
    ...accessKeys,
    pace: key(paceSchema.prefault({}), { description: 'How often orders are read at their LSPs.' }),
    leaseReminderDays: key(z.int().min(0).max(365).default(7), {
      description:
        "How many days before the lease of an order's channel ends its client is reminded, by an event of the order; 0: never.",
    }),
    restoredAt: key(z.iso.datetime({ offset: true }).optional(), {
      description:
        'When the database was last restored from a backup, if neither `npm run restore` nor the file beside an embedded database can record it. Orders of quotes from before are not sent: they may exist at the LSP already.',
      allowed: 'a time such as 2026-12-01T09:30:00Z',
    }),
    startup: key(startupSchema.prefault({}), { description: 'What a start waits for.' }),
    shutdown: key(shutdownSchema.prefault({}), { description: 'How the gateway stops.' }),
    databaseDirectUrl: key(
      z
        .string()
        .max(2_000)
        .regex(/^postgres(ql)?:\/\/[^\s]+$/i)
        .refine((url) => URL.canParse(url))
        .optional(),
      {
        description:
          'Needed if `DATABASE_URL` leads to PgBouncer in transaction mode: the same database past it, for the one connection of each gateway that listens (LISTEN). Best kept in the environment: `${NAME}`.',
        allowed: 'postgres://…',
        hides: 'all',
      },
    ),
    graphiql: key(z.boolean().default(true), { description: 'Whether `/graphql` shows GraphiQL to a browser.' }),
    logLevel: key(z.enum(LOG_LEVELS).default('info'), {
      description: 'The least severe entries that are logged. Read again on SIGHUP.',
    }),
  })
}

/** All mistakes are told at once, so these checks also run where another key was refused; their input is anything. */
const ALWAYS = { when: () => true }

function unique(name: string) {
  return (list: unknown, context: z.core.$RefinementCtx) => {
    if (!Array.isArray(list)) return
    const seen = new Map<string, number>()
    for (const [index, entry] of list.entries()) {
      const value: unknown = isRecord(entry) ? entry[name] : undefined
      if (typeof value !== 'string') continue
      const same = name === 'keySha256' ? value.toLowerCase() : value
      const first = seen.get(same)
      if (first === undefined) seen.set(same, index)
      else
        context.addIssue({
          code: 'custom',
          path: [index, name],
          message: `the same as in entry [${first}]; each has its own`,
        })
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

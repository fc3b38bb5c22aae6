import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { z } from 'zod'
import { accessConfig, type AccessConfig, type ClientLimits } from './config/access.ts'
import { keysOf } from './config/keys.ts'
import { ConfigError } from './config/problem.ts'
import { configSchema, type LOG_LEVELS, type ConfigurableProtocol } from './config/schema.ts'
import { readSource } from './config/source.ts'
import { validate } from './config/validate.ts'
import { NETWORKS } from './domain/lsp.ts'
import type { EpochMs } from './domain/time.ts'
import { ADAPTERS } from './protocols/index.ts'
import type { LspSettings } from './upstream/lsp.ts'
import type { WebhookConfig } from './webhooks/target.ts'

export { readEnvironment, type Environment } from './config/environment.ts'
export { ConfigError } from './config/problem.ts'

export type LspConfig = LspSettings

export interface ClientConfig {
  name: string
  /** In lower case. */
  keySha256: string
  expiresAt?: EpochMs | undefined
  /** In place of the ones for everybody. */
  limits?: Partial<ClientLimits> | undefined
  webhook?: WebhookConfig | undefined
}

/** How often an order is read at its LSP. */
export interface PaceConfig {
  /** While something is expected soon. */
  activeMs: number
  /** At the seldomest; never less than `activeMs`. */
  idleMs: number
}

export type LogLevel = (typeof LOG_LEVELS)[number]

export interface GatewayConfig extends AccessConfig {
  lsps: readonly LspConfig[]
  /** With none, anyone who can connect is served as one client. */
  clients: readonly ClientConfig[]
  pace: PaceConfig
  /** 0: nobody is reminded. */
  leaseReminderDays: number
  /** When the operator restored the database; null: not stated. */
  restoredAt: EpochMs | null
  startup: { waitSeconds: number }
  /** null: 5 with PostgreSQL, 0 with SQLite. */
  shutdown: { delaySeconds: number | null }
  /** PostgreSQL past a pooler. A secret. */
  databaseDirectUrl: string | null
  graphiql: boolean
  logLevel: LogLevel
}

/**
 * Reads the text of a configuration file. `${NAME}` in a value is replaced after YAML was read, so that what the
 * environment holds cannot change the file's structure.
 * @throws ConfigError with every mistake, none of which repeats a secret
 */
export function parseConfig(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
  fileName: string,
  protocols: readonly ConfigurableProtocol[] = ADAPTERS,
): GatewayConfig {
  const schema = configSchema(protocols)
  const keys = keysOf(schema)
  const source = readSource(text, environment, keys, fileName)
  return gatewayConfig(validate(schema, keys, source, fileName), protocols)
}

/** @throws ConfigError also when there is no such file, or it cannot be read */
export async function loadConfigFile(
  path: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<GatewayConfig> {
  const config = parseConfig(await readText(path), environment, path)
  const { trustedDocuments } = config
  return trustedDocuments
    ? {
        ...config,
        trustedDocuments: { ...trustedDocuments, manifest: resolve(dirname(path), trustedDocuments.manifest) },
      }
    : config
}

const FILE_MISTAKES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'a directory; the path of a file is wanted',
  EACCES: 'not readable for this user',
  EPERM: 'not readable for this user',
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    const mistake = FILE_MISTAKES[error.code ?? ''] ?? `not readable (${error.code ?? error.name})`
    throw new ConfigError(`${path}: ${mistake}; it is named by --config or SLUICE_CONFIG`, { cause: error })
  })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new ConfigError(`${path}: not a text in UTF-8`, { cause: error })
  }
}

/** Fifty orders at the rate at which wallets read theirs. */
export const DEFAULT_REQUESTS_PER_MINUTE = 600

function gatewayConfig(
  file: z.output<ReturnType<typeof configSchema>>,
  protocols: readonly ConfigurableProtocol[],
): GatewayConfig {
  const protocolOf = (lsp: { protocol: string }) =>
    named(protocols, (candidate) => candidate.configName === lsp.protocol)
  return {
    lsps: file.lsps.map(({ tariff, retired, ...lsp }) => ({
      ...lsp,
      isRetired: retired,
      protocol: protocolOf(lsp).protocol,
      network: named(NETWORKS, (candidate) => candidate.toLowerCase() === lsp.network),
      url: new URL(lsp.url).href.replace(/\/+$/, ''),
      auth: lsp.auth ?? null,
      pinnedKeySha256: (lsp.pinnedKeySha256?.split(';') ?? []).map(pinOf),
      website: lsp.website ?? null,
      requestsPerMinute: lsp.requestsPerMinute ?? protocolOf(lsp).requestsPerMinute ?? DEFAULT_REQUESTS_PER_MINUTE,
      tariffFeeRateSatPerVbyte: tariff?.feeRateSatPerVbyte ?? null,
    })),
    clients: file.clients.map(({ expiresAt, limits, ...client }) => ({
      ...client,
      keySha256: client.keySha256.toLowerCase(),
      ...(expiresAt === undefined ? {} : { expiresAt: Date.parse(expiresAt) }),
      ...(limits === undefined ? {} : { limits }),
    })),
    ...accessConfig(file),
    pace: file.pace,
    leaseReminderDays: file.leaseReminderDays,
    restoredAt: file.restoredAt === undefined ? null : Date.parse(file.restoredAt),
    startup: file.startup,
    shutdown: { delaySeconds: file.shutdown.delaySeconds ?? null },
    databaseDirectUrl: file.databaseDirectUrl ?? null,
    graphiql: file.graphiql,
    logLevel: file.logLevel,
  }
}

/** In hexadecimal, whichever way it was written. */
function pinOf(text: string): string {
  const bare = text.replace(/^sha256\/\//i, '')
  return bare.length === 64 ? bare.toLowerCase() : Buffer.from(bare, 'base64').toString('hex')
}

/** The schema lets only such names through. */
function named<Value>(values: readonly Value[], isMeant: (value: Value) => boolean): Value {
  const value = values.find(isMeant)
  if (value === undefined) throw new Error('the schema and what it was made of differ')
  return value
}

import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { pino, type Logger } from 'pino'
import {
  ConfigError,
  DEFAULT_REQUESTS_PER_MINUTE,
  loadConfigFile,
  type Environment,
  type GatewayConfig,
  type LogLevel,
} from './config.ts'
import { DEFAULT_ACCESS } from './config/access.ts'
import { MINUTE_MS, systemClock, type Clock, type EpochMs } from './domain/time.ts'
import { openGateway, type Gateway, type GatewayOptions } from './gateway.ts'
import { Outages } from './outages.ts'
import { ADAPTERS } from './protocols/index.ts'
import { startSandbox, type Sandbox } from './sandbox/index.ts'
import { settingsOf } from './sandbox/settings.ts'
import { clientIdOf, type Clients } from './server/clients.ts'
import { Metrics } from './server/metrics.ts'
import { createPipeline } from './server/pipeline.ts'
import { openAccess } from './server/policies/access.ts'
import { startServer, type Unready } from './server/server.ts'
import { SKEW_LIMIT_MS } from './store/database-clock.ts'
import { isPostgresUrl, UNAVAILABLE_REASONS } from './store/database.ts'
import { lockDatabase } from './store/instance-lock.ts'
import { SecretBox } from './store/secret-box.ts'
import { openStore, type Store } from './store/store.ts'
import { LspMoved } from './upstream/registry.ts'
import type { ClientWebhook, Webhooks } from './webhooks/webhooks.ts'

export interface RunOptions extends Omit<Environment, 'acceptMoved' | 'secret'> {
  acceptMoved?: readonly string[]
  secret?: string | null
  variables: Readonly<Record<string, string | undefined>>
  /** Instead of what the configuration file, or the sandbox, says. */
  config?: Partial<GatewayConfig>
  /** Simulated LSPs that run already, and go on when this ends; else they are started where no file is named. */
  sandbox?: Sandbox
  logger?: Logger
  /** This machine's clock. Default: the system's. */
  clock?: Clock
  /** Ends a start that waits for the database. */
  signal?: AbortSignal
  /** For tests: how webhooks are tried again, and how their hosts are looked up. */
  webhooks?: Omit<NonNullable<GatewayOptions['webhookOptions']>, 'onDelivery'> | undefined
}

/** A gateway that listens. */
export interface RunningGateway extends AsyncDisposable {
  readonly origin: string
  readonly graphiql: string | null
  readonly sandbox: Sandbox | null
  /** Reads the clients of the configuration file anew, and their webhooks; a file with mistakes changes nothing. Never rejects. */
  reload(): Promise<void>
  /**
   * Fails `/ready` and serves on for `shutdown.delaySeconds`, so that load balancers send their requests elsewhere.
   * Call `close` afterwards.
   */
  announceStop(): Promise<void>
  close(): Promise<void>
}

/** Load balancers check every two seconds or so, and some need two failures. */
const DEFAULT_STOP_DELAY_SECONDS = 5

/**
 * Starts everything, from the database to the sockets. Without a configuration file it is a sandbox.
 * @throws ConfigError, DatabaseError: the operator's to mend.
 */
export async function run(options: RunOptions): Promise<RunningGateway> {
  const closing: (() => Promise<void>)[] = []
  const close = async () => {
    for (const end of closing.splice(0).toReversed()) await end()
  }
  try {
    const file = options.configPath === null ? null : await loadConfigFile(options.configPath, options.variables)
    const log = options.logger ?? createLogger(file?.logLevel ?? 'info')
    const started =
      file || options.sandbox
        ? null
        : await startSandbox({
            stateFile: sandboxFile(options.databaseUrl),
            invoiceExpiryMs: SANDBOX_ORDER_MS,
          })
    if (started) closing.push(() => started.close())
    const sandbox = options.sandbox ?? started
    const config: GatewayConfig = { ...(file ?? sandboxConfig(sandbox)), ...options.config }

    if (isEmbeddedFile(options.databaseUrl)) {
      const release = lockDatabase(options.databaseUrl)
      closing.push(async () => release())
    }
    const { waitSeconds } = config.startup
    const clock = options.clock ?? sandbox?.clock ?? systemClock
    const store = await openStore(options.databaseUrl, clock, {
      directUrl: config.databaseDirectUrl,
      waitMs: waitSeconds * 1000,
      onWaiting: (why) => log.warn({ why, waitSeconds }, 'the database is not there yet: the start waits for it'),
      signal: options.signal,
    })
    closing.push(() => store.close())
    if (isEmbeddedFile(options.databaseUrl)) await store.endClaims()
    await noteRestore(store, config.restoredAt, log)
    const outages = new Outages(log, store)
    closing.push(async () => outages.close())
    const { logger } = outages
    // Before the gateway, which speaks to LSPs and webhooks before anything listens.
    const metrics = new Metrics()
    const secretBox = new SecretBox(options.secret ?? null)
    if (!secretBox.encrypts && config.lsps.some(({ auth }) => auth !== null))
      log.warn('SLUICE_SECRET is not set: the credentials of LSPs are stored in the database as plain text')
    const gateway = await openGateway({
      lsps: config.lsps,
      pace: config.pace,
      store,
      clock,
      logger,
      onExchange: (lspId, record) => metrics.exchange(lspId, record),
      webhooks: webhooksOf(config),
      webhookOptions: { ...options.webhooks, onDelivery: (outcome) => metrics.delivery(outcome) },
      leaseReminderDays: config.leaseReminderDays,
      registry: {
        secretBox,
        // Simulated LSPs take another port at each start, and keep their orders.
        acceptMoved: started ? started.lsps.map(({ id }) => id) : (options.acceptMoved ?? []),
      },
    }).catch((error: unknown) => {
      throw error instanceof LspMoved ? new ConfigError(error.message, { cause: error }) : error
    })
    closing.push(async () => gateway[Symbol.asyncDispose]())
    metrics.watchPolls(() => store.readings.lateness(clock.now()))

    const access = await openAccess(config, options.host, systemClock)
    const { schema } = await import('./schema/index.ts')
    const sandboxSchema = sandbox ? (await import('./schema/sandbox.ts')).sandboxSchema : null
    const pipeline = createPipeline({ schema: sandboxSchema ?? schema, gateway, sandbox, access, logger })
    const server = await startServer({
      host: options.host,
      port: options.port,
      pipeline,
      access,
      metrics,
      graphiql: config.graphiql
        ? { sandbox: sandbox && { clientPubkey: sandbox.wallet.pubkey, clientAddress: sandbox.wallet.address } }
        : null,
      readiness: () => readinessOf(store, gateway, outages),
      logger,
    })
    closing.push(async () => {
      // Together: either may take seconds, and each needs only that nothing is disposed of before.
      await Promise.all([server.close(), gateway.drain()])
    })
    return {
      origin: server.origin,
      graphiql: config.graphiql ? `${server.origin}/graphql` : null,
      sandbox,
      reload: () => reload(options, file, { clients: access.clients, webhooks: gateway.webhooks, log, logger }),
      async announceStop() {
        server.announceStop()
        const { delaySeconds } = config.shutdown
        await delay(1000 * (delaySeconds ?? (isPostgresUrl(options.databaseUrl) ? DEFAULT_STOP_DELAY_SECONDS : 0)))
      },
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** @throws ConfigError if `restoredAt` is in the future */
async function noteRestore(store: Store, restoredAt: EpochMs | null, log: Logger): Promise<void> {
  if (restoredAt !== null && restoredAt > systemClock.now())
    throw new ConfigError('restoredAt is in the future: give the time at which the database was restored')
  const isNew = restoredAt !== null && restoredAt > (store.restore?.restoredAt ?? 0)
  if (isNew) await store.recordRestore(restoredAt)
  const { restore } = store
  if (restore === null || !(isNew || store.foundOlderCopy)) return
  const [from, until] = [restore.dataUntil, restore.restoredAt].map((at) => new Date(at).toISOString())
  log.warn(
    { from, until },
    'the database is an older copy: orders between these times may be missing, and orders of quotes from before are not sent',
  )
}

/** The keys of the configuration file that `reload` applies. */
const RELOADED: ReadonlySet<string> = new Set<keyof GatewayConfig>(['clients', 'logLevel'])

interface Reloadable {
  clients: Clients
  webhooks: Webhooks
  /** Its level changes. */
  log: Logger
  logger: Logger
}

/** Applies what can change while the gateway runs, and names the other keys that changed since the start. */
async function reload(
  { configPath, variables }: RunOptions,
  started: GatewayConfig | null,
  { clients, webhooks, log, logger }: Reloadable,
): Promise<void> {
  if (configPath === null || started === null)
    return logger.warn('there is no configuration file whose clients could be read again')
  try {
    const config = await loadConfigFile(configPath, variables)
    const changes = clients.replace(config.clients)
    const opened = webhooks.replace(webhooksOf(config))
    log.level = config.logLevel
    logger.info(changes, 'the clients of the configuration file were read again')
    const keys = (Object.keys(config) as (keyof GatewayConfig)[]).filter(
      (key) => !RELOADED.has(key) && !isDeepStrictEqual(config[key], started[key]),
    )
    if (keys.length > 0)
      logger.warn({ keys }, 'these keys of the configuration file changed, and apply from the next start on')
    await opened
  } catch (error) {
    // Its message is for the operator, and repeats no secret.
    logger.error({ mistakes: (error as Error).message }, 'the clients stay as they were')
  }
}

function webhooksOf({ clients }: Pick<GatewayConfig, 'clients'>): ClientWebhook[] {
  return clients.flatMap(({ name, expiresAt, webhook }) =>
    webhook ? [{ ...webhook, clientId: clientIdOf(name), expiresAt: expiresAt ?? null }] : [],
  )
}

/** The tracker looks every second; a statement that it waits for is given up after 15. */
const TRACKER_STALLED_MS = 20_000

async function readinessOf(store: Store, gateway: Gateway, outages: Outages): Promise<Unready | null> {
  const problem = await store.problem()
  if (problem) {
    outages.note(problem)
    return { reason: `DATABASE_${problem.reason}`, message: UNAVAILABLE_REASONS[problem.reason] }
  }
  const skewMs = Math.abs(gateway.clock.skewMs)
  if (skewMs > SKEW_LIMIT_MS) {
    const message = `the clock of this gateway's machine differs from the database's by ${Math.round(skewMs / 1000)} s, at most ${SKEW_LIMIT_MS / 1000} are allowed: synchronize it`
    return { reason: 'CLOCK_SKEW', message }
  }
  return gateway.clock.now() - gateway.trackerLookedAt > TRACKER_STALLED_MS
    ? { reason: 'TRACKER_STALLED', message: 'orders are not followed: the tracker has stopped' }
    : null
}

/** One line of JSON for each thing worth knowing, on standard error: standard output is for people. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    { level, redact: ['*.authorization', '*.auth', '*.accessToken', '*.access_token'] },
    pino.destination({ fd: 2, sync: true }),
  )
}

function isEmbeddedFile(databaseUrl: string): boolean {
  return databaseUrl !== ':memory:' && !isPostgresUrl(databaseUrl)
}

/** The simulated LSPs forget nothing that the gateway remembers. */
function sandboxFile(databaseUrl: string): string | null {
  if (databaseUrl === ':memory:') return null
  return join(/^postgres(ql)?:/.test(databaseUrl) ? 'data' : dirname(databaseUrl), 'sandbox.json')
}

/** How long an order in the sandbox can be paid: the budget of unpaid orders refills while a newcomer reads. */
const SANDBOX_ORDER_MS = 5 * MINUTE_MS

/** Orders in the sandbox take seconds, so they are polled every second. */
function sandboxConfig(sandbox: Sandbox | null): GatewayConfig {
  return {
    ...DEFAULT_ACCESS,
    lsps: (sandbox?.lsps ?? []).map((lsp) => {
      const adapter = ADAPTERS.find(({ protocol }) => protocol === lsp.protocol)
      return settingsOf(lsp, adapter?.requestsPerMinute ?? DEFAULT_REQUESTS_PER_MINUTE)
    }),
    clients: [],
    pace: { activeMs: 1_000, idleMs: 3_600_000 },
    leaseReminderDays: 7,
    restoredAt: null,
    startup: { waitSeconds: 30 },
    shutdown: { delaySeconds: null },
    databaseDirectUrl: null,
    graphiql: true,
    logLevel: 'info',
  }
}

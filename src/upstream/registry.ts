import type { Logger } from 'pino'
import type { ExchangeRecord } from './http.ts'
import { Lsp, type LspRole, type LspSettings } from './lsp.ts'
import { MINUTE_MS, SECOND_MS, type Clock, type EpochMs } from '../domain/time.ts'
import { adapterOf } from '../protocols/index.ts'
import type { KnownLsp } from '../store/lsps.ts'
import { SecretBox } from '../store/secret-box.ts'
import type { Store } from '../store/store.ts'

/** How long the settings of an LSP that another gateway has are used before they are read again. */
const REREAD_MS = MINUTE_MS

const TRY_EVERY_MS = 2 * SECOND_MS

export interface RegistryOptions {
  onExchange?: ((lspId: string, record: ExchangeRecord) => void) | undefined
  logger: Logger
  /** Encrypts the settings that are stored. Default: they are stored as they are. */
  secretBox?: SecretBox
  /** Ids that may have another URL, protocol or network than before although orders are open there. */
  acceptMoved?: readonly string[]
}

/** An LSP in the configuration is another one than the LSP that had its id, and orders of that one are open. */
export class LspMoved extends Error {
  override name = 'LspMoved'
}

/**
 * All LSPs: those of the configuration, and those that only the database knows, because they were removed from the
 * configuration or another gateway has them.
 */
export class LspRegistry implements AsyncDisposable {
  readonly #store: Store
  readonly #clock: Clock
  readonly #options: RegistryOptions
  readonly #byId = new Map<string, Lsp>()
  readonly #readAt = new Map<string, EpochMs>()
  /** The row that each LSP that only the database knows was opened from. */
  readonly #stored = new Map<string, string>()
  readonly #finding = new Map<string, Promise<Lsp>>()
  readonly #unusableSince = new Map<string, EpochMs>()
  #trials: NodeJS.Timeout | undefined
  /** The ones that may be asked for quotes, in the operator's order. */
  readonly configured: readonly Lsp[]

  private constructor(
    settings: readonly LspSettings[],
    known: ReadonlyMap<string, KnownLsp>,
    store: Store,
    clock: Clock,
    options: RegistryOptions,
  ) {
    this.#store = store
    this.#clock = clock
    this.#options = options
    for (const one of settings)
      this.#byId.set(one.id, this.#open(one, one.isRetired ? 'RETIRED' : 'CONFIGURED', known.get(one.id)))
    this.configured = [...this.#byId.values()].filter(({ role }) => role === 'CONFIGURED')
    for (const one of known.values()) if (!this.#byId.has(one.id)) this.#adopt(one)
  }

  /** @throws LspMoved */
  static async open(
    settings: readonly LspSettings[],
    store: Store,
    clock: Clock,
    options: RegistryOptions,
  ): Promise<LspRegistry> {
    const known = new Map((await store.lsps.all()).map((lsp) => [lsp.id, lsp]))
    for (const one of settings) await assertSame(one, known.get(one.id), store, options.acceptMoved ?? [], clock.now())
    const { secretBox = new SecretBox(null) } = options
    for (const one of settings) {
      const { id, name, protocol, network, url, website } = one
      const sealed = secretBox.seal(JSON.stringify(one))
      await store.lsps.save({ id, name, protocol, network, url, website, info: null, settings: sealed })
    }
    return new LspRegistry(settings, known, store, clock, options)
  }

  /** Takes a request out of the LSP's budget that was already sent: polls wait for it. */
  async #chargeRequest({ id, requestsPerMinute }: LspSettings): Promise<void> {
    await this.#store
      .transaction(({ budgets }) => budgets.charge(id, requestsPerMinute, this.#clock.now()))
      // The database cannot be used, or the gateway stops: the next requests are charged again.
      .catch(() => {})
  }

  #open(settings: LspSettings, role: LspRole, before: KnownLsp | undefined): Lsp {
    const { logger, onExchange } = this.#options
    const { id } = settings
    // The operator may have reused this id for another LSP. The old one's limits do not apply to it.
    const info = before?.url === settings.url && before.protocol === settings.protocol ? before.info : null
    return new Lsp(
      settings,
      adapterOf(settings.protocol),
      this.#clock,
      info,
      {
        onInfo: (fresh) => this.#store.lsps.saveInfo(id, fresh),
        onExchange: (record) => onExchange?.(id, record),
        onTurn: (reason) => this.#logTurn(id, reason),
        onExtraRequest: () => void this.#chargeRequest(settings),
        // Without the value: it may be a client's.
        onUnreadField: (field) =>
          logger.warn({ lsp: id, field }, 'an optional field of an LSP cannot be read: it counts as absent'),
      },
      role,
    )
  }

  /** Logs once when an LSP cannot be used any more, and once when it can be used again. */
  #logTurn(id: string, reason: string | null): void {
    const { logger } = this.#options
    const since = this.#unusableSince.get(id)
    if (reason !== null) {
      if (since === undefined) this.#unusableSince.set(id, this.#clock.now())
      logger.warn({ lsp: id, reason }, 'an LSP cannot be used')
      return
    }
    this.#unusableSince.delete(id)
    const seconds = Math.round((this.#clock.now() - (since ?? this.#clock.now())) / SECOND_MS)
    logger.info({ lsp: id, seconds }, 'an LSP can be used again')
  }

  /** Asks an LSP that could not be used for its limits after each pause, so that its recovery is noticed. */
  startTrials(): void {
    this.#trials = setInterval(() => {
      for (const lsp of this.#byId.values())
        if (lsp.role !== 'UNCONFIGURED' && lsp.needsTrial) void lsp.refreshInfo().catch(() => {})
    }, TRY_EVERY_MS).unref()
  }

  /** Opens an LSP that only the database knows. */
  #adopt(known: KnownLsp): Lsp {
    const { secretBox = new SecretBox(null), logger } = this.#options
    const text = known.settings === null ? null : secretBox.open(known.settings)
    if (known.settings !== null && text === null) {
      logger.warn(
        { lsp: known.id },
        'the stored settings of an LSP were encrypted with another SLUICE_SECRET: its orders are polled without credentials',
      )
    }
    const settings = text === null ? settingsWithoutCredentials(known) : (JSON.parse(text) as LspSettings)
    const lsp = this.#open(settings, 'UNCONFIGURED', known)
    this.#byId.set(known.id, lsp)
    this.#readAt.set(known.id, this.#clock.now())
    this.#stored.set(known.id, textOf(known))
    return lsp
  }

  /** null: neither the configuration nor, at the last look, the database had it. */
  get(id: string): Lsp | null {
    return this.#byId.get(id) ?? null
  }

  /** For ids of clients. null: no gateway on this database has had such an LSP. */
  async findOrNull(id: string): Promise<Lsp | null> {
    return this.get(id) ?? ((await this.#store.lsps.byId(id)) ? this.find(id) : null)
  }

  /** For ids that came from our own database, where an LSP is never deleted. */
  async find(id: string): Promise<Lsp> {
    const here = this.#byId.get(id)
    if (here && (here.role !== 'UNCONFIGURED' || this.#clock.now() - (this.#readAt.get(id) ?? 0) < REREAD_MS))
      return here
    const finding = this.#finding.get(id) ?? this.#reread(id).finally(() => this.#finding.delete(id))
    this.#finding.set(id, finding)
    return finding
  }

  /** Reads an LSP that only the database knows. The one that is open stays if nothing has changed. */
  async #reread(id: string): Promise<Lsp> {
    const known = await this.#store.lsps.byId(id)
    if (!known) throw new Error(`no LSP has the id ${id}`)
    const here = this.#byId.get(id)
    this.#readAt.set(id, this.#clock.now())
    if (here && this.#stored.get(id) === textOf(known)) return here
    const opened = this.#adopt(known)
    await here?.close()
    return opened
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#trials)
    await Promise.all([...this.#byId.values()].map((lsp) => lsp.close()))
  }
}

const textOf = ({ settings, url, protocol, network, name }: KnownLsp) =>
  JSON.stringify([settings, url, protocol, network, name])

/**
 * An id that leads elsewhere would give the new host the ids and access tokens of the old orders, and its answers would be
 * believed. @throws LspMoved
 */
async function assertSame(
  settings: LspSettings,
  before: KnownLsp | undefined,
  store: Store,
  acceptMoved: readonly string[],
  now: EpochMs,
): Promise<void> {
  if (!before || acceptMoved.includes(settings.id)) return
  const changed = (['url', 'protocol', 'network'] as const).filter((name) => before[name] !== settings[name])
  if (changed.length === 0) return
  const open = await store.orders.openCount(settings.id, now)
  if (open === 0) return
  const what = changed.map((name) => `${name} ${before[name]}, now ${settings[name]}`).join('; ')
  throw new LspMoved(
    `lsps: ${settings.id} had ${what}, and ${open} of its orders are open. If it is the same LSP, start once with --accept-moved ${settings.id}; if it is another one, give it another id`,
  )
}

/** For an LSP that an earlier release stored: enough to poll its orders. */
function settingsWithoutCredentials({ id, name, protocol, url, network, website }: KnownLsp): LspSettings {
  return {
    id,
    name,
    protocol,
    url,
    network,
    website,
    // Only LSPs for which http: was allowed are stored with an http: URL.
    allowInsecure: true,
    auth: null,
    timeoutMs: 8_000,
    nodeUris: [],
    courtesy: { maxUnpaidOrders: 0, firmQuotesPerHour: 0, maxStandingOrders: 0 },
    registerJit: false,
    requestsPerMinute: 60,
    estimatesPerMinute: 1,
    tariffFeeRateSatPerVbyte: null,
  }
}

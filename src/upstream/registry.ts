import type { Logger } from 'pino'
import type { ExchangeRecord } from './http.ts'
import { Lsp, type LspSettings } from './lsp.ts'
import type { Clock } from '../domain/time.ts'
import { adapterOf } from '../protocols/index.ts'
import type { Store } from '../store/store.ts'

/** Every configured LSP, and those that were removed from the configuration but still have orders here. */
export class LspRegistry implements AsyncDisposable {
  readonly #byId: ReadonlyMap<string, Lsp>
  /** The ones that may be asked for quotes, in the operator's order. */
  readonly configured: readonly Lsp[]

  private constructor(configured: readonly Lsp[], retired: readonly Lsp[]) {
    this.configured = configured
    this.#byId = new Map([...retired, ...configured].map((lsp) => [lsp.id, lsp]))
  }

  static async open(
    settings: readonly LspSettings[],
    store: Store,
    clock: Clock,
    listener: { onExchange?: ((lspId: string, record: ExchangeRecord) => void) | undefined; logger: Logger },
  ): Promise<LspRegistry> {
    const known = new Map((await store.lsps.all()).map((lsp) => [lsp.id, lsp]))
    const open = (one: LspSettings) => {
      const before = known.get(one.id)
      // The operator may have reused this id for another LSP. The old one's limits do not apply to it.
      const info = before?.url === one.url && before.protocol === one.protocol ? before.info : null
      return new Lsp(one, adapterOf(one.protocol), clock, info, {
        onInfo: (fresh) => store.lsps.saveInfo(one.id, fresh),
        onExchange: (record) => listener.onExchange?.(one.id, record),
        onTurn(isDown, reason) {
          if (isDown) listener.logger.warn({ lsp: one.id, reason }, 'an LSP does not answer')
          else listener.logger.info({ lsp: one.id }, 'an LSP answers again')
        },
        // Without the value: it may be a client's.
        onUnreadField: (field) =>
          listener.logger.warn(
            { lsp: one.id, field },
            'an optional field of an LSP cannot be read: it counts as absent',
          ),
      })
    }
    for (const { id, name, protocol, network, url, website } of settings)
      await store.lsps.save({ id, name, protocol, network, url, website, info: null })
    const configuredIds = new Set(settings.map((one) => one.id))
    const retired = [...known.values()].filter((lsp) => !configuredIds.has(lsp.id)).map(retiredSettings)
    return new LspRegistry(settings.map(open), retired.map(open))
  }

  get(id: string): Lsp | null {
    return this.#byId.get(id) ?? null
  }

  /** For ids that came from our own database, where an LSP is never deleted. */
  require(id: string): Lsp {
    const lsp = this.#byId.get(id)
    if (!lsp) throw new Error(`no LSP has the id ${id}`)
    return lsp
  }

  /** The ids of the LSPs whose breaker is open. */
  paused(): string[] {
    return [...this.#byId.values()].filter((lsp) => lsp.circuitOpenUntil !== null).map((lsp) => lsp.id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#byId.values()].map((lsp) => lsp.close()))
  }
}

/** Enough to poll the remaining orders at a removed LSP. Its key was removed with the configuration. */
function retiredSettings(
  lsp: Pick<LspSettings, 'id' | 'name' | 'protocol' | 'url' | 'network' | 'website'>,
): LspSettings {
  return {
    id: lsp.id,
    name: lsp.name,
    protocol: lsp.protocol,
    url: lsp.url,
    network: lsp.network,
    website: lsp.website,
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

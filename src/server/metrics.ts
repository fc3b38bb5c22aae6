import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Lateness } from '../store/readings.ts'
import type { ExchangeRecord } from '../upstream/http.ts'
import type { DeliveryOutcome } from '../webhooks/sender.ts'

/** What an operator watches. Every label is from a closed set: none is a client's to choose. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #exchanges: Histogram<'lsp' | 'outcome'>
  readonly #requests: Counter<'method' | 'status'>
  readonly #deliveries: Counter<'outcome'>

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
    const registers = [this.#registry]
    this.#exchanges = new Histogram({
      name: 'sluice_lsp_exchange_seconds',
      help: 'HTTP exchanges with an LSP; outcome is `answered` or the code of the failure.',
      labelNames: ['lsp', 'outcome'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    })
    this.#requests = new Counter({
      name: 'sluice_http_requests_total',
      help: 'HTTP requests answered, by method and status.',
      labelNames: ['method', 'status'],
      registers,
    })
    this.#deliveries = new Counter({
      name: 'sluice_webhook_attempts_total',
      help: 'POSTs of events to webhooks: taken, failed (tried again), given_up, or gone (a 410).',
      labelNames: ['outcome'],
      registers,
    })
  }

  exchange(lspId: string, { latencyMs, failure }: ExchangeRecord): void {
    this.#exchanges.observe({ lsp: lspId, outcome: failure?.code ?? 'answered' }, latencyMs / 1000)
  }

  delivery(outcome: DeliveryOutcome): void {
    this.#deliveries.inc({ outcome })
  }

  /** `count` says how many there are whenever somebody looks. */
  watchSockets(count: () => number): void {
    const sockets: Gauge = new Gauge({
      name: 'sluice_websockets',
      help: 'Open WebSocket connections.',
      registers: [this.#registry],
      collect: () => sockets.set(count()),
    })
  }

  /** `ask` returns how late polls are. If it fails, the last figures stay: other metrics say what is wrong. */
  watchPolls(ask: () => Promise<readonly Lateness[]>): void {
    const labelNames = ['lsp'] as const
    const due: Gauge<'lsp'> = new Gauge({
      name: 'sluice_polls_due',
      help: 'Orders and renewals that are due for a poll and wait for the budget of their LSP, by all instances together.',
      labelNames,
      registers: [this.#registry],
      async collect() {
        const found = await ask().catch(() => null)
        if (found === null) return
        due.reset()
        overdue.reset()
        for (const { lspId: lsp, due: count, overdueMs } of found) {
          due.set({ lsp }, count)
          overdue.set({ lsp }, overdueMs / 1000)
        }
      },
    })
    const overdue: Gauge<'lsp'> = new Gauge({
      name: 'sluice_polls_overdue_seconds',
      help: 'For how long the poll that waits longest has been due.',
      labelNames,
      registers: [this.#registry],
    })
  }

  /** `status` is null for one that went away before it was answered. */
  request(method: string, status: number | null): void {
    this.#requests.inc({ method: KNOWN_METHODS.has(method) ? method : 'other', status: String(status ?? 'aborted') })
  }

  async text(): Promise<{ contentType: string; body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() }
  }
}

const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'OPTIONS'])

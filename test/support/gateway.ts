import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type Client } from 'graphql-ws'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import type { GatewayConfig } from '../../src/config.ts'
import { run, type RunningGateway, type RunOptions } from '../../src/run.ts'
import type { Sandbox, SandboxOptions } from '../../src/sandbox/index.ts'
import { settingsOf } from '../../src/sandbox/settings.ts'
import { assertPaymentAdvice } from './payment-advice.ts'
import type { LspSettings } from '../../src/upstream/lsp.ts'

export interface Answer<Data = Record<string, unknown>> {
  status: number
  data: Data
  errors?: { message: string; path?: (string | number)[]; extensions?: Record<string, unknown> }[]
}

/** A whole gateway on a free port, spoken to as a wallet would. */
export interface TestGateway extends AsyncDisposable {
  readonly origin: string
  readonly sandbox: Sandbox
  /** Its database's file. */
  readonly databaseUrl: string
  /** What it logged, a line each. */
  readonly logged: readonly string[]
  /** POSTs an operation. */
  send(query: string, variables?: Record<string, unknown>, headers?: Record<string, string>): Promise<Answer>
  /** POSTs an operation that is to succeed, and gives its data. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests read answers of any shape
  ask(query: string, variables?: Record<string, unknown>): Promise<any>
  /** Subscribes over WebSocket; iterate over the results. */
  subscribe(query: string, variables?: Record<string, unknown>): AsyncIterableIterator<Answer>
  /** Subscribes over Server-Sent Events. */
  subscribeSse(query: string, variables?: Record<string, unknown>): AsyncIterableIterator<Answer>
  /** Stops it and starts it again on the same database, with the same simulated LSPs. */
  restart(): Promise<void>
}

export interface TestGatewayOptions {
  sandbox?: SandboxOptions
  config?: Partial<GatewayConfig>
  /** Changes what is configured about a simulated LSP. */
  lsp?: (settings: LspSettings) => Partial<LspSettings>
  /** The client's key, sent with everything. */
  key?: string
  webhooks?: RunOptions['webhooks']
  clock?: RunOptions['clock']
  acceptMoved?: readonly string[]
  /** SLUICE_SECRET. */
  secret?: string
  /** Default: a file of its own. */
  databaseUrl?: string
  /** Another gateway, whose simulated LSPs this one speaks to as well. */
  beside?: Pick<TestGateway, 'sandbox'>
}

/** Steps of 60 ms and readings every 25: what takes a wallet minutes takes a test a moment. */
const STEP_MS = 60
const PACE = { activeMs: 25, idleMs: 1_000 }

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const { startSandbox } = await import('../../src/sandbox/index.ts')
  const directory = await mkdtemp(join(tmpdir(), 'sluice-'))
  const databaseUrl = options.databaseUrl ?? join(directory, 'sluice.db')
  const sandbox = options.beside?.sandbox ?? (await startSandbox({ stepMs: STEP_MS, slowMs: 600, ...options.sandbox }))
  const logged: string[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) })
  const start = () =>
    run({
      host: '127.0.0.1',
      port: 0,
      configPath: null,
      databaseUrl,
      variables: {},
      logger,
      sandbox,
      webhooks: options.webhooks,
      ...(options.clock ? { clock: options.clock } : {}),
      acceptMoved: options.acceptMoved ?? [],
      secret: options.secret ?? null,
      config: {
        pace: PACE,
        lsps: sandbox.lsps.map((lsp) => ({ ...testSettingsOf(lsp), ...options.lsp?.(testSettingsOf(lsp)) })),
        ...options.config,
      },
    })
  let gateway: RunningGateway = await start()
  const clients = new Set<Client>()
  const authorization: Record<string, string> =
    options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }

  async function send(
    query: string,
    variables: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...authorization,
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
    })
    const answer = (await response.json()) as Omit<Answer, 'status'>
    assertPaymentAdvice(answer.data)
    return { status: response.status, ...answer }
  }

  async function close() {
    for (const client of clients) await client.dispose()
    await gateway.close()
    if (!options.beside) await sandbox.close()
    await rm(directory, { recursive: true, force: true })
  }

  return {
    get origin() {
      return gateway.origin
    },
    sandbox,
    databaseUrl,
    logged,
    send,
    async ask(query, variables) {
      const answer = await send(query, variables)
      if (answer.errors) throw new Error(`the operation failed: ${JSON.stringify(answer.errors)}`)
      return answer.data
    },
    subscribe(query, variables = {}) {
      const client = createClient({
        url: `${gateway.origin.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        lazy: true,
        connectionParams: authorization,
      })
      clients.add(client)
      return client.iterate({ query, variables }) as unknown as AsyncIterableIterator<Answer>
    },
    subscribeSse: (query, variables = {}) => readSse(`${gateway.origin}/graphql`, { query, variables }),
    async restart() {
      await gateway.close()
      gateway = await start()
    },
    [Symbol.asyncDispose]: close,
  }
}

/** Nothing in a test is to wait for a budget that it is not about. */
function testSettingsOf(lsp: Sandbox['lsps'][number]): LspSettings {
  return {
    ...settingsOf(lsp, 60_000),
    timeoutMs: 5_000,
    courtesy: { maxUnpaidOrders: 50, firmQuotesPerHour: 1_000, maxStandingOrders: 1_000 },
    requestsPerMinute: 60_000,
    estimatesPerMinute: 60_000,
  }
}

async function* readSse(
  url: string,
  body: { query: string; variables: Record<string, unknown> },
): AsyncIterableIterator<Answer> {
  const abort = new AbortController()
  try {
    const response = await fetch(url, {
      method: 'POST',
      signal: abort.signal,
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify(body),
    })
    if (!response.body) throw new Error('no stream')
    let text = ''
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk
      const messages = text.split('\n\n')
      text = messages.pop() ?? ''
      for (const message of messages) {
        const event = /^event: (.*)$/m.exec(message)?.[1]
        const data = /^data: (.*)$/m.exec(message)?.[1]
        if (event === 'complete') return
        if (event === 'next' && data) yield { status: response.status, ...(JSON.parse(data) as Omit<Answer, 'status'>) }
      }
    }
  } finally {
    abort.abort()
  }
}

// oxlint-disable-next-line typescript/no-explicit-any -- tests read answers of any shape
type AnyData = any

/** Takes results until one satisfies `isLast`; fails when the stream ends before. */
export async function takeUntil(
  results: AsyncIterableIterator<Answer>,
  isLast: (data: AnyData) => boolean,
): Promise<AnyData[]> {
  const taken: unknown[] = []
  for await (const result of results) {
    if (result.errors) throw new Error(`the subscription failed: ${JSON.stringify(result.errors)}`)
    assertPaymentAdvice(result.data)
    taken.push(result.data)
    if (isLast(result.data)) return taken
  }
  throw new Error(`the stream ended after ${JSON.stringify(taken.at(-1))}`)
}

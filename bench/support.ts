import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox, type Sandbox, type SandboxLsp } from '../src/sandbox/index.ts'
import { GatewayProcess } from '../test/crash/gateway-process.ts'
import { builtProgram } from '../test/support/build.ts'

/** The program as it is shipped, in a process of its own, with one simulated LSP. */
export interface Rig extends AsyncDisposable {
  readonly gateway: GatewayProcess
  readonly sandbox: Sandbox
  readonly lsp: SandboxLsp
  readonly databaseUrl: string
  /** Starts the gateway again, with these changes to the settings of its LSP. */
  restart(changes: Record<string, unknown>): Promise<void>
}

export interface RigOptions {
  lspId: string
  stepMs?: number
  activeMs?: number
}

export async function openRig({ lspId, stepMs = 500, activeMs = 5_000 }: RigOptions): Promise<Rig> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const sandbox = await startSandbox({ only: [lspId], stepMs })
  const lsp = sandbox.lsp(lspId)
  const configPath = join(directory, 'sluice.yaml')
  const databaseUrl = join(directory, 'sluice.db')
  // JSON is YAML.
  const configOf = (changes: Record<string, unknown>) =>
    JSON.stringify({
      lsps: [
        {
          id: lsp.id,
          name: lsp.name,
          protocol: lsp.configName,
          url: lsp.url,
          network: 'regtest',
          requestsPerMinute: 60_000,
          estimatesPerMinute: 60_000,
          courtesy: { maxUnpaidOrders: 100_000, firmQuotesPerHour: 100_000, maxStandingOrders: 100_000 },
          ...changes,
        },
      ],
      limits: { operationsPerSecond: 1_000_000, ordersPerMinute: 1_000_000, firmQuotesPerMinute: 1_000_000 },
      pace: { activeMs, idleMs: 3_600_000 },
      logLevel: 'error',
    })
  await writeFile(configPath, configOf({}))
  const gateway = new GatewayProcess({ main: await builtProgram(), configPath, databaseUrl })
  return {
    gateway,
    sandbox,
    lsp,
    databaseUrl,
    async restart(changes) {
      await gateway.kill()
      await writeFile(configPath, configOf(changes))
      await gateway.start()
    },
    async [Symbol.asyncDispose]() {
      await gateway.kill()
      await sandbox.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export interface PlacedOrder {
  id: string
  payment: { bolt11: { invoice: string } }
}

export async function placeOrder({ gateway, sandbox }: Rig, lspBalanceSat: number): Promise<PlacedOrder> {
  const { quotes } = await ask(
    gateway,
    `{ quotes(request: {clientPubkey: "${sandbox.wallet.pubkey}", lspBalanceSat: ${lspBalanceSat}}) { quotes { id } } }`,
  )
  const { createOrder } = await ask(
    gateway,
    `mutation { createOrder(input: {quoteId: "${quotes.quotes[0].id}", idempotencyKey: "bench-${lspBalanceSat}"}) { ... on Order { id payment { bolt11 { invoice } } } } }`,
  )
  return createOrder
}

// oxlint-disable-next-line typescript/no-explicit-any -- answers of any shape
export async function ask(gateway: GatewayProcess, query: string): Promise<any> {
  const response = await fetch(`${gateway.origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown }
  if (errors) throw new Error(JSON.stringify(errors))
  return data
}

/** What the process holds of the machine's memory. Linux tells; elsewhere it is not measured. */
export function residentMb({ pid }: GatewayProcess, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  const kilobytes = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kilobytes) / 1024)
}

export function report(figures: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { builtProgram } from '../support/build.ts'

/** The program as `npm start` builds and runs it, in folders of its own. */
export class Build implements AsyncDisposable {
  readonly #main: string
  readonly #folder: string
  readonly #running = new Set<Program>()
  #folders = 0

  private constructor(main: string, folder: string) {
    this.#main = main
    this.#folder = folder
  }

  static async make(): Promise<Build> {
    return new Build(await builtProgram(), await mkdtemp(join(tmpdir(), 'sluice-runs-')))
  }

  /** A new folder to start programs in. */
  async folder(): Promise<string> {
    this.#folders += 1
    const folder = join(this.#folder, `run-${this.#folders}`)
    await mkdir(folder)
    return folder
  }

  start(cwd: string, { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {}): Program {
    const program = new Program(this.#main, cwd, args, env)
    this.#running.add(program)
    void program.ended.then(() => this.#running.delete(program))
    return program
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#running) program.kill('SIGKILL')
    await Promise.all([...this.#running].map(({ ended }) => ended))
    await rm(this.#folder, { recursive: true, force: true })
  }
}

export class Program {
  readonly #child
  stdout = ''
  stderr = ''
  readonly ended: Promise<{ status: number | null; signal: NodeJS.Signals | null }>

  constructor(main: string, cwd: string, args: string[], env: Record<string, string>) {
    this.#child = spawn(process.execPath, [main, ...args], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.ended = once(this.#child, 'close').then(([status, signal]) => ({
      status: status as number | null,
      signal: signal as NodeJS.Signals | null,
    }))
  }

  /** http://host:port, once it printed where GraphiQL is. */
  async origin(): Promise<string> {
    for (;;) {
      const address = /^GraphiQL: (http:\S+)\/graphql /m.exec(this.stdout)?.[1]
      if (address !== undefined) return address
      const ended = await Promise.race([this.ended, once(this.#child.stdout, 'data')])
      if ('status' in ended) throw new Error(`it ended with ${ended.status}: ${this.stderr}`)
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- tests read answers of any shape
  async ask(query: string, variables: Record<string, unknown> = {}): Promise<any> {
    const response = await fetch(`${await this.origin()}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    })
    const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown }
    if (errors) throw new Error(JSON.stringify(errors))
    return data
  }
}

/** For a program that is started again at the same address. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Kills it without a warning. The simulated LSPs die with it: they write their orders down a moment after each change. */
export async function kill(program: Program): Promise<void> {
  await setTimeout(1_000)
  program.kill('SIGKILL')
  await program.ended
}

/** Orders a channel at Olive from the sandbox's wallet. @returns the order's id */
export async function orderAtOlive(program: Program): Promise<string> {
  const { sandboxWallet } = await program.ask('{ sandboxWallet { pubkey address } }')
  const { pubkey: clientPubkey, address: clientAddress } = sandboxWallet
  const { quotes } = await program.ask(
    'query ($request: ChannelRequestInput!) { quotes(request: $request, lspIds: ["olive"]) { quotes { id } } }',
    { request: { clientPubkey, clientAddress, lspBalanceSat: 1_000_000 } },
  )
  const { createOrder } = await program.ask(
    'mutation ($id: ID!) { createOrder(input: { quoteId: $id, idempotencyKey: "k" }) { ... on Order { id } } }',
    { id: quotes.quotes[0].id },
  )
  return createOrder.id as string
}

export const SANDBOX_PAY = 'mutation ($id: ID!) { sandboxPay(id: $id) { state } }'

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sandbox } from '../../src/sandbox/index.ts'
import { builtProgram } from '../support/build.ts'

/** Has the program collect its garbage when it is told to, so that what it holds on to can be measured. */
const COLLECTOR = 'data:text/javascript,process.on("SIGUSR2",()=>globalThis.gc())'

/** The program as it is shipped, in a process of its own: what would end it ends no test. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #folder: string
  /** All that it printed. */
  printed = ''
  origin = ''
  /** Its status, once it has ended. */
  status: number | null = null

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.printed += text))
    child.on('exit', (status) => (this.status = status ?? -1))
  }

  static async start(
    yaml: string,
    env: Record<string, string> = {},
    files: Record<string, string> = {},
  ): Promise<Program> {
    const main = await builtProgram()
    const folder = await mkdtemp(join(tmpdir(), 'sluice-program-'))
    for (const [name, text] of Object.entries({ 'sluice.yaml': yaml, ...files }))
      await writeFile(join(folder, name), text)
    const child = spawn(
      process.execPath,
      ['--expose-gc', '--import', COLLECTOR, main, '--config', join(folder, 'sluice.yaml')],
      {
        cwd: folder,
        env: {
          PATH: process.env['PATH'] ?? '',
          HOST: '127.0.0.1',
          PORT: '0',
          DATABASE_URL: join(folder, 'sluice.db'),
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    const program = new Program(child, folder)
    while (program.origin === '') {
      if (program.status !== null) throw new Error(`it ended with ${program.status}: ${program.printed}`)
      program.origin = /GraphQL: +(http:\/\/[^/\s]+)/.exec(program.printed)?.[1] ?? ''
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return program
  }

  /** Writes its configuration anew, and tells it so. */
  async reload(yaml: string): Promise<void> {
    const told = this.printed.length
    await writeFile(join(this.#folder, 'sluice.yaml'), yaml)
    this.#child.kill('SIGHUP')
    while (!/"(the clients|there is no configuration)[^"]*"/.test(this.printed.slice(told)))
      await new Promise((resolve) => setTimeout(resolve, 10))
  }

  /** In bytes, after its garbage was collected. */
  async heapUsed(): Promise<number> {
    for (let times = 0; times < 3; times++) {
      this.#child.kill('SIGUSR2')
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    const metrics = await (await fetch(`${this.origin}/metrics`)).text()
    return Number(/^nodejs_heap_size_used_bytes (\S+)$/m.exec(metrics)?.[1])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.status === null) {
      this.#child.kill('SIGTERM')
      const cut = setTimeout(() => this.#child.kill('SIGKILL'), 8_000)
      await once(this.#child, 'exit')
      clearTimeout(cut)
    }
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** The part of a configuration file that names the simulated LSPs. */
export function lspsYaml(sandbox: Sandbox, more: Readonly<Record<string, string>> = {}): string {
  const entries = sandbox.lsps.map(({ id, name, configName, url, tariffFeeRateSatPerVbyte }) =>
    [
      `  - id: ${id}`,
      `name: ${JSON.stringify(name)}`,
      `protocol: ${configName}`,
      `url: ${url}`,
      'network: regtest',
      ...Object.entries(more).map(([key, value]) => `${key}: ${value}`),
      ...(tariffFeeRateSatPerVbyte === null ? [] : [`tariff: { feeRateSatPerVbyte: ${tariffFeeRateSatPerVbyte} }`]),
    ].join('\n    '),
  )
  return `lsps:\n${entries.join('\n')}\npace: { activeMs: 50, idleMs: 1000 }\n`
}

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

export interface ProcessOptions {
  main: string
  configPath: string
  databaseUrl: string
  /** No file may grow beyond so many blocks of 512 bytes: what a full disk is like. */
  fileBlocks?: number
}

/** A gateway in a process of its own, that can be killed between any two lines. */
export class GatewayProcess {
  readonly #options: ProcessOptions
  #child: ChildProcess | null = null
  /** http://127.0.0.1:port of the one that runs, null while none does. */
  origin: string | null = null
  /** What it wrote to standard error. */
  errors = ''

  constructor(options: ProcessOptions) {
    this.#options = options
  }

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  /** Resolves when it answers; false when it ended before that. */
  async start(): Promise<boolean> {
    const { main, configPath, databaseUrl, fileBlocks } = this.#options
    const limit = fileBlocks === undefined ? '' : `ulimit -f ${fileBlocks}; `
    const child = spawn('/bin/sh', ['-c', `${limit}exec "$0" "$1" --config "$2"`, process.execPath, main, configPath], {
      env: { ...process.env, HOST: '127.0.0.1', PORT: '0', DATABASE_URL: databaseUrl },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    child.stderr.on('data', (chunk: Buffer) => {
      this.errors = (this.errors + chunk.toString()).slice(-20_000)
    })
    return new Promise((resolve) => {
      let text = ''
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        const origin = /GraphQL: +(http:\/\/[^/\s]+)/.exec(text)?.[1]
        if (origin && this.origin === null && this.#child === child) {
          this.origin = origin
          resolve(true)
        }
      })
      child.once('exit', () => resolve(false))
    })
  }

  /** kill -9: no handler runs, nothing is flushed. */
  async kill(): Promise<void> {
    const child = this.#child
    this.origin = null
    this.#child = null
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}

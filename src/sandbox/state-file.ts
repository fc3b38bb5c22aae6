import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { NetworkState } from './network.ts'

export interface SandboxState {
  network: NetworkState
  /** The orders of each LSP, by its id. */
  orders: Record<string, readonly unknown[]>
}

const VERSION = 1
const DEBOUNCE_MS = 200

/** Where a sandbox keeps its orders: one JSON file that is replaced as a whole, so that it is never half written. */
export class SandboxFile {
  readonly #path: string | null
  #state: (() => SandboxState) | null = null
  #written = ''
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> = Promise.resolve()
  #failure: Error | null = null

  /** `null`: nothing is kept. */
  constructor(path: string | null) {
    this.#path = path
  }

  /** What an earlier sandbox left; null when there was none, or it is of another version. */
  async read(): Promise<SandboxState | null> {
    if (this.#path === null) return null
    try {
      const kept = JSON.parse(await readFile(this.#path, 'utf8')) as SandboxState & { version?: number }
      return kept.version === VERSION ? kept : null
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw new Error(`the sandbox cannot read ${this.#path}; delete it to begin anew`, { cause: error })
    }
  }

  /** From now on `changed` writes down what `state` gives. */
  keep(state: () => SandboxState): void {
    this.#state = state
  }

  changed(): void {
    if (this.#path === null || this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#write()
    }, DEBOUNCE_MS).unref()
  }

  /** Writes down what is not written yet. @throws Error when that is not possible. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#write()
    await this.#writing
    if (this.#failure) throw new Error(`the sandbox cannot write ${this.#path}`, { cause: this.#failure })
  }

  #write(): void {
    const path = this.#path
    if (path === null || this.#state === null) return
    const text = JSON.stringify({ version: VERSION, ...this.#state() })
    if (text === this.#written) return
    this.#written = text
    this.#writing = this.#writing.then(async () => {
      try {
        await replaceFile(path, text)
        this.#failure = null
      } catch (error) {
        // The next change tries again; only closing tells.
        this.#written = ''
        this.#failure = error as Error
      }
    })
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

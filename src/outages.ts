import type { Logger } from 'pino'
import { DatabaseUnavailable } from './store/database.ts'
import type { Store } from './store/store.ts'

const LOOK_EVERY_MS = 2_000

/**
 * Logs an outage of the database once when it begins and once when it ends. Whatever fails meanwhile because of it, each
 * second or at each request, is counted instead of logged.
 */
export class Outages {
  /** Logs everything else as the logger that it was made of. */
  readonly logger: Logger
  readonly #log: Logger
  readonly #store: Pick<Store, 'problem' | 'suspect'>
  #beganAt: number | null = null
  #failures = 0
  #timer: NodeJS.Timeout | null = null

  constructor(logger: Logger, store: Pick<Store, 'problem' | 'suspect'>) {
    this.#log = logger
    this.#store = store
    this.logger = this.#quiet(logger)
  }

  #quiet(logger: Logger): Logger {
    const quiet = Object.create(logger) as Logger
    for (const level of ['debug', 'info', 'warn', 'error', 'fatal'] as const) {
      const write = (first: object, ...rest: [string?, ...unknown[]]) => {
        const outage = outageIn(first)
        if (outage) this.note(outage)
        else logger[level](first, ...rest)
      }
      Object.defineProperty(quiet, level, { value: write })
    }
    return quiet
  }

  /** Something failed because the database cannot be used. */
  note(error: DatabaseUnavailable): void {
    this.#failures += 1
    if (this.#beganAt !== null) return
    this.#beganAt = performance.now()
    this.#store.suspect()
    this.#log.error(
      { reason: error.reason, code: error.code, cause: error.message },
      'the database cannot be used: no order is placed until it can',
    )
    this.#lookLater()
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => void this.#look(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    if (await this.#store.problem()) return this.#lookLater()
    const seconds = Math.round((performance.now() - (this.#beganAt ?? 0)) / 1000)
    this.#log.info({ seconds, failures: this.#failures }, 'the database can be used again')
    this.#beganAt = null
    this.#failures = 0
  }

  close(): void {
    if (this.#timer) clearTimeout(this.#timer)
  }
}

/** The outage that a log entry is about. */
function outageIn(entry: unknown): DatabaseUnavailable | null {
  return typeof entry === 'object' && entry !== null && 'err' in entry ? outageOf(entry.err) : null
}

/** The outage that an error came of, however often it was wrapped. */
export function outageOf(error: unknown): DatabaseUnavailable | null {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; depth += 1) {
    if (cause instanceof DatabaseUnavailable) return cause
    cause = 'originalError' in cause && cause.originalError instanceof Error ? cause.originalError : cause.cause
  }
  return null
}

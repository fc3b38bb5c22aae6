import { randomBytes } from 'node:crypto'
import { DatabaseError, type Engine } from './engine.ts'
import { assertMigrated } from './migrate.ts'
import { assertSchema, type ActualSchema } from './schema-check.ts'
import { DatabaseUnavailable, UNAVAILABLE_REASONS, type UnavailableReason } from './unavailable.ts'

/** However many ask, the database is written once in this time. */
const REUSED_MS = 1_000
/** Nobody waits longer for an answer. */
const ANSWER_MS = 800
/** The catalogue is larger than a row. */
const SCHEMA_EVERY_MS = 10_000
/** More than any operation writes at once: on a disk that is almost full, a small row still fits. */
const PADDING_BYTES = 192 * 1024
const ROW_KEPT_MS = 24 * 60 * 60_000

interface Running {
  startedAt: number
  outcome: Promise<DatabaseUnavailable | null>
}

/** Whether an order could be written now: a row is, and the schema is still the one of this program. */
export class Health {
  readonly #engine: Engine
  readonly #expected: ActualSchema
  readonly #self: string
  #running: Running | null = null
  #last: { at: number; outcome: DatabaseUnavailable | null } | null = null
  #schemaAt = performance.now()
  #isSuspect = false

  /** `self` names this gateway's row. */
  constructor(engine: Engine, expected: ActualSchema, self: string) {
    this.#engine = engine
    this.#expected = expected
    this.#self = engine.isShared ? self : 'embedded'
  }

  /** @returns why not; null: it could. Answers within a second, and never rejects. */
  async problem(): Promise<DatabaseUnavailable | null> {
    if (this.#last && performance.now() - this.#last.at < REUSED_MS) return this.#last.outcome
    this.#running ??= this.#start()
    const waitMs = Math.max(0, this.#running.startedAt + ANSWER_MS - performance.now())
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<DatabaseUnavailable>((resolve) => {
      timer = setTimeout(() => resolve(new DatabaseUnavailable('TIMEOUT', UNAVAILABLE_REASONS.TIMEOUT)), waitMs)
    })
    return Promise.race([this.#running.outcome, late]).finally(() => clearTimeout(timer))
  }

  /** An operation failed: until the database has taken as much as an operation writes, it cannot be used. */
  suspect(): void {
    this.#isSuspect = true
    this.#last = null
  }

  #start(): Running {
    const isThorough = this.#isSuspect
    const outcome = this.#write(isThorough)
      .then(
        () => null,
        (error: unknown) => problemOf(error),
      )
      .then((problem) => {
        this.#running = null
        if (isThorough && problem === null) this.#isSuspect = false
        if (problem || !this.#isSuspect) this.#last = { at: performance.now(), outcome: problem }
        return problem
      })
    return { startedAt: performance.now(), outcome }
  }

  async #write(isThorough: boolean): Promise<void> {
    const { db, now } = this.#engine
    const write = async (padding: string) => {
      const row = { checked_at: now, padding }
      await db
        .insertInto('write_checks')
        .values({ id: this.#self, ...row })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute()
    }
    const writing = async () => {
      // Random, since PostgreSQL compresses.
      if (isThorough) await write(randomBytes(PADDING_BYTES).toString('base64'))
      await write('')
    }
    // At the same time: a slow network must not add up to a timeout.
    const checks = await Promise.allSettled([writing(), assertMigrated(db, this.#engine), this.#assertSchema()])
    for (const check of checks) if (check.status === 'rejected') throw check.reason
  }

  async #assertSchema(): Promise<void> {
    if (this.#last?.outcome === null && performance.now() - this.#schemaAt < SCHEMA_EVERY_MS) return
    await assertSchema(this.#engine, this.#engine.db, this.#expected)
    this.#schemaAt = performance.now()
  }

  /** Removes this gateway's row, and those of gateways that ended without doing so. */
  async close(): Promise<void> {
    this.#last = null
    await this.#engine.db
      .deleteFrom('write_checks')
      .where((e) => e.or([e('id', '=', this.#self), e('checked_at', '<', e(this.#engine.now, '-', ROW_KEPT_MS))]))
      .execute()
  }
}

function problemOf(error: unknown): DatabaseUnavailable {
  if (error instanceof DatabaseUnavailable) return error
  const message = error instanceof Error ? error.message : String(error)
  const reason: UnavailableReason = error instanceof DatabaseError ? 'SCHEMA_MISMATCH' : 'REFUSED'
  return new DatabaseUnavailable(reason, message)
}

import type { Db, Engine } from './engine.ts'
import { DAY_MS, MINUTE_MS, SECOND_MS, type EpochMs } from '../domain/time.ts'

const MICROS = 1_000
/** A budget that is spent for longer ahead than this was spent by a clock that has been set back since. */
const CLOCK_SLACK_MICROS = 5 * SECOND_MS * MICROS

/** How much of what an LSP may be read is for clients that wait for it, and how many of them may come together. */
const SHARE_AT_ONCE = 1 / 4
const READINGS_AT_ONCE = 10

/** Whoever compares a few sizes need not wait between them. */
const ESTIMATES_AT_ONCE = 10

/** Reading a document takes some hundredths of a second, in which nobody else is answered. */
export const IMPORTS_PER_MINUTE = 300

/** Bytes of imported orders that are stored for one client, and for all clients together, within a day. */
export const IMPORTED_BYTES_PER_DAY = { client: 64 * 2 ** 20, all: 2 ** 30 }
const KIB = 1_024

/** What one client may have done at one LSP beside placing orders; whoever has many channels renews some of them together. */
export const ACTIONS_PER_MINUTE = 60
const ACTIONS_AT_ONCE = 20

/** What is left of what an LSP may be asked. */
export interface Budget {
  /** So often it may be asked at once. */
  room: number
  /** @returns when it may be asked again. */
  spend(taken: number): Promise<EpochMs>
}

/** How often LSPs may be asked, and orders imported, by all instances together. Within transactions only. */
export class BudgetStore {
  readonly #db: Db
  readonly #engine: Engine

  constructor(db: Db, engine: Engine) {
    this.#db = db
    this.#engine = engine
  }

  /**
   * One reading that a client is waiting for, by the same budget, of which such readings have a part alone: clients that
   * ask for many do not keep the LSP from being read for all. @returns false: not now.
   */
  async takeReading(lspId: string, requestsPerMinute: number, now: EpochMs): Promise<boolean> {
    const share = requestsPerMinute * SHARE_AT_ONCE
    const budgets = [
      await this.#budget(`${lspId} at once`, share, Math.max(1, Math.min(share, READINGS_AT_ONCE)), now),
      await this.ofReadings(lspId, requestsPerMinute, now),
    ]
    if (budgets.some(({ room }) => room < 1)) return false
    for (const budget of budgets) await budget.spend(1)
    return true
  }

  /** How often an LSP may be read; a second's worth may come at once. */
  ofReadings(lspId: string, requestsPerMinute: number, now: EpochMs): Promise<Budget> {
    return this.#budget(lspId, requestsPerMinute, Math.max(1, Math.floor(requestsPerMinute / 60)), now)
  }

  /**
   * One estimate by an LSP, out of those that may be asked for.
   * @returns null: it may be asked for. Else not before this.
   */
  takeEstimate(lspId: string, estimatesPerMinute: number, now: EpochMs): Promise<EpochMs | null> {
    return this.#takeOne(`${lspId} estimates`, estimatesPerMinute, Math.min(estimatesPerMinute, ESTIMATES_AT_ONCE), now)
  }

  /** The same for an order that a client imports. */
  takeImport(clientId: string, now: EpochMs): Promise<EpochMs | null> {
    return this.#takeOne(`${clientId} imports`, IMPORTS_PER_MINUTE, IMPORTS_PER_MINUTE, now)
  }

  /** Bytes of an order that a client imports. @returns null: they may be stored. Otherwise the earliest time to try again. */
  async takeImportedBytes(clientId: string, bytes: number, now: EpochMs): Promise<EpochMs | null> {
    const size = Math.ceil(bytes / KIB)
    const budgets = [
      await this.#perDay(`${clientId} imported KiB`, IMPORTED_BYTES_PER_DAY.client / KIB, now),
      await this.#perDay('all imported KiB', IMPORTED_BYTES_PER_DAY.all / KIB, now),
    ]
    const short = budgets.find(({ room }) => room < size)
    if (short) return now + Math.ceil(((size - short.room) * DAY_MS) / short.perDay)
    for (const budget of budgets) await budget.spend(size)
    return null
  }

  async #perDay(name: string, perDay: number, now: EpochMs) {
    return { ...(await this.#budget(name, (perDay * MINUTE_MS) / DAY_MS, perDay, now)), perDay }
  }

  /** The same for one renewal, or one action on an order, that a client asks an LSP for. */
  takeAction(lspId: string, clientId: string, now: EpochMs): Promise<EpochMs | null> {
    return this.#takeOne(`${lspId} actions ${clientId}`, ACTIONS_PER_MINUTE, ACTIONS_AT_ONCE, now)
  }

  async #takeOne(name: string, perMinute: number, burst: number, now: EpochMs): Promise<EpochMs | null> {
    const budget = await this.#budget(name, perMinute, burst, now)
    const nextAt = await budget.spend(Math.min(1, budget.room))
    return budget.room > 0 ? null : nextAt
  }

  /** Until the transaction ends, nobody else gets past this for the same budget. */
  async #budget(name: string, perMinute: number, burst: number, now: EpochMs): Promise<Budget> {
    const micros = now * MICROS
    const spacing = Math.ceil((MINUTE_MS * MICROS) / perMinute)
    const written = await this.#spentUntil(name)
    const isAhead = written > micros + burst * spacing + CLOCK_SLACK_MICROS
    const spentUntil = isAhead ? micros : Math.max(written, micros)
    return {
      room: Math.floor((micros + burst * spacing - spentUntil) / spacing),
      spend: async (taken) => {
        const spent = spentUntil + taken * spacing
        if (taken > 0 || isAhead)
          await this.#db.updateTable('read_budgets').set({ spent_until: spent }).where('lsp_id', '=', name).execute()
        return Math.ceil((spent - (burst - 1) * spacing) / MICROS)
      },
    }
  }

  async #spentUntil(name: string): Promise<number> {
    const budget = () =>
      this.#engine
        .locking(this.#db.selectFrom('read_budgets').select('spent_until').where('lsp_id', '=', name))
        .executeTakeFirst()
    const found = await budget()
    if (found) return found.spent_until
    await this.#db
      .insertInto('read_budgets')
      .values({ lsp_id: name, spent_until: 0 })
      .onConflict((conflict) => conflict.column('lsp_id').doNothing())
      .execute()
    return (await budget())?.spent_until ?? 0
  }
}

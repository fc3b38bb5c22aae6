import type { Db, Engine } from './engine.ts'
import { DAY_MS, MINUTE_MS, SECOND_MS, type EpochMs } from '../domain/time.ts'

const MICROS = 1_000
/** A budget that is spent for longer ahead than this was spent by a clock that has been set back since. */
const CLOCK_SLACK_MICROS = 5 * SECOND_MS * MICROS

/** How much of what an LSP may be read is for clients that wait for it, and how many of them may come together. */
const SHARE_AT_ONCE = 1 / 4
const READINGS_AT_ONCE = 10

/**
 * All requests to an LSP come out of one budget. Polls wait until it allows them; a client's request is sent ahead of it, and
 * polls wait the longer. At most a twelfth of a minute's requests is sent ahead for orders and actions, and another for estimates.
 */
const AHEAD_SHARE = 1 / 12
/** The part of the budget that the requests of all clients may use. Polls have the rest. */
const CLIENTS_SHARE = 1 / 3
/** The part that the requests of one client may use, and the part of what is sent ahead. */
const CLIENT_SHARE = 1 / 4
const CLIENT_AHEAD_SHARE = 3 / 5
/** The part of the budget that estimates may use at most. */
const ESTIMATES_SHARE = 1 / 4
/**
 * The part that is reserved for polls of orders that were paid or that a client follows: they are sent ahead of the budget, too.
 * The parts together are less than what the budget allows in the long run.
 */
const URGENT_SHARE = 1 / 6

/** Requests that were sent without being asked for, and that polls still have to wait for, at most. */
const MOST_EXTRA = 10

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

  /**
   * How often an LSP may be polled; a second's worth may come at once. Within any minute, polls and clients' requests
   * together are at most `requestsPerMinute`.
   */
  ofReadings(lspId: string, requestsPerMinute: number, now: EpochMs): Promise<Budget> {
    const burst = Math.max(1, Math.floor(requestsPerMinute / 60))
    const ahead = sentAheadOf(requestsPerMinute)
    const perMinute = isSmall(requestsPerMinute)
      ? sharedOf(requestsPerMinute)
      : Math.max(requestsPerMinute / 2, requestsPerMinute - burst - ahead)
    return this.#budget(lspId, perMinute, burst, now, ahead + MOST_EXTRA)
  }

  /** Polls of orders that were paid or that a client follows, while the budget allows no other. */
  ofUrgentReadings(lspId: string, requestsPerMinute: number, now: EpochMs): Promise<Budget> {
    return this.#budget(`${lspId} urgent`, requestsPerMinute * URGENT_SHARE, 1, now)
  }

  /**
   * One request for a client: an order, a firm quote, a renewal or an action. @returns null: it may be sent. Otherwise the
   * earliest time to try again.
   */
  async takeRequest(lspId: string, requestsPerMinute: number, clientId: string, now: EpochMs): Promise<EpochMs | null> {
    const ahead = aheadOf(requestsPerMinute)
    const shared = sharedOf(requestsPerMinute)
    const shares = [
      await this.#budget(`${lspId} clients`, shared * CLIENTS_SHARE, ahead, now),
      await this.#budget(
        `${lspId} client ${clientId}`,
        shared * CLIENT_SHARE,
        Math.max(1, Math.floor(ahead * CLIENT_AHEAD_SHARE)),
        now,
      ),
    ]
    let retryAt = 0
    for (const share of shares) if (share.room < 1) retryAt = Math.max(retryAt, await share.spend(0))
    if (retryAt > 0) return retryAt
    const all = await this.ofReadings(lspId, requestsPerMinute, now)
    if (isSmall(requestsPerMinute) && all.room < 1) return all.spend(0)
    for (const budget of [...shares, all]) await budget.spend(1)
    return null
  }

  /** One request that was sent already, out of the budget of polls. Of more than MOST_EXTRA at once, the rest is not charged. */
  async charge(lspId: string, requestsPerMinute: number, now: EpochMs): Promise<void> {
    const all = await this.ofReadings(lspId, requestsPerMinute, now)
    if (all.room > -(sentAheadOf(requestsPerMinute) + MOST_EXTRA)) await all.spend(1)
  }

  /** One estimate by an LSP, out of its budget. @returns null: it may be sent. Otherwise the earliest time to try again. */
  async takeEstimate(
    lspId: string,
    { estimatesPerMinute, requestsPerMinute }: { estimatesPerMinute: number; requestsPerMinute: number },
    now: EpochMs,
  ): Promise<EpochMs | null> {
    const burst = Math.min(estimatesPerMinute, ESTIMATES_AT_ONCE, aheadOf(requestsPerMinute))
    const perMinute = Math.min(estimatesPerMinute, sharedOf(requestsPerMinute) * ESTIMATES_SHARE)
    const share = await this.#budget(`${lspId} estimates`, perMinute, Math.max(1, burst), now)
    if (share.room < 1) return share.spend(0)
    const all = await this.ofReadings(lspId, requestsPerMinute, now)
    if (isSmall(requestsPerMinute) && all.room < 1) return all.spend(0)
    for (const budget of [share, all]) await budget.spend(1)
    return null
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
  async #budget(name: string, perMinute: number, burst: number, now: EpochMs, ahead = 0): Promise<Budget> {
    const micros = now * MICROS
    const spacing = Math.ceil((MINUTE_MS * MICROS) / perMinute)
    const written = await this.#spentUntil(name)
    const isAhead = written > micros + (burst + ahead) * spacing + CLOCK_SLACK_MICROS
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

/** A budget of which nothing can be sent ahead: every request waits until the budget allows it. */
export function isSmall(requestsPerMinute: number): boolean {
  return requestsPerMinute * AHEAD_SHARE < 1
}

/** Requests a minute of which clients have their shares. Of a small budget, one is left for the burst. */
function sharedOf(requestsPerMinute: number): number {
  return isSmall(requestsPerMinute) ? Math.max(requestsPerMinute / 2, requestsPerMinute - 1) : requestsPerMinute
}

/** What clients' requests and estimates may be ahead of the budget, together with one urgent poll. */
function sentAheadOf(requestsPerMinute: number): number {
  return isSmall(requestsPerMinute) ? 0 : 2 * aheadOf(requestsPerMinute) + 1
}

/** Requests that clients may send before polls have left them room. */
function aheadOf(requestsPerMinute: number): number {
  return Math.max(1, Math.floor(requestsPerMinute * AHEAD_SHARE))
}

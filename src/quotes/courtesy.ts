import { LspFailure } from '../domain/failure.ts'
import { HOUR_MS, MINUTE_MS, type EpochMs } from '../domain/time.ts'
import { ACTIONS_PER_MINUTE } from '../store/budgets.ts'
import type { Store, Stores } from '../store/store.ts'
import type { LspSettings } from '../upstream/lsp.ts'

// An LSP that has no way to tell its price but an order is owed some restraint: it keeps every such order,
// it cannot be told to forget one, and LSPs block those who ask carelessly.

/** The budget is used up; asking again makes sense from `retryAt` on. */
export class OverBudget extends Error {
  override name = 'OverBudget'
  readonly retryAt: EpochMs

  constructor(message: string, retryAt: EpochMs) {
    super(message)
    this.retryAt = retryAt
  }
}

/** @throws OverBudget if one more order for a price would exceed the budget of this LSP. */
export async function assertWithinCourtesy(
  stores: Stores,
  lsp: Pick<LspSettings, 'id' | 'courtesy'>,
  clientId: string,
  now: EpochMs,
): Promise<void> {
  const { maxUnpaidOrders, firmQuotesPerHour } = lsp.courtesy
  const unpaidUntil = await stores.placements.unpaidUntil(lsp.id, clientId, now)
  const asked = await stores.placements.quotesSince(lsp.id, now - HOUR_MS)
  const isUnpaidFull = unpaidUntil.length >= maxUnpaidOrders
  const isHourFull = asked.length >= firmQuotesPerHour
  if (!isUnpaidFull && !isHourFull) return
  throw new OverBudget(
    isUnpaidFull
      ? `${unpaidUntil.length} orders stand unpaid at this LSP, and no more than ${maxUnpaidOrders} are to`
      : `this LSP was asked for ${asked.length} firm quotes within an hour, and no more than ${firmQuotesPerHour} are to be`,
    // With n too many, the n-th to lapse makes room. A budget of nothing has room at no time: look in an hour.
    Math.max(
      isUnpaidFull ? (unpaidUntil[unpaidUntil.length - maxUnpaidOrders] ?? now + HOUR_MS) : now,
      isHourFull ? (asked[asked.length - firmQuotesPerHour] ?? now) + HOUR_MS : now,
    ),
  )
}

/** @throws OverBudget while too many of the client's orders at this LSP are unpaid. One instance at a time counts them. */
export async function assertMayOrder(
  { placements }: Stores,
  lsp: Pick<LspSettings, 'id' | 'courtesy'>,
  clientId: string,
  now: EpochMs,
): Promise<void> {
  await placements.lockLsp(lsp.id)
  const unpaidUntil = await placements.unpaidUntil(lsp.id, clientId, now)
  const { maxStandingOrders } = lsp.courtesy
  if (unpaidUntil.length < maxStandingOrders) return
  const lapsesAt = unpaidUntil[unpaidUntil.length - maxStandingOrders] ?? now + HOUR_MS
  // One that is paid makes room sooner than one that lapses.
  throw new OverBudget(
    `${unpaidUntil.length} unpaid orders of this client stand at this LSP, and no more than ${maxStandingOrders} are to`,
    Math.min(lapsesAt, now + MINUTE_MS),
  )
}

/**
 * Charges one request of the client to the LSP's budget. @throws OverBudget when the client has used its share, or all
 * clients have used theirs
 */
export async function spendRequest(
  { budgets }: Stores,
  { id, requestsPerMinute }: Pick<LspSettings, 'id' | 'requestsPerMinute'>,
  clientId: string,
  now: EpochMs,
): Promise<void> {
  const retryAt = await budgets.takeRequest(id, requestsPerMinute, clientId, now)
  if (retryAt !== null)
    throw new OverBudget(
      `the gateway sends this LSP at most ${requestsPerMinute} requests a minute, and your share of them is used up; try again after retryAt`,
      retryAt,
    )
}

/** @throws LspFailure when the client has had this LSP asked for as many renewals and actions as it may. */
export async function assertMayAct(
  store: Store,
  { id, requestsPerMinute }: Pick<LspSettings, 'id' | 'requestsPerMinute'>,
  clientId: string,
  now: EpochMs,
): Promise<void> {
  await store.transaction(async (stores) => {
    const retryAt = await stores.budgets.takeAction(id, clientId, now)
    if (retryAt !== null)
      throw new LspFailure(
        'RATE_LIMITED',
        `each client may send this LSP at most ${ACTIONS_PER_MINUTE} renewals and actions a minute; try again after retryAt`,
        { retryAt },
      )
    await spendRequest(stores, { id, requestsPerMinute }, clientId, now).catch((error: unknown) => {
      if (error instanceof OverBudget) throw new LspFailure('RATE_LIMITED', error.message, { retryAt: error.retryAt })
      throw error
    })
  })
}

import { HOUR_MS, type EpochMs } from '../domain/time.ts'
import type { Stores } from '../store/store.ts'
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

/**
 * Runs in the transaction that has just written the order `intentId` down, which is not held against itself.
 * @throws OverBudget when that order, for its price alone, exceeds what this LSP is to be asked.
 */
export async function assertWithinCourtesy(stores: Stores, lsp: Pick<LspSettings, 'id' | 'courtesy'>, clientId: string, intentId: string, now: EpochMs): Promise<void> {
  const { maxUnpaidOrders, firmQuotesPerHour } = lsp.courtesy
  const intent = await stores.placements.get(intentId)
  const unpaidUntil = withoutOne(await stores.placements.unpaidUntil(lsp.id, clientId, now), intent?.standsUntil)
  if (unpaidUntil.length >= maxUnpaidOrders) {
    throw new OverBudget(
      `${unpaidUntil.length} orders stand unpaid at this LSP, and no more than ${maxUnpaidOrders} are to`,
      // With n too many, the n-th to lapse makes room. A budget of nothing has room at no time: look in an hour.
      unpaidUntil[unpaidUntil.length - maxUnpaidOrders] ?? now + HOUR_MS,
    )
  }
  const asked = withoutOne(await stores.placements.quotesSince(lsp.id, now - HOUR_MS), intent?.intendedAt)
  if (asked.length >= firmQuotesPerHour) {
    throw new OverBudget(
      `this LSP was asked for ${asked.length} firm quotes within an hour, and no more than ${firmQuotesPerHour} are to be`,
      (asked[asked.length - firmQuotesPerHour] ?? now) + HOUR_MS,
    )
  }
}

/** Among equal times it does not matter which. */
function withoutOne(times: readonly EpochMs[], time: EpochMs | undefined): EpochMs[] {
  const index = time === undefined ? -1 : times.indexOf(time)
  return times.filter((_, at) => at !== index)
}

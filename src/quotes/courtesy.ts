import { LspFailure } from '../domain/failure.ts'
import { HOUR_MS, MINUTE_MS, type EpochMs } from '../domain/time.ts'
import { ACTIONS_PER_MINUTE } from '../store/budgets.ts'
import type { Store, Stores } from '../store/store.ts'
import type { LspSettings } from '../upstream/lsp.ts'

// Some LSPs give a price only for an order. Such an LSP stores each of these orders and cannot cancel one, and LSPs block
// clients that place too many.

/** The budget is used up until `retryAt`. */
export class OverBudget extends Error {
  override name = 'OverBudget'
  readonly retryAt: EpochMs

  constructor(message: string, retryAt: EpochMs) {
    super(message)
    this.retryAt = retryAt
  }
}

/**
 * LSPs count unpaid orders by the client's node, and orders in all. When the orders of this hour are short (half are
 * used), each client that asked this hour has an equal share of them.
 * @throws OverBudget if one more order for a price would exceed the budget of this LSP.
 */
export async function assertWithinCourtesy(
  stores: Stores,
  lsp: Pick<LspSettings, 'id' | 'courtesy'>,
  { clientId, clientPubkey }: { clientId: string; clientPubkey: string },
  now: EpochMs,
): Promise<void> {
  const { maxUnpaidOrders, firmQuotesPerHour } = lsp.courtesy
  const unpaidUntil = await stores.placements.unpaidOfNodeUntil(lsp.id, clientPubkey, now)
  if (unpaidUntil.length >= maxUnpaidOrders)
    throw new OverBudget(
      `${unpaidUntil.length} unpaid orders of this node at this LSP, the maximum for prices. Pay one, or try again after retryAt.`,
      // With n too many, the n-th to lapse makes room. A budget of 0 never has room: look in an hour.
      unpaidUntil[unpaidUntil.length - maxUnpaidOrders] ?? now + HOUR_MS,
    )
  const asked = await stores.placements.quotesSince(lsp.id, now - HOUR_MS)
  const own = asked.filter((each) => each.clientId === clientId)
  const clients = new Set([...asked.map((each) => each.clientId), clientId]).size
  const isShort = asked.length * 2 >= firmQuotesPerHour
  const share = isShort ? Math.ceil(firmQuotesPerHour / clients) : firmQuotesPerHour
  if (asked.length >= firmQuotesPerHour)
    throw new OverBudget(
      `${asked.length} orders were placed at this LSP within an hour for their price, the maximum. Try again after retryAt.`,
      (asked[asked.length - firmQuotesPerHour]?.at ?? now) + HOUR_MS,
    )
  if (own.length >= share)
    throw new OverBudget(
      `You had ${own.length} of the ${firmQuotesPerHour} orders that may be placed at this LSP in an hour for their price, your share. Try again after retryAt.`,
      (own[own.length - share]?.at ?? now) + HOUR_MS,
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

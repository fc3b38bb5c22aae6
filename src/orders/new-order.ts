import { withLaterChecks } from '../domain/checks.ts'
import { largestMaximum, maximumChecks } from '../domain/maximum.ts'
import { ZERO_SAT } from '../domain/money.ts'
import { verifyOpenables } from '../domain/openable.ts'
import { verifyUnpaid } from '../domain/first-answer.ts'
import type { VerifiedOffer } from '../domain/offer.ts'
import type { Order } from '../domain/order-record.ts'
import type { OrderState } from '../domain/order.ts'
import { cheapestOf, endsOf, NO_PAYMENT, withinMaximums, type Payment } from '../domain/payment.ts'
import { paymentStates } from '../domain/payment-progress.ts'
import { knownNodes } from '../domain/channel-progress.ts'
import { orderStateOf } from '../domain/progress.ts'
import type { OrderReading } from '../domain/reading.ts'
import { termsOf } from '../domain/request.ts'
import type { EpochMs } from '../domain/time.ts'
import type { Placement } from '../store/placements.ts'
import type { Lsp } from '../upstream/lsp.ts'

/** What the client agreed to when it ordered. */
export type Agreed = Pick<NonNullable<Placement['agreed']>, 'quoteId' | 'maximums' | 'reference'>

/** The order that a placement is; OUTCOME_UNKNOWN where the LSP's answer to it is not known. */
export function orderOf(placement: Placement, agreed: Agreed, id: string, lsp: Lsp, now: EpochMs): Order {
  const { request, reading, offer } = placement
  /** The LSP has the order and has not reported a price. */
  const isUnpriced = reading !== null && offer === null
  const offered = offer?.payment ?? NO_PAYMENT
  const payment = withinMaximums(offered, agreed.maximums)
  const { checks, ...openables } = verifyOpenables(reading ?? NOTHING_TO_OPEN, {
    network: lsp.settings.network,
    maximumSat: largestMaximum(agreed.maximums),
  })
  // What the LSP asks; where it did not answer, what it was asked for.
  const totals = cheapestOf(payment) ?? (reading === null || isUnpriced ? placement.agreed : null)
  return {
    id,
    clientId: placement.clientId,
    lspId: placement.lspId,
    quoteId: agreed.quoteId,
    placementId: placement.id,
    ...(agreed.reference === undefined ? {} : { reference: agreed.reference }),
    state: reading === null ? 'OUTCOME_UNKNOWN' : firstState(reading, payment, offer),
    sequence: 0,
    request,
    terms: { ...lsp.adapter.roundedTerms(termsOf(request)), ...reading?.terms },
    feeTotalSat: totals?.feeTotalSat ?? ZERO_SAT,
    orderTotalSat: totals?.orderTotalSat ?? ZERO_SAT,
    payment,
    checks: withLaterChecks([...(offer?.checks ?? []), ...maximumChecks(offered, agreed.maximums)], checks),
    paymentWarning: isUnpriced ? 'the LSP has not said yet what is to be paid' : null,
    ...openables,
    asset: reading?.asset ?? null,
    refund: reading?.refund ?? null,
    failureReason: reading?.failureReason ?? null,
    lspNodeUris: knownNodes([], reading?.lspNodeUris ?? []),
    openRequest: null,
    lspOrderId: placement.lspOrderId,
    lspState: reading?.lspState ?? null,
    createdAt: now,
    updatedAt: now,
    expiresAt: reading?.expiresAt ?? endsOf(payment)?.last ?? null,
    checkedAt: reading === null ? null : now,
    // The answer to a POST proves no payment.
    paymentSeenAt: null,
    fundedAt: null,
    maximums: agreed.maximums,
    ...(isUnpriced ? { paymentUnconfirmed: true } : {}),
  }
}

const NOTHING_TO_OPEN = { lnurlChannel: null, jit: null, channel: null }

/** An order whose price is not known yet awaits its payment, whatever the answer says of one. */
function firstState(reading: OrderReading, payment: Payment, offer: VerifiedOffer | null): OrderState {
  if (offer === null && verifyUnpaid(reading) !== null) return 'AWAITING_PAYMENT'
  return orderStateOf(reading.state, { states: paymentStates(payment), free: offer?.free ?? false, paid: false })
}

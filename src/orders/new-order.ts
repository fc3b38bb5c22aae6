import { ZERO_SAT } from '../domain/money.ts'
import type { Order } from '../domain/order-record.ts'
import { affordable, cheapestOf, endsOf, NO_PAYMENT } from '../domain/payment.ts'
import { paymentStates, showsPayment } from '../domain/payment-progress.ts'
import { orderStateOf } from '../domain/progress.ts'
import { termsOf } from '../domain/request.ts'
import type { EpochMs } from '../domain/time.ts'
import type { Placement } from '../store/placements.ts'
import type { Lsp } from '../upstream/lsp.ts'

/** What the client agreed to when it ordered. */
export type Agreed = Pick<NonNullable<Placement['agreed']>, 'quoteId' | 'maxTotalSat'>

/** The order that a placement is; OUTCOME_UNKNOWN where the LSP's answer to it is not known. */
export function orderOf(placement: Placement, agreed: Agreed, id: string, lsp: Lsp, now: EpochMs): Order {
  const { request, reading, offer } = placement
  /** It stands, and the LSP has not said what is to be paid for it. */
  const isUnpriced = reading !== null && offer === null
  const payment = affordable(offer?.payment ?? NO_PAYMENT, agreed.maxTotalSat)
  // What the LSP asks; where it did not answer, what it was asked for.
  const totals = cheapestOf(payment) ?? (reading === null || isUnpriced ? placement.agreed : null)
  const paid = reading !== null && showsPayment(reading)
  return {
    id,
    clientId: placement.clientId,
    lspId: placement.lspId,
    quoteId: agreed.quoteId,
    placementId: placement.id,
    state:
      reading === null
        ? 'OUTCOME_UNKNOWN'
        : orderStateOf(reading.state, { states: paymentStates(payment), free: offer?.free ?? false, paid }),
    sequence: 0,
    request,
    terms: { ...lsp.adapter.roundedTerms(termsOf(request)), ...reading?.terms },
    feeTotalSat: totals?.feeTotalSat ?? ZERO_SAT,
    orderTotalSat: totals?.orderTotalSat ?? ZERO_SAT,
    payment,
    checks: offer?.checks ?? [],
    paymentWarning: isUnpriced ? 'the LSP has not said yet what is to be paid' : null,
    channel: reading?.channel ?? null,
    asset: reading?.asset ?? null,
    refund: reading?.refund ?? null,
    lnurlChannel: reading?.lnurlChannel ?? null,
    jit: reading?.jit ?? null,
    failureReason: reading?.failureReason ?? null,
    openRequest: null,
    failureSuspected: false,
    lspOrderId: placement.lspOrderId,
    lspState: reading?.lspState ?? null,
    createdAt: now,
    updatedAt: now,
    expiresAt: reading?.expiresAt ?? endsOf(payment)?.last ?? null,
    checkedAt: reading === null ? null : now,
    paymentSeenAt: paid ? now : null,
    fundedAt: null,
    ...(isUnpriced ? { paymentUnconfirmed: true, maxOrderTotalSat: agreed.maxTotalSat } : {}),
  }
}

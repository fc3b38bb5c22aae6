import type { Sat } from './money.ts'
import type { OrderState, PaymentState, Refund } from './order.ts'
import { arrivedSat, isSettled, optionsOf, type Payment } from './payment.ts'

// The refund of an order at LSPs that have no document for it: it follows from the states of the order and its payment.

export interface Refunded {
  state: OrderState
  payment: Payment
  paidSat?: Sat
}

/**
 * `reported`: by the LSP's document of the refund. `earlier`: before this report; what a report leaves out of it still
 * holds, such as the transaction that the answer to decideRate named.
 */
export function refundOf(order: Refunded, reported: Refund | null, earlier: Refund | null): Refund | null {
  const refund = reported ?? impliedRefund(order)
  // An earlier state implied a refund that no LSP reported, and the present state does not.
  const isOver = refund === null && earlier?.isOwed === true && (earlier.txid ?? null) === null
  const known = isOver ? null : earlier
  if (refund === null || known === null) return refund ?? known
  const txid = refund.txid ?? known.txid ?? null
  const { isOwed, ...rest } = refund
  return {
    ...rest,
    // A transaction that the LSP named is on its way.
    ...(isOwed === true && txid === null ? { isOwed } : {}),
    lightningSat: refund.lightningSat ?? known.lightningSat,
    onchainSat: refund.onchainSat ?? known.onchainSat,
    paidTo: refund.paidTo ?? known.paidTo,
    paidAt: refund.paidAt ?? known.paidAt,
    ...(txid === null ? {} : { txid }),
  }
}

function impliedRefund(order: Refunded): Refund | null {
  const state = impliedState(order)
  if (state === null) return null
  return {
    state,
    ...amountsOf(order),
    paidAt: null,
    // The LSP reports no progress of this refund.
    ...(state === 'IN_FLIGHT' ? { isOwed: true } : {}),
  }
}

function impliedState({ state, payment }: Refunded): 'IN_FLIGHT' | 'PAID_OUT' | null {
  const has = (word: PaymentState) => optionsOf(payment).some((option) => option.state === word)
  if (state === 'REFUNDED') return 'PAID_OUT'
  if (state === 'REFUND_PENDING') return 'IN_FLIGHT'
  if (state !== 'FAILED' && state !== 'EXPIRED') return null
  if (has('TO_REFUND')) return 'IN_FLIGHT'
  if (has('REFUNDED') && !has('PAID') && !has('HOLD')) return 'PAID_OUT'
  // Seed 003, refund_on_chain_address: "where refunds will be sent if the channel opening fails". No answer reports one.
  return state === 'FAILED' && has('PAID') && refundAddressOf(payment) !== null ? 'IN_FLIGHT' : null
}

const refundAddressOf = ({ onchain }: Payment) => onchain?.refundOnchainAddress ?? null

/** Both amounts are null where the reports leave open by which payment option the order was paid. */
function amountsOf(order: Refunded): Pick<Refund, 'lightningSat' | 'onchainSat' | 'paidTo'> {
  const { bolt11, bolt12, onchain } = order.payment
  const lightning = [bolt11, bolt12].find((option) => isSettled(option)) ?? null
  const settledOnchain = onchain !== null && (isSettled(onchain) || onchain.state === 'UNDERPAID') ? onchain : null
  // The drafts have one state for both options: the deposits tell them apart.
  if (lightning !== null && settledOnchain?.paidSat === null)
    return { lightningSat: null, onchainSat: null, paidTo: null }
  const paidOnchain = lightning !== null && settledOnchain?.paidSat === 0 ? null : settledOnchain
  if (paidOnchain !== null) {
    const arrived = arrivedSat(order)
    const totalSat = paidOnchain.state === 'UNDERPAID' ? null : paidOnchain.orderTotalSat
    return {
      lightningSat: null,
      onchainSat: arrived > 0 ? arrived : totalSat,
      paidTo: paidOnchain.refundOnchainAddress,
    }
  }
  if (lightning === null) return { lightningSat: null, onchainSat: null, paidTo: null }
  // A held payment is returned by cancelling it. A settled one can only be sent back, to the address where there is one.
  const address = bolt11?.isHold === true ? null : refundAddressOf(order.payment)
  return {
    lightningSat: address === null ? lightning.orderTotalSat : null,
    onchainSat: address === null ? null : lightning.orderTotalSat,
    paidTo: address,
  }
}

import { leaseStepMessage, remindedLeaseEnd } from './lease.ts'
import type { LspFeature } from './lsp.ts'
import type { Order } from './order-record.ts'
import { arrivedSat, payableUntil } from './payment.ts'
import type { EpochMs } from './time.ts'

export const ACTORS = ['CLIENT', 'LSP', 'NOBODY'] as const
export type Actor = (typeof ACTORS)[number]

export const NEXT_ACTIONS = [
  'PAY',
  'TOP_UP',
  'CONNECT_PEER',
  'OPEN_CHANNEL',
  'DECIDE_RATE',
  'REQUEST_REFUND',
  'WAIT',
  'NONE',
] as const
export type NextAction = (typeof NEXT_ACTIONS)[number]

export interface NextStep {
  actor: Actor
  action: NextAction
  deadline: EpochMs | null
  message: string
}

const step = (actor: Actor, action: NextAction, message: string, deadline: EpochMs | null = null): NextStep => ({
  actor,
  action,
  deadline,
  message,
})

/** What is to happen next, by whom, by when. */
export function nextStepOf(order: Order, features: readonly LspFeature[]): NextStep {
  switch (order.state) {
    case 'OUTCOME_UNKNOWN':
      return step(
        'NOBODY',
        'NONE',
        'The LSP never answered, so whether the order stands there is not known. Nothing was paid. Should its answer still come, the order moves on.',
      )
    case 'AWAITING_PAYMENT':
      if (order.paymentWarning !== null) return step('NOBODY', 'NONE', `Do not pay: ${order.paymentWarning}.`)
      if (arrivedSat(order) > 0) return restStep(order)
      return order.paymentSeenAt === null
        ? step(
            'CLIENT',
            'PAY',
            `Pay ${order.orderTotalSat} sat, and keep the node connected to the LSP.`,
            payableUntil(order),
          )
        : step(
            'LSP',
            'WAIT',
            'A payment was seen, of which the LSP says nothing any more: do not pay again. Ask the LSP, naming lspOrderId.',
          )
    case 'UNDERPAID':
      if (order.paymentWarning !== null) return step('NOBODY', 'NONE', `Do not pay the rest: ${order.paymentWarning}.`)
      return restStep(order)
    case 'PAYMENT_HELD':
      return step(
        'LSP',
        'WAIT',
        'The payment is held and moves only when the channel opens. Keep the node connected to the LSP.',
      )
    case 'PAID':
      return paidStep(order, features)
    case 'RATE_DECISION_REQUIRED':
      return step(
        'CLIENT',
        'DECIDE_RATE',
        'The price of the asset has moved since the order was made: accept the new one, or be refunded.',
        order.expiresAt,
      )
    case 'CHANNEL_OPENING':
      return step('LSP', 'WAIT', 'The LSP is opening the channel. Keep the node connected to it.')
    case 'COMPLETED':
      return completedStep(order, features)
    case 'EXPIRED':
      if (order.paymentSeenAt === null)
        return step('NOBODY', 'NONE', 'It was not paid in time. Do not pay it now; ask for a new quote.')
      return order.refund?.state === 'AVAILABLE'
        ? step('CLIENT', 'REQUEST_REFUND', 'A payment was seen, and the order expired: ask for the refund.')
        : step('LSP', 'WAIT', 'A payment was seen, and the order expired: the LSP has to refund it or to go on.')
    case 'FAILED':
      return order.refund?.state === 'AVAILABLE'
        ? step('CLIENT', 'REQUEST_REFUND', 'The channel could not be opened: ask for the refund.')
        : step(
            'NOBODY',
            'NONE',
            order.failureReason ?? 'The order failed. If it was paid, ask the LSP, naming lspOrderId.',
          )
    case 'REFUND_PENDING':
      return order.refund?.state === 'AVAILABLE'
        ? step('CLIENT', 'REQUEST_REFUND', 'Ask for the refund.')
        : step('LSP', 'WAIT', 'The payment is to be refunded.')
    case 'REFUNDED':
      return step('NOBODY', 'NONE', 'The payment was refunded.')
    case 'UNKNOWN':
      return step('LSP', 'WAIT', `The LSP says "${order.lspState}", a word this gateway does not know.`)
  }
}

/** Something has arrived, and not all of it as far as the LSP says. */
function restStep(order: Order): NextStep {
  const paidSat = arrivedSat(order)
  const restSat = (order.payment.onchain?.orderTotalSat ?? order.orderTotalSat) - paidSat
  if (paidSat === 0)
    return step(
      'CLIENT',
      'TOP_UP',
      'Less than the total has arrived, and the LSP does not say how much: ask it, naming lspOrderId, before you pay the rest.',
      payableUntil(order),
    )
  if (restSat <= 0) return step('LSP', 'WAIT', 'All of it was seen to arrive, and waits for its confirmations.')
  if (order.payment.onchain?.state !== 'UNDERPAID' && order.payment.onchain?.state !== 'EXPECT_PAYMENT') {
    return step(
      'LSP',
      'WAIT',
      `${paidSat} sat have arrived, and there is no way here to pay the rest: do not pay again. Ask the LSP, naming lspOrderId.`,
    )
  }
  return step(
    'CLIENT',
    'TOP_UP',
    `${paidSat} sat have arrived: pay the rest, which is ${restSat} sat.`,
    payableUntil(order),
  )
}

function paidStep(order: Order, features: readonly LspFeature[]): NextStep {
  if (order.isRefundRequested)
    return step(
      'LSP',
      'WAIT',
      'Paid, and the refund was asked for. Should the channel be wanted after all, openChannel asks for it.',
    )
  if (!features.includes('OPEN_ON_REQUEST'))
    return step('LSP', 'WAIT', 'Paid. The LSP opens the channel; keep the node connected to it.')
  if (order.openRequest === null)
    return step(
      'CLIENT',
      'OPEN_CHANNEL',
      'Paid. The gateway asks the LSP to open the channel; openChannel does so with another address of the node.',
    )
  const { failure } = order.openRequest
  if (failure === null)
    return step('LSP', 'WAIT', 'The LSP was asked to open the channel. Keep the node connected to it.')
  return failure.isPeerMissing
    ? step(
        'CLIENT',
        'CONNECT_PEER',
        `The LSP could not reach the node (${failure.message}). Connect it to the LSP; the gateway asks again by itself.`,
      )
    : step(
        'CLIENT',
        'OPEN_CHANNEL',
        `The LSP did not open the channel (${failure.message}). The gateway asks again by itself; openChannel asks at once.`,
      )
}

function completedStep(order: Order, features: readonly LspFeature[]): NextStep {
  if (order.asset?.deliveryStatus === 'PENDING' || order.asset?.deliveryStatus === 'IN_PROGRESS')
    return step(
      'LSP',
      'WAIT',
      order.channel === null ? 'The asset is being delivered.' : 'The channel stands; the asset is being delivered.',
    )
  if (order.channel?.state === 'CLOSING' || order.channel?.state === 'CLOSED')
    return step('NOBODY', 'NONE', 'The channel was closed.')
  const endsAt = remindedLeaseEnd(order)
  if (endsAt !== null) return step('CLIENT', 'NONE', leaseStepMessage(endsAt, features), endsAt)
  if (order.channel?.state === 'OPENING')
    return step(
      'NOBODY',
      'NONE',
      'The funding transaction is published. The channel is usable once it has its confirmations.',
    )
  if (order.channel === null)
    return step('NOBODY', 'NONE', 'The LSP says the order is complete, and has not named the channel.')
  return step('NOBODY', 'NONE', 'The channel stands.', order.channel.expiresAt)
}

import { hasEnded, isUnknownToLsp } from './ending.ts'
import { leaseStepMessage, remindedLeaseEnd } from './lease.ts'
import type { LspFeature } from './lsp.ts'
import { anotherNodeStep, brokenLeaseStep, lspNodesOf, withOverpayment } from './next-step-problems.ts'
import {
  contactLsp,
  contactText,
  doNotPay,
  nothing,
  owedText,
  paidSatOf,
  paidText,
  pricesText,
  quoted,
  reasonText,
  refundedText,
  refundText,
  step,
  waitForLsp,
  type NextStep,
  type StepLsp,
} from './next-step-texts.ts'
import { isDelivering, isDeliveryStopped, priceChangeText } from './order-asset.ts'
import { isAutomatic, isUnverifiedImport, type Order } from './order-record.ts'
import { arrivedSat, due, optionPayableUntil, optionsOf, payableUntil, type Payment } from './payment.ts'
import type { NextStepCode } from './messages/next-step-codes.ts'
import { minSat, sat, type Sat } from './money.ts'
import { MINUTE_MS, type EpochMs } from './time.ts'

export type { Actor, NextAction, NextStep, StepLsp } from './next-step-texts.ts'

/**
 * What happens next, who acts, and the deadline. The action is PAY or TOP_UP exactly if `due(order, now)` has a payment
 * option.
 */
export function nextStepOf(order: Order, lsp: StepLsp, now: EpochMs): NextStep {
  const next = stepOf(order, lsp, now)
  const problem =
    next.action === 'NOTHING' || next.action === 'WAIT'
      ? (anotherNodeStep(order, lsp) ?? brokenLeaseStep(order, lsp, next))
      : null
  const withAmounts = { ...(problem ?? next), paidSat: paidSatOf(order), ...amountOf(order, now) }
  return problem ? withAmounts : withOverpayment(withAmounts, order, lsp)
}

/** What is still to pay by the cheapest option. */
function amountOf(order: Order, now: EpochMs): { amountSat?: Sat } {
  const options = due(order, now)
  const { onchain } = options
  const paidSat = arrivedSat(order)
  if (onchain !== null && paidSat > 0) return { amountSat: sat(onchain.orderTotalSat - paidSat) }
  const cheapest = order.state === 'UNDERPAID' ? null : minSat(optionsOf(options).map((option) => option.orderTotalSat))
  return cheapest === null ? {} : { amountSat: cheapest }
}

function stepOf(order: Order, lsp: StepLsp, now: EpochMs): NextStep {
  if (isUnknownToLsp(order) && !isClosedForGood(order)) return unknownOrderStep(order, lsp)
  const options = due(order, now)
  if (optionsOf(options).length > 0) return payStep(order, options, lsp)
  switch (order.state) {
    case 'OUTCOME_UNKNOWN':
      return nothing(
        'OUTCOME_UNKNOWN',
        'The LSP did not answer, so whether it has the order is not known. Nothing was paid. The order continues if the answer still arrives.',
      )
    case 'AWAITING_PAYMENT':
      return unpayableStep(order, lsp, now)
    case 'UNDERPAID':
      return unpayableRestStep(order, lsp)
    case 'PAYMENT_HELD':
      return waitForLsp(
        'PAYMENT_HELD',
        'The LSP holds the payment until the channel opens. The payment settles only then. Keep your node connected to the LSP.',
      )
    case 'PAID':
      return paidStep(order, lsp)
    case 'RATE_DECISION_REQUIRED':
      return step(
        'DECIDE_RATE',
        'CLIENT',
        'DECIDE_RATE',
        `${priceChangeText(order)} Call decideRate to accept the new price, or to decline it and be refunded.`,
      )
    case 'CHANNEL_OPENING':
      return waitForLsp('CHANNEL_OPENING', 'The LSP is opening the channel. Keep your node connected to the LSP.')
    case 'COMPLETED':
      return deliveryStep(order, lsp) ?? completedStep(order, lsp.features)
    case 'EXPIRED':
      return expiredStep(order, lsp)
    case 'FAILED':
      return failedStep(order, lsp)
    case 'REFUND_PENDING':
      return refundStep(order) ?? waitForLsp('REFUND_PENDING', 'The LSP has to refund the payment.')
    case 'REFUNDED':
      return nothing('REFUNDED', refundedText(order.refund))
    case 'UNKNOWN':
      return unknownStateStep(order)
  }
}

// -- before the payment ----------------------------------------------------------------------------------

/** Nothing of it is payable, and the LSP owes nothing: an LSP may delete such an order. */
function isClosedForGood({ state, paymentSeenAt }: Order): boolean {
  return state === 'COMPLETED' || state === 'REFUNDED' || (state === 'EXPIRED' && paymentSeenAt === null)
}

function unknownOrderStep(order: Order, lsp: StepLsp): NextStep {
  if (order.paymentSeenAt !== null)
    return contactLsp(
      'PAID_ORDER_UNKNOWN_TO_LSP',
      `${paidText(order)}, but the LSP says that it does not know this order. Do not pay again.`,
      order,
      lsp,
    )
  return doNotPay(
    'ORDER_UNKNOWN_TO_LSP',
    `Do not pay: the LSP says that it does not know this order. The gateway keeps asking the LSP, and shows the payment again when the LSP reports the order. If you have already paid, ${contactText(order, lsp)}`,
  )
}

/** `options`: what is due, at least one. */
function payStep(order: Order, options: Payment, lsp: StepLsp): NextStep {
  const deadline = payableUntil(order)
  const { onchain } = options
  const paidSat = arrivedSat(order)
  if (onchain !== null && paidSat > 0)
    return step(
      'TOP_UP',
      'CLIENT',
      'TOP_UP',
      `${paidSat} sat of ${onchain.orderTotalSat} sat have arrived. Pay the remaining ${onchain.orderTotalSat - paidSat} sat on-chain.`,
      deadline,
    )
  if (order.state === 'UNDERPAID')
    return step(
      'TOP_UP_AMOUNT_UNKNOWN',
      'CLIENT',
      'TOP_UP',
      `Less than the total has arrived, and the LSP does not report how much. Before you pay the rest, ${contactText(order, lsp)}`,
      deadline,
    )
  const hold = options.bolt11?.isHold ? ' The Lightning payment stays pending until the channel opens.' : ''
  return step(
    'PAY',
    'CLIENT',
    'PAY',
    `Pay ${pricesText(options)}.${earlierEndText(order, options)}${hold} Keep your node connected to the LSP.`,
    deadline,
  )
}

/** bLIP-51 §3: the payment options may end at different times. The deadline of the step is the last of them. */
function earlierEndText(order: Order, options: Payment): string {
  const { bolt11, onchain } = options
  if (bolt11 === null || onchain === null) return ''
  const [lightningEnd, onchainEnd] = [optionPayableUntil(order, bolt11), optionPayableUntil(order, onchain)]
  if (Math.abs(lightningEnd - onchainEnd) < MINUTE_MS) return ''
  const end = new Date(Math.min(lightningEnd, onchainEnd)).toISOString()
  return lightningEnd < onchainEnd ? ` Pay the invoice before ${end}.` : ` Pay on-chain before ${end}.`
}

function unpayableStep(order: Order, lsp: StepLsp, now: EpochMs): NextStep {
  if (order.paymentWarning !== null) return doNotPay('OFFER_WITHHELD', `Do not pay: ${order.paymentWarning}.`)
  if (arrivedSat(order) > 0) return unpayableRestStep(order, lsp)
  return order.paymentSeenAt === null
    ? nothingDueStep(order, now)
    : contactLsp(
        'PAYMENT_NO_LONGER_REPORTED',
        'Your payment was seen, but the LSP no longer reports it. Do not pay again.',
        order,
        lsp,
      )
}

/** For an order that has no warning. */
function nothingDueStep(order: Order, now: EpochMs): NextStep {
  const doNot = (code: NextStepCode, reason: string) => doNotPay(code, `Do not pay: ${reason}`)
  const options = optionsOf(order.payment)
  if (hasEnded(order)) return doNot('ORDER_ENDED', 'the order has ended before. Request a new quote.')
  if (order.paymentUnconfirmed || options.length === 0)
    return doNot('PAYMENT_NOT_REPORTED', 'the LSP has not reported yet how to pay.')
  const unknown = options.find(({ state }) => state === 'UNKNOWN')
  if (unknown)
    return doNot(
      'PAYMENT_STATE_UNKNOWN',
      `the LSP reports a payment state that the gateway does not know${quoted(unknown.stateWord)}. The gateway shows the payment again when the LSP reports a known state.`,
    )
  const until = payableUntil(order)
  if (until !== null && now > until) return doNot('TOO_LATE_TO_PAY', 'the time to pay has passed. Request a new quote.')
  return doNot('NO_PAYMENT_OPTION', 'no payment option of this order can be used. Request a new quote.')
}

/** A part of the total was paid, as far as the LSP reports, and nothing more is payable. */
function unpayableRestStep(order: Order, lsp: StepLsp): NextStep {
  if (order.paymentWarning !== null)
    return (
      refundStep(order, `Do not pay the rest: ${order.paymentWarning}.`) ??
      contactLsp('REST_WITHHELD', `Do not pay the rest: ${order.paymentWarning}.`, order, lsp)
    )
  const paidSat = arrivedSat(order)
  const totalSat = order.payment.onchain?.orderTotalSat ?? order.orderTotalSat
  if (paidSat >= totalSat)
    return waitForLsp('PAYMENT_CONFIRMING', `All ${paidSat} sat have arrived. The LSP waits for confirmations.`)
  const arrived = paidSat > 0 ? `${paidSat} sat have arrived` : 'Less than the total has arrived'
  const text = `${arrived}, and the rest can no longer be paid. Do not pay again.`
  return refundStep(order, text) ?? contactLsp('REST_NOT_PAYABLE', text, order, lsp)
}

function unknownStateStep(order: Order): NextStep {
  const text = `the LSP reports a state that the gateway does not know${quoted(order.lspState ?? undefined)}.`
  return order.paymentSeenAt === null
    ? doNotPay('ORDER_STATE_UNKNOWN', `Do not pay: ${text} The gateway keeps asking the LSP.`)
    : waitForLsp('PAID_ORDER_STATE_UNKNOWN', `${paidText(order)}, and ${text} Do not pay again.`)
}

// -- after the payment -----------------------------------------------------------------------------------

function paidStep(order: Order, lsp: StepLsp): NextStep {
  const { features } = lsp
  if (order.isRefundRequested)
    return waitForLsp(
      'REFUND_REQUESTED',
      'Paid, and the refund was requested. To ask for the channel instead, call openChannel.',
    )
  if (!features.includes('OPEN_ON_REQUEST'))
    return (
      refundStep(order, `${paidText(order)}.`) ??
      waitForLsp('PAID', 'Paid. The LSP opens the channel. Keep your node connected to the LSP.')
    )
  if (!isAutomatic(order) && order.openRequest?.failure !== null) return importedStep(order)
  const failure = order.openRequest?.failure ?? null
  if (order.openRequest === null)
    return step(
      'GATEWAY_OPENS_CHANNEL',
      'GATEWAY',
      'WAIT',
      'Paid. The gateway asks the LSP to open the channel. Keep your node connected to the LSP.',
    )
  if (failure === null)
    return waitForLsp(
      'CHANNEL_REQUESTED',
      'The gateway has asked the LSP to open the channel. Keep your node connected to the LSP.',
    )
  const refund = isRefundAvailable(order) ? ` Or call requestRefund: ${refundText(order.refund)}.` : ''
  return failure.isPeerMissing
    ? connectStep(order, lsp, failure.message, refund)
    : step(
        'OPEN_CHANNEL',
        'CLIENT',
        'OPEN_CHANNEL',
        `The LSP could not open the channel: ${failure.message}. Check your node, then call openChannel; the gateway also asks again by itself.${refund}`,
      )
}

function connectStep(order: Order, lsp: StepLsp, reason: string, refund: string): NextStep {
  const [nodeUri = null] = lspNodesOf(order, lsp)
  const where = nodeUri === null ? 'the LSP' : `the LSP's node ${nodeUri}`
  return {
    ...step(
      'CONNECT_PEER',
      'CLIENT',
      'CONNECT_PEER',
      `The LSP could not open the channel: ${reason}. Connect your node to ${where}. The gateway asks again by itself; openChannel asks at once.${refund}`,
    ),
    nodeUri,
  }
}

/** A paid order from a document: the gateway asks for no channel until its client has called an action. */
function importedStep(order: Order): NextStep {
  if (isUnverifiedImport(order))
    return step(
      'IMPORT_UNVERIFIED',
      'GATEWAY',
      'WAIT',
      'The order was imported as paid. The gateway asks the LSP for a report of it.',
    )
  const refund = isRefundAvailable(order) ? ` Or call requestRefund: ${refundText(order.refund)}.` : ''
  return step(
    'IMPORTED_ORDER_PAID',
    'CLIENT',
    'OPEN_CHANNEL',
    `Paid. The order was imported, and the gateway waits for openChannel before it asks the LSP to open the channel. Check that ${order.request.clientPubkey} is your node, then call openChannel.${refund}`,
  )
}

/** null: nothing is left to deliver. */
function deliveryStep(order: Order, lsp: StepLsp): NextStep | null {
  if (isDelivering(order))
    return waitForLsp(
      'ASSET_DELIVERY',
      order.channel === null
        ? 'The LSP is delivering the asset.'
        : 'The channel is open. The LSP is delivering the asset.',
    )
  if (!isDeliveryStopped(order)) return null
  if (order.isRateDeclined) {
    const priceSat = order.asset?.agreedPriceSat ?? null
    const refund = priceSat === null ? 'what you paid for it' : `the ${priceSat} sat that you paid for it`
    return waitForLsp(
      'RATE_DECLINED',
      `You declined the new price of the asset, so the LSP does not deliver it. The LSP has to refund ${refund}. If it does not, ${contactText(order, lsp)}`,
    )
  }
  if (order.asset?.deliveryStatus === 'RATE_CHANGED')
    return waitForLsp(
      'RATE_CHANGED',
      `${priceChangeText(order)} The LSP has not delivered the asset, and does not wait for a decision. The gateway keeps asking the LSP. If nothing changes, ${contactText(order, lsp)}`,
    )
  const error = order.asset?.deliveryError ?? null
  const text = `The LSP could not deliver the asset${error === null ? '' : `: ${error.replace(/[.\s]+$/, '')}`}.`
  return order.isRetryRefused
    ? contactLsp('ASSET_DELIVERY_REFUSED', `${text} It does not deliver it again on request.`, order, lsp)
    : step(
        'RETRY_ASSET_DELIVERY',
        'CLIENT',
        'RETRY_ASSET_DELIVERY',
        `${text} Keep your node connected to the LSP and call retryAssetDelivery. If it fails again, ${contactText(order, lsp)}`,
      )
}

function completedStep(order: Order, features: readonly LspFeature[]): NextStep {
  if (order.channel?.state === 'CLOSING' || order.channel?.state === 'CLOSED')
    return nothing('CHANNEL_CLOSED', 'The channel was closed.')
  const endsAt = remindedLeaseEnd(order)
  if (endsAt !== null)
    return features.includes('RENEWAL')
      ? step('RENEW', 'CLIENT', 'RENEW', leaseStepMessage(endsAt, features), endsAt)
      : step('LEASE_ENDS', 'CLIENT', 'NOTHING', leaseStepMessage(endsAt, features), endsAt)
  if (order.channel?.state === 'OPENING')
    return nothing(
      'CHANNEL_CONFIRMING',
      'The funding transaction is published. The channel is usable once it has its confirmations.',
    )
  if (order.channel === null)
    return nothing('CHANNEL_NOT_NAMED', 'The LSP reports the order as complete, but has not named the channel.')
  return nothing('CHANNEL_OPEN', 'The channel is open.', order.channel.expiresAt)
}

// -- when it went wrong ----------------------------------------------------------------------------------

function expiredStep(order: Order, lsp: StepLsp): NextStep {
  if (order.paymentSeenAt === null)
    return order.isReportedOpen
      ? doNotPay(
          'EXPIRED',
          'Do not pay: the order has expired, although the LSP reports it as open again. Request a new quote.',
        )
      : nothing('EXPIRED', 'The order was not paid in time. Do not pay it now. Request a new quote.')
  const text = `${paidText(order)}, but the order expired.${reasonText(order)}`
  return (
    refundStep(order, text) ??
    waitForLsp(
      'PAID_ORDER_EXPIRED',
      `${text} The LSP has to refund the payment or open the channel. If it does neither, ${contactText(order, lsp)}`,
    )
  )
}

function failedStep(order: Order, lsp: StepLsp): NextStep {
  if (order.paymentSeenAt === null) {
    const text = `The order failed. Nothing was paid.${reasonText(order)}`
    return order.isReportedOpen
      ? doNotPay('FAILED', `${text} Do not pay, although the LSP reports the order as open again.`)
      : nothing('FAILED', text)
  }
  const text = `${paidText(order)}, but the order failed.${reasonText(order)}`
  if (order.refund?.isOwed)
    return waitForLsp(
      'REFUND_PENDING',
      `${text} ${owedText(order.refund)} If the refund does not arrive, ${contactText(order, lsp)}`,
    )
  return refundStep(order, text) ?? contactLsp('PAID_ORDER_FAILED', text, order, lsp, ' for a refund')
}

/** What to do about the refund; null: the LSP reports none. */
function refundStep(order: Order, text = ''): NextStep | null {
  const prefix = text === '' ? '' : `${text} `
  switch (order.refund?.state) {
    case 'AVAILABLE':
      return order.isRefundRequested
        ? waitForLsp('REFUND_REQUESTED', `${prefix}The refund was requested. The LSP has not confirmed it yet.`)
        : step(
            'REQUEST_REFUND',
            'CLIENT',
            'REQUEST_REFUND',
            `${prefix}Call requestRefund: ${refundText(order.refund)}.`,
          )
    case 'IN_FLIGHT':
      return waitForLsp(
        'REFUND_PENDING',
        `${prefix}${order.refund.isOwed ? owedText(order.refund) : 'The refund is on its way.'}`,
      )
    case 'PAID_OUT':
      return nothing('REFUNDED', `${prefix}${refundedText(order.refund)}`)
    default:
      return null
  }
}

const isRefundAvailable = ({ refund }: Order) => refund?.state === 'AVAILABLE'

import { isUnknownToLsp } from './ending.ts'
import {
  capitalized,
  doNotPay,
  nothing,
  pricesText,
  step,
  waitForLsp,
  type NextStep,
  type StepLsp,
} from './next-step-texts.ts'
import type { NextStepCode } from './messages/next-step-codes.ts'
import { minSat } from './money.ts'
import { due, endsOf, optionsOf } from './payment.ts'
import type { Renewal, RenewalEvent } from './renewal-record.ts'
import { MINUTE_MS, type EpochMs } from './time.ts'

/** The request and the attempts to write its answer take at most this long. */
const ANSWER_MS = 12 * MINUTE_MS

export type RenewalState =
  | 'OUTCOME_UNKNOWN'
  | 'AWAITING_PAYMENT'
  | 'UNDERPAID'
  | 'PAYMENT_HELD'
  | 'PAID'
  | 'RENEWED'
  | 'EXPIRED'
  | 'FAILED'
  | 'REFUND_PENDING'
  | 'REFUNDED'
  | 'UNKNOWN'

/** State before the event; null: it is the renewal's first event. */
export function previousRenewalState({ previousState }: RenewalEvent): RenewalState | null {
  return previousState && renewalStateOf({ state: previousState })
}

/** LSPs report a renewal with the states of an order. */
export function renewalStateOf({ state }: Pick<Renewal, 'state'>): RenewalState {
  switch (state) {
    case 'COMPLETED':
      return 'RENEWED'
    case 'CHANNEL_OPENING':
      return 'PAID'
    case 'RATE_DECISION_REQUIRED':
      return 'UNKNOWN'
    default:
      return state
  }
}

/** Whether the gateway expects nothing more from the LSP. */
export function isFinalRenewal(renewal: Renewal, now: EpochMs): boolean {
  // A crash leaves `asking` true. The request is never sent again.
  if (renewal.state === 'OUTCOME_UNKNOWN') return renewal.asking !== true || now > renewal.createdAt + ANSWER_MS
  if (renewal.isFinal !== undefined) return renewal.isFinal
  return renewal.state === 'COMPLETED' || renewal.state === 'REFUNDED'
}

/** What happens next, and who acts. The action is PAY exactly if a payment option of the renewal is due. */
export function renewalStepOf(renewal: Renewal, lsp: StepLsp, now: EpochMs): NextStep {
  const isPaid = renewal.paymentSeenAt !== null
  const contact = contactOf(renewal, lsp)
  const contactLsp = (code: NextStepCode, text: string) =>
    step(code, 'CLIENT', 'CONTACT_LSP', `${text} ${capitalized(contact)}`)
  const warning = renewal.paymentWarning ?? null
  if (renewal.state !== 'COMPLETED' && renewal.state !== 'REFUNDED') {
    if (isPaid && isUnknownToLsp(renewal))
      return contactLsp(
        'PAID_RENEWAL_UNKNOWN_TO_LSP',
        'A payment was seen, but the LSP says that it does not know this renewal. Do not pay again.',
      )
    if (isPaid && warning !== null)
      return contactLsp('PAID_RENEWAL_WITHHELD', `A payment was seen, but ${warning}. Do not pay again.`)
  }
  const options = due({ ...renewal, expiresAt: null }, now)
  if (optionsOf(options).length > 0)
    return {
      ...step(
        'PAY_RENEWAL',
        'CLIENT',
        'PAY',
        `Pay ${pricesText(options)} to renew the channel.`,
        endsOf(options)?.last ?? null,
      ),
      amountSat: minSat(optionsOf(options).map((option) => option.orderTotalSat)),
    }
  switch (renewal.state) {
    case 'OUTCOME_UNKNOWN':
      return doNotPay(
        'RENEWAL_OUTCOME_UNKNOWN',
        'Do not pay: the answer of the LSP is not known. The gateway does not send the request again. For a new renewal, sign a message with a different validTo.',
      )
    case 'COMPLETED':
      return nothing('RENEWED', 'The channel is renewed.', renewal.renewedUntil)
    case 'REFUNDED':
      return nothing('REFUNDED', 'The payment was refunded.')
    case 'REFUND_PENDING':
      return waitForLsp('REFUND_PENDING', 'The LSP has to refund the payment.')
    case 'EXPIRED':
      return isPaid
        ? contactLsp('PAID_RENEWAL_EXPIRED', 'A payment was seen, but the renewal expired. Do not pay again.')
        : nothing('RENEWAL_EXPIRED', 'The renewal was not paid in time. Do not pay it now. Request a new renewal.')
    case 'FAILED':
      return isPaid
        ? contactLsp('PAID_RENEWAL_FAILED', 'A payment was seen, but the renewal failed. Do not pay again.')
        : nothing('RENEWAL_FAILED', 'The renewal failed. Nothing was paid.')
    case 'UNDERPAID':
      return contactLsp('RENEWAL_UNDERPAID', 'Less than the total has arrived. Do not pay again.')
    default:
      if (isPaid)
        return waitForLsp('RENEWAL_PAID', 'A payment was seen. The LSP has to renew the channel. Do not pay again.')
      return nothingDueStep(renewal)
  }
}

function nothingDueStep(renewal: Renewal): NextStep {
  const doNot = (code: NextStepCode, reason: string) => doNotPay(code, `Do not pay: ${reason}`)
  if (isUnknownToLsp(renewal))
    return doNot('RENEWAL_UNKNOWN_TO_LSP', 'the LSP says that it does not know this renewal.')
  if (renewal.paymentWarning) return doNot('RENEWAL_WITHHELD', `${renewal.paymentWarning}.`)
  if (renewal.state === 'UNKNOWN')
    return doNot('RENEWAL_STATE_UNKNOWN', 'the LSP reports a state that the gateway does not know.')
  return doNot('NO_RENEWAL_PAYMENT_OPTION', 'no payment option of this renewal can be used. Request a new renewal.')
}

function contactOf({ lspId, lspOrderId }: Renewal, { name }: StepLsp): string {
  const who = name === lspId ? name : `${name} (${lspId})`
  return `contact the LSP ${who}${lspOrderId === '' ? '.' : ` and quote its order id ${lspOrderId}.`}`
}

/** What changed, for people. `before` is null for the first event. */
export function renewalChangeText(before: Renewal | null, after: Renewal): string {
  const state = (of: Renewal) => renewalStateOf(of).toLowerCase().replaceAll('_', ' ')
  const until = after.renewedUntil === null ? '' : `, until ${new Date(after.renewedUntil).toISOString()}`
  if (before === null) {
    const reason = after.failure === undefined ? `${after.feeTotalSat} sat to pay` : after.failure.message
    return `renewal of ${after.shortChannelId}${until}: ${state(after)}, ${reason}`
  }
  const texts = [
    before.state === after.state ? null : `${state(before)} → ${state(after)}`,
    before.renewedUntil === after.renewedUntil ? null : `renewed${until}`,
    before.paymentWarning === after.paymentWarning ? null : (after.paymentWarning ?? null),
    before.notFoundAt === after.notFoundAt || after.notFoundAt === null ? null : 'the LSP does not know this renewal',
    before.lspState === after.lspState ? null : `the LSP reports ${after.lspState}`,
    before.isFinal !== true && after.isFinal === true ? 'the gateway no longer polls it' : null,
  ].filter((text) => text !== null)
  return texts.join('; ') || 'the payment or the channel changed'
}

import type { LspFeature } from './lsp.ts'
import type { NextStepCode } from './messages/next-step-codes.ts'
import type { Sat } from './money.ts'
import type { Order } from './order-record.ts'
import type { Refund } from './order.ts'
import { arrivedSat, isSettled, optionsOf, type Payment } from './payment.ts'
import type { EpochMs } from './time.ts'

// The next step's type, and the phrases that its messages share.

export type Actor = 'CLIENT' | 'GATEWAY' | 'LSP' | 'NOBODY'

export type NextAction =
  | 'PAY'
  | 'TOP_UP'
  | 'DO_NOT_PAY'
  | 'CONNECT_PEER'
  | 'OPEN_CHANNEL'
  | 'DECIDE_RATE'
  | 'RETRY_ASSET_DELIVERY'
  | 'REQUEST_REFUND'
  | 'RENEW'
  | 'CONTACT_LSP'
  | 'WAIT'
  | 'NOTHING'

export interface NextStep {
  code: NextStepCode
  actor: Actor
  action: NextAction
  deadline: EpochMs | null
  /** The node to connect to, for CONNECT_PEER: pubkey@host:port, or the bare public key; null or absent: not known. */
  nodeUri?: string | null
  /** What is still to pay by the cheapest option, for PAY and TOP_UP; absent: nothing, or the LSP does not report it. */
  amountSat?: Sat | null
  /** What was paid; null or absent: nothing, or the LSP does not report it. */
  paidSat?: Sat | null
  /** What arrived beyond the total; absent: nothing. */
  overpaidSat?: Sat
  message: string
}

/** The LSP of the order. */
export interface StepLsp {
  name: string
  features: readonly LspFeature[]
  /** Its nodes, best first; absent: none is known. */
  nodeUris?: readonly string[]
}

export const step = (
  code: NextStepCode,
  actor: Actor,
  action: NextAction,
  message: string,
  deadline: EpochMs | null = null,
): NextStep => ({
  code,
  actor,
  action,
  deadline,
  message,
})
export const doNotPay = (code: NextStepCode, message: string) => step(code, 'NOBODY', 'DO_NOT_PAY', message)
export const waitForLsp = (code: NextStepCode, message: string) => step(code, 'LSP', 'WAIT', message)
export const nothing = (code: NextStepCode, message: string, deadline: EpochMs | null = null) =>
  step(code, 'NOBODY', 'NOTHING', message, deadline)

export const refundedText = (refund: Refund | null) =>
  refund?.txid ? `The payment was refunded in the transaction ${refund.txid}.` : 'The payment was refunded.'

/** The LSP's protocol has no call to request this refund. */
export function owedText({ lightningSat, onchainSat, paidTo }: Refund): string {
  const amount = lightningSat ?? onchainSat
  const what = amount === null ? 'the payment' : `${amount} sat`
  return `The LSP has to refund ${what}${paidTo === null ? '' : ` to ${paidTo}`}.`
}

export function refundText(refund: Refund | null): string {
  const amounts = [
    ...(refund?.lightningSat ? [`${refund.lightningSat} sat by Lightning`] : []),
    ...(refund?.onchainSat ? [`${refund.onchainSat} sat on-chain`] : []),
  ]
  return amounts.length === 0 ? 'a refund is available' : `a refund is available, ${amounts.join(' or ')}`
}

export function contactLsp(code: NextStepCode, text: string, order: Order, lsp: StepLsp, purpose = ''): NextStep {
  return step(code, 'CLIENT', 'CONTACT_LSP', `${text} ${capitalized(contactText(order, lsp, purpose))}`)
}

export function contactText({ lspId, lspOrderId }: Order, { name }: StepLsp, purpose = ''): string {
  const who = name === lspId ? name : `${name} (${lspId})`
  return `contact the LSP ${who}${purpose}${lspOrderId === null ? '.' : ` and quote its order id ${lspOrderId}.`}`
}

/** What was paid, as a main clause without its full stop. */
export function paidText(order: Order): string {
  const paidSat = paidSatOf(order)
  return paidSat === null ? 'A payment was seen' : `You paid ${paidSat} sat`
}

/** null: the LSP reported a payment, but not how much of it arrived. */
export function paidSatOf(order: Order): Sat | null {
  const arrived = arrivedSat(order)
  if (arrived > 0) return arrived
  return optionsOf(order.payment).find(isSettled)?.orderTotalSat ?? null
}

export function reasonText({ failureReason }: Order): string {
  return failureReason === null ? '' : ` The LSP's reason: ${failureReason.replace(/[.\s]+$/, '')}.`
}

export function pricesText({ bolt11, bolt12, onchain }: Payment): string {
  const ways = [
    ...(bolt11 ? [{ sat: bolt11.orderTotalSat, by: 'by Lightning invoice' }] : []),
    ...(bolt12 ? [{ sat: bolt12.orderTotalSat, by: 'by BOLT 12 offer' }] : []),
    ...(onchain ? [{ sat: onchain.orderTotalSat, by: 'on-chain' }] : []),
  ]
  const [first] = ways
  if (first && ways.every(({ sat }) => sat === first.sat))
    return `${first.sat} sat ${ways.map(({ by }) => by).join(' or ')}`
  return ways.map(({ sat, by }) => `${sat} sat ${by}`).join(' or ')
}

export const quoted = (word: string | undefined) => (word === undefined ? '' : ` ("${word}")`)

export const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

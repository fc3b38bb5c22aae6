import { addressProblem, isSameAddress, type AddressKinds } from './address.ts'
import { decodeInvoice, type DecodedInvoice } from './invoice.ts'
import type { Network } from './lsp.ts'
import type { Sat } from './money.ts'
import type { Order } from './order-record.ts'
import { MINUTE_MS, type EpochMs } from './time.ts'

// Whether a refund may be sent to where a client wants it. Pure.

/** Where a refund goes: exactly one of the two. */
export interface RefundTarget {
  bolt11Invoice: string | null
  onchainAddress: string | null
}

export interface RefundFacts {
  network: Network
  addressKinds: AddressKinds
  /** The LSP's nodes, as far as they are known. */
  lspPubkeys: readonly string[]
  now: EpochMs
}

/** `problem`: why the LSP must not be asked; null: it may be. `warnings`: for the order's event. */
export interface RefundVerdict {
  problem: string | null
  warnings: readonly string[]
}

/** An LSP needs time to pay an invoice. */
const SHORT_MS = 10 * MINUTE_MS

/** The payment options and the refund are taken from `order`, as its LSP last reported them. */
export function verifyRefundTarget(order: Order, target: RefundTarget, facts: RefundFacts): RefundVerdict {
  const { bolt11Invoice, onchainAddress } = target
  if ((bolt11Invoice === null) === (onchainAddress === null))
    return refused('give either bolt11Invoice or onchainAddress')
  if (order.refund?.state === 'IN_FLIGHT') return refused('the refund is already on its way')
  if (order.refund?.state === 'PAID_OUT') return refused('the refund was already paid')
  if (bolt11Invoice !== null) return verifyInvoice(order, bolt11Invoice, facts)
  const problem = addressTargetProblem(order, onchainAddress ?? '', facts)
  return problem === null ? { problem, warnings: unknownAmount(order) } : refused(`onchainAddress: ${problem}`)
}

const refused = (problem: string): RefundVerdict => ({ problem, warnings: [] })

function addressTargetProblem(order: Order, address: string, { network, addressKinds }: RefundFacts): string | null {
  const problem = addressProblem(address, network, addressKinds)
  if (problem !== null) return `${problem}, and the LSP is on ${network}`
  if (isSameAddress(address, order.payment.onchain?.address ?? null))
    return "this is the LSP's address, to which the order was paid"
  return order.refund?.state === 'AVAILABLE' && !order.refund.onchainSat && order.refund.lightningSat
    ? `the LSP refunds this order by Lightning only, ${order.refund.lightningSat} sat`
    : null
}

function verifyInvoice(order: Order, text: string, facts: RefundFacts): RefundVerdict {
  let invoice: DecodedInvoice
  try {
    invoice = decodeInvoice(text)
  } catch (error) {
    return refused(`bolt11Invoice: ${(error as Error).message}`)
  }
  const problem = invoiceProblem(order, invoice, facts)
  if (problem !== null) return refused(`bolt11Invoice: ${problem}`)
  const leftMs = invoice.expiresAt - facts.now
  return {
    problem: null,
    warnings: [
      ...(leftMs < SHORT_MS ? [`the invoice expires in ${Math.max(1, Math.floor(leftMs / MINUTE_MS))} min`] : []),
      ...(invoice.amountMsat === null ? ['the invoice has no amount, so the LSP decides how much it pays'] : []),
      ...unknownAmount(order),
    ],
  }
}

/** Every problem of it, so that the client's next invoice can be right. */
function invoiceProblem(order: Order, invoice: DecodedInvoice, facts: RefundFacts): string | null {
  const { network, lspPubkeys, now } = facts
  const problems = [
    invoice.networks.includes(network) ? null : `not of the LSP's network, ${network}`,
    invoice.expiresAt <= now ? `expired at ${new Date(invoice.expiresAt).toISOString()}` : null,
    amountProblem(invoice.amountMsat, order),
    invoice.paymentHash === order.payment.bolt11?.paymentHash
      ? 'this is the invoice by which the order was to be paid'
      : lspPubkeys.includes(invoice.payeePubkey)
        ? 'it pays the LSP itself'
        : null,
  ].filter((problem) => problem !== null)
  return problems.length === 0 ? null : problems.join('; ')
}

/** Draft 0.0.2: the invoice "should have the same amount as the offered refund", so that one without is a warning. */
function amountProblem(amountMsat: bigint | null, { refund }: Order): string | null {
  if (refund?.state !== 'AVAILABLE') return null
  const { lightningSat, onchainSat } = refund
  if (!lightningSat) return onchainSat ? `the LSP refunds this order on-chain only, ${onchainSat} sat` : null
  if (amountMsat === null || amountMsat === BigInt(lightningSat) * 1000n) return null
  return `over ${satText(amountMsat)} sat, while ${lightningSat} sat are to be refunded`
}

function satText(msat: bigint): string {
  const rest = msat % 1000n
  return rest === 0n ? `${msat / 1000n}` : `${msat / 1000n}.${String(rest).padStart(3, '0')}`
}

function unknownAmount({ refund }: Order): string[] {
  const known: Sat | null = refund?.state === 'AVAILABLE' ? (refund.lightningSat ?? refund.onchainSat) : null
  return known === null ? ['the LSP has not reported the refundable amount'] : []
}

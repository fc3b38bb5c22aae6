import { decodeInvoice } from '../domain/invoice.ts'
import { LspFailure } from '../domain/failure.ts'
import type { PaymentOptions } from '../domain/order.ts'
import { cleanText } from '../domain/text.ts'
import { readPaymentUri } from '../domain/bip21.ts'

// When an LSP gives a channel for nothing. An LSP has to say so: that the gateway understood no payment option is no
// reason to believe it.

/** Whether the LSP offers payment options and every one of them states totals of 0, and asks for nothing. */
export function statesTotalsOfZero({ bolt11, bolt12, onchain }: PaymentOptions<unknown>): boolean {
  const options = [bolt11, bolt12, onchain].filter((option) => option !== null)
  return (
    options.length > 0 &&
    options.every(({ feeTotalSat, orderTotalSat }) => feeTotalSat === 0 && orderTotalSat === 0) &&
    (bolt11 === null || asksForNothing(bolt11.invoice)) &&
    (readPaymentUri(onchain?.uri ?? '')?.amountSat ?? 0) === 0
  )
}

/** An invoice with an amount contradicts a total of 0. An invoice that does not decode proves nothing. */
function asksForNothing(invoice: string): boolean {
  try {
    return (decodeInvoice(invoice).amountMsat ?? 0n) === 0n
  } catch {
    return false
  }
}

/** An answer without a usable payment option. The LSP may have placed the order. */
export function noPaymentOption(lspOrderId: string, keys: readonly string[]): LspFailure {
  const found = cleanText(keys.slice(0, 20).join(', '), 200)
  return new LspFailure(
    'BAD_RESPONSE',
    `the answer is not what its protocol says: payment: no payment option and no free channel, found ${found || 'nothing'}`,
    { effect: 'unknown', lspOrderId },
  )
}

/** The LSP asks to be paid, and only by options that the gateway does not know. The LSP may have placed the order. */
export function unknownPaymentOptions(lspOrderId: string, keys: readonly string[]): LspFailure {
  const found = cleanText(keys.slice(0, 20).join(', '), 200)
  return new LspFailure('UNSUPPORTED', `the gateway supports none of the LSP's payment options: ${found}`, {
    effect: 'unknown',
    lspOrderId,
  })
}

/** An answer that its protocol does not allow. The LSP may have done what it was asked. */
export function notAsSpecified(why: string, lspOrderId: string | null = null, cause?: unknown): LspFailure {
  return new LspFailure('BAD_RESPONSE', `the answer is not what its protocol says: ${why}`, {
    effect: 'unknown',
    lspOrderId,
    cause,
  })
}

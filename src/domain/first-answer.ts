import type { Check } from './checks.ts'
import { LspFailure } from './failure.ts'
import { showsPayment } from './payment-progress.ts'
import type { OrderReading, ReadOrderState, ReadPaymentState } from './reading.ts'

// The answer to a POST of an order: nobody has seen its invoice before, so it proves no payment.

const OVER: ReadonlySet<ReadOrderState> = new Set([
  'FAILED',
  'FAILED_OR_LAPSED',
  'EXPIRED',
  'REFUND_PENDING',
  'REFUNDED',
])
const OPTION_OVER: ReadonlySet<ReadPaymentState> = new Set(['FAILED', 'EXPIRED', 'REFUNDED', 'REFUNDED_OR_LAPSED'])

/** The refusal that an order which is over from the start is; null when it is not over. */
export function refusalIn({ state, lspState, payment, failureReason }: OrderReading): LspFailure | null {
  const options = Object.values(payment ?? {}).filter((option) => option !== null)
  const isOver = OVER.has(state) || (options.length > 0 && options.every((option) => OPTION_OVER.has(option.state)))
  if (!isOver) return null
  const reason = failureReason === null ? '' : `: ${failureReason}`
  return new LspFailure(
    'CLIENT_REJECTED',
    `the LSP refused the order; it answered that the order is ${lspState}${reason}`,
  )
}

/** The answer without payment options that are over, where others are not. */
export function withoutOverOptions(reading: OrderReading): OrderReading {
  const { payment } = reading
  if (payment === null) return reading
  const open = <Option extends { state: ReadPaymentState }>(option: Option | null) =>
    option !== null && OPTION_OVER.has(option.state) ? null : option
  return {
    ...reading,
    payment: { bolt11: open(payment.bolt11), bolt12: open(payment.bolt12), onchain: open(payment.onchain) },
  }
}

/** Fails where the LSP reports a payment: the wallet is neither told that it paid, nor asked for a rest. */
export function verifyUnpaid(reading: OrderReading): Check | null {
  return showsPayment(reading) || reading.state === 'COMPLETED'
    ? {
        code: 'NOTHING_PAID_YET',
        verdict: 'FAILED',
        message: 'the LSP reports a payment for an order that it was just asked for',
        expected: 'no payment',
        actual: reading.lspState,
      }
    : null
}

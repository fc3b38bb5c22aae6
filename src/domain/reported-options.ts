import type { PaymentOptions, PaymentState } from './order.ts'
import type { Payment } from './payment.ts'
import type { ReadPaymentState } from './reading.ts'

// What a report changes in the payment options beside their states. Pure.

/** The options of an order that stays ended: what the LSP reports as payable again keeps its former state. */
export function unopened(before: Payment, after: Payment): Payment {
  const keep = <Option extends { state: PaymentState }>(was: Option | null, is: Option | null): Option | null =>
    is?.state === 'EXPECT_PAYMENT' ? { ...is, state: was?.state ?? 'EXPIRED' } : is
  return {
    bolt11: keep(before.bolt11, after.bolt11),
    bolt12: keep(before.bolt12, after.bolt12),
    onchain: keep(before.onchain, after.onchain),
  }
}

/** The LSP's own words for states that the gateway does not know, as of the latest report of each option. */
export function withStateWords(payment: Payment, read: PaymentOptions<ReadPaymentState> | null): Payment {
  const word = <Option extends { state: PaymentState; stateWord?: string }>(
    option: Option | null,
    told: { stateWord?: string } | null | undefined,
  ): Option | null => {
    if (option === null) return null
    const { stateWord: known, ...rest } = option
    const stateWord = told === null || told === undefined ? known : told.stateWord
    return { ...rest, ...(option.state === 'UNKNOWN' && stateWord !== undefined ? { stateWord } : {}) } as Option
  }
  return {
    bolt11: word(payment.bolt11, read?.bolt11),
    bolt12: word(payment.bolt12, read?.bolt12),
    onchain: word(payment.onchain, read?.onchain),
  }
}

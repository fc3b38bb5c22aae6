import type { Check } from './checks.ts'
import { addSat, maxSat, minSat, sat, ZERO_SAT, type Sat } from './money.ts'
import {
  costSat,
  METHODS,
  optionsOf,
  withinMaximums,
  type Payment,
  type PaymentMaximums,
  type PaymentMethod,
} from './payment.ts'

// The agreed maximum: where it comes from, and what it withholds. `due` enforces it whenever something is shown.

/** A quote, as far as it says what each payment option costs. Fees include what route hints add. */
interface QuotedPrice {
  feeTotalSat: Sat
  orderTotalSat: Sat
  bolt11FeeTotalSat: Sat | null
  bolt12FeeTotalSat?: Sat | null
  onchainFeeTotalSat: Sat | null
}

/** What the quote said for each option; its one total for an option that it does not name. */
export function quotedMaximums(quote: QuotedPrice): PaymentMaximums {
  const { feeTotalSat, orderTotalSat, bolt11FeeTotalSat, bolt12FeeTotalSat = null, onchainFeeTotalSat } = quote
  // What is paid beside the fee: the client's own balance in the channel.
  const besideSat = sat(orderTotalSat - feeTotalSat)
  const totalOf = (feeSat: Sat | null) => (feeSat === null ? orderTotalSat : addSat(feeSat, besideSat))
  return {
    bolt11: totalOf(bolt11FeeTotalSat),
    bolt12: totalOf(bolt12FeeTotalSat),
    onchain: totalOf(onchainFeeTotalSat),
  }
}

/** null: all methods. Nothing may be paid by the methods that the client excluded. */
export function withMethods(maximums: PaymentMaximums, methods: readonly PaymentMethod[] | null): PaymentMaximums {
  if (methods === null) return maximums
  const of = (method: keyof Payment) => (methods.includes(METHODS[method]) ? maximums[method] : null)
  return { bolt11: of('bolt11'), bolt12: of('bolt12'), onchain: of('onchain') }
}

/** The least of the maximums, over the methods that the client did not exclude. */
export function leastMaximum({ bolt11, bolt12, onchain }: PaymentMaximums): Sat {
  return minSat([bolt11, bolt12, onchain].filter((maximum) => maximum !== null)) ?? ZERO_SAT
}

/** The most that may leave the wallet by any option. */
export function largestMaximum({ bolt11, bolt12, onchain }: PaymentMaximums): Sat {
  return maxSat([bolt11 ?? ZERO_SAT, bolt12 ?? ZERO_SAT, onchain ?? ZERO_SAT])
}

/** Whether the LSP offers something, and each option costs more than agreed. */
export function isAboveMaximums(payment: Payment, maximums: PaymentMaximums): boolean {
  return optionsOf(payment).length > 0 && optionsOf(withinMaximums(payment, maximums)).length === 0
}

const NAMES: Readonly<Record<keyof Payment, string>> = {
  bolt11: 'Lightning',
  bolt12: 'the BOLT 12 offer',
  onchain: 'on-chain',
}

/** One row for each option that the LSP offers. */
export function maximumChecks(payment: Payment, maximums: PaymentMaximums): Check[] {
  const within = withinMaximums(payment, maximums)
  return (['bolt11', 'bolt12', 'onchain'] as const).flatMap((method): Check[] => {
    const option = payment[method]
    if (option === null) return []
    const [maximum, isWithin] = [maximums[method], within[method] !== null]
    const limit =
      maximum === null
        ? 'and the client excluded this payment method'
        : `${isWithin ? 'within' : 'above'} the agreed maximum of ${maximum} sat`
    const message = `${NAMES[method]} costs ${costSat(option)} sat, ${limit}${isWithin ? '' : '; this option is withheld'}`
    return [
      {
        code: 'WITHIN_MAXIMUM',
        verdict: isWithin ? 'PASSED' : 'WARNING',
        message,
        method: METHODS[method],
        expected: maximum === null ? 'another payment method' : `at most ${maximum} sat`,
        actual: `${costSat(option)} sat`,
      },
    ]
  })
}

import { sat, type Sat } from '../domain/money.ts'
import { BLOCKS_PER_WEEK } from '../domain/time.ts'

/** `amount × parts / per`, rounded down, in whole numbers all the way. */
function share(amount: number, parts: number, per: number): number {
  return Number((BigInt(amount) * BigInt(parts)) / BigInt(per))
}

const MILLION = 1_000_000

export function ppmOf(amount: number, ppm: number): Sat {
  return sat(share(amount, ppm, MILLION))
}

/** Parts per million of the amount for each week of 1008 blocks, charged by the block. */
export function weeklyPpmOf(amount: number, ppmPerWeek: number, blocks: number): Sat {
  return sat(share(amount, ppmPerWeek * blocks, MILLION * BLOCKS_PER_WEEK))
}

/** Rounded up to a whole million. */
export function wholeMillion(amount: number): Sat {
  return sat(share(amount + MILLION - 1, 1, MILLION) * MILLION)
}

/** Every LSP with coupons accepts this one: ten per cent off. */
export const DISCOUNT_CODE = 'SLUICE10'

export function lessTenPercent(fee: Sat): Sat {
  return sat(fee - share(fee, 1, 10))
}

/** The part of a fee that is taken from each forwarded payment: a twentieth, rounded up. */
export function feePerPaymentOf(fee: Sat): Sat {
  return sat(share(fee + 19, 1, 20))
}

/** The fee while DEARER_AT_ORDER is on. */
export function halfAsMuchAgain(fee: Sat): Sat {
  return sat(fee + share(fee, 1, 2))
}

/** The price after RATE_CHANGES, rounded up. */
export function fivePercentMore(price: Sat): Sat {
  return sat(price + share(price + 19, 1, 20))
}

/** The amount of an invoice for `total` while WRONG_INVOICE_AMOUNT is on. */
export function tooMuchFor(total: Sat): Sat {
  return sat(total + share(total, 1, 10) + 1_000)
}

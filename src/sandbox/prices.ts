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

/** So many parts per million of the amount for each week of 1008 blocks, by the block. */
export function weeklyPpmOf(amount: number, ppmPerWeek: number, blocks: number): Sat {
  return sat(share(amount, ppmPerWeek * blocks, MILLION * BLOCKS_PER_WEEK))
}

/** Every LSP that has coupons takes this one, for ten per cent off. */
export const DISCOUNT_CODE = 'SLUICE10'

export function lessTenPercent(fee: Sat): Sat {
  return sat(fee - share(fee, 1, 10))
}

/** What is taken from each payment where a fee is paid out of several: a twentieth, rounded up. */
export function feePerPaymentOf(fee: Sat): Sat {
  return sat(share(fee + 19, 1, 20))
}

/** What DEARER_AT_ORDER makes of a fee. */
export function halfAsMuchAgain(fee: Sat): Sat {
  return sat(fee + share(fee, 1, 2))
}

/** An amount that no honest invoice for `total` would ask for. */
export function tooMuchFor(total: Sat): Sat {
  return sat(total + share(total, 1, 10) + 1_000)
}

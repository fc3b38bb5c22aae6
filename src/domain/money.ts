declare const satBrand: unique symbol

/**
 * A whole number of satoshis, 0 … 2 100 000 000 000 000. Only `sat` and `parseSat` make one, so that
 * a fraction, a negative or an unsafe number cannot get into an amount: ordinary arithmetic gives a
 * plain number back, which the compiler refuses where a `Sat` is wanted.
 */
export type Sat = number & { readonly [satBrand]: true }

/** Every satoshi there can be: 21 million bitcoin. Well below 2^53, so a JSON number holds it exactly. */
export const MAX_SAT = 2_100_000_000_000_000

export class AmountError extends RangeError {
  override name = 'AmountError'
}

/** @throws AmountError unless `value` is a whole number from 0 to MAX_SAT. */
export function sat(value: number): Sat {
  if (!Number.isSafeInteger(value) || value < 0 || value > MAX_SAT) {
    throw new AmountError(`not a whole number of satoshis from 0 to ${MAX_SAT}: ${value}`)
  }
  return value as Sat
}

/** Reads a JSON number or a string of decimal digits. @throws AmountError for anything else. */
export function parseSat(value: unknown): Sat {
  if (typeof value === 'number') return sat(value)
  if (typeof value === 'bigint') return sat(Number(value))
  if (typeof value === 'string' && /^\d{1,16}$/.test(value)) return sat(Number(value))
  throw new AmountError('not a whole number of satoshis')
}

export const ZERO_SAT = sat(0)

export function addSat(a: Sat, b: Sat): Sat {
  return sat(a + b)
}

export function minSat(amounts: readonly Sat[]): Sat | null {
  return amounts.reduce<Sat | null>((least, amount) => (least === null || amount < least ? amount : least), null)
}

export function maxSat(amounts: readonly Sat[]): Sat {
  return amounts.reduce((most, amount) => (amount > most ? amount : most), ZERO_SAT)
}

/** Millisatoshis, as BOLT 11 counts them. A bigint: 21 million bitcoin in msat are more than 2^53. */
export function msatOf(amount: Sat): bigint {
  return BigInt(amount) * 1000n
}

const BTC_DECIMAL = /^(\d{1,8})(?:\.(\d{1,8}))?$/

/** A BIP 21 amount ("0.00251515", in bitcoin) as satoshis, without a float in between. @throws AmountError */
export function satOfBtcDecimal(text: string): Sat {
  const match = BTC_DECIMAL.exec(text)
  if (!match) throw new AmountError(`not an amount in bitcoin: ${JSON.stringify(text.slice(0, 40))}`)
  return sat(Number(`${match[1]}${(match[2] ?? '').padEnd(8, '0')}`))
}

export function btcDecimalOfSat(amount: Sat): string {
  const digits = String(amount).padStart(9, '0')
  return `${digits.slice(0, -8)}.${digits.slice(-8)}`.replace(/\.?0+$/, '')
}

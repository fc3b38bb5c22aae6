import { sat, type Sat } from '../domain/money.ts'

/** The asset that the sandbox deals in. Its unit is a millionth of a dollar. */
export const SANDBOX_ASSET = {
  name: 'Sandbox Dollar',
  asset_id: 'rgb:sandbox-usdt-0000000-0000000-0000000-0000000-0000000',
  ticker: 'USDT',
  precision: 6,
  issued_supply: 1_000_000_000_000,
  min_initial_client_amount: 0,
  max_initial_client_amount: 1_000_000_000,
  min_initial_lsp_amount: 0,
  max_initial_lsp_amount: 10_000_000_000,
  min_channel_amount: 0,
  max_channel_amount: 10_000_000_000,
} as const

/** A bitcoin is worth 100 000 dollars here, so that a thousand units are a satoshi and a unit is a millisatoshi. */
const UNITS_PER_SAT = 1_000
export const UNITS_PER_BITCOIN = 100_000_000_000

/** What so much of the asset is worth, rounded up. */
export function worthOf(units: number): Sat {
  return sat(Number((BigInt(units) + BigInt(UNITS_PER_SAT - 1)) / BigInt(UNITS_PER_SAT)))
}

import { z } from 'zod'
import { isRegtestAddress } from './network.ts'
import { pubkeyOfUri } from '../domain/lsp.ts'
import { MAX_SAT, sat } from '../domain/money.ts'
import { DAY_MS, MINUTE_MS, SECOND_MS, type EpochMs } from '../domain/time.ts'

// The field types of requests, as strict as the protocols' documents.

export function wholeNumber(least: number, most: number) {
  return z.number().int().min(least).max(most)
}

/** Satoshis as a JSON integer. */
export function satInteger(least = 0, most = MAX_SAT) {
  return wholeNumber(least, most).transform(sat)
}

/** 66 hexadecimal digits, without an address. */
export const pubkeyField = z.string().regex(/^0[23][0-9a-fA-F]{64}$/, 'Not a public key')

/** pubkey@host:port, or the public key alone. */
export const nodeField = z
  .string()
  .max(512)
  .refine((uri) => pubkeyOfUri(uri) !== null && /^[^@]+(@[^@\s]+:\d{1,5})?$/.test(uri), 'Not pubkey@host:port')

/** pubkey@host:port */
export const nodeWithAddressField = nodeField.refine((uri) => uri.includes('@'), 'Not pubkey@host:port')

/** bLIP-50 allows only SegWit addresses: bech32 and bech32m. */
export const segwitAddressField = z
  .string()
  .refine((address) => isRegtestAddress(address) && /^bcrt1/i.test(address), 'Not a SegWit address on regtest')

export const regtestAddressField = z.string().refine(isRegtestAddress, 'Not an address on regtest')

export function isoTime(at: EpochMs): string {
  return new Date(at).toISOString()
}

export function epochSeconds(at: EpochMs): number {
  return Math.floor(at / SECOND_MS)
}

const WEEK_MS = 7 * DAY_MS

export function durationOfWeeks(weeks: number): number {
  return weeks * WEEK_MS
}

const BLOCK_MS = 10 * MINUTE_MS

/** The expected duration, at ten minutes a block. */
export function durationOfBlocks(blocks: number): number {
  return blocks * BLOCK_MS
}

/** The fields of an order in the LSPS1 family that its options bound. */
export interface BoundedOrder {
  readonly lsp_balance_sat: number
  readonly client_balance_sat: number
  readonly required_channel_confirmations: number
  readonly funding_confirms_within_blocks: number
  readonly channel_expiry_blocks: number
}

/** For each option of get_info the field that it bounds, and its value in an order. */
const BOUNDED: readonly { option: string; field: string; valueOf: (order: BoundedOrder) => number }[] = [
  {
    option: 'min_required_channel_confirmations',
    field: 'required_channel_confirmations',
    valueOf: (order) => order.required_channel_confirmations,
  },
  {
    option: 'min_funding_confirms_within_blocks',
    field: 'funding_confirms_within_blocks',
    valueOf: (order) => order.funding_confirms_within_blocks,
  },
  {
    option: 'max_channel_expiry_blocks',
    field: 'channel_expiry_blocks',
    valueOf: (order) => order.channel_expiry_blocks,
  },
  ...['min_initial_client_balance_sat', 'max_initial_client_balance_sat'].map((option) => ({
    option,
    field: 'client_balance_sat',
    valueOf: (order: BoundedOrder) => order.client_balance_sat,
  })),
  ...['min_initial_lsp_balance_sat', 'max_initial_lsp_balance_sat'].map((option) => ({
    option,
    field: 'lsp_balance_sat',
    valueOf: (order: BoundedOrder) => order.lsp_balance_sat,
  })),
  ...['min_channel_balance_sat', 'max_channel_balance_sat'].map((option) => ({
    option,
    field: 'lsp_balance_sat',
    valueOf: (order: BoundedOrder) => order.lsp_balance_sat + order.client_balance_sat,
  })),
]

/** An option that an order violates, with the order's field. */
export interface BrokenOption {
  readonly option: string
  readonly field: string
  readonly limit: number
}

/** The first option of get_info that `order` violates. An option that is absent or null has no limit. */
export function brokenOption(options: Readonly<Record<string, unknown>>, order: BoundedOrder): BrokenOption | null {
  for (const { option, field, valueOf } of BOUNDED) {
    if (options[option] === undefined || options[option] === null) continue
    const limit = Number(options[option])
    const value = valueOf(order)
    if (option.startsWith('min_') ? value < limit : value > limit) return { option, field, limit }
  }
  return null
}

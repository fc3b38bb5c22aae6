import { z } from 'zod'
import { isRegtestAddress } from './network.ts'
import { pubkeyOfUri } from '../domain/lsp.ts'
import { MAX_SAT, sat } from '../domain/money.ts'
import { MINUTE_MS, type EpochMs } from '../domain/time.ts'

// The field types of requests, as an LSP that follows its protocol's document would read them.

export function wholeNumber(least: number, most: number) {
  return z.number().int().min(least).max(most)
}

/** Satoshis as a JSON integer. */
export const satInteger = wholeNumber(0, MAX_SAT).transform(sat)

/** 66 hexadecimal digits, and no address behind them. */
export const pubkeyField = z.string().regex(/^0[23][0-9a-fA-F]{64}$/, 'Not a public key')

/** pubkey@host:port, or the public key alone. */
export const nodeField = z
  .string()
  .max(512)
  .refine((uri) => pubkeyOfUri(uri) !== null && /^[^@]+(@[^@\s]+:\d{1,5})?$/.test(uri), 'Not pubkey@host:port')

export const regtestAddressField = z.string().refine(isRegtestAddress, 'Not an address on regtest')

const BLOCK_MS = 10 * MINUTE_MS

/** When so many blocks will have passed, by Bitcoin's ten minutes. */
export function blockTimeAfter(at: EpochMs, blocks: number): EpochMs {
  return at + blocks * BLOCK_MS
}

import { createHash } from 'node:crypto'
import type { Sat } from '../domain/money.ts'
import type { EpochMs } from '../domain/time.ts'

// The key under which a renewal is requested once.

export interface RenewalInput {
  lspId: string
  shortChannelId: string
  validTo: EpochMs
  signedMessage: string
  idempotencyKey: string
  /** The most that the renewal may cost. null or absent: the price of the first answer. */
  maxFeeTotalSat?: Sat | null
}

/** The client used this key before, with another input. */
export class RenewalKeyConflict extends Error {
  override name = 'RenewalKeyConflict'

  constructor() {
    super('this key was used for a renewal with another input')
  }
}

const hashOf = (values: readonly unknown[]) => createHash('sha256').update(JSON.stringify(values)).digest('hex')

/** Unique for each client and key. The first gateway instance that writes it sends the request. */
export function requestKeyOf(clientId: string, input: RenewalInput): string {
  return hashOf([clientId, 'key', input.idempotencyKey])
}

export function inputHashOf({ lspId, shortChannelId, validTo, signedMessage, maxFeeTotalSat }: RenewalInput): string {
  return hashOf([lspId, shortChannelId, validTo, signedMessage, maxFeeTotalSat ?? null])
}

import { bech32 } from '@scure/base'
import { msatOf, type Sat } from '../domain/money.ts'
import { SECOND_MS, type EpochMs } from '../domain/time.ts'

// Offers of BOLT 12, as far as an LSP issues them. They have no signature and no checksum.
// https://github.com/lightning/bolts/blob/master/12-offer-encoding.md

/** The hash of regtest's first block, in the order of its bytes. */
const REGTEST = '06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f'

const FIELD = { chains: 2, amount: 8, description: 10, absoluteExpiry: 14, issuerId: 22 } as const

const HRP = 'lno'

export interface OfferDetails {
  amountSat: Sat
  description: string
  expiresAt: EpochMs
  /** The public key of the node that signs the offer's invoices. */
  issuerId: string
}

/** An offer for regtest. Its end is rounded up to whole seconds, so that it never ends before its order. */
export function encodeOffer({ amountSat, description, expiresAt, issuerId }: OfferDetails): string {
  const bytes = Buffer.concat([
    record(FIELD.chains, Buffer.from(REGTEST, 'hex')),
    record(FIELD.amount, truncatedInteger(msatOf(amountSat))),
    record(FIELD.description, Buffer.from(description)),
    record(FIELD.absoluteExpiry, truncatedInteger(BigInt(Math.ceil(expiresAt / SECOND_MS)))),
    record(FIELD.issuerId, Buffer.from(issuerId, 'hex')),
  ])
  // The library always adds the six letters of a checksum, which BOLT 12 leaves out.
  return bech32.encode(HRP, bech32.toWords(bytes), false).slice(0, -6)
}

/** Type, length and value. Types and lengths below 253 are one byte. */
function record(type: number, value: Buffer): Buffer {
  if (value.length > 252) throw new RangeError(`the value of field ${type} is longer than 252 bytes`)
  return Buffer.concat([Buffer.from([type, value.length]), value])
}

/** Big-endian without leading zero bytes. */
function truncatedInteger(value: bigint): Buffer {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

import { bech32 } from '@scure/base'

export const REGTEST_CHAIN = '06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f'

export interface OfferFields {
  chains?: readonly string[]
  currency?: string
  amount?: bigint
  expiry?: number
  description?: string
}

/** An offer of BOLT 12 with these fields, for regtest unless it says otherwise. */
export function offerOf({
  chains = [REGTEST_CHAIN],
  currency,
  amount,
  expiry,
  description = 'a channel',
}: OfferFields): string {
  const fields: [number, Buffer][] = []
  if (chains.length > 0) fields.push([2, Buffer.from(chains.join(''), 'hex')])
  if (currency !== undefined) fields.push([6, Buffer.from(currency)])
  if (amount !== undefined) fields.push([8, numberOf(amount)])
  fields.push([10, Buffer.from(description)])
  if (expiry !== undefined) fields.push([14, numberOf(BigInt(expiry))])
  const bytes = Buffer.concat(
    fields.map(([type, value]) => Buffer.concat([Buffer.from([type]), lengthOf(value), value])),
  )
  return `lno1${bech32
    .toWords(bytes)
    .map((word) => 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'[word])
    .join('')}`
}

/** Without leading zero bytes, as BOLT 12 wants it. */
function numberOf(value: bigint): Buffer {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

/** As a BigSize. */
function lengthOf({ length }: Buffer): Buffer {
  return length < 0xfd ? Buffer.from([length]) : Buffer.from([0xfd, length >> 8, length & 0xff])
}

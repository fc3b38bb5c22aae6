import { builder } from './builder.ts'
import { badInput } from './bad-input.ts'
import { isPublicKey } from '../domain/curve.ts'
import { parseSat } from '../domain/money.ts'

// BOLT 1 defines `u64` and `point`.
const FUNDAMENTAL_TYPES = 'https://github.com/lightning/bolts/blob/master/01-messaging.md#fundamental-types'

builder.scalarType('Sat', {
  description:
    'A whole number of satoshis, from 0 to 2,100,000,000,000,000. Serialized as a JSON number; input may also be a decimal string.',
  specifiedByURL: 'https://github.com/lightning/blips/blob/master/blip-0050.md',
  serialize: (value) => value,
  parseValue(value) {
    try {
      return parseSat(value)
    } catch {
      throw badInput('Sat: give a whole number of satoshis from 0 to 2100000000000000')
    }
  },
})

const MAX_UINT64 = (1n << 64n) - 1n

/** Reads a decimal string, or a number that JSON cannot have rounded. @throws GraphQLError */
function parseUInt64(scalar: string, value: unknown): string {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  if (typeof text === 'string' && /^\d{1,20}$/.test(text) && BigInt(text) <= MAX_UINT64) return BigInt(text).toString()
  throw badInput(`${scalar}: give an unsigned 64-bit integer as a decimal string`)
}

builder.scalarType('AssetAmount', {
  description:
    'An amount of an RGB asset in its smallest unit: an unsigned 64-bit integer, serialized as a decimal string.',
  specifiedByURL: FUNDAMENTAL_TYPES,
  serialize: (value) => value,
  parseValue: (value) => parseUInt64('AssetAmount', value),
})

builder.scalarType('UInt64', {
  description: 'An unsigned 64-bit integer, as a decimal string.',
  specifiedByURL: FUNDAMENTAL_TYPES,
  serialize: (value) => value,
  parseValue: (value) => parseUInt64('UInt64', value),
})

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/i

builder.scalarType('DateTime', {
  description: 'An instant in UTC, as RFC 3339 defines it.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
  serialize: (value) => new Date(value).toISOString(),
  parseValue(value) {
    const date = typeof value === 'string' ? DATE_TIME.exec(value) : null
    // Date.parse makes the 2nd of March of a 30th of February.
    const isReal =
      date !== null && Number(date[3]) <= new Date(Date.UTC(Number(date[1]), Number(date[2]), 0)).getUTCDate()
    const time = isReal ? Date.parse(date[0]) : Number.NaN
    if (Number.isNaN(time)) throw badInput('DateTime: give an instant in UTC such as 2026-11-21T12:00:00Z')
    return time
  },
})

builder.scalarType('PublicKey', {
  description: "A node's public key: 33 bytes, compressed, as 66 hexadecimal digits.",
  specifiedByURL: FUNDAMENTAL_TYPES,
  serialize: (value) => value,
  parseValue(value) {
    if (typeof value !== 'string' || !isPublicKey(value))
      throw badInput('PublicKey: not a public key: give 33 bytes in hexadecimal, a compressed point of secp256k1')
    return value.toLowerCase()
  },
})

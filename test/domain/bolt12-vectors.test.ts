import { describe, expect, test } from 'vitest'
import { canonicalOffer, decodeOffer, OfferError, type DecodedOffer } from '../../src/domain/bolt12.ts'
import { fixture } from '../support/fixtures.ts'

interface OfferVector {
  description: string
  valid: boolean
  bolt12: string
  fields?: { type: number; length: number; hex: string }[]
}
interface StringVector {
  comment: string
  valid: boolean
  string: string
}

const OFFERS = fixture('bolts/bolt12-offers.json') as unknown as OfferVector[]
const STRINGS = fixture('bolts/bolt12-format-string.json') as unknown as StringVector[]
const VALID = OFFERS.filter(({ valid }) => valid)
const INVALID = OFFERS.filter(({ valid }) => !valid)

/** The fields of a vector, read in the plainest way. */
function expected({ fields = [] }: OfferVector): Partial<DecodedOffer> {
  const hexOf = (type: number) => fields.find((field) => field.type === type)?.hex
  const textOf = (hex: string | undefined) => (hex === undefined ? null : Buffer.from(hex, 'hex').toString('utf8'))
  const numberOf = (hex: string | undefined) => (hex === undefined ? null : BigInt(`0x${hex || '0'}`))
  const expiry = numberOf(hexOf(14))
  return {
    amount: numberOf(hexOf(8)),
    currency: textOf(hexOf(6)),
    description: textOf(hexOf(10)),
    expiresAt: expiry === null ? null : Number(expiry) * 1_000,
    quantityMax: numberOf(hexOf(20)),
    issuerId: hexOf(22) ?? null,
  }
}

describe(`the ${VALID.length} valid offers of BOLT 12`, () => {
  test.each(VALID)('$description: its fields are read', (vector) => {
    expect(decodeOffer(vector.bolt12)).toMatchObject(expected(vector))
  })

  test.each([
    ['for testnet', ['TESTNET']],
    ['for bitcoin (redundant)', ['MAINNET']],
    ['for bitcoin or liquidv1', ['MAINNET']],
    ['Minimal bolt12 offer', ['MAINNET']],
  ])('%s: its networks are read', (description, networks) => {
    const vector = VALID.find((one) => one.description === description)
    expect(decodeOffer(vector?.bolt12 ?? '').networks).toEqual(networks)
  })
})

describe(`the ${INVALID.length} invalid offers of BOLT 12`, () => {
  // Some break another rule before the one that they are about; bolt12.test.ts breaks each rule alone.
  test.each(INVALID)('$description: refused', ({ bolt12 }) => {
    expect(() => decodeOffer(bolt12)).toThrow(OfferError)
  })
})

describe(`the ${STRINGS.length} strings of BOLT 12`, () => {
  test.each(STRINGS.filter(({ valid }) => valid))('$comment: the same offer', ({ string }) => {
    expect(decodeOffer(string)).toEqual(decodeOffer(STRINGS[0]?.string ?? ''))
    expect(canonicalOffer(string)).toBe(STRINGS[0]?.string)
  })

  test.each(STRINGS.filter(({ valid }) => !valid))('$comment: refused ($string)', ({ string }) => {
    expect(() => decodeOffer(string)).toThrow(OfferError)
  })
})

test(`BOLT 12: ${VALID.length} valid and ${INVALID.length} invalid offers, and ${STRINGS.length} strings, were read`, () => {
  process.stdout.write(
    `BOLT 12 vectors: ${VALID.length} valid offers, ${INVALID.length} invalid offers, ${STRINGS.length} strings\n`,
  )
  expect([VALID.length + INVALID.length, STRINGS.length]).toEqual([53, 12])
})

import { describe, expect, test } from 'vitest'
import { MAX_SAT } from '../../src/domain/money.ts'
import { documentOf, listOf, optional, readDocument, required } from '../../src/protocols/document.ts'
import {
  assetAmountField,
  countField,
  countLimitField,
  flagField,
  jsonInteger,
  lookUp,
  satField,
  satLimitField,
} from '../../src/protocols/fields.ts'
import { timeField } from '../../src/protocols/time-field.ts'

const UNREADABLE = 'unreadable'
const read = (schema: { safeParse: (value: unknown) => { success: boolean; data?: unknown } }, value: unknown) => {
  const parsed = schema.safeParse(value)
  return parsed.success ? parsed.data : UNREADABLE
}

describe('a time', () => {
  const TIME = Date.parse('2026-11-30T00:53:20Z')

  test.each([
    '2026-11-30T00:53:20Z',
    '2026-11-30T00:53:20z',
    '2026-11-30t00:53:20z',
    '2026-11-30 00:53:20',
    '2026-11-30T00:53:20',
    '2026-11-30 00:53:20+00:00',
    '2026-11-30 00:53:20 +00:00',
    '2026-11-30T00:53:20+0000',
    '2026-11-30T00:53:20-00:00',
    '2026-11-30T00:53:20+00',
    '2026-11-30 00:53:20 UTC',
    '2026-11-30 00:53:20 GMT',
    '2026-11-30 00:53:20 +0000 UTC',
    '2026-11-30T00:53:20.000000000Z',
    '2026-11-30T00:53:20,0Z',
    '2026-11-30T02:53:20+02:00',
    '2026-11-29T18:23:20-0630',
    '2026-11-30T00:53:20Z[UTC]',
    ' 2026-11-30T00:53:20Z ',
    'Mon, 30 Nov 2026 00:53:20 GMT',
    'Monday, 30-Nov-26 00:53:20 GMT',
    'Mon Nov 30 00:53:20 2026',
    TIME / 1_000,
    TIME,
    String(TIME / 1_000),
    String(TIME),
    `${TIME / 1_000}.0`,
    BigInt(TIME),
  ])('%s is 2026-11-30T00:53:20Z', (value) => {
    expect(read(timeField, value)).toBe(TIME)
  })

  test('keeps its milliseconds', () => {
    for (const value of ['2026-11-30T00:53:20.612345678Z', '2026-11-30T00:53:20.612', TIME / 1_000 + 0.612, TIME + 612])
      expect(read(timeField, value)).toBe(TIME + 612)
    expect(read(timeField, '2026-11-30 00:53')).toBe(TIME - 20_000)
  })

  test.each([
    '0001-01-01T00:00:00Z',
    '0001-01-01 00:00:00 +0000 UTC',
    '0000-00-00 00:00:00',
    '1970-01-01T00:00:00',
    '1970-01-01T00:00:00.000Z',
    '1970-01-01T01:00:00+01:00',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    '1969-12-31T23:59:59Z',
    '2009-01-02T23:59:59Z',
    0,
    -0,
    '0',
    1,
    '-62135596800',
    -62_135_596_800,
    -1,
    4_102_444_800,
    '2100-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    18_446_744_073_709_551_615n,
    1e300,
  ])('%s means that it is not set', (value) => {
    expect(read(timeField, value)).toBeNull()
  })

  test.each([
    'tomorrow',
    '2026-11-30',
    '2026-13-01T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2026-11-30T24:00:00Z',
    '2026-11-30T00:61:00Z',
    '2026-11-30T00:53:20+99:99',
    '30/11/2026 00:53:20',
    'Mon, 31 Nov 2026 00:53:20 GMT',
    'NaN',
    true,
    {},
    [1_796_000_000],
    'x'.repeat(10_000),
  ])('%s is none', (value) => {
    expect(read(timeField, value)).toBe(UNREADABLE)
  })

  test('reads long texts of digits and blanks at once', () => {
    for (const text of ['9'.repeat(100_000), ' '.repeat(100_000), `2026-11-30T00:53:20.${'1'.repeat(100_000)}`])
      expect(read(timeField, text)).toBe(UNREADABLE)
  })
})

describe('a number', () => {
  test.each([
    [2_000, 2_000],
    ['2000', 2_000],
    [2_000n, 2_000],
    ['0', 0],
    [-0, 0],
    [MAX_SAT, MAX_SAT],
    [String(MAX_SAT), MAX_SAT],
  ])('of satoshis %s is %s', (value, amount) => {
    expect(read(satField, value)).toBe(amount)
  })

  test.each([
    -1,
    '-1',
    0.5,
    '0.5',
    '2000.0',
    '2e3',
    '0x10',
    ' 5',
    '+5',
    '1,000',
    MAX_SAT + 1,
    String(MAX_SAT + 1),
    2n ** 64n,
    Number.POSITIVE_INFINITY,
    null,
    true,
  ])('of satoshis is never %s', (value) => {
    expect(read(satField, value)).toBe(UNREADABLE)
  })

  test.each([
    2 ** 64,
    '18446744073709551615',
    18_446_744_073_709_551_615n,
    MAX_SAT + 1,
    String(MAX_SAT + 1),
    1e300,
    '9'.repeat(40),
  ])('above all bitcoin (%s) is no limit', (value) => {
    expect(read(satLimitField, value)).toBeNull()
  })

  test('is a limit up to what its unit can be', () => {
    expect([0, '5', 7n, MAX_SAT].map((value) => read(satLimitField, value))).toEqual([0, 5, 7, MAX_SAT])
    expect([0, '5', 7n, 0x7fff_ffff].map((value) => read(countLimitField, value))).toEqual([0, 5, 7, 0x7fff_ffff])
    expect([0x8000_0000, '4294967295', 2n ** 64n - 1n].map((value) => read(countLimitField, value))).toEqual([
      null,
      null,
      null,
    ])
    for (const odd of [-1, '-1', 0.5, 'many', {}, true]) {
      expect(read(satLimitField, odd)).toBe(UNREADABLE)
      expect(read(countLimitField, odd)).toBe(UNREADABLE)
    }
  })

  test('of blocks is whole, and at most the largest of the public schema', () => {
    expect([0, '144', 144n, 4_294_967_295].map((value) => read(countField, value))).toEqual([
      0, 144, 144, 2_147_483_647,
    ])
    for (const odd of [253.25, -1, 2 ** 32, '1e3']) expect(read(countField, odd)).toBe(UNREADABLE)
  })

  test('of an RGB asset has 64 bits, and is exact or none', () => {
    expect(
      [0, '18446744073709551615', 18_446_744_073_709_551_615n].map((value) => read(assetAmountField, value)),
    ).toEqual(['0', '18446744073709551615', '18446744073709551615'])
    for (const odd of [2 ** 53, 2n ** 64n, -1n, '1.5']) expect(read(assetAmountField, odd)).toBe(UNREADABLE)
  })

  test('of an RGB asset is sent as an exact integer', () => {
    expect(jsonInteger('9007199254740991')).toBe(9_007_199_254_740_991)
    expect(jsonInteger('9007199254740993')).toBe(9_007_199_254_740_993n)
    expect(jsonInteger('18446744073709551615')).toBe(18_446_744_073_709_551_615n)
  })
})

test.each([
  [true, [true, 'true', 'TRUE', 'True', 1, '1', 1n]],
  [false, [false, 'false', 'False', 0, '0', 0n]],
  [UNREADABLE, ['maybe', '', 2, -1, {}, [true], 0.5]],
])('a flag is %s for each of its spellings', (flag, spellings) => {
  for (const spelling of spellings) expect(read(flagField, spelling)).toBe(flag)
})

test('a word is known in any case, with or without separators', () => {
  const table = { EXPECT_PAYMENT: 1, HOLD: 2, '-32602': 3, 404: 4 }
  for (const word of [
    'EXPECT_PAYMENT',
    'ExpectPayment',
    'expectpayment',
    'EXPECT-PAYMENT',
    'Expect payment',
    ' expect_payment\n',
  ])
    expect(lookUp(table, word)).toBe(1)
  expect(lookUp(table, 'Hold')).toBe(2)
  expect([lookUp(table, '-32602'), lookUp(table, '32602'), lookUp(table, '-404')]).toEqual([3, null, null])
  for (const word of ['constructor', 'toString', '__proto__', '', 'HOLD_ON']) expect(lookUp(table, word)).toBeNull()
})

describe('a document', () => {
  const inner = documentOf({ at: optional(timeField), amount: required(satField) })
  const document = documentOf({
    amount: required(satField),
    created_at: optional(timeField),
    inner: optional(inner),
    list: optional(listOf(inner)),
  })

  test('reports the path of each unreadable optional field once, and no value', () => {
    expect(
      readDocument(document, {
        amount: 1,
        created_at: 'soon',
        inner: { at: 'soon', amount: 5 },
        list: [{ amount: 'x' }, { amount: 2, at: 'soon' }, { amount: 3, at: 'later' }, 7],
      }),
    ).toEqual({
      answer: {
        amount: 1,
        created_at: null,
        inner: { at: null, amount: 5, keys: ['at', 'amount'] },
        list: [
          { amount: 2, at: null, keys: ['amount', 'at'] },
          { amount: 3, at: null, keys: ['amount', 'at'] },
        ],
        keys: ['amount', 'created_at', 'inner', 'list'],
      },
      problem: null,
      unreadFields: ['created_at', 'inner.at', 'list[]', 'list[].at'],
      lspOrderId: null,
    })
  })

  test('reports nothing for what is absent, null, empty or not set', () => {
    for (const created_at of [undefined, null, '', 0, '0001-01-01T00:00:00Z'])
      expect(readDocument(document, { amount: 1, created_at })).toMatchObject({
        answer: { created_at: null },
        unreadFields: [],
      })
  })

  test('names the required field that rejects it, and not its value', () => {
    expect(readDocument(document, { amount: 'two thousand' })).toMatchObject({
      answer: undefined,
      problem: 'amount: not a whole number from 0 on that is exact',
    })
    expect(readDocument(document, {}).problem).toBe('amount: missing')
  })
})

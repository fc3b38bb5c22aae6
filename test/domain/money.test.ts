import { expect, test } from 'vitest'
import {
  addSat,
  AmountError,
  btcDecimalOfSat,
  MAX_SAT,
  minSat,
  msatOf,
  parseSat,
  sat,
  satOfBtcDecimal,
} from '../../src/domain/money.ts'

/** Amounts of every size, the same ones in every run. */
function* amounts(count: number): Generator<number> {
  let state = 42n
  for (let index = 0; index < count; index += 1) {
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) % (1n << 64n)
    // As many small ones as large ones.
    yield Number((state >> 12n) % 10n ** BigInt(1 + (index % 16))) % (MAX_SAT + 1)
  }
}

test.each([0, 1, 546, 100_000_000, MAX_SAT])('%i satoshis are an amount', (value) => {
  expect(sat(value)).toBe(value)
  expect(parseSat(value)).toBe(value)
  expect(parseSat(String(value))).toBe(value)
  expect(parseSat(BigInt(value))).toBe(value)
})

test.each([[-1], [0.5], [MAX_SAT + 1], [Number.NaN], [Number.POSITIVE_INFINITY], [2 ** 53]])(
  '%d satoshis are no amount',
  (value) => {
    expect(() => sat(value)).toThrow(AmountError)
    expect(() => parseSat(value)).toThrow(AmountError)
  },
)

test.each([
  [''],
  ['-1'],
  ['+1'],
  ['1.0'],
  ['1e3'],
  ['0x10'],
  [' 1'],
  ['1 '],
  ['١'],
  ['12345678901234567'],
  ['2100000000000001'],
  [null],
  [undefined],
  [true],
  [{}],
  [[1]],
  [-1n],
  [2_100_000_000_000_001n],
])('%o is no amount', (value) => {
  expect(() => parseSat(value)).toThrow(AmountError)
})

test('a sum and a difference that are no amount are refused', () => {
  expect(addSat(sat(1), sat(2))).toBe(3)
  expect(addSat(sat(MAX_SAT), sat(0))).toBe(MAX_SAT)
  expect(() => addSat(sat(MAX_SAT), sat(1))).toThrow(AmountError)
})

test('the least of several amounts, and of none there is none', () => {
  expect(minSat([sat(3), sat(0), sat(2)])).toBe(0)
  expect(minSat([sat(5)])).toBe(5)
  expect(minSat([])).toBeNull()
})

test('millisatoshis are exact, beyond what a number holds', () => {
  expect(msatOf(sat(0))).toBe(0n)
  expect(msatOf(sat(251_515))).toBe(251_515_000n)
  expect(msatOf(sat(MAX_SAT))).toBe(2_100_000_000_000_000_000n)
  for (const amount of amounts(500)) expect(msatOf(sat(amount)) / 1000n).toBe(BigInt(amount))
})

test.each([
  ['0', 0],
  ['1', 100_000_000],
  ['0.1', 10_000_000],
  ['0.10', 10_000_000],
  ['0.00000001', 1],
  ['0.00251515', 251_515],
  ['00.5', 50_000_000],
  // What a float would make 289_999_999 of.
  ['2.9', 290_000_000],
  ['0.29', 29_000_000],
  ['20999999.99999999', MAX_SAT - 1],
  ['21000000', MAX_SAT],
])('%s bitcoin are %i satoshis', (text, satoshis) => {
  expect(satOfBtcDecimal(text)).toBe(satoshis)
})

test.each([
  [''],
  ['.5'],
  ['5.'],
  ['1,5'],
  ['-1'],
  ['1e-8'],
  ['0.000000001'],
  ['21000000.00000001'],
  ['100000000'],
  ['0.1 '],
  ['NaN'],
  ['1.2.3'],
])('%o is no amount in bitcoin', (text) => {
  expect(() => satOfBtcDecimal(text)).toThrow(AmountError)
})

test.each([
  [0, '0'],
  [1, '0.00000001'],
  [10_000_000, '0.1'],
  [251_515, '0.00251515'],
  [100_000_000, '1'],
  [1_000_000_000, '10'],
  [120_000_000, '1.2'],
  [MAX_SAT, '21000000'],
])('%i satoshis are %s bitcoin', (satoshis, text) => {
  expect(btcDecimalOfSat(sat(satoshis))).toBe(text)
})

test('every amount survives the way to bitcoin and back', () => {
  for (const amount of amounts(5_000)) expect(satOfBtcDecimal(btcDecimalOfSat(sat(amount)))).toBe(amount)
})

import { expect, test } from 'vitest'
import { isPublicKey, isXOnlyPoint } from '../../src/domain/curve.ts'

const KEY = '02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619'

test('a compressed point is a public key, in either case', () => {
  expect(isPublicKey(KEY)).toBe(true)
  expect(isPublicKey(KEY.toUpperCase())).toBe(true)
  expect(isPublicKey(KEY.replace(/^02/, '03'))).toBe(true)
})

test.each([
  ['nothing', ''],
  ['an x that no point has', '03'.repeat(33)],
  ['an x beyond the field', `02${'ff'.repeat(32)}`],
  ['zero', `02${'00'.repeat(32)}`],
  ['a point at infinity', '00'],
  ['an uncompressed prefix', KEY.replace(/^02/, '04')],
  ['one byte too few', KEY.slice(0, -2)],
  ['one byte too many', `${KEY}00`],
  ['a space', `${KEY.slice(0, -1)} `],
  ['a line break after it', `${KEY}\n`],
  ['the address behind it', `${KEY}@127.0.0.1:9735`],
])('%s is no public key', (_what, key) => {
  expect(isPublicKey(key)).toBe(false)
})

test('an x coordinate is a point with both parities or with none', () => {
  expect(isXOnlyPoint(KEY.slice(2))).toBe(true)
  expect(isXOnlyPoint('03'.repeat(32))).toBe(false)
  expect(isXOnlyPoint(KEY)).toBe(false)
})

import { expect, test } from 'vitest'
import { clearnetFirst, reachOf } from '../../src/domain/node-address.ts'

const KEY = `02${'ab'.repeat(32)}`
const V2 = `${'a'.repeat(16)}.onion`
const V3 = `${'b'.repeat(56)}.onion`

test.each([
  [`${KEY}@192.0.2.7:9735`, 'CLEARNET'],
  [`${KEY}@192.0.2.7`, 'CLEARNET'],
  [`${KEY}@lsp.example:9735`, 'CLEARNET'],
  [`${KEY}@onion.example:9735`, 'CLEARNET'],
  [`${KEY}@my.onion.example:9735`, 'CLEARNET'],
  [`${KEY}@[2001:db8::7]:9735`, 'CLEARNET'],
  [`${KEY}@2001:db8::7:9735`, 'CLEARNET'],
  [`${KEY}@${V2}:9735`, 'OVERLAY'],
  [`${KEY}@${V3}:9735`, 'OVERLAY'],
  [`${KEY}@${V3}`, 'OVERLAY'],
  [`${KEY}@${V3.toUpperCase()}:9735`, 'OVERLAY'],
  [`${KEY}@${V3}.:9735`, 'OVERLAY'],
  [`${KEY}@node.B32.i2p:9735`, 'OVERLAY'],
  [`${KEY}@[FD87:D87E:EB43:1::2]:9735`, 'OVERLAY'],
  [KEY, 'NONE'],
  [`${KEY}@`, 'NONE'],
  ['', 'NONE'],
])('the address %s is %s', (uri, reach) => {
  expect(reachOf(uri)).toBe(reach)
})

test('clearnet addresses come first, bare pubkeys last, and addresses of one kind keep their order', () => {
  const [tor3, clear1, bare, tor2, clear2, clear3] = [
    `${KEY}@${V3}:9735`,
    `${KEY}@[2001:db8::7]:9735`,
    KEY,
    `${KEY}@${V2}:9735`,
    `${KEY}@192.0.2.7:9735`,
    `${KEY}@lsp.example:9735`,
  ]
  expect(clearnetFirst([tor3, clear1, bare, tor2, clear2, clear3])).toEqual([clear1, clear2, clear3, tor3, tor2, bare])
})

import { expect, it } from 'vitest'
import { z } from 'zod'
import { ASK, connect, startRawServer } from './support.ts'
import { parseJson, stringifyJson } from '../../src/upstream/json.ts'

const parse = (text: string) => parseJson(text, (words) => words.replaceAll('secret', '[secret]'))

it.each<[string, unknown]>([
  ['9007199254740991', 9_007_199_254_740_991],
  ['9007199254740992', 9_007_199_254_740_992n],
  ['9007199254740993', 9_007_199_254_740_993n],
  ['-9007199254740993', -9_007_199_254_740_993n],
  ['18446744073709551615', 18_446_744_073_709_551_615n],
  ['1.8446744073709551615e19', 18_446_744_073_709_551_615n],
  ['18446744073709551615.0', 18_446_744_073_709_551_615n],
  ['184467440737095516150e-1', 18_446_744_073_709_551_615n],
  ['1e19', 10_000_000_000_000_000_000n],
  ['1E+3', 1_000],
  ['1e3', 1_000],
  ['1000e-3', 1],
  ['0e999999999', 0],
  ['253.25', 253.25],
  ['1234567.12345678', 1_234_567.123_456_78],
  ['1000000000.0000000000000', 1_000_000_000],
])('the number %s is read exactly', (text, value) => {
  expect(parse(text)).toEqual({ body: value, problem: null })
  expect(parse(`{"a":[${text},"x"]}`)).toEqual({ body: { a: [value, 'x'] }, problem: null })
})

it.each([
  '0.99999999999999999999',
  '1000.00000000000000000001',
  '1e-400',
  '9007199254740993.5',
  '0.' + '0'.repeat(200),
])('the fraction %s, which JavaScript would round to a whole number, is no number', (text) => {
  const digit = text.endsWith('0') ? `${text}1` : text
  expect(parse(digit)).toEqual({ body: digit, problem: null })
})

it.each(['1e400', '1' + '0'.repeat(60), '9'.repeat(5_000)])(
  'the number %s is no safe integer, and takes no time to read',
  (text) => {
    const { body } = parse(text)
    expect(Number.isSafeInteger(body)).toBe(false)
    expect(typeof body).not.toBe('bigint')
  },
)

it('digits in texts and names stay what they are', () => {
  const text =
    '{"12345678901234567890":"12345678901234567890","b":"\\"12345678901234567890","c":"\\\\","d":12345678901234567890}'
  expect(parse(text).body).toEqual({
    '12345678901234567890': '12345678901234567890',
    b: '"12345678901234567890',
    c: '\\',
    d: 12_345_678_901_234_567_890n,
  })
})

it.each([
  '{12345678901234567890:1}',
  '01234567890123456789',
  '12345678901234567890x',
  '[12345678901234567890,]',
  '--1',
])('%s is not JSON', (text) => {
  expect(parse(text)).toEqual({ body: undefined, problem: 'not JSON' })
})

it('secrets are redacted and dangerous names dropped beside a long integer, too', () => {
  const { body } = parse('{"a":"a secret","__proto__":{"x":1},"toString":1,"b":12345678901234567890}')
  expect(body).toEqual({ a: 'a [secret]', b: 12_345_678_901_234_567_890n })
  expect(Object.keys(body as object)).toEqual(['a', 'b'])
})

it('a repeated name has its last value', () => {
  expect(parse('{"a":1,"a":12345678901234567890}').body).toEqual({ a: 12_345_678_901_234_567_890n })
})

it('a long text full of escapes beside a long integer is read', () => {
  const text = JSON.stringify('\n"'.repeat(200_000))
  expect(parse(`[${text},12345678901234567890]`).body).toEqual(['\n"'.repeat(200_000), 12_345_678_901_234_567_890n])
})

it('a bigint is written as an integer with all its digits', () => {
  const document = { a: 18_446_744_073_709_551_615n, b: [-1n, '12', 1.5, null], c: 'integer 5', d: undefined }
  expect(stringifyJson(document)).toBe('{"a":18446744073709551615,"b":[-1,"12",1.5,null],"c":"integer 5"}')
})

it('what is sent and what is received over HTTP keeps every digit', async () => {
  const requests: string[] = []
  const answer = '{"ok":true,"amount":18446744073709551615}'
  await using server = await startRawServer((socket, request) => {
    requests.push(request)
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`)
  })
  await using asking = connect({ url: `http://127.0.0.1:${server.port}` })
  const exchange = {
    ...ASK,
    method: 'POST',
    body: { amount: 18_446_744_073_709_551_615n },
    answer: z.unknown(),
  } as const
  expect(await asking.ask(exchange)).toEqual({ ok: true, amount: 18_446_744_073_709_551_615n })
  expect(requests[0]).toContain('\r\n\r\n{"amount":18446744073709551615}')
})

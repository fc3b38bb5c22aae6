import { expect, test } from 'vitest'
import { cleanText, cleanTextOrNull } from '../../src/domain/text.ts'

test.each([
  ['a plain sentence', 'Channel too small', 'Channel too small'],
  ['umlauts, other scripts and emoji', 'Größe 通道 ⚡', 'Größe 通道 ⚡'],
  ['control characters', 'a\u0000b\u0007c\u001bd\u007fe\u009ff', 'a b c d e f'],
  ['newlines and tabs', 'one\r\ntwo\n\n\tthree', 'one two three'],
  ['line and paragraph separators', 'one\u2028two\u2029three', 'one two three'],
  ['bidirectional overrides and isolates', 'pay \u202egnihton\u202c \u2066now\u2069', 'pay gnihton now'],
  ['zero-width characters and a byte order mark', '\ufeffpay\u200bme\u200d', 'pay me'],
  ['private-use characters and lone surrogates', 'a\ue000b\ud800c', 'a b c'],
  ['terminal sequences', '\u001b[31mred\u001b[0m', '[31mred [0m'],
  ['the beginning of a tag', '<script>alert(1)</script>', 'script>alert(1)/script>'],
  ['spaces around and between', '   a     b   ', 'a b'],
  ['nothing but what goes', '\u0000\u200b<<<\n', ''],
])('%s', (_what, text, clean) => {
  expect(cleanText(text)).toBe(clean)
})

test('a long text is cut, and says so', () => {
  expect(cleanText('x'.repeat(500))).toBe('x'.repeat(500))
  expect(cleanText('x'.repeat(501))).toBe(`${'x'.repeat(499)}…`)
  expect(cleanText('abcdef', 4)).toBe('abc…')
  expect(cleanText('abcd', 4)).toBe('abcd')
})

test('a text of megabytes is bounded before it is read', () => {
  expect(cleanText(`${'\n'.repeat(5_000_000)}hidden`, 10)).toBe('')
})

test('no character of any plane lets a control character or a tag through', () => {
  for (let code = 0; code <= 0x2fff; code += 1)
    expect(cleanText(`a${String.fromCodePoint(code)}b`)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}<]/u)
})

test.each([[undefined], [null], [12], [{}], [''], ['  \n\u200b']])('%o has nothing readable in it', (value) => {
  expect(cleanTextOrNull(value)).toBeNull()
})

test('what is readable is kept, cleaned and bounded', () => {
  expect(cleanTextOrNull(' ok\n')).toBe('ok')
  expect(cleanTextOrNull('abcdef', 4)).toBe('abc…')
})

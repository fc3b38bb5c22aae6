import { copy, raw, slots, string, write, type Json } from './json.ts'
import type { Random } from './random.ts'

// What is done to an honest answer. Each of these has been somebody's bug.

const NUMBERS = [
  '0',
  '-0',
  '-1',
  '1',
  '0.5',
  '1.5',
  '-0.0000001',
  '1e309',
  '-1e309',
  '1e-400',
  '1E2',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '18446744073709551615',
  '18446744073709551616',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '2100000000000000',
  '2100000000000001',
  '8640000000000',
  '8640000000001',
  '8640000000000000',
  '253402300800',
  '99999999999999999999999999',
  '0.1',
  '123456789.000000001',
  '1e15',
  '1e16',
  '1e21',
]
const TEXTS = [
  '',
  ' ',
  '0',
  '-1',
  '1.5',
  '1e3',
  'NaN',
  'Infinity',
  '-Infinity',
  'null',
  'undefined',
  'true',
  '0x10',
  '0b1',
  '1_000',
  '１２３',
  '٣',
  '२',
  '1,000',
  ' 5 ',
  '5\n',
  '99999999999999999999',
  '2100000000000001',
  '00000000000000001',
  '9007199254740993',
  '-0',
  '+5',
  '1e309',
  '2026-13-45T99:99:99Z',
  '0000-00-00T00:00:00Z',
  '9999-12-31T23:59:59.999+99:99',
  '+275760-09-13T00:00:00Z',
  '2026-11-21T12:00:00',
  '2026-11-21',
  'Sat, 21 Nov 2026 12:00:00 GMT',
  'javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'https://lsp.example/',
  'http://[::1',
  '//evil.example',
  'https://user:pass@lsp.example/',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '../../etc/passwd',
  '%00',
  '%2e%2e%2f',
  '${jndi:ldap://x}',
  "'; DROP TABLE orders; --",
  '<img src=x onerror=alert(1)>',
  'bitcoin:',
  'bitcoin:bcrt1q?amount=1e3',
  'bitcoin:bcrt1q?amount=0.000000001',
  'bitcoin:bcrt1q?amount=99999999',
  'bitcoin:%E0%A4%A',
  'BITCOIN:BC1Q?AMOUNT=1',
  'lnbc1',
  'lnbcrt1p',
  'lno1',
  'lnurl1',
  'CREATED',
  'COMPLETED',
  'FAILED',
  'PENDING',
  'Succeeded',
  'OPENED',
  'REFUNDED',
  'UNDER_FUNDED',
  'HOLD',
  'PAID',
  'ALREADY_OPEN',
  'UNSUPPORTED',
  'created',
  'ﬀ',
  'İ',
  'ß',
]
const CHARACTERS = [
  '\u0000',
  '\u0007',
  '\n',
  '\r\n',
  '\u001b[31m',
  '\u007f',
  '\u0085',
  '\u00ad',
  '\u200b',
  '\u200f',
  '\u202e',
  '\u2028',
  '\u2029',
  '\u2066',
  '\ufeff',
  '\ufffe',
  '\ud800',
  '\udc00',
  '\ue000',
  '\u{e0001}',
  '\u{1f4a9}',
  'a\u0301\u0301\u0301',
  '<',
  '"',
  '\\',
  '\u0130',
]
const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'toJSON',
  'then',
  'hasOwnProperty',
  'length',
  '0',
  '',
  'error',
  'result',
  'options',
  'message',
  'detail',
  'data',
  'code',
  '\u0000',
  'pаyment',
]
/** More of anything than an answer has; the texts of most of these are a few kilobytes at most. */
const REPEATS = [2, 10, 500, 2_000]
const DEPTHS = [5, 31, 33, 100, 5_000]

type Mutation = (slot: { value: Json }, random: Random, others: readonly Json[]) => void

const poison = (random: Random): Json => {
  const value: Json = {
    kind: 'object',
    entries: [
      { key: random.pick(['polluted', 'fee_total_sat', 'state', 'toString', 'success', 'error']), value: odd(random) },
    ],
  }
  return random.chance(0.5) ? value : { kind: 'object', entries: [{ key: 'prototype', value }] }
}

function odd(random: Random): Json {
  const kind = random.below(8)
  if (kind < 3) return raw(random.pick(NUMBERS))
  if (kind < 6) return string(random.pick(TEXTS))
  return random.chance(0.5)
    ? raw(random.pick(['null', 'true', 'false']))
    : random.chance(0.5)
      ? { kind: 'array', items: [] }
      : { kind: 'object', entries: [] }
}

const MUTATIONS: readonly Mutation[] = [
  // Another type, another bound.
  (slot, random) => void (slot.value = odd(random)),
  (slot, random) => {
    const { value } = slot
    if (value.kind === 'text') slot.value = raw(/^-?\d{1,30}$/.test(value.text) ? value.text : random.pick(NUMBERS))
    else if (value.kind === 'raw') slot.value = string(value.raw)
  },
  (slot) => void (slot.value = { kind: 'array', items: [slot.value] }),
  (slot, random) => void (slot.value = { kind: 'object', entries: [{ key: random.pick(KEYS), value: slot.value }] }),
  // Keys that are missing, doubled, strange.
  ({ value }, random) => {
    if (value.kind === 'object' && value.entries.length > 0) value.entries.splice(random.below(value.entries.length), 1)
    if (value.kind === 'array' && value.items.length > 0) value.items.splice(random.below(value.items.length), 1)
  },
  ({ value }, random) => {
    if (value.kind === 'object' && value.entries.length > 0)
      value.entries.splice(random.below(value.entries.length + 1), 0, {
        key: random.pick(value.entries).key,
        value: odd(random),
      })
  },
  ({ value }, random) => {
    if (value.kind === 'object' && value.entries.length > 0) random.pick(value.entries).key = random.pick(KEYS)
  },
  ({ value }, random) => {
    if (value.kind === 'object')
      value.entries.splice(random.below(value.entries.length + 1), 0, {
        key: random.pick(KEYS),
        value: random.chance(0.7) ? poison(random) : odd(random),
      })
  },
  // Texts: invisible characters, tricks of Unicode, length.
  (slot, random) => {
    const { value } = slot
    if (value.kind !== 'text') return
    const at = random.below(value.text.length + 1)
    slot.value = string(
      value.text.slice(0, at) + random.pick(CHARACTERS).repeat(random.pick([1, 1, 3, 200])) + value.text.slice(at),
    )
  },
  (slot, random) => {
    if (slot.value.kind === 'text')
      slot.value = string((slot.value.text || 'x').repeat(random.pick(REPEATS)).slice(0, 60_000))
  },
  (slot, random) => {
    if (slot.value.kind === 'text')
      slot.value = string(random.chance(0.5) ? slot.value.text.toUpperCase() : slot.value.text.toLowerCase())
  },
  // Depth and width.
  (slot, random) => {
    const depth = random.chance(0.1) ? random.pick(DEPTHS) : random.pick([5, 31, 33])
    const [open, close] = random.pick([
      ['[', ']'],
      ['{"a":', '}'],
      ['{"__proto__":', '}'],
      ['{"error":', '}'],
    ] as const)
    slot.value = raw(open.repeat(depth) + '1' + close.repeat(depth))
  },
  ({ value }, random) => {
    if (value.kind !== 'array' || value.items.length === 0) return
    const item = random.pick(value.items)
    if (write(item).length < 500)
      value.items.push(...Array.from({ length: random.pick([1, 3, 3, 1_200]) }, () => copy(item)))
  },
  // Something that stands elsewhere, here or in another answer.
  (slot, random, others) => {
    const from = slots({ value: copy(random.pick(others)) })
    slot.value = random.pick(from).value
  },
]

/** The same answer, with some of it otherwise. */
export function mutate(document: Json, random: Random, others: readonly Json[]): Json {
  const root = { value: copy(document) }
  // Many mutations are refused at the first; few find what lies behind it.
  const times = random.pick([0, 1, 1, 1, 2, 2, 3, 6])
  for (let time = 0; time < times; time++) random.pick(MUTATIONS)(random.pick(slots(root)), random, others)
  return root.value
}

/** Bytes that are lost, doubled or turned on their way. */
export function damage(text: string, random: Random): string {
  const at = random.below(text.length + 1)
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random.below(20))
    case 2:
      return (
        text.slice(0, at) +
        random.pick([
          '"',
          '{',
          '}',
          '[',
          ']',
          ',',
          ':',
          '\\',
          '\u0000',
          '\\u0000',
          '\\ud800',
          'NaN',
          '-',
          '//',
          '\ufeff',
        ]) +
        text.slice(at)
      )
    case 3:
      return text + text
    case 4:
      return `\ufeff${text}`
    default:
      return `<html>${text.slice(at)}</html>`
  }
}

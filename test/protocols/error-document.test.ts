import { expect, it } from 'vitest'
import { readErrorDocument } from '../../src/protocols/error-document.ts'
import { readCommonRefusal } from '../../src/protocols/refusal.ts'

// Error documents as common servers and frameworks send them.

it.each<[string, unknown, string | null, string | null]>([
  ['a text', 'no', 'no', null],
  ['a list of texts', ['no', 'never'], 'no: never', null],
  ['RFC 9457', { type: 'https://x.example/e', title: 'Bad', status: 400, detail: 'no' }, 'no', null],
  ['RFC 9457 without a detail', { type: 'about:blank', title: 'Bad', status: 400 }, 'Bad', null],
  [
    'RFC 9457 with errors',
    { title: 'Bad', errors: [{ detail: 'too odd', pointer: '#/lsp_balance_sat' }] },
    'too odd',
    'lspBalanceSat',
  ],
  ['FastAPI', { detail: [{ loc: ['body', 'token', 0], msg: 'no', type: 'x' }] }, 'no', 'tokens'],
  [
    'FastAPI about the whole body',
    { detail: [{ loc: ['body'], msg: 'Field required', type: 'x' }] },
    'Field required',
    null,
  ],
  [
    'NestJS',
    { statusCode: 400, message: ['public_key must be a string'], error: 'Bad Request' },
    'public_key must be a string',
    'clientPubkey',
  ],
  [
    'Laravel',
    { message: 'Invalid.', errors: { lsp_balance_sat: ['too small'] } },
    'Invalid.: too small',
    'lspBalanceSat',
  ],
  ['ASP.NET', { title: 'One or more', status: 400, errors: { '$.token': ['no'] } }, 'no', 'tokens'],
  ['an unknown field, which may be a secret', { errors: { s3cret: ['no'] } }, 'no', null],
  ['Django', { lsp_balance_sat: ['too odd'] }, 'too odd', 'lspBalanceSat'],
  ['mongoose', { errors: { public_key: { message: 'no key', kind: 'user' } } }, 'no key', 'clientPubkey'],
  [
    'JSON:API',
    { errors: [{ title: 'Bad', detail: 'no', source: { pointer: '/data/attributes/token' } }] },
    'no',
    'tokens',
  ],
  [
    'GraphQL',
    { data: null, errors: [{ message: 'no', path: ['createOrder', 'lsp_balance_sat'] }] },
    'no',
    'lspBalanceSat',
  ],
  ['OAuth', { error: 'invalid_token', error_description: 'the key is gone' }, 'the key is gone', null],
  ['OAuth without a description', { error: 'invalid_token' }, 'invalid_token', null],
  ['LUD-06', { status: 'ERROR', reason: 'no' }, 'no', null],
  [
    'Ajv',
    { errors: [{ instancePath: '/channel_expiry_blocks', message: 'must be integer' }] },
    'must be integer',
    'channelExpiryBlocks',
  ],
  ['Spring', { timestamp: 'x', status: 400, error: 'Bad Request', path: '/create_order' }, 'Bad Request', null],
  ['publsp', { code: 0, error_message: 'no' }, 'no', null],
  ['a code alone', { code: 'SOLD_OUT' }, 'SOLD_OUT', null],
  ['a number alone', { code: 7 }, null, null],
  [
    'the draft’s name of a field',
    { message: 'remote_balance: too small' },
    'remote_balance: too small',
    'lspBalanceSat',
  ],
  [
    'a longer name that holds a known one',
    { message: 'my_lsp_balance_sat_x is odd' },
    'my_lsp_balance_sat_x is odd',
    null,
  ],
  ['one sentence twice', { message: 'no', error: { message: 'no' }, detail: 'no' }, 'no', null],
  ['nothing', {}, null, null],
  ['null', null, null, null],
  ['a mirrored request', { lsp_balance_sat: 5, public_key: null }, null, null],
])('%s', (_what, body, message, property) => {
  expect(readErrorDocument(body)).toEqual({ message, property })
})

it('a document nested without end is left at its fourth level', () => {
  let body: unknown = 'deep'
  for (let depth = 0; depth < 30; depth += 1) body = { error: body }
  expect(readErrorDocument(body)).toEqual({ message: null, property: null })
})

it.each([
  { order_id: 'a', order_state: 'FAILED', error: 'peer offline' },
  { id: 'a', state: 'CREATED', errors: ['odd'] },
  { payment: { bolt11: {} }, error: 'odd' },
  { error: null, detail: 'x' },
  { errors: [] },
  { result: { order_id: 'a' }, error: 'odd' },
  { status: 'ok', reason: 'because' },
  { message: 'welcome' },
])('under a status of success, %j is no refusal', (body) => {
  expect(readCommonRefusal(200, body)).toBeNull()
})

it.each<[unknown, string, 'none' | 'unknown']>([
  [{ status: 'ERROR', reason: 'too many orders' }, 'RATE_LIMITED', 'none'],
  [{ status: 'error', reason: 'sold out' }, 'INVALID_REQUEST', 'unknown'],
  [{ success: false, message: 'order not found' }, 'NOT_FOUND', 'none'],
  [{ error: true }, 'INVALID_REQUEST', 'unknown'],
  [{ errors: { lsp_balance_sat: ['too small'] } }, 'OPTION_MISMATCH', 'none'],
])('under a status of success, %j refuses, and proves no more than its words', (body, code, effect) => {
  expect(readCommonRefusal(200, body)).toMatchObject({ code, effect })
})

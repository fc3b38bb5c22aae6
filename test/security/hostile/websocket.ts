// Sockets of somebody who does not mean well: what is sent after the handshake, and the code with which the socket
// is closed; null: it lives.

export interface HostileSocket {
  name: string
  /** Default: the one that is spoken here. */
  protocols?: readonly string[]
  /** Whether the client shows its key first. */
  isReady: boolean
  /** Texts and binary messages; or, as `frame`, bytes of the protocol below. */
  send: readonly (string | Uint8Array | { frame: number[] })[]
  close: number | null
}

const stranger = (name: string, close: number | null, ...send: HostileSocket['send']): HostileSocket => ({
  name,
  isReady: false,
  send,
  close,
})
const client = (name: string, close: number | null, ...send: HostileSocket['send']): HostileSocket => ({
  name,
  isReady: true,
  send,
  close,
})
const subscribe = (id: unknown, query: unknown = '{ __typename }') =>
  JSON.stringify({ id, type: 'subscribe', payload: { query } })
const frame = (...bytes: number[]) => ({ frame: bytes })
/** A frame as a client's has to be: masked, here with zeros. */
const masked = (opcode: number, ...payload: number[]) => frame(opcode, 0x80 | payload.length, 0, 0, 0, 0, ...payload)

const NOT_MESSAGES = [
  '',
  ' ',
  'null',
  '1',
  '"a"',
  '[]',
  '{}',
  '{',
  'hello',
  '{"type":null}',
  '{"type":1}',
  '{"type":"nothing"}',
  '{"type":"start","id":"1"}',
  '{"type":"connection_terminate"}',
  '{"type":"__proto__"}',
  '{"__proto__":{"type":"ping"}}',
  '{"type":["subscribe"]}',
  '\u0000',
  '['.repeat(8_000),
]

const NOT_SUBSCRIPTIONS: readonly [string, string][] = [
  ['without an id', '{"type":"subscribe","payload":{"query":"{__typename}"}}'],
  ['with an empty id', '{"type":"subscribe","id":"","payload":{"query":"{__typename}"}}'],
  ['with an id that is a number', '{"type":"subscribe","id":1,"payload":{"query":"{__typename}"}}'],
  ['with an id that is an object', '{"type":"subscribe","id":{},"payload":{"query":"{__typename}"}}'],
  ['without a payload', '{"type":"subscribe","id":"1"}'],
  ['whose payload is text', '{"type":"subscribe","id":"1","payload":"{__typename}"}'],
  ['whose payload is a list', '{"type":"subscribe","id":"1","payload":[{"query":"{__typename}"}]}'],
  ['whose document is none', '{"type":"subscribe","id":"1","payload":{"query":1}}'],
  ['whose variables are text', '{"type":"subscribe","id":"1","payload":{"query":"{__typename}","variables":"x"}}'],
  ['whose extensions are text', '{"type":"subscribe","id":"1","payload":{"query":"{__typename}","extensions":"x"}}'],
  [
    'whose operation name is an object',
    '{"type":"subscribe","id":"1","payload":{"query":"{__typename}","operationName":{}}}',
  ],
]

export const HOSTILE_SOCKETS: readonly HostileSocket[] = [
  ...NOT_MESSAGES.map((text) => stranger(`a message that is none: ${JSON.stringify(text.slice(0, 40))}`, 4400, text)),
  ...NOT_SUBSCRIPTIONS.map(([name, text]) => client(`a subscription ${name}`, 4400, text)),
  stranger('an operation before the greeting', 4401, subscribe('1')),
  stranger('a greeting without a key', 4403, '{"type":"connection_init"}'),
  stranger(
    'a greeting with a key that is an object',
    4403,
    '{"type":"connection_init","payload":{"authorization":{"toString":"Bearer x"}}}',
  ),
  stranger(
    'a greeting with a key of 7 kB',
    4403,
    JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${'x'.repeat(7_000)}` } }),
  ),
  stranger(
    'a greeting with a key of 60 kB',
    4429,
    JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${'x'.repeat(60_000)}` } }),
  ),
  stranger(
    'a greeting with __proto__',
    4403,
    '{"type":"connection_init","payload":{"__proto__":{"authorization":"Bearer x"}}}',
  ),
  stranger('a greeting that is a list', 4400, '{"type":"connection_init","payload":[]}'),
  stranger('pings without end before the greeting', 4429, ...Array.from({ length: 1_000 }, () => '{"type":"ping"}')),
  stranger('pongs without end before the greeting', 4429, ...Array.from({ length: 1_000 }, () => '{"type":"pong"}')),
  stranger(
    'pings of the protocol below without end before the greeting',
    4429,
    ...Array.from({ length: 1_000 }, () => masked(0x89)),
  ),
  client('a second greeting', 4429, '{"type":"connection_init"}'),
  client(
    'an id that is taken',
    4409,
    subscribe('1', 'subscription { events { id } }'),
    subscribe('1', 'subscription { events { id } }'),
  ),
  client('ids of objects', null, subscribe('__proto__'), subscribe('constructor'), subscribe('toString')),
  client('an id of 60 kB', 4400, subscribe('x'.repeat(60_000))),
  client('a list that is deeper than the stack', 4400, '['.repeat(30_000)),
  client(
    'the end of what never began',
    null,
    '{"type":"complete","id":"nothing"}',
    '{"type":"complete","id":"__proto__"}',
  ),
  client(
    'the end before the beginning is over',
    null,
    subscribe('1', 'subscription { events { id } }'),
    '{"type":"complete","id":"1"}',
    '{"type":"complete","id":"1"}',
  ),
  client(
    'a thousand beginnings and ends',
    null,
    ...Array.from({ length: 500 }, (_, id) => [
      subscribe(String(id), 'subscription { events { id } }'),
      JSON.stringify({ id: String(id), type: 'complete' }),
    ]).flat(),
  ),
  client('five hundred pings', null, ...Array.from({ length: 500 }, () => '{"type":"ping","payload":{"a":1}}')),
  client('five hundred pongs', null, ...Array.from({ length: 500 }, () => '{"type":"pong"}')),
  client('what only a server says', 4400, '{"type":"next","id":"1","payload":{}}'),
  client('a message of one byte too many', 1009, 'x'.repeat(64 * 1024 + 1)),
  client('a message of a megabyte', 1009, 'x'.repeat(1_000_000)),
  client(
    'a message in a thousand pieces, too large together',
    1009,
    frame(0x01, 0xfe, 0x7f, 0xff, 0, 0, 0, 0, ...Array.from({ length: 0x7fff }, () => 0x20)),
    ...Array.from({ length: 2 }, () =>
      frame(0x00, 0xfe, 0x7f, 0xff, 0, 0, 0, 0, ...Array.from({ length: 0x7fff }, () => 0x20)),
    ),
  ),
  client(
    'a length of nine exabytes',
    1009,
    frame(0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0),
  ),
  client('binary noise', 4400, new Uint8Array([0, 1, 2, 253, 254, 255])),
  client('a frame without a mask', 1002, frame(0x81, 0x02, 0x7b, 0x7d)),
  client('a frame of a kind that does not exist', 1002, masked(0x83, 0x61)),
  client('a frame with reserved bits', 1002, masked(0xf1, 0x61)),
  client('a compressed frame that nobody agreed to', 1002, masked(0xc1, 0x61)),
  client('a continuation of nothing', 1002, masked(0x80, 0x61)),
  client('a ping in pieces', 1002, masked(0x09, 0x61)),
  client(
    'a ping of 126 bytes',
    1002,
    frame(0x89, 0xfe, 0, 126, 0, 0, 0, 0, ...Array.from({ length: 126 }, () => 0x61)),
  ),
  client('text that is no UTF-8', 1007, masked(0x81, 0xff, 0xfe)),
  client('a close with a code that may not be', 1002, masked(0x88, 0x03, 0xed)),
  client('a close of one byte', 1002, masked(0x88, 0x03)),
  client('a close with a reason that is no UTF-8', 1007, masked(0x88, 0x03, 0xe8, 0xff)),
  // We close with 4406; a client that named a subprotocol leaves before, since it got none of its own.
  { name: 'an old subprotocol', protocols: ['graphql-ws'], isReady: false, send: [], close: 1006 },
  { name: 'a subprotocol that does not exist', protocols: ['soap'], isReady: false, send: [], close: 1006 },
  { name: 'no subprotocol', protocols: [], isReady: false, send: [], close: 4406 },
  {
    name: 'a hundred subprotocols',
    protocols: Array.from({ length: 100 }, (_, index) => `p${index}`),
    isReady: false,
    send: [],
    close: 1006,
  },
]

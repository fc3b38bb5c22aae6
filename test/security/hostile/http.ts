// Requests of somebody who does not mean well, below GraphQL. Each is bytes, and the status that answers it; null:
// the connection is closed without one.

export interface RawRequest {
  name: string
  bytes: string
  status: number | null
}

const raw = (name: string, status: number | null, ...lines: string[]): RawRequest => ({
  name,
  status,
  bytes: `${lines.join('\r\n')}\r\n\r\n`,
})
const HOST = 'Host: localhost'
const CLOSE = 'Connection: close'
const BODY = '{"query":"{__typename}"}'
const post = (name: string, status: number | null, headers: string[], body = BODY): RawRequest => ({
  name,
  status,
  bytes: `POST /graphql HTTP/1.1\r\n${[HOST, CLOSE, ...headers].join('\r\n')}\r\n\r\n${body}`,
})
const JSON_TYPE = 'Content-Type: application/json'
const length = (body: string) => `Content-Length: ${Buffer.byteLength(body)}`

const NOT_HTTP: RawRequest[] = [
  { name: 'noise', bytes: '\u0000\u0001\u0002\u0003\u00ff\u00fe'.repeat(50), status: 400 },
  { name: 'a TLS greeting', bytes: '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003', status: 400 },
  { name: 'SSH', bytes: 'SSH-2.0-OpenSSH_9.6\r\n', status: 400 },
  { name: 'SMTP', bytes: 'EHLO evil.example\r\n', status: 400 },
  { name: 'HTTP/2 without having been asked', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 400 },
  { name: 'Redis', bytes: '*1\r\n$4\r\nPING\r\n', status: 400 },
  { name: 'JSON and no more', bytes: BODY, status: 400 },
  { name: 'empty lines for ever', bytes: '\r\n'.repeat(9_000), status: null },
]

const REQUEST_LINES: RawRequest[] = [
  raw('no version, as in HTTP/0.9', 401, 'GET /graphql', HOST),
  raw('a version that does not exist', 400, 'GET /graphql HTTP/9.9', HOST),
  raw('HTTP/0.9', 401, 'GET /graphql HTTP/0.9', HOST),
  raw('a method that does not exist', 400, 'BREW /graphql HTTP/1.1', HOST, CLOSE),
  raw('a method in small letters', 400, 'get /graphql HTTP/1.1', HOST, CLOSE),
  raw('a method with a line break in it', 400, 'GE\rT /graphql HTTP/1.1', HOST, CLOSE),
  raw('a path with a space', 400, 'GET /graphql ?query={__typename} HTTP/1.1', HOST, CLOSE),
  raw('a path with a zero byte', 400, 'GET /graphql\u0000 HTTP/1.1', HOST, CLOSE),
  raw('a path of 20 kB', 431, `GET /${'a'.repeat(20_000)} HTTP/1.1`, HOST, CLOSE),
  raw('a path that climbs', 404, 'GET /graphql/../../etc/passwd HTTP/1.1', HOST, CLOSE),
  raw('a path that climbs in code', 404, 'GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1', HOST, CLOSE),
  raw('a path that is no code', 404, 'GET /%zz%%% HTTP/1.1', HOST, CLOSE),
  raw('a star', 400, 'OPTIONS * HTTP/1.1', HOST, CLOSE),
  raw('two slashes', 404, 'GET //evil.example/graphql HTTP/1.1', HOST, CLOSE),
  raw('a whole address of somebody else', 404, 'GET http://evil.example/nothing HTTP/1.1', HOST, CLOSE),
  raw('an address of a file', 404, 'GET file:///etc/passwd HTTP/1.1', HOST, CLOSE),
  raw('a connection to somebody else', null, 'CONNECT evil.example:443 HTTP/1.1', HOST),
  raw('a trace', 405, 'TRACE /graphql HTTP/1.1', HOST, CLOSE),
  raw('a deletion', 405, 'DELETE /graphql HTTP/1.1', HOST, CLOSE),
  raw('a put', 405, 'PUT /graphql HTTP/1.1', HOST, CLOSE, 'Content-Length: 0'),
  raw('a patch', 405, 'PATCH /graphql HTTP/1.1', HOST, CLOSE, 'Content-Length: 0'),
  raw('a search', 405, 'PROPFIND /graphql HTTP/1.1', HOST, CLOSE),
]

const HEADERS: RawRequest[] = [
  raw('no Host', 400, 'GET /health HTTP/1.1', CLOSE),
  raw('two Hosts', 400, 'GET /health HTTP/1.1', HOST, 'Host: evil.example', CLOSE),
  raw('a Host that is none', 400, 'GET /graphql?query={__typename} HTTP/1.1', 'Host: a b', CLOSE),
  raw('a Host with a path', 400, 'GET /graphql HTTP/1.1', 'Host: localhost/../x:99999', CLOSE),
  raw('a header without a colon', 400, 'GET /health HTTP/1.1', HOST, 'nothing', CLOSE),
  raw('a header whose name is empty', 400, 'GET /health HTTP/1.1', HOST, ': x', CLOSE),
  raw('a header whose name has a space', 400, 'GET /health HTTP/1.1', HOST, 'X Y: z', CLOSE),
  raw(
    'a header with a space before its colon',
    400,
    'GET /health HTTP/1.1',
    HOST,
    'Transfer-Encoding : chunked',
    CLOSE,
  ),
  raw('a header that is folded', 400, 'GET /health HTTP/1.1', HOST, 'X: a', ' b', CLOSE),
  raw('a header with a zero byte', 400, 'GET /health HTTP/1.1', HOST, 'X: a\u0000b', CLOSE),
  raw('a header with a carriage return alone', 400, 'GET /health HTTP/1.1', HOST, 'X: a\rSet-Cookie: b=c', CLOSE),
  raw('a header of 20 kB', 431, 'GET /health HTTP/1.1', HOST, `X: ${'a'.repeat(20_000)}`, CLOSE),
  // Older releases of Node.js leave out what is too much, newer ones refuse it.
  raw(
    'five hundred headers',
    Number(process.versions.node.split('.')[0]) >= 22 ? 431 : 200,
    'GET /health HTTP/1.1',
    CLOSE,
    HOST,
    ...Array.from({ length: 500 }, (_, index) => `X${index}: y`),
  ),
  raw(
    'five thousand headers',
    431,
    'GET /health HTTP/1.1',
    CLOSE,
    HOST,
    ...Array.from({ length: 5_000 }, (_, index) => `X${index}: y`),
  ),
  raw('a header called __proto__', 200, 'GET /health HTTP/1.1', HOST, '__proto__: x', 'constructor: y', CLOSE),
  raw('an expectation that nobody can meet', 417, 'GET /health HTTP/1.1', HOST, 'Expect: miracles', CLOSE),
  raw('an upgrade to nothing', 400, 'GET /graphql HTTP/1.1', HOST, 'Connection: Upgrade', 'Upgrade: nothing'),
  raw(
    'an upgrade to HTTP/2',
    400,
    'GET /graphql HTTP/1.1',
    HOST,
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
  ),
  raw(
    'an Accept that is nonsense',
    406,
    'GET /graphql?query={__typename} HTTP/1.1',
    HOST,
    'Accept: nonsense/\u00ff;q=NaN',
    CLOSE,
  ),
  raw(
    'an Accept of ten thousand types',
    406,
    'GET /graphql?query={__typename} HTTP/1.1',
    HOST,
    `Accept: ${'a/b,'.repeat(3_500)}`,
    CLOSE,
  ),
  raw(
    'an Authorization of nothing',
    401,
    'GET /graphql?query={__typename} HTTP/1.1',
    HOST,
    'Accept: application/json',
    'Authorization:',
    CLOSE,
  ),
  raw(
    'an Authorization in another way',
    401,
    'GET /graphql?query={__typename} HTTP/1.1',
    HOST,
    'Accept: application/json',
    'Authorization: Basic YWRtaW46YWRtaW4=',
    CLOSE,
  ),
  raw(
    'two Authorizations',
    401,
    'GET /graphql?query={__typename} HTTP/1.1',
    HOST,
    'Accept: application/json',
    'Authorization: Bearer a',
    'Authorization: Bearer b',
    CLOSE,
  ),
  raw(
    'an Authorization of 15 kB',
    401,
    'GET /graphql?query={__typename} HTTP/1.1',
    HOST,
    'Accept: application/json',
    `Authorization: Bearer ${'a'.repeat(15_000)}`,
    CLOSE,
  ),
  raw(
    'a token of many parts',
    401,
    'GET /graphql?query={__typename} HTTP/1.1',
    HOST,
    'Accept: application/json',
    `Authorization: Bearer ${'a.'.repeat(5_000)}`,
    CLOSE,
  ),
  raw(
    'a request id with a line break in code',
    401,
    'GET /graphql?query={__typename} HTTP/1.1',
    HOST,
    'Accept: application/json',
    'X-Request-Id: a%0d%0aSet-Cookie: x',
    CLOSE,
  ),
  raw(
    'X-Forwarded-For of ten thousand',
    401,
    'GET /graphql?query={__typename} HTTP/1.1',
    HOST,
    'Accept: application/json',
    `X-Forwarded-For: ${'1.1.1.1,'.repeat(1_900)}`,
    CLOSE,
  ),
]

const BODIES: RawRequest[] = [
  post('no length and no chunks', 411, [JSON_TYPE]),
  post('a length that is no number', 400, [JSON_TYPE, 'Content-Length: many']),
  post('a length below nothing', 400, [JSON_TYPE, 'Content-Length: -1']),
  post('a length in hexadecimal', 400, [JSON_TYPE, 'Content-Length: 0x18']),
  post('a length that overflows', 400, [JSON_TYPE, 'Content-Length: 99999999999999999999999']),
  post('two lengths', 400, [JSON_TYPE, 'Content-Length: 24', 'Content-Length: 25']),
  post('a length and chunks', 400, [JSON_TYPE, 'Content-Length: 24', 'Transfer-Encoding: chunked']),
  post('chunks', 411, [JSON_TYPE, 'Transfer-Encoding: chunked'], '18\r\n{"query":"{__typename}"}\r\n0\r\n\r\n'),
  post('chunks whose length is no number', 411, [JSON_TYPE, 'Transfer-Encoding: chunked'], 'zz\r\n{}\r\n0\r\n\r\n'),
  post('an unknown way of sending', 411, [JSON_TYPE, 'Transfer-Encoding: cow']),
  post('a gigabyte, announced', 413, [JSON_TYPE, 'Content-Length: 1073741824'], '{'),
  post('one byte too many', 413, [JSON_TYPE, 'Content-Length: 100001'], '{'),
  post('a longer body than announced', 400, [JSON_TYPE, 'Content-Length: 5'], '{"a":1}'),
  post('a body in gzip', 401, [JSON_TYPE, 'Content-Encoding: gzip', length(BODY)]),
  post(
    'a form',
    415,
    ['Content-Type: application/x-www-form-urlencoded', length('query={__typename}')],
    'query={__typename}',
  ),
  post('a form of parts', 415, ['Content-Type: multipart/form-data; boundary=x', length('--x--')], '--x--'),
  post('text', 415, ['Content-Type: text/plain', length(BODY)]),
  post('a document', 415, ['Content-Type: application/graphql', length('{__typename}')], '{__typename}'),
  post('no type', 415, [length(BODY)]),
  post('an empty type', 415, ['Content-Type:', length(BODY)]),
  post('a type that only begins like JSON', 415, ['Content-Type: application/jsonx', length(BODY)]),
  post('a type of types', 415, ['Content-Type: text/plain, application/json', length(BODY)]),
  post(
    'XML',
    415,
    ['Content-Type: application/xml', length('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>')],
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
  ),
  post('an upload', 415, ['Content-Type: application/octet-stream', length('\u0000')], '\u0000'),
]

/** Smuggled: a second request where a proxy may see none. The second is answered for itself, or not at all. */
const SMUGGLED: RawRequest[] = [
  {
    name: 'a request behind a body',
    status: 401,
    bytes: `POST /graphql HTTP/1.1\r\n${HOST}\r\n${JSON_TYPE}\r\n${length(BODY)}\r\n\r\n${BODY}GET /metrics HTTP/1.1\r\n${HOST}\r\n${CLOSE}\r\n\r\n`,
  },
  {
    name: 'a request within chunks',
    status: 411,
    bytes: `POST /graphql HTTP/1.1\r\n${HOST}\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n${HOST}\r\n${CLOSE}\r\n\r\n`,
  },
  {
    name: 'a thousand requests at once',
    status: 200,
    bytes: `${`GET /health HTTP/1.1\r\n${HOST}\r\n\r\n`.repeat(999)}GET /health HTTP/1.1\r\n${HOST}\r\n${CLOSE}\r\n\r\n`,
  },
]

export const RAW_REQUESTS: readonly RawRequest[] = [...NOT_HTTP, ...REQUEST_LINES, ...HEADERS, ...BODIES, ...SMUGGLED]

/** Bytes that come one by one, or never: each holds a connection for as long as it is let. */
export const SLOW_REQUESTS: readonly { name: string; begin: string; every: string; status: number | null }[] = [
  { name: 'nothing at all', begin: '', every: '', status: 408 },
  { name: 'a request line that does not end', begin: 'GET /gra', every: 'a', status: 408 },
  { name: 'headers that do not end', begin: `GET /health HTTP/1.1\r\n${HOST}\r\n`, every: 'X: y\r\n', status: 408 },
  {
    name: 'a body that does not end',
    begin: `POST /graphql HTTP/1.1\r\n${HOST}\r\n${JSON_TYPE}\r\nContent-Length: 50000\r\n\r\n`,
    every: ' ',
    status: 408,
  },
]

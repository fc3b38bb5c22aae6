// Operations of somebody who has a key and does not mean well. Each is a body, and the code that answers it; null:
// it is harmless in the end, and is answered with data.

export interface HostileOperation {
  name: string
  /** The body as it is sent. */
  body: string
  code: string | null
}

const of = (
  name: string,
  code: string | null,
  query: string,
  variables?: unknown,
  more: Record<string, unknown> = {},
): HostileOperation => ({
  name,
  code,
  body: JSON.stringify({ query, ...(variables === undefined ? {} : { variables }), ...more }),
})
const body = (name: string, code: string | null, text: string): HostileOperation => ({ name, code, body: text })
const times = (count: number, text: string | ((index: number) => string)) =>
  Array.from({ length: count }, (_, index) => (typeof text === 'string' ? text : text(index))).join(' ')

const PARSE = 'GRAPHQL_PARSE_FAILED'
const VALID = 'GRAPHQL_VALIDATION_FAILED'
const INPUT = 'BAD_USER_INPUT'
const LARGE = 'OPERATION_TOO_LARGE'
const REQUEST = 'BAD_REQUEST'
const CHOICE = 'OPERATION_RESOLUTION_FAILURE'
const QUOTES = 'query ($r: ChannelRequestInput!) { quotes(request: $r, firm: NEVER) { elapsedMs } }'
const KEY = `02${'ab'.repeat(32)}`

const NOT_JSON: HostileOperation[] = [
  ...[
    '',
    '{',
    '[',
    '"',
    'nul',
    '{"query":',
    "{'query':'{__typename}'}",
    '{query:1}',
    '<query/>',
    '{"query":"{__typename}",}',
    '\ufeff{"query":"{__typename}"',
    '{"query":"\\u12"}',
    '{"query":"\\x41"}',
    'NaN',
    '{"a":1}{"b":2}',
    '\u0000',
  ].map((text) => body(`a body that is no JSON: ${JSON.stringify(text)}`, REQUEST, text)),
  ...[
    'null',
    'true',
    '1',
    '"{__typename}"',
    '[]',
    '[[]]',
    '[null]',
    '{}',
    '{"query":null}',
    '{"query":1}',
    '{"query":{}}',
    '{"query":[]}',
    '{"query":true}',
    '{"query":""}',
  ].map((text) => body(`a body that is no operation: ${text}`, text === '{"query":""}' ? PARSE : REQUEST, text)),
  body('a list of operations', REQUEST, JSON.stringify(Array.from({ length: 500 }, () => ({ query: '{__typename}' })))),
  body('a list of one', REQUEST, '[{"query":"{__typename}"}]'),
  body('forty thousand brackets', REQUEST, '['.repeat(40_000)),
  body('forty thousand objects', REQUEST, '{"a":'.repeat(19_000)),
  body('brackets that close', REQUEST, `${'['.repeat(45_000)}${']'.repeat(45_000)}`),
  body(
    'variables deeper than the stack',
    VALID,
    `{"query":"query ($a: Nothing) {__typename}","variables":{"a":${'['.repeat(40_000)}${']'.repeat(40_000)}}}`,
  ),
  body(
    'a number of a thousand digits',
    VALID,
    `{"query":"query ($a: Float) {__typename}","variables":{"b":${'9'.repeat(1_000)}}}`,
  ),
  body('a key twenty thousand times', null, `{"query":"{__typename}"${',"operationName":null'.repeat(4_000)}}`),
  body('unknown parameters', REQUEST, '{"query":"{__typename}","admin":true}'),
  body('variables that are a list', REQUEST, '{"query":"{__typename}","variables":[1]}'),
  body('variables that are text', REQUEST, '{"query":"{__typename}","variables":"{}"}'),
  body('extensions that are a list', REQUEST, '{"query":"{__typename}","extensions":[]}'),
  body('extensions that are text', REQUEST, '{"query":"{__typename}","extensions":"x"}'),
  body('an operation name that is a list', CHOICE, '{"query":"query A {__typename}","operationName":["A"]}'),
  body(
    'an operation name that is an object',
    CHOICE,
    '{"query":"query A {__typename}","operationName":{"toString":"A"}}',
  ),
  body('an operation name that is no operation', CHOICE, '{"query":"query A {__typename}","operationName":"B"}'),
  body('two operations and no name', CHOICE, '{"query":"query A {__typename} query B {__typename}"}'),
  body('a document id that is an object', REQUEST, '{"documentId":{}}'),
  body('a document id that nobody knows', 'PERSISTED_QUERY_NOT_SUPPORTED', '{"documentId":"constructor"}'),
  body(
    'a hash of another document',
    'DOCUMENT_MISMATCH',
    '{"query":"{__typename}","extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}',
  ),
  body('a hash that is a number', REQUEST, '{"query":"{__typename}","extensions":{"persistedQuery":{"sha256Hash":1}}}'),
]

const POLLUTION: HostileOperation[] = [
  body('__proto__ in the body', REQUEST, '{"query":"{__typename}","__proto__":{"isAdmin":true}}'),
  body('constructor in the body', REQUEST, '{"query":"{__typename}","constructor":{"prototype":{"isAdmin":true}}}'),
  body('__proto__ in variables', null, '{"query":"{__typename}","variables":{"__proto__":{"polluted":1}}}'),
  body(
    '__proto__ in extensions',
    null,
    '{"query":"{__typename}","extensions":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}',
  ),
  body(
    '__proto__ in an input',
    INPUT,
    `{"query":${JSON.stringify(QUOTES)},"variables":{"r":{"__proto__":{"polluted":1},"clientPubkey":"${KEY}","lspBalanceSat":1}}}`,
  ),
  body(
    'constructor in an input',
    INPUT,
    `{"query":${JSON.stringify(QUOTES)},"variables":{"r":{"constructor":{"prototype":{"polluted":1}},"clientPubkey":"${KEY}","lspBalanceSat":1}}}`,
  ),
  of('a field called __proto__', VALID, '{ __proto__ { polluted } }'),
  of('a field called constructor', VALID, '{ constructor }'),
  of('a field called toString', VALID, '{ lsps { toString hasOwnProperty } }'),
  of('an alias called __proto__', null, '{ __proto__: __typename constructor: __typename toString: __typename }'),
  of('a variable called __proto__', INPUT, 'query ($__proto__: ID = "1") { lsp(id: $__proto__) { id } }'),
  of('a variable called constructor', INPUT, 'query ($constructor: ID!) { lsp(id: $constructor) { id } }'),
  of('a fragment called constructor', null, '{ ...constructor } fragment constructor on Query { __typename }'),
  of('a fragment called __proto__', null, '{ ...__proto__ } fragment __proto__ on Query { __typename }'),
  of('an operation called __proto__', null, 'query __proto__ { __typename }', {}, { operationName: '__proto__' }),
  of(
    'an id called __proto__',
    null,
    '{ lsp(id: "__proto__") { id } order(id: "constructor") { id } quote(id: "__proto__") { id } }',
  ),
]

const DEEP_AND_WIDE: HostileOperation[] = [
  of('990 levels', PARSE, '{ a '.repeat(990)),
  of('450 levels that close', LARGE, `${'{ a '.repeat(450)}${'}'.repeat(450)}`),
  of('lists within lists, 900 deep', VALID, `{ lsp(id: ${'['.repeat(900)}${']'.repeat(900)}) { id } }`),
  of('objects within objects, 400 deep', VALID, `{ lsp(id: ${'{a:'.repeat(400)}1${'}'.repeat(400)}) { id } }`),
  of('types within types, 900 deep', VALID, `query ($a: ${'['.repeat(900)}ID${']'.repeat(900)}) { __typename }`),
  of('inline fragments, 600 deep', null, `{ ${'... {'.repeat(300)} __typename ${'}'.repeat(300)} }`),
  of(
    'orders within events, 30 deep',
    LARGE,
    `{ order(id: "1") { ${'events { nodes { order { '.repeat(30)} id ${'} } }'.repeat(30)} } }`,
  ),
  of('forty thousand tokens', LARGE, `{ ${'a '.repeat(40_000)} }`),
  of('forty thousand commas', null, `{ __typename ${','.repeat(90_000)} }`),
  of('a comment of 90 kB', null, `{ __typename } # ${'x'.repeat(90_000)}`),
  of('a text of 90 kB', null, `{ lsp(id: "${'x'.repeat(90_000)}") { id } }`),
  of('a name of 90 kB', VALID, `{ ${'x'.repeat(90_000)} }`),
  of('a number of 90 kB', VALID, `{ orders(first: ${'9'.repeat(90_000)}) { nodes { id } } }`),
  of('490 times one list', LARGE, `{ ${times(490, 'lsps{id}')} }`),
  of('1900 times one leaf', LARGE, `{ lsps { ${times(1_900, 'id')} } }`),
  of('600 directives', LARGE, `{ __typename ${times(600, '@skip(if: false)')} }`),
  of('200 directives of one name', VALID, `{ __typename ${times(200, '@skip(if: false)')} }`),
  of('300 unknown directives', VALID, `{ __typename ${times(300, (index) => `@a${index}`)} }`),
  of(
    '150 operations',
    LARGE,
    times(150, (index) => `query A${index} { __typename }`),
  ),
  of('90 operations of one name', CHOICE, times(90, 'query A { __typename }')),
  of('300 variables', VALID, `query (${times(300, (index) => `$a${index}: Nothing`)}) { __typename }`),
  of('a thousand aliases', LARGE, `{ ${times(600, (index) => `a${index}: __typename`)} }`),
  of('31 aliases', LARGE, `{ lsps { ${times(31, (index) => `a${index}: id`)} } }`),
  of(
    '25 comparisons',
    LARGE,
    `{ ${times(25, (index) => `a${index}: quotes(request: {clientPubkey: "${KEY}", lspBalanceSat: 1}) { elapsedMs }`)} }`,
  ),
  of(
    'ten mutations',
    LARGE,
    `mutation { ${times(10, (index) => `a${index}: openChannel(input: { orderId: "1" }) { __typename }`)} }`,
  ),
  of(
    'ten mutations of one name',
    LARGE,
    `mutation { ${times(10, 'openChannel(input: { orderId: "1" }) { __typename }')} }`,
  ),
  of(
    'two mutations by a fragment',
    LARGE,
    'mutation { ...A a: openChannel(input: { orderId: "1" }) { __typename } } fragment A on Mutation { b: openChannel(input: { orderId: "1" }) { __typename } }',
  ),
  of('two subscriptions', VALID, 'subscription { events { id } orderUpdated(id: "1") { sequence } }'),
  of('a page of a billion', LARGE, '{ orders(first: 1000000000) { nodes { id } } }'),
  of('a page that is no Int', VALID, '{ orders(first: 100000000000000000000) { nodes { id } } }'),
  of('a page below nothing', INPUT, '{ orders(first: -1) { nodes { id } } }'),
  of('a page in a variable', LARGE, 'query ($n: Int) { orders(last: $n) { nodes { events { nodes { message } } } } }', {
    n: 1_000,
  }),
  of('a page in a default', LARGE, 'query ($n: Int = 1000000) { orders(first: $n) { nodes { id } } }'),
  of(
    'twenty-two thousand ids',
    LARGE,
    'query ($r: ChannelRequestInput!, $ids: [ID!]) { quotes(request: $r, lspIds: $ids) { elapsedMs } }',
    { r: { clientPubkey: KEY, lspBalanceSat: 1 }, ids: Array.from({ length: 22_000 }, () => '1') },
  ),
]

const FRAGMENTS: HostileOperation[] = [
  of('a fragment in itself', VALID, '{ ...A } fragment A on Query { ...A }'),
  of('fragments in each other', VALID, '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }'),
  of(
    'a ring of ninety',
    VALID,
    `{ ...F0 } ${times(90, (index) => `fragment F${index} on Query { ...F${(index + 1) % 90} }`)}`,
  ),
  of(
    'fragments that double',
    LARGE,
    `{ ...F0 } ${times(40, (index) => `fragment F${index} on Query { ...F${index + 1} ...F${index + 1} }`)} fragment F40 on Query { __typename }`,
  ),
  of(
    'fragments that double, with fields',
    LARGE,
    `{ ...F0 } ${times(30, (index) => `fragment F${index} on Query { a${index}: __typename ...F${index + 1} ...F${index + 1} }`)} fragment F30 on Query { __typename }`,
  ),
  of(
    'fragments that triple through lists',
    LARGE,
    `{ order(id: "1") { ...F0 } } ${times(8, (index) => `fragment F${index} on Order { events { nodes { order { ...F${index + 1} ...F${index + 1} ...F${index + 1} } } } }`)} fragment F8 on Order { id }`,
  ),
  of(
    'ninety fragments spread by each other',
    null,
    `{ lsps { ...F0 } } ${times(90, (index) => `fragment F${index} on Lsp { id ${index === 89 ? '' : `...F${index + 1}`} }`)}`,
  ),
  of(
    'fragments that nobody spreads',
    VALID,
    `{ __typename } ${times(90, (index) => `fragment F${index} on Query { __typename }`)}`,
  ),
  of('a fragment that is not there', VALID, '{ ...Nothing }'),
  of('a fragment on nothing', VALID, '{ ... on Nothing { a } }'),
  of('a fragment on a scalar', VALID, '{ lsps { id { ... on ID { x } } } }'),
  of('a fragment that cannot be', VALID, '{ ... on Lsp { id } }'),
  of(
    'a conflict in fragments',
    VALID,
    '{ lsps { ...A ...B } } fragment A on Lsp { x: id } fragment B on Lsp { x: name }',
  ),
]

const INTROSPECTION: HostileOperation[] = [
  of(
    'introspection in a circle',
    VALID,
    `{ __schema { types { ${'fields { type { '.repeat(6)} name ${'} }'.repeat(6)} } } }`,
  ),
  of(
    'introspection thirty times',
    LARGE,
    `{ ${times(20, (index) => `a${index}: __schema { types { fields { args { type { name } } type { fields { name } } } } }`)} }`,
  ),
  of('introspection of nothing', null, '{ __type(name: "Nothing") { name } }'),
  of('introspection of __proto__', null, '{ __type(name: "__proto__") { name } }'),
  of('introspection by a subscription', VALID, 'subscription { __schema { types { name } } }'),
  of('a guess', VALID, '{ lspz { idd } ordres { nodes } adminn }'),
  of('a thousand guesses', VALID, `{ ${times(350, (index) => `lspz${index}`)} }`),
]

const UNICODE: HostileOperation[] = [
  of('a right-to-left override in a name', PARSE, '{ \u202elsps { id } }'),
  of('a letter that looks like another', PARSE, '{ lsps { \u0456d } }'),
  of('a zero-width space', PARSE, '{ ls\u200bps { id } }'),
  of('a lone surrogate', PARSE, '{ lsp(id: "\ud800") { id } }'),
  body('a lone surrogate, escaped', PARSE, '{"query":"{ lsp(id: \\"\\ud800\\") { id } }"}'),
  of('a surrogate by an escape of GraphQL', PARSE, '{ lsp(id: "\\ud800") { id } }'),
  of('an escape beyond Unicode', PARSE, '{ lsp(id: "\\u{110000}") { id } }'),
  of('an escape without an end', PARSE, '{ lsp(id: "\\u{FFFFFFFFFFFF") { id } }'),
  of('a zero byte in a document', PARSE, '{ lsps\u0000 { id } }'),
  of('a zero byte in an id', null, '{ lsp(id: "a\\u0000b") { id } order(id: "\\u0000") { id } }'),
  of('a zero byte in a variable', null, 'query ($id: ID!) { order(id: $id) { id } quote(id: $id) { id } }', {
    id: 'a\u0000b',
  }),
  of('a lone surrogate in a variable', null, 'query ($id: ID!) { order(id: $id) { id } }', { id: '\ud800' }),
  of('letters with a thousand accents', null, 'query ($id: ID!) { lsp(id: $id) { id } }', {
    id: `a${'\u0301'.repeat(1_000)}`,
  }),
  of('a line break of Unicode', PARSE, '{ lsps { id }\u2028}'),
  of('a byte order mark', null, '\ufeff{ __typename }'),
  of('a block text without an end', PARSE, '{ lsp(id: """'),
  of('a flag that is no name', PARSE, '{ 🏴‍☠️ }'),
]

const VALUES: HostileOperation[] = [
  of('SQL in an id', null, `{ order(id: "1'; DROP TABLE orders; --") { id } quote(id: "1 OR 1=1") { id } }`),
  of('SQL in a cursor', INPUT, `{ orders(after: "' OR 1=1 --") { nodes { id } } }`),
  of(
    'a cursor of another kind',
    INPUT,
    `{ orders(after: "${Buffer.from('GPC:S:../../x').toString('base64')}") { nodes { id } } }`,
  ),
  of('a path in an id', null, '{ lsp(id: "../../etc/passwd") { id } }'),
  of('a template in an id', null, '{ lsp(id: "${process.env} {{7*7}} #{1}") { id } }'),
  of('a log line in an id', null, '{ lsp(id: "a\\n{\\"level\\":50,\\"msg\\":\\"forged\\"}") { id } }'),
  of('a script in an id', null, '{ lsp(id: "<script>alert(1)</script>") { id } }'),
  of('a balance that is no number', INPUT, QUOTES, { r: { clientPubkey: KEY, lspBalanceSat: 'NaN' } }),
  of('a balance below nothing', INPUT, QUOTES, { r: { clientPubkey: KEY, lspBalanceSat: -1 } }),
  of('a balance with a fraction', INPUT, QUOTES, { r: { clientPubkey: KEY, lspBalanceSat: 1.5 } }),
  of('a balance beyond all bitcoin', INPUT, QUOTES, { r: { clientPubkey: KEY, lspBalanceSat: 9_007_199_254_740_991 } }),
  of('a balance in powers', INPUT, QUOTES, { r: { clientPubkey: KEY, lspBalanceSat: '1e15' } }),
  of('a balance that is a list', INPUT, QUOTES, { r: { clientPubkey: KEY, lspBalanceSat: [1] } }),
  of('a key that is none', INPUT, QUOTES, { r: { clientPubkey: 'x'.repeat(80_000), lspBalanceSat: 1 } }),
  of('sixty unknown keys beside a large one', INPUT, QUOTES, {
    r: { big: 'x'.repeat(50_000), ...Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`u${index}`, 1])) },
  }),
  of('sixty unknown fields of a long name', VALID, `{ ${times(60, (index) => `f${index}${'x'.repeat(800)}`)} }`),
  of('a key that is not on the curve', INPUT, QUOTES, {
    r: { clientPubkey: `05${'00'.repeat(32)}`, lspBalanceSat: 1 },
  }),
  of(
    'a date that is none',
    INPUT,
    '{ renewalMessage(lspId: "anchor", shortChannelId: "1x1x1", validTo: "9999999-99-99") }',
  ),
  of(
    'an enum as a text',
    VALID,
    `{ quotes(request: {clientPubkey: "${KEY}", lspBalanceSat: 1}, firm: "NEVER") { elapsedMs } }`,
  ),
  of(
    'an enum that is none',
    INPUT,
    'query ($f: FirmPolicy!) { quotes(request: {clientPubkey: "0", lspBalanceSat: 1}, firm: $f) { elapsedMs } }',
    { f: 'constructor' },
  ),
  of('an id of another kind', null, '{ order(id: 1) { id } }'),
  of('an id that is an object', INPUT, 'query ($id: ID!) { order(id: $id) { id } }', { id: { $ne: null } }),
  of('nothing for what is needed', INPUT, 'query ($id: ID!) { order(id: $id) { id } }', { id: null }),
  of(
    'an idempotency key of 50 kB',
    INPUT,
    'mutation ($k: String!) { createOrder(input: {quoteId: "1", idempotencyKey: $k}) { __typename } }',
    { k: 'x'.repeat(50_000) },
  ),
  of(
    'an order of nothing',
    null,
    'mutation { createOrder(input: {quoteId: "__proto__", idempotencyKey: "\\u0000"}) { __typename } }',
  ),
  of(
    'a signature of 5 kB',
    INPUT,
    'mutation ($s: String!) { renewChannel(input: {lspId: "anchor", shortChannelId: "1x1x1", signedMessage: $s, idempotencyKey: "k", term: {validTo: "2030-01-01T00:00:00Z"}}) { __typename } }',
    { s: 'x'.repeat(5_000) },
  ),
  of(
    'a deadline of years',
    INPUT,
    `{ quotes(request: {clientPubkey: "${KEY}", lspBalanceSat: 1}, deadlineMs: 2000000000) { elapsedMs } }`,
  ),
  of('a schema as a document', CHOICE, 'type Query { a: Int }'),
  of('an extension of the schema', VALID, 'extend type Query { a: Int } query { __typename }'),
  of('@defer', VALID, '{ ... @defer { __typename } }'),
]

export const HOSTILE_OPERATIONS: readonly HostileOperation[] = [
  ...NOT_JSON,
  ...POLLUTION,
  ...DEEP_AND_WIDE,
  ...FRAGMENTS,
  ...INTROSPECTION,
  ...UNICODE,
  ...VALUES,
]

import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, loadConfigFile, parseConfig, readEnvironment } from '../src/config.ts'
import { DEFAULT_ACCESS } from '../src/config/access.ts'
import { keysOf, listKeys } from '../src/config/keys.ts'
import { configSchema, type ConfigurableProtocol } from '../src/config/schema.ts'
import { LSP_PROTOCOLS } from '../src/domain/lsp.ts'
import { ADAPTERS } from '../src/protocols/index.ts'
import { configurationReference } from '../scripts/generate-configuration-reference.ts'

const fromRoot = (path: string) => new URL(`../${path}`, import.meta.url)
const EXAMPLE = readFileSync(fromRoot('sluice.example.yaml'), 'utf8')
const SECRET = 'hunter2-s3cr3t'
const PUBKEY = `02${'ab'.repeat(32)}`
const HASH = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'

const PIN = 'sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
const PIN_HEX = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

const PROTOCOLS: readonly ConfigurableProtocol[] = [
  { configName: 'lsps1', protocol: 'LSPS1' },
  { configName: 'thunderstack', protocol: 'THUNDERSTACK', tariff: () => null },
]

type Variables = Record<string, string | undefined>

const parse = (text: string, environment: Variables = {}) => parseConfig(text, environment, 'sluice.yaml', PROTOCOLS)

function mistakes(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('nothing was refused')
}

const mistakesOf = (text: string, environment: Variables = {}) => mistakes(() => parse(text, environment))

/** A file with one LSP; `changes` replaces its lines, null leaves one out, and a new key comes last, from line 7 on. */
function withLsp(changes: Record<string, string | null> = {}, rest = ''): string {
  const lines: Record<string, string | null> = {
    id: 'olympus',
    name: 'Olympus',
    protocol: 'lsps1',
    url: 'https://lsp.example',
    network: 'mainnet',
    ...changes,
  }
  const present = Object.entries(lines).filter(([, value]) => value !== null)
  return `lsps:\n${present.map(([key, value], index) => `${index === 0 ? '  - ' : '    '}${key}: ${value}`).join('\n')}\n${rest}`
}

const lspOf = (changes: Record<string, string | null>, environment: Variables = {}) =>
  parse(withLsp(changes), environment).lsps[0]

describe('a configuration file', () => {
  it('needs no more than an LSP: everything else has a default', () => {
    expect(parse(withLsp())).toEqual({
      lsps: [
        {
          id: 'olympus',
          name: 'Olympus',
          protocol: 'LSPS1',
          url: 'https://lsp.example',
          network: 'MAINNET',
          isRetired: false,
          auth: null,
          authScheme: 'Bearer',
          timeoutMs: 8_000,
          allowInsecure: false,
          allowPrivateAddresses: false,
          pinnedKeySha256: [],
          nodeUris: [],
          website: null,
          courtesy: { maxUnpaidOrders: 5, firmQuotesPerHour: 60, maxStandingOrders: 200 },
          registerJit: false,
          requestsPerMinute: 600,
          estimatesPerMinute: 15,
          tariffFeeRateSatPerVbyte: null,
        },
      ],
      clients: [],
      ...DEFAULT_ACCESS,
      pace: { activeMs: 5_000, idleMs: 3_600_000 },
      leaseReminderDays: 7,
      restoredAt: null,
      startup: { waitSeconds: 30 },
      shutdown: { delaySeconds: null },
      databaseDirectUrl: null,
      graphiql: true,
      logLevel: 'info',
    })
  })

  it('can set everything', () => {
    const text = `
lsps:
  - id: Thunder-1
    name: Thunder ⚡
    protocol: thunderstack
    url: HTTPS://LSP.example:8443/api//
    network: testnet4
    auth: token
    authScheme: none
    timeoutMs: 50
    retired: true
    allowInsecure: true
    allowPrivateAddresses: true
    pinnedKeySha256: '${PIN};sha256//${PIN_HEX.toUpperCase()}'
    nodeUris: ['${PUBKEY}@lsp.example:9735', '${PUBKEY}@[::1]:9735', '${PUBKEY}@abc.onion:1']
    website: https://lsp.example/?about#us
    courtesy: { maxUnpaidOrders: 0, firmQuotesPerHour: 7, maxStandingOrders: 9 }
    registerJit: true
    requestsPerMinute: 600
    estimatesPerMinute: 7
    tariff: { feeRateSatPerVbyte: 1.5 }
clients:
  - name: my-wallet
    keySha256: ${HASH.toUpperCase()}
    expiresAt: 2027-01-31T01:00:00+01:00
    limits: { ordersPerMinute: 5 }
limits: { operationsPerSecond: 7, maxCost: 100 }
jwt: { issuer: 'https://id.example/', audience: sluice, jwksUrl: 'https://id.example/keys', algorithms: [ES256] }
trustedProxies: [10.0.0.0/8, '::1']
allowedOrigins: ['https://Wallet.example', 'http://localhost:3000']
trustedDocuments: { manifest: documents.json, level: only }
pace: { activeMs: 20, idleMs: 20 }
leaseReminderDays: 0
restoredAt: 2026-12-01T09:30:00Z
startup: { waitSeconds: 0 }
shutdown: { delaySeconds: 7 }
databaseDirectUrl: postgres://sluice:secret@db.example:5432/sluice
graphiql: false
logLevel: silent
`
    expect(parse(text)).toEqual({
      lsps: [
        {
          id: 'Thunder-1',
          name: 'Thunder ⚡',
          protocol: 'THUNDERSTACK',
          url: 'https://lsp.example:8443/api',
          network: 'TESTNET4',
          auth: 'token',
          authScheme: 'none',
          timeoutMs: 50,
          isRetired: true,
          allowInsecure: true,
          allowPrivateAddresses: true,
          pinnedKeySha256: [PIN_HEX, PIN_HEX],
          nodeUris: [`${PUBKEY}@lsp.example:9735`, `${PUBKEY}@[::1]:9735`, `${PUBKEY}@abc.onion:1`],
          website: 'https://lsp.example/?about#us',
          courtesy: { maxUnpaidOrders: 0, firmQuotesPerHour: 7, maxStandingOrders: 9 },
          registerJit: true,
          requestsPerMinute: 600,
          estimatesPerMinute: 7,
          tariffFeeRateSatPerVbyte: 1.5,
        },
      ],
      clients: [
        { name: 'my-wallet', keySha256: HASH, expiresAt: Date.UTC(2027, 0, 31), limits: { ordersPerMinute: 5 } },
      ],
      limits: { ...DEFAULT_ACCESS.limits, operationsPerSecond: 7, maxCost: 100 },
      jwt: {
        issuer: 'https://id.example/',
        audience: 'sluice',
        jwksUrl: 'https://id.example/keys',
        algorithms: ['ES256'],
      },
      trustedProxies: ['10.0.0.0/8', '::1'],
      allowedOrigins: ['https://wallet.example', 'http://localhost:3000'],
      trustedDocuments: { manifest: 'documents.json', level: 'only' },
      pace: { activeMs: 20, idleMs: 20 },
      leaseReminderDays: 0,
      restoredAt: Date.parse('2026-12-01T09:30:00Z'),
      startup: { waitSeconds: 0 },
      shutdown: { delaySeconds: 7 },
      databaseDirectUrl: 'postgres://sluice:secret@db.example:5432/sluice',
      graphiql: false,
      logLevel: 'silent',
    })
  })

  it('can name every protocol that Sluice speaks', () => {
    for (const adapter of ADAPTERS) {
      expect(parseConfig(withLsp({ protocol: adapter.configName }), {}, 'sluice.yaml').lsps[0]?.protocol).toBe(
        adapter.protocol,
      )
    }
  })

  it('can share values by an alias', () => {
    const text = withLsp(
      { courtesy: '&c { maxUnpaidOrders: 1 }' },
      '  - { id: b, name: B, protocol: lsps1, url: https://b.example, network: regtest, courtesy: *c }\n',
    )
    expect(parse(text).lsps.map((lsp) => lsp.courtesy.maxUnpaidOrders)).toEqual([1, 1])
  })
})

describe('${NAME}', () => {
  it('is replaced from the environment, alone or within a value', () => {
    const lsp = lspOf(
      { auth: '${TOKEN}', url: 'https://${HOST_NAME}/${PATH_1}' },
      { TOKEN: SECRET, HOST_NAME: 'lsp.example', PATH_1: 'v1' },
    )
    expect(lsp).toMatchObject({ auth: SECRET, url: 'https://lsp.example/v1' })
  })

  it('cannot change the structure of the file by what it holds', () => {
    const name = 'x, auth: y # "{ [ *a &b !c'
    expect(lspOf({ name: '${LSP_NAME}' }, { LSP_NAME: name })).toMatchObject({ name, auth: null })
  })

  it('is not replaced again in what came from the environment', () => {
    expect(lspOf({ name: '${A}' }, { A: '${B}', B: 'no' })?.name).toBe('${B}')
  })

  it('can hold a number, or true and false, where the key wants that', () => {
    const text = withLsp(
      { timeoutMs: '${T}', courtesy: '{ maxUnpaidOrders: "${M}" }', name: '${T}' },
      'graphiql: ${G}\n',
    )
    const config = parse(text, { T: '250', M: '3', G: 'false' })
    expect(config).toMatchObject({
      graphiql: false,
      lsps: [{ timeoutMs: 250, name: '250', courtesy: { maxUnpaidOrders: 3 } }],
    })
  })

  it('stays as it is behind a second $', () => {
    expect(lspOf({ name: '$${NAME} costs $5 {x}' })?.name).toBe('${NAME} costs $5 {x}')
  })

  it('is an error that names the variable, the line and the key when the variable is missing', () => {
    expect(mistakesOf(withLsp({ auth: '${OLYMPUS_TOKEN}' }))).toBe(
      'sluice.yaml:7: lsps[0].auth: the environment has no variable OLYMPUS_TOKEN; set it, or write $${OLYMPUS_TOKEN} for the text itself',
    )
    expect(mistakesOf(withLsp({ timeoutMs: '${constructor}' }))).toContain('no variable constructor')
  })

  it.each(['${NAME:-x}', '${', '${}', '${1A}', 'a${b c}'])('is an error when it is misspelt: %s', (value) => {
    expect(mistakesOf(withLsp({ auth: value }))).toBe(
      'sluice.yaml:7: lsps[0].auth: ${ begins the name of a variable and does not end in one; allowed: ${NAME}, and $${ for the characters themselves',
    )
  })

  it('gets a hint when it lacks the quotes that it needs in a list', () => {
    expect(mistakesOf(withLsp({ nodeUris: '[${URI}, b]' }))).toContain('within [ ] and { } write "${NAME}" in quotes')
  })
})

describe('a mistake', () => {
  it('is told with file, line, key, value and what is allowed', () => {
    expect(mistakesOf(withLsp({ protocol: 'lsp1' }))).toBe(
      'sluice.yaml:4: lsps[0].protocol: "lsp1" is not allowed; allowed: lsps1, thunderstack',
    )
  })

  it('comes with all the others, one per line, in the order of the file', () => {
    const text = `logLevel: loud
lsps:
  - id: same
    name: A
    protocl: lsps1
    url: lsp.example
    network: MAINNET
    auth: \${MISSING}
  - id: same
    name: B
    protocol: lsps1
    url: https://b.example
    network: regtest
    tariff: { feeRateSatPerVbyte: 0 }
    courtesy:
      maxUnpaidOrders: -1
`
    expect(mistakesOf(text).split('\n')).toEqual([
      'sluice.yaml:1: logLevel: "loud" is not allowed; allowed: trace, debug, info, warn, error, silent',
      'sluice.yaml:3: lsps[0].protocol: is required; allowed: lsps1, thunderstack',
      expect.stringMatching(
        /^sluice\.yaml:5: lsps\[0\]\.protocl: unknown key, did you mean protocol\?; allowed: id, name, protocol, url, /,
      ),
      'sluice.yaml:6: lsps[0].url: "lsp.example" is not allowed; allowed: an http:// or https:// URL without credentials, query and fragment',
      'sluice.yaml:7: lsps[0].network: "MAINNET" is not allowed; allowed: mainnet, testnet, testnet4, signet, regtest',
      'sluice.yaml:8: lsps[0].auth: the environment has no variable MISSING; set it, or write $${MISSING} for the text itself',
      'sluice.yaml:9: lsps[1].id: the same as in entry [0]; each has its own',
      'sluice.yaml:14: lsps[1].tariff: lsps1 publishes no tariff; allowed with: thunderstack',
      'sluice.yaml:14: lsps[1].tariff.feeRateSatPerVbyte: 0 is not allowed; allowed: a number above 0, at most 100000',
      'sluice.yaml:16: lsps[1].courtesy.maxUnpaidOrders: -1 is not allowed; allowed: a whole number from 0 to 100000',
    ])
  })

  it.each([
    ['id', 'my lsp', '"my lsp" is not allowed'],
    ['id', '"x/y"', '"x/y" is not allowed'],
    ['id', '1', "1 is not allowed; allowed: 1 to 64 letters, digits and '-'; put it in quotes"],
    ['id', 'x'.repeat(65), `"${'x'.repeat(59)}…" is not allowed`],
    ['id', null, 'is required'],
    ['name', null, 'is required'],
    ['name', '""', '"" is not allowed'],
    ['name', '"a\\nb"', '"a\\nb" is not allowed'],
    ['name', '', 'is empty; allowed: 1 to 100 printable characters'],
    ['name', 'yes and no: 2', 'a second colon'],
    ['protocol', null, 'is required'],
    ['url', null, 'is required'],
    ['url', 'ftp://lsp.example', '"ftp://lsp.example" is not allowed'],
    ['url', 'https://', '"https://" is not allowed'],
    ['url', 'https://lsp.example/?a=1', '"https://lsp.example/?…" is not allowed'],
    ['url', 'https://lsp.example/#a', '"https://lsp.example/?…" is not allowed'],
    ['url', 'https://lsp.example:99999', '"https://lsp.example:99999" is not allowed'],
    ['url', 'https://lsp example/', '"https://lsp example/" is not allowed'],
    ['website', 'javascript:alert(1)', '"javascript:alert(1)" is not allowed'],
    ['network', null, 'is required'],
    ['timeoutMs', '0', '0 is not allowed; allowed: a whole number from 1 to 600000'],
    ['timeoutMs', '1.5', '1.5 is not allowed; allowed: a whole number'],
    ['timeoutMs', '"80"', '"80" is not allowed; allowed: a whole number'],
    ['timeoutMs', '.inf', 'Infinity is not allowed; allowed: a whole number'],
    ['requestsPerMinute', '0', '0 is not allowed'],
    [
      'courtesy',
      '5',
      '5 is not allowed; allowed: keys of its own: maxUnpaidOrders, firmQuotesPerHour, maxStandingOrders',
    ],
    ['courtesy', '[]', 'a list is not allowed'],
    ['nodeUris', 'x', 'text is not allowed; allowed: a list of pubkey@host:port'],
    ['auth', '{ a: b }', 'the value (not shown) is not allowed; allowed: the token alone'],
    ['auth', '', 'is empty'],
  ])('in lsps[].%s is told: %s', (key, value, expected) => {
    const message = mistakesOf(withLsp({ [key]: value }))
    expect(message).toContain(expected)
    expect(message).toMatch(/^sluice\.yaml:\d+: /)
    expect(message.split('\n')).toHaveLength(1)
  })

  it.each([
    PUBKEY,
    `04${'ab'.repeat(32)}@h:1`,
    `${PUBKEY}@h`,
    `${PUBKEY}@h:0`,
    `${PUBKEY}@h:65536`,
    `${PUBKEY}@a b:1`,
    `${PUBKEY}@:1`,
    `${PUBKEY}00@h:1`,
  ])('in an address of a node is told: %s', (uri) => {
    expect(mistakesOf(withLsp({ nodeUris: `['${PUBKEY}@ok:1', '${uri}']` }))).toMatch(
      /^sluice\.yaml:7: lsps\[0\]\.nodeUris\[1\]: "0.*" is not allowed; allowed: pubkey@host:port$/,
    )
  })

  it.each([
    ['clients:\n', 'sluice.yaml:7: clients: is empty; allowed: a list of clients'],
    [
      'clients:\n  - name: a\n',
      `sluice.yaml:8: clients[0].keySha256: is required; allowed: the SHA-256 of the key: 64 hexadecimal digits`,
    ],
    [
      `clients:\n  - { name: a, keySha256: ${HASH} }\n  - { name: a, keySha256: ${HASH.toUpperCase()} }\n`,
      'sluice.yaml:9: clients[1].name: the same as in entry [0]',
    ],
    [
      `clients:\n  - { name: a, keySha256: ${HASH} }\n  - { name: b, keySha256: ${HASH.toUpperCase()} }\n`,
      'sluice.yaml:9: clients[1].keySha256: the same as in entry [0]',
    ],
    [
      'clients: [a]\n',
      'sluice.yaml:7: clients[0]: text is not allowed; allowed: keys of its own: name, keySha256, expiresAt, limits, webhook',
    ],
    [
      `clients:\n  - { name: a, keySha256: ${HASH}, expiresAt: '2027-01-31' }\n`,
      'sluice.yaml:8: clients[0].expiresAt: "2027-01-31" is not allowed; allowed: an instant in ISO 8601',
    ],
    [
      'limits: { operationsPerSecond: 0 }\n',
      'sluice.yaml:7: limits.operationsPerSecond: 0 is not allowed; allowed: a whole number from 1',
    ],
    [
      'jwt: { issuer: i, audience: a, jwksUrl: "http://id.example/keys" }\n',
      'sluice.yaml:7: jwt.jwksUrl: "http://id.example/keys" is not allowed; allowed: an https:// URL',
    ],
    [
      'jwt: { issuer: i, audience: a, jwksUrl: "https://id.example/", algorithms: [HS256] }\n',
      'sluice.yaml:7: jwt.algorithms[0]: "HS256" is not allowed; allowed: RS256',
    ],
    [
      'trustedProxies: [10.0.0.0/33]\n',
      'sluice.yaml:7: trustedProxies[0]: "10.0.0.0/33" is not allowed; allowed: an address or a network',
    ],
    ['trustedProxies: [proxy.example]\n', 'sluice.yaml:7: trustedProxies[0]: "proxy.example" is not allowed'],
    [
      'allowedOrigins: ["*"]\n',
      'sluice.yaml:7: allowedOrigins[0]: "*" is not allowed; allowed: an origin, such as https://wallet.example',
    ],
    [
      'allowedOrigins: ["https://wallet.example/"]\n',
      'sluice.yaml:7: allowedOrigins[0]: "https://wallet.example/" is not allowed',
    ],
    [
      'trustedDocuments: { manifest: d.json, level: block }\n',
      'sluice.yaml:7: trustedDocuments.level: "block" is not allowed; allowed: allow, log, only',
    ],
    [
      'pace: { activeMs: 10, idleMs: 9 }\n',
      'sluice.yaml:7: pace.idleMs: 9 is not allowed; allowed: at least pace.activeMs, which is 10',
    ],
    [
      'pace:\n  activeMs: 7200000\n',
      'sluice.yaml:7: pace.idleMs: 3600000 is not allowed; allowed: at least pace.activeMs, which is 7200000',
    ],
    ['pace: fast\n', 'sluice.yaml:7: pace: text is not allowed'],
    ['graphiql: yes\n', 'sluice.yaml:7: graphiql: "yes" is not allowed; allowed: true or false'],
    [
      'loglevel: info\n',
      'sluice.yaml:7: loglevel: unknown key, did you mean logLevel?; allowed: lsps, clients, limits, jwt, trustedProxies, allowedOrigins, trustedDocuments, pace, leaseReminderDays, restoredAt, startup, shutdown, databaseDirectUrl, graphiql, logLevel',
    ],
    ['zebra: 1\n', 'sluice.yaml:7: zebra: unknown key; allowed: lsps'],
    ['__proto__: 1\n', 'sluice.yaml:7: __proto__: unknown key; allowed: lsps'],
    ['"a\\nb": 1\n', 'sluice.yaml:7: "a\\nb": unknown key; allowed: lsps'],
  ])('at the top level is told: %j', (rest, expected) => {
    expect(mistakesOf(withLsp({}, rest))).toContain(expected)
  })

  it.each(['', '# nothing\n', 'graphiql: true\n', 'null\n'])('is a file without LSPs: %j', (text) => {
    expect(mistakesOf(text)).toBe('sluice.yaml:1: lsps: is required; allowed: a list of at least one LSP')
  })

  it('is an empty list of LSPs', () => {
    expect(mistakesOf('graphiql: true\nlsps: []\n')).toBe(
      'sluice.yaml:2: lsps: a list is not allowed; allowed: a list of at least one LSP',
    )
  })

  it('is a file that holds something else', () => {
    expect(mistakesOf('hello\n')).toBe(
      'sluice.yaml:1: text is not allowed; allowed: keys of its own: lsps, clients, limits, jwt, trustedProxies, allowedOrigins, trustedDocuments, pace, leaseReminderDays, restoredAt, startup, shutdown, databaseDirectUrl, graphiql, logLevel',
    )
    expect(mistakesOf('- 1\n')).toContain('sluice.yaml:1: a list is not allowed')
  })

  it.each([
    'http://lsp.example',
    'http://10.0.0.1',
    'http://0.0.0.0:80/',
    'http://[fd00::1]',
    'http://localhost.example',
    'http://2130706434.example',
  ])('is http to another machine: %s', (url) => {
    const message =
      'http:// to another machine is not allowed; use https://, or set allowInsecure: true where nobody else is on the way'
    expect(mistakesOf(withLsp({ url }))).toBe(`sluice.yaml:5: lsps[0].url: ${message}`)
    expect(mistakesOf(withLsp({ url, allowInsecure: 'false' }))).toContain(message)
    expect(lspOf({ url, allowInsecure: 'true' })?.allowInsecure).toBe(true)
  })

  it.each([
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
    'http://localhost:3000',
    'http://LOCALHOST./',
    'http://2130706433',
    'http://[::ffff:127.8.9.1]',
  ])('is not http to this machine: %s', (url) => {
    expect(lspOf({ url })?.allowInsecure).toBe(false)
  })

  it.each([PIN.slice(0, -1), `${PIN};`, 'sha256//', `md5//${PIN_HEX}`, PIN_HEX.slice(1), `${PIN_HEX} ${PIN_HEX}`])(
    'is a pinned key that is none: %s',
    (pin) => {
      expect(mistakesOf(withLsp({ pinnedKeySha256: `'${pin}'` }))).toMatch(
        /^sluice\.yaml:7: lsps\[0\]\.pinnedKeySha256: "[^"]*" is not allowed; allowed: sha256\/\/… in base64, or 64 hexadecimal digits; several with ';' between them$/,
      )
    },
  )

  it('is a pinned key where there is none to compare', () => {
    expect(mistakesOf(withLsp({ url: 'http://127.0.0.1', pinnedKeySha256: PIN }))).toBe(
      'sluice.yaml:7: lsps[0].pinnedKeySha256: http:// has no key to check; use https:// in url, or leave this out',
    )
  })

  it('is a tariff where the protocol publishes none', () => {
    expect(mistakesOf(withLsp({ tariff: '{ feeRateSatPerVbyte: 2 }' }))).toBe(
      'sluice.yaml:7: lsps[0].tariff: lsps1 publishes no tariff; allowed with: thunderstack',
    )
  })
})

describe('YAML that is none', () => {
  it.each([
    ['a tab', 'lsps:\n\t- id: a\n', 2, 'a tab; lines are indented with spaces'],
    ['an open quote', 'lsps:\n  - id: "a\n', 3, 'a closing quote'],
    ['an open bracket', 'lsps: [1, 2\n', 2, 'a closing bracket is missing'],
    ['an indentation', 'lsps:\n    - id: a\n  - id: b\n', 3, ''],
    ['a second document', 'lsps: []\n---\nlsps: []\n', 2, 'a second document'],
    ['an unknown tag', 'lsps: !env TOKEN\n', 1, 'an unknown tag'],
    ['an alias without anchor', 'lsps: *nowhere\n', 1, 'an alias without an anchor'],
    ['a key that is a list', '? [a]\n: b\n', 1, 'a key must be text'],
    ['a block header', 'lsps: |zz\n  x\n', 1, ''],
    ['a deep nesting', `lsps: ${'['.repeat(500)}`, 1, ''],
  ])('is refused with its line: %s', (_name, text, line, expected) => {
    const message = mistakesOf(text)
    expect(message).toContain(`sluice.yaml:${line}: `)
    expect(message).toContain(expected)
  })

  it('is refused when a key is there twice, at any depth', () => {
    expect(mistakesOf(withLsp({}, 'graphiql: true\ngraphiql: false\n'))).toBe(
      'sluice.yaml:8: graphiql: the key is there twice',
    )
    expect(mistakesOf(withLsp({}, '    id: other\n'))).toBe('sluice.yaml:7: lsps[0].id: the key is there twice')
  })

  it('is refused when a few aliases stand for billions of entries', () => {
    const levels = Array.from(
      { length: 30 },
      (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level},`.repeat(9)}]`,
    )
    expect(mistakesOf(`a0: &a0 [x]\n${levels.join('\n')}\n`)).toMatch(
      /^sluice\.yaml:\d+: more aliases than 100, counting those within aliases; write the values out$/,
    )
  })

  it('is refused when an alias stands within what it stands for', () => {
    expect(mistakesOf('lsps: &a [*a]\n')).toMatch(/^sluice\.yaml:1: /)
  })
})

describe('a secret is never repeated', () => {
  it.each([
    ['an auth with a space', withLsp({ auth: `Bearer ${SECRET}` })],
    ['an auth that is a list', withLsp({ auth: `[${SECRET}]` })],
    ['an auth that YAML reads as an alias', withLsp({ auth: `*${SECRET}` })],
    ['an auth that YAML reads as a tag', withLsp({ auth: `!${SECRET}` })],
    ['an auth that YAML reads as a block', withLsp({ auth: `|${SECRET}` })],
    ['an auth that YAML cannot read', withLsp({ auth: `"${SECRET}\\q"` })],
    ['an auth with something like a variable in it', withLsp({ auth: `${SECRET}\${-}` })],
    ['an unknown key', withLsp({ atuh: SECRET })],
    ['an auth without a space behind the colon', `lsps:\n  - { id: a, auth:${SECRET} }\n`],
    ['the key where its hash belongs', withLsp({}, `clients:\n  - { name: a, keySha256: ${SECRET} }\n`)],
    ['credentials in a URL', withLsp({ url: `https://me:${SECRET}@lsp.example` })],
    ['credentials in what is no URL', withLsp({ url: `htps:/me:${SECRET}@lsp.example` })],
    ['a token in the query of a URL', withLsp({ url: `https://lsp.example?token=${SECRET}` })],
    ['a token in the query of a website', withLsp({ website: `ftp://lsp.example?token=${SECRET}` })],
    ['a variable used for the wrong key', withLsp({ timeoutMs: '${TOKEN}', network: 'x${TOKEN}' })],
    ['a variable used for a list', withLsp({ nodeUris: '${TOKEN}' })],
    ['a variable with a line break at its end', withLsp({ auth: '${TOKEN}' })],
    ['text where keys belong', withLsp({ courtesy: SECRET })],
  ])('%s', (_name, text) => {
    const message = mistakesOf(text, { TOKEN: `${SECRET}\n` })
    expect(message).toMatch(/^sluice\.yaml:\d+: /)
    expect(message).not.toContain(SECRET)
    expect(message).not.toContain(SECRET.slice(0, 7))
  })

  it('and the variable that held it is named instead', () => {
    expect(mistakesOf(withLsp({ timeoutMs: '${TIMEOUT}' }), { TIMEOUT: 'soon' })).toBe(
      'sluice.yaml:7: lsps[0].timeoutMs: the value with ${TIMEOUT} is not allowed; allowed: a whole number from 1 to 600000',
    )
    expect(mistakesOf(withLsp({ auth: '${TOKEN}' }), { TOKEN: '' })).toContain(
      'lsps[0].auth: the value with ${TOKEN} is not allowed; allowed: the token alone',
    )
  })
})

describe('loading a file', () => {
  async function refusal(path: string): Promise<string> {
    const error: unknown = await loadConfigFile(path, {}).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).message
  }

  it('says so when there is none, or none that can be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-config-'))
    try {
      const path = join(folder, 'sluice.yaml')
      expect(await refusal(path)).toBe(`${path}: there is no such file; it is named by --config or SLUICE_CONFIG`)
      expect(await refusal(folder)).toBe(
        `${folder}: a directory; the path of a file is wanted; it is named by --config or SLUICE_CONFIG`,
      )
      await writeFile(path, Buffer.from([0x6c, 0xff, 0xfe]))
      expect(await refusal(path)).toBe(`${path}: not a text in UTF-8`)
      expect(await refusal(`${path}\0`)).toContain('not readable')
      await writeFile(path, '\ufefflsps: []\n')
      expect(await refusal(path)).toContain(`${path}:1: lsps: `)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('reads the example', async () => {
    const config = await loadConfigFile(fromRoot('sluice.example.yaml').pathname, { OLYMPUS_TOKEN: SECRET })
    expect(config.lsps).toMatchObject([{ id: 'olympus', protocol: 'LSPS1', auth: SECRET }])
    expect(config).toEqual(parse(withLsp({ url: 'https://lsp.example/api/v1', auth: SECRET })))
  })
})

describe('the example', () => {
  const everything = EXAMPLE.replace(/^( *)#(?=\S)/gm, '$1')

  it('holds when all of its settings are on', () => {
    const config = parse(everything, {
      OLYMPUS_TOKEN: SECRET,
      THUNDER_URL: 'http://127.0.0.1:3000',
      WALLET_WEBHOOK_SECRET: `${SECRET}, and long enough`,
      DATABASE_DIRECT_URL: 'postgres://db.example/sluice',
    })
    expect(config).toMatchObject({
      lsps: [{ id: 'olympus' }, { id: 'thunder', url: 'http://127.0.0.1:3000', tariffFeeRateSatPerVbyte: 2 }],
      clients: [{ name: 'my-wallet' }],
    })
  })

  it('shows every key that there is', () => {
    const missing = listKeys(keysOf(configSchema(PROTOCOLS))).filter(
      ({ name }) => !new RegExp(`\\b${name.split('.').at(-1)}:`).test(everything),
    )
    expect(missing.map(({ name }) => name)).toEqual([])
  })
})

describe('the environment', () => {
  it('has a default for everything', () => {
    expect(readEnvironment([], {})).toEqual({
      host: '127.0.0.1',
      port: 4000,
      configPath: null,
      databaseUrl: './data/sandbox.db',
      acceptMoved: [],
      secret: null,
    })
    // What was played is not to stand among real orders.
    expect(readEnvironment(['--config', 'a.yaml'], {}).databaseUrl).toBe('./data/sluice.db')
  })

  it('counts an empty variable as unset', () => {
    expect(readEnvironment([], { HOST: '', PORT: '', SLUICE_CONFIG: '', DATABASE_URL: '' })).toEqual(
      readEnvironment([], {}),
    )
  })

  it('is read where it is set', () => {
    const environment = {
      HOST: '::',
      PORT: '0',
      SLUICE_CONFIG: 'a.yaml',
      DATABASE_URL: 'postgres://u:p@h/db',
      SLUICE_SECRET: '0123456789abcdef',
    }
    expect(readEnvironment(['--accept-moved', 'a', '--accept-moved=b'], environment)).toEqual({
      host: '::',
      port: 0,
      configPath: 'a.yaml',
      databaseUrl: 'postgres://u:p@h/db',
      acceptMoved: ['a', 'b'],
      secret: '0123456789abcdef',
    })
    expect(readEnvironment([], { DATABASE_URL: 'postgresql://h/db', PORT: '65535' })).toMatchObject({
      databaseUrl: 'postgresql://h/db',
      port: 65_535,
    })
  })

  it('is overruled by --config, in both spellings', () => {
    expect(readEnvironment(['--config', 'b.yaml'], { SLUICE_CONFIG: 'a.yaml' }).configPath).toBe('b.yaml')
    expect(readEnvironment(['--config=c=d.yaml'], { SLUICE_CONFIG: 'a.yaml' }).configPath).toBe('c=d.yaml')
  })

  it.each(['-1', '65536', '80a', '4e3', ' 80', '123456'])('refuses the port %j', (port) => {
    expect(mistakes(() => readEnvironment([], { PORT: port }))).toBe(
      `PORT: ${JSON.stringify(port)} is not allowed; allowed: a whole number from 0 to 65535`,
    )
  })

  it.each(['http://a', 'a b', '[::1]'])('refuses the host %j', (host) => {
    expect(mistakes(() => readEnvironment([], { HOST: host }))).toBe(
      `HOST: ${JSON.stringify(host)} is not allowed; allowed: an address or a host name, such as 127.0.0.1 or ::1`,
    )
  })

  it('refuses a database that it does not know, without its password', () => {
    expect(mistakes(() => readEnvironment([], { DATABASE_URL: `mysql://root:${SECRET}@db` }))).toBe(
      'DATABASE_URL: "mysql://" is not allowed; allowed: the path of a file, or postgres://…',
    )
  })

  it('refuses a secret that is too short, without showing it', () => {
    expect(mistakes(() => readEnvironment([], { SLUICE_SECRET: 'too short' }))).toBe(
      'SLUICE_SECRET: too short; allowed: at least 16 characters, such as openssl rand -hex 32 gives',
    )
  })

  it.each([['--port'], ['sluice.yaml'], ['--configs=a'], ['--', '--config', 'a']])(
    'refuses an unknown argument and names what is allowed: %s',
    (...argv) => {
      expect(mistakes(() => readEnvironment(argv, {}))).toBe(
        `${JSON.stringify(argv[0])} is not an argument; allowed: --config FILE, --accept-moved ID`,
      )
    },
  )

  it.each([[['--config']], [['--config=']], [['--config', '']], [['--config', '--config=']]])(
    'refuses --config without a file: %j',
    (argv) => {
      expect(mistakes(() => readEnvironment(argv, {}))).toContain(
        '--config: the path of a file is missing; allowed: --config FILE',
      )
    },
  )

  it('refuses --config given twice', () => {
    expect(mistakes(() => readEnvironment(['--config', 'a', '--config=b'], {}))).toBe(
      '--config: given twice; allowed: one file',
    )
  })

  it('tells all its mistakes at once', () => {
    expect(mistakes(() => readEnvironment(['--x'], { PORT: 'x', HOST: '/' })).split('\n')).toHaveLength(3)
  })
})

describe('docs/configuration.md', () => {
  it('is what the schema, the environment and the example say', () => {
    const path = fromRoot('docs/configuration.md')
    const expected = configurationReference(EXAMPLE)
    if (process.env.UPDATE_DOCS === '1') writeFileSync(path, expected)
    expect(
      readFileSync(path, 'utf8'),
      'docs/configuration.md is stale; rewrite it with: UPDATE_DOCS=1 npx vitest run test/config.test.ts',
    ).toBe(expected)
  })

  it('gives a meaning for every key', () => {
    const silent = listKeys(keysOf(configSchema(ADAPTERS))).filter(({ key }) => key.description === '')
    expect(silent.map(({ name }) => name)).toEqual([])
  })

  it('covers protocols that the domain knows only', () => {
    for (const adapter of ADAPTERS) expect(LSP_PROTOCOLS).toContain(adapter.protocol)
  })
})

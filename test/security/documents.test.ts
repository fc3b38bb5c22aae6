import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, loadConfigFile } from '../../src/config.ts'
import { DocumentManifest } from '../../src/server/policies/trusted-documents.ts'
import { clientOf, newKey, sha256, startSmall } from './gateways.ts'
import { ask, TRANSPORTS } from './transports.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-documents-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function file(content: unknown): Promise<string> {
  const path = join(directory, `${Math.random()}.json`)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const IDS = '{ lsps { id } }'

describe('a manifest', () => {
  test.each([
    [
      'of Apollo',
      {
        format: 'apollo-persisted-query-manifest',
        version: 1,
        operations: [{ id: 'one', name: 'Ids', type: 'query', body: IDS }],
      },
    ],
    ['of GraphQL Code Generator', { one: IDS }],
  ])('%s is read', async (_what, content) => {
    const manifest = await DocumentManifest.load(await file(content))
    expect([
      manifest.get('one'),
      manifest.get('sha256:one'),
      manifest.get('two'),
      manifest.get('__proto__'),
      manifest.has(IDS),
      manifest.has(`${IDS} `),
    ]).toEqual([IDS, IDS, undefined, undefined, true, false])
  })

  test.each([
    [
      'is not there',
      '/nothing/documents.json',
      /\/nothing\/documents\.json: not readable \(ENOENT\); it is named by trustedDocuments\.manifest/,
    ],
    ['is no JSON', '{', /not JSON/],
    ['is something else', [1], /neither an Apollo operation manifest nor a mapping/],
    ['holds what is no document', { one: '{' }, /"one" is no GraphQL document/],
  ])('that %s is told at the start', async (_what, content, message) => {
    const path = typeof content === 'string' && content.startsWith('/') ? content : await file(content)
    const failure = await DocumentManifest.load(path).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ConfigError)
    expect((failure as Error).message).toMatch(message)
  })

  test('is looked for beside the configuration file', async () => {
    const path = join(directory, 'sluice.yaml')
    await writeFile(
      path,
      'lsps: [{ id: a, name: A, protocol: lsps1, url: "https://lsp.example", network: regtest }]\ntrustedDocuments: { manifest: documents.json }\n',
    )
    expect((await loadConfigFile(path, {})).trustedDocuments).toEqual({
      manifest: join(directory, 'documents.json'),
      level: 'allow',
    })
  })
})

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('with `log` any document is run, and each that is unknown is logged once, without its text', async () => {
    const key = newKey('wallet')
    await using gateway = await startSmall({
      clients: [clientOf('wallet', key)],
      trustedDocuments: { manifest: await file({ one: IDS }), level: 'log' },
    })
    const secret = '{ lsps { name } } # my-own-words'
    for (const query of [IDS, secret, secret])
      expect((await ask(gateway.origin, transport, { query, key })).code).toBeUndefined()
    expect((await ask(gateway.origin, transport, { documentId: 'one', key })).data).toEqual({ lsps: [{ id: 'olive' }] })
    const about = gateway.logged.filter((line) => line.includes('not in the manifest'))
    expect(about).toHaveLength(1)
    expect(JSON.parse(about[0] ?? '')).toMatchObject({
      level: pino.levels.values['warn'],
      clientId: 'key:wallet',
      sha256: sha256(secret),
    })
    expect(about[0]).not.toContain('my-own-words')
  })

  test('with `allow` any document is run, and known ones by their ids', async () => {
    await using gateway = await startSmall({ trustedDocuments: { manifest: await file({ one: IDS }), level: 'allow' } })
    expect((await ask(gateway.origin, transport, { query: '{ __typename }' })).data).toEqual({ __typename: 'Query' })
    expect((await ask(gateway.origin, transport, { documentId: 'one' })).data).toEqual({ lsps: [{ id: 'olive' }] })
  })

  test('without a manifest an id is answered as Apollo wants it, so that its clients send the document', async () => {
    await using gateway = await startSmall()
    const persistedQuery = { version: 1, sha256Hash: sha256(IDS) }
    expect(await ask(gateway.origin, transport, { extensions: { persistedQuery } })).toMatchObject({
      code: 'PERSISTED_QUERY_NOT_SUPPORTED',
      message: 'PersistedQueryNotSupported',
    })
    expect((await ask(gateway.origin, transport, { query: IDS, extensions: { persistedQuery } })).data).toEqual({
      lsps: [{ id: 'olive' }],
    })
  })
})

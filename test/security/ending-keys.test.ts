import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { clientOf, Issuer, newKey, sha256, startSmall } from './gateways.ts'
import { lspsYaml, Program } from './program.ts'
import { ask } from './transports.ts'

const SUBSCRIBE = 'subscription { events { id } }'

/** What a client that follows hears until it ends; null while it goes on. */
interface Following {
  readonly ended: () => unknown
}

async function followOverWebSocket(origin: string, key: string): Promise<Following> {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  let ended: unknown = null
  socket.on('close', (code, reason) => (ended = { code, reason: reason.toString('utf8') }))
  socket.on('error', () => {})
  await new Promise((resolve, reject) => {
    socket.once('close', reject)
    socket.on('message', resolve)
    socket.on('open', () =>
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } })),
    )
  })
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: SUBSCRIBE } }))
  return { ended: () => ended }
}

async function followOverSse(origin: string, key: string): Promise<Following> {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: SUBSCRIBE }),
  })
  expect(response.status).toBe(200)
  let ended: unknown = null
  void response.text().then(
    (text) => (ended = text.split('\n').filter((line) => /^(event|data):/.test(line))),
    (error: unknown) => (ended = error),
  )
  return { ended: () => ended }
}

const streamEnd = (message: string) => [
  'event: next',
  expect.stringMatching(
    new RegExp(`^data: \\{"errors":\\[\\{"message":"${message}","extensions":\\{"code":"UNAUTHENTICATED"\\}\\}\\]\\}$`),
  ),
  'event: complete',
  'data:',
]

describe('a key that is gone from the configuration', () => {
  let sandbox: Sandbox
  let program: Program
  const [alice, bob, carol] = ['alice', 'bob', 'carol'].map(newKey) as [string, string, string]
  const yaml = (clients: Record<string, string>) =>
    `${lspsYaml(sandbox)}clients: ${JSON.stringify(Object.entries(clients).map(([name, key]) => clientOf(name, key)))}\n`
  beforeAll(async () => {
    sandbox = await startSandbox({ only: ['olive'] })
    program = await Program.start(yaml({ alice, bob }))
  })
  afterAll(async () => {
    await program?.[Symbol.asyncDispose]()
    await sandbox?.close()
  })
  const isServed = async (key: string) => (await ask(program.origin, 'POST', { query: '{ __typename }', key })).status

  test('ends what it has open at SIGHUP, and nothing of the others', async () => {
    const [gone, goneToo, stays, staysToo] = [
      await followOverWebSocket(program.origin, alice),
      await followOverSse(program.origin, alice),
      await followOverWebSocket(program.origin, bob),
      await followOverSse(program.origin, bob),
    ]
    expect(await isServed(alice)).toBe(200)
    await program.reload(yaml({ bob, carol }))

    await expect.poll(gone.ended).toEqual({ code: 4401, reason: 'the key was revoked' })
    await expect.poll(goneToo.ended).toEqual(streamEnd('the key was revoked'))
    expect([stays.ended(), staysToo.ended()]).toEqual([null, null])
    expect([await isServed(alice), await isServed(bob), await isServed(carol)]).toEqual([401, 200, 200])
    expect((await ask(program.origin, 'WS', { query: '{ __typename }', key: alice })).close).toBe(4403)
  })

  test.each([
    ['a file with mistakes', () => 'lsps: [\n'],
    ['a file that is wrong elsewhere', () => `${yaml({ carol })}logLevel: loud\n`],
    ['a file without clients, which would let everybody in', () => yaml({})],
  ])('stays when what is read is %s, which is logged', async (_what, text) => {
    const stays = await followOverWebSocket(program.origin, bob)
    const printed = program.printed.length
    await program.reload(text())
    expect(program.printed.slice(printed)).toMatch(/"level":50.*"mistakes":".*the clients stay as they were/)
    expect([await isServed(bob), await isServed('nobody'), stays.ended()]).toEqual([200, 401, null])
  })

  test('is let in again when it is back, and its name with another key is another right', async () => {
    await program.reload(yaml({ alice, bob }))
    expect([await isServed(alice), await isServed(carol)]).toEqual([200, 401])
    const gone = await followOverWebSocket(program.origin, bob)
    await program.reload(yaml({ alice, bob: carol }))
    await expect.poll(gone.ended).toEqual({ code: 4401, reason: 'the key was revoked' })
    expect([await isServed(bob), await isServed(carol)]).toEqual([401, 200])
  })

  test('can be told to expire while it is in use', async () => {
    const following = await followOverSse(program.origin, alice)
    const expiring = [{ name: 'alice', keySha256: sha256(alice), expiresAt: new Date(Date.now() + 400).toISOString() }]
    await program.reload(`${lspsYaml(sandbox)}clients: ${JSON.stringify(expiring)}\n`)
    expect(following.ended()).toBeNull()
    await expect.poll(following.ended).toEqual(streamEnd('the key has expired'))
    expect(await isServed(alice)).toBe(401)
  })
})

test('a key that expires ends what it has open, at that moment', async () => {
  const key = newKey('short')
  const expiresAt = Date.now() + 3_000
  await using gateway = await startSmall({ clients: [clientOf('short', key, { expiresAt })] })
  const [socket, stream] = [await followOverWebSocket(gateway.origin, key), await followOverSse(gateway.origin, key)]
  expect((await ask(gateway.origin, 'POST', { query: '{ __typename }', key })).status).toBe(200)
  expect([socket.ended(), stream.ended()]).toEqual([null, null])
  await expect.poll(socket.ended, { timeout: 8_000 }).toEqual({ code: 4401, reason: 'the key has expired' })
  await expect.poll(stream.ended).toEqual(streamEnd('the key has expired'))
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt)
  expect((await ask(gateway.origin, 'POST', { query: '{ __typename }', key })).status).toBe(401)
})

describe('a token', () => {
  test('that expires ends what it has open, with the code after which a client comes back', async () => {
    await using issuer = await Issuer.start()
    await using gateway = await startSmall({ jwt: issuer.config })
    const key = await issuer.token({ exp: Math.floor(Date.now() / 1000) + 4 })
    const [socket, stream] = [await followOverWebSocket(gateway.origin, key), await followOverSse(gateway.origin, key)]
    await expect.poll(socket.ended, { timeout: 10_000 }).toEqual({ code: 4403, reason: 'the key has expired' })
    await expect.poll(stream.ended).toEqual(streamEnd('the key has expired'))
  })

  test('cannot be verified while its issuer is down: 503, not 401, over every transport, and once it is back, it is', async () => {
    await using issuer = await Issuer.start()
    await using gateway = await startSmall({ jwt: issuer.config })
    issuer.isDown = true
    const key = await issuer.token()
    expect(await ask(gateway.origin, 'POST', { query: '{ __typename }', key })).toMatchObject({
      status: 503,
      code: 'UNAVAILABLE',
      retryAfter: '30',
    })
    expect(await ask(gateway.origin, 'WS', { query: '{ __typename }', key })).toMatchObject({ close: 1013 })
    issuer.isDown = false
    expect(await ask(gateway.origin, 'POST', { query: '{ __typename }', key })).toMatchObject({ status: 200 })
    expect(gateway.logged.join('')).not.toContain(key)
  })

  test('of nobody has the keys asked for once, however many are sent', async () => {
    await using issuer = await Issuer.start()
    await using gateway = await startSmall({ jwt: issuer.config })
    const [head = '', body = '', signature = ''] = (await issuer.token()).split('.')
    const unknown = Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'unknown' })).toString('base64url')
    for (let count = 0; count < 20; count++) {
      for (const key of [`${unknown}.${body}.${signature}`, `${head}.${body}.AAAA`, 'a.b.c', '..', `${head}..`]) {
        expect((await ask(gateway.origin, 'POST', { query: '{ __typename }', key })).status).toBe(401)
      }
    }
    expect(issuer.asked).toBeLessThanOrEqual(2)
  })

  test('is a client of its own, which no key has the orders of', async () => {
    await using issuer = await Issuer.start()
    const key = newKey('alice')
    await using gateway = await startSmall({ jwt: issuer.config, clients: [clientOf('alice', key)] })
    const request = { clientPubkey: gateway.sandbox.wallet.pubkey, lspBalanceSat: 1_000_000 }
    const quotes = await ask(gateway.origin, 'POST', {
      query: 'query ($request: ChannelRequestInput!) { quotes(request: $request) { quotes { id } } }',
      variables: { request },
      key: await issuer.token({ sub: 'alice' }),
    })
    const id = (quotes.data as { quotes: { quotes: { id: string }[] } }).quotes.quotes[0]?.id
    const seenBy = async (as: string) =>
      (await ask(gateway.origin, 'POST', { query: `{ quote(id: "${id}") { id } }`, key: as })).data
    expect(await seenBy(await issuer.token({ sub: 'alice' }))).toEqual({ quote: { id } })
    expect(await seenBy(await issuer.token({ sub: 'bob' }))).toEqual({ quote: null })
    expect(await seenBy(key)).toEqual({ quote: null })
  })
})

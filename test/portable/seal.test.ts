import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { compactDecrypt } from 'jose'
import Database from 'libsql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DISCOUNT_CODE } from '../../src/sandbox/prices.ts'
import { EXPORT, exported, forged, IMPORT, importInto, newSealKey, twoGateways } from './support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createOrder, eventsOf, orderAt, quoteAt, readOrder } from '../support/operations.ts'

// Of the sandbox's LSPs kestrel (Kaleidoswap) answers about an order only to whoever has its access token.

function accessTokenOf({ databaseUrl }: TestGateway, orderId: string): string {
  const database = new Database(databaseUrl, { readonly: true })
  try {
    const { token } = database
      .prepare('select access_token as token from placements where order_id = ?')
      .get(orderId) as { token: string }
    expect(token).toMatch(/^ord_.{16}$/)
    return token
  } finally {
    database.close()
  }
}

const sealedIn = (document: string) =>
  (JSON.parse(document) as { lsp: { sealedAccessToken: string } }).lsp.sealedAccessToken

describe("an order's access token", () => {
  let gateways: Awaited<ReturnType<typeof twoGateways>>
  let id: string
  let token: string
  beforeAll(async () => {
    gateways = await twoGateways('kestrel')
    id = (await orderAt(gateways.from, 'kestrel')).id
    token = accessTokenOf(gateways.from, id)
  })
  afterAll(() => gateways[Symbol.asyncDispose]())

  test('travels sealed, so that the order is followed elsewhere, and nothing that is answered or logged has it or the key', async () => {
    await using to = await startTestGateway({ beside: gateways.from })
    const sealKey = newSealKey()
    const sealed = await exported(gateways.from, id, sealKey)
    const imported = await importInto(to, sealed, sealKey)
    expect(imported).toMatchObject({ __typename: 'Order', payment: { bolt11: { state: 'EXPECT_PAYMENT' } } })
    expect(accessTokenOf(to, id)).toBe(token)
    const onward = await exported(to, id, newSealKey())
    const everything = [
      sealed,
      await exported(gateways.from, id),
      onward,
      JSON.stringify([imported, await readOrder(to, id), await eventsOf(to, id)]),
      ...gateways.from.logged,
      ...to.logged,
    ].join('\n')
    expect(everything).toContain(id)
    expect(everything).not.toContain(token)
    expect(everything).not.toContain(sealKey)
  })

  test('is opened by whoever has the key, with any library for JWE', async () => {
    const sealKey = newSealKey()
    const { plaintext, protectedHeader } = await compactDecrypt(
      sealedIn(await exported(gateways.from, id, sealKey)),
      Buffer.from(sealKey, 'hex'),
    )
    expect(protectedHeader).toEqual({ alg: 'dir', enc: 'A256GCM' })
    expect(JSON.parse(new TextDecoder().decode(plaintext))).toMatchObject({
      accessToken: token,
      url: gateways.from.sandbox.lsp('kestrel').url,
    })
  })

  test('is sealed differently each time', async () => {
    const sealKey = newSealKey()
    expect(sealedIn(await exported(gateways.from, id, sealKey))).not.toBe(
      sealedIn(await exported(gateways.from, id, sealKey)),
    )
  })

  test('does not travel without a key: the document says that it lacks, and is not imported', async () => {
    const document = await exported(gateways.from, id)
    expect(JSON.parse(document).lsp).toMatchObject({ needsAccessToken: true, sealedAccessToken: null })
    for (const sealKey of [undefined, newSealKey()]) {
      expect(await importInto(gateways.to, document, sealKey)).toEqual({
        __typename: 'ImportError',
        code: 'ACCESS_TOKEN_MISSING',
        message: expect.stringContaining('export it again, with a sealKey'),
      })
    }
    expect(await readOrder(gateways.to, id)).toBeNull()
  })

  const SEAL_PARTS = ['the header', '', 'the initialization vector', 'the ciphertext', 'the tag']
  test.each<[string, (document: string) => string]>([
    ...[0, 2, 3, 4].map((index): [string, (document: string) => string] => [
      `when ${SEAL_PARTS[index]} was changed`,
      (document) =>
        forged(document, ({ lsp }) => {
          const parts = lsp.sealedAccessToken.split('.')
          parts[index] = (parts[index].startsWith('A') ? 'B' : 'A') + parts[index].slice(1)
          lsp.sealedAccessToken = parts.join('.')
        }),
    ]),
    [
      'when a part was cut',
      (document) => forged(document, ({ lsp }) => (lsp.sealedAccessToken = lsp.sealedAccessToken.slice(0, -5))),
    ],
    [
      'when the header names another algorithm',
      (document) =>
        forged(document, ({ lsp }) => {
          const header = Buffer.from(
            '{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":2147483647,"p2s":"AAAAAAAAAAA"}',
          ).toString('base64url')
          lsp.sealedAccessToken = [header, ...lsp.sealedAccessToken.split('.').slice(1)].join('.')
        }),
    ],
  ])('is refused %s', async (_, forge) => {
    const sealKey = newSealKey()
    const document = forge(await exported(gateways.from, id, sealKey))
    expect(await importInto(gateways.to, document, sealKey)).toEqual({
      __typename: 'ImportError',
      code: 'SEALED',
      message: expect.stringContaining('was changed'),
    })
  })

  test('is refused with another key, and without the key, in words that say what is wanted', async () => {
    const document = await exported(gateways.from, id, newSealKey())
    expect(await importInto(gateways.to, document, newSealKey())).toEqual({
      __typename: 'ImportError',
      code: 'SEALED',
      message: expect.stringContaining('exported with another key'),
    })
    expect(await importInto(gateways.to, document)).toEqual({
      __typename: 'ImportError',
      code: 'SEALED',
      message: expect.stringContaining('give the sealKey'),
    })
    expect(await readOrder(gateways.to, id)).toBeNull()
  })

  test("is refused in another order's document, though the key is the same", async () => {
    const sealKey = newSealKey()
    const other = await orderAt(gateways.from, 'kestrel', { lspBalanceSat: 2_000_000 })
    const seal = sealedIn(await exported(gateways.from, id, sealKey))
    const document = forged(
      await exported(gateways.from, other.id, sealKey),
      ({ lsp }) => (lsp.sealedAccessToken = seal),
    )
    expect(await importInto(gateways.to, document, sealKey)).toEqual({
      __typename: 'ImportError',
      code: 'SEALED',
      message: expect.stringContaining('another order'),
    })
  })

  test('is not told to another LSP that its document was made to name', async () => {
    await using thief = await startServer(async () => ({ status: 500, body: '{}' }))
    await using to = await startTestGateway({ beside: gateways.from, lsp: () => ({ url: thief.url }) })
    const sealKey = newSealKey()
    const document = forged(await exported(gateways.from, id, sealKey), ({ lsp }) => (lsp.url = thief.url))
    expect(await importInto(to, document, sealKey)).toMatchObject({ code: 'SEALED' })
    expect(thief.told.join('\n')).not.toContain(token)
  })

  test('is no longer asked for where the order is already', async () => {
    expect((await importInto(gateways.from, await exported(gateways.from, id))).id).toBe(id)
  })

  test.each([
    ['too short', 'a'.repeat(63)],
    ['too long', 'a'.repeat(65)],
    ['of other letters', 'g'.repeat(64)],
    ['with a line break', `${'a'.repeat(64)}\n`],
    ['empty', ''],
  ])('a key that is %s is refused, and not repeated', async (_, sealKey) => {
    const answers = [
      await gateways.from.send(EXPORT, { id, sealKey }),
      await gateways.to.send(IMPORT, { document: await exported(gateways.from, id), sealKey }),
    ]
    for (const { errors } of answers) {
      expect(errors).toEqual([
        expect.objectContaining({
          message: expect.stringMatching(/^sealKey: 32 random bytes as 64 hexadecimal digits.*openssl rand -hex 32/),
          extensions: expect.objectContaining({ code: 'BAD_USER_INPUT' }),
        }),
      ])
      if (sealKey !== '') expect(JSON.stringify(errors)).not.toContain(sealKey.trim())
    }
  })

  test('a key in capital letters is the same key', async () => {
    await using to = await startTestGateway({ beside: gateways.from })
    const sealKey = newSealKey()
    expect((await importInto(to, await exported(gateways.from, id, sealKey), sealKey.toUpperCase())).id).toBe(id)
  })
})

test('an LSP without access tokens makes the key of no use, and no hindrance', async () => {
  await using gateways = await twoGateways('olive')
  const { id } = await orderAt(gateways.from, 'olive')
  const document = await exported(gateways.from, id, newSealKey())
  expect(JSON.parse(document).lsp).toMatchObject({ needsAccessToken: false, sealedAccessToken: null })
  expect((await importInto(gateways.to, document, newSealKey())).id).toBe(id)
})

test('a document has no secret that the LSP repeated where it does not belong', async () => {
  const coupon = DISCOUNT_CODE
  const auth = 'key-of-the-operator'
  await using direct = await startTestGateway({ sandbox: { only: ['kestrel'] } })
  const honest = direct.sandbox.lsp('kestrel').url
  await using indiscreet = await startServer(async (method, path, body) => {
    const answer = await fetch(honest + path, {
      method,
      ...(body === '' ? {} : { body, headers: { 'content-type': 'application/json' } }),
    })
    const told = (await answer.json()) as { access_token?: string }
    const repeated =
      told.access_token === undefined
        ? told
        : { ...told, failure_reason: `keep ${told.access_token} and ${coupon} and ${auth} safe` }
    return { status: answer.status, body: JSON.stringify(repeated) }
  })
  await using gateway = await startTestGateway({ beside: direct, lsp: () => ({ url: indiscreet.url, auth }) })
  const { id: quoteId } = await quoteAt(gateway, 'kestrel', { tokens: [{ lspId: 'kestrel', token: coupon }] })
  const { id } = await createOrder(gateway, { quoteId })
  const document = await exported(gateway, id, newSealKey())
  expect(indiscreet.told.join('\n')).toContain(coupon)
  expect(JSON.parse(document).answer.failureReason).toBe('keep [secret] and [secret] and [secret] safe')
  for (const secret of [accessTokenOf(gateway, id), coupon, auth]) expect(document).not.toContain(secret)
})

type Handler = (method: string, path: string, body: string) => Promise<{ status: number; body: string }>

async function startServer(handle: Handler) {
  const told: string[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const body = await text(request)
      told.push(body)
      const answer = await handle(request.method ?? '', request.url ?? '', body)
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
    })()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    told,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

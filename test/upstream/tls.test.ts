import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority } from './certificate.ts'
import { connect, resolver, startRawServer, startTlsServer, okAnswer, type TestServer } from './support.ts'

// Whom the gateway takes for an LSP: over real TLS, with certificates made here.

const authority = createAuthority()
const stranger = createAuthority()
const lsp = authority.issue(['lsp.example', '127.0.0.1'])

let server: TestServer
beforeAll(async () => {
  server = await startTlsServer(lsp)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
})

/** By its name, which leads to this machine. */
const byName = (name: string, extra: { pinnedKeySha256?: readonly string[]; ca?: string; port?: number } = {}) =>
  connect(
    {
      url: `https://${name}:${extra.port ?? server.port}`,
      allowPrivateAddresses: true,
      ...(extra.pinnedKeySha256 ? { pinnedKeySha256: extra.pinnedKeySha256 } : {}),
    },
    { ca: extra.ca ?? authority.cert, lookup: resolver(['127.0.0.1']) },
  )

describe('a certificate', () => {
  it('for the name, from an authority that is known, is accepted', async () => {
    await using byItsName = byName('lsp.example')
    await expect(byItsName.ask()).resolves.toEqual({ ok: true })
  })

  it('for the address is accepted where the address was written down', async () => {
    await using byAddress = connect({ url: `https://127.0.0.1:${server.port}` }, { ca: authority.cert })
    await expect(byAddress.ask()).resolves.toEqual({ ok: true })
  })

  it('for another name is refused before anything is sent', async () => {
    await using other = byName('other.example')
    expect(await other.failure()).toMatchObject({
      code: 'UNAVAILABLE',
      effect: 'none',
      message: 'invalid certificate (ERR_TLS_CERT_ALTNAME_INVALID)',
    })
  })

  it.each([
    ['from an authority that nobody knows', stranger.cert],
    // The system's own authorities.
    ['signed by a test', undefined],
  ])('%s is refused before anything is sent', async (_what, ca) => {
    await using connection = connect({ url: `https://127.0.0.1:${server.port}` }, ca === undefined ? {} : { ca })
    expect(await connection.failure()).toMatchObject({
      code: 'UNAVAILABLE',
      effect: 'none',
      message: expect.stringMatching(/^invalid certificate \((UNABLE_TO_|SELF_SIGNED|DEPTH)/) as string,
    })
  })

  it('that has expired is refused before anything is sent', async () => {
    await using expired = await startTlsServer(authority.issue(['lsp.example'], Date.now() - 10 * 86_400_000))
    await using connection = byName('lsp.example', { port: expired.port })
    expect(await connection.failure()).toMatchObject({
      code: 'UNAVAILABLE',
      effect: 'none',
      message: 'invalid certificate (CERT_HAS_EXPIRED)',
    })
  })

  it('is asked for even where NODE_TLS_REJECT_UNAUTHORIZED says not to', async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      await using connection = connect({ url: `https://127.0.0.1:${server.port}` }, { ca: stranger.cert })
      expect(await connection.failure()).toMatchObject({ code: 'UNAVAILABLE', effect: 'none' })
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    }
  })

  it('is missed where a server speaks no TLS', async () => {
    await using plain = await startRawServer((socket) => void socket.end(okAnswer()))
    await using connection = connect({ url: `https://127.0.0.1:${plain.port}` })
    expect(await connection.failure()).toMatchObject({ code: 'UNAVAILABLE', effect: 'none' })
  })
})

describe('a pinned key', () => {
  it('that is the server’s lets it through, also as one of several and on later connections', async () => {
    await using connection = byName('lsp.example', { pinnedKeySha256: ['00'.repeat(32), lsp.pin] })
    const before = server.connections.length
    await Promise.all(Array.from({ length: 3 }, () => connection.ask()))
    for (const socket of server.connections.slice(before)) socket.destroy()
    await new Promise((closed) => setTimeout(closed, 50))
    await expect(connection.ask()).resolves.toEqual({ ok: true })
  })

  it('that is not the server’s refuses it before anything is sent, however valid its certificate, every time', async () => {
    await using connection = byName('lsp.example', { pinnedKeySha256: ['00'.repeat(32)] })
    for (let time = 0; time < 3; time++) {
      expect(await connection.failure()).toMatchObject({
        code: 'UNAVAILABLE',
        effect: 'none',
        message: "the server's public key is not in pinnedKeySha256",
      })
    }
  })

  it('does not make up for a certificate that is not valid', async () => {
    await using connection = byName('other.example', { pinnedKeySha256: [lsp.pin] })
    expect(await connection.failure()).toMatchObject({
      effect: 'none',
      message: expect.stringContaining('invalid certificate') as string,
    })
  })
})

describe('http', () => {
  it('to another machine is refused before anything is sent, unless it is allowed', async () => {
    await using plain = await startRawServer((socket) => void socket.write(okAnswer()))
    const target = { url: `http://lsp.example:${plain.port}`, allowPrivateAddresses: true }
    await using refused = connect(target, { lookup: resolver(['127.0.0.1']) })
    expect(await refused.failure()).toMatchObject({
      code: 'UNAVAILABLE',
      effect: 'none',
      message: 'http is not allowed: use https, or set allowInsecure',
    })
    expect(plain.connections).toEqual([])
    await using allowed = connect({ ...target, allowInsecure: true }, { lookup: resolver(['127.0.0.1']) })
    await expect(allowed.ask()).resolves.toEqual({ ok: true })
  })
})

import { describe, expect, it } from 'vitest'
import { connect, okAnswer, resolver, startRawServer } from './support.ts'
import { isLocalHost, isLoopback, isPublic } from '../../src/upstream/addresses.ts'

// Which machines the gateway can be made to talk to by whoever answers for an LSP's name.

const PRIVATE = {
  'this network': ['0.0.0.0', '0.1.2.3'],
  'this machine': ['127.0.0.1', '127.255.255.254', '::1'],
  'RFC 1918': ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  'carrier-grade NAT': ['100.64.0.1', '100.127.255.255'],
  'link-local': ['169.254.0.1', 'fe80::1', 'febf::1', 'fe80::1%eth0'],
  "a cloud's metadata": ['169.254.169.254', '169.254.170.2', '100.100.100.200', 'fd00:ec2::254', '192.0.0.192'],
  'unique local': ['fc00::1', 'fdff::1'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
  'nobody, or everybody': [
    '::',
    '255.255.255.255',
    '240.0.0.1',
    '198.18.0.1',
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.1',
    '2001:db8::1',
    '3fff::1',
    '100::1',
    'fec0::1',
  ],
  'IPv4 within IPv6': [
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '::7f00:1',
    '::a00:1',
    '::ffff:0:127.0.0.1',
  ],
  'NAT64 and tunnels': [
    '64:ff9b::7f00:1',
    '64:ff9b::10.0.0.1',
    '64:ff9b::169.254.169.254',
    '64:ff9b:1::10.0.0.1',
    '2002:7f00:1::',
    '2001::1',
  ],
  'what no router knows': ['4000::1', '8000::1', 'f000::1'],
  'what is no address': ['', 'localhost', '127.1', '0x7f.1', '1.2.3', '1.2.3.4.5', '::1::', 'null'],
}

describe('an address', () => {
  it.each(Object.entries(PRIVATE))('is not public: %s', (_what, addresses) => {
    expect(addresses.filter((address) => isPublic(address))).toEqual([])
  })

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '100.63.0.1',
    '100.128.0.1',
    '169.253.0.1',
    '2606:4700:4700::1111',
    '2a00:1450::1',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
  ])('is public: %s', (address) => {
    expect(isPublic(address)).toBe(true)
  })

  it('of this machine is known in every spelling that a URL leaves of it', () => {
    expect(['127.0.0.1', '::1', '::ffff:127.0.0.1'].filter((address) => !isLoopback(address))).toEqual([])
    const hosts = [
      'http://127.1',
      'http://0x7f000001',
      'http://2130706433',
      'http://[::1]',
      'http://[0:0::1]',
      'http://localhost',
      'http://LocalHost.',
    ].map((url) => new URL(url).hostname)
    expect(hosts.filter((host) => !isLocalHost(host))).toEqual([])
    expect(
      ['0.0.0.0', '[::]', '10.0.0.1', 'localhost.example', 'a.localhost', 'lsp.example'].filter((host) =>
        isLocalHost(host),
      ),
    ).toEqual([])
  })
})

describe('an LSP that is configured by a name', () => {
  const REFUSED =
    /^lsp\.example resolves to a private address: use the address itself in url, or set allowPrivateAddresses$/

  it.each(
    Object.values(PRIVATE)
      .flat()
      .filter((address) => /[.:]/.test(address) && !/^(127\.1|0x7f\.1|1\.2\.3|1\.2\.3\.4\.5|::1::)$/.test(address)),
  )('is not spoken to where the name leads to %s', async (address) => {
    await using connection = connect({ url: 'https://lsp.example' }, { lookup: resolver([address]) })
    expect(await connection.failure()).toMatchObject({
      code: 'UNAVAILABLE',
      effect: 'none',
      message: expect.stringMatching(REFUSED) as string,
    })
  })

  it('is connected to at the addresses alone that are allowed', async () => {
    await using server = await startRawServer((socket) => void socket.write(okAnswer()))
    const lookup = resolver(['10.0.0.1', '127.0.0.1', '169.254.169.254'])
    // "localhost" may lead to this machine, and nowhere else.
    await using local = connect({ url: `http://localhost:${server.port}` }, { lookup })
    await expect(local.ask()).resolves.toEqual({ ok: true })
    await using astray = connect(
      { url: `http://localhost:${server.port}` },
      { lookup: resolver(['10.0.0.1', '8.8.8.8']) },
    )
    expect(await astray.failure()).toMatchObject({
      effect: 'none',
      message: expect.stringContaining('resolves to a private address') as string,
    })
  })

  it('may lead into a private network where that is allowed', async () => {
    await using server = await startRawServer((socket) => void socket.write(okAnswer()))
    await using connection = connect(
      { url: `http://lsp.example:${server.port}`, allowInsecure: true, allowPrivateAddresses: true },
      { lookup: resolver(['127.0.0.1']) },
    )
    await expect(connection.ask()).resolves.toEqual({ ok: true })
  })

  it('gains nothing by changing its mind: what is connected to is the answer that was checked', async () => {
    // One connection to a request, so that the name is looked up for each.
    await using server = await startRawServer((socket) => void socket.end(okAnswer('connection: close\r\n')))
    const lookup = resolver(['127.0.0.1'], ['169.254.169.254'], ['10.0.0.1', '8.8.8.8'], ['127.0.0.1'])
    await using connection = connect({ url: `http://localhost:${server.port}` }, { lookup })
    await expect(connection.ask()).resolves.toEqual({ ok: true })
    for (let time = 0; time < 2; time++)
      expect(await connection.failure()).toMatchObject({
        code: 'UNAVAILABLE',
        effect: 'none',
        message: expect.stringContaining('resolves to a private address') as string,
      })
    await expect(connection.ask()).resolves.toEqual({ ok: true })
    // Once for each connection: nobody looks again between the check and the connection.
    expect(lookup.asked).toHaveLength(4)
    expect(server.connections).toHaveLength(2)
  })

  it('that has no address is not there', async () => {
    await using connection = connect(
      { url: 'https://lsp.example' },
      { lookup: (_name, _options, callback) => callback(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), []) },
    )
    expect(await connection.failure()).toMatchObject({
      code: 'UNAVAILABLE',
      effect: 'none',
      message: 'no connection (ENOTFOUND)',
    })
  })
})

describe('an LSP that is configured by its address', () => {
  it('is spoken to there without being looked up', async () => {
    await using server = await startRawServer((socket) => void socket.write(okAnswer()))
    const lookup = resolver(['8.8.8.8'])
    await using connection = connect({ url: `http://127.0.0.1:${server.port}` }, { lookup })
    await expect(connection.ask()).resolves.toEqual({ ok: true })
    expect(lookup.asked).toEqual([])
  })

  it('is spoken to at IPv6 too', async (context) => {
    const server = await startRawServer((socket) => void socket.write(okAnswer()), '::1').catch(() => context.skip())
    await using _ = server
    await using connection = connect({ url: `http://[::1]:${server.port}` })
    await expect(connection.ask()).resolves.toEqual({ ok: true })
  })
})

import { describe, expect, test } from 'vitest'
import { ConfigError, parseConfig } from '../../src/config.ts'
import { signingKey } from '../../src/webhooks/signing.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

function webhookOf(webhook: Record<string, unknown>) {
  const text = `lsps:\n  - { id: a, name: A, protocol: lsps1, url: 'https://lsp.example', network: regtest }\nclients:\n  - name: wallet\n    keySha256: ${'ab'.repeat(32)}\n    webhook: ${JSON.stringify(webhook)}\nleaseReminderDays: 3\n`
  return parseConfig(text, { HOOK: SECRET }, 'sluice.yaml').clients[0]?.webhook
}

function refusalOf(webhook: Record<string, unknown>): string {
  try {
    webhookOf(webhook)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
  }
  throw new Error('nothing was refused')
}

describe('a webhook in the configuration', () => {
  test('has a URL and a secret, which may come from the environment', () => {
    expect(webhookOf({ url: 'https://wallet.example/hook?for=me', secret: '${HOOK}' })).toEqual({
      url: 'https://wallet.example/hook?for=me',
      secret: SECRET,
      allowPrivateAddresses: false,
    })
    expect(webhookOf({ url: 'http://10.0.0.7:8080/', secret: '${HOOK}', allowPrivateAddresses: true })).toMatchObject({
      url: 'http://10.0.0.7:8080/',
    })
  })

  test.each([
    [
      'http: to the internet',
      { url: 'http://wallet.example/', secret: '${HOOK}' },
      'http: is not allowed without allowPrivateAddresses',
    ],
    [
      'this machine',
      { url: 'https://localhost/', secret: '${HOOK}' },
      'a private address is not allowed without allowPrivateAddresses',
    ],
    [
      'this machine, in another spelling',
      { url: 'https://[::ffff:127.0.0.1]/', secret: '${HOOK}' },
      'a private address is not allowed',
    ],
    [
      'this machine, as a number',
      { url: 'https://2130706433/', secret: '${HOOK}' },
      'a private address is not allowed',
    ],
    ['a private network', { url: 'https://192.168.1.1/', secret: '${HOOK}' }, 'a private address is not allowed'],
    ['a metadata service', { url: 'https://169.254.169.254/', secret: '${HOOK}' }, 'a private address is not allowed'],
    ['no URL', { url: 'wallet.example', secret: '${HOOK}' }, 'allowed: an https:// URL without credentials'],
    [
      'credentials',
      { url: 'https://me:hunter2@wallet.example/', secret: '${HOOK}' },
      'allowed: an https:// URL without credentials',
    ],
    ['no secret', { url: 'https://wallet.example/' }, 'secret: is required'],
    [
      'a short secret',
      { url: 'https://wallet.example/', secret: 'hunter2' },
      'secret: the value (not shown) is not allowed',
    ],
    [
      'a secret that is no base64',
      { url: 'https://wallet.example/', secret: 'whsec_hunter2 hunter2 hunter2 hunter2' },
      'secret: the value (not shown) is not allowed',
    ],
  ])('is refused with %s, and the message repeats no secret', (_, webhook, message) => {
    const refusal = refusalOf(webhook)
    expect(refusal).toContain('sluice.yaml:6: clients[0].webhook')
    expect(refusal).toContain(message)
    expect(refusal).not.toContain('hunter2')
  })

  test('may have a secret of 24 to 64 bytes in base64, or of 24 characters', () => {
    const whsec = (bytes: number) => signingKey(`whsec_${Buffer.alloc(bytes, 9).toString('base64')}`)
    expect([23, 24, 64, 65].map((bytes) => whsec(bytes)?.length ?? null)).toEqual([null, 24, 64, null])
    expect(signingKey('x'.repeat(23))).toBeNull()
    expect(signingKey('x'.repeat(24))).toEqual(Buffer.from('x'.repeat(24)))
  })
})

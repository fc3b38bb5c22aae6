import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'

// Certificates made on the spot: no file of them lies about and expires, and no package is needed to write them.

export interface Identity {
  /** PEM */
  key: string
  cert: string
  /** As `pinnedKeySha256` has it in the settings: hexadecimal. */
  pin: string
}

export interface Authority {
  /** PEM */
  cert: string
  /** A certificate for these names and IPv4 addresses; valid for a day from `notBefore` on. */
  issue(names: readonly string[], notBefore?: number): Identity
}

const DAY_MS = 86_400_000

export function createAuthority(): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  // Each its own: a certificate is checked against the key of whoever has its issuer's name.
  const name = nameOf(`test authority ${randomBytes(4).toString('hex')}`)
  const basicConstraints = extension('2.5.29.19', sequence(der(0x01, Buffer.from([0xff]))), true)
  return {
    cert: certificate({
      issuer: name,
      subject: name,
      publicKey,
      signer: privateKey,
      extensions: [basicConstraints],
      notBefore: Date.now() - DAY_MS / 2,
    }),
    issue(names, notBefore = Date.now() - DAY_MS / 2) {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      return {
        key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        cert: certificate({
          issuer: name,
          subject: nameOf(names[0] ?? ''),
          publicKey: pair.publicKey,
          signer: privateKey,
          extensions: [alternativeNames(names)],
          notBefore,
        }),
        pin: createHash('sha256').update(spki(pair.publicKey)).digest('hex'),
      }
    },
  }
}

interface Contents {
  issuer: Buffer
  subject: Buffer
  publicKey: KeyObject
  signer: KeyObject
  extensions: readonly Buffer[]
  notBefore: number
}

function certificate({ issuer, subject, publicKey, signer, extensions, notBefore }: Contents): string {
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'))
  const validity = sequence(time(notBefore), time(notBefore + DAY_MS))
  const version3 = der(0xa0, integer(Buffer.from([2])))
  const serial = integer(Buffer.concat([Buffer.from([1]), randomBytes(8)]))
  const signed = sequence(
    version3,
    serial,
    algorithm,
    issuer,
    validity,
    subject,
    spki(publicKey),
    der(0xa3, sequence(...extensions)),
  )
  const whole = sequence(signed, algorithm, bitString(sign('sha256', signed, signer)))
  return `-----BEGIN CERTIFICATE-----\n${whole
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')}\n-----END CERTIFICATE-----\n`
}

function alternativeNames(names: readonly string[]): Buffer {
  const entries = names.map((name) =>
    isIP(name) === 4 ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name)),
  )
  return extension('2.5.29.17', sequence(...entries), false)
}

const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' })
const nameOf = (text: string) => sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(text)))))
const time = (at: number) => der(0x18, Buffer.from(new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '')))
const sequence = (...parts: readonly Buffer[]) => der(0x30, Buffer.concat(parts))
const integer = (bytes: Buffer) => der(0x02, bytes)
const bitString = (bytes: Buffer) => der(0x03, Buffer.concat([Buffer.from([0]), bytes]))

function extension(id: string, value: Buffer, critical: boolean): Buffer {
  return sequence(oid(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value))
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const base128 = (value: number): number[] =>
    value < 128 ? [value] : [...base128(Math.floor(value / 128)).map((byte) => byte | 0x80), value % 128]
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

import { createHash, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose'
import type { ClientConfig, GatewayConfig } from '../../src/config.ts'
import { DEFAULT_LIMITS, type LimitsConfig } from '../../src/config/access.ts'
import { createLogger, run } from '../../src/run.ts'
import { startSandbox } from '../../src/sandbox/index.ts'
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts'

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** A key that nothing but this run knows, so that a search for it finds leaks and nothing else. */
export const newKey = (name: string) => `${name}-${randomBytes(16).toString('hex')}`

export const clientOf = (name: string, key: string, more: Partial<ClientConfig> = {}): ClientConfig => ({
  name,
  keySha256: sha256(key),
  ...more,
})

export const limits = (changed: Partial<LimitsConfig>): Pick<GatewayConfig, 'limits'> => ({
  limits: { ...DEFAULT_LIMITS, ...changed },
})

/** One simulated LSP that is quick, which is enough for what is refused before any is asked. */
export function startSmall(config: Partial<GatewayConfig> = {}, more: TestGatewayOptions = {}): Promise<TestGateway> {
  return startTestGateway({ sandbox: { only: ['olive'] }, config, ...more })
}

/** Listens where a container does, on every address: not only this machine can connect. */
export async function startExposed(
  config: Partial<GatewayConfig> = {},
): Promise<{ port: number; origin: string } & AsyncDisposable> {
  const sandbox = await startSandbox({ only: ['olive'] })
  const gateway = await run({
    host: '::',
    port: 0,
    configPath: null,
    databaseUrl: ':memory:',
    variables: {},
    sandbox,
    logger: createLogger('silent'),
    config,
  })
  const port = Number(new URL(gateway.origin).port)
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await gateway.close()
      await sandbox.close()
    },
  }
}

/** Signs tokens, and tells its public key at an address of its own. */
export class Issuer implements AsyncDisposable {
  readonly issuer = 'https://id.example/'
  readonly audience = 'sluice'
  readonly #privateKey: CryptoKey
  readonly #server: Server
  /** How often its keys were asked for. */
  asked = 0
  isDown = false

  private constructor(privateKey: CryptoKey, keys: unknown) {
    this.#privateKey = privateKey
    this.#server = createServer((_request, response) => {
      this.asked += 1
      if (this.isDown) response.writeHead(500).end()
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(keys))
    })
  }

  static async start(): Promise<Issuer> {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const issuer = new Issuer(privateKey, { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] })
    await new Promise<void>((resolve) => {
      issuer.#server.listen(0, '127.0.0.1', resolve)
    })
    return issuer
  }

  get config() {
    const { port } = this.#server.address() as AddressInfo
    return {
      issuer: this.issuer,
      audience: this.audience,
      jwksUrl: `http://127.0.0.1:${port}/keys`,
      algorithms: ['ES256'],
    }
  }

  /** A good token, but for what is changed. */
  token(
    changed: { sub?: unknown; iss?: string; aud?: string; exp?: number | string; key?: CryptoKey; alg?: string } = {},
  ): Promise<string> {
    const {
      sub = 'alice',
      iss = this.issuer,
      aud = this.audience,
      exp = '5 minutes',
      key = this.#privateKey,
      alg = 'ES256',
    } = changed
    return new SignJWT({ sub } as JWTPayload)
      .setProtectedHeader({ alg, kid: 'one' })
      .setIssuer(iss)
      .setAudience(aud)
      .setIssuedAt()
      .setExpirationTime(exp)
      .sign(key)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => {
      this.#server.close(resolve)
    })
  }
}

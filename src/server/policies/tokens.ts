import {
  createRemoteJWKSet,
  customFetch,
  errors,
  jwtVerify,
  type FetchImplementation,
  type JWTVerifyGetKey,
} from 'jose'
import type { JwtConfig } from '../../config/access.ts'
import { SECOND_MS, type Clock, type EpochMs } from '../../domain/time.ts'

/** The clocks of issuers are a little off. */
const CLOCK_TOLERANCE_S = 5
const KEYS_TIMEOUT_MS = 5 * SECOND_MS
/** An unknown key has the issuer asked for its keys anew, at most this often whatever strangers send. */
const KEYS_COOLDOWN_MS = 30 * SECOND_MS
const MAX_KEYS_BYTES = 1_000_000
const LONGEST_SUBJECT = 255
/** What a Date can hold. */
const LAST_INSTANT: EpochMs = 8.64e15

/** The issuer's keys could not be had, so nobody knows whether the token is good. */
export class KeysUnavailable extends Error {}

export interface Token {
  subject: string
  expiresAt: EpochMs
}

/** Verifies the tokens (JWTs) of one issuer by its public keys. */
export class TokenVerifier {
  readonly #config: JwtConfig
  readonly #keys: JWTVerifyGetKey
  readonly #clock: Clock

  constructor(config: JwtConfig, clock: Clock) {
    this.#config = config
    this.#clock = clock
    this.#keys = createRemoteJWKSet(new URL(config.jwksUrl), {
      timeoutDuration: KEYS_TIMEOUT_MS,
      cooldownDuration: KEYS_COOLDOWN_MS,
      [customFetch]: boundedFetch,
    })
  }

  /** null when it is none of the issuer's for us, or not now. @throws KeysUnavailable */
  async verify(token: string): Promise<Token | null> {
    const { issuer, audience, algorithms } = this.#config
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        issuer,
        audience,
        algorithms: [...algorithms],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(this.#clock.now()),
        requiredClaims: ['sub', 'exp'],
      })
      const { exp } = payload
      // Its type is what the standard says, not what the issuer did.
      const sub: unknown = payload.sub
      if (typeof sub !== 'string' || sub === '' || sub.length > LONGEST_SUBJECT) return null
      if (exp === undefined || exp > LAST_INSTANT / SECOND_MS) return null
      return { subject: sub, expiresAt: exp * SECOND_MS }
    } catch (error) {
      if (isTheTokens(error)) return null
      throw new KeysUnavailable('the keys of the issuer could not be had', { cause: error })
    }
  }
}

/** Whether the token is what is wrong, rather than the way to the issuer's keys. */
function isTheTokens(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return false
  return !(
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === 'ERR_JOSE_GENERIC'
  )
}

/** Follows no redirects, which jose refuses too, and reads no more than keys take. */
const boundedFetch: FetchImplementation = async (url, options) => {
  const response = await fetch(url, { ...options, redirect: 'manual' })
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength
    if (length > MAX_KEYS_BYTES) throw new Error('the issuer answers with more than keys')
    chunks.push(chunk)
  }
  // 3xx and 204 take no body in a Response; neither is an answer with keys.
  return response.status === 200
    ? new Response(Buffer.concat(chunks), { status: 200 })
    : new Response(null, { status: 502 })
}

import { createHash, timingSafeEqual } from 'node:crypto'
import type { ClientConfig } from '../config.ts'
import type { AccessConfig, ClientLimits } from '../config/access.ts'
import type { Clock } from '../domain/time.ts'
import { Grant } from './policies/grant.ts'
import { TokenVerifier } from './policies/tokens.ts'

/** Whose everything is when the operator configured no clients. */
const EVERYBODY = 'everybody'

/** Whose quotes, orders and renewals are those of the client that the operator calls so. */
export const clientIdOf = (name: string) => `key:${name}`

interface KeyHolder {
  hash: Buffer
  grant: Grant
}

/** Tells clients apart: by their keys, of which only hashes are known here, or by tokens of the operator's issuer. */
export class Clients {
  readonly #limits: ClientLimits
  readonly #clock: Clock
  readonly #tokens: TokenVerifier | null
  readonly #everybody: Grant
  #holders: readonly KeyHolder[] = []

  constructor(clients: readonly ClientConfig[], { limits, jwt }: Pick<AccessConfig, 'limits' | 'jwt'>, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
    this.#tokens = jwt && new TokenVerifier(jwt, clock)
    this.#everybody = new Grant(EVERYBODY, { limits, expiresAt: null }, clock)
    this.#holders = clients.map((client) => this.#holderOf(client))
  }

  /** Whether a key is what it takes; else everybody who can connect is one client. */
  get haveKeys(): boolean {
    return this.#holders.length > 0 || this.#tokens !== null
  }

  /**
   * The keys of before that are not among these end, and what they have open; the others go on, under the terms of
   * now. The last key is not taken away: that would let everybody in.
   */
  replace(clients: readonly ClientConfig[]): { added: number; revoked: number } {
    if (clients.length === 0 && this.haveKeys)
      throw new Error('with no clients left everybody would be let in; that takes a restart')
    const before = this.#holders
    const hadKeys = this.haveKeys
    this.#holders = clients.map((client) => {
      const hash = hashOf(client)
      const same = before.find(
        (holder) =>
          holder.grant.clientId === clientIdOf(client.name) &&
          holder.hash.equals(hash) &&
          holder.grant.over !== 'REVOKED',
      )
      if (!same) return this.#holderOf(client)
      if (same.grant.over !== null) return this.#holderOf(client)
      same.grant.change(this.#termsOf(client))
      return same
    })
    const kept = new Set(this.#holders.map(({ grant }) => grant))
    const gone = before.filter(({ grant }) => !kept.has(grant))
    for (const { grant } of gone) grant.revoke()
    if (!hadKeys && this.haveKeys) this.#everybody.revoke()
    return { added: this.#holders.filter((holder) => !before.includes(holder)).length, revoked: gone.length }
  }

  /** What the client may whose key stands in an `Authorization: Bearer KEY`; null when there is none whose it is. */
  grantOfKey(authorization: string | null | undefined): Grant | null {
    if (!this.haveKeys) return this.#everybody
    const key = bearerOf(authorization)
    if (key === null) return null
    const hash = createHash('sha256').update(key).digest()
    // Every client is compared, so that the time it takes tells nothing of which one comes close.
    const grant = this.#holders.reduce<Grant | null>(
      (found, holder) => (timingSafeEqual(holder.hash, hash) ? holder.grant : found),
      null,
    )
    return grant?.over === null ? grant : null
  }

  /** The same for a token of the issuer. @throws KeysUnavailable when it cannot be verified now */
  async grantOfToken(authorization: string | null | undefined): Promise<Grant | null> {
    const key = bearerOf(authorization)
    if (this.#tokens === null || key === null || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(key)) return null
    const token = await this.#tokens.verify(key)
    return (
      token &&
      new Grant(`jwt:${token.subject}`, { limits: this.#limits, expiresAt: token.expiresAt }, this.#clock, {
        isRenewable: true,
      })
    )
  }

  #holderOf(client: ClientConfig): KeyHolder {
    return { hash: hashOf(client), grant: new Grant(clientIdOf(client.name), this.#termsOf(client), this.#clock) }
  }

  #termsOf({ expiresAt, limits }: ClientConfig) {
    const own = Object.fromEntries(Object.entries(limits ?? {}).filter(([, value]) => value !== undefined))
    return { limits: { ...this.#limits, ...own }, expiresAt: expiresAt ?? null }
  }
}

function bearerOf(authorization: string | null | undefined): string | null {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null
}

function hashOf({ keySha256 }: ClientConfig): Buffer {
  return Buffer.from(keySha256, 'hex')
}

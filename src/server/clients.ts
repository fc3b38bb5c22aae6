import { createHash, timingSafeEqual } from 'node:crypto'
import type { ClientConfig } from '../config.ts'

/** Whose everything is when the operator configured no clients. */
const EVERYBODY = 'everybody'

/** Whose quotes, orders and renewals are those of the client that the operator calls so. */
export const clientIdOf = (name: string) => `key:${name}`

/** Tells clients apart by their keys, of which only hashes are known here. */
export class Clients {
  readonly #clients: readonly { id: string; hash: Buffer }[]

  constructor(clients: readonly ClientConfig[]) {
    this.#clients = clients.map(({ name, keySha256 }) => ({ id: clientIdOf(name), hash: Buffer.from(keySha256, 'hex') }))
  }

  /** Whether a key is what it takes; else everybody who can connect is one client. */
  get haveKeys(): boolean {
    return this.#clients.length > 0
  }

  /** The client whose key stands in an `Authorization: Bearer KEY`; null when there is none whose it is. */
  identify(authorization: string | null | undefined): string | null {
    if (!this.haveKeys) return EVERYBODY
    const key = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    if (key === undefined) return null
    const hash = createHash('sha256').update(key).digest()
    // Every client is compared, so that the time it takes tells nothing of which one comes close.
    return this.#clients.reduce<string | null>((found, client) => (timingSafeEqual(client.hash, hash) ? client.id : found), null)
  }
}

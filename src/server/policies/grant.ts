import type { ClientLimits } from '../../config/access.ts'
import type { Clock, EpochMs } from '../../domain/time.ts'

export type GrantEnd = 'EXPIRED' | 'REVOKED'

/** A longer timer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export interface GrantTerms {
  limits: ClientLimits
  /** null: it does not expire. */
  expiresAt: EpochMs | null
}

/** The right of one client to ask, for as long as it lasts. */
export class Grant {
  readonly clientId: string
  /** Whether the client can get a new one by itself, as with a token of an issuer. */
  readonly isRenewable: boolean
  readonly #clock: Clock
  #terms: GrantTerms
  #end: GrantEnd | null = null
  #timer: NodeJS.Timeout | null = null
  readonly #listeners = new Set<(end: GrantEnd) => void>()

  constructor(clientId: string, terms: GrantTerms, clock: Clock, { isRenewable = false } = {}) {
    this.clientId = clientId
    this.isRenewable = isRenewable
    this.#terms = terms
    this.#clock = clock
  }

  get limits(): ClientLimits {
    return this.#terms.limits
  }

  /** Why it holds no longer; null while it does. */
  get over(): GrantEnd | null {
    const { expiresAt } = this.#terms
    if (this.#end === null && expiresAt !== null && expiresAt <= this.#clock.now()) this.#finish('EXPIRED')
    return this.#end
  }

  /** What is open stays open, unless the new terms end it. */
  change(terms: GrantTerms): void {
    this.#terms = terms
    if (this.over === null) this.#wait()
  }

  revoke(): void {
    this.#finish('REVOKED')
  }

  /** @returns what stops the listening. A grant that is over tells so at once. */
  onEnd(listener: (end: GrantEnd) => void): () => void {
    const { over } = this
    if (over !== null) {
      listener(over)
      return () => {}
    }
    this.#listeners.add(listener)
    this.#wait()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#stopWaiting()
    }
  }

  /** Only while somebody listens: a token that asks once needs no timer. */
  #wait(): void {
    this.#stopWaiting()
    const { expiresAt } = this.#terms
    if (expiresAt === null || this.#listeners.size === 0) return
    const left = Math.min(Math.max(0, expiresAt - this.#clock.now()), LONGEST_TIMER_MS)
    this.#timer = setTimeout(() => {
      if (this.over === null) this.#wait()
    }, left)
    this.#timer.unref()
  }

  #stopWaiting(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }

  #finish(end: GrantEnd): void {
    if (this.#end !== null) return
    this.#end = end
    this.#stopWaiting()
    for (const listener of this.#listeners) listener(end)
    this.#listeners.clear()
  }
}

import { createHash } from 'node:crypto'
import { uuidv7 } from 'uuidv7'
import { isEnded, stateAfterEnd } from '../domain/ending.ts'
import { LspFailure } from '../domain/failure.ts'
import { MAX_SAT, sat, ZERO_SAT } from '../domain/money.ts'
import { failedChecks, verifyOffer, type Check } from '../domain/offer.ts'
import { verifyChannel } from '../domain/openable.ts'
import { cheapestOf, costSat, isSettled, optionsOf, type Payment, type PaymentMaximums } from '../domain/payment.ts'
import { moveOptions, paymentStates, replacesOffer, showsPayment, withoutOffer } from '../domain/payment-progress.ts'
import { orderStateOf } from '../domain/progress.ts'
import type { Renewal } from '../domain/renewal-record.ts'
import { LATE_PAYMENT_WATCH_MS, type Pace } from '../domain/schedule.ts'
import { HOUR_MS, type Clock, type EpochMs } from '../domain/time.ts'
import type { RenewalReading } from '../protocols/adapter.ts'
import { assertMayAct } from '../quotes/courtesy.ts'
import type { TrackedRenewal } from '../store/renewals.ts'
import type { Store, Stores } from '../store/store.ts'
import type { Lsp } from '../upstream/lsp.ts'
import type { LspRegistry } from '../upstream/registry.ts'

export interface RenewalInput {
  lspId: string
  shortChannelId: string
  validTo: EpochMs
  signedMessage: string
}

/** Orders longer lives for channels that stand, and follows those orders. */
export class RenewalDesk {
  readonly #store: Store
  readonly #lsps: LspRegistry
  readonly #clock: Clock
  readonly #pace: Pace
  /** Being ordered right now, by what they were asked for with. */
  readonly #asking = new Map<string, Promise<Renewal>>()

  constructor(store: Store, lsps: LspRegistry, clock: Clock, pace: Pace) {
    this.#store = store
    this.#lsps = lsps
    this.#clock = clock
    this.#pace = pace
  }

  /**
   * The same signature again is the same renewal, however often and wherever it is brought.
   * @throws LspFailure; one whose effect is unknown may have left a renewal at the LSP, which costs nothing unpaid.
   */
  async order(lsp: Lsp, clientId: string, input: RenewalInput): Promise<Renewal> {
    const question = questionOf(clientId, lsp.id, input)
    const asked = this.#asking.get(question)
    if (asked) return asked
    const renewal = this.#order(lsp, clientId, input, question).finally(() => this.#asking.delete(question))
    this.#asking.set(question, renewal)
    return renewal
  }

  async #order(lsp: Lsp, clientId: string, input: RenewalInput, question: string): Promise<Renewal> {
    const known = await this.#store.renewals.byQuestion(question)
    if (known) return known
    if (!lsp.adapter.renew) throw new LspFailure('UNSUPPORTED', 'this LSP does not renew channels')
    const limited = lsp.rateLimitFailure
    if (limited) throw limited
    await assertMayAct(this.#store, lsp.settings, clientId, this.#clock.now())
    const reading = await lsp.adapter.renew(lsp.call({ secrets: [input.signedMessage] }), input)
    const now = this.#clock.now()
    const { payment, checks } = this.#verify(lsp, input, reading, now)
    const renewal: Renewal = {
      id: uuidv7(),
      clientId,
      lspId: lsp.id,
      shortChannelId: input.shortChannelId,
      lspOrderId: reading.lspOrderId,
      state: orderStateOf(reading.state, { states: paymentStates(payment), free: false, paid: showsPayment(reading) }),
      feeTotalSat: cheapestOf(payment)?.feeTotalSat ?? ZERO_SAT,
      payment,
      maximums: firstAsked(payment),
      checks,
      channel: verifyChannel(reading.channel).channel,
      renewedUntil: reading.renewedUntil,
      paymentSeenAt: showsPayment(reading) ? now : null,
      createdAt: now,
      updatedAt: now,
    }
    try {
      return await this.#store.transaction((stores) => this.#insert(stores, renewal, question))
    } catch (error) {
      const first = await this.#store.renewals.byQuestion(question)
      // Another instance was asked for it at the same moment.
      if (first) return first
      throw error
    }
  }

  /** @returns the renewal; where the LSP answered with the one that it gave this client before, that one. */
  async #insert({ renewals, destinations }: Stores, renewal: Renewal, question: string): Promise<Renewal> {
    const paymentHash = renewal.payment.bolt11?.paymentHash
    const holder = paymentHash === undefined ? renewal.id : await destinations.claim(paymentHash, renewal.id)
    if (holder !== renewal.id) {
      const before = await renewals.get(renewal.clientId, holder)
      if (before?.lspId === renewal.lspId && before.lspOrderId === renewal.lspOrderId) return before
      throw new LspFailure('UNTRUSTWORTHY', `something else is to be paid to ${paymentHash} too`)
    }
    await renewals.insert(renewal, question, renewal.createdAt + this.#pace.activeMs)
    return renewal
  }

  #verify(
    lsp: Lsp,
    { shortChannelId }: RenewalInput,
    reading: RenewalReading,
    now: EpochMs,
  ): { payment: Payment; checks: readonly Check[] } {
    if (isOther(reading.shortChannelId, shortChannelId))
      throw new LspFailure('UNTRUSTWORTHY', `the LSP answered for the channel ${reading.shortChannelId}`)
    if (reading.renewedUntil !== null && reading.renewedUntil <= now)
      throw new LspFailure(
        'UNTRUSTWORTHY',
        `the LSP would renew the channel until ${new Date(reading.renewedUntil).toISOString()}, which is past`,
      )
    if (reading.payment === null)
      throw new LspFailure('BAD_RESPONSE', 'the answer says nothing about the payment', { effect: 'unknown' })
    const { payment, checks } = verifyOffer(reading.payment, {
      network: lsp.settings.network,
      addressKinds: lsp.adapter.addressKinds,
      clientBalanceSat: ZERO_SAT,
      free: reading.free,
      lspPubkeys: lsp.pubkeys,
      orderExpiresAt: reading.expiresAt,
      // A renewal has no on-chain refund address to send, so it is paid by Lightning.
      refundOnchainAddress: null,
      now,
    })
    if (payment === null) throw new LspFailure('UNTRUSTWORTHY', failedChecks(checks) ?? 'no payment option it')
    return { payment, checks }
  }

  /** Reads it once, and writes down what became of it, unless somebody has written it since it was taken. */
  async read({ renewal, ...taken }: TrackedRenewal): Promise<void> {
    const lsp = this.#lsps.require(renewal.lspId)
    const now = this.#clock.now()
    let next = renewal
    let soonest = now
    try {
      const reading = await lsp.adapter.readRenewal?.(lsp.call({ secrets: [] }), renewal.lspOrderId)
      if (reading) {
        const isAnother =
          reading.lspOrderId !== renewal.lspOrderId || isOther(reading.shortChannelId, renewal.shortChannelId)
        if (isAnother) throw new LspFailure('BAD_RESPONSE', 'the LSP answered about another renewal')
        next = this.#advance(renewal, reading, now)
      }
    } catch (error) {
      if (!(error instanceof LspFailure)) throw error
      if (error.code === 'NOT_FOUND') next = { ...renewal, notFoundAt: renewal.notFoundAt ?? now }
      // One that cannot be read must not be what an LSP is judged by.
      soonest = now + this.#pace.activeMs * 12
    }
    const nextReadAt = this.#nextReadAt(next, now)
    await this.#store.renewals.update(next, nextReadAt && Math.max(nextReadAt, soonest, lsp.notBefore), taken)
  }

  #advance(renewal: Renewal, reading: RenewalReading, now: EpochMs): Renewal {
    const paid = renewal.paymentSeenAt !== null || showsPayment(reading)
    // What is to be paid must not change under a wallet's hands.
    const isReplaced =
      !optionsOf(renewal.payment).some(isSettled) &&
      reading.payment !== null &&
      replacesOffer(renewal.payment, reading.payment)
    const payment = moveOptions(
      isReplaced ? withoutOffer(renewal.payment) : renewal.payment,
      reading.payment,
      paid,
      now,
    )
    const reported = orderStateOf(reading.state, { states: paymentStates(payment), free: false, paid })
    const state = paid ? reported : stateAfterEnd(renewal.state, reported)
    const hasEnded = renewal.endedAt === undefined && (isEnded(renewal.state) || isEnded(state))
    const renewedUntil = laterThan(renewal.createdAt, reading.renewedUntil) ?? renewal.renewedUntil
    const isChanged = state !== renewal.state || renewedUntil !== renewal.renewedUntil
    return {
      ...renewal,
      state,
      payment,
      channel: verifyChannel(reading.channel).channel ?? renewal.channel,
      renewedUntil,
      paymentSeenAt: renewal.paymentSeenAt ?? (paid ? now : null),
      updatedAt: isChanged ? now : renewal.updatedAt,
      notFoundAt: null,
      ...(hasEnded ? { endedAt: now } : {}),
    }
  }

  #nextReadAt(renewal: Renewal, now: EpochMs): EpochMs | null {
    const age = now - renewal.updatedAt
    if (renewal.state === 'COMPLETED' || renewal.state === 'REFUNDED') return null
    if (renewal.state === 'EXPIRED' || renewal.state === 'FAILED')
      return age > LATE_PAYMENT_WATCH_MS ? null : now + this.#pace.idleMs
    return now + (age < HOUR_MS ? this.#pace.activeMs : Math.min(this.#pace.activeMs * 12, this.#pace.idleMs))
  }
}

/** Later reports may not ask more than the first answer did, which the client saw. */
function firstAsked({ bolt11, bolt12, onchain }: Payment): PaymentMaximums {
  const asked = (option: typeof bolt11 | typeof bolt12 | typeof onchain) =>
    option && sat(Math.min(costSat(option), MAX_SAT))
  return { bolt11: asked(bolt11), bolt12: asked(bolt12), onchain: asked(onchain) }
}

/** Whether an answer names another channel; both spellings of an id are in use. */
function isOther(told: string | null, shortChannelId: string): boolean {
  return told !== null && told.replaceAll(':', 'x') !== shortChannelId.replaceAll(':', 'x')
}

/** Nobody paid for an end that had passed already. */
function laterThan(start: EpochMs, end: EpochMs | null): EpochMs | null {
  return end !== null && end > start ? end : null
}

function questionOf(clientId: string, lspId: string, { shortChannelId, validTo, signedMessage }: RenewalInput): string {
  return createHash('sha256')
    .update(JSON.stringify([clientId, lspId, shortChannelId, validTo, signedMessage]))
    .digest('hex')
}

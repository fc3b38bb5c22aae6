import { setTimeout as pause } from 'node:timers/promises'
import { uuidv7 } from 'uuidv7'
import { destinationsOf } from './destinations.ts'
import type { Hints } from './hints.ts'
import { inputHashOf, RenewalKeyConflict, requestKeyOf, type RenewalInput } from './renewal-key.ts'
import { writeAnswer } from './write-patience.ts'
import { isEnded, isUnknownToLsp, stateAfterEnd } from '../domain/ending.ts'
import { LspFailure } from '../domain/failure.ts'
import { refusalIn, verifyUnpaid } from '../domain/first-answer.ts'
import { pubkeyOfUri } from '../domain/lsp.ts'
import { maximumChecks } from '../domain/maximum.ts'
import { MAX_SAT, sat, ZERO_SAT } from '../domain/money.ts'
import { failedChecks, verifyOffer, type Check } from '../domain/offer.ts'
import { verifyChannel } from '../domain/openable.ts'
import {
  cheapestOf,
  costSat,
  endsOf,
  isSettled,
  NO_PAYMENT,
  optionsOf,
  sameMaximum,
  withinMaximums,
  type Payment,
  type PaymentMaximums,
} from '../domain/payment.ts'
import { moveOptions, paymentStates, replacesOffer, showsPayment, withoutOffer } from '../domain/payment-progress.ts'
import { orderStateOf } from '../domain/progress.ts'
import { verifyEnd } from '../domain/renewal-end.ts'
import type { Renewal, RenewalEvent } from '../domain/renewal-record.ts'
import { renewalChangeText } from '../domain/renewal-step.ts'
import { FAILED_WATCH_MS, LATE_PAYMENT_WATCH_MS, type Pace } from '../domain/schedule.ts'
import { cleanText } from '../domain/text.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, type Clock, type EpochMs } from '../domain/time.ts'
import type { RenewalReading } from '../protocols/adapter.ts'
import { assertMayAct } from '../quotes/courtesy.ts'
import type { TrackedRenewal } from '../store/renewals.ts'
import type { Store, Stores } from '../store/store.ts'
import type { Lsp } from '../upstream/lsp.ts'
import type { LspRegistry } from '../upstream/registry.ts'

/** A repeated call waits this long for the answer to the first one. */
const LATE_ANSWER_MS = MINUTE_MS
const LOOK_ELSEWHERE_MS = 100
/** Messages are signed for hours: one that is valid for longer after a restore was signed after it. */
const SIGNED_BEFORE_RESTORE_MS = DAY_MS

/** Requests longer leases for open channels, and polls these renewals. */
export class RenewalDesk {
  readonly #store: Store
  readonly #lsps: LspRegistry
  readonly #hints: Hints
  readonly #clock: Clock
  readonly #pace: Pace
  /** Requests that this instance is sending, by request key. */
  readonly #asking = new Map<string, { inputHash: string; renewal: Promise<Renewal> }>()

  constructor(store: Store, lsps: LspRegistry, hints: Hints, clock: Clock, pace: Pace) {
    this.#store = store
    this.#hints = hints
    this.#lsps = lsps
    this.#clock = clock
    this.#pace = pace
  }

  /**
   * Requests a renewal once for each key. A repeated call with the same input returns the same renewal.
   * @throws LspFailure: the LSP refuses the renewal, or its answer fails a check.
   * @throws RenewalKeyConflict: the key was used with another input. Nothing is sent.
   */
  async order(lsp: Lsp, clientId: string, input: RenewalInput): Promise<Renewal> {
    const question = requestKeyOf(clientId, input)
    const inputHash = inputHashOf(input)
    const asked = this.#asking.get(question)
    if (asked && asked.inputHash !== inputHash) throw new RenewalKeyConflict()
    if (asked) return asked.renewal
    const renewal = this.#order(lsp, clientId, input, question).finally(() => this.#asking.delete(question))
    this.#asking.set(question, { inputHash, renewal })
    return renewal
  }

  async #order(lsp: Lsp, clientId: string, input: RenewalInput, question: string): Promise<Renewal> {
    const known = await this.#store.renewals.byQuestion(question)
    if (known) return this.#known(known, question, input)
    if (!lsp.adapter.renew) throw new LspFailure('UNSUPPORTED', 'this LSP does not renew channels')
    const limited = lsp.rateLimitFailure
    if (limited) throw limited
    await assertMayAct(this.#store, lsp.settings, clientId, this.#clock.now())
    const intent = intentOf(lsp.id, clientId, input, this.#clock.now())
    const lost = this.#lostByRestore(intent, input)
    if (lost) {
      await this.#write(lost, null, ({ renewals }) => renewals.insert(lost, question, null))
      return lost
    }
    try {
      await this.#store.renewals.insert(intent, question, null)
    } catch (error) {
      const first = await this.#store.renewals.byQuestion(question)
      // Another instance wrote its intent first, so it sends the request.
      if (first) return this.#known(first, question, input)
      throw error
    }
    return this.#ask(lsp, input, intent)
  }

  /**
   * The renewal as OUTCOME_UNKNOWN if the message may have been signed and sent before the database was restored; then
   * nothing is sent. A message that is valid for longer after the restore was signed later.
   */
  #lostByRestore(intent: Renewal, { validTo }: RenewalInput): Renewal | null {
    const { restore } = this.#store
    if (restore === null || validTo >= restore.restoredAt + SIGNED_BEFORE_RESTORE_MS) return null
    const at = new Date(restore.restoredAt).toISOString()
    const failure = new LspFailure(
      'UNAVAILABLE',
      `the gateway's database was restored at ${at}: this renewal may exist at the LSP. Sign a message whose validTo is later than one day after that`,
      { effect: 'unknown' },
    )
    return { ...intent, asking: false, failure: failure.details() }
  }

  /** Sends the only request of this intent. */
  async #ask(lsp: Lsp, input: RenewalInput, intent: Renewal): Promise<Renewal> {
    let reading: RenewalReading
    try {
      if (!lsp.adapter.renew) throw new LspFailure('UNSUPPORTED', 'this LSP does not renew channels')
      reading = await lsp.adapter.renew(lsp.call({ secrets: [input.signedMessage], client: intent.clientId }), input)
      const refusal = refusalIn(reading)
      if (refusal) throw refusal
    } catch (error) {
      const failure =
        error instanceof LspFailure
          ? error
          : new LspFailure('BAD_RESPONSE', 'the answer could not be read', { effect: 'unknown', cause: error })
      if (failure.effect === 'none') {
        await writeAnswer(() => this.#store.renewals.drop(intent.id))
        throw failure
      }
      const lost: Renewal = { ...intent, asking: false, failure: failure.details(), updatedAt: this.#clock.now() }
      await writeAnswer(() => this.#write(lost, null, ({ renewals }) => renewals.settle(lost, null)))
      return lost
    }
    try {
      const renewal = this.#answered(lsp, input, intent, reading)
      const settled = await writeAnswer(() => this.#store.transaction((stores) => this.#settle(stores, renewal)))
      this.#hint(settled)
      return settled
    } catch (error) {
      if (!(error instanceof LspFailure)) throw error
      const now = this.#clock.now()
      const { lspOrderId } = reading
      const failed: Renewal = {
        ...intent,
        lspOrderId,
        state: 'FAILED',
        asking: false,
        failure: error.details(),
        endedAt: now,
        updatedAt: now,
      }
      await writeAnswer(() => this.#write(failed, null, ({ renewals }) => renewals.settle(failed, null)))
      throw error
    }
  }

  #answered(lsp: Lsp, input: RenewalInput, intent: Renewal, reading: RenewalReading): Renewal {
    const now = this.#clock.now()
    const { payment: offered, checks: offerChecks, free } = this.#verify(lsp, input, reading, now)
    const { maxFeeTotalSat = null } = input
    const maximums = maxFeeTotalSat === null ? firstAsked(offered) : sameMaximum(maxFeeTotalSat)
    const payment = withinMaximums(offered, maximums)
    if (!free && optionsOf(payment).length === 0)
      throw new LspFailure('UNTRUSTWORTHY', `the renewal costs more than maxFeeTotalSat, ${maxFeeTotalSat} sat`)
    return {
      ...intent,
      asking: false,
      lspOrderId: reading.lspOrderId,
      lspState: reading.lspState,
      sequence: 1,
      state: orderStateOf(reading.state, { states: paymentStates(payment), free, paid: false }),
      feeTotalSat: cheapestOf(payment)?.feeTotalSat ?? ZERO_SAT,
      payment,
      maximums,
      checks: [...offerChecks, ...maximumChecks(offered, maximums)],
      channel: verifyChannel(reading.channel).channel,
      renewedUntil: reading.renewedUntil,
      agreedUntil: reading.renewedUntil,
      updatedAt: now,
    }
  }

  /** The renewal of an earlier request; waits while another instance sends that request. */
  async #known(first: Renewal, question: string, input: RenewalInput): Promise<Renewal> {
    // A record of an earlier version has no hash, and its key contains all of the input.
    if (first.inputHash !== undefined && first.inputHash !== inputHashOf(input)) throw new RenewalKeyConflict()
    const giveUpAt = performance.now() + Math.max(0, first.createdAt + LATE_ANSWER_MS - this.#clock.now())
    let known = first
    while (known.asking === true && performance.now() < giveUpAt) {
      await pause(LOOK_ELSEWHERE_MS)
      const current = await this.#store.renewals.byQuestion(question)
      if (!current) throw new LspFailure('CLIENT_REJECTED', 'the LSP refused the same renewal a moment ago')
      known = current
    }
    if (known.sameAs !== undefined) return (await this.#store.renewals.get(known.clientId, known.sameAs)) ?? known
    if (known.failure === undefined || known.state === 'OUTCOME_UNKNOWN') return known
    const { code, message, field, limit, retryAt } = known.failure
    throw new LspFailure(code, message, { field, limit, retryAt })
  }

  /** @returns the renewal, or the client's earlier renewal if the LSP answered with that one. */
  async #settle({ renewals, destinations, orders }: Stores, renewal: Renewal): Promise<Renewal> {
    const { hash, offer, address } = destinationsOf(renewal.payment)
    for (const destination of [hash, offer, address]) {
      const holder = destination === null ? renewal.id : await destinations.claim(destination, renewal.id)
      if (holder === renewal.id) continue
      const before = await renewals.get(renewal.clientId, holder)
      if (before?.lspId !== renewal.lspId || before.lspOrderId !== renewal.lspOrderId)
        throw new LspFailure('UNTRUSTWORTHY', `something else is to be paid to ${destination} too`)
      await renewals.settle({ ...renewal, payment: NO_PAYMENT, state: 'FAILED', sameAs: before.id }, null)
      return before
    }
    await renewals.settle(renewal, this.#clock.now() + this.#pace.activeMs)
    await orders.append(this.#event(renewal, null))
    return renewal
  }

  /** Writes the renewal by `write`, and the event of it. `before` is null for its first event. */
  async #write(renewal: Renewal, before: Renewal | null, write: (stores: Stores) => Promise<unknown>): Promise<void> {
    await this.#store.transaction(async (stores) => {
      if ((await write(stores)) === false) return
      // Last: from here to the end of the transaction, no other event can be written.
      await stores.orders.append(this.#event(renewal, before))
    })
    this.#hint(renewal)
  }

  #event(renewal: Renewal, before: Renewal | null): RenewalEvent {
    return {
      renewalId: renewal.id,
      clientId: renewal.clientId,
      sequence: renewal.sequence ?? 1,
      at: this.#clock.now(),
      previousState: before?.state ?? null,
      state: renewal.state,
      message: cleanText(renewalChangeText(before, renewal), 1_000),
    }
  }

  #hint({ clientId }: Renewal): void {
    this.#hints.give(`client:${clientId}`)
  }

  #verify(
    lsp: Lsp,
    { shortChannelId }: RenewalInput,
    reading: RenewalReading,
    now: EpochMs,
  ): { payment: Payment; checks: readonly Check[]; free: boolean } {
    if (isOther(reading.shortChannelId, shortChannelId))
      throw new LspFailure('UNTRUSTWORTHY', `the LSP answered for the channel ${reading.shortChannelId}`)
    const end = verifyEnd(
      {
        renewedUntil: reading.renewedUntil,
        presentEnd: reading.channel?.expiresAt ?? null,
        channelExpiryBlocks: reading.terms.channelExpiryBlocks,
      },
      now,
    )
    if (end.verdict === 'FAILED') throw new LspFailure('UNTRUSTWORTHY', end.message)
    if (reading.payment === null)
      throw new LspFailure('BAD_RESPONSE', 'the answer says nothing about the payment', { effect: 'unknown' })
    const { payment, checks, free } = verifyOffer(reading.payment, {
      network: lsp.settings.network,
      addressKinds: lsp.adapter.addressKinds,
      clientBalanceSat: ZERO_SAT,
      free: reading.free,
      lspPubkeys: [...lsp.pubkeys, ...reading.lspNodeUris.flatMap((uri) => pubkeyOfUri(uri) ?? [])],
      orderExpiresAt: reading.expiresAt,
      refundRoute: lsp.refundRoute,
      // The request has no field for a refund address.
      refundOnchainAddress: null,
      limits: lsp.info?.limits ?? null,
      now,
    })
    if (payment === null) throw new LspFailure('UNTRUSTWORTHY', failedChecks(checks) ?? 'no payment option it')
    const unpaid = free ? null : verifyUnpaid(reading)
    if (unpaid !== null) throw new LspFailure('UNTRUSTWORTHY', unpaid.message)
    return { payment, checks: [...checks, end], free }
  }

  /** Reads it once, and writes down what became of it, unless somebody has written it since it was taken. */
  async read({ renewal, ...taken }: TrackedRenewal): Promise<void> {
    const lsp = await this.#lsps.find(renewal.lspId)
    const now = this.#clock.now()
    let next = renewal
    let soonest = now
    try {
      const reading = await lsp.adapter.readRenewal?.(
        lsp.call({ secrets: [], client: renewal.clientId, isPoll: true }),
        renewal.lspOrderId,
      )
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
    next = lapsed(next, now)
    const nextReadAt = this.#nextReadAt(next, now)
    // Only a change increments the sequence number.
    const isSame = sameContent({ ...next, isFinal: nextReadAt === null }, renewal)
    next = { ...next, isFinal: nextReadAt === null, sequence: (renewal.sequence ?? 1) + (isSame ? 0 : 1) }
    const pollAt = nextReadAt && Math.max(nextReadAt, soonest, lsp.notBefore)
    const written = next
    if (isSame) await this.#store.renewals.update(written, pollAt, taken)
    else await this.#write(written, renewal, ({ renewals }) => renewals.update(written, pollAt, taken))
  }

  #advance(renewal: Renewal, reading: RenewalReading, now: EpochMs): Renewal {
    const paid = renewal.paymentSeenAt !== null || showsPayment(reading)
    // The payment must not change while a wallet pays it.
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
    const agreedUntil = renewal.agreedUntil ?? renewal.renewedUntil
    // The client pays for the first end. A renewal with an earlier end is not complete.
    const isShortened = agreedUntil !== null && reading.renewedUntil !== null && reading.renewedUntil < agreedUntil
    const followed = paid ? reported : stateAfterEnd(renewal.state, reported)
    const state = isShortened && followed === 'COMPLETED' ? 'UNKNOWN' : followed
    const paymentWarning = isShortened ? 'the LSP now reports an earlier end' : (renewal.paymentWarning ?? null)
    const hasEnded = renewal.endedAt === undefined && (isEnded(renewal.state) || isEnded(state))
    const renewedUntil = isShortened ? renewal.renewedUntil : (reading.renewedUntil ?? renewal.renewedUntil)
    const isChanged = state !== renewal.state || renewedUntil !== renewal.renewedUntil
    return {
      ...renewal,
      state,
      payment,
      channel: verifyChannel(reading.channel).channel ?? renewal.channel,
      renewedUntil,
      paymentWarning,
      lspState: reading.lspState ?? renewal.lspState ?? null,
      failureReason: reading.failureReason ?? renewal.failureReason ?? null,
      paymentSeenAt: renewal.paymentSeenAt ?? (paid ? now : null),
      updatedAt: isChanged ? now : renewal.updatedAt,
      notFoundAt: null,
      ...(hasEnded ? { endedAt: now } : {}),
    }
  }

  #nextReadAt(renewal: Renewal, now: EpochMs): EpochMs | null {
    const age = now - renewal.updatedAt
    if (renewal.state === 'COMPLETED' || renewal.state === 'REFUNDED') return null
    if (renewal.state === 'EXPIRED' && renewal.paymentSeenAt === null && now - lapseOf(renewal) > LATE_PAYMENT_WATCH_MS)
      return null
    if (renewal.state === 'EXPIRED' || renewal.state === 'FAILED')
      return age > LATE_PAYMENT_WATCH_MS ? null : now + this.#pace.idleMs
    // Neither a renewal that the LSP does not know nor one with a shortened end is polled forever.
    if ((renewal.state === 'UNKNOWN' || isUnknownToLsp(renewal)) && age > FAILED_WATCH_MS) return null
    return now + (age < HOUR_MS ? this.#pace.activeMs : Math.min(this.#pace.activeMs * 12, this.#pace.idleMs))
  }
}

/** Later reports may not ask more than the first answer did, which the client saw. */
function firstAsked({ bolt11, bolt12, onchain }: Payment): PaymentMaximums {
  const asked = (option: typeof bolt11 | typeof bolt12 | typeof onchain) =>
    option && sat(Math.min(costSat(option), MAX_SAT))
  return { bolt11: asked(bolt11), bolt12: asked(bolt12), onchain: asked(onchain) }
}

/** Whether a poll has changed nothing that a client can see. */
function sameContent(next: Renewal, before: Renewal): boolean {
  const content = ({ state, payment, channel, renewedUntil, notFoundAt, paymentWarning, lspState, isFinal }: Renewal) =>
    JSON.stringify([
      state,
      payment,
      channel,
      renewedUntil,
      notFoundAt ?? null,
      paymentWarning ?? null,
      lspState,
      isFinal ?? false,
    ])
  return content(next) === content(before)
}

/** Whether an answer names another channel; both spellings of an id are in use. */
function isOther(told: string | null, shortChannelId: string): boolean {
  return told !== null && told.replaceAll(':', 'x') !== shortChannelId.replaceAll(':', 'x')
}

/** When the offer ends: with its last payment option, or an hour after the request if it has none. */
function lapseOf({ payment, createdAt }: Renewal): EpochMs {
  return endsOf(payment)?.last ?? createdAt + HOUR_MS
}

/** Expires a renewal without a payment after the end of its offer, also while its LSP does not answer. */
function lapsed(renewal: Renewal, now: EpochMs): Renewal {
  const isOpen = renewal.state === 'AWAITING_PAYMENT' || renewal.state === 'UNKNOWN'
  if (!isOpen || renewal.paymentSeenAt !== null || now <= lapseOf(renewal)) return renewal
  return { ...renewal, state: 'EXPIRED', endedAt: renewal.endedAt ?? now, updatedAt: now }
}

/** The record of a request before it is sent: after a crash its outcome is unknown, and it is never sent again. */
function intentOf(lspId: string, clientId: string, input: RenewalInput, now: EpochMs): Renewal {
  return {
    id: uuidv7(),
    clientId,
    lspId,
    shortChannelId: input.shortChannelId,
    inputHash: inputHashOf(input),
    lspOrderId: '',
    state: 'OUTCOME_UNKNOWN',
    feeTotalSat: ZERO_SAT,
    payment: NO_PAYMENT,
    checks: [],
    channel: null,
    renewedUntil: null,
    paymentSeenAt: null,
    asking: true,
    createdAt: now,
    updatedAt: now,
  }
}

import { setTimeout as pause } from 'node:timers/promises'
import { uuidv7 } from 'uuidv7'
import { claimDestinations } from './destinations.ts'
import { withTimeout } from './waiting.ts'
import { writeAnswer } from './write-patience.ts'
import { buysAsset } from '../domain/asset-price.ts'
import { LspFailure } from '../domain/failure.ts'
import { verifyClientNode } from '../domain/client-node.ts'
import { failedChecks, type Check } from '../domain/checks.ts'
import { refusalIn, verifyUnpaid, withoutOverOptions } from '../domain/first-answer.ts'
import { verifyFee } from '../domain/fee-check.ts'
import { pubkeyOfUri } from '../domain/lsp.ts'
import { maxSat, type Sat } from '../domain/money.ts'
import { offerEndsAt, verifyOffer, type VerifiedOffer } from '../domain/offer.ts'
import { verifyOpenables } from '../domain/openable.ts'
import { cheapestOf } from '../domain/payment.ts'
import type { OrderReading } from '../domain/reading.ts'
import { clientNodeUri, termsOf, type ChannelRequest } from '../domain/request.ts'
import { verifyAsset, verifyTerms } from '../domain/terms.ts'
import { HOUR_MS, MINUTE_MS, type Clock } from '../domain/time.ts'
import { channelKey } from '../quotes/question.ts'
import type { Placement, PlacementPurpose } from '../store/placements.ts'
import type { OrderRef } from '../protocols/adapter.ts'
import type { Store, Stores } from '../store/store.ts'
import type { Lsp } from '../upstream/lsp.ts'
import { redactTexts } from '../upstream/secrets.ts'

/** An answer that comes later than this is not waited for, by anybody. */
const LATE_ANSWER_MS = MINUTE_MS
/** How long an unpaid order counts as open if the LSP states no end. */
const ASSUMED_STANDING_MS = HOUR_MS
/** How often to look whether another instance has its answer. */
const LOOK_ELSEWHERE_MS = 100
/** Waited before each look for what an order costs, where the answer to it did not say; after these, it is read as others are. */
const PAYMENT_LOOKS_MS = [500, 1_000, 2_000]

/** The LSP has the order and has not reported a price. */
const UNPRICED = new LspFailure('BAD_RESPONSE', 'the LSP took the order, and has not said yet what is to be paid', {
  effect: 'unknown',
})

export interface PlacementOrder {
  lsp: Lsp
  clientId: string
  question: string
  purpose: PlacementPurpose
  request: ChannelRequest
  email: string | null
  /** What the client agreed to, where this is its order and not only a question. */
  agreed: Placement['agreed']
  /** Runs in the transaction that writes the intent down; what it throws, prevents it. */
  first?: (stores: Stores, placementId: string) => Promise<void>
}

/** An order that was sent. `settled` resolves when the LSP has answered, or when its answer is given up. */
export interface PlacementHandle {
  sent: Placement
  settled: Promise<Placement>
}

/**
 * Places orders with LSPs. Each order is one POST: the database has it before it is sent, it is never repeated, and a client
 * that disconnects does not cancel it.
 */
export class Placing {
  readonly #store: Store
  readonly #clock: Clock
  readonly #underWay = new Map<string, Promise<Placement>>()

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /**
   * Records an order that may exist at the LSP already, and sends nothing.
   * @throws what `first` throws; then nothing is written.
   */
  async assumeSent(order: PlacementOrder, reason: string): Promise<Placement> {
    const failure = new LspFailure('UNAVAILABLE', reason, { effect: 'unknown' }).details()
    const lost: Placement = { ...unanswered(this.#intent(order)), status: 'LOST', failure }
    await this.#store.transaction(async (stores) => {
      await order.first?.(stores, lost.id)
      await stores.placements.intend(lost)
      await stores.placements.settle(lost)
    })
    return lost
  }

  #intent(order: PlacementOrder) {
    const now = this.#clock.now()
    return {
      id: uuidv7(),
      clientId: order.clientId,
      lspId: order.lsp.id,
      question: order.question,
      purpose: order.purpose,
      request: order.request,
      email: order.email,
      agreed: order.agreed,
      intendedAt: now,
      standsUntil: now + ASSUMED_STANDING_MS,
    }
  }

  /**
   * Writes the intent down and sends the order.
   * @throws what `first` throws; then nothing is written and nothing is sent.
   */
  async place(order: PlacementOrder): Promise<PlacementHandle> {
    const intent = this.#intent(order)
    await this.#store.transaction(async (stores) => {
      await order.first?.(stores, intent.id)
      await stores.placements.intend(intent)
    })
    const sent: Placement = { ...unanswered(intent), status: 'SENT' }
    const settled = this.#send(order.lsp, sent)
    this.#underWay.set(sent.id, settled)
    void settled.catch(() => {}).finally(() => this.#underWay.delete(sent.id))
    return { sent, settled }
  }

  async #send(lsp: Lsp, placement: Placement): Promise<Placement> {
    if (!(await this.#store.placements.markSent(placement.id)))
      throw new Error('another instance took this order for abandoned before it was sent')
    return this.#settle(await this.#ask(lsp, placement))
  }

  /** If the answer is never written, recovery takes the order for lost. Nothing sends it again. */
  async #settle(placement: Placement): Promise<Placement> {
    return writeAnswer(() =>
      this.#store.transaction(async (stores) => {
        const { id, clientId, lspId, lspOrderId } = placement
        // An import of this very order looks first, and under the same lock.
        if (lspOrderId !== null) await stores.placements.lockLsp(lspId)
        const claimed =
          placement.offer && (await claimDestinations(stores, placement, placement.offer, this.#clock.now()))
        // An order that is paid to another order's destination belongs to that order, not to this import.
        if (lspOrderId !== null && !claimed?.isShared) await stores.imports.disown({ id, clientId, lspId, lspOrderId })
        const checked = { ...placement, offer: claimed?.offer ?? null }
        await stores.placements.settle(checked)
        return checked
      }),
    )
  }

  /** What becomes of an order that another instance sends, or has sent. */
  async settledElsewhere(placement: Placement): Promise<Placement> {
    const giveUpAt = performance.now() + LATE_ANSWER_MS
    let current = placement
    while ((current.status === 'INTENDED' || current.status === 'SENT') && performance.now() < giveUpAt) {
      await pause(LOOK_ELSEWHERE_MS)
      current = (await this.#store.placements.get(placement.id)) ?? current
    }
    return current
  }

  /** Whether it is being sent right now, or its answer being written down. */
  isUnderWay(id: string): boolean {
    return this.#underWay.has(id)
  }

  async #ask(lsp: Lsp, placement: Placement): Promise<Placement> {
    /** With what the LSP calls it, as soon as that is known. */
    let named = placement
    try {
      const created = await lsp.adapter.createOrder(
        lsp.call({
          timeoutMs: Math.max(LATE_ANSWER_MS, lsp.settings.timeoutMs),
          secrets: [placement.request.token],
          client: placement.clientId,
        }),
        placement.request,
        placement.email,
      )
      named = { ...placement, lspOrderId: created.lspOrderId, accessToken: created.accessToken }
      const answered = created.payment === null ? await this.#readPayment(lsp, placement, created) : created
      return await this.#answered(lsp, named, answered)
    } catch (error) {
      const failure =
        error instanceof LspFailure
          ? error
          : new LspFailure('BAD_RESPONSE', 'the answer could not be read', { effect: 'unknown', cause: error })
      const isRefused = named === placement && failure.effect === 'none'
      // The LSP has placed the order: its id is kept although the rest of the answer cannot be used.
      if (failure.lspOrderId !== null && named === placement) named = { ...placement, lspOrderId: failure.lspOrderId }
      return { ...named, status: isRefused ? 'REFUSED' : 'LOST', failure: failure.details() }
    }
  }

  async #answered(lsp: Lsp, placement: Placement, answer: OrderReading): Promise<Placement> {
    // An LSP may repeat what it has just given us, or was given, in any text.
    const told = {
      ...redactTexts({ ...answer, accessToken: null }, [placement.accessToken, placement.request.token]),
      lspOrderId: answer.lspOrderId,
    }
    const refusal = refusalIn(told)
    if (refusal) return { ...placement, status: 'REFUSED', reading: told, failure: refusal.details() }
    const { checks, ...openables } = verifyOpenables(told, {
      network: lsp.settings.network,
      maximumSat: maxSat(totalsOf(told)),
    })
    const reading = { ...withoutOverOptions(told), ...openables }
    if (reading.payment === null) return { ...placement, status: 'STANDING', reading, failure: UNPRICED.details() }
    if (reading.payment.onchain !== null) lsp.learnFeature('ONCHAIN_PAYMENT')
    const feeCheck = await this.#verifyFee(lsp, placement.request, reading.payment)
    const offer = this.#verify(lsp, placement.request, reading, reading.payment, [...feeCheck, ...checks])
    return {
      ...placement,
      status: 'STANDING',
      standsUntil: offerEndsAt(offer) ?? placement.standsUntil,
      reading,
      offer,
      failure: null,
    }
  }

  /** Reads the price of an order that was placed without one. Unlike placing, reading may be repeated. */
  async #readPayment(lsp: Lsp, placement: Placement, created: OrderReading): Promise<OrderReading> {
    for (const waitMs of PAYMENT_LOOKS_MS) {
      await pause(waitMs)
      const reading = await this.#lookAgain(lsp, placement, created)
      if (reading) return reading
    }
    return created
  }

  /** Reads the price once more; null: the LSP still reports none. */
  async #lookAgain(
    lsp: Lsp,
    { clientId, request }: Pick<Placement, 'clientId' | 'request'>,
    created: OrderReading,
  ): Promise<OrderReading | null> {
    const { lspOrderId, accessToken, lnurlChannel, jit } = created
    const ref: OrderRef = {
      lspOrderId,
      accessToken,
      clientNodeUri: clientNodeUri(request),
      announceChannel: request.announceChannel,
      // Only the price is read, and nothing is registered.
      features: [],
      lnurlChannel,
      jit,
      paid: false,
    }
    const reading = await lsp.adapter
      .readOrder(lsp.call({ secrets: [accessToken, request.token], client: clientId }), ref)
      .catch((error: unknown) => {
        if (error instanceof LspFailure) return null
        throw error
      })
    return reading?.lspOrderId === lspOrderId && reading.payment !== null
      ? { ...reading, terms: { ...created.terms, ...reading.terms } }
      : null
  }

  /** Reads the missing price of an order that nobody has ordered. The tracker polls ordered ones. */
  async priced(lsp: Lsp, placement: Placement): Promise<Placement> {
    if (placement.offer !== null || placement.reading === null || placement.orderId !== null) return placement
    const reading = await this.#lookAgain(lsp, placement, {
      ...placement.reading,
      accessToken: placement.accessToken,
    })
    return reading ? this.#settle(await this.#answered(lsp, placement, reading)) : placement
  }

  async #verifyFee(
    lsp: Lsp,
    request: ChannelRequest,
    payment: NonNullable<OrderReading['payment']>,
  ): Promise<readonly Check[]> {
    const cheapest = cheapestOf(payment)
    if (cheapest === null) return []
    // If the database is away, the fee is only compared with the size of the channel.
    const previous = await this.#store.quotes.price(lsp.id, channelKey(request)).catch(() => null)
    const check = verifyFee(cheapest.feeTotalSat, request, previous, this.#clock.now())
    return check ? [check] : []
  }

  #verify(
    lsp: Lsp,
    request: ChannelRequest,
    reading: OrderReading,
    payment: NonNullable<OrderReading['payment']>,
    otherChecks: readonly Check[],
  ): VerifiedOffer {
    const asked = lsp.adapter.roundedTerms(termsOf(request))
    const terms = verifyTerms(asked, { ...asked, ...reading.terms })
    const asset = verifyAsset(request.asset, reading.asset)
    const client = verifyClientNode({ request }, reading.clientNode)
    const offer = verifyOffer(payment, {
      network: lsp.settings.network,
      addressKinds: lsp.adapter.addressKinds,
      clientBalanceSat: request.clientBalanceSat,
      ...(buysAsset(request.asset) ? { boughtAsset: { priceSat: reading.asset?.priceSat ?? null } } : {}),
      free: reading.free,
      lspPubkeys: [...lsp.pubkeys, ...reading.lspNodeUris.flatMap((uri) => pubkeyOfUri(uri) ?? [])],
      orderExpiresAt: reading.expiresAt,
      refundRoute: lsp.refundRoute,
      refundOnchainAddress: request.refundOnchainAddress,
      limits: lsp.info?.limits ?? null,
      now: this.#clock.now(),
    })
    const unpaid = offer.free ? null : verifyUnpaid(reading)
    const blocking = [terms, client, asset, unpaid].filter((check) => check !== null)
    return {
      ...offer,
      payment: failedChecks(blocking) === null ? offer.payment : null,
      // An unusual fee is a warning; something to open that fails its check is withheld alone.
      checks: [...offer.checks, ...blocking, ...otherChecks],
    }
  }

  /** Waits for what is under way, so that its outcome is written down; at most `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    await withTimeout(Promise.allSettled(this.#underWay.values()), graceMs)
  }
}

const unanswered = <Intent extends object>(intent: Intent) => ({
  ...intent,
  orderId: null,
  lspOrderId: null,
  accessToken: null,
  reading: null,
  offer: null,
  failure: null,
})

function totalsOf({ payment }: OrderReading): Sat[] {
  const options = payment === null ? [] : [payment.bolt11, payment.bolt12, payment.onchain]
  return options.flatMap((option) => (option === null ? [] : [option.orderTotalSat]))
}

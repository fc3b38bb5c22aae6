import { changeOf } from '../domain/messages/order-changes.ts'
import { createHash } from 'node:crypto'
import { uuidv7 } from 'uuidv7'
import { agreedOf, asksMoreThan, METHOD_NOT_OFFERED, priceRefusal } from './agreement.ts'
import type { OrderLog } from './log.ts'
import { orderOf, type Agreed } from './new-order.ts'
import { keptAnswer, type KeptAnswer, type OrderInput, type OrderOutcome } from './outcome.ts'
import type { Placing } from './placing.ts'
import { withTimeout } from './waiting.ts'
import { LspFailure } from '../domain/failure.ts'
import { withDefaults } from '../domain/limits.ts'
import { leastMaximum, quotedMaximums, withMethods } from '../domain/maximum.ts'
import type { Order } from '../domain/order-record.ts'
import { orderableUntil, sameMaximum } from '../domain/payment.ts'
import type { Quote } from '../domain/quote.ts'
import type { ChannelRequest } from '../domain/request.ts'
import type { Pace } from '../domain/schedule.ts'
import { worseTerms } from '../domain/terms.ts'
import { MINUTE_MS, type Clock, type EpochMs } from '../domain/time.ts'
import { assertMayOrder, OverBudget, spendRequest } from '../quotes/courtesy.ts'
import { LAST_CALL_MS, questionKey } from '../quotes/question.ts'
import type { Quoting } from '../quotes/quoting.ts'
import { KeyLost, type OpenKey } from '../store/idempotency.ts'
import type { Tracking } from '../store/orders.ts'
import type { Placement } from '../store/placements.ts'
import type { Restore } from '../store/restores.ts'
import type { Store, Stores } from '../store/store.ts'
import type { Lsp } from '../upstream/lsp.ts'
import type { LspRegistry } from '../upstream/registry.ts'

/** Refusals that another try may well not meet, and that left nothing behind: the key may be used again for it. */
const TRY_AGAIN: ReadonlySet<string> = new Set(['UNAVAILABLE', 'RATE_LIMITED', 'PEER_NOT_CONNECTED'])

const ANSWER_POLL_MS = 100
const ANSWER_PATIENCE_MS = 90_000
/** A key that has no order after this long never gets one: looking for the quote takes moments. */
const ABANDONED_MS = 2 * MINUTE_MS

/** Turns quotes into orders, once per idempotency key. */
export class Ordering {
  readonly #store: Store
  readonly #placing: Placing
  readonly #quoting: Quoting
  readonly #log: OrderLog
  readonly #lsps: LspRegistry
  readonly #clock: Clock
  readonly #pace: Pace
  /** Placements whose meaning for an order is being worked out here. */
  readonly #finishing = new Set<string>()

  constructor(options: {
    store: Store
    placing: Placing
    quoting: Quoting
    log: OrderLog
    lsps: LspRegistry
    clock: Clock
    pace: Pace
  }) {
    this.#store = options.store
    this.#placing = options.placing
    this.#quoting = options.quoting
    this.#log = options.log
    this.#lsps = options.lsps
    this.#clock = options.clock
    this.#pace = options.pace
  }

  async createOrder(clientId: string, input: OrderInput): Promise<OrderOutcome> {
    const inputHash = createHash('sha256')
      .update(
        JSON.stringify([
          input.quoteId,
          input.maxOrderTotalSat,
          input.paymentMethods?.toSorted() ?? null,
          input.reference,
          input.email,
        ]),
      )
      .digest('hex')
    const kept = await this.#store.idempotency.claim(clientId, input.idempotencyKey, inputHash, this.#clock.now())
    if (kept)
      return kept.inputHash === inputHash
        ? this.#replay(clientId, input)
        : { kind: 'conflict', order: await this.#keptOrder(clientId, kept.answer) }
    try {
      return await this.#order(clientId, input)
    } catch (error) {
      // Another call has the key now, or has answered it: its answer counts.
      if (error instanceof KeyLost) return this.createOrder(clientId, input)
      // Nothing was sent under it: the key is free again. What was sent is bound to it, and answers it later.
      await this.#store.idempotency.releaseUnbound(clientId, input.idempotencyKey)
      throw error
    }
  }

  /** The answer that the key got before; one that is still on its way is waited for. */
  async #replay(clientId: string, input: OrderInput): Promise<OrderOutcome> {
    const giveUpAt = performance.now() + ANSWER_PATIENCE_MS
    while (performance.now() < giveUpAt) {
      const kept = await this.#store.idempotency.get(clientId, input.idempotencyKey)
      if (kept === null) return this.createOrder(clientId, input)
      if (kept.answer !== null) return this.#outcomeOf(clientId, JSON.parse(kept.answer) as KeptAnswer)
      await new Promise((resolve) => setTimeout(resolve, ANSWER_POLL_MS))
    }
    throw new Error('the first answer under this idempotency key never came')
  }

  /** The order that a key was answered with; null: none, or not yet. */
  async #keptOrder(clientId: string, answer: string | null): Promise<Order | null> {
    const kept = answer === null ? null : (JSON.parse(answer) as KeptAnswer)
    if (kept?.kind !== 'order') return null
    return (await this.#store.orders.byIds(clientId, [kept.orderId]))[0] ?? null
  }

  async #outcomeOf(clientId: string, kept: KeptAnswer): Promise<OrderOutcome> {
    if (kept.kind === 'order') {
      const [order] = await this.#store.orders.byIds(clientId, [kept.orderId])
      if (order) return { kind: 'order', order }
    } else {
      return kept
    }
    throw new Error('what an idempotency key was answered with is gone')
  }

  async #order(clientId: string, input: OrderInput): Promise<OrderOutcome> {
    const key: OpenKey = { clientId, key: input.idempotencyKey, placementId: null }
    const [quote] = await this.#store.quotes.byIds(clientId, [input.quoteId])
    if (!quote) return this.#answer(key, { kind: 'quote-not-found' })
    const quoted = withMethods(quotedMaximums(quote), input.paymentMethods)
    const maximums =
      input.maxOrderTotalSat === null ? quoted : withMethods(sameMaximum(input.maxOrderTotalSat), input.paymentMethods)
    const agreement = {
      quoteId: quote.id,
      maximums,
      ...(input.reference === null ? {} : { reference: input.reference }),
    }
    const priceChanged: OrderOutcome = { kind: 'price-changed', previousQuote: quote, quote }
    const placement = quote.placementId === null ? null : await this.#store.placements.get(quote.placementId)
    const adopted = placement?.orderId ? await this.#store.orders.get(placement.orderId) : null
    // A firm quote is one order at the LSP: ordering it again returns that order.
    if (adopted)
      return this.#answer(
        key,
        asksMoreThan(adopted.order, maximums) ? priceChanged : { kind: 'order', order: adopted.order },
      )
    const { restore } = this.#store
    if (restore !== null && quote.createdAt < restore.restoredAt)
      return this.#assumeOrdered(key, input, quote, agreement, restore)
    if (quote.expiresAt !== null && this.#clock.now() >= orderableUntil(quote.createdAt, quote.expiresAt))
      return this.#answer(key, { kind: 'quote-expired', expiredAt: quote.expiresAt })
    const isAbove = input.maxOrderTotalSat !== null && leastMaximum(quoted) > input.maxOrderTotalSat
    const refusal = priceRefusal(placement, maximums)
    if (isAbove || refusal === 'price') return this.#answer(key, priceChanged)
    if (refusal === 'method')
      return this.#answer(key, { kind: 'lsp', lspId: quote.lspId, failure: METHOD_NOT_OFFERED.details() })
    const lsp = this.#lsps.configured.find((one) => one.id === quote.lspId)
    if (!lsp) {
      const failure = new LspFailure('UNAVAILABLE', 'this LSP takes no new orders at this gateway: get quotes again', {
        retryAt: this.#clock.now() + MINUTE_MS,
      })
      return this.#answer(key, { kind: 'lsp', lspId: quote.lspId, failure: failure.details() })
    }
    if (placement !== null) return this.#adopt(placement, agreement, key)
    // An unpaid order for the same request is open at the LSP, and nobody has ordered it: use it instead of a second one.
    const standing = await this.#store.placements.standing(
      questionKey(clientId, quote.lspId, quote.request),
      this.#clock.now() + LAST_CALL_MS,
      { isUnordered: true },
    )
    return standing?.offer?.payment
      ? this.#takeOver(standing, key, agreement)
      : this.#placeAnew(lsp, key, input, quote, agreement)
  }

  /**
   * The quote is older than the last restore of the database. The key may have been used after the backup was made: then
   * the LSP has the order, and this database does not. Nothing is sent.
   */
  async #assumeOrdered(
    key: OpenKey,
    input: OrderInput,
    quote: Quote,
    agreement: Agreed,
    { restoredAt, dataUntil }: Restore,
  ): Promise<OrderOutcome> {
    const agreed = { ...agreement, feeTotalSat: quote.feeTotalSat, orderTotalSat: quote.orderTotalSat }
    const reason = `the gateway's database was restored at ${isoTime(restoredAt)} from a backup of ${isoTime(dataUntil)}: an order with this key may exist at the LSP`
    const placement = await this.#placing.assumeSent(
      {
        lsp: await this.#lsps.find(quote.lspId),
        clientId: key.clientId,
        question: questionKey(key.clientId, quote.lspId, quote.request),
        purpose: 'ORDER',
        request: quote.request,
        email: input.email,
        agreed,
        first: (stores, placementId) => this.#bind(stores, key, quote, placementId),
      },
      reason,
    )
    return this.#adopt(placement, agreed, { ...key, placementId: placement.id }, reason)
  }

  /** From now on there may be an order of the quote, whatever becomes of this process. */
  async #bind(stores: Stores, key: OpenKey, quote: Quote, placementId: string): Promise<void> {
    if (!(await stores.quotes.keep(quote.id))) throw new Error('the quote was deleted while it was ordered')
    await stores.idempotency.bind(key.clientId, key.key, placementId)
  }

  async #takeOver(standing: Placement, key: OpenKey, agreed: Agreed): Promise<OrderOutcome> {
    const refused = await this.#refusal({ ...standing, agreed })
    return refused ? this.#answer(key, refused) : this.#adopt(standing, agreed, key)
  }

  async #placeAnew(lsp: Lsp, key: OpenKey, input: OrderInput, quote: Quote, agreement: Agreed): Promise<OrderOutcome> {
    // The quote may be older than the LSP's present protocol.
    const unsupported = lsp.adapter.unsupportedParameter(quote.request)
    if (unsupported) {
      const failure = new LspFailure('UNSUPPORTED', unsupported.message, { field: unsupported.field })
      return this.#answer(key, { kind: 'lsp', lspId: lsp.id, failure: failure.details() })
    }
    const limited = lsp.rateLimitFailure
    if (limited) return this.#answer(key, { kind: 'lsp', lspId: lsp.id, failure: limited.details() })
    const placing = this.#placing.place({
      lsp,
      clientId: key.clientId,
      question: questionKey(key.clientId, lsp.id, quote.request),
      purpose: 'ORDER',
      request: lsp.adapter.requestFields.confirmations
        ? withDefaults(requestOf(quote), lsp.info?.limits ?? null)
        : requestOf(quote),
      email: input.email,
      agreed: { ...agreement, feeTotalSat: quote.feeTotalSat, orderTotalSat: quote.orderTotalSat },
      first: async (stores, placementId) => {
        await assertMayOrder(stores, lsp.settings, key.clientId, this.#clock.now())
        await spendRequest(stores, lsp.settings, key.clientId, this.#clock.now())
        await this.#bind(stores, key, quote, placementId)
      },
    })
    const placed = await placing.catch((error: unknown) => {
      if (error instanceof OverBudget) return new LspFailure('RATE_LIMITED', error.message, { retryAt: error.retryAt })
      throw error
    })
    if (placed instanceof LspFailure)
      return this.#answer(key, { kind: 'lsp', lspId: lsp.id, failure: placed.details() })
    const { sent, settled } = placed
    this.#finishing.add(sent.id)
    let isFinished = false
    try {
      const placement = await withTimeout(settled, lsp.settings.timeoutMs)
      const outcome = await this.#finish(placement ?? { ...sent, status: 'LOST' }, { ...key, placementId: sent.id })
      isFinished = placement !== null
      return outcome
    } finally {
      // The LSP may still answer: then the order moves on. So it does if the database was away, and has come back.
      // What fails here too, `recover` finds.
      const rest = isFinished ? Promise.resolve() : settled.then((late) => this.#recoverOne(late))
      void rest.catch(() => {}).finally(() => this.#finishing.delete(sent.id))
    }
  }

  /** Makes an order or a refusal of a settled placement. */
  async #finish(placement: Placement, key: OpenKey | null): Promise<OrderOutcome> {
    const refused = await this.#refusal(placement)
    if (refused) return key === null ? refused : this.#answer(key, refused)
    return this.#adopt(placement, agreedOf(placement), key)
  }

  /** Why it does not become an order; null when it does. */
  async #refusal(placement: Omit<Placement, 'agreed'> & { agreed: Agreed | null }): Promise<OrderOutcome | null> {
    const lsp = await this.#lsps.find(placement.lspId)
    // Without an offer, the LSP has not reported the price yet.
    if (placement.status === 'LOST' || (placement.status === 'STANDING' && placement.offer === null)) return null
    try {
      const quote = await this.#quoting.firmQuote(lsp, placement)
      if (placement.agreed === null) return null
      const refusal = priceRefusal(placement, placement.agreed.maximums)
      if (refusal === 'method') return { kind: 'lsp', lspId: lsp.id, failure: METHOD_NOT_OFFERED.details() }
      const [agreedQuote] = await this.#store.quotes.byIds(placement.clientId, [placement.agreed.quoteId])
      const previousQuote = agreedQuote ?? quote
      if (refusal === 'price') return { kind: 'price-changed', previousQuote, quote }
      const reason = worseTerms(previousQuote.terms, quote.terms)
      return reason === null ? null : { kind: 'price-changed', previousQuote, quote, reason }
    } catch (error) {
      if (!(error instanceof LspFailure)) throw error
      if (error.code === 'OPTION_MISMATCH') void lsp.refreshInfo().catch(() => {})
      return { kind: 'lsp', lspId: lsp.id, failure: error.details() }
    }
  }

  /** Makes what was placed an order of the client's, and that the key's answer. */
  async #adopt(
    placement: Placement,
    agreed: Agreed,
    key: OpenKey | null,
    lostMessage = 'the LSP did not answer: it is not known whether it has the order',
  ): Promise<OrderOutcome> {
    const now = this.#clock.now()
    const order = orderOf(placement, agreed, uuidv7(), await this.#lsps.find(placement.lspId), now)
    const isLost = order.state === 'OUTCOME_UNKNOWN'
    // Without a failure, the answer may still arrive.
    const tracking: Tracking = {
      nextReadAt: isLost ? null : now + this.#pace.activeMs,
      failures: 0,
      openAttempts: 0,
      final: isLost && placement.failure !== null,
    }
    const message = isLost ? lostMessage : `ordered: ${costOf(order)}`
    try {
      const begun = await this.#log.begin(
        order,
        tracking,
        changeOf('ORDER_PLACED', message, order.state),
        async (stores) => {
          await stores.placements.lockLsp(placement.lspId)
          const namesakes = await stores.placements.namesakes(placement, now)
          if (namesakes.some(({ orderId }) => orderId !== null)) throw new AlreadyNamed()
          if (!(await stores.placements.adopt(placement.id, order.id))) throw new AlreadyAdopted()
          if (key)
            await stores.idempotency.answer(
              key,
              JSON.stringify({ kind: 'order', orderId: order.id } satisfies KeptAnswer),
            )
        },
      )
      return { kind: 'order', order: begun }
    } catch (error) {
      if (error instanceof AlreadyNamed) {
        const failure = new LspFailure(
          'UNTRUSTWORTHY',
          `the LSP answered with the order ${placement.lspOrderId}, which is another order already`,
        ).details()
        const outcome: OrderOutcome = { kind: 'lsp', lspId: placement.lspId, failure }
        return key ? this.#answer(key, outcome) : outcome
      }
      const adopted = error instanceof AlreadyAdopted ? await this.#store.orders.byPlacement(placement.id) : null
      if (!adopted) throw error
      // Another instance took this one for gone, and the order for lost, while its answer was on its way.
      await this.#finishLate(placement)
      const outcome: OrderOutcome = { kind: 'order', order: adopted.order }
      return key ? this.#answer(key, outcome) : outcome
    }
  }

  /** The LSP's answer came after its order was given out as OUTCOME_UNKNOWN; or it is sure now that none comes. */
  async #finishLate(placement: Placement): Promise<void> {
    const tracked = await this.#store.orders.byPlacement(placement.id)
    if (tracked?.order.state !== 'OUTCOME_UNKNOWN') return
    const { order, tracking } = tracked
    const now = this.#clock.now()
    if (placement.status === 'LOST') {
      await this.#log.write(order, order, { ...tracking, nextReadAt: null, final: true }, [])
      return
    }
    const refused = await this.#refusal(placement)
    if (refused) {
      const failureReason =
        refused.kind === 'price-changed'
          ? (refused.reason ?? `the LSP asked for ${refused.quote.orderTotalSat} sat, more than was agreed to`)
          : refused.kind === 'lsp'
            ? refused.failure.message
            : null
      await this.#log.write(
        order,
        { ...order, state: 'FAILED', failureReason },
        { ...tracking, nextReadAt: null, final: true },
        [changeOf('ANSWERED_LATE', `the LSP's answer came late: ${failureReason}`, 'FAILED', order.state)],
      )
      return
    }
    const standing = {
      ...orderOf(placement, agreedOf(placement), order.id, await this.#lsps.find(order.lspId), now),
      createdAt: order.createdAt,
      sequence: order.sequence,
    }
    await this.#log.write(
      order,
      standing,
      { ...tracking, failures: 0, final: false, nextReadAt: now + this.#pace.activeMs },
      [
        changeOf(
          'ANSWERED_LATE',
          `the LSP's answer came late: it has the order, ${costOf(standing)}`,
          standing.state,
          order.state,
        ),
      ],
    )
  }

  /**
   * Settles unfinished orders of earlier runs, and of instances without a heartbeat for `silentMs`: an order that was never
   * sent is deleted, one that may have been sent becomes OUTCOME_UNKNOWN, and one with a stored answer is completed. Nothing
   * is sent again.
   */
  async recover(silentMs = 0, onError: (error: unknown, placementId: string) => void = () => {}): Promise<void> {
    for (const placement of await this.#store.placements.takeUnfinished(silentMs)) {
      if (this.#placing.isUnderWay(placement.id) || this.#finishing.has(placement.id)) continue
      await this.#recoverOne(placement).catch((error: unknown) => {
        // The sender was alive after all and has finished it meanwhile.
        if (!(error instanceof KeyLost)) onError(error, placement.id)
      })
    }
    await this.#store.idempotency.releaseAbandoned(silentMs, this.#clock.now() - ABANDONED_MS)
  }

  async #recoverOne(placement: Placement): Promise<void> {
    const key = await this.#store.idempotency.byPlacement(placement.id)
    if (placement.status === 'INTENDED') {
      const isDropped = await this.#store.placements.settle(
        { ...placement, status: 'REFUSED', failure: new LspFailure('UNAVAILABLE', 'never sent').details() },
        'INTENDED',
      )
      if (key && isDropped) await this.#store.idempotency.release(key)
      return
    }
    const settled: Placement = placement.status === 'SENT' ? { ...placement, status: 'LOST' } : placement
    // The sender may have written the answer after all: then the next run finds it.
    if (placement.status === 'SENT' && !(await this.#store.placements.settle(settled, 'SENT'))) return
    if (placement.purpose === 'ORDER' && placement.orderId === null && key?.answer == null)
      await this.#finish(settled, key)
    await this.#finishLate(settled)
  }

  /** Keeps the answer under the key; a refusal that left nothing behind and may pass gives the key back. */
  async #answer(key: OpenKey, outcome: OrderOutcome): Promise<OrderOutcome> {
    if (outcome.kind === 'lsp' && TRY_AGAIN.has(outcome.failure.code)) await this.#store.idempotency.release(key)
    else await this.#store.idempotency.answer(key, JSON.stringify(keptAnswer(outcome)))
    return outcome
  }
}

const isoTime = (at: EpochMs) => new Date(at).toISOString()
/** What is ordered at this price: with the LSP's own quote for the asset, if the gateway requested one. */
function requestOf({ request, asset = null }: Quote): ChannelRequest {
  const rfqId = asset?.rfqId ?? null
  return rfqId === null || request.asset === null ? request : { ...request, asset: { ...request.asset, rfqId } }
}

function costOf({ orderTotalSat, paymentUnconfirmed }: Order): string {
  return paymentUnconfirmed ? 'the LSP has yet to say what is to be paid' : `${orderTotalSat} sat to pay`
}

/** Somebody ordered the same firm quote at the same time, and was first: it is one order. */
class AlreadyAdopted extends Error {}

/** The LSP's id for it is that of another order: paid twice, it would be delivered once. */
class AlreadyNamed extends Error {}

import { isDeepStrictEqual } from 'node:util'
import { uuidv7 } from 'uuidv7'
import { assertWithinCourtesy, OverBudget, spendRequest } from './courtesy.ts'
import { fitNote, notesOf } from './notes.ts'
import { channelKey, LAST_CALL_MS, questionKey } from './question.ts'
import { addressProblem } from '../domain/address.ts'
import { brokenAssetLimit } from '../domain/asset-limits.ts'
import { buysAsset } from '../domain/asset-price.ts'
import { LspFailure, type FailureCode, type FailureDetails } from '../domain/failure.ts'
import { brokenLimit, withDefaults, type BrokenLimit } from '../domain/limits.ts'
import { addSat, ZERO_SAT, type Sat } from '../domain/money.ts'
import { failedChecks, offerEndsAt, type CheckCode, type VerifiedOffer } from '../domain/offer.ts'
import { cheapestOf, mapOptions, type Payment } from '../domain/payment.ts'
import type { OrderAsset } from '../domain/order.ts'
import type { FeeDiscount, FirmPolicy, PriceBasis, Quote, QuoteAsset } from '../domain/quote.ts'
import { termsOf, type ChannelRequest, type ChannelTerms } from '../domain/request.ts'
import { fitPrice } from '../domain/tariff-fit.ts'
import { DAY_MS, SECOND_MS, type Clock } from '../domain/time.ts'
import type { Placing } from '../orders/placing.ts'
import { withTimeout } from '../orders/waiting.ts'
import type { Price } from '../protocols/adapter.ts'
import type { Placement } from '../store/placements.ts'
import type { Store } from '../store/store.ts'
import type { Lsp } from '../upstream/lsp.ts'
import { REDACTED } from '../upstream/secrets.ts'

export interface QuoteFailure extends FailureDetails {
  lspId: string
}

export type QuoteOutcome = { kind: 'quote'; quote: Quote } | { kind: 'failure'; failure: QuoteFailure }

export interface Ask {
  clientId: string
  request: ChannelRequest
  firm: FirmPolicy
  deadlineMs: number
}

/** An estimate this young is asked for again by nobody. */
const ESTIMATE_FRESH_MS = 20 * SECOND_MS
/** Prices that are older say nothing about today's tariff. */
const TARIFF_DAYS = 3
/** The newest prices that are read for a fit, also those of other terms. */
const MOST_PRICES_READ = 200
/** Of so many questions it is known for as long what they were last answered with: some kilobytes each. */
const MOST_LATEST = 5_000

/** Asks LSPs what a channel costs, at the least trouble for them that gives an honest answer. */
export class Quoting {
  readonly #store: Store
  readonly #placing: Placing
  readonly #clock: Clock
  /** Questions that are being asked right now: a second asker waits for the first one's answer. */
  readonly #asking = new Map<string, Promise<Placement>>()
  readonly #estimates = new Map<string, Promise<Price | null>>()
  /** The latest quotes without an order at the LSP, by request key; oldest first. */
  readonly #latest = new Map<string, { quote: Quote; saved: Promise<void> }>()

  constructor(store: Store, placing: Placing, clock: Clock) {
    this.#store = store
    this.#placing = placing
    this.#clock = clock
  }

  /** One LSP's answer. Never throws for what the LSP does, and never takes longer than the deadline. */
  async ask(lsp: Lsp, ask: Ask): Promise<QuoteOutcome> {
    const timeoutMs = Math.max(1, Math.min(ask.deadlineMs, lsp.settings.timeoutMs))
    const endsAt = performance.now() + ask.deadlineMs
    let timer: NodeJS.Timeout | undefined
    // Not the LSP's timeout, which each request to it has: a slow database must not look like a slow LSP.
    const late = new Promise<never>((_, reject) => {
      const message = `no answer within ${ask.deadlineMs} ms`
      timer = setTimeout(() => reject(new LspFailure('TIMEOUT', message)), Math.max(1, ask.deadlineMs))
    })
    try {
      return { kind: 'quote', quote: await Promise.race([this.#quote(lsp, ask, timeoutMs), late]) }
    } catch (error) {
      if (!(error instanceof LspFailure)) throw error
      const isNews = error.code === 'OPTION_MISMATCH' && !(error instanceof BeyondKnownLimits)
      const broken = isNews ? await this.#newlyBroken(lsp, ask.request, endsAt - performance.now()) : null
      return {
        kind: 'failure',
        failure: { ...error.details(), lspId: lsp.id, ...(broken && { field: broken.field, limit: broken.limit }) },
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * The limit that the request violates by limits that the LSP states now, after it refused by limits that were not known;
   * null: it states none, or not in time.
   */
  async #newlyBroken(lsp: Lsp, asked: ChannelRequest, timeoutMs: number): Promise<BrokenLimit | null> {
    const info = await withTimeout(
      lsp.refreshInfo().catch(() => null),
      Math.max(1, timeoutMs),
    )
    if (!info?.limits) return null
    const request = lsp.adapter.requestFields.confirmations ? withDefaults(asked, info.limits) : asked
    return brokenLimit(request, info.limits)
  }

  async #quote(lsp: Lsp, ask: Ask, timeoutMs: number): Promise<Quote> {
    const endsAt = performance.now() + ask.deadlineMs
    const unsupportedParameter = lsp.adapter.unsupportedParameter(ask.request)
    if (unsupportedParameter)
      throw new LspFailure('UNSUPPORTED', unsupportedParameter.message, { field: unsupportedParameter.field })
    const { refundOnchainAddress } = ask.request
    const badAddress =
      refundOnchainAddress === null
        ? null
        : addressProblem(refundOnchainAddress, lsp.settings.network, lsp.adapter.addressKinds)
    if (badAddress)
      throw new LspFailure('INVALID_REQUEST', `${badAddress}, and the LSP is on ${lsp.settings.network}`, {
        field: 'refundOnchainAddress',
      })
    const question = questionKey(ask.clientId, lsp.id, ask.request)
    const standing = await this.#store.placements.standing(question, this.#clock.now() + LAST_CALL_MS)
    if (standing) return this.firmQuote(lsp, await this.#placing.priced(lsp, standing))

    const { limits, assets } = await lsp.currentInfo()
    const request = lsp.adapter.requestFields.confirmations ? withDefaults(ask.request, limits) : ask.request
    const broken = limits && brokenLimit(request, limits)
    if (broken) throw new BeyondKnownLimits('OPTION_MISMATCH', broken.message, broken)
    const brokenAsset = request.asset && brokenAssetLimit(request.asset, assets)
    if (brokenAsset) throw new BeyondKnownLimits('OPTION_MISMATCH', brokenAsset.message, brokenAsset)
    const context: Context = { lsp, clientId: ask.clientId, asked: ask.request, request, question, timeoutMs }
    const limited = lsp.rateLimitFailure
    if (limited) return this.#observedPrice(context, limited.code, limited.message, limited.retryAt)
    lsp.assertCircuitClosed(ask.clientId)

    let spent: OverBudget | null = null
    if (ask.firm !== 'ALWAYS') {
      const quote = await this.#priceWithoutOrder(context).catch(asOverBudget)
      if (quote instanceof OverBudget) spent = quote
      else if (quote) return quote
    }
    if (ask.firm === 'NEVER')
      return this.#observedPrice(
        context,
        'PRICE_UNKNOWN',
        spent?.message ?? 'this LSP tells a price only by an order, which `firm: NEVER` forbids',
        spent?.retryAt ?? null,
      )
    // The client already has a timeout: an order would be for nobody.
    if (performance.now() >= endsAt) throw new LspFailure('TIMEOUT', `no answer within ${ask.deadlineMs} ms`)
    try {
      return await this.#firm(context)
    } catch (error) {
      if (!(error instanceof OverBudget)) throw error
      const quote = ask.firm === 'ALWAYS' ? await this.#priceWithoutOrder(context).catch(asOverBudget) : null
      return quote && !(quote instanceof OverBudget)
        ? quote
        : await this.#observedPrice(context, 'PRICE_UNKNOWN', error.message, error.retryAt)
    }
  }

  /** The LSP's own estimate, else its published tariff, else null. @throws OverBudget where no more estimates may be asked for. */
  async #priceWithoutOrder(context: Context): Promise<Quote | null> {
    const { lsp, clientId, request, question } = context
    const estimate = await this.#estimate(lsp, request, question, clientId).catch(asOverBudget)
    if (estimate && !(estimate instanceof OverBudget))
      return this.#save(context, this.#unboundQuote(context, 'ESTIMATED', estimate))
    const computed = lsp.adapter.tariff?.(lsp.call({ secrets: [request.token] }), request) ?? null
    if (computed) return this.#save(context, this.#unboundQuote(context, 'COMPUTED', computed))
    if (estimate) throw estimate
    return null
  }

  /**
   * Those who ask for the same channel share one call, which no deadline of theirs cuts short. A quote for an asset belongs
   * to one client and serves one order. @throws OverBudget
   */
  #estimate(lsp: Lsp, request: ChannelRequest, question: string, clientId: string): Promise<Price | null> {
    if (!lsp.adapter.estimate) return Promise.resolve(null)
    const isOwn = buysAsset(request.asset)
    const key = isOwn ? question : `${lsp.id} ${channelKey(request)}`
    const asked = this.#estimates.get(key)
    if (asked) return asked
    const estimate = this.#askEstimate(lsp, request, clientId)
    this.#estimates.set(key, estimate)
    const forget = () => this.#estimates.delete(key)
    // A failure is not shared with later callers: they ask again.
    estimate.then(() => (isOwn ? forget() : setTimeout(forget, ESTIMATE_FRESH_MS).unref()), forget)
    return estimate
  }

  async #askEstimate(lsp: Lsp, request: ChannelRequest, client: string): Promise<Price | null> {
    const { estimatesPerMinute, requestsPerMinute } = lsp.settings
    const retryAt = await this.#store.transaction(({ budgets }) =>
      budgets.takeEstimate(lsp.id, { estimatesPerMinute, requestsPerMinute }, this.#clock.now()),
    )
    if (retryAt !== null)
      throw new OverBudget(`this LSP is asked for no more than ${estimatesPerMinute} estimates a minute`, retryAt)
    return (await lsp.adapter.estimate?.(lsp.call({ secrets: [request.token], client }), request)) ?? null
  }

  /** An unpaid order for its price, within the courtesy budget. @throws OverBudget */
  async #firm(context: Context): Promise<Quote> {
    const { lsp, clientId, question, request } = context
    let placement = this.#asking.get(question)
    if (!placement) {
      placement = this.#placing
        .place({
          lsp,
          clientId,
          question,
          purpose: 'QUOTE',
          request,
          email: null,
          agreed: null,
          first: async (stores) => {
            // One instance at a time counts open orders.
            await stores.placements.lockLsp(lsp.id)
            const placed =
              (await stores.placements.standing(question, this.#clock.now() + LAST_CALL_MS)) ??
              (await stores.placements.beingAsked(question))
            if (placed) throw new AlreadyPlaced(placed)
            await assertWithinCourtesy(
              stores,
              lsp.settings,
              { clientId, clientPubkey: request.clientPubkey },
              this.#clock.now(),
            )
            await spendRequest(stores, lsp.settings, clientId, this.#clock.now())
          },
        })
        .then(
          ({ settled }) => settled,
          (error: unknown) => {
            if (error instanceof AlreadyPlaced) return this.#placing.settledElsewhere(error.placement)
            throw error
          },
        )
      this.#asking.set(question, placement)
      void placement.catch(() => {}).finally(() => this.#asking.delete(question))
    }
    // After the deadline the order goes on, and answers the next request.
    const settled = await withTimeout(placement, context.timeoutMs)
    if (settled === null) throw new LspFailure('TIMEOUT', `no answer within ${context.timeoutMs} ms`)
    return this.firmQuote(lsp, settled)
  }

  /** The quote of an order at the LSP: always the same one. */
  async firmQuote(lsp: Lsp, placement: PlacedOffer): Promise<Quote> {
    const known = await this.#store.quotes.byPlacement(placement.id)
    if (known) return known
    if (placement.offer?.free) await this.#assertFree(lsp, placement)
    const quote = this.#quoteOfPlacement(lsp, placement)
    const { feeTotalSat, bolt11FeeTotalSat, onchainFeeTotalSat, terms, createdAt, asset } = quote
    const assetPriceSat = asset?.priceSat ?? null
    return this.#store.transaction(async ({ placements, quotes }) => {
      await placements.lock(placement.id)
      // Many may wait for the same order: the first of them to get here writes its quote, the others get that.
      const first = await quotes.byPlacement(placement.id)
      if (first) return first
      await quotes.savePrice(
        lsp.id,
        channelKey(placement.request),
        {
          feeTotalSat,
          bolt11FeeTotalSat,
          onchainFeeTotalSat,
          assetPriceSat,
          isTariff: isByTariff(placement.request),
          terms,
        },
        createdAt,
      )
      await quotes.save([quote])
      return quote
    })
  }

  /**
   * An LSP that wants money for a channel does not give it away: an order that is free although its quote, an estimate
   * or the tariff is not is a misread one. @throws LspFailure
   */
  async #assertFree(
    lsp: Lsp,
    { clientId, request, agreed, question }: PlacedOffer & Partial<Pick<Placement, 'agreed'>>,
  ): Promise<void> {
    const tariff = lsp.adapter.tariff?.(lsp.call({ secrets: [request.token] }), request)
    const known = Math.max(agreed?.feeTotalSat ?? 0, tariff?.feeTotalSat ?? 0)
    const feeSat = known || ((await this.#estimate(lsp, request, question, clientId).catch(asNull))?.feeTotalSat ?? 0)
    if (feeSat > 0)
      throw new LspFailure(
        'UNTRUSTWORTHY',
        `the LSP states that nothing is to be paid, but its price for this channel is ${feeSat} sat`,
      )
  }

  /** @throws LspFailure if the LSP has no order, or its offer failed verification. */
  #quoteOfPlacement(lsp: Lsp, placement: PlacedOffer): Quote {
    const { request, reading, offer, failure } = placement
    if (reading === null || offer === null) {
      throw new LspFailure(failure?.code ?? 'UNAVAILABLE', failure?.message ?? 'the LSP did not answer', {
        field: failure?.field ?? null,
        limit: failure?.limit,
        retryAt: failure?.retryAt ?? null,
      })
    }
    if (offer.payment === null)
      throw new LspFailure('UNTRUSTWORTHY', failedChecks(offer.checks) ?? 'nothing of the offer is believed')
    const payment = withRouteHintFees(offer.payment)
    const cheapest = offer.free ? { feeTotalSat: ZERO_SAT, orderTotalSat: ZERO_SAT } : cheapestOf(payment)
    if (!cheapest) {
      throw unusable(lsp, request, offer)
    }
    const terms = { ...lsp.adapter.roundedTerms(termsOf(request)), ...reading.terms }
    const now = this.#clock.now()
    return {
      ...this.#blank(lsp, placement.clientId, request, terms, now),
      basis: 'FIRM',
      ...cheapest,
      bolt11FeeTotalSat: payment.bolt11?.feeTotalSat ?? null,
      bolt12FeeTotalSat: payment.bolt12?.feeTotalSat ?? null,
      onchainFeeTotalSat: payment.onchain?.feeTotalSat ?? null,
      asset: quotedAsset(request, reading.asset),
      notes: notesOf(lsp, request, terms, offer, now),
      checks: offer.checks,
      placementId: placement.id,
      expiresAt: offerEndsAt(offer),
    }
  }

  #unboundQuote({ lsp, clientId, asked, request }: Context, basis: PriceBasis, price: Price): Quote {
    const terms = lsp.adapter.roundedTerms(termsOf(request))
    const now = this.#clock.now()
    return {
      ...this.#blank(lsp, clientId, asked, terms, now),
      basis,
      feeTotalSat: price.feeTotalSat,
      orderTotalSat: totalOf(price.feeTotalSat, request, price.boughtAsset?.priceSat),
      asset: quotedAsset(request, price.boughtAsset ?? null),
      ...(price.breakdown === undefined ? {} : { breakdown: price.breakdown }),
      ...(price.discount === undefined ? {} : { discount: withOwnCode(price.discount, request) }),
      notes: notesOf(lsp, request, terms, null, now),
      expiresAt: price.expiresAt,
    }
  }

  /** What the LSP last asked for the same channel, when nothing better may be had now. @throws LspFailure */
  async #observedPrice(context: Context, code: FailureCode, message: string, retryAt: number | null): Promise<Quote> {
    const { lsp, clientId, asked, request } = context
    const price = await this.#store.quotes.price(lsp.id, channelKey(request))
    if (!price) return this.#fittedPrice(context, new LspFailure(code, message, { retryAt }))
    const now = this.#clock.now()
    return this.#save(context, {
      ...this.#blank(lsp, clientId, asked, price.terms, now),
      basis: 'OBSERVED',
      feeTotalSat: price.feeTotalSat,
      orderTotalSat: totalOf(price.feeTotalSat, request, price.assetPriceSat),
      asset: quotedAsset(request, { priceSat: price.assetPriceSat ?? null }),
      bolt11FeeTotalSat: price.bolt11FeeTotalSat,
      onchainFeeTotalSat: price.onchainFeeTotalSat,
      notes: notesOf(lsp, request, price.terms, null, now),
      observedAt: price.observedAt,
    })
  }

  /** A price by the line through the LSP's latest prices. @throws `failure` if there is no line. */
  async #fittedPrice(context: Context, failure: LspFailure): Promise<Quote> {
    const { lsp, request } = context
    if (!isByTariff(request)) throw failure
    const now = this.#clock.now()
    const points = await this.#store.quotes.tariffPoints(lsp.id, now - TARIFF_DAYS * DAY_MS, MOST_PRICES_READ)
    const fitted = fitPrice(lsp.adapter.roundedTerms(termsOf(request)), points)
    if (fitted === null) throw failure
    const { feeTotalSat, fit } = fitted
    const quote = this.#unboundQuote(context, 'ESTIMATED', { feeTotalSat, expiresAt: null })
    return this.#save(context, { ...quote, fit, notes: [...quote.notes, fitNote(fit)] })
  }

  #blank(lsp: Lsp, clientId: string, request: ChannelRequest, terms: ChannelTerms, now: number) {
    return {
      id: uuidv7(),
      clientId,
      lspId: lsp.id,
      bolt11FeeTotalSat: null as Sat | null,
      onchainFeeTotalSat: null as Sat | null,
      terms,
      checks: [],
      request,
      placementId: null,
      createdAt: now,
      observedAt: null,
      expiresAt: null,
    }
  }

  /** Returns the same quote if a client repeats a request within moments and nothing has changed: each quote is stored. */
  async #save({ question }: Context, quote: Quote): Promise<Quote> {
    const last = this.#latest.get(question)
    if (
      last &&
      quote.createdAt - last.quote.createdAt < ESTIMATE_FRESH_MS &&
      isDeepStrictEqual(quote, { ...last.quote, id: quote.id, createdAt: quote.createdAt })
    ) {
      await last.saved
      return last.quote
    }
    const saved = this.#store.quotes.save([quote])
    this.#latest.delete(question)
    this.#latest.set(question, { quote, saved })
    const [oldest] = this.#latest.keys()
    if (oldest !== undefined && this.#latest.size > MOST_LATEST) this.#latest.delete(oldest)
    try {
      await saved
    } catch (error) {
      if (this.#latest.get(question)?.quote === quote) this.#latest.delete(question)
      throw error
    }
    return quote
  }
}

/** Whether anybody would be asked for the same price: tokens, assets and the client's fee rate change it. */
function isByTariff({ token, asset, fundingFeeRateSatPerVbyte }: ChannelRequest): boolean {
  return token === null && asset === null && fundingFeeRateSatPerVbyte === undefined
}

/** @throws LspFailure if the total is more than 21 million bitcoin */
function totalOf(feeTotalSat: Sat, { clientBalanceSat }: ChannelRequest, assetPriceSat: Sat | null | undefined): Sat {
  try {
    return addSat(addSat(feeTotalSat, clientBalanceSat), assetPriceSat ?? ZERO_SAT)
  } catch (error) {
    throw new LspFailure('BAD_RESPONSE', 'fee, client balance and asset price are more than 21 million bitcoin', {
      cause: error,
    })
  }
}

/** The client's own token is redacted in every answer, and the code of its discount is that token. */
function withOwnCode(discount: FeeDiscount, { token }: ChannelRequest): FeeDiscount {
  return discount.code === REDACTED ? { ...discount, code: token } : discount
}

/** The asset of the request, with what the LSP reports of it. */
function quotedAsset({ asset }: ChannelRequest, reported: Partial<OrderAsset> | null): QuoteAsset | null {
  return (
    asset && {
      assetId: asset.assetId,
      lspAmount: reported?.lspAmount ?? asset.lspAmount,
      clientAmount: reported?.clientAmount ?? asset.clientAmount,
      priceSat: reported?.priceSat ?? null,
      rfqId: reported?.rfqId ?? asset.rfqId,
    }
  )
}

/** A wallet pays the fees of the invoice's route hints as well: they are part of the price. @throws LspFailure */
function withRouteHintFees(payment: Payment): Payment {
  try {
    return mapOptions(payment, (option) => {
      const hintFeeSat = 'routeHintFeeSat' in option ? (option.routeHintFeeSat ?? ZERO_SAT) : ZERO_SAT
      return {
        ...option,
        feeTotalSat: addSat(option.feeTotalSat, hintFeeSat),
        orderTotalSat: addSat(option.orderTotalSat, hintFeeSat),
      }
    })
  } catch (error) {
    throw new LspFailure('UNTRUSTWORTHY', "the invoice's route hints cost more than all bitcoin", { cause: error })
  }
}

/** Why nothing of an offer with good sums can be paid. */
function unusable(
  { refundRoute }: Lsp,
  { refundOnchainAddress }: ChannelRequest,
  { checks }: VerifiedOffer,
): LspFailure {
  const withholding = new Set<CheckCode>(['ONCHAIN_ADDRESS_IS_NEW', 'BIP21_PARAMETERS'])
  if (refundRoute === 'TO_ADDRESS') withholding.add('REFUND_ADDRESS')
  const withheld = checks.find(({ code, verdict }) => verdict === 'WARNING' && withholding.has(code))
  if (withheld) return new LspFailure('UNTRUSTWORTHY', `${withheld.code}: ${withheld.message}`)
  return refundRoute === 'TO_ADDRESS' && refundOnchainAddress === null
    ? new LspFailure('UNSUPPORTED', 'the LSP offers no payment option that can be used without a refund address', {
        field: 'refundOnchainAddress',
      })
    : new LspFailure('BAD_RESPONSE', 'no payment option states until when it can be paid')
}

/** A placement, with or without a client that agreed to it. */
type PlacedOffer = Omit<Placement, 'agreed'>

function asOverBudget(error: unknown): OverBudget {
  if (error instanceof OverBudget) return error
  throw error
}

/** An LSP that cannot give an estimate now says nothing about the price. */
function asNull(error: unknown): null {
  if (error instanceof OverBudget || error instanceof LspFailure) return null
  throw error
}

/** The LSP was not asked. */
class BeyondKnownLimits extends LspFailure {}

/** The very question was answered between looking for an answer and asking, or another instance is asking it. */
class AlreadyPlaced extends Error {
  readonly placement: Placement

  constructor(placement: Placement) {
    super('an order was placed for this question')
    this.placement = placement
  }
}

interface Context {
  lsp: Lsp
  clientId: string
  asked: ChannelRequest
  /** With the LSP's least for what was left open. */
  request: ChannelRequest
  question: string
  timeoutMs: number
}

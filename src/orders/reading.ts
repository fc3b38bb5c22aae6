import { changeOf } from '../domain/messages/order-changes.ts'
import { claimDestinations } from './destinations.ts'
import { OrderMoved, type OrderLog } from './log.ts'
import { AnotherOrder, LspFailure } from '../domain/failure.ts'
import { knownNodes } from '../domain/channel-progress.ts'
import { clientNodeUri } from '../domain/request.ts'
import { isUnknownToLsp } from '../domain/ending.ts'
import type { LspFeature } from '../domain/lsp.ts'
import { distrustOf } from '../domain/offer.ts'
import { isAutomatic, isUnverifiedImport, type Order } from '../domain/order-record.ts'
import { isWithheld, NO_PAYMENT } from '../domain/payment.ts'
import { showsPayment } from '../domain/payment-progress.ts'
import { advance, notFound, unanswered } from '../domain/progress.ts'
import type { OrderReading } from '../domain/reading.ts'
import { fundingWatchDelayMs, nextOpenDelayMs, nextReadDelayMs, openPatienceMs, type Pace } from '../domain/schedule.ts'
import { MINUTE_MS, SECOND_MS, type Clock, type EpochMs } from '../domain/time.ts'
import type { OrderRef } from '../protocols/adapter.ts'
import type { TrackedOrder, Tracking } from '../store/orders.ts'
import type { Store } from '../store/store.ts'
import type { Lsp } from '../upstream/lsp.ts'
import type { LspRegistry } from '../upstream/registry.ts'

/** So often an LSP may say that it does not know an order which was imported, before it is believed. */
const MOST_NOT_FOUND = 3

/** Reads orders at their LSPs and writes down what became of them. */
export class OrderReader {
  readonly #store: Store
  readonly #log: OrderLog
  readonly #lsps: LspRegistry
  readonly #clock: Clock
  readonly #pace: Pace

  constructor(store: Store, log: OrderLog, lsps: LspRegistry, clock: Clock, pace: Pace) {
    this.#store = store
    this.#log = log
    this.#lsps = lsps
    this.#clock = clock
    this.#pace = pace
  }

  /** What later calls about the order need; null when the LSP never named it, or gave its id to another order. */
  async refOf(order: Order): Promise<OrderRef | null> {
    const placement = await this.#store.placements.get(order.placementId)
    if (order.lspOrderId === null || placement?.lspOrderId !== order.lspOrderId) return null
    return {
      lspOrderId: order.lspOrderId,
      accessToken: placement.accessToken,
      clientNodeUri: clientNodeUri(order.request),
      announceChannel: order.terms.announceChannel,
      // Other requests about the order wait until the LSP has reported that it has the order.
      features: featuresFor(order, await this.#lsps.find(order.lspId)),
      lnurlChannel: order.lnurlChannel,
      jit: order.jit,
      paid: order.paymentSeenAt !== null,
    }
  }

  /**
   * Reads it at once, since somebody is looking, by the budget that the tracker reads by too. When that is spent, or
   * the LSP is to be left alone, it is given as it stands, and is the tracker's to read next.
   */
  async readNow(id: string): Promise<Order> {
    const tracked = await this.#tracked(id)
    const { settings, notBefore } = await this.#lsps.find(tracked.order.lspId)
    const now = this.#clock.now()
    const isAllowed =
      notBefore <= now &&
      (await this.#store.transaction(({ budgets }) =>
        budgets.takeReading(settings.id, settings.requestsPerMinute, now),
      ))
    if (!isAllowed) {
      await this.#store.orders.makeDue(id, now)
      return tracked.order
    }
    try {
      return await this.read(tracked)
    } catch (error) {
      if (!(error instanceof OrderMoved)) throw error
      return (await this.#tracked(id)).order
    }
  }

  async #tracked(id: string): Promise<TrackedOrder> {
    const tracked = await this.#store.orders.get(id)
    if (!tracked) throw new Error(`the order ${id} is gone`)
    return tracked
  }

  /** Reads it once, and asks for its channel where the LSP waits to be asked. @throws OrderMoved */
  async read({ order, tracking }: TrackedOrder): Promise<Order> {
    const lsp = await this.#lsps.find(order.lspId)
    if (lsp.circuitOpenUntil !== null && !lsp.isOnTrial) {
      const { order: next, changes } = unanswered(order, 'it does not answer', this.#clock.now())
      return this.#log.write(order, next, this.#after(next, tracking, lsp, tracking.failures), changes)
    }
    const ref = await this.refOf(order)
    if (ref === null) {
      const isDisowned = order.lspOrderId !== null && !tracking.final
      return this.#log.write(
        order,
        order,
        { ...tracking, nextReadAt: null, watchAt: null, final: tracking.final || isDisowned },
        isDisowned
          ? [
              changeOf(
                'POLLING_ENDED',
                "the LSP has given this order's id to another order, and is asked about this one no more",
              ),
            ]
          : [],
      )
    }
    let reading: OrderReading
    try {
      reading = await lsp.adapter.readOrder(
        lsp.call({
          secrets: [ref.accessToken, order.request.token],
          isUnjudged: isUnverifiedImport(order),
          client: order.clientId,
          isPoll: true,
        }),
        ref,
      )
      if (reading.lspOrderId !== ref.lspOrderId) throw new AnotherOrder()
    } catch (error) {
      if (!(error instanceof LspFailure)) throw error
      return this.#unread(order, tracking, lsp, error)
    }
    const polledAt = this.#clock.now()
    if (isProvisional(lsp, order, reading, polledAt - this.#pace.activeMs)) {
      return this.#log.write(
        order,
        { ...order, failureSuspectedAt: order.failureSuspectedAt ?? polledAt, checkedAt: polledAt },
        this.#after(order, tracking, lsp, 0),
        [],
      )
    }
    const { order: next, changes } = advance(
      order,
      reading,
      {
        network: lsp.settings.network,
        addressKinds: lsp.adapter.addressKinds,
        lspPubkeys: lsp.pubkeys,
        refundRoute: lsp.refundRoute,
        limits: lsp.info?.limits ?? null,
      },
      this.#clock.now(),
    )
    const confirmed = isUnverifiedImport(next) && showsPayment(reading) ? { ...next, paymentUnconfirmed: false } : next
    const { failureSuspectedAt: _, ...read } = order.paymentUnconfirmed
      ? await this.#withClaimedDestinations(confirmed)
      : confirmed
    const after = this.#after(read, tracking, lsp, 0)
    if (!this.#isToBeOpened(read, tracking, lsp)) return this.#log.write(order, read, after, changes)
    // Writing it gives its lease up: it is not due again before it was asked for its channel.
    const nextReadAt = Math.max(after.nextReadAt ?? 0, this.#clock.now() + lsp.settings.timeoutMs + SECOND_MS)
    const written = await this.#log.write(order, read, { ...after, nextReadAt }, changes)
    try {
      return await this.#open(written, { ...tracking, leasedBy: undefined }, lsp, ref)
    } catch (error) {
      await this.#store.orders.makeDue(order.id, this.#clock.now())
      throw error
    }
  }

  /** Claims the payment destinations of an order whose price is known for the first time. */
  async #withClaimedDestinations(order: Order): Promise<Order> {
    const { placementId: id, clientId, lspId, lspOrderId } = order
    const { offer } = await claimDestinations(
      this.#store,
      { id, clientId, lspId, lspOrderId },
      { payment: order.payment, free: false, checks: order.checks },
      this.#clock.now(),
    )
    if (offer.payment !== null) return { ...order, payment: offer.payment, checks: offer.checks }
    return { ...order, payment: NO_PAYMENT, checks: offer.checks, paymentWarning: distrustOf(offer.checks) }
  }

  /** The LSP did not answer, or knows nothing of it: the order stays as it is, and is read again later. */
  #unread(order: Order, tracking: Tracking, lsp: Lsp, failure: LspFailure): Promise<Order> {
    const now = this.#clock.now()
    if (isUnverifiedImport(order) && failure instanceof AnotherOrder) {
      return this.#log.write(order, order, { ...tracking, nextReadAt: null, final: true }, [
        changeOf('POLLING_ENDED', `${failure.message}, and is asked about this one no more`),
      ])
    }
    if (failure.code !== 'NOT_FOUND') {
      const { order: next, changes } = unanswered(order, failure.message, now)
      return this.#log.write(order, next, this.#after(next, tracking, lsp, tracking.failures + 1), changes)
    }
    // An LSP may delete an order that is complete: this is no change.
    if (tracking.final) return this.#log.write(order, order, { ...tracking, watchAt: null }, [])
    // Failures of another kind do not count towards the limit on "unknown order".
    const { order: next, changes } = notFound(order, now)
    const later = this.#after(next, tracking, lsp, isUnknownToLsp(order) ? tracking.failures + 1 : 1)
    // The LSP never reported this order. It may give the id to another client's order.
    const isOver = isUnverifiedImport(order) && later.failures >= MOST_NOT_FOUND
    return this.#log.write(order, next, isOver ? { ...later, nextReadAt: null, final: true } : later, changes)
  }

  #after(order: Order, tracking: Tracking, lsp: Lsp, failures: number): Tracking {
    const now = this.#clock.now()
    const final = this.#log.isFinal(order, lsp.adapter)
    const delayMs = nextReadDelayMs(order, this.#pace, failures, now, Math.random, (tracking.followedUntil ?? 0) > now)
    const watchDelayMs = final ? fundingWatchDelayMs(order, lsp.adapter, this.#pace, now) : null
    // An LSP that holds back orders for hours still has to be asked about those that were paid.
    const heldUntil = Math.max(Math.min(lsp.rateLimitedUntil ?? 0, now + MINUTE_MS), lsp.circuitOpenUntil ?? 0)
    return {
      ...tracking,
      failures,
      final,
      nextReadAt: final ? null : Math.max(now + delayMs, heldUntil),
      watchAt: watchDelayMs === null ? null : Math.max(now + watchDelayMs, heldUntil),
    }
  }

  #isToBeOpened(order: Order, { openAttempts }: Tracking, lsp: Lsp): boolean {
    const isBeingRefunded = order.refund?.state === 'IN_FLIGHT' || order.refund?.state === 'PAID_OUT'
    // Nothing has happened to the order since the LSP said yes, or it would be no longer PAID, or updated later.
    const isUnderWay =
      order.openRequest?.failure === null &&
      this.#clock.now() - order.updatedAt < openPatienceMs(openAttempts, this.#pace)
    const isWanted = !isWithheld(order) && !order.isRefundRequested && !isBeingRefunded
    return (
      lsp.adapter.openChannel !== undefined &&
      order.state === 'PAID' &&
      !isUnverifiedImport(order) &&
      isAutomatic(order) &&
      isWanted &&
      !isUnderWay
    )
  }

  /** The wallet should not have to: its node is known. Asking twice opens nothing twice, so it is asked again. */
  async #open(order: Order, tracking: Tracking, lsp: Lsp, ref: OrderRef): Promise<Order> {
    const attempts = tracking.openAttempts + 1
    const now = this.#clock.now()
    try {
      await lsp.adapter.openChannel?.(
        lsp.call({ secrets: [ref.accessToken, order.request.token], client: order.clientId, isPoll: true }),
        ref,
        ref.clientNodeUri,
      )
      return await this.#log.write(
        order,
        { ...order, openRequest: { failure: null } },
        { ...tracking, openAttempts: attempts, failures: 0, nextReadAt: now },
        [changeOf('OPENING_REQUESTED', 'the LSP agreed to open the channel')],
      )
    } catch (error) {
      if (!(error instanceof LspFailure)) throw error
      const openRequest = { failure: { message: error.message, isPeerMissing: error.code === 'PEER_NOT_CONNECTED' } }
      const changes =
        order.openRequest?.failure?.message === error.message
          ? []
          : [changeOf('OPENING_FAILED', `the LSP could not open the channel: ${error.message}`, error.message)]
      const nextReadAt = now + nextOpenDelayMs(attempts, this.#pace)
      return this.#log.write(
        order,
        { ...order, openRequest, lspNodeUris: knownNodes(order.lspNodeUris ?? [], nodesOf(error)) },
        { ...tracking, openAttempts: attempts, failures: 0, nextReadAt },
        changes,
      )
    }
  }
}

/** The node that the refusal asks the client to connect to. */
export const nodesOf = ({ lspNodeUri }: LspFailure) => (lspNodeUri === null ? [] : [lspNodeUri])

/**
 * An LSP whose order advances when it is polled may report a healthy order as failed while it sets the channel up (the
 * ThunderStack section of protocols/README.md). A failure counts if the first report of it was before `confirmedBefore`:
 * two polls in quick succession are not enough.
 */
function isProvisional(lsp: Lsp, order: Order, reading: OrderReading, confirmedBefore: EpochMs): boolean {
  if (!lsp.adapter.advancesWhenRead || reading.state !== 'FAILED' || order.state === 'FAILED') return false
  return (order.failureSuspectedAt ?? Infinity) > confirmedBefore
}

/** What the LSP may be asked for beside the order when it is polled. */
function featuresFor(order: Order, lsp: Lsp): readonly LspFeature[] {
  if (isUnverifiedImport(order)) return []
  // With this feature, a poll registers the client's node at the LSP.
  const mayRegister = lsp.settings.registerJit && isAutomatic(order)
  return mayRegister ? lsp.features : lsp.features.filter((feature) => feature !== 'JIT_CHANNEL')
}

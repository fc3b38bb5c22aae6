import { randomBytes, randomInt } from 'node:crypto'
import { encodeOffer } from './bolt12.ts'
import type { FaultSwitches } from './faults.ts'
import { newTxid, PaymentError, type Network } from './network.ts'
import type { LightningNode } from './node.ts'
import { LATER_FIELDS, OrderBook, type OpenedChannel, type StoredOrder } from './order-book.ts'
import type { OrderView, Stage } from './order-view.ts'
import { OrderPayments, type ReceivedPayments } from './payments.ts'
import { feePerPaymentOf, halfAsMuchAgain, tooMuchFor } from './prices.ts'
import { addSat, minSat, sat, ZERO_SAT, type Sat } from '../domain/money.ts'
import { SECOND_MS, type Clock, type EpochMs } from '../domain/time.ts'

const FUNDED_STAGES: ReadonlySet<Stage> = new Set(['FUNDED', 'OPEN', 'CLOSING', 'CLOSED'])

/** How a protocol's orders proceed. */
export interface DeskPolicy<Details> {
  /** Payments are held until the channel is funded. */
  holdInvoices: boolean
  /** Steps until a payment on-chain counts. */
  onchainConfirmations: number
  /** A payment that arrives after the order's end still opens the channel. */
  takesLatePayment: boolean
  /** The LSP refunds a failed order without a request. */
  refundsByItself: boolean
  /** At the order's end the LSP sends a part payment back to the refund address. */
  refundsPartPayment: boolean
  /** When the LSP may begin to open the channel of a paid order; null: something else has to happen first. */
  mayOpenFrom: (order: StoredOrder<Details>, paidAt: EpochMs, faults: FaultSwitches) => EpochMs | null
  /** The short channel id by which a first payment opens the order's channel (JIT); null: none does. */
  routeHintOf?: (order: StoredOrder<Details>) => string | null
}

export interface NewOrder<Details> {
  id: string
  feeSat: Sat
  clientBalanceSat: Sat
  /** Part of the total beside the fee and the client's balance. @default 0 */
  extraSat?: Sat
  validMs: number
  /** Where the invoice expires before the order does. */
  invoiceValidMs?: number
  onchain: boolean
  refundAddress: string | null
  description: string
  details: Details
}

export interface DeskOptions<Details> {
  node: LightningNode
  /** Another node, for FOREIGN_PAYEE and WRONG_NODE. */
  stranger: LightningNode
  network: Network
  clock: Clock
  faults: FaultSwitches
  stepMs: number
  /** Overrides the validity of every protocol. */
  invoiceExpiryMs: number | null
  policy: DeskPolicy<Details>
}

/** How long ORDERS_EXPIRE_SOON leaves to pay. */
const SOON_MS = 5 * SECOND_MS

/** The back office of a simulated LSP: it takes orders, looks for their payments, opens channels and refunds. */
export class LspDesk<Details> {
  readonly book = new OrderBook<Details>()
  readonly node: LightningNode
  readonly network: Network
  readonly faults: FaultSwitches
  readonly payments: OrderPayments
  readonly #options: DeskOptions<Details>

  constructor(options: DeskOptions<Details>) {
    const { node, network, clock, policy, stepMs } = options
    this.#options = options
    this.node = node
    this.network = network
    this.faults = options.faults
    const confirmingMs = policy.onchainConfirmations * stepMs
    this.payments = new OrderPayments({ network, clock, pubkey: node.pubkey, confirmingMs })
    network.addDueWork(() => {
      for (const order of this.book.all()) this.view(order)
    })
    if (policy.routeHintOf) network.addForwarder((scid, amountSat) => this.#forward(scid, amountSat))
  }

  now(): EpochMs {
    return this.#options.clock.now()
  }

  get stepMs(): number {
    return this.#options.stepMs
  }

  take(request: NewOrder<Details>): StoredOrder<Details> {
    const createdAt = this.now()
    const feeSat = this.faults.has('DEARER_AT_ORDER') ? halfAsMuchAgain(request.feeSat) : request.feeSat
    const totalSat = addSat(addSat(feeSat, request.clientBalanceSat), request.extraSat ?? ZERO_SAT)
    const expiresAfter = (validMs: number) =>
      createdAt + (this.faults.has('ORDERS_EXPIRE_SOON') ? SOON_MS : (this.#options.invoiceExpiryMs ?? validMs))
    const invoiceExpiresAt = expiresAfter(request.invoiceValidMs ?? request.validMs)
    const order: StoredOrder<Details> = {
      ...LATER_FIELDS,
      id: request.id,
      createdAt,
      expiresAt: expiresAfter(request.validMs),
      invoiceExpiresAt,
      feeSat,
      clientBalanceSat: request.clientBalanceSat,
      totalSat,
      ...this.#newInvoice(totalSat, request.description, createdAt, invoiceExpiresAt),
      address: request.onchain ? this.network.ownAddress(this.node.pubkey, this.node.newAddress()) : null,
      refundAddress: request.refundAddress,
      openingAt: null,
      channel: null,
      failedAt: null,
      refundedAt: null,
      refundTxid: null,
      details: request.details,
    }
    this.book.add(order)
    return order
  }

  #newInvoice(totalSat: Sat, description: string, createdAt: EpochMs, expiresAt: EpochMs) {
    const payee = this.faults.has('FOREIGN_PAYEE') ? this.#options.stranger : this.node
    const amountSat = this.faults.has('WRONG_INVOICE_AMOUNT') ? tooMuchFor(totalSat) : totalSat
    const network = this.faults.has('WRONG_NETWORK_INVOICE') ? 'bitcoin' : 'regtest'
    const hold = this.#options.policy.holdInvoices || this.faults.has('HOLDS_PAYMENTS')
    const issue = () => payee.issueInvoice({ amountSat, description, createdAt, expiresAt, network })
    const issued = issue()
    const terms = { amountSat, hold, expiresAt }
    if (!this.faults.has('OFFERS_BOLT12')) {
      this.network.offerInvoice(payee.pubkey, issued, terms)
      return { invoice: issued.bolt11, paymentHash: issued.paymentHash }
    }
    // The invoice that the payer will fetch for the offer: it has a hash of its own.
    const fetched = { ...issue(), bolt11: '' }
    const offer = encodeOffer({ amountSat, description, expiresAt, issuerId: payee.pubkey })
    this.network.offerInvoice(payee.pubkey, issued, { ...terms, alternative: fetched.paymentHash })
    this.network.offerInvoice(payee.pubkey, fetched, { ...terms, alternative: issued.paymentHash, offer })
    return { invoice: issued.bolt11, paymentHash: issued.paymentHash, offer, offerPaymentHash: fetched.paymentHash }
  }

  /** The order for a client; null when there is none, or a fault hides it. */
  find(id: string): OrderView<Details> | null {
    const order = this.book.get(id)
    if (!order || this.faults.has('ORDERS_LOST')) return null
    const view = this.view(order)
    return this.faults.has('VANISHES_AFTER_PAYMENT') && view.received.paidAt !== null ? null : view
  }

  /** The order as of now, after all work that is due for it. */
  view(order: StoredOrder<Details>): OrderView<Details> {
    const stage = this.#stageOf(order, this.payments.received(order))
    const fundedAt = FUNDED_STAGES.has(stage) && order.openingAt !== null ? order.openingAt + this.stepMs : null
    const openAt = stage !== 'FUNDED' && fundedAt !== null ? fundedAt + this.stepMs : null
    const closedAt = stage === 'CLOSED' && order.closingAt !== null ? order.closingAt + this.stepMs : null
    // Read again: the due work may have settled or cancelled the payment.
    return { now: this.now(), order, stage, received: this.payments.received(order), fundedAt, openAt, closedAt }
  }

  /** The client's node as the LSP shows it: another one while WRONG_NODE is on. */
  shownNode(node: string): string {
    const { stranger } = this.#options
    if (!this.faults.has('WRONG_NODE')) return node
    return node.includes('@') ? stranger.uri : stranger.pubkey
  }

  /** The lease as the LSP reports it: half of it while SHORT_LEASE is on. */
  shownLeaseMs(leaseMs: number): number {
    return this.faults.has('SHORT_LEASE') ? Math.floor(leaseMs / 2) : leaseMs
  }

  #stageOf(order: StoredOrder<Details>, received: ReceivedPayments): Stage {
    const { paidAt } = received
    const { policy } = this.#options
    if (order.refundedAt !== null) {
      if (policy.refundsByItself) this.payments.refundLateDeposits(order)
      return 'REFUNDED'
    }
    if (order.openingAt !== null && order.failedAt === null) return this.#openStage(order, order.openingAt)
    if (paidAt === null && order.failedAt === null) {
      if (this.now() < order.expiresAt || this.payments.isConfirming(order))
        return received.paidSat > 0 ? 'UNDERPAID' : 'AWAITING_PAYMENT'
      if (!policy.refundsPartPayment || received.paidSat === 0) return 'LAPSED'
      order.failedAt = order.expiresAt
    }
    this.payments.cancelUnpaid(order)
    if (paidAt !== null && order.failedAt === null) this.#proceed(order, paidAt)
    if (order.failedAt !== null) return this.#refundStage(order, received, order.failedAt)
    return order.openingAt === null ? 'PAID' : this.#openStage(order, order.openingAt)
  }

  #proceed(order: StoredOrder<Details>, paidAt: EpochMs): void {
    const { takesLatePayment, mayOpenFrom, onchainConfirmations } = this.#options.policy
    if (!takesLatePayment && paidAt >= order.expiresAt + onchainConfirmations * this.stepMs) {
      order.failedAt = paidAt
      return
    }
    const from = mayOpenFrom(order, paidAt, this.faults)
    if (from !== null && from + this.stepMs <= this.now()) this.beginOpening(order, from + this.stepMs)
  }

  /** Begins to open the channel, unless a fault prevents it. */
  beginOpening(order: StoredOrder<Details>, at: EpochMs): void {
    if (this.faults.has('NEVER_OPENS')) return
    if (this.faults.has('REFUND')) {
      order.failedAt = at
      return
    }
    order.openingAt = at
    order.channel = newChannel()
  }

  #openStage(order: StoredOrder<Details>, openingAt: EpochMs): Stage {
    const fundedAt = openingAt + this.stepMs
    if (this.now() < fundedAt) return 'OPENING'
    this.payments.settle(order)
    if (this.now() < fundedAt + this.stepMs) return 'FUNDED'
    if (this.faults.has('OUTPOINT_REPLACED') && order.channel && !order.isOutpointReplaced) {
      order.channel = { ...order.channel, fundingTxid: newTxid() }
      order.isOutpointReplaced = true
    }
    if (this.faults.has('CHANNEL_CLOSES') && order.closingAt === null) {
      order.closingAt = this.now()
      order.closingTxid = newTxid()
    }
    if (order.closingAt === null) return 'OPEN'
    return this.now() < order.closingAt + this.stepMs ? 'CLOSING' : 'CLOSED'
  }

  #refundStage(order: StoredOrder<Details>, received: ReceivedPayments, failedAt: EpochMs): Stage {
    if (!this.#options.policy.refundsByItself) return 'REFUNDING'
    // The cancellation of a held payment takes no time.
    const isHeld = received.lightning === 'HELD' || received.offer === 'HELD'
    if (isHeld || this.now() >= failedAt + this.stepMs) this.payments.refund(order, order.refundAddress)
    return order.refundedAt === null ? 'REFUNDING' : 'REFUNDED'
  }

  /** Forwards a payment through the order's route hint, opens its channel before, and takes a part of the fee. */
  #forward(scid: string, amountSat: Sat): Sat | null {
    const order = this.book.all().find((one) => this.#options.policy.routeHintOf?.(one) === scid)
    if (!order) return null
    const { stage, received } = this.view(order)
    const isUnpaid = stage === 'AWAITING_PAYMENT'
    // The part of an order's total that becomes the client's balance cannot be taken from payments to the client.
    if (
      (isUnpaid && order.clientBalanceSat > 0) ||
      !(isUnpaid || stage === 'PAID' || stage === 'FUNDED' || stage === 'OPEN')
    )
      throw new PaymentError('NO_ROUTE', 'the LSP does not forward payments for this order')
    const dueSat = sat(Math.max(order.totalSat - received.paidSat, 0))
    const feeSat = minSat([feePerPaymentOf(order.feeSat), dueSat]) ?? ZERO_SAT
    if (amountSat <= feeSat) throw new PaymentError('TOO_SMALL', `the LSP's fee for this payment is ${feeSat} sat`)
    if (order.openingAt === null) {
      this.beginOpening(order, this.now() - this.stepMs)
      if (order.openingAt === null) throw new PaymentError('NO_ROUTE', 'the LSP could not open the channel')
      this.payments.cancelUnpaid(order)
    }
    order.forwardingFeesSat = addSat(order.forwardingFeesSat, feeSat)
    return feeSat
  }
}

/** A short channel id: block x transaction x output. */
export function newShortChannelId(): string {
  return `${randomInt(700_000, 900_000)}x${randomInt(1, 4_000)}x${randomInt(0, 2)}`
}

function newChannel(): OpenedChannel {
  return {
    fundingTxid: newTxid(),
    outputIndex: randomInt(0, 2),
    shortChannelId: newShortChannelId(),
    temporaryId: randomBytes(32).toString('hex'),
    channelId: randomBytes(32).toString('hex'),
  }
}

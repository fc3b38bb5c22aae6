import { randomBytes, randomInt } from 'node:crypto'
import type { FaultSwitches } from './faults.ts'
import { newTxid, totalOf, type Deposit, type InvoiceState, type Network } from './network.ts'
import type { LightningNode } from './node.ts'
import { OrderBook, type OpenedChannel, type StoredOrder } from './order-book.ts'
import { halfAsMuchAgain, tooMuchFor } from './prices.ts'
import { addSat, ZERO_SAT, type Sat } from '../domain/money.ts'
import type { Clock, EpochMs } from '../domain/time.ts'

/**
 * Where an order stands, in words of no protocol: each simulator has its own for them. OPENING: the LSP negotiates
 * with the client's node; FUNDED: the funding transaction is published; OPEN: it is confirmed. LAPSED: not paid in
 * time. REFUNDING: the open failed, the money is still on its way back.
 */
export type Stage =
  | 'AWAITING_PAYMENT'
  | 'UNDERPAID'
  | 'LAPSED'
  | 'PAID'
  | 'OPENING'
  | 'FUNDED'
  | 'OPEN'
  | 'REFUNDING'
  | 'REFUNDED'

/** What has been paid for an order. */
export interface ReceivedPayments {
  readonly lightning: InvoiceState
  readonly deposits: readonly Deposit[]
  readonly paidSat: Sat
  /** When all of the total was there. */
  readonly paidAt: EpochMs | null
}

export interface OrderView<Details> {
  /** The moment that it shows. */
  readonly now: EpochMs
  readonly order: StoredOrder<Details>
  readonly stage: Stage
  readonly received: ReceivedPayments
  /** When the funding transaction was published; null before. */
  readonly fundedAt: EpochMs | null
  /** When it was confirmed; null before. */
  readonly openAt: EpochMs | null
}

/** How a protocol's orders run. */
export interface DeskPolicy<Details> {
  /** Payments are held until the channel is funded. */
  holdInvoices: boolean
  /** Steps until a payment on-chain counts. */
  onchainConfirmations: number
  /** A payment that arrives when the order has lapsed is taken all the same. */
  takesLatePayment: boolean
  /** A failed order is paid back without being asked. */
  refundsByItself: boolean
  /** When the LSP may go on to open a paid order; null: something else has to happen first. */
  mayOpenFrom: (order: StoredOrder<Details>, paidAt: EpochMs, faults: FaultSwitches) => EpochMs | null
}

export interface NewOrder<Details> {
  id: string
  feeSat: Sat
  clientBalanceSat: Sat
  validMs: number
  /** Where the invoice lapses before the order does. */
  invoiceValidMs?: number
  onchain: boolean
  refundAddress: string | null
  description: string
  details: Details
}

export interface DeskOptions<Details> {
  node: LightningNode
  /** Somebody else's node, which FOREIGN_PAYEE lets sign. */
  stranger: LightningNode
  network: Network
  clock: Clock
  faults: FaultSwitches
  stepMs: number
  /** Overrides the validity of every protocol. */
  invoiceExpiryMs: number | null
  policy: DeskPolicy<Details>
}

/** The back office of a simulated LSP: it takes orders, looks for their money, opens channels and pays back. */
export class LspDesk<Details> {
  readonly book = new OrderBook<Details>()
  readonly node: LightningNode
  readonly network: Network
  readonly faults: FaultSwitches
  readonly #options: DeskOptions<Details>

  constructor(options: DeskOptions<Details>) {
    this.#options = options
    this.node = options.node
    this.network = options.network
    this.faults = options.faults
    options.network.addDueWork(() => {
      for (const order of this.book.all()) this.view(order)
    })
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
    const totalSat = addSat(feeSat, request.clientBalanceSat)
    const expiresAfter = (validMs: number) => createdAt + (this.#options.invoiceExpiryMs ?? validMs)
    const invoiceExpiresAt = expiresAfter(request.invoiceValidMs ?? request.validMs)
    const order: StoredOrder<Details> = {
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
    const issued = payee.issueInvoice({ amountSat, description, createdAt, expiresAt, network })
    this.network.offerInvoice(payee.pubkey, issued, { amountSat, hold: this.#options.policy.holdInvoices, expiresAt })
    return { invoice: issued.bolt11, paymentHash: issued.paymentHash }
  }

  /** The order as a client may read it; null when there is none, or VANISHES_AFTER_PAYMENT hides it. */
  find(id: string): OrderView<Details> | null {
    const order = this.book.get(id)
    if (!order) return null
    const view = this.view(order)
    return this.faults.has('VANISHES_AFTER_PAYMENT') && view.received.paidAt !== null ? null : view
  }

  /** How the order stands now, after all that is due has been done for it. */
  view(order: StoredOrder<Details>): OrderView<Details> {
    const received = this.received(order)
    const stage = this.#stageOf(order, received)
    const isFunded = stage === 'FUNDED' || stage === 'OPEN'
    const fundedAt = isFunded && order.openingAt !== null ? order.openingAt + this.stepMs : null
    const openAt = stage === 'OPEN' && fundedAt !== null ? fundedAt + this.stepMs : null
    // Once more, for what was due may have been to settle the payment or to let go of it.
    return { now: this.now(), order, stage, received: this.received(order), fundedAt, openAt }
  }

  received(order: StoredOrder<Details>): ReceivedPayments {
    const invoice = this.network.invoice(order.paymentHash)
    const wasPaid = invoice !== null && invoice.payee === this.node.pubkey && invoice.acceptedAt !== null
    const deposits = order.address === null ? [] : this.#confirmed(this.network.deposits(order.address))
    const paidSat = addSat(wasPaid ? invoice.amountSat : ZERO_SAT, totalOf(deposits))
    return {
      lightning: wasPaid ? invoice.state : 'OPEN',
      deposits,
      paidSat,
      paidAt:
        paidSat < order.totalSat ? null : wasPaid ? invoice.acceptedAt : this.#reachedAt(deposits, order.totalSat),
    }
  }

  #confirmed(deposits: readonly Deposit[]): readonly Deposit[] {
    return deposits.filter(({ at }) => at + this.#confirmingMs <= this.now())
  }

  /** Coins that were sent in time are waited for. */
  #isConfirming(order: StoredOrder<Details>): boolean {
    const deposits = order.address === null ? [] : this.network.deposits(order.address)
    return deposits.some(({ at }) => at < order.expiresAt && at + this.#confirmingMs > this.now())
  }

  get #confirmingMs(): number {
    return this.#options.policy.onchainConfirmations * this.stepMs
  }

  #reachedAt(deposits: readonly Deposit[], totalSat: Sat): EpochMs | null {
    let sum = 0
    const last = deposits.find(({ amountSat }) => (sum += amountSat) >= totalSat)
    return last === undefined ? null : last.at + this.#confirmingMs
  }

  #stageOf(order: StoredOrder<Details>, received: ReceivedPayments): Stage {
    const { paidAt } = received
    if (order.refundedAt !== null) return 'REFUNDED'
    if (paidAt === null) {
      if (this.now() >= order.expiresAt && !this.#isConfirming(order)) return 'LAPSED'
      return received.paidSat > 0 ? 'UNDERPAID' : 'AWAITING_PAYMENT'
    }
    // Nobody shall pay twice.
    if (received.lightning === 'OPEN') this.network.cancel(order.paymentHash)
    if (order.openingAt === null && order.failedAt === null) this.#goOn(order, paidAt)
    if (order.failedAt !== null) return this.#payBack(order, received, order.failedAt)
    if (order.openingAt === null) return 'PAID'
    return this.#open(order, order.openingAt)
  }

  #goOn(order: StoredOrder<Details>, paidAt: EpochMs): void {
    const { takesLatePayment, mayOpenFrom } = this.#options.policy
    if (!takesLatePayment && paidAt >= order.expiresAt + this.#confirmingMs) {
      order.failedAt = paidAt
      return
    }
    const from = mayOpenFrom(order, paidAt, this.faults)
    if (from !== null && from + this.stepMs <= this.now()) this.beginOpening(order, from + this.stepMs)
  }

  /** Begins to open the channel, unless a fault has it otherwise. */
  beginOpening(order: StoredOrder<Details>, at: EpochMs): void {
    if (this.faults.has('NEVER_OPENS')) return
    if (this.faults.has('REFUND')) {
      order.failedAt = at
      return
    }
    order.openingAt = at
    order.channel = newChannel()
  }

  #open(order: StoredOrder<Details>, openingAt: EpochMs): Stage {
    const fundedAt = openingAt + this.stepMs
    if (this.now() < fundedAt) return 'OPENING'
    this.network.settle(order.paymentHash)
    return this.now() < fundedAt + this.stepMs ? 'FUNDED' : 'OPEN'
  }

  #payBack(order: StoredOrder<Details>, received: ReceivedPayments, failedAt: EpochMs): Stage {
    if (!this.#options.policy.refundsByItself) return 'REFUNDING'
    // Letting go of a held payment takes no time.
    if (received.lightning === 'HELD' || this.now() >= failedAt + this.stepMs) this.refund(order, order.refundAddress)
    return order.refundedAt === null ? 'REFUNDING' : 'REFUNDED'
  }

  /**
   * Pays all of it back: a held payment by letting go of it, everything else to the address; without one, a
   * Lightning payment goes back to its node, and coins wait for somebody to name an address.
   */
  refund(order: StoredOrder<Details>, address: string | null): void {
    const { lightning, deposits } = this.received(order)
    const isSettled = lightning === 'SETTLED'
    if (address === null && deposits.length > 0) return
    if (lightning === 'HELD') this.network.cancel(order.paymentHash)
    const invoice = this.network.invoice(order.paymentHash)
    const onchainSat = addSat(totalOf(deposits), isSettled && invoice ? invoice.amountSat : ZERO_SAT)
    if (address !== null && onchainSat > 0) {
      this.noteRefund(order, this.network.payOnchain(this.node.pubkey, address, onchainSat).txid)
      return
    }
    if (isSettled) this.network.giveBack(order.paymentHash)
    this.noteRefund(order, null)
  }

  /** The money of this order is paid back; `txid` where that was done on-chain. */
  noteRefund(order: StoredOrder<Details>, txid: string | null): void {
    order.refundTxid = txid
    order.failedAt ??= this.now()
    order.refundedAt = this.now()
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

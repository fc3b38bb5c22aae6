import type { Deposit, InvoiceState, Network } from './network.ts'
import { totalOf } from './network.ts'
import type { StoredOrder } from './order-book.ts'
import { addSat, sat, ZERO_SAT, type Sat } from '../domain/money.ts'
import type { Clock, EpochMs } from '../domain/time.ts'

/** The payments that arrived for an order. */
export interface ReceivedPayments {
  /** Of the BOLT 11 invoice; OPEN until it is paid. */
  readonly lightning: InvoiceState
  /** Of the BOLT 12 offer; OPEN until it is paid. */
  readonly offer: InvoiceState
  /** Those that have their confirmations. */
  readonly deposits: readonly Deposit[]
  readonly paidSat: Sat
  /** When the sum reached the total. */
  readonly paidAt: EpochMs | null
}

export interface PaymentOptions {
  readonly network: Network
  readonly clock: Clock
  /** The LSP's node. */
  readonly pubkey: string
  /** How long a deposit takes to confirm. */
  readonly confirmingMs: number
}

type Order = StoredOrder<unknown>

/** The payments of an LSP's orders: it looks for them, settles them and returns them. */
export class OrderPayments {
  readonly #options: PaymentOptions

  constructor(options: PaymentOptions) {
    this.#options = options
  }

  received(order: Order): ReceivedPayments {
    const { invoice, offer } = this.#invoicesOf(order)
    const paid = [invoice, offer].filter((one) => one?.acceptedAt != null)
    const deposits = this.#deposits(order).filter(({ at }) => at + this.#options.confirmingMs <= this.#now())
    const lightningSat = paid.reduce((sum, one) => addSat(sum, one?.amountSat ?? ZERO_SAT), ZERO_SAT)
    const paidSat = addSat(addSat(lightningSat, totalOf(deposits)), order.forwardingFeesSat)
    return {
      lightning: invoice?.acceptedAt == null ? 'OPEN' : invoice.state,
      offer: offer?.acceptedAt == null ? 'OPEN' : offer.state,
      deposits,
      paidSat,
      paidAt:
        paidSat < order.totalSat
          ? null
          : (paid[0]?.acceptedAt ?? this.#reachedAt(deposits, order.totalSat) ?? order.openingAt),
    }
  }

  /** Whether a deposit that was sent in time has yet to confirm. */
  isConfirming(order: Order): boolean {
    return this.#deposits(order).some(({ at }) => at < order.expiresAt && at + this.#options.confirmingMs > this.#now())
  }

  /** Cancels the invoices that nobody paid, so that nobody pays twice. */
  cancelUnpaid(order: Order): void {
    const { invoice, offer } = this.#invoicesOf(order)
    for (const one of [invoice, offer]) if (one?.state === 'OPEN') this.#options.network.cancel(one.paymentHash)
  }

  settle(order: Order): void {
    for (const hash of hashesOf(order)) this.#options.network.settle(hash)
  }

  /**
   * Returns all payments: cancels a held payment, and sends everything else to the address. Without an address, a
   * Lightning payment returns to its payer, and deposits stay until the client names an address.
   */
  refund(order: Order, address: string | null): void {
    const { deposits } = this.received(order)
    if (address === null && deposits.length > 0) return
    const { network } = this.#options
    const settled = hashesOf(order).filter((hash) => this.#isSettledHere(hash))
    const held = hashesOf(order).filter((hash) => network.invoice(hash)?.state === 'HELD')
    for (const hash of held) network.cancel(hash)
    const settledSat = settled.reduce(
      (sum, hash) => addSat(sum, network.invoice(hash)?.amountSat ?? ZERO_SAT),
      ZERO_SAT,
    )
    const onchainSat = addSat(totalOf(deposits), settledSat)
    if (address !== null && onchainSat > 0) {
      this.noteRefund(order, network.payOnchain(this.#options.pubkey, address, onchainSat).txid)
      return
    }
    for (const hash of settled) network.giveBack(hash)
    this.noteRefund(order, null)
  }

  /** Sends back the deposits that arrived after the refund. */
  refundLateDeposits(order: Order): void {
    const { deposits } = this.received(order)
    const late = totalOf(deposits.slice(order.refundedDeposits))
    if (order.refundAddress === null || late === 0) return
    order.refundedDeposits = deposits.length
    order.refundTxid = this.#options.network.payOnchain(this.#options.pubkey, order.refundAddress, late).txid
  }

  /** Notes that the payments of this order were returned; `txid` names the transaction where that was on-chain. */
  noteRefund(order: Order, txid: string | null): void {
    order.refundTxid = txid
    order.failedAt ??= this.#now()
    order.refundedAt = this.#now()
    order.refundedDeposits = this.received(order).deposits.length
  }

  /** Sends a part of the payment back; the order goes on. Returns the transaction. */
  sendBack(address: string, amountSat: Sat): string {
    return this.#options.network.payOnchain(this.#options.pubkey, address, amountSat).txid
  }

  #invoicesOf(order: Order) {
    const mine = (hash: string | null) => {
      const invoice = hash === null ? null : this.#options.network.invoice(hash)
      return invoice?.payee === this.#options.pubkey ? invoice : null
    }
    return { invoice: mine(order.paymentHash), offer: mine(order.offerPaymentHash) }
  }

  #isSettledHere(hash: string): boolean {
    const invoice = this.#options.network.invoice(hash)
    return invoice?.payee === this.#options.pubkey && invoice.state === 'SETTLED'
  }

  #deposits(order: Order): readonly Deposit[] {
    return order.address === null ? [] : this.#options.network.deposits(order.address)
  }

  #reachedAt(deposits: readonly Deposit[], totalSat: Sat): EpochMs | null {
    let sum: Sat = ZERO_SAT
    const last = deposits.find(({ amountSat }) => (sum = sat(sum + amountSat)) >= totalSat)
    return last === undefined ? null : last.at + this.#options.confirmingMs
  }

  #now(): EpochMs {
    return this.#options.clock.now()
  }
}

function hashesOf({ paymentHash, offerPaymentHash }: Order): readonly string[] {
  return offerPaymentHash === null ? [paymentHash] : [paymentHash, offerPaymentHash]
}

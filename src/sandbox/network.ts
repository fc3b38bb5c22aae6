import { randomBytes } from 'node:crypto'
import { decodeInvoice, type ParsedInvoice } from './bolt11.ts'
import type { IssuedInvoice } from './node.ts'
import { addressProblem } from '../domain/address.ts'
import { sat, ZERO_SAT, type Sat } from '../domain/money.ts'
import type { Clock, EpochMs } from '../domain/time.ts'

export type InvoiceState = 'OPEN' | 'HELD' | 'SETTLED' | 'CANCELLED'

/** An invoice as its payee's node stores it, with the state of its payment. */
export interface NetworkInvoice {
  /** Empty where the payer gets the invoice from `offer` (BOLT 12). */
  readonly bolt11: string
  readonly offer?: string
  readonly paymentHash: string
  readonly preimage: string
  readonly payee: string
  /** The hash of another invoice for the same order: the payment of one cancels the other. */
  readonly alternative?: string
  readonly amountSat: Sat
  /** The payee decides later whether to accept the payment. */
  readonly hold: boolean
  readonly expiresAt: EpochMs
  state: InvoiceState
  payer: string | null
  acceptedAt: EpochMs | null
  /** The payee gave a settled payment back by a payment of its own. */
  returnedAt: EpochMs | null
}

/** Coins sent to an address. */
export interface Deposit {
  readonly address: string
  readonly amountSat: Sat
  readonly txid: string
  readonly from: string
  readonly at: EpochMs
}

/** A payment by a stranger that an LSP forwarded to a client's node, less the LSP's fee. */
export interface ForwardedPayment {
  readonly receiver: string
  readonly amountSat: Sat
  readonly feeSat: Sat
}

/**
 * An LSP's answer to a payment whose route hint has the short channel id `scid`: its fee, or null where the hint is of
 * another LSP. @throws PaymentError when it does not forward the payment.
 */
export type Forwarder = (scid: string, amountSat: Sat) => Sat | null

/** All payments, as plain data for the state file. */
export interface NetworkState {
  invoices: NetworkInvoice[]
  deposits: Deposit[]
  /** Absent in older state files. */
  forwarded?: ForwardedPayment[]
  /** address → public key of its owner. */
  owners: Record<string, string>
}

export type PaymentErrorCode =
  | 'NOT_AN_INVOICE'
  | 'WRONG_NETWORK'
  | 'NO_ROUTE'
  | 'EXPIRED'
  | 'ALREADY_PAID'
  | 'CANCELLED'
  | 'NOT_AN_ADDRESS'
  | 'TOO_SMALL'

export class PaymentError extends Error {
  override name = 'PaymentError'
  readonly code: PaymentErrorCode

  constructor(code: PaymentErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * A regtest network in memory: Lightning payments reach the payee by their hash, coins reach addresses. It has no
 * timers: nodes look up their payments.
 */
export class Network {
  readonly #clock: Clock
  readonly #invoices = new Map<string, NetworkInvoice>()
  readonly #deposits = new Map<string, Deposit[]>()
  readonly #owners = new Map<string, string>()
  readonly #dueWork: (() => void)[] = []
  readonly #forwarders: Forwarder[] = []
  readonly #forwarded: ForwardedPayment[] = []
  #onChange: () => void = () => {}

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Called whenever a payment or an address is added or changes. */
  onChange(listener: () => void): void {
    this.#onChange = listener
  }

  /** A payee's work on held payments that is due at a time: it runs before each look at a payment. */
  addDueWork(work: () => void): void {
    this.#dueWork.push(work)
  }

  doDueWork(): void {
    for (const work of this.#dueWork) work()
  }

  offerInvoice(
    payee: string,
    issued: IssuedInvoice,
    terms: Pick<NetworkInvoice, 'amountSat' | 'hold' | 'expiresAt' | 'alternative' | 'offer'>,
  ): NetworkInvoice {
    const invoice: NetworkInvoice = {
      ...issued,
      ...terms,
      payee,
      state: 'OPEN',
      payer: null,
      acceptedAt: null,
      returnedAt: null,
    }
    this.#invoices.set(invoice.paymentHash, invoice)
    this.#onChange()
    return invoice
  }

  invoice(paymentHash: string): NetworkInvoice | null {
    return this.#invoices.get(paymentHash) ?? null
  }

  /** Settles at once, or is held where the payee asked for that. @throws PaymentError */
  payInvoice(payer: string, bolt11: string): NetworkInvoice {
    const parsed = parse(bolt11)
    if (parsed.network !== 'regtest') throw new PaymentError('WRONG_NETWORK', `the invoice is for ${parsed.network}`)
    const invoice = this.#invoices.get(parsed.id)
    if (!invoice || invoice.payee !== parsed.destination)
      throw new PaymentError('NO_ROUTE', 'the payee does not know this payment')
    return this.#pay(payer, invoice)
  }

  /** Fetches the offer's invoice and pays it. @throws PaymentError */
  payOffer(payer: string, offer: string): NetworkInvoice {
    const invoice = [...this.#invoices.values()].find((known) => known.offer === offer)
    if (!invoice) throw new PaymentError('NO_ROUTE', 'no node answers a request for an invoice of this offer')
    return this.#pay(payer, invoice)
  }

  #pay(payer: string, invoice: NetworkInvoice): NetworkInvoice {
    if (invoice.state === 'CANCELLED') throw new PaymentError('CANCELLED', 'the payee has cancelled this invoice')
    if (invoice.state !== 'OPEN') throw new PaymentError('ALREADY_PAID', 'the invoice is paid')
    const now = this.#clock.now()
    if (now >= invoice.expiresAt) throw new PaymentError('EXPIRED', 'the invoice has expired')
    invoice.state = invoice.hold ? 'HELD' : 'SETTLED'
    invoice.payer = payer
    invoice.acceptedAt = now
    if (invoice.alternative !== undefined) this.#resolve(invoice.alternative, 'CANCELLED', ['OPEN'])
    this.#onChange()
    return invoice
  }

  addForwarder(forwarder: Forwarder): void {
    this.#forwarders.push(forwarder)
  }

  /**
   * A stranger pays an invoice of `receiver` whose route hint has the short channel id `scid`.
   * @throws PaymentError when no LSP forwards it.
   */
  payThroughHint(receiver: string, scid: string, amountSat: Sat): ForwardedPayment {
    for (const forward of this.#forwarders) {
      const feeSat = forward(scid, amountSat)
      if (feeSat === null) continue
      const payment = { receiver, amountSat: sat(amountSat - feeSat), feeSat }
      this.#forwarded.push(payment)
      this.#onChange()
      return payment
    }
    throw new PaymentError('NO_ROUTE', `no LSP forwards payments for the short channel id ${scid}`)
  }

  /** The payee accepts a held payment. */
  settle(paymentHash: string): void {
    this.#resolve(paymentHash, 'SETTLED', ['HELD'])
  }

  /** The payee accepts no payment any more, or returns a held one to the payer. */
  cancel(paymentHash: string): void {
    this.#resolve(paymentHash, 'CANCELLED', ['OPEN', 'HELD'])
  }

  #resolve(paymentHash: string, state: InvoiceState, from: readonly InvoiceState[]): void {
    const invoice = this.#invoices.get(paymentHash)
    if (!invoice || !from.includes(invoice.state)) return
    invoice.state = state
    this.#onChange()
  }

  /** The payee sends a settled payment back to the payer. */
  giveBack(paymentHash: string): void {
    const invoice = this.#invoices.get(paymentHash)
    if (invoice?.state !== 'SETTLED' || invoice.returnedAt !== null) return
    invoice.returnedAt = this.#clock.now()
    this.#onChange()
  }

  ownAddress(owner: string, address: string): string {
    this.#owners.set(address, owner)
    this.#onChange()
    return address
  }

  /** @throws PaymentError */
  payOnchain(payer: string, address: string, amountSat: Sat): Deposit {
    if (!isRegtestAddress(address) || amountSat === 0)
      throw new PaymentError('NOT_AN_ADDRESS', 'the amount is 0 or the address is not a regtest address')
    const deposit: Deposit = { address, amountSat, txid: newTxid(), from: payer, at: this.#clock.now() }
    this.#deposits.set(address, [...(this.#deposits.get(address) ?? []), deposit])
    this.#onChange()
    return deposit
  }

  /** Deposits at an address, oldest first. */
  deposits(address: string): readonly Deposit[] {
    return this.#deposits.get(address) ?? []
  }

  /** All payments of a node, less the payments and refunds that it received. */
  spentBy(pubkey: string): number {
    const lightning = [...this.#invoices.values()].reduce((sum, { state, payer, payee, amountSat, returnedAt }) => {
      if (state !== 'HELD' && (state !== 'SETTLED' || returnedAt !== null)) return sum
      return sum + (payer === pubkey ? amountSat : 0) - (payee === pubkey && state === 'SETTLED' ? amountSat : 0)
    }, 0)
    const forwarded = this.#forwarded.reduce((sum, { receiver, amountSat }) => {
      return sum + (receiver === pubkey ? amountSat : 0)
    }, 0)
    return [...this.#deposits.values()].flat().reduce((sum, { address, amountSat, from }) => {
      return sum + (from === pubkey ? amountSat : 0) - (this.#owners.get(address) === pubkey ? amountSat : 0)
    }, lightning - forwarded)
  }

  state(): NetworkState {
    return {
      invoices: [...this.#invoices.values()],
      deposits: [...this.#deposits.values()].flat(),
      forwarded: this.#forwarded,
      owners: Object.fromEntries(this.#owners),
    }
  }

  restore(state: NetworkState): void {
    for (const invoice of state.invoices) this.#invoices.set(invoice.paymentHash, invoice)
    for (const deposit of state.deposits)
      this.#deposits.set(deposit.address, [...this.deposits(deposit.address), deposit])
    this.#forwarded.push(...(state.forwarded ?? []))
    for (const [address, owner] of Object.entries(state.owners)) this.#owners.set(address, owner)
  }
}

export function isRegtestAddress(address: string): boolean {
  return addressProblem(address, 'REGTEST') === null
}

export function totalOf(deposits: readonly Deposit[]): Sat {
  return deposits.reduce((sum, { amountSat }) => sat(sum + amountSat), ZERO_SAT)
}

export function newTxid(): string {
  return randomBytes(32).toString('hex')
}

function parse(bolt11: string): ParsedInvoice {
  try {
    return decodeInvoice(bolt11)
  } catch {
    throw new PaymentError('NOT_AN_INVOICE', 'this is not a signed BOLT 11 invoice')
  }
}

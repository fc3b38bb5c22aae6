import type { Network, NetworkInvoice } from './network.ts'
import type { LightningNode } from './node.ts'
import { decodeInvoice } from './bolt11.ts'
import { sat } from '../domain/money.ts'
import { HOUR_MS, type Clock } from '../domain/time.ts'

/** The payer's view of a payment: PENDING while the payee holds it, RETURNED once the payee cancelled or refunded it. */
export interface WalletPayment {
  readonly paymentHash: string
  readonly amountSat: number
  readonly state: 'PENDING' | 'SUCCEEDED' | 'RETURNED'
  /** The proof of payment, once it succeeded. */
  readonly preimage: string | null
}

/** The client's node: it pays orders and receives refunds. Its funds are unlimited. */
export interface SandboxWallet {
  readonly pubkey: string
  /** host:port */
  readonly address: string
  /** pubkey@host:port */
  readonly uri: string
  /** Resolves as soon as the payee has received the payment, even if it holds it. @throws PaymentError */
  payInvoice(bolt11: string): Promise<WalletPayment>
  /** Pays a BOLT 12 offer, as payInvoice does. @throws PaymentError */
  payOffer(offer: string): Promise<WalletPayment>
  /**
   * A stranger pays an invoice of this wallet whose route hint has the short channel id `scid`. The LSP opens the
   * channel with the first one (JIT). Returns the LSP's fee. @throws PaymentError
   */
  receiveThroughHint(scid: string, amountSat: number): { receivedSat: number; feeSat: number }
  /** @throws PaymentError */
  payOnchain(address: string, amountSat: number): Promise<{ txid: string }>
  /** The present state of an earlier payment; null when this wallet made none with that hash. */
  payment(paymentHash: string): WalletPayment | null
  newAddress(): string
  /** The sum of the deposits at an address of this wallet. */
  receivedAt(address: string): number
  /** An invoice of this wallet, for a refund. */
  createInvoice(amountSat: number): string
  isPaid(bolt11: string): boolean
  signMessage(text: string): string
  /** All payments, less the payments and refunds that were received. */
  spentSat(): number
}

export function openWallet(node: LightningNode, network: Network, clock: Clock): SandboxWallet {
  return {
    pubkey: node.pubkey,
    address: node.address,
    uri: node.uri,
    payInvoice: async (bolt11) => paymentOf(network.payInvoice(node.pubkey, bolt11)),
    payOffer: async (offer) => paymentOf(network.payOffer(node.pubkey, offer)),
    receiveThroughHint(scid, amountSat) {
      const payment = network.payThroughHint(node.pubkey, scid, sat(amountSat))
      return { receivedSat: payment.amountSat, feeSat: payment.feeSat }
    },
    payOnchain: async (address, amountSat) => ({ txid: network.payOnchain(node.pubkey, address, sat(amountSat)).txid }),
    payment(paymentHash) {
      network.doDueWork()
      const invoice = network.invoice(paymentHash)
      return invoice?.payer === node.pubkey ? paymentOf(invoice) : null
    },
    newAddress: () => network.ownAddress(node.pubkey, node.newAddress()),
    receivedAt(address) {
      network.doDueWork()
      return network.deposits(address).reduce((sum, { amountSat }) => sum + amountSat, 0)
    },
    createInvoice(amountSat) {
      const createdAt = clock.now()
      const expiresAt = createdAt + HOUR_MS
      const issued = node.issueInvoice({ amountSat, description: 'refund', createdAt, expiresAt })
      return network.offerInvoice(node.pubkey, issued, { amountSat: sat(amountSat), hold: false, expiresAt }).bolt11
    },
    isPaid: (bolt11) => network.invoice(decodeInvoice(bolt11).id)?.state === 'SETTLED',
    signMessage: (text) => node.signMessage(text),
    spentSat() {
      network.doDueWork()
      return network.spentBy(node.pubkey)
    },
  }
}

function paymentOf({ paymentHash, amountSat, state, returnedAt, preimage }: NetworkInvoice): WalletPayment {
  if (state === 'HELD') return { paymentHash, amountSat, state: 'PENDING', preimage: null }
  if (state === 'CANCELLED' || returnedAt !== null) return { paymentHash, amountSat, state: 'RETURNED', preimage: null }
  return { paymentHash, amountSat, state: 'SUCCEEDED', preimage }
}

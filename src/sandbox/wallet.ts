import type { Network, NetworkInvoice } from './network.ts'
import type { LightningNode } from './node.ts'
import { decodeInvoice } from './bolt11.ts'
import { sat } from '../domain/money.ts'
import { HOUR_MS, type Clock } from '../domain/time.ts'

/** What a payer sees of its payment: PENDING while the payee holds it, RETURNED when the money came back. */
export interface WalletPayment {
  readonly paymentHash: string
  readonly amountSat: number
  readonly state: 'PENDING' | 'SUCCEEDED' | 'RETURNED'
  /** The proof of payment, once it succeeded. */
  readonly preimage: string | null
}

/** The client's node: it pays orders and takes refunds. Its funds have no end. */
export interface SandboxWallet {
  readonly pubkey: string
  /** host:port */
  readonly address: string
  /** pubkey@host:port */
  readonly uri: string
  /** Resolves as soon as the payee has the payment, be it on hold. @throws PaymentError */
  payInvoice(bolt11: string): Promise<WalletPayment>
  /** @throws PaymentError */
  payOnchain(address: string, amountSat: number): Promise<{ txid: string }>
  /** How a payment made earlier stands now; null when this wallet made none for that hash. */
  payment(paymentHash: string): WalletPayment | null
  newAddress(): string
  /** What has arrived at an address of this wallet. */
  receivedAt(address: string): number
  /** An invoice of this wallet's own, to be paid a refund to. */
  createInvoice(amountSat: number): string
  isPaid(bolt11: string): boolean
  signMessage(text: string): string
  /** All that was paid, less all that was received and returned. */
  spentSat(): number
}

export function openWallet(node: LightningNode, network: Network, clock: Clock): SandboxWallet {
  return {
    pubkey: node.pubkey,
    address: node.address,
    uri: node.uri,
    payInvoice: async (bolt11) => paymentOf(network.payInvoice(node.pubkey, bolt11)),
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

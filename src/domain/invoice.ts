import { parsePaymentRequest } from 'invoices'
import type { EpochMs } from './time.ts'
import type { Network } from './lsp.ts'

/** What a BOLT 11 invoice says, and who signed it. */
export interface DecodedInvoice {
  /** The networks that its prefix stands for; testnet3 and testnet4 share one. Empty: none that we know. */
  networks: readonly Network[]
  /** null: the payer chooses. */
  amountMsat: bigint | null
  /** Recovered from the signature, so it is who really signed. */
  payeePubkey: string
  paymentHash: string
  expiresAt: EpochMs
}

export class InvoiceError extends Error {
  override name = 'InvoiceError'
}

const NETWORKS_BY_NAME: Readonly<Record<string, readonly Network[]>> = {
  bitcoin: ['MAINNET'],
  testnet: ['TESTNET', 'TESTNET4'],
  signet: ['SIGNET'],
  regtest: ['REGTEST'],
}

/** @throws InvoiceError when it does not decode, or its signature recovers no node. */
export function decodeInvoice(invoice: string): DecodedInvoice {
  let decoded: ReturnType<typeof parsePaymentRequest>
  try {
    decoded = parsePaymentRequest({ request: invoice })
  } catch (error) {
    throw new InvoiceError('the invoice does not decode', { cause: error })
  }
  if (!decoded.destination) throw new InvoiceError("the invoice's signature recovers no node")
  return {
    networks: NETWORKS_BY_NAME[decoded.network] ?? [],
    // An invoice without an amount decodes to "0".
    amountMsat: BigInt(decoded.mtokens ?? 0) || null,
    payeePubkey: decoded.destination,
    paymentHash: decoded.id,
    expiresAt: Date.parse(decoded.expires_at),
  }
}

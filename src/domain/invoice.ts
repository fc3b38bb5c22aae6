import { parsePaymentRequest, type RouteNode } from 'invoices'
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
  createdAt: EpochMs
  expiresAt: EpochMs
  description: string | null
  /** Blocks; 18 if the invoice does not say. */
  minFinalCltvExpiryDelta: number
  fallbackAddresses: readonly string[]
  routeHints: readonly (readonly RouteHintHop[])[]
}

export interface RouteHintHop {
  pubkey: string
  shortChannelId: string
  feeBaseMsat: bigint
  feeProportionalMillionths: number
  cltvExpiryDelta: number
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
    createdAt: Date.parse(decoded.created_at),
    expiresAt: Date.parse(decoded.expires_at),
    description: decoded.description ?? null,
    minFinalCltvExpiryDelta: decoded.cltv_delta ?? 18,
    fallbackAddresses: decoded.chain_addresses ?? [],
    routeHints: (decoded.routes ?? []).map(hopsOf),
  }
}

/** The package gives the fees of a hop with the node that the hop leads to. */
function hopsOf(route: readonly RouteNode[]): RouteHintHop[] {
  return route.slice(1).map((node, index) => ({
    pubkey: route[index]?.public_key ?? '',
    shortChannelId: node.channel ?? '',
    feeBaseMsat: BigInt(node.base_fee_mtokens ?? 0),
    feeProportionalMillionths: node.fee_rate ?? 0,
    cltvExpiryDelta: node.cltv_delta ?? 0,
  }))
}

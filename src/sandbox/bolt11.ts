import { createRequire } from 'node:module'

interface InvoicesLibrary {
  readonly createUnsignedRequest: (details: {
    created_at: string
    expires_at: string
    cltv_delta: number
    description: string
    destination: string
    features: readonly { bit: number }[]
    id: string
    network: string
    payment: string
    tokens: number
  }) => { hash: string; hrp: string; tags: number[] }
  readonly createSignedRequest: (signed: { destination: string; hrp: string; signature: string; tags: number[] }) => {
    request: string
  }
  readonly parsePaymentRequest: (invoice: { request: string }) => ParsedInvoice
}

/** The part of a decoded BOLT 11 invoice that the sandbox looks at. */
export interface ParsedInvoice {
  /** The payment hash. */
  id: string
  destination: string
  /** bitcoin, testnet, signet or regtest. */
  network: string
  mtokens?: string
  created_at: string
  expires_at: string
  description?: string
}

// The package is CommonJS and comes without types.
const { createUnsignedRequest, createSignedRequest, parsePaymentRequest } = createRequire(import.meta.url)(
  'invoices',
) as InvoicesLibrary

export interface InvoiceDetails {
  payee: string
  paymentHash: string
  paymentSecret: string
  amountSat: number
  description: string
  createdAt: number
  expiresAt: number
  network: 'regtest' | 'bitcoin'
}

const FEATURES = [{ bit: 9 }, { bit: 14 }, { bit: 17 }] as const // var_onion, payment_secret, basic_mpp
const SECOND = 1000

/** A BOLT 11 invoice; `sign` gets the 32-byte hash that the payee signs. */
export function encodeInvoice(details: InvoiceDetails, sign: (hash: Buffer) => Uint8Array): string {
  const createdAt = Math.floor(details.createdAt / SECOND) * SECOND
  // BOLT 11 has whole seconds: rounded up, so that the invoice never lapses before its order does.
  const expiresAt = Math.max(Math.ceil(details.expiresAt / SECOND) * SECOND, createdAt + SECOND)
  const { hash, hrp, tags } = createUnsignedRequest({
    created_at: new Date(createdAt).toISOString(),
    expires_at: new Date(expiresAt).toISOString(),
    cltv_delta: 80,
    description: details.description,
    destination: details.payee,
    features: FEATURES,
    id: details.paymentHash,
    network: details.network,
    payment: details.paymentSecret,
    tokens: details.amountSat,
  })
  const signature = Buffer.from(sign(Buffer.from(hash, 'hex'))).toString('hex')
  return createSignedRequest({ destination: details.payee, hrp, signature, tags }).request
}

/** @throws Error when it is no invoice, or its signature is not its payee's. */
export function decodeInvoice(bolt11: string): ParsedInvoice {
  return parsePaymentRequest({ request: bolt11 })
}

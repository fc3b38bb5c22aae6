// The package ships no types; these are of the parts that are used here.
declare module 'invoices' {
  interface UnsignedRequest {
    created_at?: string
    description: string
    destination: string
    expires_at?: string
    features: readonly { bit: number }[]
    /** Payment hash, hexadecimal. */
    id: string
    mtokens: string
    network: string
    /** Payment secret, hexadecimal. */
    payment: string
    cltv_delta?: number
  }

  export function parsePaymentRequest(args: { request: string }): {
    destination: string
    network: string
    id: string
    mtokens?: string
    description?: string
    created_at: string
    expires_at: string
  }

  export function createUnsignedRequest(args: UnsignedRequest): {
    hash: string
    hrp: string
    preimage: string
    tags: number[]
  }

  export function createSignedRequest(args: {
    destination: string
    hrp: string
    signature: string
    tags: readonly number[]
  }): { request: string }
}

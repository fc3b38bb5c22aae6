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

  export interface RouteNode {
    public_key: string
    channel?: string
    base_fee_mtokens?: string
    fee_rate?: number
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
    cltv_delta?: number
    chain_addresses?: string[]
    routes?: RouteNode[][]
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

/** Each reason why an LSP gave no price or no order. A code keeps its meaning. */
export const FAILURE_CODES = {
  OPTION_MISMATCH: "The request is outside the LSP's limits; see limit.",
  UNSUPPORTED: "This LSP's protocol cannot express part of the request; see field.",
  INVALID_REQUEST: 'The LSP rejects the request as invalid; see field.',
  CLIENT_REJECTED: 'The LSP refuses this client.',
  INVALID_TOKEN: 'The LSP does not accept the token.',
  PEER_NOT_CONNECTED: "The client's node is not connected to the LSP.",
  PRICE_UNKNOWN:
    'No price is available now: this LSP quotes only by placing an order, which `firm` or the courtesy budget does not allow. See retryAt.',
  RATE_LIMITED: 'The LSP, or the budget of requests to it, allows no further request before retryAt.',
  TIMEOUT: 'The LSP did not answer in time.',
  UNAVAILABLE: 'The connection failed, or the LSP had an error.',
  BAD_RESPONSE: "The response does not follow the LSP's protocol.",
  UNTRUSTWORTHY: 'The offer failed verification: its amounts or its invoice are inconsistent.',
  NOT_FOUND: 'The LSP does not know the order.',
  WRONG_STATE: "The LSP's order is in another state.",
} as const

export type FailureCode = keyof typeof FAILURE_CODES

/** Each note on a quote, and what it means. A code keeps its meaning. */
export const QUOTE_NOTE_CODES = {
  TERMS_ADJUSTED: 'The LSP would deliver another channel than the requested one.',
  PEER_CONNECTION_REQUIRED: "The client's node has to connect to the LSP.",
  NO_ONCHAIN_REFUND_ADDRESS: 'On-chain payment is withheld: the request has no refund address.',
  PAYEE_IS_NOT_LSP_NODE: 'The invoice pays a node that the LSP does not list as its own.',
  LARGE_CHANNEL: 'Both nodes need option_support_large_channel.',
  STALE_LIMITS: "The LSP's limits were not confirmed recently.",
  ZERO_CONF: 'The channel is usable before its funding transaction confirms.',
  ANNOUNCEMENT_IS_UNKNOWN: 'The protocol has no field for announceChannel: the LSP decides.',
  ONCHAIN_REFUND_IS_UNKNOWN: 'The LSP takes on-chain payments, and its protocol has no field for a refund address.',
  FITTED: 'The price is estimated from prices that the LSP asked for other channels; see Quote.fit.',
} as const

export type QuoteNoteCode = keyof typeof QUOTE_NOTE_CODES

/** Everything that can be switched on at a simulated LSP. The text describes the LSP's behaviour while it is on. */
export const FAULTS = {
  SLOW: 'waits `slowMs` before each answer',
  HANGING: 'acts on each request and never answers',
  SERVER_ERROR: 'answers every request with status 503 and a plain text, and does not act on it',
  MALFORMED: 'acts on each request and answers status 200 with truncated JSON',
  RATE_LIMITED: 'answers every request with status 429 in its protocol’s format: retry in 60 seconds',
  PEER_NOT_CONNECTED:
    'treats the client’s node as not connected: refuses new orders (draft 0.0.2: refuses to open the channel)',
  ORDERS_EXPIRE_SOON: 'gives new orders only five seconds to be paid',
  ORDERS_LOST: 'answers that an order does not exist, for every order',
  DEARER_AT_ORDER: 'charges half as much again as the estimate, the tariff or the last price',
  PRICES_IN_STEPS: 'charges for each started million of satoshis (LSPS1)',
  WRONG_INVOICE_AMOUNT: 'issues invoices for more than the order’s total',
  WRONG_NETWORK_INVOICE: 'issues invoices for mainnet',
  FOREIGN_PAYEE: 'issues invoices that pay another node',
  WRONG_NODE: 'shows another node’s public key as the client’s',
  REFUND: 'fails to open the channel after the payment and refunds as the protocol describes',
  NEVER_OPENS: 'never opens the channel of a paid order',
  VANISHES_AFTER_PAYMENT: 'answers that an order does not exist once it is paid',
  SHORT_LEASE: 'reports a channel end after half of the lease that was bought',
  OUTPOINT_REPLACED:
    'replaces the funding transaction of a completed order, so that the order shows another outpoint (LSPS1, Kaleidoswap)',
  CHANNEL_CLOSES: 'closes each channel as soon as it is open, before its lease ends (drafts 0.0.1 and 0.0.2)',
  OFFERS_BOLT12: 'adds a BOLT 12 offer to new orders (LSPS1)',
  HOLDS_PAYMENTS: 'issues hold invoices and settles them when the channel is funded (Kaleidoswap)',
  RATE_CHANGES:
    'raises the price of a bought asset by 5 % after the payment and waits for a decision before it opens the channel (Kaleidoswap)',
  RATE_CHANGES_AT_DELIVERY:
    'raises the price of a bought asset by 5 % when the channel is open and waits for a decision before it delivers (Kaleidoswap)',
  DELIVERY_FAILS: 'opens the channel and fails to deliver the bought asset (Kaleidoswap)',
  ASSET_PRICE_IN_FEE:
    'reports the price of a bought asset inside the fee, as the text of 0.2.0 can be read (Kaleidoswap)',
  OPEN_FAILS_ONCE: 'cannot reach the client’s node at the first attempt to open the channel (draft 0.0.2)',
  EARLY_READ_FAILS:
    'reports a failure that did not happen when an order is read right after the opening began (ThunderStack)',
} as const

export type Fault = keyof typeof FAULTS

/** The faults that make sense in every protocol. */
export const COMMON_FAULTS: readonly Fault[] = [
  'SLOW',
  'HANGING',
  'SERVER_ERROR',
  'MALFORMED',
  'RATE_LIMITED',
  'ORDERS_EXPIRE_SOON',
  'ORDERS_LOST',
  'DEARER_AT_ORDER',
  'WRONG_INVOICE_AMOUNT',
  'WRONG_NETWORK_INVOICE',
  'FOREIGN_PAYEE',
  'REFUND',
  'NEVER_OPENS',
  'VANISHES_AFTER_PAYMENT',
]

/** The faults that are on at one LSP. */
export class FaultSwitches {
  readonly supported: readonly Fault[]
  #on: ReadonlySet<Fault> = new Set()

  constructor(supported: readonly Fault[]) {
    this.supported = supported
  }

  get on(): ReadonlySet<Fault> {
    return this.#on
  }

  has(fault: Fault): boolean {
    return this.#on.has(fault)
  }

  /** Switches exactly these on. @throws RangeError for one that this LSP does not support. */
  set(faults: readonly Fault[]): void {
    const unsupported = faults.find((fault) => !this.supported.includes(fault))
    if (unsupported !== undefined)
      throw new RangeError(
        `this LSP does not support the fault ${unsupported}; it supports ${this.supported.join(', ')}`,
      )
    this.#on = new Set(faults)
  }
}

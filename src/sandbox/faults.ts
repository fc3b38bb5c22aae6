/** What can be switched on at a simulated LSP, and what it then does. */
export const FAULTS = {
  SLOW: 'answers after `slowMs`',
  HANGING: 'takes every request, acts on it, and never answers',
  SERVER_ERROR: 'answers every request with a 503 and a text, and does nothing',
  MALFORMED: 'acts, and answers 200 with JSON that is cut short',
  RATE_LIMITED: 'answers every request with a 429 in its protocol’s shape: come back in 60 seconds',
  DEARER_AT_ORDER: 'an order costs half as much again as the estimate, the tariff or the last price',
  WRONG_INVOICE_AMOUNT: 'the invoice asks for more than the order’s total',
  WRONG_NETWORK_INVOICE: 'the invoice is one for mainnet',
  FOREIGN_PAYEE: 'the invoice pays another node than the LSP’s',
  REFUND: 'the open fails after the payment, which is then given back as the protocol has it',
  NEVER_OPENS: 'a paid order stays as it is',
  VANISHES_AFTER_PAYMENT: 'once an order is paid, it is not found any more',
  RATE_CHANGES: 'a paid order is repriced and waits for a decision (Kaleidoswap)',
  OPEN_FAILS_ONCE: 'the first attempt to open finds the node unreachable (draft 0.0.2)',
  EARLY_READ_FAILS: 'a read right after the open began shows a failure that is none (ThunderStack)',
} as const

export type Fault = keyof typeof FAULTS

/** The faults that make sense whatever the protocol. */
export const COMMON_FAULTS: readonly Fault[] = [
  'SLOW',
  'HANGING',
  'SERVER_ERROR',
  'MALFORMED',
  'RATE_LIMITED',
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

  /** Exactly these from now on. @throws RangeError for one that this LSP does not support. */
  set(faults: readonly Fault[]): void {
    const unsupported = faults.find((fault) => !this.supported.includes(fault))
    if (unsupported !== undefined)
      throw new RangeError(`this LSP has no fault ${unsupported}; it has ${this.supported.join(', ')}`)
    this.#on = new Set(faults)
  }
}

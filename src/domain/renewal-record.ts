import type { Ending } from './ending.ts'
import type { FailureDetails } from './failure.ts'
import type { Check } from './offer.ts'
import type { Payment, PaymentMaximums } from './payment.ts'
import type { Channel, OrderState } from './order.ts'
import type { EpochMs } from './time.ts'
import type { Sat } from './money.ts'

/** A change of a renewal, as the event log keeps it. `sequence` counts from 1 within the renewal. */
export interface RenewalEvent {
  renewalId: string
  clientId: string
  sequence: number
  at: EpochMs
  previousState: OrderState | null
  state: OrderState
  message: string
}

/** An extension of a channel's lease. It has the states of an order. */
export interface Renewal extends Ending {
  id: string
  clientId: string
  lspId: string
  shortChannelId: string
  /** SHA-256 of the client's input. Absent: an earlier version wrote the record. */
  inputHash?: string
  /** Empty until the LSP answers. */
  lspOrderId: string
  state: OrderState
  feeTotalSat: Sat
  payment: Payment
  /** What the LSP first asked by each payment option; absent: `feeTotalSat`. */
  maximums?: PaymentMaximums
  /** Absent: it was ordered before they were kept. */
  checks?: readonly Check[]
  channel: Channel | null
  renewedUntil: EpochMs | null
  /** The end of the first answer, which the client pays for. Absent: an earlier version wrote the record. */
  agreedUntil?: EpochMs | null
  /** Why nothing of it may be paid. */
  paymentWarning?: string | null
  /** true from the intent until the request has an outcome. A crash leaves it true. */
  asking?: boolean
  /** Why the request has no usable answer. */
  failure?: FailureDetails
  /** The id of the earlier renewal that the LSP answered with. */
  sameAs?: string
  /** Counts the changes, from 1. Absent: nothing has changed since an earlier version wrote the record. */
  sequence?: number
  /** Whether the gateway polls the LSP no more. Absent: it still polls, or an earlier version wrote the record. */
  isFinal?: boolean
  /** The LSP's own word for the state. */
  lspState?: string | null
  failureReason?: string | null
  paymentSeenAt: EpochMs | null
  createdAt: EpochMs
  updatedAt: EpochMs
}

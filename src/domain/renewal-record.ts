import type { Ending } from './ending.ts'
import type { Check } from './offer.ts'
import type { Payment, PaymentMaximums } from './payment.ts'
import type { Channel, OrderState } from './order.ts'
import type { EpochMs } from './time.ts'
import type { Sat } from './money.ts'

/** A longer life of a channel that stands, ordered and followed like a channel. */
export interface Renewal extends Ending {
  id: string
  clientId: string
  lspId: string
  shortChannelId: string
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
  paymentSeenAt: EpochMs | null
  createdAt: EpochMs
  updatedAt: EpochMs
}

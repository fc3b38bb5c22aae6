import type { LspFeature } from './lsp.ts'
import type { Order } from './order-record.ts'
import { DAY_MS, type EpochMs } from './time.ts'

// Reminders that the lease of a channel ends. Pure.

/** When the channel's lease ends; null: the client was reminded of this end, or there is no lease. */
export function unremindedLeaseEnd(order: Order): EpochMs | null {
  const endsAt = leaseEnd(order)
  return endsAt === order.leaseRemindedFor ? null : endsAt
}

/** When the channel's lease ends; null: the client was not reminded of this end, or there is no lease. */
export function remindedLeaseEnd(order: Order): EpochMs | null {
  const endsAt = leaseEnd(order)
  return endsAt === order.leaseRemindedFor ? endsAt : null
}

function leaseEnd({ state, channel }: Order): EpochMs | null {
  const isOpen =
    state === 'COMPLETED' &&
    channel !== null &&
    channel.state !== 'CLOSING' &&
    channel.state !== 'CLOSED' &&
    channel.state !== 'FAILED'
  return isOpen ? channel.expiresAt : null
}

/** The event's message; the end may be past if the gateway was not running before. */
export function reminderOf(endsAt: EpochMs, features: readonly LspFeature[], now: EpochMs): string {
  const days = Math.ceil((endsAt - now) / DAY_MS)
  const when =
    endsAt <= now
      ? `ended on ${dayOf(endsAt)}`
      : `ends on ${dayOf(endsAt)}, in ${days === 1 ? '1 day' : `${days} days`}`
  return `the lease of the channel ${when}: ${helpOf(features)}`
}

/** The message of the next step after the reminder. */
export function leaseStepMessage(endsAt: EpochMs, features: readonly LspFeature[]): string {
  return `The LSP may close the channel after ${dayOf(endsAt)}: ${helpOf(features)}.`
}

function helpOf(features: readonly LspFeature[]): string {
  return features.includes('RENEWAL') ? 'call renewChannel to extend it' : 'request a new quote in time to replace it'
}

export const dayOf = (at: EpochMs) => new Date(at).toISOString().slice(0, 10)

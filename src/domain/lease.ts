import type { LspFeature } from './lsp.ts'
import type { Order } from './order-record.ts'
import { DAY_MS, type EpochMs } from './time.ts'

// The lease of a channel ends, and people forget: what there is to say about that. Pure.

/** When the lease of its channel ends, as long as nobody was reminded of that end; null: there is nothing to remind of. */
export function unremindedLeaseEnd(order: Order): EpochMs | null {
  const endsAt = leaseEnd(order)
  return endsAt === order.leaseRemindedFor ? null : endsAt
}

/** The end that somebody was reminded of, while it still is the end. */
export function remindedLeaseEnd(order: Order): EpochMs | null {
  const endsAt = leaseEnd(order)
  return endsAt === order.leaseRemindedFor ? endsAt : null
}

function leaseEnd({ state, channel }: Order): EpochMs | null {
  const stands =
    state === 'COMPLETED' &&
    channel !== null &&
    channel.state !== 'CLOSING' &&
    channel.state !== 'CLOSED' &&
    channel.state !== 'FAILED'
  return stands ? channel.expiresAt : null
}

/** What is said when the end is near; or past, where nobody could say so before. */
export function reminderOf(endsAt: EpochMs, features: readonly LspFeature[], now: EpochMs): string {
  const days = Math.ceil((endsAt - now) / DAY_MS)
  const when =
    endsAt <= now
      ? `ended on ${dayOf(endsAt)}`
      : `ends on ${dayOf(endsAt)}, in ${days === 1 ? '1 day' : `${days} days`}`
  return `the lease of the channel ${when}: ${helpOf(features)}`
}

/** The same for somebody who looks at the order at any time after that. */
export function leaseStepMessage(endsAt: EpochMs, features: readonly LspFeature[]): string {
  return `The LSP may close the channel after ${dayOf(endsAt)}: ${helpOf(features)}.`
}

function helpOf(features: readonly LspFeature[]): string {
  return features.includes('RENEWAL')
    ? 'renewChannel asks for a longer one'
    : 'ask for a new quote in time to replace it'
}

const dayOf = (at: EpochMs) => new Date(at).toISOString().slice(0, 10)

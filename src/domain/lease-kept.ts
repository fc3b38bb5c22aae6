import type { Check } from './checks.ts'
import { dayOf } from './lease.ts'
import type { Order } from './order-record.ts'
import type { Channel } from './order.ts'
import { BLOCK_MS, HOUR_MS, type EpochMs } from './time.ts'

// Whether the channel lasts as long as it was ordered for. Pure.

/**
 * Blocks may come faster than one in ten minutes, and LSPs round the end of a lease: it may be earlier than ordered by a
 * twentieth of the lease, or by one hour where that is more.
 */
const toleranceMs = (leaseMs: number) => Math.max(HOUR_MS, leaseMs / 20)

type Leased = Pick<
  Order,
  'channel' | 'terms' | 'orderedBlocks' | 'createdAt' | 'fundedAt' | 'channelClosedAt' | 'state'
>

const leaseMsOf = ({ orderedBlocks, terms }: Leased) => (orderedBlocks ?? terms.channelExpiryBlocks) * BLOCK_MS

/** The end of the lease as it was ordered, at 10 minutes a block; null before the funding. */
export function orderedLeaseEnd(order: Leased): EpochMs | null {
  const fundedAt = order.channel?.fundedAt ?? order.fundedAt
  return fundedAt === null ? null : Math.max(fundedAt, order.createdAt) + leaseMsOf(order)
}

/**
 * Compares the LSP's end of the lease, and an early closing, with what was ordered. No channel is funded before it is
 * ordered, so that an LSP cannot shorten the lease by an earlier `funded_at`. null: there is nothing to compare.
 */
export function verifyLease(order: Leased): Check | null {
  const { channel, channelClosedAt, createdAt, state } = order
  if (channel === null || state === 'FAILED') return null
  const leaseMs = leaseMsOf(order)
  // Without the time of the funding, the order's own time is certainly not later.
  const end = Math.max(channel.fundedAt ?? createdAt, createdAt) + leaseMs
  const earliest = end - toleranceMs(leaseMs)
  if (channelClosedAt !== undefined && channelClosedAt < earliest)
    return result(
      'WARNING',
      `the channel was closed on ${dayOf(channelClosedAt)}, its lease ends on ${dayOf(end)}`,
      end,
      channelClosedAt,
    )
  if (channel.expiresAt === null) return null
  return channel.expiresAt < earliest
    ? result(
        'WARNING',
        `the LSP guarantees the channel until ${dayOf(channel.expiresAt)}, the lease as ordered ends on ${dayOf(end)}`,
        end,
        channel.expiresAt,
      )
    : result(
        'PASSED',
        `the LSP guarantees the channel until ${dayOf(channel.expiresAt)}, as ordered`,
        end,
        channel.expiresAt,
      )
}

const result = (verdict: Check['verdict'], message: string, expected: EpochMs, actual: EpochMs): Check => ({
  code: 'LEASE_KEPT',
  verdict,
  message,
  expected: new Date(expected).toISOString(),
  actual: new Date(actual).toISOString(),
})

/** When the channel was closed, or was first reported as closing; undefined: it was not. */
export function closedAtOf(known: EpochMs | undefined, channel: Channel | null, now: EpochMs): EpochMs | undefined {
  const isClosing = channel?.state === 'CLOSING' || channel?.state === 'CLOSED'
  return isClosing ? Math.min(channel.closedAt ?? known ?? now, now) : known
}

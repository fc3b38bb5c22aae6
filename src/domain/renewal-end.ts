import type { Check } from './checks.ts'
import { DAY_MS, type EpochMs } from './time.ts'

// The end of a renewed channel, as the LSP reports it before the payment.

const WEEK_MS = 7 * DAY_MS
/** Draft 0.0.1 counts a lease in weeks. The public schema counts it in blocks of ten minutes. */
const BLOCKS_A_WEEK = 1_008

export interface ReportedEnd {
  renewedUntil: EpochMs | null
  /** null: the LSP does not report it. */
  presentEnd: EpochMs | null
  /** `channel_renewed_expiry`, in blocks; absent: the LSP does not report it. */
  channelExpiryBlocks: number | undefined
}

/** A failed check if a payment would not make the channel's lease longer; a warning if the end and the weeks differ. */
export function verifyEnd({ renewedUntil, presentEnd, channelExpiryBlocks }: ReportedEnd, now: EpochMs): Check {
  const check = (verdict: Check['verdict'], message: string): Check => ({
    code: 'LEASE_KEPT',
    verdict,
    message,
    expected: `later than ${new Date(Math.max(now, presentEnd ?? now)).toISOString()}`,
    actual: renewedUntil === null ? 'no end' : new Date(renewedUntil).toISOString(),
  })
  if (renewedUntil === null) return check('FAILED', 'the LSP does not report the end of the renewed channel')
  const until = new Date(renewedUntil).toISOString()
  if (renewedUntil <= now) return check('FAILED', `the LSP would renew the channel until ${until}, which is past`)
  if (presentEnd !== null && renewedUntil <= presentEnd)
    return check(
      'FAILED',
      `the LSP would renew the channel until ${until}, not later than its present end ${new Date(presentEnd).toISOString()}`,
    )
  if (channelExpiryBlocks === undefined) return check('PASSED', `the LSP would renew the channel until ${until}`)
  const weeks = channelExpiryBlocks / BLOCKS_A_WEEK
  // Seed 002 does not say from when it counts the weeks. From today gives the earliest end.
  return renewedUntil < now + weeks * WEEK_MS - DAY_MS
    ? check('WARNING', `the LSP reports ${weeks} weeks, but would renew the channel only until ${until}`)
    : check('PASSED', `the LSP would renew the channel until ${until}, with ${weeks} weeks`)
}

import type { Check } from './checks.ts'
import type { Sat } from './money.ts'
import type { ChannelRequest } from './request.ts'
import { DAY_MS, type EpochMs } from './time.ts'

// bLIP-51 §2: a client SHOULD validate that the fee is reasonable. This check never blocks; the agreed maximum does.

/** The LSP's last price for the same channel. */
export interface PreviousFee {
  feeTotalSat: Sat
  observedAt: EpochMs
}

/** An older price says nothing about today's on-chain fee rates. */
const RECENT_MS = 7 * DAY_MS
/** More than twice the previous fee is a warning. */
const MOST_TIMES = 2
/** More than a tenth of the channel's balances is a warning. */
const SHARE = 10

/**
 * Compares a fee with the last one for the same channel, and with the channel's size. null where the fee may contain
 * the price of an asset that the client buys.
 */
export function verifyFee(
  feeTotalSat: Sat,
  { lspBalanceSat, clientBalanceSat, asset }: ChannelRequest,
  previous: PreviousFee | null,
  now: EpochMs,
): Check | null {
  if (BigInt(asset?.clientAmount ?? 0) > 0n) return null
  const channelSat = lspBalanceSat + clientBalanceSat
  const recent = previous !== null && now - previous.observedAt <= RECENT_MS ? previous : null
  const isUsual =
    feeTotalSat * SHARE <= channelSat && (recent === null || feeTotalSat <= recent.feeTotalSat * MOST_TIMES)
  const before =
    recent === null
      ? ''
      : `; ${recent.feeTotalSat} sat for the same channel at ${new Date(recent.observedAt).toISOString()}`
  const ofChannel = `at most a tenth of the channel of ${channelSat} sat`
  return {
    code: 'FEE_IS_USUAL',
    verdict: isUsual ? 'PASSED' : 'WARNING',
    message: `fee ${feeTotalSat} sat for a channel of ${channelSat} sat${before}`,
    expected:
      recent === null
        ? ofChannel
        : `${ofChannel}, and at most twice the ${recent.feeTotalSat} sat of ${new Date(recent.observedAt).toISOString()}`,
    actual: `${feeTotalSat} sat`,
  }
}

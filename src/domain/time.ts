/** An instant, in milliseconds since 1970 UTC. */
export type EpochMs = number

/** Where the time comes from, so that a test can set it. */
export interface Clock {
  now(): EpochMs
}

export const systemClock: Clock = { now: () => Date.now() }

/** A `Date` goes no further. */
export const LAST_INSTANT: EpochMs = 8_640_000_000_000_000

export const SECOND_MS = 1_000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS
/** The protocols count leases in blocks; bitcoin's target is one block in ten minutes. */
export const BLOCK_MS = 10 * MINUTE_MS

/** Every LSP protocol counts a week as this many blocks (protocols/README.md, section 0). */
export const BLOCKS_PER_WEEK = 1008
/** What `annualRatePercent` calls a year. */
export const BLOCKS_PER_YEAR = 52_560

/** Rounded up: nobody gets a shorter lease than was asked for. */
export function weeksOfBlocks(blocks: number): number {
  return Math.ceil(blocks / BLOCKS_PER_WEEK)
}

import { sat, type Sat } from './money.ts'
import type { ChannelTerms } from './request.ts'
import type { EpochMs } from './time.ts'

// A price for a channel of any size, from the prices that the LSP asked for others: fee = base + rate × balance, or
// base + rate × balance × duration. All arithmetic is exact.

/** What an LSP asked for one channel. */
export interface PricePoint {
  feeTotalSat: Sat
  terms: ChannelTerms
  observedAt: EpochMs
}

/** How a fitted price was derived. */
export interface PriceFit {
  points: number
  oldestAt: EpochMs
  newestAt: EpochMs
  /** The largest difference between a point's fee and the line. */
  maxDeviationSat: Sat
}

export interface FittedPrice {
  feeTotalSat: Sat
  fit: PriceFit
}

/** Two numbers fit any two points; a third and a fourth at another balance confirm them. */
const LEAST_POINTS = 4
const LEAST_BALANCES = 3
/** The work grows with the square of the points: 40 take a fraction of a millisecond. */
const MOST_POINTS = 40
/** A point agrees with the line if it is within 1 % of its own fee, or 2 sat where that is more. */
const TOLERANCE_SHARE = 100n
const LEAST_TOLERANCE_SAT = 2n
/** The line is used beyond its points only if they span this factor, and only by half of their span. */
const LEAST_SPAN_FACTOR = 4n

/**
 * The price of the channel, if the LSP's latest prices lie on one line. Only the newest points that agree count: an older
 * point that contradicts them is from before a change of price, and so are all before it. null: too few points agree, or
 * the channel is too far from them.
 */
export function fitPrice(terms: ChannelTerms, points: readonly PricePoint[]): FittedPrice | null {
  const alike = points
    .filter((point) => isAlike(point.terms, terms))
    .toSorted((a, b) => b.observedAt - a.observedAt)
    .slice(0, MOST_POINTS)
  const sameDuration = alike.filter((point) => point.terms.channelExpiryBlocks === terms.channelExpiryBlocks)
  return (
    fitLine(BigInt(terms.lspBalanceSat), sameDuration, (of) => BigInt(of.lspBalanceSat)) ??
    fitLine(leaseSize(terms), alike, leaseSize)
  )
}

const leaseSize = (terms: ChannelTerms) => BigInt(terms.lspBalanceSat) * BigInt(terms.channelExpiryBlocks)

/** Other terms may have prices of their own. */
function isAlike(a: ChannelTerms, b: ChannelTerms): boolean {
  return (
    a.clientBalanceSat === b.clientBalanceSat &&
    a.announceChannel === b.announceChannel &&
    a.requiredChannelConfirmations === b.requiredChannelConfirmations &&
    a.fundingConfirmsWithinBlocks === b.fundingConfirmsWithinBlocks
  )
}

interface Point {
  x: bigint
  y: bigint
  at: EpochMs
}

/** A line through two points. */
interface Line {
  low: Point
  high: Point
}

function fitLine(
  x: bigint,
  newestFirst: readonly PricePoint[],
  sizeOf: (terms: ChannelTerms) => bigint,
): FittedPrice | null {
  const points = newestFirst.map(({ terms, feeTotalSat, observedAt }) => ({
    x: sizeOf(terms),
    y: BigInt(feeTotalSat),
    at: observedAt,
  }))
  const agreeing = agreeingPoints(points)
  if (agreeing.length < LEAST_POINTS || new Set(agreeing.map((point) => point.x)).size < LEAST_BALANCES) return null
  const line = lineThrough(agreeing)
  if (line === null || !isInReach(x, line)) return null
  const fee = valueAt(line, x)
  if (fee < 0n) return null
  const deviation = agreeing.reduce((most, point) => maxOf(most, distance(line, point)), 0n)
  return {
    feeTotalSat: sat(Number(fee)),
    fit: {
      points: agreeing.length,
      oldestAt: Math.min(...agreeing.map(({ at }) => at)),
      newestAt: Math.max(...agreeing.map(({ at }) => at)),
      maxDeviationSat: sat(Number(deviation)),
    },
  }
}

/** The longest run of the newest points that lie on one line. */
function agreeingPoints(newestFirst: readonly Point[]): readonly Point[] {
  let run: readonly Point[] = []
  for (const point of newestFirst) {
    const longer = [...run, point]
    const line = lineThrough(longer)
    if (line !== null && longer.some((each) => distance(line, each) > toleranceOf(each))) return run
    // Points at one size are no line, but have to agree with each other.
    if (line === null && longer.some(({ y }) => absolute(y - point.y) > toleranceOf(point))) return run
    run = longer
  }
  return run
}

/** The line through the smallest and the largest size; null if all have the same. Of several points, the newest counts. */
function lineThrough(points: readonly Point[]): Line | null {
  const [first] = points
  if (first === undefined) return null
  let [low, high] = [first, first]
  for (const point of points) {
    if (point.x < low.x) low = point
    if (point.x > high.x) high = point
  }
  return low.x === high.x ? null : { low, high }
}

/** A fee that depends on the size goes on to do so; a flat one may be the first step of a staircase. */
function isInReach(x: bigint, { low, high }: Line): boolean {
  if (x >= low.x && x <= high.x) return true
  const isSlope = high.y > low.y && high.x >= low.x * LEAST_SPAN_FACTOR
  const reach = (high.x - low.x) / 2n
  return isSlope && x >= low.x - reach && x <= high.x + reach
}

/** In satoshis, rounded up. */
function valueAt({ low, high }: Line, x: bigint): bigint {
  const [numerator, denominator] = [(high.y - low.y) * (x - low.x), high.x - low.x]
  const floor = numerator / denominator
  return low.y + (numerator > floor * denominator ? floor + 1n : floor)
}

const distance = (line: Line, { x, y }: Point) => absolute(valueAt(line, x) - y)
const toleranceOf = ({ y }: Point) => maxOf(y / TOLERANCE_SHARE, LEAST_TOLERANCE_SAT)
const absolute = (value: bigint) => (value < 0n ? -value : value)
const maxOf = (a: bigint, b: bigint) => (a > b ? a : b)

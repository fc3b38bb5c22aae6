import { expect, test } from 'vitest'
import { channelRequest } from '../support/adapter-call.ts'
import { sat } from '../../src/domain/money.ts'
import {
  annualRatePercent,
  feePpm,
  NO_RECORD,
  QUOTE_RANKINGS,
  rankQuotes,
  type LspRecord,
  type Quote,
  type QuoteRanking,
} from '../../src/domain/quote.ts'
import { termsOf } from '../../src/domain/request.ts'

interface Offer {
  feeSat: number
  balanceSat?: number
  blocks?: number
}

function quote(lspId: string, { feeSat, balanceSat = 1_000_000, blocks = 12_960 }: Offer): Quote {
  const request = channelRequest({ lspBalanceSat: sat(balanceSat), channelExpiryBlocks: blocks })
  return {
    id: `of ${lspId}`,
    clientId: 'ann',
    lspId,
    basis: 'FIRM',
    feeTotalSat: sat(feeSat),
    orderTotalSat: sat(feeSat),
    bolt11FeeTotalSat: null,
    onchainFeeTotalSat: null,
    terms: termsOf(request),
    notes: [],
    checks: [],
    request,
    placementId: null,
    createdAt: 0,
    observedAt: null,
    expiresAt: null,
  }
}

function ranked(
  by: QuoteRanking,
  offers: Readonly<Record<string, Offer>>,
  records: Readonly<Record<string, LspRecord>> = {},
): string[] {
  return rankQuotes(
    Object.entries(offers).map(([id, offer]) => quote(id, offer)),
    by,
    (id) => records[id] ?? NO_RECORD,
  ).map(({ lspId }) => lspId)
}

test('TOTAL_FEE: the least fee first, be it nothing', () => {
  expect(ranked('TOTAL_FEE', { dear: { feeSat: 9_000 }, free: { feeSat: 0 }, cheap: { feeSat: 100 } })).toEqual([
    'free',
    'cheap',
    'dear',
  ])
})

test('ANNUAL_RATE: what a satoshi costs for a year, of the channel that is delivered', () => {
  // 1 000 ppm for a quarter, 2 000 ppm for a whole year, 1 500 ppm for a quarter of twice the size.
  const offers = {
    quarter: { feeSat: 1_000, blocks: 13_140 },
    year: { feeSat: 2_000, blocks: 52_560 },
    twice: { feeSat: 3_000, balanceSat: 2_000_000, blocks: 13_140 },
  }
  expect(ranked('ANNUAL_RATE', offers)).toEqual(['year', 'quarter', 'twice'])
  expect(ranked('TOTAL_FEE', offers)).toEqual(['quarter', 'year', 'twice'])
})

test('ANNUAL_RATE is compared exactly, where numbers with a point would call two rates equal', () => {
  const dearer = { feeSat: 184_338_612_883_197, balanceSat: 366_281_137_315_320, blocks: 2_016 }
  const other = { feeSat: 92_169_306_441_598, balanceSat: 183_140_568_657_659, blocks: 2_016 }
  expect(annualRatePercent(quote('a', dearer))).toBe(annualRatePercent(quote('b', other)))
  // By its fee it would come second.
  expect(ranked('ANNUAL_RATE', { other, dearer })).toEqual(['dearer', 'other'])
})

test('SPEED: the shortest median first, and who was never measured last', () => {
  const offers = { slow: { feeSat: 1 }, unknown: { feeSat: 0 }, fast: { feeSat: 9 }, instant: { feeSat: 10 } }
  const measured = (medianOpenMs: number | null): LspRecord => ({ medianOpenMs, succeeded: 1, ended: 1 })
  expect(ranked('SPEED', offers, { slow: measured(90_000), fast: measured(30_000), instant: measured(0) })).toEqual([
    'instant',
    'fast',
    'slow',
    'unknown',
  ])
})

test('SPEED: who only ever failed was not measured', () => {
  const failed = { medianOpenMs: null, succeeded: 0, ended: 3 }
  expect(
    ranked(
      'SPEED',
      { failed: { feeSat: 1 }, unknown: { feeSat: 0 }, fast: { feeSat: 9 } },
      { failed, fast: { medianOpenMs: 1, succeeded: 1, ended: 1 } },
    ),
  ).toEqual(['fast', 'unknown', 'failed'])
})

test('RELIABILITY: the larger share that ended well, then the longer record, and who was never measured last', () => {
  const record = (succeeded: number, ended: number): LspRecord => ({ medianOpenMs: 1, succeeded, ended })
  const offers = {
    never: { feeSat: 0 },
    half: { feeSat: 1 },
    once: { feeSat: 2 },
    often: { feeSat: 3 },
    mostly: { feeSat: 4 },
    bad: { feeSat: 0 },
  }
  expect(
    ranked('RELIABILITY', offers, {
      half: record(5, 10),
      once: record(1, 1),
      often: record(40, 40),
      mostly: record(99, 100),
      bad: record(0, 7),
    }),
  ).toEqual(['often', 'once', 'mostly', 'half', 'bad', 'never'])
})

test.each(QUOTE_RANKINGS)('%s: ties go by the fee, then by the id, whatever the order they came in', (by) => {
  const equal = { z: { feeSat: 5 }, a: { feeSat: 5 }, m: { feeSat: 5 } }
  const { z, a, m } = equal
  for (const offers of [
    { z, a, m },
    { a, m, z },
    { m, z, a },
  ])
    expect(ranked(by, offers)).toEqual(['a', 'm', 'z'])
})

test.each(['SPEED', 'RELIABILITY'] as const)('%s: where nothing was measured, the fee decides before the id', (by) => {
  expect(ranked(by, { a: { feeSat: 5 }, z: { feeSat: 4 } })).toEqual(['z', 'a'])
})

test('equal yearly rates go by the fee', () => {
  expect(ranked('ANNUAL_RATE', { a: { feeSat: 2_000, balanceSat: 2_000_000 }, z: { feeSat: 1_000 } })).toEqual([
    'z',
    'a',
  ])
})

test('ranking leaves what it was given as it was', () => {
  const quotes = [quote('b', { feeSat: 2 }), quote('a', { feeSat: 1 })]
  rankQuotes(quotes, 'TOTAL_FEE', () => NO_RECORD)
  expect(quotes.map(({ lspId }) => lspId)).toEqual(['b', 'a'])
})

test.each([
  [{ feeSat: 10_000, blocks: 52_560 }, 1, 10_000],
  [{ feeSat: 10_000, blocks: 26_280 }, 2, 10_000],
  [{ feeSat: 5_200 }, 2.108_889, 5_200],
  [{ feeSat: 500, balanceSat: 100_000, blocks: 13_140 }, 2, 5_000],
  [{ feeSat: 0 }, 0, 0],
])('%j is so many per cent a year, and so many millionths', (offer, percent, ppm) => {
  expect(annualRatePercent(quote('a', offer))).toBeCloseTo(percent, 6)
  expect(feePpm(quote('a', offer))).toBeCloseTo(ppm, 6)
})

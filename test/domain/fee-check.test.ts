import { expect, test } from 'vitest'
import { channelRequest } from '../support/adapter-call.ts'
import { verifyFee } from '../../src/domain/fee-check.ts'
import { MAX_SAT, sat } from '../../src/domain/money.ts'
import { DAY_MS } from '../../src/domain/time.ts'

const NOW = Date.parse('2026-12-01T00:00:00Z')
const REQUEST = channelRequest({ lspBalanceSat: sat(900_000), clientBalanceSat: sat(100_000) })
const before = (feeTotalSat: number, ageMs = DAY_MS) => ({ feeTotalSat: sat(feeTotalSat), observedAt: NOW - ageMs })

// bLIP-51 §2: "SHOULD validate the fee_total_sat is reasonable".
test.each([
  ['nothing', 0, null, 'PASSED'],
  ['a tenth of the channel', 100_000, null, 'PASSED'],
  ['more than a tenth of the channel', 100_001, null, 'WARNING'],
  ['all bitcoin', MAX_SAT, null, 'WARNING'],
  ['twice the fee of yesterday', 4_000, before(2_000), 'PASSED'],
  ['more than twice the fee of yesterday', 4_001, before(2_000), 'WARNING'],
  ['something, after a free channel', 1, before(0), 'WARNING'],
  ['less than yesterday', 1_000, before(2_000), 'PASSED'],
  ['more than twice the fee of seven days ago', 4_001, before(2_000, 7 * DAY_MS), 'WARNING'],
  ['more than twice an older fee', 4_001, before(2_000, 7 * DAY_MS + 1), 'PASSED'],
] as const)('a fee of %s is compared with the channel and with the previous fee', (_, fee, previous, verdict) => {
  expect(verifyFee(sat(fee), REQUEST, previous, NOW)).toMatchObject({ code: 'FEE_IS_USUAL', verdict })
})

test('the message names what was compared', () => {
  expect(verifyFee(sat(5_000), REQUEST, before(2_000), NOW)?.message).toBe(
    'fee 5000 sat for a channel of 1000000 sat; 2000 sat for the same channel at 2026-11-30T00:00:00.000Z',
  )
})

test('the fee of a purchase may contain the price of the asset, and is not compared', () => {
  const asset = { assetId: 'rgb:1', lspAmount: '10', clientAmount: '1', rfqId: 'rfq' }
  expect(verifyFee(sat(900_000), { ...REQUEST, asset }, null, NOW)).toBeNull()
  expect(verifyFee(sat(900_000), { ...REQUEST, asset: { ...asset, clientAmount: '0' } }, null, NOW)).not.toBeNull()
})

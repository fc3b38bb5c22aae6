import { expect, test } from 'vitest'
import type { Check } from '../../src/domain/checks.ts'
import { sat } from '../../src/domain/money.ts'
import { verifyOnchainOption, type OnchainContext } from '../../src/domain/onchain-offer.ts'
import type { OnchainOption } from '../../src/domain/order.ts'
import type { ReadPaymentState } from '../../src/domain/reading.ts'

const ADDRESS = 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88'
const REFUND = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080'

function verify(option: Partial<OnchainOption<ReadPaymentState>>, context: Partial<OnchainContext>) {
  const checks: Check[] = []
  const refund = verifyOnchainOption(
    {
      state: 'EXPECT_PAYMENT',
      feeTotalSat: sat(1_000),
      orderTotalSat: sat(5_000),
      expiresAt: null,
      address: ADDRESS,
      minConfirmations: null,
      minFeeFor0Conf: null,
      refundOnchainAddress: null,
      paidSat: null,
      ...option,
    },
    { network: 'REGTEST', addressKinds: 'ANY', refundOnchainAddress: null, ...context },
    (code, verdict, message) => void checks.push({ code, verdict, message }),
  )
  return { refund, row: (code: string) => checks.find((check) => check.code === code) }
}

// bLIP-51 §3.3; min_onchain_payment_size_sat of Kaleidoswap 0.2.0 OrderOptions.
test.each<[string, Partial<OnchainOption<ReadPaymentState>>, number | null, number | null, string | null]>([
  ['nothing is stated', {}, null, null, null],
  ['the total is the minimum', {}, 5_000, null, 'PASSED'],
  ['the total is below the minimum', {}, 5_001, null, 'WARNING'],
  ['the confirmations are the minimum', { minConfirmations: 2 }, null, 2, 'PASSED'],
  ['the confirmations are below the minimum', { minConfirmations: 1 }, null, 2, 'WARNING'],
  ['the option states no confirmations', {}, null, 2, null],
  ['zero-conf has a fee rate', { minConfirmations: 0, minFeeFor0Conf: 253 }, null, 0, 'PASSED'],
  ['confirmations have a fee rate for zero-conf', { minConfirmations: 1, minFeeFor0Conf: 253 }, null, 0, 'WARNING'],
  ['one of several rules is broken', { minConfirmations: 3, minFeeFor0Conf: null }, 9_000, 3, 'WARNING'],
])('when %s, the check of the LSP’s limits is as expected', (_, option, leastSat, leastConfirmations, verdict) => {
  const limits = {
    minOnchainPaymentSat: leastSat === null ? null : sat(leastSat),
    minOnchainPaymentConfirmations: leastConfirmations,
  }
  const { refund, row } = verify(option, { refundOnchainAddress: REFUND, limits })
  expect(row('ONCHAIN_LIMITS')?.verdict ?? null).toBe(verdict)
  // A broken rule is a warning: the option remains.
  expect(refund).toEqual({ refundOnchainAddress: REFUND })
})

test.each([null, REFUND])('without a field for the refund address, %s is neither shown nor passed', (given) => {
  const { refund, row } = verify({}, { refundRoute: 'UNKNOWN', refundOnchainAddress: given })
  expect(refund).toEqual({ refundOnchainAddress: null })
  expect(row('REFUND_ADDRESS')).toMatchObject({ verdict: 'WARNING' })
  expect(row('REFUND_ADDRESS')?.message).not.toContain(REFUND)
})

test.each([null, REFUND])(
  'where the client requests refunds, the option needs no address, and %s is not shown',
  (given) => {
    const { refund, row } = verify({}, { refundRoute: 'ON_REQUEST', refundOnchainAddress: given })
    expect(refund).toEqual({ refundOnchainAddress: null })
    expect(row('REFUND_ADDRESS')).toBeUndefined()
  },
)

test('a bad address of the LSP fails wherever the option would be offered', () => {
  const bad = { address: 'bc1qvmsy0f3yyes6z9jvddk8xqwznndmdwapvrc0xrmhd3vqj5rhdrrq6hz49h' }
  expect(verify(bad, { refundRoute: 'UNKNOWN' }).row('ONCHAIN_ADDRESS')?.verdict).toBe('FAILED')
  expect(verify(bad, { refundRoute: 'ON_REQUEST' }).row('ONCHAIN_ADDRESS')?.verdict).toBe('FAILED')
  expect(verify(bad, { refundOnchainAddress: REFUND }).row('ONCHAIN_ADDRESS')?.verdict).toBe('FAILED')
  expect(verify(bad, {}).row('ONCHAIN_ADDRESS')?.verdict).toBe('WARNING')
})

import { isSameAddress } from './address.ts'
import type { Report } from './checks.ts'
import type { DecodedInvoice } from './invoice.ts'
import { MAX_SAT, sat, ZERO_SAT, type Sat } from './money.ts'

// The fields of an invoice that change where a wallet pays, or how much (BOLT 11).

/** Blocks. A payment that fails on its last hop keeps the wallet's money locked for as long: two weeks. */
const MAX_FINAL_CLTV_BLOCKS = 2_016

/** BOLT 11, field `f`: a wallet may pay to it instead of paying the invoice, so it must be the on-chain option. */
export function verifyFallbacks(
  { fallbackAddresses }: Pick<DecodedInvoice, 'fallbackAddresses'>,
  onchainAddress: string | null,
  report: Report,
): void {
  for (const address of fallbackAddresses) {
    const isOption = isSameAddress(address, onchainAddress)
    // Without the addresses: a check stays readable when they must no longer be paid.
    report(
      'INVOICE_FALLBACK',
      isOption ? 'PASSED' : 'FAILED',
      isOption
        ? "the invoice's fallback address is the on-chain option's"
        : "the invoice's fallback address is not the on-chain option's",
      {
        expected: onchainAddress === null ? 'no fallback address' : "the on-chain option's address",
        actual: isOption ? "the on-chain option's address" : 'another address',
      },
    )
  }
}

/** BOLT 11, field `c`. */
export function verifyFinalCltv(
  { minFinalCltvExpiryDelta: blocks }: Pick<DecodedInvoice, 'minFinalCltvExpiryDelta'>,
  report: Report,
): void {
  if (blocks > MAX_FINAL_CLTV_BLOCKS)
    report(
      'INVOICE_CLTV',
      'WARNING',
      `the invoice can lock the payment for ${blocks} blocks, more than ${MAX_FINAL_CLTV_BLOCKS}`,
      { expected: `at most ${MAX_FINAL_CLTV_BLOCKS} blocks`, actual: `${blocks} blocks` },
    )
}

/**
 * The fee in satoshis, rounded up, of the dearest route hint of the invoice (BOLT 11, field `r`) for that amount: the
 * wallet pays it beside the invoice. A fee beyond all bitcoin counts as all bitcoin.
 */
export function routeHintFeeSat(
  { routeHints }: Pick<DecodedInvoice, 'routeHints'>,
  amountMsat: bigint,
  report: Report,
): Sat {
  if (routeHints.length === 0) return ZERO_SAT
  const fees = routeHints.map((hops) => hintFeeMsat(hops, amountMsat))
  const dearestMsat = fees.reduce((most, fee) => (fee > most ? fee : most), 0n)
  const feeSat = (dearestMsat + 999n) / 1_000n
  report('INVOICE_ROUTE_HINTS', 'PASSED', `the invoice's route hints add a fee of up to ${feeSat} sat to the price`, {
    actual: `${feeSat} sat`,
  })
  return sat(Number(feeSat > BigInt(MAX_SAT) ? MAX_SAT : feeSat))
}

/** Each hop is paid for what it forwards: the amount, and the fees of the hops after it (BOLT 7). */
function hintFeeMsat(hops: DecodedInvoice['routeHints'][number], amountMsat: bigint): bigint {
  const sentMsat = hops.reduceRight(
    (forwardedMsat, { feeBaseMsat, feeProportionalMillionths }) =>
      forwardedMsat + feeBaseMsat + (forwardedMsat * BigInt(feeProportionalMillionths) + 999_999n) / 1_000_000n,
    amountMsat,
  )
  return sentMsat - amountMsat
}

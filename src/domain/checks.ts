/** The verifications of an LSP's offer, and of what it hands out later. */
export const CHECK_NAMES = [
  'FEE_ADDS_UP',
  'FEE_IS_USUAL',
  'WITHIN_MAXIMUM',
  'NOTHING_PAID_YET',
  'INVOICE_DECODES',
  'INVOICE_AMOUNT',
  'INVOICE_NETWORK',
  'INVOICE_NOT_EXPIRED',
  'INVOICE_ENDS_WITH_ORDER',
  'INVOICE_PAYEE',
  'INVOICE_FALLBACK',
  'INVOICE_ROUTE_HINTS',
  'INVOICE_CLTV',
  'PAYMENT_HASH_IS_NEW',
  'OFFER_DECODES',
  'OFFER_AMOUNT',
  'OFFER_NETWORK',
  'OFFER_NOT_EXPIRED',
  'OFFER_IS_NEW',
  'ONCHAIN_ADDRESS',
  'ONCHAIN_ADDRESS_IS_NEW',
  'ONCHAIN_LIMITS',
  'BIP21_AMOUNT',
  'BIP21_PARAMETERS',
  'REFUND_ADDRESS',
  'TERMS_ECHOED',
  'CLIENT_ECHOED',
  'ASSET_ECHOED',
  'ORDER_ID_IS_NEW',
  'LNURL_CHANNEL',
  'JIT_CHANNEL',
  'CHANNEL_IDS',
  'LEASE_KEPT',
  'AMOUNT_PAID',
] as const
export type CheckName = (typeof CHECK_NAMES)[number]

export const CHECK_VERDICTS = ['PASSED', 'WARNING', 'FAILED'] as const
export type CheckVerdict = (typeof CHECK_VERDICTS)[number]

/** One row of the report: what was compared, so that a wallet can compare it again. */
export interface Check {
  name: CheckName
  verdict: CheckVerdict
  message: string
}

export type Report = (name: CheckName, verdict: CheckVerdict, message: string) => void

/** The failed checks as one text; null if none failed. */
export function failedChecks(checks: readonly Check[]): string | null {
  return (
    checks.flatMap(({ name, verdict, message }) => (verdict === 'FAILED' ? [`${name}: ${message}`] : [])).join('; ') ||
    null
  )
}

/** The same, as a warning on an order. */
export function distrustOf(checks: readonly Check[]): string | null {
  const failed = failedChecks(checks)
  return failed && `what the LSP asks for fails a check: ${failed}`
}

/** `checks`, in which `later` replaces the rows of the same names. */
export function withLaterChecks(checks: readonly Check[], later: readonly Check[]): readonly Check[] {
  if (later.length === 0) return checks
  const names = new Set(later.map(({ name }) => name))
  return [...checks.filter(({ name }) => !names.has(name)), ...later]
}

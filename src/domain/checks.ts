import type { CheckCode } from './messages/check-codes.ts'
import type { PaymentMethod } from './payment.ts'

export type { CheckCode } from './messages/check-codes.ts'

export const CHECK_VERDICTS = ['PASSED', 'WARNING', 'FAILED'] as const
export type CheckVerdict = (typeof CHECK_VERDICTS)[number]

/**
 * What a check compared, as text, so that a wallet can compare it again. Absent: nothing can be compared. Never anything
 * that can be paid: only `due` decides what of that is shown.
 */
export interface Compared {
  /** The payment method that was checked. Absent: the offer as a whole. */
  method?: PaymentMethod
  expected?: string
  actual?: string
}

/** One verification of what an LSP sent. */
export interface Check extends Compared {
  code: CheckCode
  verdict: CheckVerdict
  message: string
}

export type Report = (code: CheckCode, verdict: CheckVerdict, message: string, compared?: Compared) => void

/** A report that adds its rows to `checks`. */
export function reportTo(checks: Check[], method?: PaymentMethod): Report {
  return (code, verdict, message, compared) =>
    checks.push({ code, verdict, message, ...(method && { method }), ...compared })
}

/** The failed checks as one text; null if none failed. */
export function failedChecks(checks: readonly Check[]): string | null {
  return (
    checks.flatMap(({ code, verdict, message }) => (verdict === 'FAILED' ? [`${code}: ${message}`] : [])).join('; ') ||
    null
  )
}

/** The failed checks as a warning on an order; null if none failed. */
export function distrustOf(checks: readonly Check[]): string | null {
  const failed = failedChecks(checks)
  return failed && `what the LSP asks for fails a check: ${failed}`
}

/** `checks`, in which `later` replaces the rows with the same codes. */
export function withLaterChecks(checks: readonly Check[], later: readonly Check[]): readonly Check[] {
  if (later.length === 0) return checks
  const codes = new Set(later.map(({ code }) => code))
  return [...checks.filter(({ code }) => !codes.has(code)), ...later]
}

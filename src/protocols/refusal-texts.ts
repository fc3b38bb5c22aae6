import { LspFailure, type FailureCode } from '../domain/failure.ts'

/** Where neither a code nor the text tells more. */
const ERROR_STATUSES: Readonly<Record<number, FailureCode>> = {
  401: 'CLIENT_REJECTED',
  403: 'CLIENT_REJECTED',
  404: 'NOT_FOUND',
}

/** LSPs that answer with a text alone are read by what it says; the first that fits. */
const ERROR_TEXTS: readonly (readonly [RegExp, FailureCode])[] = [
  [/maximum number of pending|too many|rate.?limit/i, 'RATE_LIMITED'],
  // An LSP's connection to its own database is none to the client's node.
  [
    /\bpeer|\b(client|node|wallet|you)\b.{0,40}\bconnect|\bconnect\w* (to|from|with) (the |your |our )?(client|node|lsp)\b/i,
    'PEER_NOT_CONNECTED',
  ],
  [/token|coupon/i, 'INVALID_TOKEN'],
  [/not found|unknown order/i, 'NOT_FOUND'],
  [/reject|country|whitelist|not allowed|forbidden/i, 'CLIENT_REJECTED'],
  [/too (small|large|low|high|big)|minimum|maximum|exceed|below|above|at least|at most|mismatch/i, 'OPTION_MISMATCH'],
]

/** Who breaks down says so in words that a refusal has, too. */
const BREAKDOWN = /\b(lost|locked|broken)\b|tim(ed|e)[ -]?out|deadline|internal (server )?error/i

/** `text` is clean already. */
export function refusalOfText(text: string, status: number): LspFailure {
  if (status >= 500) return new LspFailure('UNAVAILABLE', text, { effect: 'unknown' })
  const known = ERROR_TEXTS.find(([pattern]) => pattern.test(text))
  // Where the status says that it was done, only words that are known to refuse can say that it was not.
  const isProof = status >= 400 || (known !== undefined && !BREAKDOWN.test(text))
  return new LspFailure(known?.[1] ?? ERROR_STATUSES[status] ?? 'INVALID_REQUEST', text, {
    effect: isProof ? 'none' : 'unknown',
  })
}

import { propertyNamedIn } from './properties.ts'
import { LspFailure, type FailureCode } from '../domain/failure.ts'

/** For a status without a text that the table knows. */
const ERROR_STATUSES: Readonly<Record<number, FailureCode>> = {
  401: 'CLIENT_REJECTED',
  403: 'CLIENT_REJECTED',
  404: 'NOT_FOUND',
}

/** LSPs that answer with a text alone are read by its words; the first that fits. */
const ERROR_TEXTS: readonly (readonly [RegExp, FailureCode])[] = [
  [/maximum number of pending|too many|rate.?limit/i, 'RATE_LIMITED'],
  // An LSP's connection to its own database is none to the client's node, nor is one that was reset by a peer.
  [
    /(?<!\bby )\bpeer|\b(client|node|wallet|you)\b.{0,40}\bconnect|\bconnect\w* (to|from|with) (the |your |our )?(client|node|lsp)\b/i,
    'PEER_NOT_CONNECTED',
  ],
  // Parsers say "unexpected token" of a character.
  [/(?<!unexpected )token|coupon/i, 'INVALID_TOKEN'],
  [/not found|unknown order|no such order/i, 'NOT_FOUND'],
  [/reject|country|whitelist|not allowed|forbidden/i, 'CLIENT_REJECTED'],
  [
    /too (small|large|low|high|big)|minimum|maximum|exceed|below|above|(at least|at most)(?! \d+ (character|item))|(greater|less) than|out of range|mismatch/i,
    'OPTION_MISMATCH',
  ],
]

/** A server that breaks down uses words that a refusal has, too. */
const BREAKDOWN = /\b(lost|locked|broken|reset)\b|tim(ed|e)[ -]?out|deadline|internal (server )?error/i

/** Given up on the way, or broken at the LSP: what was requested may have been done. */
const isUnproven = (status: number) => status >= 500 || status === 408 || status === 499

/** `text` is clean already. null as `field` takes the one that the text names. */
export function refusalOfText(text: string, status: number, field: string | null = null): LspFailure {
  if (isUnproven(status)) return new LspFailure('UNAVAILABLE', text, { effect: 'unknown' })
  const known = ERROR_TEXTS.find(([pattern]) => pattern.test(text))
  // Under a status of success, only words that are known to refuse prove that nothing was done.
  const isProof = status >= 400 || (known !== undefined && !BREAKDOWN.test(text))
  return new LspFailure(known?.[1] ?? ERROR_STATUSES[status] ?? 'INVALID_REQUEST', text, {
    field: field ?? propertyNamedIn(text),
    effect: isProof ? 'none' : 'unknown',
  })
}

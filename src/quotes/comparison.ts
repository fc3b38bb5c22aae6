import type { Ask, QuoteFailure, QuoteOutcome, Quoting } from './quoting.ts'
import { rankQuotes, NO_RECORD, type LspRecord, type Quote, type QuoteRanking } from '../domain/quote.ts'
import type { Store } from '../store/store.ts'
import type { Lsp } from '../upstream/lsp.ts'

export interface Comparison {
  quotes: Quote[]
  failures: QuoteFailure[]
  elapsedMs: number
}

/** The same question for every LSP but for the token, which only the LSP that it is of gets to see. */
export type AskOf = (lsp: Lsp) => Ask

/** Asks all LSPs at once. One that is slow, broken or hanging costs the others nothing. */
export async function compare(
  quoting: Quoting,
  store: Store,
  lsps: readonly Lsp[],
  askOf: AskOf,
  rankBy: QuoteRanking,
): Promise<Comparison> {
  const startedAt = performance.now()
  const isMeasured = rankBy === 'SPEED' || rankBy === 'RELIABILITY'
  const [outcomes, records] = await Promise.all([
    Promise.all(lsps.map((lsp) => quoting.ask(lsp, askOf(lsp)))),
    Promise.all(
      isMeasured
        ? lsps.map(async (lsp): Promise<[string, LspRecord]> => [lsp.id, await store.lsps.record(lsp.id)])
        : [],
    ),
  ])
  const recordOf = new Map(records)
  return {
    quotes: rankQuotes(
      outcomes.flatMap((outcome) => (outcome.kind === 'quote' ? [outcome.quote] : [])),
      rankBy,
      (lspId) => recordOf.get(lspId) ?? NO_RECORD,
    ),
    failures: outcomes
      .flatMap((outcome) => (outcome.kind === 'failure' ? [outcome.failure] : []))
      .toSorted((a, b) => (a.lspId < b.lspId ? -1 : 1)),
    elapsedMs: performance.now() - startedAt,
  }
}

/** The same answers, one LSP at a time, each as it arrives. */
export async function* arrivals(quoting: Quoting, lsps: readonly Lsp[], askOf: AskOf): AsyncGenerator<QuoteOutcome> {
  const pending = new Map(
    lsps.map((lsp) => [lsp.id, quoting.ask(lsp, askOf(lsp)).then((outcome) => ({ id: lsp.id, outcome }))]),
  )
  while (pending.size > 0) {
    const { id, outcome } = await Promise.race(pending.values())
    pending.delete(id)
    yield outcome
  }
}

import type { Check } from './checks.ts'
import type { OrderAsset } from './order.ts'
import { termDifferences, type AssetRequest, type ChannelTerms } from './request.ts'

// What an LSP repeats of the request, compared with the request and with the quote.

/** The most that a request can ask for: a GraphQL Int. */
const MAX_BLOCKS = 0x7fff_ffff

/**
 * Terms that are a little better or worse than the ones asked for are a warning. Less than half of the channel or of
 * its lease, or less of the client's own money in it, is not what anybody asked the price of.
 */
export function verifyTerms(asked: ChannelTerms, delivered: ChannelTerms): Check {
  const differing = termDifferences(asked, delivered)
  const differences = differing.map(({ name, from, to }) => `${name}: asked for ${from}, answered ${to}`)
  const isAnother =
    delivered.lspBalanceSat < asked.lspBalanceSat / 2 ||
    delivered.channelExpiryBlocks < Math.max(1, asked.channelExpiryBlocks / 2) ||
    delivered.channelExpiryBlocks > MAX_BLOCKS ||
    delivered.clientBalanceSat < asked.clientBalanceSat
  return {
    code: 'TERMS_ECHOED',
    verdict: isAnother ? 'FAILED' : differences.length === 0 ? 'PASSED' : 'WARNING',
    message: differences.join('; ') || 'the terms that the LSP repeats are the ones asked for',
    ...(differing.length > 0 && {
      expected: differing.map(({ name, from }) => `${name} ${from}`).join('; '),
      actual: differing.map(({ name, to }) => `${name} ${to}`).join('; '),
    }),
  }
}

/**
 * The asset that the LSP repeats, compared with the request. Less than requested of either amount is FAILED, and so is
 * another asset. More passes: the agreed maximum limits the price. An amount that is not repeated is a WARNING, but
 * FAILED if the client buys it (0.2.0 CreateOrderRequest: `client_asset_amount`). null: no asset on either side.
 */
export function verifyAsset(asked: AssetRequest | null, repeated: OrderAsset | null): Check | null {
  if (asked === null && repeated === null) return null
  const { verdict, reason } = assetVerdict(asked, repeated)
  const message = `requested ${assetWords(asked)}; the LSP answered ${assetWords(repeated)}${reason && `: ${reason}`}`
  return { code: 'ASSET_ECHOED', verdict, message, expected: assetWords(asked), actual: assetWords(repeated) }
}

function assetVerdict(
  asked: AssetRequest | null,
  repeated: OrderAsset | null,
): { verdict: Check['verdict']; reason: string } {
  if (asked === null) return { verdict: 'FAILED', reason: 'no asset was requested' }
  if (repeated !== null && repeated.assetId !== asked.assetId) return { verdict: 'FAILED', reason: 'another asset' }
  const lsp = compareAmounts(asked.lspAmount, repeated?.lspAmount ?? null)
  const client = compareAmounts(asked.clientAmount, repeated?.clientAmount ?? null)
  if (lsp === 'LESS') return { verdict: 'FAILED', reason: "less on the LSP's side than requested" }
  if (client === 'LESS') return { verdict: 'FAILED', reason: 'less for the client than it buys' }
  if (client === 'MISSING')
    return { verdict: 'FAILED', reason: 'the LSP does not repeat the amount that the client buys' }
  if (repeated === null) return { verdict: 'WARNING', reason: 'the LSP does not repeat the asset' }
  if (lsp === 'MISSING') return { verdict: 'WARNING', reason: 'the LSP does not repeat the amount on its side' }
  return { verdict: 'PASSED', reason: '' }
}

function compareAmounts(asked: string | null, repeated: string | null): 'LESS' | 'MISSING' | 'ENOUGH' {
  const least = BigInt(asked ?? 0)
  if (least === 0n) return 'ENOUGH'
  if (repeated === null) return 'MISSING'
  return BigInt(repeated) < least ? 'LESS' : 'ENOUGH'
}

function assetWords(asset: Pick<OrderAsset, 'assetId' | 'lspAmount' | 'clientAmount'> | null): string {
  if (asset === null) return 'no asset'
  const { assetId, lspAmount, clientAmount } = asset
  return `${assetId} with ${lspAmount ?? 'no amount'} on the LSP's side and ${clientAmount ?? 'no amount'} for the client`
}

/**
 * How the channel is worse than the one that the client agreed to: smaller, shorter, announced differently, or later
 * usable. null if it is not worse. A value that is null on one side is not compared.
 */
export function worseTerms(agreed: ChannelTerms, delivered: ChannelTerms): string | null {
  const isWorse: Record<keyof ChannelTerms, (from: number, to: number) => boolean> = {
    lspBalanceSat: (from, to) => to < from,
    clientBalanceSat: (from, to) => to < from,
    channelExpiryBlocks: (from, to) => to < from,
    requiredChannelConfirmations: (from, to) => to > from,
    fundingConfirmsWithinBlocks: (from, to) => to > from,
    announceChannel: (from, to) => to !== from,
  }
  const worse = termDifferences(agreed, delivered).filter(({ name, from, to }) =>
    isWorse[name](Number(from), Number(to)),
  )
  return worse.length === 0 ? null : `the LSP offers ${worse.map(wordsOf).join(', ')}`
}

function wordsOf({ name, from, to }: ReturnType<typeof termDifferences>[number]): string {
  switch (name) {
    case 'lspBalanceSat':
      return `${to} sat instead of ${from} sat`
    case 'clientBalanceSat':
      return `a client balance of ${to} sat instead of ${from} sat`
    case 'channelExpiryBlocks':
      return `${to} blocks instead of ${from} blocks`
    case 'requiredChannelConfirmations':
      return `a channel after ${to} confirmations instead of ${from}`
    case 'fundingConfirmsWithinBlocks':
      return `a funding confirmation within ${to} blocks instead of ${from}`
    case 'announceChannel':
      return to ? 'an announced channel instead of a private one' : 'a private channel instead of an announced one'
  }
}

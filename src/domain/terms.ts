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
  const differences = termDifferences(asked, delivered).map(
    ({ name, from, to }) => `${name}: asked for ${from}, answered ${to}`,
  )
  const isAnother =
    delivered.lspBalanceSat < asked.lspBalanceSat / 2 ||
    delivered.channelExpiryBlocks < Math.max(1, asked.channelExpiryBlocks / 2) ||
    delivered.channelExpiryBlocks > MAX_BLOCKS ||
    delivered.clientBalanceSat < asked.clientBalanceSat
  return {
    name: 'TERMS_ECHOED',
    verdict: isAnother ? 'FAILED' : differences.length === 0 ? 'PASSED' : 'WARNING',
    message: differences.join('; ') || 'the terms that the LSP repeats are the ones asked for',
  }
}

/**
 * An RGB channel is bought for its asset: another one, less of it, or more of the client's own, is not what was asked
 * for. null where no asset is. Some protocols do not repeat it.
 */
export function verifyAsset(asked: AssetRequest | null, told: OrderAsset | null): Check | null {
  if (told === null)
    return asked
      ? {
          name: 'ASSET_ECHOED',
          verdict: 'WARNING',
          message: `asked for ${asked.assetId}; the LSP does not repeat the asset`,
        }
      : null
  const isLess = asked !== null && told.lspAmount !== null && BigInt(told.lspAmount) < BigInt(asked.lspAmount)
  const isMore =
    asked !== null && told.clientAmount !== null && BigInt(told.clientAmount) > BigInt(asked.clientAmount ?? 0)
  const isSame = asked?.assetId === told.assetId && !isLess && !isMore
  const words = (asset: AssetRequest | OrderAsset | null) =>
    asset === null
      ? 'no asset'
      : `${asset.lspAmount ?? 'an amount'} of ${asset.assetId}, ${asset.clientAmount ?? 'none'} of them the client's`
  return {
    name: 'ASSET_ECHOED',
    verdict: isSame ? 'PASSED' : 'FAILED',
    message: `asked for ${words(asked)}; answered ${words(told)}`,
  }
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

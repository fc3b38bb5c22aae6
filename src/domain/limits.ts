import type { LspLimits } from './lsp.ts'
import type { ChannelRequest } from './request.ts'

/** A limit that a request breaks, in the public schema's name for it. */
export interface BrokenLimit {
  property: keyof LspLimits
  message: string
}

/** The first limit that the request breaks, or null. A limit that the LSP does not state breaks nothing. */
export function brokenLimit(request: ChannelRequest, limits: LspLimits): BrokenLimit | null {
  const channelBalanceSat = request.lspBalanceSat + request.clientBalanceSat
  const rows: readonly [keyof LspLimits, 'min' | 'max', number | null][] = [
    ['minLspBalanceSat', 'min', request.lspBalanceSat],
    ['maxLspBalanceSat', 'max', request.lspBalanceSat],
    ['minClientBalanceSat', 'min', request.clientBalanceSat],
    ['maxClientBalanceSat', 'max', request.clientBalanceSat],
    ['minChannelBalanceSat', 'min', channelBalanceSat],
    ['maxChannelBalanceSat', 'max', channelBalanceSat],
    ['maxChannelExpiryBlocks', 'max', request.channelExpiryBlocks],
    ['minRequiredChannelConfirmations', 'min', request.requiredChannelConfirmations],
    ['minFundingConfirmsWithinBlocks', 'min', request.fundingConfirmsWithinBlocks],
  ]
  for (const [property, kind, asked] of rows) {
    const limit = limits[property]
    if (limit === null || asked === null) continue
    if (kind === 'min' ? asked < limit : asked > limit) {
      return { property, message: `${asked} is ${kind === 'min' ? 'below' : 'above'} the LSP's limit of ${limit}` }
    }
  }
  return null
}

/** The most that the public schema counts to, a GraphQL Int; no request asks for more. */
const MAX_COUNT = 0x7fff_ffff

/** Limits as they bind anybody: some LSPs say "no limit" by the largest number of 32 bits. */
export function bindingLimits(limits: LspLimits): LspLimits {
  const count = (limit: number | null) => limit && Math.min(limit, MAX_COUNT)
  return {
    ...limits,
    maxChannelExpiryBlocks: count(limits.maxChannelExpiryBlocks),
    minRequiredChannelConfirmations: count(limits.minRequiredChannelConfirmations),
    minFundingConfirmsWithinBlocks: count(limits.minFundingConfirmsWithinBlocks),
    minOnchainPaymentConfirmations: count(limits.minOnchainPaymentConfirmations),
  }
}

/** What the client left open becomes the least that the LSP accepts, where it says what that is. */
export function withDefaults(request: ChannelRequest, limits: LspLimits): ChannelRequest {
  return {
    ...request,
    requiredChannelConfirmations: request.requiredChannelConfirmations ?? limits.minRequiredChannelConfirmations,
    fundingConfirmsWithinBlocks: request.fundingConfirmsWithinBlocks ?? limits.minFundingConfirmsWithinBlocks,
  }
}

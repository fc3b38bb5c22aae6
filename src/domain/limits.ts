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

const PAIRS: readonly (readonly [keyof LspLimits, keyof LspLimits])[] = [
  ['minLspBalanceSat', 'maxLspBalanceSat'],
  ['minClientBalanceSat', 'maxClientBalanceSat'],
  ['minChannelBalanceSat', 'maxChannelBalanceSat'],
]

/** bLIP-51 §1: each minimum MUST be at most its maximum. The first pair that is not, or null. */
export function contradictoryLimits(limits: LspLimits): string | null {
  for (const [least, most] of PAIRS) {
    const [min, max] = [limits[least], limits[most]]
    if (min !== null && max !== null && min > max) return `${least} ${min} is above ${most} ${max}`
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

/** A node that is not set up for zero-conf may reject a zero-conf channel after the client has paid. */
const DEFAULT_CONFIRMATIONS = 1
/** BOLT 7 announces a channel once its funding transaction has 6 confirmations. */
const ANNOUNCED_CONFIRMATIONS = 6
/** The value of the request example in bLIP-51 §2. 1 is the most urgent: the LSP pays the highest fee rate for it. */
const DEFAULT_FUNDING_BLOCKS = 6

type CompleteRequest = ChannelRequest & { requiredChannelConfirmations: number; fundingConfirmsWithinBlocks: number }

/**
 * The request with a value for each count of confirmations and blocks that the client left open. The LSP's minimum
 * applies where it is greater; bLIP-51 §2 states no maximum. For protocols that have these fields.
 */
export function withDefaults(request: ChannelRequest, limits: LspLimits | null): CompleteRequest {
  const confirmations = request.announceChannel ? ANNOUNCED_CONFIRMATIONS : DEFAULT_CONFIRMATIONS
  return {
    ...request,
    requiredChannelConfirmations:
      request.requiredChannelConfirmations ?? Math.max(confirmations, limits?.minRequiredChannelConfirmations ?? 0),
    fundingConfirmsWithinBlocks:
      request.fundingConfirmsWithinBlocks ??
      Math.max(DEFAULT_FUNDING_BLOCKS, limits?.minFundingConfirmsWithinBlocks ?? 0),
  }
}

import type { LspLimits } from './lsp.ts'
import type { ChannelRequest } from './request.ts'

export const LIMIT_NAMES = [
  'LSP_BALANCE',
  'CLIENT_BALANCE',
  'CHANNEL_BALANCE',
  'CHANNEL_EXPIRY',
  'REQUIRED_CHANNEL_CONFIRMATIONS',
  'FUNDING_CONFIRMATION',
  'ONCHAIN_PAYMENT',
  'LSP_ASSET_AMOUNT',
  'CLIENT_ASSET_AMOUNT',
  'CHANNEL_ASSET_AMOUNT',
] as const
export type LimitName = (typeof LIMIT_NAMES)[number]
export type LimitUnit = 'SAT' | 'BLOCKS' | 'CONFIRMATIONS' | 'ASSET_UNITS'

/** A limit of the LSP, and what was requested. Each number is an unsigned 64-bit integer in decimal. */
export interface LimitViolation {
  limit: LimitName
  unit: LimitUnit
  /** null: the LSP states none. */
  minimum: string | null
  maximum: string | null
  requested: string
}

/** A limit that a request violates. `field` is the path of the request's field. */
export interface BrokenLimit {
  field: string
  limit: LimitViolation
  message: string
}

interface LimitRow {
  limit: LimitName
  unit: LimitUnit
  field: string
  minimum: number | bigint | string | null
  maximum: number | bigint | string | null
  requested: number | bigint
  /** What was requested, for the message. Default: nothing but the number. */
  name?: string
}

/** The violation of one limit, or null. A limit that the LSP does not state is not checked. */
export function violationOf({ limit, unit, field, minimum, maximum, requested, name }: LimitRow): BrokenLimit | null {
  const isBelow = minimum !== null && BigInt(requested) < BigInt(minimum)
  const isAbove = maximum !== null && BigInt(requested) > BigInt(maximum)
  if (!isBelow && !isAbove) return null
  const subject = name === undefined ? requested : `${name}, ${requested},`
  return {
    field,
    limit: { limit, unit, minimum: textOf(minimum), maximum: textOf(maximum), requested: String(requested) },
    message: `${subject} is ${isBelow ? 'below' : 'above'} the LSP's limit of ${isBelow ? minimum : maximum}`,
  }
}

const textOf = (bound: number | bigint | string | null) => (bound === null ? null : String(bound))

/** The first limit that the request violates, or null. */
export function brokenLimit(request: ChannelRequest, limits: LspLimits): BrokenLimit | null {
  const { lspBalanceSat, clientBalanceSat, requiredChannelConfirmations, fundingConfirmsWithinBlocks } = request
  const rows: (LimitRow | null)[] = [
    {
      limit: 'LSP_BALANCE',
      unit: 'SAT',
      field: 'lspBalanceSat',
      minimum: limits.minLspBalanceSat,
      maximum: limits.maxLspBalanceSat,
      requested: lspBalanceSat,
    },
    {
      limit: 'CLIENT_BALANCE',
      unit: 'SAT',
      field: 'clientBalanceSat',
      minimum: limits.minClientBalanceSat,
      maximum: limits.maxClientBalanceSat,
      requested: clientBalanceSat,
    },
    {
      limit: 'CHANNEL_BALANCE',
      unit: 'SAT',
      field: 'lspBalanceSat',
      minimum: limits.minChannelBalanceSat,
      maximum: limits.maxChannelBalanceSat,
      requested: lspBalanceSat + clientBalanceSat,
    },
    {
      limit: 'CHANNEL_EXPIRY',
      unit: 'BLOCKS',
      field: 'channelExpiryBlocks',
      minimum: null,
      maximum: limits.maxChannelExpiryBlocks,
      requested: request.channelExpiryBlocks,
    },
    requiredChannelConfirmations === null
      ? null
      : {
          limit: 'REQUIRED_CHANNEL_CONFIRMATIONS',
          unit: 'CONFIRMATIONS',
          field: 'requiredChannelConfirmations',
          minimum: limits.minRequiredChannelConfirmations,
          maximum: null,
          requested: requiredChannelConfirmations,
        },
    fundingConfirmsWithinBlocks === null
      ? null
      : {
          limit: 'FUNDING_CONFIRMATION',
          unit: 'BLOCKS',
          field: 'fundingConfirmsWithinBlocks',
          minimum: limits.minFundingConfirmsWithinBlocks,
          maximum: null,
          requested: fundingConfirmsWithinBlocks,
        },
  ]
  return rows.map((row) => row && violationOf(row)).find((violation) => violation !== null) ?? null
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

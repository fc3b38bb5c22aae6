import type { EpochMs } from './time.ts'
import type { Sat } from './money.ts'

export const NETWORKS = ['MAINNET', 'TESTNET', 'TESTNET4', 'SIGNET', 'REGTEST'] as const
export type Network = (typeof NETWORKS)[number]

export const LSP_PROTOCOLS = [
  'LSPS1',
  'KALEIDOSWAP',
  'THUNDERSTACK',
  'CHANNEL_REQUEST_V0_0_1',
  'CHANNEL_REQUEST_V0_0_2',
] as const
export type LspProtocol = (typeof LSP_PROTOCOLS)[number]

export const LSP_FEATURES = [
  'CLIENT_BALANCE',
  'ONCHAIN_PAYMENT',
  'FEE_ESTIMATE',
  'LNURL_CHANNEL',
  'REFUND',
  'JIT_CHANNEL',
  'RENEWAL',
  'OPEN_ON_REQUEST',
  'RATE_DECISION',
  'RGB_ASSETS',
  'ZERO_RESERVE',
] as const
export type LspFeature = (typeof LSP_FEATURES)[number]

/** What an LSP says beyond these is left out: what an operation is counted as costing relies on it. */
export const MOST_NODE_URIS = 20
export const MOST_ASSETS = 100

/** A limit that the LSP does not state is null, never 0. */
export interface LspLimits {
  minLspBalanceSat: Sat | null
  maxLspBalanceSat: Sat | null
  minClientBalanceSat: Sat | null
  maxClientBalanceSat: Sat | null
  minChannelBalanceSat: Sat | null
  maxChannelBalanceSat: Sat | null
  maxChannelExpiryBlocks: number | null
  minRequiredChannelConfirmations: number | null
  minFundingConfirmsWithinBlocks: number | null
  minOnchainPaymentSat: Sat | null
  minOnchainPaymentConfirmations: number | null
}

export const NO_LIMITS: LspLimits = {
  minLspBalanceSat: null,
  maxLspBalanceSat: null,
  minClientBalanceSat: null,
  maxClientBalanceSat: null,
  minChannelBalanceSat: null,
  maxChannelBalanceSat: null,
  maxChannelExpiryBlocks: null,
  minRequiredChannelConfirmations: null,
  minFundingConfirmsWithinBlocks: null,
  minOnchainPaymentSat: null,
  minOnchainPaymentConfirmations: null,
}

/** The RGB contract schemas: non-inflatable (NIA), unique (UDA) and collectible fungible (CFA) assets. */
export const ASSET_SCHEMAS = ['NIA', 'UDA', 'CFA'] as const
export type AssetSchema = (typeof ASSET_SCHEMAS)[number]

/** An RGB asset that an LSP offers channels for. Amounts are decimal strings of its smallest unit (unsigned 64 bit). */
export interface LspAsset {
  assetId: string
  /** null: the protocol does not say. */
  schema: AssetSchema | null
  name: string | null
  ticker: string | null
  precision: number | null
  minLspAmount: string | null
  maxLspAmount: string | null
  minClientAmount: string | null
  maxClientAmount: string | null
  /** Of both sides together. */
  minChannelAmount: string | null
  maxChannelAmount: string | null
  issuedSupply: string | null
}

/** What an LSP says about itself when it is asked. */
export interface LspInfo {
  /** null where the protocol has no way to tell any. */
  limits: LspLimits | null
  /** pubkey@host:port, every one that the LSP names. */
  nodeUris: readonly string[]
  features: readonly LspFeature[]
  assets: readonly LspAsset[]
  website: string | null
}

/** `LspInfo` and the moment it was said. */
export interface DatedLspInfo extends LspInfo {
  asOf: EpochMs
  /** Features that the LSP's offers have shown, and its own statements cannot; absent: none. */
  learnedFeatures?: readonly LspFeature[]
}

/** The pubkey of `pubkey@host:port`, or of a bare pubkey, in lower case; null when there is none. */
export function pubkeyOfUri(uri: string): string | null {
  const key = uri.split('@', 1)[0]?.toLowerCase() ?? ''
  return /^0[23][0-9a-f]{64}$/.test(key) ? key : null
}

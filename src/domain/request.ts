import type { Sat } from './money.ts'

/** Amounts are decimal strings of the asset's smallest unit (unsigned 64 bit). */
export interface AssetRequest {
  assetId: string
  lspAmount: string
  clientAmount: string | null
  rfqId: string | null
}

/** A channel as a wallet asks for it; what it left open is null. */
export interface ChannelRequest {
  /** 66 hexadecimal digits, lower case. */
  clientPubkey: string
  /** host:port */
  clientAddress: string | null
  lspBalanceSat: Sat
  clientBalanceSat: Sat
  channelExpiryBlocks: number
  requiredChannelConfirmations: number | null
  fundingConfirmsWithinBlocks: number | null
  /** Of the funding transaction; at least 1. Absent: the LSP decides. */
  fundingFeeRateSatPerVbyte?: number
  announceChannel: boolean
  refundOnchainAddress: string | null
  /** The token for the one LSP that is asked; tokens of others never reach it. */
  token: string | null
  asset: AssetRequest | null
}

/** pubkey@host:port where the address is known, else the bare pubkey. */
export function clientNodeUri(request: Pick<ChannelRequest, 'clientPubkey' | 'clientAddress'>): string {
  return request.clientAddress === null ? request.clientPubkey : `${request.clientPubkey}@${request.clientAddress}`
}

/** Whether a node URI has an address, and not only the node's public key. */
export function hasAddress(nodeUri: string): boolean {
  return nodeUri.includes('@')
}

/** The part of a channel that an LSP can promise, and mirror in its answers. */
export interface ChannelTerms {
  lspBalanceSat: Sat
  clientBalanceSat: Sat
  channelExpiryBlocks: number
  requiredChannelConfirmations: number | null
  fundingConfirmsWithinBlocks: number | null
  announceChannel: boolean
}

export function termsOf(request: ChannelRequest): ChannelTerms {
  return {
    lspBalanceSat: request.lspBalanceSat,
    clientBalanceSat: request.clientBalanceSat,
    channelExpiryBlocks: request.channelExpiryBlocks,
    requiredChannelConfirmations: request.requiredChannelConfirmations,
    fundingConfirmsWithinBlocks: request.fundingConfirmsWithinBlocks,
    announceChannel: request.announceChannel,
  }
}

export interface TermDifference {
  name: keyof ChannelTerms
  from: number | boolean
  to: number | boolean
}

/** Where two sets of terms say different things; what one of them leaves open is no difference. */
export function termDifferences(before: ChannelTerms, after: ChannelTerms): TermDifference[] {
  return (Object.keys(after) as (keyof ChannelTerms)[]).flatMap((name) => {
    const [from, to] = [before[name], after[name]]
    return from !== null && to !== null && from !== to ? [{ name, from, to }] : []
  })
}

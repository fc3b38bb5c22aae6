import { createHash } from 'node:crypto'
import type { ChannelRequest } from '../domain/request.ts'
import { SECOND_MS } from '../domain/time.ts'

/** An offer that is about to end is not used: the client needs time to order it. */
export const LAST_CALL_MS = 10 * SECOND_MS

function hash(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

function channelParts({
  lspBalanceSat,
  clientBalanceSat,
  channelExpiryBlocks,
  requiredChannelConfirmations,
  fundingConfirmsWithinBlocks,
  announceChannel,
  token,
  asset,
  fundingFeeRateSatPerVbyte,
}: ChannelRequest) {
  return [
    lspBalanceSat,
    clientBalanceSat,
    channelExpiryBlocks,
    requiredChannelConfirmations,
    fundingConfirmsWithinBlocks,
    announceChannel,
    token,
    asset && [asset.assetId, asset.lspAmount, asset.clientAmount, asset.rfqId],
    // Absent from the keys of requests without it, which are stored.
    ...(fundingFeeRateSatPerVbyte === undefined ? [] : [fundingFeeRateSatPerVbyte]),
  ]
}

/** The same for everybody who wants the same channel: what an observed price is kept under. A token changes prices. */
export function channelKey(request: ChannelRequest): string {
  return hash(channelParts(request))
}

/** The same only for the same client, node and LSP: two such questions are one, and get one order. */
export function questionKey(clientId: string, lspId: string, request: ChannelRequest): string {
  return hash([
    clientId,
    lspId,
    request.clientPubkey,
    request.clientAddress,
    request.refundOnchainAddress,
    ...channelParts(request),
  ])
}

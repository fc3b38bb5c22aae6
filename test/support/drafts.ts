import { sat } from '../../src/domain/money.ts'
import type { ChannelRequest } from '../../src/domain/request.ts'
import { channelRequest } from './adapter-call.ts'

// What the tests of the two drafts of the channel request ask for, and of whom.

export const CLIENT_PUBKEY = channelRequest().clientPubkey
export const NODE_URI = `${CLIENT_PUBKEY}@203.0.113.5:9735`
export const LSP_PUBKEY = '0296b2db342fcf87ea94d981757fdf4d3e545bd5cef4919f58b5d38dfdd73bf5c9'

export function draftRequest(changes: Partial<ChannelRequest> = {}): ChannelRequest {
  return channelRequest({
    clientAddress: '203.0.113.5:9735',
    lspBalanceSat: sat(5_000_000),
    clientBalanceSat: sat(2_000_000),
    ...changes,
  })
}

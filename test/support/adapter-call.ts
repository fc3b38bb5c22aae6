import { LspFailure } from '../../src/domain/failure.ts'
import { LSP_FEATURES } from '../../src/domain/lsp.ts'
import { sat } from '../../src/domain/money.ts'
import type { ChannelRequest } from '../../src/domain/request.ts'
import type { Adapter, LspCall, OrderRef } from '../../src/protocols/adapter.ts'
import { LspConnection } from '../../src/upstream/http.ts'
import { QueueServer, type Handler, type RecordedRequest } from './queue-server.ts'

/** What the time is in every call made here. */
export const NOW = Date.parse('2026-11-21T12:00:00Z')

export interface AdapterCall extends LspCall, AsyncDisposable {}

/** A call as the gateway makes it, over HTTP, to whatever listens at `url`. */
export function adapterCall(
  adapter: Adapter,
  url: string,
  options: Partial<LspCall> & { timeoutMs?: number } = {},
): AdapterCall {
  const { timeoutMs = 5_000, ...call } = options
  const clock = { now: () => NOW }
  const connection = new LspConnection({ url, auth: null }, adapter.readRefusal.bind(adapter), clock)
  return {
    http: connection.within({ timeoutMs }, () => {}),
    url,
    network: 'REGTEST',
    now: clock.now,
    tariffFeeRateSatPerVbyte: null,
    memory: new Map(),
    ...call,
    [Symbol.asyncDispose]: () => connection.close(),
  }
}

/** Does something with an adapter while a server gives these answers, one to a request. */
export async function talk<Result>(
  adapter: Adapter,
  answers: readonly Handler[],
  act: (call: LspCall) => Promise<Result>,
  options: Partial<LspCall> = {},
): Promise<{ result: Result; requests: readonly RecordedRequest[] }> {
  await using server = await QueueServer.start()
  await using call = adapterCall(adapter, server.url, options)
  for (const answer of answers) server.next(answer)
  return { result: await act(call), requests: server.requests }
}

/** The failure that it ends with. Anything else that is thrown goes on to the test. */
export async function failureOf(outcome: Promise<unknown>): Promise<LspFailure> {
  try {
    await outcome
  } catch (error) {
    if (error instanceof LspFailure) return error
    throw error
  }
  throw new Error('it did not fail')
}

export function channelRequest(changes: Partial<ChannelRequest> = {}): ChannelRequest {
  return {
    clientPubkey: '02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8',
    clientAddress: null,
    lspBalanceSat: sat(1_000_000),
    clientBalanceSat: sat(0),
    channelExpiryBlocks: 12_960,
    requiredChannelConfirmations: null,
    fundingConfirmsWithinBlocks: null,
    announceChannel: false,
    refundOnchainAddress: null,
    token: null,
    asset: null,
    ...changes,
  }
}

export function orderRef(changes: Partial<OrderRef> = {}): OrderRef {
  return {
    lspOrderId: 'order-1',
    accessToken: null,
    clientNodeUri: channelRequest().clientPubkey,
    announceChannel: false,
    features: LSP_FEATURES,
    lnurlChannel: null,
    jit: null,
    paid: false,
    ...changes,
  }
}

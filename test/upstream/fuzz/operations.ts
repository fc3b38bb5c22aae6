import { channelRequest, NOW } from '../../support/adapter-call.ts'
import { sat } from '../../../src/domain/money.ts'
import type { Adapter, LspCall, OrderRef } from '../../../src/protocols/adapter.ts'
import { ADAPTERS } from '../../../src/protocols/index.ts'

// Everything that an adapter can be asked for.

export const NODE_URI = '02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8@203.0.113.5:9735'

export type Act = (call: LspCall, order: OrderRef) => Promise<unknown>

export interface Operation {
  adapter: Adapter
  name: string
  act: Act
}

function operationsOf(adapter: Adapter): readonly (readonly [name: string, act: Act])[] {
  const request = channelRequest({ clientAddress: '203.0.113.5:9735', clientBalanceSat: sat(1_000) })
  /** What `market_quote.response.json` is the answer to. */
  const asset = {
    assetId: 'rgb:2NZGjyz-pJePUgegh-RLHbpx1Hy-iZMagWiZZ-qY4AxGymW-yCEYwwB',
    lspAmount: '0',
    clientAmount: '875000',
    rfqId: null,
  }
  const purchase: Act = async (call) => adapter.estimate?.(call, { ...request, asset })
  const renewal = { shortChannelId: '1x2x3', validTo: NOW + 60_000, signedMessage: 'signed' }
  const optional: readonly (readonly [string, Act | undefined])[] = [
    ['estimate', adapter.estimate && (async (call) => adapter.estimate?.(call, request))],
    ['estimate of a purchase', adapter.takesAssetQuotes ? purchase : undefined],
    ['decideRate', adapter.decideRate && (async (call, order) => adapter.decideRate?.(call, order, true))],
    ['openChannel', adapter.openChannel && (async (call, order) => adapter.openChannel?.(call, order, NODE_URI))],
    [
      'requestRefund',
      adapter.requestRefund &&
        (async (call, order) =>
          adapter.requestRefund?.(call, order, { bolt11Invoice: null, onchainAddress: 'bcrt1qx' })),
    ],
    ['retryDelivery', adapter.retryDelivery && (async (call, order) => adapter.retryDelivery?.(call, order))],
    ['renew', adapter.renew && (async (call) => adapter.renew?.(call, renewal))],
    ['readRenewal', adapter.readRenewal && (async (call) => adapter.readRenewal?.(call, 'renewal-1'))],
  ]
  return [
    ['info', (call) => adapter.info(call)],
    ['createOrder', (call) => adapter.createOrder(call, request, null)],
    ['readOrder', (call, order) => adapter.readOrder(call, order)],
    ...optional.flatMap(([name, act]) => (act ? [[name, act] as const] : [])),
  ]
}

export const OPERATIONS: readonly Operation[] = ADAPTERS.flatMap((adapter) =>
  operationsOf(adapter).map(([name, act]) => ({ adapter, name, act })),
)

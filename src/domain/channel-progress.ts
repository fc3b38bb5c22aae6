import { MOST_NODE_URIS, pubkeyOfUri } from './lsp.ts'
import type { Channel, ChannelState, OrderState } from './order.ts'
import type { Order } from './order-record.ts'
import type { OrderReading } from './reading.ts'
import type { ChannelTerms } from './request.ts'

// How the channel of an order, and the nodes at its ends, move when the LSP is polled. Pure.

const BEFORE_OPENING: ReadonlySet<OrderState> = new Set(['AWAITING_PAYMENT', 'PAYMENT_HELD', 'PAID', 'EXPIRED'])
const BEGUN: ReadonlySet<ChannelState> = new Set(['PENDING', 'OPENING', 'OPEN'])

/**
 * bLIP-51 §4: `channel` is null until the funding transaction is published. An LSP whose order still has an earlier state
 * beside a channel is opening it.
 */
export function withChannel(state: OrderState, { state: reported, channel }: OrderReading): OrderState {
  const isEarlier = reported === 'AWAITING_PAYMENT' || reported === 'PAID'
  const isBegun = channel !== null && BEGUN.has(channel.state)
  return isEarlier && isBegun && BEFORE_OPENING.has(state) ? 'CHANNEL_OPENING' : state
}

/** The lease as it was ordered, once the LSP reports a shorter one. */
export function orderedBlocksOf(
  { orderedBlocks, terms: before }: Order,
  after: ChannelTerms,
): Pick<Order, 'orderedBlocks'> {
  const isShorter = after.channelExpiryBlocks < before.channelExpiryBlocks
  return orderedBlocks === undefined && isShorter ? { orderedBlocks: before.channelExpiryBlocks } : {}
}

/** Every node of the LSP once, an address rather than the bare public key. */
export function knownNodes(known: readonly string[], reported: readonly string[]): readonly string[] {
  const uris = [...new Set([...reported, ...known])]
  return uris
    .filter(
      (uri) => uri.includes('@') || !uris.some((other) => other !== uri && pubkeyOfUri(other) === pubkeyOfUri(uri)),
    )
    .slice(0, MOST_NODE_URIS)
}

/** What an answer leaves out still holds. */
export function withKnown(known: Channel, told: Channel): Channel {
  const closedAt = told.closedAt ?? known.closedAt ?? null
  const temporaryChannelId = told.temporaryChannelId ?? known.temporaryChannelId
  return {
    state: told.state,
    channelId: told.channelId ?? known.channelId,
    shortChannelId: told.shortChannelId ?? known.shortChannelId,
    fundingOutpoint: told.fundingOutpoint ?? known.fundingOutpoint,
    fundedAt: told.fundedAt ?? known.fundedAt,
    expiresAt: told.expiresAt ?? known.expiresAt,
    closingTxid: told.closingTxid ?? known.closingTxid,
    ...(closedAt === null ? {} : { closedAt }),
    ...(temporaryChannelId === undefined ? {} : { temporaryChannelId }),
  }
}

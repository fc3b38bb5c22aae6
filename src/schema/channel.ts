import { builder } from './builder.ts'
import { ChannelStateEnum } from './enums.ts'
import type { Channel } from '../domain/order.ts'

export const ChannelDetailsType = builder.interfaceRef<Channel>('ChannelDetails').implement({
  description: 'What the LSP reports about the channel.',
  fields: (t) => ({
    state: t.expose('state', { type: ChannelStateEnum, description: "The channel's own state." }),
    channelId: t.exposeString('channelId', {
      nullable: true,
      description: 'BOLT 2 channel_id, if the LSP reports it.',
    }),
    shortChannelId: t.exposeString('shortChannelId', {
      nullable: true,
      description:
        'Block, transaction and output of the funding, for example 643904x1419x1. null until it is confirmed.',
    }),
    fundingTxid: t.string({
      nullable: true,
      description: `Funding transaction. It may change: the LSP may replace the transaction. The gateway polls for that for a day after
COMPLETED.`,
      resolve: ({ fundingOutpoint }) => fundingOutpoint?.split(':')[0],
    }),
    fundingOutpoint: t.string({
      nullable: true,
      description: 'txid:index. null if the LSP reports no index; draft 0.0.1 has none.',
      resolve: ({ fundingOutpoint }) => (fundingOutpoint?.includes(':') ? fundingOutpoint : null),
    }),
    fundedAt: t.expose('fundedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the LSP published the funding transaction.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'The LSP may close the channel after this time.',
    }),
    closingTxid: t.exposeString('closingTxid', { nullable: true, description: 'Transaction that closed the channel.' }),
    closedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the channel was closed. Only draft 0.0.2 reports it.',
      resolve: ({ closedAt }) => closedAt,
    }),
  }),
})

export const ChannelType = builder.objectRef<Channel>('Channel').implement({
  description: 'The channel as the LSP reports it.',
  interfaces: [ChannelDetailsType],
  fields: (t) => ({
    temporaryChannelId: t.exposeString('temporaryChannelId', {
      nullable: true,
      description: 'The id by which an RGB node lists the channel before it is funded (Kaleidoswap, ThunderStack).',
    }),
  }),
})

export const ChannelSnapshotType = builder.objectRef<Channel>('ChannelSnapshot').implement({
  description: 'The channel as the LSP reported it at the time of an event.',
  interfaces: [ChannelDetailsType],
})

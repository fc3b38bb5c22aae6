import { builder } from './builder.ts'
import {
  NextStepActionEnum,
  NextStepActorEnum,
  NextStepCodeEnum,
  AssetDeliveryStateEnum,
  RefundStateEnum,
} from './enums.ts'
import type { ShownAsset } from '../domain/order-asset.ts'
import type { JitChannel, Refund } from '../domain/order.ts'
import type { NextStep } from '../domain/next-step.ts'

export const NextStepType = builder.objectRef<NextStep>('NextStep').implement({
  description: `What happens next, who acts, and the deadline. The action is PAY or TOP_UP exactly if the order has a payment option
that may be used.`,
  fields: (t) => ({
    code: t.expose('code', {
      type: NextStepCodeEnum,
      description: 'Identifies the message, so that wallets can show their own text.',
    }),
    actor: t.expose('actor', { type: NextStepActorEnum, description: 'Who acts.' }),
    action: t.expose('action', { type: NextStepActionEnum, description: 'What the actor does.' }),
    deadline: t.expose('deadline', {
      type: 'DateTime',
      nullable: true,
      description: 'Until when. null: there is no deadline, or it is not known.',
    }),
    amountSat: t.field({
      type: 'Sat',
      nullable: true,
      description: 'Amount still to pay by the cheapest option, for PAY and TOP_UP. null: nothing is to be paid now.',
      resolve: ({ amountSat }) => amountSat,
    }),
    paidSat: t.field({
      type: 'Sat',
      nullable: true,
      description: 'What has arrived, as far as the LSP reports. null: no amount is known.',
      resolve: ({ paidSat }) => paidSat,
    }),
    overpaidSat: t.field({
      type: 'Sat',
      nullable: true,
      description: 'What has arrived beyond the total. null: nothing.',
      resolve: ({ overpaidSat }) => overpaidSat,
    }),
    nodeUri: t.string({
      nullable: true,
      description: 'Node to connect to, for CONNECT_PEER: pubkey@host:port, or the bare public key.',
      resolve: ({ nodeUri }) => nodeUri,
    }),
    message: t.exposeString('message', { description: 'What happened and what to do, for people.' }),
  }),
})

export const RefundType = builder.objectRef<Refund>('Refund').implement({
  description: 'A refund of an order. A value that the LSP does not report is null.',
  fields: (t) => ({
    state: t.expose('state', { type: RefundStateEnum, description: 'State of the refund.' }),
    lightningSat: t.expose('lightningSat', {
      type: 'Sat',
      nullable: true,
      description: 'Refundable by Lightning, in satoshis.',
    }),
    onchainSat: t.expose('onchainSat', {
      type: 'Sat',
      nullable: true,
      description: 'Refundable on-chain, in satoshis.',
    }),
    paidTo: t.exposeString('paidTo', {
      nullable: true,
      description: 'The invoice, address or transaction that it was paid to or in.',
    }),
    paidAt: t.expose('paidAt', { type: 'DateTime', nullable: true, description: 'When the LSP paid it.' }),
    txid: t.string({
      nullable: true,
      description: 'Transaction of an on-chain refund; null if the LSP does not name it.',
      resolve: ({ txid }) => txid,
    }),
  }),
})

export const JitRouteHintType = builder.objectRef<JitChannel>('JitRouteHint').implement({
  description: 'Route hint with which a first payment opens the channel.',
  fields: (t) => ({
    shortChannelId: t.exposeString('shortChannelId', { description: 'Short channel id for the route hint.' }),
    nodePubkey: t.expose('nodeId', {
      type: 'PublicKey',
      nullable: true,
      description: 'Node of the LSP that forwards the payment.',
    }),
    feePerPaymentSat: t.expose('feePerPaymentSat', {
      type: 'Sat',
      nullable: true,
      description: 'Deducted from each payment until the fee is paid.',
    }),
  }),
})

export const OrderAssetType = builder.objectRef<ShownAsset>('OrderAsset').implement({
  description: 'The asset side of an RGB channel.',
  fields: (t) => ({
    assetId: t.exposeString('assetId', { description: 'RGB contract id of the asset.' }),
    isConfirmed: t.exposeBoolean('isConfirmed', {
      description: 'false: this is the requested asset; the LSP has not repeated it. ThunderStack never does.',
    }),
    lspAmount: t.expose('lspAmount', { type: 'AssetAmount', nullable: true, description: "Amount on the LSP's side." }),
    clientAmount: t.expose('clientAmount', {
      type: 'AssetAmount',
      nullable: true,
      description: 'Amount that the client buys.',
    }),
    rfqId: t.exposeString('rfqId', { nullable: true, description: "The id of the LSP's quote for the price." }),
    priceSat: t.expose('priceSat', {
      type: 'Sat',
      nullable: true,
      description: "What the client's amount costs, by the LSP's latest report. orderTotalSat contains agreedPriceSat.",
    }),
    agreedPriceSat: t.field({
      type: 'Sat',
      nullable: true,
      description: "What the client's amount cost when the order was placed.",
      resolve: ({ agreedPriceSat, priceSat }) => agreedPriceSat ?? priceSat,
    }),
    newOrderTotalSat: t.expose('newOrderTotalSat', {
      type: 'Sat',
      nullable: true,
      description: "The order's total at priceSat. null: the price has not changed since the order was placed.",
    }),
    deliveryState: t.expose('deliveryStatus', {
      type: AssetDeliveryStateEnum,
      nullable: true,
      description:
        'How far the delivery of the bought asset is. null: the client buys none, or the LSP does not report it.',
    }),
    deliveryPaymentHash: t.exposeString('deliveryPaymentHash', {
      nullable: true,
      description: 'Payment hash of the transfer of the asset. null: none was sent, or the LSP does not report it.',
    }),
    deliveredAt: t.expose('deliveredAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the client got the asset. null: not yet, or the LSP does not report it.',
    }),
    deliveryError: t.exposeString('deliveryError', { nullable: true, description: "The LSP's words." }),
  }),
})

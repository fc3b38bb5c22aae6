import { builder } from './builder.ts'
import { PaymentStateEnum } from './enums.ts'
import { btcDecimalOfSat } from '../domain/money.ts'
import type { Payment, VettedBolt11, VettedBolt12, VettedOnchain } from '../domain/offer.ts'

const Bolt11PaymentType = builder.objectRef<VettedBolt11>('Bolt11Payment').implement({
  fields: (t) => ({
    state: t.expose('state', { type: PaymentStateEnum }),
    feeTotalSat: t.expose('feeTotalSat', { type: 'Sat' }),
    orderTotalSat: t.expose('orderTotalSat', { type: 'Sat' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    invoice: t.exposeString('invoice'),
    paymentHash: t.exposeString('paymentHash'),
    payeePubkey: t.expose('payeePubkey', { type: 'PublicKey' }),
  }),
})

const Bolt12PaymentType = builder.objectRef<VettedBolt12>('Bolt12Payment').implement({
  fields: (t) => ({
    state: t.expose('state', { type: PaymentStateEnum }),
    feeTotalSat: t.expose('feeTotalSat', { type: 'Sat' }),
    orderTotalSat: t.expose('orderTotalSat', { type: 'Sat' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    offer: t.exposeString('offer'),
  }),
})

const OnchainPaymentType = builder.objectRef<VettedOnchain>('OnchainPayment').implement({
  fields: (t) => ({
    state: t.expose('state', { type: PaymentStateEnum }),
    feeTotalSat: t.expose('feeTotalSat', { type: 'Sat' }),
    orderTotalSat: t.expose('orderTotalSat', { type: 'Sat' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    address: t.exposeString('address'),
    minConfirmations: t.exposeInt('minConfirmations', { nullable: true }),
    minFeeFor0Conf: t.exposeInt('minFeeFor0Conf', { nullable: true, description: 'In satoshis per 1000 weight units, as bLIP-51 has it.' }),
    refundOnchainAddress: t.exposeString('refundOnchainAddress', { nullable: true }),
    paidSat: t.expose('paidSat', { type: 'Sat', nullable: true }),
  }),
})

export const PaymentType = builder.objectRef<Payment>('Payment').implement({
  description: 'The ways to pay; a way that the LSP does not offer is null. All null: there is nothing to pay.',
  fields: (t) => ({
    bolt11: t.expose('bolt11', { type: Bolt11PaymentType, nullable: true }),
    bolt12: t.expose('bolt12', { type: Bolt12PaymentType, nullable: true }),
    onchain: t.expose('onchain', { type: OnchainPaymentType, nullable: true }),
    bip21: t.string({ nullable: true, description: 'One BIP 21 URI for every way to pay.', resolve: bip21Of }),
  }),
})

/** Without an on-chain address the URI has none, as BIP 321 has it. */
function bip21Of({ bolt11, bolt12, onchain }: Payment): string | null {
  const parameters = [
    onchain && `amount=${btcDecimalOfSat(onchain.orderTotalSat)}`,
    bolt11 && `lightning=${bolt11.invoice}`,
    bolt12 && `lno=${bolt12.offer}`,
  ].filter((parameter) => parameter !== null)
  return parameters.length === 0 ? null : `bitcoin:${onchain?.address ?? ''}?${parameters.join('&')}`
}

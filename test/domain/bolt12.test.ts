import { expect, test } from 'vitest'
import { decodeOffer, OfferError } from '../../src/domain/bolt12.ts'
import { fixture } from '../support/fixtures.ts'
import { offerOf } from '../support/bolt12.ts'

test('bLIP-51’s own example is for regtest, and for a thousandth of the total beside it: its author took millisatoshis for satoshis', () => {
  const { offer, order_total_sat: total } = fixture('lsps1-blip51/payment.bolt12.json') as {
    offer: string
    order_total_sat: string
  }
  expect(decodeOffer(offer)).toEqual({ amount: BigInt(total), currency: null, networks: ['REGTEST'], expiresAt: null })
})

test('the examples of BOLT 12 are for mainnet, with an amount and without one', () => {
  // https://github.com/lightning/bolts/blob/master/bolt12/offers-test.json
  expect(decodeOffer('lno1zcss9mk8y3wkklfvevcrszlmu23kfrxh49px20665dqwmn4p72pksese')).toEqual({
    amount: null,
    currency: null,
    networks: ['MAINNET'],
    expiresAt: null,
  })
  expect(decodeOffer('LNO1ZCSS9MK8Y3WKKLFVEVCRSZLMU23KFRXH49PX20665DQWMN4P72PKSESE').networks).toEqual(['MAINNET'])
  expect(
    decodeOffer(
      'lno1pqps7sjqpgtyzm3qv4uxzmtsd3jjqer9wd3hy6tsw35k7msjzfpy7nz5yqcnygrfdej82um5wf5k2uckyypwa3eyt44h6txtxquqh7lz5djge4afgfjn7k4rgrkuag0jsd5xvxg',
    ),
  ).toMatchObject({ amount: 1_000_000n })
})

test('an offer may be broken into lines', () => {
  const offer = offerOf({ amount: 7n })
  expect(decodeOffer(`${offer.slice(0, 20)}+${offer.slice(20, 30)}+\n  ${offer.slice(30)}`)).toEqual(decodeOffer(offer))
})

test('an offer in euros says so', () => {
  expect(decodeOffer(offerOf({ amount: 5n, currency: 'EUR', expiry: 1_800_000_000 }))).toMatchObject({
    amount: 5n,
    currency: 'EUR',
    expiresAt: 1_800_000_000_000,
  })
})

test.each([
  ['nothing', ''],
  ['an invoice', 'lnbc1pvjluezpp5'],
  ['mixed case', 'lno1ZCSS9mk8y3'],
  ['a sign that bech32 does not have', `${offerOf({ amount: 1n })}&amount=1`],
  ['one that is cut short', offerOf({ amount: 1n }).slice(0, -4)],
  ['a currency and no amount', offerOf({ currency: 'EUR' })],
  ['fields twice', `${offerOf({ chains: [], amount: 1n })}${offerOf({ chains: [], amount: 1n }).slice(4)}`],
])('%s is no offer', (_what, text) => {
  expect(() => decodeOffer(text)).toThrow(OfferError)
})

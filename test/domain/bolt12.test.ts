import { expect, test } from 'vitest'
import { decodeOffer, OfferError } from '../../src/domain/bolt12.ts'
import { fixture } from '../support/fixtures.ts'
import { encodeOffer, ISSUER_ID, offerOf } from '../support/bolt12.ts'

test('bLIP-51’s own example is for regtest, and for a thousandth of the total beside it: its author took millisatoshis for satoshis', () => {
  const { offer, order_total_sat: total } = fixture('lsps1-blip51/payment.bolt12.json') as {
    offer: string
    order_total_sat: string
  }
  expect(decodeOffer(offer)).toEqual({
    amount: BigInt(total),
    currency: null,
    networks: ['REGTEST'],
    expiresAt: null,
    issuerId: '03fa16763de5fe9000e58bbed7fedc48ae461f8c36ad53a87ae1b836a028738161',
    description: 'asdf',
    // A wallet pays it once, with a quantity of 1.
    quantityMax: 1n,
  })
})

test('the examples of BOLT 12 are for mainnet, with an amount and without one', () => {
  // https://github.com/lightning/bolts/blob/master/bolt12/offers-test.json
  expect(decodeOffer('lno1zcss9mk8y3wkklfvevcrszlmu23kfrxh49px20665dqwmn4p72pksese')).toEqual({
    amount: null,
    currency: null,
    networks: ['MAINNET'],
    expiresAt: null,
    issuerId: ISSUER_ID,
    description: null,
    quantityMax: null,
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

test('an offer may be for several items, which a wallet that pays once buys one of', () => {
  expect(decodeOffer(offerOf({ amount: 5n, quantityMax: 3n }))).toMatchObject({ amount: 5n, quantityMax: 3n })
  expect(decodeOffer(offerOf({ amount: 5n, quantityMax: 0n }))).toMatchObject({ amount: 5n, quantityMax: 0n })
})

/** A channel, or a key, of the first node; the path key; one hop with two bytes for it. */
const pathFrom = (first: string, pathKey = ISSUER_ID, hop = ISSUER_ID) => `${first}${pathKey}01${hop}0002abcd`
const PATH = pathFrom(ISSUER_ID)
const NO_POINT = '03'.repeat(33)

test('an offer may lead to its issuer by blinded paths alone', () => {
  const offer = (paths: string) => offerOf({ issuerId: null, more: [[16, paths]] })
  expect(decodeOffer(offer(PATH)).issuerId).toBeNull()
  expect(decodeOffer(offer(PATH + pathFrom('000102030405060708') + pathFrom('010102030405060708'))).issuerId).toBeNull()
})

test('what BOLT 12 leaves to later versions is ignored', () => {
  const more = [
    [4, 'ff'],
    [12, '02'],
    [18, Buffer.from('issuer@example.com').toString('hex')],
    // Recurrence that the payer may ignore.
    [25, '00'],
    [79, ''],
    [1_000_000_001, 'abcd'],
  ] as const
  expect(decodeOffer(offerOf({ amount: 5n, more }))).toEqual(decodeOffer(offerOf({ amount: 5n })))
})

test('an offer for other chains alone is for none of ours', () => {
  expect(decodeOffer(offerOf({ chains: ['43'.repeat(32)] })).networks).toEqual([])
})

const bytes = (hex: string) => encodeOffer([Buffer.from(hex, 'hex')])
const ISSUER_FIELD = `1621${ISSUER_ID}`

test.each<[string, string, RegExp]>([
  ['nothing', '', /lno1/],
  ['an invoice', 'lnbc1pvjluezpp5', /lno1/],
  ['mixed case', 'lno1ZCSS9mk8y3', /upper and lower case/],
  ['a sign that bech32 does not have', `${offerOf({ amount: 1n })}&amount=1`, /bech32/],
  ['a letter that bech32 does not have', `${offerOf({ amount: 1n })}b`, /bech32/],
  ['one that is cut short', bytes('0a056162'), /cut short/],
  // The last digit has two bits of padding.
  ['padding that is not zero', offerOf({ chains: [] }).replace(/.$/, 'l'), /padded/],
  ['padding of a whole digit', `${offerOf({ chains: [] })}q`, /padded/],
  ['a + at its end', `${offerOf({})}+`, /a \+ must/],
  ['a + at its end with a space after it', `${offerOf({})}+ `, /a \+ must/],
  ['a space without a +', offerOf({}).replace('lno1', 'lno1 '), /a \+ must/],
  ['two + in a row', offerOf({}).replace('lno1', 'lno1++'), /a \+ must/],
  ['a thousand lines too many', offerOf({ description: 'x'.repeat(11_000) }), /characters/],
  ['fields twice', bytes(`0a000a00${ISSUER_FIELD}`), /ascend/],
  ['fields that do not ascend', bytes(`${ISSUER_FIELD}0a00`), /ascend/],
  ['a number of a field in more bytes than it needs', bytes(`fd000a00${ISSUER_FIELD}`), /more bytes than it needs/],
  ['a length in more bytes than it needs', bytes(`0afd0000${ISSUER_FIELD}`), /more bytes than it needs/],
  ['a length in five bytes that needs three', bytes(`0afe0000fd00${ISSUER_FIELD}`), /more bytes than it needs/],
  ['a length beyond 2^53', bytes(`0affffffffffffffffff${ISSUER_FIELD}`), /cut short/],
  ['field 0', bytes(`0000${ISSUER_FIELD}`), /outside/],
  ['field 80', offerOf({ more: [[80, '']] }), /outside/],
  ['field 81', offerOf({ more: [[81, '']] }), /outside/],
  ['field 999,999,999', offerOf({ more: [[999_999_999, '']] }), /outside/],
  ['field 2,000,000,001', offerOf({ more: [[2_000_000_001, '']] }), /outside/],
  ['an even field that BOLT 12 does not define', offerOf({ more: [[78, '']] }), /requires field 78/],
  ['an even experimental field', offerOf({ more: [[1_000_000_002, '']] }), /requires field 1000000002/],
  ['recurrence that every payer has to follow', offerOf({ more: [[24, '00']] }), /requires field 24/],
  ['an even feature', offerOf({ more: [[12, '0100']] }), /feature bit 8/],
  ['no issuer and no path', offerOf({ issuerId: null }), /neither/],
  ['an issuer that is no point', offerOf({ issuerId: NO_POINT }), /issuer_id is not a point/],
  ['an issuer that is too short', offerOf({ issuerId: ISSUER_ID.slice(2) }), /issuer_id is not a point/],
  ['paths without a path', offerOf({ more: [[16, '']] }), /no path/],
  ['a path without a hop', offerOf({ more: [[16, `${ISSUER_ID}${ISSUER_ID}00`]] }), /no hop/],
  ['a second path without a hop', offerOf({ more: [[16, `${PATH}${ISSUER_ID}${ISSUER_ID}00`]] }), /no hop/],
  ['a path from no point', offerOf({ more: [[16, pathFrom(NO_POINT)]] }), /first node .* not a point/],
  ['a path whose key is no point', offerOf({ more: [[16, pathFrom(ISSUER_ID, NO_POINT)]] }), /path key .* not a point/],
  ['a path to no point', offerOf({ more: [[16, pathFrom(ISSUER_ID, ISSUER_ID, NO_POINT)]] }), /hop .* not a point/],
  ['a path that is cut short', offerOf({ more: [[16, PATH.slice(0, -2)]] }), /offer_paths is cut short/],
  ['an amount of 0', offerOf({ amount: 0n }), /offer_amount is 0/],
  ['an amount that begins with a zero byte', offerOf({ more: [[8, '0001']] }), /zero byte/],
  ['an amount of nine bytes', offerOf({ more: [[8, '01'.repeat(9)]] }), /64 bits/],
  ['an end that begins with a zero byte', offerOf({ more: [[14, '0001']] }), /zero byte/],
  ['a quantity that begins with a zero byte', offerOf({ more: [[20, '00']] }), /zero byte/],
  ['an amount without a description', offerOf({ amount: 1n, description: null }), /without offer_description/],
  ['a currency without an amount', offerOf({ currency: 'EUR' }), /without offer_amount/],
  ['a currency that has no three letters', offerOf({ currency: 'EURO', amount: 1n }), /ISO 4217/],
  ['a currency in lower case', offerOf({ currency: 'eur', amount: 1n }), /ISO 4217/],
  ['a currency that is not UTF-8', offerOf({ amount: 1n, more: [[6, 'ffffff']] }), /offer_currency is not UTF-8/],
  [
    'a description that is not UTF-8',
    offerOf({ description: null, more: [[10, 'ff']] }),
    /offer_description is not UTF-8/,
  ],
  ['an issuer’s name that is not UTF-8', offerOf({ more: [[18, 'ff']] }), /offer_issuer is not UTF-8/],
  ['no chain', offerOf({ chains: [], more: [[2, '']] }), /offer_chains/],
  ['half a chain', offerOf({ chains: [], more: [[2, '06'.repeat(48)]] }), /offer_chains/],
])('%s is no offer, and the message says why', (_what, text, message) => {
  expect(() => decodeOffer(text)).toThrow(OfferError)
  expect(() => decodeOffer(text)).toThrow(message)
})

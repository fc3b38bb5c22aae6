import { uncarriedNumbers } from '../support/messages.ts'
import { expect, test } from 'vitest'
import { NETWORKS, type Network } from '../../src/domain/lsp.ts'
import { sat } from '../../src/domain/money.ts'
import {
  offerEndsAt,
  verifyAsset,
  verifyOffer,
  verifyTerms,
  type CheckCode,
  type OfferContext,
  type VerifiedOffer,
} from '../../src/domain/offer.ts'
import { cheapestOf, endsOf } from '../../src/domain/payment.ts'
import type { Bolt11Option, Bolt12Option, OnchainOption, PaymentOptions } from '../../src/domain/order.ts'
import type { ReadPaymentState } from '../../src/domain/reading.ts'
import type { ChannelTerms } from '../../src/domain/request.ts'
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts'
import { LightningNode } from '../../src/sandbox/node.ts'
import { invoiceOf } from '../support/bolt11.ts'
import { offerOf, REGTEST_CHAIN } from '../support/bolt12.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const node = new LightningNode('the LSP', '127.0.0.1:9735')
const OTHER_KEY = '02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8'
const ADDRESS = 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88'
const REFUND = node.newAddress()

const invoice = (
  changes: Partial<{ amountSat: number; createdAt: number; expiresAt: number; network: 'regtest' | 'bitcoin' }> = {},
) =>
  node.issueInvoice({
    amountSat: 201_000,
    description: 'a channel',
    createdAt: NOW,
    expiresAt: NOW + HOUR_MS,
    ...changes,
  })
const INVOICE = invoice()

/** The sandbox signs whole satoshis alone. */
const invoiceOfMsat = (amountMsat: bigint) => invoiceOf({ amountMsat, createdAt: NOW / 1_000 })

type Read = ReadPaymentState
const way = { state: 'EXPECT_PAYMENT' as const, feeTotalSat: sat(1_000), orderTotalSat: sat(201_000) }
const bolt11 = (changes: Partial<Bolt11Option<Read>> = {}): Bolt11Option<Read> => ({
  ...way,
  invoice: INVOICE.bolt11,
  expiresAt: NOW + HOUR_MS,
  ...changes,
})
const bolt12 = (changes: Partial<Bolt12Option<Read>> = {}): Bolt12Option<Read> => ({
  ...way,
  offer: offerOf({ amount: BigInt(changes.orderTotalSat ?? way.orderTotalSat) * 1_000n }),
  expiresAt: NOW + HOUR_MS,
  ...changes,
})
const onchain = (changes: Partial<OnchainOption<Read>> = {}): OnchainOption<Read> => ({
  ...way,
  address: ADDRESS,
  expiresAt: NOW + HOUR_MS,
  minConfirmations: 1,
  minFeeFor0Conf: null,
  refundOnchainAddress: null,
  paidSat: null,
  ...changes,
})

/** Every number in a message is in a field of its check, too. */
function vet(ways: Partial<PaymentOptions<Read>>, context: Partial<OfferContext> = {}): VerifiedOffer {
  const offer = verifyOffer(
    { bolt11: null, bolt12: null, onchain: null, ...ways },
    {
      network: 'REGTEST',
      addressKinds: 'ANY',
      clientBalanceSat: sat(200_000),
      free: false,
      lspPubkeys: [node.pubkey],
      orderExpiresAt: null,
      refundOnchainAddress: REFUND,
      now: NOW,
      ...context,
    },
  )
  expect(uncarriedNumbers(offer.checks)).toEqual([])
  return offer
}

const verdicts = ({ checks }: VerifiedOffer) => checks.map(({ code, verdict }) => `${code} ${verdict}`)
const failed = ({ checks }: VerifiedOffer): CheckCode[] =>
  checks.filter(({ verdict }) => verdict === 'FAILED').map(({ code }) => code)
const verdictsOf = ({ checks }: VerifiedOffer, of: CheckCode) =>
  checks.filter(({ code }) => code === of).map(({ verdict }) => verdict)
const messageOf = ({ checks }: VerifiedOffer, code: CheckCode) => checks.find((check) => check.code === code)?.message

test('an honest offer passes every check, and each says what was compared', () => {
  const offer = vet({ bolt11: bolt11(), onchain: onchain() })
  expect(verdicts(offer)).toEqual([
    'FEE_ADDS_UP PASSED',
    'FEE_ADDS_UP PASSED',
    'INVOICE_DECODES PASSED',
    'INVOICE_AMOUNT PASSED',
    'INVOICE_NETWORK PASSED',
    'INVOICE_NOT_EXPIRED PASSED',
    'INVOICE_ENDS_WITH_ORDER PASSED',
    'INVOICE_PAYEE PASSED',
    'ONCHAIN_ADDRESS PASSED',
    'BIP21_AMOUNT PASSED',
    'REFUND_ADDRESS PASSED',
  ])
  expect(messageOf(offer, 'FEE_ADDS_UP')).toBe('bolt11: fee 1000 + client balance 200000 = 201000, order total 201000')
  expect(messageOf(offer, 'INVOICE_AMOUNT')).toBe('invoice 201000000 msat, order total 201000000 msat')
  expect(messageOf(offer, 'INVOICE_NETWORK')).toBe('invoice REGTEST, LSP REGTEST')
  expect(messageOf(offer, 'BIP21_AMOUNT')).toBe('the URI asks for 201000 sat, order total 201000 sat')
  expect(messageOf(offer, 'REFUND_ADDRESS')).toBe(`given ${REFUND}, an address of REGTEST`)
  expect(offer.free).toBe(false)
  expect(offer.payment?.bolt11).toMatchObject({
    state: 'EXPECT_PAYMENT',
    paymentHash: INVOICE.paymentHash,
    payeePubkey: node.pubkey,
    expiresAt: NOW + HOUR_MS,
  })
  expect(offer.payment?.onchain).toMatchObject({
    address: ADDRESS,
    refundOnchainAddress: REFUND,
    expiresAt: NOW + HOUR_MS,
  })
})

test.each<[string, Partial<PaymentOptions<Read>>, Partial<OfferContext>, CheckCode]>([
  [
    'a fee and a client balance that are a satoshi less than the total',
    { bolt11: bolt11({ feeTotalSat: sat(999) }) },
    {},
    'FEE_ADDS_UP',
  ],
  ['a total that the client balance is not part of', { bolt11: bolt11() }, { clientBalanceSat: sat(0) }, 'FEE_ADDS_UP'],
  [
    'a fee that with the client balance is more than all bitcoin',
    { bolt11: bolt11({ feeTotalSat: sat(2_100_000_000_000_000) }) },
    {},
    'FEE_ADDS_UP',
  ],
  ['an on-chain sum that does not add up', { onchain: onchain({ orderTotalSat: sat(201_001) }) }, {}, 'FEE_ADDS_UP'],
  ['a bolt12 sum that does not add up', { bolt12: bolt12({ orderTotalSat: sat(1) }) }, {}, 'FEE_ADDS_UP'],
  [
    'an invoice that does not decode',
    { bolt11: bolt11({ invoice: INVOICE.bolt11.slice(0, -1) }) },
    {},
    'INVOICE_DECODES',
  ],
  [
    'an invoice for a satoshi more',
    { bolt11: bolt11({ invoice: invoice({ amountSat: 201_001 }).bolt11 }) },
    {},
    'INVOICE_AMOUNT',
  ],
  [
    'an invoice for a satoshi less',
    { bolt11: bolt11({ invoice: invoice({ amountSat: 200_999 }).bolt11 }) },
    {},
    'INVOICE_AMOUNT',
  ],
  [
    'an invoice without an amount',
    { bolt11: bolt11({ invoice: invoice({ amountSat: 0 }).bolt11 }) },
    {},
    'INVOICE_AMOUNT',
  ],
  [
    'an invoice of another network',
    { bolt11: bolt11({ invoice: invoice({ network: 'bitcoin' }).bolt11 }) },
    {},
    'INVOICE_NETWORK',
  ],
  ['an invoice that ends now', { bolt11: bolt11() }, { now: NOW + HOUR_MS }, 'INVOICE_NOT_EXPIRED'],
  ['an offer that is cut short', { bolt12: bolt12({ offer: bolt12().offer.slice(0, -8) }) }, {}, 'OFFER_DECODES'],
  [
    'an offer with another parameter behind it',
    { bolt12: bolt12({ offer: `${bolt12().offer}&amount=0.05` }) },
    {},
    'OFFER_DECODES',
  ],
  [
    'an offer for a millisatoshi more',
    { bolt12: bolt12({ offer: offerOf({ amount: 201_000_001n }) }) },
    {},
    'OFFER_AMOUNT',
  ],
  [
    'an offer in another currency',
    { bolt12: bolt12({ offer: offerOf({ amount: 201_000_000n, currency: 'EUR' }) }) },
    {},
    'OFFER_AMOUNT',
  ],
  [
    'an offer that names no chain, which is mainnet',
    { bolt12: bolt12({ offer: offerOf({ amount: 201_000_000n, chains: [] }) }) },
    {},
    'OFFER_NETWORK',
  ],
  [
    'an offer of a chain that is no bitcoin',
    { bolt12: bolt12({ offer: offerOf({ amount: 201_000_000n, chains: ['11'.repeat(32)] }) }) },
    {},
    'OFFER_NETWORK',
  ],
  [
    'an offer that ends now',
    { bolt12: bolt12({ offer: offerOf({ amount: 201_000_000n, expiry: NOW / 1_000 }) }) },
    {},
    'OFFER_NOT_EXPIRED',
  ],
  [
    'an address with a wrong checksum',
    { onchain: onchain({ address: ADDRESS.replace(/8$/, '9') }) },
    {},
    'ONCHAIN_ADDRESS',
  ],
  [
    'an address of another network',
    { onchain: onchain({ address: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4' }) },
    {},
    'ONCHAIN_ADDRESS',
  ],
  [
    'the key that ThunderStack’s example has for an address',
    { onchain: onchain({ address: OTHER_KEY }) },
    {},
    'ONCHAIN_ADDRESS',
  ],
])('%s fails, and then nothing of the offer is payable', (_what, ways, context, name) => {
  // Beside it, payment options that are as they should be.
  const offer = vet({ bolt11: bolt11(), bolt12: bolt12(), onchain: onchain(), ...ways }, context)
  expect(failed(offer)).toContain(name)
  expect(offer.payment).toBeNull()
  expect(offerEndsAt(offer)).toBeNull()
})

test.each([201_000_001n, 200_999_999n, 201_000_500n])(
  'an invoice for %i millisatoshis is not one for 201 000 satoshis',
  (msat) => {
    const offer = vet({ bolt11: bolt11({ invoice: invoiceOfMsat(msat) }) })
    expect(failed(offer)).toEqual(['INVOICE_AMOUNT'])
    expect(messageOf(offer, 'INVOICE_AMOUNT')).toBe(`invoice ${msat} msat, order total 201000000 msat`)
    expect(offer.payment).toBeNull()
  },
)

test('an invoice for exactly that many millisatoshis is payable', () => {
  expect(failed(vet({ bolt11: bolt11({ invoice: invoiceOfMsat(201_000_000n) }) }))).toEqual([])
})

test('an invoice that was signed by another node is a warning, and stays payable', () => {
  const offer = vet({ bolt11: bolt11() }, { lspPubkeys: [OTHER_KEY] })
  expect(offer.checks.filter(({ verdict }) => verdict !== 'PASSED')).toMatchObject([
    {
      code: 'INVOICE_PAYEE',
      verdict: 'WARNING',
      message: `invoice signed by ${node.pubkey}, LSP's nodes ${OTHER_KEY}`,
    },
  ])
  expect(offer.payment?.bolt11?.payeePubkey).toBe(node.pubkey)
})

test('any of several nodes may have signed, and where no node is known nobody is missed', () => {
  expect(verdicts(vet({ bolt11: bolt11() }, { lspPubkeys: [OTHER_KEY, node.pubkey] }))).toContain(
    'INVOICE_PAYEE PASSED',
  )
  expect(verdicts(vet({ bolt11: bolt11() }, { lspPubkeys: [] })).join()).not.toContain('INVOICE_PAYEE')
})

test('an invoice is good on its own network alone', () => {
  const on = (network: Network) => vet({ bolt11: bolt11() }, { network }).payment !== null
  expect(NETWORKS.filter(on)).toEqual(['REGTEST'])
})

test('without an address to send a refund to, on-chain payment is withheld and the rest is not', () => {
  const offer = vet({ bolt11: bolt11(), onchain: onchain() }, { refundOnchainAddress: null })
  expect(failed(offer)).toEqual([])
  expect(offer.payment).toMatchObject({ bolt11: { invoice: INVOICE.bolt11 }, onchain: null })
})

test('a wrong address fails the offer, and is a warning when on-chain payment is withheld anyway', () => {
  const options = { bolt11: bolt11(), onchain: onchain({ address: 'nowhere' }) }
  expect(vet(options).payment).toBeNull()
  const withheld = vet(options, { refundOnchainAddress: null })
  expect(withheld.payment).toMatchObject({ bolt11: { invoice: INVOICE.bolt11 }, onchain: null })
  expect(withheld.checks).toContainEqual(expect.objectContaining({ code: 'ONCHAIN_ADDRESS', verdict: 'WARNING' }))
})

test('an LSP that would send a refund elsewhere is not paid on chain', () => {
  const other = node.newAddress()
  const offer = vet({ bolt11: bolt11(), onchain: onchain({ refundOnchainAddress: other }) })
  expect(offer.checks).toContainEqual({
    code: 'REFUND_ADDRESS',
    verdict: 'WARNING',
    method: 'ONCHAIN',
    expected: REFUND,
    actual: other,
    message: `given ${REFUND}, the LSP repeats ${other}: on-chain payment is withheld`,
  })
  expect(offer.payment).toMatchObject({ bolt11: { invoice: INVOICE.bolt11 }, onchain: null })
})

test.each([null, REFUND, REFUND.toUpperCase()])(
  'an LSP that repeats the refund address as %s is paid on chain',
  (told) => {
    expect(vet({ onchain: onchain({ refundOnchainAddress: told }) }).payment?.onchain?.refundOnchainAddress).toBe(
      REFUND,
    )
  },
)

test.each([
  ['bitcoin:bcrt1qother?amount=0.00201', 'FAILED'],
  [`bitcoin:${ADDRESS}?amount=0.00201001`, 'FAILED'],
  [`bitcoin:${ADDRESS}?amount=0.002010001`, 'FAILED'],
  [`bitcoin:${ADDRESS}?label=a%20channel&amount=0.00201`, 'PASSED'],
  [`bitcoin:${ADDRESS}`, 'PASSED'],
])('the URI of an LSP, %s, for 201 000 satoshis is %s', (uri, verdict) => {
  const offer = vet({ onchain: onchain({ uri }) })
  expect(offer.checks.find(({ code }) => code === 'BIP21_AMOUNT')?.verdict).toBe(verdict)
  expect(offer.payment === null).toBe(verdict === 'FAILED')
})

test('an invoice that outlives the order is a warning, and one that ends within the same second is none', () => {
  const ends = (orderExpiresAt: number | null, expiresAt: number | null = null) =>
    vet({ bolt11: bolt11({ expiresAt }) }, { orderExpiresAt }).checks.find(
      ({ code }) => code === 'INVOICE_ENDS_WITH_ORDER',
    )?.verdict
  expect(ends(NOW + HOUR_MS - 1)).toBe('PASSED')
  expect(ends(NOW + HOUR_MS - 1_000)).toBe('WARNING')
  expect(ends(null, NOW + 10 * MINUTE_MS)).toBe('WARNING')
  expect(ends(null)).toBeUndefined()
})

test('the invoice lapses at the sooner of its own end and the LSP’s', () => {
  expect(vet({ bolt11: bolt11({ expiresAt: NOW + 10 * MINUTE_MS }) }).payment?.bolt11?.expiresAt).toBe(
    NOW + 10 * MINUTE_MS,
  )
  expect(vet({ bolt11: bolt11({ expiresAt: NOW + 2 * HOUR_MS }) }).payment?.bolt11?.expiresAt).toBe(NOW + HOUR_MS)
  expect(vet({ bolt11: bolt11({ expiresAt: null }) }).payment?.bolt11?.expiresAt).toBe(NOW + HOUR_MS)
})

test('an address lapses with its own end, else the order’s, else the invoice’s, and with none it is withheld', () => {
  const endOf = (ways: Partial<PaymentOptions<Read>>, orderExpiresAt: number | null) =>
    vet(ways, { orderExpiresAt }).payment?.onchain?.expiresAt
  const endless = onchain({ expiresAt: null })
  expect(endOf({ onchain: onchain({ expiresAt: NOW + 1 }), bolt11: bolt11() }, NOW + 2)).toBe(NOW + 1)
  expect(endOf({ onchain: endless, bolt11: bolt11() }, NOW + 2)).toBe(NOW + 2)
  expect(endOf({ onchain: endless, bolt11: bolt11() }, null)).toBe(NOW + HOUR_MS)
  expect(endOf({ onchain: endless }, null)).toBeUndefined()
})

test('a bolt12 offer lapses with its own end, else the order’s, and with none it is withheld', () => {
  expect(vet({ bolt12: bolt12() }).payment?.bolt12?.expiresAt).toBe(NOW + HOUR_MS)
  expect(vet({ bolt12: bolt12({ expiresAt: null }) }, { orderExpiresAt: NOW + 5 }).payment?.bolt12?.expiresAt).toBe(
    NOW + 5,
  )
  expect(vet({ bolt12: bolt12({ expiresAt: null }) }).payment?.bolt12).toBeNull()
})

test('a bolt12 offer that says itself when it ends is not handed out longer', () => {
  const endless = (expiry: number) =>
    bolt12({
      expiresAt: null,
      offer: offerOf({ amount: 201_000_000n, chains: ['43'.repeat(32), REGTEST_CHAIN], expiry }),
    })
  expect(vet({ bolt12: endless(NOW / 1_000 + 60) }).payment?.bolt12?.expiresAt).toBe(NOW + MINUTE_MS)
})

test('a bolt12 offer that names an end beyond all calendars lapses with the order', () => {
  const endless = bolt12({ expiresAt: null, offer: offerOf({ amount: 201_000_000n, expiry: Number.MAX_SAFE_INTEGER }) })
  expect(vet({ bolt12: endless }, { orderExpiresAt: NOW + 5 }).payment?.bolt12?.expiresAt).toBe(NOW + 5)
})

test('a bolt12 offer without an amount is worth a warning: the wallet pays what it is shown', () => {
  const offer = vet({ bolt12: bolt12({ offer: offerOf({}) }) })
  expect(verdicts(offer)).toEqual([
    'FEE_ADDS_UP PASSED',
    'OFFER_DECODES PASSED',
    'OFFER_AMOUNT WARNING',
    'OFFER_NETWORK PASSED',
    'OFFER_NOT_EXPIRED PASSED',
  ])
  expect(messageOf(offer, 'OFFER_AMOUNT')).toBe('offer without amount msat, order total 201000000 msat')
})

test('no payment option outlives the order', () => {
  const offer = vet(
    { bolt11: bolt11({ expiresAt: null }), bolt12: bolt12(), onchain: onchain() },
    { orderExpiresAt: NOW + MINUTE_MS },
  )
  expect([offer.payment?.bolt11, offer.payment?.bolt12, offer.payment?.onchain].map((one) => one?.expiresAt)).toEqual([
    NOW + MINUTE_MS,
    NOW + MINUTE_MS,
    NOW + MINUTE_MS,
  ])
  expect(offerEndsAt(offer)).toBe(NOW + MINUTE_MS)
})

const ASKED = { assetId: 'rgb:WANTED', lspAmount: '1000', clientAmount: '10', rfqId: null }
const TOLD = {
  ...ASKED,
  priceSat: null,
  deliveryStatus: null,
  deliveryPaymentHash: null,
  deliveredAt: null,
  deliveryError: null,
}
const BOUGHT_NONE = { ...ASKED, clientAmount: null }
// 0.2.0 CreateOrderRequest, seed 000: `client_asset_amount` is what the client buys.
test.each([
  ['is the requested one', ASKED, TOLD, 'PASSED'],
  ['is more on the LSP’s side', ASKED, { ...TOLD, lspAmount: '1001' }, 'PASSED'],
  ['is less on the LSP’s side', ASKED, { ...TOLD, lspAmount: '999' }, 'FAILED'],
  ['is more for the client', ASKED, { ...TOLD, clientAmount: '11' }, 'PASSED'],
  ['is less for the client', ASKED, { ...TOLD, clientAmount: '9' }, 'FAILED'],
  ['is nothing for the client', ASKED, { ...TOLD, clientAmount: '0' }, 'FAILED'],
  ['is repeated without the amount that the client buys', ASKED, { ...TOLD, clientAmount: null }, 'FAILED'],
  ['is repeated without the LSP’s amount', ASKED, { ...TOLD, lspAmount: null }, 'WARNING'],
  ['is another', ASKED, { ...TOLD, assetId: 'rgb:WORTHLESS' }, 'FAILED'],
  ['is bought and not repeated', ASKED, null, 'FAILED'],
  ['is not bought and not repeated', BOUGHT_NONE, null, 'WARNING'],
  ['is not bought, of which the client gets some', BOUGHT_NONE, TOLD, 'PASSED'],
  ['is not bought, without an amount for the client', BOUGHT_NONE, { ...TOLD, clientAmount: null }, 'PASSED'],
  ['is one that nobody requested', null, TOLD, 'FAILED'],
])('the asset of a channel that %s', (_what, asked, told, verdict) => {
  expect(verifyAsset(asked, told)).toMatchObject({ code: 'ASSET_ECHOED', verdict })
})

// 0.2.0 EstimateFeesRequest folds the asset's price into the fee; the vendor's client has it beside the fee.
test.each([
  ['beside the fee', 7_826, 9_049, 1_223, 7_826],
  ['inside the fee', 9_049, 9_049, 1_223, 7_826],
  ['of nothing', 7_826, 7_826, 0, 7_826],
])('the price of a bought asset %s is not part of the fee', (_where, fee, total, price, feeTotalSat) => {
  const offer = vet(
    { onchain: onchain({ feeTotalSat: sat(fee), orderTotalSat: sat(total) }) },
    { clientBalanceSat: sat(0), boughtAsset: { priceSat: sat(price) } },
  )
  expect(offer.payment?.onchain).toMatchObject({ feeTotalSat, orderTotalSat: total })
  expect(verdictsOf(offer, 'FEE_ADDS_UP')).toEqual(['PASSED'])
})

test.each([
  ['neither sum fits', 7_826, 9_050, 1_223],
  ['the fee is less than the asset price that it would contain', 1_000, 1_000, 1_223],
  ['the LSP reports no asset price, and the total is more than fee and client balance', 7_826, 9_049, null],
])('a total is not believed where %s', (_why, fee, total, price) => {
  const offer = vet(
    { onchain: onchain({ feeTotalSat: sat(fee), orderTotalSat: sat(total) }) },
    { clientBalanceSat: sat(0), boughtAsset: { priceSat: price === null ? null : sat(price) } },
  )
  expect(offer.payment).toBeNull()
  expect(verdictsOf(offer, 'FEE_ADDS_UP')).toContain('FAILED')
})

test('a bought asset without a reported price is a warning, and is not free', () => {
  const bought = { clientBalanceSat: sat(0), boughtAsset: { priceSat: null } }
  const offer = vet({ onchain: onchain({ feeTotalSat: sat(500), orderTotalSat: sat(500) }) }, bought)
  expect(verdictsOf(offer, 'FEE_ADDS_UP')).toEqual(['PASSED', 'WARNING'])
  expect(offer.payment?.onchain).toMatchObject({ feeTotalSat: 500 })
  expect(vet({}, { ...bought, free: true })).toMatchObject({ payment: null, free: false })
})

test('a channel without an asset has none checked', () => {
  expect(verifyAsset(null, null)).toBeNull()
})

test('an offer is free only if the LSP states it, and then nothing of it is payable', () => {
  const free = { free: true, clientBalanceSat: sat(0) }
  expect(vet({}, free)).toEqual({ payment: { bolt11: null, bolt12: null, onchain: null }, free: true, checks: [] })
  expect(vet({ bolt11: bolt11({ feeTotalSat: sat(0), orderTotalSat: sat(0) }) }, free)).toEqual(vet({}, free))
  expect(vet({}).free).toBe(false)
  expect(vet({ onchain: onchain() }, { refundOnchainAddress: null }).free).toBe(false)
})

test('a client balance is never free', () => {
  expect(vet({}, { free: true })).toMatchObject({
    payment: null,
    free: false,
    checks: [{ code: 'FEE_ADDS_UP', verdict: 'FAILED' }],
  })
})

test('in an offer nothing was paid yet: what reads as refunded has lapsed', () => {
  expect(vet({ bolt11: bolt11({ state: 'REFUNDED_OR_LAPSED' }) }).payment?.bolt11?.state).toBe('EXPIRED')
})

test('the cheapest payment option is the one that takes the least out of the wallet', () => {
  const ways = {
    bolt11: bolt11({ orderTotalSat: sat(300) }),
    bolt12: bolt12({ orderTotalSat: sat(200), feeTotalSat: sat(20) }),
    onchain: onchain({ orderTotalSat: sat(250) }),
  }
  expect(cheapestOf(ways)).toEqual({ orderTotalSat: 200, feeTotalSat: 20 })
  expect(cheapestOf({ bolt11: null, bolt12: null, onchain: null })).toBeNull()
})

test('an offer stands until its first payment option lapses, and can be paid until its last does', () => {
  const offer = vet({
    bolt11: bolt11({ expiresAt: NOW + 20 * MINUTE_MS }),
    onchain: onchain({ expiresAt: NOW + 50 * MINUTE_MS }),
  })
  expect(offerEndsAt(offer)).toBe(NOW + 20 * MINUTE_MS)
  expect(offer.payment && endsOf(offer.payment)?.last).toBe(NOW + 50 * MINUTE_MS)
  expect(offerEndsAt(vet({}))).toBeNull()
})

const TERMS: ChannelTerms = {
  lspBalanceSat: sat(1_000_000),
  clientBalanceSat: sat(0),
  channelExpiryBlocks: 12_960,
  requiredChannelConfirmations: null,
  fundingConfirmsWithinBlocks: 6,
  announceChannel: false,
}

test.each<[Partial<ChannelTerms>, string, string]>([
  [{}, 'PASSED', 'the terms that the LSP repeats are the ones asked for'],
  [{ requiredChannelConfirmations: 3 }, 'PASSED', 'the terms that the LSP repeats are the ones asked for'],
  [
    { lspBalanceSat: sat(999_999), announceChannel: true },
    'WARNING',
    'lspBalanceSat: asked for 1000000, answered 999999; announceChannel: asked for false, answered true',
  ],
  [{ clientBalanceSat: sat(1) }, 'WARNING', 'clientBalanceSat: asked for 0, answered 1'],
  [
    { lspBalanceSat: sat(500_000), channelExpiryBlocks: 6_480 },
    'WARNING',
    'lspBalanceSat: asked for 1000000, answered 500000; channelExpiryBlocks: asked for 12960, answered 6480',
  ],
  [{ lspBalanceSat: sat(499_999) }, 'FAILED', 'lspBalanceSat: asked for 1000000, answered 499999'],
  [{ lspBalanceSat: sat(0) }, 'FAILED', 'lspBalanceSat: asked for 1000000, answered 0'],
  [{ channelExpiryBlocks: 6_479 }, 'FAILED', 'channelExpiryBlocks: asked for 12960, answered 6479'],
  [{ channelExpiryBlocks: 0x8000_0000 }, 'FAILED', 'channelExpiryBlocks: asked for 12960, answered 2147483648'],
])('terms repeated as %j are %s', (changes, verdict, message) => {
  expect(verifyTerms(TERMS, { ...TERMS, ...changes })).toMatchObject({ code: 'TERMS_ECHOED', verdict, message })
})

test('less of the client’s own money in the channel than it pays for is no offer', () => {
  const asked = { ...TERMS, clientBalanceSat: sat(500_000) }
  expect(verifyTerms(asked, { ...asked, clientBalanceSat: sat(0) })).toMatchObject({
    verdict: 'FAILED',
    message: 'clientBalanceSat: asked for 500000, answered 0',
  })
})

test('a way that costs nothing is no payment option', () => {
  expect(
    failed(
      vet(
        { bolt11: bolt11(), onchain: onchain({ feeTotalSat: sat(0), orderTotalSat: sat(0) }) },
        { clientBalanceSat: sat(0) },
      ),
    ),
  ).toContain('FEE_ADDS_UP')
})

import { expect, test } from 'vitest'
import type { Check } from '../../src/domain/checks.ts'
import { decodeInvoice } from '../../src/domain/invoice.ts'
import { sat } from '../../src/domain/money.ts'
import { verifyOffer, type VerifiedOffer } from '../../src/domain/offer.ts'
import { LightningNode } from '../../src/sandbox/node.ts'
import { signedInvoice, SIGNER, type InvoiceFields } from '../support/signed-invoice.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const node = new LightningNode('fallbacks', '127.0.0.1:9735')
const ADDRESS = node.newAddress()
const COST = { state: 'EXPECT_PAYMENT' as const, feeTotalSat: sat(2_000), orderTotalSat: sat(2_000), expiresAt: null }

function verify(fields: Partial<InvoiceFields>, address: string | null = ADDRESS, refund = true): VerifiedOffer {
  const invoice = signedInvoice({ amountSat: 2_000, createdAt: NOW, ...fields })
  return verifyOffer(
    {
      bolt11: { ...COST, invoice },
      bolt12: null,
      onchain:
        address === null
          ? null
          : { ...COST, address, minConfirmations: 1, minFeeFor0Conf: null, refundOnchainAddress: null, paidSat: null },
    },
    {
      network: 'REGTEST',
      addressKinds: 'ANY',
      clientBalanceSat: sat(0),
      free: false,
      lspPubkeys: [SIGNER],
      orderExpiresAt: null,
      refundOnchainAddress: refund ? node.newAddress() : null,
      now: NOW,
    },
  )
}

const rows = ({ checks }: VerifiedOffer, code: Check['code']) => checks.filter((check) => check.code === code)

test('the invoices of these tests decode to the fields that were written', () => {
  const hop = { shortChannelId: '9x8x7', feeBaseMsat: 1_000, feeProportionalMillionths: 250, cltvExpiryDelta: 40 }
  const invoice = signedInvoice({
    amountSat: 2_000,
    createdAt: NOW,
    finalCltvBlocks: 144,
    fallbacks: [ADDRESS],
    routeHints: [[hop]],
  })
  expect(decodeInvoice(invoice)).toMatchObject({
    networks: ['REGTEST'],
    amountMsat: 2_000_000n,
    payeePubkey: SIGNER,
    createdAt: NOW,
    minFinalCltvExpiryDelta: 144,
    fallbackAddresses: [ADDRESS],
    routeHints: [[{ pubkey: SIGNER, shortChannelId: '9x8x7', feeBaseMsat: 1_000n, feeProportionalMillionths: 250 }]],
  })
})

test('a fallback address that is the verified on-chain option passes', () => {
  const offer = verify({ fallbacks: [ADDRESS] })
  expect(rows(offer, 'INVOICE_FALLBACK')).toMatchObject([{ verdict: 'PASSED' }])
  expect(offer.payment?.bolt11).not.toBeNull()
})

test.each<[string, readonly string[], string | null, boolean]>([
  ['another address than the on-chain option', [node.newAddress()], ADDRESS, true],
  ['one address of the on-chain option and another', [ADDRESS, node.newAddress()], ADDRESS, true],
  ['an address although there is no on-chain option', [ADDRESS], null, true],
  ['the address of an on-chain option that is withheld', [ADDRESS], ADDRESS, false],
])(
  'an invoice whose fallback is %s fails, and nothing of the offer is payable',
  (_what, fallbacks, address, refund) => {
    const offer = verify({ fallbacks }, address, refund)
    expect(rows(offer, 'INVOICE_FALLBACK')).toContainEqual(expect.objectContaining({ verdict: 'FAILED' }))
    expect(offer.payment).toBeNull()
  },
)

test.each([
  ['no hint', [], undefined],
  ['a hint without a fee', [[{}]], undefined],
  ['a base fee', [[{ feeBaseMsat: 1_000 }]], 1],
  ['a base fee that is not a whole satoshi', [[{ feeBaseMsat: 1_001 }]], 2],
  ['a proportional fee of a thousandth', [[{ feeProportionalMillionths: 1_000 }]], 2],
  ['both', [[{ feeBaseMsat: 1, feeProportionalMillionths: 1_000 }]], 3],
  // 2 000 000 msat, then 1 % and 10 msat of that, then 1 % of both: 40 210.1 msat
  [
    'two hops, of which the first forwards the fee of the second',
    [[{ feeProportionalMillionths: 10_000 }, { feeProportionalMillionths: 10_000, feeBaseMsat: 10 }]],
    41,
  ],
  ['two hints, of which the dearer counts', [[{ feeBaseMsat: 1_000 }], [{ feeBaseMsat: 9_000 }]], 9],
] as const)('route hints with %s add a fee to the price', (_what, routeHints, feeSat) => {
  const offer = verify({ routeHints })
  expect(offer.payment?.bolt11?.routeHintFeeSat).toBe(feeSat)
  expect(rows(offer, 'INVOICE_ROUTE_HINTS')).toHaveLength(routeHints.length === 0 ? 0 : 1)
})

test('a final CLTV above 2016 blocks is a warning', () => {
  expect(rows(verify({ finalCltvBlocks: 2_016 }), 'INVOICE_CLTV')).toEqual([])
  const offer = verify({ finalCltvBlocks: 2_017 })
  expect(rows(offer, 'INVOICE_CLTV')).toMatchObject([
    {
      code: 'INVOICE_CLTV',
      verdict: 'WARNING',
      message: 'the invoice can lock the payment for 2017 blocks, more than 2016',
    },
  ])
  expect(offer.payment?.bolt11).not.toBeNull()
})

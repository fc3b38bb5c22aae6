import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { readPaymentUri, writePaymentUri } from '../../src/domain/bip21.ts'
import { sat } from '../../src/domain/money.ts'
import { verifyOffer } from '../../src/domain/offer.ts'
import { lsps1Order, NODE, settings, startScriptedLsp } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createOrder, quoteAt } from '../support/operations.ts'

const C33 = JSON.parse(readFileSync(new URL('../fixtures/cases/C33/input.json', import.meta.url), 'utf8')) as {
  create_order: { payment: { bolt11: { invoice: string } } }
}
const ADDRESS = 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88'

test('C33: an invoice in upper case is in lower case in BIP 21, and as the LSP wrote it in `invoice`', async () => {
  const systemNow = Date.now
  const offsetMs = Date.parse('2026-11-30T00:55:00Z') - systemNow()
  vi.spyOn(Date, 'now').mockImplementation(() => systemNow() + offsetMs)
  try {
    await using lsp = await startScriptedLsp(() => C33.create_order)
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('c33', lsp.url)] },
    })
    const { id: quoteId } = await quoteAt(gateway, 'c33')
    const { payment } = await createOrder(gateway, { quoteId })
    const { invoice } = C33.create_order.payment.bolt11
    expect(payment.bolt11?.invoice).toBe(invoice)
    expect(payment.bip21).toBe(`bitcoin:?lightning=${invoice.toLowerCase()}`)
  } finally {
    vi.restoreAllMocks()
  }
})

test('an address in upper case is in lower case in BIP 21, and as the LSP wrote it in `address`', async () => {
  const address = NODE.newAddress().toUpperCase()
  await using lsp = await startScriptedLsp(() => {
    const order = lsps1Order(Date.now())
    const { invoice: _, ...option } = order.payment.bolt11
    return {
      ...order,
      payment: { ...order.payment, onchain: { ...option, address, min_onchain_payment_confirmations: 1 } },
    }
  })
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('lsp', lsp.url)] } })
  const { id: quoteId } = await quoteAt(gateway, 'lsp', { refundOnchainAddress: ADDRESS })
  const { payment } = await createOrder(gateway, { quoteId })
  expect(payment.onchain?.address).toBe(address)
  expect(payment.bip21).toBe(`bitcoin:${address.toLowerCase()}?amount=0.00001&lightning=${payment.bolt11?.invoice}`)
})

test('an address in base58 keeps its case', () => {
  const address = 'mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn'
  expect(writePaymentUri({ address, amountSat: sat(1), invoice: null, offer: null })).toBe(
    `bitcoin:${address}?amount=0.00000001`,
  )
})

const option = {
  state: 'EXPECT_PAYMENT' as const,
  feeTotalSat: sat(1_000),
  orderTotalSat: sat(1_000),
  expiresAt: null,
}

/** An offer of an invoice, and of an address by the LSP's own URI. */
function offerWith(uri: string) {
  const now = Date.now()
  const { bolt11 } = NODE.issueInvoice({
    amountSat: 1_000,
    description: '',
    createdAt: now,
    expiresAt: now + 3_600_000,
  })
  const onchain = { minConfirmations: null, minFeeFor0Conf: null, refundOnchainAddress: null, paidSat: null }
  return verifyOffer(
    {
      bolt11: { ...option, invoice: bolt11 },
      bolt12: null,
      onchain: { ...option, ...onchain, address: ADDRESS, uri },
    },
    {
      network: 'REGTEST',
      addressKinds: 'ANY',
      clientBalanceSat: sat(0),
      free: false,
      lspPubkeys: [],
      orderExpiresAt: null,
      refundOnchainAddress: NODE.newAddress(),
      now,
    },
  )
}

test.each(['req-pop=app%3a', 'REQ-somethingyoudontunderstand=50', 'req-', 'label=x&req-a&req-b=1'])(
  'a URI with %s is not usable: the address is withheld with a check, and the invoice is not',
  (parameters) => {
    const { payment, checks } = offerWith(`bitcoin:${ADDRESS}?amount=0.00001&${parameters}`)
    expect(payment).toMatchObject({ bolt11: { state: 'EXPECT_PAYMENT' }, onchain: null })
    expect(checks).toContainEqual(expect.objectContaining({ code: 'BIP21_PARAMETERS', verdict: 'WARNING' }))
  },
)

test.each([`bitcoin:${ADDRESS}?amount=0.00001&label=req-x`, `BITCOIN:${ADDRESS.toUpperCase()}?AMOUNT=0.00001`])(
  '%s is usable',
  (uri) => expect(offerWith(uri).payment?.onchain).toMatchObject({ address: ADDRESS }),
)

test('a URI with two amounts is none', () => {
  expect(readPaymentUri(`bitcoin:${ADDRESS}?amount=0.00001&Amount=1`)).toBeNull()
})

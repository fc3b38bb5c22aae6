import { expect, test } from 'vitest'
import {
  compare,
  failureOf,
  idsOf,
  LSPS1_INFO,
  lsps1Order,
  orderPosts,
  quoteOf,
  settings,
  settingsOf,
  startScriptedLsp,
} from './support.ts'
import { json, QueueServer, text } from '../support/queue-server.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { startSandbox, type Fault } from '../../src/sandbox/index.ts'

const ORDERING = ['olive', 'anchor', 'beacon']

/** Everything that a client could have been shown, and all that was logged. */
async function everythingShown(gateway: TestGateway, comparison: unknown): Promise<string> {
  const lsps = await gateway.ask(
    '{ lsps { id status { state lastError } } orders(first: 10) { nodes { id payment { bolt11 { invoice } } } } }',
  )
  return JSON.stringify([comparison, lsps, gateway.logged])
}

test.each<[Fault, string]>([
  ['WRONG_INVOICE_AMOUNT', 'INVOICE_AMOUNT'],
  ['WRONG_NETWORK_INVOICE', 'INVOICE_NETWORK'],
])('%s is UNTRUSTWORTHY for the reason %s, and the invoice is shown to nobody', async (fault, check) => {
  await using gateway = await startTestGateway({ sandbox: { only: ORDERING } })
  for (const lsp of gateway.sandbox.lsps) lsp.setFaults([fault])
  const comparison = await compare(gateway)
  expect(comparison.quotes).toEqual([])
  expect(comparison.failures.map(({ lsp, code }) => [lsp.id, code])).toEqual([
    ['anchor', 'UNTRUSTWORTHY'],
    ['beacon', 'UNTRUSTWORTHY'],
    ['olive', 'UNTRUSTWORTHY'],
  ])
  for (const { message } of comparison.failures) expect(message).toMatch(new RegExp(`^${check}: `))
  expect(await everythingShown(gateway, comparison)).not.toMatch(/ln(bc|bcrt)[0-9a-z]{20}/)
})

test('an LSP that is not believed is not asked again while its order stands', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
  const olive = gateway.sandbox.lsp('olive')
  olive.setFaults(['WRONG_INVOICE_AMOUNT'])
  for (let times = 0; times < 5; times += 1) expect((await failureOf(gateway, 'olive')).code).toBe('UNTRUSTWORTHY')
  expect(orderPosts(olive)).toHaveLength(1)
})

test('a price that was not believed is no observed price later', async () => {
  await using gateway = await startTestGateway({
    sandbox: { only: ['olive'] },
    lsp: () => ({ courtesy: { maxUnpaidOrders: 1, firmQuotesPerHour: 10, maxStandingOrders: 1_000 } }),
  })
  gateway.sandbox.lsp('olive').setFaults(['WRONG_INVOICE_AMOUNT'])
  expect((await failureOf(gateway, 'olive')).code).toBe('UNTRUSTWORTHY')
  expect((await failureOf(gateway, 'olive', { request: { clientAddress: null } })).code).toBe('PRICE_UNKNOWN')
})

const bolt11 = (order: ReturnType<typeof lsps1Order>, changes: Record<string, unknown>) => ({
  ...order,
  payment: { bolt11: { ...order.payment.bolt11, ...changes } },
})

test.each([
  [
    'whose fee and client balance are not its total',
    (now: number) => bolt11(lsps1Order(now), { fee_total_sat: '999' }),
    'UNTRUSTWORTHY',
    /FEE_ADDS_UP: bolt11: fee 999 \+ client balance 0 = 999, order total 1000/,
  ],
  [
    'whose invoice does not decode',
    (now: number) => bolt11(lsps1Order(now), { invoice: 'lnbcrt10u1nonsense' }),
    'UNTRUSTWORTHY',
    /INVOICE_DECODES/,
  ],
  ['whose invoice has expired', (now: number) => lsps1Order(now - 7_200_000), 'UNTRUSTWORTHY', /INVOICE_NOT_EXPIRED/],
  [
    'for a channel of nothing',
    (now: number) => lsps1Order(now, { lsp_balance_sat: '0' }),
    'UNTRUSTWORTHY',
    /TERMS_ECHOED/,
  ],
  [
    'for a lease of nothing',
    (now: number) => lsps1Order(now, { channel_expiry_blocks: 0 }),
    'UNTRUSTWORTHY',
    /TERMS_ECHOED/,
  ],
  [
    'without a word about the payment',
    (now: number) => ({ ...lsps1Order(now), payment: null }),
    'BAD_RESPONSE',
    /payment/,
  ],
  [
    'whose fee is more than all bitcoin',
    (now: number) => bolt11(lsps1Order(now), { fee_total_sat: '2100000000000001' }),
    'BAD_RESPONSE',
    /fee_total_sat/,
  ],
  ['that is no object', () => [1, 2, 3], 'BAD_RESPONSE', /./],
])('an order %s is a typed failure', async (_what, order, code, message) => {
  await using lsp = await startScriptedLsp(() => order(Date.now()))
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('odd', lsp.url)] } })
  const comparison = await compare(gateway)
  expect(comparison.failures).toMatchObject([{ code, message: expect.stringMatching(message) }])
  expect(JSON.stringify(comparison)).not.toMatch(/lnbcrt\d/)
})

test('an honest order of the same server is a quote', async () => {
  await using lsp = await startScriptedLsp()
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('odd', lsp.url)] } })
  expect(await quoteOf(gateway, 'odd')).toMatchObject({
    basis: 'FIRM',
    feeTotalSat: 1_000,
    checks: expect.arrayContaining([expect.objectContaining({ code: 'INVOICE_AMOUNT', verdict: 'PASSED' })]),
  })
})

test('figures that no answer of ours could hold cost none of the other LSPs their answer', async () => {
  await using sandbox = await startSandbox({ only: ['olive'] })
  await using eternal = await startScriptedLsp(() => lsps1Order(Date.now(), { channel_expiry_blocks: 4_294_967_295 }))
  await using greedy = await QueueServer.start()
  const GREEDY: Record<string, unknown> = {
    '/get_info': { options: { max_initial_client_balance_sat: 5_000_000 }, assets: [] },
    '/estimate_fees': { total_fee: 2_100_000_000_000_000 },
  }
  greedy.always((request, response) =>
    (GREEDY[request.path] ? json(200, GREEDY[request.path]) : json(404, { detail: 'Not Found' }))(request, response),
  )
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: {
      lsps: [
        settingsOf(sandbox.lsp('olive')),
        settings('eternal', eternal.url),
        settings('greedy', greedy.url, { protocol: 'KALEIDOSWAP' }),
      ],
    },
  })
  const { quotes, failures } = await compare(gateway, { lspIds: ['olive', 'eternal'] })
  // More blocks than GraphQL's Int holds are told as the most that it holds.
  expect(failures).toEqual([])
  expect(
    quotes.map((quote: { lsp: { id: string }; channelExpiryBlocks: number }) => [
      quote.lsp.id,
      quote.channelExpiryBlocks,
    ]),
  ).toEqual([
    ['eternal', 2_147_483_647],
    ['olive', 12_960],
  ])
  // All of bitcoin as a fee, and a client balance on top.
  const more = await compare(gateway, { lspIds: ['olive', 'greedy'], request: { clientBalanceSat: 1_000 } })
  expect(idsOf(more.quotes)).toEqual(['olive'])
  expect(more.failures).toMatchObject([{ lsp: { id: 'greedy' }, code: 'BAD_RESPONSE' }])
})

test('what an LSP says is cleaned of control characters and markup before anybody reads it', async () => {
  await using lsp = await startScriptedLsp()
  lsp.next(json(400, { error: { code: 1, message: 'No\u0007 to <b>you</b>\u202e\nat all' } }), '/create_order')
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('rude', lsp.url)] } })
  expect(await failureOf(gateway, 'rude')).toMatchObject({ code: 'CLIENT_REJECTED', message: 'No to b>you/b> at all' })
})

test.each([
  ['an endless one', text(200, `{"order_id": "${'x'.repeat(1_100_000)}"}`), /more than 1000000 bytes/],
  ['a deep one', text(200, `${'['.repeat(40)}${']'.repeat(40)}`), /nested too deeply/],
  ['a redirect', text(302, '', { location: 'http://127.0.0.1:9/' }), /redirects are not followed/],
  ['a text', text(200, 'hello'), /not JSON/],
])('an answer that is %s is a BAD_RESPONSE', async (_what, answer, message) => {
  await using lsp = await startScriptedLsp()
  lsp.next(answer, '/create_order')
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('odd', lsp.url)] } })
  expect(await failureOf(gateway, 'odd')).toMatchObject({
    code: 'BAD_RESPONSE',
    message: expect.stringMatching(message),
  })
})

test('a limit above what its unit can be is no limit', async () => {
  await using lsp = await startScriptedLsp(undefined, { ...LSPS1_INFO, max_channel_expiry_blocks: 4_294_967_295 })
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('long', lsp.url)] } })
  expect((await quoteOf(gateway, 'long')).basis).toBe('FIRM')
  const answer = await gateway.send('{ lsp(id: "long") { limits { minLspBalanceSat maxChannelExpiryBlocks } } }')
  expect(answer.errors).toBeUndefined()
  expect(answer.data).toEqual({ lsp: { limits: { minLspBalanceSat: 100_000, maxChannelExpiryBlocks: null } } })
})

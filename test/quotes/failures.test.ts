import { expect, test } from 'vitest'
import { compare, failureOf, idsOf, orderPosts, quoteOf, settings } from './support.ts'
import { QueueServer } from '../support/queue-server.ts'
import { startTestGateway } from '../support/gateway.ts'
import type { Fault } from '../../src/sandbox/index.ts'

const ALL = ['anchor', 'beacon', 'kestrel', 'olive', 'thunder']
const ASSET = { assetId: 'rgb:anything', lspAmount: '100' }

test.each<[string, Record<string, unknown>, string]>([
  ['olive', { asset: ASSET }, 'asset'],
  ['thunder', { clientBalanceSat: 1 }, 'clientBalanceSat'],
  ['thunder', { announceChannel: true }, 'announceChannel'],
  ['thunder', { requiredChannelConfirmations: 1 }, 'requiredChannelConfirmations'],
  ['thunder', { fundingConfirmsWithinBlocks: 6 }, 'fundingConfirmsWithinBlocks'],
  ['thunder', { asset: { ...ASSET, clientAmount: '1' } }, 'asset.clientAmount'],
  ['thunder', { asset: { ...ASSET, rfqId: 'a quote' } }, 'asset.rfqId'],
  ['anchor', { announceChannel: true }, 'announceChannel'],
  ['anchor', { asset: ASSET }, 'asset'],
  ['anchor', { requiredChannelConfirmations: 0 }, 'requiredChannelConfirmations'],
  ['anchor', { fundingConfirmsWithinBlocks: 6 }, 'fundingConfirmsWithinBlocks'],
  ['beacon', { asset: ASSET }, 'asset'],
  ['beacon', { requiredChannelConfirmations: 0 }, 'requiredChannelConfirmations'],
  ['beacon', { fundingConfirmsWithinBlocks: 6 }, 'fundingConfirmsWithinBlocks'],
])('what %s’s protocol cannot express is UNSUPPORTED and sent to nobody: %j', async (id, request, field) => {
  await using gateway = await startTestGateway({ sandbox: { only: [id] } })
  await expect
    .poll(
      async () => (await gateway.ask('query ($id: ID!) { lsp(id: $id) { nodeUris } }', { id })).lsp.nodeUris.length,
      { interval: 10 },
    )
    .toBeGreaterThan(0)
  expect(await failureOf(gateway, id, { request, firm: 'ALWAYS' })).toMatchObject({
    code: 'UNSUPPORTED',
    field,
    retryAt: null,
  })
  expect(orderPosts(gateway.sandbox.lsp(id))).toEqual([])
})

test('what one protocol cannot express, the others still answer', async () => {
  await using gateway = await startTestGateway()
  const { quotes, failures } = await compare(gateway, {
    request: { announceChannel: true, requiredChannelConfirmations: 3 },
  })
  expect(quotes.map(({ lsp, announceChannel }) => [lsp.id, announceChannel])).toEqual([
    ['kestrel', true],
    ['olive', true],
  ])
  expect(idsOf(failures)).toEqual(['anchor', 'beacon', 'thunder'])
  expect(orderPosts(gateway.sandbox.lsp('olive'))[0]?.body).toMatchObject({
    announce_channel: true,
    required_channel_confirmations: 3,
  })
})

/** The limits are learnt, and then this goes wrong everywhere. */
async function askWhile(fault: Fault, deadlineMs?: number) {
  const gateway = await startTestGateway()
  // Every LSP that has limits has told them once this is answered.
  await compare(gateway, { firm: 'NEVER' })
  for (const lsp of gateway.sandbox.lsps) lsp.setFaults([fault])
  const comparison = await compare(gateway, {
    firm: 'ALWAYS',
    request: { lspBalanceSat: 2_000_000 },
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  })
  // A gateway that stops waits for orders that are on their way.
  await gateway.sandbox.close()
  await gateway[Symbol.asyncDispose]()
  return comparison
}

test.each<[Fault, string, RegExp]>([
  ['SERVER_ERROR', 'UNAVAILABLE', /^upstream connect error or disconnect before headers$/],
  ['MALFORMED', 'BAD_RESPONSE', /^the answer is not what its protocol says: not JSON$/],
])('%s at every LSP is %s from every LSP', async (fault, code, message) => {
  const { quotes, failures } = await askWhile(fault)
  expect(quotes).toEqual([])
  expect(failures.map((failure) => [failure.lsp.id, failure.code])).toEqual(ALL.map((id) => [id, code]))
  for (const failure of failures) expect(failure.message).toMatch(message)
})

test('HANGING at every LSP is TIMEOUT from every LSP, at the deadline', async () => {
  const { quotes, failures, elapsedMs } = await askWhile('HANGING', 300)
  expect(quotes).toEqual([])
  expect(failures.map(({ lsp, code, message }) => [lsp.id, code, message])).toEqual(
    ALL.map((id) => [id, 'TIMEOUT', 'no answer within 300 ms']),
  )
  expect(elapsedMs).toBeGreaterThanOrEqual(290)
  expect(elapsedMs).toBeLessThan(1_300)
})

test('an LSP’s own timeout bounds it where the deadline does not', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] }, lsp: () => ({ timeoutMs: 200 }) })
  await compare(gateway, { firm: 'NEVER' })
  gateway.sandbox.lsp('olive').setFaults(['HANGING'])
  const { failures, elapsedMs } = await compare(gateway, { deadlineMs: 10_000 })
  expect(failures).toMatchObject([{ code: 'TIMEOUT', message: 'no answer within 200 ms' }])
  expect(elapsedMs).toBeLessThan(1_200)
  await gateway.sandbox.close()
})

test('an LSP that nobody listens for is UNAVAILABLE', async () => {
  const gone = await QueueServer.start()
  const { url } = gone
  await gone[Symbol.asyncDispose]()
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('gone', url), settings('draft', url, { protocol: 'CHANNEL_REQUEST_V0_0_1' })] },
  })
  const { failures } = await compare(gateway)
  expect(failures.map(({ lsp, code, message }) => [lsp.id, code, message])).toEqual([
    ['draft', 'UNAVAILABLE', 'no connection (ECONNREFUSED)'],
    ['gone', 'UNAVAILABLE', 'no connection (ECONNREFUSED)'],
  ])
})

test('an LSP that failed is asked anew by the next question', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
  const olive = gateway.sandbox.lsp('olive')
  await compare(gateway, { firm: 'NEVER' })
  olive.setFaults(['SERVER_ERROR'])
  expect((await failureOf(gateway, 'olive')).code).toBe('UNAVAILABLE')
  olive.setFaults([])
  expect((await quoteOf(gateway, 'olive')).basis).toBe('FIRM')
})

test('one LSP of each kind of trouble costs the others nothing', async () => {
  await using gateway = await startTestGateway()
  await compare(gateway, { firm: 'NEVER' })
  gateway.sandbox.lsp('anchor').setFaults(['SERVER_ERROR'])
  gateway.sandbox.lsp('beacon').setFaults(['MALFORMED'])
  gateway.sandbox.lsp('kestrel').setFaults(['HANGING'])
  const { quotes, failures } = await compare(gateway, { deadlineMs: 1_000, request: { lspBalanceSat: 2_000_000 } })
  expect(idsOf(quotes)).toEqual(['thunder', 'olive'])
  expect(failures.map(({ lsp, code }) => [lsp.id, code])).toEqual([
    ['anchor', 'UNAVAILABLE'],
    ['beacon', 'BAD_RESPONSE'],
    ['kestrel', 'TIMEOUT'],
  ])
})

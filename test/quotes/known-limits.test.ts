import { expect, test } from 'vitest'
import {
  compare,
  failureOf,
  idsOf,
  LSPS1_INFO,
  orderPosts,
  quoteOf,
  requestsTo,
  settings,
  startScriptedLsp,
} from './support.ts'
import { json, QueueServer } from '../support/queue-server.ts'
import { startTestGateway } from '../support/gateway.ts'

const TOO_LARGE = { request: { lspBalanceSat: 50_000_001 } }

test('get_info is asked once for many quotes', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive', 'kestrel', 'thunder'] } })
  for (let size = 1_000_000; size < 1_010_000; size += 1_000)
    await compare(gateway, { request: { lspBalanceSat: size } })
  expect(gateway.sandbox.lsps.map((lsp) => requestsTo(lsp, '/get_info').length)).toEqual([1, 1, 1])
})

test.each([
  ['olive', { lspBalanceSat: 99_999 }, 'lspBalanceSat'],
  ['olive', { lspBalanceSat: 50_000_001 }, 'lspBalanceSat'],
  ['olive', { clientBalanceSat: 5_000_001 }, 'clientBalanceSat'],
  ['olive', { lspBalanceSat: 48_000_000, clientBalanceSat: 3_000_000 }, 'lspBalanceSat'],
  ['olive', { channelExpiryBlocks: 20_161 }, 'channelExpiryBlocks'],
  ['olive', { fundingConfirmsWithinBlocks: 5 }, 'fundingConfirmsWithinBlocks'],
  ['kestrel', { lspBalanceSat: 49_999 }, 'lspBalanceSat'],
  ['kestrel', { lspBalanceSat: 16_777_216 }, 'lspBalanceSat'],
  ['thunder', { channelExpiryBlocks: 12_961 }, 'channelExpiryBlocks'],
  ['thunder', { lspBalanceSat: 99_999 }, 'lspBalanceSat'],
])('what is outside the limits of %s (%j) fails with %s, and the LSP is not bothered', async (id, request, field) => {
  await using gateway = await startTestGateway({ sandbox: { only: [id] } })
  // Its limits are known as soon as it has answered one question.
  await quoteOf(gateway, id, { firm: 'ALWAYS' })
  const before = gateway.sandbox.lsp(id).requests.length
  const failure = await failureOf(gateway, id, { request, firm: 'ALWAYS' })
  expect(failure).toMatchObject({ code: 'OPTION_MISMATCH', field, retryAt: null })
  await failureOf(gateway, id, { request })
  expect(gateway.sandbox.lsp(id).requests).toHaveLength(before)
})

test('what is just inside the limits is asked for', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
  const request = { lspBalanceSat: 45_000_000, clientBalanceSat: 5_000_000, channelExpiryBlocks: 20_160 }
  expect((await quoteOf(gateway, 'olive', { request })).basis).toBe('FIRM')
  expect(orderPosts(gateway.sandbox.lsp('olive'))[0]?.body).toMatchObject({
    lsp_balance_sat: '45000000',
    client_balance_sat: '5000000',
    channel_expiry_blocks: 20_160,
  })
})

// bLIP-51 §2; Kaleidoswap 0.2.0 OrderOptions, whose minimum of funding blocks is 0, and CreateOrderRequest.
test.each(['olive', 'kestrel'])('%s gets defaults for the confirmations that the client leaves open', async (id) => {
  await using gateway = await startTestGateway({ sandbox: { only: [id] } })
  const lsp = gateway.sandbox.lsp(id)
  const sentFor = async (request: Record<string, unknown>) => {
    const { notes } = await quoteOf(gateway, id, { request, firm: 'ALWAYS' })
    const sent = orderPosts(lsp).at(-1)?.body as Record<string, number> | undefined
    const isZeroConf = notes.some(({ code }) => code === 'ZERO_CONF')
    return [sent?.required_channel_confirmations, sent?.funding_confirms_within_blocks, isZeroConf]
  }
  expect(await sentFor({})).toEqual([1, 6, false])
  expect(await sentFor({ announceChannel: true })).toEqual([6, 6, false])
  expect(await sentFor({ requiredChannelConfirmations: 3, fundingConfirmsWithinBlocks: 10 })).toEqual([3, 10, false])
  expect(await sentFor({ requiredChannelConfirmations: 0, announceChannel: true })).toEqual([0, 6, true])
})

test('when an LSP itself says OPTION_MISMATCH, its limits are read again, and the violated one is named', async () => {
  const mismatch = {
    error: {
      code: 100,
      message: 'Option mismatch',
      data: { property: 'max_initial_lsp_balance_sat', message: 'max_initial_lsp_balance_sat is 900000' },
    },
  }
  await using lsp = await startScriptedLsp()
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('shrunk', lsp.url)] },
  })
  const limit = async () =>
    (await gateway.ask('{ lsp(id: "shrunk") { limits { maxLspBalanceSat } } }')).lsp.limits?.maxLspBalanceSat
  await expect.poll(limit, { interval: 10 }).toBe(50_000_000)

  lsp
    .next(json(400, mismatch), '/create_order')
    .next(json(200, { ...LSPS1_INFO, max_initial_lsp_balance_sat: '900000' }), '/get_info')
  expect(await failureOf(gateway, 'shrunk')).toMatchObject({
    code: 'OPTION_MISMATCH',
    field: 'lspBalanceSat',
    message: 'Option mismatch: max_initial_lsp_balance_sat is 900000',
    limit: { limit: 'LSP_BALANCE', unit: 'SAT', minimum: '100000', maximum: '900000', requested: '1000000' },
  })
  await expect.poll(limit, { interval: 10 }).toBe(900_000)

  // From now on it is not bothered with what it would refuse.
  expect(await failureOf(gateway, 'shrunk')).toMatchObject({ code: 'OPTION_MISMATCH', field: 'lspBalanceSat' })
  expect(lsp.requests.filter(({ path }) => path === '/create_order')).toHaveLength(1)
})

test('an LSP whose limits nobody ever learnt is not sent an order', async () => {
  await using server = await QueueServer.start()
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('mute', server.url)] },
  })
  expect(await failureOf(gateway, 'mute')).toMatchObject({ code: 'UNAVAILABLE', field: null })
  expect(server.requests.filter(({ method }) => method === 'POST')).toEqual([])
})

test('one LSP’s limits cost the others nothing', async () => {
  await using gateway = await startTestGateway()
  const { quotes, failures } = await compare(gateway, TOO_LARGE)
  // 50 000 001 sat is too much for all but Thunder, which takes twice that.
  expect(idsOf(quotes)).toEqual(['thunder'])
  expect(failures.map(({ lsp, code, field }) => [lsp.id, code, field])).toEqual([
    ['anchor', 'OPTION_MISMATCH', 'lspBalanceSat'],
    ['beacon', 'OPTION_MISMATCH', 'lspBalanceSat'],
    ['kestrel', 'OPTION_MISMATCH', 'lspBalanceSat'],
    ['olive', 'OPTION_MISMATCH', 'lspBalanceSat'],
  ])
})

test('who had no time to wait for the limits leaves no order behind', async () => {
  await using lsp = await startScriptedLsp()
  let answer = () => {}
  lsp.next((request, response) => void (answer = () => json(200, LSPS1_INFO)(request, response)), '/get_info')
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('slow', lsp.url)] } })
  expect((await failureOf(gateway, 'slow', { deadlineMs: 30 })).code).toBe('TIMEOUT')
  answer()
  await expect
    .poll(async () => (await gateway.ask('{ lsp(id: "slow") { limits { asOf } } }')).lsp.limits, { interval: 10 })
    .not.toBeNull()
  expect((await failureOf(gateway, 'slow', { firm: 'NEVER' })).code).toBe('PRICE_UNKNOWN')
  expect(lsp.requests.map(({ path }) => path)).toEqual(['/get_info'])
})

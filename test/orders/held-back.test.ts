import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import { invented } from '../portable/support.ts'
import { lsps1Order, LSPS1_INFO, settings } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { orderAt } from '../support/operations.ts'
import { json, QueueServer } from '../support/queue-server.ts'
import { openGateway } from '../../src/gateway.ts'
import { openStore } from '../../src/store/store.ts'

/** So many are asked at the same time, and may all have been sent before the first is refused. */
const SIDE_BY_SIDE = 4

test('an LSP that limits our requests for long is not asked about every order that is due meanwhile', async () => {
  await using server = await QueueServer.start()
  const placed = new Map<string, unknown>()
  let isLimiting = false
  server.always((request, response) => {
    if (request.path === '/get_info') return json(200, LSPS1_INFO)(request, response)
    if (request.path === '/create_order') {
      const order = { ...lsps1Order(Date.now()), order_id: `order-${placed.size}` }
      placed.set(order.order_id, order)
      return json(200, order)(request, response)
    }
    if (isLimiting) return json(429, { message: 'slow down' }, { 'retry-after': '600' })(request, response)
    json(200, placed.get(request.query['order_id'] ?? ''))(request, response)
  })
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('lsp', server.url)], pace: { activeMs: 200, idleMs: 1_000 } },
  })
  for (let index = 0; index < 12; index += 1) await orderAt(gateway, 'lsp', { lspBalanceSat: 1_000_000 + index })
  const readings = () => server.requests.filter(({ path }) => path === '/get_order').length
  await vi.waitUntil(() => readings() > 24, { timeout: 8_000 })

  isLimiting = true
  const before = readings()
  await vi.waitUntil(() => readings() > before, { timeout: 8_000 })
  await delay(2_500)
  expect(readings() - before).toBeLessThanOrEqual(SIDE_BY_SIDE)
})

test.each([429, 503])(
  'under %i it is polled once a minute all the same, and for each order when the time is over',
  async (status) => {
    let now = Date.now()
    const clock = { now: () => now }
    const offered = lsps1Order(now, { lsp_balance_sat: '1000000' })
    let isLimiting = false
    await using server = await QueueServer.start()
    server.always((request, response) => {
      if (isLimiting) return json(status, { message: 'slow down' }, { 'retry-after': '600' })(request, response)
      json(200, request.path === '/get_info' ? LSPS1_INFO : { ...offered, order_id: request.query['order_id'] })(
        request,
        response,
      )
    })
    const readings = () => server.requests.filter(({ path }) => path === '/get_order').length
    await using store = await openStore(':memory:', clock)
    await using gateway = await openGateway({
      lsps: [settings('lsp', server.url)],
      pace: { activeMs: 50, idleMs: 1_000 },
      store,
      clock,
      logger: pino({ level: 'silent' }),
    })
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const id of ids)
      await gateway.importing.importOrder(
        'ann',
        invented({ protocol: 'LSPS1', url: server.url, lspOrderId: `order-${id}` }),
        { sealKey: null, clientPubkey: null },
      )

    const passes = async (ms: number) => {
      const before = readings()
      now += ms
      await delay(400)
      return readings() - before
    }
    isLimiting = true
    expect(await passes(60_000)).toBeLessThanOrEqual(SIDE_BY_SIDE)
    for (const _ of ids) {
      expect(await passes(30_000)).toBe(0)
      expect(await passes(31_000)).toBe(1)
    }
    isLimiting = false
    expect(await passes(61_000)).toBe(1)
    expect(await passes(600_000)).toBeGreaterThanOrEqual(ids.length)
  },
)

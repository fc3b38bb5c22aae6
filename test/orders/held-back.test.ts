import { setTimeout as delay } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { lsps1Order, LSPS1_INFO, settings } from '../quotes/support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { orderAt } from '../support/operations.ts'
import { json, QueueServer } from '../support/queue-server.ts'

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
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settings('lsp', server.url)], pace: { activeMs: 200, idleMs: 1_000 } } })
  for (let index = 0; index < 12; index += 1) await orderAt(gateway, 'lsp', { lspBalanceSat: 1_000_000 + index })
  const readings = () => server.requests.filter(({ path }) => path === '/get_order').length
  await vi.waitUntil(() => readings() > 24, { timeout: 8_000 })

  isLimiting = true
  const before = readings()
  await vi.waitUntil(() => readings() > before, { timeout: 8_000 })
  await delay(2_500)
  expect(readings() - before).toBeLessThanOrEqual(SIDE_BY_SIDE)
})

import { expect, test, vi } from 'vitest'
import { follow, FOLLOW, order, ORDER, PAY, placed, quote, readings } from './fleet.ts'
import { freshPostgres } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { proxyTo } from '../support/proxy.ts'

// One of two gateways loses its database for good, in the middle of something: for the other it is dead.

test('an order that one was reading when it vanished is read by the other within a lease', async () => {
  await using database = await freshPostgres()
  await using proxy = await proxyTo(database.url)
  await using doomed = await startTestGateway({ sandbox: { only: ['olive'], slowMs: 1_000 }, databaseUrl: proxy.url })
  const { id } = await order(doomed, 'k')
  doomed.sandbox.lsp('olive').setFaults(['SLOW'])
  const before = readings(doomed)
  await vi.waitFor(() => expect(readings(doomed)).toBeGreaterThan(before), { timeout: 10_000 })
  await proxy.cut()
  const vanishedAt = performance.now()
  await using survivor = await startTestGateway({ beside: doomed, databaseUrl: database.url })
  survivor.sandbox.lsp('olive').setFaults([])
  await survivor.ask(PAY, { id })
  await follow(survivor.subscribe(FOLLOW, { id, after: 0 }), 'COMPLETED')
  const tookMs = performance.now() - vanishedAt
  expect(tookMs).toBeLessThan(13_000)
  // Not before the lease ended: nobody can know sooner that it is gone.
  expect(tookMs).toBeGreaterThan(5_000)
  await proxy.restore()
}, 30_000)

test('a key whose order one was sending when it vanished is answered by the other; should it come back with the answer, the order goes on', async () => {
  await using database = await freshPostgres()
  await using proxy = await proxyTo(database.url)
  await using doomed = await startTestGateway({ sandbox: { only: ['kestrel'], slowMs: 1_000 }, databaseUrl: proxy.url })
  await using survivor = await startTestGateway({ beside: doomed, databaseUrl: database.url })
  const { id: quoteId } = await quote(doomed)
  doomed.sandbox.lsp('kestrel').setFaults(['SLOW'])
  const lost = doomed.send(ORDER, { input: { quoteId, idempotencyKey: 'k' } })
  await vi.waitFor(() => expect(placed(doomed, 'kestrel')).toBe(1), { timeout: 10_000 })
  await proxy.cut()
  doomed.sandbox.lsp('kestrel').setFaults([])
  const { createOrder } = await survivor.ask(ORDER, { input: { quoteId, idempotencyKey: 'k' } })
  expect(createOrder).toMatchObject({ __typename: 'Order', state: 'OUTCOME_UNKNOWN' })
  await lost
  await proxy.restore()
  const stateOf = async ({ id }: { id: string }) =>
    (await survivor.ask('query ($id: ID!) { order(id: $id) { state } }', { id })).order.state
  await vi.waitFor(async () => expect(await stateOf(createOrder)).toBe('AWAITING_PAYMENT'), { timeout: 15_000 })
  expect(placed(doomed, 'kestrel')).toBe(1)
}, 60_000)

import { describe, expect, test, vi } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { counting, eventsOf, follow, orderAt, pay, readOrder, sequencesOf } from '../support/operations.ts'
import type { Fault } from '../../src/sandbox/index.ts'

/** Until the LSP was asked so many times more. */
async function asked(gateway: TestGateway, lspId: string, times: number) {
  const { requests } = gateway.sandbox.lsp(lspId)
  const before = requests.length
  await vi.waitUntil(() => requests.length >= before + times, { timeout: 25_000, interval: 5 })
}

const EVERY = ['olive', 'kestrel', 'thunder', 'anchor', 'beacon']

describe.concurrent('an LSP that forgets an order once it is paid', () => {
  for (const lspId of EVERY) {
    test(`is told of, the order is kept, and goes on when ${lspId} remembers`, async () => {
      await using gateway = await startTestGateway({ sandbox: { only: [lspId] } })
      const lsp = gateway.sandbox.lsp(lspId)
      const ordered = await orderAt(gateway, lspId)
      const follower = follow(gateway, ordered.id)
      lsp.setFaults(['VANISHES_AFTER_PAYMENT'])
      await pay(gateway, ordered.id)
      const gone = await follower.until(({ snapshot: order }) => order.lspState === 'NOT_FOUND')
      expect(gone).toMatchObject({
        state: 'AWAITING_PAYMENT',
        previousState: 'AWAITING_PAYMENT',
        message: 'the LSP says that it does not know this order',
        snapshot: {
          payment: { bolt11: null, bolt12: null, onchain: null, bip21: null, payableUntil: null },
          nextStep: {
            actor: 'NOBODY',
            action: 'DO_NOT_PAY',
            message: expect.stringContaining(ordered.lspOrderId ?? '?'),
          },
        },
      })

      // It says so again, and that is no news.
      await asked(gateway, lspId, 2)
      const [before] = await eventsOf(gateway, ordered.id, gone.sequence - 1)
      expect(before).toEqual(gone)
      expect(await eventsOf(gateway, ordered.id, gone.sequence)).toEqual([])
      await vi.waitFor(
        async () => expect((await readOrder(gateway, ordered.id)).checkedAt).not.toBe(gone.snapshot.checkedAt),
        { timeout: 10_000 },
      )

      lsp.setFaults([])
      await follower.untilState('COMPLETED')
      expect(follower.events.map(({ message }) => message)).toContainEqual(
        expect.stringContaining('the LSP knows this order again'),
      )
      expect(sequencesOf(follower.events)).toEqual(counting(1, follower.events.length))
      await follower.stop()
    })
  }

  test('is told of when it remembers, even if nothing else is new', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const lsp = gateway.sandbox.lsp('kestrel')
    lsp.setFaults(['NEVER_OPENS'])
    const { id } = await orderAt(gateway, 'kestrel')
    const follower = follow(gateway, id)
    await pay(gateway, id)
    await follower.untilState('PAID')
    lsp.setFaults(['NEVER_OPENS', 'VANISHES_AFTER_PAYMENT'])
    await follower.until(({ snapshot: order }) => order.lspState === 'NOT_FOUND')
    lsp.setFaults(['NEVER_OPENS'])
    const back = await follower.until(({ message }) => message === 'the LSP knows this order again')
    expect(back).toMatchObject({ state: 'PAID', snapshot: { lspState: 'CREATED' } })
    await follower.stop()
  })
})

describe.concurrent('an LSP that is of no use for a while', () => {
  for (const fault of ['SERVER_ERROR', 'MALFORMED', 'HANGING'] as const satisfies Fault[]) {
    test(
      `(${fault}) loses no order: it goes on when the LSP is back, and nothing was made up meanwhile`,
      { timeout: 60_000 },
      async () => {
        await using gateway = await startTestGateway({
          sandbox: { only: ['kestrel', 'anchor'] },
          // Long enough for a busy machine to place the order; a hanging LSP is waited for as long, three times.
          lsp: () => ({ timeoutMs: fault === 'HANGING' ? 2_000 : 8_000 }),
        })
        const orders = [await orderAt(gateway, 'kestrel'), await orderAt(gateway, 'anchor')]
        for (const { id, lsp } of orders) {
          gateway.sandbox.lsp(lsp.id).setFaults([fault])
          await pay(gateway, id)
        }
        await Promise.all(orders.map(({ lsp }) => asked(gateway, lsp.id, 3)))
        for (const { id } of orders) expect(await eventsOf(gateway, id)).toHaveLength(1)
        for (const { lsp } of orders) gateway.sandbox.lsp(lsp.id).setFaults([])
        for (const { id } of orders) {
          const follower = follow(gateway, id)
          const { snapshot: order } = await follower.untilState('COMPLETED')
          expect(order.failureReason).toBeNull()
          expect(sequencesOf(follower.events)).toEqual(counting(1, follower.events.length))
          await follower.stop()
        }
      },
    )
  }

  test('(never opening) leaves the order PAID, with the LSP to wait for', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    gateway.sandbox.lsp('kestrel').setFaults(['NEVER_OPENS'])
    const { id } = await orderAt(gateway, 'kestrel')
    const follower = follow(gateway, id)
    await pay(gateway, id)
    const paid = await follower.untilState('PAID')
    await asked(gateway, 'kestrel', 5)
    expect(await readOrder(gateway, id)).toMatchObject({
      state: 'PAID',
      sequence: paid.sequence,
      nextStep: { actor: 'LSP', action: 'WAIT' },
    })
    await follower.stop()
  })
})

test.concurrent('a failure that Thunder takes back when it is asked again is never told', async () => {
  // One poll falls into the step in which the order looks failed, and the next one after it. A followed order is polled at
  // half of activeMs.
  await using gateway = await startTestGateway({
    sandbox: { only: ['thunder'], stepMs: 960 },
    config: { pace: { activeMs: 1_200, idleMs: 60_000 } },
  })
  const lsp = gateway.sandbox.lsp('thunder')
  lsp.setFaults(['EARLY_READ_FAILS'])
  const { id, lspOrderId } = await orderAt(gateway, 'thunder')
  const follower = follow(gateway, id)
  await pay(gateway, id)
  await follower.untilState('CHANNEL_OPENING')
  const response = await fetch(`${lsp.url}/get_order?order_id=${lspOrderId}`)
  expect(await response.json()).toMatchObject({ status: 'Failed', channel: { status: 'FailedOpen' } })
  await follower.untilState('COMPLETED')
  expect((await follower.end()).map(({ state }) => state)).toEqual(['AWAITING_PAYMENT', 'CHANNEL_OPENING', 'COMPLETED'])
})

import { describe, expect, test } from 'vitest'
import { assetPurchase } from '../support/assets.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import {
  counting,
  course,
  DECIDE_RATE,
  follow,
  orderAt,
  pay,
  readOrder,
  sequencesOf,
  type Result,
} from '../support/operations.ts'

async function decideRate(gateway: TestGateway, id: string, accept: boolean): Promise<Result> {
  return (await gateway.ask(DECIDE_RATE, { id, accept })).decideRate
}

/** A paid order for a channel with a bought asset, whose price Kestrel raised. */
async function repriced(gateway: TestGateway, more: Record<string, unknown> = {}) {
  gateway.sandbox.lsp('kestrel').setFaults(['RATE_CHANGES'])
  const { id, payment } = await orderAt(gateway, 'kestrel', { asset: await assetPurchase(gateway.sandbox), ...more })
  const follower = follow(gateway, id)
  await pay(gateway, id)
  const asked = await follower.untilState('RATE_DECISION_REQUIRED')
  return { id, payment, follower, asked }
}

/** What was decided, as the LSP was told. */
function decisionsAt(gateway: TestGateway) {
  return gateway.sandbox
    .lsp('kestrel')
    .requests.filter(({ path }) => path === '/rate_decision')
    .map(({ body }) => body)
}

describe.concurrent('a rate decision', () => {
  test('a new rate that the client accepts leads to the channel', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'], stepMs: 600 } })
    const { id, follower, asked } = await repriced(gateway)
    expect(asked.snapshot).toMatchObject({
      lspState: 'PENDING_RATE_DECISION',
      nextStep: { actor: 'CLIENT', action: 'DECIDE_RATE' },
      payment: { bolt11: { state: 'PAID' } },
    })

    const decided = await decideRate(gateway, id, true)
    expect(decided).toMatchObject({
      __typename: 'Order',
      id,
      state: 'PAID',
      lspState: 'CREATED',
      nextStep: { actor: 'LSP', action: 'WAIT' },
    })
    await follower.untilState('COMPLETED')
    const events = await follower.end()
    expect(course(events).slice(-5)).toEqual([
      'RATE_DECISION_REQUIRED CLIENT DECIDE_RATE',
      'PAID LSP WAIT',
      'CHANNEL_OPENING LSP WAIT',
      // The asset is delivered into the open channel.
      'COMPLETED LSP WAIT',
      'COMPLETED NOBODY NOTHING',
    ])
    expect(sequencesOf(events)).toEqual(counting(1, events.length))
    expect(events.map(({ message }) => message)).toContain(
      'the new rate was accepted: Rate accepted. Order will proceed with current market rate.',
    )
    expect(decisionsAt(gateway)).toEqual([
      expect.objectContaining({ accept_new_rate: true, access_token: expect.stringMatching(/^ord_/) }),
    ])
  })

  test('the transaction of the refund is kept after a refused rate (0.2.0 RateDecisionResponse refund_txid)', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const refundOnchainAddress = gateway.sandbox.wallet.newAddress()
    const { id, follower } = await repriced(gateway, { refundOnchainAddress })
    await decideRate(gateway, id, false)
    await follower.untilState('REFUNDED')
    await follower.stop()
    const { order } = await gateway.ask(
      'query ($id: ID!) { order(id: $id) { orderTotalSat nextStep { message } refund { state onchainSat paidTo txid } } }',
      { id },
    )
    expect(order.refund).toEqual({
      state: 'PAID_OUT',
      onchainSat: order.orderTotalSat,
      paidTo: refundOnchainAddress,
      txid: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(order.nextStep.message).toContain(order.refund.txid)
  })

  test('a new rate that the client refuses gives the money back', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { id, payment, follower } = await repriced(gateway)
    const decided = await decideRate(gateway, id, false)
    expect(decided).toMatchObject({
      __typename: 'Order',
      state: 'REFUNDED',
      failureReason: 'Client declined the new rate',
      nextStep: { actor: 'NOBODY', action: 'NOTHING' },
    })
    expect(decided.payment.bolt11?.state).toBe('REFUNDED')

    const events = await follower.end()
    expect(events.at(-1)).toMatchObject({ state: 'REFUNDED', sequence: events.length })
    expect(events.map(({ message }) => message)).toContain(
      'the new rate was refused: Rate declined. The payment was refunded.',
    )
    expect(gateway.sandbox.wallet.payment(payment.bolt11?.paymentHash ?? '')).toMatchObject({ state: 'RETURNED' })
    expect(gateway.sandbox.wallet.spentSat()).toBe(0)
    expect(decisionsAt(gateway)).toEqual([expect.objectContaining({ accept_new_rate: false })])
  })

  test('a refused rate is refunded on chain where the order was paid there, and the transaction is named', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    gateway.sandbox.lsp('kestrel').setFaults(['RATE_CHANGES'])
    const refundOnchainAddress = gateway.sandbox.wallet.newAddress()
    const { id, orderTotalSat } = await orderAt(gateway, 'kestrel', {
      refundOnchainAddress,
      asset: await assetPurchase(gateway.sandbox),
    })
    const follower = follow(gateway, id)
    await pay(gateway, id, 'ONCHAIN')
    await follower.untilState('RATE_DECISION_REQUIRED')
    expect(await decideRate(gateway, id, false)).toMatchObject({ state: 'REFUNDED' })
    expect(gateway.sandbox.wallet.receivedAt(refundOnchainAddress)).toBe(orderTotalSat)
    const events = await follower.end()
    expect(events.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^the new rate was refused: .*: transaction [0-9a-f]{64}$/),
    )
  })

  test('an order that is not asked about has no rate to decide, and its LSP is not bothered', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel', 'olive'] } })
    const unpaid = await orderAt(gateway, 'kestrel')
    const elsewhere = await orderAt(gateway, 'olive')
    for (const { id } of [unpaid, elsewhere]) {
      expect(await decideRate(gateway, id, true)).toEqual({
        __typename: 'NotPossibleError',
        state: 'AWAITING_PAYMENT',
        message: 'not possible while the order is AWAITING_PAYMENT; possible in: RATE_DECISION_REQUIRED',
      })
    }
    expect(await decideRate(gateway, '01900000-0000-7000-8000-000000000000', true)).toEqual({
      __typename: 'OrderNotFoundError',
      message: 'there is no order with this id',
    })
    expect(decisionsAt(gateway)).toEqual([])
  })

  test('a decision is made once: after it there is none left to make', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const { id, follower } = await repriced(gateway)
    await decideRate(gateway, id, true)
    await follower.end()
    expect(await decideRate(gateway, id, false)).toMatchObject({ __typename: 'NotPossibleError', state: 'COMPLETED' })
    expect(await readOrder(gateway, id)).toMatchObject({ state: 'COMPLETED' })
    expect(decisionsAt(gateway)).toHaveLength(1)
  })
})

import { describe, expect, test } from 'vitest'
import type { Fault } from '../../src/sandbox/index.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { follow, orderAt } from '../support/operations.ts'

const PAY = `mutation ($id: ID!, $way: SandboxPaymentWay!, $amountSat: Sat) {
  sandboxPay(id: $id, way: $way, amountSat: $amountSat) { state txid }
}`
const RECEIVE = `mutation ($id: ID!, $amountSat: Sat!) {
  sandboxReceive(orderId: $id, amountSat: $amountSat) { receivedSat feeSat }
}`

const gatewayWith = (lspId: string) => startTestGateway({ sandbox: { only: [lspId] } })

async function orderWith(gateway: TestGateway, lspId: string, fault: Fault | null) {
  gateway.sandbox.lsp(lspId).setFaults(fault === null ? [] : [fault])
  return orderAt(gateway, lspId, { refundOnchainAddress: gateway.sandbox.wallet.newAddress() })
}

describe.concurrent('in the sandbox', () => {
  test('an order is paid on-chain in part, then the rest', async () => {
    await using gateway = await gatewayWith('kestrel')
    const { id, orderTotalSat } = await orderWith(gateway, 'kestrel', null)
    const follower = follow(gateway, id)
    await gateway.ask(PAY, { id, way: 'ONCHAIN', amountSat: 1_000 })
    expect((await follower.untilState('UNDERPAID')).snapshot.payment.onchain?.paidSat).toBe(1_000)
    await gateway.ask(PAY, { id, way: 'ONCHAIN', amountSat: orderTotalSat - 1_000 })
    await follower.untilState('COMPLETED')
    expect(gateway.sandbox.wallet.spentSat()).toBe(orderTotalSat)
  })

  test('an order is paid on-chain with more than its total', async () => {
    await using gateway = await gatewayWith('kestrel')
    const { id, orderTotalSat } = await orderWith(gateway, 'kestrel', null)
    await gateway.ask(PAY, { id, way: 'ONCHAIN', amountSat: orderTotalSat + 500 })
    await follow(gateway, id).untilState('COMPLETED')
    expect(gateway.sandbox.wallet.spentSat()).toBe(orderTotalSat + 500)
  })

  test('an order is paid by its BOLT 12 offer', async () => {
    await using gateway = await gatewayWith('olive')
    const { id, payment, orderTotalSat } = await orderWith(gateway, 'olive', 'OFFERS_BOLT12')
    expect(payment.bolt12).toMatchObject({ state: 'EXPECT_PAYMENT', offer: expect.stringMatching(/^lno1/) })
    const { sandboxPay } = await gateway.ask(PAY, { id, way: 'BOLT12' })
    expect(sandboxPay).toEqual({ state: 'PENDING', txid: null })
    const { snapshot: order } = await follow(gateway, id).untilState('COMPLETED')
    expect(order.payment.bolt12?.state).toBe('PAID')
    expect(gateway.sandbox.wallet.spentSat()).toBe(orderTotalSat)
  })

  test('a first payment with the order’s route hint opens the channel', async () => {
    await using gateway = await gatewayWith('anchor')
    const { id } = await orderAt(gateway, 'anchor')
    const { sandboxReceive } = await gateway.ask(RECEIVE, { id, amountSat: 10_000 })
    expect(sandboxReceive).toEqual({ receivedSat: 9_705, feeSat: 295 })
    const { snapshot: order } = await follow(gateway, id).until((event) => event.snapshot.channel?.state === 'OPEN')
    expect(order.channel?.shortChannelId).toMatch(/^\d+x\d+x\d+$/)
  })

  test('a payment that is not possible is refused with the reason', async () => {
    await using gateway = await gatewayWith('olive')
    const { id } = await orderWith(gateway, 'olive', null)
    const messageOf = async (query: string, variables: Record<string, unknown>) =>
      (await gateway.send(query, variables)).errors?.[0]?.message
    expect(await messageOf(PAY, { id, way: 'BOLT11', amountSat: 1 })).toBe(
      'amountSat: only for ONCHAIN; BOLT11 is paid by its own amount',
    )
    expect(await messageOf(PAY, { id, way: 'BOLT12' })).toBe('way: the LSP does not offer BOLT12')
    expect(await messageOf(RECEIVE, { id, amountSat: 1 })).toBe('orderId: the LSP gave this order no route hint')
    expect(await messageOf(PAY, { id: 'unknown', way: 'BOLT11' })).toBe('id: there is no such order or renewal')
  })
})

import { describe, expect, test, vi } from 'vitest'
import { SANDBOX_ASSET } from '../../src/sandbox/asset.ts'
import type { Fault } from '../../src/sandbox/index.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import {
  course,
  DECIDE_RATE,
  follow,
  ORDER_FIELDS,
  orderAt,
  pay,
  readOrder,
  type EventData,
} from '../support/operations.ts'

// Kaleidoswap, seed 000 and 0.2.0: an asset is bought with the channel, paid with it, and delivered into it.

const UNITS = '2500000'
const PURCHASE = { assetId: SANDBOX_ASSET.asset_id, lspAmount: '0', clientAmount: UNITS }
const DETAILS = `query ($id: ID!) { order(id: $id) {
  nextStep { actor action deadline message }
  asset { isConfirmed priceSat agreedPriceSat newOrderTotalSat lspAmount clientAmount deliveryState deliveryError }
  channel { channelId temporaryChannelId }
} }`
const RETRY = `mutation ($id: ID!) { retryAssetDelivery(input: { orderId: $id }) {
  __typename ... on Order { ${ORDER_FIELDS} } ... on LspError { code message } ... on UserError { message }
} }`

const detailsOf = async (gateway: TestGateway, id: string) => (await gateway.ask(DETAILS, { id })).order
const isDelivery =
  (status: string) =>
  ({ snapshot: order }: EventData) =>
    order.asset?.['deliveryState'] === status

/** Buys the asset and pays, while Kestrel has these faults. */
async function bought(gateway: TestGateway, faults: Fault[], more: Record<string, unknown> = {}) {
  gateway.sandbox.lsp('kestrel').setFaults(faults)
  const { id } = await orderAt(gateway, 'kestrel', { asset: PURCHASE, ...more })
  const follower = follow(gateway, id)
  await pay(gateway, id)
  return { id, follower }
}
const decide = async (gateway: TestGateway, id: string, accept: boolean) =>
  (await gateway.ask(DECIDE_RATE, { id, accept })).decideRate
const kestrelGateway = () => startTestGateway({ sandbox: { only: ['kestrel'], stepMs: 200 } })

describe.concurrent('a bought asset', () => {
  test('is paid with the channel and delivered into it', async () => {
    await using gateway = await kestrelGateway()
    const { id, follower } = await bought(gateway, [])
    const events = await follower.end()
    expect(course(events).at(-1)).toBe('COMPLETED NOBODY NOTHING')
    expect(events.at(-1)?.snapshot).toMatchObject({
      feeTotalSat: 4_107,
      orderTotalSat: 6_607,
      asset: { clientAmount: UNITS, priceSat: 2_500, deliveryState: 'COMPLETED', deliveryError: null },
    })
    const { asset, channel } = await detailsOf(gateway, id)
    expect(asset).toMatchObject({ isConfirmed: true, agreedPriceSat: 2_500, newOrderTotalSat: null })
    // seed 000 ChannelDetails.temporary_channel_id
    expect(channel.temporaryChannelId).toMatch(/^[0-9a-f]{64}$/)
    expect(channel.temporaryChannelId).not.toBe(channel.channelId)
    expect(gateway.sandbox.wallet.spentSat()).toBe(6_607)
  })

  test('can be delivered again after a failed delivery, and the stream stays open meanwhile', async () => {
    await using gateway = await kestrelGateway()
    const { id, follower } = await bought(gateway, ['DELIVERY_FAILS'])
    const failed = await follower.until(isDelivery('FAILED'))
    expect(failed.snapshot).toMatchObject({
      state: 'COMPLETED',
      nextStep: { actor: 'CLIENT', action: 'RETRY_ASSET_DELIVERY' },
    })
    expect(failed.snapshot.nextStep.message).toContain('Keysend failed: no route to the client')
    gateway.sandbox.lsp('kestrel').setFaults([])
    expect((await gateway.ask(RETRY, { id })).retryAssetDelivery).toMatchObject({ __typename: 'Order', id })
    const events = await follower.end()
    expect(events.at(-1)?.snapshot).toMatchObject({
      nextStep: { actor: 'NOBODY', action: 'NOTHING' },
      asset: { deliveryState: 'COMPLETED', deliveryError: null },
    })
  })

  test('leads to CONTACT_LSP if the LSP refuses to deliver it again', async () => {
    await using gateway = await kestrelGateway()
    const { id, follower } = await bought(gateway, ['DELIVERY_FAILS'])
    await follower.until(isDelivery('FAILED'))
    gateway.sandbox.lsp('kestrel').setFaults(['DELIVERY_FAILS', 'ORDERS_LOST'])
    expect((await gateway.ask(RETRY, { id })).retryAssetDelivery).toMatchObject({
      __typename: 'LspError',
      code: 'NOT_FOUND',
    })
    gateway.sandbox.lsp('kestrel').setFaults(['DELIVERY_FAILS'])
    await vi.waitFor(
      async () =>
        expect((await detailsOf(gateway, id)).nextStep).toMatchObject({
          actor: 'CLIENT',
          action: 'CONTACT_LSP',
          message: expect.stringContaining('Keysend failed'),
        }),
      { timeout: 10_000 },
    )
    await follower.stop()
  })

  test('waits for a decision without a deadline if its price changes before the opening, and the step names both amounts', async () => {
    await using gateway = await kestrelGateway()
    const { id, follower } = await bought(gateway, ['RATE_CHANGES'])
    await follower.untilState('RATE_DECISION_REQUIRED')
    const { nextStep, asset } = await detailsOf(gateway, id)
    expect(nextStep).toEqual({
      actor: 'CLIENT',
      action: 'DECIDE_RATE',
      deadline: null,
      message:
        'The price of the asset has changed from 2500 sat to 2625 sat, and the order total from 6607 sat to 6732 sat. Call decideRate to accept the new price, or to decline it and be refunded.',
    })
    expect(asset).toMatchObject({ priceSat: 2_625, agreedPriceSat: 2_500, newOrderTotalSat: 6_732 })
    expect(await decide(gateway, id, true)).toMatchObject({ __typename: 'Order' })
    const events = await follower.end()
    expect(events.at(-1)?.snapshot).toMatchObject({ state: 'COMPLETED', asset: { deliveryState: 'COMPLETED' } })
    expect(events.map(({ message }) => message).join()).toContain('asset price changed from 2500 sat to 2625 sat')
  })

  test('is refunded if the client declines the new price before the opening', async () => {
    await using gateway = await kestrelGateway()
    const { id, follower } = await bought(gateway, ['RATE_CHANGES'])
    await follower.untilState('RATE_DECISION_REQUIRED')
    expect(await decide(gateway, id, false)).toMatchObject({ state: 'REFUNDED' })
    expect((await follower.end()).at(-1)?.state).toBe('REFUNDED')
    expect(gateway.sandbox.wallet.spentSat()).toBe(0)
  })

  for (const accept of [true, false])
    test(`is ${accept ? 'delivered if the client accepts' : 'not delivered if the client declines'} a price that changes at the delivery`, async () => {
      await using gateway = await kestrelGateway()
      const refundOnchainAddress = gateway.sandbox.wallet.newAddress()
      const { id, follower } = await bought(gateway, ['RATE_CHANGES_AT_DELIVERY'], { refundOnchainAddress })
      const asked = await follower.until(isDelivery('RATE_CHANGED'))
      expect(asked.snapshot).toMatchObject({
        state: 'RATE_DECISION_REQUIRED',
        channel: { fundingOutpoint: expect.any(String) },
      })
      expect(await decide(gateway, id, accept)).toMatchObject({ __typename: 'Order' })
      const last = await follower.until(isDelivery(accept ? 'COMPLETED' : 'FAILED'))
      expect(last.snapshot).toMatchObject({
        state: 'COMPLETED',
        nextStep: accept ? { actor: 'NOBODY', action: 'NOTHING' } : { actor: 'LSP', action: 'WAIT' },
      })
      if (accept) {
        await follower.end()
      } else {
        expect(last.snapshot.nextStep.message).toContain('has to refund the 2500 sat that you paid for it')
        expect(gateway.sandbox.wallet.receivedAt(refundOnchainAddress)).toBe(2_500)
        await follower.stop()
      }
    })
})

test.concurrent('an order at ThunderStack shows the requested asset as not confirmed (seed 003 §2)', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['thunder'], stepMs: 200 } })
  const { id } = await orderAt(gateway, 'thunder', { asset: { assetId: SANDBOX_ASSET.asset_id, lspAmount: '5000' } })
  const expected = { isConfirmed: false, lspAmount: '5000', clientAmount: null, priceSat: null, deliveryState: null }
  expect((await detailsOf(gateway, id)).asset).toMatchObject(expected)
  const follower = follow(gateway, id)
  await pay(gateway, id)
  await follower.end()
  const { asset, channel } = await detailsOf(gateway, id)
  expect(asset).toMatchObject(expected)
  // seed 003 §2 temporary_channel_id
  expect(channel.temporaryChannelId).toMatch(/^[0-9a-f]{64}$/)
  expect((await readOrder(gateway, id)).asset).toMatchObject({ assetId: SANDBOX_ASSET.asset_id })
})

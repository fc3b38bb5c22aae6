import { describe, expect, test, vi } from 'vitest'
import { startFleet } from '../store/fleet.ts'
import { assetPurchase } from '../support/assets.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import {
  DECIDE_RATE,
  follow,
  orderAt,
  pay,
  readOrder,
  REQUEST_REFUND,
  type DetailsData,
  type Result,
} from '../support/operations.ts'
import type { Fault } from '../../src/sandbox/index.ts'

/** A paid order, and an LSP that takes its time for what is asked of it from now on. */
async function waiting(
  gateway: TestGateway,
  lspId: string,
  fault: Fault,
  isReady: (order: DetailsData) => boolean,
  more: Record<string, unknown> = {},
): Promise<string> {
  const lsp = gateway.sandbox.lsp(lspId)
  lsp.setFaults([fault])
  const { id } = await orderAt(gateway, lspId, more)
  const follower = follow(gateway, id)
  await pay(gateway, id)
  await follower.until(({ snapshot: order }) => isReady(order))
  await follower.stop()
  lsp.setFaults([fault, 'SLOW'])
  return id
}

const refundable = (gateway: TestGateway) =>
  waiting(gateway, 'beacon', 'REFUND', ({ refund }) => refund?.state === 'AVAILABLE')

async function requestRefund(gateway: TestGateway, id: string): Promise<Result> {
  return (await gateway.ask(REQUEST_REFUND, { id, to: { onchainAddress: gateway.sandbox.wallet.newAddress() } }))
    .requestRefund
}

function postsTo(gateway: TestGateway, lspId: string, path: string): number {
  return gateway.sandbox
    .lsp(lspId)
    .requests.filter((request) => request.method === 'POST' && request.path.endsWith(path)).length
}

const UNDER_WAY = { __typename: 'NotPossibleError', message: 'another action on this order is under way' }

function expectOne(results: readonly Result[]): void {
  expect(results.filter(({ __typename }) => __typename === 'Order')).toHaveLength(1)
  for (const result of results.filter(({ __typename }) => __typename !== 'Order'))
    expect(result).toMatchObject(UNDER_WAY)
}

describe.concurrent('of what is asked of an LSP about one order at the same time', () => {
  test('one refund is, to whichever address', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] } })
    const id = await refundable(gateway)
    expectOne(await Promise.all([requestRefund(gateway, id), requestRefund(gateway, id), requestRefund(gateway, id)]))
    expect(postsTo(gateway, 'beacon', '/refund')).toBe(1)
    await vi.waitFor(async () => expect(await readOrder(gateway, id)).toMatchObject({ state: 'REFUNDED' }), {
      timeout: 8_000,
    })
  })

  test('one decision about a rate is', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
    const isUndecided = ({ state }: DetailsData) => state === 'RATE_DECISION_REQUIRED'
    const asset = await assetPurchase(gateway.sandbox)
    const id = await waiting(gateway, 'kestrel', 'RATE_CHANGES', isUndecided, { asset })
    const decide = async (accept: boolean): Promise<Result> =>
      (await gateway.ask(DECIDE_RATE, { id, accept })).decideRate
    expectOne(await Promise.all([decide(true), decide(false)]))
    expect(postsTo(gateway, 'kestrel', '/rate_decision')).toBe(1)
  })

  test('one refund is, at whichever gateways on one database', async () => {
    await using fleet = await startFleet(2, { lspId: 'beacon' })
    const [first, second = first] = fleet.gateways
    const id = await refundable(first)
    expectOne(await Promise.all([requestRefund(first, id), requestRefund(second, id)]))
    expect(postsTo(first, 'beacon', '/refund')).toBe(1)
  })

  test('another can be asked for once the first was refused', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] } })
    const id = await refundable(gateway)
    const beacon = gateway.sandbox.lsp('beacon')
    beacon.setFaults(['SERVER_ERROR'])
    expect(await requestRefund(gateway, id)).toMatchObject({ __typename: 'LspError' })
    beacon.setFaults(['REFUND'])
    expect(await requestRefund(gateway, id)).toMatchObject({ __typename: 'Order' })
  })
})

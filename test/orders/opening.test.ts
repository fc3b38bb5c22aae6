import { describe, expect, test, vi } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import {
  course,
  counting,
  eventsOf,
  follow,
  OPEN_CHANNEL,
  orderAt,
  pay,
  sequencesOf,
  type Result,
} from '../support/operations.ts'

async function openChannel(gateway: TestGateway, id: string, nodeUri?: string): Promise<Result> {
  return (await gateway.ask(OPEN_CHANNEL, { id, nodeUri })).openChannel
}

/** The nodes for which Beacon was asked to open a channel. */
function openedFor(gateway: TestGateway) {
  const opens = gateway.sandbox
    .lsp('beacon')
    .requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/open'))
  return opens.map(({ body }) => (body as { node_connection_string: string }).node_connection_string)
}

/** So seldom that what a test does comes before what the gateway does by itself. */
const SELDOM = { pace: { activeMs: 2_000, idleMs: 3_600_000 } }

describe.concurrent('a channel that the LSP opens when it is asked to', () => {
  test('the gateway asks by itself, once, for the node of the order', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'], stepMs: 100 } })
    const { id } = await orderAt(gateway, 'beacon')
    const follower = follow(gateway, id)
    await pay(gateway, id)
    await follower.until(({ snapshot: order }) => order.channel?.state === 'OPEN')
    await follower.stop()
    expect(openedFor(gateway)).toEqual([gateway.sandbox.wallet.uri])
    expect(follower.events.map(({ message }) => message)).toContain('the LSP agreed to open the channel')
  })

  test('an open that finds the node away says so, and the gateway asks again by itself', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'], stepMs: 100 } })
    gateway.sandbox.lsp('beacon').setFaults(['OPEN_FAILS_ONCE'])
    const { id } = await orderAt(gateway, 'beacon')
    const follower = follow(gateway, id)
    await pay(gateway, id)

    const away = await follower.until(({ snapshot: order }) => order.nextStep.action === 'CONNECT_PEER')
    expect(away.message).toBe('the LSP could not open the channel: the LSP could not connect to the node')
    expect(away.snapshot).toMatchObject({
      state: 'PAID',
      nextStep: { actor: 'CLIENT', message: expect.stringContaining('The gateway asks again by itself') },
    })
    await follower.until(({ snapshot: order }) => order.channel?.state === 'OPEN')
    await follower.stop()
    expect(course(follower.events)).toEqual([
      'AWAITING_PAYMENT CLIENT PAY',
      'PAID GATEWAY WAIT',
      'PAID CLIENT CONNECT_PEER',
      'PAID LSP WAIT',
      'COMPLETED NOBODY NOTHING',
    ])
    expect(sequencesOf(follower.events)).toEqual(counting(1, follower.events.length))
    expect(openedFor(gateway)).toEqual([gateway.sandbox.wallet.uri, gateway.sandbox.wallet.uri])
  })

  test('an open that keeps failing is told once, and asked for again ever more seldom', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] } })
    gateway.sandbox.lsp('beacon').setFaults(['REFUND'])
    const { id } = await orderAt(gateway, 'beacon')
    const follower = follow(gateway, id)
    await pay(gateway, id)
    const refused = await follower.until(({ message }) => message.includes('could not open'))
    expect(refused.snapshot.nextStep).toMatchObject({
      actor: 'CLIENT',
      action: 'OPEN_CHANNEL',
      message:
        'The LSP could not open the channel: your node refused the channel. Check your node, then call openChannel; the gateway also asks again by itself. Or call requestRefund: a refund is available, 7208 sat by Lightning or 6708 sat on-chain.',
    })
    await vi.waitFor(() => expect(openedFor(gateway).length).toBeGreaterThan(3), { timeout: 5_000 })
    const events = await eventsOf(gateway, id)
    expect(events.filter(({ message }) => message.includes('could not open'))).toHaveLength(1)

    const times = gateway.sandbox
      .lsp('beacon')
      .requests.filter(({ path }) => path.endsWith('/open'))
      .map(({ at }) => at)
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0))
    // Twice as long each time, to the millisecond that timers are exact to.
    for (const [index, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(25 * 2 ** index - 2)
    await follower.stop()
  })

  test('an open that the LSP agrees to and forgets is asked for again', async () => {
    await using gateway = await startTestGateway({
      sandbox: { only: ['beacon'], stepMs: 100 },
      config: { pace: { activeMs: 5, idleMs: 1_000 } },
    })
    gateway.sandbox.lsp('beacon').setFaults(['NEVER_OPENS'])
    const { id } = await orderAt(gateway, 'beacon')
    const follower = follow(gateway, id)
    await pay(gateway, id)
    await vi.waitFor(() => expect(openedFor(gateway).length).toBeGreaterThan(1), { timeout: 5_000 })
    gateway.sandbox.lsp('beacon').setFaults([])
    await follower.until(({ snapshot: order }) => order.channel?.state === 'OPEN')
    await follower.stop()
  })

  test('openChannel asks at once, for another address of the node', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] }, config: SELDOM })
    gateway.sandbox.lsp('beacon').setFaults(['OPEN_FAILS_ONCE'])
    const { id } = await orderAt(gateway, 'beacon')
    const follower = follow(gateway, id)
    await pay(gateway, id)
    await follower.until(({ snapshot: order }) => order.nextStep.action === 'CONNECT_PEER')

    const nodeUri = `${gateway.sandbox.wallet.pubkey}@node.example:9736`
    const opened = await openChannel(gateway, id, nodeUri)
    expect(opened).toMatchObject({
      __typename: 'Order',
      state: 'COMPLETED',
      channel: {
        state: expect.stringMatching(/^OPEN(ING)?$/),
        fundingOutpoint: expect.stringMatching(/^[0-9a-f]{64}:\d$/),
      },
    })
    expect(openedFor(gateway)).toEqual([gateway.sandbox.wallet.uri, nodeUri])
    await follower.untilState('COMPLETED')
    await follower.stop()
    expect(sequencesOf(follower.events)).toEqual(counting(1, follower.events.length))
  })

  test('an open that fails when asked for by hand is the LSP’s error, and the order stays paid', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] }, config: SELDOM })
    gateway.sandbox.lsp('beacon').setFaults(['REFUND'])
    const { id } = await orderAt(gateway, 'beacon')
    const follower = follow(gateway, id)
    await pay(gateway, id)
    await follower.until(({ message }) => message.includes('could not open'))
    expect(await openChannel(gateway, id)).toMatchObject({
      __typename: 'LspError',
      code: 'CLIENT_REJECTED',
      message: 'your node refused the channel',
      lsp: { id: 'beacon' },
    })
    const { order } = await gateway.ask('query ($id: ID!) { order(id: $id) { state refund { state } } }', { id })
    expect(order).toEqual({ state: 'PAID', refund: { state: 'AVAILABLE' } })
    await follower.stop()
  })

  test('a channel cannot be asked for before it is paid, nor where LSPs open by themselves', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['beacon', 'kestrel'], stepMs: 60_000 } })
    const unpaid = await orderAt(gateway, 'beacon')
    expect(await openChannel(gateway, unpaid.id)).toEqual({
      __typename: 'NotPossibleError',
      state: 'AWAITING_PAYMENT',
      message: 'not possible while the order is AWAITING_PAYMENT; possible in: PAID',
    })
    const elsewhere = await orderAt(gateway, 'kestrel')
    const follower = follow(gateway, elsewhere.id)
    await pay(gateway, elsewhere.id)
    await follower.untilState('PAID')
    expect(await openChannel(gateway, elsewhere.id)).toEqual({
      __typename: 'NotPossibleError',
      state: 'PAID',
      message: 'kaleidoswap has no such call',
    })
    await follower.stop()
    expect(openedFor(gateway)).toEqual([])
  })
})

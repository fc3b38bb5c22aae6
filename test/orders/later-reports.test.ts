import { expect, test, vi } from 'vitest'
import type { Fault } from '../../src/sandbox/index.ts'
import { lsps1Order, LSPS1_INFO, settings, startScriptedLsp } from '../quotes/support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { follow, orderAt, pay, QUOTES, requestOf } from '../support/operations.ts'

// Over the wire: whose node the channel is for, where the client has to connect, how long the channel lasts.

const LATER = `query ($id: ID!) { order(id: $id) {
  state nextStep { actor action message nodeUri } nodeUris leaseEndsAt
  checks { code verdict message } channel { state fundedAt expiresAt } payment { bolt11 { isHold } }
} }`

interface Later {
  state: string
  nextStep: { actor: string; action: string; message: string; nodeUri: string | null }
  nodeUris: string[]
  leaseEndsAt: string | null
  checks: { code: string; verdict: string; message: string }[]
  channel: { state: string; fundedAt: string | null; expiresAt: string | null } | null
  payment: { bolt11: { isHold: boolean | null } | null }
}

const later = async (gateway: TestGateway, id: string): Promise<Later> => (await gateway.ask(LATER, { id })).order
const checkOf = ({ checks }: Later, code: string) => checks.find((check) => check.code === code)

async function gatewayWith(lspId: string, faults: readonly Fault[] = [], hidesNodes = false): Promise<TestGateway> {
  const gateway = await startTestGateway({
    sandbox: { only: [lspId], stepMs: 150 },
    ...(hidesNodes ? { lsp: () => ({ nodeUris: [] }) } : {}),
  })
  gateway.sandbox.lsp(lspId).setFaults(faults)
  return gateway
}

test.concurrent.each([
  ['kestrel', '0.2.0 OrderResponse client_pubkey'],
  ['thunder', 'seed 003 public_key'],
])('an offer of %s for another node is refused (%s)', async (lspId) => {
  await using gateway = await gatewayWith(lspId, ['WRONG_NODE'])
  const { quotes } = await gateway.ask(QUOTES, { request: requestOf(gateway), lspIds: [lspId], firm: 'ALWAYS' })
  expect(quotes).toMatchObject({
    quotes: [],
    failures: [{ code: 'UNTRUSTWORTHY', message: expect.stringMatching(/^CLIENT_ECHOED: asked for a channel with/) }],
  })
})

test.concurrent('an order of anchor for another node is withheld once the LSP reports it (seed 002 node_connection_info)', async () => {
  await using gateway = await gatewayWith('anchor', ['WRONG_NODE'])
  const { id } = await orderAt(gateway, 'anchor')
  const follower = follow(gateway, id)
  const warned = await follower.until(({ message }) => message.includes('the LSP reports the channel for another node'))
  expect(warned.snapshot).toMatchObject({
    payment: { bolt11: null, onchain: null, bip21: null },
    lnurlChannel: null,
    jitRouteHint: null,
    nextStep: { actor: 'NOBODY', action: 'DO_NOT_PAY' },
  })
  await follower.stop()
})

test.concurrent('a channel of beacon for another node is an event and a reason to contact the LSP (0.0.2 channel.node_id)', async () => {
  await using gateway = await gatewayWith('beacon')
  const { id } = await orderAt(gateway, 'beacon')
  const follower = follow(gateway, id)
  await pay(gateway, id)
  // Before the payment, the answer about a JIT channel would show the other node.
  gateway.sandbox.lsp('beacon').setFaults(['WRONG_NODE'])
  await follower.until(({ message }) => message.includes('asked for a channel with the node'))
  const told = await follower.until(({ snapshot: order }) => order.nextStep.action === 'CONTACT_LSP')
  await follower.stop()
  expect(told.snapshot.nextStep).toMatchObject({
    actor: 'CLIENT',
    message: expect.stringContaining('the LSP reports the channel for another node'),
  })
  expect(checkOf(await later(gateway, id), 'CLIENT_ECHOED')).toMatchObject({ verdict: 'FAILED' })
})

test.concurrent.each(['kestrel', 'thunder', 'anchor', 'beacon'])(
  'the node that %s repeats is checked, and is the client’s',
  async (lspId) => {
    await using gateway = await gatewayWith(lspId)
    const { id } = await orderAt(gateway, lspId)
    await pay(gateway, id)
    await vi.waitFor(
      async () => {
        const order = await later(gateway, id)
        expect(order.channel).not.toBeNull()
        expect(checkOf(order, 'CLIENT_ECHOED')).toMatchObject({ verdict: 'PASSED' })
      },
      { timeout: 10_000 },
    )
  },
)

test.concurrent.each(['olive', 'kestrel', 'anchor', 'beacon'])(
  'half a lease at %s is an event and a warning (bLIP-51 §4, channel_expiry_ts, expiry_ts)',
  async (lspId) => {
    await using gateway = await gatewayWith(lspId, ['SHORT_LEASE'])
    const { id } = await orderAt(gateway, lspId)
    const follower = follow(gateway, id)
    await pay(gateway, id)
    const told = await follower.until(({ message }) => message.includes('the lease as ordered ends on'))
    await follower.stop()
    expect(told.snapshot.nextStep).toMatchObject({ actor: 'CLIENT', action: 'CONTACT_LSP' })
    const order = await later(gateway, id)
    expect(checkOf(order, 'LEASE_KEPT')).toMatchObject({ verdict: 'WARNING' })
    expect(Date.parse(order.leaseEndsAt ?? '')).toBeGreaterThan(Date.parse(order.channel?.expiresAt ?? ''))
  },
)

test.concurrent('a refused open names the node to connect to (0.0.2 ChannelOpenResponse lsp_node_connection_string)', async () => {
  await using gateway = await gatewayWith('beacon', ['PEER_NOT_CONNECTED'], true)
  const { id } = await orderAt(gateway, 'beacon')
  expect((await later(gateway, id)).nodeUris).toEqual([])
  const follower = follow(gateway, id)
  await pay(gateway, id)
  await follower.until(({ snapshot: order }) => order.nextStep.action === 'CONNECT_PEER')
  const [nodeUri] = gateway.sandbox.lsp('beacon').nodeUris
  expect(await later(gateway, id)).toMatchObject({
    nextStep: { action: 'CONNECT_PEER', nodeUri, message: expect.stringContaining(`the LSP's node ${nodeUri}`) },
    nodeUris: [nodeUri],
  })
  gateway.sandbox.lsp('beacon').setFaults([])
  await follower.until(({ snapshot: order }) => order.channel?.state === 'OPEN')
  await follower.stop()
})

test.concurrent('the node that an order names is shown, and its key is known for the payee (seed 004 lsp_connection_info)', async () => {
  await using gateway = await gatewayWith('anchor', [], true)
  const { id } = await orderAt(gateway, 'anchor')
  const order = await later(gateway, id)
  expect(order.nodeUris).toEqual(gateway.sandbox.lsp('anchor').nodeUris)
  expect(checkOf(order, 'INVOICE_PAYEE')).toMatchObject({ verdict: 'PASSED' })
})

test.concurrent('an LSPS1 order that is CREATED beside a channel is being opened, and its invoice is a hold invoice (bLIP-51 §3.1, §4)', async () => {
  const created = lsps1Order(Date.now())
  let isFunded = false
  const now = new Date().toISOString()
  await using lsp = await startScriptedLsp(
    ({ path }) =>
      path === '/create_order' || !isFunded
        ? created
        : {
            ...created,
            payment: { bolt11: { ...created.payment.bolt11, state: 'HOLD' } },
            channel: { funded_at: now, funding_outpoint: `${'ab'.repeat(32)}:0`, expires_at: now },
          },
    LSPS1_INFO,
  )
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: { lsps: [settings('scripted', lsp.url)] },
  })
  const { id } = await orderAt(gateway, 'scripted')
  expect((await later(gateway, id)).payment.bolt11).toEqual({ isHold: true })
  isFunded = true
  const follower = follow(gateway, id)
  await follower.untilState('CHANNEL_OPENING')
  await follower.stop()
  expect(follower.events.map(({ state }) => state)).not.toContain('PAYMENT_HELD')
  expect((await later(gateway, id)).channel).toMatchObject({ state: 'OPENING' })
})

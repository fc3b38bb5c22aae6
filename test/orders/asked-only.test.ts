import { expect, test } from 'vitest'
import { startTestGateway } from '../support/gateway.ts'
import { follow, OPEN_CHANNEL, orderAt, pay } from '../support/operations.ts'

// What an LSP is asked for only if the client, or the operator, asks for it.

const jitRequests = (requests: readonly { method: string; path: string }[]) =>
  requests.filter(({ path }) => path.endsWith('/jit'))

// 73985d6 JIT: registering names the client's node to the LSP, which an order of this draft does not.
test('an unpaid order of draft 0.0.2 is polled without a request for a JIT channel', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] } })
  const beacon = gateway.sandbox.lsp('beacon')
  const { id, lspOrderId } = await orderAt(gateway, 'beacon')
  await expect
    .poll(() => beacon.requests.filter(({ path }) => path.endsWith(`/${lspOrderId}`)).length)
    .toBeGreaterThan(3)
  expect(jitRequests(beacon.requests)).toEqual([])

  // The LSP learns the node when the channel is opened.
  const follower = follow(gateway, id)
  await pay(gateway, id)
  await follower.until(({ snapshot: order }) => order.channel !== null)
  expect(jitRequests(beacon.requests)).toEqual([])
})

// 73985d6 ChannelOpenRequest: node_connection_string is pubkey@host:port.
test('openChannel with a public key alone is refused before the LSP is asked', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['beacon'] } })
  const beacon = gateway.sandbox.lsp('beacon')
  const { id } = await orderAt(gateway, 'beacon')
  beacon.setFaults(['PEER_NOT_CONNECTED'])
  await pay(gateway, id)
  const follower = follow(gateway, id)
  await follower.until(({ snapshot: order }) => order.nextStep.action === 'CONNECT_PEER')
  const nodeUri = gateway.sandbox.wallet.pubkey
  const { openChannel } = await gateway.ask(OPEN_CHANNEL, { id, nodeUri })
  expect(openChannel).toMatchObject({
    __typename: 'LspError',
    code: 'INVALID_REQUEST',
    field: 'nodeUri',
    message: expect.stringContaining('pubkey@host:port'),
  })
  const sent = beacon.requests.filter(({ path }) => path.endsWith('/open'))
  expect(sent.length).toBeGreaterThan(0)
  for (const { body } of sent) expect(body).toMatchObject({ node_connection_string: gateway.sandbox.wallet.uri })
})

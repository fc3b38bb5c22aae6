import { expect, test } from 'vitest'
import { startFleet } from './fleet.ts'
import { follow, orderAt, pay } from '../support/operations.ts'

const RENEW = `mutation ($input: RenewChannelInput!) {
  renewChannel(input: $input) { __typename ... on Renewal { id state } ... on LspError { message code } }
}`

// Draft 0.0.1, seed 002: GET /lsp/channel/renew places an order.
test('two instances that get the same three renewals send the LSP three requests', { timeout: 60_000 }, async () => {
  await using fleet = await startFleet(2, { lspId: 'anchor' })
  const [first] = fleet.gateways
  const { id } = await orderAt(first, 'anchor')
  const follower = follow(first, id)
  await pay(first, id)
  const { order } = await follower.until((event) => event.order.channel?.state === 'OPEN')
  await follower.stop()
  const shortChannelId = order.channel?.shortChannelId ?? ''
  const { url } = first.sandbox.lsp('anchor')
  const inputs = [3_600, 3_700, 3_800].map((seconds) => {
    const validTo = Math.floor(Date.now() / 1_000) + seconds
    const message = `${url}/lsp/channel/renew/?scid=${shortChannelId}&valid_to=${validTo}`
    const signedMessage = first.sandbox.wallet.signMessage(message)
    return { lspId: 'anchor', shortChannelId, validTo: new Date(validTo * 1_000).toISOString(), signedMessage }
  })
  const answers = await Promise.all(
    inputs.flatMap((input) => fleet.gateways.map((gateway) => gateway.ask(RENEW, { input }))),
  )
  for (const { renewChannel } of answers) expect(renewChannel).toMatchObject({ __typename: 'Renewal' })
  expect(new Set(answers.map(({ renewChannel }) => renewChannel.id)).size).toBe(3)
  const requests = first.sandbox.lsp('anchor').requests.filter(({ path }) => path.startsWith('/lsp/channel/renew'))
  expect(requests).toHaveLength(3)
})

import { expect, test } from 'vitest'
import { startFleet } from './fleet.ts'
import { execute } from '../support/database.ts'
import { follow, orderAt, pay } from '../support/operations.ts'

const RENEW = `mutation ($input: RenewChannelInput!) {
  renewChannel(input: $input) { __typename ... on Renewal { id state isFinal nextStep { action } } ... on LspError { message code } }
}`

// Draft 0.0.1, seed 002: GET /lsp/channel/renew places an order.
test('two instances that get the same three renewals send the LSP three requests', { timeout: 60_000 }, async () => {
  await using fleet = await startFleet(2, { lspId: 'anchor' })
  const [first] = fleet.gateways
  const { id } = await orderAt(first, 'anchor')
  const follower = follow(first, id)
  await pay(first, id)
  const { snapshot: order } = await follower.until((event) => event.snapshot.channel?.state === 'OPEN')
  await follower.stop()
  const shortChannelId = order.channel?.shortChannelId ?? ''
  const { url } = first.sandbox.lsp('anchor')
  const inputs = [3_600, 3_700, 3_800].map((seconds) => {
    const validTo = Math.floor(Date.now() / 1_000) + seconds
    const message = `${url}/lsp/channel/renew/?scid=${shortChannelId}&valid_to=${validTo}`
    const signedMessage = first.sandbox.wallet.signMessage(message)
    const term = { validTo: new Date(validTo * 1_000).toISOString() }
    return { lspId: 'anchor', shortChannelId, term, signedMessage, idempotencyKey: `renewal for ${seconds}` }
  })
  const answers = await Promise.all(
    inputs.flatMap((input) => fleet.gateways.map((gateway) => gateway.ask(RENEW, { input }))),
  )
  for (const { renewChannel } of answers) expect(renewChannel).toMatchObject({ __typename: 'Renewal' })
  expect(new Set(answers.map(({ renewChannel }) => renewChannel.id)).size).toBe(3)
  const requests = first.sandbox.lsp('anchor').requests.filter(({ path }) => path.startsWith('/lsp/channel/renew'))
  expect(requests).toHaveLength(3)
})

test('after a lost answer or a crash, two instances send no second request', { timeout: 60_000 }, async () => {
  await using fleet = await startFleet(2, { lspId: 'anchor' })
  const [first] = fleet.gateways
  const lsp = first.sandbox.lsp('anchor')
  const { id } = await orderAt(first, 'anchor')
  const follower = follow(first, id)
  await pay(first, id)
  const { snapshot: order } = await follower.until((event) => event.snapshot.channel?.state === 'OPEN')
  await follower.stop()
  const shortChannelId = order.channel?.shortChannelId ?? ''
  const validTo = Math.floor(Date.now() / 1_000) + 3_600
  const message = `${lsp.url}/lsp/channel/renew/?scid=${shortChannelId}&valid_to=${validTo}`
  const input = {
    lspId: 'anchor',
    shortChannelId,
    idempotencyKey: 'lost',
    term: { validTo: new Date(validTo * 1_000).toISOString() },
    signedMessage: first.sandbox.wallet.signMessage(message),
  }
  // The LSP places the renewal, and its answer cannot be read.
  lsp.setFaults(['MALFORMED'])
  const { renewChannel: lost } = await first.ask(RENEW, { input })
  expect(lost).toMatchObject({ __typename: 'Renewal', state: 'OUTCOME_UNKNOWN' })
  lsp.setFaults([])
  for (const gateway of fleet.gateways) expect((await gateway.ask(RENEW, { input })).renewChannel).toEqual(lost)
  // What a crash between the intent and the answer leaves.
  await execute(
    fleet.database.url,
    `update renewals set body = (body::jsonb - 'failure' || '{"asking": true, "createdAt": ${Date.now() - 3_600_000}}')::text`,
  )
  for (const gateway of fleet.gateways) expect((await gateway.ask(RENEW, { input })).renewChannel).toEqual(lost)
  const other = { ...input, maxFeeTotalSat: 1 }
  for (const gateway of fleet.gateways)
    expect((await gateway.ask(RENEW, { input: other })).renewChannel.__typename).toBe('IdempotencyConflictError')
  expect(lsp.requests.filter(({ path }) => path.startsWith('/lsp/channel/renew'))).toHaveLength(1)
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { builtProgram } from '../support/build.ts'
import { startSandbox } from '../../src/sandbox/index.ts'

const ORDER =
  'mutation ($id: ID!) { createOrder(input: {quoteId: $id, idempotencyKey: "when the disk is full"}) { __typename ... on Order { id state } } }'

test('a disk that is full sends nothing to an LSP that could not be written down, and loses nothing that was', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-full-'))
  await using sandbox = await startSandbox({ only: ['thunder'] })
  const lsp = sandbox.lsp('thunder')
  const configPath = join(directory, 'sluice.yaml')
  await writeFile(
    configPath,
    JSON.stringify({
      lsps: [
        {
          id: lsp.id,
          name: lsp.name,
          protocol: lsp.configName,
          url: lsp.url,
          network: 'regtest',
          tariff: { feeRateSatPerVbyte: 2 },
        },
      ],
      logLevel: 'info',
    }),
  )
  const options = { main: await builtProgram(), configPath, databaseUrl: join(directory, 'sluice.db') }
  let gateway = new GatewayProcess({ ...options, fileBlocks: 1_500 })
  const send = async (query: string, variables: Record<string, unknown> = {}) => {
    const response = await fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    })
    // oxlint-disable-next-line typescript/no-explicit-any -- answers of any shape
    const answer = (await response.json()) as { data: any; errors?: { extensions: unknown }[] }
    return { status: response.status, ...answer }
  }
  const quote = (lspBalanceSat: number) =>
    send(
      `{ quotes(request: {clientPubkey: "${sandbox.wallet.pubkey}", lspBalanceSat: ${lspBalanceSat}}) { quotes { id } failures { code } } }`,
    )
  try {
    await gateway.start()
    const first = (await quote(1_000_000)).data.quotes.quotes[0].id
    let refused: Awaited<ReturnType<typeof quote>> | null = null
    for (let asked = 0; asked < 3_000 && refused === null; asked += 1) {
      const answer = await quote(1_000_001 + asked)
      if (answer.errors) refused = answer
    }
    const UNAVAILABLE = { status: 503, errors: [{ extensions: { code: 'UNAVAILABLE', retryAfterSeconds: 5 } }] }
    expect(refused).toMatchObject(UNAVAILABLE)
    const ready = await fetch(`${gateway.origin}/ready`)
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { status: 'not ready', reason: expect.stringMatching(/^DATABASE_DISK_(FULL|ERROR)$/) as string },
    ])
    expect(await send(ORDER, { id: first })).toMatchObject(UNAVAILABLE)
    for (let asked = 0; asked < 100; asked += 1) await quote(2_000_001 + asked)
    expect(lsp.orderCount).toBe(0)
    expect((await fetch(`${gateway.origin}/health`)).status).toBe(200)
    // However often it fails, an outage is one entry when it begins and one when it ends.
    expect(gateway.errors.trim().split('\n').length).toBeLessThanOrEqual(3)

    await gateway.kill()
    gateway = new GatewayProcess(options)
    await gateway.start()
    expect((await send(ORDER, { id: first })).data).toMatchObject({
      createOrder: { __typename: 'Order', state: 'AWAITING_PAYMENT' },
    })
    expect(lsp.orderCount).toBe(1)
  } finally {
    await gateway.kill()
    await rm(directory, { recursive: true, force: true })
  }
}, 90_000)

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { startSandbox } from '../../src/sandbox/index.ts'
import { freshDatabase } from '../support/database.ts'
import { EXPORT } from '../portable/support.ts'
import { CREATE_ORDER, ORDER_FIELDS, ORDER_UPDATED, QUOTES } from '../support/operations.ts'
import { clientOf, newKey, sha256 } from './gateways.ts'
import { lspsYaml, Program } from './program.ts'
import { ask, TRANSPORTS, type Asked } from './transports.ts'

/** An LSP that repeats in every error what it was told in confidence. */
async function startIndiscreetLsp(): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const { authorization = '' } = request.headers
    response.writeHead(request.url?.includes('get_info') ? 401 : 500, {
      'content-type': 'application/json',
      'x-echo': authorization,
    })
    response.end(
      JSON.stringify({
        error: { code: 100, message: `the key ${authorization} is not welcome`, data: { authorization } },
        detail: authorization,
        message: authorization,
      }),
    )
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

test(
  'a busy run prints and answers no secret: no API key, no LSP token, no access token of an order, no password, no webhook secret, no key to seal an export with',
  { timeout: 90_000 },
  async () => {
    await using database = await freshDatabase('PostgreSQL')
    const sandbox = await startSandbox({ stepMs: 40 })
    const indiscreet = await startIndiscreetLsp()
    const keys = { alice: newKey('alice'), bob: newKey('bob') }
    const lspToken = newKey('lsp-token')
    const otherToken = newKey('other-token')
    const webhookSecret = newKey('webhook-secret-webhook-secret')
    const webhookPath = newKey('hook')
    const sealKey = sha256(newKey('seal'))
    const yaml = `${lspsYaml(sandbox, { auth: '"${LSP_TOKEN}"' }).replace('\npace:', `\n  - { id: indiscreet, name: Indiscreet, protocol: lsps1, url: '${indiscreet.url}', network: regtest, auth: '${otherToken}' }\npace:`)}
clients: ${JSON.stringify([{ ...clientOf('alice', keys.alice), webhook: { url: `${indiscreet.url}/${webhookPath}`, secret: webhookSecret, allowPrivateAddresses: true } }, clientOf('bob', keys.bob)])}
logLevel: trace
`
    const program = await Program.start(yaml, { DATABASE_URL: database.url, LSP_TOKEN: lspToken })
    const answered: string[] = []
    const orders: string[] = []
    const wallet = async (asked: Asked) => {
      const outcomes = await Promise.all(TRANSPORTS.map((transport) => ask(program.origin, transport, asked)))
      answered.push(...outcomes.map(({ text }) => text))
      return outcomes[1]?.data
    }
    try {
      for (const key of Object.values(keys)) {
        const request = {
          clientPubkey: sandbox.wallet.pubkey,
          clientAddress: sandbox.wallet.address,
          lspBalanceSat: 1_000_000,
          refundOnchainAddress: null,
        }
        await wallet({
          query:
            '{ lsps { id name features website nodeUris limits { asOf } status { state lastError latencyMs } assets { assetId } } }',
          key,
        })
        for (const firm of ['ALWAYS', 'NEVER']) {
          const compared = (await wallet({ query: QUOTES, variables: { request, firm }, key })) as {
            quotes: { quotes: { id: string; lsp: { id: string } }[] }
          }
          for (const { id } of compared.quotes.quotes) {
            const { text } = await ask(program.origin, 'POST', {
              query: CREATE_ORDER,
              variables: { input: { quoteId: id, idempotencyKey: id } },
              key,
            })
            answered.push(text)
            const order = /"createOrder":\{[^{]*"id":"([^"]+)"/.exec(text)?.[1]
            if (order !== undefined) orders.push(order)
          }
        }
        await wallet({ query: `{ orders { nodes { ${ORDER_FIELDS} events { nodes { sequence message } } } } }`, key })
        for (const id of orders) await wallet({ query: ORDER_UPDATED, variables: { id, after: 0 }, key })
        for (const id of orders)
          for (const variables of [{ id }, { id, sealKey }, { id, sealKey: `${sealKey}0` }])
            await wallet({ query: EXPORT, variables, key })
        for (const query of [
          '{',
          '{ nothing }',
          `{ order(id: "${'x'.repeat(100)}") { id } }`,
          'mutation { openChannel(input: { orderId: "1" }) { __typename } }',
        ])
          await wallet({ query, key })
      }
      // Keys that are almost right, and right ones where they do not belong.
      for (const key of [`${keys.alice}x`, keys.alice.slice(1), sha256(keys.alice), 'a.b.c'])
        await wallet({ query: '{ __typename }', key })
      for (const path of [
        '/health',
        '/ready',
        '/metrics',
        '/nothing',
        `/graphql?query={__typename}&access_token=${keys.alice}`,
      ]) {
        answered.push(
          await (
            await fetch(`${program.origin}${path}`, { headers: { authorization: `Bearer ${keys.alice}` } })
          ).text(),
        )
      }
      await program.reload(yaml.replace('logLevel: trace', 'logLevel: nonsense'))
      // The orders are read a few times, and the webhooks fail.
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      answered.push(await (await fetch(`${program.origin}/metrics`)).text())

      const client = new Client({ connectionString: database.url })
      await client.connect()
      const { rows } = await client.query<{ access_token: string }>(
        'SELECT access_token FROM placements WHERE access_token IS NOT NULL',
      )
      // Errors of the database, whose reports say much.
      for (const table of ['orders', 'placements', 'quotes'])
        await client.query(`ALTER TABLE ${table} RENAME TO ${table}_gone`)
      await client.end()
      for (const query of [
        '{ orders { nodes { id } } }',
        '{ order(id: "1") { id } }',
        '{ quote(id: "1") { id } }',
        'subscription { orderUpdated(id: "1") { sequence } }',
        `mutation { createOrder(input: { quoteId: "1", idempotencyKey: "1" }) { __typename } }`,
      ])
        await wallet({ query, key: keys.alice })
      await new Promise((resolve) => setTimeout(resolve, 500))
      const accessTokens = rows.map(({ access_token: token }) => token)
      expect(accessTokens.length).toBeGreaterThan(0)
      expect(orders.length).toBeGreaterThan(3)

      const secrets = {
        ...keys,
        sealKey,
        lspToken,
        otherToken,
        webhookSecret,
        webhookPath,
        password: decodeURIComponent(new URL(database.url).password),
        ...Object.fromEntries(accessTokens.map((token, index) => [`access token ${index}`, token])),
      }
      const everything = { printed: program.printed, answered: answered.join('\n') }
      for (const [where, text] of Object.entries(everything)) {
        // Both say much, or the search would prove nothing.
        expect(text.length).toBeGreaterThan(where === 'printed' ? 400 : 20_000)
        for (const [name, secret] of Object.entries(secrets)) {
          expect(secret.length).toBeGreaterThan(7)
          const at = text.indexOf(secret)
          expect(
            at === -1 ? null : `${name} in what was ${where}: ${text.slice(Math.max(0, at - 200), at + 10)}`,
          ).toBeNull()
        }
      }
      process.stdout.write(
        `${Object.keys(secrets).length} secrets, ${accessTokens.length} of orders, in none of ${everything.printed.split('\n').length} lines printed and ${answered.length} answers of ${everything.answered.length} characters\n`,
      )
    } finally {
      await program[Symbol.asyncDispose]()
      await sandbox.close()
      await indiscreet.close()
    }
  },
)

test('a start that fails tells no password of a database', { timeout: 60_000 }, async () => {
  const sandbox = await startSandbox({ only: ['olive'] })
  try {
    for (const url of [
      'postgres://sluice:hunter2-hunter2@127.0.0.1:1/sluice',
      'postgres://sluice:hunter2-hunter2@nothing.invalid/sluice',
      'mysql://sluice:hunter2-hunter2@127.0.0.1/sluice',
      'postgres://sluice:hunter2-hunter2@[::bad/sluice',
    ]) {
      const yaml = `${lspsYaml(sandbox)}\nstartup: { waitSeconds: 0 }\n`
      const failure = await Program.start(yaml, { DATABASE_URL: url }).then(
        async (program) => {
          await program[Symbol.asyncDispose]()
          return ''
        },
        (error: Error) => error.message,
      )
      // 3: the database is not there; 2: a mistake in the configuration.
      expect(failure).toMatch(/^it ended with [23]: /)
      expect(failure).not.toContain('hunter2')
    }
  } finally {
    await sandbox.close()
  }
})

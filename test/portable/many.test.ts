import { expect, test } from 'vitest'
import { IMPORT, invented, type Imported } from './support.ts'
import { clientOf } from '../security/gateways.ts'
import { orderRecord, TRACKING } from '../store/records.ts'
import { systemClock } from '../../src/domain/time.ts'
import { clientIdOf } from '../../src/server/clients.ts'
import { openStore } from '../../src/store/store.ts'
import { ENGINES, freshDatabase, type EngineName } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { counting } from '../support/operations.ts'

const keyOf = (name: string) => `key-of-${name}`

/** A gateway with two clients, who bring orders that its LSP never named: nobody is asked about them. */
async function importing(engine: EngineName) {
  const database = await freshDatabase(engine)
  const gateway = await startTestGateway({
    databaseUrl: database.url,
    sandbox: { only: ['olive'] },
    config: { clients: ['alice', 'bob'].map((name) => clientOf(name, keyOf(name))) },
  })
  return {
    url: database.url,
    async bring(name: string) {
      const document = invented({ protocol: 'LSPS1', url: gateway.sandbox.lsp('olive').url, lspOrderId: null })
      return (await gateway.send(IMPORT, { document }, { authorization: `Bearer ${keyOf(name)}` })).data[
        'importOrder'
      ] as Imported
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

test.each(ENGINES)(
  'a client imports three hundred orders within a minute, and no more, also of those that no LSP is asked about (%s)',
  async (engine) => {
    await using at = await importing(engine)
    await using store = await openStore(at.url, systemClock)
    expect(await at.bring('alice')).toMatchObject({ __typename: 'Order' })
    // The rest at once, and before there is room for another.
    const soon = Date.now() + 3_000
    const taken = await store.transaction(async ({ budgets }) => {
      let count = 0
      while ((await budgets.takeImport(clientIdOf('alice'), soon)) === null) count += 1
      return count
    })
    expect(taken).toBe(300)
    expect(await at.bring('alice')).toMatchObject({
      code: 'TOO_MANY',
      message: expect.stringContaining('within a minute'),
    })
    expect(await at.bring('bob')).toMatchObject({ __typename: 'Order' })
  },
)

test.each(ENGINES)(
  'no more than five thousand orders of a client are kept on the word of documents, whether they are over or not (%s)',
  async (engine) => {
    await using at = await importing(engine)
    await using store = await openStore(at.url, systemClock)
    await store.transaction(async ({ orders }) => {
      for (const index of counting(1, 4_999))
        await orders.insert(
          orderRecord({
            clientId: clientIdOf('alice'),
            importedAt: 1,
            paymentUnconfirmed: true,
            lspId: `lsp-${index % 3}`,
          }),
          { ...TRACKING, final: index % 2 === 0 },
        )
    })
    expect(await at.bring('alice')).toMatchObject({ __typename: 'Order' })
    expect(await at.bring('alice')).toMatchObject({
      code: 'TOO_MANY',
      message: expect.stringContaining('no LSP has told anything'),
    })
    expect(await at.bring('bob')).toMatchObject({ __typename: 'Order' })
  },
  60_000,
)

import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { quoteOf, settings, startScriptedLsp } from '../quotes/support.ts'
import { Wire } from '../server/wire.ts'
import { startTestGateway, takeUntil, type TestGateway } from '../support/gateway.ts'
import { follow, ORDER_UPDATED, orderAt, pay } from '../support/operations.ts'

const input = async (name: string) =>
  JSON.parse(await readFile(new URL(`../fixtures/cases/${name}/input.json`, import.meta.url), 'utf8'))

describe('C21: an LSP lists an onion address before its clearnet address', () => {
  const quoteAtLspWith = async (uris: string[], configured: string[] = []) => {
    const info = { ...(await input('C21')), uris, max_channel_expiry_blocks: 52_560 }
    await using lsp = await startScriptedLsp(undefined, info)
    await using gateway = await startTestGateway({
      sandbox: { only: [] },
      config: { lsps: [settings('lsp', lsp.url, { nodeUris: configured })] },
    })
    const { notes } = await quoteOf(gateway, 'lsp')
    const { nodeUris } = (await gateway.ask('{ lsp(id: "lsp") { nodeUris } }')).lsp as { nodeUris: string[] }
    return { nodeUris, note: notes.find(({ code }) => code === 'PEER_CONNECTION_REQUIRED')?.message }
  }

  test('the note names the clearnet address, and nodeUris has it first', async () => {
    const { uris } = (await input('C21')) as { uris: string[] }
    const { nodeUris, note } = await quoteAtLspWith(uris)
    expect(nodeUris).toEqual([uris[1], uris[0]])
    expect(note).toBe(`Connect the node to ${uris[1]} before ordering.`)
  })

  test('a clearnet address of the configuration comes before onion addresses of the LSP', async () => {
    const { uris } = (await input('C21')) as { uris: string[] }
    const { nodeUris } = await quoteAtLspWith([String(uris[0])], [String(uris[1])])
    expect(nodeUris).toEqual([uris[1], uris[0]])
  })

  test('a clearnet address after twenty onion addresses is not cut off', async () => {
    const { uris } = (await input('C21')) as { uris: string[] }
    const key = String(uris[0]).split('@')[0]
    const onions = Array.from({ length: 20 }, (_, index) => `${key}@${'a'.repeat(55)}${index}.onion:9735`)
    const { nodeUris, note } = await quoteAtLspWith([...onions, String(uris[1])])
    expect(nodeUris[0]).toBe(uris[1])
    expect(note).toBe(`Connect the node to ${uris[1]} before ordering.`)
  })

  test('an LSP with onion addresses only: the note says that the node needs Tor', async () => {
    const { uris } = (await input('C21')) as { uris: string[] }
    const { note } = await quoteAtLspWith([String(uris[0])])
    expect(note).toBe(
      `Connect the node to ${uris[0]} before ordering. The LSP lists no clearnet address: the node needs Tor or I2P.`,
    )
  })
})

describe('C34: a wallet subscribes after an event that the order never had', () => {
  const MESSAGE =
    'afterSequence: the order has 1 event; event 500 does not exist. Read the order and its events again, then subscribe after its latest sequence, 1'
  const withOrder = async (run: (gateway: TestGateway, id: string) => Promise<void>) => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const { id } = await orderAt(gateway, 'olive')
    await run(gateway, id)
  }

  test('over WebSocket the answer is an error, before any event', () =>
    withOrder(async (gateway, id) => {
      const wire = await Wire.ready(gateway.origin)
      wire.subscribe('s', ORDER_UPDATED, { id, after: 500 })
      expect(await wire.hear()).toMatchObject({
        id: 's',
        type: 'error',
        payload: [{ message: MESSAGE, extensions: { code: 'BAD_USER_INPUT' } }],
      })
      await pay(gateway, id)
      expect(await wire.rest()).toEqual([])
      await wire.close()
    }))

  test('over Server-Sent Events the answer is the same error, and the stream ends', () =>
    withOrder(async (gateway, id) => {
      const answers = []
      for await (const answer of gateway.subscribeSse(ORDER_UPDATED, { id, after: 500 })) answers.push(answer)
      expect(answers).toMatchObject([{ errors: [{ message: MESSAGE, extensions: { code: 'BAD_USER_INPUT' } }] }])
    }))

  test('one beyond the latest event is an error too, and a negative number is', () =>
    withOrder(async (gateway, id) => {
      const wire = await Wire.ready(gateway.origin)
      for (const [index, after] of [2, -1, 2_147_483_647].entries()) {
        wire.subscribe(`s${index}`, ORDER_UPDATED, { id, after })
        expect(await wire.hear()).toMatchObject({
          type: 'error',
          payload: [{ message: expect.stringContaining('afterSequence'), extensions: { code: 'BAD_USER_INPUT' } }],
        })
      }
      await wire.close()
    }))

  test('the latest event itself is fine: the stream goes on with the next one', () =>
    withOrder(async (gateway, id) => {
      const results = gateway.subscribe(ORDER_UPDATED, { id, after: 1 })
      const first = takeUntil(results, () => true)
      await pay(gateway, id)
      expect((await first)[0]).toMatchObject({ orderUpdated: { sequence: 2 } })
      await results.return?.()
    }))

  test('after the last event of an order that is over, the stream completes at once', () =>
    withOrder(async (gateway, id) => {
      const follower = follow(gateway, id)
      await pay(gateway, id)
      const last = (await follower.end()).at(-1)
      const answers = []
      for await (const answer of gateway.subscribeSse(ORDER_UPDATED, { id, after: last?.sequence }))
        answers.push(answer)
      expect(answers).toEqual([])
    }))

  test('Order.events beyond the latest event is an empty list, beside the sequence that the order has', () =>
    withOrder(async (gateway, id) => {
      const { order } = await gateway.ask(
        'query ($id: ID!) { order(id: $id) { sequence events(afterSequence: 500) { nodes { sequence } } } }',
        { id },
      )
      expect(order).toEqual({ sequence: 1, events: { nodes: [] } })
    }))
})

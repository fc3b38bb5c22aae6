import { expect, test } from 'vitest'
import { compare, idsOf, orderPosts, quoteOf } from './support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const ALL = ['anchor', 'beacon', 'kestrel', 'olive', 'thunder']
/** The ones with no way to tell a price but an order. */
const NO_OTHER_PRICE = ['anchor', 'beacon', 'olive']

const ordersAt = (gateway: TestGateway) =>
  Object.fromEntries(gateway.sandbox.lsps.map((lsp) => [lsp.id, orderPosts(lsp).length]))

test('the same question a hundred times in a row places one order at each LSP that has no other price, and gives the same quotes', async () => {
  await using gateway = await startTestGateway()
  const ids = new Map<string, Set<string>>(NO_OTHER_PRICE.map((id) => [id, new Set()]))
  for (let times = 0; times < 100; times += 1) {
    const { quotes, failures } = await compare(gateway)
    expect(failures).toEqual([])
    expect(idsOf(quotes).toSorted()).toEqual(ALL)
    for (const quote of quotes) ids.get(quote.lsp.id)?.add(quote.id)
  }
  expect(ordersAt(gateway)).toEqual({ anchor: 1, beacon: 1, kestrel: 0, olive: 1, thunder: 0 })
  expect([...ids.values()].map((set) => set.size)).toEqual([1, 1, 1])
})

test('the same question a hundred times at once places one order at each LSP that has no other price, and gives the same quotes', async () => {
  await using gateway = await startTestGateway()
  const answers = await Promise.all(Array.from({ length: 100 }, () => compare(gateway)))
  expect(answers.flatMap(({ failures }) => failures)).toEqual([])
  expect(ordersAt(gateway)).toEqual({ anchor: 1, beacon: 1, kestrel: 0, olive: 1, thunder: 0 })
  for (const id of NO_OTHER_PRICE) {
    const quotes = answers.flatMap((answer) => answer.quotes.filter((quote) => quote.lsp.id === id))
    expect(quotes).toHaveLength(100)
    expect(new Set(quotes.map((quote) => quote.id)).size).toBe(1)
  }
})

test('a hundred askers at once get one estimate of the LSP that gives some', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
  await Promise.all(Array.from({ length: 100 }, () => quoteOf(gateway, 'kestrel')))
  expect(gateway.sandbox.lsp('kestrel').requests.filter(({ path }) => path === '/estimate_fees')).toHaveLength(1)
})

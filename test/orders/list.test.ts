import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/domain/time.ts'
import { openStore } from '../../src/store/store.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { counting, createOrder, EVENTS, follow, pay, quoteAt, sequencesOf } from '../support/operations.ts'

const ORDERS = `query ($first: Int, $after: String, $last: Int, $before: String, $states: [OrderState!]) {
  orders(first: $first, after: $after, last: $last, before: $before, filter: { states: $states }) {
    edges { cursor node { id } } nodes { id state } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`

let gateway: TestGateway
/** Newest first. */
let ids: string[]

beforeAll(async () => {
  gateway = await startTestGateway({ sandbox: { only: ['kestrel'] } })
  const { id: quoteId } = await quoteAt(gateway, 'kestrel')
  ids = []
  for (let count = 0; count < 25; count++) ids.unshift((await createOrder(gateway, { quoteId })).id)
  // The second and the fourth newest are paid.
  for (const id of [ids[1] ?? '', ids[3] ?? '']) {
    await pay(gateway, id)
    await follow(gateway, id).end()
  }
})

afterAll(() => gateway[Symbol.asyncDispose]())

async function page(variables: Record<string, unknown>) {
  const { orders } = await gateway.ask(ORDERS, variables)
  const nodeIds = orders.nodes.map(({ id }: { id: string }) => id)
  expect(orders.edges.map(({ node }: { node: { id: string } }) => node.id)).toEqual(nodeIds)
  expect(orders.pageInfo).toMatchObject({
    startCursor: orders.edges[0]?.cursor ?? '',
    endCursor: orders.edges.at(-1)?.cursor ?? '',
  })
  return {
    ids: nodeIds as string[],
    cursors: orders.edges.map(({ cursor }: { cursor: string }) => cursor) as string[],
    pageInfo: orders.pageInfo as {
      hasNextPage: boolean
      hasPreviousPage: boolean
      endCursor: string
      startCursor: string
    },
  }
}

test('orders come newest first, twenty unless more are asked for', async () => {
  const some = await page({})
  expect(some.ids).toEqual(ids.slice(0, 20))
  expect(some.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false })
  const all = await page({ first: 100 })
  expect(all.ids).toEqual(ids)
  expect(all.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false })
})

test('paging forward with first and after meets every order once', async () => {
  const met: string[] = []
  let after: string | null = null
  for (;;) {
    const { ids: found, pageInfo }: Awaited<ReturnType<typeof page>> = await page({ first: 10, after })
    met.push(...found)
    if (!pageInfo.hasNextPage) break
    after = pageInfo.endCursor
  }
  expect(met).toEqual(ids)
})

test('paging backward with last and before meets every order once, each page newest first', async () => {
  const pages: string[][] = []
  let before: string | null = null
  for (;;) {
    const { ids: found, pageInfo }: Awaited<ReturnType<typeof page>> = await page({ last: 10, before })
    pages.unshift(found)
    if (!pageInfo.hasPreviousPage) break
    before = pageInfo.startCursor
  }
  expect(pages.map(({ length }) => length)).toEqual([5, 10, 10])
  expect(pages.flat()).toEqual(ids)
})

test('a page between two cursors holds what is between them', async () => {
  const { cursors } = await page({ first: 25 })
  expect((await page({ first: 10, after: cursors[4], before: cursors[8] })).ids).toEqual(ids.slice(5, 8))
  expect((await page({ last: 2, after: cursors[4], before: cursors[8] })).ids).toEqual(ids.slice(6, 8))
})

test('orders are filtered by their states, and paged within the filter', async () => {
  expect((await page({ states: ['COMPLETED'] })).ids).toEqual([ids[1], ids[3]])
  const first = await page({ states: ['COMPLETED'], first: 1 })
  expect(first).toMatchObject({ ids: [ids[1]], pageInfo: { hasNextPage: true } })
  expect(await page({ states: ['COMPLETED'], first: 1, after: first.pageInfo.endCursor })).toMatchObject({
    ids: [ids[3]],
    pageInfo: { hasNextPage: false },
  })
  expect((await page({ states: ['AWAITING_PAYMENT', 'COMPLETED'], first: 100 })).ids).toEqual(ids)
  expect((await page({ states: ['REFUNDED'] })).ids).toEqual([])
  expect((await page({ states: [] })).ids).toEqual([])
})

test('no more than a hundred orders come at once', async () => {
  expect((await page({ first: 1_000 })).ids).toEqual(ids)
  const { errors } = await gateway.send(ORDERS, { first: -1 })
  expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining('"first"') })])
})

describe.each(['after', 'before'])('%s', (argument) => {
  test.each(['no-cursor', '0', 'T3JkZXI6MQ==', "'; --", '0'.repeat(36)])(
    'that is no cursor is refused, and gets no page: %s',
    async (cursor) => {
      const { data, errors } = await gateway.send(ORDERS, { [argument]: cursor })
      expect(data).toBeNull()
      expect(errors).toEqual([
        expect.objectContaining({
          message: expect.stringMatching(new RegExp(`^${argument}: `)),
          path: ['orders'],
          extensions: expect.objectContaining({ code: 'BAD_USER_INPUT', field: expect.any(String) }),
        }),
      ])
    },
  )

  test('in capitals is refused, too: its place in the list would be another', async () => {
    const { errors } = await gateway.send(ORDERS, { [argument]: ids[0]?.toUpperCase() })
    expect(errors).toEqual([
      expect.objectContaining({
        extensions: expect.objectContaining({ code: 'BAD_USER_INPUT', field: expect.any(String) }),
      }),
    ])
  })

  test('of an empty page is no cursor, and gets the first page', async () => {
    const { pageInfo } = await page({ states: ['REFUNDED'] })
    expect((await page({ [argument]: argument === 'after' ? pageInfo.endCursor : pageInfo.startCursor })).ids).toEqual(
      ids.slice(0, 20),
    )
  })
})

test('the events of an order come a hundred at a time, or as many as are asked for, and all of them by asking after the last one', async () => {
  const id = ids[5] ?? ''
  await using store = await openStore(gateway.databaseUrl, systemClock)
  await store.transaction(async ({ orders }) => {
    const [first] = await orders.events(id, 0, 1)
    if (!first) throw new Error('an order without events')
    for (const sequence of counting(first.sequence + 1, 1_500)) await orders.append({ ...first, sequence })
  })
  const PAGE =
    'query ($id: ID!, $after: Int!, $first: Int! = 100) { order(id: $id) { events(afterSequence: $after, first: $first) { nodes { sequence } } } }'
  const sequences = async (after: number, first?: number) =>
    sequencesOf((await gateway.ask(PAGE, { id, after, first })).order.events.nodes)
  expect(await sequences(0)).toEqual(counting(1, 100))
  expect(await sequences(100, 1_000)).toEqual(counting(101, 1_000))
  expect(await sequences(1_100, 1_000)).toEqual(counting(1_101, 401))
})

test('what an operation would answer with is counted before it runs, events within events too', async () => {
  const inEachOther = await gateway.send(
    'query ($id: ID!) { order(id: $id) { events { nodes { order { events { nodes { sequence } } } } } } }',
    { id: ids[5] },
  )
  expect(inEachOther.errors?.[0]).toMatchObject({ extensions: { code: 'OPERATION_TOO_LARGE' } })
  const all = await gateway.send(
    'query ($id: ID!, $first: Int!) { order(id: $id) { events(first: $first) { nodes { sequence order { id state } } } } }',
    { id: ids[5], first: 1_001 },
  )
  expect(all.errors?.[0]).toMatchObject({
    message: expect.stringContaining('at most 1000'),
    extensions: expect.objectContaining({ code: 'BAD_USER_INPUT', field: expect.any(String) }),
  })
})

test('there are no events after a sequence below zero: it is refused', async () => {
  const { errors } = await gateway.send(EVENTS, { id: ids[0], after: -1 })
  expect(errors).toEqual([
    expect.objectContaining({
      message: expect.stringContaining('afterSequence'),
      extensions: expect.objectContaining({ code: 'BAD_USER_INPUT', field: expect.any(String) }),
    }),
  ])
})
